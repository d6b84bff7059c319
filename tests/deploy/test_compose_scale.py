"""compose.scale.yml laid over docker-compose.yml: what comes out, as docker-compose itself says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import yaml
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.engine import make_url

from ingest.session import CAPACITY, filters
from onenet.init import init
from onenet.settings import Settings
from registry import migrate, open_registry, seed_demo_city
from registry.accounts import RegistryIsTheList
from registry.credentials import admitted, issue
from registry.emqx import KEY
from schemas import SystemClock
from schemas.ids import Medium
from schemas.wire import MAX_MESSAGE_BYTES
from tests import postgres
from tests.deploy.compose_file import (
    FILE,
    OURS,
    ROOT,
    SCALE,
    Service,
    environment,
    installation,
    specification,
    variables,
    written_passwords,
)
from tests.deploy.compose_scaled import merged, scale
from tests.parts import need

OURS_AT_SCALE = "one-network:scale"
EMQX = ROOT / "deploy" / "emqx"
CONF = (EMQX / "emqx.conf").read_text("utf-8")
AWAY = {"mosquitto", "mosquitto-files"}
NEW = yaml.safe_load(SCALE.read_text("utf-8"))["services"]


def services() -> dict[str, Service]:
    return {name: one for name, one in scale()["services"].items() if name not in AWAY}


# The compose specification


def test_the_file_is_valid_by_the_specifications_schema() -> None:
    loaded = yaml.safe_load(SCALE.read_text("utf-8"))
    assert [error.message for error in specification().iter_errors(loaded)] == []


def test_it_resolves_with_what_init_makes(tmp_path: Path) -> None:
    resolved = yaml.safe_load(merged(installation(tmp_path)))
    assert set(resolved["services"]) == set(services()) | AWAY
    for name in AWAY:
        assert resolved["services"][name]["profiles"] == ["not-at-scale"]


def test_nothing_waits_for_what_is_not_started() -> None:
    for name, one in services().items():
        waits = set(one.get("depends_on", {}))
        assert waits <= set(services()), name
        for other, how in one.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services()[other], name


# Safety: as of the file below


def test_no_password_is_written_in_the_file() -> None:
    for name, one in services().items():
        assert written_passwords(one) == [], name


def test_each_container_is_confined() -> None:
    for name, one in services().items():
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert one["read_only"] is True, name
        assert one["logging"]["options"].keys() == {"max-size", "max-file"}, name
        if one["user"] == "0:0":  # to hand over files: so nobody can talk to it
            assert (one["network_mode"], one["restart"]) == ("none", "no"), name
            assert one["cap_add"] == ["CHOWN", "DAC_OVERRIDE"], name
        else:
            assert int(one["user"].split(":")[0]) > 0, name
            assert "cap_add" not in one, name


def test_only_these_ports_are_published() -> None:
    assert {name: one["ports"] for name, one in services().items() if "ports" in one} == {
        "door": [{"published": 8883, "target": 8883}],
        "gateway": ["127.0.0.1:9212:9212/tcp"],
        "console": ["127.0.0.1:8000:8000/tcp"],
        "console-2": ["127.0.0.1:8001:8000/tcp"],
        "grafana": ["127.0.0.1:3000:3000/tcp"],
        "airflow-apiserver": ["127.0.0.1:8080:8080/tcp"],
    }


def on(network: str) -> set[str]:
    return {name for name, one in services().items() if network in one.get("networks", {})}


def test_who_is_on_which_network() -> None:
    assert all(
        scale()["networks"][name]["internal"] for name in ("inside", "broker", "airflow-queue")
    )
    broker = {"emqx-1", "emqx-2", "door", "gate-1", "gate-2"}
    cutting = {
        "console",
        "console-2",
        "tools",
        "provisioning",
        "airflow-worker-1",
        "airflow-worker-2",
    }
    assert on("broker") == broker | cutting
    workers = {"airflow-worker-1", "airflow-worker-2"}
    assert on("airflow-queue") == {"redis", "airflow-scheduler"} | workers
    assert on("edge") == {
        *(
            "door",
            "gateway",
            "console",
            "console-2",
            "grafana",
            "airflow-apiserver",
            "airflow-scheduler",
        ),
        *("alerts", *workers),
    }
    # The broker and the queue of tasks see no database.
    assert not on("inside") & {"emqx-1", "emqx-2", "redis"}


def below(name: str) -> set[str]:
    """What a service is given where docker-compose.yml stands alone."""
    return set(variables(" ".join(environment(BASE[name]).values())))


BASE = yaml.safe_load(FILE.read_text("utf-8"))["services"]
CUT = {"EMQX_API_SECRET"}
MOSQUITTOS = {"MQTT_PROVISIONING_PASSWORD"}
CELERY = below("airflow-init") | {"REDIS_PASSWORD"}
EMQX_NODE = {"EMQX_COOKIE", "EMQX_DASHBOARD_PASSWORD", "GATE_TOKEN"}
GATE = {"GATE_TOKEN", "REGISTRY_GATE_DB_PASSWORD"}
CONSOLE = below("console") - MOSQUITTOS | CUT
TASKS = below("airflow-scheduler") - MOSQUITTOS | CELERY | CUT
NEEDS: dict[str, set[str]] = {
    "door": set(),
    "emqx-files": CUT,
    "emqx-1": EMQX_NODE,
    "emqx-2": EMQX_NODE,
    "gate-files": set(),
    "gate-database": {"POSTGRES_PASSWORD", "REGISTRY_GATE_DB_PASSWORD"},
    "gate-1": GATE,
    "gate-2": GATE,
    "ingest": below("ingest"),
    "ingest-2": below("ingest"),
    "ingest-3": below("ingest"),
    "console": CONSOLE,
    "console-2": CONSOLE,
    "tools": below("tools") - MOSQUITTOS | CUT,
    "provisioning": below("provisioning") - MOSQUITTOS | CUT,
    "redis": {"REDIS_PASSWORD"},
    "airflow-init": CELERY,
    "airflow-apiserver": CELERY | {"AIRFLOW_ADMIN_PASSWORD"},
    "airflow-scheduler": CELERY,
    "airflow-dag-processor": CELERY,
    "airflow-triggerer": CELERY,
    "airflow-worker-1": TASKS,
    "airflow-worker-2": TASKS,
}


@pytest.mark.parametrize("name", sorted(set(NEW) - AWAY))
def test_a_service_is_given_the_secrets_that_it_needs_and_no_other(name: str) -> None:
    given = variables(" ".join(environment(services()[name]).values()))
    assert set(given) == NEEDS[name]


def test_images_have_a_version_and_ours_are_built_here() -> None:
    assert {one["image"] for one in services().values()} == {
        *(OURS, OURS_AT_SCALE, "influxdb:2.7", "postgres:16-bookworm", "grafana/grafana:11.6.0"),
        *("emqx/emqx:5.8.9", "haproxy:3.0-alpine", "redis:7.2-alpine", "eclipse-mosquitto:2.0"),
    }
    built = {one["image"]: one["build"] for one in services().values() if "build" in one}
    assert built[OURS_AT_SCALE]["args"] == {"EXTRAS": "--extra scale"}
    assert all(
        one["image"] == OURS_AT_SCALE for name, one in services().items() if "airflow" in name
    )


# Against the code


def test_each_setting_is_one_that_the_code_knows() -> None:
    known = {f"ONENET_{field.upper()}" for field in Settings.model_fields}
    for name, one in services().items():
        given = {key for key in environment(one) if key.startswith("ONENET_")}
        assert given <= known, name


def test_workers_part_the_media_under_names_and_books_of_their_own() -> None:
    workers = [environment(one) for one in services().values() if one.get("command") == ["ingest"]]
    assert len(workers) == 3
    taken = [medium for one in workers for medium in one["ONENET_INGEST_MEDIA"].split(",")]
    assert sorted(taken) == sorted(Medium)
    assert len({one["ONENET_INGEST_CLIENT_ID"] for one in workers}) == 3
    books = [parse_qs(urlsplit(one["ONENET_STORE_URL"]).query).get("worker") for one in workers]
    assert books == [None, ["2"], ["3"]]
    assert len({frozenset(one) for one in workers}) == 1, "the same settings"


def test_the_second_console_is_as_the_first() -> None:
    one, two = services()["console"], services()["console-2"]
    left_out = {"ONENET_PROVISIONING_PASSWORD": ""}
    assert environment(one) == environment(two) | left_out
    assert (one["volumes"], one["command"]) == (two["volumes"], two["command"])


def test_all_parts_of_airflow_share_one_configuration_on_celery() -> None:
    parts = [environment(one) for name, one in services().items() if name.startswith("airflow-")]
    shared = [{k: v for k, v in one.items() if k.startswith("AIRFLOW__")} for one in parts]
    assert len(parts) == 7
    assert all(one == shared[0] for one in shared)
    assert shared[0]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


def test_workers_are_given_what_tasks_were_given_in_the_scheduler() -> None:
    scheduler = BASE["airflow-scheduler"]
    needed = {key for key in environment(scheduler) if key.startswith("ONENET_")}
    for name in ("airflow-worker-1", "airflow-worker-2"):
        assert needed - {"ONENET_PROVISIONING_PASSWORD"} <= set(environment(services()[name]))
        assert sorted(services()[name]["volumes"]) == sorted(
            mount if ":r" in mount else f"{mount}:rw" for mount in scheduler["volumes"]
        )


def test_the_result_backend_is_a_url_that_our_driver_opens() -> None:
    url = environment(services()["airflow-worker-1"])["AIRFLOW__CELERY__RESULT_BACKEND"]
    plain = re.sub(r"\$\{[^}]*\}", "x", url).removeprefix("db+")
    assert make_url(plain).get_dialect().driver == "psycopg"


# EMQX's files


def test_emqx_asks_the_gate_where_it_listens() -> None:
    gate = environment(services()["gate-1"])
    assert f'url = "http://gate:{gate["ONENET_GATE_PORT"]}/authenticate"' in CONF
    assert int(gate["ONENET_GATE_PORT"]) == Settings.model_fields["gate_port"].default
    for name in ("gate-1", "gate-2"):
        assert services()[name]["networks"]["broker"] == {"aliases": ["gate"]}
    assert 'body { username = "${username}", password = "${password}" }' in CONF


def test_what_the_gate_does_not_allow_is_denied() -> None:
    assert "no_match = deny" in CONF
    assert "sources = []" in CONF, "EMQX's own file begins with rules of its own"
    assert CONF.count("backend = ") == 1, "nobody else lets anybody in"


def test_the_group_is_that_of_ingest_and_its_limits_those_of_the_code() -> None:
    group = re.findall(r"shared_subscription_group\.(\w+)\.strategy = hash_topic", CONF)
    assert filters(group[0], (), shared=True) == ["$share/ingest/onenet/v1/+/+/+/+"]
    assert re.findall(r"max_inflight = (\d+)", CONF) == [str(CAPACITY)]
    assert f"max_packet_size = {2 * MAX_MESSAGE_BYTES // 1024}KB" in CONF
    assert "max_mqueue_len = infinity" in CONF


def test_the_nodes_find_each_other_and_the_door_finds_them() -> None:
    names = [environment(services()[name])["EMQX_NODE__NAME"] for name in ("emqx-1", "emqx-2")]
    assert re.findall(r'"(emqx@[^"]+)"', CONF) == names
    for name, node in zip(("emqx-1", "emqx-2"), names, strict=True):
        assert services()[name]["networks"]["broker"]["aliases"] == [node.removeprefix("emqx@")]
    door = (EMQX / "haproxy.cfg").read_text("utf-8")
    ports = re.findall(r'bind = "0\.0\.0\.0:(\d+)"', CONF)
    assert set(re.findall(r"bind :(\d+)", door)) == set(ports) == {"1883", "8883"}
    assert set(re.findall(r"server (\S+) \1:(\d+)", door)) == {
        (node, port) for node in ("emqx-1", "emqx-2") for port in ports
    }
    assert CONF.count("proxy_protocol = true") == door.count("send-proxy-v2") + 1 == 2
    assert services()["door"]["networks"]["inside"] == {"aliases": ["mosquitto"]}


def test_a_devices_client_id_is_its_account_by_which_it_is_cut() -> None:
    devices = re.search(r"  devices \{(.*?)\n  \}", CONF, re.S)
    assert devices
    assert "mqtt.use_username_as_clientid = true" in devices[1]
    tls = re.search(r"ssl\.default \{(.*?)\n  \}", CONF, re.S)
    assert tls
    assert "zone = devices" in tls[1]


def test_its_secrets_are_installed_for_its_user_alone(tmp_path: Path) -> None:
    init(tmp_path)
    to, data = tmp_path / "to", [tmp_path / "one", tmp_path / "two"]
    for folder in (to, *data):
        folder.mkdir()
    owner = f"{os.geteuid()}:{os.getegid()}"
    generated = tmp_path / "deploy/generated/mosquitto"
    command = ["sh", EMQX / "install.sh", generated, to, f"{data[0]} {data[1]}", owner]
    environ = {**os.environ, "EMQX_API_SECRET": "s" * 64}
    subprocess.run([str(part) for part in command], check=True, env=environ)
    assert {path.name: path.stat().st_mode & 0o777 for path in to.iterdir()} == dict.fromkeys(
        ["ca.crt", "server.crt", "server.key", "api-keys"], 0o400
    )
    assert (to / "api-keys").read_text("utf-8") == f"{KEY}:{'s' * 64}:administrator\n"
    read = set(re.findall(r'"/secrets/([^"]+)"', CONF))
    assert read == {path.name for path in to.iterdir()}


# The gate's user of the database


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    need("postgresql", postgres.available())
    need("psql", shutil.which("psql") is not None)
    with postgres.postgres(tmp_path_factory.mktemp("gate")) as running:
        migrate(postgres.url(running, "registry", "registry"))
        environ = {**os.environ, **running, "PGPORT": running["PORT"], "POSTGRES_USER": "postgres"}
        for _ in range(2):  # it runs at each start
            script = ["sh", str(ROOT / "deploy/postgres/gate.sh")]
            subprocess.run(script, check=True, env=environ, capture_output=True)
        yield running


def test_the_gate_lets_in_by_a_user_that_reads_two_tables(server: dict[str, str]) -> None:
    owner = open_registry(postgres.url(server, "registry", "registry"))
    gate = open_registry(postgres.url(server, "registry_gate", "registry"))
    seed_demo_city(owner)
    now = SystemClock().now()
    made = issue(owner, RegistryIsTheList(), ["noise-dongmen-1"], by="tester", at=now)[0]
    assert admitted(gate, made.username, made.password, SystemClock().now())
    gate.close()
    owner.close()
    with psycopg.connect(postgres.url(server, "registry_gate", "registry"), autocommit=True) as db:
        granted = db.execute(
            "SELECT table_name, privilege_type FROM information_schema.table_privileges "
            "WHERE grantee = 'registry_gate' ORDER BY 1"
        ).fetchall()
        assert granted == [("credential", "SELECT"), ("sensor", "SELECT")]
        with pytest.raises(InsufficientPrivilege):
            db.execute("UPDATE credential SET state = 'active'")
