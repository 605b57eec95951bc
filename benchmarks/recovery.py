"""What diagnosis finds again of what was planted: rates, weak points, teaching groups; with few items and many.

**Rates.** Pupils of `benchmarks.learners` sit a paper. The true rate of a pupil on a point is what he would have on
many papers like it. Contenders: the profiles of the engine (`diagnose`), the plain rates of the paper on the point, the
pupil's rate on the whole paper. RMSE of the rate, and AUC of telling a pupil's points that truly lie `min_gap` or more
below the reference from the others.

**Weak points.** Of those that the engine calls weak, the share that truly lies below the reference.

**Groups.** Classes of three planted groups, each 1.5 logits behind on a third of the points,
else twice as much alike as the pupils of the closed loop. Adjusted Rand index
(Hubert & Arabie 1985) of the groups found with those planted, and with those found by a second paper; contenders: the
engine's `teaching_groups`, k-means with k = 3 on the plain rates, thirds by total score.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from benchmarks.learners import CLASS, POINTS, Scenario, World
from benchmarks.papers import NAMES, Paper, roster_of, sat
from engine.diagnosis import mastery, pupil_profiles, teaching_groups, with_profiles
from engine.exam import DiagnosisRule, Subject

RULE = DiagnosisRule()
PAPERS = {"3 items a point": 3, "8 items a point": 8}
GROUPS, ALIKE, BEHIND, WORLDS = 3, 0.5, 1.5, 5


def run(size: float = 1.0) -> dict:
    """`size` × 5 worlds (at least 2) of papers with few and with many items."""
    worlds = max(2, round(WORLDS * size))
    rows: list[dict[str, Any]] = []
    for name, items in PAPERS.items():
        found: dict[str, list[dict[str, float]]] = {}
        for seed in range(worlds):
            world = World.of(Scenario(name, items_per_point=items), seed)
            _plant(world)
            for contender, figures in (_rates(world, seed) | _groups(world, seed)).items():
                found.setdefault(contender, []).append(figures)
        rows += [
            {"contender": f"{name}: {contender}"}
            | {figure: float(np.mean([one[figure] for one in some])) for figure in some[0]}
            for contender, some in found.items()
        ]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    rows = [{column: row.get(column, "") for column in columns} for row in rows]
    return {"what": f"what was planted and found again, mean of {worlds} worlds", "rows": rows}


def _planted(world: World) -> np.ndarray:
    """(n,) the group of each pupil: in turn, so that every class has all of them."""
    return np.arange(len(world.ability)) % GROUPS


def _plant(world: World) -> None:
    """Each group is behind on points of its own."""
    behind = np.arange(POINTS) * GROUPS // POINTS == _planted(world)[:, None]
    world.ability = ALIKE * world.ability - BEHIND * behind


def _exam(world: World, seed: int) -> tuple[Paper, np.ndarray]:
    world.rng = np.random.default_rng([seed, len(world.ability)])
    paper = Paper(world)
    return paper, world.answers(paper.asks, paper.difficulty)


def _diagnosed(world: World, paper: Paper, answers: np.ndarray) -> tuple[Subject, pa.Table, pa.Table]:
    """Subject, mastery with the weak points of the profiles, and profiles: as `diagnose` has them."""
    subject, scores = sat(world, paper, answers)
    raw = mastery(subject, scores, roster_of(world), RULE)
    profiles = pupil_profiles(subject, scores, roster_of(world), raw, RULE)["profiles"]
    return subject, with_profiles(raw, profiles), profiles


def _rates(world: World, seed: int) -> dict[str, dict[str, float]]:
    """RMSE and AUC of the contenders, and how often a weak point is one."""
    paper, answers = _exam(world, seed)
    profiles = _diagnosed(world, paper, answers)[2]
    shape = world.ability.shape
    i = pc.index_in(profiles["student_id"], value_set=roster_of(world)["student_id"].combine_chunks()).to_numpy()
    k = pc.index_in(profiles["knowledge"], value_set=pa.array(NAMES)).to_numpy()
    ours, weak = np.full(shape, np.nan), np.zeros(shape, bool)
    ours[i, k], weak[i, k] = profiles["rate"].to_numpy(), profiles["weak"].to_numpy()
    asked = paper.asks / paper.asks.sum(axis=1, keepdims=True)
    plain = answers @ asked / asked.sum(axis=0)
    whole = np.broadcast_to(answers.mean(axis=1, keepdims=True), shape)
    truth = world.chance(paper.asks, paper.difficulty) @ asked / asked.sum(axis=0)
    lag = truth - truth.mean(axis=0)
    is_weak = lag <= -RULE.min_gap
    return {
        f"rates: {name}": {
            "RMSE": float(np.sqrt(np.mean((rate - truth) ** 2))),
            "AUC": float(roc_auc_score(is_weak.ravel(), -(rate - rate.mean(axis=0)).ravel())),
            **({"true of the weak": float((lag[weak] < 0).mean())} if name == "yuejuan" else {}),
        }
        for name, rate in (("yuejuan", ours), ("plain", plain), ("whole paper", whole))
    }


def _groups(world: World, seed: int) -> dict[str, dict[str, float]]:
    """Agreement with what was planted, and of two papers, mean over classes."""
    found: list[dict[str, np.ndarray]] = []
    for part in (0, 1):
        paper, answers = _exam(world, 1000 * (part + 1) + seed)
        subject, table, _ = _diagnosed(world, paper, answers)
        groups = teaching_groups(subject, table, roster_of(world), RULE)
        place = np.array([int(name[1:]) for name in groups["student_id"].to_pylist()])
        ours = np.zeros(len(answers), int)
        ours[place] = groups["group"].to_numpy()
        asked = paper.asks / paper.asks.sum(axis=1, keepdims=True)
        plain = answers @ asked / asked.sum(axis=0)
        found.append({"yuejuan": ours, "k-means": _k_means(plain), "thirds by total": _thirds(answers.sum(axis=1))})
    classes = np.arange(len(world.ability)) // CLASS
    return {
        f"groups: {name}": {
            "planted": _agreement(found[0][name], _planted(world), classes),
            "second paper": _agreement(found[0][name], found[1][name], classes),
        }
        for name in found[0]
    }


def _agreement(one: np.ndarray, other: np.ndarray, classes: np.ndarray) -> float:
    return float(np.mean([adjusted_rand_score(one[classes == c], other[classes == c]) for c in np.unique(classes)]))


def _k_means(rates: np.ndarray) -> np.ndarray:
    parts = [KMeans(GROUPS, n_init=10, random_state=0).fit_predict(part) for part in _by_class(rates)]
    return np.concatenate(parts)


def _thirds(total: np.ndarray) -> np.ndarray:
    parts = [np.argsort(np.argsort(part, kind="stable")) * GROUPS // len(part) for part in _by_class(total)]
    return np.concatenate(parts)


def _by_class(values: np.ndarray) -> list[np.ndarray]:
    return [values[start : start + CLASS] for start in range(0, len(values), CLASS)]
