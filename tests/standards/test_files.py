"""`onenet assess` as its user calls it: files in, files out, every vector digit for digit."""

from __future__ import annotations

import contextlib
import csv
import io
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standards import ASSESSORS, assess_file
from standards.assess import assess_csv

VECTORS = Path(__file__).parent / "vectors"
CASES = [
    ("aqi", "aqi-2012.csv", "HJ633-2012"),
    ("aqi", "aqi-2026.csv", "HJ633-2026"),
    ("noise", "noise.csv", None),
    ("water", "water.csv", None),
    ("soil", "soil.csv", None),
]
TODAY = date(2026, 11, 24)


def onenet(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onenet", "assess", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def stripped(vector: Path, target: Path) -> list[dict[str, str]]:
    """The vector's input columns as a file; returns its rows with what is expected."""
    with vector.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if not name.startswith("expected_")]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.mark.parametrize(("kind", "name", "edition"), CASES, ids=[case[1] for case in CASES])
def test_every_worked_example_comes_out_digit_for_digit(
    tmp_path: Path, kind: str, name: str, edition: str | None
) -> None:
    expected = stripped(VECTORS / name, tmp_path / "in.csv")
    chosen = ["--edition", edition] if edition else []
    done = onenet(kind, "--input", tmp_path / "in.csv", "--output", tmp_path / "out.csv", *chosen)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert list(ours) == [c.removeprefix("expected_") for c in theirs] + ["error"]
        assert ours["error"] == ""
        assert ours == {k.removeprefix("expected_"): v for k, v in theirs.items()} | {"error": ""}


