"""The duty roster, the channels' state on the board, and alerts for other systems."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from lxml import etree

from alerts import health
from console import create_app
from console.access import Access
from registry import open_registry
from registry.duty import duties
from schemas.people import Role
from tests.console.conftest import HOSTILE, City
from tests.console.visiting import client_with, csrf_of

SCHEMA = Path(__file__).parents[1] / "alerts/data/CAP-v1.2.xsd"
ENTRY = {
    "name": HOSTILE[:59],
    "area": "futian",
    "route": "enforcement",
    "medium": "noise",
    "channels": ["email", "webhook", ""],
    "addresses": ["wu@example.org", "", ""],
    "since": "2026-11-24T08:00",
    "until": "",
}


@pytest.fixture
def app(city: City) -> FastAPI:
    return create_app(store_url=city.store_url, registry_url=city.registry_url)


@pytest.fixture
def operator(app: FastAPI) -> Iterator[TestClient]:
    with client_with(app, Role.OPERATOR) as client:
        yield client


def names(city: City) -> dict[str, int]:
    registry = open_registry(city.registry_url)
    found = {duty.person: duty.id for duty in duties(registry)}
    registry.close()
    return found


def test_somebody_is_put_on_duty_and_taken_off(city: City, operator: TestClient) -> None:
    token = csrf_of(operator.get("/duty").text)
    answer = operator.post("/duty", data={**ENTRY, "csrf": token})
    assert answer.status_code == 200
    assert HOSTILE[:59] not in answer.text, "escaped"
    number = names(city)[HOSTILE[:59]]
    told = operator.get("/api/duty").json()
    (mine,) = [entry for entry in told if entry["id"] == number]
    assert mine["channels"] == ["email", "webhook"]
    assert mine["since"] == "2026-11-24T00:00:00+00:00"
    assert "wu@example.org" not in str(told) + answer.text, "nobody's address is shown"
    operator.post(f"/duty/{number}/remove", data={"csrf": token})
    assert HOSTILE[:59] not in names(city)
    assert operator.post(f"/duty/{number}/remove", data={"csrf": token}).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"route": "navy"},
        {"medium": "light"},
        {"channels": ["", "", ""]},
        {"channels": ["email", "email", ""]},
        {"addresses": ["nobody", "", ""]},
        {"since": "yesterday"},
        {"until": "2026-11-23T08:00"},
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_wrong_entry_comes_back_with_what_is_wrong(
    city: City, operator: TestClient, wrong: dict[str, object], language: str
) -> None:
    before = names(city)
    token = csrf_of(operator.get("/duty").text)
    answer = operator.post(f"/duty?lang={language}", data={**ENTRY, **wrong, "csrf": token})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert names(city) == before


def test_an_officer_of_a_district_puts_people_on_duty_there_only(city: City, app: FastAPI) -> None:
    before = names(city)
    with client_with(app, Role.ENFORCEMENT, scopes=["district:futian"]) as officer:
        page = officer.get("/duty").text
        token = csrf_of(page)
        assert 'value="futian"' in page
        assert 'value="nanshan"' not in page
        for area in ("nanshan", "city", "atlantis"):
            answer = officer.post("/duty", data={**ENTRY, "area": area, "csrf": token})
            assert answer.status_code == 403, area
        theirs = next(number for person, number in before.items() if person == "黄志强")
        refused = officer.post(f"/duty/{theirs}/remove", data={"csrf": token})
        assert refused.status_code == 403
        assert names(city) == before


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_channel_that_is_down_is_on_the_board(
    city: City, app: FastAPI, operator: TestClient, language: str
) -> None:
    registry = open_registry(city.registry_url)
    now = datetime.now(UTC)
    with registry.session.begin() as session:
        for _ in range(health.DOWN_AFTER):
            health.failed(session, "wecom", now, HOSTILE)
    try:
        with TestClient(app) as anybody:
            board = anybody.get(f"/?lang={language}").text
            assert ("企业微信" if language == "zh" else "WeCom") in board
            (down,) = anybody.get("/api/board").json()["channels_down"]
            assert down["channel"] == "wecom"
        page = operator.get(f"/duty?lang={language}").text
        assert HOSTILE not in page
    finally:
        with registry.session.begin() as session:
            health.worked(session, "wecom", now)
        registry.close()


def test_the_feed_leads_to_documents_that_are_valid(app: FastAPI) -> None:
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    with TestClient(app) as anybody:
        feed = anybody.get("/alerts/cap.xml")
        assert feed.headers["content-type"].startswith("application/atom+xml")
        entries = etree.fromstring(feed.content).findall("{*}entry")
        assert entries
        for entry in entries:
            link = entry.find("{*}link")
            assert link is not None
            document = anybody.get(link.get("href", ""))
            assert document.headers["content-type"].startswith("application/cap+xml")
            schema.assertValid(etree.fromstring(document.content))
        for unknown in ("alert-99999-event-1", "x", "..%2f..%2fetc"):
            assert anybody.get(f"/alerts/cap/{unknown}.xml").status_code == 404


def test_where_the_board_is_not_public_neither_is_the_feed(city: City) -> None:
    access = Access(public_board=False)
    app = create_app(store_url=city.store_url, registry_url=city.registry_url, access=access)
    with TestClient(app, follow_redirects=False) as anybody:
        for path in ("/alerts/cap.xml", "/alerts/cap/alert-1-event-1.xml", "/alerts/1/sheet.pdf"):
            assert anybody.get(path).status_code in (303, 307, 401), path


def test_a_sheet_is_there_for_each_alert_and_for_nothing_else(app: FastAPI) -> None:
    with TestClient(app) as anybody:
        number = anybody.get("/api/alerts").json()[0]["id"]
        sheet = anybody.get(f"/alerts/{number}/sheet.pdf")
        assert sheet.status_code in (200, 503)
        if sheet.status_code == 200:
            assert sheet.content.startswith(b"%PDF")
        assert anybody.get("/alerts/99999/sheet.pdf").status_code == 404
