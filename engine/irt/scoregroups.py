"""Rasch and partial credit models from score groups: who has the same total score needs not be told apart.

In these models the total score says all that the answers say of the ability (Rasch 1960; Masters 1982). So how many
pupils have each total, and how many are in each category of each item, is enough: millions of pupils, or a Tally, are
fitted in the time that a few hundred take. Everybody must have been presented every item.

P(X_j = k) ∝ exp(k θ + d_jk), d_j0 = 0; of a right/wrong item d_j1 = -b_j.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from engine.irt.responses import MISSING, recode
from engine.irt.specification import Quadrature
from engine.tally import Tally

_STEP = 1e-4  # of the differences that give the information
_NEWTON = 8  # steps at most that end a search
_FAR = 25.0  # parameters farther out have run away
_SETTLED = 1e-9  # the next step changes no parameter by more
_ROUNDING = 1e-12  # of a log-likelihood, as a part of it
Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class ScoreGroups:
    """The sufficient statistics.

    Attributes:
        totals: (totals,) pupils at each sum of category numbers, from 0.
        categories: of each item (categories,) pupils in each.
    """

    totals: np.ndarray
    categories: list[np.ndarray]

    @classmethod
    def of(cls, X: np.ndarray) -> Self:
        """From scores (n_students, n_items), recoded to 0, 1, … without gaps, item by item.

        Raises:
            ValueError: a score is missing.
        """
        codes, known = recode(np.asarray(X, dtype=np.float64))
        if (codes == MISSING).any():
            raise ValueError(
                "a score is missing; score groups need all items of all pupils: use Rasch or PartialCredit"
            )
        sizes = [len(scores) for scores in known]
        return cls(
            np.bincount(codes.sum(axis=1, dtype=np.int64), minlength=sum(sizes) - len(sizes) + 1),
            [np.bincount(column, minlength=size) for column, size in zip(codes.T, sizes, strict=True)],
        )

    @classmethod
    def of_tally(cls, tally: Tally) -> Self:
        """From a Tally of items whose points are 0, u, 2u, … with one u.

        Raises:
            ValueError: an item was not presented to somebody, its points go down or have a gap, or items differ in u.
        """
        items = {name: part for name, part in tally.items.items() if name not in tally.dropped}
        earned = np.concatenate([part.points for part in items.values()])
        unit = int(np.gcd.reduce(earned)) or 1
        categories = []
        for name, part in items.items():
            counts = part.counts.sum(axis=1)
            if counts.sum() != tally.n:
                raise ValueError(f"item {name} was not presented to {tally.n - counts.sum()} pupils; use Rasch")
            found = np.bincount(part.points // unit, weights=counts) if part.points.min() >= 0 else np.zeros(1)
            if (found == 0).any():
                raise ValueError(
                    f"item {name}: its points {sorted(set(part.points.tolist()))} (in steps) are not all of 0, {unit}, "
                    f"{2 * unit}, …, so totals don't say how many steps were taken; use PartialCredit"
                )
            categories.append(found.astype(np.int64))
        most = sum(len(counts) - 1 for counts in categories)
        totals = np.zeros(most + 1, np.int64)
        axis = tally.lowest + np.arange(len(tally.totals))
        totals[axis[tally.totals > 0] // unit] = tally.totals[tally.totals > 0]
        return cls(totals, categories)


@dataclass(frozen=True)
class ScoreGroupFit:
    """A model fitted to score groups.

    Attributes:
        intercepts: of each item (categories - 1,) d_j1, d_j2, …: R eRm's easiness parameters (cumulated); NaN where
            the item has one category only.
        standard_errors: in the same shape, from the observed information.
        loglik: conditional, or marginal.
        latent_variance: of the marginal fit; None of the conditional one.
        converged: whether the search settled. It may not where data let parameters run away (Fischer 1981).
    """

    intercepts: list[np.ndarray]
    standard_errors: list[np.ndarray]
    loglik: float
    latent_variance: float | None
    converged: bool


def conditional(groups: ScoreGroups) -> ScoreGroupFit:
    """Conditional maximum likelihood (Andersen 1970): no distribution of the ability is assumed.

    The parameters add up to 0 over all items and categories, as in R eRm with sum0 = TRUE.

    Raises:
        ValueError: fewer than two items have two categories.
    """
    items, totals = _varying(groups, at_least=2)
    seen = np.concatenate([counts[1:] for counts in items]).astype(float)
    # Columns: all parameters by the free ones; the last is what makes the sum 0.
    free = np.vstack([np.eye(len(seen) - 1), -np.ones(len(seen) - 1)])

    def loglik(some: np.ndarray) -> tuple[float, np.ndarray]:
        intercepts = free @ some
        norms, expected = _symmetric(_split(intercepts, items))
        value = float(seen @ intercepts - totals @ norms)
        return value, free.T @ (seen - expected @ totals)

    start = _start(items)
    found, value, covariance, converged = _maximise(loglik, (start - start.mean())[:-1])
    variance = np.einsum("ij,jk,ik->i", free, covariance, free)
    return _fit(groups, items, free @ found, variance, value, None, converged)


def marginal(groups: ScoreGroups, *, n_nodes: int = 61, bound: float = 6.0) -> ScoreGroupFit:
    """Marginal maximum likelihood, θ ~ N(0, variance): what Rasch and PartialCredit find pupil by pupil.

    Args:
        n_nodes, bound: equally spaced nodes of the quadrature, from -bound to bound (mirt: 61, 6).

    Raises:
        ValueError: no item has two categories.
    """
    items, totals = _varying(groups, at_least=1)
    seen = np.concatenate([counts[1:] for counts in items]).astype(float)
    quadrature = Quadrature(n_nodes, bound)
    theta = quadrature.theta
    steps = np.concatenate([np.arange(1, len(counts)) for counts in items])
    first = np.cumsum([0, *(len(counts) - 1 for counts in items[:-1])])
    scores = np.multiply.outer(np.arange(len(totals)), theta)
    least = np.log(quadrature.least_sd)

    def loglik(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        intercepts, log_sd = parameters[:-1], max(parameters[-1], least)
        odds = np.exp(np.add.outer(intercepts, np.zeros(n_nodes)) + np.multiply.outer(steps, theta))
        sums = 1 + np.add.reduceat(odds, first)  # (items, nodes)
        joint = scores - np.log(sums).sum(axis=0) + quadrature.log_weights(float(np.exp(2 * log_sd)))
        highest = joint.max(axis=1, keepdims=True)
        weights = np.exp(joint - highest)
        norm = weights.sum(axis=1, keepdims=True)
        pupils = totals @ (weights / norm)  # expected at each node
        expected = (odds / np.repeat(sums, [len(counts) - 1 for counts in items], axis=0)) @ pupils
        spread = float(pupils @ (theta**2 / np.exp(2 * log_sd) - 1)) if parameters[-1] >= least else 0.0
        value = float(seen @ intercepts + totals @ (np.log(norm) + highest)[:, 0])
        return value, np.append(seen - expected, spread)

    found, value, covariance, converged = _maximise(loglik, np.append(_start(items), 0.0))
    variance = float(np.exp(2 * max(found[-1], least)))
    value -= totals.sum() * float(logsumexp(quadrature.log_weights(variance)))  # the nodes don't reach everybody
    return _fit(groups, items, found[:-1], np.diag(covariance)[:-1], value, variance, converged)


def _varying(groups: ScoreGroups, at_least: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Categories of the items that have two or more, and the pupils at each of their totals."""
    items = [counts for counts in groups.categories if len(counts) > 1]
    if len(items) < at_least:
        raise ValueError(f"nothing to estimate: {len(items)} items have two different scores")
    return items, np.asarray(groups.totals, dtype=float)


