"""Person fit: whether a pupil's pattern of answers is plausible (Meijer & Sijtsma 2001 compare the statistics).

Cheating, guessing, a sheet shifted by a row or a pupil who could not finish show as hard items right and easy ones
wrong. `person_fit` puts the statistics that need no model in one table: high values are suspect, of HT low ones. `lz`
and `lz_star` compare with the response curves of a fitted model: low values are suspect. None of them says why.

Items are ordered by the rate of those who answered them, equal rates in the order given (as R's PerFit); a missing
answer (NaN) is left out. What is not defined, e.g. of a pupil with all or nothing right, is null or NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from engine.ability import category_numbers
from engine.curves import Curves
from engine.information import information
from engine.sp import PASSING, binarize, caution_indices


def person_fit(
    scores: ArrayLike,
    persons: Sequence[str] | None = None,
    full: ArrayLike | None = None,
    share: float = PASSING,
) -> pa.Table:
    """A row a person, in the order given, of the statistics for items scored right or wrong.

    Columns: person, n (items answered), right, guttman_errors and g_normed (`guttman_errors`), u3 (`u3`), ht (`ht`),
    caution and modified_caution (`engine.sp.caution_indices`).

    Args:
        scores: (persons, items) points, NaN missing.
        persons: their names; None: "1", "2", …
        full: (items,) full marks; None: 1 each.
        share: an item of several points counts as right from this share of its full mark on.

    Raises:
        ValueError: the sizes do not fit.
    """
    right = binarize(scores, full, share)
    names = [str(i + 1) for i in range(len(right))] if persons is None else [str(name) for name in persons]
    if len(names) != len(right):
        raise ValueError(f"{len(names)} names for {len(right)} persons")
    errors, normed = guttman_errors(right)
    caution, modified = caution_indices(right)
    columns = {"g_normed": normed, "u3": u3(right), "ht": ht(right), "caution": caution, "modified_caution": modified}
    return pa.table(
        {
            "person": pa.array(names, pa.string()),
            "n": pa.array((~np.isnan(right)).sum(axis=1), pa.int64()),
            "right": pa.array(np.nansum(right, axis=1), pa.int64()),
            "guttman_errors": pa.array(errors, pa.int64()),
            **{name: pa.array(values, pa.float64(), from_pandas=True) for name, values in columns.items()},
        }
    )


def guttman_errors(scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Guttman errors G, and G* = G / the most there could be with the same score (van der Flier 1977; Meijer 1994).

    An error is a pair of an easier item wrong and a harder one right. Of items with more than two categories the pairs
    are of item steps "at least m points", which are ordered by how many reach them (Molenaar 1991); the most there
    could be is Emons' (2008).

    Args:
        scores: (persons, items) whole numbers from 0, NaN missing.

    Returns:
        (persons,) int64 G, and (persons,) G*, NaN where there could be no error (all or nothing right, …).

    Raises:
        ValueError: a score is no whole number from 0.
    """
    scores = np.asarray(scores, dtype=float)
    present = ~np.isnan(scores)
    points = np.where(present, scores, 0)
    if (points != np.floor(points)).any() or (points < 0).any() or np.isinf(points).any():
        raise ValueError("Guttman errors are of whole scores from 0 on: give them in steps of the points")
    highest = points.max(axis=0, initial=0).astype(np.int64)
    item = np.repeat(np.arange(scores.shape[1]), highest)
    step = np.concatenate([np.arange(1, top + 1) for top in highest.tolist()] or [np.zeros(0, dtype=np.int64)])
    reached = points[:, item] >= step
    there = present[:, item]
    rates = np.divide(reached.sum(axis=0), there.sum(axis=0), out=np.zeros(len(item)), where=there.any(axis=0))
    order = np.argsort(-rates, kind="stable")
    reached, there, item = reached[:, order], there[:, order], item[order]
    missed = np.cumsum(there & ~reached, axis=1)
    errors = (missed * reached).sum(axis=1)
    most = np.zeros(len(scores), dtype=np.int64)
    total = reached.sum(axis=1)
    patterns, pattern = np.unique(present, axis=0, return_inverse=True)
    for number, answered in enumerate(patterns):
        who = pattern.ravel() == number
        most[who] = _most_errors(item[answered[item]])[total[who]]
    return errors, np.divide(errors, most, out=np.full(len(scores), np.nan), where=most > 0)


