"""Rounding and exact arithmetic of the standards: GB/T 8170-2008, decimal, never binary.

A value that an instrument or a laboratory wrote as `0.125` is that number and no neighbour of it in
binary. Evaluators therefore compute in `Decimal` and round once, at the end, to the places that the
standard names.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

Number = Decimal | float | int | str

MAGNITUDE = 30  # powers of ten, both ways


def exact(value: Number) -> Decimal:
    """The decimal number that was written; a float by its shortest text. Raises ValueError.

    Not a number, infinities, texts that are no number, and numbers beyond anything that is ever
    measured are refused: their digits would fill the memory.
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except ArithmeticError:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    if number and abs(number.adjusted()) > MAGNITUDE:
        raise ValueError(f"{value!r} is not a measurable number")
    return number


def revise(value: Number, places: int) -> Decimal:
    """Round to so many decimal places, a five to the even neighbour (GB/T 8170-2008, 3.2)."""
    return exact(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def round_up(value: Number) -> int:
    """The next integer, as an IAQI is rounded (HJ 633, formula 1: any fraction goes up)."""
    return int(exact(value).to_integral_value(rounding=ROUND_CEILING))


def plain(value: Decimal) -> str:
    """A number as people write it: no exponent, no sign of a zero."""
    return f"{value if value else abs(value):f}"
