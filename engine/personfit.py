"""Person fit: whether a pupil's pattern of answers is plausible (Meijer & Sijtsma 2001 compare the statistics).

Cheating, guessing, a sheet shifted by a row or a pupil who could not finish show as hard items right and easy ones
wrong. `person_fit` puts the statistics that need no model in one table: high values are suspect, of HT low ones. `lz`
and `lz_star` compare with the probabilities of a fitted model: low values are suspect. None of them says why.

Items are ordered by the rate of those who answered them, equal rates in the order given (as R's PerFit); a missing
answer (NaN) is left out. What is not defined, e.g. of a pupil with all or nothing right, is null or NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

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


def lz(scores: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """l_z: the log-likelihood of a person's answers, standardised (Drasgow, Levine & Williams 1985); low is suspect.

    About standard normal at the true ability. At an estimated one it varies less: see `lz_star`.

    Args:
        scores: (persons, items) categories from 0, NaN missing.
        probabilities: (persons, items) of a 1 at each person's ability; or (persons, items, categories), 0 for
            categories that an item does not have.

    Returns:
        (persons,), NaN without answers or where nothing could have come out differently.

    Raises:
        ValueError: the shapes do not fit, or an answer has no probability.
    """
    scores, p = np.asarray(scores, dtype=float), np.asarray(probabilities, dtype=float)
    chances = np.stack([1 - p, p], axis=2) if p.ndim == 2 else p
    if chances.ndim != 3 or chances.shape[:2] != scores.shape:
        raise ValueError(f"probabilities of shape {p.shape} for scores of shape {scores.shape}")
    present = ~np.isnan(scores)
    answers = np.where(present, scores, 0)
    if not np.isin(answers, np.arange(chances.shape[2])).all():
        raise ValueError(f"scores must be the numbers of categories, 0 to {chances.shape[2] - 1}")
    chosen = np.take_along_axis(chances, answers.astype(np.int64)[:, :, None], axis=2)[:, :, 0]
    if not (chosen[present] > 0).all():
        raise ValueError("an answer was given that has the probability 0")
    logs = np.log(np.where(chances > 0, chances, 1))
    expected = (chances * logs).sum(axis=2)
    surplus = np.where(present, np.log(np.where(present, chosen, 1)) - expected, 0).sum(axis=1)
    variance = np.where(present, (chances * logs**2).sum(axis=2) - expected**2, 0).sum(axis=1)
    return _standardized(surplus, variance)


def lz_star(scores: ArrayLike, probabilities: ArrayLike, slopes: ArrayLike, offset: ArrayLike = 0.0) -> np.ndarray:
    """l_z*: l_z corrected for the ability being estimated from the same answers (Snijders 2001).

    Args:
        scores: (persons, items) 1 or 0, NaN missing.
        probabilities: (persons, items) of a 1 at each person's ability.
        slopes: (persons, items) P′, their derivatives with respect to ability; a·P·(1 - P) in the 2PL.
        offset: r₀ of the ability estimate (Snijders' equation 5), a number or (persons,): 0 of maximum likelihood,
            (mean - θ)/variance of MAP with a normal prior, Σ P′P″/(PQ) / (2 Σ P′²/(PQ)) of Warm's WLE.

    Returns:
        (persons,), NaN without answers or where nothing could have come out differently.

    Raises:
        ValueError: the shapes do not fit, or a probability is not between 0 and 1.
    """
    x, p, rise = (np.asarray(values, dtype=float) for values in (scores, probabilities, slopes))
    if not x.shape == p.shape == rise.shape or x.ndim != 2:
        raise ValueError(f"scores {x.shape}, probabilities {p.shape} and slopes {rise.shape} must be (persons, items)")
    if not ((p > 0) & (p < 1)).all():
        raise ValueError("probabilities must be between 0 and 1")
    present = ~np.isnan(x)
    odds, variance = np.log(p / (1 - p)), p * (1 - p)
    information = np.where(present, rise**2 / variance, 0).sum(axis=1)
    shared = np.where(present, rise * odds, 0).sum(axis=1)
    c = np.divide(shared, information, out=np.zeros(len(x)), where=information > 0)
    surplus = np.where(present, (x - p) * odds, 0).sum(axis=1)
    left = odds - c[:, None] * rise / variance
    return _standardized(surplus + c * offset, np.where(present, left**2 * variance, 0).sum(axis=1))


def _standardized(surplus: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return np.divide(surplus, np.sqrt(variance.clip(0)), out=np.full(len(surplus), np.nan), where=variance > 1e-12)


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
