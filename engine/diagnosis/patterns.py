"""共性错误: the knowledge points and items at which a whole county, school or class lies below the exam.

The gap of a unit is Σ d / Σ s over its pupils, with s the points at stake for a pupil and d what he gained of them
beyond the exam's mean points on the same items: its rate less the reference of `engine.diagnosis.rates`. Its variance
is that of a ratio estimator, Σ (d - gap · s)² / (n - 1) · n / (Σ s)² (Cochran 1977, ch. 6), where the sum of squares
is taken together with PRIOR pupils who vary as those of all units do on average (moderated t, Smyth 2004): a handful
of pupils who all happen to err alike is no proof. Tests are two-sided t tests with n - 1 + PRIOR degrees of freedom,
adjusted for all units of the level and all its points, or items (Benjamini & Hochberg 1995).

A gap is an error pattern if the adjusted p-value is at most `false_discoveries` and it is `min_gap` or more below.
`specific` tells if it is more than the unit's level: the gap less the unit's gap on the whole paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import stdtr, stdtrit

from engine import tables
from engine.compare import false_discovery
from engine.diagnosis.rates import TOLERANCE
from engine.exam import DiagnosisRule, Subject
from engine.knowledge import PupilPoints, per_point, ratio, sum_by, topics
from engine.roster import rows_of, units_of

PRIOR = 10  # pupils that stand for what is known of the variance from other units
LEVELS = {"county": "本县区", "school": "本校", "class": "本班"}
KINDS = {"knowledge": "知识点「{}」", "ability": "能力层次「{}」", "type": "题型「{}」", "item": "第 {} 题"}
TYPES = {"single": "单选", "multiple": "多选", "number": "填数", "constructed": "主观"}
SPECIFIC = 0.05  # a reason says that a gap is more than the unit's level from here on


def error_patterns(subject: Subject, scores: pa.Table, roster: pa.Table, rule: DiagnosisRule) -> pa.Table:
    """Gaps of counties, schools and classes at every knowledge point, ability, type of item, and item.

    Args:
        scores: as for `engine.diagnosis.mastery`; pupils with status "violation" do not count.
        roster: student_id, class, school, county of at least the pupils scored.

    Returns:
        Table "patterns": levels county, school, class; units in the order of their text; points, abilities, types,
        then items, in the order of the blueprint, those presented to somebody. p and q are null where one pupil only
        was presented it.

    Raises:
        InputError: a scored pupil is not in the roster.
    """
    pupils = PupilPoints.of(subject, scores)
    place = rows_of(pupils.student_id, roster)
    items = [item.item for item in subject.items]
    parts = topics(subject) | {"item": (items, np.eye(len(items)))}
    found = [tables.empty("patterns")]
    for level, units_by_pupil in units_of(place["student_id"], place).items():
        names = units_by_pupil.to_numpy(zero_copy_only=False)
        inside = np.flatnonzero(pupils.counted & (names != None))  # noqa: E711 (element by element)
        if level not in LEVELS or not len(inside):
            continue
        units, codes = np.unique(names[inside], return_inverse=True)
        overall = _gaps(pupils, np.ones((len(items), 1)), inside, codes).gap
        for kind, (labels, weight) in parts.items():
            gaps = _gaps(pupils, weight, inside, codes)
            found.append(_rows(subject, level, units, kind, labels, gaps, overall, rule))
    return pa.concat_tables(found).combine_chunks()


@dataclass(frozen=True)
class _Gaps:
    """Of units, (U, parts)."""

    n: np.ndarray
    rate: np.ndarray
    gap: np.ndarray
    error: np.ndarray  # standard error of the gap
    df: np.ndarray


def _gaps(pupils: PupilPoints, weight: np.ndarray, inside: np.ndarray, codes: np.ndarray) -> _Gaps:
    presented, points = pupils.presented[inside].astype(float), pupils.points[inside]
    at_stake = per_point(presented * pupils.full, weight)
    beyond = per_point(points, weight) - per_point(presented * np.nan_to_num(pupils.item_means()), weight)
    n = sum_by(codes, (at_stake > 0).astype(float))
    whole = sum_by(codes, at_stake)
    gap = ratio(sum_by(codes, beyond), whole)
    squares = sum_by(codes, (beyond - np.nan_to_num(gap)[codes] * at_stake) ** 2)
    free = np.maximum(n - 1, 0)
    typical = ratio(squares.sum(axis=0), free.sum(axis=0))
    df = free + PRIOR
    variance = (squares + PRIOR * np.nan_to_num(typical)) / df
    error = np.sqrt(ratio(n * variance, whole**2))
    return _Gaps(
        n,
        ratio(sum_by(codes, per_point(points, weight)), whole),
        gap,
        np.where((n > 1) & (error > 0), error, np.nan),
        df,
    )


def _rows(
    subject: Subject,
    level: str,
    units: np.ndarray,
    kind: str,
    labels: list[str],
    gaps: _Gaps,
    overall: np.ndarray,
    rule: DiagnosisRule,
) -> pa.Table:
    p = 2 * stdtr(gaps.df, -np.abs(gaps.gap / gaps.error))
    q = false_discovery(p)
    significant = (q <= rule.false_discoveries) & (gaps.gap <= -rule.min_gap + TOLERANCE)
    half = gaps.error * stdtrit(gaps.df, (1 + rule.confidence) / 2)
    specific = gaps.gap - overall
    reasons = np.full(gaps.gap.shape, "", dtype=object)
    for u, k in zip(*np.nonzero(significant), strict=True):
        what = KINDS[kind].format(TYPES.get(labels[k], labels[k]))
        rate, gap = gaps.rate[u, k], gaps.gap[u, k]
        reasons[u, k] = (
            f"{what}{LEVELS[level]} {gaps.n[u, k]:.0f} 人得分率 {rate:.0%}，全体同题 {rate - gap:.0%}，"
            f"低 {-100 * gap:.0f} 个百分点"
            + (
                f"；扣除{LEVELS[level]}整体差距后仍低 {-100 * specific[u, k]:.0f} 个百分点，是此处特有的问题"
                if specific[u, k] <= -SPECIFIC
                else "；与整体水平的差距相当"
            )
        )
    u, k = np.nonzero(gaps.n > 0)
    return tables.build(
        "patterns",
        {
            "subject": [subject.code] * len(u),
            "level": [level] * len(u),
            "unit": pa.array(units, pa.string()).take(u),
            "kind": [kind] * len(u),
            "name": pa.array(labels, pa.string()).take(k),
            "n": gaps.n[u, k].astype(np.int64),
            "rate": gaps.rate[u, k],
            "reference": (gaps.rate - gaps.gap)[u, k],
            "gap": gaps.gap[u, k],
            "lower": (gaps.gap - half)[u, k],
            "upper": (gaps.gap + half)[u, k],
            "specific": specific[u, k],
            "p": p[u, k],
            "q": q[u, k],
            "significant": significant[u, k],
            "reason": pa.array(reasons[u, k], pa.string()),
        },
    )
