"""Marginal maximum likelihood by EM, accelerated by SQUAREM (Varadhan & Roland 2008).

A cycle makes two EM steps, goes on along the curve through the three points, and makes an EM step from there. Where
that lands lower than the first step, the point of the two plain steps is kept, so the likelihood never falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.cdm.likelihood import ClassLikelihood
from engine.cdm.rules import ItemRule
from engine.cdm.structure import Structure

_PLAIN = 16  # EM steps before the first extrapolation: these decide which local maximum is found
_SLACK = 1e-12  # part of the log-likelihood that rounding may take


@dataclass(frozen=True)
class Point:
    """Parameters.

    Attributes:
        probabilities: P(right) of all states of all items, one after the other.
        classes: (classes,) class probabilities.
    """

    probabilities: np.ndarray
    classes: np.ndarray


@dataclass(frozen=True)
class Fit:
    """Where EM ended; `right`, `total`: expected numbers of right answers and of answers in each state."""

    point: Point
    loglik: float
    right: np.ndarray
    total: np.ndarray
    n_iter: int
    converged: bool


class EM:
    """The EM map of a model."""

    def __init__(self, likelihood: ClassLikelihood, rules: Sequence[ItemRule], structure: Structure) -> None:
        self.likelihood, self.rules, self.structure = likelihood, rules, structure
        bounds = np.cumsum([0, *(rule.n_states for rule in rules)])
        self._additive = [(slice(*bounds[j : j + 2]), rule) for j, rule in enumerate(rules) if rule.additive]

    def step(self, point: Point) -> tuple[float, Point, np.ndarray, np.ndarray]:
        """Log-likelihood at a point, the next point, expected right answers and answers by state."""
        loglik, after, right, total, expected = self.expect(point)
        return loglik, Point(after, self.structure.maximise(expected, point.classes)), right, total

    def expect(self, point: Point) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Log-likelihood at a point, the next probabilities of the items, expected right answers and answers by state,
        and expected pupils by class."""
        space = self.likelihood.space
        loglik, right, total, pupils = self.likelihood.expect(point.probabilities, space.grouped(point.classes))
        expected = pupils[space.group] * space.shares(point.classes)
        after = np.divide(right, total, out=point.probabilities.copy(), where=total > 0).clip(0, 1)
        for states, rule in self._additive:
            after[states] = rule.maximise(right[states], total[states], point.probabilities[states])
        return loglik, after, right, total, expected


def maximise(em: EM, start: Point, tol: float, max_iter: int) -> Fit:
    """EM from a start.

    Args:
        tol: stop when an EM step changes no probability (of items or classes) by more.
        max_iter: most EM steps.
    """
    point, n_iter = start, 0
    while True:
        loglik, first, right, total = em.step(point)
        n_iter += 1
        converged = _distance(point, first) <= tol
        if converged or n_iter >= max_iter:
            return Fit(point, loglik, right, total, n_iter, converged)
        if n_iter < _PLAIN:
            point = first
            continue
        middle, second, _, _ = em.step(first)
        n_iter += 1
        leap = _leap(point, first, second)
        reached, after, _, _ = em.step(leap)
        n_iter += 1
        point = after if reached >= middle - _SLACK * abs(middle) else second


def _distance(one: Point, other: Point) -> float:
    return max(
        float(np.abs(one.probabilities - other.probabilities).max()), float(np.abs(one.classes - other.classes).max())
    )


def _leap(start: Point, first: Point, second: Point) -> Point:
    """SQUAREM's extrapolation with step length S3, brought back among probabilities."""
    x0, x1, x2 = (np.concatenate([point.probabilities, point.classes]) for point in (start, first, second))
    change = x1 - x0
    bend = (x2 - x1) - change
    curvature = float(np.linalg.norm(bend))
    length = max(1.0, float(np.linalg.norm(change)) / curvature) if curvature > 0 else 1.0
    x = (x0 + 2 * length * change + length**2 * bend).clip(0, 1)
    items = len(start.probabilities)
    classes = x[items:]
    return Point(x[:items], classes / classes.sum())
