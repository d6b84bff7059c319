"""Orders to devices and what became of them: queued, sent, done, refused; in the end expired.

An order is written down before it is sent, and counts as delivered only when the device answers
with the same id. `send_commands` may be called again and again, by several at once: what a broker
did not take stays queued, and so does what is for a device that is offline, until it comes back or
the order expires. An order that may be carried out twice without harm is sent again to a device
that came back without having answered; a restart is not, or it might restart for ever.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import paho.mqtt.client as mqtt
from sqlalchemy import and_, func, or_, select, update

from registry.life import living, noted, told
from registry.models import CommandRow, ContactRow, SensorRow
from registry.registry import Registry
from schemas import SensorId, Topic, TopicChannel, to_ms
from schemas.ids import Medium
from schemas.wire import Command, Reply

LIFE = timedelta(minutes=10)
LONGEST = timedelta(days=7)
HARMLESS_TWICE = ("interval",)
UNANSWERED = ("queued", "sent", "expired")
PATIENCE_S = 5.0

Publish = Callable[[str, bytes], bool]
"""Hand a message to the broker; whether it took it."""


@dataclass(frozen=True, slots=True)
class Order:
    """One command. state: queued, sent, done, refused; expired: sent, and never answered;
    undelivered: its time passed before it could be sent."""

    id: str
    sensor: SensorId
    kind: str
    arguments: dict[str, float]
    state: str
    created: datetime
    created_by: str
    expires: datetime
    sent: datetime | None
    answered: datetime | None
    answer: str


def order(
    registry: Registry,
    sensor: str,
    kind: str,
    arguments: Mapping[str, float],
    *,
    by: str,
    at: datetime,
    life: timedelta = LIFE,
) -> str:
    """Write an order down; its id. Raises UnknownSensor, Refused, pydantic's ValidationError."""
    command = Command.model_validate(
        {
            "id": secrets.token_hex(8),
            "kind": kind,
            "arguments": dict(arguments),
            "expires": to_ms(at + life),
        }
    )
    with registry.session.begin() as session:
        living(session, sensor)
        session.add(
            CommandRow(
                id=command.id,
                sensor=sensor,
                kind=kind,
                arguments=json.dumps(command.arguments),
                state="queued",
                created=at,
                created_by=by,
                expires=at + life,
            )
        )
        about = {"id": command.id, "kind": kind, "arguments": command.arguments}
        told(session, sensor, at, by, "command", about)
        noted(session, at, by, "sensor.command", sensor, None, about, "")
    return command.id


def send_commands(registry: Registry, publish: Publish, now: datetime) -> int:
    """Hand what is due to the broker, the oldest first; how many it took. Tells what expired."""
    expire(registry, now)
    taken = 0
    for row, medium in _due(registry):
        if not _claimed(registry, row, now):
            continue  # somebody else is sending it
        topic = Topic(Medium(medium), SensorId(row.sensor), TopicChannel.CMD)
        content = Command.model_validate(
            {
                "id": row.id,
                "kind": row.kind,
                "arguments": json.loads(row.arguments),
                "expires": to_ms(row.expires),
            }
        )
        if not publish(str(topic), content.model_dump_json().encode()):
            _give_back(registry, row)
            break
        taken += 1
    return taken


def expire(registry: Registry, now: datetime) -> int:
    """Say of orders whose time has passed that it has; how many."""
    late = select(CommandRow).where(
        CommandRow.state.in_(("queued", "sent")), CommandRow.expires <= now
    )
    with registry.session.begin() as session:
        rows = list(session.scalars(late))
        for row in rows:
            row.state = "expired"
            about = {"id": row.id, "kind": row.kind, "sent": row.sent}
            told(session, row.sensor, now, "system:commands", "command_expired", about)
    return len(rows)


def _due(registry: Registry) -> list[tuple[CommandRow, str]]:
    """What is queued for devices that are not offline, and what is to be sent again."""
    came_back = and_(
        CommandRow.state == "sent",
        CommandRow.kind.in_(HARMLESS_TWICE),
        ContactRow.state == "online",
        ContactRow.state_at > CommandRow.sent,
    )
    not_offline = func.coalesce(ContactRow.state, "") != "offline"
    query = (
        select(CommandRow, SensorRow.medium)
        .join(SensorRow, SensorRow.id == CommandRow.sensor)
        .outerjoin(ContactRow, ContactRow.sensor == CommandRow.sensor)
        .where(or_(and_(CommandRow.state == "queued", not_offline), came_back))
        .order_by(CommandRow.created)
    )
    with registry.session() as session:
        return [(row, medium) for row, medium in session.execute(query)]


