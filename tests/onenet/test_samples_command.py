"""`onenet samples` as its user calls it: import, list, show, export, on a registry of its own."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import migrate, open_registry, seed_demo_city
from registry.samples import find_samples

Onenet = Callable[..., subprocess.CompletedProcess[str]]
HEAD = "样品编号,点位,采样日期,depth_from,depth_to,pH,镉,Pb,Cr(VI),benzene (ug/kg)\n"
GOOD = HEAD + "Z-1,st-plot-yuehai-school,2026-10-03,0,0.5,6.8,0.21,44,<0.5,<1.9\n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/registry.db"
    migrate(made)
    seed_demo_city(open_registry(made))
    return made


@pytest.fixture
def onenet(url: str, tmp_path: Path) -> Onenet:
    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "onenet", "samples", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "ONENET_REGISTRY_URL": url},
        )

    return call


def numbers(url: str) -> set[str]:
    return {one.number for one in find_samples(open_registry(url))}


def test_a_table_is_tried_taken_once_and_corrected(
    onenet: Onenet, url: str, tmp_path: Path
) -> None:
    source = tmp_path / "lab.csv"
    source.write_text(GOOD, "gb18030")
    tried = onenet("import", source, "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert "1 samples, 5 results, 2 below detection" in tried.stdout
    assert "would be new 1, revised 0, unchanged 0" in tried.stdout
    assert "converted 1 from ug/kg to mg/kg" in tried.stdout
    assert "Z-1" not in numbers(url)
    assert "new 1, revised 0, unchanged 0" in onenet("import", source).stdout
    assert "new 0, revised 0, unchanged 1" in onenet("import", source).stdout
    source.write_text(GOOD.replace(",44,", ",444,"), "utf-8")
    assert "new 0, revised 1, unchanged 0" in onenet("import", source).stdout
    shown = onenet("show", "Z-1").stdout
    assert "detailed investigation required, by pb" in shown
    assert "GB36600-2018" in shown
    assert "revision 2" in shown
    assert "revision 1" in shown
    assert "<1.9 ug/kg" in shown


def test_a_table_with_errors_tells_all_of_them_and_leaves_nothing(
    onenet: Onenet, url: str, tmp_path: Path
) -> None:
    source, before = tmp_path / "lab.csv", numbers(url)
    bad = "Z-2,st-plot-yuehai-school,2026-10-03,0,0.5,15,much,44,0,\n"
    source.write_text(GOOD + bad, "utf-8")
    done = onenet("import", source)
    assert done.returncode == 1
    assert done.stderr.count("line 3: ") == 3
    for field in ("pH = '15'", "镉 = 'much'", "Cr(VI) = '0'"):
        assert f"line 3: {field}" in done.stderr
    assert "3 problems, nothing was taken" in done.stderr
    assert "Traceback" not in done.stderr
    assert numbers(url) == before


def test_what_is_exported_is_read_again_as_the_same(
    onenet: Onenet, url: str, tmp_path: Path
) -> None:
    target = tmp_path / "samples.csv"
    assert "66 soil" in onenet("export", target).stdout
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 900
    assert all(row["value"] for row in rows)
    again = onenet("import", target)
    assert again.returncode == 0, again.stderr
    assert "new 0, revised 0, unchanged 87" in again.stdout


def test_lists_can_be_narrowed(onenet: Onenet) -> None:
    found = onenet("list", "--station", "st-well-songgang", "--since", "2025-01-01").stdout
    assert found.count("st-well-songgang") == 2
    assert "class V, by cr6" in found
    assert "not assessed: no ph" in onenet("list", "--station", "st-plot-maluan-orchard").stdout
    assert "no samples" in onenet("list", "--medium", "effluent").stdout


def test_an_unknown_sample_is_told_in_a_line(onenet: Onenet) -> None:
    done = onenet("show", "nothing")
    assert done.returncode == 1
    assert "sample 'nothing' does not exist" in done.stderr
