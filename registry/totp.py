"""One-time codes by time, RFC 6238 with HMAC-SHA-1, six digits, thirty seconds. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
DRIFT_STEPS = 1  # a phone's clock may be so many steps off, either way
SECRET_BYTES = 20  # as long as the hash: RFC 4226, section 4


def new_secret() -> str:
    """A secret in base 32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def code(key: bytes, step: int, *, digits: int = DIGITS, algorithm: str = "sha1") -> str:
    """The code of one step (RFC 4226, section 5.3)."""
    digest = hmac.new(key, step.to_bytes(8, "big"), getattr(hashlib, algorithm)).digest()
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_at(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_S


def matching_step(secret: str, given: str, *, at: datetime, after: int) -> int | None:
    """The step whose code was given, later than `after`, for a code opens once; None: no such."""
    key = base64.b32decode(secret)
    now = step_at(at)
    found = None
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if hmac.compare_digest(code(key, step).encode(), given.encode()) and step > after:
            found = step
    return found


def address(secret: str, *, account: str, issuer: str) -> str:
    """What the QR code says to the authenticator app."""
    label = quote(f"{issuer}:{account}")
    settings = {"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_S}
    return f"otpauth://totp/{label}?{urlencode(settings, quote_via=quote)}"
