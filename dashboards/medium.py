"""The board of one medium: a map, the areas now, then each parameter of the catalogue in turn.

Nothing here names a parameter: one that is added to the catalogue has its panels on the board of
its medium the next time the boards are made, closed as long as no sensor measures it.
"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard

from dashboards import maps, panels, places, queries, sensors, standing_panels, wording
from dashboards.choices import choice
from dashboards.city import City
from dashboards.layout import Section, query_variable
from dashboards.layout import board as frame
from dashboards.limit_lines import limit_lines
from dashboards.watch import STATION_LINK
from schemas import Cause, Flag, Level, Medium, Parameter

LAND = (Level.CITY, Level.DISTRICT)
WATERS = (Level.BASIN, Level.BAY)
LIMITS = (
    "虚线：所选站点适用的标准限值；限值过多时不画，请少选站点。 / Dashed: limits of the standards "
    "for the chosen stations; too many different ones are not drawn: choose fewer stations."
)
PAGES = {
    Medium.NOISE: ("高噪声单位 / Noisy facilities", "/facilities"),
    Medium.AIR: ("全市空气 / City air", "/city-air"),
    Medium.WATER: ("水体 / Waters", "/waters"),
    Medium.SOIL: ("土壤 / Soil", "/soil"),
}
SINCE = {Medium.NOISE: "24h", Medium.AIR: "48h", Medium.WATER: "7d", Medium.SOIL: "7d"}


def board(medium: Medium, city: City) -> dashboard.Dashboard:
    parameters = city.catalogue.of_medium(medium)
    if not parameters:
        raise ValueError(f"the catalogue has no parameter of {medium}: its board would be empty")
    return frame(
        f"onenet-{medium}",
        wording.MEDIA[medium],
        [
            _now(medium, city),
            *(
                Section(
                    wording.both(parameter.zh, parameter.en),
                    _parameter(parameter, medium, city),
                    closed=not city.measured(parameter, medium),
                )
                for parameter in parameters
            ),
            Section(
                "原始值 / Raw readings",
                [_raw(parameter, medium, city) for parameter in parameters],
                closed=True,
            ),
            _quality(medium, city),
            *_standings(medium),
        ],
        since=SINCE[medium],
        console=city.console,
        medium=medium,
        tags=[str(medium)],
        variables=_variables(medium, city),
        page=PAGES[medium],
    )


def areas_of(medium: Medium) -> tuple[Level, ...]:
    """Rivers and seas are not averaged over land districts."""
    return WATERS if medium is Medium.WATER else LAND


def parameter_columns(parameters: list[Parameter]) -> dict[str, dict[str, Any]]:
    """Name, unit and decimals of columns that are called by parameter keys."""
    return {
        p.key: {
            "displayName": wording.name(p),
            "unit": wording.grafana_unit(p),
            "decimals": p.decimals,
        }
        for p in parameters
    }


def area_names(city: City) -> str:
    """Names of districts, basins and bays, and of the city, as a Flux dictionary."""
    named = queries.names_of(city.places)
    whole = '["city": "全市 City"'
    return f"{whole}]" if named == "[:]" else f"{whole}, {named[1:]}"


def _now(medium: Medium, city: City) -> Section:
    stations = city.of_medium(medium)
    parameters = city.catalogue.of_medium(medium)
    keys = [parameter.key for parameter in parameters]
    return Section(
        "现状 / Now",
        [
            maps.city_map(
                "站点 · 所选因子最近有效小时值 / Stations, latest valid hour of the parameter",
                places.station_places(stations),
                places.latest_places(stations, parameters),
                value="value",
                unit="none",
                steps=None,
                columns={
                    "value": {"displayName": "数值 / Value", "links": [STATION_LINK]},
                    "unit": {"displayName": "单位 / Unit"},
                    "name": {"displayName": "站点 / Station"},
                    "time": {"displayName": "小时 / Hour"},
                },
                size=(12, 16),
            ),
            panels.rows(
                f"{wording.AREAS[areas_of(medium)[0]]} · 6 h",
                queries.area_values(areas_of(medium), keys, area_names(city)),
                columns={
                    "area": {"displayName": "区域 / Area", "unit": "string"},
                    **parameter_columns(parameters),
                },
                no_value="无有效值 / no valid value",
                description="最近6小时内最后一个有效小时；无有效小时则不显示。"
                " / The last valid hour within 6 h; none is shown where there is none.",
            ),
            panels.states(
                "所选因子各小时有效性 / Validity of the parameter's hours",
                queries.validity(stations),
                words={"true": ("有效 / valid", "green"), "false": ("无效 / invalid", "red")},
            ),
        ],
    )


def _parameter(parameter: Parameter, medium: Medium, city: City) -> list[dashboard.Panel]:
    unit, stations = wording.grafana_unit(parameter), city.of_medium(medium)
    names = queries.names_of(stations)
    points = parameter.averaging == "vector"
    style = common.GraphDrawStyle.POINTS if points else common.GraphDrawStyle.LINE
    periods = ("daytime", "night") if parameter.averaging == "energy" else ("day",)
    hourly, daily = wording.HOURLY[parameter.averaging], wording.DAILY[parameter.averaging]
    by_day = [
        queries.aggregates(
            "aggregates",
            period,
            parameter.key,
            names,
            levels=[Level.STATION],
            subject=queries.SUBJECT,
        )
        for period in periods
    ]
    return [
        panels.series(
            wording.about(parameter, hourly),
            queries.hours(parameter.key, names, levels=[Level.STATION], subject=queries.SUBJECT),
            unit=unit,
            decimals=parameter.decimals,
            style=style,
            gap_ms=panels.GAP_MS,
            size=(10, 8),
            limits=limit_lines(parameter, stations, city),
            description=LIMITS,
        ),
        panels.series(
            wording.about(parameter, ("分区 " + hourly[0], hourly[1] + " of areas")),
            queries.hours(parameter.key, area_names(city), levels=areas_of(medium)),
            unit=unit,
            decimals=parameter.decimals,
            style=style,
            gap_ms=panels.GAP_MS,
            size=(7, 8),
        ),
        panels.series(
            wording.about(parameter, daily),
            by_day[0],
            more=by_day[1:],
            unit=unit,
            decimals=parameter.decimals,
            style=common.GraphDrawStyle.POINTS,
            time_from="30d",
            size=(7, 8),
            limits=limit_lines(parameter, stations, city, means=("24h",)),
        ),
    ]


def _raw(parameter: Parameter, medium: Medium, city: City) -> dashboard.Panel:
    sampled = parameter.averaging == "vector"
    return panels.series(
        wording.about(parameter, ("有效读数", "usable readings")),
        queries.raw(parameter, medium, city.of_medium(medium)),
        unit=wording.grafana_unit(parameter),
        decimals=parameter.decimals,
        style=common.GraphDrawStyle.POINTS if sampled else common.GraphDrawStyle.LINE,
        interval="1m",
    )


def _quality(medium: Medium, city: City) -> Section:
    stations = city.of_medium(medium)
    keys = [parameter.key for parameter in city.catalogue.of_medium(medium)]
    return Section(
        "数据质量 / Data quality",
        [
            panels.rows(
                "无效小时 / Invalid hours",
                queries.invalid_hours(stations, f"{queries.one_of(keys)} and {queries.SUBJECT}"),
                columns=INVALID_COLUMNS | parameter_words(city),
                size=(12, 10),
            ),
            panels.rows(
                "未采用的读数 / Readings that no figure uses",
                sensors.flagged(medium, keys),
                columns=FLAGGED_COLUMNS | parameter_words(city),
                size=(12, 10),
            ),
        ],
    )


def _standings(medium: Medium) -> list[Section]:
    """What the views say beside the measurements: credit of facilities, risk of plots."""
    if medium is Medium.NOISE:
        return [Section("噪声信用 / Noise credit", [standing_panels.credit(size=(24, 8))])]
    if medium is Medium.SOIL:
        of_plots = [standing_panels.soil_counts(), standing_panels.soil()]
        return [Section("土壤风险 / Soil risk", of_plots)]
    return []


def parameter_words(city: City) -> dict[str, dict[str, Any]]:
    """A column of parameter keys, shown by name."""
    words = {str(p.key): (wording.name(p), "text") for p in city.catalogue}
    return {"parameter": {"displayName": "因子 / Parameter", "mappings": [panels.mapping(words)]}}


_REASONS = {key: (shown, "text") for key, shown in wording.REASONS.items()}
_FLAGS = {str(int(flag)): (wording.FLAGS[flag], "text") for flag in Flag}
_CAUSES = {str(int(cause)): (wording.CAUSES[cause], "text") for cause in Cause}
INVALID_COLUMNS: dict[str, dict[str, Any]] = {
    "station": {"displayName": "站点编号 / Station id", "links": [STATION_LINK]},
    "name": {"displayName": "站点 / Station"},
    "reason": {"displayName": "原因 / Reason", "mappings": [panels.mapping(_REASONS)]},
    "hours": {"displayName": "小时数 / Hours", "unit": "short"},
    "last": {"displayName": "最近 / Latest", "unit": "dateTimeAsSystem"},
}
FLAGGED_COLUMNS: dict[str, dict[str, Any]] = {
    "station": {"displayName": "站点编号 / Station id", "links": [STATION_LINK]},
    "sensor": {"displayName": "设备 / Sensor"},
    "flag": {"displayName": "标识 / Flag", "mappings": [panels.mapping(_FLAGS)]},
    "cause": {"displayName": "原因 / Cause", "mappings": [panels.mapping(_CAUSES)]},
    "readings": {"displayName": "读数 / Readings", "unit": "short"},
    "last": {"displayName": "最近 / Latest", "unit": "dateTimeAsSystem"},
}


def _variables(medium: Medium, city: City) -> list[Builder[dashboard.VariableModel]]:
    parameters = city.catalogue.of_medium(medium)
    districts = [place for place in city.places if place.kind == "district"]
    here = f'r._measurement == "{medium}"'
    # What most sensors measure of what belongs to this medium first.
    first = max(parameters, key=lambda p: (p.media[0] == medium, city.measured(p, medium)))
    return [
        query_variable(
            "district",
            "区 / District",
            queries.tag_values("district", here, queries.names_of(districts)),
        ),
        query_variable(
            "station",
            "站点 / Station",
            queries.tag_values(
                "station",
                f"{here} and {queries.DISTRICT}",
                queries.names_of(city.of_medium(medium)),
            ),
        ),
        builders.CustomVariable("parameter")
        .label("因子 / Parameter")
        .values(", ".join(f"{choice(wording.name(p))} : {p.key}" for p in parameters))
        .current(dashboard.VariableOption(text=wording.name(first), value=first.key)),
    ]
