"""`onenet people`: accounts without the console, and those of the demo."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from onenet.cli import app
from onenet.cli_people import text_of
from onenet.demo_people import secret_key, settle, variable
from onenet.settings import Settings
from registry import (
    Registry,
    audit,
    migrate,
    new_passwords,
    open_registry,
    passwords,
    people,
    seed_demo_city,
    tokens,
)
from schemas.people import Role

NOW = datetime.now(UTC)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    url = f"sqlite:///{tmp_path}/r.db"
    monkeypatch.setenv("ONENET_REGISTRY_URL", url)
    migrate(url)
    opened = open_registry(url)
    seed_demo_city(opened)
    yield opened
    opened.close()


@pytest.fixture
def run(registry: Registry) -> Callable[..., Result]:
    assert registry is not None
    return lambda *words: CliRunner().invoke(app, ["people", *words])


def test_an_account_is_made_and_its_password_printed_once(
    registry: Registry, run: Callable[..., Result]
) -> None:
    words = ("--role", "enforcement", "--scope", "district:futian", "--name", "[b]李娜")
    done = run("add", "li.na", *words)
    found = re.search(r"^li\.na: (\S+)$", done.output, re.M)
    assert found is not None, done.output
    assert new_passwords.is_present(registry, "li.na", found[1])
    account = people.find(registry, "li.na")
    assert account is not None
    assert account.must_change
    assert account.person.scopes == ("district:futian",)
    entry = next(iter(audit.entries(registry)))
    assert (entry.who.split(":")[0], entry.action) == ("cli", "person.add")
    listed = run("list").output
    assert "[b]李娜" in listed
    assert found[1] not in listed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "Li Na", "--role", "operator"), "id 'Li Na'"),
        (("add", "li.na", "--role", "king"), "roles 'king'"),
        (("add", "li.na", "--role", "operator", "--scope", "district:moon"), "district:moon"),
        (("disable", "nobody"), "'nobody' does not exist"),
        (("token", "nobody", "--name", "x"), "'nobody' does not exist"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    run: Callable[..., Result], words: tuple[str, ...], told: str
) -> None:
    done = run(*words)
    assert isinstance(done.exception, ValueError), "which the command line tells in one line"
    assert told in str(done.exception)


def test_an_account_is_disabled_enabled_and_reset(
    registry: Registry, run: Callable[..., Result]
) -> None:
    run("add", "li.na", "--role", "operator")
    assert run("disable", "li.na", "--why", "left").exit_code == 0
    assert people.find(registry, "li.na").disabled is not None  # type: ignore[union-attr]
    assert run("enable", "li.na").exit_code == 0
    found = re.search(r"^li\.na: (\S+)$", run("reset", "li.na").output, re.M)
    assert found is not None
    assert new_passwords.is_present(registry, "li.na", found[1])


def test_a_token_may_read_unless_more_is_asked_for_and_is_revoked(
    registry: Registry, run: Callable[..., Result]
) -> None:
    run("add", "li.na", "--role", "operator")
    token = run("token", "li.na", "--name", "meter").output.strip()
    person = tokens.person_of(registry, token, at=datetime.now(UTC))
    assert person is not None
    assert person.only == ("*.read",)
    number = token.split("_")[1]
    assert number in run("tokens", "li.na").output
    assert run("tokens", "li.na", "--revoke", number).exit_code == 0
    assert tokens.person_of(registry, token, at=datetime.now(UTC)) is None


def test_the_first_administrator_is_made_once(
    registry: Registry, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONENET_ADMINISTRATOR", "no hash")
    assert "ONENET_ADMINISTRATOR" in str(run("first").exception)
    monkeypatch.setenv(
        "ONENET_ADMINISTRATOR", text_of(passwords.hash_password("told by init once"))
    )
    assert "made administrator" in run("first").output
    assert new_passwords.is_present(registry, "administrator", "told by init once")
    account = people.find(registry, "administrator")
    assert account is not None
    assert (account.must_change, account.person.roles) == (True, (Role.ADMINISTRATOR,))
    assert "accounts already" in run("first").output


def test_without_init_the_first_password_is_printed(
    registry: Registry, run: Callable[..., Result]
) -> None:
    found = re.search(r"^administrator: (\S+)$", run("first").output, re.M)
    assert found is not None
    assert new_passwords.is_present(registry, "administrator", found[1])


def test_people_of_the_demo_keep_their_passwords_over_a_rerun(
    registry: Registry, tmp_path: Path
) -> None:
    first = settle(registry, {}, at=NOW)
    assert set(first) == {"administrator", "officer", "technician"}
    assert len(set(first.values())) == 3
    known = {variable(login): password for login, password in first.items()}
    assert settle(registry, known, at=NOW) == first
    lost = settle(registry, {}, at=NOW)
    assert lost["officer"] != first["officer"]
    assert new_passwords.is_present(registry, "officer", lost["officer"])
    key = secret_key(tmp_path)
    assert len(key) == 64
    assert secret_key(tmp_path) == key
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"secret_key": "short"}, "ONENET_SECRET_KEY"),
        ({"oidc_issuer": "https://id.example"}, "ONENET_OIDC_CLIENT_ID"),
        (
            {
                "oidc_issuer": "https://id.example",
                "oidc_client_id": "x",
                "oidc_client_secret": "y",
                "oidc_roles": "x=king@city",
                "console_url": "https://board.example",
            },
            "ONENET_OIDC_ROLES",
        ),
    ],
)
def test_settings_of_who_gets_in_are_checked_at_the_start(
    settings: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        Settings(**settings).access()  # type: ignore[arg-type]


def test_the_console_answers_to_its_own_names() -> None:
    access = Settings(console_url="https://board.city.example", trusted_hosts="a.example").access()
    assert access.tls
    assert set(access.hosts) == {
        "localhost",
        "127.0.0.1",
        "[::1]",
        "board.city.example",
        "a.example",
    }
