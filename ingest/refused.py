"""Dead letters for readings that passed every check of ours and that the store still refused.

The store tells only which readings; the messages they came in are found again, so that a dead
letter holds the raw bytes, and a replay sends what was refused and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.decode import decode
from ingest.pipeline import Batch
from ingest.validate import device_time
from registry import NewDeadLetter
from schemas import Outcome, Rejected, Topic, TopicChannel, from_ms


def refused_by_store(batch: Batch, outcomes: Sequence[Outcome]) -> list[NewDeadLetter]:
    """One dead letter for each message that holds a refused reading."""
    if Outcome.REFUSED not in outcomes:
        return []
    refused = {
        (reading.sensor, reading.arrived_ms, reading.ts_ms)
        for reading, outcome in zip(batch.readings, outcomes, strict=True)
        if outcome is Outcome.REFUSED
    }
    letters = []
    for message in batch.messages:
        try:
            topic = Topic.parse(message.topic)
            if topic.channel is not TopicChannel.DATA:
                continue
            decoded = decode(message.payload, topic.format)
        except Rejected:
            continue  # none of its readings came as far as the store
        found = [
            (position, reading)
            for position, reading in decoded.readings
            if (topic.sensor, message.arrived_ms, _time(reading.ts, message.arrived_ms)) in refused
        ]
        if not found:
            continue
        why = Rejected(
            "store_refused",
            field=f"[{found[0][0]}]",
            value=str(found[0][1].values),
            rule="the time-series store takes every reading; what it said is in the ingest log",
            remedy="mend the store (a field of another type, a shortened retention), then replay",
        )
        letters.append(
            NewDeadLetter(
                topic=message.topic,
                sensor=topic.sensor,
                raw=message.payload,
                arrived=from_ms(message.arrived_ms),
                code=why.code,
                field=why.field,
                value=why.value,
                reason_zh=why.reason("zh"),
                reason_en=why.reason("en"),
                readings=len(found),
                refused=tuple(position for position, _ in found),
            )
        )
    return letters


def _time(ts: str | int, arrived_ms: int) -> int | None:
    """Device time, or None for a reading whose time was refused before it came to the store."""
    try:
        return device_time(ts, arrived_ms)
    except Rejected:
        return None
