"""Compliance of water with one set of limits: what drinking water and effluents share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from standards.rows import names

RESULTS = ("compliant", "exceeding")


@dataclass(frozen=True, slots=True)
class Compliance:
    """judged: the items that took part. exceeding: those over their limit, with their multiple.

    A multiple (C / S - 1) is None where there is none: pH, ranges, what shall not be detected.
    """

    judged: tuple[str, ...]
    exceeding: Mapping[str, Decimal | None]

    @property
    def compliant(self) -> bool:
        return not self.exceeding

    def results(self) -> dict[str, str]:
        """The verdict as cells of an assessed table."""
        cells = ("true" if self.compliant else "false", names(self.exceeding))
        return dict(zip(RESULTS, cells, strict=True))
