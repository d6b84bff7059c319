"""`onenet init`: every secret made, none guessable, none readable by others, none lost again."""

from __future__ import annotations

import base64
import re
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from onenet.certificates import (
    AUTHORITY_LIFE,
    RENEW_AUTHORITY_BEFORE,
    RENEW_BEFORE,
    SERVER_LIFE,
    hosts_of,
)
from onenet.cli import app
from onenet.cli_people import hash_of
from onenet.init import ACCOUNTS, VARIABLES, Made, init, read_env
from registry.passwords import fits
from schemas import FixedClock
from tests.deploy.production_broker import ROOT

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def values(folder: Path) -> dict[str, str]:
    return read_env((folder / ".env").read_text("utf-8"))


def passwords(folder: Path) -> dict[str, str]:
    lines = (folder / "deploy/generated/mosquitto/passwords").read_text("utf-8").splitlines()
    return dict(line.split(":", 1) for line in lines)


def certificate(folder: Path) -> x509.Certificate:
    pem = (folder / "deploy/generated/mosquitto/server.crt").read_bytes()
    return x509.load_pem_x509_certificate(pem)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def did(made: list[Made], name: str) -> str:
    return next(one.did for one in made if one.path.name == name)


# The first time


def test_every_secret_is_long_and_differs_from_every_other(tmp_path: Path) -> None:
    init(tmp_path)
    made = values(tmp_path)
    assert set(made) == {variable.name for variable in VARIABLES}
    secret = {v.name: made[v.name] for v in VARIABLES if v.secret}
    assert len(set(secret.values())) == len(secret)
    assert all(len(value) >= 43 for value in secret.values()), "32 bytes at least"
    assert len(bytes.fromhex(made["AIRFLOW_JWT_SECRET"])) == 64
    assert len(base64.urlsafe_b64decode(made["AIRFLOW_FERNET_KEY"])) == 32


def test_two_installations_have_no_secret_in_common(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        init(tmp_path / name)
    one, other = values(tmp_path / "one"), values(tmp_path / "other")
    assert not {one[v.name] for v in VARIABLES if v.secret} & set(other.values())


def test_what_holds_a_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    init(tmp_path)
    public = {"ca.crt", "server.crt"}
    for path in tmp_path.rglob("*"):
        mode = path.stat().st_mode & 0o777
        if path.is_file():
            assert mode == (0o644 if path.name in public else 0o600), path
    assert (tmp_path / "deploy/generated").stat().st_mode & 0o777 == 0o700


def test_no_password_is_in_a_generated_file(tmp_path: Path) -> None:
    init(tmp_path)
    secret = [values(tmp_path)[v.name] for v in VARIABLES if v.secret]
    for name, content in snapshot(tmp_path).items():
        if name != ".env":
            assert not [value for value in secret if value.encode() in content], name


def test_git_ignores_every_file_that_init_makes(tmp_path: Path) -> None:
    init(tmp_path)
    init(tmp_path, force=True)  # leaves the old .env beside the new one
    for name in snapshot(tmp_path):
        done = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False)
        assert done.returncode == 0, f"git would commit {name}"


# Again


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    init(tmp_path)
    before = snapshot(tmp_path)
    made = init(tmp_path)
    assert snapshot(tmp_path) == before
    assert all(one.did.startswith("kept") for one in made)


def test_a_new_variable_is_added_and_the_rest_kept(tmp_path: Path) -> None:
    init(tmp_path)
    path = tmp_path / ".env"
    before = values(tmp_path)
    lines = [x for x in path.read_text("utf-8").splitlines() if "GRAFANA_SECRET_KEY" not in x]
    path.write_text("\n".join([*lines, "# mine", "MY_OWN='kept as it is'", ""]), "utf-8")
    made = init(tmp_path)
    after = values(tmp_path)
    assert did(made, ".env") == "kept, and added GRAFANA_SECRET_KEY"
    assert after.pop("GRAFANA_SECRET_KEY") not in before.values()
    assert after.pop("MY_OWN") == "kept as it is"
    assert after == {k: v for k, v in before.items() if k != "GRAFANA_SECRET_KEY"}
    assert "# mine" in path.read_text("utf-8")


