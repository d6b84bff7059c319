"""The duty roster as people give it: routes and channels must be known, addresses reachable."""

from __future__ import annotations

from datetime import datetime

from alerts.channels.table import CHANNELS, check_address
from alerts.routing import routes
from registry import Registry
from registry.duty import CITY, Duty, add_duty, on_duty
from schemas.people import Unacceptable


def add_to_roster(registry: Registry, duty: Duty, *, at: datetime, who: str, why: str = "") -> int:
    """Put somebody on the roster; returns the entry's number. Raises Unacceptable."""
    if duty.route not in routes():
        raise Unacceptable(
            "duty_route",
            field="route",
            value=duty.route[:80],
            rule=f"one of {', '.join(routes())}",
            remedy="choose one",
        )
    unknown = [name for name in duty.channels if name not in CHANNELS]
    if unknown or not duty.channels or len(set(duty.channels)) != len(duty.channels):
        raise Unacceptable(
            "duty_channels",
            field="channels",
            value=",".join(duty.channels)[:80],
            rule=f"some of {', '.join(CHANNELS)}, each once",
            remedy="give them in the order in which they are tried",
        )
    for name in duty.channels:
        check_address(name, duty.address.get(name, ""))
    return add_duty(registry, duty, at=at, who=who, why=why)


def unattended(registry: Registry, at: datetime) -> dict[str, list[str]]:
    """Districts for which nobody is on duty, not even for the city, by route."""
    districts = [place.id for place in registry.places().values() if place.kind == "district"]
    found: dict[str, list[str]] = {}
    with registry.session() as session:
        for route in routes():
            if on_duty(session, route, [CITY], None, at):
                continue
            lacking = [d for d in districts if not on_duty(session, route, [d], None, at)]
            if lacking:
                found[route] = lacking
    return found
