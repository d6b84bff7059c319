"""Observations over both stores: what is answered, in which order, and how little is read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from itertools import count
from typing import Any

import polars as pl
import pytest

from console.sensorthings import scanning, windows
from console.sensorthings.entities import Entities
from console.sensorthings.model import SETS
from console.sensorthings.observed import Observed
from console.sensorthings.options import read_options
from console.sensorthings.scanning import Page, Scan, Scope
from console.sensorthings.windows import ExtentsKept
from registry import devices
from schemas import Interval, to_ms
from schemas.ids import StationId
from storage import Store
from tests.sensorthings.service import AIR, LAEQ, NOISE, RIVER, T0, Service, reading

STREAM = f"/Datastreams('{LAEQ}')/Observations"
PER_CHANNEL = {
    LAEQ: 1440, f"{NOISE}:lmax": 1440, f"{AIR}:pm25": 264, f"{AIR}:no2": 264,
    f"{RIVER}:ph": 24, f"{RIVER}:do": 24,
}  # fmt: skip


def at(minute: float) -> str:
    return (T0 + timedelta(minutes=minute)).isoformat(timespec="milliseconds")[:-6] + "Z"


def results(service: Service, path: str, **options: str) -> list[Any]:
    return [each["result"] for each in service.all(path, **options)]


# What an Observation is


def test_an_observation_has_its_value_time_and_quality(both: Service) -> None:
    first = both.get(STREAM, top="1")["value"][0]
    assert first["@iot.id"] == f"{LAEQ}:{to_ms(T0)}"
    assert (first["phenomenonTime"], first["resultTime"]) == (at(0), at(0))
    assert first["result"] == 50.0
    assert first["resultQuality"]["flag"] == 1
    assert first["parameters"] == {"cadence_s": 60}


def test_bad_and_missing_values_are_delivered_with_their_quality(both: Service) -> None:
    bad = both.all(STREAM, filter="resultQuality/flag eq 4", count="true")
    assert len(bad) == 24
    assert {(each["resultQuality"]["meaning"], each["resultQuality"]["test"]) for each in bad} == {
        ("bad", "spike")
    }
    path = f"/Datastreams('{AIR}:no2')/Observations"
    missing = both.all(path, filter="result eq null")
    assert len(missing) == 22
    assert {each["resultQuality"]["flag"] for each in missing} == {9}
    assert both.ids(path, filter="resultQuality/meaning eq 'missing'") == [
        each["@iot.id"] for each in missing
    ]


def test_an_observation_is_found_by_its_id_and_leads_on(both: Service) -> None:
    one = both.get(f"/Observations('{AIR}:pm25:{to_ms(T0)}')", expand="Datastream/Thing")
    assert one["result"] == 10.0
    assert one["Datastream"]["Thing"]["@iot.id"] == AIR
    feature = both.get(f"/Observations('{AIR}:pm25:{to_ms(T0)}')/FeatureOfInterest")
    assert feature["@iot.id"] == "st-air-lianhua"
    both.refused(f"/Observations('{AIR}:pm25:{to_ms(T0) + 1}')", 404)


def test_all_observations_are_told_once(both: Service) -> None:
    ids = both.ids("/Observations", top="700")
    assert len(ids) == len(set(ids)) == sum(PER_CHANNEL.values())
    counts = both.store.count_observations()
    assert counts["count"].sum() == len(ids)
    for channel, expected in PER_CHANNEL.items():
        page = both.get(f"/Datastreams('{channel}')/Observations", count="true", top="0")
        assert page["@iot.count"] == expected
    feature = both.get("/FeaturesOfInterest('st-noise-dongmen')/Observations", count="true")
    assert feature["@iot.count"] == 2880


# Order


def test_the_oldest_come_first_and_the_newest_when_asked_for(both: Service) -> None:
    times = [each["phenomenonTime"] for each in both.all("/Observations", top="1000")]
    assert times == sorted(times)
    newest = both.all("/Observations", top="1000", orderby="phenomenonTime desc")
    assert [each["phenomenonTime"] for each in newest] == times[::-1]
    assert both.get(STREAM, top="1", orderby="resultTime desc")["value"][0]["result"] == 79.0


def test_any_order_is_total_and_the_same_by_pages(both: Service) -> None:
    for order in (
        "result,phenomenonTime desc",
        "Datastream/ObservedProperty/name desc,resultQuality/flag,result desc",
        "phenomenonTime desc,Datastream/name desc",
    ):
        whole = both.ids("/Observations", orderby=order, top="1000")
        paged = both.ids("/Observations", orderby=order, top="900")
        assert paged == whole, order
        assert len(set(paged)) == sum(PER_CHANNEL.values())


def test_results_are_in_order_and_what_is_nothing_is_last(both: Service) -> None:
    path = f"/Datastreams('{AIR}:no2')/Observations"
    for way in ("asc", "desc"):
        values = results(both, path, orderby=f"result {way}", top="50")
        there = [value for value in values if value is not None]
        assert there == sorted(there, reverse=way == "desc")
        assert values[len(there) :] == [None] * 22


# Filters, against the table as it stands in the store


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("phenomenonTime ge {60} and phenomenonTime lt {120}", "60 <= minute < 120"),
        ("phenomenonTime gt {60} and phenomenonTime le {120}", "60 < minute <= 120"),
        ("phenomenonTime eq {60}", "minute == 60"),
        ("{60} gt phenomenonTime", "minute < 60"),
        ("not (phenomenonTime ge {60})", "minute < 60"),
        ("phenomenonTime lt {60} or phenomenonTime ge {1380}", "minute < 60 or minute >= 1380"),
        ("phenomenonTime gt 2026-11-24T09:00:00.0001+08:00", "minute > 60"),
        ("phenomenonTime lt {60} sub duration'PT30M'", "minute < 30"),
        ("hour(phenomenonTime) eq 5 and minute(resultTime) lt 10", "300 <= minute < 310"),
        ("result gt 80", "value > 80"),
        ("result add 10 ge 89 and Datastream/@iot.id eq '{laeq}'",
         "value >= 79 and parameter == 'laeq'"),
        ("Datastream/ObservedProperty/@iot.id eq 'ph'", "parameter == 'ph'"),
        ("Datastream/Thing/properties/medium eq 'water' and result lt 7", "parameter == 'do'"),
        ("Datastream/Thing/Locations/@iot.id eq 'st-air-lianhua'", "sensor == 'air-lianhua-1'"),
        ("FeatureOfInterest/@iot.id eq 'st-air-lianhua'", "sensor == 'air-lianhua-1'"),
        ("Datastream/unitOfMeasurement/symbol eq 'dB(A)' and phenomenonTime lt {1}",
         "minute < 1 and parameter in ('laeq', 'lmax')"),
        ("resultQuality/test eq 'spike' or result eq null", "quality in (34, 69)"),
        ("parameters/cadence_s eq 900 and phenomenonTime lt {61}",
         "minute < 61 and parameter in ('ph', 'do')"),
        ("id eq '{laeq}:1795478400000'", "minute == 0 and parameter == 'laeq'"),
        ("Datastream/phenomenonTime lt 2026-11-24T23:30:00Z", "parameter in ('ph', 'do')"),
        ("phenomenonTime lt {60} and phenomenonTime gt {60}", "False"),
        ("phenomenonTime gt now() add duration'P1000D'", "False"),
        ("phenomenonTime lt maxdatetime() and phenomenonTime gt mindatetime()", "True"),
        ("5 gt 6", "False"),
    ],
)  # fmt: skip
def test_a_filter_tells_what_the_store_has(both: Service, text: str, condition: str) -> None:
    for minute in (1, 60, 61, 120, 1380):
        text = text.replace(f"{{{minute}}}", at(minute))
    text = text.replace("{laeq}", LAEQ)
    stored = both.store.read(Interval(T0, T0 + timedelta(days=1)))
    rows = stored.with_columns(minute=(pl.col("ts") - T0).dt.total_minutes())
    expected = {
        f"{row['sensor']}:{row['parameter']}:{to_ms(row['ts'])}"
        for row in rows.iter_rows(named=True)
        if (row["value"] is not None or "value" not in condition) and eval(condition, {}, row)
    }
    found = both.ids("/Observations", filter=text, top="1000")
    assert set(found) == expected
    assert len(found) == len(expected)
    counted = both.get("/Observations", filter=text, count="true", top="0")
    assert counted["@iot.count"] == len(expected)
    backwards = both.ids("/Observations", filter=text, top="1000", orderby="phenomenonTime desc")
    assert set(backwards) == expected


def test_skip_and_top_of_observations(both: Service) -> None:
    everything = results(both, STREAM, top="1000")
    assert results(both, STREAM, skip="1430", top="1000") == everything[1430:]
    page = both.get(STREAM, skip="100", top="3", orderby="phenomenonTime desc")
    assert [each["result"] for each in page["value"]] == everything[::-1][100:103]
    assert both.get(STREAM, skip="5000")["value"] == []


# Pages hold still while data arrive


def test_what_arrives_meanwhile_neither_repeats_nor_pushes_out_a_row(own: Service) -> None:
    before, fresh = own.ids(STREAM, top="1000"), count(1)
    for order in ("phenomenonTime asc", "phenomenonTime desc", "result desc", "result"):
        told: list[str] = []
        for page in own.pages(STREAM, orderby=order, top="400"):
            told += [each["@iot.id"] for each in page["value"]]
            seconds = timedelta(seconds=next(fresh))
            early, late = T0 - seconds, T0 + timedelta(days=1) + seconds
            own.store.write([reading(NOISE, moment, laeq=65.5) for moment in (early, late)])
        assert len(told) == len(set(told))
        assert set(before) <= set(told), order
        before = own.ids(STREAM, top="1000")


# How little is read


class Spied:
    """A store that notes how much is read of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.read_rows = 0
        self.windows: list[Interval] = []

    def read(
        self,
        window: Interval,
        *,
        sensors: Collection[str] | None = None,
        parameters: Collection[str] | None = None,
    ) -> pl.DataFrame:
        found = self._store.read(window, sensors=sensors, parameters=parameters)
        if sensors:
            self.windows.append(window)
            self.read_rows += found.height
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def page_of(service: Service, query: str, scope: Scope = Scope()) -> tuple[Page, Spied]:
    spied = Spied(service.store)
    kept = ExtentsKept(service.store)
    observed = Observed(spied, Entities(service.registry), kept)  # type: ignore[arg-type]
    return Scan(observed, scope, read_options(query, SETS["Observations"])).page(), spied


