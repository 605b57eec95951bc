"""Made-up pupils who sit exams and learn from what they practise: the world that a policy of practice is tried in.

The learning model is none of the engine's:

* An answer is right with chance guess + (1 - guess - slip) · p. p is the product over the question's points of
  1 / (1 + exp(-(a - b))), with the pupil's ability a on the point and the question's difficulty b: all of them are
  needed (the multicomponent model of Whitely 1980; the engine adds abilities up).
* Practising a question, right or wrong, with its solution, raises a on each of its points by rate · curve(p) · ready.
  rate is the pupil's own. curve says how much is learned at which chance of success; three views of the literature:
  "middle" 4p(1 - p), most from what is as likely solved as not (desirable difficulties, Bjork 1994; region of proximal
  learning, Metcalfe & Kornell 2005); "85 %" z φ(z) for p = Φ(z), nothing below p = 1/2 (the eighty-five percent rule,
  Wilson, Shenhav, Straccia & Cohen 2019); "any" 1, difficulty does not matter (additive factor model, Cen, Koedinger &
  Junker 2006).
* ready is the product over the direct prerequisites of 1 / (1 + exp(-steep · a)): with a weak prerequisite little is
  learned (knowledge structures: Doignon & Falmagne 1985; simulated learners of Liu et al. 2019, CSEAL).
* The same question again teaches half as much each time.
* Between two exams a share of what was gained is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit, ndtri

POINTS, CLASS = 12, 40
REFERENCE = np.linspace(-1.5, 1.5, 7)  # difficulties of the questions by which a gain is measured


@dataclass(frozen=True)
class Scenario:
    """What a world is like."""

    name: str
    pupils: int = 240
    curve: str = "middle"
    guess: float = 0.0
    slip: float = 0.0
    wrong: float = 0.0  # share of the entries of the Q-matrix that the engine is told wrong
    items_per_point: int = 3  # of an exam
    chain: int = 3  # points of a chapter, each of which rests on the one before
    steep: float = 1.5
    forgotten: float = 0.1


@dataclass
class World:
    """Pupils and questions of a scenario.

    Attributes:
        ability: (n, K), changes as they learn.
        first: (n, K) ability at the start.
        rate: (n,) of learning.
        before: (K,) the point that each rests on, -1: none.
        asks: (Q, K) bool, points of the bank's questions; difficulty: (Q,) their b.
        said: (Q, K) bool, as the engine is told.
        seen: (n, Q) how often each has practised each question.
    """

    scenario: Scenario
    rng: np.random.Generator
    ability: np.ndarray
    first: np.ndarray
    rate: np.ndarray
    before: np.ndarray
    asks: np.ndarray
    difficulty: np.ndarray
    said: np.ndarray
    seen: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.seen = np.zeros((len(self.ability), len(self.asks)), int)

    @classmethod
    def of(cls, scenario: Scenario, seed: int, questions_per_point: int = 25) -> World:
        """Abilities: a general one, N(0, 1), one of the point, N(0, 0.7²), and a part of what is lacking before it."""
        rng = np.random.default_rng(seed)
        n = scenario.pupils
        before = np.where(np.arange(POINTS) % scenario.chain == 0, -1, np.arange(POINTS) - 1)
        ability = rng.normal(0, 1, (n, 1)) + rng.normal(0, 0.7, (n, POINTS))
        for k in np.flatnonzero(before >= 0):
            ability[:, k] += 0.5 * np.minimum(ability[:, before[k]], 0)
        asks = make_questions(rng, questions_per_point)
        return cls(
            scenario,
            rng,
            ability,
            ability.copy(),
            0.25 * rng.lognormal(0, 0.3, n),
            before,
            asks,
            rng.normal(0, 1, len(asks)),
            told(rng, asks, scenario.wrong),
        )

    def chance(self, asks: np.ndarray, difficulty: np.ndarray) -> np.ndarray:
        """(n, J) p of these questions (J, K), without guesses and slips."""
        p = np.ones((len(self.ability), len(asks)))
        for j, k in zip(*np.nonzero(asks), strict=True):
            p[:, j] *= expit(self.ability[:, k] - difficulty[j])
        return p

    def answers(self, asks: np.ndarray, difficulty: np.ndarray) -> np.ndarray:
        """(n, J) 0/1."""
        s = self.scenario
        p = s.guess + (1 - s.guess - s.slip) * self.chance(asks, difficulty)
        return (self.rng.random(p.shape) < p).astype(int)

    def practise(self, asks: np.ndarray, difficulty: np.ndarray, repeats: np.ndarray) -> None:
        """Every pupil practises a question of his own: (n, K) its points, (n,) difficulty, how often he has had it."""
        p = np.where(asks, expit(self.ability - difficulty[:, None]), 1).prod(axis=1)
        rests = self.before >= 0
        ready = np.ones(self.ability.shape)
        ready[:, rests] = expit(self.scenario.steep * self.ability[:, self.before[rests]])
        gain = self.rate * curve(p, self.scenario.curve) * 0.5**repeats
        self.ability += asks * ready * gain[:, None]

    def forget(self) -> None:
        """Time passes until the next exam."""
        self.ability -= self.scenario.forgotten * (self.ability - self.first)

    def level(self) -> np.ndarray:
        """(n,) expected rate over all points, at difficulties from easy to hard: what a gain is measured by."""
        return expit(self.ability[:, :, None] - REFERENCE).mean(axis=(1, 2))


def curve(p: np.ndarray, name: str) -> np.ndarray:
    """How much is learned from a question that is solved with chance p, 1 at most."""
    if name == "any":
        return np.ones_like(p)
    if name == "middle":
        return 4 * p * (1 - p)
    z = ndtri(np.clip(p, 1e-9, 1 - 1e-9))
    return np.maximum(z, 0) * np.exp((1 - z**2) / 2)


def make_questions(rng: np.random.Generator, per_point: int) -> np.ndarray:
    """(Q, K) the points of so many questions a point, one in four with a second point."""
    asks = np.repeat(np.eye(POINTS, dtype=bool), per_point, axis=0)
    more = rng.random(len(asks)) < 0.25
    asks[more, rng.integers(0, POINTS, more.sum())] = True
    return asks


def told(rng: np.random.Generator, asks: np.ndarray, wrong: float) -> np.ndarray:
    """The same with a share of the entries moved to another point."""
    said = asks.copy()
    for j, k in zip(*np.nonzero(asks), strict=True):
        if rng.random() < wrong:
            said[j, k] = False
            said[j, rng.choice(np.flatnonzero(~said[j] & (np.arange(POINTS) != k)))] = True
    return said
