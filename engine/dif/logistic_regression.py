"""DIF by logistic regression on the total score and the group (Swaminathan & Rogers 1990).

The covariate is the total score, so right answers by score and group are a sufficient statistic: every item is fitted
on a few hundred cells however many the pupils, all items at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from scipy.stats import chi2 as chi_squared

from engine.dif.fits import Fits, fit_binary, fit_ordinal
from engine.dif.responses import matched
from engine.dif.results import classes, column, head, tail
from engine.dif.strata import Strata

# Parameters (intercept, score, group, score × group) in the model without DIF and in the one with it.
MODELS = {"uniform": (2, 3), "nonuniform": (3, 4), "both": (2, 4)}
COEFFICIENTS = ("intercept", "score", "group", "interaction")
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
        answers do not determine: all of a constant item, or where it was presented in one group, or at one score of a
        group, only; the coefficients where no finite ones are the best.

        difR computes the likelihood itself for Nagelkerke's denominator. It is 0 in floating point where the null
        deviance is above 1490 (from some 1100 pupils on), so that difR then gives what is `delta_cox_snell` here.

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """
    return _run(X, group, focal, kind, purify, level, rounds, _binary)


def ordinal_logistic(
    X: Any,
    group: Any = None,
    *,
    focal: object = None,
    kind: Literal["uniform", "nonuniform", "both"] = "both",
    purify: bool = False,
    level: float = 0.05,
    rounds: int = 10,
) -> pa.Table:
    """The same test for items of any number of points, by cumulative logits (Zumbo 1999; Crane et al. 2006).

    Of a dichotomous item it is that of `logistic`. Odds are those of at least so many points, and the group changes
    those of all points alike. Points that nobody has are no category.

    Args and Returns:
        as `logistic`; X may be of any whole points, `intercept` is that of more than the fewest points.

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """
    return _run(X, group, focal, kind, purify, level, rounds, _ordinal)


Fit = Callable[[Strata, np.ndarray], Fits]


def _binary(strata: Strata, design: np.ndarray) -> Fits:
    right, n = (counts.reshape(len(strata.items), len(design)) for counts in strata.right_and_all())
    return fit_binary(design, n, right)


def _ordinal(strata: Strata, design: np.ndarray) -> Fits:
    return fit_ordinal(design, [item.counts.reshape(-1, len(design)) for item in strata.items.values()])


def _run(X: Any, group: Any, focal: object, kind: str, purify: bool, level: float, rounds: int, fit: Fit) -> pa.Table:
    if kind not in MODELS:
        raise ValueError(f"kind must be uniform, nonuniform or both, not {kind!r}")

    def test(strata: Strata) -> pa.Table:
        return _test(strata, kind, level, fit)

    return matched(X, group, focal, test, purify=purify, rounds=rounds)


def _test(strata: Strata, kind: str, level: float, fit: Fit) -> pa.Table:
    n = strata.presented()
    few, many = MODELS[kind]
    scores = strata.scores * strata.step
    centre, scale = _moments(scores, n)
    score = (scores - centre) / scale
    ones, zeros = np.ones_like(score), np.zeros_like(score)
    design = np.hstack([[ones, score, zeros, zeros], [ones, score, ones, score]]).T  # (2 × strata, 4)
    plain, full = (fit(strata, design[:, :size]) for size in (few, many))

    null, size = full.null, np.maximum(n.sum(axis=(1, 2)), 1)
    known = (plain.rank == few) & (full.rank == many) & (null < 0)
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


def _moments(scores: np.ndarray, n: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the score over all answers; 1 for a standard deviation of 0."""
    weight = n.sum(axis=(0, 1))
    if not weight.any():
        return 0.0, 1.0
    mean = float(np.average(scores, weights=weight))
    return mean, float(np.sqrt(np.average((scores - mean) ** 2, weights=weight))) or 1.0
