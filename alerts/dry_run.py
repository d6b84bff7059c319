"""What a rule would have said: evaluated over past days as the judge does, with nothing written.

For whoever edits a rule: the breaches of the rule as it is beside those as it would be. A rule that
counts others' alerts looks at those that were raised; silence is looked at as it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from alerts.judge import breaches_of
from alerts.limits import Limits
from alerts.record import Case
from alerts.series import Scene
from registry import Registry
from registry.models import AlertRow
from registry.permits import permits
from schemas import Interval
from schemas.alerts import Breach, Rule
from storage import Store

LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Found:
    """A breach that was certain, and where."""

    case: Case
    breach: Breach

    def meets(self, other: Found) -> bool:
        """Whether the other one is of the same subject, and of a time that overlaps."""
        mine, its = self.breach, other.breach
        return (
            mine.subject == its.subject
            and (its.end is None or mine.start < its.end or mine.start == its.start)
            and (mine.end is None or its.start < mine.end or mine.start == its.start)
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """old, new: what the rule as it is, and the edited one, would have raised, in order of time.

    old is None where the rule is new.
    """

    span: Interval
    old: tuple[Found, ...] | None
    new: tuple[Found, ...]

    @property
    def added(self) -> tuple[Found, ...]:
        """Raised by the edited rule only."""
        return tuple(f for f in self.new if not any(f.meets(o) for o in self.old or ()))

    @property
    def gone(self) -> tuple[Found, ...]:
        """Raised by the rule as it is only."""
        return tuple(f for f in self.old or () if not any(f.meets(n) for n in self.new))


def dry_run(
    new: Rule,
    old: Rule | None,
    *,
    store: Store,
    registry: Registry,
    now: datetime,
    back: timedelta = LOOK_BACK,
) -> Trial:
    """Both rules over the last days. A rule that is switched off raises nothing.

    Raises StoreUnavailable.
    """
    span = Interval(Interval.city_day(now - back).start, now)
    before = None if old is None else would_raise(old, span, store=store, registry=registry)
    return Trial(span, before, would_raise(new, span, store=store, registry=registry))


def would_raise(
    rule: Rule, span: Interval, *, store: Store, registry: Registry
) -> tuple[Found, ...]:
    """The certain breaches of a rule in a span, in order of time. Raises StoreUnavailable."""
    if not rule.enabled:
        return ()
    scene = Scene(
        store,
        {str(s.id): s for s in registry.sensors().values()},
        {str(s.id): s for s in registry.stations().values()},
        _raised(registry, rule.of, span) if rule.of else (),
        span,
    )
    found = breaches_of(rule, scene, registry.places(), Limits(permits(registry)), {})
    certain = [Found(case, b) for case, breaches in found for b in breaches if b.certain]
    return tuple(sorted(certain, key=lambda f: (f.breach.start, f.breach.subject)))


def _raised(registry: Registry, rule: str, span: Interval) -> Sequence[AlertRow]:
    ends_within = or_(AlertRow.ended.is_(None), AlertRow.ended > span.start)
    query = select(AlertRow).where(AlertRow.rule == rule, AlertRow.started < span.end, ends_within)
    with registry.session() as session:
        return list(session.scalars(query))