def test_a_bad_row_tells_its_error_and_the_others_their_results(tmp_path: Path) -> None:
    source = tmp_path / "lab.csv"
    source.write_text("id,ph,do,nh3n,target\na,7,6,0.4,III\nb,7,x,0.4,III\nc,7,6,0.4,VI\n", "utf-8")
    done = onenet("water", "--input", source, "--output", tmp_path / "out.csv")
    assert "3 rows assessed, 2 with an error" in done.stdout
    rows = list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8")))
    assert (rows[0]["class"], rows[0]["error"]) == ("II", "")
    assert "do = 'x'" in rows[1]["error"]
    assert "target = 'VI'" in rows[2]["error"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["weather"], "'weather' is not assessed; there are: aqi"),
        (["aqi", "--edition", "HJ633-1999"], "no edition 'HJ633-1999' of aqi"),
    ],
)
def test_what_cannot_be_assessed_is_told_in_a_line(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("pm25\n12\n", "utf-8")
    done = onenet(*arguments, "--input", source, "--output", target)
    assert done.returncode == 1
    assert told in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert not target.exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_spreadsheets_encoding_is_understood(tmp_path: Path, encoding: str) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("站点,pm25\n莲花,12\n", encoding)
    assert assess_file("aqi", source, target, named=None, on=TODAY) == (1, 0)
    text = target.read_text("utf-8-sig")
    assert text.splitlines()[0] == "站点,pm25,aqi,level,primary,error"
    assert text.splitlines()[1].startswith("莲花,12,")
    marked = target.read_bytes().startswith(b"\xef\xbb\xbf")
    assert marked == (encoding != "utf-8")


def test_each_kind_of_assessment_refuses_an_empty_row_or_leaves_it_empty(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("id\nx\n", "utf-8")
    for kind, assessor in ASSESSORS.items():
        assess_file(kind, source, target, named=None, on=TODAY)
        (row,) = csv.DictReader(target.open(encoding="utf-8"))
        assert row["error"] or not any(row[name] for name in assessor.results), kind


# Spreadsheets as they come from laboratories, and worse


def assessed(tmp_path: Path, kind: str, content: str | bytes, **more: str) -> list[dict[str, str]]:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    assess_file(kind, source, target, named=more.get("named"), on=TODAY)
    text = target.read_text("utf-8-sig")
    delimiter = max(",;\t", key=text.splitlines()[0].count)
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.mark.parametrize(
    "table",
    [
        "id,pm25\r\na,12\r\n",
        "id,pm25\ra,12\r",
        "id;pm25\na;12\n",
        "id\tpm25\na\t12\n",
        "sep=;\nid;pm25\na;12\n",
        "\n \n,,\nid,pm25\n\na,12\n\n",
        " ID ,ＰＭ２５\na,12\n",
        "id,pm25,\na,12,\n",
        "id,pm25\na, １２ \n",
        "id,pm25\na,１２．０\n",
        "id,pm25\na,12\u200b\n",
        'id,pm25\n"a","12"\n',
    ],
)
def test_a_table_is_understood_in_the_form_in_which_it_is_sent(tmp_path: Path, table: str) -> None:
    (row,) = assessed(tmp_path, "aqi", table)
    assert (row["aqi"], row["error"]) == ("18", "")


def test_a_table_in_utf_16_is_read_too(tmp_path: Path) -> None:
    (row,) = assessed(tmp_path, "aqi", "站点\tpm25\r\n莲花\t12\r\n".encode("utf-16"))
    assert (row["站点"], row["aqi"], row["error"]) == ("莲花", "18", "")


def test_other_columns_come_back_as_they_were(tmp_path: Path) -> None:
    table = 'id,pm25,note,,\na,12,"hello, ""world""",x,y\n=1+1,13,２,,\n'
    (tmp_path / "in.csv").write_text(table, "utf-8")
    assess_file("aqi", tmp_path / "in.csv", tmp_path / "out.csv", named=None, on=TODAY)
    head, first, second = csv.reader((tmp_path / "out.csv").open(encoding="utf-8", newline=""))
    assert head[:5] == ["id", "pm25", "note", "", ""]
    assert first[:5] == ["a", "12", 'hello, "world"', "x", "y"]
    assert second[:5] == ["=1+1", "13", "２", "", ""]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("1e400", "a number that can be measured"),
        ("1e30", "at most 1e+12"),
        ("9" * 40, "a number that can be measured"),
        ("-0.1", "not below 0"),
        ("－１", "not below 0"),
        ("NaN", "a number, or a detection limit"),
        ("inf", "a number, or a detection limit"),
        ("0x10", "a number, or a detection limit"),
        ("1_000", "a number, or a detection limit"),
        ("1,234.5", "write 1234.5, neither 1,234.5 nor 1234,5"),
        ("1,5", "write 1234.5"),
        ("1.234,5", "write 1234.5"),
        ("1 234", "write 1234.5"),
        ("ND", "not detected needs the detection limit; write it as <0.05"),
        ("未检出", "not detected needs the detection limit"),
        ("<", "not detected needs the detection limit"),
        (">5", "a number, or a detection limit"),
        ("≤0.02", "a number, or a detection limit"),
        ("0.5mg/L", "without a unit"),
        ("未测", "leave it empty if it was not measured"),
    ],
)
def test_a_cell_that_says_nothing_certain_is_an_error_of_its_row(
    tmp_path: Path, cell: str, told: str
) -> None:
    content = f'id,ph,do,nh3n,target\na,7,6,"{cell}",III\nb,7,6,0.4,III\n'
    bad, good = assessed(tmp_path, "water", content)
    assert bad["error"].startswith("nh3n = ")
    assert told in bad["error"]
    assert bad["class"] == ""
    assert (good["class"], good["error"]) == ("II", "")


@pytest.mark.parametrize("cell", ["<0.01", "＜0.01", "< 0.01", "0.01L", "ND(0.01)", "nd（0.01）"])
def test_below_the_detection_limit_is_understood_in_every_usual_form(
    tmp_path: Path, cell: str
) -> None:
    (row,) = assessed(tmp_path, "water", f"ph,do,nh3n,target\n7,6,{cell},III\n")
    assert (row["class"], row["deciding"], row["error"]) == ("II", "do", "")


@pytest.mark.parametrize(
    "cell",
    [
        *("2026-02-28", "2026/2/28", "2026.2.28", "2026年2月28日", "２０２６-02-28"),
        *("2026-02-28 08:00", "2026-02-28T08:00:00", "20260228"),
    ],
)
def test_a_date_with_its_year_first_chooses_the_edition(tmp_path: Path, cell: str) -> None:
    old, new = assessed(tmp_path, "aqi", f"date,pm25\n{cell},60\n2026-03-01,60\n")
    assert (old["error"], new["error"]) == ("", "")
    assert old["aqi"] != new["aqi"], "the edition changed on 1 March 2026"


