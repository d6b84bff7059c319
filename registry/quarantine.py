"""Quarantine: a sensor that harms others is cut off until somebody lets it in again.

Somebody decides it on the sensor's page, or ingest, which notices a flood. Ingest has no right at
the broker, so it writes down what is to be done, and `registry.follow` does it within seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import select

from registry.accounts import Accounts
from registry.credentials import LET_IN, resume, set_aside
from registry.models import CredentialRow, WorkOrderRow
from registry.registry import Registry
from registry.work_orders import LIVE, close_order, open_order, work_orders
from schemas.ids import SensorId

FLOOD = "flood"
BY_INGEST = "system:ingest"


def quarantine_flood(
    registry: Registry, sensor: str, *, facts: Mapping[str, Any], due: datetime, at: datetime
) -> bool:
    """Set a flooding sensor aside and send somebody; whether it had accounts to be cut.

    Told again, it changes nothing. The order comes first: once the sensor is cut, nothing would
    tell of the flood again.
    """
    open_order(registry, sensor, FLOOD, facts=facts, due=due, by=BY_INGEST, at=at)
    told = ", ".join(f"{name}: {value}" for name, value in facts.items())
    return bool(set_aside(registry, sensor, by=BY_INGEST, at=at, why=f"{FLOOD}: {told}"))


def release(
    registry: Registry, accounts: Accounts, sensor: str, *, by: str, at: datetime, why: str = ""
) -> bool:
    """Let a sensor in again, and close the order of its flood. As `resume`, False = later."""
    done = resume(registry, accounts, sensor, by=by, at=at, why=why)
    for order in work_orders(registry, sensor=sensor):
        if order.kind == FLOOD:
            with suppress(LookupError):  # somebody closed it a moment ago
                close_order(registry, order.id, by=by, at=at, resolution=why or "released")
    return done


def quarantined(registry: Registry) -> set[SensorId]:
    """Sensors whose accounts are all set aside, and data loggers without any that flooded.

    What a logger has is its MN; it is let in again when the order of its flood is done.
    """
    flooded = select(WorkOrderRow.sensor).where(
        WorkOrderRow.kind == FLOOD, WorkOrderRow.state.in_(LIVE)
    )
    with registry.session() as session:
        rows = session.execute(select(CredentialRow.sensor, CredentialRow.state)).all()
        shut = set(session.scalars(flooded))
    let_in = {sensor for sensor, state in rows if state in LET_IN}
    shut |= {sensor for sensor, state in rows if state == "suspended"}
    return {SensorId(name) for name in shut - let_in}