def _start(items: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.log((counts[1:] + 0.5) / (counts[0] + 0.5)) for counts in items])


def _split(parameters: np.ndarray, items: list[np.ndarray]) -> list[np.ndarray]:
    return np.split(parameters, np.cumsum([len(counts) - 1 for counts in items])[:-1])


def _symmetric(intercepts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Elementary symmetric functions by sums of products, leaving one item out at a time (Verhelst et al. 1984).

    Returns:
        (totals,) their logarithms; (parameters, totals) the chance of each category but the first, given the total.
    """
    # What all steps have in common says nothing here, and far from 0 it would overflow.
    step = np.mean([item[-1] / len(item) for item in intercepts])
    weights = [np.exp(np.append(0.0, item - step * np.arange(1, len(item) + 1))) for item in intercepts]
    before = list(_products(weights))
    after = list(_products(weights[::-1]))[::-1]
    whole = np.convolve(before[-1], weights[-1])
    chances = []
    for weight, left, right in zip(weights, before, after, strict=True):
        others = np.convolve(left, right)
        for k in range(1, len(weight)):
            chance = np.zeros(len(whole))
            chance[k : k + len(others)] = weight[k] * others
            chances.append(chance / whole)
    return np.log(whole) + step * np.arange(len(whole)), np.array(chances)


def _products(weights: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The symmetric functions of the items before each item."""
    product = np.ones(1)
    for weight in weights:
        yield product
        product = np.convolve(product, weight)


def _maximise(function: Function, start: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, bool]:
    """Where the function is highest, its value and the inverse information there, and whether the search settled."""
    scale = max(1.0, abs(function(start)[0]))

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step too far, to be taken back
            value, gradient = function(point)
        return (-value / scale, -gradient / scale) if np.isfinite(value) else (np.inf, np.zeros_like(point))

    bounds = [(-_FAR, _FAR)] * len(start)
    point = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    converged = False
    for _ in range(_NEWTON):
        value, gradient = function(point)
        covariance = np.linalg.pinv(_information(function, point), hermitian=True)
        step = covariance @ gradient
        converged = bool(np.abs(step).max(initial=0) < _SETTLED)
        if converged or np.abs(point + step).max(initial=0) > _FAR:
            break
        if function(point + step)[0] < value - _ROUNDING * abs(value):
            break
        point = point + step
    return point, value, covariance, converged


def _information(function: Function, point: np.ndarray) -> np.ndarray:
    """Minus the second derivatives, by differences of the first."""
    moves = _STEP * np.eye(len(point))
    rows = [(function(point - move)[1] - function(point + move)[1]) / (2 * _STEP) for move in moves]
    return (np.array(rows) + np.transpose(rows)) / 2


def _fit(
    groups: ScoreGroups,
    items: list[np.ndarray],
    intercepts: np.ndarray,
    variance: np.ndarray,
    loglik: float,
    latent_variance: float | None,
    converged: bool,
) -> ScoreGroupFit:
    values, errors = (iter(_split(some, items)) for some in (intercepts, np.sqrt(np.maximum(variance, 0))))
    none = np.full(1, np.nan)
    varies = [len(counts) > 1 for counts in groups.categories]
    return ScoreGroupFit(
        [next(values) if yes else none for yes in varies],
        [next(errors) if yes else none for yes in varies],
        loglik,
        latent_variance,
        converged,
    )
