"""Registering sensors: entries, positions, tables; what is wrong is named, nothing half done."""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from console.sheets import as_xlsx, read_sheet
from drawing.cells import as_csv
from registry import Registry, audit, migrate, open_registry, seed_demo_city
from registry.bulk import carry_out, exported, plan_import
from registry.devices import (
    commission,
    commissionings,
    device,
    exchange,
    known_now,
    move,
    register,
    retire,
)
from registry.entries import COLUMNS, Entry, Known, give_id, read_entry
from registry.life import history
from registry.models import DeviceRow, SensorEventRow, SensorParameterRow, SensorRow
from registry.placing import beyond, metres, outlines, place
from registry.problems import Problem, Refused, problem_words
from registry.seed import demo_city, district_shapes
from schemas import Medium, SensorId, StationId
from schemas.models import load_models, sensor_models

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
STATIONS = {station.id: station for station in demo_city()[2]}
GOOD = {"serial": "SN26-9001", "model": "AQ-P6", "station": "st-air-lianhua"}


@pytest.fixture(scope="module")
def known() -> Known:
    return Known(STATIONS, sensor_models(), outlines(district_shapes()), NOW)


def entered(known: Known, **changes: str) -> Entry:
    entry, problems = read_entry({**GOOD, **changes}, known)
    assert entry is not None, problems
    return entry


def put(registry: Registry, **changes: str) -> SensorId:
    entry = entered(known_now(registry, NOW), **changes)
    return register(registry, [entry], by="tester", at=NOW)[0].sensor


# The catalogue of models


def test_every_sensor_of_the_demo_city_is_of_a_known_model() -> None:
    models = sensor_models()
    for sensor in demo_city()[3]:
        assert models[sensor.model].medium == sensor.medium
        assert set(sensor.parameters) <= set(models[sensor.model].channels), sensor.id


def test_a_model_with_a_channel_of_another_medium_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    line = "X-1: {zh: 甲, en: X, medium: noise, channels: {%s}, cadence_s: 60, "
    line += "calibrate_days: 9, tolerance_percent: 1}"
    for channel, told in (("pm25: [0, 9]", "no parameter of noise"), ("laeq: [0, 9]", "20")):
        path.write_text(line % channel, "utf-8")
        with pytest.raises(ValueError, match=told):
            load_models(path)


# Entries


def test_the_model_fills_in_what_is_not_typed(known: Known) -> None:
    entry = entered(known)
    model = sensor_models()["AQ-P6"]
    assert entry.parameters == tuple(model.channels)
    assert entry.cadence_s == model.cadence_s
    station = known.stations[StationId("st-air-lianhua")]
    assert (entry.lon, entry.lat, entry.zone) == (station.lon, station.lat, station.zone)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("serial", "", "missing"),
        ("serial", "a b", "serial_malformed"),
        ("serial", "=1+1", "serial_malformed"),
        ("model", "", "missing"),
        ("model", "AQ-X", "model_unknown"),
        ("station", "st-nowhere", "station_unknown"),
        ("lon", "east", "not_a_number"),
        ("lon", "nan", "out_of_bounds"),
        ("lat", "91", "out_of_bounds"),
        ("lat", "inf", "out_of_bounds"),
        ("cadence_s", "0", "out_of_bounds"),
        ("parameters", "pm25, laeq", "parameter_unknown"),
        ("installed", "yesterday", "not_a_time"),
        ("installed", "2027-01-01", "not_yet"),
        ("id", "Grand Id", "id_malformed"),
        ("note", "x" * 501, "too_long"),
        ("note", "\x1b[31m", "unprintable"),
        ("firmware", "1" * 33, "too_long"),
    ],
)
def test_each_field_tells_what_is_wrong(known: Known, field: str, value: str, code: str) -> None:
    entry, problems = read_entry({**GOOD, field: value}, known)
    assert entry is None
    assert [(p.field, p.code) for p in problems] == [(field, code)]
    for language in ("zh", "en"):
        assert problems[0].text(language)


def test_all_problems_of_an_entry_are_told_at_once(known: Known) -> None:
    _, problems = read_entry({"serial": "!", "model": "X", "station": "Y", "lon": "Z"}, known)
    assert {problem.field for problem in problems} == {"serial", "model", "station", "lon"}


