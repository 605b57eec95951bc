"""Split-half reliability: of a given split of the items, and of the best one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from engine.crossproducts import total_variance
from engine.moments import quotient

EXACT_SPLITS = 10_000  # as psych::splitHalf: so many are all tried


@dataclass(frozen=True)
class SplitHalf:
    """Reliability of a test from two halves of its items; None where a half or the whole does not vary.

    Attributes:
        first: (k,) bool, the items of the first half.
        correlation: of the two halves.
        spearman_brown: 2r/(1 + r), stepped up to the whole test (Spearman 1910, Brown 1910); takes the halves as
            parallel, of equal length.
        guttman: 4·cov/var(total) (Guttman 1945, lambda 4; the same as Rulon 1939 and Flanagan 1937); the halves need
            not be parallel.
    """

    first: np.ndarray
    correlation: float | None
    spearman_brown: float | None
    guttman: float | None


def split_half(
    covariance: np.ndarray, halves: Literal["odd-even", "first-second"] | ArrayLike = "odd-even"
) -> SplitHalf:
    """Reliability from a split of the items.

    Args:
        covariance: (k, k) of the items, e.g. CrossProducts.covariance(); or their correlations, as psych::splitHalf.
        halves: the items of odd places against those of even ones; the first half (with the one in the middle)
            against the second; or (k,) bool, those of the first half.

    Raises:
        ValueError: `halves` is none of these.
    """
    k = len(covariance)
    if isinstance(halves, str):
        if halves not in ("odd-even", "first-second"):
            raise ValueError(f'halves must be "odd-even", "first-second" or {k} true or false, not {halves!r}')
        first = np.arange(k) % 2 == 0 if halves == "odd-even" else np.arange(k) < (k + 1) // 2
    else:
        first = np.asarray(halves, dtype=bool)
        if first.shape != (k,):
            raise ValueError(f"halves must say of each of the {k} items whether it is in the first half")
    a, b = (total_variance(covariance[np.ix_(half, half)]) for half in (first, ~first))
    between = covariance[np.ix_(first, ~first)].sum()
    r = quotient(between, math.sqrt(a * b))
    stepped_up = 2 * r / (1 + r) if r is not None and 1 + r > 1e-12 else None
    return SplitHalf(first, r, stepped_up, quotient(4 * between, total_variance(covariance)))


def best_split(covariance: np.ndarray) -> SplitHalf:
    """The split into equal halves (of odd k: one item more in the second) with the highest Guttman coefficient.

    Up to 10 000 splits are all tried. Of more, items are exchanged between the halves as long as the best exchange
    gains, from the odd-even split, the first-second one and the one by the signs of each of the leading eigenvectors:
    the coefficient is then that of the best split found. (psych tries 10 000 at random there.)

    Note:
        Of many items and few persons the best of all splits is too good by chance (Callender & Osburn 1979).
    """
    k = len(covariance)
    if k < 2 or not np.isfinite(covariance).all():
        return split_half(covariance)
    between = covariance - np.diag(np.diagonal(covariance))
    if math.comb(k, k // 2) <= EXACT_SPLITS * 2:
        chosen = np.array(list(combinations(range(k), k // 2)))
        signs = np.ones((len(chosen), k))
        np.put_along_axis(signs, chosen, -1, axis=1)
        # The covariance between halves falls as sᵀCs rises.
        best = signs[np.argmin(np.einsum("si,ij,sj->s", signs, between, signs, optimize=True))]
    else:
        best = min((_exchange(start, between) for start in _starts(covariance)), key=lambda s: float(s @ between @ s))
    return split_half(covariance, best < 0)


def _starts(covariance: np.ndarray) -> list[np.ndarray]:
    """Signs of halves to begin with."""
    k = len(covariance)
    orders = [np.arange(k) % 2, np.arange(k)]
    orders += list(np.linalg.eigh(covariance)[1].T[::-1][:8])
    starts = []
    for order in orders:
        signs = np.ones(k)
        signs[np.argsort(order, kind="stable")[: k // 2]] = -1
        starts.append(signs)
    return starts


def _exchange(signs: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Exchange the pair of items that lowers sᵀCs most, until none does."""
    signs = signs.copy()
    while True:
        pull = signs * (between @ signs)
        minus, plus = np.flatnonzero(signs < 0), np.flatnonzero(signs > 0)
        gain = pull[minus][:, None] + pull[plus][None, :] + 2 * between[np.ix_(minus, plus)]
        place = np.unravel_index(np.argmax(gain), gain.shape)
        if gain[place] <= 1e-12 * np.abs(between).sum():
            return signs
        signs[minus[place[0]]], signs[plus[place[1]]] = 1, -1
