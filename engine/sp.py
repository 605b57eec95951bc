"""The S-P table (S-P表, student-problem chart; Sato 1975): pupils by score, items by difficulty, and who does not fit.

Pupils are sorted by their number right, items by the number of pupils who have them right. The S-curve cuts off each
pupil's row after as many items as the pupil has right, the P-curve each item's column after as many pupils as have it
right. In a perfect (Guttman) table the curves coincide and everything above and left of them is right.

- CS, the caution index (注意系数) of a pupil: 1 - cov(answers, rates of the items) / cov(perfect answers of the same
  score, rates of the items). 0 is a perfect pattern, about 1 an answer sheet filled in by chance. CP of an item: the
  same with pupils and items exchanged. A pupil or an item wants attention (′) from 0.5 on; a pupil with nearly all
  right (85 %) less so: few answers then decide, and the pupil was probably careless.
- The modified caution index (Harnisch & Linn 1981) has the range from the best pattern to the worst possible in the
  denominator: it is between 0 and 1; more than 0.3 is marked.
- D*, the disparity index (差异系数) of the table: the area between the two curves over the area between the curves of
  binomial distributions of the same size and mean rate (Sato 1975; McArthur 1983). 0: perfect; 1: as by chance.

A missing answer (NaN) is left out: rates are over those to whom the item was presented, sums over a pupil's own items.
Undefined are the indices of one who has all or nothing right, or where all rates are equal, and D* of a table with
missing answers or of mean rate 0 or 1: None, in tables null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.stats import binom

DIGITS = 12  # of the indices: an index of 0 or 0.5 is exactly that
CAUTION = 0.5  # a caution index from here on wants attention
PASSING = 0.6  # an item of several points counts as right from this share of its full mark on

RIGHT, WRONG, BLANK, MISSING = 1, 0, -1, -2


@dataclass(frozen=True)
class SPTable:
    """An S-P table.

    Attributes:
        pupils: sorted by number right, ties in the order given. Columns: pupil, n (items presented), right, rate,
            caution, modified_caution, sign: A, B, C for a rate of at least 75 %, at least 50 %, less, with ′ for a
            caution index of at least 0.5.
        items: sorted by rate, ties in the order given. Columns: item, n (pupils), right, rate, caution,
            modified_caution, sign: A, B for a rate of at least 50 %, less, with ′ as above.
        answers: (pupils, items) int8 in this order: RIGHT, WRONG, BLANK (wrong, nothing written), MISSING.
        s_curve: (pupils,) number right, not rising: columns to the left of it in each row.
        p_curve: (items,) pupils who have the item right: rows above it in each column.
        disparity: D*.
    """

    pupils: pa.Table
    items: pa.Table
    answers: np.ndarray
    s_curve: np.ndarray
    p_curve: np.ndarray
    disparity: float | None


def student_problem_table(
    scores: ArrayLike,
    *,
    pupils: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    full: ArrayLike | None = None,
    share: float = PASSING,
    blank: ArrayLike | None = None,
) -> SPTable:
    """The S-P table of a class, a school, …

    Args:
        scores: (pupils, items) points, NaN missing.
        pupils, items: their names; None: "1", "2", …
        full: (items,) full marks; None: 1 each.
        share: an item of several points counts as right from this share of its full mark on.
        blank: (pupils, items) bool, where nothing was written, to be told from wrong.

    Raises:
        ValueError: the sizes do not fit.
    """
    right = binarize(scores, full, share)
    n, k = right.shape
    pupil_names = [str(i + 1) for i in range(n)] if pupils is None else [str(name) for name in pupils]
    item_names = [str(j + 1) for j in range(k)] if items is None else [str(name) for name in items]
    empty = np.zeros((n, k), dtype=bool) if blank is None else np.asarray(blank, dtype=bool)
    if len(pupil_names) != n or len(item_names) != k or empty.shape != (n, k):
        raise ValueError(f"{n} pupils and {k} items need as many names, and blank as many rows and columns")
    by_score = np.argsort(-np.nansum(right, axis=1), kind="stable")
    rates = np.array([rate if rate is not None else -1.0 for rate in _rates(right.T)])
    by_rate = np.argsort(-rates, kind="stable")
    table = right[np.ix_(by_score, by_rate)]
    answers = np.where(np.isnan(table), MISSING, np.where(table == 1, RIGHT, WRONG)).astype(np.int8)
    answers[(answers == WRONG) & empty[np.ix_(by_score, by_rate)]] = BLANK
    return SPTable(
        _summary("pupil", [pupil_names[i] for i in by_score], table, {"A": 0.75, "B": 0.5, "C": 0.0}),
        _summary("item", [item_names[j] for j in by_rate], table.T, {"A": 0.5, "B": 0.0}),
        answers,
        np.nansum(table, axis=1).astype(np.int64),
        np.nansum(table, axis=0).astype(np.int64),
        disparity_index(table),
    )


def binarize(scores: ArrayLike, full: ArrayLike | None = None, share: float = PASSING) -> np.ndarray:
    """1 for at least this share of the full mark, 0 for less, NaN for missing.

    Args:
        scores: (pupils, items) points, NaN missing.
        full: (items,) full marks; None: 1 each.

    Raises:
        ValueError: the sizes do not fit, or a full mark is not above 0.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2:
        raise ValueError(f"scores must be (pupils, items), not an array of shape {scores.shape}")
    marks = np.ones(scores.shape[1]) if full is None else np.asarray(full, dtype=float)
    if marks.shape != (scores.shape[1],) or not (marks > 0).all():
        raise ValueError(f"{scores.shape[1]} items need as many full marks above 0")
    # 3.6 of 6 points are 60 %, whatever binary fractions make of it.
    return np.where(np.isnan(scores), np.nan, (scores >= share * marks - 1e-9).astype(float))


