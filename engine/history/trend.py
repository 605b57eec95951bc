"""Trends: the exams one after the other, for the whole, counties, schools, classes and pupils.

Rates of papers of unlike difficulty can't be compared. Where consecutive papers share questions of the bank (anchor
items), each exam is put on the scale of the first one in the chain by chained linear equating (Kolen & Brennan, 2014,
§4.3); else only the place among the pupils of the exam, the standard score, can be compared, and `scale` says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from engine import tables
from engine.errors import InputError
from engine.exam import Exam
from engine.history.store import StoredExam
from engine.linking import equate_anchor

MIN_ANCHORS = 5  # fewer common questions link two papers too loosely
NEARLY_ALL = 0.9  # of the pupils must have been presented a common question


@dataclass(frozen=True, eq=False)
class Sitting:
    """A subject of one exam.

    Attributes:
        pupils: see `engine.history.pupil_scores`.
        points: see `engine.history.item_points`; None where no item is from the bank.
    """

    exam: Exam | StoredExam
    pupils: pa.Table
    points: pa.Table | None = None


def trend(code: str, sittings: Sequence[Sitting], *, confidence: float = 0.95) -> pa.Table:
    """Schema "trend".

    Args:
        code: the subject.
        sittings: by date, the latest last.
    """
    return pa.concat_tables(
        [tables.empty("trend")]
        + [
            _rows(code, sitting, linked, confidence)
            for sitting, linked in zip(sittings, linked_scores(sittings), strict=True)
        ]
    )


def linked_scores(sittings: Sequence[Sitting]) -> list[np.ndarray | None]:
    """For each sitting (n,) standard scores on the scale of the first one of the chain that ends with the last one.

    None of sittings that are not in the chain, and of all if it has but one.
    """
    links = [_link(later, earlier) for earlier, later in itertools.pairwise(sittings)]
    start = len(sittings) - 1
    while start and links[start - 1] is not None:
        start -= 1
    scores: list[np.ndarray | None] = [None] * len(sittings)
    if start == len(sittings) - 1:
        return scores
    first = _counted(sittings[start])
    slope, intercept = 1.0, 0.0  # points of a sitting → points of the first one
    for k in range(start, len(sittings)):
        if k > start:
            link = links[k - 1]
            assert link is not None
            slope, intercept = slope * link[0], slope * link[1] + intercept
        scores[k] = (slope * _counted(sittings[k]) + intercept - np.nanmean(first)) / np.nanstd(first)
    return scores


def _link(later: Sitting, earlier: Sitting) -> tuple[float, float] | None:
    """Slope and intercept from points of the later paper to points of the earlier one; None without enough anchors."""
    questions = sorted(_questions(later) & _questions(earlier))
    if len(questions) < MIN_ANCHORS:
        return None
    x, y = _with_anchor(later, questions), _with_anchor(earlier, questions)
    try:
        link = equate_anchor(x, y, "linear", via="chained")
    except InputError:  # fewer than two pupils, or everybody has the same score
        return None
    low, high = link([0.0, 1.0])
    return float(high - low), float(low)


def _questions(sitting: Sitting) -> set[str]:
    """Questions of the bank that nearly all pupils who count were presented: not those of a choice of items."""
    if sitting.points is None:
        return set()
    counted = sitting.pupils["student_id"].filter(pc.is_valid(sitting.pupils["z"]))
    points = sitting.points.filter(pc.is_in(sitting.points["student_id"], value_set=counted.combine_chunks()))
    asked = points.group_by("question", use_threads=False).aggregate([("points", "count")])
    common = asked.filter(pc.greater_equal(asked["points_count"], NEARLY_ALL * len(counted)))
    return {*common["question"].to_pylist()} - {""}


def _with_anchor(sitting: Sitting, questions: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Total and points on the anchor of the pupils that count and were presented all of it."""
    assert sitting.points is not None
    points = sitting.points.filter(pc.is_in(sitting.points["question"], value_set=pa.array(questions)))
    sums = points.group_by("student_id", use_threads=False).aggregate([("points", "sum"), ("points", "count")])
    sums = sums.filter(pc.equal(sums["points_count"], len(questions)))
    place = pc.index_in(sitting.pupils["student_id"], value_set=sums["student_id"].combine_chunks()).combine_chunks()
    anchor = sums["points_sum"].combine_chunks().take(place).to_numpy(zero_copy_only=False)
    total = _counted(sitting)
    both = np.isfinite(anchor) & np.isfinite(total)
    return total[both], anchor[both]


def _counted(sitting: Sitting) -> np.ndarray:
    """(n,) points, NaN of pupils that don't count."""
    score = pc.if_else(pc.is_valid(sitting.pupils["z"]), sitting.pupils["score"], None)
    return score.to_numpy().astype(float)


def _rows(code: str, sitting: Sitting, linked: np.ndarray | None, confidence: float) -> pa.Table:
    """The rows of one exam."""
    pupils = sitting.pupils
    values = pupils.select(["rate", "z"])
    if linked is None:
        values = values.append_column("linked", pa.nulls(len(pupils), pa.float64())).append_column("shown", values["z"])
    else:
        column = pa.array(linked, from_pandas=True)
        values = values.append_column("linked", column).append_column("shown", column)
    half = float(ndtri((1 + confidence) / 2))
    parts = []
    for level, names in _units(pupils).items():
        some = values.append_column("unit", names)
        some = some.filter(pc.and_(pc.is_valid(pupils["z"]), pc.is_valid(some["unit"])))
        aims = [(name, "mean") for name in ("rate", "z", "linked", "shown")]
        spread = ("shown", "variance", pc.VarianceOptions(ddof=1))
        found = some.group_by("unit", use_threads=False).aggregate([*aims, spread, ("shown", "count")])
        found = found.take(pc.sort_indices(found["unit"]))
        # Null of a single pupil: nothing is known of the spread.
        n = found["shown_count"]
        margin = pc.multiply(half, pc.sqrt(pc.divide(found["shown_variance"], n.cast(pa.float64()))))
        about = {
            "subject": code,
            "level": level,
            "exam": sitting.exam.id,
            "title": sitting.exam.title,
            "date": sitting.exam.date,
            "scale": "z" if linked is None else "anchor",
        }
        columns = {name: pa.repeat(pa.scalar(value), len(found)) for name, value in about.items()}
        columns |= {"unit": found["unit"], "n": n} | {name: found[f"{name}_mean"] for name in ("rate", "z", "linked")}
        columns["lower"] = pc.subtract(found["shown_mean"], margin)
        columns["upper"] = pc.add(found["shown_mean"], margin)
        parts.append(tables.build("trend", columns))
    return pa.concat_tables(parts)


def _units(pupils: pa.Table) -> dict[str, pa.Array]:
    """Level → the unit of each pupil, as in the table "units", and the pupil."""
    school, name = pupils["school"].combine_chunks(), pupils["class"].combine_chunks()
    return {
        "exam": pa.repeat(pa.scalar("", pa.string()), len(pupils)),
        "county": pupils["county"].combine_chunks(),
        "school": school,
        "class": pc.binary_join_element_wise(school, name, "/"),
        "pupil": pupils["student_id"].combine_chunks(),
    }