ONE = Scope(datastreams=frozenset([LAEQ]))


def test_the_newest_is_found_without_reading_the_day(both: Service) -> None:
    page, spied = page_of(both, "$orderby=phenomenonTime desc&$top=1", ONE)
    assert page.rows["value"].to_list() == [79.0]
    assert spied.read_rows <= 5
    assert len(spied.windows) == 1


def test_a_page_reads_about_what_it_tells(both: Service) -> None:
    page, spied = page_of(both, "$top=100", ONE)
    assert page.rows.height == 100
    assert spied.read_rows < 200
    _, further = page_of(both, f"$top=100&$skiptoken={page.token}", ONE)
    assert further.read_rows < 250
    assert further.windows[0].start >= T0 + timedelta(minutes=99)


def test_a_span_of_time_is_the_stores_window(both: Service) -> None:
    text = f"phenomenonTime ge {at(300)} and phenomenonTime lt {at(310)} and result gt 0"
    page, spied = page_of(both, f"$filter={text}&$top=1000", ONE)
    assert page.rows.height == spied.read_rows == 10
    assert spied.windows[0].start == T0 + timedelta(minutes=300)
    assert spied.windows[-1].end == T0 + timedelta(minutes=310)


def test_a_filter_on_datastreams_chooses_what_is_read(both: Service) -> None:
    page, spied = page_of(both, "$filter=Datastream/ObservedProperty/@iot.id eq 'ph'&$top=1000")
    assert page.rows.height == spied.read_rows == 24
    _, nothing = page_of(both, "$filter=Datastream/ObservedProperty/@iot.id eq 'none'&$top=5")
    assert nothing.windows == []


