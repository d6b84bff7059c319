"""What becomes of messages: readings to store, dead letters to keep, the account of both.

The way of a message stands in `Pipeline.process`, top to bottom; quality control follows for the
whole batch in `Pipeline.flag`. No I/O but the registry lookup, which is in memory; storing and
acknowledging are the worker's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import BaseModel, ValidationError

from ingest.contacts import Heard, Newest, heard_other, heard_refused, heard_status
from ingest.decode import decode
from ingest.decoded import explained
from ingest.directory import SensorDirectory
from ingest.flood import Flood, Floods
from ingest.qc import device_codes
from ingest.validate import admit, admit_logger, check_reading
from registry import NewDeadLetter
from schemas import (
    Catalogue,
    Event,
    FlaggedReading,
    Format,
    ParameterKey,
    Rejected,
    Reply,
    SensorId,
    Status,
    Topic,
    TopicChannel,
    from_ms,
)
from schemas.clock import HOUR_MS
from schemas.observation import AccountKey
from schemas.registry import Sensor

UNKNOWN_SENSOR = SensorId("unknown")  # one account for all strangers: hostile ids cost no rows


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the broker gave it; mid is what its acknowledgement needs."""

    topic: str
    payload: bytes
    arrived_ms: int
    mid: int = 0
    qos: int = 1
    again: bool = False  # the broker sends it a second time


@dataclass(slots=True)
class Batch:
    """What one write to the store holds. begins: number of readings before each message."""

    messages: list[Message] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    readings: list[FlaggedReading] = field(default_factory=list)
    dead_letters: list[NewDeadLetter] = field(default_factory=list)
    received: Counter[AccountKey] = field(default_factory=Counter)
    dead_lettered: Counter[AccountKey] = field(default_factory=Counter)
    heard: Heard = field(default_factory=dict)
    newest: Newest = field(default_factory=dict)
    replies: list[tuple[SensorId, Reply]] = field(default_factory=list)
    floods: dict[SensorId, Flood] = field(default_factory=dict)


class Pipeline:
    def __init__(self, directory: SensorDirectory, catalogue: Catalogue) -> None:
        self._directory = directory
        self._catalogue = catalogue
        self._floods = Floods()

    def process(self, message: Message, batch: Batch) -> None:
        """Decode, validate, look up; add the result to the batch. Raises only for bugs."""
        batch.messages.append(message)
        batch.begins.append(len(batch.readings))
        account = (UNKNOWN_SENSOR, message.arrived_ms // HOUR_MS * HOUR_MS)
        try:
            topic = _topic(message.topic)
            known = self._directory.find(topic.sensor)
            if known is not None:
                account = (known.id, account[1])
                self._watch(known, topic, message, batch)
            if topic.channel is not TopicChannel.DATA:
                self._process_other(topic, known, message, batch)
                return
            sensor = admit(topic, known)
            logger = None
            if topic.format is Format.HJ212:
                logger = admit_logger(topic, self._directory.logger(sensor.id))
            decoded = decode(message.payload, topic.format, logger)
        except Rejected as rejected:
            _bury(batch, message, account, {rejected.code: [(None, rejected)]})
            return

        sender, arrived_ms, accepted = sensor.id, message.arrived_ms, len(batch.readings)
        tags, channels = self._directory.tags(sender), self._directory.channels(sender)
        refused: dict[str, list[tuple[int | None, Rejected]]] = {}
        for position, case in decoded.refused:
            refused.setdefault(case.code, []).append((position, case))
        for position, reading in decoded.readings:
            try:
                ts_ms = check_reading(reading, sender, channels, self._catalogue, arrived_ms)
            except Rejected as rejected:
                refused.setdefault(rejected.code, []).append((position, rejected))
                continue
            values: dict[ParameterKey, float | None] = reading.values  # type: ignore[assignment]
            codes = device_codes(reading) if reading.flags else {}
            batch.readings.append(FlaggedReading(sender, ts_ms, values, codes, arrived_ms, tags))
            newest = reading
        if len(batch.readings) > accepted:
            first_ms, last_ms = batch.readings[accepted].ts_ms, batch.readings[-1].ts_ms
            batch.newest[sender] = (arrived_ms, last_ms, newest)
            self._floods.advance(sender, sensor.cadence_s, max(first_ms, last_ms))
        elif not refused:
            heard_other(batch.heard, sender, arrived_ms)  # understood, and nothing measured
        batch.received[account] += len(batch.readings) - accepted
        _bury(batch, message, account, refused)

    def _watch(self, known: Sensor, topic: Topic, message: Message, batch: Batch) -> None:
        """Note who floods. What is sent again is the broker's doing; commands are ours."""
        if message.again or topic.channel is TopicChannel.CMD:
            return
        flood = self._floods.count(known.id, known.cadence_s, message.arrived_ms)
        if flood is not None:
            batch.floods[known.id] = flood

    def _process_other(
        self, topic: Topic, known: Sensor | None, message: Message, batch: Batch
    ) -> None:
        """Status, events, replies: told of a sensor, not measured. Raises Rejected."""
        said = _parsed(topic.channel, message.payload)
        if known is None:
            return
        if isinstance(said, Status):
            heard_status(batch.heard, known.id, message.arrived_ms, said)
        else:
            heard_other(batch.heard, known.id, message.arrived_ms)
        if isinstance(said, Reply):
            batch.replies.append((known.id, said))

    def flag(self, batch: Batch) -> None:
        """Judge the quality of a batch that is complete; once, for its values are remembered."""
        self._directory.quality.flag(batch.readings)


# A topic is a sensor's, for ever: not to be taken apart with each message.
_topic = lru_cache(maxsize=65_536)(Topic.parse)


def _parsed(channel: TopicChannel, payload: bytes) -> BaseModel | None:
    """What a status, event or reply says; commands are not ours to judge. Raises Rejected."""
    models: dict[TopicChannel, type[BaseModel]] = {
        TopicChannel.STATUS: Status,
        TopicChannel.EVENT: Event,
        TopicChannel.REPLY: Reply,
    }
    model = models.get(channel)
    if model is None or not payload:  # an empty retained status clears it
        return None
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        raise explained(error, f"{channel} ") from None


def _bury(
    batch: Batch,
    message: Message,
    account: AccountKey,
    refused: dict[str, list[tuple[int | None, Rejected]]],
) -> None:
    """One dead letter for each reason; the first case stands for all of that reason."""
    for code, cases in refused.items():
        _, first = cases[0]
        batch.dead_letters.append(
            NewDeadLetter(
                topic=message.topic,
                sensor=account[0],
                raw=message.payload,
                arrived=from_ms(message.arrived_ms),
                code=code,
                field=first.field,
                value=first.value,
                reason_zh=first.reason("zh"),
                reason_en=first.reason("en"),
                readings=len(cases),
                refused=tuple(p for p, _ in cases if p is not None),
            )
        )
        batch.received[account] += len(cases)
        batch.dead_lettered[account] += len(cases)
        if account[0] != UNKNOWN_SENSOR:
            heard_refused(batch.heard, account[0], message.arrived_ms, code)
