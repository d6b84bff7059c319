"""docs/sensorthings.md claims what the service claims, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from console.sensorthings import options, scanning, telling
from console.sensorthings.conformance import CONFORMANCE
from console.sensorthings.filters import MOST_DEEP, MOST_NODES
from console.sensorthings.lexing import MOST_SIGNS

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs" / "sensorthings.md"
SPEC = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
ROW = re.compile(r"^\| `…(?P<requirement>[^`]+)` \| `(?P<file>\w+\.py)::(?P<tests>.+) \|$", re.M)


def test_what_is_claimed_is_in_the_docs_with_a_test_that_is_there() -> None:
    rows = list(ROW.finditer(DOCS.read_text("utf-8")))
    assert [SPEC + row["requirement"] for row in rows] == CONFORMANCE
    for row in rows:
        code = (HERE / row["file"]).read_text("utf-8")
        tests = re.findall(r"test_\w+", row["tests"])
        assert tests
        for test in tests:
            assert f"def {test}(" in code, test


def test_the_limits_are_those_of_the_code() -> None:
    text = DOCS.read_text("utf-8").replace(" ", "")
    for limits in (
        f"|{options.PAGE},or`$top`upto{options.MOST_TOP};",
        f"|`$skip`|{options.MOST_SKIP}|",
        f"|{options.MOST_SIGNS},{MOST_SIGNS}signs|",
        f"|{MOST_DEEP},{MOST_NODES}|",
        f"|{options.MOST_EXPANDED},{telling.MOST_EXPANDED_ENTITIES}(",
        f"countsas{telling.SCAN_COSTS})",
        f"|{scanning.MOST_SORTED}:narrow",
        f"readforonepage|{scanning.MOST_SCANNED};",
    ):
        assert limits in text, limits
