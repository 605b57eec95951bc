"""Balance between schools, gaps between groups, resources, and what training did."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.errors import InputError
from engine.exam import Exam, load_exam
from engine.files import find_table
from engine.history import pupil_scores
from engine.scale import exam_totals
from stages.state import fresh, fresh_scores, keep
from stages.work import Summary


def equity(folder: Path) -> Summary:
    """Balance between schools and gaps between groups; indicators.csv against the standard; after `grow` the effect of
    training (training.csv)."""
    from engine import equity as measured  # SciPy takes a while to load

    exam = load_exam(folder)
    standard = measured.load_standard(exam.equity.scheme, folder)
    groups = exam.equity.groups or ((exam.dif,) if exam.dif else ())
    balance, gaps = [tables.empty("balance")], [tables.empty("gaps")]
    for one in exam_totals(exam, fresh_scores(exam)).all:
        pupils = pupil_scores(one, exam.roster)
        balance.append(measured.balance_table(one.code, pupils, standard, exam.equity))
        gaps.append(measured.gap_table(one.code, pupils, exam.roster, groups, exam.lines, exam.equity))
    summary = Summary("equity")
    made = {
        "balance": pa.concat_tables(balance),
        "gaps": pa.concat_tables([*gaps, *_training(exam, summary)]),
        "indicators": tables.empty("indicators"),
    }
    resources = find_table(folder, "indicators")
    if resources:
        counties = dict(zip(exam.roster["school"].to_pylist(), exam.roster["county"].to_pylist(), strict=True))
        made["indicators"] = measured.indicator_table(measured.load_indicators(resources, standard, counties), standard)
    summary.written = keep(exam, made)
    whole = made["balance"].filter(pc.equal(made["balance"]["level"], "exam")).to_pylist()
    for subject in exam.subjects:
        told = {row["measure"]: row["value"] for row in whole if row["subject"] == subject.code}
        figures = {name: told[name] for name in ("cv_weighted", "icc") if told.get(name) is not None}
        if figures:
            summary.figures[f"{subject.code} balance"] = figures
    if not whole:
        summary.notes.append("balance: fewer than two schools")
    return summary


def _training(exam: Exam, summary: Summary) -> list[pa.Table]:
    """The rows of `gaps` on training, where there is a list of trained teachers' classes, and growth."""
    from engine.equity import load_training, training_table

    path = find_table(exam.folder, "training")
    if path is None:
        return []
    trained = load_training(path)
    try:
        (grown,) = fresh(exam, "growth_pupils")
    except InputError:
        summary.notes.append("effect of training: needs the pupils' growth; run `yuejuan grow EXAM` first")
        return []
    found = []
    for subject in exam.subjects:
        own = grown.filter(pc.equal(grown["subject"], subject.code))
        classes = trained.get("", set()) | trained.get(subject.code, set()) | trained.get(subject.name, set())
        found.append(training_table(subject.code, own, exam.roster, classes, exam.equity))
    return found
