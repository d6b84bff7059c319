"""Flux about the account: received = stored + duplicate + dead-lettered, per hour, over everybody.

A point holds an hour's running sums of one sensor at one worker, so hours are summed over points
and never over time within the hour.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import wording
from dashboards.queries import dictionary, series, text

PARTS = ("stored", "duplicate", "dead_lettered")
_HOURS = '  |> aggregateWindow(every: 1h, fn: sum, createEmpty: false, timeSrc: "_start")'


def total(field: str) -> str:
    """Sum of one column of the account over the hours shown."""
    return "\n".join(
        [_account([field]), "  |> group()", "  |> sum()", '  |> keep(columns: ["_value"])']
    )


def by_hour() -> str:
    """The columns of the account, hour by hour."""
    return "\n".join(
        [
            'import "dict"',
            _account(PARTS, f"names = {dictionary(wording.ACCOUNT)}"),
            '  |> group(columns: ["_field"])',
            _HOURS,
            series("dict.get(dict: names, key: r._field, default: r._field)", sort=True),
        ]
    )


def difference_by_hour() -> str:
    """received - stored - duplicate - dead_lettered, hour by hour; zero when all is well."""
    return "\n".join(
        [
            _account(["received", *PARTS]),
            "  |> map(fn: (r) => ({_time: r._time, _start: r._start, _stop: r._stop, "
            '_value: if r._field == "received" then r._value else -r._value}))',
            '  |> group(columns: ["_start", "_stop"])',
            _HOURS,
            series(text(wording.DIFFERENCE), sort=True),
        ]
    )


def difference() -> str:
    """Sum of the hours' differences, each as a positive number: opposite ones do not cancel."""
    return "\n".join(
        [
            difference_by_hour(),
            "  |> map(fn: (r) => ({_value: if r._value < 0 then -r._value else r._value}))",
            "  |> group()",
            "  |> sum()",
        ]
    )


def dead_lettered_share() -> str:
    """Percent of what was received over the hours that was dead-lettered; no row without any."""
    return "\n".join(
        [
            _account(["received", "dead_lettered"]),
            "  |> group()",
            "  |> reduce(identity: {received: 0, refused: 0}, fn: (r, accumulator) => ({",
            "    received: accumulator.received + "
            '(if r._field == "received" then r._value else 0),',
            "    refused: accumulator.refused + "
            '(if r._field == "dead_lettered" then r._value else 0),',
            "  }))",
            "  |> filter(fn: (r) => r.received > 0)",
            "  |> map(fn: (r) => ({_value: 100.0 * float(v: r.refused) / float(v: r.received)}))",
        ]
    )


def _account(fields: Sequence[str], *definitions: str) -> str:
    wanted = " or ".join(f'r._field == "{field}"' for field in fields)
    return "\n".join(
        [
            'import "date"',
            *definitions,
            'from(bucket: "accounts")',
            "  |> range(start: date.truncate(t: v.timeRangeStart, unit: 1h), "
            "stop: v.timeRangeStop)",
            f'  |> filter(fn: (r) => r._measurement == "account" and ({wanted}))',
        ]
    )
