"""Numbers become teaching: weak points, groups, practice."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine import diagnosis, tables
from engine.bank import load_bank, unused
from engine.exam import Exam, load_exam
from engine.files import find_table
from engine.scorematrix import score_matrix
from stages.state import fresh, fresh_scores, keep, responses_of
from stages.work import Summary

MOST_NOTES = 5


def diagnose(folder: Path) -> Summary:
    """Mastery of knowledge points, weak points, teaching groups, shared errors, misconceptions and atypical pupils."""
    exam = load_exam(folder)
    rule, roster = exam.diagnosis, exam.roster
    made: dict[str, list[pa.Table]] = {}
    for subject, scores, responses in zip(exam.subjects, fresh_scores(exam), responses_of(exam), strict=True):
        mastery = diagnosis.mastery(subject, scores, roster, rule)
        for name, table in {
            "mastery": mastery,
            "groups": diagnosis.teaching_groups(subject, mastery, roster, rule),
            "patterns": diagnosis.error_patterns(subject, scores, roster, rule),
            "misconceptions": diagnosis.misconceptions(subject, responses, roster, rule),
            "atypical": diagnosis.atypical_pupils(subject, score_matrix(scores, subject), rule, exam.lines),
        }.items():
            made.setdefault(name, []).append(table)
    joined = {name: pa.concat_tables(some) for name, some in made.items()}
    summary = Summary("diagnose", written=keep(exam, joined))
    weak = joined["mastery"].filter(pc.fill_null(joined["mastery"]["weak"], False))["level"].to_pylist()
    summary.figures["weak points of"] = {level: weak.count(level) for level in ("school", "class", "pupil")}
    summary.figures["findings"] = {
        "error patterns": pc.sum(joined["patterns"]["significant"]).as_py() or 0,
        "misconceptions": pc.sum(joined["misconceptions"]["significant"]).as_py() or 0,
        "atypical pupils": len(joined["atypical"]),
    }
    return summary


def recommend(folder: Path) -> Summary:
    """Questions to practise next for every pupil, from bank.csv."""
    from engine.recommend import recommend as choose_questions

    exam = load_exam(folder)
    bank = _bank(exam)
    chosen = [tables.empty("recommendations")]
    if bank:
        (mastery,) = fresh(exam, "mastery")
        for subject, scores in zip(exam.subjects, fresh_scores(exam), strict=True):
            own = mastery.filter(pc.equal(mastery["subject"], subject.code))
            chosen.append(choose_questions(subject, own, bank, exam.recommend, scores))
    made = {"recommendations": pa.concat_tables(chosen)}
    summary = Summary("recommend", written=keep(exam, made))
    if bank:
        told = unused(bank, exam.subjects)
        summary.notes = [f"bank, not in this exam: {line}" for line in told[:MOST_NOTES]]
        if len(told) > MOST_NOTES:
            summary.notes.append(f"bank, not in this exam: {len(told) - MOST_NOTES} more")
    summary.figures["practice"] = {
        "questions in the bank": bank.num_rows if bank else 0,
        "recommendations": made["recommendations"].num_rows,
    }
    return summary


def lecture(folder: Path) -> Summary:
    """What every class should go through, who gave which wrong answer, and what it then works on."""
    from engine.lecture import lecture_pack

    exam = load_exam(folder)
    bank = _bank(exam)
    (mastery,) = fresh(exam, "mastery")
    packs = [
        lecture_pack(subject, scores, responses, exam.roster, mastery, bank, exam.date, exam.lecture)
        for subject, scores, responses in zip(exam.subjects, fresh_scores(exam), responses_of(exam), strict=True)
    ]
    made = {name: pa.concat_tables([pack[name] for pack in packs]) for name in packs[0]}
    summary = Summary("lecture", written=keep(exam, made))
    gone_through = made["lecture"].filter(pc.is_valid(made["lecture"]["block"]))
    summary.figures["lessons"] = {
        "lessons": gone_through.group_by(["subject", "school", "class"]).aggregate([]).num_rows,
        "items": gone_through.num_rows,
        "questions": made["lecture_questions"].num_rows,
    }
    return summary


def _bank(exam: Exam) -> pa.Table | None:
    path = find_table(exam.folder, "bank")
    return load_bank(path) if path else None
