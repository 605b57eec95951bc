"""Knowledge-point mastery, weak points and teaching groups.

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

So among 20 points an average pupil without any weakness is told of one: a pupil's weak point says where to look first,
a class's is a finding. A higher `confidence` trades the one error for the other.

**Teaching groups** cluster the pupils of a class by their profile: how far each point lies from the reference. Pupils'
overall gaps, and their points' deviations from these, are shrunken first toward the subject's mean and toward 0 by
reliability, τ² / (τ² + se²), with se² = r (1 - r) / n at the rate expected of the pupil and τ² the variance left when
the mean se² is taken off (empirical Bayes, Morris 1983), so that noise makes no groups. Points count by their points at
stake. The clusters are Ward's (1963); pupils of one smaller than `min_group` join the groups nearest to them. Of the
partitions into at most `max_groups` groups whose centres are all `min_gap` or more apart (root mean square over the
points), that with the best silhouette (Rousseeuw 1987) is taken; if there is none, the class is one group.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import stdtrit
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

from engine import tables
from engine.errors import InputError
from engine.exam import DiagnosisRule, Subject
from engine.knowledge import PupilPoints, knowledge_points, per_point, ratio, weights
from engine.roster import units_of

EVIDENCE = ("enough", "few items", "few points", "not presented")
TOLERANCE = 1e-9  # 0.52 - 0.60 is a gap of 0.08, whatever binary fractions make of it
FOCUS = 3  # knowledge points named to a group at most
CONTRAST = 0.05  # a label speaks of differences of at least this rate


def wilson(rate: np.ndarray, trials: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a rate seen in an effective number of trials; NaN without trials.

    A rate outside 0…1 (negative marking) has the interval of the nearest rate inside, widened to hold it.
    """
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    inside = np.clip(rate, 0, 1)
    trials = np.where(trials > 0, trials, np.nan)
    middle = (inside + z2 / (2 * trials)) / (1 + z2 / trials)
    half = np.sqrt(z2 * (inside * (1 - inside) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    return np.minimum(np.maximum(middle - half, 0), rate), np.maximum(np.minimum(middle + half, 1), rate)


def wilson_trials(rate: np.ndarray, lower: np.ndarray, upper: np.ndarray, confidence: float) -> np.ndarray:
    """The effective number of trials behind an interval of `wilson`: its inverse (a quadratic in c = z²/n)."""
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    inside = np.clip(rate, 0, 1)
    h2 = ((np.clip(upper, 0, 1) - np.clip(lower, 0, 1)) / 2) ** 2
    b = inside * (1 - inside) - 2 * h2
    c = 2 * h2 / (b + np.sqrt(b**2 + (1 - 4 * h2) * h2))
    return z2 / c


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
    place = _in_roster(pupils.student_id, roster)
    for level, units_by_pupil in units_of(place["student_id"], place).items():
        names = units_by_pupil.to_numpy(zero_copy_only=False)
        inside = np.flatnonzero(pupils.counted & (names != None))  # noqa: E711 (element by element)
        units, codes = np.unique(names[inside], return_inverse=True)
        pooled = _sums(
            pupils,
            weight,
            _sum_by(codes, pupils.points[inside]),
            _sum_by(codes, pupils.presented[inside].astype(float)),
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


def _sum_by(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n, columns) summed over the rows of each code."""
    sums = np.zeros((codes.max(initial=-1) + 1, values.shape[1]))
    for column, values_of in enumerate(values.T):
        sums[:, column] = np.bincount(codes, weights=values_of)
    return sums


def _unit_trials(
    codes: np.ndarray, own: _Sums, trials: np.ndarray, inside: np.ndarray, pooled: _Sums, confidence: float
) -> np.ndarray:
    """(U, K) effective number of trials of units with the pupils `inside`, see the module's docstring."""
    rate = ratio(pooled.gained, pooled.at_stake)
    at_stake = own.at_stake[inside]
    n = _sum_by(codes, (at_stake > 0).astype(float))
    squares = _sum_by(codes, (own.gained[inside] - np.nan_to_num(rate)[codes] * at_stake) ** 2)
    variance = ratio(n * squares, (n - 1) * pooled.at_stake**2)
    tail = (1 + confidence) / 2
    shrink = (NormalDist().inv_cdf(tail) / stdtrit(np.maximum(n - 1, 1), tail)) ** 2
    between = ratio(rate * (1 - rate) * shrink, variance)
    separate = _sum_by(codes, np.nan_to_num(trials[inside]))
    return np.fmin(np.where(between > 0, between, np.nan), separate)


def _in_roster(student_id: np.ndarray, roster: pa.Table) -> pa.Table:
    """The roster's rows of these pupils, in their order."""
    row = pc.index_in(pa.array(student_id, pa.string()), roster["student_id"].combine_chunks())
    if row.null_count:
        stranger = student_id[row.is_null().to_numpy(zero_copy_only=False)][0]
        raise InputError(f"pupil {stranger!r} has a score but is not in the roster", mend="match the pages again")
    return roster.take(row)


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


@dataclass(frozen=True)
class Profiles:
    """The pupils' rows of a mastery table as matrices, (n, K) unless said; NaN where not presented.

    Attributes:
        student_id: (n,) object, sorted.
        weak, enough: bool, weak point; evidence enough.
        items: number of items presented.
        at_stake: points at stake.
        rate, lower, upper, reference, gap: as in the table.
    """

    student_id: np.ndarray
    weak: np.ndarray
    enough: np.ndarray
    items: np.ndarray
    at_stake: np.ndarray
    rate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    reference: np.ndarray
    gap: np.ndarray

    @classmethod
    def of(cls, subject: Subject, mastery: pa.Table) -> Profiles:
        """From a mastery table of any subjects and levels, rows in any order."""
        rows = mastery.filter((pc.field("subject") == subject.code) & (pc.field("level") == "pupil"))
        units = pc.unique(rows["unit"])
        units = units.take(pc.sort_indices(units))
        i = pc.index_in(rows["unit"], units).to_numpy()
        k = pc.index_in(rows["knowledge"], pa.array(knowledge_points(subject), pa.string())).to_numpy()

        def matrix(values: np.ndarray, missing: float) -> np.ndarray:
            cells = np.full((len(units), len(knowledge_points(subject))), missing, values.dtype)
            cells[i, k] = values
            return cells

        return cls(
            student_id=np.array(units.to_pylist(), dtype=object),
            weak=matrix(rows["weak"].to_numpy(), False),
            enough=matrix(pc.equal(rows["evidence"], "enough").to_numpy(), False),
            items=matrix(rows["items"].to_numpy(), 0),
            at_stake=matrix(rows["max"].to_numpy(), 0.0),
            rate=matrix(rows["rate"].to_numpy(), np.nan),
            lower=matrix(rows["lower"].to_numpy(), np.nan),
            upper=matrix(rows["upper"].to_numpy(), np.nan),
            reference=matrix(rows["reference"].to_numpy(), np.nan),
            gap=matrix(rows["gap"].to_numpy(), np.nan),
        )


def teaching_groups(subject: Subject, mastery: pa.Table, roster: pa.Table, rule: DiagnosisRule) -> pa.Table:
    """Groups of pupils within each class who need the same teaching (see the module's docstring).

    Args:
        mastery: table "mastery" of the subject (others are passed over).
        roster: student_id, class, school.

    Returns:
        Table "groups": classes, and pupils within, in the order of their text; groups numbered from the weakest. A
        pupil without a score has no row. The result does not depend on the order of rows.

    Raises:
        InputError: a pupil of the mastery table is not in the roster.
    """
    profiles = Profiles.of(subject, mastery)
    if not len(profiles.student_id):
        return tables.empty("groups")
    place = _in_roster(profiles.student_id, roster)
    gaps = _shrunken_gaps(profiles, rule.confidence)
    share = _share(profiles.at_stake.sum(axis=0))
    rates = (_share(profiles.at_stake) * np.nan_to_num(profiles.rate)).sum(axis=1)
    names = knowledge_points(subject)
    classes: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(place["school"].to_pylist(), place["class"].to_pylist(), strict=True)):
        classes.setdefault(key, []).append(i)
    columns: dict[str, Any] = {name: [] for name in tables.SCHEMAS["groups"].names}
    for (school, name), members in sorted(classes.items()):
        group = _by_rate(_cluster(gaps[members] * np.sqrt(share), rule), rates[members])
        texts = []
        for g in range(group.max() + 1):
            inside = np.array(members)[group == g]
            contrast = gaps[inside].mean(axis=0) - gaps[members].mean(axis=0)
            whole_class = f"全班一组（得分率 {rates[members].mean():.0%}）"
            label = (
                whole_class
                if len(inside) == len(members)
                else _label(names, rates[inside].mean(), rates[members].mean(), contrast - share @ contrast)
            )
            texts.append((label, "、".join(names[k] for k in _focus(profiles, inside, rule))))
        columns["subject"] += [subject.code] * len(members)
        columns["school"] += [school] * len(members)
        columns["class"] += [name] * len(members)
        columns["student_id"] += list(profiles.student_id[members])
        columns["group"] += list(group + 1)
        columns["label"] += [texts[g][0] for g in group]
        columns["focus"] += [texts[g][1] for g in group]
    return tables.build("groups", columns)


def _share(at_stake: np.ndarray) -> np.ndarray:
    """Share of each point in the points at stake, along the last axis; 0 where there are none."""
    return np.nan_to_num(ratio(at_stake, at_stake.sum(axis=-1, keepdims=True)))


def _shrunken_gaps(profiles: Profiles, confidence: float) -> np.ndarray:
    """(n, K) gaps to the reference, shrunken by reliability; a point not presented has the pupil's overall gap."""
    share = _share(profiles.at_stake)
    gap = np.nan_to_num(profiles.gap)
    overall = (share * gap).sum(axis=1, keepdims=True)
    level = np.clip(profiles.reference + overall, 0, 1)  # what is expected of the pupil if the point is like the others
    trials = wilson_trials(profiles.rate, profiles.lower, profiles.upper, confidence)
    noise = np.nan_to_num(level * (1 - level) / trials)
    overall_noise = (share**2 * noise).sum(axis=1, keepdims=True)
    deviation = gap - overall
    everywhere = np.ones_like(overall, bool)
    return (
        overall.mean(axis=0)
        + _shrink(overall - overall.mean(axis=0), overall_noise, everywhere)
        + _shrink(deviation, (1 - 2 * share) * noise + overall_noise, profiles.at_stake > 0)
    )


def _shrink(deviation: np.ndarray, noise: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Deviations (n, columns) shrunken toward 0 by each column's variance τ² beyond the noise; 0 where unknown."""
    excess = np.where(known, deviation**2 - noise, 0).sum(axis=0)
    variance = np.maximum(np.nan_to_num(ratio(excess, known.sum(axis=0))), 0)
    return np.where(known, np.nan_to_num(ratio(variance, variance + noise)) * deviation, 0)


def _cluster(features: np.ndarray, rule: DiagnosisRule) -> np.ndarray:
    """A class's partition, as group numbers from 0: see the module's docstring for the criterion."""
    best, groups = 0.0, np.zeros(len(features), int)
    for k in range(2, min(rule.max_groups, len(features) // max(rule.min_group, 2)) + 1):
        found = _partition(features, k, rule.min_group)
        centres = _centres(features, found)
        distance = np.linalg.norm(centres[:, None] - centres, axis=2)
        if len(centres) < 2 or distance[np.triu_indices(len(centres), 1)].min() < rule.min_gap:
            continue
        quality = silhouette_score(features, found)
        if quality > best + TOLERANCE:
            best, groups = quality, found
    return groups


def _partition(features: np.ndarray, k: int, min_group: int) -> np.ndarray:
    """k Ward clusters, or fewer so that none is smaller than `min_group`."""
    # A column of ones moves nobody; without it, as many pupils as points may look like a matrix of distances to SciPy.
    observed = np.column_stack([features, np.ones(len(features))])
    groups = AgglomerativeClustering(k, linkage="ward").fit_predict(observed)
    while (sizes := np.bincount(groups)).min() < min_group:
        leavers = groups == sizes.argmin()
        centres = _centres(features, groups)
        centres[sizes.argmin()] = np.inf
        groups[leavers] = np.linalg.norm(features[leavers, None] - centres, axis=2).argmin(axis=1)
        groups = np.unique(groups, return_inverse=True)[1]
    return groups


def _centres(features: np.ndarray, groups: np.ndarray) -> np.ndarray:
    return np.stack([features[groups == g].mean(axis=0) for g in range(groups.max() + 1)])


def _by_rate(groups: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """The same groups, numbered from the one with the lowest mean rate."""
    means = [rate[groups == g].mean() for g in range(groups.max() + 1)]
    return np.argsort(np.argsort(means, kind="stable"), kind="stable")[groups]


def _label(names: list[str], rate: float, class_rate: float, contrast: np.ndarray) -> str:
    """What distinguishes a group: its level, and the points where it departs from the class beyond that."""
    word = (
        "高于全班" if rate - class_rate >= CONTRAST else "低于全班" if class_rate - rate >= CONTRAST else "与全班相近"
    )
    order = np.argsort(contrast, kind="stable")
    weaker = "".join(f"「{names[k]}」" for k in order[:2] if contrast[k] <= -CONTRAST)
    stronger = "".join(f"「{names[k]}」" for k in order[:-3:-1] if contrast[k] >= CONTRAST)
    return (
        f"整体{word}（得分率 {rate:.0%}，全班 {class_rate:.0%}）"
        + (f"，相对弱项{weaker}" if weaker else "")
        + (f"，相对强项{stronger}" if stronger else "")
    )


def _focus(profiles: Profiles, rows: np.ndarray, rule: DiagnosisRule) -> np.ndarray:
    """Points where the group is surely behind the reference, by points lost; without any, by points left to gain."""
    presented = profiles.at_stake[rows] > 0
    n = presented.sum(axis=0)
    gap = ratio(np.nan_to_num(profiles.gap[rows]).sum(axis=0), n)
    squares = (np.where(presented, profiles.gap[rows] - gap, 0) ** 2).sum(axis=0)
    error = np.sqrt(ratio(squares, n * (n - 1)))
    z = NormalDist().inv_cdf((1 + rule.confidence) / 2)
    enough = profiles.enough[rows].any(axis=0)
    behind = enough & (gap <= -rule.min_gap + TOLERANCE) & (gap + z * error < 0)
    at_stake = profiles.at_stake[rows]
    left = at_stake.mean(axis=0) - (at_stake * np.nan_to_num(profiles.rate[rows])).mean(axis=0)
    gain, chosen = (-gap * at_stake.mean(axis=0), behind) if behind.any() else (left, enough & (left > TOLERANCE))
    order = np.argsort(-np.nan_to_num(gain), kind="stable")
    return order[chosen[order]][:FOCUS]
