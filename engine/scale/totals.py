"""The totals of a subject or of the composite, pupil by pupil in the order of the roster: what every scale rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InputError
from engine.moments import Moments
from engine.roster import units_of
from engine.scoring import full_mark

if TYPE_CHECKING:
    from engine.exam import Subject


@dataclass(frozen=True)
class Units:
    """The units of a level: counties, schools, …

    Attributes:
        names: sorted.
        codes: (n,) int64, the place of each pupil's unit among the names; -1: in none.
    """

    names: tuple[str, ...]
    codes: np.ndarray

    @classmethod
    def of(cls, labels: pa.DictionaryArray) -> Units:
        """From a label a pupil, null: none."""
        names = labels.dictionary.to_pylist()
        place = {name: i for i, name in enumerate(sorted(names))}
        new = np.array([*(place[name] for name in names), -1], dtype=np.int64)
        return cls(tuple(sorted(names)), new[labels.indices.fill_null(len(names)).to_numpy()])

    def sums(self, chosen: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """(units,) how many of the chosen pupils there are, or the sum of their values."""
        chosen = chosen & (self.codes >= 0)
        weights = None if values is None else values[chosen]
        return np.bincount(self.codes[chosen], weights=weights, minlength=len(self.names))

    def label(self, codes: np.ndarray) -> pa.Array:
        """The names of units as a column."""
        return pa.array(self.names, pa.string()).take(pa.array(codes))


@dataclass(frozen=True)
class Cohort:
    """The pupils of an exam and the units they belong to.

    Attributes:
        student_id: (n,) text, in the order of the roster.
        levels: level → units: "exam" (one unit, ""), "category" where the exam has such a column, "county", "school",
            "class" ("school/class").
    """

    student_id: pa.Array
    levels: dict[str, Units]

    @classmethod
    def of(cls, roster: pa.Table, category: str = "") -> Cohort:
        """From the roster; `category` is its column with kinds of candidates, "": none."""
        levels = units_of(roster["student_id"], roster)
        if category:
            kinds = roster[category].combine_chunks()
            kinds = pc.if_else(pc.equal(kinds, ""), None, kinds).dictionary_encode()
            levels = {"exam": levels.pop("exam"), "category": kinds, **levels}
        student_id = roster["student_id"].combine_chunks()
        return cls(student_id, {level: Units.of(labels) for level, labels in levels.items()})

    def parents(self) -> dict[tuple[str, str], tuple[str, str]]:
        """(level, unit) → that of the larger unit it is a part of; a unit that is spread over several is not there."""
        found = {}
        for part, whole in (("class", "school"), ("school", "county"), ("county", "exam"), ("category", "exam")):
            if part in self.levels:
                units, larger = self.levels[part], self.levels[whole]
                pairs = np.unique(np.stack([units.codes, larger.codes]), axis=1)
                alone = np.bincount(pairs[0][pairs[0] >= 0], minlength=len(units.names)) == 1
                for unit, of in pairs.T[(pairs >= 0).all(axis=0)]:
                    if alone[unit]:
                        found[part, units.names[unit]] = whole, larger.names[of]
        return found

    def of_kind(self, category: str) -> np.ndarray:
        """(n,) bool, the pupils of a category; "": all.

        Raises:
            InputError: the roster has no such category.
        """
        if not category:
            return np.ones(len(self.student_id), dtype=bool)
        kinds = self.levels.get("category")
        if kinds is None or category not in kinds.names:
            known = ", ".join(kinds.names) if kinds else "none, since scale.category names no column"
            raise InputError(f"no pupil is of the category {category!r}", mend=f"categories of the roster: {known}")
        return kinds.codes == kinds.names.index(category)


@dataclass(frozen=True)
class Totals:
    """Totals in steps, exact; arrays are (n,), in the order of the cohort.

    Attributes:
        code: of the subject; "total" of the composite.
        step: points a step is worth.
        status: as in the scores (tables.STATUS); "" for those not entered for the subject.
        total: int64 steps, 0 without a score.
        full: int64 steps, the full mark for each pupil (it differs only in a composite of chosen subjects).
        scored: has a score.
    """

    code: str
    cohort: Cohort
    step: Fraction
    status: np.ndarray
    total: np.ndarray
    full: np.ndarray
    scored: np.ndarray
    counted: np.ndarray = field(init=False)  # has a score that counts in statistics: status read

    def __post_init__(self) -> None:
        object.__setattr__(self, "counted", self.scored & (self.status == "read"))

    @classmethod
    def of(cls, subject: Subject, scores: pa.Table, cohort: Cohort, takers: np.ndarray | None = None) -> Totals:
        """From a scores table (see `engine.scoring.score`); pupils that are not on the roster are left out.

        Args:
            takers: (n,) bool, who takes the subject; others are not entered, whatever they have written.
        """
        row = pc.index_in(cohort.student_id, value_set=scores["student_id"].combine_chunks())
        if takers is not None:
            row = pc.if_else(pa.array(takers), row, None)
        status = scores["status"].combine_chunks().cast(pa.string()).take(row).fill_null("")
        total = scores["total"].combine_chunks().take(row)
        full = full_mark(subject) / subject.step
        return cls(
            code=subject.code,
            cohort=cohort,
            step=subject.step,
            status=np.asarray(status.to_pylist(), dtype="U10"),
            total=total.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64),
            full=np.full(len(row), int(full), dtype=np.int64),
            scored=total.is_valid().to_numpy(zero_copy_only=False),
        )

    @property
    def entered(self) -> np.ndarray:
        """Who is to sit it."""
        return self.status != ""

    @property
    def full_mark(self) -> Fraction:
        """In points; of a composite of chosen subjects the highest that a pupil may reach."""
        return int(self.full[self.entered].max(initial=0)) * self.step

    def points(self, steps: np.ndarray) -> np.ndarray:
        """Steps as points."""
        return steps * self.step.numerator / self.step.denominator

    def moments(self, units: Units) -> list[Moments]:
        """Of the totals that count in each unit, in steps; exact."""
        sums = (units.sums(self.counted), *(units.sums(self.counted, self.total**power) for power in (1, 2)))
        return [Moments(int(n), int(x), int(xx)) for n, x, xx in zip(*sums, strict=True)]

    def reaching(self, score: Fraction) -> np.ndarray:
        """Who has a score that counts, of at least so many points."""
        return self.counted & (self.total >= math.ceil(score / self.step))