@given(st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=40)))
def test_whatever_is_typed_gives_an_entry_or_problems_with_words(raw: dict[str, str]) -> None:
    entry, problems = read_entry(raw, Known(STATIONS, sensor_models(), {}, NOW))
    assert (entry is None) == bool(problems)
    for problem in problems:
        assert problem.text("zh")
        assert problem.text("en")


def test_every_problem_has_words_in_both_languages() -> None:
    for code, words in problem_words().items():
        assert set(words) == {"zh", "en"}, code


def test_ids_follow_the_station_and_are_never_given_twice() -> None:
    taken: set[str] = set()
    for expected in ("air-lianhua-1", "air-lianhua-2", "air-lianhua-3"):
        made = give_id(Medium.AIR, StationId("st-air-lianhua"), taken)
        assert made == expected
        taken.add(made)
    assert give_id(Medium.WATER, StationId("st-river-gonghe"), set()) == "water-river-gonghe-1"


# Where it stands


def test_a_point_is_told_from_its_outline_in_metres() -> None:
    square = [[(114.0, 22.0), (114.1, 22.0), (114.1, 22.1), (114.0, 22.1), (114.0, 22.0)]]
    assert beyond((114.05, 22.05), square) == pytest.approx(-5155, abs=60)
    assert beyond((114.11, 22.05), square) == pytest.approx(1031, abs=10)
    assert metres((114.0, 22.0), (114.0, 22.1)) == pytest.approx(11_119, abs=5)


@given(st.floats(113.9, 114.2), st.floats(21.9, 22.2))
def test_inside_is_negative_and_outside_positive(lon: float, lat: float) -> None:
    square = [[(114.0, 22.0), (114.1, 22.0), (114.1, 22.1), (114.0, 22.1), (114.0, 22.0)]]
    within = 114.0 < lon < 114.1 and 22.0 < lat < 22.1
    found = beyond((lon, lat), square)
    assert (found < 0) == within or abs(found) < 1


@pytest.mark.parametrize(
    ("station", "lon", "lat", "codes"),
    [
        ("st-air-lianhua", 114.0518, 22.556, []),
        ("st-air-lianhua", 114.0518, 22.564, ["off_station"]),
        ("st-air-lianhua", 113.0, 22.556, ["far_from_station", "outside_district"]),
        ("st-air-lianhua", 22.556, 114.0518, ["far_from_station", "outside_district"]),
        ("st-sea-daya-bay", 114.62, 22.6, []),
        ("st-sea-daya-bay", 114.1, 22.5, ["far_from_station"]),
        ("st-soil-fenghuang", 113.9482, 22.7358, []),
    ],
)
def test_a_position_is_held_against_station_and_district(
    known: Known, station: str, lon: float, lat: float, codes: list[str]
) -> None:
    found = list(place((lon, lat), known.stations[StationId(station)], known.rings))
    assert [problem.code for problem in found if problem.code != "near_border"] == codes


def test_no_station_of_the_demo_city_is_refused_where_it_stands(known: Known) -> None:
    for station in known.stations.values():
        problems = list(place((station.lon, station.lat), station, known.rings))
        assert not [p for p in problems if p.grave], station.id


def test_near_the_schematic_border_one_is_asked_to_look_again(known: Known) -> None:
    station = known.stations[StationId("st-air-lianhua")]
    ring = known.rings["futian"][0]
    on_it = station.model_copy(update={"lon": ring[0][0], "lat": ring[0][1]})
    (problem,) = place(ring[0], on_it, known.rings)
    assert (problem.code, problem.grave) == ("near_border", False)


# Registering


def test_a_registered_sensor_is_known_and_waits_for_its_commissioning(registry: Registry) -> None:
    version = registry.version()
    sensor = put(registry, firmware="6.2.0", note="roof")
    kept = registry.sensors()[sensor]
    assert (kept.serial, kept.state, kept.medium) == ("SN26-9001", "maintenance", "air")
    about = device(registry, sensor)
    assert about is not None
    assert (about.firmware, about.note, about.registered_by) == ("6.2.0", "roof", "tester")
    assert about.commissioned is None
    assert registry.version() > version, "ingest must notice"
    assert [line.kind for line in history(registry, sensor)] == ["registered"]
    entry = next(audit.entries(registry, subject=f"sensor:{sensor}"))
    assert (entry.action, entry.who) == ("sensor.register", "tester")


