"""Reliability of a test from the scores on its items: alpha, Guttman's lambdas, omega, split halves, SEM.

Scores are a matrix (persons, items), NaN for missing, or the CrossProducts of one. What the numbers mean:

- Variances and standard deviations have the denominator n - 1. Where answers are missing, covariances and correlations
  are over the persons who have both (pairwise). An item that does not vary says nothing: it is left out, as psych does,
  except in `items`, the total score and KR-20/KR-21.
- The conventions of R's psych 2.2.9 where it has the coefficient. It standardises pairwise covariances in `alpha` and
  `splitHalf`, and takes pairwise correlations in `guttman` and `omega`; this differs only where answers are missing.
- What is not defined (one person, fewer than two items that vary, a total that does not vary, items that nobody
  answered together, …) is None, in tables null.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from engine.crossproducts import CrossProducts, standardized
from engine.factor import minres, squared_multiple_correlations
from engine.splithalf import best_split


@dataclass(frozen=True)
class Reliability:
    """The coefficients of a test; None where not defined.

    Attributes:
        n, items: persons and items, all of them.
        mean, sd: of the total score, missing counted 0.
        alpha: Cronbach (1951), from covariances.
        alpha_se: its asymptotic standard error (van Zyl, Neudecker & Nel 2000).
        alpha_standardized: alpha of the standardised covariances.
        sem: standard error of measurement, sd·√(1 - alpha).
        mean_r, median_r: of the correlations between items.
        kr20, kr21: Kuder & Richardson (1937), variances with denominator n: KR-20 is then alpha. Only of items scored
            0 and 1 with nothing missing (and, from CrossProducts, in steps of 1).
        kr20_mixed, kr21_mixed: the same with Σpq over the n - 1 variance of totals, a common mixed form.
        lambda1 … lambda6: Guttman (1945), of the standardised covariances: lambda3 is the standardised alpha, lambda4
            that of the best split found, lambda6 that of the squared multiple correlations. As psych's alpha and
            splitHalf; `guttman_lambdas(x.correlation())` are those of psych's guttman.
        omega_total, omega_hierarchical: McDonald (1999) of one minres factor (see `omega`).
    """

    n: int
    items: int
    mean: float | None
    sd: float | None
    alpha: float | None
    alpha_se: float | None
    alpha_standardized: float | None
    sem: float | None
    mean_r: float | None
    median_r: float | None
    kr20: float | None
    kr20_mixed: float | None
    kr21: float | None
    kr21_mixed: float | None
    lambda1: float | None
    lambda2: float | None
    lambda3: float | None
    lambda4: float | None
    lambda5: float | None
    lambda6: float | None
    omega_total: float | None
    omega_hierarchical: float | None


def reliability_coefficients(scores: ArrayLike | CrossProducts, *, step: Fraction | float | str = 1) -> Reliability:
    """All coefficients of a test.

    Args:
        scores: (persons, items) points, NaN missing; or their CrossProducts.
        step: the unit of the points in a matrix, see CrossProducts.of.

    Raises:
        ValueError: see CrossProducts.of.
    """
    x = _crossproducts(scores, step)
    varying = x.select(x.varies())
    covariance = varying.covariance()
    correlation = standardized(covariance)
    mean, sd = _total(x)
    alpha = cronbach_alpha(covariance)
    between = correlation[np.tril_indices_from(correlation, -1)]
    defined = len(between) > 0 and bool(np.isfinite(between).all())
    lambdas = guttman_lambdas(correlation)
    total, hierarchical = omega(varying.correlation())
    return Reliability(
        n=x.persons,
        items=x.items,
        mean=mean,
        sd=sd,
        alpha=alpha,
        alpha_se=_alpha_se(covariance, x.persons),
        alpha_standardized=lambdas.lambda3,
        sem=standard_error_of_measurement(sd, alpha),
        mean_r=float(between.mean()) if defined else None,
        median_r=float(np.median(between)) if defined else None,
        **_kuder_richardson(x),
        **vars(lambdas),
        omega_total=total,
        omega_hierarchical=hierarchical,
    )


def item_reliability(
    scores: ArrayLike | CrossProducts, items: Sequence[str] | None = None, *, step: Fraction | float | str = 1
) -> pa.Table:
    """A row an item: how it goes with the others, and the test without it; the columns of psych::alpha.

    Columns: item, n, mean, sd (n - 1), r_total (with the mean of the answered items, or, from CrossProducts, with the
    total of the pairwise covariances: the same where nothing is missing), r_total_smc_corrected (the item's own
    variance replaced by its squared multiple correlation), r_rest (with the total of the others, from pairwise
    covariances), alpha_if_deleted, std_alpha_if_deleted, lambda6_if_deleted (null for fewer than three varying items;
    of an item that does not vary, all from r_total on is null).

    Args:
        scores: (persons, items) points, NaN missing; or their CrossProducts.
        items: their names; None: "1", "2", …
        step: the unit of the points in a matrix, see CrossProducts.of.

    Raises:
        ValueError: see CrossProducts.of; or there are more or fewer names than items.
    """
    x = _crossproducts(scores, step)
    names = [str(i + 1) for i in range(x.items)] if items is None else [str(name) for name in items]
    if len(names) != x.items:
        raise ValueError(f"{len(names)} names for {x.items} items")
    varies = x.varies()
    varying = x.select(varies)
    covariance = varying.covariance()
    correlation = standardized(covariance)
    totals = None if isinstance(scores, CrossProducts) else _with_the_mean(np.asarray(scores, dtype=float)[:, varies])
    rows = []
    for i, name in enumerate(names):
        n, total = int(x.n[i, i]), int(x.sums[i, i])
        rows.append(
            {
                "item": name,
                "n": n,
                "mean": float(Fraction(total, n) * x.step) if n else None,
                "sd": math.sqrt(Fraction(n * int(x.squares[i, i]) - total**2, n * (n - 1))) * float(x.step)
                if n > 1
                else None,
            }
        )
    for j, i in enumerate(np.flatnonzero(varies).tolist()):
        own, others = covariance[j, j], np.delete(covariance[j], j).sum()
        without = np.delete(np.delete(covariance, j, 0), j, 1)
        reduced = np.delete(np.delete(correlation, j, 0), j, 1)
        lambdas = guttman_lambdas(reduced, split=False) if len(covariance) > 2 else _NO_LAMBDAS
        rows[i] |= {
            "r_total": _over(own + others, math.sqrt(own), covariance.sum()) if totals is None else totals[j],
            "r_total_smc_corrected": _smc_corrected(correlation, j),
            "r_rest": _over(others, math.sqrt(own), without.sum()),
            "alpha_if_deleted": cronbach_alpha(without) if len(covariance) > 2 else None,
            "std_alpha_if_deleted": lambdas.lambda3,
            "lambda6_if_deleted": lambdas.lambda6,
        }
    return pa.Table.from_pylist(rows, schema=_ITEMS)


def cronbach_alpha(covariance: np.ndarray) -> float | None:
    """k/(k-1)·(1 - Σ variances / variance of the total), from a covariance matrix."""
    k, total = len(covariance), covariance.sum()
    return _over(k / (k - 1) * (total - np.trace(covariance)), total) if k > 1 else None


def standard_error_of_measurement(sd: float | None, reliability: float | None) -> float | None:
    """sd·√(1 - reliability), in points."""
    return None if sd is None or reliability is None or reliability > 1 else sd * math.sqrt(1 - reliability)


@dataclass(frozen=True)
class Lambdas:
    """Guttman's (1945) lower bounds of reliability; None where not defined."""

    lambda1: float | None
    lambda2: float | None
    lambda3: float | None
    lambda4: float | None
    lambda5: float | None
    lambda6: float | None


