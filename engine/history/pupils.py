"""A subject's pupils with their scores, and their points by item, as they are kept for later exams."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.exam import Subject
from engine.scoring import full_mark

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


def pupil_scores(subject: Subject, scores: pa.Table, roster: pa.Table) -> pa.Table:
    """Schema `PUPILS`, sorted by student_id.

    Args:
        scores: the table "scores.<subject>".
    """
    scores = scores.select(["student_id", "status", "total"])
    scores = scores.take(pc.sort_indices(scores["student_id"]))
    status = scores["status"].cast(pa.string())
    score = pc.multiply(scores["total"].cast(pa.float64()), float(subject.step))
    full = float(full_mark(subject))
    place = pc.index_in(scores["student_id"], value_set=roster["student_id"].combine_chunks())
    named = {}
    for column in ("school", "class", "county"):
        names = roster[column].combine_chunks()
        named[column] = pc.if_else(pc.equal(names, ""), None, names).take(place.combine_chunks())
    counted = pc.equal(status, "read").fill_null(False)
    columns = {
        "student_id": scores["student_id"].cast(pa.string()),
        **named,
        "status": status,
        "score": score,
        "rate": pc.divide(score, full) if full else pa.nulls(len(scores), pa.float64()),
        "z": standard_scores(pc.if_else(counted, score, None)),
    }
    return pa.table([columns[name] for name in PUPILS.names], schema=PUPILS).combine_chunks()


def standard_scores(values: pa.ChunkedArray) -> pa.Array:
    """(x - mean) / population sd, 0 where all are equal; null stays null."""
    x = values.to_numpy().astype(float)
    present = x[np.isfinite(x)]
    sd = float(present.std()) if len(present) else 0.0
    equal = sd <= 1e-12 * max(float(np.abs(present).max(initial=0)), 1e-300)
    z = np.where(np.isfinite(x), 0.0, np.nan) if equal else (x - present.mean()) / sd
    return pa.array(z, from_pandas=True)


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
