"""The boards' questions put to a real InfluxDB that holds a small, known hour."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import polars as pl
import pytest

from dashboards import (
    BOARDS,
    City,
    accounts,
    enterprise_queries,
    queries,
    sensors,
    station_queries,
)
from dashboards.limit_lines import limit_lines
from dashboards.medium import area_names
from dashboards.places import station_places
from schemas import (
    FlaggedReading,
    Level,
    Medium,
    ParameterKey,
    SensorId,
    SeriesTags,
    catalogue,
)
from schemas.observation import AGGREGATES
from storage import open_store
from tests import influx
from tests.dashboards.conftest import queries_of

pytestmark = pytest.mark.influx

HOUR = datetime(2026, 11, 24, 8, tzinfo=UTC)
NOW = HOUR + timedelta(hours=1)
ISO = "%Y-%m-%dT%H:%M:%SZ"
LAEQ = ParameterKey("laeq")
CHOSEN = "(futian|st-noise-huaqiangbei|st-noise-dongmen)"
LOUD, QUIET = "noise-huaqiangbei-1", "noise-dongmen-1"
OUTFALL = "st-outfall-songgang-plating"  # whose permit allows 40 mg/L of COD
HOSTILE = 'a"b\\c${console}\n[[x]] v.bucket 站'

Rows = list[dict[str, str]]
Ask = Callable[..., Rows]


def at(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def reading(sensor: str, moment: datetime, value: float | None, quality: int = 1) -> FlaggedReading:
    station = "st-" + sensor.removesuffix("-1")
    tags = SeriesTags("noise", station, "futian", "lianhua")
    return FlaggedReading(
        SensorId(sensor), at(moment), {LAEQ: value}, {LAEQ: quality}, at(HOUR), tags
    )


READINGS = [
    reading(LOUD, HOUR, 51.0),
    reading(LOUD, HOUR, 50.0),  # corrected: the earlier one is kept, and is no reading any more
    reading(LOUD, HOUR + timedelta(seconds=10), 60.0, quality=2),
    reading(LOUD, HOUR + timedelta(seconds=20), 130.0, quality=33),
    reading(LOUD, NOW - timedelta(seconds=60), None, quality=69),
    reading(QUIET, HOUR, 55.0),
]


def hour(
    level: str,
    subject: str,
    valid: bool,
    value: float | None,
    back: int = 0,
    parameter: str = LAEQ,
) -> tuple[Any, ...]:
    start = HOUR - timedelta(hours=back)
    reason = "" if valid else "incomplete"
    numbers = (value, value, value, 1, 1, 1.0 if valid else 0.5)
    about = (valid, reason, "energy", "HJ663-2026")
    return (level, subject, parameter, "hour", start, *numbers, *about)


HOURS = [
    hour("station", "st-noise-huaqiangbei", True, 57.0),
    hour("station", "st-noise-huaqiangbei", False, 99.0, back=1),
    hour("station", "st-noise-dongmen", False, None),
    hour("city", "city", True, 54.3),
    hour("station", OUTFALL, True, 55.0, parameter="cod"),
    hour("station", OUTFALL, True, 40.0, back=1, parameter="cod"),
    hour("station", OUTFALL, False, 99.0, back=2, parameter="cod"),
]


def fill(url: str, token: str) -> None:
    """The small city hour, through the store's own door; two workers' accounts are wrong."""
    store = open_store(url, token=token)
    for one in READINGS:
        store.write([one])
    store.write_aggregates(pl.DataFrame(HOURS, schema=AGGREGATES, orient="row"))
    store.write([], received={(SensorId(LOUD), at(HOUR)): 1})
    store.close()
    other = open_store(f"{url}&worker=2", token=token)
    early = at(HOUR - timedelta(hours=1))
    other.write(
        [], received={(SensorId(LOUD), early): 0}, dead_lettered={(SensorId(LOUD), early): 1}
    )
    other.close()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Put a query as Grafana would, its variables filled in; the answer's rows."""
    with influx.influx(tmp_path_factory.mktemp("influx")) as running:
        url = running.clean()
        prefix = url.partition("prefix=")[2]
        fill(url, running.token)
        client = httpx.Client(
            base_url=running.http,
            headers={"Authorization": f"Token {running.tokens(url)['grafana']}"},
            params={"org": influx.ORG},
            timeout=60,
        )

        def put(flux: str) -> Rows:
            filled = flux.replace("v.timeRangeStart", f"{HOUR - timedelta(hours=3):{ISO}}")
            filled = filled.replace("v.timeRangeStop", f"{NOW:{ISO}}")
            filled = filled.replace("v.windowPeriod", "1m0s")
            filled = filled.replace("${parameter:regex}", LAEQ)
            filled = re.sub(r"\$\{\w+:regex\}", CHOSEN, filled)
            filled = filled.replace('bucket: "', f'bucket: "{prefix}')
            answer = client.post(
                "/api/v2/query",
                content=filled.encode(),
                headers={"Content-Type": "application/vnd.flux", "Accept": "application/csv"},
            )
            assert answer.status_code == 200, f"{answer.text}\n{filled}"
            rows: Rows = []
            for part in answer.text.replace("\r\n", "\n").split("\n\n"):
                rows += csv.DictReader(io.StringIO(part))
            assert not any("error" in row for row in rows), rows
            return rows

        yield put
        client.close()


