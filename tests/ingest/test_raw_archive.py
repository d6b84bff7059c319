"""Messages are kept byte for byte, found by sensor and time, and forgotten after their days."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import Message, Pipeline, RawWriter
from ingest.directory import SensorDirectory
from ingest.pipeline import Batch
from registry import Registry
from schemas import Interval, catalogue, to_ms
from storage.raw import RawArchive
from tests.city import demo_registry

NOW = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def topic(sensor: str, channel: str = "data") -> str:
    return f"onenet/v1/{sensor.partition('-')[0]}/{sensor}/{channel}/json"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    opened = demo_registry(tmp_path_factory.mktemp("registry"))
    yield opened
    opened.close()


class Site:
    """An archive, and the way of messages into it; the test owns the clock."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        directory = SensorDirectory(registry, catalogue())
        directory.renew()
        self._pipeline = Pipeline(directory, catalogue())
        self.folder = folder
        self.now = NOW
        self.writer = self.worker("w1")
        self.archive = RawArchive(folder)

    def worker(self, name: str, days: int = 7) -> RawWriter:
        return RawWriter(self.folder, days=days, worker=name, now_ms=lambda: to_ms(self.now))

    def send(self, *messages: tuple[str, bytes]) -> bool:
        batch = Batch()
        for where, payload in messages:
            self._pipeline.process(Message(where, payload, to_ms(self.now)), batch)
        return self.writer.keep(batch)

    def payloads(self, sensor: str, start: datetime, end: datetime) -> list[bytes]:
        found = self.archive.find([sensor], Interval(start, end), self.now)
        return [message.payload for message in found]


@pytest.fixture
def site(registry: Registry, tmp_path: Path) -> Iterator[Site]:
    made = Site(registry, tmp_path / "raw")
    yield made
    made.writer.close()


def spoken(minute: int, level: float = 50.0, more: str = "") -> bytes:
    ts = (NOW + minute * MINUTE).isoformat()
    return f'{{ "ts":"{ts}",{more} "values": {{"laeq" : {level}}}}}'.encode()


def test_what_was_sent_comes_back_byte_for_byte(site: Site) -> None:
    first, second = spoken(0), spoken(1, 51.25, ' "seq": 7,')
    site.send((topic("noise-dongmen-1"), first), (topic("noise-nanshan-1"), spoken(0)))
    site.send((topic("noise-dongmen-1"), second))
    assert site.payloads("noise-dongmen-1", NOW, NOW + 2 * MINUTE) == [first, second]
    assert site.payloads("noise-dongmen-1", NOW + MINUTE, NOW + 2 * MINUTE) == [second]
    assert site.payloads("noise-dongmen-2", NOW, NOW + 2 * MINUTE) == []


def test_a_backlog_sent_days_later_is_found_by_when_it_was_measured(site: Site) -> None:
    backlog = json.dumps(
        [{"ts": to_ms(NOW + m * MINUTE), "values": {"laeq": 50}} for m in (9, 0, 4)]
    ).encode()
    site.now = NOW + timedelta(days=3)
    site.send((topic("noise-dongmen-1"), backlog))
    for minute in (0, 4, 9):
        at = NOW + minute * MINUTE
        assert site.payloads("noise-dongmen-1", at, at + MINUTE) == [backlog]
    assert site.payloads("noise-dongmen-1", NOW + 10 * MINUTE, NOW + 11 * MINUTE) == []


def test_what_came_again_is_there_once_as_it_came_first(site: Site) -> None:
    site.send((topic("noise-dongmen-1"), spoken(0)))
    site.now += timedelta(hours=2)
    site.send((topic("noise-dongmen-1"), spoken(0)))
    (kept,) = site.archive.find(["noise-dongmen-1"], Interval(NOW, NOW + MINUTE), site.now)
    assert kept.arrived_ms == to_ms(NOW)