def test_counting_by_time_and_channel_reads_nothing(both: Service) -> None:
    page, spied = page_of(both, f"$filter=phenomenonTime lt {at(60)}&$count=true&$top=0")
    assert page.count == 60 * 2 + 12 * 2 + 2
    assert spied.windows == []


def test_a_gap_is_a_step_and_not_a_thousand_windows(own: Service) -> None:
    long_ago = T0 - timedelta(days=500)
    own.store.write([reading("noise-xinan-1", long_ago, laeq=1.0)])
    page, spied = page_of(own, "$top=3")
    assert page.rows["ts"].to_list() == [long_ago, T0, T0]
    assert len(spied.windows) < 12
    back, spied = page_of(own, f"$orderby=phenomenonTime desc&$filter=phenomenonTime le {at(0)}")
    assert back.rows["ts"].min() == long_ago
    assert len(spied.windows) < 40


def test_what_came_since_the_ends_were_asked_for_is_found(
    own: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "FEW", 0)  # as of a city, whose ends are kept for a while
    before = own.ids("/Observations", top="1000")
    early, late = T0 - timedelta(days=3), T0 + timedelta(days=3)
    own.store.write([reading(RIVER, early, ph=7.5), reading("noise-xili-1", late, laeq=44.0)])
    found = own.ids("/Observations", top="1000")
    new = [f"{RIVER}:ph:{to_ms(early)}", f"noise-xili-1:laeq:{to_ms(late)}"]
    assert found == [new[0], *before, new[1]]
    backwards = own.ids("/Observations", orderby="phenomenonTime desc", top="1000")
    assert backwards[0] == new[1]
    assert backwards[-1] == new[0]
    assert len(backwards) == len(found)


