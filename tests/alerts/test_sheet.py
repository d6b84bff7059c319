"""The printed sheet: one page, both languages, what is known and no more."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from alerts.letter import Letter
from alerts.sheet import sheet_html, sheet_pdf, sheets
from drawing import words
from drawing.pdf import PdfUnavailable, _need_chinese_font
from drawing.words import shared
from schemas import FixedClock
from tests.alerts.conftest import Hands, shipped
from tests.parts import need

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def alarmed(hands: Hands) -> Hands:
    hands.measure(88, range(60))
    hands.measure(99, range(60, 70), quality=4)
    hands.judge(60, shipped("noise-hour"))
    return hands


def html(hands: Hands, number: int = 1, *, store: bool = True, console: str = "") -> str:
    made = sheet_html(
        hands.registry,
        number,
        store=hands.store if store else None,
        console=console,
        now=hands.at(71),
    )
    assert made is not None
    return made


def text_of(pdf: bytes, folder: Path) -> tuple[str, int]:
    """A PDF's text and how many pages it has."""
    need("poppler-utils", shutil.which("pdftotext") is not None)
    path = folder / "sheet.pdf"
    path.write_bytes(pdf)
    text = subprocess.check_output(["pdftotext", "-layout", path, "-"], text=True)
    return text, text.count("\f")


def needs_pdf() -> None:
    try:
        import weasyprint  # noqa: F401

        _need_chinese_font()
    except (OSError, PdfUnavailable):
        need("Pango and a Chinese font", available=False)


def test_the_page_opens_and_says_it_in_both_languages(alarmed: Hands, tmp_path: Path) -> None:
    needs_pdf()
    console = "https://console.example.org"
    made = sheet_pdf(alarmed.registry, 1, store=alarmed.store, console=console, now=alarmed.at(71))
    assert made is not None
    text, pages = text_of(made, tmp_path)
    assert pages == 1
    for said in ("红色告警", "罗湖区", "Luohu", "88", "GB 3096-2008", "监测值", "Readings"):
        assert said in text, said
    assert "https://console.example.org/alerts/1" in text


def test_it_has_map_chart_limit_and_code(alarmed: Hands) -> None:
    made = html(alarmed, console="https://console.example.org")
    assert made.count("<svg") == 3, "map, chart, code"
    assert 'class="limit"' in made
    assert 'class="flagged"' in made, "values of bad quality are shown as such"


def test_without_readings_or_console_it_says_so_and_draws_nothing(alarmed: Hands) -> None:
    made = html(alarmed, store=False)
    assert words("alerts.sheet").entries["no_readings"]["zh"] in made
    assert made.count("<svg") == 1, "the map"


def test_there_is_no_sheet_of_no_alert(hands: Hands) -> None:
    assert sheet_html(hands.registry, 99, store=None, console="", now=hands.at(0)) is None


def test_hostile_names_stay_names(alarmed: Hands) -> None:
    stations = alarmed.registry.stations()
    sensor = alarmed.registry.sensors()["noise-dongmen-1"]
    odd = stations[sensor.station].model_copy(update={"zh": HOSTILE, "en": HOSTILE})
    alarmed.registry.add(stations=[odd])
    made = html(alarmed)
    assert "<script>" not in made
    assert "&lt;script&gt;" in made


def test_a_mail_goes_without_a_sheet_that_cannot_be_made(
    alarmed: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_html: str) -> bytes:
        raise PdfUnavailable("no Pango")

    monkeypatch.setattr("alerts.sheet.pdf", missing)
    sheet = sheets(alarmed.registry, alarmed.store, "", FixedClock(alarmed.at(71)))
    assert sheet(Letter("k", alarmed.at(0), {"alert": 1})) is None
    assert sheet(Letter("k", alarmed.at(0), {"alert": None})) is None


def test_every_word_is_used() -> None:
    template = (Path(__file__).parents[2] / "alerts/sheet/templates/sheet.html").read_text("utf-8")
    own = words("alerts.sheet").entries.keys() - shared().keys()
    unused = {key for key in own if f'"{key}"' not in template}
    assert {key for key in unused if not key.startswith(("state_", "level_"))} == set()
