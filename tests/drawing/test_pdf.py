"""PDF made of HTML by WeasyPrint, with the fonts of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drawing import pdf

PAGE = """<!doctype html><html lang="zh-CN"><head><title>月报</title>
<style>body {{ font-family: "Noto Sans CJK SC", sans-serif }}</style></head>
<body><h1>深圳市环境质量月报</h1><p>PM2.5 µg/m³</p>{more}</body></html>"""


def text_of(document: bytes, folder: Path) -> str:
    file = folder / "document.pdf"
    file.write_bytes(document)
    said = subprocess.run(["pdftotext", file, "-"], capture_output=True, check=True)
    return said.stdout.decode()


def test_chinese_and_units_are_set_as_text(tmp_path: Path) -> None:
    made = pdf(PAGE.format(more=""))
    assert made.startswith(b"%PDF")
    text = text_of(made, tmp_path)
    assert "深圳市环境质量月报" in text
    assert "PM2.5 µg/m³" in text


def test_the_same_document_gives_the_same_bytes() -> None:
    assert pdf(PAGE.format(more="")) == pdf(PAGE.format(more=""))


@pytest.mark.parametrize(
    "more",
    [
        '<img src="http://127.0.0.1:1/x.png">',
        '<img src="file:///etc/hostname">',
        '<link rel="stylesheet" href="http://127.0.0.1:1/x.css">',
        "<style>@import url(http://127.0.0.1:1/x.css);</style>",
        '<svg><image href="file:///etc/hostname"/></svg>',
    ],
)
def test_nothing_is_fetched_from_outside(more: str) -> None:
    with pytest.raises(ValueError, match=r"(127\.0\.0\.1|hostname).*outside itself"):
        pdf(PAGE.format(more=more))


def test_a_link_to_follow_is_no_fetch() -> None:
    assert pdf(PAGE.format(more='<a href="https://example.org/">…</a>')).startswith(b"%PDF")


@pytest.mark.parametrize("blocked", ["pango", "fc-list"])
def test_a_machine_without_pango_or_fonts_is_told_what_to_install(
    blocked: str, tmp_path: Path
) -> None:
    """In another process, for a library once loaded stays loaded."""
    hide = """
import cffi
find = cffi.FFI.dlopen
def dlopen(self, name, *flags):
    if "pango" in str(name):
        raise OSError(f"cannot load library {name!r}")
    return find(self, name, *flags)
cffi.FFI.dlopen = dlopen
"""
    code = (hide if blocked == "pango" else "") + "import drawing; drawing.pdf('<p>')"
    environment = {"PATH": str(tmp_path)} if blocked == "fc-list" else None
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert "PdfUnavailable" in ran.stderr
    assert "apt-get install libpango-1.0-0" in ran.stderr
