"""The duty roster: who is told of alerts of an area, by which channels, from when until when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry.audit import note
from registry.models import DutyRow, PlaceRow
from registry.registry import Registry
from schemas import Medium
from schemas.people import Unacceptable

CITY = "city"
LONGEST_NAME = 59  # with what marks a person in the outbox, it fits there


@dataclass(frozen=True, slots=True)
class Duty:
    """area: a district, a subdistrict, or `city`. medium: None for all. channels: in the order in
    which they are tried; address: by channel, where one is needed. since, until: None = open."""

    route: str
    area: str
    person: str
    channels: tuple[str, ...]
    address: Mapping[str, str] = field(default_factory=dict)
    medium: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    id: int = 0


def duties(registry: Registry) -> list[Duty]:
    """The whole roster, by route and area."""
    order = (DutyRow.route, DutyRow.area, DutyRow.person, DutyRow.id)
    with registry.session() as session:
        return [_duty(row) for row in session.scalars(select(DutyRow).order_by(*order))]


def on_duty(
    session: Session, route: str, areas: Sequence[str], medium: str | None, at: datetime
) -> list[Duty]:
    """Who is on duty for the first of the areas that has anybody; each person once.

    medium: of an alert; None asks for those who are there for all media.
    """
    query = (
        select(DutyRow)
        .where(
            DutyRow.route == route,
            DutyRow.area.in_(list(areas)),
            or_(DutyRow.medium.is_(None), DutyRow.medium == medium),
            or_(DutyRow.since.is_(None), DutyRow.since <= at),
            or_(DutyRow.until.is_(None), DutyRow.until > at),
        )
        .order_by(DutyRow.id)
    )
    found = list(session.scalars(query))
    for area in areas:
        there = {row.person: row for row in reversed(found) if row.area == area}
        if there:
            return [_duty(row) for row in reversed(there.values())]
    return []


def add_duty(registry: Registry, duty: Duty, *, at: datetime, who: str, why: str = "") -> int:
    """Put somebody on the roster; returns the entry's number. Raises Unacceptable."""
    name = duty.person.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise Unacceptable(
            "duty_person",
            field="person",
            value=duty.person[:80],
            rule=f"1 to {LONGEST_NAME} printable characters",
            remedy="the name that colleagues know",
        )
    if duty.medium is not None and duty.medium not in set(Medium):
        raise Unacceptable(
            "duty_medium",
            field="medium",
            value=duty.medium,
            rule=f"one of {', '.join(Medium)}, or none for all",
            remedy="choose one",
        )
    if duty.since is not None and duty.until is not None and duty.until <= duty.since:
        raise Unacceptable(
            "duty_ends_before",
            field="until",
            value=duty.until.isoformat(),
            rule="a duty ends after it begins",
            remedy="choose a later end",
        )
    with registry.session.begin() as session:
        place = session.get(PlaceRow, duty.area)
        known = place is not None and place.kind in ("district", "subdistrict")
        if duty.area != CITY and not known:
            raise Unacceptable(
                "duty_area",
                field="area",
                value=duty.area[:80],
                rule="city, a district or a subdistrict that the registry knows",
                remedy="see the registry's places",
            )
        row = DutyRow(
            route=duty.route,
            area=duty.area,
            medium=duty.medium,
            person=name,
            channels=",".join(duty.channels),
            address=json.dumps(dict(duty.address), ensure_ascii=False),
            since=duty.since,
            until=duty.until,
        )
        session.add(row)
        session.flush()
        note(
            session,
            at=at,
            who=who,
            action="duty.add",
            subject=f"duty:{row.id}",
            before=None,
            after=_told(row),
            why=why,
        )
        return row.id


def remove_duty(
    registry: Registry, number: int, *, at: datetime, who: str, why: str = ""
) -> Duty | None:
    """Take an entry off the roster; returns what it was, None where there is none."""
    with registry.session.begin() as session:
        row = session.get(DutyRow, number)
        if row is None:
            return None
        was = _duty(row)
        note(
            session,
            at=at,
            who=who,
            action="duty.remove",
            subject=f"duty:{number}",
            before=_told(row),
            after=None,
            why=why,
        )
        session.delete(row)
        return was


def _duty(row: DutyRow) -> Duty:
    return Duty(
        route=row.route,
        area=row.area,
        person=row.person,
        channels=tuple(row.channels.split(",")),
        address=json.loads(row.address),
        medium=row.medium,
        since=row.since,
        until=row.until,
        id=row.id,
    )


def _told(row: DutyRow) -> dict[str, object]:
    """What the audit log keeps: how somebody is reached, and not by which number."""
    return {
        "route": row.route,
        "area": row.area,
        "medium": row.medium,
        "person": row.person,
        "channels": row.channels,
        "since": row.since.isoformat() if row.since else None,
        "until": row.until.isoformat() if row.until else None,
    }
