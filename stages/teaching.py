"""Numbers become teaching: weak points, groups, practice."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine import diagnosis, tables
from engine.bank import load_bank, unused
from engine.exam import Exam, Subject, load_exam
from engine.files import find_table
from engine.history import History
from engine.scorematrix import score_matrix
from stages.state import fresh, fresh_scores, keep, responses_of
from stages.work import Summary, Work, joined

MOST_NOTES = 5


def diagnose(folder: Path, work: Work | None = None) -> Summary:
    """Mastery, profiles and weak points, teaching groups, shared errors, misconceptions and atypical pupils."""
    exam = load_exam(folder)
    scores, responses = fresh_scores(exam), responses_of(exam)
    # The longer tasks first: the shorter ones fill what time is left of a worker.
    tasks = [_weak_points] * len(exam.subjects) + [_errors] * len(exam.subjects)
    parts = (work or Work()).each(_do, tasks, repeat(exam), exam.subjects * 2, scores * 2, responses * 2)
    made = joined(parts)
    summary = Summary("diagnose", written=keep(exam, made))
    weak = made["mastery"].filter(pc.fill_null(made["mastery"]["weak"], False))["level"].to_pylist()
    summary.figures["weak points of"] = {level: weak.count(level) for level in ("school", "class", "pupil")}
    summary.figures["findings"] = {
        "error patterns": pc.sum(made["patterns"]["significant"]).as_py() or 0,
        "misconceptions": pc.sum(made["misconceptions"]["significant"]).as_py() or 0,
        "atypical pupils": len(made["atypical"]),
    }
    return summary


Diagnosis = Callable[[Exam, Subject, pa.Table, pa.Table], dict[str, pa.Table]]


def _do(part: Diagnosis, exam: Exam, subject: Subject, scores: pa.Table, responses: pa.Table) -> dict[str, pa.Table]:
    return part(exam, subject, scores, responses)


def _weak_points(exam: Exam, subject: Subject, scores: pa.Table, responses: pa.Table) -> dict[str, pa.Table]:
    """Mastery, profiles, and the groups they make."""
    rule, roster = exam.diagnosis, exam.roster
    history = History(exam.folder / exam.history.store) if exam.history.store else None
    raw = diagnosis.mastery(subject, scores, roster, rule)
    earlier = diagnosis.earlier_exams(history, exam, subject.code) if history else []
    day = exam.date.toordinal()
    profiles = diagnosis.pupil_profiles(subject, scores, roster, raw, rule, day=day, earlier=earlier)
    mastery = diagnosis.with_profiles(raw, profiles["profiles"])
    return {"mastery": mastery, **profiles, "groups": diagnosis.teaching_groups(subject, mastery, roster, rule)}


def _errors(exam: Exam, subject: Subject, scores: pa.Table, responses: pa.Table) -> dict[str, pa.Table]:
    """What went wrong, beside the points."""
    rule, roster = exam.diagnosis, exam.roster
    return {
        "patterns": diagnosis.error_patterns(subject, scores, roster, rule),
        "misconceptions": diagnosis.misconceptions(subject, responses, roster, rule),
        "atypical": diagnosis.atypical_pupils(subject, score_matrix(scores, subject), rule, exam.lines),
    }


def recommend(folder: Path) -> Summary:
    """Questions to practise next, from bank.csv: for every pupil, and for whole classes and teaching groups."""
    from engine import recommend as practice  # SciPy's sparse matrices take a while to load

    exam = load_exam(folder)
    bank = _bank(exam)
    parts = [{name: tables.empty(name) for name in ("recommendations", "practice_sets")}]
    if bank:
        mastery, profiles, groups = fresh(exam, "mastery", "profiles", "groups")
        earlier = _earlier(exam)
        for subject, scores in zip(exam.subjects, fresh_scores(exam), strict=True):
            case = practice.Case.of(
                subject, scores, mastery, bank, exam.recommend, day=exam.date, profiles=profiles, earlier=earlier
            )
            sets = practice.practice_sets(case, exam.roster, groups)
            parts.append({"recommendations": practice.recommend(case, exam.roster), "practice_sets": sets})
    made = joined(parts)
    summary = Summary("recommend", written=keep(exam, made))
    if bank:
        told = unused(bank, exam.subjects)
        summary.notes = [f"bank, not in this exam: {line}" for line in told[:MOST_NOTES]]
        if len(told) > MOST_NOTES:
            summary.notes.append(f"bank, not in this exam: {len(told) - MOST_NOTES} more")
    summary.figures["practice"] = {
        "questions in the bank": bank.num_rows if bank else 0,
        "recommendations": made["recommendations"].num_rows,
        "for classes and groups": made["practice_sets"].num_rows,
    }
    return summary


def lecture(folder: Path, work: Work | None = None) -> Summary:
    """Lessons: what every class should go through; and what teachers of a subject should talk about."""
    exam = load_exam(folder)
    bank = _bank(exam)
    mastery, patterns, options = fresh(exam, "mastery", "patterns", "options")

    def of_subjects(table: pa.Table) -> list[pa.Table]:
        return [table.filter(pc.equal(table["subject"], subject.code)) for subject in exam.subjects]

    parts = (work or Work()).each(
        _lecture,
        repeat(exam),
        repeat(bank),
        exam.subjects,
        fresh_scores(exam),
        responses_of(exam),
        of_subjects(mastery),
        of_subjects(patterns),
        of_subjects(options),
    )
    made = joined(parts)
    summary = Summary("lecture", written=keep(exam, made))
    gone_through = made["lecture"].filter(pc.is_valid(made["lecture"]["block"]))
    summary.figures["lessons"] = {
        "lessons": gone_through.group_by(["subject", "school", "class"]).aggregate([]).num_rows,
        "items": gone_through.num_rows,
        "questions": made["lecture_questions"].num_rows,
    }
    summary.figures["research"] = {
        "topics suggested": pc.count(made["research_topics"]["order"]).as_py(),
        "wrong answers": made["research_options"].num_rows,
        "items off expectation": pc.sum(pc.not_equal(made["research_items"]["verdict"], "")).as_py() or 0,
    }
    return summary


def _lecture(
    exam: Exam,
    bank: pa.Table | None,
    subject: Subject,
    scores: pa.Table,
    responses: pa.Table,
    mastery: pa.Table,
    patterns: pa.Table,
    options: pa.Table,
) -> dict[str, pa.Table]:
    from engine import research
    from engine.lecture import lecture_pack

    roster, rule = exam.roster, exam.research
    topics, schools = research.research_topics(subject, scores, roster, patterns, rule)
    return {
        **lecture_pack(subject, scores, responses, roster, mastery, bank, exam.date, exam.lecture),
        "research_topics": topics,
        "research_schools": schools,
        "research_options": research.research_options(subject, scores, responses, roster, options, rule),
        "research_items": research.research_items(subject, scores, roster, rule),
    }


def _earlier(exam: Exam) -> pa.Table:
    """What earlier exams recommended to whom."""
    names = ["student_id", "question"]
    parts = [
        tables.read(exam.folder / folder / "out" / "tables" / "recommendations.arrow").select(names)
        for folder in exam.recommend.earlier
    ]
    return pa.concat_tables([tables.empty("recommendations").select(names), *parts])


def _bank(exam: Exam) -> pa.Table | None:
    path = find_table(exam.folder, "bank")
    return load_bank(path) if path else None
