"""What each class lost on each item, and which items are worth going through with it.

An item is worth going through where `lost` of the class's pupils or more lost points on it and as large a share of its
points is lost (of a composition nearly everybody loses a point or two: that alone is no reason), or where its rate lies
clearly below that of the whole exam: by `min_gap` or more, and by more than chance. Chance is what a class drawn from
all pupils would show: the binomial distribution for an item that earns all or nothing, else the normal one with the
exam's spread of points; the items of a class are one family of tests (`engine.compare.false_discovery`).

An item's weight is the points that the class lost on it, pupils who lost points × what each lost, times
1 + `gap_weight` × the gap where the gap is clear: at the default 10, a clear gap of 0.1 doubles the weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import ndtr

from engine.compare import chance_of_fewer, false_discovery
from engine.exam import LectureRule, Subject
from engine.knowledge import PupilPoints, ratio, sum_by
from engine.roster import rows_of, units_of

TOLERANCE = 1e-9  # 13 of 39 pupils are a third, whatever binary fractions make of it


@dataclass(frozen=True)
class Evidence:
    """What classes lost on the items, (C, J) unless said.

    Attributes:
        units: (C,) "school/class", in the order of their text.
        pupils: those with a score.
        of: (n,) class of each pupil; -1 for those who count in none.
        n: pupils to whom the item was presented.
        lost: of these, how many lost points.
        points_lost: by all of them.
        rate: NaN where n is 0; reference: (J,) that of the whole exam.
        clear: the rate lies clearly below the reference.
        told: the item is worth going through.
        weight: what the order of the lesson follows.
    """

    units: np.ndarray
    pupils: PupilPoints
    of: np.ndarray
    n: np.ndarray
    lost: np.ndarray
    points_lost: np.ndarray
    rate: np.ndarray
    reference: np.ndarray
    clear: np.ndarray
    told: np.ndarray
    weight: np.ndarray

    @classmethod
    def of_scores(cls, subject: Subject, scores: pa.Table, roster: pa.Table, rule: LectureRule) -> Evidence:
        """From a scores table (see `engine.scoring.score`).

        Raises:
            InputError: a scored pupil is not in the roster.
        """
        pupils = PupilPoints.of(subject, scores)
        units, of = _classes(pupils, roster)
        lacking = np.where(pupils.presented, pupils.full - pupils.points, 0)
        inside = of >= 0
        n, lost, points_lost = (
            sum_by(of[inside], values[inside]) for values in (pupils.presented, lacking > TOLERANCE, lacking)
        )
        rate = 1 - ratio(points_lost, n * pupils.full)
        reference = pupils.item_means() / pupils.full
        gap = rate - reference
        tested = np.where(n >= rule.min_pupils, _chance(pupils, rate, n, reference), np.nan)
        surprising = np.nan_to_num(false_discovery(tested, axis=1), nan=1.0) <= rule.false_alarms
        clear = surprising & (np.nan_to_num(gap) <= -rule.min_gap + TOLERANCE)
        much = points_lost >= rule.lost * n * pupils.full - TOLERANCE
        often = (n >= rule.min_pupils) & (lost >= rule.lost * n - TOLERANCE) & much
        return cls(
            units=units,
            pupils=pupils,
            of=of,
            n=n.astype(np.int64),
            lost=lost.astype(np.int64),
            points_lost=points_lost,
            rate=rate,
            reference=reference,
            clear=clear,
            told=(clear | often) & (lost > 0),
            weight=points_lost * (1 + np.where(clear, -rule.gap_weight * np.nan_to_num(gap), 0)),
        )


def _classes(pupils: PupilPoints, roster: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Names of the classes, and which one each pupil counts in (-1: none)."""
    place = rows_of(pupils.student_id, roster)
    names = units_of(place["student_id"], place)["class"].to_numpy(zero_copy_only=False)
    inside = pupils.counted & (names != None)  # noqa: E711 (element by element)
    of = np.full(len(names), -1)
    units, of[inside] = np.unique(names[inside], return_inverse=True)
    return units, of


def _chance(pupils: PupilPoints, rate: np.ndarray, n: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(C, J) how likely a class drawn from all pupils gains this rate or less; NaN where the item was not presented."""
    shown = pupils.presented & pupils.counted[:, None]
    whole = np.isclose(pupils.points, pupils.full)
    all_or_nothing = (~shown | whole | np.isclose(pupils.points, 0)).all(axis=0)
    deviation = np.where(shown, pupils.points / pupils.full - reference, 0)
    error = np.sqrt(ratio(ratio((deviation**2).sum(axis=0), shown.sum(axis=0)), n))
    by_binomial = chance_of_fewer(np.nan_to_num(np.round(rate * n)), n, np.nan_to_num(reference))
    by_normal = ndtr(np.nan_to_num(ratio(rate - reference, error)))
    return np.where(n > 0, np.where(all_or_nothing, by_binomial, by_normal), np.nan)
