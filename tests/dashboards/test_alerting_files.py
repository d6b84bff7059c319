"""Alert rules, contact points and policy as Grafana's files: each field that its documentation
wants, secrets by name only, and one thing in both files and pushes.

Documentation: "Use configuration files to provision alerting resources".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import City, rule_groups, rule_shape
from dashboards.notify import Addresses, contact_points
from onenet.init import VARIABLES
from tests.dashboards.conftest import panels_of
from tests.deploy.compose_file import environment, services

FOLDER = Path("deploy/grafana/provisioning/alerting")
DURATION = re.compile(r"(\d+[smhdw])+")
VARIABLE = re.compile(r"\$(\w+)")


def content(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in content("rules")["groups"] for rule in group["rules"]]


def seconds(text: str) -> int:
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return sum(int(number) * unit[of] for number, of in re.findall(r"(\d+)([smhd])", text))


def test_a_group_is_named_stands_in_the_boards_folder_and_is_asked_each_ten_seconds_or_so() -> None:
    provider = yaml.safe_load((FOLDER.parent / "dashboards/onenet.yaml").read_text("utf-8"))
    for group in content("rules")["groups"]:
        assert group["name"]
        assert "/" not in group["name"], "it is a part of a path of the HTTP API"
        assert group["folder"] == provider["providers"][0]["folder"]
        assert seconds(group["interval"]) % 10 == 0


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])
def test_a_rule_has_what_grafana_wants_of_it(rule: dict[str, Any], boards: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", rule["uid"])
    assert 0 < len(rule["title"]) <= 190
    assert rule["noDataState"] in ("OK", "NoData", "Alerting")
    assert rule["execErrState"] in ("OK", "Error", "Alerting")
    assert DURATION.fullmatch(rule["for"])
    refs = [one["refId"] for one in rule["data"]]
    assert len(refs) == len(set(refs))
    assert rule["condition"] == refs[-1]
    sources = yaml.safe_load((FOLDER.parent / "datasources/onenet.yaml").read_text("utf-8"))
    known = {one["uid"]: one["type"] for one in sources["datasources"]} | {"__expr__": "__expr__"}
    for one in rule["data"]:
        assert one["model"]["refId"] == one["refId"]
        assert one["model"]["datasource"]["uid"] == one["datasourceUid"]
        assert one["model"]["datasource"]["type"] == known[one["datasourceUid"]]
        if one["datasourceUid"] != "__expr__":
            assert one["relativeTimeRange"]["from"] > one["relativeTimeRange"]["to"]
    for one in rule["data"][1:]:
        assert one["model"]["expression"] in refs
    on = boards[rule["annotations"]["__dashboardUid__"]]
    assert int(rule["annotations"]["__panelId__"]) in {panel["id"] for panel in panels_of(on)}


def test_a_dollar_sign_stands_in_queries_only_where_grafana_leaves_it_alone() -> None:
    for rule in rules():
        shown = {k: v for k, v in rule.items() if k != "data"}
        assert "$" not in str(shown), rule["uid"]
        for one in rule["data"]:
            used = set(VARIABLE.findall(str(one["model"])))
            assert used <= {"__timeFilter"}, "a rule has no variables of a board"


def test_rules_watch_the_network_and_judge_nothing_that_it_measures() -> None:
    catalogue = {str(parameter.key) for parameter in City.demo().catalogue}
    for group in rule_groups(City.demo()):
        for rule in group.rules:
            words = set(re.findall(r"\w+", rule.query))
            assert not words & catalogue, f"{rule.key} asks for a parameter"
            assert "board_alert" not in words, f"{rule.key} repeats what the alert engine says"


def test_addresses_and_the_token_come_from_grafanas_environment() -> None:
    text = (FOLDER / "contact-points.yaml").read_text("utf-8")
    named = set(VARIABLE.findall(text))
    assert named == {"GRAFANA_ALERT_EMAIL", "GRAFANA_ALERT_WEBHOOK", "GRAFANA_ALERT_TOKEN"}
    assert named <= environment(services()["grafana"]).keys()
    assert named <= {variable.name for variable in VARIABLES}
    assert all(variable.make({}) for variable in VARIABLES if variable.name in named), (
        "Grafana does not start with a contact point without an address"
    )


def test_contact_points_have_what_grafana_wants_of_their_kind() -> None:
    points = content("contact-points")["contactPoints"]
    uids = [one["uid"] for point in points for one in point["receivers"]]
    assert len(uids) == len(set(uids))
    required = {"email": {"addresses"}, "webhook": {"url"}}
    for point in points:
        for one in point["receivers"]:
            assert required[one["type"]] <= one["settings"].keys()


def test_the_policy_sends_our_labels_to_contact_points_that_are_there() -> None:
    [root] = content("policies")["policies"]
    [ours] = root["routes"]
    [critical] = ours["routes"]
    names = {point["name"] for point in content("contact-points")["contactPoints"]}
    assert {root["receiver"], ours["receiver"], critical["receiver"]} == names
    assert "object_matchers" not in root, "the root takes everything"
    [[label, sign, value]] = ours["object_matchers"]
    assert sign == "="
    assert {rule["labels"][label] for rule in rules()} == {value}
    severities = {rule["labels"]["severity"] for rule in rules()}
    assert critical["object_matchers"] == [["severity", "=", "critical"]]
    assert severities == {"critical", "warning"}


def test_files_and_pushes_say_the_same() -> None:
    pushed = {r["uid"]: r for group in rule_shape.groups(City.demo()) for r in group["rules"]}
    for rule in rules():
        there = pushed[rule["uid"]]
        assert {k: there[k] for k in rule} == rule
    to = Addresses("a@city.example", "https://hook.example", "secret")
    assert {one["uid"] for one in contact_points(to)} == {
        one["uid"]
        for point in content("contact-points")["contactPoints"]
        for one in point["receivers"]
    }
