"""The lists: which questions each pupil gets, all constraints together; the loops are in `engine._recommend`.

A question is worth the need of its neediest point × its appeal × its information. Lists are made greedily, the question
worth most first:

**Zone.** The appeal is 1 where the logit of the expected success is in the middle of the target zone, 0.9 at its ends,
and falls fast outside, as 1 / (1 + u⁴/9) at u half-widths from the middle: a question far outside the zone is taken
only when nothing better is left, and its reason says so.

**Diversity.** Each question on a point lowers its need by a fifth; no more than `per_knowledge` touch one point; of a
family of near-duplicates and variants a pupil gets one.

**Not seen before.** Never a question that the pupil has had.

**Exposure.** No question goes to more than `max_share` of a class (at least to one pupil), hence to no greater share of
the exam, but for rounding. The weakest pupils choose first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from engine._recommend import choose as fill_in
from engine.exam import RecommendRule
from engine.recommend.ability import logistic, logit
from engine.recommend.needs import Needs, Scope
from engine.recommend.questions import Questions

LOW, HIGH, PER_LOGIT = -6.0, 6.0, 10  # for the choice, abilities are rounded to a tenth of a logit
EDGE = 0.9  # the appeal at the ends of the zone
NARROW = 0.1  # logits: no zone is narrower than twice this
DIVERSITY = 0.8  # need of a point after each question on it
BLOCKED = 0.5  # need of a point that rests on one that is not ready
CHUNK = 64  # pupils a thread takes at a time where nothing is shared among them


@dataclass(frozen=True)
class Ranking:
    """The rules of choice as the kernel wants them; see the module's docstring."""

    length: int
    per_point: int
    reviews: int
    above: np.ndarray
    below: np.ndarray
    rests: np.ndarray
    row: np.ndarray
    worth: np.ndarray
    best: np.ndarray
    most: np.ndarray
    low: float = LOW
    per_logit: float = PER_LOGIT
    decay: float = DIVERSITY
    blocked: float = BLOCKED

    @classmethod
    def of(cls, rule: RecommendRule, scope: Scope, questions: Questions, length: int) -> Ranking:
        """The rules of an exam, for lists of this length."""
        row, worth = rows(questions, rule)
        return cls(
            length=length,
            per_point=rule.per_knowledge,
            reviews=rule.reviews,
            above=scope.above,
            below=scope.below,
            rests=scope.rests.astype(np.uint8),
            row=row,
            worth=worth,
            best=row.take(questions.first[:-1], axis=1),
            most=worth.take(questions.first[:-1], axis=1),
        )


@dataclass(frozen=True)
class Lists:
    """(n, length) lists, the order to practise them from left to right; -1 and NaN where there is no more.

    Attributes:
        question: index of the questions.
        point: the knowledge point that each is chosen for.
        chance: expected success.
    """

    question: np.ndarray
    point: np.ndarray
    chance: np.ndarray


def appeal(logits: np.ndarray, rule: RecommendRule) -> np.ndarray:
    """The appeal of questions whose expected success has these logits."""
    low, high = logit(np.array([rule.target_low, rule.target_high]))
    off = (logits - (low + high) / 2) / max((high - low) / 2, NARROW)
    square = off * off
    return 1 / (1 + (1 / EDGE - 1) * square * square)


def rows(questions: Questions, rule: RecommendRule) -> tuple[np.ndarray, np.ndarray]:
    """(cells, Q) for each cell of ability the questions of each group, those of the most appeal × information first,
    and that product as float32; of equals, the first by id."""
    cells = round((HIGH - LOW) * PER_LOGIT)
    row = np.empty((cells, len(questions.ids)), np.int32)
    worth = np.empty(row.shape, np.float32)
    for cell in range(cells):
        ability = LOW + (cell + 0.5) / PER_LOGIT
        own = (appeal(questions.location + ability, rule) * questions.weight).astype(np.float32)
        row[cell] = np.lexsort((questions.turn, -own, questions.group))
        worth[cell] = own[row[cell]]
    return row, worth


def choose(
    questions: Questions,
    needs: Needs,
    ranking: Ranking,
    *,
    seen: csr_array,
    unit: np.ndarray,
    turn: np.ndarray,
    max_share: float = 1.0,
) -> Lists:
    """The lists of pupils, or of units that are dealt with as a pupil of their mean needs and abilities.

    Args:
        seen: (n, Q) what must not be given.
        unit: (n,) number of the unit within which `max_share` holds.
        turn: (n,) whoever has the smaller one chooses first in his unit.
    """
    n, length = len(needs.need), ranking.length
    question, point = np.full((2, n, length), -1, np.int32)
    chance = np.full((n, length), np.nan)
    if max_share < 1:
        order = np.lexsort((turn, unit))
        first = np.flatnonzero(np.diff(unit[order], prepend=-1, append=-1))
        quota = np.maximum(np.floor(max_share * np.diff(first) + 1e-9), 1)
    else:
        order, first = np.arange(n), np.append(np.arange(0, n, CHUNK), n)
        quota = np.full(len(first) - 1, n)
    fill_in(
        questions,
        ranking,
        np.ascontiguousarray(needs.need, np.float32),
        np.ascontiguousarray(needs.shift, np.float32),
        np.ascontiguousarray(needs.unready, np.uint8),
        np.ascontiguousarray(needs.due, np.uint8),
        seen.indptr.astype(np.int64),
        seen.indices.astype(np.int32),
        order.astype(np.int64),
        first.astype(np.int64),
        quota.astype(np.int32),
        question,
        point,
        chance,
    )
    return Lists(question, point, logistic(chance))
