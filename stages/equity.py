"""Balance between schools, gaps between groups, resources, and what training did."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.equity import (
    balance_table,
    gap_table,
    indicator_table,
    load_indicators,
    load_standard,
    load_training,
    training_table,
)
from engine.exam import Exam, load_exam
from engine.files import find_table
from engine.history import pupil_scores
from stages.state import fresh, fresh_scores, keep
from stages.work import Summary


def equity(folder: Path) -> Summary:
    """Balance between schools and gaps between groups; indicators.csv against the standard; after `grow` the effect of
    training (training.csv)."""
    exam = load_exam(folder)
    standard = load_standard(exam.equity.scheme, folder)
    groups = exam.equity.groups or ((exam.dif,) if exam.dif else ())
    balance, gaps = [tables.empty("balance")], [tables.empty("gaps")]
    for subject, scores in zip(exam.subjects, fresh_scores(exam), strict=True):
        pupils = pupil_scores(subject, scores, exam.roster)
        balance.append(balance_table(subject.code, pupils, standard, exam.equity))
        gaps.append(gap_table(subject.code, pupils, exam.roster, groups, exam.lines, exam.equity))
    made = {
        "balance": pa.concat_tables(balance),
        "gaps": pa.concat_tables([*gaps, *_training(exam)]),
        "indicators": tables.empty("indicators"),
    }
    resources = find_table(folder, "indicators")
    if resources:
        counties = dict(zip(exam.roster["school"].to_pylist(), exam.roster["county"].to_pylist(), strict=True))
        made["indicators"] = indicator_table(load_indicators(resources, standard, counties), standard)
    summary = Summary("equity", written=keep(exam, made))
    whole = made["balance"].filter(pc.equal(made["balance"]["level"], "exam")).to_pylist()
    for subject in exam.subjects:
        told = {row["measure"]: row["value"] for row in whole if row["subject"] == subject.code}
        figures = {name: told[name] for name in ("cv_weighted", "icc") if told.get(name) is not None}
        if figures:
            summary.figures[f"{subject.code} balance"] = figures
    if not whole:
        summary.notes.append("balance: fewer than two schools")
    return summary


def _training(exam: Exam) -> list[pa.Table]:
    path = find_table(exam.folder, "training")
    if path is None or not (exam.tables / "growth_pupils.arrow").exists():
        return []
    trained = load_training(path)
    (grown,) = fresh(exam, "growth_pupils")
    found = []
    for subject in exam.subjects:
        own = grown.filter(pc.equal(grown["subject"], subject.code))
        classes = trained.get("", set()) | trained.get(subject.code, set()) | trained.get(subject.name, set())
        found.append(training_table(subject.code, own, exam.roster, classes, exam.equity))
    return found