def test_a_serial_number_is_registered_once(registry: Registry) -> None:
    first = put(registry)
    with pytest.raises(Refused, match=first):
        put(registry)
    with pytest.raises(Refused, match="noise-huaqiangbei-1"):
        put(registry, serial="SN26-0001")


def test_a_model_does_not_go_to_a_station_of_another_medium(registry: Registry) -> None:
    with pytest.raises(Refused, match="noise"):
        put(registry, station="st-noise-dongmen")
    assert registry.sensors().keys() == {sensor.id for sensor in demo_city()[3]}


def test_a_life_is_written_down_step_by_step(registry: Registry) -> None:
    sensor = put(registry)
    checks = [{"name": "connected", "state": "ok"}]
    commission(registry, sensor, checks=checks, by="li", at=NOW, remark="fine")
    assert registry.sensors()[sensor].state == "active"
    assert commissionings(registry, sensor)[0].checks == checks
    about = device(registry, sensor)
    assert about is not None
    assert about.calibration_due == NOW + timedelta(days=90)

    target = registry.stations()[StationId("st-air-cuizhu")]
    where = {"station": target.id, "lon": target.lon, "lat": target.lat}
    move(registry, sensor, **where, by="li", at=NOW)
    moved = registry.sensors()[sensor]
    assert (moved.station, moved.state) == ("st-air-cuizhu", "maintenance")
    with pytest.raises(Refused, match="already"):
        move(registry, sensor, **where, by="li", at=NOW)
    with pytest.raises(Refused, match="water"):
        move(
            registry,
            sensor,
            station=StationId("st-river-gonghe"),
            lon=113.8,
            lat=22.7,
            by="li",
            at=NOW,
        )

    exchange(registry, sensor, part="pump", by="li", at=NOW)
    exchange(registry, sensor, part="", firmware="6.2.0", by="li", at=NOW)
    exchange(registry, sensor, part="device", serial="SN26-9009", by="li", at=NOW)
    with pytest.raises(Refused, match="noise-huaqiangbei-1"):
        exchange(registry, sensor, part="device", serial="SN26-0001", by="li", at=NOW)
    retire(registry, sensor, by="li", at=NOW, why="worn out")
    assert registry.sensors()[sensor].state == "retired"
    with pytest.raises(Refused, match="retired"):
        commission(registry, sensor, checks=[], by="li", at=NOW)
    kinds = [line.kind for line in reversed(history(registry, sensor))]
    assert kinds == [
        *("registered", "commissioned", "moved", "exchanged", "firmware", "exchanged", "retired"),
    ]
    assert audit.verify(registry) == []


def test_a_sensor_of_the_seed_can_be_moved_too(registry: Registry) -> None:
    target = registry.stations()[StationId("st-noise-yuehai")]
    move(
        registry,
        "noise-dongmen-1",
        station=target.id,
        lon=target.lon,
        lat=target.lat,
        by="li",
        at=NOW,
    )
    assert registry.sensors()[SensorId("noise-dongmen-1")].station == "st-noise-yuehai"
    with pytest.raises(LookupError):
        retire(registry, "nobody", by="li", at=NOW, why="")


# Tables

WRONG = [
    {"serial": ""},
    {"serial": "SN26-0001"},
    {"model": "AQ-X"},
    {"station": "st-nowhere"},
    {"lon": "113.0"},
    {"lat": "north"},
    {"parameters": "laeq pm25 nonsense"},
    {"cadence_s": "-1"},
    {"installed": "soon"},
    {"id": "noise-dongmen-1"},
]


