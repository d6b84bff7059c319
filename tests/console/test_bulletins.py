"""The page of bulletins: read by everybody, made by who may, one file or all of them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import bulletin
from bulletin import Request
from console import create_app
from schemas import FixedClock
from schemas.people import Role
from tests.console.conftest import City
from tests.console.visiting import client_with, send

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
PAGE, PAPER = "/bulletins/2026-10/nanshan-zh.html", "/bulletins/2026-10/nanshan-zh.pdf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "reports"


@pytest.fixture
def app(city: City, folder: Path) -> FastAPI:
    return create_app(
        store_url=city.store_url,
        registry_url=city.registry_url,
        clock=FixedClock(NOW),
        reports=folder,
    )


@pytest.fixture
def public(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def operator(app: FastAPI) -> TestClient:
    return client_with(app, Role.OPERATOR)


def test_the_last_twelve_months_that_are_over_are_listed(operator: TestClient) -> None:
    text = operator.get("/bulletins?lang=en").text
    months = [f"2025-{n:02}" for n in (11, 12)] + [f"2026-{n:02}" for n in range(1, 11)]
    assert all(f'href="/bulletins/{month}/city-zh.html"' in text for month in months)
    assert 'href="/bulletins/2026-11/' not in text, "a month that is not over"
    assert 'href="/bulletins/2026/city-en.pdf"' in text, "the running year"


def test_one_that_is_absent_is_made_when_opened_and_kept(
    operator: TestClient, public: TestClient, folder: Path
) -> None:
    assert public.get(PAGE).status_code == 404
    made = operator.get(PAGE)
    assert made.status_code == 200
    assert "南山区2026年10月环境质量月报" in made.text
    kept = folder / "2026-10" / "nanshan-zh.html"
    assert kept.read_bytes() == made.content
    assert public.get(PAGE).content == made.content
    text = public.get("/bulletins?area=nanshan").text
    assert f'href="{PAGE}"' in text
    assert PAPER not in text, "what is not made cannot be opened by who may not make it"


def test_a_paper_is_taken_away(operator: TestClient) -> None:
    found = operator.get(PAPER)
    assert found.content.startswith(b"%PDF")
    assert found.headers["content-type"] == "application/pdf"
    assert found.headers["content-disposition"] == 'attachment; filename="2026-10-nanshan-zh.pdf"'


def test_a_bulletin_may_have_its_styles_and_run_nothing(
    operator: TestClient, public: TestClient
) -> None:
    policy = operator.get(PAGE).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "script" not in policy
    assert "unsafe-inline" not in public.get("/bulletins").headers["content-security-policy"]


def test_a_year_that_runs_is_made_and_not_kept(operator: TestClient, folder: Path) -> None:
    found = operator.get("/bulletins/2026/shenshan-en.html")
    assert "2026 until 2026-11-24" in found.text
    assert list(bulletin.there(folder)) == []


def test_all_files_of_a_month_are_made_again(
    operator: TestClient, public: TestClient, folder: Path
) -> None:
    operator.get(PAGE)
    page = "/bulletins?area=nanshan"
    answer = send(operator, "/bulletins", form_of=page, span="2026-10", area="nanshan")
    assert answer.status_code == 303
    assert answer.headers["location"] == page
    found = list(bulletin.there(folder))
    assert len(found) == 6
    assert {(file.span, file.area) for file in found} == {("2026-10", "nanshan")}
    assert Request("2026-10", "nanshan", "both", "pdf") in found
    assert public.post("/bulletins", data={"span": "2026-10", "area": "city"}).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/bulletins?area=nowhere",
        "/bulletins/2026-10/nowhere-zh.html",
        "/bulletins/2026-10/city-fr.html",
        "/bulletins/2026-10/city-zh.doc",
        "/bulletins/2026-11/city-zh.html",
        "/bulletins/2026-13/city-zh.html",
        "/bulletins/october/city-zh.html",
        "/bulletins/..%2f..%2fetc/passwd",
        "/bulletins/2026-10/..%2fcity-zh.html",
    ],
)
def test_what_is_none_of_ours_is_not_there(operator: TestClient, path: str) -> None:
    assert operator.get(path).status_code == 404


def test_a_console_without_a_folder_makes_them_all_the_same(city: City) -> None:
    app = create_app(
        store_url=city.store_url, registry_url=city.registry_url, clock=FixedClock(NOW)
    )
    operator = client_with(app, Role.OPERATOR)
    assert operator.get(PAGE).status_code == 200
    assert "/bulletins/2026-10/city-zh.html" in operator.get("/bulletins").text
