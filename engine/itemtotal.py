"""Item-total statistics from the scores: how each item goes with the others, and the test without it.

`engine.ctt.item_statistics` has r_total, r_rest and alpha_if_deleted from a Tally, with missing counted 0 in the total.
Here they are as R's psych has them, pairwise where answers are missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from engine.crossproducts import CrossProducts, standardized, total_variance
from engine.factor import squared_multiple_correlations
from engine.moments import Moments, mean_points, quotient, scaled
from engine.reliability import NO_LAMBDAS, cronbach_alpha, guttman_lambdas

_SCHEMA = pa.schema(
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


def item_total_statistics(
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
    x = CrossProducts.of(scores, step)
    names = [str(i + 1) for i in range(x.items)] if items is None else [str(name) for name in items]
    if len(names) != x.items:
        raise ValueError(f"{len(names)} names for {x.items} items")
    varies = x.varies()
    varying = x.select(varies)
    covariance = varying.covariance()
    correlation = standardized(covariance)
    totals = None if isinstance(scores, CrossProducts) else _with_the_mean(np.asarray(scores, dtype=float)[:, varies])
    rows: list[dict] = []
    for i, name in enumerate(names):
        own = Moments(*(int(sums[i, i]) for sums in (x.n, x.sums, x.squares)))
        mean, sd = mean_points(own.x, own.n, x.step), scaled(own.sd(ddof=1), x.step)
        rows.append({"item": name, "n": own.n, "mean": mean, "sd": sd})
    sd, corrected = math.sqrt(total_variance(covariance)), _with_the_common_total(correlation)
    for j, i in enumerate(np.flatnonzero(varies).tolist()):
        own, others = covariance[j, j], np.delete(covariance[j], j).sum()
        without = np.delete(np.delete(covariance, j, 0), j, 1)
        reduced = np.delete(np.delete(correlation, j, 0), j, 1)
        lambdas = guttman_lambdas(reduced, split=False) if len(covariance) > 2 else NO_LAMBDAS
        rows[i] |= {
            "r_total": quotient(own + others, math.sqrt(own) * sd) if totals is None else totals[j],
            "r_total_smc_corrected": corrected[j],
            "r_rest": quotient(others, math.sqrt(own * total_variance(without))),
            "alpha_if_deleted": cronbach_alpha(without) if len(covariance) > 2 else None,
            "std_alpha_if_deleted": lambdas.lambda3,
            "lambda6_if_deleted": lambdas.lambda6,
        }
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _with_the_mean(scores: np.ndarray) -> list[float | None]:
    """Correlation of each item with the mean of the items a person has a score on, over those who have one on it."""
    present = ~np.isnan(scores)
    answered = present.sum(axis=1)
    means = np.divide(np.nansum(scores, axis=1), answered, out=np.zeros(len(scores)), where=answered > 0)
    rs = []
    for score, there in zip(scores.T, present.T, strict=True):
        x, y = score[there] - score[there].mean(), means[there] - means[there].mean()
        rs.append(quotient(float(x @ y), math.sqrt(x @ x) * math.sqrt(y @ y)) if np.ptp(means[there]) else None)
    return rs


def _with_the_common_total(correlation: np.ndarray) -> list[float | None]:
    """Correlation of each item with the total, its own variance replaced by its squared multiple correlation."""
    if not np.isfinite(correlation).all():
        return [None] * len(correlation)
    common = correlation - np.diag(1 - squared_multiple_correlations(correlation))
    total = float(common.sum())
    sd = math.sqrt(total) if total > 1e-12 * len(common) else 0.0
    return [quotient(together, sd) for together in common.sum(axis=0).tolist()]
