"""Whether a school or class differs from all pupils by more than chance: means of totals, and rates of single items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import bdtr, stdtrit

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


def chance_of_fewer(count: np.ndarray, n: np.ndarray, share: np.ndarray) -> np.ndarray:
    """P(X ≤ count) of a binomial X of n pupils drawn from all, of whom this share counts; 1 where n is 0.

    All pupils count as infinitely many: where the unit is itself a good part of them, a chance finding is even rarer.
    """
    count, n, share = np.broadcast_arrays(count, n, share)
    trials = np.maximum(n, 1).astype(np.int64)
    return np.where(n > 0, bdtr(count, trials, np.clip(share, 0, 1)), 1.0)


def false_discovery(p: np.ndarray, axis: int | None = None) -> np.ndarray:
    """P-values adjusted so that those ≤ q hold a share q of chance findings (Benjamini & Hochberg 1995).

    Args:
        p: any shape; NaN where nothing was tested, which stays NaN and does not count as a test.
        axis: the tests of a family lie along it; None: all are one family.
    """
    if axis is None:
        return false_discovery(p.ravel(), 0).reshape(p.shape)
    p = np.moveaxis(p, axis, -1)
    order = np.argsort(p, axis=-1)  # NaN last
    tests = np.isfinite(p).sum(axis=-1, keepdims=True)
    scaled = np.take_along_axis(p, order, -1) * tests / np.arange(1, p.shape[-1] + 1)
    largest_first = np.fmin.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    adjusted = np.empty(p.shape)
    np.put_along_axis(adjusted, order, np.minimum(largest_first, 1), -1)
    return np.moveaxis(np.where(np.isfinite(p), adjusted, np.nan), -1, axis)
