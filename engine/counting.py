"""Counts the Tally of scored columns."""

from __future__ import annotations

from fractions import Fraction
from itertools import compress

import numpy as np

from engine._core import MOST_SHORT, count
from engine.columns import Column
from engine.tally import Answers, Tally


def count_tally(
    step: Fraction,
    columns: dict[str, Column],
    choices: dict[str, Column],
    dropped: frozenset[str],
    totals: np.ndarray,
    counted: np.ndarray,
    threads: int,
) -> Tally:
    """The Tally of the pupils in `counted`, without units; the others are counted in a last bin that is thrown away."""
    everybody = bool(counted.all())
    seen = totals if everybody else totals[counted]
    lowest, highest = (int(seen.min()), int(seen.max())) if len(seen) else (0, -1)
    width = highest - lowest + 1
    kind = np.uint16 if width < MOST_SHORT else np.int32
    bins = np.subtract(totals, np.int32(lowest), dtype=kind, casting="unsafe")  # of those not counted any number
    if not everybody:
        bins[~counted] = width
    counts = _cross([*columns.values(), *choices.values()], bins, width, threads)
    distribution = counts[0].sum(axis=0) if counts else np.bincount(bins, minlength=width + 1)[:width].astype(np.int64)
    answers = []
    for part, table in zip([*columns.values(), *choices.values()], counts, strict=True):
        rows = zip(part.answers, part.points.tolist(), table, strict=False)  # the last row of a table: not presented
        answers.append(Answers.collect(compress(rows, np.any(table, axis=1).tolist()), width))
    return Tally(
        step,
        lowest,
        distribution,
        dict(zip(columns, answers, strict=False)),
        dropped,
        dict(zip(choices, answers[len(columns) :], strict=True)),
    )


def _cross(columns: list[Column], bins: np.ndarray, width: int, threads: int) -> list[np.ndarray]:
    """Per column a table (answers and "not presented", width): how often each falls into the bins before `width`."""
    slots = [len(column.points) - column.complete for column in columns]
    counts = count([column.codes for column in columns], slots, bins, width + 1, threads)
    return [table[:, :width] for table in counts]
