"""The command `onenet report`: the bulletin of a month or a year, as HTML and PDF."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from onenet.settings import Settings
from schemas import SystemClock

app = typer.Typer(help="The bilingual bulletin of a month or a year.", no_args_is_help=True)
PIPED_WIDTH = 160
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


class _Language(StrEnum):
    ZH = "zh"
    EN = "en"
    BOTH = "both"


class _Format(StrEnum):
    HTML = "html"
    PDF = "pdf"
    BOTH = "both"


_District = Annotated[
    str | None, typer.Option(help="Of one district, e.g. nanshan; else of the city.")
]
_LanguageOption = Annotated[
    _Language, typer.Option(help="both: one document, Chinese first and English after it.")
]
_FormatOption = Annotated[_Format, typer.Option(help="both: a page and a paper.")]
_Output = Annotated[Path | None, typer.Option(help="Folder; ONENET_REPORTS_DIR, else run/reports.")]


@app.command("month")
def month(
    name: Annotated[str, typer.Argument(metavar="MONTH", help="A month that is over: 2026-10.")],
    district: _District = None,
    language: _LanguageOption = _Language.BOTH,
    format: _FormatOption = _Format.BOTH,
    output: _Output = None,
) -> None:
    """Write the bulletin of a month."""
    if "-" not in name:
        raise ValueError(f"{name!r} is no month; write 2026-10, or `onenet report year {name}`")
    _report(name, district, language, format, output)


@app.command("year")
def year(
    name: Annotated[str, typer.Argument(metavar="YEAR", help="A year, also one that still runs.")],
    district: _District = None,
    language: _LanguageOption = _Language.BOTH,
    format: _FormatOption = _Format.BOTH,
    output: _Output = None,
) -> None:
    """Write the bulletin of a year; of a year that still runs, up to yesterday."""
    if "-" in name:
        raise ValueError(f"{name!r} is no year; write 2026, or `onenet report month {name}`")
    _report(name, district, language, format, output)


def _report(
    name: str, district: str | None, language: str, format: str, output: Path | None
) -> None:
    from bulletin import FORMATS, LANGUAGES, area_of, compile_bulletin, span_of, write
    from registry import open_registry
    from storage import StoreUnavailable, open_store

    settings, now = Settings(), SystemClock().now()
    span = span_of(name, now)
    registry = open_registry(settings.registry_url)
    area = area_of(district, registry)
    store = open_store(settings.store_url, token=settings.store_token)
    try:
        made = compile_bulletin(area, span, store=store, registry=registry, made=now)
    except StoreUnavailable as error:
        raise ConnectionError(f"the store is not there: {error}") from error
    finally:
        store.close()
        registry.close()
    formats = [each for each in FORMATS if format in (each, _Format.BOTH)]
    languages = [each for each in LANGUAGES if each == language]
    for path in write(made, output or settings.reports_dir, languages=languages, formats=formats):
        out.print(str(path), markup=False, highlight=False, soft_wrap=True)
