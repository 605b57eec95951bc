"""Maximum marginal likelihood: EM to begin with, Newton to end with.

The first steps are EM gradient steps (Lange 1995): one Newton step of the M-step. Then the observed information takes
over. Where Newton's step fails, the matrix is moved towards EM's (the information of the complete data), which always
points uphill.

With many pupils both run on a random part of them; its information, scaled, is then the metric of a BFGS search on all,
which needs a handful of passes over the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.irt.information import observed_information
from engine.irt.likelihood import Likelihood, Point
from engine.irt.responses import Responses
from engine.irt.specification import Quadrature, Specification

_EM_CYCLES = 10
_EM_GAIN = 0.1  # of log-likelihood, below which EM has done its part
_LONGEST = 2.0  # the largest change of a parameter in one step
_HALVINGS = 12
_SAMPLE = 8192  # pupils whose information stands for that of all
_ROUGHLY = 0.1  # tolerance there


@dataclass(frozen=True)
class Fit:
    """Where a search ended."""

    likelihood: Likelihood
    point: Point
    n_iter: int
    converged: bool


def fit(specification: Specification, responses: Responses, quadrature: Quadrature, tol: float, max_iter: int) -> Fit:
    """Estimate a model; arguments as `maximise`."""
    start = specification.start(responses.shares())
    n = len(responses.packed)
    if n < 2 * _SAMPLE:
        return maximise(Likelihood(specification, responses.collapsed(), quadrature), start, tol, max_iter)
    rows = np.random.default_rng(0).choice(n, _SAMPLE, replace=False)
    rows.sort()
    part = Likelihood(specification, responses.take(rows), quadrature)
    found = maximise(part, start, _ROUGHLY, max_iter)
    whole = Likelihood(specification, responses.collapsed(), quadrature)
    information = observed_information(part, found.point) * (n / _SAMPLE)
    return polish(whole, found.point.vector, information, tol, max_iter)


def maximise(likelihood: Likelihood, start: np.ndarray, tol: float, max_iter: int) -> Fit:
    """EM, then damped Newton with the observed information.

    Args:
        tol: stop when the next step would change no parameter by more than this part of its standard error.
        max_iter: most steps.
    """
    point = likelihood.at(start)
    assert point is not None, "start values are feasible"
    gain, n_iter = np.inf, 0
    while gain > _EM_GAIN and n_iter < min(_EM_CYCLES, max_iter):
        step = _solve(likelihood.complete_information(point), point.gradient)
        after = None if step is None else _uphill(likelihood, point, step)
        if after is None:
            break
        gain = after.value - point.value
        point, n_iter = after, n_iter + 1
    while n_iter < max_iter:
        after, remaining = _newton(likelihood, point)
        if remaining <= tol**2 or after is None:
            return Fit(likelihood, point, n_iter, remaining <= tol**2)
        point, n_iter = after, n_iter + 1
    return Fit(likelihood, point, n_iter, False)


def _newton(likelihood: Likelihood, point: Point) -> tuple[Point | None, float]:
    """The point after a damped Newton step (None if no step goes uphill), and the step's square in standard errors."""
    observed = observed_information(likelihood, point)
    complete = likelihood.complete_information(point)
    remaining = np.inf
    for damping in (0.0, 0.05, 0.2, 0.5, 1.0):
        step = _solve((1 - damping) * observed + damping * complete, point.gradient)
        if step is not None:
            remaining = min(remaining, float(point.gradient @ step))
            after = _uphill(likelihood, point, step)
            if after is not None:
                return after, remaining
    return None, remaining


def polish(likelihood: Likelihood, start: np.ndarray, information: np.ndarray, tol: float, max_iter: int) -> Fit:
    """BFGS from a start near the maximum, with the inverse of `information` as its first metric."""
    point = likelihood.at(start)
    assert point is not None
    metric = np.linalg.inv(information)
    for cycle in range(1, max_iter + 1):
        step = metric @ point.gradient
        if point.gradient @ step <= tol**2:
            return Fit(likelihood, point, cycle, True)
        after = _uphill(likelihood, point, step)
        if after is None:
            return Fit(likelihood, point, cycle, False)
        moved, bent = after.vector - point.vector, point.gradient - after.gradient
        curvature = moved @ bent
        if curvature > 0:
            towards = np.eye(len(moved)) - np.outer(moved, bent) / curvature
            metric = towards @ metric @ towards.T + np.outer(moved, moved) / curvature
        point = after
    return Fit(likelihood, point, max_iter, False)


def _solve(information: np.ndarray, gradient: np.ndarray) -> np.ndarray | None:
    """Newton's step, or None where the information is not positive definite."""
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-12))
    scaled = information * scale[:, None] * scale
    try:
        root = np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        return None
    return scale * np.linalg.solve(root.T, np.linalg.solve(root, scale * gradient))


def _uphill(likelihood: Likelihood, point: Point, step: np.ndarray) -> Point | None:
    """The point after a step, shortened until the likelihood grows; None if it does not."""
    step = likelihood.specification.shortened(step, _LONGEST)
    slack = 1e-13 * abs(point.value)  # what rounding may take
    for _ in range(_HALVINGS):
        after = likelihood.at(point.vector + step)
        if after is not None and after.value >= point.value - slack:
            return after
        step = step / 2
    return None
