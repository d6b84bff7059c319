"""The rule evaluator: windows in, breaches out. Pure, and the same in both lanes.

A breach begins with the first of the windows that fill the hold time, ends with the first of those
that are back within the limit by the hysteresis and fill the rest time, and is left as it is by a
window without enough data: that is no proof of anything. Until the hold time is filled it is not
certain.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.windows import Window
from schemas.alerts import Breach, Rule
from standards.legal_limits import LegalLimit

NEXT = 1.5  # so many steps apart, at most, are windows that follow each other


class Evaluator:
    """One rule at one subject, window by window in order of time.

    step: time between windows. breach: what goes on now, certain or not.
    """

    def __init__(
        self, rule: Rule, subject: str, step: timedelta, ongoing: Breach | None = None
    ) -> None:
        self._rule = rule
        self._subject = subject
        self._step = step
        self._hold = timedelta(minutes=rule.hold_min)
        self._rest = timedelta(minutes=rule.rest_min)
        self._last: datetime | None = None
        self._resting: datetime | None = None
        self.breach = ongoing

    def see(self, window: Window, limit: LegalLimit | None) -> list[Breach]:
        """What the window changes: breaches as they are now, ended ones among them."""
        before = self.breach
        if limit is None:
            return self._end(self._resting or window.moment)
        if window.completeness < self._rule.min_completeness:
            return []
        beyond = not limit.met(window.value)
        if before is None:
            return self._begin(window, limit) if beyond else []
        if before.certain:
            self.breach = self._gone_on(before, window, limit)
            if self._rested(window, limit):
                return self._end(self._resting or window.moment)
            return [self.breach]
        follows = self._last is None or window.moment - self._last <= self._step * NEXT
        if not (beyond and follows):
            lapsed = self._end(window.moment)
            return [*lapsed, *self._begin(window, limit)] if beyond else lapsed
        held = window.moment + self._step - before.start >= self._hold
        self.breach = self._gone_on(before, window, limit).model_copy(update={"certain": held})
        self._last = window.moment
        return [self.breach]

    def _begin(self, window: Window, limit: LegalLimit) -> list[Breach]:
        excess = _excess(window.value, limit)
        self._last = window.moment
        self.breach = Breach(
            rule=self._rule.id,
            subject=self._subject,
            start=window.moment,
            end=None,
            certain=self._step >= self._hold or not self._hold,
            peak=window.value,
            peak_at=window.moment,
            last=window.value,
            limit=float(limit.value),
            excess=excess,
            basis=limit.basis,
            severity=self._rule.severity_at(excess),
        )
        return [self.breach]

    def _gone_on(self, breach: Breach, window: Window, limit: LegalLimit) -> Breach:
        excess = _excess(window.value, limit)
        update: dict[str, object] = {"last": window.value}
        if excess > breach.excess:
            update |= {
                "peak": window.value,
                "peak_at": window.moment,
                "limit": float(limit.value),
                "excess": excess,
                "basis": limit.basis,
                "severity": max(
                    breach.severity, self._rule.severity_at(excess), key=lambda s: s.rank
                ),
            }
        return breach.model_copy(update=update)

    def _rested(self, window: Window, limit: LegalLimit) -> bool:
        """Whether the value has been back within the limit for the rest time."""
        back = limit.met(window.value) and _excess(window.value, limit) <= -self._rule.hysteresis
        self._resting = (self._resting or window.moment) if back else None
        return self._resting is not None and (
            window.moment + self._step - self._resting >= self._rest
        )

    def _end(self, moment: datetime) -> list[Breach]:
        ended = [] if self.breach is None else [self.breach.model_copy(update={"end": moment})]
        self.breach = self._last = self._resting = None
        return ended


def _excess(value: float, limit: LegalLimit) -> float:
    """How far beyond the limit, in the unit; negative within."""
    over = float(limit.compared(value) - limit.value)
    return -over if limit.lower else over


def evaluate(
    rule: Rule,
    subject: str,
    step: timedelta,
    seen: Iterable[tuple[Window, LegalLimit | None]],
    ongoing: Breach | None = None,
) -> list[Breach]:
    """The breaches of one rule at one subject, in order, each as it is after the last window.

    ongoing: a breach that was open before the first of them. Those that never became certain are
    among them; the last may be open (`end` is None).
    """
    evaluator = Evaluator(rule, subject, step, ongoing)
    found: dict[datetime, Breach] = {} if ongoing is None else {ongoing.start: ongoing}
    for window, limit in seen:
        for breach in evaluator.see(window, limit):
            found[breach.start] = breach
    return list(found.values())
