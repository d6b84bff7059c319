"""Publishing at QoS 1 with a bounded number of messages on the way.

A message stays ours until the broker acknowledges it; only then the ledger counts it. A broker that
is away or slow makes `publish` wait; nothing is dropped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt

from simulators.ledger import Ledger, Outgoing

IN_FLIGHT = 200
CONNECT_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is and how to speak to it. mqtt_version: 4 (3.1.1) or 5."""

    host: str
    port: int
    username: str = ""
    password: str = ""
    tls_ca: str = ""
    mqtt_version: int = 5


class Publisher:
    """One connection shared by many devices. Use as a context manager."""

    def __init__(
        self, address: Address, ledger: Ledger, client_id: str, *, will: Outgoing | None = None
    ) -> None:
        self._address = address
        self._heard: tuple[str, Callable[[bytes], None]] | None = None
        self._ledger = ledger
        self._sent: dict[int, Outgoing] = {}
        self._uncounted: set[int] = set()
        self._early: set[int] = set()  # acknowledged before `publish` had noted them
        self._lock = threading.Lock()
        self._room = threading.Semaphore(IN_FLIGHT)
        self._connected = threading.Event()
        self._leaving = threading.Event()
        self._refusal = ""
        self._client = self._make_client(client_id)
        if will is not None:
            self._client.will_set(will.topic, will.payload, 1, will.retain)

    def listen(self, topic: str, hear: Callable[[bytes], None]) -> None:
        """Subscribe at every connect. hear: runs in the network thread, so it must be quick."""
        self._heard = (topic, hear)
        self._client.on_message = lambda _client, _data, message: hear(bytes(message.payload))

    def send(self, topic: str, payload: bytes) -> None:
        """Publish what is no reading: not counted, not waited for."""
        self._uncounted.add(self._client.publish(topic, payload, 1).mid)

    def _make_client(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5 if self._address.mqtt_version == 5 else mqtt.MQTTv311,
        )
        client.max_inflight_messages_set(IN_FLIGHT)
        if self._address.username:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls_ca:
            client.tls_set(self._address.tls_ca)
        client.reconnect_delay_set(1, 15)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def __enter__(self) -> Publisher:
        """Connect. Raises ConnectionError when the broker is not there or refuses us."""
        where = f"broker {self._address.host}:{self._address.port}"
        try:
            self._client.connect(self._address.host, self._address.port)
        except OSError as error:
            raise ConnectionError(f"{where}: {error}") from error
        self._client.loop_start()
        if not self._connected.wait(CONNECT_TIMEOUT_S) or self._refusal:
            self._client.loop_stop()
            raise ConnectionError(f"{where}: {self._refusal or 'no answer'}")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._ledger.save()

    def publish(self, message: Outgoing) -> None:
        """Hand a message over; waits while too many are unacknowledged.

        Raises ConnectionError when the broker is gone and we were asked to leave.
        """
        while not self._room.acquire(timeout=0.25):
            if self._in_vain():
                raise ConnectionError(f"broker {self._address.host}:{self._address.port} is gone")
        # Not under our lock: paho holds its own when it calls back. The answer may be faster.
        mid = self._client.publish(message.topic, message.payload, 1, message.retain).mid
        with self._lock:
            if mid in self._early:
                self._early.remove(mid)
                self._ledger.count(message)
            else:
                self._sent[mid] = message

    def leave(self) -> None:
        """Ask to come to an end: a broker that is away is no longer waited for."""
        self._leaving.set()

    def _in_vain(self) -> bool:
        return self._leaving.is_set() and not self._connected.is_set()

    def drain(self, patience_s: float) -> int:
        """Wait until everything is acknowledged; returns how many messages still are not."""
        end = time.monotonic() + patience_s
        while self._sent and time.monotonic() < end and not self._in_vain():
            time.sleep(0.02)
        return len(self._sent)

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if self._heard is not None and not reason.is_failure:
            client.subscribe(self._heard[0], 1)
        self._refusal = str(reason) if reason.is_failure else ""
        self._connected.set()

    def _on_disconnect(self, *_: Any) -> None:
        self._connected.clear()

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, mid: int, _reason: Any, _properties: Any
    ) -> None:
        with self._lock:
            if mid in self._uncounted:
                self._uncounted.remove(mid)
                return
            message = self._sent.pop(mid, None)
            if message is None:
                self._early.add(mid)
            else:
                self._ledger.count(message)
        self._room.release()