@pytest.mark.parametrize("cell", ["3/1/2026", "01.03.2026", "46082", "March 1 2026", "2026-02-30"])
def test_a_date_that_could_be_two_days_is_an_error_of_its_row(tmp_path: Path, cell: str) -> None:
    bad, good = assessed(tmp_path, "aqi", f"date,pm25\n{cell},12\n2026-03-01,12\n")
    assert f"date = '{cell}': a date as 2026-03-01, year first" in bad["error"]
    assert (good["aqi"], good["error"]) == ("18", "")


def test_a_row_with_more_cells_than_names_is_an_error_of_that_row(tmp_path: Path) -> None:
    long, short, fine = assessed(tmp_path, "aqi", "id,pm25\na,12,13\nb\nc,12\n")
    assert "row = '13': 2 cells, as the first row" in long["error"]
    assert (short["aqi"], short["error"]) == ("", "")
    assert (fine["aqi"], fine["error"]) == ("18", "")


@pytest.mark.parametrize("kind", ASSESSORS)
def test_a_table_with_none_of_the_columns_says_so(tmp_path: Path, kind: str) -> None:
    (row,) = assessed(tmp_path, kind, "station,PM2.5(ug/m3)\nx,12\n")
    assert row["error"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,pm25,PM25\na,12,13\n", "column 'pm25' stands twice"),
        (b"pm25,aqi\n12,1\n", "column 'aqi' is a result"),
        (b"", "the table is empty"),
        (b"\n ,,\n", "the table is empty"),
        (b'id,pm25\n"a,12\n', "look at the quotes there"),
        (b"id,pm25\n" + b"x" * 200_000 + b",1\n", "line 2: field larger than field limit"),
        (b"PK\x03\x04" + bytes(50), "is an .xlsx or .ods file: save it as CSV"),
        (bytes(range(256)), "is neither UTF-8 nor GB 18030"),
    ],
)
def test_a_table_that_is_none_is_refused_in_a_line_without_a_traceback(
    tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    done = onenet("aqi", "--input", tmp_path / "in.csv", "--output", tmp_path / "out.csv")
    assert done.returncode == 1
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.csv").exists()


HEADS = {
    "aqi": "date,pm25,pm10,so2,no2,co,o3_8h_max",
    "aqhi": "no2,o3,so2,pm10,pm25",
    "noise": "zone," + ",".join(f"h{hour:02d}" for hour in range(24)),
    "water": "body,ph,do,nh3n,tp,target,temperature",
    "sea": "ph,do,cod,target",
    "soil": "land,ph,cd,hg",
    "soil-risk": "land,ph,cd,benzene",
    "groundwater": "ph,nh3n,iron",
    "drinking": "ph,turbidity,iron",
    "effluent": "grade,ph,cod,nh3n",
}
CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", "7", "<0.05", "ND", "1e400", "-1", "III", "river", "other", "2", "4a"]),
    st.floats().map(str),
)


@given(kind=st.sampled_from(sorted(ASSESSORS)), rows=st.lists(st.lists(CELLS, max_size=9)))
def test_whatever_the_cells_hold_each_row_has_results_or_an_error(
    kind: str, rows: list[list[str]]
) -> None:
    table, judged = io.StringIO(), io.StringIO()
    head = HEADS[kind].split(",")
    csv.writer(table).writerows([head, *(row[: len(head)] or [""] for row in rows)])
    total, _ = assess_csv(
        io.StringIO(table.getvalue(), newline=""), judged, ASSESSORS[kind], named=None, on=TODAY
    )
    found = list(csv.reader(io.StringIO(judged.getvalue(), newline="")))
    assert len(found) == total + 1
    assert all(len(row) == len(found[0]) for row in found)


@given(content=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_assessed_or_refused(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "any.csv"
    source.write_bytes(content)
    with contextlib.suppress(ValueError):
        assess_file("aqi", source, tmp_path / "out.csv", named=None, on=TODAY)
