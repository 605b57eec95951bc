"""Whether a school or class differs from all pupils by more than chance: means of totals, and rates of single items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import stdtrit

MIN_PUPILS = 5  # below this nothing is compared
TAIL = 0.975  # two-sided 95 %
Z95 = 1.959964


@dataclass(frozen=True)
class Comparison:
    """A unit's mean against a reference mean, in points."""

    gap: float | None
    half: float | None  # half width of the 95 % interval of the mean
    verdict: Literal["above", "below", "same", "unknown"]


def compare(unit: Mapping[str, Any] | None, reference: float | None) -> Comparison:
    """A row of the table "units" against a mean: Student's interval, mean ± t(n-1)·s/√n with s of the sample kind.

    The reference mean counts as known. Where the unit is itself a good part of the reference group, the interval errs
    on the wide side.
    """
    if unit is None or reference is None or unit["mean"] is None:
        return Comparison(None, None, "unknown")
    gap, n = unit["mean"] - reference, unit["n"]
    if n < MIN_PUPILS:
        return Comparison(gap, None, "unknown")
    half = float(stdtrit(n - 1, TAIL)) * unit["sd"] / (n - 1) ** 0.5  # sd is of the population kind
    return Comparison(gap, half, "same" if abs(gap) <= half else "above" if gap > 0 else "below")


def clearly_lower(points: np.ndarray, item: Mapping[str, Any], least: float = 0.05) -> bool:
    """Whether a unit's rate on an item lies below that of all by `least`, and by more than chance (95 %).

    The score test: the spread of the points is taken from all pupils, so that a few pupils who all failed a hard item
    are not certain for being alike. For right/wrong items this is whether Wilson's interval leaves out the reference.

    Args:
        points: of the unit's pupils, NaN where the item was not presented.
        item: the item's row of the table "items"; {} if there is none.
    """
    points = points[~np.isnan(points)]
    if item.get("difficulty") is None or len(points) < MIN_PUPILS:
        return False
    gap = points.mean() / item["max"] - item["difficulty"]
    return bool(gap <= -max(least, Z95 * item["sd"] / item["max"] / len(points) ** 0.5))