def test_only_messages_with_accepted_readings_are_kept(site: Site) -> None:
    status = json.dumps({"state": "online", "session": 1}).encode()
    site.send(
        (topic("noise-dongmen-1"), b"{"),
        (topic("noise-dongmen-1", "status"), status),
        (topic("noise-nobody-1"), spoken(0)),
        (topic("noise-dongmen-1"), spoken(3)),
        (topic("noise-dongmen-1"), b"null"),
    )
    (data,) = site.folder.glob("*.raw")
    assert data.read_bytes().count(b"onenet/v1/") == 1
    assert site.payloads("noise-dongmen-1", NOW, NOW + 9 * MINUTE) == [spoken(3)]


def test_segments_are_forgotten_after_their_days_and_no_sooner(site: Site) -> None:
    site.send((topic("noise-dongmen-1"), spoken(0)))
    site.now += timedelta(days=6)
    site.send((topic("noise-dongmen-1"), spoken(1)))
    assert site.payloads("noise-dongmen-1", NOW, NOW + MINUTE) == [spoken(0)]
    assert site.archive.oldest() == NOW.replace(minute=0)
    site.now += timedelta(days=1, hours=1)
    site.send((topic("noise-dongmen-1"), spoken(2)))
    assert site.payloads("noise-dongmen-1", NOW, NOW + MINUTE) == []
    assert site.payloads("noise-dongmen-1", NOW, NOW + 9 * MINUTE) == [spoken(1), spoken(2)]
    assert len(list(site.folder.glob("*.idx"))) == len(list(site.folder.glob("*.raw")))


def test_two_workers_and_one_that_begins_again_write_side_by_side(site: Site) -> None:
    site.send((topic("noise-dongmen-1"), spoken(0)))
    other = site.worker("w2")
    site.writer, kept = other, site.writer
    site.send((topic("noise-dongmen-1"), spoken(1)))
    kept.close()
    other.close()
    site.now += timedelta(seconds=1)
    site.writer = site.worker("w1")
    site.send((topic("noise-dongmen-1"), spoken(2)))
    assert site.payloads("noise-dongmen-1", NOW, NOW + 9 * MINUTE) == [spoken(m) for m in range(3)]


def test_a_torn_end_hides_nothing_that_was_whole(site: Site) -> None:
    site.send((topic("noise-dongmen-1"), spoken(0)), (topic("noise-dongmen-1"), spoken(1)))
    site.writer.close()
    (index,) = site.folder.glob("*.idx")
    index.write_bytes(index.read_bytes() + b"\x01" * 17)
    (data,) = site.folder.glob("*.raw")
    data.write_bytes(data.read_bytes() + b"onenet/v1/noise/noise-dongmen-1/da")
    assert site.payloads("noise-dongmen-1", NOW, NOW + 9 * MINUTE) == [spoken(0), spoken(1)]


def test_a_folder_that_cannot_be_written_stops_nothing(site: Site, tmp_path: Path) -> None:
    site.folder.write_text("a file where the folder should be", "utf-8")
    assert not site.send((topic("noise-dongmen-1"), spoken(0)))
    site.folder.unlink()
    assert site.send((topic("noise-dongmen-1"), spoken(1)))
    assert site.payloads("noise-dongmen-1", NOW, NOW + 9 * MINUTE) == [spoken(1)]


def test_an_archive_that_is_not_there_is_empty(tmp_path: Path) -> None:
    nowhere = RawArchive(tmp_path / "nowhere")
    assert nowhere.find(["noise-dongmen-1"], Interval(NOW, NOW + MINUTE), NOW) == []
    assert nowhere.oldest() is None


BLANKS = st.text(" \n\r\t", max_size=5).map(str.encode)


@given(around=st.lists(st.tuples(BLANKS, BLANKS), max_size=6))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_is_found_by_its_length_whatever_is_in_it(
    site: Site, around: list[tuple[bytes, bytes]]
) -> None:
    sent = [
        before + json.dumps({"ts": to_ms(NOW) + n, "values": {"laeq": 50}}).encode() + after
        for n, (before, after) in enumerate(around)
    ]
    site.send(*((topic("noise-dongmen-1"), payload) for payload in sent))
    assert set(sent) <= set(site.payloads("noise-dongmen-1", NOW, NOW + MINUTE))
