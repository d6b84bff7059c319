"""The stand-in for Grafana is strict: each thing that we push, spoilt in one way, is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest

from dashboards import Addresses, City, push, rule_shape
from dashboards.notify import contact_points, policy
from tests.dashboards.grafana_double import Double, serve

Body = dict[str, Any]
Spoil = Callable[[Body], object]
TO = Addresses("duty@city.example", "https://hook.example", "t")


@pytest.fixture(scope="module")
def grafana() -> Iterator[Double]:
    with serve(Double()) as double:
        push(double.url, double.token, City.demo(), TO)
        yield double


def send(grafana: Double, method: str, path: str, body: Body) -> tuple[int, str]:
    answer = httpx.request(
        method,
        f"{grafana.url}/api{path}",
        json=body,
        headers={"Authorization": f"Bearer {grafana.token}"},
    )
    return answer.status_code, answer.text


def rules() -> Body:
    return deepcopy(rule_shape.groups(City.demo())[1])


def rule(spoil: Spoil) -> Spoil:
    return lambda group: spoil(group["rules"][0])


def query(spoil: Spoil) -> Spoil:
    return rule(lambda one: spoil(one["data"][0]))


GROUP = "/v1/provisioning/folder/one-network/rule-groups/onenet-delivery"
RULES: list[tuple[Spoil, int, str]] = [
    (lambda g: g.update(interval=15), 400, "interval"),
    (lambda g: g.update(interval="60s"), 400, "interval"),
    *((rule(lambda r, k=key: r.pop(k)), 400, key) for key in ("title", "for", "data", "condition")),
    (rule(lambda r: r.pop("folderUID")), 400, "folderUID"),
    (rule(lambda r: r.update(uid="x" * 41)), 400, "40 characters"),
    (rule(lambda r: r.update(uid="a b")), 400, "40 characters"),
    (rule(lambda r: r.update(title="x" * 191)), 400, "190"),
    (rule(lambda r: r.update(orgID=0)), 400, "organisation"),
    (rule(lambda r: r.update(noDataState="Ok")), 400, "NoData state"),
    (rule(lambda r: r.update(execErrState="error")), 400, "Error state"),
    (rule(lambda r: r.update({"for": "5 min"})), 400, "duration"),
    (rule(lambda r: r.update(condition="Z")), 400, "condition"),
    (rule(lambda r: r["labels"].update(n=1)), 400, "texts"),
    (rule(lambda r: r["annotations"].pop("__dashboardUid__")), 400, "Dashboard UID"),
    (query(lambda q: q.pop("datasourceUid")), 400, "data source"),
    (query(lambda q: q.pop("relativeTimeRange")), 400, "relative time range"),
    (query(lambda q: q.update(relativeTimeRange={"from": 0, "to": 60})), 400, "relative"),
    (rule(lambda r: r["data"][-1]["model"].update(expression="Z")), 400, "of no query"),
    (rule(lambda r: r.update(uid="onenet-rule-ingest-silent")), 409, "unique"),
    (lambda g: g["rules"].append(g["rules"][0] | {"uid": "two"}), 409, "unique"),
]


@pytest.mark.parametrize(("spoil", "status", "says"), RULES)
def test_a_spoilt_rule_is_refused(grafana: Double, spoil: Spoil, status: int, says: str) -> None:
    assert send(grafana, "PUT", GROUP, rules())[0] == 200
    spoilt = rules()
    spoil(spoilt)
    got, said = send(grafana, "PUT", GROUP, spoilt)
    assert (got, says in said) == (status, True), said


def test_rules_want_their_folder(grafana: Double) -> None:
    other = GROUP.replace("one-network", "nowhere")
    assert send(grafana, "PUT", other, rules()) == (404, '{"message": "folder not found"}')


POINTS: list[tuple[Spoil, str]] = [
    (lambda p: p.pop("name"), "no name"),
    (lambda p: p.update(type="pigeon"), "pigeon"),
    (lambda p: p.pop("settings"), "settings"),
    (lambda p: p["settings"].update(url=""), "'url'"),
    (lambda p: p["settings"].update(username="u"), "Authorization Header"),
]


@pytest.mark.parametrize(("spoil", "says"), POINTS)
def test_a_spoilt_contact_point_is_refused(grafana: Double, spoil: Spoil, says: str) -> None:
    path = "/v1/provisioning/contact-points"
    good = contact_points(TO)[1]
    assert send(grafana, "PUT", f"{path}/{good['uid']}", good)[0] == 202
    spoilt = deepcopy(good)
    spoil(spoilt)
    got, said = send(grafana, "PUT", f"{path}/{good['uid']}", spoilt)
    assert (got, says in said) == (400, True), said
    assert send(grafana, "POST", path, good)[0] == 400, "the uid is taken"
    assert send(grafana, "PUT", f"{path}/unknown", good)[0] == 404


TREES: list[tuple[Spoil, str]] = [
    (lambda t: t.pop("receiver"), "default receiver"),
    (lambda t: t.update(object_matchers=[["a", "=", "b"]]), "must not have any matchers"),
    (lambda t: t["routes"][0].update(receiver="nobody"), "does not exist"),
    (lambda t: t["routes"][0].update(group_by=["a", "a"]), "group_by"),
    (lambda t: t["routes"][0].update(group_wait="soon"), "duration"),
    (lambda t: t["routes"][0].update(object_matchers=[["a", "==", "b"]]), "matcher"),
]


@pytest.mark.parametrize(("spoil", "says"), TREES)
def test_a_spoilt_policy_is_refused(grafana: Double, spoil: Spoil, says: str) -> None:
    path = "/v1/provisioning/policies"
    good = {"receiver": "grafana-default-email", "routes": [policy()]}
    spoilt = deepcopy(good)
    spoil(spoilt)
    got, said = send(grafana, "PUT", path, spoilt)
    assert (got, says in said) == (400, True), said


BOARDS: list[tuple[Body, Body, int]] = [
    ({"title": ""}, {}, 400),
    ({"uid": "x" * 41}, {}, 400),
    ({"uid": "a/b"}, {}, 400),
    ({}, {"folderUid": "nowhere"}, 400),
    ({"version": 7}, {}, 412),
    ({"uid": "unheard-of", "id": 9}, {}, 404),
]


@pytest.mark.parametrize(("of_board", "of_body", "status"), BOARDS)
def test_a_spoilt_board_is_refused(
    grafana: Double, of_board: Body, of_body: Body, status: int
) -> None:
    board = grafana.boards["onenet-alerts"]["dashboard"]
    body = {"dashboard": board | of_board, "folderUid": "one-network", "overwrite": False}
    assert send(grafana, "POST", "/dashboards/db", body | of_body)[0] == status


def test_a_board_without_its_version_wants_to_be_told_to_overwrite(grafana: Double) -> None:
    board = {k: v for k, v in grafana.boards["onenet-soil"]["dashboard"].items() if k != "version"}
    body = {"dashboard": board, "folderUid": "one-network"}
    assert send(grafana, "POST", "/dashboards/db", body)[0] == 412
    assert send(grafana, "POST", "/dashboards/db", body | {"overwrite": True})[0] == 200


def test_folders_have_valid_uids_and_are_made_once(grafana: Double) -> None:
    assert send(grafana, "POST", "/folders", {"uid": "one-network", "title": "x"})[0] == 409
    assert send(grafana, "POST", "/folders", {"uid": "a b", "title": "x"})[0] == 400
    assert send(grafana, "POST", "/folders", {"uid": "new"})[0] == 400
    stale = {"title": "x", "version": 99}
    assert send(grafana, "PUT", "/folders/one-network", stale)[0] == 412
