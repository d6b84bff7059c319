"""deploy/mosquitto on a real Mosquitto: who gets in, who may say and hear what, what is kept."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.session import CAPACITY, TOPICS, BrokerAddress, BrokerSession
from onenet.init import ACCOUNTS
from schemas.wire import MAX_MESSAGE_BYTES
from tests.deploy.production_broker import (
    CONF,
    DEPLOY,
    Client,
    ProductionBroker,
    production_mosquitto,
)

pytestmark = pytest.mark.mosquitto

MINE, OTHER = "noise-01", "noise-02"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionBroker]:
    with production_mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


def inside(broker: ProductionBroker, name: str, **options: object) -> Client:
    return Client(broker.inside, name, broker.passwords[name], **options)  # type: ignore[arg-type]


def by_tls(broker: ProductionBroker, name: str, **options: object) -> Client:
    return Client(broker.tls, name, broker.passwords[name], ca=broker.ca, **options)  # type: ignore[arg-type]


# Who gets in


@pytest.mark.parametrize("account", [*ACCOUNTS, MINE])
def test_every_account_gets_in_by_its_password(broker: ProductionBroker, account: str) -> None:
    with inside(broker, account) as client:
        assert client.refusal == ""


def test_nobody_gets_in_without_name_or_with_a_wrong_password(broker: ProductionBroker) -> None:
    for client in (
        Client(broker.inside),
        Client(broker.inside, "ingest", "guessed"),
        Client(broker.inside, "nobody", broker.passwords["ingest"]),
        Client(broker.tls, ca=broker.ca),
        Client(broker.tls, MINE, broker.passwords[OTHER], ca=broker.ca),
    ):
        with client:
            assert client.refusal == "Not authorized"


def test_a_device_gets_in_by_tls_and_the_certificate_is_checked(broker: ProductionBroker) -> None:
    with by_tls(broker, MINE) as client:
        assert client.refusal == ""
        assert client.client.socket().version() in ("TLSv1.2", "TLSv1.3")
    stranger = Client(broker.tls, MINE, broker.passwords[MINE])
    stranger.client.tls_set()  # the machine's own list of authorities does not hold ours
    with pytest.raises(ssl.SSLCertVerificationError), stranger:
        pass


def test_plain_text_fails_on_the_port_of_devices(broker: ProductionBroker) -> None:
    client = Client(broker.tls, MINE, broker.passwords[MINE])
    with client:
        assert client.refusal is None, "answered in plain text"


# Who may say and hear what


def test_ingest_hears_sensors_by_its_shared_subscription(broker: ProductionBroker) -> None:
    address = BrokerAddress("127.0.0.1", broker.inside, "ingest", broker.passwords["ingest"])
    session = BrokerSession(address, client_id="onenet-ingest-test")
    session.start()
    try:
        with by_tls(broker, MINE) as device:
            for _ in range(50):  # until the subscription is there
                if device.publish(f"onenet/v1/noise/{MINE}/data/json") == "Success":
                    break
            taken = session.take(5)
        assert taken is not None
        assert taken[1].topic == f"onenet/v1/noise/{MINE}/data/json"
        session.acknowledge([taken])
    finally:
        session.close()


def test_the_gateway_publishes_hj212_for_any_sensor(broker: ProductionBroker) -> None:
    with inside(broker, "ingest") as reader, inside(broker, "gateway") as gateway:
        reader.subscribe(TOPICS)
        topic = "onenet/v1/water/water-outfall-1/data/hj212"
        assert gateway.publish(topic) == "Success"
        assert topic in reader.wait_for(1)


@pytest.mark.parametrize(
    "topic",
    [
        f"onenet/v1/noise/{MINE}/data/json",
        f"onenet/v1/noise/{MINE}/status/hj212",
        f"onenet/v1/noise/{MINE}/cmd/hj212",
        "onenet/v1/alerts/nanshan/severe",
        "$CONTROL/dynamic-security/v1",
    ],
)
def test_the_gateway_publishes_nothing_else(broker: ProductionBroker, topic: str) -> None:
    with inside(broker, "gateway") as gateway:
        assert gateway.publish(topic) == "Not authorized"


def test_the_gateway_hears_nothing(broker: ProductionBroker) -> None:
    with inside(broker, "gateway") as gateway, by_tls(broker, MINE) as device:
        gateway.subscribe(TOPICS)
        device.publish(f"onenet/v1/noise/{MINE}/data/json")
        assert gateway.wait_for(1, timeout=1.0) == []


@pytest.mark.parametrize("channel", ["data", "status", "event", "reply"])
def test_a_device_speaks_under_its_own_name(broker: ProductionBroker, channel: str) -> None:
    with inside(broker, "ingest") as reader, by_tls(broker, MINE) as device:
        reader.subscribe(TOPICS)
        topic = f"onenet/v1/noise/{MINE}/{channel}/json"
        assert device.publish(topic) == "Success"
        assert topic in reader.wait_for(1)


@pytest.mark.parametrize(
    "topic",
    [
        f"onenet/v1/noise/{OTHER}/data/json",
        f"onenet/v1/noise/{MINE}/cmd/json",
        f"onenet/v1/noise/{MINE}/data",
        "onenet/v1/alerts/nanshan/severe",
        "$SYS/broker/uptime",
    ],
)
def test_a_device_speaks_under_no_other_name(broker: ProductionBroker, topic: str) -> None:
    with inside(broker, "ingest") as reader, by_tls(broker, MINE) as device:
        reader.subscribe(TOPICS)
        assert device.publish(topic) == "Not authorized"
        own = f"onenet/v1/noise/{MINE}/data/json"
        device.publish(own)
        assert reader.wait_for(1) == [own]


def test_a_device_hears_its_own_commands_only(broker: ProductionBroker) -> None:
    with by_tls(broker, MINE) as device, inside(broker, "operator") as operator:
        for topic in ("#", f"onenet/v1/noise/{OTHER}/cmd/json", f"onenet/v1/noise/{MINE}/cmd/+"):
            device.subscribe(topic)
        for sensor in (OTHER, MINE):
            operator.publish(f"onenet/v1/noise/{sensor}/cmd/json")
            operator.publish(f"onenet/v1/noise/{sensor}/data/json")
        assert device.wait_for(2, timeout=0.5) == [f"onenet/v1/noise/{MINE}/cmd/json"]


@pytest.mark.parametrize(
    ("account", "may", "may_not"),
    [
        ("alerts", "onenet/v1/alerts/nanshan/severe", "onenet/v1/air/a-1/data/json"),
        ("operator", "onenet/v1/air/a-1/data/json", "onenet/v1/alerts/nanshan/severe"),
        ("fleet", "onenet/v1/air/a-1/status/json", "onenet/v1/air/a-1/cmd/json"),
        ("ingest", None, "onenet/v1/air/a-1/data/json"),
        ("healthcheck", None, "onenet/v1/air/a-1/data/json"),
    ],
)
def test_a_service_speaks_of_its_own_business(
    broker: ProductionBroker, account: str, may: str | None, may_not: str
) -> None:
    with inside(broker, account) as client:
        if may:
            assert client.publish(may) in ("Success", "No matching subscribers")
        assert client.publish(may_not) == "Not authorized"


def test_a_device_cannot_take_over_the_session_of_ingest(broker: ProductionBroker) -> None:
    with inside(broker, "ingest", client_id="onenet-ingest-1") as ingest:
        ingest.subscribe(TOPICS)
        with by_tls(broker, MINE, client_id="onenet-ingest-1") as device:
            own = f"onenet/v1/noise/{MINE}/data/json"
            assert device.publish(own) == "Success"
            assert ingest.wait_for(1) == [own]


# What is kept


def test_more_than_a_thousand_readings_wait_for_ingest(broker: ProductionBroker) -> None:
    """Mosquitto's own default keeps 1 000 and drops the rest without a word."""
    options = {"client_id": "onenet-ingest-2", "session_s": 600}
    with inside(broker, "ingest", **options) as ingest:
        ingest.subscribe("onenet/v1/water/+/+/+")
    with inside(broker, "fleet") as fleet:
        for number in range(1500):
            fleet.publish(f"onenet/v1/water/w-{number}/data/json")
    with inside(broker, "ingest", **options) as ingest:
        assert len(ingest.wait_for(1500, timeout=20)) == 1500


