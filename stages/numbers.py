"""Marks become numbers: scores and statistics."""

from __future__ import annotations

from dataclasses import asdict
from itertools import repeat
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine import personfit, reliability, scoring, tables
from engine.ctt import Analysis
from engine.dif import dif_statistics
from engine.exam import Exam, Subject, load_exam
from engine.roster import units_of
from engine.scale import denominator_of, exam_totals
from engine.scorematrix import ScoreMatrix, parts, score_matrix
from engine.tally import Tally
from engine.units import unit_statistics
from stages.exceptions import keep_exceptions
from stages.reading import match_sheets
from stages.state import fresh_scores, keep
from stages.work import Summary, Work, joined


def score(folder: Path, work: Work | None = None) -> Summary:
    """Match again (corrections may have come in) and score."""
    exam = load_exam(folder)
    summary = Summary("score")
    responses, exceptions = match_sheets(exam, summary)
    scored = score_responses(exam, responses)
    listed = pa.concat_tables([exceptions, *(one.exceptions for one in scored.values())])
    keep_exceptions(exam, listed, summary, work or Work())
    keep_scores(exam, scored)
    for code, one in scored.items():
        summary.figures[f"{code} scores"] = {"scored": pc.count(one.scores["total"]).as_py()}
    return summary


def score_responses(exam: Exam, responses: dict[str, pa.Table]) -> dict[str, scoring.Scored]:
    """Score responses, by subject."""
    units = units_of(exam.roster["student_id"], exam.roster)
    return {subject.code: scoring.score(subject, responses[subject.code], units) for subject in exam.subjects}


def keep_scores(exam: Exam, scored: dict[str, scoring.Scored]) -> None:
    """Write tallies and scores; these come last: when they are of this state of the exam, all the rest is."""
    for code, one in scored.items():
        one.tally.save(_tally(exam, code))
    keep(exam, {f"scores.{code}": tables.decoded(one.scores) for code, one in scored.items()})


def _tally(exam: Exam, code: str) -> Path:
    return exam.tables / f"tally.{code}.arrow"


def analyze(folder: Path, work: Work | None = None) -> Summary:
    """Item, option, reliability and group statistics, from the tallies; and what needs the pupils one by one."""
    exam = load_exam(folder)
    every = fresh_scores(exam)
    totals = exam_totals(exam, every)
    denominator = denominator_of(exam, totals.cohort)
    units = [unit_statistics(one, exam.lines, denominator, exam.merit) for one in totals.all]
    made = joined(
        [*({"units": one} for one in units), *(work or Work()).each(_analyze, repeat(exam), exam.subjects, every)]
    )
    summary = Summary("analyze", written=keep(exam, made))
    for row in made["reliability"].to_pylist():
        names = ("n", "mean", "sd", "alpha", "sem")
        summary.figures[f"{row['subject']} paper"] = {name: row[name] for name in names if row[name] is not None}
    return summary


def _analyze(exam: Exam, subject: Subject, scores: pa.Table) -> dict[str, pa.Table]:
    analysis = Analysis(Tally.load(_tally(exam, subject.code)), subject)
    matrix = score_matrix(scores, subject)
    groups = _tally_by_group(exam, subject) if exam.dif else {}
    return {
        "items": analysis.items(),
        "options": analysis.options(),
        "reliability": analysis.reliability(),
        "coefficients": _coefficients(subject, matrix),
        "person_fit": _person_fit(subject, matrix),
        "dif": dif_statistics(groups, subject, by=exam.dif),
    }


def _coefficients(subject: Subject, matrix: ScoreMatrix) -> pa.Table:
    values = asdict(reliability.reliability_coefficients(parts(matrix, subject), step=subject.step))
    wanted = {name: value for name, value in values.items() if name not in ("n", "items", "mean", "sd")}
    columns = {"subject": [subject.code] * len(wanted), "coefficient": [*wanted], "value": [*wanted.values()]}
    return tables.build("coefficients", columns)


def _person_fit(subject: Subject, matrix: ScoreMatrix) -> pa.Table:
    found = personfit.person_fit(matrix.points, matrix.students, matrix.full).rename_columns({"person": "student_id"})
    return found.add_column(0, "subject", pa.repeat(subject.code, len(found))).cast(tables.SCHEMAS["person_fit"])


def _tally_by_group(exam: Exam, subject: Subject) -> dict[str, Tally]:
    """The Tally of the pupils of each group that the roster names in the column of `exam.dif`."""
    responses = tables.read(exam.tables / f"responses.{subject.code}.arrow")
    place = pc.index_in(responses["student_id"], value_set=exam.roster["student_id"].combine_chunks())
    labels = exam.roster[exam.dif].combine_chunks().take(place.combine_chunks())
    return {
        label: scoring.score(subject, responses.filter(pc.equal(labels, label).fill_null(False))).tally
        for label in sorted({*labels.drop_null().to_pylist()} - {""})
    }
