"""Pupils' points by item and by knowledge point: the numbers that diagnosis and recommendation start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.exam import Subject, examined

FEW_PUPILS = 20  # an item's partial-credit factor starts from 1 with the weight of so many pupils


@dataclass(frozen=True)
class PupilPoints:
    """Points of the pupils who have a score, sorted by student_id, so that no result depends on the order of rows.

    Attributes:
        student_id: (n,) object.
        counted: (n,) bool, False for pupils who count in no statistics (violation).
        presented: (n, J) bool, in the order of the subject's items.
        points: (n, J) float64 in points, 0 where not presented.
        full: (J,) full marks in points.
    """

    student_id: np.ndarray
    counted: np.ndarray
    presented: np.ndarray
    points: np.ndarray
    full: np.ndarray

    @classmethod
    def of(cls, subject: Subject, scores: pa.Table) -> PupilPoints:
        """From a scores table (see `engine.scoring.score`)."""
        scores = tables.decoded(scores.filter(pc.is_valid(scores["total"])))
        scores = scores.take(pc.sort_indices(scores["student_id"]))
        shape = (scores.num_rows, len(subject.items))
        presented, points = np.zeros(shape, bool, order="F"), np.zeros(shape, order="F")
        for j, item in enumerate(subject.items):
            column = scores[item.item]
            presented[:, j] = pc.is_valid(column).to_numpy()
            points[:, j] = pc.fill_null(column, 0).to_numpy() * float(subject.step)
        return cls(
            student_id=np.array(scores["student_id"].to_pylist(), dtype=object),
            counted=pc.not_equal(scores["status"].cast(pa.string()), "violation").to_numpy(),
            presented=presented,
            points=points,
            full=np.array([float(item.max) for item in subject.items]),
        )

    def item_means(self) -> np.ndarray:
        """(J,) the exam's mean points on each item, NaN where nobody counted was presented it."""
        return ratio(self.points[self.counted].sum(axis=0), self.presented[self.counted].sum(axis=0))

    def partial_credit(self) -> np.ndarray:
        """(J,) each item's variance as a share of a right/wrong item's of the same mean (φ in `engine.diagnosis`)."""
        mean = self.item_means()
        deviation = np.where(self.presented, self.points - mean, 0)[self.counted]
        n = self.presented[self.counted].sum(axis=0)
        share = ratio((deviation**2).sum(axis=0), n * mean * (self.full - mean))
        share = np.where(np.isfinite(share) & (mean > 0) & (mean < self.full), share, 1)
        return np.clip((n * share + FEW_PUPILS) / (n + FEW_PUPILS), np.minimum(1 / self.full, 1), 1)


def knowledge_points(subject: Subject) -> list[str]:
    """Names of the subject's knowledge points in order of first appearance in the blueprint."""
    return list(examined(subject.items))


def weights(subject: Subject) -> np.ndarray:
    """(J, K) weight of each knowledge point in each item."""
    names = knowledge_points(subject)
    matrix = np.zeros((len(subject.items), len(names)))
    for j, item in enumerate(subject.items):
        for name, weight in item.knowledge:
            matrix[j, names.index(name)] += weight
    return matrix


def topics(subject: Subject) -> dict[str, tuple[list[str], np.ndarray]]:
    """How items can be grouped: "knowledge", "ability" (能力层次), "type" (题型) → names and (J, names) weights."""
    grouped = {"knowledge": (knowledge_points(subject), weights(subject))}
    for kind in ("ability", "type"):
        of_item = [getattr(item, kind) for item in subject.items]
        names = list(dict.fromkeys(filter(None, of_item)))
        belongs = [[name == own for name in names] for own in of_item]
        grouped[kind] = names, np.array(belongs, float).reshape(len(of_item), len(names))
    return grouped


def total_alone(subject: Subject) -> bool:
    """Whether only the total is known of the pupils: one "item" without scans, which says nothing of topics."""
    return subject.points_only and len(subject.items) == 1


def per_point(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The product values (n, J) @ weight (J, K), over the few cells of `weight` that are not 0.

    As quick as the dense product, since an item touches one or two points; and a row's result does not depend on its
    place in the matrix or on threads, as that of a blocked product may in the last bit.
    """
    result = np.zeros((len(values), weight.shape[1]))
    for j, k in zip(*np.nonzero(weight), strict=True):
        result[:, k] += values[:, j] * weight[j, k]
    return result


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where below is 0 (or NaN)."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=np.nan_to_num(below) != 0)


def sum_by(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n, columns) summed over the rows of each code."""
    sums = np.zeros((codes.max(initial=-1) + 1, values.shape[1]))
    for column, values_of in enumerate(values.T):
        sums[:, column] = np.bincount(codes, weights=values_of)
    return sums
