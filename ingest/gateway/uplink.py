"""The gateway's way to the broker: publish, and know when it is safe there.

paho's thread speaks MQTT; what it hears is told to the loop, which alone keeps who waits for what.
A message that was under way when the connection broke is sent again by paho, so its PUBACK comes
late rather than never.
"""

from __future__ import annotations

import asyncio
from typing import Any

import paho.mqtt.client as mqtt
import structlog

from ingest.session import KEEPALIVE_S, BrokerAddress

log = structlog.get_logger()

UNDER_WAY = 1000
NOBODY_LISTENS = 0x10  # MQTT 5: taken, and thrown away for want of a subscriber


class Uplink:
    def __init__(self, address: BrokerAddress, *, client_id: str) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5 if address.mqtt5 else mqtt.MQTTv311,
        )
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        if address.tls_ca:
            self._client.tls_set(address.tls_ca)
        self._client.max_inflight_messages_set(UNDER_WAY)
        self._client.reconnect_delay_set(1, 10)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish

    @property
    def connected(self) -> bool:
        return self._ready.is_set()

    def start(self) -> None:
        """Connect in the background; goes on trying while the broker is away."""
        self._client.connect_async(self._address.host, self._address.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    async def ready(self) -> None:
        """Wait until the broker is there."""
        await self._ready.wait()

    async def publish(self, topic: str, payload: bytes) -> str:
        """Publish at QoS 1 and wait for the PUBACK, however long. "" when it is safe; else why not.

        It is safe when the broker has taken it and has somebody to keep it for.
        """
        await self._ready.wait()
        message = self._client.publish(topic, payload, qos=1)
        told: asyncio.Future[str] = self._loop.create_future()
        self._waiting[message.mid] = told  # before the loop can hear of it: we have not let go yet
        try:
            return await told
        finally:
            self._waiting.pop(message.mid, None)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    # Called in paho's thread

    def _on_connect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("broker refused the connection", reason=str(reason))
            return
        log.info("connected to broker")
        self._loop.call_soon_threadsafe(self._ready.set)

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("connection to broker lost", reason=str(reason))
        self._loop.call_soon_threadsafe(self._ready.clear)

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, mid: int, reason: Any, _properties: Any
    ) -> None:
        lost = reason.is_failure or reason.value == NOBODY_LISTENS
        self._loop.call_soon_threadsafe(self._told, mid, str(reason) if lost else "")

    def _told(self, mid: int, why: str) -> None:
        waiting = self._waiting.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(why)
