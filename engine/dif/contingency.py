"""DIF of right/wrong items from 2 × 2 × K tables: Mantel-Haenszel, standardisation, Breslow-Day.

A table has a stratum for each matching score; in it the right and wrong answers of the reference group (A, B) and of
the focal group (C, D). Conventions are those of R's difR: the score holds the studied item; strata with one pupil or
one group add nothing. Null, in every result: what the answers do not determine (a constant item, no score at which
both groups were seen, …).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from scipy.stats import chi2 as chi_squared
from scipy.stats import norm

from engine.dif.responses import matched
from engine.dif.results import classes, column, head, letters, tail
from engine.dif.strata import FOCAL, REFERENCE, Strata

ETS_SCALE = -2.35  # Δ = -2.35 ln α (Holland & Thayer 1988)


def mantel_haenszel(
    X: Any,
    group: Any = None,
    *,
    focal: object = None,
    correct: bool = True,
    purify: bool = False,
    level: float = 0.05,
    rounds: int = 10,
) -> pa.Table:
    """Mantel-Haenszel test of every dichotomous item (Mantel & Haenszel 1959; Holland & Thayer 1988), as difR::difMH.

    Args:
        X: (pupils, items) 0/1, NaN or below 0 where missing; or Strata, without `group`.
        group: (pupils,) two labels; None or NaN leaves the pupil out.
        focal: label of the focal group; by default the greater one.
        correct: with the continuity correction of 0.5.
        purify: take flagged items out of the matching score and test again, until nothing changes.
        level: an item is flagged where p is below it.
        rounds: of purification, at most.

    Returns:
        A row an item: `item`; `n_reference`, `n_focal`: pupils to whom it was presented; `chi2`, `p`: 1 degree of
        freedom; `alpha`: common odds ratio, above 1 where the item favours the reference group (0 or inf where one
        side of the tables is empty: then `delta` is ±inf); `delta` = -2.35 ln α and its standard error `se_delta`
        (Phillips & Holland 1987); `size`: "A", "B", "C" for |Δ| below 1, below 1.5, above, as difR; `ets`: the rule
        of ETS (Zieky 1993): "A" where p ≥ .05 or |Δ| < 1, "C" where |Δ| ≥ 1.5 and is above 1 by a one-sided test at
        .05, else "B"; `flagged`; `anchor`: whether it is part of the matching score. Where flagged items are part of
        it after purification, that did not come to rest.

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """

    def test(strata: Strata) -> pa.Table:
        return _mantel_haenszel(strata, correct, level)

    return matched(X, group, focal, test, purify=purify, rounds=rounds)


def standardization(
    X: Any,
    group: Any = None,
    *,
    focal: object = None,
    weights: Literal["focal", "reference", "total"] = "focal",
    purify: bool = False,
    threshold: float = 0.1,
    rounds: int = 10,
) -> pa.Table:
    """Standardised difference of the share of right answers, focal less reference (Dorans & Kulick 1986).

    Args:
        weights: whose counts weigh the strata.
        threshold: an item is flagged where the difference is larger.
        X, group, focal, purify, rounds: as in `mantel_haenszel`.

    Returns:
        A row an item: `item`, `n_reference`, `n_focal`, `std_p_dif`; `size`: "A", "B", "C" for below .05, below .10,
        above; `flagged`; `anchor`.

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """

    def test(strata: Strata) -> pa.Table:
        right, n = strata.right_and_all()
        weight = n.sum(axis=1) if weights == "total" else n[:, {"reference": REFERENCE, "focal": FOCAL}[weights]]
        difference = standardized(right, n, weight)
        return pa.table(
            {
                **head(strata, n.sum(axis=2)),
                "std_p_dif": column(difference),
                "size": classes(np.abs(difference), 0.05, 0.1),
                **tail(strata, np.abs(difference) > threshold),
            }
        )

    if weights not in ("focal", "reference", "total"):
        raise ValueError(f"weights must be focal, reference or total, not {weights!r}")
    return matched(X, group, focal, test, purify=purify, rounds=rounds)


def breslow_day(
    X: Any,
    group: Any = None,
    *,
    focal: object = None,
    purify: bool = False,
    level: float = 0.05,
    rounds: int = 10,
) -> pa.Table:
    """Breslow-Day test: is the odds ratio the same at every score? (Breslow & Day 1980; as difR::difBD)

    If not, the DIF is not uniform. Strata count in which both groups and both right and wrong answers were seen.

    Args:
        X, group, focal, purify, level, rounds: as in `mantel_haenszel`.

    Returns:
        A row an item: `item`, `n_reference`, `n_focal`; `chi2`, `df`, `p`; `trend_chi2`, `trend_p`: the test, with 1
        degree of freedom, for an odds ratio that rises or falls with the score (Breslow & Day 1980; Penfield 2003);
        `flagged` (by p); `anchor`.

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """

    def test(strata: Strata) -> pa.Table:
        return _breslow_day(strata, level)

    return matched(X, group, focal, test, purify=purify, rounds=rounds)


def _mantel_haenszel(strata: Strata, correct: bool, level: float) -> pa.Table:
    right, n = strata.right_and_all()
    everybody, m = n.sum(axis=1), right.sum(axis=1)
    size = np.maximum(everybody, 1)
    a, d = right[:, REFERENCE], n[:, FOCAL] - right[:, FOCAL]
    b, c = n[:, REFERENCE] - a, right[:, FOCAL]
    excess = (a - n[:, REFERENCE] * m / size).sum(axis=1)
    variance = (n[:, REFERENCE] * n[:, FOCAL] * m * (everybody - m) / (size**2 * np.maximum(size - 1, 1))).sum(axis=1)
    chi2 = ratio((np.abs(excess) - (0.5 if correct else 0)) ** 2, variance)
    p = chi_squared.sf(chi2, 1)
    alpha = _odds_ratio(right, n)
    with np.errstate(divide="ignore", invalid="ignore"):  # α = 0 or ∞
        delta = ETS_SCALE * np.log(alpha)
        bc = alpha[:, None] * b * c
        numerator = ((a * d + bc) * (a + d + alpha[:, None] * (b + c)) / size**2).sum(axis=1)
        error = -ETS_SCALE * np.sqrt(numerator / 2) / (a * d / size).sum(axis=1)
    return pa.table(
        {
            **head(strata, n.sum(axis=2)),
            "chi2": column(chi2),
            "p": column(p),
            "alpha": column(alpha),
            "delta": column(delta),
            "se_delta": column(error),
            "size": classes(np.abs(delta), 1, 1.5),
            "ets": _ets(np.abs(delta), error, p),
            **tail(strata, p < level),
        }
    )


def _breslow_day(strata: Strata, level: float) -> pa.Table:
    right, n = strata.right_and_all()
    odds_ratio = _odds_ratio(right, n)
    a, n_reference, n_focal = right[:, REFERENCE], n[:, REFERENCE], n[:, FOCAL]
    m = right.sum(axis=1)
    used = (n_reference > 0) & (n_focal > 0) & (m > 0) & (m < n_reference + n_focal)
    used &= np.isfinite(odds_ratio)[:, None] & (odds_ratio > 0)[:, None]
    odds = np.where(used, odds_ratio[:, None], 1.0)
    n_reference, n_focal, m, a = (
        np.where(used, value, other) for value, other in ((n_reference, 1.0), (n_focal, 1.0), (m, 1.0), (a, 0.0))
    )
    # A expected under the common odds ratio: (odds - 1)·E² - b·E + odds·n·m = 0
    b = odds * (n_reference + m) + n_focal - m
    product = odds * n_reference * m
    expected = 2 * product / (b + np.sqrt(b**2 - 4 * (odds - 1) * product))
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = (expected, n_reference - expected, m - expected, n_focal - m + expected)
        variance = 1 / sum(1 / cell for cell in cells)
        used &= variance > 0
        variance, excess = np.where(used, variance, 0), np.where(used, a - expected, 0)
        chi2 = np.where(used, excess**2 / variance, 0).sum(axis=1)
        score = strata.scores - (variance @ strata.scores / variance.sum(axis=1))[:, None]
        trend = (excess @ strata.scores) ** 2 / (variance * score**2).sum(axis=1)
    df = used.sum(axis=1) - 1
    chi2, trend = (np.where(df > 0, value, np.nan) for value in (chi2, trend))
    p = chi_squared.sf(chi2, np.maximum(df, 1))
    return pa.table(
        {
            **head(strata, n.sum(axis=2)),
            "chi2": column(chi2),
            "df": np.maximum(df, 0),
            "p": column(p),
            "trend_chi2": column(trend),
            "trend_p": column(chi_squared.sf(trend, 1)),
            **tail(strata, p < level),
        }
    )


def _odds_ratio(right: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Common odds ratio of each item; 0 or inf where one of the two sums is nothing, NaN where both are."""
    size = np.maximum(n.sum(axis=1), 1)
    wrong = n - right
    with np.errstate(divide="ignore", invalid="ignore"):
        return (right[:, REFERENCE] * wrong[:, FOCAL] / size).sum(axis=1) / (
            wrong[:, REFERENCE] * right[:, FOCAL] / size
        ).sum(axis=1)


def standardized(sums: np.ndarray, n: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted mean of the difference of means (focal - reference) over the strata where both groups are."""
    means = sums / np.maximum(n, 1)
    weight = np.where((n > 0).all(axis=1), weight, 0)
    return ratio((weight * (means[:, FOCAL] - means[:, REFERENCE])).sum(axis=1), weight.sum(axis=1))


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below; NaN where below is not above 0."""
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)


def _ets(magnitude: np.ndarray, error: np.ndarray, p: np.ndarray) -> pa.Array:
    """The rule of ETS; null where there is no |Δ| or p."""
    large = (magnitude >= 1.5) & ~(magnitude - 1 <= norm.ppf(0.95) * error)  # ∞ has no error and is large
    place = np.where((p >= 0.05) | (magnitude < 1), 0, np.where(large, 2, 1))
    return letters(place, np.isnan(magnitude) | np.isnan(p))
