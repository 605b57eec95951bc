"""All scales of an exam, from the scores of its subjects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine import tables
from engine.choices import takers
from engine.errors import InputError
from engine.exam import TOTAL
from engine.policy import policy_of
from engine.scale.composite import composite
from engine.scale.denominator import Denominator, load_enrolment
from engine.scale.distribution import bands, segments, spread
from engine.scale.grades import grade_table, level_grades, scaled_grades
from engine.scale.lines import borderline, draw, line_table
from engine.scale.schemes import Scaled, Scheme, convert, load_scheme
from engine.scale.standing import profile, standing
from engine.scale.totals import Cohort, Totals

if TYPE_CHECKING:
    from engine.exam import Exam

MADE = ("standing", "segments", "bands", "spread", "lines", "borderline", "grades")


@dataclass(frozen=True)
class ExamTotals:
    """The totals of an exam.

    Attributes:
        subjects: in the exam's order.
        scaled: by code, of the subjects with a scheme of 等级赋分.
        parts: what the composite adds up: scaled scores where it counts them.
        total: the composite; None for an exam in which fewer than two subjects count.
    """

    cohort: Cohort
    subjects: tuple[Totals, ...]
    scaled: dict[str, tuple[Scheme, Scaled]]
    parts: tuple[Totals, ...]
    total: Totals | None

    @property
    def all(self) -> tuple[Totals, ...]:
        """The subjects and, last, the composite."""
        return self.subjects if self.total is None else (*self.subjects, self.total)


def exam_totals(exam: Exam, scores: Sequence[pa.Table]) -> ExamTotals:
    """Totals of every subject and of the composite.

    Args:
        scores: of every subject, in the exam's order (see `engine.scoring.score`).

    Raises:
        InputError: a subject names a scheme that is not there, or a pupil a choice that is no subject.
    """
    cohort = Cohort.of(exam.roster, exam.scale.category)
    taken = takers(exam)
    subjects = tuple(
        Totals.of(one, table, cohort, taken[one.code]) for one, table in zip(exam.subjects, scores, strict=True)
    )
    scaled = {}
    for subject, totals in zip(exam.subjects, subjects, strict=True):
        if subject.scheme:
            scheme = load_scheme(subject.scheme, exam.folder)
            scaled[subject.code] = scheme, _converted(totals, scheme, exam.scale.base)
    counting = [one for one in subjects if not exam.total.subjects or one.code in exam.total.subjects]
    parts = [_in_total(one, scaled) if exam.total.scaled and one.code in scaled else one for one in counting]
    total = composite(parts, exam.total) if len(parts) > 1 else None
    return ExamTotals(cohort, subjects, scaled, tuple(parts) if total else (), total)


def _converted(totals: Totals, scheme: Scheme, base: str) -> Scaled:
    """Scaled scores within each unit of the level `base`; who is in none of them is converted with the like."""
    score, grade = np.zeros(len(totals.total), dtype=np.int64), np.full(len(totals.total), -1, dtype=np.int64)
    codes = totals.cohort.levels[base].codes
    for unit in np.unique(codes[totals.scored]):
        members = totals.scored & (codes == unit)
        made = convert(totals.total[members], totals.counted[members], scheme)
        score[members], grade[members] = made.score, made.grade
    return Scaled(score, grade)


def _in_total(totals: Totals, scaled: dict[str, tuple[Scheme, Scaled]]) -> Totals:
    """The subject as its scaled scores enter the composite."""
    scheme, made = scaled[totals.code]
    full = np.full_like(totals.full, scheme.full)
    return replace(totals, step=Fraction(1), total=made.score, full=full)


def denominator_of(exam: Exam, cohort: Cohort) -> Denominator:
    """The denominator of the exam's rates.

    Raises:
        InputError: rates are to be of the enrolled (在籍), and enrolment.csv is missing or wrong.
    """
    enrolled = load_enrolment(exam.folder, cohort)
    if exam.lines.of == "enrolled" and not enrolled:
        raise InputError(
            "rates are of the enrolled pupils (lines.of), but there is no enrolment.csv",
            file=exam.folder / "exam.toml",
            mend='write enrolment.csv (学校, 班级, 在籍人数), or of = "registered"',
        )
    return Denominator(exam.lines.of, enrolled)


def scale(exam: Exam, found: ExamTotals) -> dict[str, pa.Table]:
    """The tables `MADE`, as far as the policy of the exam lets them be made.

    Raises:
        InputError: a score line names a category that nobody has; enrolment.csv is missing or wrong.
    """
    policy = policy_of(exam)
    compared = profile(found.parts, found.total, exam.scale.percentile) if found.total else None
    made: dict[str, list[pa.Table]] = {name: [tables.empty(name)] for name in MADE}
    for one in found.all:
        levels = level_grades(one, exam.grades, exam.lines)
        made["grades"].append(grade_table(one, levels))
        scaled = None
        if one.code in found.scaled:
            scheme, scores = found.scaled[one.code]
            scaled = scores, scaled_grades(scheme, scores)
            made["grades"].append(grade_table(one, scaled[1]))
        rows = standing(one, levels, exam.scale, scaled=scaled, compared=compared, ranks=policy.ranks)
        made["standing"].append(rows)
        made["segments"].append(segments(one, exam.scale.pool_top))
        made["bands"].append(bands(one, exam.scale.band))
        made["spread"].append(spread(one))
    if policy.lines:
        denominator = denominator_of(exam, found.cohort)
        by_code = {one.code: one for one in found.all}
        for line in exam.score_lines:
            if line.subject in by_code:
                on = by_code[line.subject]
                try:
                    drawn = draw(line, on)
                except InputError as error:
                    raise error.at(exam.folder / "exam.toml") from None
                parts = found.parts if line.subject == TOTAL else ()
                made["lines"].append(line_table(drawn, on, parts, denominator))
                made["borderline"].append(borderline(drawn, on, compared))
    return {name: pa.concat_tables(pieces) for name, pieces in made.items()}


def too_few(exam: Exam, found: ExamTotals) -> list[str]:
    """Sentences on conversions whose populations are too small for the scheme's shares: grades may be empty."""
    told = []
    for one in found.subjects:
        if one.code in found.scaled:
            scheme, _ = found.scaled[one.code]
            n = found.cohort.levels[exam.scale.base].sums(one.counted)
            needed = math.ceil(100 / min(grade.share for grade in scheme.grades))
            small = int(((n > 0) & (n < needed)).sum())
            if small:
                told.append(
                    f"{one.code}: {scheme.name} converts {int(n[n > 0].min())} pupils, but its smallest share needs "
                    f"{needed}; convert on a whole joint population (scale.base)"
                )
    return told
