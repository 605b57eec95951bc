"""Item response functions: the log-probability of every category, and its derivative, in slope/intercept form.

The logistic metric (D = 1), as mirt. A family works on several items with the same number of categories at once.
Parameters: (items, parameters); ability: (nodes,). `log_probabilities` gives the logarithms (items, categories, nodes)
and their derivatives (items, parameters, categories, nodes).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import expit, log_expit, logit

from engine.curves import Curves, Dichotomous, DivideByTotal, Graded


class Family(Protocol):
    """What the estimation needs to know of an item response function."""

    def width(self, categories: int) -> int:
        """Parameters of an item."""
        ...

    def start(self, shares: np.ndarray) -> np.ndarray:
        """Start values from the share of pupils in each category, (items, categories), all positive."""
        ...

    def feasible(self, parameters: np.ndarray) -> np.ndarray:
        """(items,) whether all probabilities are positive."""
        ...

    def log_probabilities(self, parameters: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of the probabilities, and derivatives."""
        ...

    def curves(self, parameters: np.ndarray) -> list[Curves]:
        """The response curves of the items, from which abilities, information and fit are computed."""
        ...


class Unbounded:
    """Any real parameters are feasible."""

    def feasible(self, parameters: np.ndarray) -> np.ndarray:
        return np.ones(len(parameters), bool)


