"""Who learns most from the same number of practised questions: the engine's recommendations against what else is done.

Made-up pupils (`benchmarks.learners`, whose learning model is not the engine's) sit an exam, practise what a policy
gives them, forget a little, sit the next exam, and so on. All policies meet the same pupils, bank and papers, and give
every pupil the same number of questions. The engine is told the papers' and the bank's knowledge points (in one
scenario 10 % of them wrong), each question's rate among the pupils of the beginning, the curriculum, and the scores; it
goes through the same tables as `diagnose` and `recommend`, at their default rules.

    random             any question not had before
    popular            the questions that earlier pupils practised most, the same for all (not had before)
    same item again    the items that he got wrong, once more
    hardest wrong      the hardest questions on the points of items that he got wrong
    lowest rate        questions of any difficulty on the points where his own rate is lowest

Gain: growth of the pupils' true expected rate over all points per practised question, in hundredths of a percentage
point; 95 % intervals (t) over worlds drawn anew.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from scipy.stats import t as student

from benchmarks.learners import POINTS, Scenario, World
from benchmarks.papers import NAMES, Paper, roster_of, sat
from engine.bank import SCHEMA
from engine.diagnosis import mastery, pupil_profiles, with_profiles
from engine.exam import DiagnosisRule, RecommendRule
from engine.recommend import Case, recommend

ROUNDS, LIST, WORLDS = 3, 6, 12
DAY = datetime.date(2026, 11, 1)
SCENARIOS = (
    Scenario("base"),
    Scenario("Q-matrix 10 % wrong", wrong=0.1),
    Scenario("guesses 20 %, slips 10 %", guess=0.2, slip=0.1),
    Scenario("one item a point", items_per_point=1),
    Scenario("steep chain", chain=12, steep=3.0),
    Scenario("85 % learners", curve="85 %"),
    Scenario("any difficulty teaches", curve="any"),
)

Policy = Callable[[World, Paper, np.ndarray], np.ndarray]  # → (n, LIST) questions; -1 - j: item j of the paper


class Ours:
    """The engine, from tables to tables."""

    def __init__(self, world: World) -> None:
        rates = world.chance(world.asks, world.difficulty)
        s = world.scenario
        rates = (s.guess + (1 - s.guess - s.slip) * rates).mean(axis=0)
        self.roster = roster_of(world)
        self.ids = self.roster["student_id"].to_pylist()
        rows = [
            {
                "question": f"Q{q:04d}",
                "subject": "maths",
                "stem": "".join(chr(0x4E00 + place) for place in np.random.default_rng(q).integers(20000, size=9)),
                "options": "",
                "chapter": "",
                "knowledge": [NAMES[k] for k in np.flatnonzero(said)],
                "difficulty": float(rate),
            }
            for q, (said, rate) in enumerate(zip(world.said, rates, strict=True))
        ]
        self.bank = pa.Table.from_pylist(rows, schema=SCHEMA)

    def __call__(self, world: World, paper: Paper, answers: np.ndarray) -> np.ndarray:
        subject, scores = sat(world, paper, answers)
        rule = RecommendRule(per_pupil=LIST)
        pupil, question = np.nonzero(world.seen)
        earlier = pa.table(
            {"student_id": np.array(self.ids)[pupil], "question": [f"Q{q:04d}" for q in question]},
            schema=pa.schema([("student_id", pa.string()), ("question", pa.string())]),
        )
        raw = mastery(subject, scores, self.roster, DiagnosisRule())
        profiles = pupil_profiles(subject, scores, self.roster, raw, DiagnosisRule())["profiles"]
        table = with_profiles(raw, profiles)
        case = Case.of(subject, scores, table, self.bank, rule, day=DAY, profiles=profiles, earlier=earlier)
        found = recommend(case, self.roster)
        chosen = np.full((len(answers), LIST), -1)
        row = np.array([int(name[1:]) for name in found["student_id"].to_pylist()])
        chosen[row, found["rank"].to_numpy() - 1] = [int(name[1:]) for name in found["question"].to_pylist()]
        if (chosen < 0).any():
            raise AssertionError("a list is too short")
        return chosen


def at_random(world: World, paper: Paper, answers: np.ndarray) -> np.ndarray:
    """Any question not had before."""
    return _first(world, np.random.default_rng(len(paper.asks)).random(world.seen.shape))


def popular(world: World, paper: Paper, answers: np.ndarray) -> np.ndarray:
    """What earlier pupils practised most: questions of middle difficulty more, else as it happens (log-normal)."""
    rate = world.chance(world.asks, world.difficulty).mean(axis=0)
    liked = rate * (1 - rate) * np.random.default_rng(7).lognormal(0, 0.5, len(rate))
    return _first(world, np.broadcast_to(-liked, world.seen.shape))


def same_item_again(world: World, paper: Paper, answers: np.ndarray) -> np.ndarray:
    """The items that he got wrong, from the first on, and again from the first when there are fewer."""
    order = np.argsort(answers, axis=1, kind="stable")
    wrong = np.maximum((answers == 0).sum(axis=1), 1)
    return -1 - np.take_along_axis(order, np.arange(LIST) % wrong[:, None], axis=1)


def hardest_wrong(world: World, paper: Paper, answers: np.ndarray) -> np.ndarray:
    """The hardest questions on the points of items that he got wrong."""
    missed = (1 - answers) @ paper.said > 0
    on_missed = missed.astype(int) @ world.said.T > 0
    return _first(world, -world.difficulty - 100 * on_missed)


def lowest_rate(world: World, paper: Paper, answers: np.ndarray) -> np.ndarray:
    """Questions on the points where his own rate is lowest, two a point, of any difficulty."""
    rate = (answers @ paper.said) / np.maximum(paper.said.sum(axis=0), 1)
    rng = np.random.default_rng(len(paper.asks))
    rank = np.argsort(np.argsort(rate + 1e-3 * rng.random(rate.shape), axis=1), axis=1)
    own = np.where(world.said, rank[:, None, :], POINTS).min(axis=2)  # the lowest of a question's points
    order = own + rng.random(own.shape)
    order[world.seen > 0] = np.inf
    chosen = np.argsort(order, axis=1)
    lists = np.empty((len(answers), LIST), int)
    for i, row in enumerate(chosen):
        ranks = own[i, row]
        place = np.concatenate([np.flatnonzero(ranks == point)[:2] for point in range(POINTS)])[:LIST]
        lists[i] = row[place]
    return lists


def _first(world: World, order: np.ndarray) -> np.ndarray:
    """(n, LIST) the questions that come first in this order (n, Q) and have not been had."""
    return np.argsort(np.where(world.seen > 0, np.inf, order), axis=1, kind="stable")[:, :LIST]


BASELINES: dict[str, Policy] = {
    "random": at_random,
    "popular": popular,
    "same item again": same_item_again,
    "hardest wrong": hardest_wrong,
    "lowest rate": lowest_rate,
}


def gain(scenario: Scenario, seed: int, policy: str) -> float:
    """Mean growth of the pupils' true rate per practised question, in hundredths of a percentage point."""
    world = World.of(scenario, seed)
    choose = Ours(world) if policy == "yuejuan" else BASELINES[policy]
    before = world.level()
    for round_ in range(ROUNDS):
        world.rng = np.random.default_rng([seed, round_])  # the same papers, whatever was practised
        paper = Paper(world)
        lists = choose(world, paper, world.answers(paper.asks, paper.difficulty))
        again = np.zeros((len(lists), len(paper.asks)), int)
        for place in range(LIST):
            _practise(world, paper, lists[:, place], again)
        world.forget()
    return float((world.level() - before).mean() / (ROUNDS * LIST) * 1e4)


