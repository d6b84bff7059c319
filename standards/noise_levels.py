"""Arithmetic of sound levels: energy means, percentiles, statistics of a recording.

Levels are dB(A); they are averaged as energy, never as numbers. Nothing here knows a limit:
verdicts are in `noise`. Logarithms have no exact decimal value, so they are computed with 40 digits
and cut to 20 places: a mean of equal levels is that level, and a five at its end is a true five.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache
from math import ceil

from standards.rounding import Number, exact

_DIGITS = 40
_STEP = Decimal(1).scaleb(-20)


def energy_mean(levels: Iterable[Number], weights: Iterable[Number] | None = None) -> Decimal:
    """The level of the mean energy, dB(A): 10 lg(sum(w 10^(L/10)) / sum(w)) (GB 3096-2008, 3.2).

    weights: of the windows, e.g. their durations; None = equal windows. Not rounded for a report.
    Raises ValueError when there is no level, or no weight above zero.
    """
    values = [exact(level) for level in levels]
    shares = [Decimal(1)] * len(values) if weights is None else [exact(w) for w in weights]
    if len(shares) != len(values):
        raise ValueError(f"{len(values)} levels have {len(shares)} weights")
    if any(share < 0 for share in shares) or not sum(shares):
        raise ValueError("an energy mean needs a level with a weight above zero, and none below")
    with localcontext() as context:
        context.prec = _DIGITS
        energy = sum(
            (share * _energy(value) for value, share in zip(values, shares, strict=True)),
            Decimal(0),
        )
        mean = 10 * (energy / sum(shares)).log10()
        return mean.quantize(_STEP, rounding=ROUND_HALF_EVEN)


@lru_cache(maxsize=4096)
def _energy(level: Decimal) -> Decimal:
    """10^(L/10), relative sound energy. Levels come in steps of 0.1 dB: the same ones again."""
    with localcontext() as context:
        context.prec = _DIGITS
        return Decimal(10) ** (level / 10)


def exceeded(levels: Sequence[Number], percent: int) -> Decimal:
    """The level exceeded for so many percent of the time (L10, L50, L90), dB(A).

    Of n equal windows in descending order it is the one at n * percent / 100, rounded up: of 100
    samples the 10th, 50th and 90th. It is a measured level, not one between two.
    Raises ValueError when there is no level or the percentage is not above 0 and up to 100.
    """
    if not levels or not 0 < percent <= 100:
        raise ValueError(f"no level exceeded {percent} % of the time among {len(levels)} levels")
    ordered = sorted((exact(level) for level in levels), reverse=True)
    return ordered[ceil(Decimal(len(ordered) * percent) / 100) - 1]


@dataclass(frozen=True, slots=True)
class Statistics:
    """A recording of short equal windows, dB(A). leq is not rounded."""

    leq: Decimal
    l10: Decimal
    l50: Decimal
    l90: Decimal
    lmax: Decimal
    lmin: Decimal


def statistics(levels: Sequence[Number]) -> Statistics:
    """Leq, L10, L50, L90, Lmax and Lmin of short Leq of equal length. Raises ValueError if none.

    Lmax and Lmin are those of the windows: above 1 s an instrument's own Lmax is higher.
    """
    values = [exact(level) for level in levels]
    return Statistics(
        leq=energy_mean(values),
        l10=exceeded(values, 10),
        l50=exceeded(values, 50),
        l90=exceeded(values, 90),
        lmax=max(values),
        lmin=min(values),
    )
