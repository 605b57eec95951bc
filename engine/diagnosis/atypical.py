"""Pupils whose answers do not fit their score: careless 粗心, guessing 猜答, or otherwise atypical 作答异常.

Items count as right or wrong, and caution indices are as in `engine.sp` (table "person_fit"). A caution index above 0.5
alone says little: on many papers half of all pupils have one. A pupil is listed if his caution index is at least
`caution`, his modified one at least `modified_caution`, and his answers are in worse order than chance allows for his
score. With p_j the rate right on item j among pupils of about the same number right (at least WINDOW of them), and b_j
the rate among all, less its mean over his items, z = Σ (p_j - x_j) b_j / √(Σ p_j (1 - p_j) b_j²) is about normal, and
must reach the one-sided `atypical` point. So of pupils who answer like others about 1 - `atypical` are listed at most.

A pupil with at least the exam's "good" rate is careless: he has what is hard and lost what is easy. One who has no more
than GUESS of the items right, and whose unexpected right answers are to choice items mostly, is guessing. Others are
atypical: fatigue, gaps in what was taught, a shifted sheet, copying: a person should look.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.special import ndtri

from engine import tables
from engine.exam import DiagnosisRule, Lines, Subject
from engine.knowledge import ratio
from engine.scorematrix import ScoreMatrix
from engine.sp import binarize, caution_indices

WINDOW = 50  # pupils of about the same score, at least
GUESS = 0.5  # rate of items right up to which a pupil may be guessing
NAMED = 5  # items named to each side
KINDS = {
    "careless": "得分率高，却错了较容易的题，可能粗心；请核对草稿与审题",
    "guessing": "得分率低，做对的难题多为选择题，可能靠猜；请当面追问思路",
    "atypical": "该对的错、该错的对，作答与水平不符；请了解原因（漏学、状态、错位填涂等）",
}


def atypical_pupils(subject: Subject, matrix: ScoreMatrix, rule: DiagnosisRule, lines: Lines) -> pa.Table:
    """Pupils with an unexpected pattern of answers.

    Args:
        matrix: see `engine.scorematrix.score_matrix`.
        lines: of the exam: from `good` up a pupil counts as able.

    Returns:
        Table "atypical", pupils in the order of their text.
    """
    order = sorted(range(len(matrix.students)), key=lambda i: matrix.students[i])
    # In this order from the start: the last bit of what products of matrices give depends on a row's place.
    right = binarize(matrix.points[order], matrix.full)
    caution, modified = caution_indices(right)
    with np.errstate(invalid="ignore"):
        found = (caution >= rule.caution) & (modified >= rule.modified_caution)
        found &= disorder(right) >= ndtri(rule.atypical)
    rates = ratio(np.nansum(right, axis=0), (~np.isnan(right)).sum(axis=0))
    choice = {item.item for item in subject.items if item.type in ("single", "multiple")}
    columns: dict[str, list] = {name: [] for name in tables.SCHEMAS["atypical"].names}
    for i in np.flatnonzero(found):
        easy_wrong, hard_right = _unexpected(right[i], rates)
        rate = float(np.nanmean(right[i]))
        guessed = sum(matrix.items[j] in choice for j in hard_right) * 2 > len(hard_right)
        kind = "careless" if rate >= lines.good else "guessing" if rate <= GUESS and guessed else "atypical"
        wrong, surprising = ("、".join(matrix.items[j] for j in places[:NAMED]) for places in (easy_wrong, hard_right))
        columns["subject"].append(subject.code)
        columns["student_id"].append(matrix.students[order[i]])
        columns["kind"].append(kind)
        columns["rate"].append(rate)
        columns["caution"].append(float(caution[i]))
        columns["modified_caution"].append(float(modified[i]))
        columns["easy_wrong"].append(wrong)
        columns["hard_right"].append(surprising)
        columns["reason"].append(
            f"做对 {np.nansum(right[i]):.0f}/{(~np.isnan(right[i])).sum()} 题，较易的第 {wrong} 题错，"
            f"较难的第 {surprising} 题对：{KINDS[kind]}"
        )
    return tables.build("atypical", columns)


def disorder(right: np.ndarray) -> np.ndarray:
    """(pupils,) z of the module's docstring: how far easy items are wrong and hard ones right beyond chance.

    NaN where all is right or all wrong.

    Args:
        right: (pupils, items) 1, 0, NaN missing.
    """
    there = ~np.isnan(right)
    x = np.where(there, right, 0)
    share = ratio(x.sum(axis=1), there.sum(axis=1))
    alike = _alike(x, there, share)
    ease = np.where(there, ratio(x.sum(axis=0), there.sum(axis=0)), 0)
    ease = np.where(there, ease - ratio(ease.sum(axis=1), there.sum(axis=1))[:, None], 0)
    variance = (alike * (1 - alike) * ease**2).sum(axis=1)
    z = ratio(((alike - x) * ease).sum(axis=1), np.sqrt(variance))
    return np.where((share > 0) & (share < 1), z, np.nan)


def _alike(x: np.ndarray, there: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(pupils, items) rates right among pupils of the same share right, and of neighbouring shares until there are
    WINDOW of them."""
    levels, level = np.unique(np.nan_to_num(share), return_inverse=True)
    count = np.bincount(level, minlength=len(levels))
    right, n = (
        np.stack([np.bincount(level, weights=column, minlength=len(levels)) for column in values.T], axis=1)
        for values in (x, there.astype(float))
    )
    until = np.cumsum(count)
    first, last = np.arange(len(levels)), np.arange(len(levels))
    for a in range(len(levels)):
        low, high = a, a
        while until[high] - until[low] + count[low] < WINDOW and (low > 0 or high < len(levels) - 1):
            low, high = max(low - 1, 0), min(high + 1, len(levels) - 1)
        first[a], last[a] = low, high
    right, n = (np.vstack([np.zeros(x.shape[1]), values.cumsum(axis=0)]) for values in (right, n))
    rates = np.nan_to_num(ratio(right[last + 1] - right[first], n[last + 1] - n[first]))
    return np.where(there, rates[level], 0)


def _unexpected(right: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wrong ones of the easiest items, as many as he has right, easiest first; right ones of others, hardest first."""
    order = np.argsort(-np.where(np.isnan(right), -1, rates), kind="stable")[: int((~np.isnan(right)).sum())]
    score = int(np.nansum(right))
    easy, hard = order[:score], order[score:]
    return easy[right[easy] == 0], hard[right[hard] == 1][::-1]
