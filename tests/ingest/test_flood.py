"""What is a flood and what is not: pure, over made-up streams of messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ingest.directory import SensorDirectory
from ingest.flood import Flood, Floods, allowance, settings
from ingest.pipeline import Batch, Message, Pipeline
from schemas import SensorId, catalogue
from tests.city import demo_registry

SENSOR = SensorId("noise-dongmen-1")
NOW = 1_764_000_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def noticed(stream: Iterable[tuple[int, int | None]], cadence_s: int = 60) -> list[Flood]:
    """Floods in a stream of (arrival, device time of its newest reading if it was good)."""
    floods, found = Floods(), []
    for arrived_ms, ts_ms in stream:
        flood = floods.count(SENSOR, cadence_s, arrived_ms)
        if flood is not None:
            found.append(flood)
        if ts_ms is not None:
            floods.advance(SENSOR, cadence_s, ts_ms)
    return found


def backlog(days: float, cadence_s: int, *, per_s: float = 500) -> list[tuple[int, int | None]]:
    """Single messages of so many days, in order, as fast as a broker hands them out."""
    number = int(days * 86_400 / cadence_s)
    begin = NOW - number * cadence_s * 1000
    return [(NOW + int(n * 1000 / per_s), begin + n * cadence_s * 1000) for n in range(number)]


@pytest.mark.parametrize("cadence_s", [1, 60, 300, 3600])
def test_a_day_of_backlog_is_none_even_backwards(cadence_s: int) -> None:
    one_day = backlog(1, cadence_s)
    backwards = zip((a for a, _ in one_day), (t for _, t in reversed(one_day)), strict=True)
    assert noticed(one_day, cadence_s) == []
    assert noticed(backwards, cadence_s) == []


def test_a_month_in_order_is_none_for_device_time_goes_on() -> None:
    """A device that was cut off, or a broker that kept everything while ingest was away."""
    assert noticed(backlog(35, 60)) == []


def test_arrays_are_counted_as_messages() -> None:
    """35 days in arrays of 500: the newest first, a hundred messages."""
    ends = [NOW - n * 500 * MINUTE for n in range(35 * 1440 // 500)]
    assert noticed((NOW + 10 * n, end) for n, end in enumerate(ends)) == []


def test_somebody_may_set_it_to_a_second_for_hours() -> None:
    live = [(NOW + 1000 * n, NOW + 1000 * n) for n in range(6 * 3600)]
    assert noticed(live, cadence_s=3600) == []


def test_twenty_times_its_cadence_for_a_day_is_none() -> None:
    """The demo plays its fleet that fast."""
    assert noticed((NOW + 3000 * n, NOW + 3000 * n) for n in range(28_800)) == []


@pytest.mark.parametrize("cadence_s", [60, 300, 86_400])
@pytest.mark.parametrize("kind", ["the same reading", "what is refused", "live, far too fast"])
def test_a_flood_is_noticed_within_seconds(cadence_s: int, kind: str) -> None:
    def stream() -> Iterator[tuple[int, int | None]]:
        for n in range(10_000):
            at = NOW + 2 * n  # 500 a second
            yield at, {"the same reading": NOW, "what is refused": None}.get(kind, at)

    (first, *_) = noticed(stream(), cadence_s)
    assert first.seconds <= 10
    assert first.messages >= allowance(cadence_s).burst
    assert first.per_minute >= 60


def test_it_is_told_again_while_it_goes_on_and_not_with_each_message() -> None:
    found = noticed((NOW + n, NOW) for n in range(60_000))  # a minute
    assert 2 <= len(found) <= 60 / settings()["report_every_s"] + 1


def test_after_a_pause_everything_is_forgiven() -> None:
    flood = [(NOW + n, NOW) for n in range(5000)]
    later = [(NOW + HOUR + 1000 * n, NOW + HOUR + 1000 * n) for n in range(600)]
    assert len(noticed([*flood, *later])) == 1


def test_only_what_the_sensor_sends_itself_is_counted(tmp_path: Path) -> None:
    registry = demo_registry(tmp_path)
    directory = SensorDirectory(registry, catalogue())
    directory.renew()
    raw = json.dumps({"ts": NOW, "values": {"laeq": 50.0}}).encode()
    topic = f"onenet/v1/noise/{SENSOR}"

    def floods(number: int, channel: str, *, again: bool = False) -> set[SensorId]:
        pipeline, batch = Pipeline(directory, catalogue()), Batch()
        for n in range(number):
            where = f"{topic}/{channel}/json"
            pipeline.process(Message(where, raw, NOW + n, again=again), batch)
        return set(batch.floods)

    assert floods(4000, "data") == {SENSOR}
    assert floods(4000, "event") == {SENSOR}, "refused as an event, and counted"
    assert floods(4000, "cmd") == set(), "commands are ours"
    assert floods(4000, "data", again=True) == set(), "sent again by the broker"
    registry.close()
