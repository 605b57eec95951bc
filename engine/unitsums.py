"""Sums of points by units (schools, classes, …), for the Tally.

The items' sums do not depend on the total scores, so they can be added up while other threads go on with the totals and
the counts. Batches of pupils are added to the same sums: a large exam has as many sums as a batch has answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine._core import all_presented, sum_by, sum_numbers
from engine.columns import Column, filled, powers
from engine.sharing import Run
from engine.tally import Sums


@dataclass(frozen=True)
class Grouping:
    """The units of each level, and who is in which.

    Attributes:
        names: by level, of its units.
        classes: a level (n,) int32, each pupil's unit; after the last one: in none, or not counted.
        counted: (n,) bool.
    """

    names: dict[str, pa.Array]
    classes: list[npt.NDArray[np.int32]]
    counted: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, units: Mapping[str, pa.Array | pa.ChunkedArray], counted: npt.NDArray[np.bool_]) -> Grouping:
        """From the unit of every pupil at each level (null: in none)."""
        names, classes = {}, []
        everybody = bool(counted.all())
        for level, labels in units.items():
            whole = labels.combine_chunks() if isinstance(labels, pa.ChunkedArray) else labels
            encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
            names[level] = encoded.dictionary
            none = len(encoded.dictionary)
            codes = filled(encoded.indices, none)
            classes.append(codes if everybody else np.where(counted, codes, np.int32(none)))
        return cls(names, classes, counted)

    def totals(self, totals: npt.NDArray[np.int32]) -> list[npt.NDArray[np.int64]]:
        """By level an array (units, 2): sums of the total scores (n,) and of their squares."""
        sizes = [len(names) + 1 for names in self.names.values()]
        return [sums[:-1] for sums in sum_numbers(totals, self.classes, sizes)]


class UnitSums:
    """Sums by the units of some levels, to which batches of pupils are added."""

    def __init__(self, levels: Sequence[str], items: int) -> None:
        self._levels = {level: _Level(items) for level in levels}

    def add_items(self, grouping: Grouping, columns: Sequence[Column], run: Run) -> list[npt.NDArray[np.intp]]:
        """Add the points of a batch on every item; returns by level the rows of its units, for `add_totals`."""
        levels = [self._levels[level] for level in grouping.names]
        rows = [level.rows(names.to_pylist()) for level, names in zip(levels, grouping.names.values(), strict=True)]
        if not levels:
            return rows
        in_doubt = [part for part in columns if not part.complete]
        presented = iter(
            all_presented(
                [part.codes for part in in_doubt],
                [len(part.answers) for part in in_doubt],
                grouping.counted.view(np.uint8),
            )
        )
        complete = [part.complete or next(presented) for part in columns]
        kinds, sums = [powers(columns, complete, power) for power in (1, 2)], [level.powers for level in levels]
        if not all(complete):
            kinds.append([_last(column, not everybody) for column, everybody in zip(columns, complete, strict=True)])
            sums = [[*level.powers, level.missing()] for level in levels]
        pupils = sum_by([part.codes for part in columns], kinds, grouping.classes, rows, sums, run)
        for level, of, count in zip(levels, rows, pupils, strict=True):
            np.add.at(level.pupils, of, count)  # a dictionary may list a unit twice
        return rows

    def add_totals(self, rows: list[npt.NDArray[np.intp]], totals: list[npt.NDArray[np.int64]]) -> None:
        """Add the total scores of a batch: what `Grouping.totals` gives."""
        for level, of, some in zip(self._levels.values(), rows, totals, strict=True):
            for sums, added in zip(level.powers, some.T, strict=True):
                np.add.at(sums[:, -1], of, added)

    def sums(self) -> dict[str, Sums]:
        """By level the sums of the units with pupils, sorted. Nothing may be added afterwards."""
        return {level: sums.sorted() for level, sums in self._levels.items()}


class _Level:
    """The sums of a level; a row a unit, the last column for the total score.

    Attributes:
        pupils: (rows,) int64.
        powers: of the points and of their squares, (rows, items + 1) int64.
    """

    def __init__(self, items: int) -> None:
        self._rows: dict[str, int] = {}
        self._missing: npt.NDArray[np.int64] | None = None  # (rows, items + 1), to how many it was not presented
        self.pupils = np.zeros(0, np.int64)
        self.powers = [np.zeros((0, items + 1), np.int64) for _ in range(2)]

    def rows(self, names: list[str]) -> npt.NDArray[np.intp]:
        """The rows of some units, with new ones for those not yet seen."""
        rows = np.array([self._rows.setdefault(name, len(self._rows)) for name in names], np.intp)
        if len(self._rows) > len(self.pupils):
            room = 2 * len(self._rows)  # what is not used takes no memory
            self.pupils = _longer(self.pupils, room)
            self.powers = [_longer(sums, room) for sums in self.powers]
            self._missing = None if self._missing is None else _longer(self._missing, room)
        return rows

    def missing(self) -> npt.NDArray[np.int64]:
        """The sums of those to whom an item was not presented."""
        if self._missing is None:
            self._missing = np.zeros_like(self.powers[0])
        return self._missing

    def sorted(self) -> Sums:
        names = list(self._rows)
        pupils = (self.pupils > 0).tolist()
        order: slice | list[int] = slice(len(names))  # which copies nothing
        if not (all(pupils[: len(names)]) and names == sorted(names)):
            order = [row for row in sorted(range(len(names)), key=names.__getitem__) if pupils[row]]
            names = [names[row] for row in order]
        total, squares = (sums[order] for sums in self.powers)
        presented = np.broadcast_to(self.pupils[order][:, None], total.shape)
        return Sums(
            tuple(names), presented if self._missing is None else presented - self._missing[order], total, squares
        )


def _last(column: Column, number: int) -> npt.NDArray[np.int64]:
    """By code 0, and the number where not presented."""
    return np.append(np.zeros(len(column.answers), np.int64), number)


def _longer(sums: npt.NDArray[np.int64], room: int) -> npt.NDArray[np.int64]:
    """The same rows and as many of 0 as there is room for."""
    longer = np.zeros((room, *sums.shape[1:]), np.int64)
    longer[: len(sums)] = sums
    return longer