@pytest.mark.parametrize("uid", BOARDS)
def test_every_question_of_a_board_is_answered(uid: str, ask: Ask, boards: dict[str, Any]) -> None:
    for _, flux in queries_of(boards[uid]):
        ask(flux)


def test_sound_of_a_minute_is_its_energy_mean_without_the_suspect(ask: Ask, city: City) -> None:
    rows = ask(queries.raw(catalogue()["laeq"], Medium.NOISE, city.of_medium(Medium.NOISE)))
    loud = [float(row["_value"]) for row in rows if LOUD in row["series"]]
    assert loud == [pytest.approx(57.404, abs=0.001)]


def test_an_invalid_hour_is_no_figure_but_is_shown_as_invalid(ask: Ask, city: City) -> None:
    stations = city.of_medium(Medium.NOISE)
    names = queries.names_of(stations)
    drawn = ask(queries.hours("laeq", names, levels=[Level.STATION], subject=queries.SUBJECT))
    assert [float(row["_value"]) for row in drawn] == [57.0]
    states = {(r["series"], r["_time"], r["_value"]) for r in ask(queries.validity(stations))}
    assert len(states) == 3
    assert sorted(state for _, _, state in states) == ["false", "false", "true"]
    listed = ask(queries.invalid_hours(stations, queries.one_of(["laeq"])))
    assert {(r["station"], r["hours"], r["reason"]) for r in listed} == {
        ("st-noise-huaqiangbei", "1", "incomplete"),
        ("st-noise-dongmen", "1", "incomplete"),
    }
    assert ask(queries.invalid_count(Level.STATION))[0]["_value"] == "3"


def test_the_city_now_is_one_row_with_a_column_a_parameter(ask: Ask, city: City) -> None:
    [row] = ask(queries.area_values([Level.CITY], ["laeq", "lmax"], area_names(city)))
    assert (row["area"], float(row["laeq"])) == ("全市 City", 54.3)


def test_differences_of_the_account_do_not_cancel(ask: Ask) -> None:
    assert ask(accounts.difference())[0]["_value"] == "2"
    by_hour = [int(row["_value"]) for row in ask(accounts.difference_by_hour())]
    assert by_hour == [-1, 1]
    totals = {part: ask(accounts.total(part))[0]["_value"] for part in ("received", "stored")}
    assert totals == {"received": "7", "stored": "6"}


def test_silent_sensors_are_those_unheard_and_those_never_heard(ask: Ask, city: City) -> None:
    rows = {row["sensor"]: int(row["silent"]) for row in ask(sensors.silent(city, chosen="true"))}
    assert LOUD not in rows  # a reading of missing values is a reading
    assert rows[QUIET] == 3600
    assert rows["noise-yuehai-1"] > 1_000_000_000
    assert ask(sensors.silent_count(city, chosen="true"))[0]["silent"] == str(len(rows))
    heard = {row["station"]: float(row["late"]) for row in ask(sensors.reporting(city))}
    assert heard == {"st-noise-huaqiangbei": 1.0, "st-noise-dongmen": 60.0}


