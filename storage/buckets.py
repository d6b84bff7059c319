"""The buckets of an InfluxDB store: their names, how long they keep, and making them.

`InfluxAddress` reads a store's URL: `influx://host:8086/organisation`, with `influxs` for TLS.
Two wishes may follow it: `worker=2` names the process that writes, where several write at the same
time (each needs its own name); `prefix=test_` stands before every bucket's name, so that several
installations share one InfluxDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from schemas import Period
from storage.influx_admin import administer

if TYPE_CHECKING:
    from influxdb_client import InfluxDBClient

OBSERVATIONS, AGGREGATES_HOUR = "observations", "aggregates_hour"
AGGREGATES, ACCOUNTS = "aggregates", "accounts"
DAY_S = 86_400
FIVE_YEARS_S = 5 * 366 * DAY_S
OBSERVATIONS_S = 90 * DAY_S
# Seconds that a bucket keeps its data; 0 = for ever.
RETENTION = {
    OBSERVATIONS: OBSERVATIONS_S,
    AGGREGATES_HOUR: FIVE_YEARS_S,
    AGGREGATES: 0,
    ACCOUNTS: FIVE_YEARS_S,
}
SCHEMES = {"influx": "http", "influxs": "https"}
_WISHES = {"worker", "prefix"}


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """Where a store's InfluxDB is, and which buckets of it are the store's."""

    http: str
    org: str
    worker: str = "1"
    prefix: str = ""

    @staticmethod
    def is_of(url: str) -> bool:
        """Whether a store's URL names an InfluxDB."""
        return urlsplit(url).scheme in SCHEMES

    @classmethod
    def parse(cls, url: str) -> InfluxAddress:
        """Read a store's URL; raises ValueError saying what is missing or unknown in it."""
        parts = urlsplit(url)
        org = parts.path.strip("/")
        if not parts.netloc or not org:
            raise ValueError(f"store URL {url!r}: expected influx://host:8086/organisation")
        wishes = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if unknown := set(wishes) - _WISHES:
            raise ValueError(
                f"store URL {url!r}: unknown {', '.join(sorted(unknown))};"
                f" known are {', '.join(sorted(_WISHES))}"
            )
        return cls(f"{SCHEMES[parts.scheme]}://{parts.netloc}", org, **wishes)

    def bucket(self, name: str) -> str:
        return self.prefix + name


def aggregates_bucket(period: Period) -> str:
    """Hours are kept five years, whatever is longer for ever."""
    return AGGREGATES_HOUR if period is Period.HOUR else AGGREGATES


def prepare(url: str, *, token: str = "", forever: bool = False) -> list[str]:
    """Make the store's buckets that are missing; returns the names of those made.

    An existing bucket is left as it is. forever: keep everything, for tests that play in the past.
    A store in a file needs no preparation. Raises StoreUnavailable, and ValueError where the token
    may not do this.
    """
    if not InfluxAddress.is_of(url):
        return []
    address = InfluxAddress.parse(url)

    def act(client: InfluxDBClient) -> list[str]:
        return _make(client, address, forever)

    return administer(address, token, act)


def _make(client: InfluxDBClient, address: InfluxAddress, forever: bool) -> list[str]:
    from influxdb_client import BucketRetentionRules

    made = []
    buckets = client.buckets_api()
    known = {b.name for b in buckets.find_buckets_iter(org=address.org, limit=100)}
    for name, keep_s in RETENTION.items():
        bucket = address.bucket(name)
        if bucket in known:
            continue
        rules = [] if forever else [BucketRetentionRules("expire", every_seconds=keep_s)]
        buckets.create_bucket(bucket_name=bucket, retention_rules=rules)
        made.append(bucket)
    return made
