"""The board in a real browser: on the wall, on a phone, live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from console import create_app
from tests import postgres
from tests.console.conftest import City, fill
from tests.parts import need
from tests.serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    from datetime import UTC, datetime

    home = tmp_path_factory.mktemp("browser-city")
    store_url, registry_url = f"sqlite:///{home}/o.db", f"sqlite:///{home}/r.db"
    fill(store_url, registry_url, home)
    return City(store_url, registry_url, datetime.now(UTC))


@pytest.fixture(scope="module")
def url(city: City) -> Iterator[str]:
    app = create_app(store_url=city.store_url, registry_url=city.registry_url)
    with serving(app) as address:
        yield address


class Visit:
    """A page with everything that the browser complained about."""

    def __init__(self, browser: Browser, width: int, height: int) -> None:
        self.complaints: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": width, "height": height})
        self.page.on("console", lambda m: self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))


def test_the_wall_shows_stations_of_every_medium_with_current_values(
    browser: Browser, url: str
) -> None:
    visit = Visit(browser, 1920, 1080)
    visit.page.goto(url)
    for medium in ("noise", "air", "water", "soil"):
        assert visit.page.locator(f".marker[data-medium={medium}]").count() > 0
        figures = visit.page.locator(f".card[data-medium={medium}] dd b").all_inner_texts()
        assert any(figure != "–" for figure in figures), medium
    for shown in ("svg.badge", ".rates b", ".class-bar rect", ".bay-list .chip"):
        box = visit.page.locator(shown).first.bounding_box()
        assert box is not None, shown
        assert box["y"] + box["height"] <= 1080, shown
    assert (visit.page.locator("svg.badge text").text_content() or "").strip("≥").isdigit()
    assert visit.page.locator("#alerts li.quiet").count() == 0
    assert visit.page.evaluate("document.documentElement.scrollHeight") <= 1080
    visit.page.wait_for_timeout(500)
    assert visit.complaints == []


def test_the_phone_needs_no_sideways_scrolling(browser: Browser, url: str) -> None:
    visit = Visit(browser, 390, 844)
    paths = ["/", "/sensors", "/alerts", "/deadletters", "/stations/st-noise-dongmen"]
    paths += ["/ranking", "/waters", "/basins/maozhou", "/bays/shenzhen-bay", "/calendar"]
    paths += ["/facilities", "/targets", "/stations/st-micro-shekou"]
    paths += ["/soil", "/plots/st-plot-songgang-plating", "/plots/st-well-songgang"]
    for path in paths:
        visit.page.goto(url + path)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert visit.complaints == []


def test_a_new_reading_changes_the_board_by_itself(browser: Browser, url: str, city: City) -> None:
    visit = Visit(browser, 1280, 900)
    visit.page.goto(url)
    title = visit.page.locator("a[href='/stations/st-noise-longcheng'] title")
    assert "111.1" not in (title.text_content() or "")
    city.measure("noise-longcheng-1", laeq=111.1, lmax=112.0)
    visit.page.wait_for_function(
        "() => document.querySelector(\"a[href='/stations/st-noise-longcheng'] title\")"
        ".textContent.includes('111.1')",
        timeout=10_000,
    )
    assert visit.page.locator("#live-state").inner_text() == "实时"
    assert visit.complaints == []


def test_the_board_says_that_it_is_old_and_is_live_again_by_itself(
    browser: Browser, tmp_path: Path
) -> None:
    """The registry's PostgreSQL is restarted under an open board."""
    need("postgresql", postgres.available())
    store_url, state = f"sqlite:///{tmp_path}/o.db", "#live-state"
    with postgres.postgres(tmp_path) as server:
        registry_url = postgres.url(server, "registry", "registry")
        fill(store_url, registry_url, tmp_path)
        with serving(create_app(store_url=store_url, registry_url=registry_url)) as address:
            visit = Visit(browser, 1280, 900)
            visit.page.goto(address)
            expect(visit.page.locator(state)).to_have_text("实时")
            with postgres.away(server):
                expect(visit.page.locator(state)).to_have_text("连接中断", timeout=20_000)
            expect(visit.page.locator(state)).to_have_text("实时", timeout=20_000)
            assert visit.complaints == []
            visit.page.close()


def test_the_language_can_be_changed_and_a_station_opened(browser: Browser, url: str) -> None:
    visit = Visit(browser, 1280, 900)
    visit.page.goto(url)
    visit.page.click("a.lang")
    assert visit.page.locator("h2", has_text="Open alerts").count() == 1
    visit.page.click("a[href='/stations/st-river-luohu-bridge']")
    assert visit.page.locator("figure svg path.line").count() >= 5
    assert visit.complaints == []


def test_from_the_board_down_a_river_to_its_section(browser: Browser, url: str) -> None:
    visit = Visit(browser, 1280, 900)
    visit.page.goto(url + "/?lang=en")
    visit.page.click(".bay-list a[href='/bays/shenzhen-bay']")
    visit.page.click("a[href='/basins/shenzhen-river']")
    stops = visit.page.locator(".course li.section h3").all_inner_texts()
    assert [stop.split(" From")[0] for stop in stops] == [
        "Shenzhen River at Luohu Bridge",
        "Shenzhen River Mouth",
    ]
    visit.page.click("a[href='/stations/st-river-luohu-bridge']")
    assert visit.page.locator(".verdict .chip").count() == 1
    assert visit.complaints == []


def test_a_calendar_is_chosen_by_place_and_pollutant(browser: Browser, url: str) -> None:
    visit = Visit(browser, 1280, 900)
    visit.page.goto(url + "/calendar?lang=en")
    visit.page.select_option("select[name=parameter]", "pm25")
    visit.page.select_option("select[name=district]", "futian")
    visit.page.click("form button")
    assert "Futian PM2.5" in visit.page.locator("h1").inner_text()
    assert visit.page.locator(".heat rect[fill]").count() >= 2
    assert visit.complaints == []


def test_the_board_is_complete_without_javascript(browser: Browser, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    assert page.locator(".marker").count() > 40
    context.close()


def test_from_the_board_to_the_worst_plot_and_its_years(browser: Browser, url: str) -> None:
    visit = Visit(browser, 1280, 900)
    visit.page.goto(url + "/?lang=en")
    visit.page.click(".card[data-medium=soil] .standings a >> nth=0")
    visit.page.click(".marker.standing-high")
    assert visit.page.locator("h1", has_text="Former Songgang Plating Works").count() == 1
    assert visit.page.locator("figure .sample-mark .below").count() >= 8
    assert visit.page.locator("td.over").count() >= 8
    visit.page.click(".crumbs a >> nth=1")
    visit.page.select_option("select[name=land_use]", "construction-2")
    visit.page.click("form.search button")
    assert visit.page.locator(".plot-map .marker").count() == 2 + 4  # and the legend
    assert visit.complaints == []
