"""Replaying dead letters: the refused readings go in again by the front door, the broker.

Only what was refused is sent (by position in the payload's array), so readings that were stored the
first time are not even duplicates. The message takes the same way as any other and may be refused
again, with a fresh reason.
"""

from __future__ import annotations

import json

import paho.mqtt.client as mqtt

from ingest.session import BrokerAddress
from schemas import Format
from schemas.registry import DeadLetter

TIMEOUT_S = 10.0


def refused_payload(letter: DeadLetter) -> bytes:
    """The bytes to send again: the refused readings, or the whole if it was refused whole."""
    if not letter.refused or letter.topic.endswith(f"/{Format.HJ212}"):
        return letter.raw  # frames go again as they are: packets of one set belong together
    parsed = json.loads(letter.raw)
    if not isinstance(parsed, list):
        return letter.raw
    return json.dumps([parsed[i] for i in letter.refused], separators=(",", ":")).encode()


def replay(letters: list[DeadLetter], address: BrokerAddress) -> list[int]:
    """Publish refused readings again at QoS 1; returns the ids that the broker has taken.

    Raises ConnectionError when the broker does not answer within 10 s.
    """
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id="onenet-replay",
        protocol=mqtt.MQTTv5 if address.mqtt5 else mqtt.MQTTv311,
    )
    if address.username:
        client.username_pw_set(address.username, address.password)
    if address.tls_ca:
        client.tls_set(address.tls_ca)
    try:
        client.connect(address.host, address.port)
    except OSError as error:
        raise ConnectionError(f"broker {address.host}:{address.port}: {error}") from error
    client.loop_start()
    sent: list[int] = []
    try:
        for letter in letters:
            receipt = client.publish(letter.topic, refused_payload(letter), qos=1)
            receipt.wait_for_publish(TIMEOUT_S)
            if not receipt.is_published():
                raise ConnectionError(f"broker did not take dead letter {letter.id} in 10 s")
            sent.append(letter.id)
    finally:
        client.disconnect()
        client.loop_stop()
    return sent
