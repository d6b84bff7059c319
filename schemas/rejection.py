"""Why a message is refused: the one exception that leads to a dead letter.

`Rejected` carries a reason code from `reasons.yaml` (bilingual text), and the field, value, rule
and remedy of this case. Raised while decoding, validating or looking up; caught in one place, where
the dead letter is written. Anything else that is raised is a bug.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml

SHOWN_VALUE = 120


class Rejected(Exception):
    """A message, or one reading of it, that cannot be accepted.

    code: key of `reasons.yaml`. field: where. value: what stood there (shown shortened and
    escaped). rule: what holds. remedy: what the technician does about it.
    """

    def __init__(self, code: str, *, field: str, value: object, rule: str, remedy: str) -> None:
        self.code = code
        self.field = field
        self.value = shown(value)
        self.rule = rule
        self.remedy = remedy
        super().__init__(f"{code}: {field} = {self.value}; rule: {rule}; do: {remedy}")

    def reason(self, language: str) -> str:
        """The whole reason as one sentence, `zh` or `en`."""
        texts = reasons()[self.code]
        if language == "zh":
            return f"{texts['zh']}:{self.field} = {self.value};规则:{self.rule};{texts['do_zh']}"
        return f"{texts['en']}: {self.field} = {self.value}; rule: {self.rule}; {self.remedy}"


def shown(value: object) -> str:
    """A value as it may be shown anywhere: escaped, one line, at most 120 characters."""
    text = value if isinstance(value, str) else repr(value)
    cut = text[:SHOWN_VALUE]
    safe = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)
    return safe if len(text) <= SHOWN_VALUE else f"{safe}… ({len(text)} characters)"


@cache
def reasons() -> dict[str, dict[str, Any]]:
    """Every reason code with its texts: `zh`, `en`, `do_zh`."""
    text = resources.files("schemas").joinpath("reasons.yaml").read_text("utf-8")
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return loaded
