"""Knowledge tracing: recovery of made-up pupils, calibration, what history and neighbours add, degenerate logs."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from benchmarks import precision
from engine.errors import InputError
from engine.tracing import KnowledgeTracer

POINTS = 4


@dataclass
class World:
    """Pupils of classes of 40 who answer 24 items of 4 points, once."""

    level: np.ndarray
    point: np.ndarray
    slope: np.ndarray
    intercept: np.ndarray
    chance: np.ndarray
    correct: np.ndarray
    q_matrix: dict[int, list[str]]

    def log(self, shown: np.ndarray) -> dict[str, np.ndarray]:
        student, item = np.nonzero(shown)
        return {"student": student, "item": item, "correct": self.correct[shown], "group": student // 40}


@cache
def world(n: int = 1200, items: int = 24, class_sd: float = 0.5) -> World:
    rng = np.random.default_rng(5)
    of_class = rng.normal(0, class_sd, n // 40 + 1)[np.arange(n) // 40]
    level = of_class + rng.normal(0, np.sqrt(1 - class_sd**2), n)
    point = rng.normal(0, 0.7, (n, POINTS))
    slope, intercept = rng.uniform(0.7, 1.6, items), rng.normal(0, 1, items)
    asked = np.arange(items) % POINTS
    chance = expit(intercept + slope * (level[:, None] + point[:, asked]))
    correct = (rng.random(chance.shape) < chance).astype(int)
    return World(level, point, slope, intercept, chance, correct, {j: [f"k{k}"] for j, k in enumerate(asked)})


def shown(w: World, share: float) -> np.ndarray:
    return np.random.default_rng(1).random(w.chance.shape) < share


@pytest.mark.parametrize("seed", range(3))
def test_one_item_a_point_does_not_say_that_all_points_are_alike(seed: int) -> None:
    """What a point adds shows nowhere then; the variance stays near what papers have."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(600, 1))
    correct = rng.random((600, 12)) < expit(level + rng.normal(0, 0.6, (600, 12)) + np.linspace(-1, 1, 12))
    i, j = np.indices(correct.shape)
    log = {"student": i.ravel(), "item": j.ravel(), "correct": correct.ravel().astype(int)}
    model = KnowledgeTracer({j: [f"k{j}"] for j in range(12)}).fit(log)
    assert 0.1 < model.dynamics_.point_variance < 0.8


@cache
def fitted() -> KnowledgeTracer:
    w = world()
    return KnowledgeTracer(w.q_matrix).fit(w.log(shown(w, 0.8)))


def test_items_and_mastery_are_recovered() -> None:
    w, model = world(), fitted()
    assert np.corrcoef(model.slope_, w.slope)[0, 1] > 0.85
    assert np.sqrt(np.mean((model.intercept_ - w.intercept) ** 2)) < 0.2
    assert abs(model.dynamics_.point_variance - 0.49) < 0.2
    assert abs(model.level_chain_.variance - 0.25) < 0.15
    mastery = model.mastery(np.arange(len(w.level)))
    truth = w.level[:, None] + w.point[:, [int(name[1:]) for name in mastery.points]]
    z = (mastery.estimate - truth) / mastery.standard_error
    assert 0.9 < z.std() < 1.1
    assert abs(z.mean()) < 0.15
    assert np.corrcoef(mastery.estimate.ravel(), truth.ravel())[0, 1] > 0.75
    assert mastery.answers.sum() == shown(w, 0.8).sum()


def test_held_out_chances_are_calibrated_and_nearly_as_good_as_the_truth() -> None:
    w, model = world(), fitted()
    student, item = np.nonzero(~shown(w, 0.8))
    p, truth, y = model.predict_proba(student, item), w.chance[student, item], w.correct[student, item]
    assert precision.calibration_error(y, p) < 0.03
    known = shown(w, 0.8)
    item_mean = (w.correct * known).sum(0) / known.sum(0)
    best, poor = roc_auc_score(y, truth), roc_auc_score(y, item_mean[item])
    assert roc_auc_score(y, p) > poor + 0.6 * (best - poor)


