"""Discrimination of items, from a matrix of scores: biserial correlation, and D by the 27 %, thirds or quarters.

`engine.ctt.item_statistics` has d27, r_total and r_rest from a Tally. Here are also the indices that need the persons
one by one, and groups of any share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.special import ndtri

SHARE_27 = 0.27  # of the top and bottom groups that tell most in a normal sample (Kelley 1939)


def discrimination(scores: ArrayLike, items: Sequence[str] | None = None, full: ArrayLike | None = None) -> pa.Table:
    """A row an item: item, n, difficulty, biserial, rate_low, rate_high, d27, d_third, d_quarter.

    n and difficulty are over all with a score; the rest over the persons with a score on every item (as R's CTT and
    psychometric have it). biserial is with the rest score (`polyserial`). D is the top group's rate (mean / full mark)
    less the bottom group's (Johnson 1951): the groups of d27, whose rates are rate_low and rate_high, keep equal totals
    together; those of d_third and d_quarter have exactly a third and a quarter of the persons (`extreme_groups`).
    Null is what is not defined.

    Args:
        scores: (persons, items) points, NaN missing.
        items: their names; None: "1", "2", …
        full: (items,) full marks; None: the highest score seen, 1 where that is not positive.

    Raises:
        ValueError: scores is no matrix; or names or full marks do not fit it.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2:
        raise ValueError(f"scores must be (persons, items), not an array of shape {scores.shape}")
    k = scores.shape[1]
    names = [str(i + 1) for i in range(k)] if items is None else [str(name) for name in items]
    present = ~np.isnan(scores)
    filled = np.where(present, scores, -np.inf)
    highest = filled.max(axis=0, initial=-np.inf)
    marks = np.where(highest > 0, highest, 1.0) if full is None else np.asarray(full, dtype=float)
    if len(names) != k or marks.shape != (k,) or not (marks > 0).all():
        raise ValueError(f"{k} items need {k} names and {k} full marks above 0")
    whole = scores[present.all(axis=1)]
    # Sums of the same points in another order are the same total.
    total = np.round(whole.sum(axis=1), 9)

    def rates(groups: ExtremeGroups | None) -> tuple[np.ndarray, np.ndarray]:
        if groups is None:
            return np.full(k, np.nan), np.full(k, np.nan)
        return whole[groups.low].mean(axis=0) / marks, whole[groups.high].mean(axis=0) / marks

    low, high = rates(extreme_groups(total, SHARE_27))
    third, quarter = (rates(extreme_groups(total, share, ties="split")) for share in (1 / 3, 1 / 4))
    n = present.sum(axis=0)
    means = np.divide(np.where(present, scores, 0).sum(axis=0), n, out=np.full(k, np.nan), where=n > 0)
    columns = {
        "difficulty": means / marks,
        "biserial": [polyserial(total - score, score) for score in whole.T],
        "rate_low": low,
        "rate_high": high,
        "d27": high - low,
        "d_third": third[1] - third[0],
        "d_quarter": quarter[1] - quarter[0],
    }
    return pa.table(
        {
            "item": pa.array(names, pa.string()),
            "n": pa.array(n, pa.int64()),
            **{name: pa.array(values, pa.float64(), from_pandas=True) for name, values in columns.items()},
        }
    )


def polyserial(continuous: ArrayLike, ordinal: ArrayLike) -> float | None:
    """Polyserial correlation in two steps; of an item with two values the biserial (Olsson, Drasgow & Dorans 1982).

    r·sd(categories) / Σ normal ordinates at the thresholds, where r is Pearson's with the categories 1, 2, … (those
    that occur; gaps are closed) and sd has the denominator n. As R's CTT::polyserial(ml=FALSE), the `bis` of
    itemAnalysis. Being no product-moment correlation it can lie outside ±1.

    Args:
        continuous: (n,) e.g. the rest score.
        ordinal: (n,) e.g. the points of the item.

    Returns:
        None where either does not vary.
    """
    x = np.asarray(continuous, dtype=float)
    _, codes, counts = np.unique(np.asarray(ordinal), return_inverse=True, return_counts=True)
    if len(counts) < 2 or np.ptp(x) <= 1e-12 * np.abs(x).max():
        return None
    deviations = np.bincount(codes, weights=x - x.mean())
    scatter, ordinates = polyserial_parts(np.zeros(len(counts), np.intp), counts, deviations, 1)
    return float(scatter[0] / (len(x) * x.std() * ordinates[0]))


