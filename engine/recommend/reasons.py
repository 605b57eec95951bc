"""Why a question is recommended, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.exam import RecommendRule
from engine.recommend.needs import Evidence, Needs, Scope
from engine.recommend.sentences import joined, number, percent

SLIGHT = 0.1  # a smaller gap is told as slight
# What a recommendation is for; the first that holds.
PURPOSES = ("weak", "prerequisite", "review", "unknown", "behind", "practice")


@dataclass(frozen=True)
class Why:
    """What recommendations are for, (R,) each.

    Attributes:
        purpose: index of `PURPOSES`.
        rests: the needier point that rests on the one recommended, when that is not ready; else -1.
    """

    purpose: np.ndarray
    rests: np.ndarray

    @classmethod
    def of(cls, evidence: Evidence, needs: Needs, who: np.ndarray, point: np.ndarray, scope: Scope) -> Why:
        """Of recommendations to `who` for `point`, (R,) each; evidence and needs are (n, K)."""
        rests = np.full(len(point), -1)
        held = np.flatnonzero((needs.unready[who, point] > 0) & (scope.rests.sum(axis=1)[point] > 0))
        above = np.where(scope.rests[point[held]], needs.need[who[held]], -1)
        neediest = above.argmax(axis=1)
        needed = above[np.arange(len(held)), neediest] > needs.need[who[held], point[held]]
        rests[held[needed]] = neediest[needed]
        purpose = np.select(
            [
                evidence.weak[who, point],
                rests >= 0,
                needs.due[who, point] > 0,
                ~evidence.enough[who, point],
                evidence.gap[who, point] < 0,
            ],
            range(len(PURPOSES) - 1),
            default=len(PURPOSES) - 1,
        )
        return cls(purpose, rests)


def because(
    why: Why,
    evidence: Evidence,
    who: np.ndarray,
    point: np.ndarray,
    chance: np.ndarray,
    scope: Scope,
    rule: RecommendRule,
) -> pa.Array:
    """(R,) what each recommendation is for and what that rests on; `evidence` is (n, K)."""
    names = pa.array([f"「{name}」" for name in scope.names], pa.string())
    name, rests = names.take(pa.array(point)), names.take(pa.array(why.rests, mask=why.rests < 0))
    items, gap = evidence.items[who, point], evidence.gap[who, point]
    rates = joined(percent(evidence.rate[who, point]), "（全体 ", percent(evidence.reference[who, point]))
    asked = pa.array(items > 0)
    smoothed = pa.array(np.where(evidence.smoothed[who, point], "估计", ""))
    seen = pc.if_else(
        asked, joined(name, smoothed, "得分率 ", rates, "，", number(items), " 题）"), joined(name, "这次没有考到")
    )
    slightly = pa.array(np.where(gap > -SLIGHT, "略", ""))
    use = pa.array(np.where(chance >= (rule.target_low + rule.target_high) / 2, "巩固", "提高"))
    sentences = {
        "review": joined("复习", name, "，讲授已过 ", number(scope.days[point]), " 天"),
        "weak": joined("薄弱点", seen),
        "prerequisite": joined(seen, "，它是", rests, "的基础，先练"),
        "unknown": joined(seen, pc.if_else(asked, "，题量少", ""), "，练习后再看"),
        "behind": joined(seen, "，", slightly, "低于全体"),
        "practice": joined(seen, "，不低于全体，用于", use),
    }
    return pc.choose(pa.array(why.purpose), *(sentences[purpose] for purpose in PURPOSES))


def zone(chance: np.ndarray, rule: RecommendRule) -> pa.Array:
    """A word on questions outside the target zone."""
    return pa.array(np.select([chance < rule.target_low, chance > rule.target_high], ["（偏难）", "（偏易）"], ""))
