"""Residual gain (残差增值): how far pupils are from what their earlier score lets expect."""

from __future__ import annotations

import numpy as np


def expected_score(prior: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(n,) the score that a simple regression on the earlier score lets expect.

    Where all earlier scores are equal they say nothing: the mean is expected.
    """
    x, y = prior - prior.mean() if len(prior) else prior, score
    spread = float(x @ x)
    mean = y.mean() if len(y) else 0.0
    return mean + (float(x @ (y - mean)) / spread * x if spread > 1e-12 * len(x) else np.zeros(len(x)))


def unit_means(values: np.ndarray, codes: np.ndarray, size: int) -> np.ndarray:
    """(size,) means by unit, NaN of a unit without pupils."""
    n = np.bincount(codes, minlength=size)
    return np.divide(np.bincount(codes, values, size), n, out=np.full(size, np.nan), where=n > 0)
