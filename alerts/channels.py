"""Ways to reach people: a webhook, an MQTT topic. A channel sends one message or raises."""

from __future__ import annotations

import json
import os
from typing import Any, Protocol

import httpx
import paho.mqtt.client as mqtt

from alerts.routing import Router

TIMEOUT_S = 5.0


class Undeliverable(Exception):
    """The channel did not take the message; it is tried again later."""


class Channel(Protocol):
    name: str

    def send(self, key: str, content: dict[str, Any]) -> None:
        """Deliver a message; `key` is the same for every attempt. Raises Undeliverable."""


class WebhookChannel:
    """POSTs JSON; receivers recognise a repeat by the header Idempotency-Key."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, key: str, content: dict[str, Any]) -> None:
        try:
            answer = httpx.post(
                self._url, json=content, headers={"Idempotency-Key": key}, timeout=TIMEOUT_S
            )
        except httpx.HTTPError as error:
            raise Undeliverable(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise Undeliverable(f"HTTP {answer.status_code}")


class MqttChannel:
    """Publishes to `onenet/v1/alerts/{district}/{severity}` at QoS 1; the key is in the payload."""

    name = "mqtt"

    def __init__(
        self,
        host: str,
        port: int,
        *,
        username: str = "",
        password: str = "",
        tls_ca: str = "",
        mqtt_version: int = 5,
    ) -> None:
        self._where = (host, port)
        self._login = (username, password)
        self._tls_ca = tls_ca
        self._version = mqtt.MQTTv5 if mqtt_version == 5 else mqtt.MQTTv311

    def send(self, key: str, content: dict[str, Any]) -> None:
        topic = f"onenet/v1/alerts/{content['district']}/{content['severity']}"
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=self._version)
        if self._login[0]:
            client.username_pw_set(*self._login)
        if self._tls_ca:
            client.tls_set(self._tls_ca)
        try:
            client.connect(*self._where)
            client.loop_start()
            receipt = client.publish(
                topic, json.dumps({"key": key, **content}, ensure_ascii=False), qos=1
            )
            receipt.wait_for_publish(TIMEOUT_S)
            if not receipt.is_published():
                raise Undeliverable(f"broker {self._where[0]}:{self._where[1]}: no answer")
        except (OSError, ValueError, RuntimeError) as error:
            raise Undeliverable(f"broker {self._where[0]}:{self._where[1]}: {error}") from error
        finally:
            client.disconnect()
            client.loop_stop()


def router_from_environment() -> Router:
    """A router that tells everything to every configured channel."""
    return Router(channel.name for channel in channels_from_environment())


def channels_from_environment() -> list[Channel]:
    """The channels that ONENET_WEBHOOK_URL and ONENET_MQTT_* configure."""
    env = os.environ
    channels: list[Channel] = []
    if env.get("ONENET_WEBHOOK_URL"):
        channels.append(WebhookChannel(env["ONENET_WEBHOOK_URL"]))
    if env.get("ONENET_MQTT_HOST"):
        channels.append(
            MqttChannel(
                env["ONENET_MQTT_HOST"],
                int(env.get("ONENET_MQTT_PORT", "1883")),
                username=env.get("ONENET_MQTT_USERNAME", ""),
                password=env.get("ONENET_MQTT_PASSWORD", ""),
                tls_ca=env.get("ONENET_MQTT_TLS_CA", ""),
                mqtt_version=int(env.get("ONENET_MQTT_VERSION", "5")),
            )
        )
    return channels
