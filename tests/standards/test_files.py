"""`onenet assess` as its user calls it: files in, files out, every vector digit for digit."""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from standards import ASSESSORS, assess_file

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
