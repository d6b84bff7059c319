"""Panels that watch over sensors and account; the city's and the pipeline's board show them."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models import dashboard

from dashboards import accounts, panels, sensors, wording
from dashboards.city import City

STATION_LINK = panels.link("站点 / Station", "${console}/stations/${__data.fields.station}")
REPORTING_STEPS: panels.Steps = [(None, "green"), (sensors.STALE_CADENCES, "orange")]
REPORTING_COLUMNS: dict[str, dict[str, Any]] = {
    "late": {"displayName": "静默 / Silence", "decimals": 1, "links": [STATION_LINK]},
    "name": {"displayName": "站点 / Station"},
    "last": {"displayName": "最近读数 / Last reading"},
}
NEVER_S = 1_000_000_000  # a silence since before 1995: no reading in the range shown
SILENT_COLUMNS: dict[str, dict[str, Any]] = {
    "sensor": {"displayName": "设备 / Sensor"},
    "station": {"displayName": "站点编号 / Station id", "links": [STATION_LINK]},
    "name": {"displayName": "站点 / Station"},
    "every": {"displayName": "应报间隔 / Cadence", "unit": "s"},
    "silent": {
        "displayName": "静默时长 / Silent for",
        "unit": "dtdurations",
        "mappings": [
            dashboard.RangeMap(
                dashboard.DashboardRangeMapOptions(
                    from_val=NEVER_S,
                    to=NEVER_S * 100,
                    result=dashboard.ValueMappingResult(
                        text="时段内无读数 / none in range", color="red", index=0
                    ),
                )
            )
        ],
    },
}


def silent_table(
    city: City, size: tuple[int, int], *, chosen: str = sensors.DISTRICT
) -> dashboard.Panel:
    return panels.rows(
        "静默设备 / Silent sensors",
        sensors.silent(city, chosen=chosen),
        columns=SILENT_COLUMNS,
        size=size,
        no_value="无 / none",
        description="超过三个应报间隔没有读数。 / No reading for more than three cadences.",
    )


def silent_stat(city: City, size: tuple[int, int] = (4, 4)) -> dashboard.Panel:
    return panels.figures(
        "静默设备数 / Silent sensors",
        sensors.silent_count(city),
        size=size,
        no_value="0",
        steps=panels.NONE_ALLOWED,
    )


def difference_stat() -> dashboard.Panel:
    return panels.figures(
        wording.DIFFERENCE,
        accounts.difference(),
        steps=panels.NONE_ALLOWED,
        no_value="0",
        description="各小时 |收到 − 入库 − 重复 − 死信| 之和，应为零。 / "
        "Sum over the hours of |received − stored − duplicate − dead-lettered|; must be zero.",
    )


def total_stat(field: str) -> dashboard.Panel:
    return panels.figures(wording.ACCOUNT[field], accounts.total(field), unit="short", no_value="0")
