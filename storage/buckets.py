"""The buckets of an InfluxDB store: their names, how long they keep, and making them.

`InfluxAddress` reads a store's URL: `influx://host:8086/organisation`, with `influxs` for TLS.
Two wishes may follow it: `worker=2` names the process that writes, where several write at the same
time (each needs its own name); `prefix=test_` stands before every bucket's name, so that several
installations share one InfluxDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from schemas import Period
from storage.port import StoreUnavailable

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
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        return []
    made = _make(InfluxAddress.parse(url), token, forever)
    if isinstance(made, Exception):
        raise made
    return made


def _make(address: InfluxAddress, token: str, forever: bool) -> list[str] | Exception:
    """The names of the buckets made, or what went wrong.

    Given back and not raised: an error that carries the client's frames keeps the client alive
    until the interpreter ends, where its own clearing up fails in public.
    """
    from influxdb_client import BucketRetentionRules, InfluxDBClient
    from influxdb_client.client.exceptions import InfluxDBError
    from influxdb_client.rest import ApiException
    from urllib3.exceptions import HTTPError

    made = []
    try:
        with InfluxDBClient(address.http, token=token, org=address.org) as client:
            buckets = client.buckets_api()
            known = {b.name for b in buckets.find_buckets_iter(org=address.org, limit=100)}
            for name, keep_s in RETENTION.items():
                bucket = address.bucket(name)
                if bucket in known:
                    continue
                rules = [] if forever else [BucketRetentionRules("expire", every_seconds=keep_s)]
                buckets.create_bucket(bucket_name=bucket, retention_rules=rules)
                made.append(bucket)
    except HTTPError as error:
        return StoreUnavailable(f"{address.http} does not answer ({type(error).__name__})")
    except (ApiException, InfluxDBError) as error:
        return _explained(error, address)
    return made


def _explained(error: Exception, address: InfluxAddress) -> Exception:
    status = getattr(error, "status", None) or 0
    if status == 429 or status >= 500:
        return StoreUnavailable(f"{address.http} answers {status}")
    return ValueError(
        f"{address.http} answers {status or error}: to make buckets, give ONENET_STORE_TOKEN a"
        f" token that may read and write all buckets of the organisation {address.org!r}"
    )
