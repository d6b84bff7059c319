"""The board of the city: what the standards say, who reports where, what needs attention."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from dashboards import choices, maps, panels, places, quality, queries, sensors, wording
from dashboards.city import City
from dashboards.layout import Section
from dashboards.layout import board as frame
from dashboards.medium import (
    INVALID_COLUMNS,
    LAND,
    WATERS,
    area_names,
    parameter_columns,
    parameter_words,
)
from dashboards.watch import (
    REPORTING_COLUMNS,
    REPORTING_STEPS,
    difference_stat,
    silent_stat,
    silent_table,
    total_stat,
)
from schemas import Level, Medium, Parameter

ALERTS = """告警在控制台办理。Alerts are handled in the console.

[未结告警 / Open alerts](${console}/alerts) · [死信 / Dead letters](${console}/deadletters) ·
[设备 / Sensors](${console}/sensors)
"""


def board(city: City) -> dashboard.Dashboard:
    return frame(
        "onenet-city",
        "全市总览 / City overview",
        [_quality(city), _city(city), _problems(city)],
        since="24h",
        console=city.console,
        tags=["city"],
        variables=[choices.district(city), choices.station(city)],
    )


def _quality(city: City) -> Section:
    return Section(
        "环境质量 / Environmental quality",
        [
            *quality.air_now(area_names(city)),
            quality.league(city),
            *quality.noise(),
            *quality.waters(city),
        ],
    )


def _city(city: City) -> Section:
    return Section(
        "全市 / City",
        [
            maps.city_map(
                "站点报送状况 / Stations and when they were last heard",
                places.station_places(city.stations, chosen=queries.DISTRICT),
                sensors.reporting(city),
                value="late",
                unit="suffix:× 间隔 / cadences",
                steps=REPORTING_STEPS,
                columns=REPORTING_COLUMNS,
                size=(14, 20),
                description="绿：按时；橙：超过三个应报间隔；灰：时段内无读数。 / "
                "Green: in time; orange: late by more than three cadences; grey: none in range.",
            ),
            *(_land(medium, city) for medium in (Medium.AIR, Medium.NOISE, Medium.SOIL)),
            _waters(city),
        ],
    )


def _at_home(medium: Medium, city: City) -> list[Parameter]:
    """The parameters whose first medium this is: a city figure stands once."""
    return [p for p in city.catalogue.of_medium(medium) if p.media[0] == medium]


def _land(medium: Medium, city: City) -> dashboard.Panel:
    parameters = _at_home(medium, city)
    keys = [parameter.key for parameter in parameters]
    return panels.figures(
        f"{wording.MEDIA[medium]} · 全市 6 h",
        queries.area_values([LAND[0]], keys, area_names(city)),
        decimals=None,
        columns=parameter_columns(parameters),
        size=(10, 7 if medium is Medium.AIR else 3),
        description="全市最近6小时内最后一个有效小时。 / The city's last valid hour within 6 h.",
    )


def _waters(city: City) -> dashboard.Panel:
    parameters = _at_home(Medium.WATER, city)
    return panels.rows(
        f"{wording.MEDIA[Medium.WATER]} · 6 h",
        queries.area_values(WATERS, [p.key for p in parameters], area_names(city)),
        columns={
            "area": {"displayName": "流域与海湾 / Basin or bay", "unit": "string"},
            **parameter_columns(parameters),
        },
        size=(10, 7),
        no_value="无有效值 / no valid value",
    )


def _problems(city: City) -> Section:
    keys = [parameter.key for parameter in city.catalogue]
    return Section(
        "待处理 / Open problems",
        [
            panels.words_only("告警 / Alerts", ALERTS, (8, 4)),
            silent_stat(city),
            panels.figures(
                "无效站点小时 / Invalid station hours",
                queries.invalid_count(Level.STATION),
                size=(4, 4),
                no_value="0",
                description="时段内无效的站点小时数。 / Station hours without enough data.",
            ),
            difference_stat(),
            total_stat("dead_lettered"),
            silent_table(city, (12, 10)),
            panels.rows(
                "无效小时 / Invalid hours",
                queries.invalid_hours(
                    city.stations, f"{queries.one_of(keys)} and {queries.SUBJECT}"
                ),
                columns=INVALID_COLUMNS | parameter_words(city),
                size=(12, 10),
            ),
        ],
    )
