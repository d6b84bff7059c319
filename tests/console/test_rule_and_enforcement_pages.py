"""Rules as those see them who answer for them, and what dealing with alerts comes to."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from httpx import Response

from alerts import load_rules, rules_in_force
from alerts.rule_edit import as_text
from registry import audit
from schemas.people import Role
from tests.alerts.conftest import ROAD, shipped
from tests.console.test_alerts import FAR, HOME, Office
from tests.console.visiting import admit, csrf_of, send

HOUR = shipped("noise-hour")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    admit(made.registry, "chief", Role.ADMINISTRATOR, name="林工")
    yield made
    made.store.close()
    made.registry.close()


def edit(client: TestClient, rule: str, text: str, do: str, why: str = "") -> Response:
    path = f"/rules/{rule}"
    return send(client, path, form_of=path, text=text, why=why, do=do)


def entry(**changed: Any) -> str:
    return yaml.safe_dump({**yaml.safe_load(as_text(HOUR)), **changed}, allow_unicode=True)


def in_force(office: Office) -> dict[str, Any]:
    return {rule.id: rule for rule in rules_in_force(office.registry)}


# Rules


def test_every_rule_is_listed_with_the_limit_that_it_has_today(office: Office) -> None:
    page = office.browser("wu").get("/rules").text
    told = {line["id"]: line for line in office.browser("wu").get("/api/rules").json()}
    assert set(told) == {rule.id for rule in load_rules()}
    for rule in load_rules():
        assert f'href="/rules/{rule.id}"' in page
    night = [held for held in told["noise-hour"]["limits"] if held["part"] == "night"]
    assert {(held["zone"], held["value"]) for held in night} >= {("1类", 45.0), ("4a类", 55.0)}


def test_only_an_administrator_is_offered_the_editor(office: Office) -> None:
    assert 'name="do"' not in office.browser("wu").get("/rules/noise-hour").text
    assert 'name="do"' in office.browser("chief").get("/rules/noise-hour").text
    refused = send(
        office.browser("wu"), "/rules/noise-hour", form_of="/rules", text=entry(), do="save"
    )
    assert refused.status_code == 403


def test_a_trial_shows_what_would_change_and_writes_nothing(office: Office) -> None:
    before = in_force(office)
    answer = edit(office.browser("chief"), "noise-hour", entry(severity="orange"), "try")
    assert answer.status_code == 200
    assert "<span>severity</span> yellow → <b>orange</b>" in answer.text
    assert in_force(office) == before
    strict = entry(limit={"value": 200, "reason": "nobody is so loud"})
    asked = office.browser("chief")
    token = {"X-CSRF-Token": csrf_of(asked.get("/rules/noise-hour").text)}
    told = asked.post("/api/rules/dry-run", json={"text": strict}, headers=token).json()
    assert {b["subject"] for b in told["gone"]} == {ROAD, HOME, FAR}
    assert told["new"] == told["added"] == []


def test_a_kept_rule_is_in_force_with_its_reason_and_in_the_audit_log(office: Office) -> None:
    chief = office.browser("chief")
    text, why = entry(severity="orange"), "考虑学校 " + HOSTILE
    answer = edit(chief, "noise-hour", text, "save", why)
    assert (answer.status_code, answer.headers["location"]) == (303, "/rules/noise-hour?done=1")
    assert in_force(office)["noise-hour"].severity == "orange"
    page = chief.get("/rules/noise-hour?done=1").text
    assert "林工" in page
    assert "考虑学校" in page
    assert HOSTILE not in page
    noted = next(e for e in audit.entries(office.registry) if e.action == "rule.edit")
    assert (noted.who, noted.subject, noted.why) == ("chief", "rule:noise-hour", why)
    stranger = office.browser().get("/rules/noise-hour").text
    assert "考虑学校" not in stranger, "who and why are not public"


@pytest.mark.parametrize(
    ("rule", "text", "why", "told"),
    [
        ("noise-hour", entry(), "because", "nothing has changed"),
        ("noise-hour", entry(severity="orange"), "  ", "why:"),
        ("noise-hour", entry(severity="pink"), "because", "severity"),
        ("noise-hour", entry(id="noise-other"), "because", "leave the id"),
        ("new", entry(), "because", "there already"),
        ("noise-hour", "{", "because", "YAML"),
        ("noise-hour", entry(en=HOSTILE, window="2h"), "because", "window"),
    ],
)
def test_what_cannot_be_kept_is_said_and_what_was_typed_stays(
    office: Office, rule: str, text: str, why: str, told: str
) -> None:
    before = in_force(office)
    answer = edit(office.browser("chief"), rule, text, "save", why)
    assert answer.status_code == 422
    wrong = answer.text.split('role="alert"')[1].split("</div>")[0]
    assert told in wrong
    assert HOSTILE not in answer.text
    assert "<textarea" in answer.text
    assert in_force(office) == before


def test_a_new_rule_is_made_and_one_that_is_none_is_not_found(office: Office) -> None:
    chief = office.browser("chief")
    text = entry(id="noise-near-schools", zh="学校周边噪声", en="Noise near schools")
    assert edit(chief, "new", text, "save", "asked for by the schools").status_code == 303
    assert "学校周边噪声" in chief.get("/rules").text
    assert chief.get("/rules/no-such-rule").status_code == 404


# Enforcement


def test_the_counts_are_those_of_the_alerts(office: Office) -> None:
    duty = office.browser("duty")
    office.move(duty, "acknowledge", HOME)
    told = duty.get("/api/enforcement").json()
    assert (told["total"]["alerts"], told["total"]["open"]) == (3, 3)
    by = {row["key"]: row["alerts"] for row in told["tables"]["district"]}
    assert by == {"luohu": 2, "futian": 1}
    acknowledged = next(s for s in told["total"]["steps"] if s["step"] == "acknowledge")
    assert acknowledged["number"] == 1
    only = duty.get("/api/enforcement?district=futian").json()
    assert only["total"]["alerts"] == 1


def test_the_table_says_what_the_page_says(office: Office) -> None:
    duty = office.browser("duty")
    assert duty.get("/enforcement").status_code == 200
    rows = list(csv.reader(io.StringIO(duty.get("/enforcement.csv").text.lstrip("\ufeff"))))
    assert {row[0] for row in rows[1:]} == {"all", "severity", "state", "district", "rule"}
    district = {row[1]: row[2] for row in rows if row[0] == "district"}
    assert district == {"luohu": "2", "futian": "1"}


@pytest.mark.parametrize("path", ["/enforcement", "/enforcement.csv", "/api/enforcement"])
def test_a_span_that_is_none_is_refused_by_name(office: Office, path: str) -> None:
    for days in ("0", "4000", "soon"):
        answer = office.browser("duty").get(f"{path}?days={days}")
        assert answer.status_code in (400, 422)
        assert "days" in answer.text


def test_the_statistics_are_for_those_who_make_reports(office: Office) -> None:
    assert office.browser("chief").get("/api/enforcement").status_code == 403
    assert office.browser().get("/api/enforcement").status_code == 401
