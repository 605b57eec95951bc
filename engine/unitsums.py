"""Sums of points by units (schools, classes, …), for the Tally.

The items' sums do not depend on the total scores, so they can be added up while other threads go on with the totals and
the counts.
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

    @property
    def sizes(self) -> list[int]:
        """Classes of each level, the last one too."""
        return [len(names) + 1 for names in self.names.values()]

    def sum_items(self, columns: Sequence[Column], run: Run) -> list[list[npt.NDArray[np.int64]]]:
        """By level three arrays (classes, items + 1): of 1 if presented, of the points, and of their squares.

        The last column is of the total scores: everybody has one, here of 0.
        """
        if not self.classes:
            return []
        in_doubt = [part for part in columns if not part.complete]
        presented = iter(
            all_presented(
                [part.codes for part in in_doubt],
                [len(part.answers) for part in in_doubt],
                self.counted.view(np.uint8),
            )
        )
        complete = [part.complete or next(presented) for part in columns]
        numbers = [[*powers(columns, complete, power), np.array([power == 0], np.int64)] for power in range(3)]
        codes = [*(part.codes for part in columns), self.classes[0]]
        return sum_by(codes, numbers, self.classes, self.sizes, run)

    def sum_totals(self, totals: npt.NDArray[np.int32]) -> list[npt.NDArray[np.int64]]:
        """By level an array (classes, 2): sums of the total scores and of their squares."""
        return sum_numbers(totals, self.classes, self.sizes)


def together(names: list[str], items: Sequence[npt.NDArray[np.int64]], totals: npt.NDArray[np.int64]) -> Sums:
    """The sums of a level: of the units with pupils, sorted.

    Args:
        names: of its units.
        items, totals: what `Grouping.sum_items` and `Grouping.sum_totals` give for it.
    """
    pupils = items[0][:-1, -1] > 0
    order: slice | list[int] = slice(-1)
    if not (pupils.all() and names == sorted(names)):
        order = [unit for unit in sorted(range(len(names)), key=names.__getitem__) if pupils[unit]]
        names = [names[unit] for unit in order]
    count, total, squares = (some[order] for some in items)
    total, squares = (np.require(some, requirements="W") for some in (total, squares))  # one column may stand for all
    total[:, -1], squares[:, -1] = totals[order].T
    return Sums(tuple(names), count, total, squares)
