"""Grades of totals (等第), and how many pupils of each unit have each grade, of 等第 as of 等级赋分."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine import tables
from engine.scale.ranks import competition_rank
from engine.scale.schemes import Scaled, Scheme
from engine.scale.totals import Totals

if TYPE_CHECKING:
    from engine.exam import GradeRule, Lines

LEVEL = "level"  # the scheme of 等第 in the table "grades"
OF_LINES = ("excellent", "good", "passing", "improve")  # 优秀, 良好, 合格, 待提高


@dataclass(frozen=True)
class Graded:
    """The grades of a subject's pupils.

    Attributes:
        scheme: its name.
        names: from the best grade.
        place: (n,) int64, the place of each pupil's grade; -1: none.
        intervals: scaled scores of the grades, low and high; none for 等第.
        shares: as ruled, 0…1; none for grades by cut.
    """

    scheme: str
    names: tuple[str, ...]
    place: np.ndarray
    intervals: tuple[tuple[int, int], ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def labels(self) -> pa.Array:
        """The name of each pupil's grade, null: none."""
        place = pa.array(self.place, mask=self.place < 0)
        return pa.array(self.names, pa.string()).take(place)


def level_grades(totals: Totals, rule: GradeRule, lines: Lines) -> Graded:
    """Grades by cuts, inclusive at the lower end, or by shares of the pupils.

    By shares a pupil gets the best grade whose cumulative share exceeds the share of pupils with a higher score: equal
    scores have one grade, the better. Grades by cut are for every score, those by share only for scores that count.
    """
    if rule.shares:
        counted = totals.counted
        ahead = competition_rank(totals.total[counted], np.zeros(counted.sum(), np.int64)) - 1
        upto = itertools.accumulate(Fraction(str(share)) for share in rule.shares)
        bounds = [math.ceil(share * len(ahead)) for share in upto]
        place = np.full(len(counted), -1)
        place[counted] = np.minimum(np.searchsorted(bounds, ahead, side="right"), len(bounds) - 1)
        return Graded(LEVEL, rule.names, place, shares=rule.shares)
    cuts = rule.cuts or (lines.excellent, lines.good, lines.passing)
    below = np.zeros(len(totals.total), dtype=np.int64)
    for cut in cuts:
        share = Fraction(str(cut))
        below += totals.total * share.denominator < totals.full * share.numerator
    return Graded(LEVEL, rule.names or OF_LINES, np.where(totals.scored, below, -1))


def scaled_grades(scheme: Scheme, scaled: Scaled) -> Graded:
    """The grades of a scheme of 等级赋分."""
    return Graded(
        scheme.name,
        tuple(one.grade for one in scheme.grades),
        scaled.grade,
        tuple((one.low, one.high) for one in scheme.grades),
        tuple(float(one.share) / 100 for one in scheme.grades),
    )


def grade_table(totals: Totals, graded: Graded) -> pa.Table:
    """Counts by unit and grade, schema "grades", every grade of every unit in which somebody has one."""
    pieces = [tables.empty("grades")]
    size = len(graded.names)
    chosen = totals.counted & (graded.place >= 0)
    for level, units in totals.cohort.levels.items():
        within = chosen & (units.codes >= 0)
        cell = units.codes[within] * size + graded.place[within]
        cells = len(units.names) * size
        count = np.bincount(cell, minlength=cells)
        low, high = np.full(cells, np.iinfo(np.int64).max), np.full(cells, np.iinfo(np.int64).min)
        np.minimum.at(low, cell, totals.total[within])
        np.maximum.at(high, cell, totals.total[within])
        n = np.repeat(count.reshape(-1, size).sum(axis=1), size)
        unit, grade = np.divmod(np.arange(cells), size)
        nobody = count == 0
        columns = {
            "subject": pa.repeat(totals.code, cells),
            "scheme": pa.repeat(graded.scheme, cells),
            "level": pa.repeat(level, cells),
            "unit": units.label(unit),
            "grade": pa.array(graded.names, pa.string()).take(pa.array(grade)),
            "low": pa.array(totals.points(np.where(nobody, 0, low)), mask=nobody),
            "high": pa.array(totals.points(np.where(nobody, 0, high)), mask=nobody),
            "scaled_low": _of_grade([low for low, _ in graded.intervals], grade),
            "scaled_high": _of_grade([high for _, high in graded.intervals], grade),
            "count": count,
            "share": count / np.maximum(n, 1),
            "ruled": _of_grade(graded.shares, grade),
        }
        pieces.append(tables.build("grades", columns).filter(pa.array(n > 0)))
    return pa.concat_tables(pieces)


def _of_grade(values: Sequence[float], grade: np.ndarray) -> pa.Array:
    """What the scheme says of each row's grade, null where it says nothing."""
    return pa.array(values, pa.float64()).take(pa.array(grade)) if values else pa.nulls(len(grade), pa.float64())
