"""Passwords: what is accepted, how they are kept (argon2id) and checked. No database here."""

from __future__ import annotations

import secrets
import threading
from functools import cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from schemas.people import Unacceptable

SHORTEST = 12
LONGEST = 128  # a longer one only costs time
# Letters and digits that are not taken for each other when read off a screen.
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GENERATED_LENGTH = 20  # 115 bits

_hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106 for little memory
_AT_ONCE = threading.BoundedSemaphore(2)  # 64 MiB each: many log-ins at once must not fill memory


def generate() -> str:
    """A password that nobody guesses, without characters that look alike."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(GENERATED_LENGTH))


def check_rules(password: str, *, names: tuple[str, ...]) -> None:
    """Raise Unacceptable for a password that is easily guessed. names: of its owner."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Unacceptable(
            "password_length",
            field="password",
            value="",
            rule=f"{SHORTEST} to {LONGEST} characters, and it has {len(password)}",
            remedy="several words in a row make a good one",
        )
    bare = password.casefold().strip("0123456789!@#$%^&*._-?~ ")
    if len(set(password)) < 5 or bare in common() or password.casefold() in common():
        raise Unacceptable(
            "password_common",
            field="password",
            value="",
            rule="not one that many people use",
            remedy="several words in a row make a good one",
        )
    if any(name and (bare == name.casefold() or bare == name.casefold() * 2) for name in names):
        raise Unacceptable(
            "password_name",
            field="password",
            value="",
            rule="not the name of its owner",
            remedy="several words in a row make a good one",
        )


@cache
def common() -> frozenset[str]:
    """What many people use, in lower case; digits and signs around it do not count."""
    text = resources.files("registry").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line and line[0] != "#")


def hash_password(password: str) -> str:
    with _AT_ONCE:
        return _hasher.hash(password)


def fits(password: str, hashed: str | None) -> bool:
    """Whether a password is the one. Takes as long when there is none to compare with."""
    with _AT_ONCE:
        try:
            return _hasher.verify(hashed or _nobodys(), password[: LONGEST + 1]) and bool(hashed)
        except (VerificationError, InvalidHashError):
            return False


def outdated(hashed: str) -> bool:
    """Whether it was hashed with weaker parameters than those of today."""
    return _hasher.check_needs_rehash(hashed)


@cache
def _nobodys() -> str:
    return _hasher.hash(secrets.token_urlsafe())
