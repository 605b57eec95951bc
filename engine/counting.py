"""Counts the Tally of scored columns."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from itertools import compress

import numpy as np

from engine._core import MOST_SHORT, count
from engine.columns import Column
from engine.sharing import Run
from engine.tally import Answers, Tally

_TOGETHER = 12  # items counted by a job: a multiple of the two to four that an addition counts


def count_tally(
    step: Fraction,
    columns: dict[str, Column],
    choices: dict[str, Column],
    dropped: frozenset[str],
    totals: np.ndarray,
    counted: np.ndarray,
    run: Run,
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
    parts = [*columns.values(), *choices.values()]
    some = [parts[first : first + _TOGETHER] for first in range(0, len(parts), _TOGETHER)]
    made = run([partial(_answers, of, bins, width) for of in some])
    answers = [one for of, _ in made for one in of]
    whole = [distribution for _, distribution in made] or [np.bincount(bins, minlength=width + 1)[:width]]
    return Tally(
        step,
        lowest,
        whole[0].astype(np.int64),
        dict(zip(columns, answers, strict=False)),
        dropped,
        dict(zip(choices, answers[len(columns) :], strict=True)),
    )


def _answers(columns: list[Column], bins: np.ndarray, width: int) -> tuple[list[Answers], np.ndarray]:
    """The answers of some items, counted by the bins before `width`; and how many pupils are in each of those."""
    slots = [column.slots for column in columns]
    counts = [table[:, :width] for table in count([column.codes for column in columns], slots, bins, width + 1)]
    answers = []
    for column, table in zip(columns, counts, strict=True):
        rows = zip(column.answers, column.points.tolist(), table, strict=False)  # the last row: not presented
        answers.append(Answers.collect(compress(rows, np.any(table, axis=1).tolist()), width))
    return answers, counts[0].sum(axis=0)