def u3(right: ArrayLike) -> np.ndarray:
    """U3 (van der Flier 1980): the loss of log-odds against the best pattern of the same score; 0 best, 1 worst.

    Items that all or none have right tell nothing and are left out.

    Args:
        right: (persons, items) 1 or 0, NaN missing.

    Returns:
        (persons,), NaN where not defined.
    """
    right = np.asarray(right, dtype=float)
    present = ~np.isnan(right)
    n = present.sum(axis=0)
    rates = np.divide(np.nansum(right, axis=0), n, out=np.zeros(right.shape[1]), where=n > 0)
    telling = (rates > 0) & (rates < 1)
    order = np.flatnonzero(telling)[np.argsort(-rates[telling], kind="stable")]
    x, there = np.where(present, right, 0)[:, order], present[:, order]
    odds = np.log(rates[order] / (1 - rates[order]))
    score = x.sum(axis=1)[:, None]
    place, answered = np.cumsum(there, axis=1), there.sum(axis=1)[:, None]
    best = (there & (place <= score)) @ odds
    worst = (there & (place > answered - score)) @ odds
    spread = best - worst
    return np.divide(best - x @ odds, spread, out=np.full(len(right), np.nan), where=spread > 1e-12 * len(order))


def ht(right: ArrayLike) -> np.ndarray:
    """HT (Sijtsma 1986; Sijtsma & Meijer 1992): how well a person's answers go with everybody else's; low is suspect.

    Σ covariances with the other persons over the items / Σ their greatest possible values. Over the persons with an
    answer to every item.

    Args:
        right: (persons, items) 1 or 0, NaN missing.

    Returns:
        (persons,), NaN where not defined.
    """
    right = np.asarray(right, dtype=float)
    whole = ~np.isnan(right).any(axis=1)
    x = right[whole]
    k = x.shape[1]
    result = np.full(len(right), np.nan)
    if not x.size:
        return result
    score = x.sum(axis=1).astype(np.int64)
    others = x.sum(axis=0) - x
    covariance = (x * others).sum(axis=1) * k - score * others.sum(axis=1)  # k² times, exactly
    # Of two scores a <= b the covariance is at most a·(k - b) / k².
    persons = np.bincount(score, minlength=k + 1)
    axis = np.arange(k + 1)
    below = np.cumsum(persons * axis) - persons * axis
    above = np.cumsum((persons * (k - axis))[::-1])[::-1]
    most = below[score] * (k - score) + score * (above[score] - (k - score))
    result[whole] = np.divide(covariance, most, out=np.full(len(x), np.nan), where=most > 0)
    return result


def lz(x: ArrayLike, items: Sequence[Curves], theta: ArrayLike) -> np.ndarray:
    """l_z: the log-likelihood of a person's answers, standardised (Drasgow, Levine & Williams 1985); low is suspect.

    About standard normal at the true abilities. At estimated ones it varies less: see `lz_star`.

    Args:
        x: (persons, items) category numbers from 0; NaN or negative is missing.
        items: the response curves of the items.
        theta: (persons,) abilities.

    Returns:
        (persons,), NaN without answers, at an infinite ability, or where nothing could have come out differently.

    Raises:
        ValueError: x does not fit the items, or theta does not fit x.
    """
    sums = _loglikelihood(x, items, theta)
    return _standardized(sums.surplus, sums.variance)


