"""A client that we did not write, frost-sta-client, walks the service over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import frost_sta_client as frost
import pytest

from tests.sensorthings.service import AIR, LAEQ, NOISE, ROOT, Service
from tests.serving import serving


@pytest.fixture(scope="module")
def walked(both: Service) -> Iterator[tuple[frost.SensorThingsService, Service]]:
    with serving(both.app) as address:
        yield frost.SensorThingsService(address + ROOT), both


Walked = tuple[frost.SensorThingsService, Service]


def test_the_client_lists_every_set(walked: Walked) -> None:
    service, ours = walked
    sensors = ours.registry.sensors()
    assert [each.id for each in service.things().query().list()] == sorted(sensors)
    streams = list(service.datastreams().query().list())
    assert len(streams) == sum(len(sensor.parameters) for sensor in sensors.values())
    units = {each.id: each.unit_of_measurement.symbol for each in streams}
    assert units[LAEQ] == "dB(A)"
    locations = list(service.locations().query().top(7).list())
    assert len(locations) == len(ours.registry.stations())
    assert locations[0].location["type"] == "Point"
    assert len(list(service.observed_properties().query().list())) > 30
    assert {each.id for each in service.sensors().query().list()} == {
        sensor.model for sensor in sensors.values()
    }
    assert list(service.historical_locations().query().list())
    assert list(service.features_of_interest().query().list())


def test_the_client_follows_the_pages_to_the_end_and_counts_what_the_store_has(
    walked: Walked,
) -> None:
    service, ours = walked
    counts = {
        f"{sensor}:{parameter}": count
        for sensor, parameter, count in ours.store.count_observations().rows()
    }
    for channel in (LAEQ, f"{AIR}:no2"):
        stream = service.datastreams().find(channel)
        listed = stream.get_observations().query().top(500).count().list()
        assert listed.count == counts[channel]
        ids = [each.id for each in listed]
        assert len(ids) == len(set(ids)) == counts[channel]
    everything = service.observations().query().top(1000).count().list()
    assert everything.count == sum(counts.values())
    assert sum(1 for _ in everything) == everything.count


def test_the_client_filters_orders_and_expands(walked: Walked) -> None:
    service, _ = walked
    found = (
        service.datastreams()
        .query()
        .filter("ObservedProperty/@iot.id eq 'laeq' and Thing/name eq 'noise-dongmen-1'")
        .expand("Thing($expand=Locations),Sensor,ObservedProperty,"
                "Observations($orderby=phenomenonTime desc;$top=2)")
        .list()
    )  # fmt: skip
    (stream,) = list(found)
    assert stream.thing.id == NOISE
    assert stream.thing.locations.entities[0].name.endswith("Dongmen Road")
    assert stream.sensor.id == "NM-S1"
    assert stream.observed_property.id == "laeq"
    assert [each.result for each in stream.observations.entities] == [79.0, 78.0]
    loud = (
        service.observations()
        .query()
        .filter("result gt 88 and Datastream/Thing/name eq 'noise-dongmen-1'")
        .orderby("phenomenonTime", "DESC")
        .top(10)
        .list()
    )
    times = [each.phenomenon_time for each in loud]
    assert len(times) == 48
    assert times == sorted(times, reverse=True)


def test_the_client_finds_one_and_goes_on_from_it(walked: Walked) -> None:
    service, _ = walked
    thing = service.things().find(NOISE)
    assert thing.name == NOISE
    assert [each.id for each in thing.get_datastreams().query().list()] == [LAEQ, f"{NOISE}:lmax"]
    observation = service.observations().find(f"{LAEQ}:1795478400000")
    assert observation.result == 50.0
    assert observation.result_quality["flag"] == 1
