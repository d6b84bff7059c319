"""Clean stores of each kind; the real InfluxDB is started once for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from storage import Store, open_store
from tests.influx import RunningInflux, influx


@pytest.fixture(scope="session")
def running_influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInflux]:
    with influx(tmp_path_factory.mktemp("influx")) as running:
        yield running


@pytest.fixture
def new_influx_store(running_influx: RunningInflux) -> Iterator[Callable[[], Store]]:
    with ExitStack() as opened:

        def new() -> Store:
            store = open_store(running_influx.clean(), token=running_influx.token)
            opened.callback(store.close)
            return store

        yield new


@pytest.fixture
def new_embedded_store(tmp_path: Path) -> Iterator[Callable[[], Store]]:
    with ExitStack() as opened:

        def new() -> Store:
            number = len(list(tmp_path.glob("*.db")))
            store = open_store(f"sqlite:///{tmp_path}/observations-{number}.db")
            opened.callback(store.close)
            return store

        yield new
