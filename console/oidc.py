"""Single sign-on by OpenID Connect: authorization code with PKCE, and the identity token checked.

Speaks to the identity provider and knows nothing of our accounts. The identity token is checked by
joserfc: signed by the provider's keys, for our client, for this attempt (nonce), not expired.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from console.access import Oidc

ALGORITHMS = ["RS256", "PS256", "ES256", "RS512", "ES384"]
KNOWN_FOR_S = 3600.0
PATIENCE_S = 10.0
LEEWAY_S = 60


class SignOnFailed(Exception):
    """The identity provider did not vouch for anybody. Tells why, for the log and the page."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to the provider and back; kept in the session meanwhile."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    issuer: str
    subject: str
    login: str
    name: str
    groups: tuple[str, ...]


class Provider:
    """The identity provider of the settings; what it tells of itself is kept for an hour."""

    def __init__(self, settings: Oidc, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._told: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._asked = 0.0

    def begin(self) -> Attempt:
        """Where to send the browser. Raises SignOnFailed when the provider does not answer."""
        self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        start = self._told["authorization_endpoint"]
        url = f"{start}{'&' if '?' in start else '?'}{urlencode(asked)}"
        return Attempt(url, state, nonce, verifier)

    def finish(self, code: str, *, nonce: str, verifier: str, at: datetime) -> Identity:
        """Who the provider says it is. Raises SignOnFailed."""
        self._discover()
        answer = self._ask(
            "POST",
            self._told["token_endpoint"],
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
                "client_id": self._settings.client_id,
                "code_verifier": verifier,
            },
            auth=(self._settings.client_id, self._settings.client_secret),
        )
        return self._identity(self._claims(str(answer.get("id_token", "")), nonce, at))

    def _claims(self, token: str, nonce: str, at: datetime) -> dict[str, Any]:
        rules = jwt.JWTClaimsRegistry(
            now=int(at.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._told["issuer"]},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        assert self._keys is not None  # noqa: S101 - _discover has put them there
        try:
            claims = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignOnFailed(f"the identity token is not valid: {error}") from None
        return dict(claims)

    def _identity(self, claims: dict[str, Any]) -> Identity:
        groups = claims.get(self._settings.claim, ())
        subject = str(claims["sub"])
        login = str(claims.get("preferred_username") or subject)
        return Identity(
            issuer=self._told["issuer"],
            subject=subject,
            login=login.partition("@")[0].lower(),
            name=str(claims.get("name") or login),
            groups=(groups,) if isinstance(groups, str) else tuple(map(str, groups)),
        )

    def _discover(self) -> None:
        if self._keys is not None and time.monotonic() - self._asked < KNOWN_FOR_S:
            return
        base = self._settings.issuer.rstrip("/")
        told = self._ask("GET", f"{base}/.well-known/openid-configuration")
        if str(told.get("issuer", "")).rstrip("/") != base:
            raise SignOnFailed(f"{base} calls itself {told.get('issuer')!r}")
        try:
            self._keys = KeySet.import_key_set(self._ask("GET", told["jwks_uri"]))  # type: ignore[arg-type]
        except (KeyError, JoseError, ValueError) as error:
            raise SignOnFailed(f"the keys of {base} cannot be read: {error}") from None
        self._told, self._asked = told, time.monotonic()

    def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            answer = httpx.request(method, url, timeout=PATIENCE_S, **more)
            answer.raise_for_status()
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise SignOnFailed(f"{url} does not answer as it should: {error}") from None
        if not isinstance(told, dict):
            raise SignOnFailed(f"{url} answers with something else than an object")
        return told
