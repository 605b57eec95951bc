"""How items and options behave along the total score, from a Tally: empirical characteristic curves, option tables.

Pupils are grouped by total score: each total by itself, or quantile groups. Those are cut as R's quantile (type 7) and
cut have it, closed on the right: equal totals are never parted, so groups are not exactly equal, and where cut points
coincide a group has nobody and no row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine.ctt import check_paper, option_statistics
from engine.moments import total_axis, total_quantile

if TYPE_CHECKING:
    from engine.exam import Subject
    from engine.tally import Tally

_GROUP = [
    ("group", pa.int32()),  # from 1, the lowest
    ("lowest", pa.float64()),  # total scores in the group
    ("highest", pa.float64()),
    ("mean_total", pa.float64()),  # of the pupils of the group to whom the item was presented
    ("n", pa.int64()),  # they
]
_ITEM_CURVES = pa.schema([("subject", pa.string()), ("item", pa.string()), *_GROUP, ("rate", pa.float64())])
_OPTION_CURVES = pa.schema(
    [
        ("subject", pa.string()),
        ("item", pa.string()),
        ("answer", pa.string()),  # "" is blank
        ("is_key", pa.bool_()),
        *_GROUP,
        ("count", pa.int64()),
        ("rate", pa.float64()),  # count / n
    ]
)


def item_curves(tally: Tally, subject: Subject, groups: int | Sequence[float] | None = None) -> pa.Table:
    """Empirical characteristic curves: a row an item and score group, with the rate of points gained there.

    Columns: subject, item, group, lowest, highest, mean_total, n, rate. Groups in which nobody had the item have no
    row; items withdrawn (void:drop) have none.

    Args:
        groups: None: each total score; a number: so many groups of equal shares; or their shares, from the lowest.

    Raises:
        InputError: the Tally was counted before the blueprint was changed.
        ValueError: no number of groups above 0, or shares that are not positive or don't add to 1.
    """
    check_paper(tally, subject)
    bands = score_groups(tally, groups)
    rows = []
    for item in subject.items:
        if item.item in tally.dropped:
            continue
        part = tally.items[item.item]
        points = part.points @ part.counts
        for group in _present(part.counts.sum(axis=0), bands, tally):
            band = bands[group["group"] - 1]
            mean = Fraction(int(points[band].sum()), group["n"]) * tally.step
            rows.append({"subject": subject.code, "item": item.item, **group, "rate": float(mean / item.max)})
    return pa.Table.from_pylist(rows, schema=_ITEM_CURVES)


def option_curves(tally: Tally, subject: Subject, groups: int | Sequence[float] | None = None) -> pa.Table:
    """A row an answer and score group of the choice and numeric items: how many gave it, and their share of the group.

    Columns: subject, item, answer, is_key, group, lowest, highest, mean_total, n, count, rate. The answers are those of
    `engine.ctt.option_statistics`, which has their correlations with the total and the rest score. With 4 groups, or
    shares 0.27, 0.46, 0.27, the counts are those of R's CTT::distractorAnalysis.

    Args:
        groups: see `item_curves`.

    Raises:
        InputError, ValueError: see `item_curves`.
    """
    bands = score_groups(tally, groups)
    rows = []
    for option in option_statistics(tally, subject).select(["subject", "item", "answer", "is_key"]).to_pylist():
        part = tally.items[option["item"]]
        counts = dict(zip(part.answers, part.counts, strict=True)).get(option["answer"], np.zeros_like(tally.totals))
        for group in _present(part.counts.sum(axis=0), bands, tally):
            count = int(counts[bands[group["group"] - 1]].sum())
            rows.append({**option, **group, "count": count, "rate": count / group["n"]})
    return pa.Table.from_pylist(rows, schema=_OPTION_CURVES)


def score_groups(tally: Tally, groups: int | Sequence[float] | None = None) -> list[np.ndarray]:
    """Which columns of a Tally's counts (total scores) belong to each group; of a group without any, none.

    Raises:
        ValueError: see `item_curves`.
    """
    axis = total_axis(tally)
    if groups is None:
        return [axis == total for total in axis]
    if isinstance(groups, int):
        shares = [Fraction(1, groups) for _ in range(groups)]
    else:
        shares = [Fraction(str(share)) for share in groups]
    if not shares or min(shares) <= 0 or abs(sum(shares, Fraction(0)) - 1) > Fraction("1e-9"):
        raise ValueError(f"groups must be a number above 0 or shares that add to 1, not {groups}")
    if not tally.n:
        return [np.zeros(0, dtype=bool) for _ in shares]
    cuts = [math.floor(total_quantile(tally, share)) for share in accumulate(shares[:-1])]
    cuts = [int(axis[0]) - 1, *cuts, int(axis[-1])]
    return [(axis > low) & (axis <= high) for low, high in pairwise(cuts)]


def _present(given: np.ndarray, bands: list[np.ndarray], tally: Tally) -> list[dict]:
    """The groups in which somebody had the item, with what their rows have in common."""
    axis = total_axis(tally)
    found = []
    for number, band in enumerate(bands, start=1):
        n = int(given[band].sum())
        if n:
            totals = axis[band & (tally.totals > 0)]
            lowest, highest, mean = totals[0], totals[-1], Fraction(int(given[band] @ axis[band]), n)
            found.append(
                {
                    "group": number,
                    "lowest": float(int(lowest) * tally.step),
                    "highest": float(int(highest) * tally.step),
                    "mean_total": float(mean * tally.step),
                    "n": n,
                }
            )
    return found
