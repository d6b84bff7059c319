"""Boards, rules and whom to tell go into Grafana once; doing it again changes nothing; errors say
what to do. The Grafana is a strict stand-in (`grafana_double`).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dashboards import BOARDS, Addresses, Change, City, diff, push, rule_groups
from onenet.cli import app
from registry import migrate, open_registry, seed_demo_city
from tests.dashboards.grafana_double import Double, serve
from tests.dashboards.grafana_double_alerting import Alerting

TO = Addresses("duty@city.example", "https://hook.example/x", "s3cret")
GROUPS = [group.name for group in rule_groups(City.demo())]
POINTS = ["onenet-mail", "onenet-duty-hook", "onenet-duty-mail"]
EVERYTHING = ["one-network", *BOARDS, *GROUPS, *POINTS, "one-network-mail"]


@pytest.fixture
def grafana() -> Iterator[Double]:
    with serve(Double()) as double:
        yield double


def changed(double: Double, city: City, *, force: bool = False) -> list[str]:
    """Names of what a push wrote."""
    pushed = push(double.url, double.token, city, TO, force=force)
    return [one.change.name for one in pushed if one.done]


def differing(double: Double, city: City) -> dict[str, Change]:
    return {one.name: one for one in diff(double.url, double.token, city, TO)}


# Pushing


def test_pushing_again_changes_nothing(grafana: Double, city: City) -> None:
    assert changed(grafana, city) == EVERYTHING
    assert grafana.folders["one-network"]["title"] == "One Network 一张网"
    assert {b["meta"]["folderUid"] for b in grafana.boards.values()} == {"one-network"}
    before = list(grafana.writes)
    assert changed(grafana, city) == []
    assert grafana.writes == before
    assert {b["dashboard"]["version"] for b in grafana.boards.values()} == {1}


def test_a_changed_city_changes_only_its_boards(grafana: Double, city: City) -> None:
    changed(grafana, city)
    fewer = replace(city, stations=tuple(s for s in city.stations if s.id != "st-soil-lianhua"))
    assert "onenet-soil" in changed(grafana, fewer)
    assert grafana.boards["onenet-soil"]["dashboard"]["version"] == 2
    assert grafana.boards["onenet-noise"]["dashboard"]["version"] == 1


def test_rules_follow_the_city(grafana: Double, city: City) -> None:
    changed(grafana, city)
    elsewhere = replace(city, console="https://console.example")
    assert set(GROUPS) <= set(changed(grafana, elsewhere))
    slower = [s.model_copy(update={"cadence_s": 7200}) for s in city.sensors]
    quiet = replace(elsewhere, sensors=tuple(slower))
    assert "onenet-ingest" in differing(grafana, quiet)
    assert "onenet-delivery" not in differing(grafana, quiet)


def test_a_board_moved_elsewhere_comes_back(grafana: Double, city: City) -> None:
    changed(grafana, city)
    grafana.boards["onenet-city"]["meta"]["folderUid"] = ""
    grafana.folders["one-network"]["title"] = "mine"
    assert changed(grafana, city) == ["one-network", "onenet-city"]
    assert grafana.folders["one-network"]["title"] == "One Network 一张网"


def test_what_somebody_edited_is_left_alone_until_forced(grafana: Double, city: City) -> None:
    changed(grafana, city)
    grafana.edit("onenet-air", title="mine")
    pushed = {one.change.name: one for one in push(grafana.url, grafana.token, city, TO)}
    assert pushed["onenet-air"].left_alone
    assert pushed["onenet-air"].change.who == "li, 2026-11-24T08:00:00Z"
    assert not any(one.done for one in pushed.values())
    assert grafana.boards["onenet-air"]["dashboard"]["title"] == "mine"
    assert "onenet-air" in changed(grafana, city, force=True)
    assert grafana.boards["onenet-air"]["dashboard"]["title"] != "mine"
    assert changed(grafana, city) == []


def test_an_older_grafana_gives_the_history_as_a_list(
    grafana: Double, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(grafana, city)
    grafana.edit("onenet-air", title="mine")
    newer = Double._board

    def older(self: Double, rest: str) -> tuple[int, Any]:
        status, said = newer(self, rest)
        return status, said["versions"] if rest.endswith("/versions") else said

    monkeypatch.setattr(Double, "_board", older)
    assert differing(grafana, city)["onenet-air"].state == "by hand"


def test_rules_that_somebody_made_in_grafana_are_left_alone(grafana: Double, city: City) -> None:
    changed(grafana, city)
    [group] = [g for (_, name), g in grafana.alerting.groups.items() if name == "onenet-delivery"]
    group["rules"][0] |= {"provenance": "", "isPaused": True}
    change = differing(grafana, city)["onenet-delivery"]
    assert (change.state, change.where) == ("by hand", ("onenet-rule-outbox-stuck.isPaused",))
    assert changed(grafana, city) == []
    assert "onenet-delivery" in changed(grafana, city, force=True)
    assert differing(grafana, city) == {}


def test_a_rule_too_many_or_too_few_in_our_group_is_put_right(grafana: Double, city: City) -> None:
    changed(grafana, city)
    group = grafana.alerting.groups["one-network", "onenet-schedule"]
    removed = group["rules"].pop()
    assert differing(grafana, city)["onenet-schedule"].where == (removed["uid"],)
    group["rules"].append(removed | {"uid": "another", "title": "another"})
    assert changed(grafana, city) == ["onenet-schedule"]
    kept = grafana.alerting.groups["one-network", "onenet-schedule"]["rules"]
    assert "another" not in {rule["uid"] for rule in kept}


def test_the_rest_of_the_policy_tree_stays_and_stays_editable(grafana: Double, city: City) -> None:
    theirs = {"receiver": "grafana-default-email", "object_matchers": [["team", "=", "web"]]}
    grafana.alerting.tree["routes"] = [theirs]
    changed(grafana, city)
    tree = grafana.alerting.tree
    assert tree["receiver"] == "grafana-default-email"
    assert tree["routes"][1:] == [theirs]
    assert "provenance" not in tree
    ours = tree["routes"][0]
    assert ours["object_matchers"] == [["network", "=", "one-network"]]
    tree["routes"] = [theirs, ours | {"repeat_interval": "4h"}]
    assert differing(grafana, city)["one-network-mail"].where == ("repeat_interval",)
    assert changed(grafana, city) == ["one-network-mail"]
    assert [r["object_matchers"][0][0] for r in grafana.alerting.tree["routes"]] == [
        "network",
        "team",
    ]


def test_addresses_are_sent_and_a_hidden_token_only_when_forced(
    grafana: Double, city: City
) -> None:
    changed(grafana, city)
    hook = grafana.alerting.points["onenet-duty-hook"]["settings"]
    assert (hook["url"], hook["authorization_credentials"]) == (TO.webhook, TO.token)
    other = replace(TO, email="night@city.example", token="new")
    found = {one.name: one for one in diff(grafana.url, grafana.token, city, other)}
    assert set(found) == {"onenet-mail", "onenet-duty-mail"}, "Grafana does not show the token"
    push(grafana.url, grafana.token, city, other)
    assert hook["authorization_credentials"] == TO.token
    push(grafana.url, grafana.token, city, other, force=True)
    hook = grafana.alerting.points["onenet-duty-hook"]["settings"]
    assert hook["authorization_credentials"] == "new"


def test_without_addresses_nobodys_notifications_are_touched(grafana: Double, city: City) -> None:
    push(grafana.url, grafana.token, city)
    assert grafana.alerting.points == {}
    assert grafana.alerting.tree == Alerting().tree
    assert set(grafana.alerting.groups) == {("one-network", name) for name in GROUPS}


def test_a_grafana_under_a_path_is_found(city: City) -> None:
    with serve(Double(prefix="/grafana")) as grafana:
        assert changed(grafana, city) == EVERYTHING


# Comparing


def test_diff_writes_nothing_and_names_what_differs(grafana: Double, city: City) -> None:
    assert {(one.name, one.state) for one in differing(grafana, city).values()} == {
        (name, "new") for name in EVERYTHING
    }
    assert grafana.writes == []
    changed(grafana, city)
    assert differing(grafana, city) == {}
    board = deepcopy(grafana.boards["onenet-alerts"]["dashboard"])
    board["panels"][1]["title"] = "mine"
    grafana.edit("onenet-alerts", panels=board["panels"], refresh="5s")
    found = differing(grafana, city)["onenet-alerts"]
    assert found.state == "by hand"
    assert found.where == ("panels[1].title", "refresh")


# Refusals


@pytest.mark.parametrize(
    ("double", "token", "says"),
    [
        (Double(), "wrong", "does not know this token"),
        (Double(), "", "make one for a service account"),
        (Double(role="Viewer"), "right", "lacks the permission folders:create; .* role Editor"),
        (Double(provisioned=True), "right", "the boards of this Grafana come from files"),
    ],
)
def test_a_refusal_says_what_to_do(double: Double, token: str, says: str, city: City) -> None:
    with serve(double), pytest.raises(ValueError, match=says):
        push(double.url, token, city, TO)


@pytest.mark.parametrize(
    ("what", "thing"),
    [
        ("alert rules", lambda g: next(iter(g.alerting.groups.values()))["rules"][0]),
        ("contact points", lambda g: g.alerting.points["onenet-mail"]),
        ("notification policy", lambda g: g.alerting.tree),
        ("boards", lambda g: g.boards["onenet-air"]["meta"]),
    ],
)
def test_what_comes_from_files_is_not_pushed(
    what: str, thing: Any, grafana: Double, city: City
) -> None:
    changed(grafana, city)
    thing(grafana).update(provenance="file", provisioned=True)
    before = list(grafana.writes)
    with pytest.raises(ValueError, match=f"the {what} of this Grafana come from files"):
        diff(grafana.url, grafana.token, city, TO)
    assert grafana.writes == before


def test_a_missing_right_about_alerting_is_named(
    grafana: Double, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(grafana, city)
    grafana.role = "Viewer"
    del grafana.alerting.groups["one-network", "onenet-ingest"]
    with pytest.raises(ValueError, match=r"lacks the permission alert\.provisioning:write"):
        push(grafana.url, grafana.token, city, TO)


def test_who_saves_at_the_same_moment_is_not_overwritten(grafana: Double, city: City) -> None:
    changed(grafana, city)
    grafana.meanwhile = lambda double: double.edit("onenet-city", title="theirs")
    elsewhere = replace(city, console="https://console.example")
    with pytest.raises(ValueError, match=r"changed Grafana .* run the command again"):
        push(grafana.url, grafana.token, elsewhere, TO)
    assert grafana.boards["onenet-city"]["dashboard"]["title"] == "theirs"


def test_a_folder_that_somebody_renames_at_the_same_moment(grafana: Double, city: City) -> None:
    changed(grafana, city)
    grafana.folders["one-network"]["title"] = "mine"
    grafana.meanwhile = lambda double: double.folders["one-network"].update(version=9)
    with pytest.raises(ValueError, match="run the command again"):
        push(grafana.url, grafana.token, city, TO)
    assert changed(grafana, city) == ["one-network"]


def test_a_server_that_is_no_grafana_is_told_apart(city: City) -> None:
    with serve(Double(prefix="/elsewhere")) as other:
        host = other.url.removesuffix("/elsewhere")
        with pytest.raises(ValueError, match="not as a Grafana"):
            push(host, "right", city)


def test_nobody_there_is_said_in_one_line(city: City) -> None:
    with pytest.raises(ConnectionError, match="no Grafana answers at") as caught:
        push(nowhere(), "right", city)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://x", "http://", ""])
def test_an_address_that_is_none_is_refused(url: str, city: City) -> None:
    with pytest.raises(ValueError, match="no address of a Grafana"):
        push(url, "right", city)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("a@b.example", "", "t"), "GRAFANA_ALERT_WEBHOOK: missing"),
        (("a.example", "https://h", "t"), "GRAFANA_ALERT_EMAIL: 'a.example' is no address"),
        (("a@b.example;", "https://h", "t"), "GRAFANA_ALERT_EMAIL: '' is no address"),
        (("a@b.example", "hook", "t"), "GRAFANA_ALERT_WEBHOOK: 'hook' is no address"),
    ],
)
def test_addresses_that_are_none_are_refused(given: tuple[str, str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Addresses.given(*given)
    assert Addresses.given("", " ", "") is None
    assert Addresses.given("a@b.example; c@d.example", "https://h", "t") is not None


# The commands


def nowhere() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def command(tmp_path: object, monkeypatch: pytest.MonkeyPatch, grafana: Double) -> Any:
    url = f"sqlite:///{tmp_path}/registry.db"
    migrate(url)
    seed_demo_city(open_registry(url))
    for name, value in {
        "ONENET_REGISTRY_URL": url,
        "GRAFANA_URL": grafana.url,
        "GRAFANA_TOKEN": grafana.token,
        "ONENET_CONSOLE_URL": "https://console.example",
        "GRAFANA_ALERT_EMAIL": TO.email,
        "GRAFANA_ALERT_WEBHOOK": TO.webhook,
        "GRAFANA_ALERT_TOKEN": TO.token,
    }.items():
        monkeypatch.setenv(name, value)

    def run(*words: str, **env: str) -> Result:
        return CliRunner().invoke(app, ["dashboards", *words], env=env)

    return run


def test_the_commands_push_and_compare_the_registrys_city(command: Any, grafana: Double) -> None:
    before = command("diff")
    assert before.exit_code == 1
    assert "new board onenet-air" in before.stdout.splitlines()
    first = command("push")
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines()[:2] == [
        "pushed folder one-network",
        "pushed board onenet-city",
    ]
    assert first.stdout.splitlines()[-1] == f"{len(EVERYTHING)} of {len(EVERYTHING)} changed"
    again = command("push")
    assert again.stdout.splitlines()[1] == "unchanged board onenet-city"
    assert again.stdout.splitlines()[-1] == "nothing changed"
    after = command("diff")
    assert (after.exit_code, after.stdout) == (0, "no difference\n")
    variables = grafana.boards["onenet-air"]["dashboard"]["templating"]["list"]
    assert "https://console.example" in [v.get("query") for v in variables]
    assert TO.token not in before.output + first.output + again.output


def test_the_commands_tell_of_edits_by_hand(command: Any, grafana: Double) -> None:
    command("push")
    grafana.edit("onenet-air", title="mine", refresh="5s")
    told = command("diff")
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        "by hand board onenet-air (li, 2026-11-24T08:00:00Z)",
        "  refresh",
        "  title",
    ]
    left = command("push")
    assert left.exit_code == 1
    assert "left alone board onenet-air: changed by hand (li" in left.stderr
    assert "--force" in left.stderr
    assert command("push", "--force").exit_code == 0
    assert command("diff").exit_code == 0


def test_the_commands_say_when_nobody_is_told(command: Any) -> None:
    none = dict.fromkeys(
        ("GRAFANA_ALERT_EMAIL", "GRAFANA_ALERT_WEBHOOK", "GRAFANA_ALERT_TOKEN"), ""
    )
    done = command("push", **none)
    assert done.exit_code == 0
    assert "left out contact points and policy: set GRAFANA_ALERT_EMAIL" in done.stderr


def test_a_comparison_that_cannot_be_made_ends_otherwise_than_a_difference(command: Any) -> None:
    done = command("diff", GRAFANA_URL=nowhere())
    assert done.exit_code == 2
    assert done.stderr.startswith("error: no Grafana answers at")
