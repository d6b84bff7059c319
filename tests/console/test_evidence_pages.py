"""Evidence in the console: who may see it, what is listed, and that the file is the one frozen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import alerts as alerting
import alerts.evidence.parts as parts_module
from alerts.evidence import verify
from alerts.evidence.verify import parts_of
from console import create_app
from registry import audit, open_registry
from schemas.people import Role
from tests.console.conftest import City
from tests.console.visiting import client_with, csrf_of


@pytest.fixture
def app(city: City, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(parts_module, "pdf", lambda _html: b"%PDF-none")
    return create_app(store_url=city.store_url, registry_url=city.registry_url)


@pytest.fixture
def number(city: City) -> int:
    """An alert in Luohu."""
    registry = open_registry(city.registry_url)
    (found, *_) = alerting.alerts(registry, district="luohu")
    registry.close()
    return found.id


@pytest.fixture
def officer(app: FastAPI) -> Iterator[TestClient]:
    with client_with(app, Role.ENFORCEMENT, scopes=["district:luohu"]) as client:
        yield client


def test_an_officer_freezes_lists_and_takes_a_bundle(
    officer: TestClient, city: City, number: int
) -> None:
    before = officer.get(f"/api/alerts/{number}/evidence").json()
    page = officer.get(f"/alerts/{number}/evidence")
    assert ("尚未固定证据" in page.text) is (before == [])
    form = {"csrf": csrf_of(page.text)}
    page = officer.post(f"/alerts/{number}/evidence", data=form, follow_redirects=True)
    *same, listed = officer.get(f"/api/alerts/{number}/evidence").json()
    assert same == before
    assert listed["sha256"] in page.text
    assert listed["file"] in page.text
    answer = officer.get(listed["file"])
    assert answer.headers["content-type"] == "application/zip"
    assert "attachment" in answer.headers["content-disposition"]
    found = verify(answer.content)
    assert (found.sha256, found.faults) == (listed["sha256"], ())
    assert found.manifest["alert"] == number
    assert "readings.csv" in parts_of(answer.content)
    registry = open_registry(city.registry_url)
    taken = next(audit.entries(registry, action="evidence.download"))
    assert taken.after == {"evidence": listed["id"], "sha256": listed["sha256"]}
    assert taken.subject == f"alert:{number}"
    registry.close()


def test_evidence_is_for_those_of_its_area(app: FastAPI, officer: TestClient, number: int) -> None:
    token = csrf_of(officer.get(f"/alerts/{number}/evidence").text)
    made = officer.post(f"/api/alerts/{number}/evidence", headers={"x-csrf-token": token})
    assert made.status_code == 201
    paths = [made.json()["file"], f"/alerts/{number}/evidence", f"/api/alerts/{number}/evidence"]
    with client_with(app, Role.ENFORCEMENT, scopes=["district:nanshan"]) as elsewhere:
        assert [elsewhere.get(path).status_code for path in paths] == [403, 403, 403]
    with client_with(app, Role.TECHNICIAN) as technician:
        assert [technician.get(path).status_code for path in paths] == [403, 403, 403]
    with client_with(app, Role.AUDITOR) as auditor:
        assert [auditor.get(path).status_code for path in paths] == [200, 200, 200]
        page = auditor.get(f"/alerts/{number}/evidence").text
        assert '<form method="post" action="/alerts' not in page
        refused = auditor.post(
            f"/api/alerts/{number}/evidence", headers={"x-csrf-token": csrf_of(page)}
        )
        assert refused.status_code == 403
    with TestClient(app, follow_redirects=False) as nobody:
        assert nobody.get(paths[0]).status_code in (303, 401, 403)


def test_what_is_not_there_is_not_found(officer: TestClient) -> None:
    for path in ("/evidence/999.zip", "/alerts/999/evidence", "/api/alerts/999/evidence"):
        assert officer.get(path).status_code == 404
