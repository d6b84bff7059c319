"""Tables of laboratories: a real one, both forms, units, and everything that can be wrong."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.lab import LabFile, read_lab_file
from ingest.lab.table import read_lab_table
from registry.seed import demo_city
from schemas import CITY_TIME, StationId
from schemas.registry import Station
from schemas.samples import Result, SampleMedium

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
USGS = Path(__file__).parent / "data" / "usgs_wqp_soil_results.csv"
STATIONS = {station.id: station for station in demo_city()[2]}
PLOT, PADDY, WELL = "st-plot-yuehai-school", "st-plot-gongming-paddy", "st-well-gongming"
GIVEN = {"station": PLOT, "taken": "2026-03-01"}

contents = st.decimals("0.0001", "999999", places=4)


def sites() -> dict[StationId, Station]:
    """The sites of the real file, as plots of construction land."""
    with USGS.open(encoding="utf-8") as file:
        names = {row["MonitoringLocationIdentifier"] for row in csv.DictReader(file)}
    plot = STATIONS[StationId(PLOT)]
    return {StationId(name): plot.model_copy(update={"id": name}) for name in names}


def read(text: str, **given: str) -> LabFile:
    return read_lab_table(text, STATIONS, now=NOW, given=GIVEN | given)


def result(text: str, **given: str) -> Result:
    found = read(text, **given)
    assert found.problems == ()
    return found.results[0]


def problem(text: str, **given: str) -> str:
    found = read(text, **given)
    assert found.samples == ()
    return "\n".join(found.problems)


# A real table


def test_a_real_table_of_a_portal_is_taken_whole_with_its_225_non_detects() -> None:
    found = read_lab_file(USGS, sites(), now=NOW)
    assert found.problems == ()
    assert (len(found.samples), len(found.results)) == (12, 521)
    below = [one for one in found.results if one.below]
    assert len(below) == 225
    assert all(one.limit and one.limit > 0 for one in below)
    assert all(one.value != 0 for one in found.results)
    assert found.converted == {"ug/kg to mg/kg": 120}
    assert found.ignored == ("LatitudeMeasure", "LongitudeMeasure")


def test_every_result_of_the_real_table_is_what_its_row_says() -> None:
    samples = {
        (s.station, s.day.isoformat()): s for s in read_lab_file(USGS, sites(), now=NOW).samples
    }
    seen: Counter[str] = Counter()
    with USGS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sample = samples[row["MonitoringLocationIdentifier"], row["ActivityStartDate"]]
            unit = row["ResultMeasure.MeasureUnitCode"]
            limit_unit = row["DetectionQuantitationLimitMeasure.MeasureUnitCode"]
            text = (
                row["ResultMeasureValue"] or row["DetectionQuantitationLimitMeasure.MeasureValue"]
            )
            thousandth = (unit or limit_unit) == "ug/kg"
            wanted = Decimal(text) * (Decimal("0.001") if thousandth else 1)
            twins = [r for r in sample.results if (r.limit if r.below else r.value) == wanted]
            assert any(r.below == (row["ResultMeasureValue"] == "") for r in twins), row
            seen[sample.number] += 1
    assert sum(seen.values()) == 521


# Forms and cells


def test_a_wide_table_has_a_row_for_each_sample() -> None:
    found = read(
        "样品编号,采样深度起,cd,铅,Cr(VI) (mg/kg),苯(ug/kg),ph\n".replace("采样深度起", "起始深度")
        + "a,0,0.21,<2,<0.5,3.1,6.8\nb,0.5,,45,,,7\n"
    )
    assert found.problems == ()
    first, second = found.samples
    assert {r.determinand: str(r) for r in first.results} == {
        "cd": "0.21",
        "pb": "<2",
        "cr6": "<0.5",
        "benzene": "0.0031",
        "ph": "6.8",
    }
    assert [r.determinand for r in second.results] == ["pb", "ph"]
    assert (first.depth_from, first.depth_to, second.depth_from) == (0, None, 0.5)
    assert first.medium == SampleMedium.SOIL


def test_a_long_table_has_a_row_for_each_result() -> None:
    found = read(
        "sample,determinand,value,unit,limit,method,remark\n"
        "a,cd,0.21,mg/kg,0.01,GB/T 17141,\na,Pb,ND,mg/kg,2,,dried\nb,cd,nd,mg/kg,10 \n".replace(
            "b,cd,nd,mg/kg,10 ", "b,cd,<10,ug/kg,"
        )
    )
    assert found.problems == ()
    cd, pb = found.samples[0].results
    assert (cd.value, cd.limit, cd.method) == (Decimal("0.21"), Decimal("0.01"), "GB/T 17141")
    assert (pb.value, pb.limit, pb.remark) == (None, Decimal(2), "dried")
    (other,) = found.samples[1].results
    assert (str(other), other.unit, other.reported) == ("<0.010", "mg/kg", "<10 ug/kg")


def test_the_medium_is_that_of_the_place_and_decides_the_unit() -> None:
    assert result("determinand,value,unit\ncd,1.5,ug/L\n", station=WELL).value == Decimal("0.0015")
    assert "cd in groundwater is given in mg/L or ug/L" in problem(
        "determinand,value,unit\ncd,1.5,mg/kg\n", station=WELL
    )


@given(contents)
def test_a_thousand_micrograms_are_a_milligram_to_the_last_digit(content: Decimal) -> None:
    table = f"determinand,value,unit\ncd,{content},µg/kg\n"
    found = result(table)
    assert found.value is not None
    assert found.value * 1000 == content
    assert found.reported == f"{content} µg/kg"
    same = result(table.replace("µg/kg", "mg/kg"))
    assert (str(same), same.reported) == (f"{content}", "")


@given(contents, st.sampled_from(["<{}", "ND({})", "ND（{}）", "{}L"]))
def test_what_was_not_detected_keeps_its_limit_however_it_is_written(
    limit: Decimal, form: str
) -> None:
    wide = result(f"cd\n{form.format(limit)}\n")
    assert (wide.value, wide.limit, wide.below) == (None, limit, True)


def test_nitrogen_is_understood_as_such_and_nothing_else_is() -> None:
    table = "determinand,value,unit\nNitrate,2.1,{}\n"
    assert result(table.format("mg/kg as N")).value == Decimal("2.1")
    assert "nitrate in soil is given in" in problem(table.format("mg/kg as NO3"))


@pytest.mark.parametrize(
    "text", ["2026-03-01", "2026/3/1", "2026年3月1日", "2026-03-01T00:00+08:00"]
)
def test_a_date_is_the_citys(text: str) -> None:
    (sample,) = read("taken,cd\n" + f"{text},0.2\n").samples
    assert sample.taken == datetime(2026, 3, 1, tzinfo=CITY_TIME)
    assert sample.number == "2026-03-01"


def test_a_sample_without_number_is_called_by_day_and_depth() -> None:
    found = read("depth_from,depth_to,cd\n0,0.2,0.2\n0.5,1,0.1\n")
    assert [s.number for s in found.samples] == ["2026-03-01 0-0.2 m", "2026-03-01 0.5-1 m"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_spreadsheets_encoding_is_understood(tmp_path: Path, encoding: str) -> None:
    source = tmp_path / "lab.csv"
    source.write_text("点位,采样日期,镉\nst-plot-yuehai-school,2026-03-01,0.2\n", encoding)
    assert len(read_lab_file(source, STATIONS, now=NOW).samples) == 1


# What is wrong


def test_everything_wrong_is_told_at_once_and_nothing_is_taken() -> None:
    found = read(
        "sample,station,date,depth_from,depth_to,ph,cd,pb\n"
        f"a,{PLOT},2026-10-03,0,0.5,6.8,0.21,44\n"
        f"b,{PLOT},2026-10-03,0,0.5,15,much,0\n"
        "c,nowhere,2027-10-03,0.5,0.2,7,0.2,40\n"
    )
    assert found.samples == ()
    assert [text.split(" = ")[0] for text in found.problems] == [
        "line 3: ph",
        "line 3: cd",
        "line 3: pb",
        "line 4: station",
        "line 4: date",
        "line 4: depth_to",
    ]
    for text in found.problems:
        _, _, rest = text.partition(": ")
        assert rest.count("; ") >= 1, "a rule and a remedy"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("cd\n0\n", "a content is never zero"),
        ("cd\n<0\n", "a content is never zero"),
        ("cd\nND\n", "detection limit"),
        ("determinand,value,unit\ncd,ND,mg/kg\n", "what was not detected has its limit"),
        ("determinand,value,unit\ncd,,mg/kg\n", "a value, or a limit of detection"),
        ("determinand,value,unit\ncd,0.2,ppm\n", "unit = 'ppm'"),
        ("determinand,value,unit\ncd,0.2,mg/L\n", "cd in soil is given in mg/kg or ug/kg"),
        ("determinand,value,unit\ncd,0.2,\n", "unit = ''"),
        ("determinand,value,unit\nCadmuim,0.2,mg/kg\n", "determinand = 'Cadmuim'"),
        ("determinand,value,unit\ncd,0.2,mg/kg\ncd,0.3,mg/kg\n", "once in sample"),
        ("determinand,value,unit,condition,limit\ncd,2,mg/kg,Not Detected,1\n", "no value beside"),
        ("determinand,value,unit,condition\ncd,2,mg/kg,Lost\n", "condition = 'Lost'"),
        ("determinand,value,unit,limit\ncd,2,mg/kg,0\n", "limit = '0': above zero"),
        ("cd\n1000001\n", "not above 1000000 mg/kg"),
        ("cd\n-1\n", "not below 0"),
        ("ph\n14.1\n", "not above 14"),
        ("cd,colour of tin\n1,2\n", "column = 'colour of tin'"),
        ("cd,镉\n1,2\n", "cd is already another column"),
        ("cd,determinand,value\n1,cd,2\n", "not both"),
        ("sample\na\n", "columns determinand and value, or a column for each determinand"),
        ("cd\n1,2\n", "as many cells as the head"),
        ("cd\n", "at least one row below the head"),
        ("", "name the columns in the first row"),
        ("sample,cd\na,\n", "a value for at least one determinand"),
        ("sample,cd\na,1\na,2\n", "a sample stands on one row"),
        (
            "sample,date,determinand,value,unit\n"
            "a,2026-01-02,cd,1,mg/kg\na,2026-01-03,pb,1,mg/kg\n",
            "one for a sample",
        ),
        ("medium,cd\ngroundwater,1\n", "medium = 'groundwater': soil"),
        ("land,cd\nclass_2,1\n", "land = 'class_2': class_1"),
        ("station,cd\nst-noise-dongmen,1\n", "a place where samples are taken"),
        ("date,cd\nyesterday,1\n", "a date or time such as"),
        ("depth_from,cd\n<1,1\n", "metres below ground"),
        ("sample,cd\n" + "a" * 65 + ",1\n", "at most 64 characters"),
    ],
)
def test_what_cannot_be_understood_names_field_rule_and_remedy(table: str, told: str) -> None:
    assert told in problem(table)


def test_a_quote_that_is_never_closed_is_told() -> None:
    told = problem('sample,cd\na,"1\n' + "b,2\n" * 40_000)
    assert "field larger than field limit" in told
    assert "check the quotes" in told


def test_a_column_is_passed_over_when_that_is_asked_for() -> None:
    found = read_lab_table(
        "cd,weather\n1,fine\n", STATIONS, now=NOW, given=GIVEN, ignore=["Weather"]
    )
    assert (len(found.samples), found.ignored) == (1, ("weather",))


def test_a_sample_from_tomorrow_is_refused_and_one_of_this_minute_is_not() -> None:
    for ahead, taken in ((timedelta(0), 1), (timedelta(minutes=1), 0)):
        text = (NOW + ahead).isoformat()
        assert len(read(f"taken,cd\n{text},1\n").samples) == taken


@given(st.text(max_size=200))
def test_whatever_stands_in_a_file_gives_samples_or_problems(text: str) -> None:
    found = read(text)
    assert bool(found.samples) != bool(found.problems)


@given(st.lists(st.lists(st.text(max_size=12), min_size=4, max_size=4), min_size=1, max_size=4))
def test_whatever_stands_in_cells_gives_samples_or_problems(rows: list[list[str]]) -> None:
    lines = [["sample", "date", "cd", "ph"], *rows]
    cells = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in lines]
    found = read("\n".join(cells))
    assert bool(found.samples) != bool(found.problems)
    assert all(one.value or one.limit for one in found.results if one.determinand == "cd")
