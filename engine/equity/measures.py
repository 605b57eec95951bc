"""Measures of how unequal units are: of school means, resources per pupil, or scores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


def coefficient_of_variation(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """差异系数 S / X̄ with S² = Σ (P_i / P)(X_i - X̄)², X̄ = Σ P_i X_i / P (domain.md §5.3); P_i = 1 without weights.

    A share, not a percentage. NaN unless the mean is above 0.
    """
    x, w = _shares(values, weights)
    mean = float(w @ x)
    return float(np.sqrt(w @ (x - mean) ** 2)) / mean if mean > 0 else np.nan


def gini(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Gini coefficient ΣΣ w_i w_j |x_i - x_j| / 2μ. NaN unless no value is below 0 and the mean is above 0."""
    x, w = _shares(values, weights)
    mean = float(w @ x)
    if not mean > 0 or x.min() < 0:
        return np.nan
    order = np.argsort(x, kind="stable")
    x, w = x[order], w[order]
    below = np.cumsum(w) - w
    return float(w @ (x * (below - (1 - below - w)))) / mean


def theil(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Theil's T = Σ w_i (x_i/μ) ln(x_i/μ). NaN unless no value is below 0 and the mean is above 0."""
    x, w = _shares(values, weights)
    mean = float(w @ x)
    if not mean > 0 or x.min() < 0:
        return np.nan
    ratio = x / mean
    return max(float(w @ (ratio * np.log(np.where(ratio > 0, ratio, 1)))), 0.0)


class Decomposition(NamedTuple):
    """Theil's T of all values; the part between groups and the part within them, which add up to it."""

    total: float
    between: float
    within: float


def theil_decomposition(values: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None) -> Decomposition:
    """Theil's T between the means of groups and within groups (Theil, 1967), weighted by the groups' shares.

    Args:
        groups: (n,) the group of each value.
    """
    x, w = _shares(values, weights)
    total = theil(x, w)
    if np.isnan(total):
        return Decomposition(np.nan, np.nan, np.nan)
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    share = np.bincount(codes, w)
    mean = np.divide(np.bincount(codes, w * x), share, out=np.zeros(len(share)), where=share > 0)
    between = theil(mean, share)
    return Decomposition(total, between, total - between)


def robin_hood(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Share of the whole that would have to be moved to make all equal (Hoover): Σ w_i |x_i/μ - 1| / 2."""
    x, w = _shares(values, weights)
    mean = float(w @ x)
    return float(w @ np.abs(x - mean)) / mean / 2 if mean > 0 and x.min() >= 0 else np.nan


def range_ratio(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """极差率: the largest value as a multiple of the smallest. NaN unless all are above 0."""
    x, _ = _shares(values, weights)
    return float(x.max() / x.min()) if len(x) and x.min() > 0 else np.nan


def _shares(values: ArrayLike, weights: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Values as floats, and weights that add up to 1; values without weight are left out.

    Raises:
        ValueError: values that are not finite, weights below 0 or of another length.
    """
    x = np.asarray(values, float)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    if x.ndim != 1 or w.shape != x.shape or not np.isfinite(x).all() or not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("expected a row of finite values, and as many weights, none below 0")
    x, w = x[w > 0], w[w > 0]
    return x, w / w.sum() if len(w) else w
