"""Near the maximum: Newton with the observed information, or BFGS where that is too dear."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve

from engine.irt.information import informed, observed_information
from engine.irt.likelihood import Likelihood, Point

_DAMPINGS = (0.0, 0.05, 0.2, 0.5, 1.0)
_LONGEST = 2.0  # the largest change of a parameter in one step
_HALVINGS = 12


def newton(likelihood: Likelihood, point: Point, tol: float, max_iter: int) -> tuple[Point, int, bool]:
    """Newton steps; where they fail, the matrix is moved towards the information of the complete data, whose steps
    (those of the EM gradient algorithm) go uphill.

    Returns:
        the last point, the number of steps, and whether the search has converged: `settled`.
    """
    for n_iter in range(max_iter):
        observed = observed_information(likelihood, point)
        complete = likelihood.complete_information(point)
        for damping in _DAMPINGS:
            step = solve((1 - damping) * observed + damping * complete, complete, point.gradient)
            if step is None:
                continue
            if settled(step, point.gradient, tol):
                return point, n_iter, True
            after = uphill(likelihood, point, step)
            if after is not None:
                break
        else:
            return point, n_iter, False
        point = after
    return point, max_iter, False


def bfgs(
    likelihood: Likelihood, point: Point, information: np.ndarray, tol: float, max_iter: int
) -> tuple[Point, int, bool]:
    """BFGS steps, with the inverse of `information` as the first metric; returns as `newton`."""
    metric = np.linalg.inv(information)
    for n_iter in range(max_iter):
        step = metric @ point.gradient
        if settled(step, point.gradient, tol):
            return point, n_iter, True
        after = uphill(likelihood, point, step)
        if after is None:
            return point, n_iter, False
        moved, bent = after.vector - point.vector, point.gradient - after.gradient
        curvature = moved @ bent
        if curvature > 0:
            pulled = metric @ bent
            metric += np.outer(moved, moved) * (1 + bent @ pulled / curvature) / curvature
            metric -= (np.outer(moved, pulled) + np.outer(pulled, moved)) / curvature
        point = after
    return point, max_iter, False


def settled(step: np.ndarray, gradient: np.ndarray, tol: float) -> bool:
    """Whether the next step would change no parameter by `tol`, or none by that part of its standard error."""
    return bool(np.abs(step).max() <= tol or gradient @ step <= tol**2)


def solve(information: np.ndarray, complete: np.ndarray, gradient: np.ndarray) -> np.ndarray | None:
    """Newton's step, or None where the information is not positive definite. Parameters on which even the complete data
    hold no information stay."""
    free = informed(complete)
    step = np.zeros_like(gradient)
    scale = 1 / np.sqrt(np.diag(complete)[free])
    try:
        root = np.linalg.cholesky(information[np.ix_(free, free)] * scale[:, None] * scale)
    except np.linalg.LinAlgError:
        return None
    step[free] = scale * cho_solve((root, True), scale * gradient[free])
    return step


def uphill(likelihood: Likelihood, point: Point, step: np.ndarray) -> Point | None:
    """The point after a step, shortened until the likelihood does not fall; None if it always does."""
    step = step * min(1.0, _LONGEST / max(np.abs(step).max(), 1e-300))
    rounding = 1e-13 * abs(point.value)
    for _ in range(_HALVINGS):
        after = likelihood.at(point.vector + step)
        if after is not None and after.value >= point.value - rounding:
            return after
        step = step / 2
    return None
