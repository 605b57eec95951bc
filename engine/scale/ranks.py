"""Ranks (名次), percentile ranks (百分等级) and standard scores (标准分) of one set of scores.

Arrays are (n,) of the pupils who count; scores are whole numbers, so that ties are exact.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy.special import ndtri

Convention = Literal["mid", "below", "at_or_below", "rank"]


def competition_rank(score: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Rank from the top within each unit, ties sharing the best: 1, 2, 2, 4.

    Args:
        unit: the number of each pupil's unit.

    Returns:
        (n,) int64.
    """
    key = unit_key(unit, -score)
    order = np.argsort(key)  # which of those tied comes first makes no difference
    place, ranked, sorted_unit = np.arange(len(order)), key[order], unit[order]
    first_of_unit = np.diff(sorted_unit, prepend=sorted_unit[:1] - 1) != 0
    first_of_tie = np.diff(ranked, prepend=ranked[:1] - 1) != 0
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = _latest(place, first_of_tie) - _latest(place, first_of_unit) + 1
    return rank


def unit_key(unit: np.ndarray, value: np.ndarray) -> np.ndarray:
    """One number for both, which sorts by unit and then by value; sorting one column is much quicker than two."""
    low, high = int(value.min(initial=0)), int(value.max(initial=0))
    return unit * (high - low + 1) + (value - low)


def _latest(place: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """For every place the last one up to it that is marked."""
    return np.maximum.accumulate(np.where(marked, place, 0))


def percentile_rank(score: np.ndarray, convention: Convention = "mid") -> np.ndarray:
    """Percentile rank of each score among all.

    "mid": 100 (below + same / 2) / n, where `same` includes the pupil, the convention of test manuals; "below":
    100 below / n; "at_or_below": 100 (below + same) / n; "rank": 100 - (100 R - 50) / n with the rank R from the top,
    as in Chinese textbooks (equal to "mid" where nobody is tied).

    Returns:
        (n,) float64, 0…100.
    """
    n = len(score)
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    upto = np.cumsum(count)[place]
    same = count[place]
    below = upto - same
    if convention == "mid":
        return 50 * (below + upto) / n
    if convention == "below":
        return 100 * below / n
    if convention == "at_or_below":
        return 100 * upto / n
    return 100 - (100 * (n - upto + 1) - 50) / n


def z_score(score: np.ndarray) -> np.ndarray:
    """(score - mean) / sd with the sd of the population kind; NaN where all scores are equal.

    The sums are of whole numbers, so the result does not depend on the order of the pupils.
    """
    n, total = len(score), int(score.sum())
    spread = n * int((score**2).sum()) - total**2
    return (n * score - total) / math.sqrt(spread) if spread else np.full(n, np.nan)


def normal_score(score: np.ndarray) -> np.ndarray:
    """Normalised z: Φ⁻¹ of the percentile rank (convention "mid", which never reaches 0 or 100)."""
    return ndtri(percentile_rank(score) / 100)