def _practise(world: World, paper: Paper, question: np.ndarray, again: np.ndarray) -> None:
    """One question each; an item of the paper has been met once, in the exam."""
    row = np.arange(len(question))
    of_paper = question < 0
    q, j = np.where(of_paper, 0, question), np.where(of_paper, -1 - question, 0)
    repeats = np.where(of_paper, 1 + again[row, j], world.seen[row, q])
    asks = np.where(of_paper[:, None], paper.asks[j], world.asks[q])
    world.practise(asks, np.where(of_paper, paper.difficulty[j], world.difficulty[q]), repeats)
    again[row[of_paper], j[of_paper]] += 1
    world.seen[row[~of_paper], q[~of_paper]] += 1


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95 % interval (t) of independent values."""
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def run(size: float = 1.0, scenarios: tuple[Scenario, ...] = SCENARIOS) -> dict:
    """Every policy in `size` × 12 worlds (at least 3) of every scenario."""
    worlds = max(3, round(WORLDS * size))
    rows, notes = [], []
    for scenario in scenarios:
        found = {
            policy: interval(np.array([gain(scenario, seed, policy) for seed in range(worlds)]))
            for policy in ("yuejuan", *BASELINES)
        }
        for policy, (mean, low, high) in found.items():
            rows.append(
                {"contender": f"{scenario.name}: {policy}", "gain": mean, "from": low, "to": high,
                 "× ours": mean / found["yuejuan"][0]}
            )  # fmt: skip
        best = max(BASELINES, key=lambda policy: found[policy][2])
        apart = found["yuejuan"][1] > found[best][2]
        notes.append(f"{scenario.name}: {'above every other' if apart else 'NOT above'} ({best}) by its interval")
    return {
        "what": "growth of the true rate per practised question (0.01 percentage points)",
        "rows": rows,
        "notes": notes,
    }
