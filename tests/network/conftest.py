"""A small city with real store and registry, filled by emulators and recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry import Registry
from schemas import FlaggedReading, Interval
from storage import Store, open_store
from tests.city import all_measured

Fill = Callable[[Interval], list[FlaggedReading]]


@pytest.fixture
def open_store_at(tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    opened: list[Store] = []

    def open_at(name: str) -> Store:
        opened.append(open_store(f"sqlite:///{tmp_path}/{name}.db"))
        return opened[-1]

    yield open_at
    for store in opened:
        store.close()


@pytest.fixture
def readings(registry: Registry) -> Fill:
    """What the demo city measures in a window, without quality flags."""

    def of(window: Interval) -> list[FlaggedReading]:
        return all_measured(registry, window)

    return of
