"""A subject's pupils with their scores, and their points by item, as they are kept for later exams."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.exam import Subject
from engine.scale.totals import Totals

PUPILS = pa.schema(
    [
        ("student_id", pa.string()),
        ("school", pa.string()),  # as it was at this exam; null where the roster has no name for it
        ("class", pa.string()),
        ("county", pa.string()),
        ("status", pa.string()),  # as in the scores
        ("score", pa.float64()),  # points; null without a total
        ("rate", pa.float64()),  # 得分率
        ("z", pa.float64()),  # standard score (population sd; 0 if all are equal) of the pupils that count, else null
    ]
)

POINTS = pa.schema(
    [
        ("student_id", pa.string()),
        ("item", pa.string()),
        ("question", pa.string()),  # its id in the bank, "" if it is not from there
        ("points", pa.float64()),
        ("max", pa.float64()),
    ]
)


def pupil_scores(totals: Totals, roster: pa.Table) -> pa.Table:
    """Schema `PUPILS`: those entered for a subject, or for the composite, sorted by student_id.

    Args:
        totals: of the subject (`engine.scale.exam_totals`).
        roster: the one that the totals are of.
    """
    score = np.where(totals.scored, totals.points(totals.total), np.nan)
    counted = np.where(totals.counted, score, np.nan)
    full = totals.full * float(totals.step)
    columns = {name: roster[name].combine_chunks() for name in ("school", "class", "county")}
    columns = {name: pc.if_else(pc.equal(names, ""), None, names) for name, names in columns.items()}
    columns |= {
        "student_id": totals.cohort.student_id,
        "status": totals.status,
        "score": score,
        "rate": np.divide(score, full, out=np.full(len(score), np.nan), where=full > 0),
        "z": standard_scores(counted),
    }
    arrays = [pa.array(columns[one.name], one.type, from_pandas=True) for one in PUPILS]
    entered = pa.table(arrays, schema=PUPILS).filter(pa.array(totals.entered))
    return entered.take(pc.sort_indices(entered["student_id"])).combine_chunks()


def standard_scores(values: np.ndarray) -> np.ndarray:
    """(x - mean) / population sd, 0 where all are equal; NaN stays NaN."""
    present = values[np.isfinite(values)]
    sd = float(present.std()) if len(present) else 0.0
    if sd <= 1e-12 * float(np.abs(present).max(initial=0)):
        return np.where(np.isfinite(values), 0.0, np.nan)
    return (values - present.mean()) / sd


def item_points(subject: Subject, scores: pa.Table) -> pa.Table:
    """Schema `POINTS`, item by item, pupils by student_id; what was not presented has no row.

    Args:
        scores: the table "scores.<subject>".
    """
    scores = tables.decoded(scores)
    scores = scores.take(pc.sort_indices(scores["student_id"])).combine_chunks()
    return pa.concat_tables([POINTS.empty_table(), *_item_points(subject, scores)]).combine_chunks()


def _item_points(subject: Subject, scores: pa.Table) -> Iterator[pa.Table]:
    for item in subject.items:
        steps = scores[item.item]
        presented = pc.is_valid(steps)
        points = pc.multiply(steps.filter(presented).cast(pa.float64()), float(subject.step))
        columns = [
            scores["student_id"].cast(pa.string()).filter(presented),
            pa.repeat(item.item, len(points)),
            pa.repeat(item.question, len(points)),
            points,
            pa.repeat(float(item.max), len(points)),
        ]
        yield pa.table(columns, schema=POINTS)