def test_an_emptied_secret_is_made_again_and_an_empty_setting_is_not(tmp_path: Path) -> None:
    init(tmp_path)
    old = values(tmp_path)
    text = (tmp_path / ".env").read_text("utf-8")
    text = text.replace(
        f"MQTT_ALERTS_PASSWORD={old['MQTT_ALERTS_PASSWORD']}", "MQTT_ALERTS_PASSWORD="
    )
    (tmp_path / ".env").write_text(text.replace("127.0.0.1", "10.0.0.5"), "utf-8")
    hashes = passwords(tmp_path)
    made = init(tmp_path)
    assert did(made, ".env") == "kept, and added MQTT_ALERTS_PASSWORD"
    assert did(made, "passwords") == "kept, renewed: alerts"
    new = values(tmp_path)
    assert new["MQTT_ALERTS_PASSWORD"] not in ("", old["MQTT_ALERTS_PASSWORD"])
    assert (new["WEB_ADDRESS"], new["ONENET_WEBHOOK_URL"]) == ("10.0.0.5", "")
    changed = {name for name, hashed in passwords(tmp_path).items() if hashes[name] != hashed}
    assert changed == {"alerts"}


def test_loose_permissions_are_tightened(tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / ".env").chmod(0o644)
    init(tmp_path)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_force_replaces_every_secret_and_keeps_settings_devices_and_the_old_file(
    tmp_path: Path,
) -> None:
    init(tmp_path, hosts=["mqtt.example.org"])
    path = tmp_path / ".env"
    path.write_text(path.read_text("utf-8").replace("127.0.0.1", "10.0.0.5"), "utf-8")
    accounts = tmp_path / "deploy/generated/mosquitto/passwords"
    with accounts.open("a", encoding="utf-8") as file:
        file.write("noise-01:$7$101$abc$def\n")
    before, text, ca = values(tmp_path), path.read_text("utf-8"), snapshot(tmp_path)

    init(tmp_path, force=True, clock=FixedClock(NOW))

    after = values(tmp_path)
    assert not [v.name for v in VARIABLES if v.secret and before[v.name] == after[v.name]]
    assert after["WEB_ADDRESS"] == "10.0.0.5"
    assert passwords(tmp_path)["noise-01"] == "$7$101$abc$def"
    assert (tmp_path / ".env.20261124T080000Z").read_text("utf-8") == text
    assert snapshot(tmp_path)["deploy/generated/ca/ca.key"] != ca["deploy/generated/ca/ca.key"]
    pem = (tmp_path / "deploy/generated/mosquitto/server.crt").read_text("ascii")
    assert "mqtt.example.org" in hosts_of(pem)


def test_a_broker_password_that_could_break_a_file_is_refused(tmp_path: Path) -> None:
    init(tmp_path)
    text = (tmp_path / ".env").read_text("utf-8")
    alerts = values(tmp_path)["MQTT_ALERTS_PASSWORD"]
    (tmp_path / ".env").write_text(text.replace(alerts, "pass$word with blanks"), "utf-8")
    with pytest.raises(ValueError, match="MQTT_ALERTS_PASSWORD"):
        init(tmp_path)


# TLS


def test_the_certificate_is_of_our_authority_and_for_the_hosts_named(tmp_path: Path) -> None:
    init(tmp_path, hosts=["MQTT.example.org", "10.1.2.3"], clock=FixedClock(NOW))
    found = certificate(tmp_path)
    pem = (tmp_path / "deploy/generated/mosquitto/server.crt").read_text("ascii")
    expected = {"localhost", "127.0.0.1", "mosquitto", "mqtt.example.org", "10.1.2.3"}
    assert set(hosts_of(pem)) == expected
    ca_pem = (tmp_path / "deploy/generated/ca/ca.crt").read_bytes()
    authority = x509.load_pem_x509_certificate(ca_pem)
    found.verify_directly_issued_by(authority)
    assert found.not_valid_after_utc == NOW + SERVER_LIFE
    assert authority.not_valid_after_utc > NOW + timedelta(days=3600)
    assert ssl.create_default_context(cadata=ca_pem.decode()).cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("host", ["no host", "-a", "a..b", "http://x", ""])
def test_a_host_that_is_none_is_refused_before_anything_is_made(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValueError, match="expected a name such as"):
        init(tmp_path, hosts=[host])
    assert not list(tmp_path.iterdir())


def test_a_further_host_renews_the_certificate_under_the_same_authority(tmp_path: Path) -> None:
    init(tmp_path, hosts=["mqtt.example.org"])
    ca = (tmp_path / "deploy/generated/ca/ca.crt").read_bytes()
    made = init(tmp_path, hosts=["10.9.8.7"])
    assert (tmp_path / "deploy/generated/ca/ca.crt").read_bytes() == ca
    assert "it does not name 10.9.8.7" in did(made, "server.crt")
    pem = (tmp_path / "deploy/generated/mosquitto/server.crt").read_text("ascii")
    assert {"mqtt.example.org", "10.9.8.7"} <= set(hosts_of(pem))