class PartialCreditFamily(Unbounded):
    """P(X = k) ∝ exp(a k θ + d_k), d_0 = 0 (Masters 1982, Muraki 1992); with two categories the Rasch or 2PL model.

    Parameters of an item: a (unless slopes are fixed at 1), d_1, …, d_m.
    """

    def __init__(self, fixed_slope: bool) -> None:
        self.fixed_slope = fixed_slope

    def width(self, categories: int) -> int:
        return categories - self.fixed_slope

    def start(self, shares: np.ndarray) -> np.ndarray:
        intercepts = np.log(shares[:, 1:] / shares[:, :1])
        return intercepts if self.fixed_slope else np.hstack([np.ones((len(shares), 1)), intercepts])

    def log_probabilities(self, parameters: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        intercepts = parameters if self.fixed_slope else parameters[:, 1:]
        slope = np.ones((len(parameters), 1)) if self.fixed_slope else parameters[:, :1]
        steps = np.arange(1, intercepts.shape[1] + 1)
        logs, by_kernel = _divide_by_total((slope * steps)[:, :, None] * theta + intercepts[:, :, None])
        if self.fixed_slope:
            return logs, by_kernel
        by_slope = np.einsum("k,mkcq,q->mcq", steps, by_kernel, theta)
        return logs, np.concatenate([by_slope[:, None], by_kernel], axis=1)

    def curves(self, parameters: np.ndarray) -> list[Curves]:
        fixed = self.fixed_slope
        pairs = [(1.0, row) if fixed else (row[0], row[1:]) for row in parameters]
        if len(pairs[0][1]) == 1:
            return [Dichotomous(a, d, 0.0, ("intercept",) if fixed else ("slope", "intercept")) for a, [d] in pairs]
        steps = np.arange(len(pairs[0][1]) + 1)
        return [DivideByTotal(a * steps, np.append(0, d), "none" if fixed else "factor") for a, d in pairs]


class NominalFamily(Unbounded):
    """P(X = k) ∝ exp(α_k θ + c_k), α_0 = c_0 = 0 (Bock 1972). Parameters: α_1, …, α_m, c_1, …, c_m."""

    def width(self, categories: int) -> int:
        return 2 * (categories - 1)

    def start(self, shares: np.ndarray) -> np.ndarray:
        slopes = np.broadcast_to(np.arange(1.0, shares.shape[1]), (len(shares), shares.shape[1] - 1))
        return np.hstack([slopes, np.log(shares[:, 1:] / shares[:, :1])])

    def log_probabilities(self, parameters: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slopes, intercepts = np.hsplit(parameters, 2)
        logs, by_kernel = _divide_by_total(slopes[:, :, None] * theta + intercepts[:, :, None])
        return logs, np.concatenate([by_kernel * theta, by_kernel], axis=1)

    def curves(self, parameters: np.ndarray) -> list[Curves]:
        slopes, intercepts = np.hsplit(parameters, 2)
        return [DivideByTotal(np.append(0, a), np.append(0, c), "all") for a, c in zip(slopes, intercepts, strict=True)]


class GradedFamily:
    """P(X ≥ k) = 1 / (1 + exp(-(a θ + d_k))), d_1 > … > d_m (Samejima 1969). Parameters: a, d_1, …, d_m."""

    def width(self, categories: int) -> int:
        return categories

    def start(self, shares: np.ndarray) -> np.ndarray:
        above = np.cumsum(shares[:, :0:-1], axis=1)[:, ::-1]
        return np.hstack([np.ones((len(shares), 1)), logit(above)])

    def feasible(self, parameters: np.ndarray) -> np.ndarray:
        return np.all(np.diff(parameters[:, 1:]) < 0, axis=1)

    def log_probabilities(self, parameters: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope, intercepts = parameters[:, :1], parameters[:, 1:]
        z = slope[:, :, None] * theta + intercepts[:, :, None]
        # P(k) = F(z_k) F(-z_k+1) (1 - exp(z_k+1 - z_k)): no difference of numbers near 0 or 1.
        items, steps, nodes = z.shape
        logs = np.zeros((items, steps + 1, nodes))
        logs[:, 1:] += log_expit(z)
        logs[:, :-1] += log_expit(-z)
        gap = np.diff(intercepts)[:, :, None]
        logs[:, 1:-1] += np.log(-np.expm1(gap))
        by_z = np.zeros((items, steps, steps + 1, nodes))
        apart = 1 / np.expm1(-gap)
        for k in range(steps):
            by_z[:, k, k + 1] = expit(-z[:, k])
            by_z[:, k, k] = -expit(z[:, k])
            if k + 1 < steps:
                by_z[:, k, k + 1] += apart[:, k]
            if k > 0:
                by_z[:, k, k] -= apart[:, k - 1]
        return logs, np.concatenate([(by_z.sum(axis=1) * theta)[:, None], by_z], axis=1)

    def curves(self, parameters: np.ndarray) -> list[Curves]:
        return [Graded(row[0], row[1:]) for row in parameters]


class ThreeParameterFamily(Unbounded):
    """P = g + (1 - g) / (1 + exp(-(a θ + d))) (Birnbaum 1968). Parameters: a, d, logit g."""

    def width(self, categories: int) -> int:
        return 3

    def start(self, shares: np.ndarray) -> np.ndarray:
        guessing = np.minimum(0.15, shares[:, 1] / 2)
        above = (shares[:, 1] - guessing) / (1 - guessing)
        return np.column_stack([np.ones(len(shares)), logit(above), logit(guessing)])

    def log_probabilities(self, parameters: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope, intercept, guess = (column[:, None] for column in parameters.T)
        z = slope * theta + intercept
        log_right = np.logaddexp(log_expit(guess), log_expit(-guess) + log_expit(z))
        log_wrong = log_expit(-guess) + log_expit(-z)
        # dP/dz = (1-g) F (1-F) and dP/d(logit g) = g (1-g) (1-F), over P; for the wrong answer -F and -g.
        by_z = np.exp(log_wrong + log_expit(z) - log_right)
        by_guess = np.exp(log_expit(guess) + log_wrong - log_right)
        z_both = np.stack([-expit(z), by_z], axis=1)
        guess_both = np.stack([np.broadcast_to(-expit(guess), z.shape), by_guess], axis=1)
        return np.stack([log_wrong, log_right], axis=1), np.stack([z_both * theta, z_both, guess_both], axis=1)

    def curves(self, parameters: np.ndarray) -> list[Curves]:
        return [Dichotomous(a, d, expit(g), ("slope", "intercept", "guessing")) for a, d, g in parameters]


def _divide_by_total(kernels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities of categories with kernels 0 and `kernels` (items, categories - 1, nodes); derivatives by them,
    (items, categories - 1, categories, nodes)."""
    items, steps, nodes = kernels.shape
    logs = np.concatenate([np.zeros((items, 1, nodes)), kernels], axis=1)
    logs -= logs.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    chosen = np.eye(steps, steps + 1, k=1)[None, :, :, None]
    return logs, chosen - np.exp(logs[:, 1:])[:, :, None, :]
