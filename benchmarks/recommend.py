"""Top 10 of 10 000 questions for a million pupils: recommendations with every constraint on, beside `implicit`.

The engine starts from what each pupil needs and how able he is on each of 60 knowledge points, (n, 60) each, and
chooses with all rules on: prerequisites first, a review of what is due, the target zone, information, at most two
questions a point, one of a family, none of 20 that he has had, none to more than half of a class of 40.

`implicit`'s `topk` starts from factor vectors of the same size, (n, 60) and (10 000, 60), and takes the 10 greatest
products, without any constraint. Where the package is not installed, the same by NumPy, in parts: products by BLAS,
then `argpartition`.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from benchmarks.timing import best_times
from engine.exam import RecommendRule
from engine.recommend.choosing import Lists, Ranking, choose
from engine.recommend.needs import Evidence, Needs, Scope
from engine.recommend.questions import Questions
from engine.recommend.reasons import Why, because, zone
from engine.recommend.sentences import joined, percent

PUPILS, QUESTIONS, POINTS, CHAPTER, LENGTH, CLASS, SEEN = 1_000_000, 10_000, 60, 6, 10, 40, 20
PART = 2048  # pupils at a time for NumPy
REASONS = 50_000  # pupils whose reasons are made at a time
RULE = RecommendRule(per_pupil=LENGTH)


def run(size: float = 1.0) -> dict:
    """Time the contenders on `size` × a million pupils."""
    n = max(CLASS, int(PUPILS * size))
    rng = np.random.default_rng(20261122)
    questions, scope = _questions(rng), _scope(rng)
    needs = _needs(rng, n)
    seen = csr_array(
        (np.ones(n * SEEN, np.int8), rng.integers(0, QUESTIONS, n * SEEN), np.arange(n + 1) * SEEN), (n, QUESTIONS)
    )
    unit, turn = np.arange(n) // CLASS, needs.shift.mean(axis=1)

    def ours() -> Lists:
        ranking = Ranking.of(RULE, scope, questions, LENGTH)
        return choose(questions, needs, ranking, seen=seen, unit=unit, turn=turn, max_share=RULE.max_share)

    lists = ours()
    _check(lists, questions, seen, unit)
    users = needs.shift
    items = rng.normal(size=(QUESTIONS, POINTS)).astype(np.float32)
    contenders: dict[str, Any] = {"yuejuan, all constraints": ours}
    notes = []
    if importlib.util.find_spec("implicit") is not None:
        from implicit.cpu.topk import topk

        contenders["implicit topk, no constraints"] = lambda: topk(items, users, LENGTH)
    else:
        notes.append("implicit: not present (pip install 'yuejuan[bench]')")
        contenders["NumPy, no constraints"] = lambda: _numpy(items, users)
    times = best_times(contenders, rounds=2)
    first = times["yuejuan, all constraints"]
    rows = [{"contender": name, "seconds": seconds, "× ours": seconds / first} for name, seconds in times.items()]
    told = best_times({"reasons": lambda: _reasons(lists, needs, scope)}, rounds=1)["reasons"]
    rows.append(
        {"contender": "yuejuan: the reasons in words, of a tenth of them", "seconds": told, "× ours": told / first}
    )
    return {"what": f"top {LENGTH} of {QUESTIONS:,} questions for {n:,} pupils", "rows": rows, "notes": notes}


def _questions(rng: np.random.Generator) -> Questions:
    """Six in ten on one point, the others on two or three of a chapter; families of 1.5 on average."""
    rows = []
    for q in range(QUESTIONS):
        point = int(rng.integers(POINTS))
        chapter = point // CHAPTER * CHAPTER
        others = chapter + rng.choice(CHAPTER, rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1]), replace=False)
        rows.append(
            {
                "question": f"Q{q:05d}",
                "points": tuple(sorted({point, *others.tolist()})),
                "difficulty": float(rng.beta(3, 2)),
                "family": int(rng.integers(QUESTIONS * 2 // 3)),
                "irt_a": float(rng.lognormal(0, 0.3)),
            }
        )
    return Questions.arranged(rows)


def _scope(rng: np.random.Generator) -> Scope:
    """In a chapter each point rests on about six in ten of those before it."""
    same = np.arange(POINTS)[:, None] // CHAPTER == np.arange(POINTS) // CHAPTER
    rests = np.triu(same, 1) & (rng.random((POINTS, POINTS)) < 0.6)
    above, below = (part[::-1].astype(np.int32) for part in np.nonzero(rests.T))  # the last points first
    return Scope([f"点{k}" for k in range(POINTS)], rests, above, below, np.full(POINTS, 30.0))


def _needs(rng: np.random.Generator, n: int) -> Needs:
    """Abilities N(0, 1) and N(0, 0.6²) by point; weak, behind or neither by the latter; a sixth of the points due."""
    shift = rng.standard_normal((n, POINTS), np.float32)
    shift *= 0.6
    lag = np.clip(-0.2 * shift, 0, 0.9)
    need = np.where(lag > 0.15, 3 + lag, np.where(lag > 0.02, 2 + lag, 1.5)).astype(np.float32)
    shift += rng.standard_normal((n, 1), np.float32)
    due = np.broadcast_to(np.arange(POINTS) % CHAPTER == 0, need.shape)
    return Needs(need, shift, (shift < 0).astype(np.uint8), due.astype(np.uint8))


def _check(lists: Lists, questions: Questions, seen: csr_array, unit: np.ndarray) -> None:
    """Every constraint holds."""
    if (lists.question < 0).any():
        raise AssertionError("a list is too short")
    family = np.sort(questions.family[lists.question], axis=1)
    if (np.diff(family, axis=1) == 0).any():
        raise AssertionError("two of a family")
    had = np.sort(seen.indices.reshape(len(unit), -1), axis=1)
    place = (had[:, :, None] == lists.question[:, None, :]) if len(unit) <= 10_000 else np.zeros(1)
    if place.any():
        raise AssertionError("a question that the pupil has had")
    _, count = np.unique(unit[:, None] * QUESTIONS + lists.question, return_counts=True)
    if count.max() > RULE.max_share * CLASS:
        raise AssertionError("a question goes to too many of a class")


def _reasons(lists: Lists, needs: Needs, scope: Scope) -> int:
    """The sentences of the first tenth of the pupils, a part at a time; how many bytes they have."""
    total = 0
    tenth = len(lists.question) // 10
    for start in range(0, tenth, REASONS):
        part = slice(start, min(start + REASONS, tenth))
        pupil, rank = np.nonzero(lists.question[part] >= 0)
        point, chance = lists.point[part][pupil, rank], lists.chance[part][pupil, rank]
        own = Needs(needs.need[part], needs.shift[part], needs.unready[part], needs.due[part])
        evidence = Evidence(
            weak=own.need >= 3,
            enough=own.need >= 2,
            items=np.full(own.need.shape, 4),
            rate=np.clip(0.6 + 0.2 * own.shift, 0, 1),
            reference=np.full(own.need.shape, 0.6),
            gap=np.clip(0.2 * own.shift, -0.6, 0.4),
            smoothed=np.zeros(own.need.shape, bool),
        )
        why = Why.of(evidence, own, pupil, point, scope)
        purpose = because(why, evidence, pupil, point, chance, scope, RULE)
        total += joined(purpose, "，本题预计答对率 ", percent(chance), zone(chance, RULE)).nbytes
    return total


def _numpy(items: np.ndarray, users: np.ndarray) -> np.ndarray:
    best = []
    for start in range(0, len(users), PART):
        products = users[start : start + PART] @ items.T
        top = np.argpartition(-products, LENGTH, axis=1)[:, :LENGTH]
        best.append(np.take_along_axis(top, np.argsort(-np.take_along_axis(products, top, 1), axis=1), 1))
    return np.concatenate(best)
