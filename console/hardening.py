"""What every answer carries and every request keeps to: headers, hosts, size of the body.

Plain ASGI: nothing is held back on its way, neither a long body coming in nor events going out.
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qs

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.access import MIB, Access
from console.painter import COOKIE
from drawing import LANGUAGES

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000; includeSubDomains"
KEPT = "Max-Age=31536000; Path=/; HttpOnly; SameSite=lax"
FORM = "application/x-www-form-urlencoded"
FORM_LIMIT = MIB


class Hardening:
    """The outermost layer of the console."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope.setdefault("state", {})

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(scope, message)
            await send(message)

        if not self._is_ours(headers.get("host", "")):
            await _refuse(dressed, 400, "Host: not a name of this console (ONENET_TRUSTED_HOSTS)")
            return
        most = self._most(headers)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            await _refuse(dressed, 413, f"the body is larger than {most} bytes")
            return
        await self._app(scope, _counted(receive, most), dressed)

    def _is_ours(self, host: str) -> bool:
        if "*" in self._access.hosts:
            return True
        end = host.find("]") + 1 if host.startswith("[") else host.find(":")
        return (host[:end] if end > 0 else host).lower() in self._access.hosts

    def _most(self, headers: Headers) -> int:
        form = headers.get("content-type", "").startswith(FORM)
        return min(FORM_LIMIT, self._access.body_limit) if form else self._access.body_limit

    def _dress(self, scope: Scope, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)  # a document of its own may be held to less, or to more
        if self._access.tls:
            headers["Strict-Transport-Security"] = HSTS
        if wanted := _language(scope):
            secure = "; Secure" if self._access.tls else ""
            headers.append("Set-Cookie", f"{COOKIE}={wanted}; {KEPT}{secure}")
        if "cache-control" not in headers and _is_private(scope):
            headers["Cache-Control"] = "no-store"


def _language(scope: Scope) -> str | None:
    """The language that `?lang=` asks for, to be remembered."""
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[-1]
    return asked if asked in LANGUAGES else None


def _is_private(scope: MutableMapping[str, Any]) -> bool:
    """Whether an answer was made for somebody, or on the way of becoming somebody."""
    visitor = scope["state"].get("visitor")
    return scope["path"].startswith(("/login", "/logout")) or (
        visitor is not None and (visitor.known or visitor.visit is not None)
    )


def _counted(receive: Receive, most: int) -> Receive:
    """For a body that does not tell its length beforehand."""
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            raise HTTPException(413, f"the body is larger than {most} bytes")
        return message

    return counted


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"error": why}).encode()
    kept = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": body})
