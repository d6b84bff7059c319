"""The rule evaluator: windows in, breaches out. Pure, and the same wherever it runs.

A breach begins with the first of the windows that fill the hold time, ends with the first window
that is back within the limit by the hysteresis, and is left as it is by a window without enough
data: that is no proof of anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.rules import limit_for
from alerts.windows import Window
from schemas.alerts import Breach, Rule


def evaluate(
    rule: Rule,
    sensor: str,
    zone: str | None,
    windows: Iterable[Window],
    ongoing: Breach | None = None,
) -> list[Breach]:
    """The breaches of one rule at one sensor, in order; the last may be open (`end` is None).

    windows: in order of time. ongoing: a breach that was open before the first of them.
    """
    found: list[Breach] = []
    candidate: list[Window] = []
    length = timedelta(seconds=rule.window_s)
    for window in windows:
        limit = limit_for(rule, zone, window.part)
        if limit is None:
            if ongoing is not None:
                found.append(_ended(ongoing, window.start))
            ongoing, candidate = None, []
        elif window.completeness < rule.min_completeness:
            continue
        elif ongoing is not None:
            ongoing = _gone_on(rule, ongoing, window, limit.value)
            if _recovered(rule, window.value, limit.value):
                found.append(_ended(ongoing, window.start))
                ongoing = None
        elif not _beyond(rule, window.value, limit.value):
            candidate = []
        else:
            if candidate and window.start - candidate[-1].start != length:
                candidate = []
            candidate.append(window)
            if len(candidate) * rule.window_s >= rule.hold_s:
                ongoing = _begun(rule, sensor, candidate, limit.value)
                candidate = []
    return [*found, ongoing] if ongoing is not None else found


def _beyond(rule: Rule, value: float, limit: float) -> bool:
    return value > limit if rule.direction == "above" else value < limit


def _recovered(rule: Rule, value: float, limit: float) -> bool:
    if rule.direction == "above":
        return value <= limit - rule.hysteresis
    return value >= limit + rule.hysteresis


def _worse(rule: Rule, first: float, second: float) -> float:
    return max(first, second) if rule.direction == "above" else min(first, second)


def _begun(rule: Rule, sensor: str, held: list[Window], limit: float) -> Breach:
    peak = held[0].value
    for window in held[1:]:
        peak = _worse(rule, peak, window.value)
    return Breach(
        rule=rule.id,
        sensor=sensor,
        start=held[0].start,
        end=None,
        peak=peak,
        last=held[-1].value,
        limit=limit,
    )


def _gone_on(rule: Rule, breach: Breach, window: Window, limit: float) -> Breach:
    update = {"last": window.value, "peak": _worse(rule, breach.peak, window.value), "limit": limit}
    return breach.model_copy(update=update)


def _ended(breach: Breach, end: datetime) -> Breach:
    return breach.model_copy(update={"end": end})
