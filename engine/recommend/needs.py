"""What each pupil needs most: a number for every knowledge point, and what must come before what.

**Need** of a point, by the pupil's row in the mastery table: 3 + the gap when the point is weak, 2 + the gap when its
rate lies below the reference with evidence enough, else 1 + (1 - expected rate), expected at his ability where the exam
has the reference; where the exam did not ask, where it has the mean of all references. A point that little is known of
needs up to a tenth more: practising it also tells how he stands.

**Prerequisites first.** A prerequisite is not ready when it is weak, or its expected rate is below `ready`. It then
needs as much as the neediest point that rests on it, directly or not, and what rests on it half as much as without it
(the outer fringe of knowledge space theory: learn what all is there for; Doignon & Falmagne 1985). The kernel applies
this, and puts a question on it before those on what rests on it.

**Spaced review.** A point is due when it was taught `review_after` days ago or more, was not asked in this exam, and is
not needed more for another reason: memory fades, and what is recalled just before it fades stays longer (Cepeda et al.
2006). Each list has `reviews` questions at least on points that are due, where there are any.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace

import numpy as np

from engine.diagnosis import Profiles
from engine.exam import RecommendRule, Subject
from engine.knowledge import knowledge_points
from engine.recommend.ability import Ability, logistic, logit

WEAK, BEHIND, OTHER = 3, 2, 1  # tiers of need
UNSURE = 0.1  # more need of a point that nothing is known of


@dataclass(frozen=True)
class Evidence:
    """What the exam says of pupils or units on all points in scope, (n, K); items 0 where it did not ask.

    Attributes:
        weak, enough: bool.
        items: number of items presented.
        rate, reference, gap: NaN where not presented.
        smoothed: is the rate, with the gap, that of the pupil's profile, and not that of the paper?
    """

    weak: np.ndarray
    enough: np.ndarray
    items: np.ndarray
    rate: np.ndarray
    reference: np.ndarray
    gap: np.ndarray
    smoothed: np.ndarray

    @classmethod
    def of(cls, subject: Subject, profiles: Profiles, names: list[str]) -> Evidence:
        """The columns of `names`, in their order, of the pupils' rows of the mastery table."""
        column = {name: k for k, name in enumerate(knowledge_points(subject))}
        place = np.array([column.get(name, -1) for name in names], int)

        def taken(values: np.ndarray, missing: float) -> np.ndarray:
            padded = np.concatenate([values, np.full((len(values), 1), missing, values.dtype)], axis=1)
            return padded[:, place]

        return cls(
            weak=taken(profiles.weak, False),
            enough=taken(profiles.enough, False),
            items=taken(profiles.items, 0),
            rate=taken(profiles.rate, np.nan),
            reference=taken(profiles.reference, np.nan),
            gap=taken(profiles.gap, np.nan),
            smoothed=np.zeros((len(profiles.student_id), len(names)), bool),
        )

    def with_rates(self, rate: np.ndarray, answers: np.ndarray) -> Evidence:
        """With the rates (n, K) of profiles, and the answers that they rest on, wherever these are not NaN."""
        known = np.isfinite(rate) & (self.items > 0)
        rate = np.where(known, rate, self.rate)
        items = np.where(known, answers, self.items)
        return replace(self, rate=rate, gap=rate - self.reference, items=items, smoothed=known)


@dataclass(frozen=True)
class Needs:
    """(n, K) what the kernel chooses by.

    Attributes:
        need, shift: float32.
        unready: uint8, must be practised before what rests on it.
        due: uint8, due for review.
    """

    need: np.ndarray
    shift: np.ndarray
    unready: np.ndarray
    due: np.ndarray


@dataclass(frozen=True)
class Scope:
    """The knowledge points that may be practised, in the order of the curriculum.

    Attributes:
        names: K of them.
        rests: (K, K) bool, [p, k]: k rests on p, directly or not.
        above, below: int32, the same as pairs k, p: what rests on others comes before what it rests on.
        days: (K,) since each point was taught; NaN where nobody says.
    """

    names: list[str]
    rests: np.ndarray
    above: np.ndarray
    below: np.ndarray
    days: np.ndarray

    @classmethod
    def of(cls, subject: Subject, day: datetime.date) -> Scope:
        """What has been taught by the end of `day`."""
        curriculum = subject.curriculum
        taught = curriculum.taught_by(day)
        names = [point.name for point in curriculum.points if point.name in taught]
        column = {name: k for k, name in enumerate(names)}
        rests = np.zeros((len(names), len(names)), bool)
        for name, k in column.items():
            rests[
                [column[before] for before in curriculum.prerequisites(name, transitive=True) if before in column], k
            ] = True
        rank = {name: place for place, name in enumerate(curriculum.order)}
        pairs = sorted(
            ((int(k), int(p)) for p, k in zip(*np.nonzero(rests), strict=True)),
            key=lambda pair: (-rank[names[pair[0]]], pair[1]),
        )
        dates = [curriculum[name].taught for name in names]
        return cls(
            names,
            rests,
            np.array([k for k, _ in pairs], np.int32),
            np.array([p for _, p in pairs], np.int32),
            np.array([np.nan if date is None else (day - date).days for date in dates], float),
        )


def needs(evidence: Evidence, ability: Ability, scope: Scope, rule: RecommendRule) -> Needs:
    """See the module's docstring."""
    known = np.isfinite(evidence.reference)
    elsewhere = evidence.reference[known].mean() if known.any() else 0.5
    expected = logistic(logit(np.where(known, evidence.reference, elsewhere)) + ability.shift)
    lag = np.clip(-np.nan_to_num(evidence.gap), 0, 0.99)
    behind = evidence.enough & (lag > 0)
    need = np.select([evidence.weak, behind], [WEAK + lag, BEHIND + lag], default=OTHER + (1 - expected))
    due = (evidence.items == 0) & (np.nan_to_num(scope.days) >= rule.review_after)
    return Needs(
        need=(need * (1 + UNSURE * ability.unsure)).astype(np.float32),
        shift=ability.shift.astype(np.float32),
        unready=(evidence.weak | (expected < rule.ready)).astype(np.uint8),
        due=due.astype(np.uint8),
    )
