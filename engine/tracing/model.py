"""The model of knowledge tracing with given parameters: from rows to what is known of abilities."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from engine._tracing import integrals, trace
from engine.tracing.log import Points, Rows, most_states


@dataclass(frozen=True)
class Dynamics:
    """Variances and rates of what changes in a pupil; 0 where there is none of it.

    Attributes:
        form_variance, form_rate: of the passing part of the whole ability; it is forgotten as exp(-rate × time).
        point_variance: between pupils, of the lasting part of a knowledge point, beside the level of all points.
        recent_variance, recent_rate: of the passing part of a point.
        learning: gain in logits by each answer to a point.
    """

    form_variance: float = 0.0
    form_rate: float = 1.0
    point_variance: float = 0.0
    recent_variance: float = 0.0
    recent_rate: float = 1.0
    learning: float = 0.0

    @classmethod
    def start(cls, points: bool, time: bool) -> Dynamics:
        """Where the search begins: with a part of each point or without, in a log with time or of a single sitting."""
        if time and points:
            return cls(0.2, 0.1, 0.2, 0.3, 0.1, 0.1)
        return cls(0.2, 0.1) if time else cls(point_variance=0.2 if points else 0.0)

    @property
    def changing(self) -> bool:
        return self.form_variance > 0 or self.recent_variance > 0 or self.learning != 0


@dataclass(frozen=True)
class Traced:
    """Mean and variance in the last axis.

    Attributes:
        before: (N, 2) of the ability for an answer, given the pupil's answers before.
        others: (N, 2) the same given all his other answers; None with dynamics.
        level: (n, 2) of the pupils' levels in the end.
        mastery: (2, n, points) of the whole ability at each point in the end, mean and variance; None if not asked.
    """

    before: np.ndarray
    others: np.ndarray | None
    level: np.ndarray
    mastery: np.ndarray | None

    @property
    def known(self) -> np.ndarray:
        """The ability for an answer from all that may be used: others' answers, or those before where pupils change."""
        return self.before if self.others is None else self.others


def follow(
    rows: Rows,
    points: Points,
    offset: np.ndarray,
    slope: np.ndarray,
    prior: np.ndarray,
    dynamics: Dynamics,
    *,
    with_mastery: bool = False,
) -> Traced:
    """Run the filter; offset (N,) of every row, slope (items,), prior (n, 2) of the pupils' levels."""
    n, N, K = len(rows.first) - 1, len(rows.item), len(points.names)
    before, level = np.empty((N, 2)), np.empty((n, 2))
    others = np.empty((0 if dynamics.changing else N, 2))
    mastery = np.empty((2, n, K) if with_mastery else (2, 0, 0))
    trace(
        rows.first,
        rows.item,
        rows.correct,
        rows.elapsed,
        np.ascontiguousarray(offset),
        slope,
        points.first,
        np.append(points.point, 0),  # never empty
        np.append(points.share, 0.0),
        np.ascontiguousarray(prior[:, 0]),
        np.ascontiguousarray(prior[:, 1]),
        np.array(astuple(dynamics)),
        K,
        most_states(rows, points),
        before,
        others,
        level,
        mastery,
    )
    return Traced(before, None if dynamics.changing else others, level, mastery if with_mastery else None)


def expected(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(N, 3) expectations of the logistic curve, its slope and its second derivative at N(mean, variance)."""
    result = np.empty((len(mean), 3))
    integrals(np.ascontiguousarray(mean), np.ascontiguousarray(variance), result)
    return result
