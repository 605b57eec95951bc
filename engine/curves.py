"""Category response curves: the probability of each category of an item given the ability theta.

Every model that can be fitted gives its items as these; abilities, information and fit are computed from them alone.
Logistic metric (D = 1), slope-intercept form: z = slope·theta + intercept, difficulty b = -intercept / slope.

All of them are sums and products of the logistic function, so the derivatives of ln P are written with it: nothing is
lost where a probability is near 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from scipy.special import expit, softmax


class Curves(Protocol):
    """An item with K categories, numbered 0 … K - 1. `theta` has shape (n,)."""

    @property
    def n_categories(self) -> int:
        """K."""

    @property
    def n_parameters(self) -> int:
        """How many parameters of the item were estimated: the rows of `gradient`."""

    def probabilities(self, theta: np.ndarray) -> np.ndarray:
        """P, shape (K, n)."""

    def log_derivatives(self, theta: np.ndarray) -> np.ndarray:
        """First, second and third derivative of ln P by theta, shape (3, K, n)."""

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Derivative of P by each estimated parameter, shape (n_parameters, K, n)."""


@dataclass(frozen=True)
class Dichotomous:
    """Rasch, 2PL and 3PL: P(1) = g + (1 - g) / (1 + exp(-z)).

    Args:
        slope, intercept, guessing: a, d and g; 0 <= g < 1.
        estimated: which of them were; for Rasch ("intercept",), for the 3PL all three.
    """

    slope: float
    intercept: float
    guessing: float = 0.0
    estimated: tuple[Literal["slope", "intercept", "guessing"], ...] = ("slope", "intercept")

    @property
    def n_categories(self) -> int:
        return 2

    @property
    def n_parameters(self) -> int:
        return len(self.estimated)

    def probabilities(self, theta: np.ndarray) -> np.ndarray:
        z = self.slope * theta + self.intercept
        rest = 1 - self.guessing
        return np.stack([rest * expit(-z), self.guessing + rest * expit(z)])

    def log_derivatives(self, theta: np.ndarray) -> np.ndarray:
        # ln P(0) = ln(1 - g) - ln(1 + exp z), ln P(1) = ln(g + exp z) - ln(1 + exp z)
        z = self.slope * theta + self.intercept
        wrong = -_logistic(z)
        if not self.guessing:
            right = np.stack([expit(-z), wrong[1], wrong[2]])
        else:
            right = _logistic(z - np.log(self.guessing)) + wrong
            right[0] = (1 - self.guessing) * expit(z - np.log(self.guessing)) * expit(-z)
        return np.stack([wrong, right], axis=1) * _powers(self.slope)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        z = self.slope * theta + self.intercept
        by_z = (1 - self.guessing) * expit(z) * expit(-z)
        by = {"slope": theta * by_z, "intercept": by_z, "guessing": expit(-z)}
        up = np.stack([by[name] for name in self.estimated])
        return np.stack([-up, up], axis=1)


@dataclass(frozen=True)
class Graded:
    """Graded response (Samejima, 1969): P(X >= k) = 1 / (1 + exp(-z_k)), z_k = slope·theta + intercepts[k - 1].

    Args:
        slope: a, for all categories.
        intercepts: d_1 > d_2 > … > d_{K-1}.
    """

    slope: float
    intercepts: np.ndarray

    @property
    def n_categories(self) -> int:
        return len(self.intercepts) + 1

    @property
    def n_parameters(self) -> int:
        return len(self.intercepts) + 1

    def probabilities(self, theta: np.ndarray) -> np.ndarray:
        # σ(x) - σ(y) = σ(x) σ(-y) (1 - exp(y - x)): the difference of two numbers near 1 loses nothing
        z = self._borders(theta)
        step = np.diff(np.concatenate([[np.inf], self.intercepts, [-np.inf]]))
        return expit(z[:-1]) * expit(-z[1:]) * -np.expm1(step)[:, None]

    def log_derivatives(self, theta: np.ndarray) -> np.ndarray:
        # ln P(k) = ln σ(z_k) + ln σ(-z_{k+1}) + ln(1 - exp(z_{k+1} - z_k)), of which the last is constant
        z = self._borders(theta)
        at = _logistic(z)
        by_z = -at[:, :-1] - at[:, 1:]
        by_z[0] = expit(-z[:-1]) - expit(z[1:])
        return by_z * _powers(self.slope)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        density = _logistic(self._borders(theta))[1]
        slope = theta * (density[:-1] - density[1:])
        steps = np.zeros((len(self.intercepts), *slope.shape))
        for k in range(len(self.intercepts)):
            steps[k, k], steps[k, k + 1] = -density[k + 1], density[k + 1]
        return np.concatenate([slope[None], steps])

    def _borders(self, theta: np.ndarray) -> np.ndarray:
        """z_0 = ∞, z_1, …, z_K = -∞, shape (K + 1, n)."""
        z = self.slope * theta + self.intercepts[:, None]
        end = np.full((1, len(theta)), np.inf)
        return np.concatenate([end, z, -end])


@dataclass(frozen=True)
class DivideByTotal:
    """(Generalised) partial credit and nominal: P(k) = exp(slopes[k]·theta + intercepts[k]) / sum of the same over all.

    (Bock, 1972; Masters, 1982; Muraki, 1992; named so by Thissen and Steinberg, 1986.)

    Args:
        slopes: of the categories; 0, a, 2a, … for partial credit.
        intercepts: of the categories; the first is 0.
        estimated: what was, besides the intercepts: no slope (partial credit), a common factor of them (generalised
            partial credit), or all but the first (nominal).
    """

    slopes: np.ndarray
    intercepts: np.ndarray
    estimated: Literal["none", "factor", "all"] = "factor"

    @property
    def n_categories(self) -> int:
        return len(self.intercepts)

    @property
    def n_parameters(self) -> int:
        return len(self.intercepts) - 1 + {"none": 0, "factor": 1, "all": len(self.slopes) - 1}[self.estimated]

    def probabilities(self, theta: np.ndarray) -> np.ndarray:
        return softmax(np.outer(self.slopes, theta) + self.intercepts[:, None], axis=0)

    def log_derivatives(self, theta: np.ndarray) -> np.ndarray:
        p = self.probabilities(theta)
        apart = np.subtract.outer(self.slopes, self.slopes) @ p
        variance, skew = (p * apart**2).sum(axis=0), (p * apart**3).sum(axis=0)
        return np.stack([apart, np.broadcast_to(-variance, p.shape), np.broadcast_to(-skew, p.shape)])

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        p = self.probabilities(theta)
        intercepts = (np.eye(len(p))[1:, :, None] - p[1:, None]) * p
        if self.estimated == "none":
            return intercepts
        if self.estimated == "all":
            return np.concatenate([theta * intercepts, intercepts])
        return np.concatenate([(theta * p * (self.slopes[:, None] - self.slopes @ p))[None], intercepts])


def _logistic(z: np.ndarray) -> np.ndarray:
    """The logistic function and its first two derivatives, a new first axis of 3."""
    up, down = expit(z), expit(-z)
    density = up * down
    return np.stack([up, density, density * (down - up)])


def _powers(slope: float) -> np.ndarray:
    """slope, slope², slope³, shape (3, 1, 1): by the chain rule."""
    return slope ** np.arange(1, 4).reshape(3, 1, 1)