def test_points_and_neighbours_predict_better_than_neither() -> None:
    w = world()
    few = shown(w, 0.3)
    student, item = np.nonzero(~few)
    y = w.correct[student, item]

    def auc(model: KnowledgeTracer) -> float:
        return roc_auc_score(y, model.fit(w.log(few)).predict_proba(student, item))

    everything = auc(KnowledgeTracer(w.q_matrix))
    assert everything > auc(KnowledgeTracer(w.q_matrix, neighbours=False)) + 0.002
    assert everything > auc(KnowledgeTracer()) + 0.002


def test_an_exam_more_makes_the_profile_surer_and_predicts_the_next_better() -> None:
    w = world()
    first, second, third = (np.zeros(w.chance.shape, dtype=bool) for _ in range(3))
    first[:, :8], second[:, 8:16], third[:, 16:] = True, True, True
    model = KnowledgeTracer(w.q_matrix).fit(w.log(first))
    everyone = np.arange(len(w.level))
    before = model.mastery(everyone)
    slope = model.slope_.copy()
    model.update(w.log(second))
    after = model.mastery(everyone)
    assert (after.standard_error < before.standard_error).mean() > 0.99
    assert np.array_equal(model.slope_[:8], slope)  # what was known stays
    assert np.sqrt(np.mean((model.intercept_[8:] - w.intercept[8:16]) ** 2)) < 0.35
    truth = w.level[:, None] + w.point[:, [int(name[1:]) for name in after.points]]
    assert np.abs(after.estimate - truth).mean() < np.abs(before.estimate - truth).mean() - 0.05


def test_the_outlook_of_all_pupils_at_all_items_is_that_of_each() -> None:
    w = world(120)
    model = KnowledgeTracer(w.q_matrix, neighbours=False, n_rounds=2).fit(w.log(shown(w, 0.5)))
    everyone, items = model.students_, np.arange(24)
    outlook = model.outlook(items, model.mastery(everyone))
    asked = np.repeat(everyone.to_numpy(), 24), np.tile(items, len(everyone))
    np.testing.assert_allclose(outlook.chance.ravel(), model.predict_proba(*asked), atol=1e-9)
    assert (outlook.slope > 0).all() and (outlook.slope < model.slope_ / 4 + 1e-12).all()


def test_the_likelihood_is_the_product_of_the_chances_of_each_answer_after_those_before() -> None:
    w = world(120)
    log = w.log(shown(w, 0.3))
    model = KnowledgeTracer(w.q_matrix, neighbours=False, n_rounds=2).fit(log)
    stranger = {**log, "student": log["student"] + 1000}  # of whom nothing is known
    p = model.predict_next(stranger)
    expected = np.log(np.where(log["correct"] == 1, p, 1 - p)).sum()
    assert np.isclose(model.loglik(model.students_), expected)
    half = model.students_.to_numpy() < 60
    parts = [model.loglik(model.students_.filter(pa.array(mask))) for mask in (half, ~half)]
    assert np.isclose(sum(parts), expected)
    assert model.n_parameters_ == 2 * 24 + 1


def sequences(n: int = 250, answers: int = 60) -> dict[str, np.ndarray]:
    """Pupils whose ability passes: it is that of the last few answers, not of all."""
    rng = np.random.default_rng(3)
    ability = np.empty((n, answers))
    state = rng.normal(0, 1.5, n)
    for t in range(answers):
        state = 0.9 * state + rng.normal(0, 1.5 * np.sqrt(1 - 0.81), n)
        ability[:, t] = state
    return {
        "student": np.repeat(np.arange(n), answers),
        "item": rng.integers(0, 5, n * answers),
        "correct": (rng.random(n * answers) < expit(ability.ravel())).astype(int),
        "time": np.tile(np.arange(answers, dtype=float), n),
    }


