"""Log-linear presmoothing of score distributions (Holland & Thayer, 1987, 2000): a Poisson regression of the counts.

With polynomials up to degree d the smoothed distribution keeps the first d moments of the sample (and, with an anchor,
the cross moments asked for). Counts of scores that nobody has are smoothed too; so are pairs of a score and an anchor
score that cannot occur together, as in R's equate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import gammaln

from engine.errors import InputError
from engine.linking.frequencies import Array, Frequencies, JointFrequencies

HIGHEST = 10  # degree tried when AIC or BIC choose
ITERATIONS = 200


@dataclass(frozen=True)
class Fit:
    """A log-linear model of counts.

    Attributes:
        fitted: (cells,) expected counts.
        factor: (cells, p) C with C·Cᵀ the covariance matrix of the fitted proportions (von Davier, Holland & Thayer,
            2004, ch. 3).
        loglik: Poisson log-likelihood.
        n_parameters: with the constant.
    """

    fitted: Array
    factor: Array
    loglik: float
    n_parameters: int

    @property
    def aic(self) -> float:
        return 2 * self.n_parameters - 2 * self.loglik

    @property
    def bic(self) -> float:
        """With the number of cells as the number of observations, as R's BIC of a glm has it."""
        return float(np.log(len(self.fitted))) * self.n_parameters - 2 * self.loglik


def smooth(scores: Frequencies, degree: int | Literal["aic", "bic"]) -> Frequencies:
    """The distribution smoothed by a polynomial of the degree, or of the degree of 1 … 10 with the lowest AIC or BIC.

    Raises:
        InputError: there is no fit: pupils have too few different scores for the degree.
    """
    if not isinstance(degree, str):
        fit = fit_univariate(scores, degree)
    elif degree not in ("aic", "bic"):
        raise ValueError(f"degree {degree!r}: it must be a number, 'aic' or 'bic'")
    else:
        fits = list(_fits(scores))
        if not fits:
            raise InputError("all pupils have one score: there is nothing to smooth")
        fit = min(fits, key=lambda fit: fit.aic if degree == "aic" else fit.bic)
    return replace(scores, counts=fit.fitted, factor=fit.factor)


def smooth_joint(joint: JointFrequencies, degree: tuple[int, int, int]) -> JointFrequencies:
    """The joint distribution smoothed with powers of the score up to degree[0] and of the anchor up to degree[1], and
    products score^i · anchor^j with 1 <= i, j <= degree[2].

    Raises:
        InputError: there is no fit.
    """
    fit = fit_bivariate(joint, degree)
    return replace(joint, counts=fit.fitted.reshape(joint.counts.shape), factor=fit.factor)


def fit_univariate(scores: Frequencies, degree: int) -> Fit:
    if not 1 <= degree < len(scores.scores):
        raise ValueError(f"degree {degree}: it must be from 1 to the number of possible scores less 1")
    return _fit(scores.counts, _powers(scores.scores, degree))


def fit_bivariate(joint: JointFrequencies, degree: tuple[int, int, int]) -> Fit:
    by_score, by_anchor, cross = degree
    if not (1 <= by_score < len(joint.scores) and 1 <= by_anchor < len(joint.anchors)):
        raise ValueError(f"degree {degree}: each must be from 1 to the number of possible scores less 1")
    if not 0 <= cross <= min(by_score, by_anchor):
        raise ValueError(f"degree {degree}: products can't have higher powers than the scores themselves")
    score, anchor = _powers(joint.scores, by_score), _powers(joint.anchors, by_anchor)
    ones = np.ones_like(joint.counts)[..., None]
    products = score[:, None, :cross, None] * anchor[None, :, None, :cross]
    columns = [score[:, None] * ones, anchor[None] * ones, products.reshape(*joint.counts.shape, cross**2)]
    return _fit(joint.counts.ravel(), np.concatenate(columns, axis=2).reshape(joint.counts.size, -1))


def _fits(scores: Frequencies) -> Iterator[Fit]:
    """Of degree 1, 2, … as far as the pupils' different scores allow."""
    different = int(np.count_nonzero(scores.counts))
    for degree in range(1, min(HIGHEST, different - 1) + 1):
        try:
            yield fit_univariate(scores, degree)
        except InputError:
            return


def _powers(scores: Array, degree: int) -> Array:
    """(K, degree) polynomials of degree 1, 2, …: Legendre's, which span what the powers do, but well conditioned."""
    unit = 2 * (scores - scores[0]) / (scores[-1] - scores[0]) - 1
    return np.polynomial.legendre.legvander(unit, degree)[:, 1:]


def _fit(counts: Array, terms: Array) -> Fit:
    """Maximum likelihood by Newton's method, halving steps that make it worse."""
    basis = np.linalg.qr(np.column_stack([np.ones(len(counts)), terms]))[0]
    total = counts.sum()

    def loglik(coefficients: Array) -> float:
        log_fitted = basis @ coefficients
        return float(counts @ log_fitted - np.exp(np.minimum(log_fitted, 700)).sum())

    # weighted least squares of the logarithms, or all scores as frequent
    root = np.sqrt(counts + 0.1)
    logs = np.linalg.lstsq(basis * root[:, None], np.log(counts + 0.1) * root, rcond=None)[0]
    even = basis.T @ np.full(len(counts), np.log(total / len(counts)))
    coefficients = max(logs, even, key=loglik)
    for _ in range(ITERATIONS):
        fitted = np.exp(basis @ coefficients)
        converged = np.abs(basis.T @ (counts - fitted)).max() <= 1e-10 * total
        root = np.sqrt(np.maximum(fitted, 1e-12 * total))
        step = np.linalg.lstsq(basis * root[:, None], (counts - fitted) / root, rcond=None)[0]
        reached, length = loglik(coefficients), 1.0
        while loglik(coefficients + length * step) < reached - 1e-12 * abs(reached) and length > 1e-9:
            length /= 2
        coefficients = coefficients + length * step
        if converged:  # one step beyond, which squares what is left of the error
            break
    else:
        raise InputError(
            "the log-linear model does not fit: the pupils have too few different scores for its degree",
            mend="choose a lower degree, or do without presmoothing",
        )
    fitted = np.exp(basis @ coefficients)
    proportions = fitted / fitted.sum()
    root = np.sqrt(proportions)
    # terms that hardly vary where there are pupils are known, not estimated
    independent, sizes, _ = np.linalg.svd(
        root[:, None] * (basis[:, 1:] - proportions @ basis[:, 1:]), full_matrices=False
    )
    independent = independent[:, sizes > 1e-9 * sizes[0]]
    return Fit(
        fitted=fitted,
        factor=root[:, None] * independent / np.sqrt(total),
        loglik=loglik(coefficients) - float(gammaln(counts + 1).sum()),
        n_parameters=basis.shape[1],
    )
