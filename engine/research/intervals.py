"""The exam's rates with intervals that hold for more than its own pupils."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from engine.knowledge import ratio, sum_by

TAIL = 0.975  # two-sided 95 %


def clustered_rates(
    gained: np.ndarray, at_stake: np.ndarray, cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates Σ gained / Σ at stake and their 95 % intervals, pupils of a class being alike.

    The variance is that of a ratio estimator over clusters, C / (C - 1) · Σ (g - r s)² / (Σ s)² with g and s a
    cluster's sums (Cochran 1977, ch. 9A), the interval Student's with C - 1 degrees of freedom.

    Args:
        gained, at_stake: (n, K) points.
        cluster: (n,) from 0, the class of each pupil.

    Returns:
        rate, lower, upper: (K,), NaN without points at stake; the interval is NaN with one cluster alone, and lies
        within 0…1 unless the rate does not.
    """
    g, s = sum_by(cluster, gained), sum_by(cluster, at_stake)
    rate = ratio(g.sum(axis=0), s.sum(axis=0))
    clusters = (s > 0).sum(axis=0)
    squares = ((g - np.nan_to_num(rate) * s) ** 2).sum(axis=0)
    variance = ratio(clusters * squares, (clusters - 1) * s.sum(axis=0) ** 2)
    half = stdtrit(np.maximum(clusters - 1, 1), TAIL) * np.sqrt(variance)
    return rate, np.minimum(np.maximum(rate - half, 0), rate), np.maximum(np.minimum(rate + half, 1), rate)
