"""What is published as open data is what the store has, says what it is, and nothing more."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from console import create_app
from console.open_data import rows
from console.open_data.choice import aggregates_asked, observations_asked
from console.open_data.columns import schema_of, tables
from console.open_data.published import Published
from console.open_data.question import Asked, AskedAggregates
from console.open_data.terms import terms
from drawing.cells import safe_column, safe_text
from registry import Registry, migrate, open_registry, seed_demo_city
from schemas import CITY_TIME, Interval, Level, Period
from schemas.clock import DAY
from storage import Store, open_store
from tests.console.conftest import City

API = "/api/open-data"


@pytest.fixture(scope="module")
def client(city: City) -> Iterator[TestClient]:
    app = create_app(store_url=city.store_url, registry_url=city.registry_url)
    with TestClient(app) as opened:
        yield opened


@pytest.fixture(scope="module")
def store(city: City) -> Iterator[Store]:
    opened = open_store(city.store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def known(city: City) -> Published:
    return Published.of(open_registry(city.registry_url))


def days(city: City, back: int) -> dict[str, str]:
    """The last days up to today, as a question names them."""
    today = city.now.astimezone(CITY_TIME).date()
    return {"from": str(today - back * DAY), "to": str(today)}


def window(city: City, back: int) -> Interval:
    day = Interval.city_day(city.now)
    return Interval(day.start - back * DAY, day.end)


def csv_rows(client: TestClient, table: str, **asked: Any) -> list[dict[str, str]]:
    answer = client.get(f"{API}/{table}.csv", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def parquet(client: TestClient, table: str, **asked: Any) -> pl.DataFrame:
    answer = client.get(f"{API}/{table}.parquet", params=asked)
    assert answer.status_code == 200, answer.text
    return pl.read_parquet(io.BytesIO(answer.content))


@pytest.mark.parametrize(
    ("level", "period"), [("station", "hour"), ("district", "day"), ("city", "hour")]
)
def test_aggregates_are_those_of_the_store(
    client: TestClient, city: City, store: Store, level: str, period: str
) -> None:
    stored = store.read_aggregates(window(city, 5), period=Period(period), level=Level(level)).sort(
        "start", "subject", "parameter"
    )
    assert not stored.is_empty()
    given_out = parquet(client, "aggregates", level=level, period=period, **days(city, 5))
    same = ["subject", "parameter", "value", "minimum", "maximum", "completeness", "valid"]
    same += ["reason", "method", "edition", "level", "period"]
    assert_frame_equal(given_out.select(same), stored.select(same))
    assert given_out["start"].dt.convert_time_zone("UTC").to_list() == stored["start"].to_list()
    assert given_out["count"].to_list() == stored["count"].to_list()


def test_a_sheet_says_the_same_as_the_typed_file(client: TestClient, city: City) -> None:
    asked = {"level": "station", "medium": "air", "parameter": ["pm25", "aqi"], **days(city, 1)}
    typed = parquet(client, "aggregates", **asked)
    assert set(typed["parameter"]) == {"pm25", "aqi"}
    sheet = csv_rows(client, "aggregates", **asked)
    assert len(sheet) == typed.height > 10
    for row, one in zip(sheet, typed.iter_rows(named=True), strict=True):
        assert datetime.fromisoformat(row["start"]) == one["start"]
        assert row["start"].endswith("+08:00")
        assert row["value"] == ("" if one["value"] is None else row["value"])
        assert row["value"] == "" or float(row["value"]) == one["value"]
        assert row["valid"] == ("true" if one["valid"] else "false")
        assert row["unit"] == ("ug/m3" if one["parameter"] == "pm25" else "1")


def test_a_typed_file_has_types_a_zone_and_its_terms(client: TestClient, city: City) -> None:
    answer = client.get(f"{API}/aggregates.parquet", params={"level": "city", **days(city, 1)})
    assert pl.read_parquet_schema(io.BytesIO(answer.content)) == schema_of("aggregates")
    assert schema_of("aggregates")["start"] == pl.Datetime("ms", "Asia/Shanghai")
    about = pl.read_parquet_metadata(io.BytesIO(answer.content))
    assert about["license"] == terms().url
    assert terms().url in answer.headers["link"]


def test_observations_are_those_of_the_governments_sensors(
    client: TestClient, city: City, store: Store, known: Published
) -> None:
    own = [str(s.id) for s in known.sensors.values() if known.stations[s.station].enterprise]
    assert own, "the demo city has enterprises' sensors"
    stored = store.read(window(city, 1)).filter(~pl.col("sensor").is_in(own))
    given_out = parquet(client, "observations", **days(city, 1))
    stored = stored.sort("ts", "sensor", "parameter")
    assert_frame_equal(
        given_out.select("sensor", "parameter", "value"),
        stored.select("sensor", "parameter", "value"),
    )
    assert given_out["flag"].to_list() == (stored["quality"] % 10).to_list()
    assert set(given_out["flag"]) >= {1}
    assert not set(given_out["sensor"]) & set(own)


def test_one_can_choose_medium_district_station_and_parameter(
    client: TestClient, city: City, known: Published
) -> None:
    asked = {"medium": "noise", "district": "luohu", "parameter": "laeq", **days(city, 1)}
    found = parquet(client, "observations", **asked)
    stations = {known.stations[s].district for s in found["station"].unique()}
    assert stations == {"luohu"}
    assert set(found["parameter"]) == {"laeq"}
    one = parquet(client, "aggregates", station=["st-noise-dongmen"], **days(city, 1))
    assert set(one["subject"]) == {"st-noise-dongmen"}
    streets = parquet(client, "aggregates", level="subdistrict", district="futian", **days(city, 1))
    assert streets.height
    assert {known.places[s].parent for s in streets["subject"].unique()} == {"futian"}


def test_what_comes_bit_by_bit_is_the_whole(
    monkeypatch: pytest.MonkeyPatch, city: City, store: Store, known: Published
) -> None:
    whole_span = days(city, 4)
    asked = AskedAggregates.model_validate({"level": "station", **whole_span})
    choice = aggregates_asked(asked, [], known)
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 10**9)
    (whole,) = rows.aggregate_rows(choice, known, store)
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 700)
    bits = list(rows.aggregate_rows(choice, known, store))
    assert len(bits) > 10
    assert max(bit.height for bit in bits) <= 700
    assert_frame_equal(pl.concat(bits), whole)
    seen = observations_asked(Asked.model_validate(whole_span), [], known)
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 5000)
    bits = list(rows.observation_rows(seen, known, store))
    assert max(bit.height for bit in bits) <= 5000 * 1.5  # some sensors send more than they promise
    assert (
        sum(bit.height for bit in bits) == store.read(window(city, 4), sensors=seen.sensors).height
    )


def test_a_file_is_read_from_the_store_as_it_is_sent(
    monkeypatch: pytest.MonkeyPatch, city: City, store: Store, known: Published
) -> None:
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 700)
    asked = AskedAggregates.model_validate({"level": "station", **days(city, 4)})
    coming = rows.aggregate_rows(aggregates_asked(asked, [], known), known, store)
    moments = []
    reading = store.read_aggregates
    monkeypatch.setattr(
        store, "read_aggregates", lambda *a, **k: moments.append(a[0]) or reading(*a, **k)
    )
    next(coming)
    assert len(moments) == 1


WRONG = [
    ({"level": "street"}, "level", "street", "choice_unknown"),
    ({"period": "minute"}, "period", "minute", "choice_unknown"),
    ({"medium": "light"}, "medium", "light", "choice_unknown"),
    ({"district": "atlantis"}, "district", "atlantis", "choice_unknown"),
    ({"station": "st-nowhere"}, "station", "st-nowhere", "station_unknown"),
    ({"parameter": "gold"}, "parameter", "gold", "choice_unknown"),
    ({"medium": "noise", "parameter": "pm25"}, "parameter", "pm25", "choice_unknown"),
    ({"from": "yesterday"}, "from", "yesterday", "not_a_day"),
    ({"from": ""}, "from", "", "missing"),
    ({"to": "9999-01-01"}, "to", "9999-01-01", "out_of_bounds"),
    ({"from": "2026-11-02", "to": "2026-11-01"}, "to", "2026-11-01", "ends_before"),
    ({"from": "2026-01-01", "to": "2026-11-01"}, "to", "2026-11-01", "span_long"),
    ({"stations": "st-noise-dongmen"}, "stations", "stations", "field_unknown"),
    ({"level": "city", "station": "st-noise-dongmen"}, "station", "st-noise-dongmen", None),
    ({"level": "basin", "district": "futian"}, "district", "futian", "district_level"),
    ({"level": "subdistrict", "period": "day", "from": "2017-01-01"}, "to", "2026-11-02", None),
]


@pytest.mark.parametrize(("asked", "field", "value", "code"), WRONG)
def test_a_wrong_question_is_told_field_value_and_rule_in_both_languages(
    client: TestClient, asked: dict[str, str], field: str, value: str, code: str | None
) -> None:
    whole = {"from": "2026-11-01", "to": "2026-11-02", **asked}
    answer = client.get(f"{API}/aggregates.csv", params=whole)
    assert answer.status_code == 400, answer.text
    (problem,) = answer.json()["problems"]
    assert (problem["field"], problem["value"]) == (field, value)
    assert code in (None, problem["code"])
    assert re.search("[\u4e00-\u9fff]", problem["zh"])
    assert value in problem["en"] or code in ("missing", "ends_before", None, "span_long")
    page = client.get(
        f"{API}/aggregates.parquet", params={**whole, "lang": "en"}, headers={"accept": "text/html"}
    )
    assert page.status_code == 400
    assert f'<b class="mono">{field}</b>' in page.text


def test_every_mistake_is_told_at_once(client: TestClient) -> None:
    asked = {"medium": "light", "district": "x", "from": "1", "to": "2"}
    told = client.get(f"{API}/observations.csv", params=asked).json()
    assert [p["field"] for p in told["problems"]] == ["medium", "from", "to", "district"]


def test_too_long_and_too_much_say_how_much_is_given(client: TestClient, known: Published) -> None:
    asked = {"from": "2026-11-01", "to": "2026-11-30"}
    (problem,) = client.get(f"{API}/observations.csv", params=asked).json()["problems"]
    assert "30 days" in problem["en"]
    assert "at most 7" in problem["en"]
    long = AskedAggregates.model_validate(
        {"level": "subdistrict", "period": "day", "from": "2017-01-01", "to": "2026-11-30"}
    )
    told = client.get(f"{API}/aggregates.csv", params=long.model_dump(by_alias=True)).json()
    assert "at most 5000000 at once" in told["error"]


def test_an_enterprises_own_station_has_aggregates_and_no_observations(
    client: TestClient, city: City, known: Published
) -> None:
    own = next(s for s in known.stations.values() if s.enterprise)
    answer = client.get(f"{API}/observations.csv", params={"station": own.id, **days(city, 1)})
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["code"] == "not_published"
    assert csv_rows(client, "aggregates", station=own.id, **days(city, 2))


@pytest.mark.parametrize("table", ["stations", "channels", "parameters"])
def test_the_lists_are_the_registrys(client: TestClient, known: Published, table: str) -> None:
    sheet = csv_rows(client, table)
    typed = parquet(client, table)
    assert list(sheet[0]) == list(tables()[table]) == typed.columns
    assert len(sheet) == typed.height
    if table == "stations":
        assert {row["id"] for row in sheet} == {str(s) for s in known.stations}
    if table == "channels":
        channels = {(s.id, p) for s in known.sensors.values() for p in s.parameters}
        assert {(row["sensor"], row["parameter"]) for row in sheet} == channels


def test_nothing_tells_a_serial_number(client: TestClient, city: City, known: Published) -> None:
    serials = {sensor.serial for sensor in known.sensors.values()}
    for table, asked in (
        ("stations", {}),
        ("channels", {}),
        ("aggregates", days(city, 1)),
        ("observations", {"medium": "noise", **days(city, 1)}),
    ):
        text = client.get(f"{API}/{table}.csv", params=asked).text
        assert not [serial for serial in serials if serial in text], table


@pytest.mark.parametrize("table", list(tables()))
def test_a_sheet_is_what_its_description_says(client: TestClient, city: City, table: str) -> None:
    about = client.get(f"{API}/{table}.csv-metadata.json")
    assert about.headers["content-type"] == "application/csvm+json"
    columns = about.json()["tableSchema"]["columns"]
    asked = days(city, 1) if table in ("aggregates", "observations") else {}
    sheet = csv_rows(client, table, **asked)
    assert [column["titles"] for column in columns] == list(sheet[0])
    reads = {
        "number": float,
        "integer": int,
        "boolean": {"true": True, "false": False}.__getitem__,
        "dateTime": datetime.fromisoformat,
        "string": str,
    }
    for column in columns:
        cells = {row[column["name"]] for row in sheet}
        assert not (column["required"] and "" in cells), column["name"]
        for cell in cells - {""}:
            reads[column["datatype"]](cell)
        assert {said["@language"] for said in column["dc:description"]} == {"zh", "en"}
    keys = about.json()["tableSchema"]["primaryKey"]
    assert len({tuple(row[key] for key in keys) for row in sheet}) == len(sheet)


TEXTS = st.one_of(st.text(max_size=4), st.sampled_from(["=1", "-", "＠x", "\t", "\n=", "a=b", ""]))


@given(st.lists(TEXTS, min_size=1))
def test_a_column_is_made_as_safe_as_a_cell(texts: list[str]) -> None:
    frame = pl.DataFrame({"texts": texts}, schema={"texts": pl.String})
    assert frame.select(safe_column(pl.col("texts")))["texts"].to_list() == list(
        map(safe_text, texts)
    )


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Registry, TestClient]:
    """A console over a registry in which a station is named like a formula."""
    url = f"sqlite:///{tmp_path}/r.db"
    migrate(url)
    registry = open_registry(url)
    seed_demo_city(registry)
    station = next(iter(registry.stations().values()))
    registry.add(stations=[station.model_copy(update={"zh": '=HYPERLINK("http://x")', "en": "+1"})])
    app = create_app(store_url=f"sqlite:///{tmp_path}/o.db", registry_url=url)
    return registry, TestClient(app)


def test_a_name_is_never_a_formula(hostile: tuple[Registry, TestClient]) -> None:
    _, client = hostile
    first = csv_rows(client, "stations")[0]
    assert first["name_zh"] == '\'=HYPERLINK("http://x")'
    assert first["name_en"] == "'+1"
    assert parquet(client, "stations")["name_en"][0] == "+1", "typed files compute nothing"


def test_nothing_measured_is_a_table_without_rows(hostile: tuple[Registry, TestClient]) -> None:
    _, client = hostile
    asked = {"from": "2026-11-01", "to": "2026-11-07"}
    for table in ("aggregates", "observations"):
        assert csv_rows(client, table, **asked) == []
        assert parquet(client, table, **asked).schema == schema_of(table)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_store_that_is_away_is_told_before_a_file_begins(
    city: City, tmp_path: Path, form: str
) -> None:
    store_url = f"sqlite:///{tmp_path}/o.db"
    app = create_app(store_url=store_url, registry_url=city.registry_url)
    for part in tmp_path.iterdir():
        part.unlink()
    (tmp_path / "o.db").mkdir()
    answer = TestClient(app).get(f"{API}/aggregates.{form}", params=days(city, 1))
    assert answer.status_code == 503


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_shows_what_is_published_and_where(client: TestClient, language: str) -> None:
    page = client.get(f"/open-data?lang={language}").text
    for table, columns in tables().items():
        for form in ("csv", "parquet", "csv-metadata.json"):
            assert f'"{API}/{table}.{form}"' in page
        for column in columns.values():
            assert column.text(language).split("“")[0].split("'")[0][:20] in page
    for link in (terms().url, "/openapi.json", "/sensorthings/v1.1", API):
        assert f'href="{link}"' in page
    assert terms().attribution.model_dump()[language] in page.replace("&#39;", "'")


def test_the_description_for_programs_names_tables_limits_and_terms(client: TestClient) -> None:
    told = client.get(API).json()
    assert set(told["tables"]) == set(tables())
    assert told["limits"]["days"]["observations"] == 7
    assert told["terms"]["licence"] == "CC BY 4.0"
    for table in told["tables"].values():
        assert client.get(table["csvw"]).status_code == 200
    assert client.get(f"{API}/people.csv-metadata.json").status_code == 404
    assert client.get(f"{API}/people.csv").status_code == 422


def test_an_installation_has_its_own_terms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "terms.yaml"
    both = "{zh: 某市, en: Some City}"
    file.write_text(f"licence: X\nurl: https://x.example\nzh: 甲\nen: A\nattribution: {both}\n")
    monkeypatch.setenv("ONENET_OPEN_DATA_TERMS", str(file))
    assert terms.__wrapped__().attribution.en == "Some City"
    file.write_text("licence: X\nurl: ftp://x\nzh: 甲\nen: A\nattribution: {zh: 甲, en: A}\n")
    with pytest.raises(ValueError, match=r"terms.yaml: url: "):
        terms.__wrapped__()
