"""Alert rules as Grafana's HTTP API takes them, typed by its SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.models import alerting, dashboard, expr

from dashboards import pipeline
from dashboards.alert_queries import Sql
from dashboards.city import City
from dashboards.encoding import duration, plain
from dashboards.layout import DATASOURCE_UID, FOLDER_UID, REGISTRY_UID
from dashboards.network_rules import NetworkRule, RuleGroup, rule_groups
from dashboards.panels import POSTGRES
from dashboards.wording import both

ORGANISATION = 1
NETWORK = ("network", "one-network")  # the label by which our notification policy knows our alerts
BOARD = "onenet-pipeline"
# Those that Grafana would put in, so that what is read back is what was sent.
INTERVAL_MS, MOST_POINTS = 1000, 43200


def groups(city: City) -> list[dict[str, Any]]:
    """All groups of rules."""
    panels = {panel.title: panel.id_val for panel in _panels(pipeline.board(city))}
    return [
        plain(
            alerting.RuleGroup(
                folder_uid=FOLDER_UID,
                interval=group.every_s,
                title=group.name,
                rules=[_rule(one, group, panels[one.panel], city) for one in group.rules],
            )
        )
        for group in rule_groups(city)
    ]


def _panels(board: dashboard.Dashboard) -> Iterator[dashboard.Panel]:
    for panel in board.panels or ():
        if isinstance(panel, dashboard.RowPanel):
            yield from panel.panels
        else:
            yield panel


def _rule(rule: NetworkRule, group: RuleGroup, panel: int | None, city: City) -> alerting.Rule:
    return alerting.Rule(
        uid=rule.uid,
        org_id=ORGANISATION,
        folder_uid=FOLDER_UID,
        rule_group=group.name,
        title=both(rule.zh, rule.en),
        condition="C",
        data=_data(rule),
        no_data_state=rule.silent,
        exec_err_state=rule.failing,
        for_val=duration(rule.lasting.total_seconds()),
        is_paused=False,
        labels={NETWORK[0]: NETWORK[1], "severity": rule.severity},
        annotations={
            # No dollar signs: in files Grafana takes them for its environment.
            "summary": both(rule.zh, rule.en),
            "description": " / ".join(rule.todo),
            "runbook_url": city.console + rule.page,
            "__dashboardUid__": BOARD,
            "__panelId__": str(panel),
        },
    )


def _data(rule: NetworkRule) -> list[alerting.Query]:
    """The question, its last number where it is a series, and the limit."""
    of_registry = isinstance(rule.query, Sql)
    asked = {"rawSql": str(rule.query), "rawQuery": True, "format": "table"}
    model = {
        "refId": "A",
        "datasource": {"type": POSTGRES, "uid": REGISTRY_UID}
        if of_registry
        else {"type": "influxdb", "uid": DATASOURCE_UID},
        **(asked if of_registry else {"query": rule.query}),
        "intervalMs": INTERVAL_MS,
        "maxDataPoints": MOST_POINTS,
    }
    question = alerting.Query(
        ref_id="A",
        datasource_uid=REGISTRY_UID if of_registry else DATASOURCE_UID,
        model=UnknownDataquery(model),
        relative_time_range=alerting.RelativeTimeRange(int(rule.back.total_seconds()), 0),
    )
    # A table of numbers and words needs no reduction: each row is an alert of its own.
    last = (
        [] if of_registry else [_expression(expr.TypeReduce(**_shared("B", "A"), reducer="last"))]
    )
    beyond = expr.ExprTypeThresholdConditionsEvaluator([rule.limit], rule.beyond)
    limit = expr.TypeThreshold(
        **_shared("C", "A" if of_registry else "B"),
        conditions=[expr.ExprTypeThresholdConditions(evaluator=beyond)],
    )
    return [question, *last, _expression(limit)]


def _shared(ref: str, of: str) -> dict[str, Any]:
    return {
        "ref_id": ref,
        "expression": of,
        "datasource": dashboard.DataSourceRef("__expr__", "__expr__"),
        "interval_ms": INTERVAL_MS,
        "max_data_points": MOST_POINTS,
    }


def _expression(made: expr.TypeReduce | expr.TypeThreshold) -> alerting.Query:
    return alerting.Query(
        ref_id=made.ref_id,
        datasource_uid="__expr__",
        model=made,
        relative_time_range=alerting.RelativeTimeRange(0, 0),
    )
