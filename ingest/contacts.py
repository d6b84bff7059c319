"""What a message tells of its sender beside its values, and when that is written down.

Collected in memory and written every few seconds: knowledge for people that may lag, and that must
cost a message next to nothing.
"""

from __future__ import annotations

import time

import structlog
from sqlalchemy.exc import OperationalError

from registry import Registry
from registry.contacts import Contact, keep
from schemas import Reading, SensorId, Status, from_ms

log = structlog.get_logger()

WRITE_EVERY_S = 2.0
OLDEST_LIVE_S = 6 * 3600  # what is older came from a backlog and says nothing of the clock

Heard = dict[SensorId, Contact]
# The last accepted reading of each sender: (arrived in ms, its time in ms, the reading).
Newest = dict[SensorId, tuple[int, int, Reading]]


def heard_reading(
    heard: Heard, sensor: SensorId, arrived_ms: int, ts_ms: int, reading: Reading
) -> None:
    """The newest reading of a message that was accepted."""
    known = _of(heard, sensor)
    known.heard = known.accepted = from_ms(arrived_ms)
    skew_s = (ts_ms - arrived_ms) / 1000
    if skew_s > -OLDEST_LIVE_S:
        known.skew_s = skew_s
    if reading.meta:
        battery, rssi, firmware = (reading.meta.get(name) for name in ("battery", "rssi", "fw"))
        known.battery = _number(battery, known.battery)
        known.rssi = _number(rssi, known.rssi)
        known.firmware = firmware[:32] if isinstance(firmware, str) else known.firmware


def heard_status(heard: Heard, sensor: SensorId, arrived_ms: int, status: Status) -> None:
    known = _of(heard, sensor)
    known.heard = from_ms(arrived_ms)
    if status.state == "offline" and known.session is not None and status.session < known.session:
        return  # the will of an older connection
    known.state, known.state_at = status.state, known.heard
    known.session = min(status.session, 2**63 - 1)


def heard_other(heard: Heard, sensor: SensorId, arrived_ms: int) -> None:
    _of(heard, sensor).heard = from_ms(arrived_ms)


def heard_refused(heard: Heard, sensor: SensorId, arrived_ms: int, code: str) -> None:
    known = _of(heard, sensor)
    known.heard = known.refused = from_ms(arrived_ms)
    known.refused_code = code


class Contacts:
    """What was heard and is not yet written. Not thread-safe: one worker owns it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._waiting: Heard = {}
        self._sessions: dict[SensorId, int] = {}
        self._written = time.monotonic()

    def take(self, heard: Heard, newest: Newest) -> None:
        """Of a batch that is stored: what its messages told beside their values."""
        for sensor, (arrived_ms, ts_ms, reading) in newest.items():
            heard_reading(heard, sensor, arrived_ms, ts_ms, reading)
        for sensor, contact in heard.items():
            self._doubt_late_will(sensor, contact)
            known = self._waiting.get(sensor)
            if known is None:
                self._waiting[sensor] = contact
            else:
                known.update(contact)

    def _doubt_late_will(self, sensor: SensorId, contact: Contact) -> None:
        """An `offline` of an older connection than the last says nothing of this one."""
        if contact.session is None:
            return
        last = self._sessions.get(sensor, -1)
        if contact.state == "offline" and contact.session < last:
            contact.state, contact.state_at, contact.session = "", None, None
        else:
            self._sessions[sensor] = contact.session

    def write(self, *, now: bool = False) -> None:
        """Write what waits, every few seconds; a registry that is away is tried again later."""
        if not self._waiting or (not now and time.monotonic() - self._written < WRITE_EVERY_S):
            return
        self._written = time.monotonic()
        try:
            keep(self._registry, self._waiting)
        except OperationalError as error:
            log.warning("contacts not written, tried again later", error=str(error))
        else:
            self._waiting = {}


def _of(heard: Heard, sensor: SensorId) -> Contact:
    known = heard.get(sensor)
    if known is None:
        known = heard[sensor] = Contact()
    return known


def _number(value: object, otherwise: float | None) -> float | None:
    return float(value) if isinstance(value, int | float) else otherwise
