"""The board of the pipeline: is every reading accounted for, who is silent, what is usable, and do
messages reach people.
"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models import common, dashboard

from dashboards import accounts, choices, panels, pipeline_queries, queries, sensors, wording
from dashboards.city import City
from dashboards.layout import Section
from dashboards.layout import board as frame
from dashboards.watch import difference_stat, silent_stat, silent_table, total_stat
from schemas import Level

_TIME: dict[str, Any] = {"unit": "dateTimeAsLocal"}
CHANNEL_COLUMNS: dict[str, dict[str, Any]] = {
    "channel": {"displayName": "渠道 / Channel"},
    "down": {"displayName": "中断 / Down for", "unit": "m", "decimals": 0},
    "failures": {"displayName": "连续失败 / Failures in a row"},
    "worked": {"displayName": "最近成功 / Last worked", **_TIME},
    "failed": {"displayName": "最近失败 / Last failed", **_TIME},
}
REFUSAL_COLUMNS: dict[str, dict[str, Any]] = {
    "code": {
        "displayName": "代码 / Code",
        "links": [panels.link("死信 / Dead letters", "${console}/deadletters")],
    },
    "reason": {"displayName": "原因 / Reason"},
    "messages": {"displayName": "报文 / Messages"},
    "readings": {"displayName": "读数 / Readings"},
    "replayed": {"displayName": "已重放 / Replayed"},
    "last": {"displayName": "最近 / Last", **_TIME},
}
CERTIFICATE_COLUMNS: dict[str, dict[str, Any]] = {
    "subject": {"displayName": "地址 / Address"},
    "days": {"displayName": "剩余天数 / Days left", "decimals": 0, "unit": "d"},
    "label": {"displayName": "说明 / Remark"},
    "made": {"displayName": "查看时间 / Looked at", **_TIME},
}


def board(city: City) -> dashboard.Dashboard:
    return frame(
        "onenet-pipeline",
        "管道健康 / Pipeline health",
        [_account(city), _sensors(city), _delivery(), _aggregates(city)],
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


def _delivery() -> Section:
    return Section(
        "送达、拒收与证书 / Delivery, refusals and certificates",
        [
            panels.figures(
                "未送出的消息 / Messages not delivered",
                pipeline_queries.waiting(),
                size=(6, 8),
                no_value="0",
                columns={
                    "waiting": {"displayName": "等待 / Waiting"},
                    "stuck": {"displayName": "滞留 / Stuck"},
                },
                description=f"滞留：超过 {pipeline_queries.STUCK_MINUTES} 分钟。 / Stuck: for more "
                f"than {pipeline_queries.STUCK_MINUTES} minutes.",
            ),
            panels.rows(
                "送达渠道 / Channels of delivery",
                pipeline_queries.channels(),
                columns=CHANNEL_COLUMNS,
                size=(18, 8),
                no_value="无 / none",
            ),
            panels.rows(
                "拒收原因 / Refusals by reason",
                pipeline_queries.refusals(),
                columns=REFUSAL_COLUMNS,
                size=(24, 8),
                no_value="无 / none",
            ),
            panels.rows(
                "证书 / Certificates",
                pipeline_queries.certificates(),
                columns=CERTIFICATE_COLUMNS,
                size=(14, 8),
                no_value="无 / none",
                description="ONENET_CERTIFICATES 所列地址，每 15 分钟查看。 / Those that "
                "ONENET_CERTIFICATES names, looked at every 15 min.",
            ),
            panels.rows(
                "DAG 最近一轮 / Last rounds of DAGs",
                pipeline_queries.rounds(),
                columns={
                    "dag": {"displayName": "DAG"},
                    "made": {"displayName": "完成 / Went its round", **_TIME},
                },
                size=(10, 8),
                no_value="无 / none",
            ),
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
