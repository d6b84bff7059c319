"""docker-compose.yml against the compose specification, against the code, and for safety."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml

from ingest.session import BrokerAddress
from onenet.airflow_env import airflow_environment
from onenet.cli import app
from onenet.init import ACCOUNTS, VARIABLES, init, read_env
from onenet.settings import Settings
from storage.buckets import RETENTION
from tests.deploy.compose_file import (
    FILE,
    OURS,
    ROOT,
    SCALE,
    Service,
    compose,
    docker_compose,
    environment,
    installation,
    said,
    servers,
    services,
    specification,
    variables,
    words,
    written_passwords,
)

CONF = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text("utf-8")
DATABASES = (ROOT / "deploy/postgres/databases.sh").read_text("utf-8")


# The compose specification


def test_the_file_is_valid_by_the_specifications_schema() -> None:
    validator = specification()
    assert [error.message for error in validator.iter_errors(compose())] == []
    assert list(validator.iter_errors({"services": {"x": {"imagee": "y"}}})), "a blunt schema"
    assert "version" not in compose()


def resolve(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [docker_compose(), "--profile", "demo", "--profile", "tools", "config", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_resolves_with_what_init_makes(tmp_path: Path) -> None:
    done = resolve(installation(tmp_path))
    assert done.returncode == 0, done.stderr
    resolved = yaml.safe_load(done.stdout)
    assert set(resolved["services"]) == set(services())
    made = read_env((tmp_path / ".env").read_text("utf-8"))
    ingest = resolved["services"]["ingest"]["environment"]
    assert ingest["ONENET_MQTT_PASSWORD"] == made["MQTT_INGEST_PASSWORD"]
    left = re.sub(r"\$\$", "", done.stdout)
    assert "$" not in left, "a variable that neither compose nor a shell would fill"


def test_it_refuses_to_start_without_secrets(tmp_path: Path) -> None:
    shutil.copy(FILE, tmp_path)
    done = resolve(tmp_path, "-q")
    assert done.returncode != 0
    assert "run `onenet init`" in done.stderr


def test_each_variable_is_generated_and_each_generated_one_is_used() -> None:
    used = variables(FILE.read_text("utf-8") + SCALE.read_text("utf-8"))
    assert set(used) == {variable.name for variable in VARIABLES}
    for variable in VARIABLES:
        empty_is_refused = used[variable.name] == ":?run `onenet init`"
        may_be_empty = used[variable.name] == "?run `onenet init`"
        assert empty_is_refused or (may_be_empty and not variable.secret), variable.name


# Secrets


@pytest.mark.parametrize("name", services())
def test_no_password_is_written_in_the_file(name: str) -> None:
    assert written_passwords(services()[name]) == []


@pytest.mark.parametrize("name", services())
def test_a_service_is_given_the_secrets_that_it_needs_and_no_other(name: str) -> None:
    airflow = {"AIRFLOW_FERNET_KEY", "AIRFLOW_DB_PASSWORD", "AIRFLOW_API_SECRET_KEY"}
    airflow |= {"AIRFLOW_JWT_SECRET", "CONSOLE_URL"}
    needs = {
        "mosquitto-files": set(),
        "mosquitto": {"MQTT_HEALTHCHECK_PASSWORD"},
        "influxdb": {"INFLUX_ADMIN_PASSWORD", "INFLUX_ADMIN_TOKEN"},
        "postgres": {
            "POSTGRES_PASSWORD",
            "REGISTRY_DB_PASSWORD",
            "REGISTRY_INGEST_DB_PASSWORD",
            "REGISTRY_DAGS_DB_PASSWORD",
            "REGISTRY_CONSOLE_DB_PASSWORD",
            "REGISTRY_GRAFANA_DB_PASSWORD",
            "REGISTRY_GATEWAY_DB_PASSWORD",
            "AIRFLOW_DB_PASSWORD",
        },
        "prepare": {"REGISTRY_DB_PASSWORD", "INFLUX_ADMIN_TOKEN", "CONSOLE_ADMINISTRATOR"},
        "ingest": {
            "REGISTRY_INGEST_DB_PASSWORD",
            "INFLUX_INGEST_TOKEN",
            "MQTT_INGEST_PASSWORD",
            "ONENET_BROADCAST",
        },
        "gateway": {"REGISTRY_GATEWAY_DB_PASSWORD", "MQTT_GATEWAY_PASSWORD", "LOGGERS_NETWORKS"},
        "console": {
            "REGISTRY_CONSOLE_DB_PASSWORD",
            "INFLUX_CONSOLE_TOKEN",
            "CONSOLE_SECRET_KEY",
            "FORWARDED_ALLOW_IPS",
            "DEVICES_HOST",
            "MQTT_OPERATOR_PASSWORD",
            "MQTT_PROVISIONING_PASSWORD",
            "CONSOLE_URL",
            "GRAFANA_URL",
            "ONENET_BROADCAST",
        },
        "grafana": {
            "GRAFANA_URL",
            "GRAFANA_ADMIN_PASSWORD",
            "GRAFANA_SECRET_KEY",
            "INFLUX_GRAFANA_TOKEN",
            "REGISTRY_GRAFANA_DB_PASSWORD",
            *(v.name for v in VARIABLES if v.name.startswith("GRAFANA_ALERT_")),
            *(f"ONENET_SMTP_{part}" for part in ("HOST", "PORT", "USERNAME", "PASSWORD", "FROM")),
        },
        "airflow-init": airflow,
        "airflow-apiserver": airflow | {"AIRFLOW_ADMIN_PASSWORD"},
        "airflow-scheduler": airflow
        | {
            "REGISTRY_DAGS_DB_PASSWORD",
            "INFLUX_AIRFLOW_TOKEN",
            "MQTT_ALERTS_PASSWORD",
            "MQTT_PROVISIONING_PASSWORD",
            "ONENET_PRIVATE_RECEIVERS",
            "ONENET_WEBHOOK_URL",
            "ONENET_WEBHOOK_SECRET",
            "ONENET_BROADCAST",
        },
        "alerts": {
            "REGISTRY_DAGS_DB_PASSWORD",
            "INFLUX_CONSOLE_TOKEN",
            "MQTT_ALERTS_PASSWORD",
            "CONSOLE_URL",
            *(v.name for v in VARIABLES if v.name.startswith("ONENET_")),
        },
        "provisioning": {"REGISTRY_DAGS_DB_PASSWORD", "MQTT_PROVISIONING_PASSWORD"},
        "airflow-dag-processor": airflow,
        "airflow-triggerer": airflow,
        "tools": {
            "REGISTRY_CONSOLE_DB_PASSWORD",
            "INFLUX_TOOLS_TOKEN",
            "MQTT_OPERATOR_PASSWORD",
            "MQTT_PROVISIONING_PASSWORD",
        },
        "demo-seed": {"REGISTRY_CONSOLE_DB_PASSWORD"},
        "demo-fleet": {"MQTT_FLEET_PASSWORD"},
    }
    given = variables(" ".join(environment(services()[name]).values()))
    assert set(given) == needs[name]


# Against the code


@pytest.mark.parametrize("name", [n for n, s in services().items() if s["image"] == OURS])
def test_each_setting_is_one_that_the_code_knows(name: str) -> None:
    known = {f"ONENET_{field.upper()}" for field in Settings.model_fields}
    given = {key for key in environment(services()[name]) if key.startswith("ONENET_")}
    assert given <= known


DATA = {"ONENET_STORE_URL", "ONENET_STORE_TOKEN", "ONENET_REGISTRY_URL"}
LOGIN = {"ONENET_MQTT_USERNAME", "ONENET_MQTT_PASSWORD"}
BROKER = LOGIN | {"ONENET_MQTT_HOST", "ONENET_MQTT_PORT", "ONENET_MQTT_VERSION"}


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("prepare", DATA),
        ("ingest", DATA | BROKER | {"ONENET_INGEST_CLIENT_ID", "ONENET_INGEST_HOST"}),
        ("gateway", BROKER | {"ONENET_REGISTRY_URL", "ONENET_GATEWAY_HOST"}),
        ("console", DATA | {"ONENET_CONSOLE_HOST", "ONENET_SECRET_KEY", "ONENET_CONSOLE_URL"}),
        ("airflow-scheduler", DATA | BROKER | {"ONENET_WEBHOOK_URL"}),
        ("alerts", DATA | BROKER | {"ONENET_WEBHOOK_URL", "ONENET_SMTP_HOST", "ONENET_BROADCAST"}),
        ("tools", DATA | BROKER),
        ("provisioning", {"ONENET_REGISTRY_URL", "ONENET_PROVISIONING_PASSWORD"}),
        ("demo-seed", {"ONENET_REGISTRY_URL"}),
        ("demo-fleet", LOGIN),
    ],
)
def test_each_service_is_given_the_settings_that_it_needs(name: str, needed: set[str]) -> None:
    assert needed <= set(environment(services()[name]))


def settings_of(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings as the container would see them."""
    init(folder)
    made = read_env((folder / ".env").read_text("utf-8"))
    for key, value in environment(services()[name]).items():
        filled = re.sub(r"\$\{([A-Z_]+)[^}]*\}", lambda match: made[match[1]], value)
        monkeypatch.setenv(key, filled)
    return Settings()


