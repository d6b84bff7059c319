"""For all tests: a property is one of the code and not of how busy the machine is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from registry import Registry
from storage import Store, open_store
from tests.city import demo_registry

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """The demo city, for one test."""
    opened = demo_registry(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty embedded store, for one test."""
    opened = open_store(f"sqlite:///{tmp_path}/observations.db")
    yield opened
    opened.close()
