"""What is wrong with a person's entry: field, value, rule and remedy, in two languages.

A problem that is grave forbids; the others ask to look again. The words are in `problems.yaml`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

SHOWN = 80  # of a value, in characters


@dataclass(frozen=True, slots=True)
class Problem:
    """code: a key of `problems.yaml`; facts: what its words name in braces."""

    code: str
    field: str
    value: str
    facts: Mapping[str, object] = dataclasses.field(default_factory=dict)
    grave: bool = True

    def text(self, language: str) -> str:
        """Value, rule and remedy in one sentence or two."""
        words = problem_words()[self.code]["zh" if language.startswith("zh") else "en"]
        value = self.value if len(self.value) <= SHOWN else f"{self.value[:SHOWN]}…"
        return words.format_map({"value": value, **self.facts})


class Refused(ValueError):
    """Nothing was written: every problem of the input at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        told = "; ".join(f"{problem.field}: {problem.text('en')}" for problem in problems)
        super().__init__(told)


def refuse_if_grave(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that only ask to look again. Raises Refused for the others, all of them."""
    found = list(problems)
    grave = [problem for problem in found if problem.grave]
    if grave:
        raise Refused(grave)
    return found


@cache
def problem_words() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        resources.files("registry").joinpath("problems.yaml").read_text("utf-8")
    )
    return loaded
