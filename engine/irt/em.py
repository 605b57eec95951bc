"""The EM gradient algorithm for marginal maximum likelihood: far from the maximum nothing is safer.

Bock and Aitkin's EM (1981) with one Newton step for each item as its M-step (Lange 1995). Where the likelihood has
several maxima (three-parameter models), such short steps end in the same one as mirt's.
"""

from __future__ import annotations

import numpy as np

from engine.irt.likelihood import Curves, Likelihood, Point, item_information

_LONGEST = 2.0  # the largest change of a parameter in one step
_HALVINGS = 8
_RIDGE = 1e-8  # keeps the information regular where the data say nothing


def expectation_maximisation(likelihood: Likelihood, start: np.ndarray, gain: float, cycles: int) -> tuple[Point, int]:
    """EM cycles until the log-likelihood grows by less than `gain` in one; the point, and how many there were."""
    point = likelihood.at(start)
    assert point is not None, "start values are feasible"
    for cycle in range(1, cycles + 1):
        after = likelihood.at(m_step(likelihood, point))
        if after is None or after.value <= point.value:
            return point, cycle
        grown = after.value - point.value
        point = after
        if grown < gain:
            return point, cycle
    return point, cycles


def m_step(likelihood: Likelihood, point: Point) -> np.ndarray:
    """Parameters of greater expected complete-data likelihood: items by themselves, and the variance."""
    parts = [_step_items(likelihood, part, point.expected[part.rows]) for part in point.curves]
    variance = point.at_nodes @ likelihood.theta**2 / likelihood.responses.n_students
    return likelihood.specification.join(parts, max(variance, 1e-4))


def _step_items(likelihood: Likelihood, part: Curves, expected: np.ndarray) -> np.ndarray:
    """Parameters (items, parameters) of one block after a Newton step, halved for the items it does not help."""
    family, prior = likelihood.specification.family, likelihood.specification.item_prior
    density, gradient, diagonal = prior(part.parameters)
    gradient = gradient + np.einsum("mcq,mpcq->mp", expected, part.derivatives)
    information = item_information(part.logs, part.derivatives, expected)
    diagonal = diagonal + np.einsum("mpp->mp", information) * _RIDGE + _RIDGE
    step = np.linalg.solve(information + diagonal[:, :, None] * np.eye(diagonal.shape[1]), gradient[:, :, None])[
        :, :, 0
    ]
    step /= np.maximum(1, np.abs(step).max(axis=1, keepdims=True) / _LONGEST)
    before = (expected * part.logs).sum(axis=(1, 2)) + density
    for _ in range(_HALVINGS):
        trial = part.parameters + step
        trial = np.where(family.feasible(trial)[:, None], trial, part.parameters)
        logs, _ = family.log_probabilities(trial, likelihood.theta)
        worse = (expected * logs).sum(axis=(1, 2)) + prior(trial)[0] < before
        if not worse.any():
            break
        step[worse] /= 2
    return np.where(worse[:, None], part.parameters, trial)