def lz_star(
    x: ArrayLike,
    items: Sequence[Curves],
    theta: ArrayLike,
    method: Literal["ml", "map", "wle"] = "ml",
    *,
    mean: float = 0.0,
    variance: float = 1.0,
) -> np.ndarray:
    """l_z*: l_z corrected for the ability being estimated from the same answers (Snijders 2001).

    For items with more than two categories as Sinharay (2016) extends it. About standard normal; low is suspect.

    Args:
        x, items: as in `lz`.
        theta: (persons,) abilities estimated from x by `method` (`engine.ability.abilities`).
        method: maximum likelihood, the posterior mode or Warm's estimate.
        mean, variance: of the normal prior of MAP.

    Returns:
        (persons,), NaN as in `lz`, and where the total alone decides how likely an answer sheet is.

    Raises:
        ValueError: as in `lz`; or a method that is none of these.
    """
    sums = _loglikelihood(x, items, theta)
    theta = np.asarray(theta, dtype=float)
    # What the method adds to the derivative of the log-likelihood, which is 0 with it at the estimate.
    if method == "map":
        added = np.where(np.isfinite(theta), mean - theta, 0) / variance
    elif method == "wle":
        added = _quotients(sums.information_slope, 2 * sums.information)
    elif method == "ml":
        added = np.zeros(len(theta))
    else:
        raise ValueError(f'method must be "ml", "map" or "wle", not {method!r}')
    c = _quotients(sums.shared, sums.information)
    return _standardized(sums.surplus + c * added, sums.variance - c * sums.shared)


class _Loglikelihood(NamedTuple):
    """Sums over a person's answers, each (persons,)."""

    surplus: np.ndarray  # log-likelihood less its expectation
    variance: np.ndarray  # of the log-likelihood
    shared: np.ndarray  # its covariance with the derivative of the log-likelihood by ability
    information: np.ndarray  # the variance of that derivative
    information_slope: np.ndarray


def _loglikelihood(x: ArrayLike, items: Sequence[Curves], theta: ArrayLike) -> _Loglikelihood:
    codes, theta = category_numbers(np.asarray(x), items), np.asarray(theta, dtype=float)
    if theta.shape != (len(codes),):
        raise ValueError(f"abilities of shape {theta.shape} for {len(codes)} persons")
    sums = _Loglikelihood(*np.zeros((5, len(codes))))
    for item, column in zip(items, codes.T, strict=True):
        rows = np.flatnonzero((column >= 0) & np.isfinite(theta))
        at = theta[rows]
        p, slope = item.probabilities(at), item.log_derivatives(at)[0]
        logs = np.log(np.maximum(p, np.finfo(float).tiny))
        expected = (p * logs).sum(axis=0)
        known, known_slope, _ = information(item, at)
        sums.surplus[rows] += logs[column[rows], np.arange(len(rows))] - expected
        sums.variance[rows] += (p * logs**2).sum(axis=0) - expected**2
        sums.shared[rows] += (p * slope * logs).sum(axis=0)
        sums.information[rows] += known
        sums.information_slope[rows] += known_slope
    return sums


def _standardized(surplus: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return np.divide(surplus, np.sqrt(variance.clip(0)), out=np.full(len(surplus), np.nan), where=variance > 1e-12)


def _quotients(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)


def _most_errors(item: np.ndarray) -> np.ndarray:
    """The most Guttman errors possible with each total 0, 1, … of these item steps, easiest first.

    With the ranks r of the steps reached, errors = Σ r - (1 + 2 + … + total). Steps of an item are reached in order, so
    the greatest Σ r is that of choosing from each item so many of its first steps.

    Args:
        item: (steps,) the item of each step.
    """
    names, counts = np.unique(item, return_counts=True)
    if (counts == 1).all():
        totals = np.arange(len(item) + 1)
        return totals * (len(item) - totals)
    greatest = np.zeros(1, dtype=np.int64)
    for name in names:
        ranks = np.concatenate([[0], np.cumsum(np.flatnonzero(item == name) + 1)])
        wider = np.full(len(greatest) + len(ranks) - 1, -1, dtype=np.int64)
        for taken, sum_of_ranks in enumerate(ranks.tolist()):
            part = wider[taken : taken + len(greatest)]
            np.maximum(part, greatest + sum_of_ranks, out=part)
        greatest = wider
    totals = np.arange(len(greatest))
    return greatest - totals * (totals + 1) // 2
