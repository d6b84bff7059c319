"""Credentials of sensors: made, shown once, rotated, revoked, suspended; the broker kept in step.

The registry decides who may enter; the broker carries it out. A new credential is first noted as
`pending`, then the broker learns it, then it is `active`: a failure on the way takes back both, and
a kill at any moment leaves a pending one that `registry.follow` clears away. Only then is the
password handed out, so what does not work was never shown.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.accounts import Accounts, BrokerUnavailable, NewAccount
from registry.life import changed, living, noted, told
from registry.models import CredentialRow, SensorRow
from registry.mosquitto import KeptAccount
from registry.registry import Registry
from schemas.ids import Medium, SensorId

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is misread from a label
LENGTH = 28  # 138 bits
# Mosquitto's own hash and its own count. More rounds would guard passwords that can be guessed;
# ours cannot, and the broker computes the hash at every connect in its one thread.
ROUNDS = 101
SALT_BYTES = 12
OVERLAP = timedelta(hours=24)

LET_IN = ("active", "retiring")


@dataclass(frozen=True, slots=True)
class Issued:
    """The only moment at which a password is known."""

    sensor: SensorId
    medium: Medium
    username: str
    password: str

    @property
    def topic(self) -> str:
        return f"onenet/v1/{self.medium}/{self.sensor}/data/json"


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whose account it is that was let in; until: when it ends, if it is being replaced."""

    sensor: SensorId
    medium: Medium
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Credential:
    sensor: SensorId
    username: str
    state: str
    created: datetime
    created_by: str
    until: datetime | None
    ended: datetime | None
    why: str


def hash_password(password: str, salt: bytes) -> str:
    """A password as Mosquitto keeps it (kind 7: PBKDF2 with SHA-512)."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    kept = (base64.b64encode(part).decode("ascii") for part in (salt, digest))
    return "$".join(("", "7", str(ROUNDS), *kept))


def fits(password: str, hashed: str) -> bool:
    salt = base64.b64decode(hashed.split("$")[3])
    return hmac.compare_digest(hash_password(password, salt), hashed)


def issue(
    registry: Registry,
    accounts: Accounts,
    sensors: Sequence[str],
    *,
    by: str,
    at: datetime,
    overlap: timedelta = OVERLAP,
    why: str = "",
) -> list[Issued]:
    """New credentials for sensors; what they had goes on for `overlap`, then ends.

    All or none. Raises UnknownSensor, Refused for a retired one, BrokerUnavailable: then neither
    the broker nor the registry has anything new.
    """
    if not sensors:
        return []
    made = _pending(registry, sensors, by, at)
    names = [issued.username for issued in made]
    try:
        accounts.admit(
            NewAccount(issued.username, issued.password, issued.sensor, issued.medium)
            for issued in made
        )
        _activate(registry, made, by, at, overlap, why)
    except BaseException:
        _take_back(registry, accounts, names, at)
        raise
    return made


def revoke(
    registry: Registry, accounts: Accounts, sensor: str, *, by: str, at: datetime, why: str
) -> bool:
    """End every credential of a sensor and cut its connection.

    The registry says so at once. False when the broker could not be asked: `registry.follow`
    cuts it as soon as it can be.
    """
    with registry.session.begin() as session:
        rows = _of(session, sensor, (*LET_IN, "pending", "suspended"))
        for row in rows:
            row.state, row.ended, row.why = "revoked", at, why
        names = [row.username for row in rows]
        if names:
            told(session, sensor, at, by, "credential_revoked", {"usernames": names, "why": why})
            after = {"credentials": "revoked", "usernames": names}
            noted(session, at, by, "credential.revoke", sensor, None, after, why)
            changed(session)
    return _tried(lambda: accounts.remove(names))


def suspend(
    registry: Registry, accounts: Accounts, sensor: str, *, by: str, at: datetime, why: str
) -> bool:
    """Quarantine: the sensor is cut off until `resume`. As with `revoke`, False = later."""
    names = set_aside(registry, sensor, by=by, at=at, why=why)
    return _tried(lambda: accounts.suspend(names))


def set_aside(registry: Registry, sensor: str, *, by: str, at: datetime, why: str) -> list[str]:
    """The registry's half of `suspend`, for who has no right at the broker; the accounts."""
    with registry.session.begin() as session:
        rows = _of(session, sensor, LET_IN)
        for row in rows:
            row.state, row.why = "suspended", why
        return _switched(session, sensor, rows, "suspended", by, at, why)


def resume(
    registry: Registry, accounts: Accounts, sensor: str, *, by: str, at: datetime, why: str = ""
) -> bool:
    """End a quarantine; an account that was being replaced still ends in its time."""
    with registry.session.begin() as session:
        rows = _of(session, sensor, ("suspended",))
        for row in rows:
            row.state, row.why = "retiring" if row.until else "active", ""
        names = _switched(session, sensor, rows, "active", by, at, why)
    return _tried(lambda: accounts.resume(names))


def credentials(registry: Registry, sensor: str) -> list[Credential]:
    """All that a sensor ever had, the newest first; no hashes."""
    query = (
        select(CredentialRow)
        .where(CredentialRow.sensor == sensor)
        .order_by(CredentialRow.id.desc())
    )
    with registry.session() as session:
        return [_credential(row) for row in session.scalars(query)]


def without_credentials(registry: Registry) -> list[SensorId]:
    """Sensors in use that nobody gave any, in order."""
    given = select(CredentialRow.sensor).where(
        CredentialRow.state.in_((*LET_IN, "pending", "suspended"))
    )
    query = (
        select(SensorRow.id)
        .where(SensorRow.state != "retired", SensorRow.id.not_in(given))
        .order_by(SensorRow.id)
    )
    with registry.session() as session:
        return [SensorId(name) for name in session.scalars(query)]


