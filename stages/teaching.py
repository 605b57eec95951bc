"""Numbers become teaching: weak points, groups, practice."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine import diagnosis, tables
from engine.bank import load_bank, unused
from engine.exam import Exam, load_exam
from engine.files import find_table
from engine.history import History
from engine.scorematrix import score_matrix
from stages.state import fresh, fresh_scores, keep, responses_of
from stages.work import Summary

MOST_NOTES = 5


def diagnose(folder: Path) -> Summary:
    """Mastery, profiles and weak points, teaching groups, shared errors, misconceptions and atypical pupils."""
    exam = load_exam(folder)
    rule, roster = exam.diagnosis, exam.roster
    history = History(exam.folder / exam.history.store) if exam.history.store else None
    made: dict[str, list[pa.Table]] = {}
    for subject, scores, responses in zip(exam.subjects, fresh_scores(exam), responses_of(exam), strict=True):
        raw = diagnosis.mastery(subject, scores, roster, rule)
        earlier = diagnosis.earlier_exams(history, exam, subject.code) if history else []
        day = exam.date.toordinal()
        profiles = diagnosis.pupil_profiles(subject, scores, roster, raw, rule, day=day, earlier=earlier)
        mastery = diagnosis.with_profiles(raw, profiles["profiles"])
        for name, table in {
            "mastery": mastery,
            **profiles,
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
    """Questions to practise next, from bank.csv: for every pupil, and for whole classes and teaching groups."""
    from engine import recommend as practice  # SciPy's sparse matrices take a while to load

    exam = load_exam(folder)
    bank = _bank(exam)
    made = {name: [tables.empty(name)] for name in ("recommendations", "practice_sets")}
    if bank:
        mastery, profiles, groups = fresh(exam, "mastery", "profiles", "groups")
        earlier = _earlier(exam)
        for subject, scores in zip(exam.subjects, fresh_scores(exam), strict=True):
            case = practice.Case.of(
                subject, scores, mastery, bank, exam.recommend, day=exam.date, profiles=profiles, earlier=earlier
            )
            made["recommendations"].append(practice.recommend(case, exam.roster))
            made["practice_sets"].append(practice.practice_sets(case, exam.roster, groups))
    joined = {name: pa.concat_tables(some) for name, some in made.items()}
    summary = Summary("recommend", written=keep(exam, joined))
    if bank:
        told = unused(bank, exam.subjects)
        summary.notes = [f"bank, not in this exam: {line}" for line in told[:MOST_NOTES]]
        if len(told) > MOST_NOTES:
            summary.notes.append(f"bank, not in this exam: {len(told) - MOST_NOTES} more")
    summary.figures["practice"] = {
        "questions in the bank": bank.num_rows if bank else 0,
        "recommendations": joined["recommendations"].num_rows,
        "for classes and groups": joined["practice_sets"].num_rows,
    }
    return summary


def lecture(folder: Path) -> Summary:
    """Lessons: what every class should go through; and what teachers of a subject should talk about."""
    from engine import research
    from engine.lecture import lecture_pack

    exam = load_exam(folder)
    bank, roster, rule = _bank(exam), exam.roster, exam.research
    mastery, patterns, options = fresh(exam, "mastery", "patterns", "options")
    made: dict[str, list[pa.Table]] = {}
    for subject, scores, responses in zip(exam.subjects, fresh_scores(exam), responses_of(exam), strict=True):
        topics, schools = research.research_topics(subject, scores, roster, patterns, rule)
        lessons = lecture_pack(subject, scores, responses, roster, mastery, bank, exam.date, exam.lecture)
        for name, table in {
            **lessons,
            "research_topics": topics,
            "research_schools": schools,
            "research_options": research.research_options(subject, scores, responses, roster, options, rule),
            "research_items": research.research_items(subject, scores, roster, rule),
        }.items():
            made.setdefault(name, []).append(table)
    joined = {name: pa.concat_tables(some) for name, some in made.items()}
    summary = Summary("lecture", written=keep(exam, joined))
    gone_through = joined["lecture"].filter(pc.is_valid(joined["lecture"]["block"]))
    summary.figures["lessons"] = {
        "lessons": gone_through.group_by(["subject", "school", "class"]).aggregate([]).num_rows,
        "items": gone_through.num_rows,
        "questions": joined["lecture_questions"].num_rows,
    }
    summary.figures["research"] = {
        "topics suggested": pc.count(joined["research_topics"]["order"]).as_py(),
        "wrong answers": joined["research_options"].num_rows,
        "items off expectation": pc.sum(pc.not_equal(joined["research_items"]["verdict"], "")).as_py() or 0,
    }
    return summary


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