# Bounds


def test_a_search_that_finds_little_stops_and_goes_on_by_its_link(
    both: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MOST_SCANNED", 300)
    monkeypatch.setattr(windows, "MOST_IN_A_WINDOW", 100)
    for order in ("phenomenonTime", "phenomenonTime desc"):
        pages = list(both.pages(STREAM, filter="result eq 79", orderby=order, top="1000", skip="3"))
        assert len(pages) > 3
        found = [each["@iot.id"] for page in pages for each in page["value"]]
        assert len(found) == len(set(found)) == 48 - 3


def test_sorting_and_counting_too_much_is_refused_with_a_remedy(
    both: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MOST_SORTED", 1000)
    monkeypatch.setattr(scanning, "MOST_SCANNED", 1000)
    assert "narrow phenomenonTime" in both.refused(STREAM, 400, orderby="result")
    assert "narrow phenomenonTime" in both.refused(STREAM, 400, filter="result gt 60", count="true")
    narrow = f"phenomenonTime lt {at(900)}"
    assert both.get(STREAM, filter=narrow, orderby="result", top="1")["value"][0]["result"] == 50.0


# Sensors that were moved


def test_an_observation_stays_where_its_sensor_stood(own: Service) -> None:
    moved_at = T0 + timedelta(hours=12)
    target = own.registry.stations()[StationId("st-noise-huaqiangbei")]
    devices.move(
        own.registry, NOISE, station=target.id, lon=target.lon, lat=target.lat,
        by="cli:test", at=moved_at, why="test",
    )  # fmt: skip
    old = "/FeaturesOfInterest('st-noise-dongmen')/Observations"
    new = f"/FeaturesOfInterest('{target.id}')/Observations"
    times = [each["phenomenonTime"] for each in own.all(old, top="1000")]
    assert len(times) == 2 * 720
    assert max(times) < at(720)
    assert own.get(new, count="true", top="1")["@iot.count"] == 2 * 720
    first = own.get(STREAM, top="1", expand="FeatureOfInterest")["value"][0]
    assert first["FeatureOfInterest"]["@iot.id"] == "st-noise-dongmen"
    found = own.get("/Observations", count="true", top="0",
                    filter=f"FeatureOfInterest/@iot.id eq '{target.id}'")  # fmt: skip
    assert found["@iot.count"] == 2 * 720
    stays = own.get(f"/Things('{NOISE}')/HistoricalLocations", expand="Locations")["value"]
    assert [each["Locations"][0]["@iot.id"] for each in stays] == ["st-noise-dongmen", target.id]
    assert stays[-1]["time"] == at(720)
    assert own.get(f"/Things('{NOISE}')/Locations")["value"][0]["@iot.id"] == target.id
