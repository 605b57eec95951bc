"""An exam's answers as the models of mastery read them: right or wrong, with the Q-matrix of the blueprint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine.exam import Subject
from engine.knowledge import PupilPoints, knowledge_points, weights
from engine.roster import rows_of, units_of
from engine.sp import binarize


def item_name(item: str, question: str, exam: str = "") -> str:
    """The name of an item in all exams: its question in the bank; without one, its exam ("": this one) and number."""
    return question or f"{exam}/{item}"


@dataclass(frozen=True)
class Paper:
    """Of n pupils who count in statistics, sorted by student_id, the J items with knowledge points that were presented,
    and their K points.

    Attributes:
        student_id: (n,) object.
        group: (n,) number of each pupil's class.
        right: (n, J) 1 or 0, NaN where not presented; an item of several points is right from 60 % on (engine.sp).
        at_stake: (J, K) points of each item on each knowledge point.
        items: (J,) as in the blueprint; names: (J,) in all exams, see `item_name`.
        points: (K,) names.
    """

    student_id: np.ndarray
    group: np.ndarray
    right: np.ndarray
    at_stake: np.ndarray
    items: list[str]
    names: list[str]
    points: list[str]

    @classmethod
    def of(cls, subject: Subject, scores: pa.Table, roster: pa.Table) -> Paper:
        """From a scores table (see `engine.scoring.score`).

        Raises:
            InputError: a scored pupil is not in the roster.
        """
        pupils = PupilPoints.of(subject, scores)
        counted = pupils.counted
        weight = weights(subject)
        told = np.flatnonzero(weight.any(axis=1) & pupils.presented[counted].any(axis=0))
        asked = np.flatnonzero(weight[told].any(axis=0))
        points = np.where(pupils.presented, pupils.points, np.nan)[np.ix_(counted, told)]
        student_id = pupils.student_id[counted]
        place = rows_of(student_id, roster)
        classes = units_of(place["student_id"], place)["class"].to_numpy(zero_copy_only=False)
        return cls(
            student_id,
            np.unique(np.where(classes == None, "", classes).astype(str), return_inverse=True)[1],  # noqa: E711
            binarize(points, pupils.full[told]),
            weight[np.ix_(told, asked)] * pupils.full[told, None],
            [subject.items[j].item for j in told],
            [item_name(subject.items[j].item, subject.items[j].question) for j in told],
            [knowledge_points(subject)[k] for k in asked],
        )

    @property
    def q_matrix(self) -> np.ndarray:
        """(J, K) bool: which items need which point."""
        return np.asarray(self.at_stake > 0)

    def every(self, most: int) -> np.ndarray:
        """Places of at most so many pupils, evenly spread."""
        n = len(self.student_id)
        return np.arange(n) if n <= most else np.unique(np.arange(most) * n // most)


@dataclass(frozen=True)
class Estimates:
    """What a model makes of n pupils at K points; NaN where it says nothing.

    Attributes:
        rate: (n, K) expected rate on the paper's items of the point.
        error: (n, K) standard deviation of the true rate.
        mastered: (n, K) probability that the pupil masters the point; None: to be told from the rate.
        answers: (n, K) answers to items of the point, in all exams.
        exams: (n,) exams that a pupil's answers come from.
    """

    rate: np.ndarray
    error: np.ndarray
    mastered: np.ndarray | None
    answers: np.ndarray
    exams: np.ndarray
