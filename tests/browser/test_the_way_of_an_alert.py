"""The whole way in a browser: breach, inbox, acknowledge, dispatch, on site with a photo, closed,
evidence taken away and verified. On a phone, as an officer walks it, and on a desk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import alerts as alerting
from schemas.alerts import AlertState
from tests.console.test_alerts import HOME, ROAD, Office
from tests.console.visiting import PASSWORD
from tests.serving import serving

PHONE, DESK = (390, 844), (1440, 900)
TARGET_PX = 44
pytestmark = pytest.mark.browser


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path, levels={ROAD: 58.0})
    yield made
    made.store.close()
    made.registry.close()


@pytest.fixture
def url(office: Office) -> Iterator[str]:
    with serving(office.app) as address:
        yield address


def officer_at(browser: Browser, url: str, size: tuple[int, int]) -> tuple[Page, list[str]]:
    """A browser of that size in which the officer has logged in, and what it complains about."""
    width, height = size
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.set_default_timeout(15_000)
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text))
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.goto(f"{url}/login?lang=en&next=/alerts")
    page.fill("input[name=name]", "wu")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{url}/alerts*")
    return page, complaints


def way(page: Page, size: tuple[int, int]) -> str:
    """Where the moves are: in the bar under the thumb, or beside the chart."""
    return ".bar" if size == PHONE else ".moves"


def press(page: Page, move: str, size: tuple[int, int]) -> None:
    """A move that needs nothing."""
    with page.expect_navigation():
        page.click(f"{way(page, size)} form:has(input[value={move}]) button")


def open_form(page: Page, move: str, size: tuple[int, int]) -> str:
    if size == PHONE:
        page.click(f".bar [data-opens=move-{move}]")
    else:
        page.click(f"#move-{move} summary")
    return f"#move-{move}"


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_from_the_breach_to_the_evidence(
    browser: Browser, url: str, office: Office, size: tuple[int, int], tmp_path: Path
) -> None:
    page, complaints = officer_at(browser, url, size)
    assert page.locator(".case").count() == 1
    page.click("#sound")

    # The breach comes while the inbox is open; it is red, so it is heard.
    office.hands.measure(66, range(60), sensor=HOME)
    office.judge()
    page.wait_for_selector(".case.red.fresh")
    page.wait_for_function("document.getElementById('inbox').dataset.heard === '1'")
    shot(page, tmp_path / "inbox.png", size)
    page.click(".case.red .case-body")
    page.wait_for_selector("rect.band")
    assert "66" in page.locator(".figure-line").inner_text()
    shot(page, tmp_path / "alert.png", size)

    office.clock.advance(timedelta(minutes=3))
    press(page, "acknowledge", size)
    office.clock.advance(timedelta(minutes=2))
    form = open_form(page, "dispatch", size)
    page.select_option(f"{form} select[name=to]", "wu")
    with page.expect_navigation():
        page.click(f"{form} button")
    office.clock.advance(timedelta(minutes=25))
    press(page, "arrive", size)

    picture = tmp_path / "site.png"
    page.screenshot(path=picture)
    with page.expect_navigation():
        page.set_input_files("#photo-form input[type=file]", picture)
    assert page.locator(".photos img").evaluate("image => image.naturalWidth") == size[0]

    form = open_form(page, "close", size)
    page.check(f"{form} input[value=confirmed]")
    page.fill(f"{form} textarea", "夜间装修，已责令停工")
    shot(page, tmp_path / "closing.png", size)
    with page.expect_navigation():
        page.click(f"{form} button")
    assert "Closed" in page.locator(".headline-alert").inner_text()
    assert "夜间装修，已责令停工" in page.locator("main").inner_text()
    number = office.number(HOME)
    done = alerting.alert(office.registry, number)
    assert done is not None
    assert (done.state, done.outcome) == (AlertState.CLOSED, "confirmed")
    moves = [e.move for e in alerting.alert_events(office.registry, number)]
    assert moves == ["open", "acknowledge", "dispatch", "arrive", "photo", "close"]
    shot(page, tmp_path / "closed.png", size)

    with page.expect_navigation():
        page.click(f"a[href='/alerts/{number}/evidence']")
    with page.expect_navigation():
        page.click("main form button")
    with page.expect_download() as taken:
        page.click("a[href^='/evidence/'] >> nth=0")
    file = tmp_path / "evidence.zip"
    taken.value.save_as(file)
    assert verified(file, office)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert not verified(file, office)
    assert complaints == []


def verified(file: Path, office: Office) -> bool:
    """What `onenet evidence verify` says of a file."""
    command = [sys.executable, "-m", "onenet", "evidence", "verify", str(file)]
    done = subprocess.run(
        command, env={**os.environ, **office.urls}, capture_output=True, timeout=120, check=False
    )
    return done.returncode == 0


def shot(page: Page, path: Path, size: tuple[int, int]) -> None:
    """A picture for who looks into the folder of the test; nothing sticks out on the way."""
    page.screenshot(path=path)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_everything_under_the_thumb_is_large_enough(
    browser: Browser, url: str, office: Office
) -> None:
    page, _ = officer_at(browser, url, PHONE)
    for path in ("/alerts", f"/alerts/{office.number(ROAD)}"):
        page.goto(url + path)
        touched = page.locator(".bar a, .bar button, .case form button, .move > summary").all()
        boxes = [box for one in touched if (box := one.bounding_box()) is not None]
        assert len(boxes) >= 3, path
        assert min(box["height"] for box in boxes) >= TARGET_PX, path
        bar = page.locator(".bar").bounding_box()
        assert bar is not None
        assert bar["y"] + bar["height"] == pytest.approx(PHONE[1], abs=1), "it stays in reach"


def test_two_quick_taps_are_one_move(browser: Browser, url: str, office: Office) -> None:
    page, _ = officer_at(browser, url, PHONE)
    number = office.number(ROAD)
    page.goto(f"{url}/alerts/{number}")
    page.dblclick(".bar form button >> nth=0")
    page.wait_for_selector(".state-acknowledged")
    moves = [e.move for e in alerting.alert_events(office.registry, number)]
    assert moves.count("acknowledge") == 1
    assert page.locator(".notice.bad").count() == 0
