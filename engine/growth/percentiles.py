"""Student growth percentiles (学生成长百分等级; Betebenner, 2009): a pupil's place among those with the same past."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import BSpline

from engine.growth.quantiles import quantile_fit

KNOTS = (0.2, 0.4, 0.6, 0.8)  # quantiles of the earlier scores at which the cubic splines join
MARGIN = 0.1  # the splines reach beyond the scores by this share of their range
DEGREE = 3
EQUAL = 1e-5  # of the range of the scores: what the search may leave of a quantile that goes through a score
TAUS = (np.arange(100) + 0.5) / 100


def student_growth_percentiles(score: ArrayLike, prior: ArrayLike) -> np.ndarray:
    """(n,) growth percentiles, 1 … 99.

    The quantiles 0.005, 0.015, …, 0.995 of the score are fitted on cubic B-splines of each earlier score with knots at
    its quintiles, put in order where they cross (Chernozhukov, Fernández-Val & Galichon, 2010), and a pupil's
    percentile is how many of them are below the pupil's score, as in the R package SGP. Those equal to it count half,
    where SGP leaves them out. So where nothing tells pupils apart everybody has 50; a constant earlier score says
    nothing, and the percentile is the place among all.

    Args:
        score: (n,) finite.
        prior: (n,) or (n, k) earlier scores, finite.

    Raises:
        ValueError: not of these shapes, or not finite.
    """
    y, x = np.asarray(score, float), np.asarray(prior, float)
    x = x[:, None] if x.ndim == 1 else x
    if y.ndim != 1 or x.ndim != 2 or len(x) != len(y):
        raise ValueError(f"score must be (n,) and prior (n,) or (n, k), not {y.shape} and {np.shape(prior)}")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("scores must be finite: leave out pupils without one")
    if not len(y):
        return np.zeros(0, np.int32)
    past, row = np.unique(x, axis=0, return_inverse=True)
    design = _design(past, np.bincount(row))
    values, place = np.unique(y, return_inverse=True)
    cells, cell, count = np.unique(row * len(values) + place, return_inverse=True, return_counts=True)
    at, outcome = cells // len(values), values[cells % len(values)]
    fits = [quantile_fit(design, at, outcome, count.astype(float), tau) for tau in TAUS]
    quantiles = np.sort(design @ np.array(fits).T, axis=1)
    close = EQUAL * float(np.ptp(y)) + 1e-12 * float(np.abs(y).max())
    below = (quantiles[at] < outcome[:, None] - close).sum(axis=1)
    not_above = (quantiles[at] <= outcome[:, None] + close).sum(axis=1)
    return np.clip((below + not_above) // 2, 1, 99).astype(np.int32)[cell]


def _design(past: np.ndarray, pupils: np.ndarray) -> np.ndarray:
    """B-splines of each column side by side; one column of ones where nothing varies."""
    parts = [np.ones((len(past), 1))]
    for column in past.T:
        values, row = np.unique(column, return_inverse=True)
        if len(values) > 1:
            parts.append(_splines(values, np.bincount(row, pupils))[row])
    return np.hstack(parts)


def _splines(values: np.ndarray, pupils: np.ndarray) -> np.ndarray:
    """Cubic B-splines at distinct, sorted values; of few values polynomials as high as they allow."""
    degree = min(DEGREE, len(values) - 1)
    everybody = np.repeat(values, pupils.astype(int))
    inner = np.unique(np.quantile(everybody, KNOTS))
    inner = inner[(inner > values[0]) & (inner < values[-1])][: max(0, len(values) - degree - 1)]
    margin = MARGIN * (values[-1] - values[0])
    low, high = values[0] - margin, values[-1] + margin
    knots = np.concatenate([np.repeat(low, degree + 1), inner, np.repeat(high, degree + 1)])
    return BSpline.design_matrix(values, knots, degree).toarray()
