"""The board of basins and bays: states and classes, today and as they went, sections in order."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from dashboards import panels, quality, queries, scales, verdicts, wording
from dashboards.city import City
from dashboards.layout import Section, query_variable
from dashboards.layout import board as frame
from dashboards.watch import STATION_LINK
from schemas import Level
from schemas.registry import Station

SINCE = "30d"


def board(city: City) -> dashboard.Dashboard:
    return frame(
        "onenet-basins",
        "流域与海湾 / Basins and bays",
        [_basins(city), _sections(city), _bays(city)],
        since=SINCE,
        console=city.console,
        tags=["water"],
        variables=[_basin_variable(city)],
        page=("水体 / Waters", "/waters"),
        description="只显示有效评价。 / Valid verdicts only.",
    )


def _basins(city: City) -> Section:
    names = queries.names_of(city.places)
    chosen = "r.subject =~ /^${basin:regex}$/"
    return Section(
        "流域 / Basins",
        [
            panels.rows(
                f"流域 / Basins · {quality.LAST_DAY}",
                verdicts.of_day([Level.BASIN], quality.BASIN, names),
                columns=quality.BASIN_COLUMNS,
                size=(12, 8),
            ),
            panels.states(
                "水质状况 / State, day by day",
                _days("water_state", Level.BASIN, names, chosen),
                words=scales.state_words(),
                shown=True,
            ),
            panels.series(
                "优良断面比例 / Share of good sections",
                _days("water_good", Level.BASIN, names, chosen),
                unit="percent",
                low=0,
                high=100,
            ),
            panels.series(
                "断面达标率 / Sections on target",
                _days("water_on_target", Level.BASIN, names, chosen),
                unit="percent",
                low=0,
                high=100,
            ),
        ],
    )


def _sections(city: City) -> Section:
    sections = [s for s in city.stations if s.basin is not None and s.kind != "outfall"]
    basins = {str(s.id): s.basin or "" for s in sections}
    names = queries.names_of(sections)
    return Section(
        "断面 / Sections",
        [
            panels.rows(
                f"断面，自源头至入海 / Sections, from the headwater · {quality.LAST_DAY}",
                verdicts.along("water_class", basins, names, _km(sections)),
                columns={
                    "station": {"displayName": "站点编号 / Station id", "links": [STATION_LINK]},
                    "name": {"displayName": "断面 / Section"},
                    "km": {"displayName": "距源头 / From the source", "unit": "lengthkm"},
                    "class": {
                        "displayName": "类别 / Class",
                        **scales.coloured(scales.water_words()),
                    },
                },
            ),
            panels.states(
                "断面类别 / Classes of sections, day by day",
                verdicts.days_in_basin("water_class", basins, names),
                words=scales.water_words(),
                shown=True,
            ),
        ],
    )


def _bays(city: City) -> Section:
    names = queries.names_of(city.places)
    return Section(
        "海湾 / Bays",
        [
            panels.rows(
                f"海湾 / Bays · {quality.LAST_DAY}",
                verdicts.of_day([Level.BAY], quality.BAY, names),
                columns=quality.BAY_COLUMNS,
            ),
            panels.states(
                "最差类别 / Worst class, day by day",
                _days("sea_class", Level.BAY, names, "true"),
                words=scales.sea_words(),
                shown=True,
            ),
        ],
    )


def _days(index: str, level: Level, names: str, chosen: str) -> str:
    return queries.aggregates("aggregates", "day", index, names, levels=[level], subject=chosen)


def _km(sections: list[Station]) -> dict[str, float]:
    return {str(s.id): s.river_km for s in sections if s.river_km is not None}


def _basin_variable(city: City) -> builders.QueryVariable:
    basins = [place for place in city.places if place.kind == "basin"]
    choices = queries.lines(
        'import "array"',
        queries.table(
            [{"_value": queries.text(f"{b.id} {wording.name(b)}")} for b in basins],
            {"_value": '""'},
        ),
        '  |> filter(fn: (r) => r._value != "")',
    )
    return query_variable("basin", "流域 / Basin", choices)
