"""`onenet init`: the secrets of an installation, made once and kept out of the code and of git.

`.env` holds every secret in plain text, readable by its owner alone; docker-compose.yml takes them
from there and refuses to start without. `deploy/generated/` holds what the broker reads: hashed
passwords and its TLS certificate. What exists is kept: a second run adds only what is missing, so
that an upgrade which needs a new secret is `git pull` and `onenet init`.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet

from onenet.certificates import (
    RENEW_AUTHORITY_BEFORE,
    Pair,
    ends,
    host,
    hosts_of,
    make_authority,
    make_server,
    renew_authority,
    why_replace,
)
from onenet.cli_people import text_of
from registry import passwords
from registry.credentials import ROUNDS, SALT_BYTES, hash_password
from registry.people import FIRST_ADMINISTRATOR
from schemas import Clock, SystemClock

ENV_FILE = ".env"
GENERATED = Path("deploy/generated")

BROKER_HOSTS = ("localhost", "127.0.0.1", "mosquitto")


@dataclass(frozen=True, slots=True)
class Variable:
    """One line of `.env`. A secret is never empty; a setting may be."""

    name: str
    purpose: str
    make: Callable[[Mapping[str, str]], str]
    secret: bool = True


def _password(_: Mapping[str, str]) -> str:
    # Hexadecimal: nothing to escape in a URL, an env file or on a command line.
    return secrets.token_hex(32)


def _signing_secret(_: Mapping[str, str]) -> str:
    return secrets.token_hex(64)


def _fernet_key(_: Mapping[str, str]) -> str:
    return Fernet.generate_key().decode("ascii")


def _told(known: Mapping[str, str]) -> str:
    return "mqtt,webhook" if known.get("ONENET_WEBHOOK_URL") else "mqtt"


def _setting(value: str) -> Callable[[Mapping[str, str]], str]:
    return lambda _: value


ADMINISTRATOR = "CONSOLE_ADMINISTRATOR"

# InfluxDB chooses the value of a token, so there is a place for each that no server knows of yet.
_PLACE = "token, worthless until `onenet store prepare --env-file .env` has replaced it"

VARIABLES = (
    Variable("POSTGRES_PASSWORD", "PostgreSQL's superuser; used at the first start", _password),
    Variable("REGISTRY_DB_PASSWORD", "owner of the registry: migrations only", _password),
    Variable("REGISTRY_INGEST_DB_PASSWORD", "ingest's part of the registry", _password),
    Variable("REGISTRY_DAGS_DB_PASSWORD", "the DAGs' and deliverer's part of it", _password),
    Variable("REGISTRY_CONSOLE_DB_PASSWORD", "writes its rows: console, tools", _password),
    Variable("REGISTRY_GATEWAY_DB_PASSWORD", "reads data loggers: HJ 212 gateway", _password),
    Variable("REGISTRY_GRAFANA_DB_PASSWORD", "reads alerts, without people: Grafana", _password),
    Variable("AIRFLOW_DB_PASSWORD", "owner of the database airflow", _password),
    Variable("INFLUX_ADMIN_PASSWORD", "InfluxDB's user admin, for its own pages", _password),
    Variable("INFLUX_ADMIN_TOKEN", "makes buckets and tokens; no service has it", _password),
    Variable("INFLUX_INGEST_TOKEN", f"ingest's {_PLACE}", _password),
    Variable("INFLUX_AIRFLOW_TOKEN", f"the DAGs' {_PLACE}", _password),
    Variable("INFLUX_CONSOLE_TOKEN", f"the console's {_PLACE}", _password),
    Variable("INFLUX_GRAFANA_TOKEN", f"Grafana's {_PLACE}", _password),
    Variable("INFLUX_TOOLS_TOKEN", f"the tools' {_PLACE}", _password),
    Variable("AIRFLOW_JWT_SECRET", "signs what Airflow's parts say to each other", _signing_secret),
    Variable("AIRFLOW_API_SECRET_KEY", "signs sessions of Airflow's pages", _signing_secret),
    Variable("AIRFLOW_FERNET_KEY", "encrypts connections kept in Airflow", _fernet_key),
    Variable("AIRFLOW_ADMIN_PASSWORD", "Airflow's user admin", _password),
    Variable("GRAFANA_ADMIN_PASSWORD", "Grafana's user admin; used at the first start", _password),
    Variable("GRAFANA_SECRET_KEY", "encrypts secrets kept in Grafana", _password),
    Variable(
        "GRAFANA_URL",
        "Grafana as a browser reaches it; the console links there; empty: it links to none",
        _setting("http://localhost:3000"),
        secret=False,
    ),
    Variable(
        "GRAFANA_ALERT_EMAIL",
        "Grafana mails there when the network is ill; several with semicolons",
        _setting("nobody@grafana.invalid"),
        secret=False,
    ),
    Variable(
        "GRAFANA_ALERT_WEBHOOK",
        "Grafana posts there what is critical",
        _setting("https://grafana.invalid/"),
        secret=False,
    ),
    Variable("GRAFANA_ALERT_TOKEN", "goes with what Grafana posts; its receiver has it", _password),
    Variable("MQTT_INGEST_PASSWORD", "broker account ingest: reads what sensors send", _password),
    Variable("MQTT_GATEWAY_PASSWORD", "broker account gateway: publishes HJ 212", _password),
    Variable("MQTT_ALERTS_PASSWORD", "broker account alerts: publishes alerts", _password),
    Variable("MQTT_OPERATOR_PASSWORD", "broker account operator: replays, commands", _password),
    Variable("MQTT_PROVISIONING_PASSWORD", "broker account provisioning: devices", _password),
    Variable("MQTT_HEALTHCHECK_PASSWORD", "broker account healthcheck: reads uptime", _password),
    Variable("MQTT_FLEET_PASSWORD", "broker account fleet: see onenet init --demo", _password),
    Variable("EMQX_COOKIE", "by it nodes of EMQX know each other; compose.scale.yml", _password),
    Variable("EMQX_DASHBOARD_PASSWORD", "EMQX's user admin; compose.scale.yml", _password),
    Variable("EMQX_API_SECRET", "cuts connections at EMQX; compose.scale.yml", _password),
    Variable("GATE_TOKEN", "EMQX shows it where it asks who may enter; the same", _password),
    Variable("REGISTRY_GATE_DB_PASSWORD", "reads credentials: that gate", _password),
    Variable("REDIS_PASSWORD", "the queue of Airflow's workers; compose.scale.yml", _password),
    Variable("CONSOLE_SECRET_KEY", "encrypts secrets of second factors in the registry", _password),
    Variable(
        ADMINISTRATOR,
        "the console's first administrator: the hash of a password that was printed once",
        _setting(""),
        secret=False,
    ),
    Variable(
        "CONSOLE_URL",
        "the console as a browser reaches it; https makes its cookies secure",
        _setting("http://localhost:8000"),
        secret=False,
    ),
    Variable(
        "WEB_ADDRESS",
        "console and Grafana listen here; they speak plain HTTP, so put a TLS proxy before them",
        _setting("127.0.0.1"),
        secret=False,
    ),
    Variable(
        "FORWARDED_ALLOW_IPS",
        "the proxy before the console: who may say by X-Forwarded-For where a request comes from",
        _setting("127.0.0.1"),
        secret=False,
    ),
    Variable(
        "LOGGERS_ADDRESS",
        "data loggers of HJ 212 come here, port 9212; in clear, so best by a private line or VPN",
        _setting("127.0.0.1"),
        secret=False,
    ),
    Variable(
        "LOGGERS_NETWORKS",
        "networks that they may come from, as 10.1.0.0/16, parted by commas; empty: anywhere",
        _setting(""),
        secret=False,
    ),
    Variable(
        "DEVICES_HOST",
        "by this name devices reach the broker; it stands on their credentials",
        _setting(""),
        secret=False,
    ),
    Variable(
        "ONENET_PRIVATE_RECEIVERS",
        "networks of your own in which what is posted to may be, parted by commas",
        _setting(""),
        secret=False,
    ),
    Variable("ONENET_WEBHOOK_URL", "alerts are posted there; empty: nowhere", _setting(""), False),
    Variable("ONENET_WEBHOOK_SECRET", "signs what is posted; its receiver has it, too", _password),
    Variable("ONENET_SMTP_HOST", "mail server for alerts; empty: no mail", _setting(""), False),
    Variable("ONENET_SMTP_PORT", "its port", _setting("587"), False),
    Variable("ONENET_SMTP_SECURITY", "starttls, tls or none", _setting("starttls"), False),
    Variable("ONENET_SMTP_USERNAME", "its account; empty: no log-in", _setting(""), False),
    Variable("ONENET_SMTP_PASSWORD", "of that account", _setting(""), False),
    Variable("ONENET_SMTP_FROM", "the address that mail comes from", _setting(""), False),
    Variable("ONENET_WECOM_URL", "group robot of WeCom, with its key", _setting(""), False),
    Variable("ONENET_DINGTALK_URL", "group robot of DingTalk, with its key", _setting(""), False),
    Variable("ONENET_DINGTALK_SECRET", "by which its messages are signed", _setting(""), False),
    Variable("ONENET_CAP_URL", "CAP documents are posted there", _setting(""), False),
    Variable(
        "ONENET_BROADCAST",
        "who is told every alert: some of mqtt, webhook, email:<address>, wecom, dingtalk, cap",
        _told,
        secret=False,
    ),
)

# Broker account → the variable with its password. Devices have accounts of their own. The fleet
# speaks for all sensors, so the broker learns of it only where somebody asked for the demo.
FLEET = "fleet"
ACCOUNTS = {
    name.removeprefix("MQTT_").removesuffix("_PASSWORD").lower(): name
    for name in (variable.name for variable in VARIABLES)
    if name.startswith("MQTT_")
}


@dataclass(frozen=True, slots=True)
class Made:
    """A file of the installation and what was done to it, in words."""

    path: Path
    did: str


def init(
    folder: Path,
    *,
    force: bool = False,
    demo: bool = False,
    hosts: Iterable[str] = (),
    clock: Clock | None = None,
) -> list[Made]:
    """Make what is missing in `folder`; with force, replace every secret that is there.

    demo: let simulated sensors in. hosts: further names or addresses by which devices reach the
    broker. Raises ValueError for a host that is none or a file that cannot be understood, OSError
    when one cannot be written.
    """
    reached_by = [host(name) for name in (*BROKER_HOSTS, *hosts)]
    now = (clock or SystemClock()).now()
    generated = folder / GENERATED
    for place in (generated, generated / "ca", generated / "mosquitto"):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = [*_environment(folder / ENV_FILE, force, now)]
    values = read_env((folder / ENV_FILE).read_text("utf-8"))
    made.append(_password_file(generated / "mosquitto" / "passwords", values, demo))
    made.extend(_tls(generated, reached_by, force, now))
    return made


# .env

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def read_env(text: str) -> dict[str, str]:
    """Names and values of an env file; quotes around a value are taken off."""
    found = {}
    for line in text.splitlines():
        if match := _LINE.fullmatch(line):
            found[match[1]] = match[2].strip().strip("'\"")
    return found


def set_in_env(path: Path, values: Mapping[str, str]) -> None:
    """Put values into an env file, at once; its other lines stay as they are."""
    _write(path, _with(path.read_text("utf-8"), values), 0o600)


def _environment(path: Path, force: bool, now: datetime) -> Iterator[Made]:
    old = path.read_text("utf-8") if path.exists() else ""
    values = read_env(old)
    fresh: dict[str, str] = {}
    password = ""
    if ADMINISTRATOR not in values:
        password = passwords.generate()
        fresh[ADMINISTRATOR] = text_of(passwords.hash_password(password))
    for variable in VARIABLES:
        there = values.get(variable.name, fresh.get(variable.name))
        if there is None or (variable.secret and (force or not there)):
            fresh[variable.name] = variable.make({**values, **fresh})
    if not fresh:
        path.chmod(0o600)
        yield Made(path, "kept: it has every secret")
        return
    if force and old:
        before = path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%SZ}")
        _write(before, old, 0o600)
        yield Made(before, "the secrets until now; delete it when nothing needs them any more")
    _write(path, _with(old, fresh), 0o600)
    if not old:
        yield Made(path, f"made, {len(fresh)} variables")
    elif force:
        yield Made(path, "every secret replaced; databases that exist still have their old ones")
    else:
        yield Made(path, f"kept, and added {', '.join(fresh)}")
    if password:
        told = f"log in to the console as {FIRST_ADMINISTRATOR} with {password}"
        yield Made(path, f"{told}; printed only now, and changed at the first log-in")


def _with(old: str, fresh: Mapping[str, str]) -> str:
    """The text of an env file with these values; other lines stay as they are."""
    left = dict(fresh)
    lines = []
    for line in old.splitlines():
        match = _LINE.fullmatch(line)
        if match and match[1] in left:
            line = f"{match[1]}={left.pop(match[1])}"
        lines.append(line)
    if not lines:
        lines = ["# Secrets of this installation, made by `onenet init`. Never commit this file."]
    for variable in VARIABLES:
        if variable.name in left:
            lines += ["", f"# {variable.purpose}", f"{variable.name}={left[variable.name]}"]
    return "\n".join(lines) + "\n"


# Broker accounts


def _fits(password: str, hashed: str) -> bool:
    """Whether a line that we have written is of this password; others count as not."""
    parts = hashed.split("$")
    if len(parts) != 5 or parts[1:3] != ["7", str(ROUNDS)]:
        return False
    return hmac.compare_digest(hash_password(password, base64.b64decode(parts[3])), hashed)


def _password_file(path: Path, values: Mapping[str, str], demo: bool) -> Made:
    """Our services' accounts as `.env` has them; other accounts, of devices, stay."""
    there = path.exists()
    lines = path.read_text("utf-8").splitlines() if there else []
    hashes = dict(line.split(":", 1) for line in lines if ":" in line)
    renewed = []
    for account, variable in ACCOUNTS.items():
        if account == FLEET and not demo and account not in hashes:
            continue
        password = values[variable]
        if not re.fullmatch(r"[A-Za-z0-9_.~=+/-]{16,}", password):
            raise ValueError(
                f"{ENV_FILE}: {variable}: at least 16 letters, digits and _ . ~ = + / - only; "
                "empty it and run `onenet init` again for a new one"
            )
        if not _fits(password, hashes.get(account, "")):
            hashes[account] = hash_password(password, secrets.token_bytes(SALT_BYTES))
            renewed.append(account)
    if not renewed:
        path.chmod(0o600)
        return Made(path, "kept")
    _write(path, "".join(f"{name}:{hashed}\n" for name, hashed in hashes.items()), 0o600)
    return Made(path, f"{'kept, renewed' if there else 'made'}: {', '.join(renewed)}")


