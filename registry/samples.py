"""Samples of laboratories: added once, corrected by revision, found by place and time.

A sample is known by its number at its station. Adding the same again changes nothing. Adding it
with other results makes a new revision: what is named anew replaces, what is not named stays (a
laboratory reports metals first and organics weeks later), and the earlier revision is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.models import SampleResultRow, SampleRow
from registry.registry import Registry
from schemas.ids import StationId
from schemas.samples import Result, Sample, SampleMedium

_KEPT_UNLESS_NAMED = ("depth_from", "depth_to", "laboratory", "remark")
_ASKED_AT_ONCE = 500  # a database takes only so many bound values


@dataclass(frozen=True, slots=True)
class Added:
    """What adding did, or would do: samples that are new, revised, and known as they are."""

    new: list[Sample] = field(default_factory=list)
    revised: list[Sample] = field(default_factory=list)
    unchanged: list[Sample] = field(default_factory=list)


def add_samples(
    registry: Registry,
    samples: Iterable[Sample],
    *,
    at: datetime,
    dry_run: bool = False,
    who: str = "",
) -> Added:
    """Add samples, all or none.

    at: the present moment. dry_run: only say what would be done. who: is named in the audit log of
    what was corrected; without, nothing is noted there.
    Raises ValueError for a sample that stands twice, IntegrityError for an unknown station.
    """
    samples = list(samples)
    often = Counter((sample.station, sample.number) for sample in samples)
    for (station, number), times in often.items():
        if times > 1:
            raise ValueError(f"sample {number!r} of {station} stands {times} times; give it once")
    with registry.session.begin() as session:
        added = _plan(session, samples, at)
        if not dry_run:
            for sample in added.revised:
                one = SampleRow.station == sample.station, SampleRow.number == sample.number
                session.execute(update(SampleRow).where(*one).values(current=False))
            session.add_all(_row(sample) for sample in (*added.new, *added.revised))
            if who and (added.new or added.revised):
                audit.note(
                    session,
                    at=at,
                    who=who,
                    action="sample.import",
                    subject="samples",
                    before=None,
                    after=_told(added),
                )
    return added


def _told(added: Added) -> dict[str, Any]:
    """What the audit log says of it."""
    revised = [f"{s.station} {s.number} revision {s.revision}" for s in added.revised]
    return {"new": len(added.new), "revised": revised}


def _plan(session: Session, samples: Sequence[Sample], at: datetime) -> Added:
    added = Added()
    known = _known(session, samples)
    for sample in samples:
        before = known.get((sample.station, sample.number))
        if before is None:
            made = sample.model_copy(update={"revision": 1, "recorded": at})
            added.new.append(made)
        else:
            made = _merged(before, sample)
            if made == before:
                added.unchanged.append(before)
                continue
            made = made.model_copy(update={"revision": before.revision + 1, "recorded": at})
            added.revised.append(made)
    return added


def _merged(before: Sample, after: Sample) -> Sample:
    """The earlier revision with everything that the later one names."""
    named = {result.determinand: result for result in after.results}
    results = [_result_of(old, named.pop(old.determinand, old)) for old in before.results]
    kept = {
        name: getattr(before, name)
        for name in _KEPT_UNLESS_NAMED
        if getattr(after, name) in (None, "")
    }
    same = {"results": (*results, *named.values()), "revision": before.revision}
    return after.model_copy(update={**kept, **same, "recorded": before.recorded})


def _result_of(old: Result, new: Result) -> Result:
    """The new result; the old one where they say the same, in whatever unit it was written."""
    return old if new.model_copy(update={"reported": old.reported}) == old else new


def _known(session: Session, samples: Sequence[Sample]) -> dict[tuple[str, str], Sample]:
    numbers = sorted({sample.number for sample in samples})
    found: dict[tuple[str, str], Sample] = {}
    for first in range(0, len(numbers), _ASKED_AT_ONCE):
        asked = numbers[first : first + _ASKED_AT_ONCE]
        rows = session.scalars(
            select(SampleRow).where(SampleRow.number.in_(asked), SampleRow.current)
        )
        found |= {(row.station, row.number): _record(row) for row in rows}
    return found


def find_samples(
    registry: Registry,
    *,
    stations: Sequence[str] | None = None,
    medium: SampleMedium | None = None,
    number: str | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: int | None = None,
) -> list[Sample]:
    """Samples as they stand now, the newest first.

    since, until: days in the city, both included.
    """
    query = select(SampleRow).where(SampleRow.current)
    if stations is not None:
        query = query.where(SampleRow.station.in_(stations))
    if medium is not None:
        query = query.where(SampleRow.medium == str(medium))
    if number is not None:
        query = query.where(SampleRow.number == number)
    if since is not None:
        query = query.where(SampleRow.day >= since)
    if until is not None:
        query = query.where(SampleRow.day <= until)
    return _read(registry, _newest_first(query).limit(limit))


def newest_samples(registry: Registry, medium: SampleMedium, until: date) -> list[Sample]:
    """Of each station the samples of the last day on which it was sampled, up to a day."""
    taken = SampleRow.current & (SampleRow.medium == str(medium)) & (SampleRow.day <= until)
    last = (
        select(SampleRow.station, func.max(SampleRow.day).label("last"))
        .where(taken)
        .group_by(SampleRow.station)
        .subquery()
    )
    newest = (SampleRow.station == last.c.station) & (SampleRow.day == last.c.last)
    return _read(registry, _newest_first(select(SampleRow).join(last, newest).where(taken)))


def revisions_of(registry: Registry, station: str, number: str) -> list[Sample]:
    """Every revision of a sample, the newest first; empty when there is no such sample."""
    one = SampleRow.station == station, SampleRow.number == number
    return _read(registry, select(SampleRow).where(*one).order_by(SampleRow.revision.desc()))


def _newest_first(query: Select[Any]) -> Select[Any]:
    return query.order_by(SampleRow.taken.desc(), SampleRow.station, SampleRow.number)


def _read(registry: Registry, query: Select[Any]) -> list[Sample]:
    with registry.session() as session:
        return [_record(row) for row in session.scalars(query)]


def _record(row: SampleRow) -> Sample:
    """A row as a record; it was checked when it came in, and thousands are read for one board."""
    return Sample.model_construct(
        number=row.number,
        station=StationId(row.station),
        medium=SampleMedium(row.medium),
        taken=row.taken,
        depth_from=row.depth_from,
        depth_to=row.depth_to,
        laboratory=row.laboratory,
        remark=row.remark,
        results=tuple(_result(result) for result in row.results),
        revision=row.revision,
        recorded=row.recorded,
    )


def _result(row: SampleResultRow) -> Result:
    return Result.model_construct(
        determinand=row.determinand,
        value=None if row.value is None else Decimal(row.value),
        limit=None if row.limit is None else Decimal(row.limit),
        unit=row.unit,
        reported=row.reported,
        method=row.method,
        remark=row.remark,
    )


def _row(sample: Sample) -> SampleRow:
    columns = sample.model_dump(exclude={"results"})
    results = [
        SampleResultRow(
            **one.model_dump(exclude={"value", "limit"}),
            value=None if one.value is None else f"{one.value:f}",
            limit=None if one.limit is None else f"{one.limit:f}",
            position=position,
        )
        for position, one in enumerate(sample.results)
    ]
    return SampleRow(**columns, day=sample.day, current=True, results=results)
