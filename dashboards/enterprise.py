"""The board of enterprises: self-monitoring beside the government's, permits, conduct.

An outfall beside its river or a building site beside its quarter is no check of the instrument: the
curves show how far one stands out from the other.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common, dashboard

from dashboards import (
    alert_queries,
    choices,
    enterprise_queries,
    panels,
    standing_panels,
    standing_queries,
    wording,
)
from dashboards.alerts_board import ALERT_COLUMNS
from dashboards.city import City
from dashboards.layout import Section, query_variable
from dashboards.layout import board as frame
from dashboards.limit_lines import limit_lines
from dashboards.medium import LIMITS, parameter_words
from dashboards.watch import STATION_LINK
from schemas import Parameter

AT_THEIRS = alert_queries.AT_STATION


def board(city: City) -> dashboard.Dashboard:
    return frame(
        "onenet-enterprise",
        "排污单位 / Enterprises",
        [_permits(city), _values(city), _conduct()],
        since="7d",
        console=city.console,
        tags=["enterprise"],
        variables=[
            _enterprise(city),
            query_variable(
                "station", "自测站点 / Own station", enterprise_queries.station_choices(city)
            ),
        ],
        alerts_where=AT_THEIRS,
        page=("政企比对 / Enterprise and government", "/owners"),
        description="自测与周边政府监测并列；差异不等于故障。 / Self-monitoring beside the "
        "government's around it; a difference is no fault.",
    )


def _permits(city: City) -> Section:
    return Section(
        "许可限值 / Permits",
        [
            panels.rows(
                "许可限值 / What the permits allow",
                standing_queries.permits(),
                columns={
                    "enterprise_name": {"displayName": "排污单位 / Enterprise"},
                    "permit": {"displayName": "许可证 / Permit"},
                    "station": {"displayName": "站点编号 / Station id", "links": [STATION_LINK]},
                    "station_name": {"displayName": "站点 / Station"},
                    **parameter_words(city),
                    "limit_value": {"displayName": "限值 / Limit"},
                    "since": {"displayName": "自 / Since", "unit": "dateTimeAsLocal"},
                    "until": {"displayName": "至 / Until", "unit": "dateTimeAsLocal"},
                },
                no_value="无 / none",
            ),
            panels.rows(
                "高于许可限值的小时 / Hours above the permit",
                enterprise_queries.over_permit(city),
                columns={
                    "station": {"displayName": "站点编号 / Station id", "links": [STATION_LINK]},
                    "name": {"displayName": "站点 / Station"},
                    **parameter_words(city),
                    "limit": {"displayName": "限值 / Limit", "decimals": 1},
                    "highest": {"displayName": "最高小时 / Highest hour", "decimals": 2},
                    "hours": {"displayName": "有效小时 / Valid hours", "unit": "short"},
                    "over": {"displayName": "高于限值 / Above", "unit": "short"},
                },
                no_value="无有效值 / no valid value",
                description="小时均值只作线索，不作判定。 / An hourly mean is an indication, no "
                "verdict.",
            ),
            panels.series(
                "自测完整率 / Completeness of self-monitoring",
                enterprise_queries.completeness(city),
                unit="percentunit",
                low=0,
                high=1,
                size=(24, 6),
            ),
        ],
    )


def _values(city: City) -> Section:
    return Section(
        "自测与政府监测 / Self-monitoring and the government's",
        [_compared(parameter, city) for parameter in enterprise_queries.own_parameters(city)],
    )


def _compared(parameter: Parameter, city: City) -> dashboard.Panel:
    government = enterprise_queries.government_hours(parameter, city)
    own = enterprise_queries.own_stations(city)
    directions = parameter.averaging == "vector"
    return panels.series(
        wording.about(parameter, wording.HOURLY[parameter.averaging]),
        enterprise_queries.own_hours(parameter, city),
        more=[government] if government is not None else [],
        unit=wording.grafana_unit(parameter),
        decimals=parameter.decimals,
        style=common.GraphDrawStyle.POINTS if directions else common.GraphDrawStyle.LINE,
        gap_ms=panels.GAP_MS,
        limits=limit_lines(parameter, own, city),
        description=LIMITS,
    )


def _conduct() -> Section:
    of = standing_queries.OF_ENTERPRISE
    return Section(
        "信用、土壤与告警 / Credit, soil and alerts",
        [
            standing_panels.credit(of),
            standing_panels.soil(of, size=(12, 8)),
            panels.rows(
                "告警 / Alerts",
                alert_queries.alert_list(f"{AT_THEIRS} AND $__timeFilter(started)"),
                size=(24, 8),
                no_value="无 / none",
                columns=ALERT_COLUMNS,
            ),
        ],
    )


def _enterprise(city: City) -> builders.CustomVariable:
    named = [f"{choices.choice(f'{one.zh} {one.en}')} : {one.id}" for one in city.enterprises]
    return (
        builders.CustomVariable("enterprise")
        .label("排污单位 / Enterprise")
        .values(", ".join(named))
        .multi(True)
        .include_all(True)
        .allow_custom_value(False)
        .current(dashboard.VariableOption(text=["All"], value=["$__all"]))
    )
