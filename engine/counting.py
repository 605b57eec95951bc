"""Counts the Tally of scored columns."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pyarrow as pa

from engine._core import count, sum_by
from engine.columns import Column, as_one
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
    seen = totals[counted]
    lowest, highest = (int(seen.min()), int(seen.max())) if len(seen) else (0, -1)
    width = highest - lowest + 1
    bins = np.where(counted, totals - lowest, width).astype(np.int32)

    def answers(parts: dict[str, Column]) -> dict[str, Answers]:
        counts = _cross(list(parts.values()), bins, width, threads)
        return {
            name: Answers.collect(zip(part.answers, part.points[:-1], table, strict=True), width)
            for (name, part), table in zip(parts.items(), counts, strict=True)
        }

    return Tally(
        step,
        lowest,
        np.bincount(bins, minlength=width + 1)[:width].astype(np.int64),
        answers(columns),
        dropped,
        answers(choices),
        _sum_units(units, columns, as_one(totals, step), counted, threads),
    )


def _sum_units(
    units: Mapping[str, pa.Array | pa.ChunkedArray],
    columns: dict[str, Column],
    totals: Column,
    counted: np.ndarray,
    threads: int,
) -> dict[str, Sums]:
    """Sums by unit at each level, of 1 if presented, of the points and of their squares."""
    if not units:
        return {}
    names, classes = [], []  # the last class of each level: in no unit, or not counted
    for labels in units.values():
        whole = labels.combine_chunks() if isinstance(labels, pa.ChunkedArray) else labels
        encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
        names.append(encoded.dictionary.to_pylist())
        codes = encoded.indices.cast(pa.int32()).fill_null(len(names[-1])).to_numpy()
        classes.append(codes if counted.all() else np.where(counted, codes, len(names[-1])).astype(np.int32))
    parts = [*columns.values(), totals]
    sums = sum_by(
        [part.codes for part in parts] * 3,
        [part.powers(power) for power in range(3) for part in parts],
        classes,
        [len(level) + 1 for level in names],
        threads,
    )
    return {
        level: _sums(labels, added.reshape(3, len(parts), -1)[:, :, :-1])
        for level, labels, added in zip(units, names, sums, strict=True)
    }


def _sums(labels: list[str], added: np.ndarray) -> Sums:
    """From (count, sum, squares; columns; units), the units with pupils, sorted; everybody has a total."""
    filled = added[0, -1] > 0
    if not (filled.all() and all(map(operator.lt, labels, labels[1:]))):
        order = [unit for unit in sorted(range(len(labels)), key=labels.__getitem__) if filled[unit]]
        labels, added = [labels[unit] for unit in order], added[:, :, order]
    count, total, squares = added.transpose(0, 2, 1)
    return Sums(tuple(labels), count, total, squares)


def _cross(columns: list[Column], bins: np.ndarray, width: int, threads: int) -> list[np.ndarray]:
    """Per column a table (answers, width): how often each answer falls into each of the bins before `width`."""
    slots = [len(column.points) for column in columns]
    counts = count([column.codes for column in columns], slots, bins, width + 1, threads)
    return [table[:-1, :width] for table in counts]
