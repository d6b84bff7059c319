"""Grafana's alert rules: they watch the network itself, from ingest to the DAGs and certificates.

What the network measures is judged by our own engine (`alerts/`), whose alerts have grades,
evidence and a lifecycle; a rule here about a limit would be a second, poorer opinion of the same
thing. What stands here that engine cannot see: it hears nothing when nothing arrives, and cannot
tell that it is dead. The numbers are choices of operation, of no standard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from dashboards import pipeline_queries, rule_queries
from dashboards.alert_queries import Sql
from dashboards.city import City

PREFIX = "onenet-rule-"
_AIRFLOW = ("在 Airflow 中查看该 DAG 的最近运行。", "See the DAG's last runs in Airflow.")
Severity = Literal["critical", "warning"]
State = Literal["OK", "Alerting"]


@dataclass(frozen=True, slots=True)
class NetworkRule:
    """Fires while `query` gives a number beyond `limit`, once it did so for `lasting`.

    back: the time shown to the query. panel: of the pipeline's board, which shows the same. todo:
    in both languages. page: of the console. silent, failing: what it means when the query gives
    nothing, or cannot be asked; else a rule that cannot be asked is an error of its own.
    """

    key: str
    zh: str
    en: str
    query: str
    beyond: Literal["gt", "lt"]
    limit: float
    lasting: timedelta
    severity: Severity
    todo: tuple[str, str]
    panel: str = ""
    page: str = "/"
    back: timedelta = timedelta(hours=1)
    silent: State = "OK"
    failing: Literal["Error", "Alerting"] = "Error"

    @property
    def uid(self) -> str:
        return PREFIX + self.key


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are asked together, every so many seconds."""

    name: str
    every_s: int
    rules: tuple[NetworkRule, ...]


def rule_groups(city: City) -> list[RuleGroup]:
    return [
        RuleGroup("onenet-ingest", 60, tuple(_ingest(city))),
        RuleGroup("onenet-delivery", 60, tuple(_delivery())),
        RuleGroup("onenet-schedule", 300, tuple(_schedule())),
    ]


def _ingest(city: City) -> Iterator[NetworkRule]:
    minutes = timedelta(minutes=1)
    yield NetworkRule(
        "ingest-silent",
        "某介质没有读数入库",
        "No readings of a medium arrive",
        rule_queries.heard(city),
        "lt",
        1,
        5 * minutes,
        "critical",
        (
            "检查消息代理、摄入进程与时序库；单台设备静默由工单处理。",
            "Check broker, ingest workers and store; a single silent sensor has a work order.",
        ),
        panel="每分钟读数 / Readings per minute",
        silent="Alerting",
    )
    yield NetworkRule(
        "account-difference",
        "账目不平",
        "The account does not balance",
        rule_queries.difference(),
        "gt",
        0,
        10 * minutes,
        "critical",
        (
            "有读数既未入库也未拒收：查看摄入日志，不要清空消息队列。",
            "Readings were neither stored nor refused: see ingest's log, purge no queue.",
        ),
        panel="差额 / Difference",
        back=timedelta(hours=24),
    )
    yield NetworkRule(
        "dead-letter-share",
        "死信比例过高",
        "Too large a share is dead-lettered",
        rule_queries.refused_share(),
        "gt",
        1,
        10 * minutes,
        "warning",
        (
            "按原因查看死信；原因消除后重放。",
            "See the dead letters by reason; replay them when the cause is mended.",
        ),
        panel="拒收原因 / Refusals by reason",
        page="/deadletters",
        back=timedelta(hours=1),
    )
    yield NetworkRule(
        "store-refuses",
        "时序库拒收读数",
        "The time-series store refuses readings",
        pipeline_queries.refused_by_store(),
        "gt",
        0,
        timedelta(0),
        "warning",
        (
            "死信 store_refused 中有库的回答：字段类型冲突或超出保留期。",
            "The dead letters store_refused hold its answer: a field's type, or beyond retention.",
        ),
        panel="拒收原因 / Refusals by reason",
        page="/deadletters?code=store_refused",
    )
    yield NetworkRule(
        "writes-cut-off",
        "写入中断未完成",
        "Writes were begun and not ended",
        rule_queries.cut_off(),
        "gt",
        0,
        10 * minutes,
        "critical",
        (
            "摄入宣布了写入但未完成：查看其日志与时序库的磁盘。",
            "Ingest announced a write and did not end it: see its log and the store's disk.",
        ),
        panel="每小时去向 / What became of the readings, by hour",
        back=timedelta(days=2),
    )
    yield NetworkRule(
        "store-answers",
        "时序库没有应答",
        "The time-series store does not answer",
        rule_queries.answers(),
        "lt",
        0,  # which no count is: it is the failure of the question that fires
        2 * minutes,
        "critical",
        ("检查 InfluxDB 与 Grafana 的令牌。", "Check InfluxDB, and Grafana's token."),
        panel="收到 / Received",
        failing="Alerting",
    )


