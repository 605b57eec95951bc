"""Teaching groups within a class: pupils who need the same teaching.

Groups cluster the pupils of a class by their profile: how far each point lies from the reference. What is expected of
a pupil's gaps, given what was seen of them, takes the place of what was seen, so that noise makes no groups: the
posterior mean if gaps are normal with the covariance that they have in all pupils, found by EM (Dempster, Laird &
Rubin 1977; Morris 1983) with r (1 - r) / n for noise. Points that go together thus tell of each other, and one of few
items is hardly heard. Points count by their points at stake, and the overall gap by `OVERALL`: a group is for those who
lack the same, not for the strong or the weak, if the class differs in what it lacks.

The clusters are Ward's (1963), then k-means' (Lloyd 1982): every pupil goes to the nearest centre until nobody moves;
pupils of one smaller than `min_group` join the groups nearest to them. Of the partitions into at most `max_groups`
groups whose expected gaps are all `min_gap` or more apart (root mean square over the points), that with the best
silhouette (Rousseeuw 1987) is taken; if there is none, the class is one group.

Stability: random four fifths of the class are grouped anew into as many groups, `resamples` times, and the partitions
compared with that of the whole class: mean adjusted Rand index (Ben-Hur, Elisseeff & Guyon 2002), 1 if all agree.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.spatial.distance import cdist, pdist
from sklearn import config_context
from sklearn.cluster import ward_tree

from engine import tables
from engine.diagnosis.intervals import wilson_trials
from engine.diagnosis.matrices import Profiles
from engine.diagnosis.rates import TOLERANCE
from engine.exam import DiagnosisRule, Subject
from engine.knowledge import knowledge_points, ratio
from engine.roster import rows_of

FOCUS = 3  # knowledge points named to a group at most
OVERALL = 1 / 3  # weight of the overall gap beside that of what is lacking
NONE = 1e-6  # variance that is none
ROUNDS, SETTLED = 50, 1e-3  # of EM, and the change by which it ends, of the mean variance
MOST_MOVES = 20  # of k-means, which mostly takes four
FITTED = 1000  # pupils, evenly spread, from whom the covariance is found
CONTRAST = 0.05  # a label speaks of differences of at least this rate
PART = 0.8  # of the class, in a resample


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
    place = rows_of(profiles.student_id, roster)
    gaps = _expected_gaps(profiles, rule.confidence)
    share = _share(profiles.at_stake.sum(axis=0))
    rates = (_share(profiles.at_stake) * np.nan_to_num(profiles.rate)).sum(axis=1)
    names = knowledge_points(subject)
    classes: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(place["school"].to_pylist(), place["class"].to_pylist(), strict=True)):
        classes.setdefault(key, []).append(i)
    columns: dict[str, Any] = {name: [] for name in tables.SCHEMAS["groups"].names}
    with config_context(skip_parameter_validation=True):  # which takes as long as Ward's tree
        for (school, name), members in sorted(classes.items()):
            profile = gaps[members] * np.sqrt(share)
            features = profile - (1 - OVERALL) * (gaps[members] @ share)[:, None] * np.sqrt(share)
            group = _by_rate(_cluster(features, profile, rule), rates[members])
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
            columns["stability"] += [_stability(features, group, rule)] * len(members)
    return tables.build("groups", columns)


def _share(at_stake: np.ndarray) -> np.ndarray:
    """Share of each point in the points at stake, along the last axis; 0 where there are none."""
    return np.nan_to_num(ratio(at_stake, at_stake.sum(axis=-1, keepdims=True)))


def _expected_gaps(profiles: Profiles, confidence: float) -> np.ndarray:
    """(n, K) gaps to the reference expected of each pupil, also at points that were not presented to him."""
    known = profiles.at_stake > 0
    gap = np.nan_to_num(profiles.gap)
    overall = (_share(profiles.at_stake) * gap).sum(axis=1, keepdims=True)
    rate = np.clip(profiles.reference + overall, 0, 1)  # what is expected of the pupil if the point is like the others
    trials = wilson_trials(profiles.rate, profiles.lower, profiles.upper, confidence)
    number = known.sum(axis=0)
    noise = np.maximum(np.nan_to_num(ratio(np.nan_to_num(rate * (1 - rate) / trials).sum(axis=0), number)), NONE)
    mean = np.nan_to_num(ratio(gap.sum(axis=0), number))
    deviation = np.where(known, gap - mean, 0)
    some = slice(None, None, max(1, len(gap) // FITTED))
    covariance = _covariance(deviation[some], noise, known[some])
    expected = np.empty_like(gap)
    for pattern, rows in _alike(known):
        expected[rows] = mean + deviation[rows] @ _weights(covariance, noise, pattern)
    return expected


def _alike(known: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The different rows of a matrix, and the numbers of those that have each."""
    patterns, place = np.unique(known, axis=0, return_inverse=True)
    return [(pattern, np.flatnonzero(place.ravel() == number)) for number, pattern in enumerate(patterns)]


