"""DIF of items of any number of points, matched on the score: Mantel, generalised Mantel-Haenszel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import chi2 as chi_squared

from engine.dif.contingency import ratio, standardized
from engine.dif.responses import matched
from engine.dif.results import classes, column, head, tail
from engine.dif.strata import FOCAL, REFERENCE, Counts, Strata


def mantel(
    X: Any,
    group: Any = None,
    *,
    focal: object = None,
    purify: bool = False,
    level: float = 0.05,
    rounds: int = 10,
) -> pa.Table:
    """Mantel's test and the standardised mean difference, for items of any number of points.

    Of a dichotomous item, `chi2` is that of Mantel-Haenszel without continuity correction.

    Args:
        X: (pupils, items) whole points, NaN or below 0 where missing; or Strata, without `group`.
        group, focal, purify, level, rounds: as in `mantel_haenszel`.

    Returns:
        A row an item: `item`, `n_reference`, `n_focal`; `chi2`, `p`: 1 degree of freedom (Mantel 1963); `smd`:
        difference of the mean points, focal less reference, weighed by the focal counts (Dorans & Schmitt 1991);
        `effect`: smd in standard deviations (denominator n) of the item in both groups together; `ets`: the rule of
        ETS for such items: "A" where p ≥ .05 or |effect| < .17, "B" below .25, "C" above; `flagged`; `anchor`.

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """

    def test(strata: Strata) -> pa.Table:
        return _mantel(strata, level)

    return matched(X, group, focal, test, purify=purify, rounds=rounds)


def generalized_mantel_haenszel(
    X: Any,
    group: Any = None,
    *,
    focal: object = None,
    purify: bool = False,
    level: float = 0.05,
    rounds: int = 10,
) -> pa.Table:
    """Do the groups differ in which points they get, in whatever way? (Somes 1986; Zwick, Donoghue & Grima 1993)

    Unlike `mantel` it sees groups of equal means, one of which has more of the middle. Of a dichotomous item it is
    Mantel-Haenszel without continuity correction. As R's mantelhaen.test.

    Args:
        X, group, focal, purify, level, rounds: as in `mantel`.

    Returns:
        A row an item: `item`, `n_reference`, `n_focal`; `chi2`, `df`, `p`; `flagged`; `anchor`. df is the number of
        values less 1, or what is left of it where both groups never have some values at the same score.

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """

    def test(strata: Strata) -> pa.Table:
        return _generalized_mantel_haenszel(strata, level)

    return matched(X, group, focal, test, purify=purify, rounds=rounds)


def _mantel(strata: Strata, level: float) -> pa.Table:
    shape = (len(strata.items), 2, len(strata.scores))
    n, sums, squares = (
        np.array([np.tensordot(item.values**power, item.counts, 1) for item in strata.items.values()]).reshape(shape)
        for power in (0, 1, 2)
    )
    everybody, points = n.sum(axis=1), sums.sum(axis=1)
    size = np.maximum(everybody, 1)
    excess = (sums[:, FOCAL] - n[:, FOCAL] * points / size).sum(axis=1)
    spread = size * squares.sum(axis=1) - points**2
    variance = (n[:, REFERENCE] * n[:, FOCAL] * spread / (size**2 * np.maximum(size - 1, 1))).sum(axis=1)
    chi2 = ratio(excess**2, variance)
    p = chi_squared.sf(chi2, 1)
    smd = standardized(sums, n, n[:, FOCAL])
    total, mean = everybody.sum(axis=1), ratio(points.sum(axis=1), everybody.sum(axis=1))
    effect = ratio(smd, np.sqrt(np.maximum(ratio(squares.sum(axis=(1, 2)), total) - mean**2, 0)))
    known = np.where(p >= 0.05, 0, np.abs(effect))
    return pa.table(
        {
            **head(strata, n.sum(axis=2)),
            "chi2": column(chi2),
            "p": column(p),
            "smd": column(smd * strata.step),
            "effect": column(effect),
            "ets": classes(known, 0.17, 0.25),
            **tail(strata, p < level),
        }
    )


def _generalized_mantel_haenszel(strata: Strata, level: float) -> pa.Table:
    tests = np.array([_generalized(item) for item in strata.items.values()]).reshape(-1, 2)
    chi2, df = tests.T
    p = chi_squared.sf(chi2, np.maximum(df, 1))
    return pa.table(
        {
            **head(strata, strata.presented().sum(axis=2)),
            "chi2": column(chi2),
            "df": df.astype(np.int64),
            "p": column(p),
            **tail(strata, p < level),
        }
    )


def _generalized(item: Counts) -> tuple[float, int]:
    """χ² and its degrees of freedom."""
    n, given = item.counts.sum(axis=0), item.counts.sum(axis=1)[1:]  # the first value follows from the others
    size = np.maximum(n.sum(axis=0), 1)
    excess = (item.counts[1:, FOCAL] - given * n[FOCAL] / size).sum(axis=1)
    weight = n[REFERENCE] * n[FOCAL] / (size**2 * np.maximum(size - 1, 1))
    apart = given * weight * size
    covariance = np.diag(apart.sum(axis=1)) - (given * weight) @ given.T
    known = np.diag(covariance) > 1e-9 * apart.sum(axis=1)  # more than rounding
    scale = np.sqrt(np.where(known, np.diag(covariance), 1))
    scaled = covariance[np.ix_(known, known)] / np.outer(scale[known], scale[known])
    excess = excess[known] / scale[known]
    df = int(np.linalg.matrix_rank(scaled, rtol=1e-9, hermitian=True)) if known.any() else 0
    return float(excess @ np.linalg.pinv(scaled, rtol=1e-9, hermitian=True) @ excess) if df else np.nan, df
