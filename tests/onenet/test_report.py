"""`onenet report`: what it writes, and what it says to what it cannot make."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from network.periods import city_date, month_of
from registry import migrate, open_registry, seed_demo_city
from tests.command import onenet

NOW = datetime.now(UTC)
LAST = f"{month_of(month_of(city_date(NOW)).first - timedelta(days=2)).first:%Y-%m}"
THIS = f"{city_date(NOW):%Y-%m}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose sensors have not measured yet."""
    folder = tmp_path_factory.mktemp("report")
    url = f"sqlite:///{folder}/r.db"
    migrate(url)
    registry = open_registry(url)
    seed_demo_city(registry)
    registry.close()
    return folder


def report(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return onenet(home, "report", *arguments)


def test_it_writes_what_was_asked_for_where_settings_say(home: Path) -> None:
    done = report(home, "month", LAST, "--district", "nanshan", "--language", "en")
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.split()]
    assert [path.relative_to(home / "reports").as_posix() for path in written] == [
        f"{LAST}/nanshan-en.html",
        f"{LAST}/nanshan-en.pdf",
    ]
    assert "No valid data" in written[0].read_text("utf-8")
    assert written[1].read_bytes().startswith(b"%PDF")


def test_a_running_year_goes_up_to_yesterday(home: Path) -> None:
    year = f"{city_date(NOW - timedelta(hours=1)).year}"
    target = home / "elsewhere"
    options = ("--language", "zh", "--format", "html", "--output", str(target))
    done = report(home, "year", year, *options)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in target.rglob("*.html")] == ["city-zh.html"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("month", THIS), "is not over"),
        (("month", "2026-13"), "'2026-13' is no month and no year; write 2026-10"),
        (("month", "2026"), "or `onenet report year 2026`"),
        (("year", "2026-10"), "or `onenet report month 2026-10`"),
        (("year", "2999"), "has no day yet"),
        (("month", LAST, "--district", "nowhere"), "no district 'nowhere'; there are: futian"),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(
    home: Path, arguments: tuple[str, ...], why: str
) -> None:
    done = report(home, *arguments)
    assert done.returncode == 1
    assert why in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_format_that_is_none_is_told_those_that_are(home: Path) -> None:
    done = report(home, "month", LAST, "--format", "doc")
    assert done.returncode == 2
    assert "pdf" in done.stderr
