"""What a person and a program are told when the registry's database is away, old or refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from console.app import create_app
from registry import migrate, open_registry, seed_demo_city
from schemas.people import Role
from tests import postgres
from tests.brokers import free_port
from tests.command import onenet
from tests.console.visiting import admit, log_in
from tests.parts import need

COMMANDS = (
    ["sensors", "list"],
    ["deadletters", "list"],
    ["people", "list"],
    ["audit", "verify"],
    ["report", "month", "2026-10"],
    ["dashboards", "export", "--from-registry", "boards"],
)
every_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


def refused(registry_url: str, home: Path, command: list[str]) -> str:
    """What a command that fails says; it must be an error that it explains."""
    done = onenet(home, *command, registry_url=registry_url)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@every_command
def test_a_registry_that_was_never_migrated(tmp_path: Path, command: list[str]) -> None:
    told = refused(f"sqlite:///{tmp_path}/r.db", tmp_path, command)
    assert told.startswith("error: ")
    assert "onenet registry migrate" in told


@every_command
def test_a_registry_that_is_not_there(tmp_path: Path, command: list[str]) -> None:
    told = refused(f"postgresql://u:s3cret@127.0.0.1:{free_port()}/r", tmp_path, command)
    assert told.startswith("error: ")
    assert "the registry" in told
    assert "s3cret" not in told


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:s3cret@host/r"])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    told = refused(url, tmp_path, ["sensors", "list"])
    assert told.startswith("error: registry URL")
    assert "postgresql://USER:PASSWORD@HOST/DATABASE" in told
    assert "s3cret" not in told


@dataclass(frozen=True)
class Installed:
    server: dict[str, str]
    home: Path

    def url(self, role: str) -> str:
        return postgres.url(self.server, role, "registry")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    need("postgresql", postgres.available())
    home = tmp_path_factory.mktemp("registry")
    with postgres.postgres(home) as server:
        made = Installed(server, home)
        migrate(made.url("registry"))
        registry = open_registry(made.url("registry"))
        seed_demo_city(registry)
        admit(registry, "keeper", Role.ADMINISTRATOR)
        registry.close()
        yield made


def test_a_user_without_the_right(installed: Installed, tmp_path: Path) -> None:
    told = refused(installed.url("registry_grafana"), tmp_path, ["sensors", "list"])
    assert "refuses its user this (permission denied for table" in told


def test_a_console_says_so_and_goes_on_when_the_registry_is_back(installed: Installed) -> None:
    app = create_app(
        store_url=f"sqlite:///{installed.home}/o.db", registry_url=installed.url("registry_console")
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        assert log_in(client, "keeper").status_code == 303
        assert client.get("/", headers={"accept": "text/html"}).status_code == 200
        with postgres.away(installed.server):
            for path in ("/", "/sensors", "/alerts", "/people", "/login"):
                page = client.get(path, headers={"accept": "text/html"})
                assert page.status_code == 503, path
                assert "数据暂时不可用" in page.text
                assert "keeper" not in page.text
            for path in ("/api/board", "/sensorthings/v1.1/Things"):
                answer = client.get(path)
                assert answer.status_code == 503, path
                assert answer.headers["content-type"].startswith("application/json")
        assert client.get("/people", headers={"accept": "text/html"}).status_code == 200


def test_a_table_that_a_newer_version_has(installed: Installed, tmp_path: Path) -> None:
    registry = open_registry(installed.url("registry"))
    with registry.engine.begin() as connection:
        connection.execute(text("ALTER TABLE dead_letter RENAME TO dead_letter_of_old"))
    try:
        told = refused(installed.url("registry_console"), tmp_path, ["deadletters", "list"])
    finally:
        with registry.engine.begin() as connection:
            connection.execute(text("ALTER TABLE dead_letter_of_old RENAME TO dead_letter"))
        registry.close()
    assert 'relation "dead_letter" does not exist' in told
    assert "onenet registry migrate" in told
