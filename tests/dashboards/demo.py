"""Two days of the demo city in real stores, with something of everything that a board can show.

InfluxDB holds observations, aggregates, verdicts and the account; PostgreSQL the registry with
alerts, delivery, refusals, permits and standings. What the demo's sensors do not measure is
measured by some more, and some are never heard, so that no panel is empty for want of a sensor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts import health
from dashboards import City
from network import rejudge_pending
from network.standings import note_round, stand
from registry import NewDeadLetter, Registry, migrate, open_registry, seed_demo_city
from registry.models import OutboxItemRow
from registry.standings import Standing, keep_standings
from schemas import (
    CITY_TIME,
    FlaggedReading,
    Interval,
    Medium,
    Period,
    SensorId,
    SeriesTags,
    StationId,
)
from schemas.registry import Sensor
from storage import open_store
from tests.city import measured
from tests.network.alerted import add_alert
from tests.postgres import url

START = datetime(2026, 11, 22, tzinfo=CITY_TIME).astimezone(UTC)
SPAN = Interval(START, START + timedelta(days=2, hours=9))
NOW = SPAN.end
RAW = timedelta(hours=2)
# Where the additional sensors stand: on land, at a river, in a bay.
SEEN = {
    Medium.NOISE: ("st-noise-huaqiangbei",),
    Medium.AIR: ("st-air-lianhua",),
    Medium.WATER: ("st-river-gonghe", "st-sea-shenzhen-bay"),
    Medium.SOIL: ("st-soil-lianhua",),
}
SUSPECT = 33  # a spike


def registry_of(server: dict[str, str]) -> Registry:
    """The registry with the demo city and the additional sensors."""
    migrate(url(server, "registry", "registry"))
    registry = open_registry(url(server, "registry", "registry"))
    seed_demo_city(registry)
    registry.add(sensors=[*additional(City.of(registry)), *mute(City.of(registry))])
    return registry


def additional(city: City) -> Iterator[Sensor]:
    stations = {s.id: s for s in city.stations}
    for medium, places in SEEN.items():
        by_government = Counter(
            key
            for sensor in city.sensors
            if sensor.medium == medium and stations[sensor.station].enterprise is None
            for key in sensor.parameters
        )
        rare = [p.key for p in city.catalogue.of_medium(medium) if by_government[p.key] < 3]
        for place in places if rare else ():
            assert stations[StationId(place)].medium == medium
            yield Sensor(
                id=SensorId(f"{place.removeprefix('st-')}-more-1"),
                station=StationId(place),
                medium=medium,
                model="test",
                serial=f"more-{place}",
                parameters=tuple(rare),
                cadence_s=600,
            )


def mute(city: City) -> Iterator[Sensor]:
    """A sensor of each district that is never heard."""
    for place in city.districts:
        at = next((s for s in city.stations if s.district == place.id), None)
        if at is not None:
            yield Sensor(
                id=SensorId(f"{at.id.removeprefix('st-')}-mute-1"),
                station=at.id,
                medium=at.medium,
                model="test",
                serial=f"mute-{place.id}",
                parameters=tuple(p.key for p in city.catalogue.of_medium(at.medium)[:1]),
                cadence_s=60,
            )


def readings_of(city: City) -> list[FlaggedReading]:
    """What all sensors measured; one reading of each, in the last hours, is suspect."""
    found = []
    stations = {s.id: s for s in city.stations}
    window = Interval(START, NOW)
    for sensor in city.sensors:
        at = stations[sensor.station]
        tags = SeriesTags(sensor.medium, at.id, at.district, at.subdistrict or "")
        own = list(measured(sensor, window) if sensor.source else _made_up(sensor, city))
        found += [replace(one, tags=tags) for one in own]
        late = [n for n, one in enumerate(own) if one.ts_ms >= _ms(NOW - timedelta(hours=1))]
        if late:
            n = len(found) - len(own) + late[0]
            found[n] = replace(found[n], quality=dict.fromkeys(found[n].values, SUSPECT))
    return found


def _made_up(sensor: Sensor, city: City) -> Iterator[FlaggedReading]:
    """A slow saw tooth in the lower part of each parameter's range."""
    if not sensor.id.endswith("-more-1"):
        return
    for n, t in enumerate(range(_ms(START), _ms(NOW), sensor.cadence_s * 1000)):
        values = {}
        for key in sensor.parameters:
            low, high = city.catalogue[key].range
            values[key] = low + (high - low) * (0.1 + 0.001 * (n % 50))
        yield FlaggedReading(sensor.id, t, values, {}, t)


def fill_store(store_url: str, token: str, city: City, registry: Registry, home: Path) -> None:
    """Judged in the embedded store, whose rows are those of the other (see test_two_stores)."""
    made, shown = open_store(f"sqlite:///{home}/o.db"), open_store(store_url, token=token)
    readings = readings_of(city)
    made.write(readings)
    rejudge_pending(NOW + timedelta(minutes=5), store=made, registry=registry)
    wide = Interval(START - timedelta(days=2), NOW + timedelta(days=2))
    for period in (Period.HOUR, Period.DAY, Period.DAYTIME, Period.NIGHT):
        shown.write_aggregates(made.read_aggregates(wide, period=period))
    last = _ms(Interval.hour(NOW - timedelta(minutes=1)).start)
    first = city.sensors[0].id
    shown.write(
        [one for one in readings if one.ts_ms >= _ms(NOW - RAW)],
        received={(first, last): 2},
        dead_lettered={(first, last): 1},
    )
    stand(NOW, store=made, registry=registry)
    made.close()
    shown.close()


def fill_registry(registry: Registry, city: City) -> None:
    """Alerts of every medium and at every enterprise, letters on their way, a channel that is down,
    refusals, and a certificate."""
    done = {"acknowledged": NOW, "dispatched": NOW, "arrived": NOW}
    for number, sensor in enumerate(city.sensors):
        medium, key = sensor.medium, sensor.parameters[0]
        started = NOW - timedelta(minutes=30 + number)
        of = {"medium": str(medium), "parameter": str(key), "subject": sensor.id}
        if number % 3 == 0:
            of |= {**done, "closed": NOW - timedelta(minutes=1), "outcome": "unfounded"}
        severity = ("red", "orange", "yellow", "blue")[number % 4]
        add_alert(registry, sensor=sensor.id, severity=severity, started=started, **of)
    with registry.session.begin() as session:
        for number in range(3):
            session.add(
                OutboxItemRow(
                    recipient="li.na",
                    channel="webhook",
                    channels="webhook,email",
                    key=f"k{number}",
                    payload="{}",
                    created=NOW - timedelta(hours=number),
                    attempts=number,
                    next_attempt=NOW,
                    delivered=None if number else NOW,
                )
            )
        for _ in range(health.DOWN_AFTER):
            health.failed(session, "webhook", NOW - timedelta(minutes=20), "refused")
    registry.add_dead_letters(
        [
            NewDeadLetter(
                topic="onenet/v1/air/x/data/json",
                sensor=city.sensors[0].id,
                raw=b"{",
                arrived=NOW - timedelta(minutes=5),
                code="json_broken",
                field="payload",
                value="{",
                reason_zh="报文不完整",
                reason_en="not complete JSON",
                readings=1,
                refused=(),
            )
        ]
    )
    keep_standings(
        registry, "certificate", [Standing("mosquitto:8883", 300.0, "", "", None)], at=NOW
    )
    note_round("alert_thresholds", NOW, registry=registry)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
