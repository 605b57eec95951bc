"""Pupils near each other on the roll are alike: they share a class, teachers, and what was taught.

An Ornstein-Uhlenbeck chain along the roll, correlation exp(-rate × distance), for the level of pupils and one for each
item. Where classes are known, pupils of a class are at distance 0 and classes infinitely apart: then a chain is a
random effect of the class. Variance and rate maximise the marginal likelihood (empirical Bayes); where the roll says
nothing the variance goes to 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from engine._tracing import smooth

APART = 1e9
LEAST = 1e-5  # a variance below is none


@dataclass(frozen=True)
class Chain:
    """Variance and rate; the variance 0: no chain."""

    variance: float = 0.0
    rate: float = 0.05

    def left_out(
        self, first: np.ndarray, position: np.ndarray, value: np.ndarray, precision: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """(N, 2) mean and variance given all other observations, and the log-likelihood; see the kernel `smooth`."""
        rest = np.zeros((len(value), 2))
        if self.variance <= 0:
            return rest, 0.0
        return rest, smooth(first, position, value, precision, self.variance, self.rate, rest)


def level_chain(position: np.ndarray, value: np.ndarray, precision: np.ndarray, start: Chain) -> Chain:
    """The chain of levels, of total variance 1: what the chain leaves is each pupil's own. Variance below 1.

    Args:
        position: (n,) ascending; value, precision: (n,) of the level as the pupil's answers alone tell it.
    """
    first = np.array([0, len(value)])

    def loglik(chain: Chain) -> float:
        own = own_precision(precision, 1 - chain.variance)
        constant = np.log(own[own > 0]).sum() / 2
        if chain.variance <= 0:
            return constant - (own * value**2).sum() / 2
        return constant + chain.left_out(first, position, value, own)[1]

    def of(x: np.ndarray) -> Chain:
        return Chain(float(0.98 / (1 + np.exp(-x[0]))), float(np.exp(np.clip(x[1], -12, 3))))

    at = [np.log(max(start.variance, 0.1) / (0.98 - min(start.variance, 0.9))), np.log(start.rate)]
    found = minimize(lambda x: -loglik(of(x)), at, method="Nelder-Mead", options={"maxfev": 60, "xatol": 0.02})
    return of(found.x) if -found.fun > loglik(Chain()) + 1 and of(found.x).variance > LEAST else Chain()


def own_precision(precision: np.ndarray, variance: float) -> np.ndarray:
    """Of observations to which noise of this variance is added."""
    return precision / (1 + precision * variance)


def item_chain(
    first: np.ndarray, position: np.ndarray, value: np.ndarray, precision: np.ndarray, start: Chain
) -> Chain:
    """The chains of items, which share variance and rate; observations sorted by item and place on the roll."""

    def loglik(chain: Chain) -> float:
        return chain.left_out(first, position, value, precision)[1]

    def of(x: np.ndarray) -> Chain:
        return Chain(float(np.exp(np.clip(x[0], -14, 2))), float(np.exp(np.clip(x[1], -12, 3))))

    nothing = -float((precision * value**2).sum()) / 2
    at = [np.log(max(start.variance, 0.02)), np.log(start.rate)]
    found = minimize(lambda x: -loglik(of(x)), at, method="Nelder-Mead", options={"maxfev": 60, "xatol": 0.02})
    return of(found.x) if -found.fun > nothing + 1 and of(found.x).variance > LEAST else Chain()