def kept_accounts(registry: Registry) -> list[KeptAccount]:
    """What the broker's file should hold."""
    wanted = CredentialRow.state.in_((*LET_IN, "suspended"))
    query = (
        select(CredentialRow, SensorRow.medium)
        .join(SensorRow, SensorRow.id == CredentialRow.sensor)
        .where(wanted)
        .order_by(CredentialRow.id)
    )
    with registry.session() as session:
        return [
            KeptAccount(
                row.username,
                row.hash,
                SensorId(row.sensor),
                Medium(medium),
                row.state == "suspended",
            )
            for row, medium in session.execute(query)
        ]


def admitted(registry: Registry, username: str, password: str, now: datetime) -> Admitted | None:
    """Whose account it is, for a broker that asks the registry at each connection."""
    query = (
        select(CredentialRow, SensorRow.medium)
        .join(SensorRow, SensorRow.id == CredentialRow.sensor)
        .where(CredentialRow.username == username, SensorRow.state != "retired")
    )
    with registry.session() as session:
        found = session.execute(query).first()
    if found is None:
        return None
    row, medium = found
    if not _lets_in(row, now) or not fits(password, row.hash):
        return None
    return Admitted(SensorId(row.sensor), Medium(medium), row.until)


def denied(registry: Registry, username: str, now: datetime) -> tuple[SensorId, str] | None:
    """Whose account it is that was not admitted, and why: its `password`, or the `account`."""
    with registry.session() as session:
        query = select(CredentialRow).where(CredentialRow.username == username)
        row = session.scalars(query).first()
    if row is None:
        return None
    return SensorId(row.sensor), "password" if _lets_in(row, now) else "account"


def let_in(registry: Registry, now: datetime) -> set[str]:
    """Every account that may be connected now."""
    query = (
        select(CredentialRow)
        .join(SensorRow, SensorRow.id == CredentialRow.sensor)
        .where(CredentialRow.state.in_(LET_IN), SensorRow.state != "retired")
    )
    with registry.session() as session:
        return {row.username for row in session.scalars(query) if _lets_in(row, now)}


def _pending(registry: Registry, sensors: Sequence[str], by: str, at: datetime) -> list[Issued]:
    made = []
    with registry.session.begin() as session:
        for sensor in sensors:
            row = living(session, sensor)
            password = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
            username = _free_name(session, sensor)
            session.add(
                CredentialRow(
                    sensor=sensor,
                    username=username,
                    hash=hash_password(password, secrets.token_bytes(SALT_BYTES)),
                    state="pending",
                    created=at,
                    created_by=by,
                )
            )
            made.append(Issued(SensorId(sensor), Medium(row.medium), username, password))
    return made


def _free_name(session: Session, sensor: str) -> str:
    """The sensor's id, and later ones with a number: two must be valid while one replaces another.

    An id holds no dot, so no sensor can have a name that is another's.
    """
    had = session.scalar(
        select(func.count()).select_from(CredentialRow).where(CredentialRow.sensor == sensor)
    )
    return sensor if not had else f"{sensor}.{had + 1}"


def _activate(
    registry: Registry,
    made: Sequence[Issued],
    by: str,
    at: datetime,
    overlap: timedelta,
    why: str,
) -> None:
    with registry.session.begin() as session:
        for issued in made:
            rows = _of(session, issued.sensor, (*LET_IN, "pending", "suspended"))
            own = [row for row in rows if row.username == issued.username]
            if not own or own[0].state != "pending":
                raise BrokerUnavailable(f"{issued.username} was given up or revoked meanwhile")
            for row in rows:
                if row.state != "pending":
                    until = at + overlap
                    row.state, row.until = "retiring", min(until, row.until or until)
            own[0].state = "active"
            about = {"username": issued.username}
            told(session, issued.sensor, at, by, "credential_issued", about)
        changed(session)
        if len(made) == 1:
            after = {"username": made[0].username}
            noted(session, at, by, "credential.rotate", made[0].sensor, None, after, why)
        else:
            names = {"usernames": [issued.username for issued in made]}
            noted(session, at, by, "credential.rotate", "*", None, names, why)


def _take_back(registry: Registry, accounts: Accounts, names: Sequence[str], at: datetime) -> None:
    """Neither half stays. What cannot be taken back now, `registry.follow` does."""
    with registry.session.begin() as session:
        for row in session.scalars(select(CredentialRow).where(CredentialRow.username.in_(names))):
            row.state, row.ended, row.why = "failed", at, "the broker did not take it"
        changed(session)
    _tried(lambda: accounts.remove(names))


def _switched(
    session: Session,
    sensor: str,
    rows: Sequence[CredentialRow],
    to: str,
    by: str,
    at: datetime,
    why: str,
) -> list[str]:
    names = [row.username for row in rows]
    if names:
        told(session, sensor, at, by, f"credential_{to}", {"usernames": names, "why": why})
        noted(session, at, by, "credential.revoke", sensor, None, {"credentials": to}, why)
        changed(session)
    return names


def _tried(step: Callable[[], None]) -> bool:
    try:
        step()
    except BrokerUnavailable:
        return False
    return True


def _of(session: Session, sensor: str, states: Sequence[str]) -> list[CredentialRow]:
    query = select(CredentialRow).where(
        CredentialRow.sensor == sensor, CredentialRow.state.in_(states)
    )
    return list(session.scalars(query))


def _lets_in(row: CredentialRow, now: datetime) -> bool:
    if row.state == "retiring":
        return row.until is not None and now < row.until
    return row.state == "active"


def _credential(row: CredentialRow) -> Credential:
    return Credential(
        SensorId(row.sensor),
        row.username,
        row.state,
        row.created,
        row.created_by,
        row.until,
        row.ended,
        row.why,
    )
