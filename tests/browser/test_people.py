"""People in a real browser: logging in, the account, hostile words in every field, files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Locator, Page

from console import create_app
from console.access import Access
from registry import migrate, open_registry, seed_demo_city
from schemas.people import Role
from tests.console.visiting import PASSWORD, admit
from tests.serving import serving

pytestmark = pytest.mark.browser

# Each tries to run: a dialog, or a mark on the window, would tell that it did.
HOSTILE = (
    "<script>window.hit=1</script>",
    '"><img src=x onerror="window.hit=1">',
    "'-window.hit=1-'",
    "javascript:window.hit=1",
    "{{7*7}}${7*7}<%=7*7%>",
    "</textarea></select></td><svg/onload=window.hit=1>",
)
FORMULAS = ('=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(1)", "\tx", "＝1+1")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    home = tmp_path_factory.mktemp("people")
    url = f"sqlite:///{home}/r.db"
    migrate(url)
    registry = open_registry(url)
    seed_demo_city(registry)
    admit(registry, "boss", Role.ADMINISTRATOR, Role.AUDITOR)
    for number, name in enumerate((*HOSTILE, *FORMULAS)):
        admit(registry, f"guest-{number}", Role.TECHNICIAN, name=name)
    yield create_app(
        store_url=f"sqlite:///{home}/o.db", registry_url=url, access=Access(secret_key="k" * 40)
    )
    registry.close()


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        yield address


class Desk:
    """A browser window of its own, with everything that it complained about."""

    def __init__(self, browser: Browser, url: str, width: int = 1280) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.page: Page = browser.new_context(viewport={"width": width, "height": 844}).new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda m: self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("dialog", lambda d: self.complaints.append(f"dialog {d.message}"))

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        self.page.goto(f"{self.url}/login?lang=en")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", password)
        self.page.click("main button")

    def nothing_ran(self) -> None:
        assert self.page.evaluate("window.hit") is None
        assert [c for c in self.complaints if "dialog" in c or "Content Security" in c] == []


def test_one_logs_in_on_a_phone_and_out_again(browser: Browser, url: str) -> None:
    desk = Desk(browser, url, 390)
    desk.page.goto(url + "/people?lang=en")
    assert "/login" in desk.page.url
    desk.page.fill("input[name=name]", "boss")
    desk.page.fill("input[name=password]", PASSWORD)
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(url + "/people?lang=en")
    for path in ("/account", "/people", "/people/boss", "/audit"):
        desk.page.goto(url + path)
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= 390, path
    desk.page.click(".menu-button")
    desk.page.click(".me button")
    desk.page.wait_for_url(url + "/")
    assert desk.page.locator("a.me").inner_text() == "Log in"
    desk.page.goto(url + "/people")
    assert "/login" in desk.page.url
    assert desk.complaints == []


def fill(form: Locator, text: str) -> None:
    """Every field that takes words, whatever it asks for."""
    for field in form.locator("input:not([type=hidden]):not([hidden])").all():
        kind = field.get_attribute("type") or "text"
        if kind in ("text", "search", "password"):
            field.fill(text[: int(field.get_attribute("maxlength") or 200)])
        elif field.get_attribute("name") == "roles":
            field.set_checked(field.get_attribute("value") == "technician")


@pytest.mark.parametrize("text", HOSTILE[:3])
def test_hostile_words_in_every_field_stay_words(browser: Browser, url: str, text: str) -> None:
    desk = Desk(browser, url)
    desk.page.goto(url + "/login")
    for name in ("name", "password"):
        desk.page.fill(f"input[name={name}]", text)
    desk.page.click("main button")
    desk.nothing_ran()
    desk.log_in("boss")
    for page in ("/people", "/people/guest-0", "/account", "/audit"):
        desk.page.goto(url + page)
        forms = desk.page.locator("main form")
        for action in {form.get_attribute("action") for form in forms.all()}:
            desk.page.goto(url + page)
            filled = desk.page.locator(f"main form[action='{action}']" if action else "main form")
            if filled.locator("[name=new], [name=session], [name=to], [name=token]").count():
                continue  # ends what the rest of this test needs; its fields take no words
            fill(filled.first, text)
            filled.first.locator("button").first.click()
            desk.nothing_ran()
    for page in ("/people", "/audit", "/account", "/audit?who=" + text.replace("#", "")):
        desk.page.goto(url + page)
        desk.nothing_ran()


def test_hostile_names_are_shown_as_they_were_written(browser: Browser, url: str) -> None:
    desk = Desk(browser, url)
    desk.log_in("boss")
    desk.page.goto(url + "/people")
    shown = desk.page.locator("td.name").all_inner_texts()
    assert HOSTILE[1] in shown
    assert HOSTILE[4] in shown, "no template language is run on it"
    desk.nothing_ran()


def test_a_table_taken_away_computes_nothing(browser: Browser, url: str) -> None:
    desk = Desk(browser, url)
    desk.log_in("boss")
    for number, text in enumerate(FORMULAS):
        desk.page.goto(f"{url}/people/guest-{len(HOSTILE) + number}")
        desk.page.fill("form[action$='/state'] input[name=why]", text)
        desk.page.click("form[action$='/state'] button")
    desk.page.goto(url + "/audit")
    answer = desk.page.request.get(url + "/audit.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text().lstrip("\ufeff"))))
    reasons = [row["why"] for row in rows if row["action"] == "person.disable"]
    assert len(reasons) == len(FORMULAS)
    for row in rows:
        for column, cell in row.items():
            assert not re.match(r"[=+\-@＝＋－＠\x00-\x1f]", cell), (column, cell)
    assert any(reason.startswith("'=HYPERLINK") for reason in reasons)


def test_a_second_factor_is_shown_as_a_picture_that_the_policy_allows(
    browser: Browser, url: str
) -> None:
    desk = Desk(browser, url)
    desk.log_in("guest-1")
    desk.page.goto(url + "/account?lang=en")
    desk.page.click("#second-factor button")
    picture = desk.page.locator("img.qr")
    assert picture.evaluate("image => image.naturalWidth") > 100
    assert desk.complaints == []
