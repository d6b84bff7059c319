"""The board of one district: its air and sound, its stations, what waits there."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common, dashboard

from dashboards import (
    alert_queries,
    choices,
    maps,
    panels,
    places,
    quality,
    queries,
    scales,
    sensors,
    standing_panels,
    verdicts,
    wording,
)
from dashboards.alerts_board import ALERT_COLUMNS, GRADES
from dashboards.city import City
from dashboards.layout import Section
from dashboards.layout import board as frame
from dashboards.medium import INVALID_COLUMNS, parameter_columns, parameter_words
from dashboards.watch import REPORTING_COLUMNS, REPORTING_STEPS, silent_stat, silent_table
from schemas import Level, Medium, Parameter, indices

HERE = "r.subject =~ /^${district:regex}$/"
OPEN_HERE = f"state <> 'closed' AND {alert_queries.IN_DISTRICT}"


def board(city: City) -> dashboard.Dashboard:
    return frame(
        "onenet-district",
        "区 / District",
        [_now(city), _values(city), _stations(city), _conduct()],
        since="48h",
        console=city.console,
        tags=["district"],
        variables=[choices.district(city, one=True), choices.station(city), _parameter(city)],
        alerts_where=alert_queries.IN_DISTRICT,
        page=("各区排名 / League table", "/ranking"),
        description="区级统计不含企业自测与水体。 / A district's figures are of its land, without "
        "enterprises' own stations and without waters.",
    )


def _now(city: City) -> Section:
    names = queries.names_of(city.districts)
    return Section(
        "现状 / Now",
        [
            panels.figures(
                "全区 AQI / AQI of the district",
                _present(["aqi"], names),
                steps=scales.aqi_steps(),
                description=quality.VALID_ONLY,
            ),
            panels.figures(
                "全区 AQHI / AQHI of the district",
                _present(["aqhi"], names),
                mappings=[scales.aqhi_words()],
                description=quality.VALID_ONLY,
            ),
            panels.figures(
                "未办结告警 · 按等级 / Alerts not closed, by grade",
                alert_queries.open_by_grade(),
                size=(12, 4),
                no_value="0",
                columns={grade: {"displayName": GRADES[grade][0]} for grade in GRADES},
            ),
            silent_stat(city),
            panels.rows(
                "各因子最近有效小时 / Latest valid hour · 6 h",
                _present([p.key for p in _land(city)], names),
                columns={
                    "area": {"displayName": "区 / District", "unit": "string"},
                    **parameter_columns(_land(city)),
                },
                size=(24, 4),
                no_value="无有效值 / no valid value",
            ),
            panels.series(
                "AQI 日历史 / AQI day by day",
                queries.aggregates(
                    "aggregates", "day", "aqi", names, levels=[Level.DISTRICT], subject=HERE
                ),
                unit="none",
                decimals=0,
                style=common.GraphDrawStyle.BARS,
                steps=scales.aqi_steps(),
                low=0,
                time_from=quality.HISTORY,
                description=quality.VALID_ONLY,
            ),
            panels.series(
                "声环境达标率日历史 / Attainment of sound, day by day",
                _attained(verdicts.SOUND[0], names),
                more=[_attained(verdicts.SOUND[1], names)],
                unit="percent",
                low=0,
                high=100,
                style=common.GraphDrawStyle.POINTS,
                time_from=quality.HISTORY,
            ),
        ],
    )


def _values(city: City) -> Section:
    labels = {str(p.key): wording.with_unit(p) for p in _land(city)}
    return Section(
        "区均值 / Means of the district",
        [
            panels.series(
                "${parameter:text} · 小时值 / hours",
                queries.lines(
                    'import "dict"',
                    f"labels = {queries.dictionary(labels)}",
                    queries.valid_rows(f'r.level == "district" and {HERE} and {queries.PARAMETER}'),
                    "  |> map(fn: (r) => ({r with _value: r.value}))",
                    queries.series(
                        "dict.get(dict: labels, key: r.parameter, default: r.parameter)"
                    ),
                ),
                unit="none",
                gap_ms=panels.GAP_MS,
                description="限值只适用于站点，见站点看板。 / Limits hold at stations, see their "
                "board.",
                repeat="parameter",
            )
        ],
    )


def _stations(city: City) -> Section:
    keys = [parameter.key for parameter in city.catalogue]
    return Section(
        "站点 / Stations",
        [
            maps.city_map(
                "站点报送状况 / Stations and when they were last heard",
                places.station_places(city.stations, chosen=queries.DISTRICT),
                sensors.reporting(city),
                value="late",
                unit="suffix:× 间隔 / cadences",
                steps=REPORTING_STEPS,
                columns=REPORTING_COLUMNS,
                size=(12, 16),
            ),
            silent_table(city, (12, 8)),
            panels.rows(
                "无效小时 / Invalid hours",
                queries.invalid_hours(
                    city.stations, f"{queries.one_of(keys)} and {queries.SUBJECT}"
                ),
                columns=INVALID_COLUMNS | parameter_words(city),
                no_value="无 / none",
            ),
        ],
    )


def _conduct() -> Section:
    return Section(
        "告警、信用与土壤 / Alerts, credit and soil",
        [
            panels.rows(
                "未办结告警 / Alerts in hand",
                alert_queries.alert_list(OPEN_HERE),
                size=(24, 8),
                no_value="无 / none",
                columns=ALERT_COLUMNS,
            ),
            standing_panels.credit(),
            standing_panels.soil(size=(12, 8)),
        ],
    )


def _present(keys: list[str], names: str) -> str:
    return queries.area_values([Level.DISTRICT], keys, names, subject=HERE)


def _attained(period: str, names: str) -> str:
    return queries.aggregates(
        "aggregates",
        period,
        indices()["noise_attained"].key,
        names,
        levels=[Level.DISTRICT],
        subject=HERE,
    )


def _land(city: City) -> list[Parameter]:
    """What is averaged over districts."""
    return [
        p
        for p in city.catalogue
        if any(m is not Medium.WATER and city.measured(p, m) for m in Medium)
    ]


def _parameter(city: City) -> builders.CustomVariable:
    at_first = [p for p in _land(city) if p.key in ("pm25", "o3", "laeq")] or _land(city)[:1]
    return (
        builders.CustomVariable("parameter")
        .label("因子 / Parameter")
        .values(", ".join(f"{choices.choice(wording.name(p))} : {p.key}" for p in _land(city)))
        .multi(True)
        .include_all(True)
        .current(
            dashboard.VariableOption(
                text=[wording.name(p) for p in at_first], value=[p.key for p in at_first]
            )
        )
    )
