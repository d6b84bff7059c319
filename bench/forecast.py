"""How well the forecast of `alerts.forecast` does on a recorded year: `python -m bench.forecast`.

Two stations of Beijing, hourly, March 2015 to February 2016 (Chen 2017, CC BY 4.0; see data/). The
year is cut in the middle. The best coefficients of the first half are told beside those in use; the
figures are of the second half: mean absolute error 1 to 3 hours ahead against persistence (the
value now), and how often a warning of a value above a threshold in the next 3 hours was right. The
first half's figures follow, for the second has the winter and little ozone.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from alerts.forecast import Coefficients, ahead, coefficients
from schemas.clock import HOUR

YEAR = Path(__file__).parent / "data" / "prsa_year.csv.gz"
AHEAD = 3
SHARES, TRENDS, DAMPING = (0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.25, 0.5), 0.6
WARNED_OF = {"o3": 200.0, "pm25": 150.0}  # ug/m3


@dataclass(frozen=True, slots=True)
class Skill:
    """Mean absolute errors, in the unit; of warnings: right, wrong, and missed hours."""

    error: float
    persistence: float
    right: int
    wrong: int
    missed: int


def recorded(parameter: str) -> Mapping[str, dict[datetime, float]]:
    """Hourly values by station and hour."""
    found: dict[str, dict[datetime, float]] = {}
    with gzip.open(YEAR, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row[parameter]:
                hour = datetime.fromisoformat(row["hour"]).astimezone(UTC)
                found.setdefault(row["station"], {})[hour] = float(row[parameter])
    return found


def cases(
    hours: Mapping[datetime, float], part: Iterable[datetime], model: Coefficients
) -> Iterator[tuple[float, list[float], list[float]]]:
    """The value now, the forecasts and what came, where all of it is known."""
    for at in part:
        came = [hours[later] for step in range(AHEAD) if (later := at + (step + 1) * HOUR) in hours]
        said = ahead(hours, at, AHEAD, model)
        if said is not None and len(came) == AHEAD:
            yield hours[at], said, came


def skill(
    hours: Mapping[datetime, float], part: Iterable[datetime], model: Coefficients, above: float
) -> Skill:
    """How the forecasts of a part of a recording did."""
    off = still = count = 0.0
    right = wrong = missed = 0
    for now, said, came in cases(hours, part, model):
        off += sum(abs(s - c) for s, c in zip(said, came, strict=True))
        still += sum(abs(now - c) for c in came)
        count += len(came)
        if now > above:
            continue  # it is there already: nothing to warn of
        warned, happened = max(said) > above, max(came) > above
        right += warned and happened
        wrong += warned and not happened
        missed += happened and not warned
    return Skill(off / count, still / count, right, wrong, missed)


def halves(hours: Mapping[datetime, float]) -> tuple[list[datetime], list[datetime]]:
    """The hours of the first half, and those of the second that no forecast before reaches."""
    ordered = sorted(hours)
    middle = ordered[0] + (ordered[-1] - ordered[0]) / 2
    late = middle + timedelta(hours=AHEAD)
    return [at for at in ordered if at < middle], [at for at in ordered if at >= late]


def main() -> None:
    tried = [
        Coefficients(usual=share, trend=trend, damping=DAMPING)
        for share, trend in product(SHARES, TRENDS)
    ]
    for parameter, above in WARNED_OF.items():
        for station, hours in recorded(parameter).items():
            first, second = halves(hours)
            best = min(tried, key=lambda model: skill(hours, first, model, above).error)
            used = coefficients().get(parameter)
            print(f"{station} {parameter}: best on the first half {best}; in use {used}")
            for name, part in (("second", second), ("first", first)):
                found = skill(hours, part, used or best, above)
                print(
                    f"  {name} half: error {found.error:.1f}, persistence {found.persistence:.1f} "
                    f"ug/m3; warnings above {above:g}: {found.right} right, {found.wrong} wrong, "
                    f"{found.missed} hours missed"
                )


if __name__ == "__main__":
    main()
