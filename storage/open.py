"""Which store: chosen by URL, in one place."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from storage.port import Store


def open_store(url: str, *, token: str = "") -> Store:
    """Open a store.

    url: `sqlite:///path/to/file` (embedded) or `influx://host:8086/organisation` (production;
    `influxs` for TLS). token: InfluxDB token. Raises ValueError for any other scheme.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        from storage.embedded import EmbeddedStore

        return EmbeddedStore(Path(url.removeprefix("sqlite:///")))
    if parts.scheme in ("influx", "influxs"):
        from storage.influx import InfluxStore

        http = "https" if parts.scheme == "influxs" else "http"
        return InfluxStore(f"{http}://{parts.netloc}", org=parts.path.strip("/"), token=token)
    raise ValueError(f"store URL {url!r}: expected sqlite:/// or influx://")
