"""The demo city in a registry of its own for each test: made once, then copied."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from registry import Registry, migrate, open_registry, seed_demo_city


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the life of the process, with the seeded database in it."""
    folder = tempfile.TemporaryDirectory(prefix="city-")
    url = f"sqlite:///{folder.name}/registry.db"
    migrate(url)
    registry = open_registry(url)
    seed_demo_city(registry)
    registry.close()
    return folder


def demo_registry(folder: Path, name: str = "registry.db") -> Registry:
    """The seeded registry in `folder`; whoever asks for it closes it."""
    shutil.copyfile(Path(_folder().name) / "registry.db", folder / name)
    return open_registry(f"sqlite:///{folder}/{name}")
