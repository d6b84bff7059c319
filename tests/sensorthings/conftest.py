"""Services over each kind of store; the embedded one always, InfluxDB where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import open_store
from tests import influx
from tests.city import demo_registry
from tests.sensorthings.service import Service, day, serve

KINDS = ["embedded", pytest.param("influx", marks=pytest.mark.influx)]


@pytest.fixture(scope="session")
def running_influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[influx.RunningInflux]:
    with influx.influx(tmp_path_factory.mktemp("influx")) as running:
        yield running


def _serving(folder: Path, url: str, token: str = "") -> Iterator[Service]:
    registry, store = demo_registry(folder), open_store(url, token=token)
    store.write(list(day()))
    yield serve(url, token, store, registry)
    store.close()
    registry.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A day that nobody adds to."""
    folder = tmp_path_factory.mktemp("service")
    yield from _serving(folder, f"sqlite:///{folder}/o.db")


@pytest.fixture(scope="session", params=KINDS)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The same day in each kind of store, that nobody adds to either."""
    folder = tmp_path_factory.mktemp("both")
    if request.param == "embedded":
        yield from _serving(folder, f"sqlite:///{folder}/o.db")
        return
    running: influx.RunningInflux = request.getfixturevalue("running_influx")
    yield from _serving(folder, running.clean(), running.token)


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """The same day in a store of one's own, to add to."""
    if request.param == "embedded":
        yield from _serving(tmp_path, f"sqlite:///{tmp_path}/o.db")
        return
    running: influx.RunningInflux = request.getfixturevalue("running_influx")
    yield from _serving(tmp_path, running.clean(), running.token)
