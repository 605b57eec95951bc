"""Tally: how often each answer of each item occurs at each total score. All of item analysis follows from it.

Tallies add: `a + b` is the Tally of both sets of pupils, so the parts of an exam can be counted anywhere, in any
order. Everything is an integer (points in units of the subject's step), so sums are exact. A Tally keeps only what
occurs: its totals run from the lowest to the highest total seen, its answers are those given, sorted. Equal data give
equal Tallies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa

from engine import tables
from engine.points import plain

# How a Tally is kept: a row an item, a choose group or a level of units; matrices are written row after row.
_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),  # "total", "item", "choice", "unit"
        ("name", pa.string()),
        ("labels", pa.list_(pa.string())),  # answers or units
        ("points", pa.list_(pa.int64())),
        ("count", pa.list_(pa.int64())),
        ("sum", pa.list_(pa.int64())),
        ("squares", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to one item, over the pupils to whom it was presented.

    Attributes:
        answers: as written, sorted; "" is blank.
        points: (answers,) int64, what each earns, in steps.
        counts: (answers, totals) int64, how often it occurs at each total score.
    """

    answers: tuple[str, ...]
    points: np.ndarray
    counts: np.ndarray

    @staticmethod
    def collect(rows: Iterable[tuple[str, int, np.ndarray]], width: int) -> Answers:
        """From rows (answer, points, counts of length `width`), none of an answer never given: equal ones are added.

        Raises:
            ValueError: the same answer comes with different points, so the rows were marked by different keys.
        """
        points: dict[str, int] = {}
        counts: dict[str, np.ndarray] = {}
        for answer, earned, count in rows:
            if points.setdefault(answer, earned) != earned:
                raise ValueError(f"answer {answer!r} earns {points[answer]} in one tally and {earned} in the other")
            counts[answer] = counts[answer] + count if answer in counts else count
        answers = tuple(sorted(counts))
        return Answers(
            answers,
            np.array([points[answer] for answer in answers], dtype=np.int64),
            np.array([counts[answer] for answer in answers], dtype=np.int64).reshape(len(answers), width),
        )


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of points in groups of pupils (schools, classes, …), by item; the last column is the total score.

    Attributes:
        units: the groups' names, sorted.
        count, sum, squares: (units, items + 1) int64: pupils to whom the item was presented, the sum of their points
            and the sum of the squares, in steps. An item withdrawn by void:drop has points 0.
    """

    units: tuple[str, ...]
    count: np.ndarray
    sum: np.ndarray
    squares: np.ndarray

    def __add__(self, other: Sums) -> Sums:
        units = tuple(sorted({*self.units, *other.units}))
        place = {unit: row for row, unit in enumerate(units)}

        def added(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
            both = np.zeros((len(units), mine.shape[1]), dtype=np.int64)
            both[[place[unit] for unit in self.units]] += mine
            both[[place[unit] for unit in other.units]] += theirs
            return both

        return Sums(
            units,
            added(self.count, other.count),
            added(self.sum, other.sum),
            added(self.squares, other.squares),
        )


@dataclass(frozen=True, eq=False)
class Tally:
    """The sufficient statistic of a subject's responses.

    Attributes:
        step: the unit of points.
        lowest: the total score of the first column, in steps.
        totals: (totals,) int64, pupils at each total score.
        items: by item, in the paper's order.
        dropped: items withdrawn without points (void:drop); their answers are counted all the same.
        choices: by choose group, the points of each pupil in the group as if it were one item (its answer: the points).
        units: by level ("school", …), sums by group of pupils.
    """

    step: Fraction
    lowest: int
    totals: np.ndarray
    items: dict[str, Answers]
    dropped: frozenset[str] = frozenset()
    choices: dict[str, Answers] = field(default_factory=dict)
    units: dict[str, Sums] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Pupils counted."""
        return int(self.totals.sum())

    def __add__(self, other: Tally) -> Tally:
        """The Tally of both sets of pupils.

        Raises:
            ValueError: the two are not of the same paper, marked by the same rules.
        """
        if self._paper() != other._paper():
            raise ValueError(f"tallies of different papers: {self._paper()} and {other._paper()}")
        spans = [(tally.lowest, tally.lowest + len(tally.totals)) for tally in (self, other) if len(tally.totals)]
        lowest = min((start for start, _ in spans), default=0)
        width = max((end for _, end in spans), default=0) - lowest

        def placed(tally: Tally, counts: np.ndarray) -> np.ndarray:
            """Counts on the common axis of total scores."""
            wide = np.zeros(width, dtype=np.int64)
            start = tally.lowest - lowest
            wide[start : start + len(counts)] = counts
            return wide

        def added(mine: dict[str, Answers], theirs: dict[str, Answers]) -> dict[str, Answers]:
            return {
                name: Answers.collect(
                    (
                        (answer, points, placed(tally, counts))
                        for tally, part in ((self, mine[name]), (other, theirs[name]))
                        for answer, points, counts in zip(part.answers, part.points.tolist(), part.counts, strict=True)
                    ),
                    width,
                )
                for name in mine
            }

        return Tally(
            self.step,
            lowest,
            placed(self, self.totals) + placed(other, other.totals),
            added(self.items, other.items),
            self.dropped,
            added(self.choices, other.choices),
            {level: sums + other.units[level] for level, sums in self.units.items()},
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self.to_table().equals(other.to_table(), check_metadata=True)

    __hash__ = None  # type: ignore[assignment]

    def _paper(self) -> tuple:
        """What two tallies must share to be added."""
        return self.step, list(self.items), sorted(self.dropped), list(self.choices), list(self.units)

    def to_table(self) -> pa.Table:
        """As one Arrow table; equal Tallies give equal tables."""
        rows: list[tuple] = [("total", "", None, None, self.totals, None, None)]
        for kind, parts in (("item", self.items), ("choice", self.choices)):
            for name, part in parts.items():
                rows.append((kind, name, part.answers, part.points, part.counts.ravel(), None, None))
        for level, sums in self.units.items():
            rows.append(("unit", level, sums.units, None, sums.count.ravel(), sums.sum.ravel(), sums.squares.ravel()))
        paper = {"step": plain(self.step), "lowest": self.lowest, "dropped": sorted(self.dropped)}
        columns = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(_SCHEMA.types)]
        return pa.table(columns, schema=_SCHEMA.with_metadata({"paper": json.dumps(paper)}))

    @staticmethod
    def from_table(table: pa.Table) -> Tally:
        """The inverse of `to_table`."""
        paper = json.loads(table.schema.metadata[b"paper"])
        totals = np.empty(0, dtype=np.int64)
        items: dict[str, Answers] = {}
        choices: dict[str, Answers] = {}
        units: dict[str, Sums] = {}

        def matrix(row: dict, name: str, width: int) -> np.ndarray:
            return np.array(row[name], dtype=np.int64).reshape(len(row["labels"]), width)

        for row in table.to_pylist():  # the total comes first, items before units
            if row["kind"] == "total":
                totals = np.array(row["count"], dtype=np.int64)
            elif row["kind"] == "unit":
                sums = (matrix(row, name, len(items) + 1) for name in ("count", "sum", "squares"))
                units[row["name"]] = Sums(tuple(row["labels"]), *sums)
            else:
                (items if row["kind"] == "item" else choices)[row["name"]] = Answers(
                    tuple(row["labels"]),
                    np.array(row["points"], dtype=np.int64),
                    matrix(row, "count", len(totals)),
                )
        return Tally(
            Fraction(paper["step"]), paper["lowest"], totals, items, frozenset(paper["dropped"]), choices, units
        )

    def save(self, path: Path) -> None:
        """Write it as an Arrow IPC file, whole or not at all."""
        tables.write(self.to_table(), path)

    @staticmethod
    def load(path: Path) -> Tally:
        """Read what `save` wrote. Raises InputError if the file is missing or no Arrow file."""
        return Tally.from_table(tables.read(path))
