"""Variances and rates of what changes in a pupil, by the largest marginal likelihood of his answers; of a single
sitting the variance of points, by its largest posterior density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from engine.tracing.items import Items
from engine.tracing.log import Points, Rows
from engine.tracing.model import Dynamics, expected, follow

MOST_ANSWERS = 200  # of a pupil, and
ANSWERS = 30_000  # of all, that are looked at: every so many-th pupil's first ones
ANSWERS_AT_ONCE = 100_000  # the same without time, where one number is sought and a point tells little of itself
EVALUATIONS = 80
# The variance of points to expect where the answers don't say, as with one item a point: its logarithm is normal about
# this one's, variance 1. Papers with a Q-matrix that have been looked at have 0.2 to 2 (levels have 1).
USUAL_POINTS = 0.3


def find(start: Dynamics, rows: Rows, points: Points, items: Items, prior: np.ndarray, extra: np.ndarray) -> Dynamics:
    """From `start`; what is 0 there stays 0, and without time only the variance of points is sought."""
    counts = np.minimum(np.diff(rows.first), MOST_ANSWERS)
    enough = ANSWERS if start.changing else ANSWERS_AT_ONCE
    chosen = np.arange(0, len(counts), max(1, round(counts.sum() / enough)))
    some, where = rows.of_students(chosen, MOST_ANSWERS)

    def loss(dynamics: Dynamics) -> float:
        return -loglik(dynamics, some, points, items, prior[chosen], extra[where])

    if start.changing:
        return _passing(start, loss)
    if start.point_variance <= 0:
        return start

    def unlikely(x: float) -> float:
        return loss(Dynamics(point_variance=float(np.exp(x)))) + float(x - np.log(USUAL_POINTS)) ** 2 / 2

    found = minimize_scalar(unlikely, bounds=(-7, 1.5), method="bounded", options={"xatol": 0.1})
    return Dynamics(point_variance=float(np.exp(found.x)))


def _passing(start: Dynamics, loss: Callable[[Dynamics], float]) -> Dynamics:
    free = 6 if start.point_variance > 0 else 2

    def of(x: np.ndarray) -> Dynamics:
        positive = [float(value) for value in np.exp(np.clip(x[:5], -9, 4))]
        return Dynamics(*positive, *(float(value) for value in x[5:]))

    at = np.array(astuple(start))[:free]
    at[:5] = np.log(np.maximum(at[:5], 1e-4))
    step = np.array([0.7, 0.7, 0.7, 0.7, 0.7, 0.1])[:free]
    found = minimize(
        lambda x: loss(of(x)),
        at,
        method="Nelder-Mead",
        options={"maxfev": EVALUATIONS, "fatol": 1.0, "initial_simplex": np.vstack([at, at + np.diag(step)])},
    )
    return of(found.x)


def loglik(dynamics: Dynamics, rows: Rows, points: Points, items: Items, prior: np.ndarray, extra: np.ndarray) -> float:
    """Sum of the log chances of the answers, each given the pupil's ones before."""
    offset, a = items.intercept[rows.item] + extra[:, 0], items.slope[rows.item]
    h, v = follow(rows, points, offset, items.slope, prior, dynamics).before.T
    sign = 2.0 * rows.correct - 1
    return float(np.log(expected(sign * (offset + a * h), a * a * v + extra[:, 1])[:, 0]).sum())
