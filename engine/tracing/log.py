"""Answer logs: who answered which item, rightly or not, and when, encoded for the kernels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InputError

QMatrix = Mapping[Any, Mapping[Any, float] | Iterable[Any]]
Log: TypeAlias = "AnswerLog | pa.Table | Mapping[str, Any]"
COLUMNS = ("student", "item", "correct", "time", "group")


@dataclass(frozen=True)
class AnswerLog:
    """One row an answer.

    Attributes:
        student, item: (N,) labels, numbers or text.
        correct: (N,) 1 right, 0 wrong.
        time: (N,) numbers on any scale (day, number of the exam, number of the answer); None: a single sitting. Answers
            of one pupil with the same time are one sitting, in which nothing changes.
        group: (N,) labels of the pupils' classes; None: not known.
    """

    student: pa.Array
    item: pa.Array
    correct: np.ndarray
    time: np.ndarray | None = None
    group: pa.Array | None = None

    @classmethod
    def of(cls, log: Log) -> AnswerLog:
        """From an Arrow table, or anything with the columns student, item, correct and optionally time, group.

        Raises:
            InputError: a column is missing or of another length, an answer is not 0 or 1, or a time is not a number.
        """
        if isinstance(log, AnswerLog):
            return log
        names: list[str] = log.column_names if isinstance(log, pa.Table) else list(log)
        for name in COLUMNS[:3]:
            if name not in names:
                raise InputError(f"an answer log needs a column {name!r}", mend=f"it has {', '.join(map(str, names))}")
        student, item = labels(log["student"]), labels(log["item"])
        correct = _numbers(log["correct"])
        time = _numbers(log["time"]) if "time" in names else None
        group = labels(log["group"]) if "group" in names else None
        for name, column in zip(COLUMNS[1:], (item, correct, time, group), strict=True):
            if column is not None and len(column) != len(student):
                raise InputError(f"column {name!r} has {len(column)} rows, 'student' {len(student)}")
        wrong = np.flatnonzero(~np.isin(correct, (0, 1)))
        if len(wrong):
            raise InputError(
                f"row {wrong[0] + 1} of the answer log: correct is {correct[wrong[0]]:g}",
                mend="give 1 for right and 0 for wrong, and leave out what was not answered",
            )
        if time is not None and not np.isfinite(time).all():
            raise InputError(f"row {np.argmin(np.isfinite(time)) + 1} of the answer log has no time")
        return cls(student, item, correct.astype(np.int8), time, group)

    def __len__(self) -> int:
        return len(self.student)

    def joined(self, later: AnswerLog) -> AnswerLog:
        """Both logs; groups only if both have them.

        Raises:
            InputError: only one of them has times.
        """
        if (self.time is None) != (later.time is None):
            raise InputError("one answer log has times and the other has not", mend="give both, e.g. the exam's number")
        grouped = self.group is not None and later.group is not None
        return AnswerLog(
            _concatenated(self.student, later.student),
            _concatenated(self.item, later.item),
            np.concatenate([self.correct, later.correct]),
            None if self.time is None or later.time is None else np.concatenate([self.time, later.time]),
            _concatenated(self.group, later.group) if grouped else None,
        )


def labels(values: Any) -> pa.Array:
    """A column of labels as one Arrow array, dictionaries decoded."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    array = values if isinstance(values, pa.Array) else pa.array(np.asarray(values).tolist())
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_integer(array.type):
        array = array.cast(pa.int64())
    elif pa.types.is_null(array.type):
        array = array.cast(pa.string())
    if array.null_count:
        raise InputError(f"row {array.is_null().index(True).as_py() + 1} of the answer log has an empty label")
    return array


def _concatenated(first: pa.Array, second: pa.Array) -> pa.Array:
    if first.type != second.type:
        first, second = first.cast(pa.string()), second.cast(pa.string())
    return pa.concat_arrays([first, second])


def _numbers(values: Any) -> np.ndarray:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = values.to_numpy() if isinstance(values, pa.ChunkedArray) else values.to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=float)


