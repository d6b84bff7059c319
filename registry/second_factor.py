"""The second factor: enrolling an authenticator app, its codes, and recovery codes.

The app's secret must be readable to check a code, so it is kept encrypted with the installation's
key; of recovery codes only hashes are kept. A code opens once.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import update
from sqlalchemy.orm import Session

from registry import totp
from registry.audit import note
from registry.models import PersonRow
from registry.people import forget_second_factor
from registry.registry import Registry
from schemas.people import Unacceptable

RECOVERY_CODES = 10
_RECOVERY = re.compile(r"[a-z0-9]{5}-?[a-z0-9]{5}")


class Vault:
    """Encrypts with the installation's key (ONENET_SECRET_KEY). Without a key it is shut."""

    def __init__(self, key: str) -> None:
        self._fernet = None
        if key:
            digest = hashlib.sha256(b"onenet second factor\0" + key.encode()).digest()
            self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    @property
    def usable(self) -> bool:
        return self._fernet is not None

    def close(self, text: str) -> str:
        """Encrypt. Raises Unacceptable without a key."""
        if self._fernet is None:
            raise Unacceptable(
                "no_secret_key",
                field="ONENET_SECRET_KEY",
                value="",
                rule="a second factor is kept encrypted with this key, and it is empty",
                remedy="`onenet init` makes one",
            )
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, closed: str) -> str | None:
        """Decrypt; None with another key, or without one."""
        if self._fernet is None:
            return None
        try:
            return self._fernet.decrypt(closed.encode()).decode()
        except InvalidToken:
            return None


def begin(registry: Registry, person_id: str, *, vault: Vault) -> str:
    """A new secret, kept but not asked for until it is confirmed. Raises Unacceptable."""
    secret = totp.new_secret()
    closed = vault.close(secret)
    with registry.session.begin() as session:
        row = session.get_one(PersonRow, person_id)
        if row.totp_since is not None:
            raise Unacceptable(
                "second_there",
                field="second factor",
                value="",
                rule="there is one already",
                remedy="take it off first",
            )
        row.totp_secret = closed
    return secret


def pending(registry: Registry, person_id: str, *, vault: Vault) -> str | None:
    """The secret that waits for its first code."""
    with registry.session() as session:
        row = session.get_one(PersonRow, person_id)
        if row.totp_since is not None or row.totp_secret is None:
            return None
        return vault.open(row.totp_secret)


def confirm(
    registry: Registry, person_id: str, given: str, *, vault: Vault, at: datetime
) -> list[str]:
    """From now on it is asked for. Returns the recovery codes, which are kept nowhere."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    with registry.session.begin() as session:
        row = session.get_one(PersonRow, person_id)
        secret = vault.open(row.totp_secret) if row.totp_secret else None
        step = (
            None if secret is None else totp.matching_step(secret, _digits(given), at=at, after=0)
        )
        if step is None or row.totp_since is not None:
            raise Unacceptable(
                "code_wrong",
                field="code",
                value="",
                rule="the six digits that the app shows now",
                remedy="see that the phone's clock is right",
            )
        row.totp_since, row.totp_step = at, step
        row.recovery = [_hashed(code) for code in codes]
        note(
            session,
            at=at,
            who=person_id,
            action="account.second_factor",
            subject=f"person:{person_id}",
            before={"on": False},
            after={"on": True},
        )
    return codes


def remove(registry: Registry, person_id: str, *, at: datetime) -> None:
    with registry.session.begin() as session:
        row = session.get_one(PersonRow, person_id)
        on = row.totp_since is not None
        forget_second_factor(row)
        if on:
            note(
                session,
                at=at,
                who=person_id,
                action="account.second_factor",
                subject=f"person:{person_id}",
                before={"on": True},
                after={"on": False},
            )


def take_code(session: Session, person_id: str, given: str, *, vault: Vault, at: datetime) -> bool:
    """Whether a code opens; it does not a second time. The caller commits."""
    row = session.get(PersonRow, person_id)
    if row is None or row.totp_since is None or row.totp_secret is None:
        return False
    text = given.strip().lower()
    if _RECOVERY.fullmatch(text):
        hashed = _hashed(text)
        if hashed not in row.recovery:
            return False
        row.recovery = [kept for kept in row.recovery if kept != hashed]
        return True
    secret = vault.open(row.totp_secret)
    if secret is None:
        return False
    step = totp.matching_step(secret, _digits(text), at=at, after=row.totp_step)
    if step is None:
        return False
    # Of two who come with the same code at the same moment the statement lets one in.
    taken = session.execute(
        update(PersonRow)
        .where(PersonRow.id == person_id, PersonRow.totp_step < step)
        .values(totp_step=step)
    )
    return bool(getattr(taken, "rowcount", 0))


def _digits(text: str) -> str:
    return re.sub(r"\s", "", text)[:16]


def _recovery_code() -> str:
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    text = "".join(secrets.choice(alphabet) for _ in range(10))
    return f"{text[:5]}-{text[5:]}"


def _hashed(code: str) -> str:
    # 50 random bits behind the lock-out: a plain hash will do.
    return hashlib.sha256(code.replace("-", "").encode()).hexdigest()
