"""Quality monitoring: scores put in relation."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from engine import scale as scales
from engine.exam import Exam, load_exam
from engine.policy import PUBLISHED, policy_of, published
from stages.state import fresh, fresh_scores, keep
from stages.work import Summary


def scale(folder: Path) -> Summary:
    """Ranks, percentiles, standard and scaled scores, distributions and lines; and what of it may be published."""
    exam = load_exam(folder)
    found = scales.exam_totals(exam, fresh_scores(exam))
    made = scales.scale(exam, found)
    summary = Summary("scale", written=keep(exam, made))
    publish(exam, {**made, "units": fresh(exam, "units")[0]})
    for one in found.all:
        summary.figures[f"{one.code} standing"] = {"entered": int(one.entered.sum()), "counted": int(one.counted.sum())}
    summary.notes = scales.too_few(exam, found)
    return summary


def publish(exam: Exam, made: dict[str, pa.Table]) -> None:
    """Write the views of the tables that may leave the house."""
    policy = policy_of(exam)
    keep(exam, {name: published(name, made[name], policy) for name in PUBLISHED}, exam.published)