def test_what_passes_is_forgotten_at_its_rate() -> None:
    log = sequences()
    train = log["student"] < 200
    model = KnowledgeTracer().fit({name: values[train] for name, values in log.items()})
    p = model.predict_next({name: values[~train] for name, values in log.items()})
    without = KnowledgeTracer().fit({name: values[train] for name, values in log.items() if name != "time"})
    static = without.predict_next({name: values[~train] for name, values in log.items() if name != "time"})
    y = log["correct"][~train]
    assert roc_auc_score(y, p) > roc_auc_score(y, static) + 0.02
    assert precision.calibration_error(y, p) < 0.04
    d = model.dynamics_
    passing = d.form_rate if d.form_variance > d.recent_variance else d.recent_rate
    assert 0.05 < passing < 0.2  # -log 0.9 = 0.105


def test_each_answer_is_predicted_from_those_before_it_only() -> None:
    log = sequences(n=60, answers=20)
    model = KnowledgeTracer(n_rounds=2).fit(log)
    new = {name: values[:20] for name, values in log.items()} | {"student": np.full(20, 1000)}
    p = model.predict_next(new)
    changed = new | {"correct": np.where(np.arange(20) < 10, new["correct"], 1 - new["correct"])}
    q = model.predict_next(changed)
    assert np.array_equal(p[:11], q[:11])
    assert (p[11:] != q[11:]).all()


def test_order_of_rows_and_kind_of_container_do_not_matter() -> None:
    w = world()
    log = w.log(shown(w, 0.1))
    model = KnowledgeTracer(w.q_matrix, n_rounds=2)
    asked = np.arange(24), np.arange(24)
    p = clone(model).fit(log).predict_proba(*asked)
    turned = pa.table({name: values[::-1] for name, values in log.items()})
    assert np.allclose(clone(model).fit(turned).predict_proba(*asked), p, atol=0.01)  # the filter's order differs
    assert np.array_equal(clone(model).fit(pa.table(log)).predict_proba(*asked), p)


answer = st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 1), st.integers(0, 3))


@settings(max_examples=25, deadline=None)
@given(st.lists(answer, min_size=1, max_size=30), st.booleans(), st.booleans())
def test_any_log_gives_chances_and_profiles(rows: list[tuple[int, ...]], timed: bool, with_points: bool) -> None:
    columns = dict(zip(("student", "item", "correct", "time"), np.array(rows).T, strict=True))
    if not timed:
        del columns["time"]
    q_matrix = {0: ["a"], 1: {"a": 1, "b": 2}, 2: ["b"]} if with_points else None
    model = KnowledgeTracer(q_matrix, n_rounds=2, n_steps=2).fit(columns)
    students, items = np.repeat(np.arange(8), 7), np.tile(np.arange(7), 8)  # unknown ones too
    p = model.predict_proba(students, items)
    assert ((p > 0) & (p < 1)).all()
    mastery = model.mastery(np.arange(8))
    assert np.isfinite(mastery.estimate).all()
    assert (mastery.standard_error > 0).all()
    model.update(columns)
    assert np.isfinite(model.predict_next(columns)).all()


def test_what_is_wrong_with_a_log_is_said() -> None:
    good = {"student": ["a"], "item": ["1"], "correct": [1]}
    for change, message in (
        ({"correct": [0.5]}, "correct is 0.5"),
        ({"correct": [1, 0]}, "2 rows"),
        ({"time": [np.nan]}, "no time"),
        ({"student": [], "item": [], "correct": []}, "empty"),
    ):
        with pytest.raises(InputError, match=message):
            KnowledgeTracer().fit(good | change)
    with pytest.raises(InputError, match="needs a column 'item'"):
        KnowledgeTracer().fit({"student": ["a"], "correct": [1]})
    with pytest.raises(InputError, match="negative"):
        KnowledgeTracer({"1": {"a": -1}}).fit(good)


@pytest.mark.slow
def test_math1(shared_data: Path) -> None:
    log = precision.read(shared_data / "psychometrics" / "math1_logs")
    p, y = precision.tracing(log), log.correct[log.test]
    assert roc_auc_score(y, p) > 0.8445
    assert precision.calibration_error(y, p) < 0.02


@pytest.mark.slow
def test_assistments(shared_data: Path) -> None:
    log = precision.read(shared_data / "psychometrics" / "assistments2009_skills", 0.1)
    p, y = precision.tracing(log), log.correct[log.test]
    assert roc_auc_score(y, p) > 0.75
    assert precision.calibration_error(y, p) < 0.035
