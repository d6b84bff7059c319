"""The board of alerts: what waits, how many there are, how soon they are dealt with."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models import common, dashboard

from dashboards import alert_queries, choices, panels
from dashboards.city import City
from dashboards.layout import Section
from dashboards.layout import board as frame

# The four grades of warning are named after their colours.
GRADES = {
    "red": ("红 Red", "red"),
    "orange": ("橙 Orange", "orange"),
    "yellow": ("黄 Yellow", "yellow"),
    "blue": ("蓝 Blue", "blue"),
}
STATES = {
    "open": ("待确认 Open", "text"),
    "acknowledged": ("已确认 Acknowledged", "text"),
    "dispatched": ("已派发 Dispatched", "text"),
    "on_site": ("已到场 On site", "text"),
    "closed": ("已办结 Closed", "text"),
}
LEVELS = {
    "subdistrict": ("街道 Subdistrict", "text"),
    "district": ("区 District", "text"),
    "city": ("市 City", "text"),
}
ALERT_COLUMNS: dict[str, dict[str, Any]] = {
    "id": {
        "displayName": "告警 / Alert",
        "links": [panels.link("告警 / Alert", "${console}/alerts/${__value.raw}")],
    },
    "severity": {"displayName": "等级 / Grade", "mappings": [panels.mapping(GRADES)]},
    "place": {"displayName": "地点 / Place"},
    "rule": {"displayName": "规则 / Rule"},
    "peak": {"displayName": "最高值 / Peak"},
    "limit_value": {"displayName": "限值 / Limit"},
    "state": {"displayName": "状态 / State", "mappings": [panels.mapping(STATES)]},
    "at_level": {"displayName": "级别 / Level", "mappings": [panels.mapping(LEVELS)]},
    "started": {"displayName": "始于 / Since", "unit": "dateTimeAsLocal"},
}


def board(city: City) -> dashboard.Dashboard:
    return frame(
        "onenet-alerts",
        "告警总览 / Alerts",
        [_now(), _service()],
        since="30d",
        console=city.console,
        tags=["alerts"],
        of_store=False,
        variables=[choices.district(city)],
        description="办理在控制台进行。 / Alerts are dealt with in the console.",
    )


def _now() -> Section:
    return Section(
        "当前 / Now",
        [
            panels.figures(
                "未办结 · 按等级 / Not closed, by grade",
                alert_queries.open_by_grade(),
                size=(12, 4),
                no_value="0",
                columns={grade: {"displayName": GRADES[grade][0]} for grade in GRADES},
            ),
            panels.figures(
                "无人确认 / Not acknowledged",
                alert_queries.waiting(),
                size=(6, 4),
                no_value="0",
                steps=panels.NONE_ALLOWED,
            ),
            panels.figures(
                "误报率 / False alarms",
                alert_queries.false_share(),
                size=(6, 4),
                unit="percentunit",
                decimals=1,
                no_value="无结论 / no finding",
                description="不属实与设备故障占有调查结论者的比例。 / "
                "Found unfounded or a sensor's fault, of those with a finding.",
            ),
            panels.rows(
                "未办结告警 / Alerts in hand",
                alert_queries.alert_list(),
                size=(24, 10),
                no_value="无 / none",
                columns=ALERT_COLUMNS,
            ),
            panels.series(
                "每日告警 / Alerts by day",
                alert_queries.by_day(),
                unit="short",
                style=common.GraphDrawStyle.BARS,
                stacked=True,
                low=0,
                size=(24, 8),
                colours=GRADES,
            ),
        ],
    )


def _service() -> Section:
    return Section(
        "时效 / Service",
        [
            panels.rows(
                "各区 / By district",
                alert_queries.service("district_name"),
                columns=_times("区 / District"),
            ),
            panels.rows(
                "各规则 / By rule", alert_queries.service("rule"), columns=_times("规则 / Rule")
            ),
        ],
    )


def _times(name: str) -> dict[str, dict[str, Any]]:
    seconds = {"unit": "s", "decimals": 0}
    return {
        "name": {"displayName": name},
        "alerts": {"displayName": "告警 / Alerts"},
        "open": {"displayName": "未办结 / Open"},
        "acknowledged_median": {"displayName": "确认 中位 / To acknowledge", **seconds},
        "acknowledged_p90": {"displayName": "确认 P90", **seconds},
        "arrived_median": {"displayName": "到场 中位 / To arrive", **seconds},
        "arrived_p90": {"displayName": "到场 P90", **seconds},
        "false_share": {"displayName": "误报率 / False", "unit": "percentunit"},
    }
