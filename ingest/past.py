"""Taking in old data: messages written down elsewhere, each as if it arrived when it says.

The same way as a message from the broker: decoded, validated, looked up, flagged, stored, accounted
under the hour of its arrival. Only the clock is handed in with the message; what is 35 days older
than that is refused here too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.directory import SensorDirectory
from ingest.pipeline import Batch, Message, Pipeline
from registry import Registry
from schemas import Catalogue, Outcome
from storage import Store

BATCH = 20_000


@dataclass(slots=True)
class TakenIn:
    """Readings by what became of them. flagged: values that a quality test did not find good."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    flagged: int = 0

    def __iadd__(self, more: TakenIn) -> TakenIn:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(more, name))
        return self


def take_in(
    messages: Iterable[Message], *, store: Store, registry: Registry, catalogue: Catalogue
) -> TakenIn:
    """Take in messages in order of arrival; what is refused is kept as dead letters."""
    directory = SensorDirectory(registry, catalogue)
    directory.renew()
    pipeline, done, batch = Pipeline(directory, catalogue), TakenIn(), Batch()
    for message in messages:
        pipeline.process(message, batch)
        if len(batch.readings) >= BATCH:
            _keep(batch, pipeline, done, store, registry)
            batch = Batch()
    _keep(batch, pipeline, done, store, registry)
    return done


def _keep(
    batch: Batch, pipeline: Pipeline, done: TakenIn, store: Store, registry: Registry
) -> None:
    if not batch.received:
        return
    pipeline.flag(batch)
    outcomes = store.write(
        batch.readings, received=batch.received, dead_lettered=batch.dead_lettered
    )
    if batch.dead_letters:
        registry.add_dead_letters(batch.dead_letters)
    done.received += batch.received.total()
    done.refused += batch.dead_lettered.total()
    done.duplicate += sum(outcome is Outcome.DUPLICATE for outcome in outcomes)
    done.stored += sum(outcome in (Outcome.STORED, Outcome.REVISED) for outcome in outcomes)
    done.flagged += sum(len(reading.quality) for reading in batch.readings)