def numbered(known: pa.Array | None, values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """All labels, the known ones first and the new ones sorted after them, and the number of each value."""
    distinct = pc.unique(values)
    if known is not None and len(known):
        if known.type != values.type:
            known, distinct, values = (array.cast(pa.string()) for array in (known, distinct, values))
        distinct = distinct.filter(pc.invert(pc.is_in(distinct, value_set=known)))
    new = distinct.take(pc.sort_indices(distinct))
    every = pa.concat_arrays([known, new]) if known is not None and len(known) else new
    return every, pc.index_in(values, value_set=every).to_numpy(zero_copy_only=False).astype(np.int64)


@dataclass(frozen=True)
class Points:
    """Which knowledge points each item asks for, as CSR: shares of an item sum to 1."""

    names: list[Any]
    first: np.ndarray
    point: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, items: pa.Array, q_matrix: QMatrix | None) -> Points:
        """Of these items; without a Q-matrix every item is a point of its own.

        Raises:
            InputError: a weight is negative or not a number.
        """
        if q_matrix is None:
            n = len(items)
            return cls(items.to_pylist(), np.arange(n + 1), np.arange(n), np.ones(n))
        number: dict[Any, int] = {}
        for asked in q_matrix.values():
            for name in asked:
                number.setdefault(name, len(number))
        first, point, share = [0], [], []
        for item in items.to_pylist():
            asked = q_matrix.get(item, ())
            weights = dict(asked) if isinstance(asked, Mapping) else dict.fromkeys(asked, 1.0)
            if any(not 0 <= w < np.inf for w in weights.values()):
                raise InputError(f"item {item!r} has a weight in the Q-matrix that is negative or not a number")
            weights = {name: w for name, w in weights.items() if w > 0}
            point += [number[name] for name in weights]
            share += [w / sum(weights.values()) for w in weights.values()]
            first.append(len(point))
        return cls(list(number), np.array(first), np.array(point, dtype=np.int64), np.array(share, dtype=float))

    def means(self, values: np.ndarray) -> np.ndarray:
        """(points,) means of items' values (J,), weighted by shares; of all items for a point without any."""
        item = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        weight = np.bincount(self.point, weights=self.share, minlength=len(self.names))
        total = np.bincount(self.point, weights=self.share * values[item], minlength=len(self.names))
        return np.where(weight > 0, total / np.where(weight > 0, weight, 1), values.mean())

    def counts(self, student: np.ndarray, item: np.ndarray, n: int) -> np.ndarray:
        """(n, points) number of answers of each student to each point."""
        asked = np.diff(self.first)[item]
        within = np.arange(asked.sum()) - np.repeat(np.cumsum(asked) - asked, asked)
        point = self.point[np.repeat(self.first[item], asked) + within]
        cells = np.repeat(student, asked) * len(self.names) + point
        return np.bincount(cells, minlength=n * len(self.names)).reshape(n, len(self.names))


@dataclass
class Rows:
    """A log sorted by pupil, and by time within each, with the numbers of pupils and items.

    Attributes:
        order: (N,) row of the log that each of these rows was.
        first: (n + 1,) where each pupil's rows begin.
        student, item: (N,) numbers; correct: (N,) 1, 0, -1 (to predict); elapsed: (N,) time since the row before.
    """

    order: np.ndarray
    first: np.ndarray
    student: np.ndarray
    item: np.ndarray
    correct: np.ndarray
    elapsed: np.ndarray

    @classmethod
    def of(cls, n: int, student: np.ndarray, item: np.ndarray, correct: np.ndarray, time: np.ndarray | None) -> Rows:
        order = np.argsort(student, kind="stable") if time is None else np.lexsort((time, student))
        student = student[order]
        elapsed = np.zeros(len(order))
        if time is not None and len(order):
            elapsed[1:] = np.where(student[1:] == student[:-1], np.diff(time[order]), 0)
        first = np.searchsorted(student, np.arange(n + 1))
        return cls(order, first, student, item[order], correct[order].astype(np.int8), elapsed)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Values of these rows in the order of the log."""
        result = np.empty_like(values)
        result[self.order] = values
        return result

    def padded(self, n: int) -> Rows:
        """With further pupils without rows, n in all."""
        return replace(self, first=np.append(self.first, np.full(n + 1 - len(self.first), self.first[-1])))

    def of_students(self, chosen: np.ndarray, most: int | None = None) -> tuple[Rows, np.ndarray]:
        """The rows of these pupils (ascending; the first `most` of each), numbered anew, and which rows they are."""
        counts = np.minimum(np.diff(self.first)[chosen], len(self.item) if most is None else most)
        first = np.r_[0, np.cumsum(counts)]
        rows = np.repeat(self.first[chosen] - first[:-1], counts) + np.arange(first[-1])
        student = np.repeat(np.arange(len(chosen)), counts)
        return Rows(rows, first, student, self.item[rows], self.correct[rows], self.elapsed[rows]), rows


def most_states(rows: Rows, points: Points) -> int:
    """Room for the states of any pupil: two of level and form, two for each point; only those met if there are many."""
    if len(points.names) <= 64:
        return 2 + 2 * len(points.names)
    asked = np.diff(points.first)[rows.item]
    start = np.repeat(points.first[rows.item], asked)
    within = np.arange(len(start)) - np.repeat(np.cumsum(asked) - asked, asked)
    pairs = np.unique(np.repeat(rows.student, asked) * len(points.names) + points.point[start + within])
    return 2 + 2 * int(np.bincount(pairs // len(points.names)).max(initial=0))
