"""Judges an alert rule as Grafana would: asks its question, reduces, compares with its limit.

Series are told apart by their words, as rows of a table are; a number that is not there is none. It
is our reading of Grafana's documentation, no Grafana.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import psycopg

from tests.dashboards.asking import Rows, Sources

Rule = dict[str, Any]
Labels = tuple[tuple[str, str], ...]
NONE: Labels = ()
# What Flux adds to each row, besides the columns that begin with an underscore.
_FLUX = ("", "result", "table")


def firing(rule: Rule, sources: Sources) -> list[Labels]:
    """The labels of what fires, once it has lasted; `NONE` where the rule fires without any."""
    question, *expressions = rule["data"]
    back = timedelta(seconds=question["relativeTimeRange"]["from"])
    try:
        rows = sources.target(question["model"], back, {})
    except (AssertionError, httpx.TransportError, psycopg.Error):
        return [NONE] if rule["execErrState"] == "Alerting" else []
    numbers = reduced(rows) if "query" in question["model"] else numbers_of(rows)
    if not numbers:
        return [NONE] if rule["noDataState"] == "Alerting" else []
    limit = expressions[-1]["model"]
    assert limit["refId"] == rule["condition"]
    evaluator = limit["conditions"][0]["evaluator"]
    [beyond] = evaluator["params"]
    compare = {"gt": lambda n: n > beyond, "lt": lambda n: n < beyond}[evaluator["type"]]
    return sorted(labels for labels, number in numbers.items() if compare(number))


def reduced(rows: Rows) -> dict[Labels, float]:
    """The last number of each series."""
    last: dict[Labels, tuple[str, float]] = {}
    for row in rows:
        labels = tuple(
            sorted((k, v) for k, v in row.items() if k not in _FLUX and not k.startswith("_"))
        )
        point = (row["_time"], float(row["_value"]))
        last[labels] = max(last.get(labels, point), point)
    return {labels: number for labels, (_, number) in last.items()}


def numbers_of(rows: Rows) -> dict[Labels, float]:
    """Each row's one number by its words: Grafana refuses a table with other than one number."""
    found: dict[Labels, float] = {}
    for row in rows:
        [number] = [v for v in row.values() if not isinstance(v, str)]
        labels = tuple(sorted((k, v) for k, v in row.items() if isinstance(v, str)))
        assert labels not in found, "two rows that cannot be told apart"
        if number is not None:
            found[labels] = float(number)
    return found
