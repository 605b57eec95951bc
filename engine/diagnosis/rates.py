"""Knowledge-point mastery as rates, and weak points.

**Rate.** A pupil's rate on a knowledge point is Σ w·x / Σ w·M over the items presented to him, with points x, full mark
M and the blueprint's weight w. A unit's rate pools its pupils: Σ gained / Σ at stake. The reference is the rate the
whole exam has on the very same items: each item presented counts with the exam's mean points on it, so a pupil who
chose another item of a choose-k-of-n group is measured against those who answered that one.

**Interval.** Wilson's score interval (Wilson 1927) of the rate with an effective number n of right/wrong trials:

* a pupil: n = S² / Σ φ (w·M)², S = Σ w·M. With φ = 1 this is Kish's effective sample size (Kish 1965) of his items,
  unequal in points. φ is an item's partial-credit factor, var(x) / (m (M - m)) over the exam with m the mean: 1 for a
  right/wrong item, less where partial credit spreads the points, never below 1/M (M separate points). A score within
  [0, M] varies most when it is right/wrong, and items of unequal difficulty vary less together than equal ones, so the
  interval errs on the wide side.
* a unit: n = r (1 - r) / v (the design-effect method of Korn & Graubard 1998) with v the between-pupil variance of the
  ratio estimator, n_p / (n_p - 1) · Σ (g - r s)² / S² (Cochran 1977, ch. 6), reduced by (z / t)² for its n_p - 1
  degrees of freedom, and at most the sum of its pupils' own n.

Pupils with status "violation" have rows of their own and count in no unit. Rates are raw, never shrunken.

**Weak** is what has evidence enough (`min_items` items, and `min_points` points at stake for a pupil), lies `min_gap`
or more below the reference, and has its whole interval below the reference. At the default rule, on 20 points of 3 to
5 right/wrong items of 2 points and difficulty 0.3 to 0.9, simulation (tests/engine/test_diagnosis.py) gives:

* no real weakness, pupils alike: 5 % of the points of pupils and 2 % of those of classes of 40 are called weak (with
  partial credit that owes nothing to ability, up to 7 % of pupils' points);
* true rates 0.25 too low: 25 % of the points of pupils and over 99 % of those of classes are found.

So among 20 points an average pupil without any weakness would be told of one. The stage therefore lets the pupils'
weak points rest on their profiles (engine/diagnosis/profile.py) wherever there are pupils enough for a model; those of
classes and schools stay as they are. A higher `confidence` trades the one error for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pyarrow as pa
from scipy.special import stdtrit

from engine import tables
from engine.diagnosis.intervals import wilson
from engine.exam import DiagnosisRule, Subject
from engine.knowledge import PupilPoints, knowledge_points, per_point, ratio, sum_by, weights
from engine.roster import rows_of, units_of

EVIDENCE = ("enough", "few items", "few points", "not presented")
TOLERANCE = 1e-9  # 0.52 - 0.60 is a gap of 0.08, whatever binary fractions make of it


def mastery(subject: Subject, scores: pa.Table, roster: pa.Table, rule: DiagnosisRule) -> pa.Table:
    """Rates per knowledge point of the exam, counties, schools, classes and pupils, and which points are weak.

    Args:
        subject: with the blueprint's knowledge points; items without any are left out.
        scores: student_id, status, one column an item in units of the subject's step (null: not presented), total.
        roster: student_id, class, school, county of at least the pupils scored.

    Returns:
        Table "mastery": levels exam, county, school, class, pupil, units in the order of their text, points in the
        order of the blueprint. A unit's `items` are all that its pupils were presented, its `max` the mean of their
        points at stake. Pupils without a score have no rows, nor have units without a name or without pupils.

    Raises:
        InputError: a scored pupil is not in the roster.
    """
    pupils = PupilPoints.of(subject, scores)
    weight = weights(subject)
    own = _sums(pupils, weight, pupils.points, pupils.presented.astype(float))
    trials = ratio(
        own.at_stake**2,
        per_point(pupils.presented * pupils.partial_credit(), (weight * pupils.full[:, None]) ** 2),
    )
    parts = []
    place = rows_of(pupils.student_id, roster)
    for level, units_by_pupil in units_of(place["student_id"], place).items():
        names = units_by_pupil.to_numpy(zero_copy_only=False)
        inside = np.flatnonzero(pupils.counted & (names != None))  # noqa: E711 (element by element)
        units, codes = np.unique(names[inside], return_inverse=True)
        pooled = _sums(
            pupils,
            weight,
            sum_by(codes, pupils.points[inside]),
            sum_by(codes, pupils.presented[inside].astype(float)),
        )
        n = np.bincount(codes, minlength=len(units))
        pooled_trials = _unit_trials(codes, own, trials, inside, pooled, rule.confidence)
        parts.append(_rows(subject, level, units, pooled, pooled_trials, n, rule))
    parts.append(_rows(subject, "pupil", pupils.student_id, own, trials, np.ones(len(trials)), rule))
    return pa.concat_tables(parts).combine_chunks()


@dataclass(frozen=True)
class _Sums:
    """Sums over a unit's pupils, (U, K)."""

    gained: np.ndarray
    at_stake: np.ndarray
    expected: np.ndarray  # points gained at the exam's mean of each item presented
    items: np.ndarray  # number of items presented


