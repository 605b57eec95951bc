"""Maximum marginal likelihood: EM to begin with, Newton to end with.

With many pupils both run on a random part of them; its information, scaled, is then the metric of a BFGS search on all,
which needs a handful of passes over the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.irt.em import expectation_maximisation
from engine.irt.information import observed_information
from engine.irt.likelihood import Likelihood, Point
from engine.irt.newton import bfgs, newton
from engine.irt.responses import Responses
from engine.irt.specification import Quadrature, Specification

_GAIN = 0.1  # of log-likelihood in a cycle, below which EM has done its part
_CYCLES = 50
_SAMPLE = 8192  # pupils whose information stands for that of all
_ROUGHLY = 1e-2  # tolerance there


@dataclass(frozen=True)
class Fit:
    """Where a search ended."""

    likelihood: Likelihood
    point: Point
    n_iter: int
    converged: bool


def fit(specification: Specification, responses: Responses, quadrature: Quadrature, tol: float, max_iter: int) -> Fit:
    """Estimate a model.

    Args:
        tol: stop when the next step would change no parameter by more, or none by more than this part of its standard
            error.
        max_iter: most passes over all data.
    """
    start = specification.start(responses.category_counts())
    n = len(responses.packed)
    if n < 2 * _SAMPLE:
        return _maximise(Likelihood(specification, responses.collapsed(), quadrature), start, tol, max_iter)
    part = _maximise(Likelihood(specification, responses.sample(_SAMPLE), quadrature), start, _ROUGHLY, max_iter)
    information = observed_information(part.likelihood, part.point) * (n / part.likelihood.responses.n_students)
    whole = Likelihood(specification, responses.collapsed(), quadrature)
    begin = whole.at(part.point.vector)
    assert begin is not None
    return Fit(whole, *bfgs(whole, begin, information, tol, max_iter))


def _maximise(likelihood: Likelihood, start: np.ndarray, tol: float, max_iter: int) -> Fit:
    """EM, then Newton."""
    point, cycles = expectation_maximisation(likelihood, start, _GAIN, min(_CYCLES, max_iter))
    point, steps, converged = newton(likelihood, point, tol, max_iter - cycles)
    return Fit(likelihood, point, cycles + steps, converged)