def _claimed(registry: Registry, row: CommandRow, now: datetime) -> bool:
    """Mark an order as sent, unless it changed since it was read."""
    unchanged = CommandRow.sent.is_(None) if row.sent is None else CommandRow.sent == row.sent
    claim = (
        update(CommandRow)
        .where(CommandRow.id == row.id, CommandRow.state == row.state, unchanged)
        .values(state="sent", sent=now)
    )
    with registry.session.begin() as session:
        return bool(session.execute(claim).rowcount)  # type: ignore[attr-defined]


def _give_back(registry: Registry, row: CommandRow) -> None:
    """The broker did not take it; an answer that came all the same holds."""
    undo = update(CommandRow).where(CommandRow.id == row.id, CommandRow.state == "sent")
    with registry.session.begin() as session:
        session.execute(undo.values(state=row.state, sent=row.sent))


def answered(registry: Registry, replies: Iterable[tuple[SensorId, Reply]], at: datetime) -> None:
    """Note answers. One that names no order of that sensor, or one answered before, is ignored."""
    with registry.session.begin() as session:
        for sensor, reply in replies:
            row = session.get(CommandRow, reply.id)
            if row is not None and row.sensor == sensor and row.state in UNANSWERED:
                row.state, row.answered, row.answer = reply.state, at, reply.text
                about = {"id": reply.id, "kind": row.kind, "text": reply.text}
                told(session, sensor, at, f"device:{sensor}", f"command_{reply.state}", about)


def orders(registry: Registry, sensor: str, now: datetime, *, limit: int = 20) -> list[Order]:
    """Orders of a sensor, the newest first."""
    query = (
        select(CommandRow)
        .where(CommandRow.sensor == sensor)
        .order_by(CommandRow.created.desc())
        .limit(limit)
    )
    with registry.session() as session:
        return [_order(row, now) for row in session.scalars(query)]


def publisher(environment: Mapping[str, str]) -> Publish:
    """Publishing by the account of ONENET_MQTT_*; one connection a message, for they are rare."""

    def publish(topic: str, payload: bytes) -> bool:
        version = environment.get("ONENET_MQTT_VERSION", "5")
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=f"onenet-commands-{secrets.token_hex(4)}",
            protocol=mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311,
        )
        name = environment.get("ONENET_MQTT_USERNAME", "")
        if name:
            client.username_pw_set(name, environment.get("ONENET_MQTT_PASSWORD", ""))
        if environment.get("ONENET_MQTT_TLS_CA"):
            client.tls_set(environment["ONENET_MQTT_TLS_CA"])
        return _published(client, environment, topic, payload)

    return publish


def _published(
    client: mqtt.Client, environment: Mapping[str, str], topic: str, payload: bytes
) -> bool:
    done, took = threading.Event(), False

    def on_publish(_c: Any, _d: Any, _mid: int, reason: Any, _p: Any) -> None:
        nonlocal took
        took = not reason.is_failure
        done.set()

    client.on_publish = on_publish
    try:
        client.connect(
            environment.get("ONENET_MQTT_HOST", "127.0.0.1"),
            int(environment.get("ONENET_MQTT_PORT", "1883")),
        )
        client.loop_start()
        client.publish(topic, payload, qos=1)
        done.wait(PATIENCE_S)
    except OSError:
        return False
    finally:
        client.disconnect()
        client.loop_stop()
    return took


def _order(row: CommandRow, now: datetime) -> Order:
    late = row.state in UNANSWERED and row.expires <= now
    state = ("undelivered" if row.sent is None else "expired") if late else row.state
    return Order(
        row.id,
        SensorId(row.sensor),
        row.kind,
        json.loads(row.arguments),
        state,
        row.created,
        row.created_by,
        row.expires,
        row.sent,
        row.answered,
        row.answer,
    )
