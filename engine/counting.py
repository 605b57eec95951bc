"""Counts the Tally of scored columns."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import compress

import numpy as np
import pyarrow as pa

from engine._core import count, sum_by
from engine.columns import Column, filled, powers
from engine.tally import Answers, Sums, Tally


def count_tally(
    step: Fraction,
    columns: dict[str, Column],
    choices: dict[str, Column],
    dropped: frozenset[str],
    totals: np.ndarray,
    counted: np.ndarray,
    units: Mapping[str, pa.Array | pa.ChunkedArray],
    threads: int,
) -> Tally:
    """The Tally of the pupils in `counted`; the others are counted in a last bin that is thrown away."""
    everybody = bool(counted.all())
    seen = totals if everybody else totals[counted]
    lowest, highest = (int(seen.min()), int(seen.max())) if len(seen) else (0, -1)
    width = highest - lowest + 1
    bins = totals - np.int32(lowest) if everybody else np.where(counted, totals - np.int32(lowest), np.int32(width))
    counts = _cross([*columns.values(), *choices.values()], bins, width, threads)
    distribution = counts[0].sum(axis=0) if counts else np.bincount(bins, minlength=width + 1)[:width].astype(np.int64)
    answers = [  # the last row of a table: not presented
        Answers.collect(
            compress(zip(part.answers, part.points, table, strict=False), np.any(table, axis=1).tolist()), width
        )
        for part, table in zip([*columns.values(), *choices.values()], counts, strict=True)
    ]
    earned = np.append(np.arange(lowest, highest + 1, dtype=np.int32), np.int32(0))
    parts = [*columns.values(), Column([""] * width, bins, earned)]
    presented = [not table[-1].any() for table in counts[: len(columns)]]
    return Tally(
        step,
        lowest,
        distribution,
        dict(zip(columns, answers, strict=False)),
        dropped,
        dict(zip(choices, answers[len(columns) :], strict=True)),
        _sum_units(units, parts, [*presented, True], counted, threads) if units else {},
    )


def _sum_units(
    units: Mapping[str, pa.Array | pa.ChunkedArray],
    columns: list[Column],
    presented: list[bool],
    counted: np.ndarray,
    threads: int,
) -> dict[str, Sums]:
    """Sums by unit at each level, of 1 if presented, of the points and of their squares.

    Args:
        presented: of each column, whether it was to all who are counted.
    """
    names, classes = [], []  # the last class of each level: in no unit, or not counted
    for labels in units.values():
        whole = labels.combine_chunks() if isinstance(labels, pa.ChunkedArray) else labels
        encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
        names.append(encoded.dictionary.to_pylist())
        codes = filled(encoded.indices, len(names[-1]))
        classes.append(codes if counted.all() else np.where(counted, codes, len(names[-1])).astype(np.int32))
    sums = sum_by(
        [part.codes for part in columns],
        [powers(columns, presented, power) for power in range(3)],
        classes,
        [len(level) + 1 for level in names],
        threads,
    )
    return {level: _sums(labels, *added) for level, labels, added in zip(units, names, sums, strict=True)}


def _sums(labels: list[str], count: np.ndarray, total: np.ndarray, squares: np.ndarray) -> Sums:
    """From arrays (units and the last class, columns), the units with pupils, sorted; everybody has a total."""
    filled = count[:-1, -1] > 0
    order: slice | list[int] = slice(-1)
    if not (filled.all() and labels == sorted(labels)):
        order = [unit for unit in sorted(range(len(labels)), key=labels.__getitem__) if filled[unit]]
        labels = [labels[unit] for unit in order]
    return Sums(tuple(labels), count[order], total[order], squares[order])


def _cross(columns: list[Column], bins: np.ndarray, width: int, threads: int) -> list[np.ndarray]:
    """Per column a table (answers and "not presented", width): how often each falls into the bins before `width`."""
    slots = [len(column.points) for column in columns]
    counts = count([column.codes for column in columns], slots, bins, width + 1, threads)
    return [table[:, :width] for table in counts]
