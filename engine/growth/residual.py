"""Residual gain (残差增值): how far a pupil is from what the earlier score lets expect."""

from __future__ import annotations

import numpy as np


def expected_score(prior: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(n,) what a simple regression of the score on the earlier score lets expect; the gain is score - expected.

    Where all earlier scores are equal they say nothing: the mean is expected.
    """
    if not len(score):
        return np.zeros(0)
    x, y = prior - prior.mean(), score - score.mean()
    spread = float(x @ x)
    slope = float(x @ y) / spread if spread > 1e-12 * float(prior @ prior) else 0.0
    return score.mean() + slope * x