def test_the_longest_message_of_the_contract_passes(broker: ProductionBroker) -> None:
    with inside(broker, "ingest") as reader, by_tls(broker, MINE) as device:
        reader.subscribe(TOPICS)
        topic = f"onenet/v1/noise/{MINE}/data/json"
        # A little too long passes as well: ingest refuses it with a reason.
        assert device.publish(topic, b"x" * (MAX_MESSAGE_BYTES + 1)) == "Success"
        assert reader.wait_for(1) == [topic]
        device.client.publish(topic, b"x" * (2 * MAX_MESSAGE_BYTES + 1024), qos=1)
        assert device.wait_until_thrown_out()
        assert reader.wait_for(2, timeout=0.2) == [topic]


# The files


def test_the_healthcheck_of_the_compose_file_works(broker: ProductionBroker) -> None:
    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.inside), "-u", "healthcheck"]
    command += ["-P", broker.passwords["healthcheck"], "-t", "$SYS/broker/uptime", "-C", "1"]
    done = subprocess.run([*command, "-W", "5"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0
    assert "seconds" in done.stdout


def test_installed_secrets_are_readable_by_the_broker_alone(broker: ProductionBroker) -> None:
    files = {path.name: path.stat().st_mode & 0o777 for path in _secrets(broker).iterdir()}
    assert files == dict.fromkeys(["acl", "passwords", "ca.crt", "server.crt", "server.key"], 0o400)


def test_the_configuration_agrees_with_the_code() -> None:
    conf = dict(re.findall(r"^(\w+) (\S+)$", CONF.read_text("utf-8"), re.M))
    assert int(conf["max_inflight_messages"]) == CAPACITY
    assert int(conf["max_packet_size"]) == 2 * MAX_MESSAGE_BYTES
    assert conf["allow_anonymous"] == "false"
    named = re.findall(r"^user (\w+)$", (DEPLOY / "acl").read_text("utf-8"), re.M)
    assert sorted(named) == sorted(ACCOUNTS)


def _secrets(broker: ProductionBroker) -> Path:
    return broker.installation / "secrets"