_NO_LAMBDAS = Lambdas(None, None, None, None, None, None)


def guttman_lambdas(matrix: np.ndarray, *, split: bool = True) -> Lambdas:
    """Guttman's lambdas of a covariance or correlation matrix (psych: the latter; lambda3 is the standardised alpha).

    lambda4 is that of the best split found by `best_split`, None if not `split`. lambda6 needs the errors of each item
    predicted from the others: (1 - SMC)·variance.
    """
    k, total = len(matrix), float(matrix.sum())
    if k < 2 or not math.isfinite(total) or total <= 0:
        return _NO_LAMBDAS
    variances = np.diagonal(matrix)
    between = matrix - np.diag(variances)
    squares = between**2
    error = ((1 - squared_multiple_correlations(standardized(matrix))) * variances).sum()
    lambda1 = 1 - variances.sum() / total
    return Lambdas(
        lambda1=float(lambda1),
        lambda2=float((between.sum() + math.sqrt(squares.sum() * k / (k - 1))) / total),
        lambda3=float(lambda1 * k / (k - 1)),
        lambda4=best_split(matrix).guttman if split else None,
        lambda5=float(lambda1 + 2 * math.sqrt(squares.sum(axis=0).max()) / total),
        lambda6=float(1 - error / total),
    )


def omega(correlation: np.ndarray) -> tuple[float | None, float | None]:
    """McDonald's omega total and omega hierarchical of one factor (psych::omega(nfactors=1)).

    Total: 1 - Σ uniquenesses / variance of the standardised total. Hierarchical: (Σ loadings)² / that variance. Items
    that load negatively are turned round first, as psych does.

    Args:
        correlation: (k, k).
    """
    if len(correlation) < 3 or not np.isfinite(correlation).all():
        return None, None
    loadings = minres(correlation)[:, 0]
    sign = np.where(loadings < 0, -1, 1)
    total = float(sign @ correlation @ sign)
    common = float((loadings**2).sum())
    return _over(total - (len(loadings) - common), total), _over(float(np.abs(loadings).sum()) ** 2, total)


