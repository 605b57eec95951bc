"""Points as exact numbers: decimals such as 1.5, and fractions such as 2/3 that no decimal is."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

_POINTS = re.compile(r"[+-]?(\d+/0*[1-9]\d*|\d+\.?\d*|\.\d+)")
MOST_DIGITS = 40  # of a number of points: more is a mistake, and slow to reckon with


def parse_points(text: str) -> Fraction | None:
    """Points as a person writes them, "1.5" or "-2/3"; None for anything else."""
    return Fraction(text) if len(text) <= MOST_DIGITS and _POINTS.fullmatch(text) else None


def in_steps(points: Fraction, step: Fraction) -> int:
    """How many whole steps the points are; quicker than dividing fractions."""
    return points.numerator * step.denominator // (points.denominator * step.numerator)


def plain(points: Fraction | Decimal | int) -> str:
    """Points as `parse_points` reads them, as a decimal where there is one: "3", "1.5", "-2/3"."""
    exact = Fraction(points)
    rest = exact.denominator
    places = 0
    while rest % 2 == 0 or rest % 5 == 0:
        rest //= 10 if rest % 10 == 0 else 5 if rest % 5 == 0 else 2
        places += 1
    if rest > 1 or not places:
        return str(exact)
    digits = f"{abs(exact.numerator) * 10**places // exact.denominator:0{places + 1}}"
    return f"{'-' if exact < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def in_toml(points: Fraction) -> str:
    """Points as a value in exam.toml."""
    text = plain(points)
    return f'"{text}"' if "/" in text else text
