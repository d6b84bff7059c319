"""The board of the pipeline: is every reading accounted for, who is silent, what is usable."""

from __future__ import annotations

from grafana_foundation_sdk.models import common, dashboard

from dashboards import accounts, choices, panels, queries, sensors, wording
from dashboards.city import City
from dashboards.layout import Section
from dashboards.layout import board as frame
from dashboards.watch import difference_stat, silent_stat, silent_table, total_stat
from schemas import Level


def board(city: City) -> dashboard.Dashboard:
    return frame(
        "onenet-pipeline",
        "管道健康 / Pipeline health",
        [_account(city), _sensors(city), _aggregates(city)],
        since="24h",
        console=city.console,
        tags=["pipeline"],
        variables=[choices.district(city), choices.station(city)],
        page=("死信 / Dead letters", "/deadletters"),
        description="收到 = 入库 + 重复 + 死信 / received = stored + duplicate + dead-lettered",
    )


def _account(city: City) -> Section:
    return Section(
        "账目 / The account",
        [
            difference_stat(),
            *(total_stat(field) for field in wording.ACCOUNT),
            silent_stat(city),
            panels.series(
                "每小时去向 / What became of the readings, by hour",
                accounts.by_hour(),
                unit="short",
                style=common.GraphDrawStyle.BARS,
                stacked=True,
                low=0,
            ),
            panels.series(
                "每小时差额 / Difference by hour",
                accounts.difference_by_hour(),
                unit="short",
                style=common.GraphDrawStyle.BARS,
            ),
        ],
    )


def _sensors(city: City) -> Section:
    return Section(
        "设备 / Sensors",
        [
            panels.series(
                "每分钟读数 / Readings per minute",
                sensors.readings_per_minute(),
                unit="suffix:/min",
                low=0,
                interval="1m",
            ),
            panels.series(
                "未采用值占比 / Share of values that no figure uses",
                sensors.flagged_share(),
                unit="percentunit",
                low=0,
                interval="1h",
                description="可疑、无效或缺测。 / Flagged suspect, bad or missing.",
            ),
            silent_table(city, (24, 8)),
        ],
    )


def _aggregates(city: City) -> Section:
    names = {str(p.key): wording.name(p) for p in city.catalogue}
    return Section(
        "小时统计 / Hourly aggregates",
        [
            panels.series(
                "完整率 · 各级 / Completeness by level",
                queries.completeness("level", queries.dictionary(wording.LEVELS)),
                unit="percentunit",
                low=0,
                high=1,
            ),
            panels.series(
                "完整率 · 各因子 / Completeness by parameter (sensors)",
                queries.completeness("parameter", queries.dictionary(names), Level.SENSOR),
                unit="percentunit",
                low=0,
                high=1,
            ),
            panels.series(
                "有效小时占比 / Share of valid hours",
                queries.valid_share(),
                unit="percentunit",
                low=0,
                high=1,
            ),
            panels.figures(
                "无效设备小时 / Invalid sensor hours",
                queries.invalid_count(Level.SENSOR),
                size=(6, 8),
                no_value="0",
            ),
            panels.figures(
                "无效站点小时 / Invalid station hours",
                queries.invalid_count(Level.STATION),
                size=(6, 8),
                no_value="0",
            ),
        ],
    )