# TLS


def _tls(generated: Path, reached_by: list[str], force: bool, now: datetime) -> Iterator[Made]:
    ca = generated / "ca" / "ca.crt"
    authority = None if force else _read_pair(ca)
    if authority is None:
        authority = make_authority(now)
        _write_pair(ca, authority)
        yield Made(ca, "made; devices need it to trust the broker")
    elif authority.key and ends(authority.certificate) - now < RENEW_AUTHORITY_BEFORE:
        until = ends(authority.certificate)
        authority = renew_authority(authority, now)
        _write_pair(ca, authority)
        yield Made(
            ca, f"renewed; bring it to devices before {until:%Y-%m-%d}, when the old one ends"
        )
    else:
        yield Made(ca, "kept")

    path = generated / "mosquitto" / "server.crt"
    _write(path.with_name("ca.crt"), authority.certificate, 0o644)
    server = _read_pair(path)
    why: str | None = "there was none"
    if server is not None:
        why = why_replace(server.certificate, authority.certificate, reached_by, now)
        reached_by = list(dict.fromkeys([*reached_by, *hosts_of(server.certificate)]))
    if why is None:
        yield Made(path, "kept")
        return
    if not authority.key:
        raise ValueError(f"{path}: {why}; put {ca.with_suffix('.key')} back for a new one")
    _write_pair(path, make_server(authority, reached_by, now))
    yield Made(path, f"made for {', '.join(reached_by)} ({why})")


def _read_pair(certificate: Path) -> Pair | None:
    """A certificate with its key; the key is empty where it is kept elsewhere."""
    if not certificate.exists():
        return None
    key = certificate.with_suffix(".key")
    return Pair(certificate.read_text("ascii"), key.read_text("ascii") if key.exists() else "")


def _write_pair(certificate: Path, pair: Pair) -> None:
    _write(certificate.with_suffix(".key"), pair.key, 0o600)
    _write(certificate, pair.certificate, 0o644)


def _write(path: Path, text: str, mode: int) -> None:
    """Replace a file at once, never readable by others on the way."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.chmod(mode)
    partial.replace(path)
