"""A bulletin as files: which there are, where they lie, and how they come to be.

`<folder>/<span>/<area>-<language>.<html|pdf>`. A file is there whole or not at all, and the same
data, made at the same moment, give the same bytes.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bulletin.contents import Bulletin
from bulletin.page import page
from bulletin.spans import name_of
from drawing import pdf

Language = Literal["zh", "en", "both"]
Format = Literal["html", "pdf"]
LANGUAGES: tuple[Language, ...] = ("zh", "en", "both")
FORMATS: tuple[Format, ...] = ("html", "pdf")
DEFAULT_FOLDER = "run/reports"
_NAME = re.compile(r"([a-z0-9-]+)-(zh|en|both)\.(html|pdf)")
_SPAN = re.compile(r"\d{4}(-\d{2}|-to-\d{2}-\d{2})?")


@dataclass(frozen=True, slots=True, order=True)
class Request:
    """One file: of which span and area, in which language and format."""

    span: str
    area: str
    language: Language
    format: Format


def reports_folder() -> Path:
    """Where bulletins lie: ONENET_REPORTS_DIR, else `run/reports`."""
    return Path(os.environ.get("ONENET_REPORTS_DIR", "") or DEFAULT_FOLDER)


def path_of(folder: Path, wanted: Request) -> Path:
    return folder / wanted.span / f"{wanted.area}-{wanted.language}.{wanted.format}"


def render(bulletin: Bulletin, language: Language, format: Format) -> bytes:
    """The file's bytes. Raises PdfUnavailable."""
    html = page(bulletin, ("zh", "en") if language == "both" else (language,))
    return pdf(html) if format == "pdf" else html.encode()


def write(
    bulletin: Bulletin,
    folder: Path,
    *,
    languages: Collection[Language] = LANGUAGES,
    formats: Collection[Format] = FORMATS,
) -> list[Path]:
    """Write the bulletin in these languages and formats; those that are there are replaced.

    Pages come before papers, so that they are there on a machine that can make no PDF. Raises
    PdfUnavailable, OSError.
    """
    written = []
    for form in formats:
        for language in languages:
            wanted = Request(name_of(bulletin.span), bulletin.area.id, language, form)
            target = path_of(folder, wanted)
            put(target, render(bulletin, language, form))
            written.append(target)
    return written


def put(target: Path, content: bytes) -> None:
    """Write a file at once: a reader sees the old one or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def there(folder: Path) -> Iterator[Request]:
    """The bulletins that lie in a folder."""
    if not folder.is_dir():
        return
    for span in sorted(folder.iterdir()):
        if not _SPAN.fullmatch(span.name) or not span.is_dir():
            continue
        for file in sorted(span.iterdir()):
            found = request_of(span.name, file.name)
            if found:
                yield found


def request_of(span: str, file: str) -> Request | None:
    """The bulletin that two names mean; None where they are none of ours."""
    found = _NAME.fullmatch(file)
    if found is None or not _SPAN.fullmatch(span):
        return None
    return Request(span, found[1], found[2], found[3])  # type: ignore[arg-type]
