"""Training effect (培训成效): what classes of trained teachers gain beyond classes of others with like pupils."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import stdtrit

from engine.errors import raise_all
from engine.files import read_records
from engine.growth.sums import encoded

ALIASES = {
    "学校": "school",
    "学校名称": "school",
    "班级": "class",
    "行政班": "class",
    "科目": "subject",
    "学科": "subject",
}
CALIPER = 0.25  # standard deviations of the classes' mean earlier scores that a pair may be apart
FEWEST = 10  # pupils of a class that takes part


@dataclass(frozen=True)
class Training:
    """What the classes of trained teachers gain beyond matched classes.

    Attributes:
        difference: mean over the pairs, NaN without any; lower, upper: its interval, NaN of fewer than two pairs.
        pairs: (trained class, matched class), by name.
        unmatched: classes of trained teachers that no other class is like.
        n, n_reference: pupils.
    """

    difference: float
    lower: float
    upper: float
    pairs: tuple[tuple[str, str], ...]
    unmatched: tuple[str, ...]
    n: int
    n_reference: int


def training_effect(
    gain: Any, prior: Any, classes: Any, trained: Collection[str], *, confidence: float = 0.95, fewest: int = FEWEST
) -> Training:
    """Mean difference of residual gain between pairs of classes.

    Every class of a trained teacher is paired with another class whose pupils began alike: the pairs, each class in one
    at most, that have the least sum of differences of mean earlier scores (optimal matching; Rosenbaum, 1989), without
    those that are more than `CALIPER` apart. The interval is that of the mean of the pairs' differences (t).

    Args:
        gain: (n,) residual gains of pupils, prior: (n,) their earlier scores, classes: (n,) names.
        trained: names of the classes whose teachers were trained.
        fewest: classes with fewer pupils don't take part.
    """
    names, codes = encoded(classes)
    n = np.bincount(codes, minlength=len(names))
    gains, priors = (np.bincount(codes, np.asarray(column, float), len(names)) / n for column in (gain, prior))
    takes_part = n >= fewest
    mine = np.array([takes_part[c] and name in trained for c, name in enumerate(names)], bool)
    ours, others = np.flatnonzero(mine), np.flatnonzero(takes_part & ~mine)
    apart = np.abs(priors[ours][:, None] - priors[others])
    limit = CALIPER * float(np.std(priors[takes_part])) if takes_part.any() else 0.0
    # A pair that is too far apart costs more than any number of good ones, so that these are not given up for it.
    cost = np.where(apart <= limit, apart, (limit + 1) * (len(ours) + 1))
    pairs = [(a, b) for a, b in zip(*linear_sum_assignment(cost), strict=True) if apart[a, b] <= limit]
    a, b = ours[[pair[0] for pair in pairs]], others[[pair[1] for pair in pairs]]
    difference = gains[a] - gains[b]
    mean = float(difference.mean()) if len(pairs) else np.nan
    half = np.nan
    if len(pairs) > 1:
        half = float(stdtrit(len(pairs) - 1, (1 + confidence) / 2) * difference.std(ddof=1) / np.sqrt(len(pairs)))
    return Training(
        difference=mean,
        lower=mean - half,
        upper=mean + half,
        pairs=tuple((names[x], names[y]) for x, y in zip(a, b, strict=True)),
        unmatched=tuple(names[c] for c in ours if c not in set(a)),
        n=int(n[a].sum()),
        n_reference=int(n[b].sum()),
    )


def load_training(path: Path) -> dict[str, set[str]]:
    """Read training.csv or .xlsx (培训名单): a row a class whose teacher was trained.

    Returns:
        Subject as written, "" where the file has none, → classes ("school/class").

    Raises:
        InputError: a missing column or name.
    """
    records = read_records(path, required=("school", "class"), aliases=ALIASES, identifiers=())
    errors = [
        records.error(i, name, "the cell is empty", "fill it in, or delete the row")
        for i, row in enumerate(records.rows)
        for name in ("school", "class")
        if not row[name]
    ]
    raise_all(errors)
    trained: dict[str, set[str]] = {}
    for row in records.rows:
        trained.setdefault(row.get("subject", ""), set()).add(f"{row['school']}/{row['class']}")
    return trained