def caution_indices(right: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Caution index CS and modified caution index of each row; of `right.T`: CP of the items.

    Args:
        right: (pupils, items) 1 or 0, NaN missing.

    Returns:
        Two arrays (pupils,), NaN where not defined.
    """
    right = np.asarray(right, dtype=float)
    present = ~np.isnan(right)
    rates = np.array([rate if rate is not None else 0.0 for rate in _rates(right.T)])
    order = np.argsort(-rates, kind="stable")
    x, there, rates = np.where(present, right, 0)[:, order], present[:, order], rates[order]
    score, n = x.sum(axis=1), there.sum(axis=1)
    place = np.cumsum(there, axis=1)
    easiest = (there & (place <= score[:, None])) @ rates
    hardest = (there & (place > (n - score)[:, None])) @ rates
    average = np.divide(score * (there @ rates), n, out=np.zeros(len(x)), where=n > 0)
    missed = easiest - x @ rates
    # Rates are sums of fractions, which processors add up in their own ways: what rounding leaves of 0 is 0.
    least = 1e-12 * np.maximum(n, 1)
    undefined = np.full(len(x), np.nan)
    caution = np.divide(missed, easiest - average, out=undefined.copy(), where=easiest - average > least)
    modified = np.divide(missed, easiest - hardest, out=undefined, where=easiest - hardest > least)
    return np.round(caution, DIGITS), np.clip(np.round(modified, DIGITS), 0, 1)


def disparity_index(right: ArrayLike) -> float | None:
    """D*: the area between the S-curve and the P-curve over that of binomial curves of the same size and mean rate.

    The binomial S-curve has N·P(X ≥ j) pupils above it in column j, X ~ B(n, p); the P-curve n·P(Y ≥ i) items left of
    it in row i, Y ~ B(N, p). (Sato's tables approximate its area by 4·N·n·p·(1 - p)·D_B(M) with M = √(N·n).)

    Args:
        right: (pupils, items) 1 or 0, in any order.

    Returns:
        None where an answer is missing, or all are right or wrong.
    """
    right = np.asarray(right, dtype=float)
    n, k = right.shape
    if not right.size or np.isnan(right).any() or right.min() == right.max():
        return None
    p = float(right.mean())
    area = _area_between(right.sum(axis=1), right.sum(axis=0))
    by_chance = _area_between(k * binom.sf(np.arange(n), n, p), n * binom.sf(np.arange(k), k, p))
    return area / by_chance


def _area_between(rows: np.ndarray, columns: np.ndarray) -> float:
    """The area, in cells, inside just one of two curves: one as the widths of rows, one as the heights of columns."""
    rows, columns = np.sort(rows)[::-1], np.sort(columns)[::-1]
    place = np.arange(len(rows))
    both = sum(
        float(np.clip(rows - j, 0, 1) @ np.clip(height - place, 0, 1)) for j, height in enumerate(columns.tolist())
    )
    return float(rows.sum() + columns.sum() - 2 * both)


def _summary(kind: str, names: list[str], right: np.ndarray, signs: dict[str, float]) -> pa.Table:
    """A row a row of `right`: pupils, or items of the transposed table. `signs`: the lowest rate of each."""
    caution, modified = caution_indices(right)
    rates = _rates(right)
    letters = [None if rate is None else next(sign for sign, least in signs.items() if rate >= least) for rate in rates]
    return pa.table(
        {
            kind: pa.array(names, pa.string()),
            "n": pa.array((~np.isnan(right)).sum(axis=1), pa.int64()),
            "right": pa.array(np.nansum(right, axis=1), pa.int64()),
            "rate": pa.array(rates, pa.float64()),
            "caution": pa.array(caution, pa.float64(), from_pandas=True),
            "modified_caution": pa.array(modified, pa.float64(), from_pandas=True),
            "sign": pa.array(
                [
                    letter if letter is None or not index >= CAUTION else letter + "′"
                    for letter, index in zip(letters, caution.tolist(), strict=True)
                ],
                pa.string(),
            ),
        }
    )


def _rates(right: np.ndarray) -> list[float | None]:
    """Share right of each row; None where there is none."""
    present = ~np.isnan(right)
    n, score = present.sum(axis=1).tolist(), np.nansum(right, axis=1).tolist()
    return [s / m if m else None for s, m in zip(score, n, strict=True)]
