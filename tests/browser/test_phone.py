"""The header on a phone: one row, what a technician needs at hand, the rest behind a button."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from console import create_app
from registry import Registry
from schemas.people import Role
from tests.city import demo_registry
from tests.console.visiting import PASSWORD, admit
from tests.serving import serving

pytestmark = pytest.mark.browser
FINGER = 44  # px, the least that a gloved one hits


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("phone")
    registry: Registry = demo_registry(home)
    admit(registry, "li", Role.TECHNICIAN)
    admit(registry, "boss", Role.ADMINISTRATOR, Role.OPERATOR)
    admit(registry, "zhou", Role.ENFORCEMENT)
    url = f"sqlite:///{home}/registry.db"
    with serving(create_app(store_url=f"sqlite:///{home}/o.db", registry_url=url)) as found:
        yield found
    registry.close()


def page_of(browser: Browser, address: str, who: str, width: int, *, scripts: bool = True) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        has_touch=True,
        base_url=address,
        java_script_enabled=scripts,
    )
    page = context.new_page()
    page.goto("/login")
    page.fill("input[name=name]", who)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    return page


def height(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["height"]


@pytest.mark.parametrize("width", [360, 390])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("who", ["li", "boss", "zhou"])
def test_the_header_is_one_row_and_never_wider_than_the_phone(
    browser: Browser, address: str, who: str, language: str, width: int
) -> None:
    page = page_of(browser, address, who, width)
    for path in ("/alerts", "/sensors", "/sensors/noise-dongmen-1"):
        page.goto(f"{path}?lang={language}")
        assert height(page, "header.top") <= 60, path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for link in page.locator(".quick a, .menu-button").all():
            box = link.bounding_box()
            assert box is not None
            assert box["height"] >= FINGER
            assert box["x"] + box["width"] <= width
    page.context.close()


def test_what_a_technician_needs_is_one_tap_away_and_the_rest_two(
    browser: Browser, address: str
) -> None:
    page = page_of(browser, address, "li", 390, scripts=False)
    page.click(".quick >> text=工单")
    page.wait_for_url("**/workorders")
    assert page.locator(".quick a[aria-current=page]").inner_text() == "工单"
    expect(page.locator("header nav")).to_be_hidden()
    expect(page.locator("text=退出")).to_be_hidden()
    page.click(".menu-button")
    for link in page.locator("header nav a").all():
        box = link.bounding_box()
        assert box is not None
        assert box["height"] >= FINGER
        assert box["x"] + box["width"] <= 390
    expect(page.locator("text=退出")).to_be_visible()
    page.click("header nav >> text=拒收报文")
    page.wait_for_url("**/deadletters")
    page.context.close()


def test_the_menu_opens_by_keyboard_too(browser: Browser, address: str) -> None:
    page = page_of(browser, address, "li", 390)
    page.focus("#menu")
    page.keyboard.press("Space")
    expect(page.locator("header nav")).to_be_visible()
    page.context.close()


def test_a_desk_has_the_whole_row_and_no_button(browser: Browser, address: str) -> None:
    page = page_of(browser, address, "boss", 1440)
    expect(page.locator("header nav")).to_be_visible()
    expect(page.locator(".menu-button")).to_be_hidden()
    expect(page.locator("#menu")).to_be_hidden()
    page.context.close()