def test_flags_and_their_causes_are_counted(ask: Ask) -> None:
    rows = ask(sensors.flagged(Medium.NOISE, ["laeq", "lmax"]))
    assert {(r["sensor"], r["parameter"], r["flag"], r["cause"], r["readings"]) for r in rows} == {
        (LOUD, "laeq", "3", "3", "1"),
        (LOUD, "laeq", "9", "6", "1"),
    }


def test_a_corrected_reading_is_one_reading(ask: Ask) -> None:
    minutes = [float(row["_value"]) for row in ask(sensors.readings_per_minute())]
    assert minutes == [4.0, 1.0]
    shares = [float(row["_value"]) for row in ask(sensors.flagged_share())]
    assert shares == [0.25, 1.0]


def test_a_hostile_name_is_a_name_and_nothing_else(ask: Ask, city: City) -> None:
    stations = tuple(
        s.model_copy(update={"zh": HOSTILE}) if s.id == "st-noise-dongmen" else s
        for s in city.stations
    )
    rows = {row["station"]: row["name"] for row in ask(station_places(stations))}
    assert rows["st-noise-dongmen"] == f"{HOSTILE} Dongmen Road"
    assert len(rows) == len(city.stations)
    assert ask(sensors.silent(replace(city, stations=stations)))


def of(flux: str, station: str, parameter: str = LAEQ) -> str:
    return flux.replace("${station:regex}", station).replace("${parameter:regex}", parameter)


def test_hours_above_a_permit_are_the_valid_ones_above_its_limit(ask: Ask, city: City) -> None:
    [row] = ask(of(enterprise_queries.over_permit(city), OUTFALL))
    assert (row["station"], row["parameter"], row["limit"]) == (OUTFALL, "cod", "40")
    assert (row["highest"], row["hours"], row["over"]) == ("55", "2", "1")
    assert ask(of(enterprise_queries.over_permit(city), "st-outfall-maozhou-wwtp")) == []


def test_a_permits_limit_is_a_line_at_its_own_station(ask: Ask, city: City) -> None:
    own = enterprise_queries.own_stations(city)
    flux = limit_lines(catalogue()["cod"], own, city)
    assert flux is not None
    rows = ask(of(flux, OUTFALL))
    assert {(row["series"], row["_value"]) for row in rows} == {
        ("许可限值 松岗示例电镀厂排口 / permit limit, Songgang Plating Outfall", "40")
    }


def test_a_stations_readings_are_sampled_without_the_suspect(ask: Ask, city: City) -> None:
    rows = ask(of(station_queries.sampled(city), "st-noise-huaqiangbei"))
    assert [row["_value"] for row in rows] == ["60"], "the last of the minute is suspect, 130"
    assert "dB" in rows[0]["series"]
    assert LOUD in rows[0]["series"]


def test_silent_sensors_are_those_of_the_chosen_places(ask: Ask, city: City) -> None:
    at = "r.station =~ /^st-noise-dongmen$/"
    assert {row["sensor"] for row in ask(sensors.silent(city, chosen=at))} == {QUIET}


@pytest.mark.parametrize("texts", [["a", ""], ["a", "a", ""], ["", "a", ""], ["a"], ["", ""], []])
def test_a_table_of_literals_keeps_every_row(texts: list[str], ask: Ask) -> None:
    rows = [{"_value": queries.text(one), "n": str(n)} for n, one in enumerate(texts)]
    flux = queries.lines(
        'import "array"',
        f"all = {queries.table(rows, {'_value': queries.text(''), 'n': '-1'})}",
        "  |> filter(fn: (r) => r.n >= 0)",
        'count = length(arr: all |> findColumn(fn: (key) => true, column: "n"))',
        "all |> map(fn: (r) => ({r with count: count}))",
    )
    found = ask(flux)
    assert [row["_value"] for row in found] == [one or " " for one in texts]
    assert {row["count"] for row in found} == ({str(len(texts))} if texts else set())


def test_variables_offer_value_and_name(ask: Ask, city: City) -> None:
    # The tag's values of the last 30 days of real time: a fixed hour may be older.
    flux = queries.tag_values(
        "station", 'r._measurement == "noise"', queries.names_of(city.stations)
    ).replace("start: -30d", "start: 2026-11-01T00:00:00Z")
    assert {row["_value"] for row in ask(flux)} == {
        "st-noise-huaqiangbei 华强北道路噪声站 Huaqiangbei Road",
        "st-noise-dongmen 东门道路噪声站 Dongmen Road",
    }
