"""The session with the broker: persistent, acknowledged by hand, with back-pressure.

Messages go from paho's network thread into a bounded queue. When the store is slow the queue fills,
the network thread waits, and the broker keeps what we have not taken: nothing is dropped here. An
acknowledgement belongs to the connection that brought the message; after a reconnect the broker
sends unacknowledged messages again, so an old packet id is never acknowledged on a new connection.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.pipeline import Message
from schemas.ids import Medium

log = structlog.get_logger()

TOPICS_OF_MEDIUM = "onenet/v1/{}/+/+/+"
TOPICS = TOPICS_OF_MEDIUM.format("+")
SESSION_EXPIRY_S = 7 * 86_400
KEEPALIVE_S = 60
CAPACITY = 4000  # messages taken and not yet acknowledged


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how we speak to it. mqtt5=False for the embedded broker."""

    host: str
    port: int
    username: str = ""
    password: str = ""
    tls_ca: str = ""
    mqtt5: bool = True


def filters(group: str, media: Collection[Medium], *, shared: bool) -> list[str]:
    """What a worker of some media subscribes to; of none named, of all by one filter."""
    prefix = f"$share/{group}/" if shared else ""
    topics = [TOPICS_OF_MEDIUM.format(medium) for medium in sorted(media)] or [TOPICS]
    return [prefix + topic for topic in topics]


class BrokerSession:
    """One persistent session. `client_id` is stable: the broker keeps our place by it.

    media: what this worker takes; those who name the same one share it, message by message.
    leaving: take nothing new, only what the broker still has for this session; then `end` it.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        group: str = "ingest",
        capacity: int = CAPACITY,
        media: Collection[Medium] = (),
        leaving: bool = False,
    ) -> None:
        self._address = address
        shared = address.mqtt5
        self._filters = [] if leaving else filters(group, media, shared=shared)
        every = [*filters(group, (), shared=shared), *filters(group, list(Medium), shared=shared)]
        self._left = [other for other in every if other not in self._filters]
        self._capacity = capacity
        self._queue: queue.Queue[tuple[int, Message]] = queue.Queue(capacity)
        self._generation = 0
        self._stopping = False
        self.connected = False
        self.subscribed = False
        self._left_at_s: float | None = None
        self._moved_s = 0.0
        self._client = self._make_client(client_id)

    def _make_client(self, client_id: str) -> mqtt.Client:
        version = mqtt.MQTTv5 if self._address.mqtt5 else mqtt.MQTTv311
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=version,
            clean_session=None if self._address.mqtt5 else False,
            manual_ack=True,
        )
        if self._address.username:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls_ca:
            client.tls_set(self._address.tls_ca)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.reconnect_delay_set(1, 30)
        return client

    def start(self) -> None:
        """Connect in the background; goes on trying while the broker is away."""
        extra: dict[str, Any] = {}
        if self._address.mqtt5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = min(self._capacity, 65_535)
            extra = {"clean_start": False, "properties": properties}
        self._client.connect_async(
            self._address.host, self._address.port, keepalive=KEEPALIVE_S, **extra
        )
        self._client.loop_start()

    def take(self, timeout: float) -> tuple[int, Message] | None:
        """The next message with the connection it came by, or None after `timeout` seconds."""
        try:
            if timeout <= 0:
                return self._queue.get_nowait()
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None

    def acknowledge(self, messages: Iterable[tuple[int, Message]]) -> None:
        """Tell the broker that these are durable. Those of an older connection come again."""
        for generation, message in messages:
            if generation == self._generation:
                self._client.ack(message.mid, message.qos)
        self._moved_s = time.monotonic()

    def waiting(self) -> int:
        return self._queue.qsize()

    def stop_taking(self) -> None:
        """Let nothing more in; what is already here may still be stored and acknowledged."""
        self._stopping = True

    def quiet_s(self) -> float:
        """Since when nothing has come or was acknowledged, the old subscriptions being left."""
        if self._left_at_s is None or not self.connected or self.waiting():
            return 0.0
        return time.monotonic() - max(self._left_at_s, self._moved_s)

    def end(self) -> None:
        """Leave for good: the broker forgets the session, and what waits in it is lost."""
        self._stopping = True
        properties = Properties(PacketTypes.DISCONNECT)
        properties.SessionExpiryInterval = 0
        self._client.disconnect(properties=properties)
        self._client.loop_stop()

    def close(self) -> None:
        """Leave politely; the broker keeps the session and what we have not acknowledged."""
        self._stopping = True
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("broker refused the connection", reason=str(reason))
            return
        self._generation += 1
        self.connected = True
        # The session may remember what this worker took when it was started with other media.
        client.unsubscribe(self._left)
        # Subscribed again on every connect: some brokers forget shared subscriptions.
        if self._filters:
            client.subscribe([(one, 1) for one in self._filters])
        log.info("connected to broker", session_present=bool(flags.session_present))

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any
    ) -> None:
        self.subscribed = not any(reason.is_failure for reason in reasons)
        if not self.subscribed:
            log.error("broker refused the subscription", filters=self._filters)

    def _on_unsubscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, _reasons: Any, _properties: Any
    ) -> None:
        self._left_at_s = time.monotonic()
        if not self._filters:
            self.subscribed = True  # to nothing, as it should be: healthy

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        self.connected = False
        if not self._stopping:
            log.warning("connection to broker lost", reason=str(reason))

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        ours = Message(
            topic=message.topic,
            payload=bytes(message.payload),
            arrived_ms=int(time.time() * 1000),
            mid=message.mid,
            qos=message.qos,
            again=message.dup,
        )
        self._moved_s = time.monotonic()
        while not self._stopping:
            try:
                self._queue.put((self._generation, ours), timeout=0.5)
            except queue.Full:
                continue  # the store is slow: wait here, and the broker waits with us
            return