def _weights(covariance: np.ndarray, noise: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(K, K) by which deviations seen, 0 where not known, are multiplied for those expected."""
    weights = np.zeros_like(covariance)
    weights[known] = np.linalg.solve((covariance + np.diag(noise))[np.ix_(known, known)], covariance[known])
    return weights


def _covariance(deviation: np.ndarray, noise: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(K, K) of the deviations (n, K) without their noise (K,), by EM from a start that counts as much as K pupils: all
    points go together alike."""
    n, K = deviation.shape
    both = np.maximum(known.T.astype(float) @ known, 1)
    seen = deviation.T @ deviation / both - np.diag(noise)
    together = max((seen.sum() - np.trace(seen)) / max(K * (K - 1), 1), 0.0)
    start = np.full((K, K), together) + np.diag(np.maximum(np.diag(seen) - together, NONE))
    parts = [(pattern, len(rows), deviation[rows].T @ deviation[rows]) for pattern, rows in _alike(known)]
    covariance = start
    for _ in range(ROUNDS):
        squares = K * start
        for pattern, number, products in parts:
            weights = _weights(covariance, noise, pattern)
            squares = squares + weights.T @ products @ weights + number * (covariance - covariance @ weights)
        found = (squares + squares.T) / (2 * (n + K))
        change = np.abs(found - covariance).max()
        covariance = found
        if change < SETTLED * np.trace(covariance) / K:
            break
    return covariance


def _cluster(features: np.ndarray, profile: np.ndarray, rule: DiagnosisRule) -> np.ndarray:
    """A class's partition, as group numbers from 0: see the module's docstring for the criterion.

    Args:
        features: (n, K) what is clustered; profile: (n, K) gaps times the roots of the points' shares.
    """
    most = min(rule.max_groups, len(features) // max(rule.min_group, 2))
    best, chosen = 0.0, np.zeros(len(features), int)
    if most < 2:
        return chosen
    tree = _ward(features)
    apart = cdist(features, features)
    for k in range(2, most + 1):
        groups = _partition(features, tree, k, rule.min_group)
        centres = _centres(profile, groups)
        if len(centres) < 2 or pdist(centres).min() < rule.min_gap:
            continue
        quality = _silhouette(apart, groups)
        if quality > best + TOLERANCE:
            best, chosen = quality, groups
    return chosen


def _ward(features: np.ndarray) -> np.ndarray:
    """(n - 1, 2) the merges of Ward's tree."""
    # A column of ones moves nobody; without it, as many pupils as points may look like a matrix of distances to SciPy.
    observed = np.column_stack([features, np.ones(len(features))])
    merges: np.ndarray = ward_tree(observed)[0]
    return merges


def _partition(features: np.ndarray, tree: np.ndarray, k: int, min_group: int) -> np.ndarray:
    """k clusters, or fewer so that none is smaller than `min_group`."""
    groups = _moved(features, _cut(tree, k))
    while (sizes := np.bincount(groups)).min() < min_group:
        smallest = sizes.argmin()
        leavers = groups == smallest
        centres = np.delete(_centres(features, groups), smallest, axis=0)
        groups = groups - (groups > smallest)
        groups[leavers] = _nearest(features[leavers], centres)
    return groups


def _moved(features: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Every pupil in the group of the nearest centre; groups that all have left are no more."""
    for _ in range(MOST_MOVES):
        nearest = _nearest(features, _centres(features, groups))
        if np.array_equal(nearest, groups):
            break
        groups = (np.cumsum(np.bincount(nearest) > 0) - 1)[nearest]
    return groups


def _nearest(features: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n,) the number of the centre nearest to each."""
    return np.asarray(((centres**2).sum(axis=1) - 2 * features @ centres.T).argmin(axis=1))


def _cut(tree: np.ndarray, k: int) -> np.ndarray:
    """(n,) the group of every pupil when all but the last k - 1 merges are made."""
    n = len(tree) + 1
    group = [0] * (2 * n - 1)
    groups = 1
    for merge in range(n - 2, -1, -1):
        one, other = tree[merge].tolist()
        group[one] = group[other] = group[n + merge]
        if groups < k:
            group[other] = groups
            groups += 1
    return np.array(group[:n])


def _silhouette(apart: np.ndarray, groups: np.ndarray) -> float:
    """Mean silhouette of two or more groups (Rousseeuw 1987), 0 for a pupil alone; from distances (n, n)."""
    member = np.eye(groups.max() + 1)[groups]
    size = member.sum(axis=0)
    own = np.arange(len(groups)), groups
    total = apart @ member
    within = total[own] / np.maximum(size[groups] - 1, 1)
    mean = total / size
    mean[own] = np.inf
    nearest = mean.min(axis=1)
    width = ratio(nearest - within, np.maximum(nearest, within))
    return float(np.where(size[groups] > 1, np.nan_to_num(width), 0).mean())


def _stability(features: np.ndarray, groups: np.ndarray, rule: DiagnosisRule) -> float | None:
    """Mean adjusted Rand index of the groups and those of parts of the class, see the module's docstring."""
    k = groups.max() + 1
    if k < 2 or not rule.resamples:
        return None
    rng = np.random.default_rng(len(groups))
    found = []
    for _ in range(rule.resamples):
        part = np.sort(rng.permutation(len(groups))[: round(PART * len(groups))])
        found.append(adjusted_rand(groups[part], _partition(features[part], _ward(features[part]), k, rule.min_group)))
    return float(np.mean(found))


def adjusted_rand(one: np.ndarray, other: np.ndarray) -> float:
    """Agreement of two partitions (n,), numbers from 0: 1 if they are the same, 0 on average of random ones (Hubert &
    Arabie 1985)."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    together, of_one, of_other = (
        (count * (count - 1)).sum() / 2 for count in (table, table.sum(axis=1), table.sum(axis=0))
    )
    expected = of_one * of_other / max(len(one) * (len(one) - 1) / 2, 1)
    most = (of_one + of_other) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def _centres(features: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(groups, K) means."""
    member = np.eye(groups.max() + 1)[groups]
    return np.asarray(member.T @ features / member.sum(axis=0)[:, None])


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
