"""Words in Chinese (default) and English, from the `texts.yaml` of a package. Strict.

Each room that speaks to people has its own file; the words that several of them need are in the
file of this one. A key without one of the languages, or a key that stands in two files, is refused
when the file is read, so that no page comes out half translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Protocol

import yaml

LANGUAGES = ("zh", "en")
HTML_LANGUAGE = {"zh": "zh-CN", "en": "en"}

Entries = Mapping[str, Mapping[str, str]]


class Translator(Protocol):
    """From a key to its word. values: what the word names in braces."""

    def __call__(self, key: object, /, **values: object) -> str: ...


class Words:
    """Every word that a room may say."""

    def __init__(self, *files: Entries) -> None:
        """Raises ValueError for a word that lacks a language, or that two files give."""
        self.entries: dict[str, Mapping[str, str]] = {}
        for entries in files:
            for key, word in entries.items():
                if set(word) != set(LANGUAGES) or not all(word.values()):
                    raise ValueError(f"texts.yaml: {key!r} needs a word in each of {LANGUAGES}")
                if key in self.entries:
                    raise ValueError(f"texts.yaml: {key!r} is given twice; keep one of them")
                self.entries[key] = word

    def translator(self, language: str) -> Translator:
        """The words of one language. Raises KeyError for an unknown key or a value not given."""

        def translate(key: object, /, **values: object) -> str:
            word = self.entries[str(key)][language]
            return word.format_map(values) if values else word

        return translate


@cache
def words(package: str) -> Words:
    """The words of a room together with those that all share."""
    return Words(shared(), _read(package))


def shared() -> Entries:
    """The words that every room has."""
    return _read("drawing")


def _read(package: str) -> Entries:
    loaded: Entries = yaml.safe_load(
        resources.files(package).joinpath("texts.yaml").read_text("utf-8")
    )
    return loaded
