"""Signatures of what is posted: who sent it, that it was not altered, and that it is no old copy.

Signed is `timestamp.key.body` by HMAC-SHA256, hexadecimal. A receiver refuses a signature that does
not fit and a timestamp more than five minutes off, and does a key once: so an old copy is refused
by its time, and a fresh one by its key. docs/alerts-delivery.md has a verifier to copy.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

KEY = "Idempotency-Key"
TIMESTAMP = "OneNet-Timestamp"
SIGNATURE = "OneNet-Signature"
SCHEME = "v1="


def signature(secret: str, timestamp: int, key: str, body: bytes) -> str:
    """HMAC-SHA256 of a body sent at a moment (seconds since 1970) under a key."""
    signed = f"{timestamp}.{key}.".encode() + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def headers(secrets: Sequence[str], timestamp: int, key: str, body: bytes) -> dict[str, str]:
    """The headers of a post. While a secret is exchanged there are two, and a signature by each."""
    made = {KEY: key, TIMESTAMP: str(timestamp)}
    if secrets:
        made[SIGNATURE] = " ".join(SCHEME + signature(s, timestamp, key, body) for s in secrets)
    return made


def secrets_of(setting: str) -> tuple[str, ...]:
    """The secrets of a setting: one, or the new and the old one parted by a comma."""
    return tuple(filter(None, (part.strip() for part in setting.split(","))))