def polyserial_parts(
    item: np.ndarray, count: np.ndarray, deviations: np.ndarray, items: int
) -> tuple[np.ndarray, np.ndarray]:
    """What polyserial correlations are made of, those of several items at once: scatter / (n · sd · ordinates).

    Args:
        item: (categories,) whose category it is, from 0; an item's categories follow one another in their order.
        count: (categories,) persons in it, at least one.
        deviations: (categories,) the sum of their continuous variable less its mean over the item's persons.
        items: how many items there are.

    Returns:
        scatter: (items,) Σ of deviations times the categories 1, 2, ….
        ordinates: (items,) Σ of normal ordinates at the thresholds; 0 of fewer than two categories.
    """
    n, categories = np.bincount(item, count, items), np.bincount(item, minlength=items)
    place = np.arange(len(item)) - (categories.cumsum() - categories)[item]
    below = count.cumsum() - (n.cumsum() - n)[item]  # in the category or a lower one
    last = place == categories[item] - 1
    thresholds = ndtri(np.where(last, 0.5, below / n[item]))
    ordinates = np.bincount(item, np.where(last, 0, np.exp(-(thresholds**2) / 2)), items) / math.sqrt(2 * math.pi)
    return np.bincount(item, place * deviations, items), ordinates


@dataclass(frozen=True)
class ExtremeGroups:
    """The bottom and the top group of a test.

    Attributes:
        low, high: the persons in them, as indices.
        cut_low, cut_high: the bottom group has totals <= cut_low, the top group > cut_high; where equal totals are
            split, the highest total of the former and the lowest of the latter.
    """

    low: np.ndarray
    high: np.ndarray
    cut_low: float
    cut_high: float


def extreme_groups(
    total: ArrayLike, share: float = SHARE_27, *, ties: Literal["together", "split"] = "together"
) -> ExtremeGroups | None:
    """The persons with the lowest and the highest totals.

    Args:
        total: (persons,) nothing missing.
        share: of the persons in either group, at most a half.
        ties: "together": the bottom group are those with total <= the quantile `share`, the top group those with total
            > the quantile 1 - share (type 7, as R and NumPy), so that equal totals are never parted and the groups not
            exactly of that share; if nobody is above, those with the highest total. As R's CTT::distractorAnalysis.
            "split": exactly ⌊share·persons⌋ persons at either end of the totals in order, equal totals in the order
            given. As R's psychometric::discrim with a third.

    Returns:
        None where a group is empty or the groups overlap.

    Raises:
        ValueError: a share of nothing or of more than a half.
    """
    total = np.asarray(total, dtype=float)
    if not 0 < share <= 0.5:
        raise ValueError(f"share must be above 0 and at most 0.5, not {share}")
    if not len(total):
        return None
    if ties == "split":
        # A third of 9 is 3: what binary fractions lose is given back.
        size = int(len(total) * share + 1e-9)
        order = np.argsort(total, kind="stable")
        low, high = order[:size], order[len(total) - size :]
        return ExtremeGroups(low, high, float(total[low[-1]]), float(total[high[0]])) if size else None
    cut_low, cut_high = np.quantile(total, [share, 1 - share]).tolist()
    bottom, top = total <= cut_low, total > cut_high
    if not top.any():
        top = total == total.max()
    if (bottom & top).any():
        return None
    return ExtremeGroups(np.flatnonzero(bottom), np.flatnonzero(top), cut_low, cut_high)
