"""What may be made and published of an exam: the one switch between the compulsory stages and senior high school.

In compulsory education (primary and junior stage) results are given as grades; pupils are not ranked, scores are not
made public, and nobody is compared with others in what pupils and families get (关于加强义务教育学校考试管理的通知,
2021). There ranks are not even computed, and line analysis is off unless exam.toml switches it on. In senior high
school scores and percentiles may be told to the pupil; ranks only if exam.toml says so.

The switch works in the tables: what reports show to the outside they read from the published view of a table
(`published`), in which the columns that may not be shown are null. Nobody has to remember it in a template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from engine.exam import Exam

PUBLISHED = ("standing", "units", "segments", "bands", "spread", "lines", "grades", "reliability")
_RANKS = ("rank_exam", "rank_category", "rank_county", "rank_school", "rank_class")
_OF_GRADE = ("subject", "student_id", "status", "level_grade")  # all that a compulsory-stage result tells
# The columns that say how many a row is about, and who they are; the others are figures.
_SAFE = {
    "units": ("subject", "level", "unit", "registered", "n", "enrolled", "denominator", "of"),
    "spread": ("subject", "level", "unit", "n"),
    "lines": ("subject", "level", "unit", "line", "score", "denominator", "of"),
}
_EXTREMES = ("minimum", "maximum", "lowest", "highest")  # the scores of single pupils


@dataclass(frozen=True)
class Policy:
    """What the stage of an exam allows.

    Attributes:
        scores: points of single pupils may be published (to the pupil and the family), and with them all that follows
            from points: percentiles, Z, T, 赋分, 一分一段. Else the grade alone.
        teacher_scores: reports for a class's teachers may tell the pupils' scores.
        ranks: ranks may be made at all.
        family_rank: ranks may be told to families.
        lines: score lines may be analysed.
        min_cell: figures of fewer pupils are not published.
    """

    scores: bool
    teacher_scores: bool
    ranks: bool
    family_rank: bool
    lines: bool
    min_cell: int


def policy_of(exam: Exam) -> Policy:
    """The policy of the exam's stage, with the switches that exam.toml may set."""
    senior = exam.stage == "senior"
    rule = exam.policy
    return Policy(
        scores=senior,
        teacher_scores=senior or rule.teacher_scores,
        ranks=senior,
        family_rank=senior and rule.family_rank,
        lines=senior if rule.lines is None else rule.lines,
        min_cell=rule.min_cell,
    )


def published(
    name: str, table: pa.Table, policy: Policy, parents: Mapping[tuple[str, str], tuple[str, str]] | None = None
) -> pa.Table:
    """The view of a table of `PUBLISHED` that may leave the house, with the same schema.

    - standing: what may be told to a pupil and the family about this pupil.
    - Unit tables: figures of fewer than `min_cell` pupils are null; of segments, bands and grades the unit has no rows.
      Where only one unit of a larger one is so small, the next smallest is hidden too: it could be worked out from the
      larger unit and the others (complementary suppression).
    - Where scores are not published, neither are single pupils' scores in unit tables: no segments, no highest and
      lowest score; cells of bands and grades with fewer than `min_cell` pupils are null, and so is a second cell of the
      unit. A hidden cell may still be known from the same cells of other units: it says how many, not who.

    Args:
        parents: (level, unit) → that of the larger unit it is a part of (see `engine.scale.totals.Cohort.parents`).
    """
    if name == "standing":
        more = [column for column in table.column_names if column not in _OF_GRADE]
        return _nulled(table, more if not policy.scores else [] if policy.family_rank else _RANKS)
    if name in _SAFE:
        size = table["of" if name == "lines" else "n"].fill_null(0).to_numpy()
        hidden = _few_or_betrayed(size, _family_of(table, parents or {}), policy.min_cell)
        figures = [column for column in table.column_names if column not in _SAFE[name]]
        table = _nulled(table, figures, hidden)
        return table if policy.scores else _nulled(table, _EXTREMES)
    if name == "reliability":
        return table if policy.scores else _nulled(table, _EXTREMES)
    unit = _number(table, "subject", "scheme", "level", "unit")
    count = table["count"].to_numpy()
    size = np.bincount(unit, weights=count)
    _, first = np.unique(unit, return_index=True)
    small = _few_or_betrayed(size, _family_of(table.take(first), parents or {}), policy.min_cell)
    large = ~small[unit]
    if policy.scores:
        return table.filter(pa.array(large))
    if name == "segments":
        return table.slice(0, 0)
    few = _few_or_betrayed(count, unit, policy.min_cell)
    any_few = np.bincount(unit, weights=few)[unit] > 0 if len(unit) else few
    table = _nulled(table, ["low", "high"]) if name == "grades" else _nulled(table, ["cumulative"], any_few)
    return _nulled(table, ["count", "share"], few).filter(pa.array(large))


def _few_or_betrayed(count: np.ndarray, unit: np.ndarray, least: int) -> np.ndarray:
    """(rows,) bool: those of some, but fewer than `least` pupils; where a unit has one such row, the next smallest."""
    few = (count > 0) & (count < least)
    alone = np.bincount(unit, weights=few, minlength=0)[unit] == 1 if len(unit) else few
    others = np.flatnonzero(alone & ~few & (count > 0))
    smallest = others[np.lexsort((count[others], unit[others]))]
    _, first = np.unique(unit[smallest], return_index=True)
    few[smallest[first]] = True
    return few


def _family_of(table: pa.Table, parents: Mapping[tuple[str, str], tuple[str, str]]) -> np.ndarray:
    """(rows,) the same number for units that add up to a larger one, in one subject; for others one of their own."""
    pairs = zip(table["level"].to_pylist(), table["unit"].to_pylist(), strict=True)
    of = ["\0".join((level, *parents.get((level, unit), ("", "", unit)))) for level, unit in pairs]
    return _number(table.append_column("family", pa.array(of, pa.string())), "subject", "scheme", "line", "family")


def _number(table: pa.Table, *columns: str) -> np.ndarray:
    """(rows,) the same number for rows that agree in these columns, as far as the table has them; from 0."""
    number = np.zeros(table.num_rows, dtype=np.int64)
    for column in columns:
        if column in table.column_names:
            encoded = table[column].combine_chunks().dictionary_encode()
            number = number * max(len(encoded.dictionary), 1) + encoded.indices.to_numpy()
    return np.unique(number, return_inverse=True)[1]


def _nulled(table: pa.Table, columns: Iterable[str], where: np.ndarray | None = None) -> pa.Table:
    """The table with these columns null, as far as it has them, in the rows `where`; None: in all."""
    for name in set(columns) & set(table.column_names):
        place = table.schema.get_field_index(name)
        kept = table[name]
        hidden = pa.nulls(len(kept), kept.type)
        column = hidden if where is None else pc.if_else(pa.array(where), hidden, kept)
        table = table.set_column(place, table.schema.field(place), column)
    return table