@pytest.mark.parametrize("name", ["ingest", "gateway", "airflow-scheduler", "tools"])
def test_the_broker_is_where_its_configuration_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(name, tmp_path, monkeypatch)
    account = settings.mqtt_username
    password = read_env((tmp_path / ".env").read_text("utf-8"))[ACCOUNTS[account]]
    assert settings.broker() == BrokerAddress("mosquitto", 1883, account, password, mqtt5=True)
    assert "mosquitto" in services()
    listeners = re.findall(r"^listener (\d+)$", CONF, re.M)
    assert listeners == ["1883", "8883"]
    assert f"user {account}\n" in (ROOT / "deploy/mosquitto/acl").read_text("utf-8")


@pytest.mark.parametrize("name", ["prepare", "ingest", "console", "airflow-scheduler", "tools"])
def test_the_databases_are_those_that_the_others_make(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(name, tmp_path, monkeypatch)
    influx = environment(services()["influxdb"])
    assert settings.store_url == f"influx://influxdb:8086/{influx['DOCKER_INFLUXDB_INIT_ORG']}"
    registry = urlsplit(settings.registry_url)
    assert (registry.scheme, registry.hostname, registry.port) == ("postgresql", "postgres", 5432)
    assert f"ALTER ROLE {registry.username} PASSWORD" in DATABASES
    assert f"ON DATABASE {registry.path.strip('/')}," in DATABASES


def test_the_first_bucket_is_the_stores_own() -> None:
    """The image makes one bucket; `onenet store prepare` must find its own in it."""
    influx = environment(services()["influxdb"])
    days = int(influx["DOCKER_INFLUXDB_INIT_RETENTION"].removesuffix("d"))
    assert RETENTION[influx["DOCKER_INFLUXDB_INIT_BUCKET"]] == days * 86_400


def test_the_databases_passwords_are_those_that_the_services_use() -> None:
    assert re.findall(r"^\\getenv \w+ (\w+)$", DATABASES, re.M) == [
        name for name in environment(services()["postgres"]) if name.endswith("_DB_PASSWORD")
    ]


def test_only_these_ports_are_published_and_only_mqtt_by_tls_to_the_world() -> None:
    published = {name: one["ports"] for name, one in services().items() if "ports" in one}
    web = "${WEB_ADDRESS:?run `onenet init`}"
    assert published == {
        "mosquitto": ["8883:8883"],
        "gateway": ["${LOGGERS_ADDRESS:?run `onenet init`}:9212:9212"],
        "console": [f"{web}:8000:8000"],
        "grafana": [f"{web}:3000:3000"],
        "airflow-apiserver": ["127.0.0.1:8080:8080"],
    }
    for address in ("WEB_ADDRESS", "LOGGERS_ADDRESS"):
        assert next(v for v in VARIABLES if v.name == address).make({}) == "127.0.0.1"


def test_ports_are_those_of_the_code_and_its_probes() -> None:
    fields = Settings.model_fields
    for name, prefix in (("ingest", "ingest"), ("console", "console")):
        given = environment(services()[name])
        port = given[f"ONENET_{prefix.upper()}_PORT"]
        assert port == str(fields[f"{prefix}_port"].default)
        assert given[f"ONENET_{prefix.upper()}_HOST"] == "0.0.0.0"
        assert f"127.0.0.1:{port}/healthz" in services()[name]["healthcheck"]["test"][-1]
    gateway = environment(services()["gateway"])
    for field in ("gateway_port", "gateway_health_port", "gateway_health_host"):
        assert gateway[f"ONENET_{field.upper()}"] == str(fields[field].default)
    assert gateway["ONENET_GATEWAY_HOST"] == "0.0.0.0"
    probe = services()["gateway"]["healthcheck"]["test"][-1]
    assert f"127.0.0.1:{gateway['ONENET_GATEWAY_HEALTH_PORT']}/healthz" in probe
    airflow = environment(services()["airflow-apiserver"])
    assert airflow["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == (
        f"http://airflow-apiserver:{airflow['AIRFLOW__API__PORT']}/execution/"
    )


def test_each_command_is_one_of_the_command_line() -> None:
    root = typer.main.get_command(app)
    tried = []
    for service in services().values():
        if service["image"] != OURS or "entrypoint" in service:
            continue
        tried.append(service["command"])
        _parse(root, service["command"])
    assert len(tried) == 7
    scripts = "\n".join("\n".join(words(service)) for service in services().values())
    called = [match.split() for match in re.findall(r"\bonenet ((?:[a-z]+ ?)+)", scripts)]
    prepare = [["registry", "migrate"], ["store", "prepare"], ["people", "first"]]
    assert called == [*prepare, ["registry", "seed"]]
    for command in called:
        _parse(root, command)


def _parse(command: Any, arguments: list[str]) -> None:
    """Read the arguments as the command line would. Raises for an unknown command or option."""
    if arguments == ["--help"]:
        return
    if hasattr(command, "commands"):
        assert arguments[0] in command.commands, f"no command {arguments[0]!r}"
        _parse(command.commands[arguments[0]], arguments[1:])
    else:
        command.make_context("onenet", list(arguments))


def test_the_script_of_the_demo_is_python_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = services()["demo-seed"]["command"][0].split("<<'PYTHON'\n")[1].split("PYTHON")[0]
    from registry import migrate, open_registry, seed_demo_city

    url = f"sqlite:///{tmp_path}/registry.db"
    monkeypatch.setenv("ONENET_REGISTRY_URL", url)
    migrate(url)
    seed_demo_city(open_registry(url))
    exec(script.replace("/demo/", f"{tmp_path}/"), {})
    fleet = json.loads((tmp_path / "fleet.json").read_text("utf-8"))
    assert len(fleet) > 50


# Airflow


def airflow_services() -> dict[str, Service]:
    return {name: one for name, one in services().items() if name.startswith("airflow-")}


def test_airflow_is_given_what_the_demo_is_given(tmp_path: Path) -> None:
    demo = airflow_environment(tmp_path, dags=tmp_path, port=8080, demo=True)
    only_demo = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS",
        "PATH",  # an image has its own
    }
    for name, service in airflow_services().items():
        assert set(demo) - set(environment(service)) <= only_demo, name


