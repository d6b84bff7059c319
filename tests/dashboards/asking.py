"""Puts a board's questions as Grafana would: its variables filled in, its macros written out.

Variables are filled from their own queries and choices, in the order in which they depend on each
other: all values where a board shows all at first, else the one that it shows.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

ISO = "%Y-%m-%dT%H:%M:%SZ"
MEMORY = "start: -30d"  # of the variables that ask for tags: from the clock, not from the board
Rows = list[dict[str, Any]]
Chosen = Mapping[str, Sequence[str]]


@dataclass
class Sources:
    """Both data sources. now: the moment at which the boards are looked at."""

    influx: httpx.Client
    prefix: str  # of the store's buckets
    registry: str
    now: datetime
    asked: int = field(default=0)

    def flux(self, query: str, back: timedelta, chosen: Chosen) -> Rows:
        filled = query.replace("v.timeRangeStart", f"{self.now - back:{ISO}}")
        filled = filled.replace("v.timeRangeStop", f"{self.now:{ISO}}")
        filled = filled.replace("v.windowPeriod", "1m0s")
        filled = filled.replace(MEMORY, f"start: {self.now - timedelta(days=30):{ISO}}")
        filled = filled_in(filled, chosen).replace('bucket: "', f'bucket: "{self.prefix}')
        self.asked += 1
        answer = self.influx.post(
            "/api/v2/query",
            content=filled.encode(),
            headers={"Content-Type": "application/vnd.flux", "Accept": "application/csv"},
        )
        assert answer.status_code == 200, f"{answer.text}\n{filled}"
        rows: Rows = []
        for part in answer.text.replace("\r\n", "\n").split("\n\n"):
            rows += csv.DictReader(io.StringIO(part))
        assert not any("error" in row for row in rows), rows
        return rows

    def sql(self, query: str, back: timedelta, chosen: Chosen) -> Rows:
        span = f"BETWEEN '{self.now - back:{ISO}}' AND '{self.now:{ISO}}'"
        filled = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 {span}", filled_in(query, chosen))
        filled = filled.replace("now()", f"'{self.now:{ISO}}'::timestamptz")
        assert "$" not in filled, filled
        self.asked += 1
        with psycopg.connect(self.registry, row_factory=dict_row) as db:
            return list(db.execute(filled.encode()).fetchall())

    def target(self, target: Mapping[str, Any], back: timedelta, chosen: Chosen) -> Rows:
        if "rawSql" in target:
            return self.sql(target["rawSql"], back, chosen)
        return self.flux(target["query"], back, chosen)

    def choices(self, board: Mapping[str, Any], back: timedelta) -> dict[str, list[str]]:
        """What every variable of a board offers, whatever is chosen of those before it."""
        offered: dict[str, list[str]] = {}
        for variable in board["templating"]["list"]:
            name = variable["name"]
            if variable["type"] == "custom":
                parts = re.split(r"(?<!\\), ", variable["query"])
                offered[name] = [part.rpartition(" : ")[2] for part in parts]
            elif variable["type"] == "query":
                pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
                rows = self.flux(variable["query"]["query"], back, offered)
                found = [pattern.search(row["_value"]) for row in rows]
                assert all(found), f"variable {name}: a row is no `value text`"
                offered[name] = [one["value"] for one in found if one]
        return offered


def at_first(
    board: Mapping[str, Any], offered: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """The values of the variables when a board is opened."""
    chosen = {}
    for variable in board["templating"]["list"]:
        if variable["name"] in offered:
            current = variable["current"]["value"]
            values = current if isinstance(current, list) else [current]
            of = offered[variable["name"]]
            chosen[variable["name"]] = list(of) if values == ["$__all"] else values
    return chosen


def filled_in(query: str, chosen: Chosen) -> str:
    """Grafana's formats `regex` and `sqlstring`."""

    def put(found: re.Match[str]) -> str:
        values = chosen[found[1]]
        if found[2] == "sqlstring":
            return ",".join("'" + value.replace("'", "''") + "'" for value in values)
        escaped = [re.sub(r"([\\^$*+?.()|\[\]{}/])", r"\\\1", value) for value in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return re.sub(r"\$\{(\w+):(regex|sqlstring)\}", put, query)
