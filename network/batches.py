"""Hours and days in batches: what is read at once when a long past is made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from schemas import Interval

GAP = timedelta(hours=6)  # what lies further apart is not read through


def together(parts: Iterable[Interval], longest: timedelta) -> Iterator[list[Interval]]:
    """Hours or days in order, in groups to be read at once: so long at most, without wide gaps."""
    group: list[Interval] = []
    for part in sorted(set(parts)):
        too_far = group and part.start - group[-1].end > GAP
        if too_far or (group and part.end - group[0].start > longest):
            yield group
            group = []
        group.append(part)
    if group:
        yield group
