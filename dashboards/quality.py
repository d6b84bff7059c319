"""Panels of what the standards say: the views of the one network as a wall of Grafana shows them.

Verdicts are read from the store like any aggregate; colours and words are those of the standards.
Only valid verdicts are drawn: an index that lacks an item is a bound, and the console shows those.
"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models import common, dashboard

from dashboards import panels, queries, scales, verdicts, wording
from dashboards.city import City
from schemas import Index, Level, indices

VALID_ONLY = (
    "只画有效评价；缺少因子的指数见控制台。 / Valid verdicts only; an index that lacks an item is "
    "in the console."
)
LAST_DAY = "最近一个完整日 / last whole day"
HISTORY = "90d"


def air_now(city_names: str) -> list[dashboard.Panel]:
    """AQI with its items and AQHI now, their last hours, and the AQI day by day."""
    steps = scales.aqi_steps()
    items = [index for key, index in indices().items() if key.startswith("iaqi_")]
    return [
        panels.figures(
            "AQI · 全市 / City",
            queries.area_values([Level.CITY], ["aqi"], city_names),
            steps=steps,
            description=VALID_ONLY,
        ),
        panels.figures(
            "AQHI · 全市 / City",
            queries.area_values([Level.CITY], ["aqhi"], city_names),
            mappings=[scales.aqhi_words()],
            description=VALID_ONLY,
        ),
        panels.figures(
            "分指数，最大者为首要污染物 / IAQI, the largest is the primary pollutant",
            queries.area_values([Level.CITY], [index.key for index in items], city_names),
            steps=steps,
            size=(16, 4),
            columns={index.key: _column(index) for index in items},
        ),
        panels.series(
            "AQI · 全市 / City, 24 h",
            queries.hours("aqi", city_names, levels=[Level.CITY]),
            unit="none",
            decimals=0,
            style=common.GraphDrawStyle.BARS,
            steps=steps,
            low=0,
            size=(8, 7),
            time_from="24h",
            description=VALID_ONLY,
        ),
        panels.series(
            "AQHI · 全市 / City, 24 h",
            queries.hours("aqhi", city_names, levels=[Level.CITY]),
            unit="none",
            decimals=0,
            style=common.GraphDrawStyle.BARS,
            low=0,
            size=(8, 7),
            time_from="24h",
            description="11 = 10+",
        ),
        panels.series(
            "AQI 日历史 / AQI day by day",
            queries.aggregates("aggregates", "day", "aqi", city_names, levels=[Level.CITY]),
            unit="none",
            decimals=0,
            style=common.GraphDrawStyle.BARS,
            steps=steps,
            low=0,
            size=(8, 7),
            time_from=HISTORY,
            description=VALID_ONLY,
        ),
    ]


def noise() -> list[dashboard.Panel]:
    """Attainment of the city by functional zone, and day by day."""
    whole, zones = indices()["noise_attained"], _zones()
    names = queries.dictionary({index.key: wording.name(index) for index in (whole, *zones)})
    city = queries.dictionary({"city": wording.both("达标率", "attained")})
    by_day = [
        queries.aggregates("aggregates", period, whole.key, city, levels=[Level.CITY])
        for period in verdicts.SOUND
    ]
    return [
        panels.rows(
            f"声环境功能区达标率 / Attainment by zone · {LAST_DAY}",
            verdicts.of_zones([whole.key, *(index.key for index in zones)], names),
            columns={
                "zone": {"displayName": "功能区 / Zone", "unit": "string"},
                "daytime": {"displayName": "昼 / Day", **_percent(whole)},
                "night": {"displayName": "夜 / Night", **_percent(whole)},
            },
            size=(8, 8),
        ),
        panels.series(
            "功能区达标率日历史 / Attainment day by day",
            by_day[0],
            more=by_day[1:],
            unit="percent",
            decimals=whole.decimals,
            low=0,
            high=100,
            size=(8, 8),
            time_from=HISTORY,
        ),
    ]


def waters(city: City) -> list[dashboard.Panel]:
    """Sections by class, basins and bays of the last whole day."""
    names = queries.names_of(city.places)
    return [
        panels.rows(
            f"河流断面按类别 / River sections by class · {LAST_DAY}",
            verdicts.count_of("water_class", [Level.STATION]),
            columns={
                "class": {
                    "displayName": "类别 / Class",
                    **scales.coloured(scales.water_words()),
                },
                "sections": {"displayName": "断面 / Sections", "unit": "short"},
            },
            size=(8, 8),
            description=VALID_ONLY,
        ),
        panels.rows(
            f"流域 / Basins · {LAST_DAY}",
            verdicts.of_day([Level.BASIN], BASIN, names),
            columns=BASIN_COLUMNS,
            size=(12, 8),
        ),
        panels.rows(
            f"海湾 / Bays · {LAST_DAY}",
            verdicts.of_day([Level.BAY], BAY, names),
            columns=BAY_COLUMNS,
            size=(12, 8),
        ),
    ]


def league(city: City) -> dashboard.Panel:
    """Districts by the AQI of the last whole day."""
    keys = ["aqi", "pm25", "o3_8h_max"]
    fine, attained = city.catalogue, indices()["noise_attained"]
    pm25: dict[str, Any] = {"displayName": "PM2.5", "unit": "conμgm3", "decimals": 0}
    if "pm25" in fine:
        pm25 = {**pm25, "displayName": wording.name(fine["pm25"])}
    return panels.rows(
        f"各区排名 / League table of districts · {LAST_DAY}",
        verdicts.league(Level.DISTRICT, keys, queries.names_of(city.places)),
        columns={
            "area": {"displayName": "区 / District", "unit": "string"},
            "aqi": {
                "displayName": "AQI",
                "decimals": 0,
                **scales.steps_of_column(scales.aqi_steps()),
            },
            "pm25": pm25,
            "o3_8h_max": {**_column(indices()["o3_8h_max"]), "unit": "conμgm3"},
            "daytime": {"displayName": "噪声达标 昼 / Noise, day", **_percent(attained)},
            "night": {"displayName": "噪声达标 夜 / Noise, night", **_percent(attained)},
        },
        size=(16, 10),
        description="AQI 由低到高；无有效 AQI 者列后。 / Lowest AQI first; those without one last.",
    )


def _zones() -> list[Index]:
    return [index for key, index in indices().items() if key.startswith("noise_attained_")]


def _column(index: Index) -> dict[str, Any]:
    return {"displayName": wording.name(index), "decimals": index.decimals}


def _percent(index: Index) -> dict[str, Any]:
    return {"unit": "percent", "decimals": index.decimals}


BASIN = ("water_state", "water_class", "water_good", "water_on_target")
BAY = ("sea_class", "sea_good")
BASIN_COLUMNS: dict[str, dict[str, Any]] = {
    "area": {"displayName": "流域 / Basin", "unit": "string"},
    "water_state": {"displayName": "水质状况 / State", **scales.coloured(scales.state_words())},
    "water_class": {
        "displayName": "均值类别 / Class of the mean",
        **scales.coloured(scales.water_words()),
    },
    "water_good": {**_column(indices()["water_good"]), "unit": "percent"},
    "water_on_target": {**_column(indices()["water_on_target"]), "unit": "percent"},
}
BAY_COLUMNS: dict[str, dict[str, Any]] = {
    "area": {"displayName": "海湾 / Bay", "unit": "string"},
    "sea_class": {"displayName": "最差类别 / Worst class", **scales.coloured(scales.sea_words())},
    "sea_good": {**_column(indices()["sea_good"]), "unit": "percent"},
}