def _sums(pupils: PupilPoints, weight: np.ndarray, points: np.ndarray, presented: np.ndarray) -> _Sums:
    """From the points on and the number of pupils presented each item, both (U, J)."""
    return _Sums(
        gained=per_point(points, weight),
        at_stake=per_point(presented * pupils.full, weight),
        expected=per_point(presented * np.nan_to_num(pupils.item_means()), weight),
        items=per_point((presented > 0).astype(float), (weight > 0).astype(float)),
    )


def _unit_trials(
    codes: np.ndarray, own: _Sums, trials: np.ndarray, inside: np.ndarray, pooled: _Sums, confidence: float
) -> np.ndarray:
    """(U, K) effective number of trials of units with the pupils `inside`, see the module's docstring."""
    rate = ratio(pooled.gained, pooled.at_stake)
    at_stake = own.at_stake[inside]
    n = sum_by(codes, (at_stake > 0).astype(float))
    squares = sum_by(codes, (own.gained[inside] - np.nan_to_num(rate)[codes] * at_stake) ** 2)
    variance = ratio(n * squares, (n - 1) * pooled.at_stake**2)
    tail = (1 + confidence) / 2
    shrink = (NormalDist().inv_cdf(tail) / stdtrit(np.maximum(n - 1, 1), tail)) ** 2
    between = ratio(rate * (1 - rate) * shrink, variance)
    separate = sum_by(codes, np.nan_to_num(trials[inside]))
    return np.fmin(np.where(between > 0, between, np.nan), separate)


def _rows(
    subject: Subject, level: str, units: np.ndarray, sums: _Sums, trials: np.ndarray, n: np.ndarray, rule: DiagnosisRule
) -> pa.Table:
    rate = ratio(sums.gained, sums.at_stake)
    reference = rate if level == "exam" else ratio(sums.expected, sums.at_stake)
    lower, upper = wilson(rate, trials, rule.confidence)
    at_stake = sums.at_stake / n[:, None]
    evidence = np.select(
        [sums.items == 0, sums.items < rule.min_items, at_stake < rule.min_points - TOLERANCE], [3, 1, 2], default=0
    )
    gap = rate - reference
    weak = (evidence == 0) & (gap <= -rule.min_gap + TOLERANCE) & (upper < reference)
    names = knowledge_points(subject)
    cells = len(units) * len(names)
    return tables.build(
        "mastery",
        {
            "subject": _repeat(subject.code, cells),
            "level": _repeat(level, cells),
            "unit": pa.array(units, pa.string()).take(np.repeat(np.arange(len(units)), len(names))),
            "knowledge": pa.array(names, pa.string()).take(np.tile(np.arange(len(names)), len(units))),
            "items": sums.items.ravel().astype(np.int64),
            "max": at_stake.ravel(),
            "rate": rate.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
            "reference": reference.ravel(),
            "gap": gap.ravel(),
            "weak": weak.ravel(),
            "evidence": pa.array(EVIDENCE).take(evidence.ravel()),
        },
    )


def _repeat(text: str, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), times)
