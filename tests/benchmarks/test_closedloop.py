"""The world of the closed loop: what is learned, when, and that a gain is a gain."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import closedloop
from benchmarks.learners import POINTS, Scenario, World, curve, told
from benchmarks.papers import Paper

SMALL = Scenario("small", pupils=40)


def practised(world: World, point: int, difficulty: np.ndarray, repeats: int = 0) -> np.ndarray:
    """(n,) what each pupil's ability on the point grows by."""
    n = len(world.ability)
    before = world.ability.copy()
    world.practise(np.tile(np.arange(POINTS) == point, (n, 1)), difficulty, np.full(n, repeats))
    grown = world.ability - before
    assert (np.delete(grown, point, axis=1) == 0).all()
    return grown[:, point]


def test_curves_of_learning() -> None:
    p = np.linspace(0, 1, 1001)
    assert curve(p, "middle")[500] == 1 and curve(p, "middle")[[0, -1]] == pytest.approx([0, 0])
    assert p[curve(p, "85 %").argmax()] == pytest.approx(0.841, abs=0.001)
    assert curve(p, "85 %").max() == pytest.approx(1, abs=1e-4)
    assert (curve(p, "85 %")[:500] == 0).all()
    assert (curve(p, "any") == 1).all()


def test_a_weak_prerequisite_and_a_repeated_question_teach_less() -> None:
    world = World.of(SMALL, 1)
    second = int(np.flatnonzero(world.before >= 0)[0])
    even = world.ability[:, second].copy()
    world.ability[:, world.before[second]] = np.where(np.arange(40) < 20, -2, 2)
    grown = practised(world, second, even) / world.rate
    assert grown[:20] == pytest.approx(1 / (1 + np.exp(3)))
    assert grown[20:] == pytest.approx(1 / (1 + np.exp(-3)))
    world = World.of(SMALL, 1)
    first = int(np.flatnonzero(world.before < 0)[0])
    assert practised(world, first, world.ability[:, first].copy(), 1) == pytest.approx(0.5 * world.rate)


def test_forgetting_takes_its_share_of_the_gain() -> None:
    world = World.of(SMALL, 2)
    world.ability += 1
    world.forget()
    assert world.ability - world.first == pytest.approx(0.9)


def test_a_share_of_the_q_matrix_is_told_wrong() -> None:
    asks = np.tile(np.eye(POINTS, dtype=bool), (200, 1))
    said = told(np.random.default_rng(0), asks, 0.1)
    assert (said.sum(axis=1) == 1).all()
    assert (said != asks).any(axis=1).mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("policy", closedloop.BASELINES)
def test_lists_are_new_questions_or_own_mistakes(policy: str) -> None:
    world = World.of(SMALL, 3)
    world.seen[:, ::2] = 1
    paper = Paper(world)
    answers = world.answers(paper.asks, paper.difficulty)
    lists = closedloop.BASELINES[policy](world, paper, answers)
    assert lists.shape == (40, closedloop.LIST)
    if policy == "same item again":
        assert (np.take_along_axis(answers, -1 - lists, axis=1) == 0).all()
    else:
        assert (np.take_along_axis(world.seen, lists, axis=1) == 0).all()
        assert all(len(set(row)) == closedloop.LIST for row in lists.tolist())


def test_the_engine_beats_random_in_a_small_world() -> None:
    """A sixth of the pupils of the benchmark, one world: the difference is several times what chance makes."""
    assert closedloop.gain(SMALL, 5, "yuejuan") > closedloop.gain(SMALL, 5, "random") * 1.1


def test_intervals_by_students_t() -> None:
    assert closedloop.interval(np.array([1.0, 2.0, 3.0])) == pytest.approx((2, 2 - 2.4841, 2 + 2.4841), abs=1e-3)