def big_table(bad: int) -> tuple[list[dict[str, str]], set[int]]:
    """5 000 rows, of which `bad` are wrong, each in one of several ways; and their numbers."""
    models = {"noise": "NM-S1", "air": "AQ-P6", "water": "WQ-R9", "soil": "SL-T3"}
    stations = demo_city()[2]
    rows = []
    for number in range(5000):
        station = stations[number % len(stations)]
        rows.append(
            {
                **dict.fromkeys(COLUMNS, ""),
                "serial": f"BULK-{number:05d}",
                "model": models[station.medium],
                "station": station.id,
                "lon": str(station.lon),
                "lat": str(station.lat),
                "note": '=HYPERLINK("http://evil")',
            }
        )
    wrong = set()
    for number in range(bad):
        at = 17 + number * 131
        rows[at] |= WRONG[number % len(WRONG)]
        wrong.add(at + 2)
    return rows, wrong


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_5000_rows_with_37_bad_ones_all_named_nothing_written_under_30_s(
    registry: Registry, form: str
) -> None:
    rows, wrong = big_table(37)
    table = [[row[name] for name in COLUMNS] for row in rows]
    content = as_xlsx(COLUMNS, table) if form == "xlsx" else as_csv(COLUMNS, table).encode()
    begun = time.monotonic()
    plan = plan_import(registry, *read_sheet(content), NOW)
    assert set(plan.bad_rows) == wrong
    assert len(wrong) == 37
    for row in wrong:
        assert any(line.row == row and line.problem.text("zh") for line in plan.problems)
    with pytest.raises(ValueError, match="cannot be registered"):
        carry_out(registry, plan, by="tester", at=NOW)
    assert time.monotonic() - begun < 30
    assert len(registry.sensors()) == len(demo_city()[3])


def test_5000_good_rows_are_registered_in_one_go_under_30_s(registry: Registry) -> None:
    rows, _ = big_table(0)
    table = [[row[name] for name in COLUMNS] for row in rows]
    begun = time.monotonic()
    plan = plan_import(registry, *read_sheet(as_xlsx(COLUMNS, table)), NOW)
    assert len(carry_out(registry, plan, by="tester", at=NOW)) == 5000
    assert time.monotonic() - begun < 30
    with registry.session() as session:
        for table_row in (DeviceRow, SensorEventRow):
            assert session.scalar(select(func.count()).select_from(table_row)) == 5000


def test_a_failure_at_the_last_moment_leaves_nothing(registry: Registry, known: Known) -> None:
    entries = [entered(known, serial=f"SN-{n:03d}") for n in range(3)]
    with pytest.raises(Refused):
        register(registry, [*entries, entered(known, serial="SN26-0001")], by="x", at=NOW)
    with registry.session() as session:
        assert session.scalar(select(func.count()).select_from(SensorRow)) == len(demo_city()[3])
        assert session.scalar(select(func.count()).select_from(DeviceRow)) == 0


def test_a_serial_number_twice_in_a_table_names_the_other_row(registry: Registry) -> None:
    row = {**GOOD, "id": "air-x-1"}
    plan = plan_import(registry, list(row), [(2, row), (3, {**row, "id": "air-x-2"})], NOW)
    assert plan.bad_rows == (3,)
    assert "row 2" in plan.problems[-1].problem.text("en")


def test_an_unknown_column_is_told_as_a_problem_of_the_head(registry: Registry) -> None:
    plan = plan_import(registry, ["serial", "colour"], [], NOW)
    assert [(line.row, line.problem.code) for line in plan.problems] == [(1, "column_unknown")]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_can_be_imported_elsewhere_and_computes_nothing(
    registry: Registry, form: str, tmp_path: Path
) -> None:
    put(registry, note="=cmd|' /C calc'!A0", firmware="+1")
    rows = exported(registry, registry.sensors().values())
    content = as_xlsx(COLUMNS, rows) if form == "xlsx" else as_csv(COLUMNS, rows).encode()
    if form == "csv":
        cells = [c for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) for c in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
    else:
        assert b"<f>" not in content
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    migrate(url)
    elsewhere = open_registry(url)
    seed_demo_city(elsewhere)
    with elsewhere.session.begin() as session:
        session.execute(delete(SensorParameterRow))
        session.execute(delete(SensorRow))
    plan = plan_import(elsewhere, *read_sheet(content), NOW)
    assert plan.bad_rows == ()
    carry_out(elsewhere, plan, by="tester", at=NOW)
    assert elsewhere.sensors().keys() == registry.sensors().keys()
    notes = [found.note for s in elsewhere.sensors() if (found := device(elsewhere, s))]
    assert "=cmd|' /C calc'!A0" in notes
    elsewhere.close()


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"PK\x03\x04nonsense", b"\xff\xfe"])
def test_what_is_no_table_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(Refused, match="neither CSV"):
        read_sheet(content)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_refused(content: bytes) -> None:
    try:
        head, rows = read_sheet(content)
    except Refused:
        return
    assert all(isinstance(cell, str) for _, row in rows for cell in row.values()), head


def test_a_problem_cuts_what_is_too_long_to_show() -> None:
    assert len(Problem("not_a_number", "lon", "9" * 500).text("en")) < 150
