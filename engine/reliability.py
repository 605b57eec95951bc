"""Reliability of a test from the scores on its items: alpha, Guttman's lambdas, omega, split halves, SEM.

Scores are a matrix (persons, items), NaN for missing, or the CrossProducts of one. What the numbers mean:

- Variances and standard deviations have the denominator n - 1. Where answers are missing, covariances and correlations
  are over the persons who have both (pairwise). An item that does not vary says nothing: it is left out, as psych does,
  except in `items`, the total score and KR-20/KR-21.
- The conventions of R's psych 2.2.9 where it has the coefficient. It standardises pairwise covariances in `alpha` and
  `splitHalf`, and takes pairwise correlations in `guttman` and `omega`: the same where nothing is missing.
- What is not defined (one person, fewer than two items that vary, a total that does not vary, items that nobody
  answered together, …) is None, in tables null.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from engine.crossproducts import CrossProducts, standardized, total_variance
from engine.factor import general_factor, squared_multiple_correlations
from engine.moments import Moments, mean_points, quotient, scaled
from engine.splithalf import best_split, split_half


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
            that of the best split found, lambda6 that of the squared multiple correlations. As psych's alpha; its
            guttman has `guttman_lambdas(x.correlation())`, its splitHalf those of `engine.factor.turned` correlations.
        odd_even, first_second: of these halves of the items, stepped up by Spearman-Brown (see `engine.splithalf`).
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
    odd_even: float | None
    first_second: float | None
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
    x = CrossProducts.of(scores, step)
    varying = x.select(x.varies())
    covariance = varying.covariance()
    correlation = standardized(covariance)
    total = Moments(x.persons, sum(np.diagonal(x.sums).tolist()), sum(x.products.ravel().tolist()))
    sd = scaled(total.sd(ddof=1), x.step)
    alpha = cronbach_alpha(covariance)
    between = correlation[np.tril_indices_from(correlation, -1)]
    defined = len(between) > 0 and bool(np.isfinite(between).all())
    lambdas = guttman_lambdas(correlation)
    halves = x.covariance()
    omega_total, omega_hierarchical = omega(varying.correlation())
    return Reliability(
        n=x.persons,
        items=x.items,
        mean=mean_points(total.x, total.n, x.step),
        sd=sd,
        alpha=alpha,
        alpha_se=_alpha_se(covariance, x.persons),
        alpha_standardized=lambdas.lambda3,
        sem=standard_error_of_measurement(sd, alpha),
        mean_r=float(between.mean()) if defined else None,
        median_r=float(np.median(between)) if defined else None,
        **_kuder_richardson(x, total),
        **vars(lambdas),
        odd_even=split_half(halves, "odd-even").spearman_brown,
        first_second=split_half(halves, "first-second").spearman_brown,
        omega_total=omega_total,
        omega_hierarchical=omega_hierarchical,
    )


def cronbach_alpha(covariance: np.ndarray) -> float | None:
    """k/(k-1)·(1 - Σ variances / variance of the total), from a covariance matrix."""
    k, total = len(covariance), total_variance(covariance)
    return quotient(k / (k - 1) * (total - float(np.trace(covariance))), total) if k > 1 else None


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


NO_LAMBDAS = Lambdas(None, None, None, None, None, None)


def guttman_lambdas(matrix: np.ndarray, *, split: bool = True) -> Lambdas:
    """Guttman's lambdas of a covariance or correlation matrix (psych: the latter; lambda3 is the standardised alpha).

    lambda4 is that of the best split found by `best_split`, None if not `split`. lambda6 needs the errors of each item
    predicted from the others: (1 - SMC)·variance.
    """
    k, total = len(matrix), total_variance(matrix)
    if k < 2 or not total:
        return NO_LAMBDAS
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


def omega(correlation: np.ndarray, factors: int = 1) -> tuple[float | None, float | None]:
    """McDonald's (1999) omega total and omega hierarchical, as psych::omega(nfactors=factors).

    Total: 1 - Σ uniquenesses / variance of the standardised total. Hierarchical: (Σ loadings on the general factor)² /
    that variance. Items that load on it negatively are turned round first. Where factors are hardly identified (two
    items for each, loadings above 1) programs differ in more digits than elsewhere.

    Args:
        correlation: (k, k).
        factors: minres factors: 1, or at least 3 below a general one (Schmid & Leiman 1957).

    Returns:
        Both None for fewer than 3 items or fewer items than factors, or where a correlation is not defined.

    Raises:
        ValueError: a number of factors that identifies no general one.
    """
    if factors < 1 or factors == 2:
        raise ValueError(f"factors must be 1, or at least 3, not {factors}")
    if len(correlation) < max(3, factors) or not np.isfinite(correlation).all():
        return None, None
    general, communalities = general_factor(correlation, factors)
    sign = np.where(general < 0, -1, 1)
    total = total_variance(correlation * np.outer(sign, sign))
    unique = len(general) - float(communalities.sum())
    return quotient(total - unique, total), quotient(float(np.abs(general).sum()) ** 2, total)


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
    x = CrossProducts.of(scores, step)
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
    total = total_variance(covariance)
    return quotient(total - error, total)


def _alpha_se(covariance: np.ndarray, persons: int) -> float | None:
    k, total = len(covariance), total_variance(covariance)
    if k < 2 or not total:
        return None
    own, square = np.trace(covariance), covariance @ covariance
    q = 2 * k**2 / ((k - 1) ** 2 * total**3) * (total * (np.trace(square) + own**2) - 2 * own * square.sum())
    return float(math.sqrt(max(q, 0.0) / persons))


def _kuder_richardson(x: CrossProducts, total: Moments) -> dict[str, float | None]:
    """KR-20 and KR-21, from integers."""
    names = ("kr20", "kr20_mixed", "kr21", "kr21_mixed")
    n, k = x.persons, x.items
    right = np.diagonal(x.sums).tolist()
    # Of whole numbers x, Σx² = Σx only if all are 0 or 1.
    if k < 2 or n < 2 or x.step != 1 or not x.complete or right != np.diagonal(x.squares).tolist():
        return dict.fromkeys(names)
    spread = total.spread()
    if not spread:
        return dict.fromkeys(names)
    pq = sum(r * (n - r) for r in right)
    mean = Fraction(total.x, n)
    by_mean = mean * (k - mean) / k * n**2
    mixed = Fraction(n - 1, n)
    shares = (Fraction(pq, spread), Fraction(pq, spread) * mixed, by_mean / spread, by_mean / spread * mixed)
    return {name: float(Fraction(k, k - 1) * (1 - share)) for name, share in zip(names, shares, strict=True)}
