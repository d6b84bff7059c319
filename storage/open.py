"""Which store: chosen by URL, in one place."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from storage.buckets import InfluxAddress
from storage.port import Store


def open_store(url: str, *, token: str = "") -> Store:
    """Open a store.

    url: `sqlite:///path/to/file` (embedded) or `influx://host:8086/organisation` (production; see
    `storage/buckets.py` for what may follow). token: InfluxDB token. Raises ValueError for any
    other scheme.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        from storage.embedded import EmbeddedStore

        return EmbeddedStore(Path(url.removeprefix("sqlite:///")))
    if InfluxAddress.is_of(url):
        from storage.influx import InfluxStore

        return InfluxStore(InfluxAddress.parse(url), token=token)
    raise ValueError(f"store URL {url!r}: expected sqlite:/// or influx://")
