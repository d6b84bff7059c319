"""Single sign-on against an OpenID provider that runs beside the test, on loopback."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from console import create_app
from console.access import Access, Oidc, parse_roles
from registry import audit, migrate, open_registry, people, seed_demo_city
from registry.sign_on import login_name, rights_of
from schemas import FixedClock
from schemas.people import PERSON_PATTERN, Role
from tests.console.visiting import admit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the provider uses a part of authlib that is going away
    from oidc_provider_mock import User, run_server_in_thread

HOME = "http://testserver"
ROLES = "env-officers=enforcement@district:futian; env-ops=operator+technician@city"
USERS = (
    User(
        sub="1",
        claims={
            "preferred_username": "Zhang.Wei@city",
            "name": "张伟",
            "roles": ["env-ops", "staff"],
        },
    ),
    User(sub="2", claims={"preferred_username": "li.na", "name": "李娜", "roles": "env-officers"}),
    User(sub="3", claims={"preferred_username": "guest", "name": "Guest", "roles": ["staff"]}),
)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_server_in_thread(user_claims=USERS, require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


class Office:
    def __init__(self, home: Path, issuer: str) -> None:
        self.registry_url = f"sqlite:///{home}/r.db"
        migrate(self.registry_url)
        self.registry = open_registry(self.registry_url)
        self.oidc = Oidc(issuer, "onenet", "secret", "roles", parse_roles(ROLES))
        self.store_url = f"sqlite:///{home}/o.db"

    def client(self, **changed: object) -> TestClient:
        app = create_app(
            store_url=self.store_url,
            registry_url=self.registry_url,
            clock=FixedClock(datetime.now(UTC)),
            access=Access(url=HOME, oidc=replace(self.oidc, **changed)),  # type: ignore[arg-type]
        )
        return TestClient(app, follow_redirects=False)


@pytest.fixture
def office(tmp_path: Path, provider: str) -> Iterator[Office]:
    made = Office(tmp_path, provider)
    seed_demo_city(made.registry)  # a scope must be a place that the registry knows
    yield made
    made.registry.close()


def vouch(client: TestClient, sub: str, way: str = "/targets") -> str:
    """Say at the provider who one is; the address that it sends the browser back to."""
    away = client.get(f"/login/sso?next={way}")
    assert away.status_code == 303
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["nonce"]
    answer = httpx.post(away.headers["location"], data={"sub": sub})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


def who(client: TestClient) -> dict:
    return client.get("/api/me").json()


def test_who_is_vouched_for_is_let_in_with_the_roles_of_the_claims(office: Office) -> None:
    client = office.client()
    assert 'href="/login/sso?next=/"' in client.get("/login").text
    back = vouch(client, "1")
    before = client.cookies["onenet_session"]
    answer = client.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/targets")
    assert client.cookies["onenet_session"] != before
    me = who(client)
    assert (me["id"], me["name"]) == ("zhang.wei", "张伟")
    assert (me["roles"], me["scopes"]) == (["operator", "technician"], ["city"])
    account = people.find(office.registry, "zhang.wei")
    assert account is not None
    assert not account.has_password
    assert account.issuer == office.oidc.issuer
    log = [(entry.who, entry.action) for entry in audit.entries(office.registry)]
    assert log[:2] == [("zhang.wei", "login"), ("system:single-sign-on", "person.add")]
    assert all(who == "system:demo" for who, _ in log[2:]), "else only the seed of the city"


def test_a_claim_may_be_one_text_and_its_scope_bounds(office: Office) -> None:
    client = office.client()
    client.get(vouch(client, "2"))
    assert who(client)["scopes"] == ["district:futian"]
    path = "/api/me/may/alert.close?district="
    assert [client.get(path + d).json()["may"] for d in ("futian", "nanshan")] == [True, False]


def test_roles_are_those_of_the_last_log_in(office: Office) -> None:
    client = office.client()
    client.get(vouch(client, "2"))
    narrower = office.client(roles=parse_roles("env-officers=auditor@city"))
    narrower.get(vouch(narrower, "2"))
    assert who(narrower)["roles"] == ["auditor"]
    assert who(client)["roles"] == ["auditor"], "sessions of before, too"


@pytest.mark.parametrize("case", ["no_role", "taken", "disabled"])
def test_who_is_not_welcome_is_told_why(office: Office, case: str) -> None:
    sub = {"no_role": "3", "taken": "1", "disabled": "1"}[case]
    if case == "taken":
        admit(office.registry, "zhang.wei", Role.ADMINISTRATOR)
    if case == "disabled":
        first = office.client()
        first.get(vouch(first, "1"))
        people.disable(office.registry, "zhang.wei", at=datetime.now(UTC), who="cli:test")
    client = office.client()
    answer = client.get(vouch(client, sub))
    assert answer.status_code == 403
    said = {"no_role": "未被授予任何角色", "taken": "同名账号已存在", "disabled": "该账号已停用"}
    assert said[case] in answer.text
    assert who(client)["id"] == "public"
    newest = next(iter(audit.entries(office.registry)))
    assert newest.action == "login.failed"


def test_an_answer_that_was_not_asked_for_opens_nothing(office: Office) -> None:
    client = office.client()
    back = vouch(client, "1")
    code = parse_qs(urlsplit(back).query)["code"][0]
    stranger = office.client()
    assert stranger.get(back).headers["location"] == "/login", "another browser"
    assert client.get(f"/login/sso/back?code={code}&state=guess").status_code == 403
    assert client.get(back).headers["location"] == "/login", "the attempt is over"
    other = office.client()
    back = vouch(other, "1")
    assert other.get(back).status_code == 303
    assert other.get(back).headers["location"] == "/login", "an answer opens once"


def test_a_code_of_another_attempt_is_refused_by_its_nonce_or_verifier(office: Office) -> None:
    attacker, victim = office.client(), office.client()
    code = parse_qs(urlsplit(vouch(attacker, "1")).query)["code"][0]
    state = parse_qs(urlsplit(vouch(victim, "2")).query)["state"][0]
    answer = victim.get(f"/login/sso/back?code={code}&state={state}")
    assert answer.status_code == 403
    assert who(victim)["id"] == "public"


def test_a_provider_that_does_not_answer_is_told(office: Office) -> None:
    client = office.client(issuer="http://127.0.0.1:9")
    answer = client.get("/login/sso")
    assert answer.status_code == 502
    assert "单点登录服务没有应答" in answer.text


def test_without_settings_there_is_no_such_way(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/r.db")
    app = create_app(
        store_url=f"sqlite:///{tmp_path}/o.db", registry_url=f"sqlite:///{tmp_path}/r.db"
    )
    client = TestClient(app)
    assert client.get("/login/sso").status_code == 404
    assert "sso" not in client.get("/login").text


@pytest.mark.parametrize(
    "text", ["x", "x=king@city", "x=operator", "x=operator@moon", "=operator@city"]
)
def test_a_mapping_that_cannot_be_read_names_the_entry(text: str) -> None:
    with pytest.raises(ValueError, match=r"ONENET_OIDC_ROLES: '.*': claim value=role"):
        parse_roles(text)


def test_rights_of_several_groups_are_put_together() -> None:
    mapping = parse_roles(ROLES)
    roles, scopes = rights_of(["env-ops", "env-officers", "x"], mapping)
    assert set(roles) == {Role.ENFORCEMENT, Role.OPERATOR, Role.TECHNICIAN}
    assert set(scopes) == {"district:futian", "city"}
    assert rights_of(["x"], mapping) == ((), ())


@pytest.mark.parametrize("text", ["Zhang.Wei", "张伟", "1abc", "", "a", "<b>", "-x-", "é" * 99])
def test_any_name_of_a_provider_becomes_one_that_an_account_may_have(text: str) -> None:
    assert re.fullmatch(PERSON_PATTERN, login_name(text)), login_name(text)
