"""An MQTT topic for each district and grade, for whoever follows alerts at the broker."""

from __future__ import annotations

import paho.mqtt.client as mqtt

from alerts.channels.webhook import body_of
from alerts.letter import Letter, Undeliverable

TIMEOUT_S = 5.0


class MqttChannel:
    """Publishes to `onenet/v1/alerts/{district}/{severity}` at QoS 1; the key is in the payload."""

    name = "mqtt"
    parallel = 1

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

    def send(self, letter: Letter) -> None:
        topic = f"onenet/v1/alerts/{letter.content['district']}/{letter.content['severity']}"
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=self._version)
        client.connect_timeout = TIMEOUT_S
        if self._login[0]:
            client.username_pw_set(*self._login)
        if self._tls_ca:
            client.tls_set(self._tls_ca)
        try:
            client.connect(*self._where)
            client.loop_start()
            receipt = client.publish(topic, body_of(letter), qos=1)
            receipt.wait_for_publish(TIMEOUT_S)
            if not receipt.is_published():
                raise Undeliverable(f"broker {self._where[0]}:{self._where[1]}: no answer")
        except (OSError, ValueError, RuntimeError) as error:
            raise Undeliverable(f"broker {self._where[0]}:{self._where[1]}: {error}") from error
        finally:
            client.disconnect()
            client.loop_stop()
