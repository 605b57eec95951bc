"""Means, spreads and correlations from exact sums, and where the totals of a Tally lie."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from engine.tally import Tally


class Moments(NamedTuple):
    """Exact sums over n pupils of x: Σx, Σx²."""

    n: int
    x: int
    xx: int

    def sd(self, ddof: int = 0) -> float | None:
        """Standard deviation."""
        return math.sqrt(self.spread() / (self.n * (self.n - ddof))) if self.n > ddof else None

    def spread(self) -> int:
        """n² times the variance."""
        return self.n * self.xx - self.x**2


def mean_points(total: int, count: int, step: Fraction) -> float | None:
    """Mean of points given in steps."""
    return total * step.numerator / (count * step.denominator) if count else None


def scaled(value: float | None, step: Fraction) -> float | None:
    """What was in steps, in points."""
    return None if value is None else value * float(step)


def share_of(count: int, of: int) -> float | None:
    """count / of; None of nothing."""
    return count / of if of else None


def quotient(numerator: float, denominator: float) -> float | None:
    """numerator / denominator; None unless the denominator is above 0 and the quotient finite."""
    return float(numerator / denominator) if denominator > 0 and math.isfinite(numerator / denominator) else None


def total_axis(tally: Tally) -> np.ndarray:
    """The total score of each column of counts, in steps."""
    return tally.lowest + np.arange(len(tally.totals), dtype=np.int64)


def total_quantile(tally: Tally, share: Fraction) -> Fraction:
    """Quantile of the total score, in steps, exactly; type 7, as R and NumPy.

    Args:
        tally: of at least one pupil.
    """
    place = (tally.n - 1) * share
    below = math.floor(place)
    ranked = np.cumsum(tally.totals)
    low, high = (
        tally.lowest + int(np.searchsorted(ranked, min(rank, tally.n - 1), side="right")) for rank in (below, below + 1)
    )
    return low + (place - below) * (high - low)
