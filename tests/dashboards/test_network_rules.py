"""Grafana's alert rules on real stores: silent while the network is well, and each fires for its
fault. No Grafana judges here: `judging` does as its documentation says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import polars as pl
import pytest
from sqlalchemy import delete

from alerts import health
from dashboards import City
from dashboards.rule_queries import windows
from dashboards.rule_shape import groups
from network.standings import note_round
from registry import NewDeadLetter, Registry, migrate, open_registry
from registry.models import Base, OutboxItemRow
from registry.standings import Standing, keep_standings
from schemas import FlaggedReading, Medium, ParameterKey, SensorId, SeriesTags
from schemas.clock import from_ms
from schemas.observation import AGGREGATES
from storage import Store, influx_lines, open_store
from tests import influx, postgres
from tests.dashboards.asking import Sources
from tests.dashboards.judging import NONE, Labels, Rule, firing
from tests.parts import need

pytestmark = pytest.mark.influx

NOW = datetime(2026, 11, 24, 9, 20, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULES: dict[str, Rule] = {
    rule["uid"].removeprefix("onenet-rule-"): rule
    for group in groups(City.demo())
    for rule in group["rules"]
}


@dataclass
class Network:
    """A network that is well: both stores, what asks them as Grafana may, and InfluxDB itself."""

    store: Store
    registry: Registry
    sources: Sources
    door: httpx.Client
    bucket: Callable[[str], str]

    def hear(self, medium: Medium, ago: timedelta, **account: Any) -> None:
        """One reading of a medium, arrived as long ago as it was measured."""
        at = _ms(NOW - ago)
        tags = SeriesTags(medium, f"st-{medium}", "futian", "lianhua")
        key = ParameterKey({"noise": "laeq", "air": "pm25", "water": "ph", "soil": "ph"}[medium])
        reading = FlaggedReading(SensorId(f"{medium}-1"), at, {key: 7.0}, {key: 1}, at, tags)
        self.store.write([reading], **account)

    def aggregate(self, period: str, start: datetime) -> None:
        numbers = (1.0, 1.0, 1.0, 1, 1, 1.0)
        row = ("station", "st-air", "pm25", period, start, *numbers, True, "", "mean", "e")
        self.store.write_aggregates(pl.DataFrame([row], schema=AGGREGATES, orient="row"))

    def write_line(self, line: str) -> None:
        answer = self.door.post(
            "/api/v2/write",
            params={"org": influx.ORG, "bucket": self.bucket("accounts"), "precision": "ns"},
            content=line.encode(),
        )
        answer.raise_for_status()


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _hour(ago: timedelta = timedelta(0)) -> int:
    return _ms((NOW - ago).replace(minute=0))


Servers = tuple[influx.RunningInflux, str, Registry]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    need("postgresql", postgres.available())
    make = tmp_path_factory.mktemp
    with influx.influx(make("influx")) as store, postgres.postgres(make("pg")) as server:
        owner = postgres.url(server, "registry", "registry")
        migrate(owner)
        registry = open_registry(owner)
        yield store, postgres.url(server, "registry_grafana", "registry"), registry
        registry.close()


@contextmanager
def well(servers: Servers) -> Iterator[Network]:
    running, reader, registry = servers
    with registry.session.begin() as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name in ("outbox_item", "channel_health", "dead_letter", "standing"):
                session.execute(delete(table))
    address = running.clean()
    prefix = address.partition("prefix=")[2]
    store = open_store(address, token=running.token)
    # By no more rights than Grafana has.
    with running.client() as door, running.client(running.tokens(address)["grafana"]) as client:
        sources = Sources(client, prefix, reader, NOW)
        made = Network(store, registry, sources, door, lambda name: prefix + name)
        for medium in Medium:
            made.hear(medium, 5 * MINUTE)
        made.hear(Medium.AIR, 3 * HOUR)
        store.settle_hours(store.pending_hours(NOW))
        made.aggregate("hour", from_ms(_hour(HOUR)))
        made.aggregate("day", datetime(2026, 11, 22, 16, tzinfo=UTC))  # 23 November in the city
        _certificate(made, 300.0)
        note_round("alert_thresholds", NOW - MINUTE, registry=registry)
        note_round("network_health", NOW - 14 * MINUTE, registry=registry)
        yield made
        store.close()


@pytest.fixture
def network(servers: Servers) -> Iterator[Network]:
    with well(servers) as made:
        yield made


def _certificate(network: Network, days: float | None) -> None:
    seen = [Standing("mosquitto:8883", days, "", "", None)]
    keep_standings(network.registry, "certificate", seen, at=NOW - 5 * MINUTE)


def _last_round(dag: str, ago: timedelta) -> Callable[[Network], None]:
    return lambda network: note_round(dag, NOW - ago, registry=network.registry)


def _letter(network: Network, ago: timedelta, delivered: bool = False) -> None:
    with network.registry.session.begin() as session:
        session.add(
            OutboxItemRow(
                recipient="li.na",
                channel="webhook",
                channels="webhook",
                key=f"k{ago}",
                payload="{}",
                created=NOW - ago,
                next_attempt=NOW,
                delivered=NOW if delivered else None,
            )
        )


def _letters_on_their_way(network: Network) -> None:
    _letter(network, 14 * MINUTE)
    _letter(network, HOUR, delivered=True)


def _fail(network: Network, ago: timedelta) -> None:
    with network.registry.session.begin() as session:
        for _ in range(health.DOWN_AFTER):
            health.failed(session, "webhook", NOW - ago, "refused")


def _dead_letter(network: Network, code: str, ago: timedelta) -> None:
    letter = NewDeadLetter(
        topic="onenet/v1/air/air-1/data/json",
        sensor="air-1",
        raw=b"{}",
        arrived=NOW - ago,
        code=code,
        field="",
        value="",
        reason_zh="库拒收",
        reason_en="refused by the store",
        readings=1,
    )
    network.registry.add_dead_letters([letter])


def _silence_water(network: Network) -> None:
    """As if nobody of a medium had been heard: its bucket's points are taken away."""
    network.door.post(
        "/api/v2/delete",
        params={"org": influx.ORG, "bucket": network.bucket("observations")},
        json={
            "start": "2026-11-24T00:00:00Z",
            "stop": "2026-11-25T00:00:00Z",
            "predicate": '_measurement="water"',
        },
    ).raise_for_status()


