"""Wilson's score interval (Wilson 1927) of rates seen in an effective number of right/wrong trials."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np


def wilson(rate: np.ndarray, trials: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a rate seen in an effective number of trials; NaN without trials.

    A rate outside 0…1 (negative marking) has the interval of the nearest rate inside, widened to hold it.
    """
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    inside = np.clip(rate, 0, 1)
    trials = np.where(trials > 0, trials, np.nan)
    middle = (inside + z2 / (2 * trials)) / (1 + z2 / trials)
    half = np.sqrt(z2 * (inside * (1 - inside) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    return np.minimum(np.maximum(middle - half, 0), rate), np.maximum(np.minimum(middle + half, 1), rate)


def wilson_trials(rate: np.ndarray, lower: np.ndarray, upper: np.ndarray, confidence: float) -> np.ndarray:
    """The effective number of trials behind an interval of `wilson`: its inverse (a quadratic in c = z²/n)."""
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    inside = np.clip(rate, 0, 1)
    h2 = ((np.clip(upper, 0, 1) - np.clip(lower, 0, 1)) / 2) ** 2
    b = inside * (1 - inside) - 2 * h2
    c = 2 * h2 / (b + np.sqrt(b**2 + (1 - 4 * h2) * h2))
    return z2 / c
