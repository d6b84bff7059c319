"""Logging in and out, CSRF, sessions and API tokens, as a browser and a program see them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from console import create_app
from console.access import Access, hosts_of
from console.security import safe_way
from registry import audit, migrate, open_registry, people, seed_demo_city, totp
from schemas import FixedClock
from schemas.people import Role
from tests.console.visiting import PASSWORD, admit, client_of, csrf_of, log_in, send

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
KEY = "a key of thirty-two characters, or more"


class House:
    """A console over a city that has not measured yet, with a clock of ours."""

    def __init__(self, home: Path, **access: object) -> None:
        self.store_url, self.registry_url = f"sqlite:///{home}/o.db", f"sqlite:///{home}/r.db"
        migrate(self.registry_url)
        self.registry = open_registry(self.registry_url)
        seed_demo_city(self.registry)
        self.clock = FixedClock(NOON)
        self.access = Access(secret_key=KEY, **access)  # type: ignore[arg-type]
        for person_id, roles in (
            ("boss", (Role.ADMINISTRATOR, Role.AUDITOR)),
            ("li.na", (Role.OPERATOR,)),
        ):
            admit(self.registry, person_id, *roles)
        self.app = self.open()

    def open(self) -> FastAPI:
        return create_app(
            store_url=self.store_url,
            registry_url=self.registry_url,
            clock=self.clock,
            access=self.access,
        )

    def browser(self, app: FastAPI | None = None, **options: str) -> TestClient:
        return TestClient(app or self.app, follow_redirects=False, **options)  # type: ignore[arg-type]

    def log(self) -> list[tuple[str, str]]:
        return [(entry.who, entry.action) for entry in audit.entries(self.registry)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.registry.close()


def knows(client: TestClient) -> str:
    return str(client.get("/api/me").json()["id"])


# In and out


def test_one_logs_in_goes_where_one_wanted_and_logs_out(house: House) -> None:
    client = house.browser()
    wanted = client.get("/sensors?medium=air")
    assert wanted.headers["location"] == "/login?next=/sensors%3Fmedium%3Dair"
    page = client.get(wanted.headers["location"])
    assert 'name="next" value="/sensors?medium=air"' in page.text
    answer = log_in(client, "li.na", way="/sensors?medium=air")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sensors?medium=air")
    assert knows(client) == "li.na"
    assert client.get("/login").status_code == 303

    cookie = client.cookies["onenet_session"]
    assert send(client, "/logout", form_of="/").status_code == 303
    assert knows(client) == "public"
    client.cookies.set("onenet_session", cookie)
    assert knows(client) == "public", "the session has ended on the server"
    assert house.log()[:2] == [("li.na", "logout"), ("li.na", "login")]


def test_a_wrong_password_and_an_unknown_name_look_the_same(house: House) -> None:
    client = house.browser()
    answers = [log_in(client, name, "wrong password") for name in ("li.na", "nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    bare = {re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}
    assert len(bare) == 1
    assert "登录名或密码不正确" in answers[0].text


def test_after_too_many_attempts_the_page_says_when(house: House) -> None:
    client = house.browser()
    for _ in range(5):
        assert log_in(client, "li.na", "wrong").status_code == 401
    answer = log_in(client, "li.na")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "900"
    assert "12:15" in answer.text, "in the city's time"
    house.clock.advance(timedelta(minutes=16))
    assert log_in(client, "li.na").status_code == 303


def test_the_session_cookie_is_of_no_use_to_scripts_and_other_sites(house: House) -> None:
    answer = log_in(house.browser(), "li.na")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if "onenet_session" in c)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie, "over plain HTTP it would not come back"
    assert "Max-Age" not in cookie


def test_with_tls_cookies_are_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    house = House(tmp_path, url="https://board.city.example")
    client = house.browser(base_url="https://board.city.example")
    page = client.get("/login?lang=en")
    assert page.headers["strict-transport-security"].startswith("max-age=31536000")
    answer = log_in(client, "li.na")
    assert answer.status_code == 303
    for cookie in page.headers.get_list("set-cookie") + answer.headers.get_list("set-cookie"):
        assert "; Secure" in cookie
    named = [c.split("=")[0] for c in answer.headers.get_list("set-cookie")]
    assert "__Host-onenet_session" in named
    assert knows(client) == "li.na"


def test_a_session_that_somebody_planted_is_not_the_one_logged_in(house: House) -> None:
    client = house.browser()
    client.cookies.set("onenet_session", "planted")
    log_in(client, "li.na")
    given = client.cookies.get("onenet_session", domain="testserver.local")
    attacker = house.browser()
    attacker.cookies.set("onenet_session", "planted")
    assert knows(attacker) == "public"
    assert given != "planted"


def test_each_log_in_and_each_new_password_give_a_new_cookie(house: House) -> None:
    client = house.browser()
    log_in(client, "li.na")
    first = client.cookies["onenet_session"]
    answer = send(
        client,
        "/account/password",
        form_of="/account",
        old=PASSWORD,
        new="four red rivers run",
        again="four red rivers run",
    )
    assert answer.headers["location"] == "/account?done=password"
    second = client.cookies["onenet_session"]
    assert first != second
    assert knows(client) == "li.na"
    old = house.browser()
    old.cookies.set("onenet_session", first)
    assert knows(old) == "public"


def test_sessions_survive_a_restart(house: House) -> None:
    client = house.browser()
    log_in(client, "li.na")
    again = house.browser(house.open())
    again.cookies.set("onenet_session", client.cookies["onenet_session"])
    assert knows(again) == "li.na"
    house.clock.advance(timedelta(hours=3))
    assert knows(again) == "public", "idle for too long"


def test_other_sessions_are_seen_and_ended(house: House) -> None:
    here, there = house.browser(), client_of(house.app, "li.na")
    log_in(here, "li.na")
    page = here.get("/account").text
    assert page.count('action="/account/sessions/end"') == 1
    other = re.search(r'name="session" value="([0-9a-f]+)"', page)
    assert other is not None
    send(here, "/account/sessions/end", form_of="/account", session=other[1])
    assert (knows(here), knows(there)) == ("li.na", "public")
    stranger = client_of(house.app, "boss")
    mine = re.search(r'name="session" value="([0-9a-f]+)"', stranger.get("/account").text)
    assert mine is None, "the one in use has no button"
    hers = there.cookies["onenet_session"]
    assert send(here, "/account/sessions/end", form_of="/account", session=hers).status_code == 404


@pytest.mark.parametrize(
    ("way", "goes"),
    [
        ("/sensors", "/sensors"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/login", "/"),
    ],
)
def test_after_a_log_in_nobody_is_sent_elsewhere(house: House, way: str, goes: str) -> None:
    assert log_in(house.browser(), "li.na", way=way).headers["location"] == goes
    assert safe_way(way) == goes


def test_a_given_password_is_changed_before_anything_else(house: House) -> None:
    boss = client_of(house.app, "boss", follow_redirects=False)
    page = send(
        boss,
        "/people",
        form_of="/people",
        id="wang.er",
        name="王二",
        roles="operator",
        scopes="city",
    )
    made = re.search(r'id="made">([^<]+)<', page.text)
    assert made is not None
    client = house.browser()
    assert log_in(client, "wang.er", made[1]).status_code == 303
    for path in ("/", "/sensors"):
        assert client.get(path).headers["location"] == "/account"
    assert client.get("/api/board").status_code == 403
    new = {"new": "four red rivers run", "again": "four red rivers run"}
    send(client, "/account/password", form_of="/account", old=made[1], **new)
    assert client.get("/sensors").status_code == 200


# CSRF


def test_a_form_without_our_token_changes_nothing(house: House) -> None:
    boss = client_of(house.app, "boss", follow_redirects=False)
    fields = {"id": "evil", "name": "x", "roles": "administrator", "scopes": "city"}
    other = csrf_of(client_of(house.app, "li.na").get("/account").text)
    for token in ({}, {"csrf": ""}, {"csrf": "guess"}, {"csrf": other}):
        answer = boss.post("/people", data={**fields, **token})
        assert answer.status_code == 403
        assert "页面已过期" in answer.text
    assert people.find(house.registry, "evil") is None
    assert send(boss, "/people", form_of="/people", **fields).status_code == 200


def test_a_log_in_needs_our_form_too(house: House) -> None:
    fields = {"name": "li.na", "password": PASSWORD}
    assert house.browser().post("/login", data=fields).status_code == 403
    client = house.browser()
    client.get("/login")
    assert client.post("/login", data={**fields, "csrf": "guess"}).status_code == 403


def test_every_form_of_every_page_carries_the_token(house: House) -> None:
    boss = client_of(house.app, "boss")
    pages = ["/", "/account", "/people", "/people/li.na", "/audit"]
    for page in pages:
        for form in re.findall(r"<form.*?</form>", boss.get(page).text, re.S):
            assert 'method="post"' not in form or 'name="csrf"' in form, page


def test_json_with_a_cookie_needs_the_header(house: House) -> None:
    """No route takes JSON by POST yet; the guard stands before all that will."""
    client = client_of(house.app, "boss", follow_redirects=False)
    token = csrf_of(client.get("/account").text)
    assert client.post("/people", json={"id": "x"}).status_code == 403
    answer = client.post("/people", json={"id": "x"}, headers={"X-CSRF-Token": token})
    assert answer.status_code == 422


# Second factor


def test_a_second_factor_is_enrolled_asked_for_and_taken_off(house: House) -> None:
    client = house.browser()
    log_in(client, "li.na")
    send(client, "/account/second-factor", form_of="/account")
    page = client.get("/account").text
    assert 'src="data:image/svg+xml' in page
    secret = re.search(r'class="mono secret">([A-Z2-7 ]+)<', page)
    assert secret is not None
    key = base64.b32decode(secret[1].replace(" ", ""))
    now = lambda: totp.code(key, totp.step_at(house.clock.now()))  # noqa: E731
    wrong = send(client, "/account/second-factor/confirm", form_of="/account", code="123")
    assert wrong.status_code == 422
    done = send(client, "/account/second-factor/confirm", form_of="/account", code=now())
    recovery = re.findall(r"<li>([a-z0-9]{5}-[a-z0-9]{5})</li>", done.text)
    assert len(recovery) == 10
    assert recovery[0] not in client.get("/account").text

    other = house.browser()
    assert log_in(other, "li.na", way="/sensors").headers["location"] == "/login/code"
    assert knows(other) == "public", "the password alone opens nothing"
    assert other.get("/account").status_code == 303
    assert send(other, "/login/code", form_of="/login/code", code=now()).status_code == 401
    house.clock.advance(timedelta(seconds=30))
    before = other.cookies["onenet_session"]
    answer = send(other, "/login/code", form_of="/login/code", code=now())
    assert answer.headers["location"] == "/sensors"
    assert other.cookies["onenet_session"] != before
    assert knows(other) == "li.na"

    third = house.browser()
    log_in(third, "li.na")
    house.clock.advance(timedelta(minutes=11))
    assert third.get("/login/code").headers["location"] == "/login", "ten minutes to find the phone"

    path = "/account/second-factor/remove"
    assert send(other, path, form_of="/account", password="wrong").status_code == 422
    assert send(other, path, form_of="/account", password=PASSWORD).status_code == 303
    assert log_in(house.browser(), "li.na").headers["location"] == "/"


# API tokens


def make_token(client: TestClient, actions: str) -> str:
    page = send(
        client, "/account/tokens", form_of="/account", name="meter", actions=actions, days=30
    )
    found = re.search(r'id="made">(onenet_[^<]+)<', page.text)
    assert found is not None, page.text
    assert found[1] not in client.get("/account").text, "shown once"
    return found[1]


def test_a_program_comes_with_a_token_and_may_what_it_is_for(house: House) -> None:
    owner = client_of(house.app, "li.na", follow_redirects=False)
    token = make_token(owner, "alert.*")
    program = house.browser(headers={"Authorization": f"Bearer {token}"})
    assert knows(program) == "li.na"
    assert program.get("/api/me/may/alert.close").json()["may"] is True
    assert program.get("/api/alerts").status_code == 200
    refused = program.get("/api/sensors")
    assert refused.status_code == 403
    assert "alert.*" in refused.json()["rule"]
    assert program.get("/account").status_code == 401, "a token does not manage its owner"
    house.clock.advance(timedelta(days=30))
    assert program.get("/api/alerts").status_code == 401
    assert "invalid_token" in program.get("/api/alerts").headers["www-authenticate"]


def test_a_revoked_token_opens_nothing(house: House) -> None:
    owner = client_of(house.app, "li.na", follow_redirects=False)
    token = make_token(owner, "*")
    program = house.browser(headers={"Authorization": f"Bearer {token}"})
    assert program.get("/api/sensors").status_code == 200
    number = token.split("_")[1]
    stranger = client_of(house.app, "boss", follow_redirects=False)
    path = "/account/tokens/revoke"
    assert send(stranger, path, form_of="/account", token=number).status_code == 404
    assert send(owner, path, form_of="/account", token=number).status_code == 303
    assert program.get("/api/sensors").status_code == 401


def test_a_token_in_the_address_is_not_looked_at(house: House) -> None:
    token = make_token(client_of(house.app, "li.na", follow_redirects=False), "*")
    client = house.browser()
    assert client.get(f"/api/me?token={token}&access_token={token}").json()["id"] == "public"


# People


def test_an_account_is_changed_disabled_and_given_a_new_password(house: House) -> None:
    boss = client_of(house.app, "boss", follow_redirects=False)
    operator = client_of(house.app, "li.na")
    one = "/people/li.na"
    send(boss, one, form_of=one, name="李娜", roles=["auditor"], scopes=["city"], why="moved")
    assert operator.get("/api/me").json()["roles"] == ["auditor"], "at once"
    assert next(iter(audit.entries(house.registry))).why == "moved"
    reset = send(boss, f"{one}/password", form_of=one)
    made = re.search(r'id="made">([^<]+)<', reset.text)
    assert made is not None
    assert knows(operator) == "public"
    assert log_in(house.browser(), "li.na", made[1]).status_code == 303
    send(boss, f"{one}/state", form_of=one, to="disabled")
    assert log_in(house.browser(), "li.na", made[1]).status_code == 401
    last = send(boss, "/people/boss/state", form_of="/people/boss", to="disabled")
    assert last.status_code == 422
    assert "至少须保留一名管理员" in last.text
    for path in ("/people/nobody", "/people/nobody/state", "/people/nobody/password"):
        assert send(boss, path, form_of=one, to="disabled", name="x").status_code == 404
    assert audit.verify(house.registry) == []


def test_the_audit_page_finds_and_gives_away(house: House) -> None:
    boss = client_of(house.app, "boss", follow_redirects=False)
    log_in(house.browser(), "li.na", "wrong")
    log_in(house.browser(), "li.na")
    page = boss.get("/audit?action=login&lang=en").text
    assert page.count('<td class="mono">login</td>') == 1
    whole = boss.get("/audit?verify=1&lang=en").text
    assert "entries are whole" in whole
    lines = boss.get("/audit.jsonl?who=li.na").text.splitlines()
    assert len(lines) == 1
    assert '"action": "login"' in lines[0]
    table = boss.get("/audit.csv").text
    assert table.startswith("\ufeffnumber,at,who,action")
    assert boss.get("/api/audit/verify").json()["breaks"] == []
    assert len(boss.get("/api/audit?limit=2&since=2026-11-24&until=2026-11-24").json()) == 2
    assert boss.get("/api/audit?until=2026-11-23").json() == []
    for wrong in ("since=yesterday", "until=9999-12-31", "offset=-1"):
        assert boss.get(f"/audit?{wrong}").status_code == 422


# What every answer carries


def test_private_pages_are_not_kept_by_anybody(house: House) -> None:
    client = client_of(house.app, "boss")
    for path in ("/", "/account", "/people", "/audit", "/api/me", "/audit.csv"):
        assert client.get(path).headers["cache-control"] == "no-store", path
    assert "cache-control" not in house.browser().get("/targets").headers


def test_headers_allow_nothing_from_elsewhere_and_nothing_inline(house: House) -> None:
    for path in ("/", "/login", "/nothing", "/static/console.css", "/api/me"):
        headers = house.browser().get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers


def test_a_host_that_is_not_ours_gets_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, hosts=hosts_of("https://board.city.example", "board.local"))
    for name, status in (
        ("board.city.example", 200),
        ("BOARD.local:8000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("evil.example", 400),
        ("", 400),
        ("board.city.example.evil.example", 400),
    ):
        answer = house.browser().get("/api/me", headers={"Host": name})
        assert answer.status_code == status, name


def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    house = House(tmp_path, body_limit=2048)
    client = house.browser()
    token = csrf_of(client.get("/login").text)
    long = {"csrf": token, "name": "x" * 4096, "password": "x"}
    assert client.post("/login", data=long).status_code == 413

    def stream() -> Iterator[bytes]:
        yield b"csrf=x&name="
        for _ in range(100):
            yield b"x" * 100

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/login", content=stream(), headers=kind).status_code == 413
    for length in ("-1", "²", "1e3"):
        headers = {**kind, "Content-Length": length.encode("latin-1")}
        assert client.post("/login", content=b"", headers=headers).status_code == 413
