"""Quality monitoring: scores put in relation."""

from __future__ import annotations

from pathlib import Path

from engine import scale as scales
from engine.exam import load_exam
from engine.policy import PUBLISHED, policy_of, published
from stages.state import fresh, fresh_scores, keep
from stages.work import Summary


def scale(folder: Path) -> Summary:
    """Ranks, percentiles, standard and scaled scores, distributions and lines; and what of it may be published."""
    exam = load_exam(folder)
    found = scales.exam_totals(exam, fresh_scores(exam))
    made = scales.scale(exam, found)
    summary = Summary("scale", written=keep(exam, made))
    policy, parents = policy_of(exam), found.cohort.parents()
    made["units"], made["reliability"] = fresh(exam, "units", "reliability")
    shown = {name: published(name, made[name], policy, parents) for name in PUBLISHED}
    keep(exam, shown, exam.published)
    for one in found.all:
        summary.figures[f"{one.code} standing"] = {"entered": int(one.entered.sum()), "counted": int(one.counted.sum())}
    summary.notes = scales.too_few(exam, found)
    return summary