def _lose(network: Network) -> None:
    network.hear(Medium.AIR, MINUTE, received={(SensorId("air-1"), _hour()): 2})


def _refuse(network: Network) -> None:
    key = (SensorId("air-1"), _hour())
    network.hear(Medium.AIR, MINUTE, received={key: 2}, dead_lettered={key: 1})


def _cut_off(network: Network) -> None:
    network.write_line(influx_lines.pending("2", _hour(), intent=3, version=2))


def _leave_waiting(network: Network) -> None:
    for hours in (2, 3, 4, 5):
        network.hear(Medium.SOIL, hours * HOUR)


def _nowhere(network: Network) -> None:
    network.sources = replace(
        network.sources,
        influx=httpx.Client(base_url="http://127.0.0.1:9", params={"org": influx.ORG}),
        registry="postgresql://nobody@127.0.0.1:9/registry",
    )


def _after(by: timedelta) -> Callable[[Network], None]:
    """Look again after a time in which the DAG did not run."""

    def later(network: Network) -> None:
        network.sources.now = NOW + by

    return later


WATER: Labels = (("medium", "water"),)
WEBHOOK: Labels = (("channel", "webhook"),)
BROKER: Labels = (("subject", "mosquitto:8883"),)
FAULTS: dict[str, tuple[Callable[[Network], None], list[Labels]]] = {
    "ingest-silent": (_silence_water, [WATER]),
    "account-difference": (_lose, [NONE]),
    "dead-letter-share": (_refuse, [NONE]),
    "store-refuses": (lambda n: _dead_letter(n, "store_refused", 5 * MINUTE), [NONE]),
    "writes-cut-off": (_cut_off, [NONE]),
    "store-answers": (_nowhere, [NONE]),
    "outbox-stuck": (lambda n: _letter(n, 16 * MINUTE), [NONE]),
    "channel-down": (lambda n: _fail(n, 20 * MINUTE), [WEBHOOK]),
    "registry-answers": (_nowhere, [NONE]),
    "hours-late": (_after(75 * MINUTE), [NONE]),
    "days-late": (_after(19 * HOUR), [NONE]),
    "late-data-waits": (_leave_waiting, [NONE]),
    "alerts-late": (_last_round("alert_thresholds", 11 * MINUTE), [NONE]),
    "watch-late": (_last_round("network_health", HOUR), [NONE]),
    "certificate-ends": (lambda n: _certificate(n, 20.5), [BROKER]),
    "certificate-ends-soon": (lambda n: _certificate(n, None), [BROKER]),
}
# What is not a fault yet.
HARMLESS: dict[str, Callable[[Network], None]] = {
    "store-refuses": lambda n: _dead_letter(n, "json_broken", 5 * MINUTE),
    "outbox-stuck": _letters_on_their_way,
    "channel-down": lambda n: _fail(n, 10 * MINUTE),
    "late-data-waits": lambda n: n.hear(Medium.SOIL, 30 * MINUTE),
    "hours-late": _after(50 * MINUTE),
    "certificate-ends": lambda n: _certificate(n, 22.0),
}


def test_no_rule_fires_while_the_network_is_well(network: Network) -> None:
    for key, rule in RULES.items():
        assert firing(rule, network.sources) == [], key


def test_each_rule_has_a_fault_that_it_tells() -> None:
    assert list(FAULTS) == list(RULES)


@pytest.mark.parametrize("key", FAULTS)
def test_a_rule_fires_for_its_fault(key: str, network: Network) -> None:
    assert firing(RULES[key], network.sources) == []
    plant, labels = FAULTS[key]
    plant(network)
    assert firing(RULES[key], network.sources) == labels


@pytest.mark.parametrize("key", HARMLESS)
def test_a_rule_is_silent_short_of_its_fault(key: str, network: Network) -> None:
    HARMLESS[key](network)
    assert firing(RULES[key], network.sources) == []


def test_a_network_where_nothing_ever_arrived_is_told_by_silence_alone(servers: Servers) -> None:
    running, reader, _ = servers
    prefix = running.clean().partition("prefix=")[2]
    with running.client() as client:
        empty = Sources(client, prefix, reader, NOW)
        of_store = {k: r for k, r in RULES.items() if "query" in r["data"][0]["model"]}
        told = {key: found for key, rule in of_store.items() if (found := firing(rule, empty))}
    assert set(told) == {"ingest-silent", "hours-late"}
    assert len(told["ingest-silent"]) == len(Medium)


def test_a_medium_is_silent_after_some_of_its_usual_cadences() -> None:
    city = City.demo()

    def of(cadence_s: int) -> City:
        sensors = [s.model_copy(update={"cadence_s": cadence_s}) for s in city.sensors]
        return replace(city, sensors=tuple(sensors))

    assert set(windows(of(7200)).values()) == {3 * 120}
    assert set(windows(of(1)).values()) == {10}
    assert set(windows(replace(city, sensors=()))) == set(Medium)
