"""A column of answers as scoring has it: codes, and the points by code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa

from engine.points import plain


@dataclass
class Column:
    """Answers of the pupils to one item, as codes.

    Attributes:
        answers: by code; the code after the last one stands for "not presented".
        codes: (n,) uint8 or int32.
        points: int32 by code; 0 where not presented.
        complete: it was surely presented to everybody.
    """

    answers: list[str]
    codes: np.ndarray
    points: np.ndarray
    complete: bool = False

    @property
    def given(self) -> np.ndarray:
        """(n,) bool: an answer that is not blank."""
        return np.array([bool(answer) for answer in [*self.answers, ""]])[self.codes]

    @property
    def presented(self) -> np.ndarray:
        return self.codes != len(self.answers)

    def is_damaged(self, highest: int) -> bool:
        """Whether its highest code is that of no answer: data that come from elsewhere may be so."""
        return highest >= len(self.points) - self.complete

    def withdraw(self, rows: np.ndarray) -> None:
        """Make it "not presented" for the rows of a mask or an index."""
        self.codes = self.codes.copy()  # it may be a view of the responses
        self.codes[rows] = len(self.answers)
        self.complete = False

    def scores(self) -> pa.Array:
        """The points, null where not presented; narrow codes are shared."""
        if self.codes.dtype != np.uint8:
            return nullable(self.points[self.codes], self.presented)
        valid = None if self.complete else self.presented
        codes = nullable(self.codes, valid)
        return pa.DictionaryArray.from_arrays(codes, pa.array(self.points[:-1], pa.int32()), safe=False)


def powers(columns: Sequence[Column], complete: Sequence[bool], power: int) -> list[np.ndarray]:
    """Of each column the points to some power, int64 by code; 0 where not presented.

    Args:
        complete: nobody's answers count to whom it was not presented; what then stands there is not added.
    """
    known: dict[tuple[bytes, bool], np.ndarray] = {}  # most items of a paper are worth the same
    for column, everybody in zip(columns, complete, strict=True):
        key = column.points.tobytes(), everybody
        if key not in known:
            some = column.points[:-1].astype(np.int64) ** power
            known[key] = np.append(some, some.min() if everybody and len(some) else 0)
    return [known[column.points.tobytes(), everybody] for column, everybody in zip(columns, complete, strict=True)]


def as_one(points: np.ndarray, step: Fraction) -> Column:
    """Points as a column of their own, the answers being the points."""
    lowest, highest = (int(points.min()), int(points.max())) if len(points) else (0, 0)
    earned = np.arange(lowest, highest + 1, dtype=np.int32)
    answers = [plain(units * step) for units in earned.tolist()]
    codes = (points - lowest).astype(np.int32)
    return Column(answers, codes, np.append(earned, np.int32(0)), complete=True)


def nullable(values: np.ndarray, valid: np.ndarray | None = None) -> pa.Array:
    """A column of the values, not copied, null where not valid."""
    bitmap = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [bitmap, pa.py_buffer(values)])


def filled(indices: pa.Array, number: int) -> np.ndarray:
    """(n,) int32 indices of a dictionary, the number where there is none."""
    whole = indices.cast(pa.int32())
    return (whole.fill_null(number) if whole.null_count else whole).to_numpy()
