"""The board of one station: what it is, and everything that it measures, with its limits."""

from __future__ import annotations

from grafana_foundation_sdk.models import common, dashboard

from dashboards import alert_queries, choices, panels, sensors, station_queries
from dashboards.alerts_board import ALERT_COLUMNS
from dashboards.city import City
from dashboards.layout import Section, query_variable
from dashboards.layout import board as frame
from dashboards.limit_lines import limits_of_stations
from dashboards.medium import FLAGGED_COLUMNS, LIMITS, parameter_words
from dashboards.watch import STATION_LINK, silent_table

ONE_EACH = "每个因子一图，单位在图例中。 / One panel for each parameter; its unit is in the legend."


def board(city: City) -> dashboard.Dashboard:
    return frame(
        "onenet-station",
        "站点 / Station",
        [_about(city), _values(city), _quality(city)],
        since="48h",
        console=city.console,
        tags=["station"],
        variables=[
            choices.district(city),
            choices.station(city, one=True),
            query_variable("parameter", "因子 / Parameter", station_queries.measured_choices(city)),
        ],
        alerts_where=alert_queries.AT_STATION,
        page=("站点页 / Station page", "/stations/${station}"),
    )


def _about(city: City) -> Section:
    return Section(
        "站点 / Station",
        [
            panels.rows(
                "站点信息 / About the station",
                station_queries.about(city),
                columns={
                    "station": {"displayName": "编号 / Id", "links": [STATION_LINK]},
                    "name": {"displayName": "站点 / Station"},
                    "district": {"displayName": "区 / District"},
                    "kind": {"displayName": "类型 / Kind"},
                    "zone": {"displayName": "功能区或目标 / Zone or target"},
                    "enterprise": {"displayName": "排污单位 / Enterprise"},
                    "sensors": {"displayName": "设备 / Sensors"},
                },
                size=(24, 4),
            ),
            panels.rows(
                "最近有效小时 / Latest valid hour · 6 h",
                station_queries.latest(city),
                columns={
                    "station": {"displayName": "编号 / Id", "links": [STATION_LINK]},
                    "name": {"displayName": "站点 / Station"},
                    "parameter": {"displayName": "因子 / Parameter"},
                    "value": {"displayName": "数值 / Value", "decimals": 2},
                    "unit": {"displayName": "单位 / Unit"},
                    "hour": {"displayName": "小时 / Hour", "unit": "dateTimeAsSystem"},
                },
                no_value="无有效值 / no valid value",
            ),
            panels.rows(
                "告警 / Alerts",
                alert_queries.alert_list(f"{alert_queries.AT_STATION} AND $__timeFilter(started)"),
                columns=ALERT_COLUMNS,
                no_value="无 / none",
            ),
        ],
    )


def _values(city: City) -> Section:
    by_day = [station_queries.days(city, period) for period in ("day", "daytime", "night")]
    return Section(
        "监测值 / Values",
        [
            panels.series(
                "${parameter:text} · 小时值 / hours",
                station_queries.hours(city),
                unit="none",
                gap_ms=panels.GAP_MS,
                limits=limits_of_stations(city),
                description=f"{ONE_EACH} {LIMITS}",
                repeat="parameter",
            ),
            panels.series(
                "${parameter:text} · 有效读数 / usable readings, 2 h",
                station_queries.sampled(city),
                unit="none",
                interval="1m",
                style=common.GraphDrawStyle.POINTS,
                time_from="2h",
                description="每个时间格取最后一个读数，不作平均。 / The last reading of each "
                "moment that the panel can show; not averaged.",
                repeat="parameter",
            ),
            panels.series(
                "${parameter:text} · 日值 / days, 30 d",
                by_day[0],
                more=by_day[1:],
                unit="none",
                style=common.GraphDrawStyle.POINTS,
                time_from="30d",
                description="声级分昼夜。 / Sound by day and by night.",
                repeat="parameter",
            ),
        ],
    )


def _quality(city: City) -> Section:
    return Section(
        "数据质量 / Data quality",
        [
            panels.states(
                "各小时有效性 / Validity of hours",
                station_queries.validity(city),
                words={"true": ("有效 / valid", "green"), "false": ("无效 / invalid", "red")},
            ),
            panels.rows(
                "未采用的读数 / Readings that no figure uses",
                sensors.flagged(None, [p.key for p in city.catalogue]),
                columns=FLAGGED_COLUMNS | parameter_words(city),
                no_value="无 / none",
            ),
            silent_table(city, (24, 6), chosen=sensors.STATION),
        ],
    )
