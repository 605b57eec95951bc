"""The distribution of the sum score at given abilities, and what a sum score says about ability.

Scores are sums of category numbers 0 … K - 1. For Rasch and partial credit the sum score says all there is to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.ability import category_numbers, quadrature
from engine.curves import Curves


@dataclass(frozen=True)
class SumScores:
    """A row a sum score 0 … highest.

    Attributes:
        theta, se: posterior mean and standard deviation of ability given the score (EAP).
        expected: share of pupils expected to have the score.
    """

    theta: np.ndarray
    se: np.ndarray
    expected: np.ndarray

    def of(self, x: np.ndarray, items: Sequence[Curves]) -> tuple[np.ndarray, np.ndarray]:
        """theta and se of pupils with complete answers x (see `abilities`); NaN where an answer is missing."""
        codes = category_numbers(x, items)
        total = codes.sum(axis=1)
        whole = (codes >= 0).all(axis=1)
        return np.where(whole, self.theta[total], np.nan), np.where(whole, self.se[total], np.nan)


def score_distribution(probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """Probability of each sum score given theta, by the recursion of Lord and Wingersky (1984).

    Args:
        probabilities: (K, n_theta) for each item.

    Returns:
        (highest score + 1, n_theta).
    """
    likelihood = np.ones((1, np.shape(probabilities[0])[1]))
    for p in probabilities:
        longer = np.zeros((len(likelihood) + len(p) - 1, likelihood.shape[1]))
        for k, share in enumerate(p):
            longer[k : k + len(likelihood)] += likelihood * share
        likelihood = longer
    return likelihood


def sum_scores(items: Sequence[Curves], *, mean: float = 0.0, variance: float = 1.0) -> SumScores:
    """EAP for every sum score (Thissen, Pommerich, Billeaud & Williams, 1995), on the nodes of `abilities`.

    A score that cannot occur on these nodes (an item nobody gets right) has NaN as theta and se.
    """
    nodes, weights = quadrature(mean, variance, 121)
    joint = score_distribution([item.probabilities(nodes) for item in items]) * weights
    expected = joint.sum(axis=1)
    posterior = np.divide(joint, expected[:, None], out=np.full_like(joint, np.nan), where=expected[:, None] > 0)
    theta = posterior @ nodes
    return SumScores(theta, np.sqrt((posterior * (nodes - theta[:, None]) ** 2).sum(axis=1)), expected)
