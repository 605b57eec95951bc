"""DIF by logistic regression on the total score and the group (Swaminathan & Rogers 1990).

The covariate is the total score, so right answers by score and group are a sufficient statistic: every item is fitted
on a few hundred cells however many the pupils, all items at once.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from scipy.special import expit, xlogy
from scipy.stats import chi2 as chi_squared

from engine.dif.responses import purified, strata_of
from engine.dif.results import classes, column, head, tail
from engine.dif.strata import Strata

# Parameters (intercept, score, group, score × group) in the model without DIF and in the one with it.
MODELS = {"uniform": (2, 3), "nonuniform": (3, 4), "both": (2, 4)}
COEFFICIENTS = ("intercept", "score", "group", "interaction")
ROUNDS = 100
SETTLED = 1e-12  # what a step can add to the log-likelihood
INFINITE = 100.0  # standard error of a coefficient of the standardised score or the group, in logits


def logistic(
    X: Any,
    group: Any = None,
    *,
    focal: object = None,
    kind: Literal["uniform", "nonuniform", "both"] = "both",
    purify: bool = False,
    level: float = 0.05,
    rounds: int = 10,
) -> pa.Table:
    """Likelihood-ratio test of DIF in logistic regression, for dichotomous items; as difR::difLogistic.

    Args:
        kind: "uniform": does the group matter, beside the score? "nonuniform": does it matter more at some scores
            (interaction, beside score and group)? "both": either of them.
        X, group, focal, purify, level, rounds: as in `engine.dif.mantel_haenszel`.

    Returns:
        A row an item: `item`, `n_reference`, `n_focal`; `chi2`, `df`, `p`: likelihood ratio; `delta_r2`: difference
        of Nagelkerke's R² (1991) of the two models, `delta_cox_snell`: of Cox and Snell's R² (1989), its numerator;
        `size`: "A", "B", "C" by delta_r2 below .035, below .070, above (Jodoin & Gierl 2001), `size_zt`: below .13,
        below .26, above (Zumbo & Thomas 1997); the coefficients of the model with DIF (`intercept`, `score`, `group`,
        `interaction`; group: 1 for focal; score in points) and their standard errors (`se_…`). Null is what the
        answers do not determine: all of a constant item, or where a score alone, or one group alone, has all the
        pupils; the coefficients where no finite ones are the best.

        difR computes the likelihood itself for Nagelkerke's denominator. It is 0 in floating point where the null
        deviance is above 1490 (from some 1100 pupils on), so that difR then gives what is `delta_cox_snell` here.

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """
    if kind not in MODELS:
        raise ValueError(f"kind must be uniform, nonuniform or both, not {kind!r}")

    def test(strata: Strata) -> pa.Table:
        return _test(strata, kind, level)

    return purified(X, group, focal, rounds, test) if purify else test(strata_of(X, group, focal))


def _test(strata: Strata, kind: str, level: float) -> pa.Table:
    right, n = strata.right_and_all()
    cells = len(strata.items), 2 * len(strata.scores)
    few, many = MODELS[kind]
    centre, scale = _moments(strata.scores, n)
    score = (strata.scores - centre) / scale
    ones, zeros = np.ones_like(score), np.zeros_like(score)
    design = np.hstack([[ones, score, zeros, zeros], [ones, score, ones, score]]).T  # (2 × strata, 4)
    plain, full = (_Fit(design[:, :size], n.reshape(cells), right.reshape(cells)) for size in (few, many))

    total, correct = n.sum(axis=(1, 2)), right.sum(axis=(1, 2))
    known = (plain.rank == few) & (full.rank == many) & (correct > 0) & (correct < total)
    size = np.maximum(total, 1)
    null = xlogy(correct, correct / size) + xlogy(total - correct, 1 - correct / size)
    chi2 = np.where(known, np.maximum(2 * (full.loglik - plain.loglik), 0), np.nan)
    cox_snell = np.exp(2 * (null - plain.loglik) / size) * -np.expm1(-chi2 / size)
    nagelkerke = cox_snell / np.where(known, -np.expm1(2 * null / size), 1)
    p = chi_squared.sf(chi2, many - few)

    points = np.eye(4)  # from coefficients of the standardised score to those of the score
    points[[0, 2], [1, 3]] = -centre / scale
    points[[1, 3], [1, 3]] = 1 / scale
    points = points[:many, :many]
    covariance = points @ full.covariance @ points.T
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        finite = known & (np.sqrt(np.diagonal(full.covariance, axis1=1, axis2=2)) < INFINITE).all(axis=1)
    estimates = {
        prefix + name: column(np.where(finite, values[:, k], np.nan))
        for prefix, values in (("", full.coefficients @ points.T), ("se_", errors))
        for k, name in enumerate(COEFFICIENTS[:many])
    }
    return pa.table(
        {
            **head(strata, n.sum(axis=2)),
            "chi2": column(chi2),
            "df": np.full(len(chi2), many - few),
            "p": column(p),
            "delta_r2": column(nagelkerke),
            "delta_cox_snell": column(cox_snell),
            "size": classes(nagelkerke, 0.035, 0.07),
            "size_zt": classes(nagelkerke, 0.13, 0.26),
            **estimates,
            **tail(strata, p < level),
        }
    )


class _Fit:
    """Maximum likelihood of one logistic model for every item, by Newton's method on grouped data.

    Attributes:
        loglik: (items,), of the single answers. Where no finite coefficients are the best (separation), its limit.
        coefficients: (items, p). covariance: (items, p, p), inverse information. rank: (items,) of the design.
    """

    def __init__(self, design: np.ndarray, n: np.ndarray, right: np.ndarray) -> None:
        """design: (cells, p); n, right: (items, cells)."""
        p = design.shape[1]
        squares = (design[:, :, None] * design[:, None, :]).reshape(-1, p * p)

        def loglik(beta: np.ndarray) -> np.ndarray:
            eta = beta @ design.T
            return -(right * np.logaddexp(0, -eta) + (n - right) * np.logaddexp(0, eta)).sum(axis=1)

        beta = np.zeros((len(n), p))
        value, length = loglik(beta), np.ones(len(n))
        for _ in range(ROUNDS):
            chance = expit(beta @ design.T)
            information = ((n * chance * (1 - chance)) @ squares).reshape(-1, p, p)
            slope = (right - n * chance) @ design
            step = _solve(information, slope[..., None])[..., 0]
            if ((slope * step).sum(axis=1) < SETTLED).all():
                break
            tried = beta + length[:, None] * step
            reached = loglik(tried)
            better = reached >= value - 1e-12 * np.abs(value)
            beta[better], value[better] = tried[better], reached[better]
            length = np.where(better, 1, length / 2)
        self.loglik, self.coefficients = value, beta
        self.covariance = _solve(information, np.broadcast_to(np.eye(p), information.shape))
        self.rank = np.linalg.matrix_rank(((n > 0) @ squares).reshape(-1, p, p), rtol=1e-9, hermitian=True)


def _solve(information: np.ndarray, values: np.ndarray) -> np.ndarray:
    """information⁻¹·values, in the scale where the diagonal is 1; what is not determined stays near 0."""
    scale = np.sqrt(np.diagonal(information, axis1=1, axis2=2))
    scale = np.where(scale > 0, scale, 1)[..., None]
    scaled = information / scale / scale.transpose(0, 2, 1) + 1e-12 * np.eye(information.shape[1])
    return np.linalg.solve(scaled, values / scale) / scale


def _moments(scores: np.ndarray, n: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the score over all answers; 1 for a standard deviation of 0."""
    weight = n.sum(axis=(0, 1))
    if not weight.any():
        return 0.0, 1.0
    mean = float(np.average(scores, weights=weight))
    return mean, float(np.sqrt(np.average((scores - mean) ** 2, weights=weight))) or 1.0
