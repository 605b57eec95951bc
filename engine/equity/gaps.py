"""Gaps between groups of pupils (城乡差距、性别差距), with intervals that know that pupils of a school are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from engine.growth.sums import encoded


@dataclass(frozen=True)
class Gap:
    """A group's mean less the reference group's.

    Attributes:
        lower, upper: interval; NaN where a group rests on a single school of several, or on a single pupil.
        n, n_reference: pupils.
        clusters: schools that the interval rests on.
    """

    group: str
    reference: str
    difference: float
    lower: float
    upper: float
    n: int
    n_reference: int
    clusters: int


def gaps(
    values: Any, groups: Any, schools: Any, *, reference: str | None = None, confidence: float = 0.95
) -> tuple[Gap, ...]:
    """The gaps of all groups to one of them, by name.

    The variance is the cluster-robust one of a difference of means, with C/(C - 1) and t of C - 1 degrees of freedom
    for C schools (Cameron & Miller, 2015); in a single school pupils count as independent (Welch).

    Args:
        values: (n,) finite numbers.
        groups: (n,) names; schools: (n,) names.
        reference: name of the reference group; None: the largest one, of several the first by name.

    Raises:
        ValueError: missing names, no such reference.
    """
    y = np.asarray(values, float)
    names, codes = encoded(groups)
    schools_names, clusters = encoded(schools)
    n = np.bincount(codes, minlength=len(names))
    if reference is not None and reference not in names:
        raise ValueError(f"no group {reference!r} among {', '.join(names)}")
    if not names:
        return ()
    base = names.index(reference) if reference is not None else int(np.argmax(n))
    means = np.bincount(codes, y, len(names)) / n
    rest = y - means[codes]
    # Sums of the deviations of each school's pupils in each group, and how many of them there are.
    cells = codes * len(schools_names) + clusters
    shape = (len(names), len(schools_names))
    sums = np.bincount(cells, rest, shape[0] * shape[1]).reshape(shape)
    there = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape) > 0
    variance = np.bincount(codes, rest**2, len(names))
    found = []
    for g in [g for g in range(len(names)) if g != base]:
        count = int((there[g] | there[base]).sum())
        if count == 1:
            squares, freedom = _independent(variance[[g, base]], n[[g, base]])
        elif there[g].sum() < 2 or there[base].sum() < 2:
            squares, freedom = np.nan, 1.0
        else:
            influence = sums[g] / n[g] - sums[base] / n[base]
            squares, freedom = count / (count - 1) * float(influence @ influence), count - 1.0
        half = float(stdtrit(freedom, (1 + confidence) / 2)) * float(np.sqrt(squares))
        gap = float(means[g] - means[base])
        found.append(Gap(names[g], names[base], gap, gap - half, gap + half, int(n[g]), int(n[base]), count))
    return tuple(found)


def _independent(squares: np.ndarray, n: np.ndarray) -> tuple[float, float]:
    """Welch's variance of a difference of means, and its degrees of freedom."""
    if n.min() < 2:
        return np.nan, 1.0
    parts = squares / (n - 1) / n
    total = float(parts.sum())
    return total, total**2 / float((parts**2 / (n - 1)).sum()) if total > 0 else float(n.sum() - 2)


def standardised(gap: Gap, values: Any) -> float:
    """The difference in standard deviations (population kind) of all pupils; 0 where all are equal."""
    sd = float(np.std(np.asarray(values, float)))
    return gap.difference / sd if sd > 0 else 0.0