def test_all_parts_of_airflow_share_one_configuration() -> None:
    shared = [
        {key: value for key, value in environment(one).items() if key.startswith("AIRFLOW__")}
        for one in airflow_services().values()
    ]
    assert all(one == shared[0] for one in shared)
    assert shared[0]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert shared[0]["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith("postgresql+psycopg://")


def test_each_option_is_one_that_airflow_knows() -> None:
    from importlib.util import find_spec

    spec = find_spec("airflow")
    assert spec
    assert spec.origin
    path = Path(spec.origin).parent / "config_templates" / "config.yml"
    known = yaml.safe_load(path.read_text("utf-8"))
    for key in environment(services()["airflow-scheduler"]):
        if key.startswith("AIRFLOW__"):
            _, section, option = key.lower().split("__")
            assert option in known[section]["options"], key


def test_the_dags_are_in_the_image_where_airflow_looks() -> None:
    folder = environment(services()["airflow-scheduler"])["AIRFLOW__CORE__DAGS_FOLDER"]
    assert said("WORKDIR")[-1] == "/app"
    assert "dags dags" in said("COPY")
    assert folder == "/app/dags"
    assert list((ROOT / "dags").glob("*.py"))


# What a container finds


def test_each_mounted_path_is_in_the_repository_or_made_by_init(tmp_path: Path) -> None:
    made = {str(p.relative_to(tmp_path)) for p in installation(tmp_path).rglob("*")}
    for name, service in services().items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                path = source.removeprefix("./")
                assert (ROOT / path).exists() or path in made, f"{name}: {path}"
                assert mount.endswith(":ro"), f"{name}: {mount}"
            else:
                assert source in compose()["volumes"], f"{name}: {source}"


def test_each_volume_and_network_is_used() -> None:
    mounts = [m for one in services().values() for m in one.get("volumes", [])]
    assert {m.split(":")[0] for m in mounts if not m.startswith("./")} == set(compose()["volumes"])
    used = {network for one in services().values() for network in one.get("networks", [])}
    assert used == set(compose()["networks"])


def test_the_files_that_mosquitto_reads_are_those_that_are_installed() -> None:
    read = set(re.findall(r"/mosquitto/secrets/(\S+)", CONF))
    installed = (ROOT / "deploy/mosquitto/install.sh").read_text("utf-8")
    for name in read - {"acl"}:
        assert f"$from/{name}" in installed
    assert "mosquitto-secrets:/mosquitto/secrets:ro" in services()["mosquitto"]["volumes"]
    assert "mosquitto-data:/mosquitto/data" in services()["mosquitto"]["volumes"]
    assert "persistence_location /mosquitto/data/" in CONF


def test_grafana_is_given_every_variable_of_its_provisioning() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    text = "\n".join(path.read_text("utf-8") for path in folder.rglob("*") if path.is_file())
    named = set(re.findall(r"(?<!\$)\$(?:\{|__env\{)?([A-Z][A-Z0-9_]+)", text))
    given = {key for key in environment(services()["grafana"]) if not key.startswith("GF_")}
    assert named == given
    provider = yaml.safe_load((folder / "dashboards" / "onenet.yaml").read_text("utf-8"))
    boards = provider["providers"][0]["options"]["path"]
    assert f"boards:{boards}:ro" in services()["grafana"]["volumes"]
    # Airflow's tasks write them, where `prepare` has made the folder theirs.
    scheduler = services()["airflow-scheduler"]
    assert f"boards:{environment(scheduler)['ONENET_BOARDS_DIR']}" in scheduler["volumes"]
    assert "boards:/boards" in services()["prepare"]["volumes"]
    assert "prepare" in services()["grafana"]["depends_on"]
    assert (
        "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro"
        in (services()["grafana"]["volumes"])
    )


# Running


@pytest.mark.parametrize("name", servers())
def test_each_server_tells_whether_it_is_well(name: str) -> None:
    test = services()[name]["healthcheck"]["test"]
    assert test[0] in ("CMD", "CMD-SHELL")
    assert "curl" not in " ".join(test), "not in every image"


@pytest.mark.parametrize("name", services())
def test_each_service_waits_for_what_can_happen(name: str) -> None:
    for other, how in services()[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in services()[other]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert services()[other]["restart"] == "no"


@pytest.mark.parametrize("name", services())
def test_each_container_is_confined(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    if name == "mosquitto-files":  # root, to hand over files: so nobody can talk to it
        assert service["network_mode"] == "none"
        assert service["restart"] == "no"
        assert service["cap_add"] == ["CHOWN", "DAC_OVERRIDE"]
    else:
        assert int(service["user"].split(":")[0]) > 0
        assert "cap_add" not in service


def test_the_stores_are_reached_from_the_inside_only() -> None:
    assert compose()["networks"]["inside"]["internal"] is True
    outside = {name for name, one in services().items() if "edge" in one.get("networks", [])}
    assert outside == {
        "mosquitto",
        "gateway",
        "console",
        "grafana",
        "airflow-apiserver",
        "airflow-scheduler",  # posts to the webhook
        "alerts",
    }


def test_images_have_a_version_and_no_host() -> None:
    images = {one["image"] for one in services().values()}
    assert images == {
        OURS,
        "eclipse-mosquitto:2.0",
        "influxdb:2.7",
        "postgres:16-bookworm",
        "grafana/grafana:11.6.0",
    }
    assert all(one.get("build") == "." for one in services().values() if one["image"] == OURS)


def test_ingest_is_given_time_to_drain() -> None:
    from onenet.stack import DRAIN_S

    assert int(services()["ingest"]["stop_grace_period"].removesuffix("s")) > DRAIN_S
