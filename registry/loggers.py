"""Data loggers of HJ 212: the MN and the password by which one shows whose data it brings.

Kept beside the sensor, for not every sensor is one. The password is six characters that go over
the wire in clear, so it is no secret from whoever listens; it is kept as a slow hash all the same,
that a copy of the database opens nothing. ADR 0014.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from sqlalchemy import select

from registry import passwords
from registry.credentials import ALPHABET
from registry.life import changed, living, noted, told
from registry.models import LoggerRow, SensorRow
from registry.problems import Problem, Refused
from registry.quarantine import quarantined
from registry.registry import Registry
from schemas.hj212 import Upload
from schemas.ids import Format, Medium, SensorId, Topic
from schemas.registry import DeadLetter

PASSWORD_LENGTH = 6  # of the standard, in every edition
LONGEST_PASSWORD = 16
# Where a refused frame stands that is no sensor's: behind it the MN that the frame says, if any.
FRAME_TOPIC = "hj212/"
_MN = re.compile(r"[0-9A-Za-z_-]{1,64}")
_PASSWORD = re.compile(rf"[0-9A-Za-z]{{{PASSWORD_LENGTH},{LONGEST_PASSWORD}}}")


# argon2id, the least that OWASP names: after a restart every logger comes back at once, and a
# stronger hash would not make a password stronger that anybody on the line can read.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def fits(password: str, hashed: str | None) -> bool:
    """Whether a password is the one. Takes as long when there is none to compare with."""
    return passwords.fits(password, hashed or _nobodys()) and hashed is not None


@cache
def _nobodys() -> str:
    return hash_password(secrets.token_urlsafe())


@dataclass(frozen=True, slots=True)
class Logger:
    """A sensor as a data logger, as everybody may see it. upload: the one that becomes readings."""

    sensor: SensorId
    mn: str
    upload: Upload
    since: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the gateway needs to let a logger in and to pass on what it says."""

    sensor: SensorId
    medium: Medium
    mn: str
    hash: str


def set_logger(
    registry: Registry,
    sensor: str,
    *,
    mn: str,
    password: str = "",
    upload: str = Upload.LIVE,
    by: str,
    at: datetime,
    why: str = "",
) -> str:
    """Register a sensor as a data logger, or change how. Returns its password, this once.

    password "": one is made for a new logger; one that is there keeps what it has, and "" is
    returned. Raises UnknownSensor, and Refused with every problem.
    """
    wrong = _problems(mn, password, upload)
    hashed = hash_password(password) if password and not wrong else ""
    with registry.session.begin() as session:
        living(session, sensor)
        owner = session.scalar(select(LoggerRow.sensor).where(LoggerRow.mn == mn))
        if owner is not None and owner != sensor:
            wrong.append(Problem("mn_taken", "mn", mn, {"owner": owner}))
        if wrong:
            raise Refused(wrong)
        row = session.get(LoggerRow, sensor)
        before = None if row is None else {"mn": row.mn, "upload": row.upload}
        if row is None:
            password = password or "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
            row = LoggerRow(sensor=sensor, hash=hashed or hash_password(password))
            session.add(row)
        row.mn, row.upload, row.since, row.set_by = mn, upload, at, by
        row.hash = hashed or row.hash
        after = {"mn": mn, "upload": upload, "password": "new" if password else "kept"}
        told(session, sensor, at, by, "logger_set", {**after, "why": why})
        noted(session, at, by, "sensor.logger", sensor, before, after, why)
        changed(session)
    return password


def remove_logger(registry: Registry, sensor: str, *, by: str, at: datetime, why: str = "") -> bool:
    """A sensor is a data logger no longer: the gateway cuts it off. False where it was none."""
    with registry.session.begin() as session:
        row = session.get(LoggerRow, sensor)
        if row is None:
            return False
        before = {"mn": row.mn, "upload": row.upload}
        session.delete(row)
        told(session, sensor, at, by, "logger_removed", {**before, "why": why})
        noted(session, at, by, "sensor.logger", sensor, before, None, why)
        changed(session)
    return True


def loggers(registry: Registry) -> list[Logger]:
    """All data loggers, in order of their sensor."""
    with registry.session() as session:
        rows = session.scalars(select(LoggerRow).order_by(LoggerRow.sensor))
        return [
            Logger(SensorId(row.sensor), row.mn, Upload(row.upload), row.since, row.set_by)
            for row in rows
        ]


def logger_of(registry: Registry, sensor: str) -> Logger | None:
    return next((one for one in loggers(registry) if one.sensor == sensor), None)


def admitted_loggers(registry: Registry) -> dict[str, Admitted]:
    """By MN, who may bring data: loggers of sensors neither retired nor in quarantine."""
    query = (
        select(LoggerRow, SensorRow.medium)
        .join(SensorRow, SensorRow.id == LoggerRow.sensor)
        .where(SensorRow.state != "retired")
    )
    shut_out = quarantined(registry)
    with registry.session() as session:
        return {
            row.mn: Admitted(SensorId(row.sensor), Medium(medium), row.mn, row.hash)
            for row, medium in session.execute(query)
            if row.sensor not in shut_out
        }


def addressed(registry: Registry, letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    """Dead letters as they can be replayed: a frame of a stranger goes to whose MN that is by now.

    Those that are still nobody's are left out.
    """
    known = admitted_loggers(registry)
    for letter in letters:
        if not letter.topic.startswith(FRAME_TOPIC):
            yield letter
        elif owner := known.get(letter.topic.removeprefix(FRAME_TOPIC)):
            topic = Topic(owner.medium, owner.sensor, format=Format.HJ212)
            yield letter.model_copy(update={"topic": str(topic)})


def _problems(mn: str, password: str, upload: str) -> list[Problem]:
    wrong = []
    if not _MN.fullmatch(mn):
        wrong.append(Problem("mn_malformed", "mn", mn))
    if password and not _PASSWORD.fullmatch(password):
        facts = {"least": PASSWORD_LENGTH, "most": LONGEST_PASSWORD}
        wrong.append(Problem("logger_password_malformed", "password", "", facts))
    elif password and _is_guessed_first(password.casefold()):
        wrong.append(Problem("logger_password_common", "password", ""))
    if upload not in list(Upload):
        known = ", ".join(Upload)
        wrong.append(Problem("upload_unknown", "upload", upload, {"known": known}))
    return wrong


def _is_guessed_first(password: str) -> bool:
    """123456 stands in the standard's own examples, and in most loggers."""
    rows = ("01234567890", "abcdefghijklmnopqrstuvwxyz")
    in_row = any(password in row or password[::-1] in row for row in rows)
    return in_row or len(set(password)) < 3 or password in passwords.common()
