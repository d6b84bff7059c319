"""The broker follows the registry: whatever was decided about credentials, wherever, reaches it.

Who gives or ends credentials asks the broker at once. `reconcile` does what was left undone: the
broker was away, somebody was killed in between, or who decided has no right at the broker. `follow`
runs it as soon as the registry changes, and again and again while the broker is away; the DAG
`provisioning` does the same every five minutes, should nobody run this.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from registry.accounts import Accounts, BrokerUnavailable
from registry.credentials import LET_IN
from registry.life import changed, noted, told
from registry.models import CredentialRow, SensorRow
from registry.registry import Registry
from schemas import Clock

log = structlog.get_logger()

GRACE = timedelta(seconds=60)  # how long a pending one may be somebody's who is still at work
CUT_AGAIN = timedelta(days=1)  # where a broker cannot say who is let in: how long we repeat it
LOOK_EVERY_S = 1.0
ANEW_EVERY_S = 60.0  # overlaps end and pending ones are given up without a change
BY_US = "system:provisioning"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was repaired. lost: accounts that the broker has forgotten; it needs its file again."""

    failed: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()

    def told(self) -> dict[str, list[str]]:
        """The accounts of what was done, by its name; of nothing else."""
        return {name: list(accounts) for name, accounts in asdict(self).items() if accounts}


class Follower:
    """Keeps a broker in step until `stop`. heartbeat: a file that is touched while it works."""

    def __init__(
        self, registry: Registry, accounts: Accounts, clock: Clock, heartbeat: Path | None = None
    ) -> None:
        self._registry = registry
        self._accounts = accounts
        self._clock = clock
        self._heartbeat = heartbeat
        self._stop = threading.Event()
        self._version = -1  # of the registry, when the broker was last brought into step
        self._done = float("-inf")

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                self._step()
            except (BrokerUnavailable, OperationalError) as error:
                self._version = -1
                log.warning("broker not in step, tried again", error=str(error))
            if self._heartbeat is not None:
                self._heartbeat.touch()
            self._stop.wait(LOOK_EVERY_S)

    def stop(self) -> None:
        self._stop.set()

    def _step(self) -> None:
        version = self._registry.version()
        if version == self._version and time.monotonic() - self._done < ANEW_EVERY_S:
            return
        done = reconcile(self._registry, self._accounts, self._clock.now())
        # What changed while we were at it is seen the next time.
        self._version, self._done = version, time.monotonic()
        if done != Reconciled():
            log.info("broker brought into step", **done.told())
        if done.lost:
            log.error("the broker has lost accounts: `onenet broker file`", number=len(done.lost))


def reconcile(
    registry: Registry, accounts: Accounts, now: datetime, *, grace: timedelta = GRACE
) -> Reconciled:
    """Bring registry and broker together again, whatever was cut off in between.

    Raises BrokerUnavailable; what the registry has decided by then stands.
    """
    with registry.session.begin() as session:
        query = (
            select(CredentialRow, SensorRow.state)
            .join(SensorRow, SensorRow.id == CredentialRow.sensor)
            .where(CredentialRow.state.in_((*LET_IN, "pending", "suspended")))
        )
        found = session.execute(query).all()
        rows = [row for row, _ in found]
        retired = [row for row, state in found if state == "retired"]
        failed = [r for r in rows if r.state == "pending" and r.created <= now - grace]
        ended = [r for r in rows if r.state == "retiring" and r.until and r.until <= now]
        for row in failed:
            row.state, row.ended, row.why = "failed", now, "cut off while it was made"
        for row in ended:
            row.state, row.ended = "ended", now
        for row in retired:
            row.state, row.ended, row.why = "revoked", now, "retired"
            names = {"usernames": [row.username], "why": "retired"}
            told(session, row.sensor, now, BY_US, "credential_revoked", names)
            after = {"credentials": "revoked", "usernames": [row.username]}
            noted(session, now, BY_US, "credential.revoke", row.sensor, None, after, "retired")
        if failed or ended or retired:
            changed(session)
    done = Reconciled(_names(failed), _names(ended))
    listed = accounts.listed()
    if listed is None:
        accounts.remove(_shut_out(registry, now))
        return done
    wanted = {row.username for row in rows if row.state in LET_IN}
    shut = {row.username for row in rows if row.state == "suspended"}
    at_work = {row.username for row in rows if row.state == "pending"}
    extra = sorted(set(listed) - wanted - shut - at_work)
    to_shut = sorted(name for name in shut if listed.get(name))
    to_open = sorted(name for name in wanted if listed.get(name) is False)
    accounts.remove(extra)
    accounts.suspend(to_shut)
    accounts.resume(to_open)
    return Reconciled(
        done.failed,
        done.ended,
        tuple(extra),
        tuple(sorted((wanted | shut) - set(listed))),
        tuple(to_shut),
        tuple(to_open),
    )


def _shut_out(registry: Registry, now: datetime) -> list[str]:
    """Accounts whose end a broker may have missed, had it been away at that moment."""
    query = select(CredentialRow.username).where(
        (CredentialRow.state == "suspended") | (CredentialRow.ended > now - CUT_AGAIN)
    )
    with registry.session() as session:
        return list(session.scalars(query.order_by(CredentialRow.id)))


def _names(rows: Sequence[CredentialRow]) -> tuple[str, ...]:
    return tuple(row.username for row in rows)