def stratified_alpha(
    scores: ArrayLike | CrossProducts, strata: Sequence[object], *, step: Fraction | float | str = 1
) -> float | None:
    """Stratified alpha, 1 - Σ var(stratum)·(1 - alpha of the stratum) / var(total) (Cronbach, Schönemann & McKie 1965).

    For a paper of parts that measure different things (sections, knowledge points). A stratum of one item has no alpha
    and counts wholly as error, so the coefficient stays a lower bound. Items that do not vary add nothing.

    Args:
        scores: (persons, items) points, NaN missing; or their CrossProducts.
        strata: of each item, the name of its stratum.
        step: the unit of the points in a matrix, see CrossProducts.of.

    Returns:
        None where the total does not vary, or two items were never answered together.

    Raises:
        ValueError: see CrossProducts.of; or there are more or fewer strata than items.
    """
    x = _crossproducts(scores, step)
    if len(strata) != x.items:
        raise ValueError(f"{len(strata)} strata for {x.items} items")
    varies = x.varies()
    covariance = x.select(varies).covariance()
    places: dict[object, list[int]] = {}
    for place, i in enumerate(np.flatnonzero(varies).tolist()):
        places.setdefault(strata[i], []).append(place)
    error = 0.0
    for part in (covariance[np.ix_(place, place)] for place in places.values()):
        error += float(part.sum()) * (1 - (cronbach_alpha(part) or 0.0))
    total = float(covariance.sum())
    return _over(total - error, total)


_ITEMS = pa.schema(
    [("item", pa.string()), ("n", pa.int64())]
    + [
        (name, pa.float64())
        for name in (
            "mean",
            "sd",
            "r_total",
            "r_total_smc_corrected",
            "r_rest",
            "alpha_if_deleted",
            "std_alpha_if_deleted",
            "lambda6_if_deleted",
        )
    ]
)


def _crossproducts(scores: ArrayLike | CrossProducts, step: Fraction | float | str) -> CrossProducts:
    return scores if isinstance(scores, CrossProducts) else CrossProducts.of(scores, step)


def _total(x: CrossProducts) -> tuple[float | None, float | None]:
    """Mean and sd (n - 1) of the total score."""
    n, total = x.persons, sum(np.diagonal(x.sums).tolist())
    squares = sum(x.products.ravel().tolist())
    mean = float(Fraction(total, n) * x.step) if n else None
    sd = math.sqrt(Fraction(n * squares - total**2, n * (n - 1))) * float(x.step) if n > 1 else None
    return mean, sd


def _alpha_se(covariance: np.ndarray, persons: int) -> float | None:
    k, total = len(covariance), covariance.sum()
    if k < 2 or not total > 0:
        return None
    own, square = np.trace(covariance), covariance @ covariance
    q = 2 * k**2 / ((k - 1) ** 2 * total**3) * (total * (np.trace(square) + own**2) - 2 * own * square.sum())
    return float(math.sqrt(max(q, 0.0) / persons))


def _kuder_richardson(x: CrossProducts) -> dict[str, float | None]:
    """KR-20 and KR-21, from integers."""
    names = ("kr20", "kr20_mixed", "kr21", "kr21_mixed")
    n, k = x.persons, x.items
    right = np.diagonal(x.sums).tolist()
    # Of whole numbers x, Σx² = Σx only if all are 0 or 1.
    if k < 2 or n < 2 or x.step != 1 or not x.complete or right != np.diagonal(x.squares).tolist():
        return dict.fromkeys(names)
    total = sum(right)
    spread = n * sum(x.products.ravel().tolist()) - total**2  # n² times the population variance
    if not spread:
        return dict.fromkeys(names)
    pq = sum(r * (n - r) for r in right)
    mean = Fraction(total, n)
    by_mean = mean * (k - mean) / k * n**2
    mixed = Fraction(n - 1, n)
    shares = (Fraction(pq, spread), Fraction(pq, spread) * mixed, by_mean / spread, by_mean / spread * mixed)
    return {name: float(Fraction(k, k - 1) * (1 - share)) for name, share in zip(names, shares, strict=True)}


def _with_the_mean(scores: np.ndarray) -> list[float | None]:
    """Correlation of each item with the mean of the items a person has a score on, over those who have one on it."""
    present = ~np.isnan(scores)
    answered = present.sum(axis=1)
    means = np.divide(np.nansum(scores, axis=1), answered, out=np.zeros(len(scores)), where=answered > 0)
    rs = []
    for score, there in zip(scores.T, present.T, strict=True):
        x, y = score[there] - score[there].mean(), means[there] - means[there].mean()
        rs.append(_over(float(x @ y), math.sqrt(x @ x), float(y @ y)))
    return rs


def _smc_corrected(correlation: np.ndarray, j: int) -> float | None:
    if not np.isfinite(correlation).all():
        return None
    smc = squared_multiple_correlations(correlation)
    total = correlation.sum() - len(correlation) + smc.sum()
    return _over(correlation[j].sum() - 1 + smc[j], 1.0, total)


def _over(numerator: float, denominator: float, square: float = 1.0) -> float | None:
    """numerator / (denominator·√square); None where that is not defined."""
    if not (math.isfinite(numerator) and denominator > 0 and square > 0):
        return None
    return float(numerator / (denominator * math.sqrt(square)))
