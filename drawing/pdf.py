"""HTML to PDF, by WeasyPrint. Nothing is fetched: a document brings its styles and pictures along.

WeasyPrint sets text with Pango, a library of the system, and with the system's fonts. Without them
there is no PDF, and the error says what to install; the HTML is there all the same. The same HTML
gives the same bytes.
"""

from __future__ import annotations

import subprocess
from functools import cache
from typing import Any

PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-noto-cjk")
_INSTALL = f"on Debian: apt-get install {' '.join(PACKAGES)}"


class PdfUnavailable(OSError):
    """This machine lacks the libraries or fonts that a PDF is set with."""


def pdf(html: str) -> bytes:
    """The document as PDF.

    Raises PdfUnavailable without Pango or a Chinese font; ValueError when the document refers to
    anything outside itself, but for links that a reader may follow.
    """
    weasyprint = _weasyprint()
    _need_chinese_font()
    refused: list[str] = []

    class Within(weasyprint.urls.URLFetcher):  # type: ignore[name-defined]
        """What a picture inside a picture asks for is refused without a word: so keep a list."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.startswith("data:"):
                refused.append(url)
                raise ValueError(url)
            return super().fetch(url, headers)

    made: bytes = weasyprint.HTML(string=html, url_fetcher=Within()).write_pdf()
    if refused:
        raise ValueError(f"the document refers to {refused[0]}, outside itself; embed it")
    return made


def _weasyprint() -> Any:
    try:
        import weasyprint
        import weasyprint.urls
    except OSError as error:
        raise PdfUnavailable(f"no PDF without Pango ({error}); {_INSTALL}") from error
    return weasyprint


@cache
def _need_chinese_font() -> None:
    try:
        found = subprocess.run(
            ["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, check=False
        ).stdout
    except FileNotFoundError as error:
        raise PdfUnavailable(f"no PDF without fontconfig; {_INSTALL}") from error
    if not found.strip():
        raise PdfUnavailable(f"no font for Chinese on this machine; {_INSTALL}")