def _delivery() -> Iterator[NetworkRule]:
    yield NetworkRule(
        "outbox-stuck",
        "消息滞留",
        "Messages to people are stuck",
        pipeline_queries.stuck(),
        "gt",
        0,
        timedelta(minutes=5),
        "critical",
        (
            "检查 alerts 进程与送达渠道；告警没有到人。",
            "Check the process that delivers, and its channels: alerts do not reach people.",
        ),
        panel="未送出的消息 / Messages not delivered",
        page="/alerts",
    )
    yield NetworkRule(
        "channel-down",
        "送达渠道中断",
        "A channel of delivery is down",
        pipeline_queries.channels_down(),
        "gt",
        pipeline_queries.STUCK_MINUTES,
        timedelta(minutes=5),
        "warning",
        ("检查该渠道的地址与凭据。", "Check that channel's address and credentials."),
        panel="送达渠道 / Channels of delivery",
    )
    yield NetworkRule(
        "registry-answers",
        "登记库没有应答",
        "The registry does not answer",
        Sql("SELECT 1 AS up"),
        "lt",
        1,
        timedelta(minutes=2),
        "critical",
        ("检查 PostgreSQL 与用户 registry_grafana。", "Check PostgreSQL and registry_grafana."),
        panel="未送出的消息 / Messages not delivered",
        failing="Alerting",
    )


def _schedule() -> Iterator[NetworkRule]:
    yield NetworkRule(
        "hours-late",
        "小时统计迟到",
        "Hourly aggregates are late",
        rule_queries.minutes_since_the_last_hour(),
        "gt",
        90,  # the next hour is due after 65 min
        timedelta(minutes=10),
        "critical",
        _AIRFLOW,
        panel="有效小时占比 / Share of valid hours",
        back=timedelta(days=7),
        silent="Alerting",
    )
    yield NetworkRule(
        "days-late",
        "日评价迟到",
        "Daily assessment is late",
        rule_queries.hours_since_the_last_day(),
        "gt",
        26,  # the next day is due after 24 h 20 min
        timedelta(minutes=30),
        "warning",
        _AIRFLOW,
        panel="有效小时占比 / Share of valid hours",
        back=timedelta(days=14),
    )
    yield NetworkRule(
        "late-data-waits",
        "迟到数据未重评",
        "Late data are not judged again",
        rule_queries.waiting_hours(),
        "gt",
        3,  # hours; one or two may wait between two runs of late_data
        timedelta(minutes=30),
        "warning",
        _AIRFLOW,
        panel="有效小时占比 / Share of valid hours",
        back=timedelta(days=36),  # as far back as a reading is accepted
    )
    yield _round(
        "alerts-late",
        ("告警判定迟到", "Alerts are judged late"),
        "alert_thresholds",
        10,  # minutes; it runs each
        "critical",
    )
    yield _round(
        "watch-late",
        ("设备巡检迟到", "The watch over sensors is late"),
        "network_health",
        45,  # it runs each 15 min
        "warning",
    )
    yield from (
        _certificate("certificate-ends", 21, "warning"),
        _certificate("certificate-ends-soon", 7, "critical"),
    )


def _round(
    key: str, title: tuple[str, str], dag: str, minutes: int, severity: Severity
) -> NetworkRule:
    return NetworkRule(
        key,
        *title,
        pipeline_queries.minutes_since_a_round(dag),
        "gt",
        minutes,
        timedelta(minutes=5),
        severity,
        _AIRFLOW,
        panel="DAG 最近一轮 / Last rounds of DAGs",
    )


def _certificate(key: str, days: int, severity: Severity) -> NetworkRule:
    return NetworkRule(
        key,
        f"证书剩余不足 {days} 天",
        f"A certificate holds for less than {days} days",
        pipeline_queries.certificate_days(),
        "lt",
        days,
        timedelta(minutes=30),
        severity,
        (
            "换发证书（见部署文档）；-1 表示读不到证书。",
            "Renew it (docs/deployment.md); -1 means that none could be read.",
        ),
        panel="证书 / Certificates",
    )
