"""Production's Mosquitto as a process: our very configuration, paths and ports put in its place."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from onenet.init import init, read_env
from registry.accounts import NewAccount
from registry.mosquitto import Address, DynamicSecurity
from schemas import Medium, SensorId
from tests.brokers import MOSQUITTO, free_port
from tests.parts import need

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "mosquitto"
CONF = DEPLOY / "mosquitto.conf"
DEVICES = ("noise-01", "noise-02")
PLUGIN = next(
    (str(path) for path in Path("/usr/lib").glob("**/mosquitto_dynamic_security.so")), "missing"
)


@dataclass(frozen=True)
class ProductionBroker:
    """Ports of its two listeners; passwords by account; the folder of `onenet init`."""

    inside: int
    tls: int
    passwords: dict[str, str]
    installation: Path
    pid: int
    mutual: int = 0

    @property
    def accounts(self) -> Path:
        return self.installation / "deploy" / "generated" / "mosquitto" / "passwords"

    def reload(self) -> None:
        """As docs/deployment.md tells after a change of accounts."""
        install(self.accounts.parent, self.installation / "secrets", self.installation / "data")
        os.kill(self.pid, signal.SIGHUP)
        time.sleep(0.5)

    @property
    def accounts_of_devices(self) -> DynamicSecurity:
        password = self.passwords["provisioning"]
        return DynamicSecurity(Address("127.0.0.1", self.inside, "provisioning", password))

    @property
    def ca(self) -> Path:
        return self.installation / "deploy" / "generated" / "ca" / "ca.crt"


@contextmanager
def production_mosquitto(
    folder: Path, *, kept: str = "", mutual: bool = False, inside_limit: int = 100
) -> Iterator[ProductionBroker]:
    """kept: the file of dynamic security that the broker begins with; by default it has none.

    mutual: with the listener for devices that show a certificate. inside_limit: connections of the
    listener without TLS; more only to measure what TLS costs.
    """
    need("mosquitto", Path(MOSQUITTO).exists())
    init(folder, demo=True)
    generated = folder / "deploy" / "generated" / "mosquitto"
    passwords = {name: f"password-of-{name}" for name in DEVICES}
    for name, value in read_env((folder / ".env").read_text("utf-8")).items():
        if name.startswith("MQTT_"):
            account = name.removeprefix("MQTT_").removesuffix("_PASSWORD").lower()
            passwords[account] = value

    secrets, data = folder / "secrets", folder / "data"
    secrets.mkdir()
    data.mkdir()
    if kept:
        (data / "dynamic-security.json").write_text(kept, "utf-8")
    install(generated, secrets, data)
    inside, tls, third = free_port(), free_port(), free_port()
    parts = [CONF, DEPLOY / "mutual-tls.conf"] if mutual else [CONF]
    conf = (
        "\n".join(part.read_text("utf-8") for part in parts)
        .replace("max_connections 100\n", f"max_connections {inside_limit}\n")
        .replace("/mosquitto/secrets/", f"{secrets}/")
        .replace("/mosquitto/data/", f"{data}/")
        .replace("/usr/lib/mosquitto_dynamic_security.so", PLUGIN)
        .replace("listener 1883", f"listener {inside} 127.0.0.1")
        .replace("listener 8883", f"listener {tls} 127.0.0.1")
        .replace("listener 8884", f"listener {third} 127.0.0.1")
    )
    assert "/mosquitto/" not in conf.replace(str(folder), "")
    if os.geteuid() == 0:
        conf += "\nuser root\n"
    (folder / "mosquitto.conf").write_text(conf, "utf-8")
    log = (folder / "mosquitto.log").open("wb")
    process = subprocess.Popen(
        [MOSQUITTO, "-c", str(folder / "mosquitto.conf")], stdout=log, stderr=subprocess.STDOUT
    )
    try:
        for port in (inside, tls):
            _wait_for(port)
        running = ProductionBroker(inside, tls, passwords, folder, process.pid, third)
        running.accounts_of_devices.admit(
            NewAccount(name, passwords[name], SensorId(name), Medium.NOISE) for name in DEVICES
        )
        yield running
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


def install(generated: Path, secrets: Path, data: Path) -> None:
    """What the service mosquitto-files does."""
    owner = f"{os.geteuid()}:{os.getegid()}"
    command = ["sh", DEPLOY / "install.sh", generated, DEPLOY / "acl", secrets, owner, data]
    subprocess.run([str(part) for part in command], check=True)


class Client:
    """A client that remembers why it was refused and what it has received."""

    def __init__(
        self,
        port: int,
        name: str = "",
        password: str = "",
        *,
        client_id: str = "",
        ca: Path | None = None,
        certificate: tuple[str, str] | None = None,
        session_s: int = 0,
        version: int = mqtt.MQTTv5,
    ) -> None:
        self.received: list[str] = []
        self.refusal: str | None = None
        self._thrown_out = threading.Event()
        self._port = port
        self._session_s = session_s
        self._version = version
        self._granted = False
        self._answered = threading.Event()
        self._subscribed = threading.Event()
        self._published = threading.Event()
        self._reason = ""
        self._arrival = threading.Condition()
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version
        )
        if name:
            self.client.username_pw_set(name, password)
        if ca:
            self.client.tls_set(str(ca), *(certificate or ()))
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = self._on_message
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = self._on_subscribe

    def __enter__(self) -> Client:
        more: dict[str, Any] = {}
        if self._version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = self._session_s
            more = {"clean_start": not self._session_s, "properties": properties}
        self.client.connect("127.0.0.1", self._port, **more)
        self.client.loop_start()
        self._answered.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self) -> None:
        """Break the connection without a word, as a device does that loses its power."""
        self.client.loop_stop()
        found = self.client.socket()
        assert found is not None
        found.close()

    def subscribe(self, topic: str) -> bool:
        """Subscribe at QoS 1 and return whether the broker says that it is granted."""
        self._subscribed.clear()
        self.client.subscribe(topic, qos=1)
        assert self._subscribed.wait(5)
        return self._granted

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> str:
        """Publish at QoS 1 and return the broker's reason in words."""
        self._published.clear()
        self.client.publish(topic, payload, qos=1, retain=retain)
        assert self._published.wait(5), "no acknowledgement"
        return self._reason

    def was_thrown_out(self) -> bool:
        return self._thrown_out.is_set()

    def wait_until_thrown_out(self) -> bool:
        return self._thrown_out.wait(5)

    def wait_for(self, number: int, timeout: float = 5.0) -> list[str]:
        """Topics received, as soon as there are `number`."""
        with self._arrival:
            self._arrival.wait_for(lambda: len(self.received) >= number, timeout)
            return list(self.received)

    def _on_connect(self, _c: Any, _d: Any, _flags: Any, reason: Any, _p: Any) -> None:
        self.refusal = str(reason) if reason.is_failure else ""
        self._answered.set()

    def _on_subscribe(self, _c: Any, _d: Any, _mid: int, reasons: Any, _p: Any) -> None:
        self._granted = not reasons[0].is_failure
        self._subscribed.set()

    def _on_disconnect(self, _c: Any, _d: Any, _flags: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self._thrown_out.set()

    def _on_publish(self, _c: Any, _d: Any, _mid: int, reason: Any, _p: Any) -> None:
        self._reason = str(reason)
        self._published.set()

    def _on_message(self, _c: Any, _d: Any, message: mqtt.MQTTMessage) -> None:
        with self._arrival:
            self.received.append(message.topic)
            self._arrival.notify_all()
