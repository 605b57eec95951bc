"""Models of the class probabilities: free, or log-linear with main effects and two-way interactions of attributes."""

from __future__ import annotations

from itertools import combinations
from typing import Protocol

import numpy as np

_NEWTON = 20
_HALVINGS = 20
_SMALL = 1e-10  # added to shares whose logarithms are taken


class Structure(Protocol):
    """A model of the class probabilities."""

    @property
    def n_parameters(self) -> int: ...

    def maximise(self, expected: np.ndarray, before: np.ndarray) -> np.ndarray:
        """(classes,) probabilities, from expected numbers of pupils (classes,) and the probabilities so far."""


class Saturated:
    """A free probability for every class."""

    def __init__(self, patterns: np.ndarray) -> None:
        self.n_parameters = len(patterns) - 1

    def maximise(self, expected: np.ndarray, before: np.ndarray) -> np.ndarray:
        return expected / expected.sum()


class LogLinear:
    """log P(class) = effects of the attributes mastered (Xu & von Davier 2008), fitted by maximum likelihood.

    Args:
        patterns: (classes, attributes).
        interactions: of pairs of attributes, too; without, attributes are independent.
    """

    def __init__(self, patterns: np.ndarray, interactions: bool) -> None:
        pairs = combinations(range(patterns.shape[1]), 2) if interactions else ()
        columns = [patterns, *(patterns[:, [a]] * patterns[:, [b]] for a, b in pairs)]
        self._design = np.hstack(columns).astype(float)
        self.n_parameters = int(np.linalg.matrix_rank(self._design - self._design.mean(axis=0)))
        self._beta = np.zeros(self._design.shape[1])

    def maximise(self, expected: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Newton's method from the effects found last; steps are halved until the likelihood grows."""
        share = expected / expected.sum()
        target = share @ self._design
        linear = self._design @ self._beta
        normaliser, p = _softmax(linear)
        for _ in range(_NEWTON):
            gradient = target - p @ self._design
            centred = self._design - p @ self._design
            information = centred.T @ (centred * p[:, None])
            step = np.linalg.lstsq(information, gradient, rcond=1e-10)[0]
            gain = float(gradient @ step)
            if gain < 1e-14:
                break
            for _ in range(_HALVINGS):
                moved = self._design @ step
                after, trial = _softmax(linear + moved)
                if share @ moved - (after - normaliser) >= 0:
                    break
                step = step / 2
            else:
                break
            self._beta, linear, normaliser, p = self._beta + step, linear + moved, after, trial
        return p

    def weighted_effects(self, expected: np.ndarray) -> np.ndarray:
        """Intercept and effects by least squares of log shares, weighted by the shares (Xu & von Davier 2008)."""
        share = expected / expected.sum()
        weight = np.sqrt(share)
        design = np.column_stack([np.ones(len(share)), self._design]) * weight[:, None]
        return np.linalg.lstsq(design, np.log(share + _SMALL) * weight, rcond=None)[0]

    def probabilities(self, effects: np.ndarray) -> np.ndarray:
        """(classes,) from intercept and effects."""
        return _softmax(self._design @ effects[1:])[1]


def _softmax(linear: np.ndarray) -> tuple[float, np.ndarray]:
    """Logarithm of the normaliser, and the probabilities."""
    top = linear.max()
    weights = np.exp(linear - top)
    total = weights.sum()
    return float(top + np.log(total)), weights / total
