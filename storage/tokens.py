"""What each service may do in an InfluxDB store, and giving it a token that may do no more.

InfluxDB chooses a token's value, so whoever asks for tokens keeps them: `give_tokens` is told what
is kept already and gives back what is new. Only the administrator's token makes buckets and tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.buckets import (
    ACCOUNTS,
    AGGREGATES,
    AGGREGATES_HOUR,
    OBSERVATIONS,
    RETENTION,
    InfluxAddress,
)
from storage.influx_admin import administer

if TYPE_CHECKING:
    from influxdb_client import Authorization, InfluxDBClient

EVERY = frozenset(RETENTION)


@dataclass(frozen=True, slots=True)
class Grant:
    """Which buckets a service reads and writes. Who writes a bucket may delete in it, too."""

    reads: Collection[str] = EVERY
    writes: Collection[str] = ()


GRANTS: dict[str, Grant] = {
    # Looks up what is there already; a corrected reading is taken out and written again.
    "ingest": Grant(reads={OBSERVATIONS, ACCOUNTS}, writes={OBSERVATIONS, ACCOUNTS}),
    # Settles in `accounts` the hours that it has aggregated.
    "airflow": Grant(writes={AGGREGATES_HOUR, AGGREGATES, ACCOUNTS}),
    "console": Grant(),
    "grafana": Grant(),
    # `onenet past` writes history; nothing here makes buckets.
    "tools": Grant(writes=EVERY),
}


def give_tokens(
    url: str,
    *,
    token: str,
    known: Mapping[str, str],
    keep: Callable[[Mapping[str, str]], object],
) -> list[str]:
    """Make a token for every service that has none with exactly its rights; returns their names.

    token: the administrator's. known: service → the token it has. keep: called with the new tokens
    by service, before those that they replace are taken away; nothing is lost if it fails. The
    buckets must be there (`prepare`). A store in a file has no tokens. Raises StoreUnavailable,
    and ValueError where a bucket is missing or the token may not do this.
    """
    if not InfluxAddress.is_of(url):
        return []
    address = InfluxAddress.parse(url)

    def act(client: InfluxDBClient) -> list[str]:
        office = _Office(client, address)
        outdated = {}
        new = {}
        for service, grant in GRANTS.items():
            own = office.tokens_of(service)
            if any(office.fits(one, grant, known.get(service, "")) for one in own):
                continue
            outdated[service] = own
            new[service] = office.make(service, grant)
        if new:
            keep(new)
        for old in outdated.values():
            office.withdraw(old)
        return list(new)

    return administer(address, token, act)


class _Office:
    """Where tokens of one store are made and withdrawn: they are known by their description."""

    def __init__(self, client: InfluxDBClient, address: InfluxAddress) -> None:
        self._address = address
        self._tokens = client.authorizations_api()
        found = client.buckets_api().find_buckets_iter(org=address.org, limit=100)
        buckets = {bucket.name: bucket for bucket in found}
        missing = [name for name in map(address.bucket, RETENTION) if name not in buckets]
        if missing:
            raise ValueError(
                f"{address.http} has no bucket {', '.join(missing)}: run `onenet store prepare`"
            )
        self._ids = {name: buckets[address.bucket(name)].id for name in RETENTION}
        self._org_id = buckets[address.bucket(OBSERVATIONS)].org_id
        self._all = self._tokens.find_authorizations(org=address.org)

    def _description(self, service: str) -> str:
        return f"one network: {self._address.prefix}{service}"

    def tokens_of(self, service: str) -> list[Authorization]:
        name = self._description(service)
        return [one for one in self._all if one.description == name]

    def fits(self, one: Authorization, grant: Grant, token: str) -> bool:
        """Whether it is the token that the service has, and may do what it is to do, no more."""
        allowed = {(each.action, each.resource.type, each.resource.id) for each in one.permissions}
        return one.token == token and one.status == "active" and allowed == self._rights(grant)

    def _rights(self, grant: Grant) -> set[tuple[str, str, str]]:
        return {
            (action, "buckets", self._ids[name])
            for action, names in (("read", grant.reads), ("write", grant.writes))
            for name in names
        }

    def make(self, service: str, grant: Grant) -> str:
        from influxdb_client import Authorization, Permission, PermissionResource

        permissions = [
            Permission(action, PermissionResource(type=kind, id=id_, org_id=self._org_id))
            for action, kind, id_ in sorted(self._rights(grant))
        ]
        made: Any = self._tokens.create_authorization(
            authorization=Authorization(
                org_id=self._org_id,
                permissions=permissions,
                description=self._description(service),
            )
        )
        return str(made.token)

    def withdraw(self, tokens: Collection[Authorization]) -> None:
        for one in tokens:
            self._tokens.delete_authorization(one)
