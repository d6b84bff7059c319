"""Open data in a real browser: chosen on a phone, taken away, and told what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
from playwright.sync_api import Browser, Page

from console import create_app
from registry import migrate, open_registry, seed_demo_city
from tests.serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("open-data")
    registry_url = f"sqlite:///{home}/r.db"
    migrate(registry_url)
    registry = open_registry(registry_url)
    seed_demo_city(registry)
    registry.close()
    app = create_app(store_url=f"sqlite:///{home}/o.db", registry_url=registry_url)
    with serving(app) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [text for text in complaints if "400" not in text] == []


@pytest.mark.parametrize(("language", "width"), [("zh", 390), ("en", 390), ("en", 1440)])
def test_the_page_fits_and_its_targets_are_large(
    page: Page, url: str, language: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{url}/open-data?lang={language}")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in page.locator(".open-data select, .open-data input, .open-data button").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44


@pytest.mark.parametrize("form", ["CSV", "Parquet"])
def test_a_choice_is_taken_away(page: Page, url: str, form: str) -> None:
    page.goto(f"{url}/open-data?lang=en")
    part = page.locator("#aggregates")
    part.locator("select[name=level]").select_option("district")
    part.locator("select[name=parameter]").select_option("pm25")
    with page.expect_download() as coming:
        part.get_by_role("button", name=form).click()
    file = coming.value
    assert file.suggested_filename.startswith("onenet-aggregates-hour-district-")
    read = pl.read_csv if form == "CSV" else pl.read_parquet
    assert "edition" in read(file.path()).columns


def test_what_cannot_be_given_is_told_on_a_page(page: Page, url: str) -> None:
    page.goto(f"{url}/open-data?lang=zh")
    part = page.locator("#observations")
    part.locator("input[name=from]").fill("2026-01-01")
    part.get_by_role("button", name="CSV").click()
    told = page.locator(".error li").inner_text()
    assert "一次最多 7 天" in told
