"""命题偏差: how far items, and the topics made of them, lie from what the blueprint expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine import tables
from engine.exam import ResearchRule, Subject
from engine.knowledge import PupilPoints, per_point
from engine.research.intervals import clustered_rates
from engine.roster import rows_of, units_of


@dataclass(frozen=True)
class Expectation:
    """Rates of the exam beside those that the blueprint expects, (K,) for items or topics.

    Attributes:
        n: pupils.
        at_stake: points for a pupil, on average.
        rate, lower, upper: with a 95 % interval over classes.
        expected: NaN where the blueprint has no expectation for an item.
    """

    n: np.ndarray
    at_stake: np.ndarray
    rate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    expected: np.ndarray

    @classmethod
    def of(cls, subject: Subject, pupils: PupilPoints, roster: pa.Table, weight: np.ndarray) -> Expectation:
        """Of the pupils who count; weight: (J, K) of the items.

        Raises:
            InputError: a scored pupil is not in the roster.
        """
        place = rows_of(pupils.student_id[pupils.counted], roster)
        classes = units_of(place["student_id"], place)["class"].to_numpy(zero_copy_only=False)
        cluster = np.unique(classes.astype(str), return_inverse=True)[1]
        presented = pupils.presented[pupils.counted] * pupils.full
        at_stake = per_point(presented, weight)
        hoped = np.array([np.nan if item.expected is None else item.expected for item in subject.items])
        rate, lower, upper = clustered_rates(per_point(pupils.points[pupils.counted], weight), at_stake, cluster)
        n = (at_stake > 0).sum(axis=0)
        return cls(
            n=n,
            at_stake=at_stake.sum(axis=0) / np.maximum(n, 1),
            rate=rate,
            lower=lower,
            upper=upper,
            expected=_weighed(hoped, weight * presented.sum(axis=0)[:, None]),
        )

    def below(self, least: float) -> np.ndarray:
        """(K,) bool: below what was expected, by `least` or more and by more than chance."""
        return (self.rate <= self.expected - least) & (self.upper < self.expected)

    def above(self, least: float) -> np.ndarray:
        """(K,) bool: above it."""
        return (self.rate >= self.expected + least) & (self.lower > self.expected)


def _weighed(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(K,) means of (J,) values, NaN where one with a weight is NaN or nothing has a weight."""
    whole = weight.sum(axis=0)
    mean = np.where(weight > 0, values[:, None] * weight, 0).sum(axis=0) / np.where(whole > 0, whole, 1)
    return np.where(whole > 0, mean, np.nan)


def research_items(subject: Subject, scores: pa.Table, roster: pa.Table, rule: ResearchRule) -> pa.Table:
    """Table "research_items": expected and actual difficulty of the items that the blueprint has an expectation of.

    Raises:
        InputError: a scored pupil is not in the roster.
    """
    pupils = PupilPoints.of(subject, scores)
    found = Expectation.of(subject, pupils, roster, np.eye(len(subject.items)))
    told = np.flatnonzero(np.isfinite(found.expected))
    verdict = np.select([found.below(rule.deviation), found.above(rule.deviation)], ["harder", "easier"], "")
    return tables.build(
        "research_items",
        {
            "subject": [subject.code] * len(told),
            "item": [subject.items[j].item for j in told],
            "n": found.n[told],
            "expected": found.expected[told],
            "rate": found.rate[told],
            "lower": found.lower[told],
            "upper": found.upper[told],
            "deviation": (found.rate - found.expected)[told],
            "verdict": verdict[told],
        },
    )
