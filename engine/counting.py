"""Counts the Tally of scored columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

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
    """Sums by unit at each level.

    A number by code (1 if presented, the points, their squares) is added as so many bytes; see `_Bytes`. In the last
    class of each level are those that are in no unit, or not counted.
    """
    if not units:
        return {}
    names, classes = [], []
    for labels in units.values():
        whole = labels.combine_chunks() if isinstance(labels, pa.ChunkedArray) else labels
        encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
        names.append(encoded.dictionary.to_pylist())
        codes = encoded.indices.cast(pa.int32()).fill_null(len(names[-1])).to_numpy()
        classes.append(codes if counted.all() else np.where(counted, codes, len(names[-1])).astype(np.int32))
    powers = [[_Bytes.of(column, power) for column in (*columns.values(), totals)] for power in range(3)]
    distinct = {one.key: one for number in powers for value in number for one in value.parts}
    place = {key: number for number, key in enumerate(distinct)}
    sums = sum_by(
        [one.codes for one in distinct.values()],
        [one.table for one in distinct.values()],
        classes,
        [len(level) + 1 for level in names],
        threads,
    )
    made = {}
    for level, labels, codes, added in zip(units, names, classes, sums, strict=True):
        n = np.bincount(codes, minlength=len(labels) + 1)[:-1].astype(np.int64)
        every = [np.array([value.sums(added, place, n) for value in number]).T for number in powers]
        order = [unit for unit in sorted(range(len(labels)), key=labels.__getitem__) if n[unit]]
        if order != list(range(len(labels))):
            every = [some[order] for some in every]
        made[level] = Sums(tuple(labels[unit] for unit in order), *every)
    return made


class _Byte(NamedTuple):
    """A byte by code, to be added up."""

    codes: np.ndarray
    table: np.ndarray

    @property
    def key(self) -> tuple[int, bytes]:
        return self.codes.ctypes.data, self.table.tobytes()


@dataclass(frozen=True)
class _Bytes:
    """A number by code: `least`, and bytes that count 1, 256, 65 536 ….

    What is the same for all codes has no bytes, so that there is nothing to add for an item that everybody was
    presented; and a right/wrong item's points and squares are the same bytes.
    """

    least: int
    parts: tuple[_Byte, ...]

    @classmethod
    def of(cls, column: Column, power: int) -> _Bytes:
        """The points to some power; 0 where not presented."""
        table = column.points.astype(np.int64) ** power
        table[-1] = 0
        if column.complete:
            table = table[:-1]
        least = int(table.min()) if len(table) else 0
        rest, parts = table - least, []
        while rest.any():
            parts.append(_Byte(column.codes, (rest & 255).astype(np.uint8)))
            rest >>= 8
        return cls(least, tuple(parts))

    def sums(self, added: np.ndarray, place: Mapping[tuple[int, bytes], int], n: np.ndarray) -> np.ndarray:
        """(units,) the sums, from those of all bytes (bytes, units + 1) and the number of pupils."""
        total = n * self.least
        for power, part in enumerate(self.parts):
            total += added[place[part.key], :-1] << (8 * power)
        return total


def _cross(columns: list[Column], bins: np.ndarray, width: int, threads: int) -> list[np.ndarray]:
    """Per column a table (answers, width): how often each answer falls into each of the bins before `width`."""
    slots = [len(column.points) for column in columns]
    counts = count([column.codes for column in columns], slots, bins, width + 1, threads)
    return [table[:-1, :width] for table in counts]
