"""`onenet evidence`: from the registry to a file, and whether the file is what was frozen."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import alerts.evidence.parts as parts_module
from alerts import Move, Router, act, alerts, judge, load_rules
from alerts.evidence import evidence, evidence_of, verify
from alerts.evidence.verify import parts_of
from onenet.cli import app
from registry import migrate, open_registry, seed_demo_city
from schemas import FlaggedReading, ParameterKey, SensorId, to_ms
from schemas.people import Person, Role
from storage import open_store
from tests.alerts.conftest import NIGHT, ROAD

MINUTE = timedelta(minutes=1)
OFFICER = Person(id="wu", name="吴", roles=(Role.ENFORCEMENT,), scopes=("city",))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with one closed alert, and the environment that names it."""
    registry_url, store_url = f"sqlite:///{tmp_path}/r.db", f"sqlite:///{tmp_path}/o.db"
    migrate(registry_url)
    registry, store = open_registry(registry_url), open_store(store_url)
    seed_demo_city(registry)
    level = {True: 58.0, False: 50.0}
    store.write(
        [
            FlaggedReading(
                SensorId(ROAD),
                to_ms(NIGHT + m * MINUTE),
                {ParameterKey("laeq"): level[0 <= m < 60]},
            )
            for m in range(-60, 125)
        ]
    )
    rules = [rule for rule in load_rules() if rule.id == "noise-hour"]
    judge(NIGHT + 121 * MINUTE, rules=rules, store=store, registry=registry)
    (found,) = alerts(registry)
    for name, more in (
        ("acknowledge", {}),
        ("close", {"outcome": "confirmed", "findings": "属实"}),
    ):
        act(
            registry,
            found.id,
            Move(name, **more),
            by=OFFICER,
            at=NIGHT + 130 * MINUTE,
            router=Router(),
        )
    store.close()
    registry.close()
    monkeypatch.setenv("ONENET_REGISTRY_URL", registry_url)
    monkeypatch.setenv("ONENET_STORE_URL", store_url)
    monkeypatch.setattr(parts_module, "pdf", lambda _html: b"%PDF-none")
    return tmp_path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["evidence", *map(str, words)])


def exported(home: Path) -> Path:
    assert run("freeze", 1).exit_code == 0
    file = home / "e.zip"
    assert run("export", 1, "--output", file).exit_code == 0
    return file


def test_a_bundle_is_listed_exported_and_found_whole(home: Path) -> None:
    file = exported(home)
    digest = verify(file.read_bytes()).sha256
    assert digest in run("list").output
    assert "no evidence" in run("list", "--alert", 2).output
    said = run("verify", file, "--against", "registry", "--chain")
    assert said.exit_code == 0, said.output
    assert f"SHA-256 {digest}" in said.output
    assert "whole: no byte differs" in said.output
    assert "known: evidence 1 of this registry" in said.output
    assert "1 bundles, 0 breaks" in said.output
    assert "stated as missing: raw/" in said.output


def test_a_file_is_verified_where_there_is_no_registry(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = exported(home)
    monkeypatch.setenv("ONENET_REGISTRY_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("ONENET_STORE_URL", "influx://127.0.0.1:1/none")
    assert run("verify", file).exit_code == 0


def test_an_altered_file_is_told_by_part_and_expectation(home: Path) -> None:
    file = exported(home)
    content = file.read_bytes()
    file.write_bytes(content.replace(b",58.0,dB(A),", b",54.0,dB(A),", 1))
    said = run("verify", file)
    assert said.exit_code == 1
    told = r"^readings\.csv: altered; expected SHA-256 \w{64}, \d+ bytes, found "
    assert re.search(told, said.output, re.MULTILINE)
    assert "no byte differs" not in said.output


def test_a_file_that_was_made_anew_is_not_known_to_the_registry(home: Path) -> None:
    from alerts.evidence.bundle import bundle, manifest_of, with_sums

    file = exported(home)
    original = verify(file.read_bytes())
    kept = parts_of(file.read_bytes())
    del kept["manifest.json"], kept["SHA256SUMS"]
    parts = with_sums({**kept, "readings.csv": b"nothing happened"})
    manifest = manifest_of(parts, alert=1, made=NIGHT, by="x", previous="", gaps=())
    file.write_bytes(bundle(parts, manifest))
    assert run("verify", file).exit_code == 0
    said = run("verify", file, "--against", "registry")
    assert said.exit_code == 1
    assert f"expected one of: 1: SHA-256 {original.sha256}" in said.output


def test_a_broken_chain_is_told(home: Path) -> None:
    exported(home)
    registry = open_registry(f"sqlite:///{home}/r.db")
    with registry.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER evidence_no_update")
        connection.exec_driver_sql("UPDATE evidence SET who = 'somebody'")
    said = run("verify", "--chain")
    assert said.exit_code == 1
    assert "altered: evidence 1: the row says" in said.output
    assert "1 bundles, 1 breaks" in said.output
    registry.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify",), "give a FILE, or --chain"),
        (("verify", "x.zip", "--against", "internet"), "--against 'internet'"),
        (("export", 7, "--output", "x"), "there is no evidence 7"),
        (("freeze", 99), "there is no alert 99"),
        (("verify", "nowhere.zip"), "nowhere.zip"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_said(home: Path, words: tuple[object, ...], said: str) -> None:
    answer = run(*words)
    assert answer.exit_code == 1
    assert said in str(answer.exception)
    assert isinstance(answer.exception, ValueError | OSError)


def test_freezing_again_adds_a_bundle(home: Path) -> None:
    run("freeze", 1)
    run("freeze", 1)
    registry = open_registry(f"sqlite:///{home}/r.db")
    first, second = evidence_of(registry)
    assert second.previous == first.sha256
    assert verify(evidence(registry, second.id)[1]).faults == ()
    registry.close()
