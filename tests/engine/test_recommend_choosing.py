"""The kernel of recommendation against the slow, obvious version: every question looked at for every pupil."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.exam import RecommendRule
from engine.recommend.choosing import BLOCKED, DIVERSITY, LOW, PER_LOGIT, Lists, Ranking, appeal, choose
from engine.recommend.needs import Needs, Scope
from engine.recommend.questions import Questions

pytestmark = pytest.mark.filterwarnings("error")


def made_questions(rows: list[tuple[tuple[int, ...], float, int, float | None]]) -> Questions:
    """Of (points, difficulty, family, discrimination)."""
    return Questions.arranged(
        [
            {"question": f"Q{q:03d}", "points": points, "difficulty": difficulty, "family": family, "irt_a": a}
            for q, (points, difficulty, family, a) in enumerate(rows)
        ]
    )


def made_scope(points: int, direct: list[tuple[int, int]]) -> Scope:
    """Points 0, 1, …, of which the later ones rest on the earlier ones of these pairs."""
    rests = np.zeros((points, points), bool)
    for before, after in sorted(direct, key=lambda pair: pair[1]):
        rests[:, after] |= rests[:, before]
        rests[before, after] = True
    pairs = sorted(((k, p) for p, k in zip(*np.nonzero(rests), strict=True)), reverse=True)
    return Scope(
        [f"点{k}" for k in range(points)],
        rests,
        np.array([k for k, _ in pairs], np.int32),
        np.array([p for _, p in pairs], np.int32),
        np.full(points, np.nan),
    )


class Slow:
    """The rules of `engine.recommend.choosing` and `engine.recommend.needs`, one pupil and question at a time."""

    def __init__(self, questions: Questions, needs: Needs, scope: Scope, rule: RecommendRule) -> None:
        self.questions, self.needs, self.scope, self.rule = questions, needs, scope, rule
        self.points = [np.flatnonzero(touches) for touches in questions.touches(len(scope.names))]

    def choose(self, length: int, seen: np.ndarray, unit: np.ndarray, turn: np.ndarray, max_share: float) -> list:
        lists: list = [[] for _ in unit]
        for u in set(unit.tolist()):
            members = np.flatnonzero(unit == u)
            quota = len(members) if max_share == 1 else max(1, int(max_share * len(members) + 1e-9))
            left = np.full(len(self.points), quota)
            for i in sorted(members, key=lambda i: (turn[i], i)):
                lists[i] = self.pupil(i, length, seen[i], left)
        return lists

    def pupil(self, i: int, length: int, seen: np.ndarray, left: np.ndarray) -> list[tuple[int, int]]:
        need, unready, due = self.needs.need[i].astype(float), self.needs.unready[i] > 0, self.needs.due[i] > 0
        raw, rests = need.copy(), self.scope.rests
        for k in reversed(range(len(need))):  # what is built on first
            if unready[k]:
                need[k] = max([need[k], *need[rests[k]]])
        blocked = [(rests[:, k] & unready).any() for k in range(len(need))]
        need[blocked] *= BLOCKED
        assert (need >= raw * BLOCKED).all()
        chosen: list[tuple[int, int]] = []
        count, families = np.zeros(len(need), int), set()

        def best(wanted) -> int | None:
            free = [
                (-self.worth(i, q, need), self.questions.group[q], self.questions.turn[q], q)
                for q, points in enumerate(self.points)
                if not seen[q]
                and left[q]
                and self.questions.family[q] not in families
                and (count[points] < self.rule.per_knowledge).all()
                and wanted(points)
            ]
            return min(free)[3] if free else None

        while len(chosen) < length:
            q = best(lambda points: due[points].all()) if len(chosen) < self.rule.reviews else None
            q = best(lambda points: True) if q is None else q
            if q is None:
                break
            points = self.points[q]
            chosen.append((q, int(points[need[points].argmax()])))
            families.add(self.questions.family[q])
            left[q] -= 1
            count[points] += 1
            need[points] *= DIVERSITY
        ordered = []
        while chosen:
            free = [one for one in chosen if not any(unready[point] and rests[point, one[1]] for _, point in chosen)]
            ordered.append(free[0])
            chosen.remove(free[0])
        return ordered

    def worth(self, i: int, q: int, need: np.ndarray) -> float:
        total = 0.0
        for k in self.points[q]:
            total += float(self.needs.shift[i, k])
        ability = total / len(self.points[q])
        rounded = LOW + (np.clip(np.floor((ability - LOW) * PER_LOGIT), 0, 119) + 0.5) / PER_LOGIT
        value = appeal(self.questions.location[q] + rounded, self.rule) * self.questions.weight[q]
        return float(need[self.points[q]].max() * np.float32(value))


def run(questions: Questions, needs: Needs, scope: Scope, rule: RecommendRule, length: int, **given: object) -> Lists:
    n = len(needs.need)
    usual = {
        "seen": csr_array((n, len(questions.ids))),
        "unit": np.zeros(n, np.int64),
        "turn": np.zeros(n),
        "max_share": 1.0,
    }
    return choose(questions, needs, Ranking.of(rule, scope, questions, length), **(usual | given))  # type: ignore


@st.composite
def cases(draw: st.DrawFn):
    points = draw(st.integers(1, 5))
    pairs = [(a, b) for b in range(points) for a in range(b)]
    scope = made_scope(points, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else [])
    rows = draw(
        st.lists(
            st.tuples(
                st.sets(st.integers(0, points - 1), min_size=1, max_size=3).map(lambda found: tuple(sorted(found))),
                st.sampled_from([0, 0.05, 0.3, 0.5, 0.5, 0.62, 0.7, 0.9, 1]),
                st.integers(0, 20),
                st.sampled_from([None, 0.4, 1.7]),
            ),
            min_size=1,
            max_size=40,
        )
    )
    n = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    needs = Needs(
        need=rng.choice([1.0, 1.5, 2.2, 3.1], (n, points)),
        shift=rng.choice([-9.0, -1.0, -0.3, 0.0, 0.8, 7.0], (n, points)) + rng.normal(0, 0.1, (n, points)),
        unready=rng.random((n, points)) < 0.5,
        due=rng.random((n, points)) < draw(st.sampled_from([0, 0.3])),
    )
    needs = Needs(
        needs.need.astype(np.float32), needs.shift.astype(np.float32), needs.unready.astype(np.uint8), needs.due
    )
    rule = RecommendRule(
        per_knowledge=draw(st.integers(1, 3)),
        reviews=draw(st.integers(0, 3)),
        target_low=draw(st.sampled_from([0.3, 0.5, 0.7])),
        target_high=draw(st.sampled_from([0.7, 0.85])),
    )
    seen = rng.random((n, len(rows))) < draw(st.sampled_from([0, 0.3]))
    given_ = {
        "seen": seen,
        "unit": np.sort(rng.integers(0, 3, n)),
        "turn": rng.integers(0, 3, n),
        "max_share": draw(st.sampled_from([0.3, 0.5, 1.0])),
    }
    return made_questions(rows), needs, scope, rule, draw(st.integers(1, 8)), given_


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_kernel_is_the_slow_version(case) -> None:
    questions, needs, scope, rule, length, given_ = case
    expected = Slow(questions, needs, scope, rule).choose(length, **given_)
    found = run(questions, needs, scope, rule, length, **(given_ | {"seen": csr_array(given_["seen"])}))
    for i, chosen in enumerate(expected):
        size = len(chosen)
        assert [*zip(found.question[i, :size], found.point[i, :size], strict=True)] == chosen
        assert (found.question[i, size:] == -1).all() and np.isnan(found.chance[i, size:]).all()
        for (q, _), chance in zip(chosen, found.chance[i], strict=False):
            points = np.flatnonzero(questions.touches(len(scope.names))[q])
            logit = questions.location[q] + needs.shift[i, points].astype(float).mean()
            assert chance == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)


def plain_needs(n: int, points: int, **changed: np.ndarray) -> Needs:
    usual = {
        "need": np.ones((n, points), np.float32),
        "shift": np.zeros((n, points), np.float32),
        "unready": np.zeros((n, points), np.uint8),
        "due": np.zeros((n, points), np.uint8),
    }
    return Needs(**(usual | changed))


def test_a_question_goes_to_no_more_than_its_share_of_a_class() -> None:
    questions = made_questions([((q % 2,), 0.6, q, None) for q in range(40)])
    unit = np.repeat([0, 1], [10, 30])
    found = run(questions, plain_needs(40, 2), made_scope(2, []), RecommendRule(), 4, unit=unit, max_share=0.4)
    assert (found.question >= 0).all()
    for u, size in enumerate((10, 30)):
        assert np.bincount(found.question[unit == u].ravel()).max() <= 0.4 * size


def test_the_weakest_choose_first() -> None:
    questions = made_questions([((0,), 0.7, 0, None), ((0,), 0.97, 1, None)])
    found = run(questions, plain_needs(4, 1), made_scope(1, []), RecommendRule(), 1, turn=-np.arange(4), max_share=0.5)
    better = int(np.flatnonzero(questions.difficulty == 0.7)[0])
    assert (found.question[:, 0] == better).tolist() == [False, False, True, True]


def test_a_weak_prerequisite_goes_before_what_builds_on_it() -> None:
    """A chain of three: the pupil is behind on the last point only, but the first is not ready."""
    questions = made_questions([((k,), 0.65, 3 * q + k, None) for q in range(4) for k in range(3)])
    need = np.array([[1, 1, 3]], np.float32)
    chain = made_scope(3, [(0, 1), (1, 2)])
    ready = run(questions, plain_needs(1, 3, need=need), chain, RecommendRule(), 4).point[0]
    assert ready.tolist()[:2] == [2, 2]
    unready = plain_needs(1, 3, need=need, unready=np.array([[1, 0, 0]], np.uint8))
    found = run(questions, unready, chain, RecommendRule(), 4).point[0].tolist()
    assert found == [0, 0, 2, 2]


def test_variants_are_not_both_given_and_seen_questions_never() -> None:
    questions = made_questions([((0,), 0.6, q // 3, None) for q in range(9)])
    rule = RecommendRule(per_knowledge=9)
    found = run(questions, plain_needs(1, 1), made_scope(1, []), rule, 9).question[0]
    assert sorted(questions.family[found[found >= 0]]) == [0, 1, 2]
    seen = csr_array(np.array([questions.family != 2]))
    found = run(questions, plain_needs(1, 1), made_scope(1, []), rule, 9, seen=seen).question[0]
    assert questions.family[found[found >= 0]].tolist() == [2]


def test_reviews_are_as_many_as_asked_for_and_come_from_what_is_due() -> None:
    questions = made_questions([((k,), 0.65, 8 * k + q, None) for k in range(4) for q in range(8)])
    needs = plain_needs(1, 4, need=np.array([[3, 3, 1, 1]], np.float32), due=np.array([[0, 0, 1, 1]], np.uint8))
    for reviews in (0, 1, 2):
        rule = RecommendRule(per_knowledge=4, reviews=reviews)
        found = run(questions, needs, made_scope(4, []), rule, 6).point[0]
        assert np.isin(found, [2, 3]).sum() == reviews


def test_the_more_informative_of_two_like_questions() -> None:
    questions = made_questions([((0,), 0.7, 0, 0.5), ((0,), 0.7, 1, 1.5), ((0,), 0.7, 2, None)])
    found = run(questions, plain_needs(1, 1), made_scope(1, []), RecommendRule(per_knowledge=3), 3).question[0]
    assert questions.ids[found].tolist() == ["Q001", "Q002", "Q000"]


@pytest.mark.parametrize(("n", "rows"), [(0, [((0,), 0.5, 0, None)]), (3, [])])
def test_nobody_or_nothing_to_choose(n: int, rows: list) -> None:
    found = run(made_questions(rows), plain_needs(n, 1), made_scope(1, []), RecommendRule(), 2)
    assert found.question.shape == (n, 2) and (found.question == -1).all()


def test_the_order_of_pupils_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    rows = [
        ((int(k),), float(d), q // 2, None)
        for q, (k, d) in enumerate(zip(rng.integers(0, 4, 60), rng.random(60), strict=True))
    ]
    questions, scope = made_questions(rows), made_scope(4, [(0, 1), (1, 2)])
    n = 200
    needs = plain_needs(n, 4, shift=rng.normal(0, 1, (n, 4)).astype(np.float32), unready=rng.random((n, 4)) < 0.3)
    unit, turn = rng.integers(0, 6, n), rng.random(n)
    found = run(questions, needs, scope, RecommendRule(), 5, unit=unit, turn=turn, max_share=0.3)
    order = rng.permutation(n)
    again = run(
        questions,
        Needs(*(getattr(needs, name)[order] for name in Needs.__dataclass_fields__)),
        scope,
        RecommendRule(),
        5,
        unit=unit[order],
        turn=turn[order],
        max_share=0.3,
    )
    assert (again.question == found.question[order]).all()
