"""What ingest costs by step, without a broker: `python -m bench.ingest [--batch N] [--readings N]`.

The demo city's history goes through the pipeline into an embedded store as the worker would take
it, in batches of 5 000 readings. CPU time, not wall clock: other work on the machine and the wait
for the disk are not counted. The best of three rounds is printed, in microseconds a reading.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from bench.mqtt import made
from ingest.decode import decode
from ingest.directory import SensorDirectory
from ingest.pipeline import Batch, Message, Pipeline
from ingest.raw_archive import RawWriter
from onenet.stack import write_fleet
from registry import Registry, migrate, open_registry, seed_demo_city
from schemas import Format, catalogue
from storage import Store, open_store

BATCH = 5000
ROUNDS = 3


def cut(messages: list[Message], batch: int) -> list[list[Message]]:
    """Messages by what goes into one write, if each holds `batch` readings."""
    step = max(1, BATCH // batch)
    return [messages[at : at + step] for at in range(0, len(messages), step)]


def spent(
    registry: Registry, store: Store, raw: RawWriter, parts: list[list[Message]]
) -> dict[str, float]:
    """CPU seconds by step. Decoding is done twice, once alone, to tell it from validation."""
    directory = SensorDirectory(registry, catalogue())
    directory.renew()
    pipeline = Pipeline(directory, catalogue())
    seconds = dict.fromkeys(("decode", "validate", "flag", "store", "archive"), 0.0)
    gc.collect()
    gc.freeze()  # as in the ingest process
    for part in parts:
        batch = Batch()
        clock = [time.process_time()]
        for message in part:
            decode(message.payload, Format.JSON)
        clock.append(time.process_time())
        for message in part:
            pipeline.process(message, batch)
        clock.append(time.process_time())
        pipeline.flag(batch)
        clock.append(time.process_time())
        store.write(batch.readings, received=batch.received, dead_lettered=batch.dead_lettered)
        clock.append(time.process_time())
        raw.keep(batch)
        clock.append(time.process_time())
        decoding, processing, flagging, storing, archiving = (b - a for a, b in pairwise(clock))
        seconds["decode"] += decoding
        seconds["validate"] += processing - decoding
        seconds["flag"] += flagging
        seconds["store"] += storing
        seconds["archive"] += archiving
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=100, help="readings a message")
    parser.add_argument("--readings", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        migrate(f"sqlite:///{home}/r.db")
        registry = open_registry(f"sqlite:///{home}/r.db")
        seed_demo_city(registry)
        write_fleet(registry, home / "fleet.json")
        history = made(home, options.readings, options.batch)
        total = sum(message.distinct for message in history)
        now_ms = int(time.time() * 1000)
        parts = cut([Message(m.topic, m.payload, now_ms) for m in history], options.batch)
        best: dict[str, float] = {}
        for number in range(ROUNDS):
            store = open_store(f"sqlite:///{home}/o{number}.db")
            raw = RawWriter(home / f"raw{number}", days=1, worker="bench")
            for step, seconds in spent(registry, store, raw, parts).items():
                best[step] = min(best.get(step, seconds), seconds)
            store.close()
            raw.close()
    print(f"{total:,} readings in messages of {options.batch}, CPU time")
    for step, seconds in best.items():
        print(f"  {step:9} {seconds / total * 1e6:6.2f} us a reading")
    whole = sum(best.values())
    print(f"  together  {whole / total * 1e6:6.2f} us, {total / whole:,.0f} readings/s")


if __name__ == "__main__":
    main()