def test_a_certificate_near_its_end_is_renewed(tmp_path: Path) -> None:
    clock = FixedClock(NOW)
    init(tmp_path, clock=clock)
    clock.advance(SERVER_LIFE - RENEW_BEFORE)
    assert did(init(tmp_path, clock=clock), "server.crt") == "kept"
    clock.advance(timedelta(seconds=1))
    assert "it ends on 2029-02-26" in did(init(tmp_path, clock=clock), "server.crt")


def test_the_authority_is_renewed_in_time_and_what_it_signed_stays_good(tmp_path: Path) -> None:
    """With the same key, so that devices that still have the old ca.crt go on."""
    clock = FixedClock(NOW)
    init(tmp_path, clock=clock)
    ca = tmp_path / "deploy/generated/ca/ca.crt"
    old = x509.load_pem_x509_certificate(ca.read_bytes())
    clock.advance(AUTHORITY_LIFE - RENEW_AUTHORITY_BEFORE)
    init(tmp_path, clock=clock)  # the server's is renewed on the way
    assert x509.load_pem_x509_certificate(ca.read_bytes()) == old
    server = certificate(tmp_path)
    assert server.not_valid_after_utc <= old.not_valid_after_utc, "nothing outlives it"
    clock.advance(timedelta(seconds=1))
    made = init(tmp_path, clock=clock)
    assert "before 2036-11-21, when the old one ends" in did(made, "ca.crt")
    assert did(made, "server.crt") == "kept"
    new = x509.load_pem_x509_certificate(ca.read_bytes())
    assert new.not_valid_after_utc == clock.now() + AUTHORITY_LIFE
    for authority in (old, new):
        server.verify_directly_issued_by(authority)
    assert (tmp_path / "deploy/generated/mosquitto/ca.crt").read_bytes() == ca.read_bytes()
    assert did(init(tmp_path, clock=clock), "ca.crt") == "kept"


def test_the_authoritys_key_may_be_kept_elsewhere(tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / "deploy/generated/ca/ca.key").unlink()
    before = snapshot(tmp_path)
    init(tmp_path)
    assert snapshot(tmp_path) == before
    with pytest.raises(ValueError, match="back for a new one"):
        init(tmp_path, hosts=["10.9.8.7"])


# The command


def test_the_command_tells_what_it_did_to_each_file_and_no_secret(tmp_path: Path) -> None:
    first = CliRunner().invoke(app, ["init", str(tmp_path), "--host", "a.example", "--host", "b"])
    assert first.exit_code == 0, first.output
    assert f"{tmp_path / '.env'}: made, {len(VARIABLES)} variables" in first.output
    assert "a.example, b" in first.output
    again = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert again.output.count(": kept") == 4
    assert not [v for v in values(tmp_path).values() if len(v) > 16 and v in first.output]


def test_the_first_administrators_password_is_printed_once_and_kept_as_a_hash(
    tmp_path: Path,
) -> None:
    first = CliRunner().invoke(app, ["init", str(tmp_path)])
    found = re.search(r"as administrator with (\S+);", first.output)
    assert found is not None
    hashed = hash_of(values(tmp_path)["CONSOLE_ADMINISTRATOR"])
    assert fits(found[1], hashed)
    assert not any(found[1].encode() in content for content in snapshot(tmp_path).values())
    again = CliRunner().invoke(app, ["init", str(tmp_path), "--force"])
    assert "as administrator" not in again.output
    assert hash_of(values(tmp_path)["CONSOLE_ADMINISTRATOR"]) == hashed


def test_each_account_of_the_broker_has_its_password(tmp_path: Path) -> None:
    init(tmp_path, demo=True)
    assert sorted(passwords(tmp_path)) == sorted(ACCOUNTS)


def test_the_broker_learns_of_the_simulated_fleet_only_for_the_demo(tmp_path: Path) -> None:
    init(tmp_path)
    assert "fleet" not in passwords(tmp_path)
    assert did(init(tmp_path, demo=True), "passwords") == "kept, renewed: fleet"
    before = passwords(tmp_path)
    init(tmp_path)
    assert passwords(tmp_path) == before
