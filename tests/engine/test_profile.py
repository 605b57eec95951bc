"""Profiles: smoothed rates are nearer to the truth than raw ones, weak points told are real, models are chosen."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from made_scores import exams, make_roster, make_scores, make_subject, plain_subject, right_or_wrong, shuffled
from scipy.special import expit

from engine import tables
from engine.diagnosis import Earlier, earlier_exams, mastery, pupil_profiles, with_profiles
from engine.exam import DiagnosisRule, Exam, Subject
from engine.history import History, track

RULE = DiagnosisRule()
POINTS, EACH, N = 8, 3, 400


class World(NamedTuple):
    subject: Subject
    scores: pa.Table
    roster: pa.Table
    truth: np.ndarray  # (n, K) true rates
    chance: np.ndarray  # (n, J)


@cache
def world() -> World:
    """Pupils with a level and a deviation at each point, in classes that differ; items by a two-parameter model."""
    rng = np.random.default_rng(11)
    subject = plain_subject([EACH] * POINTS)
    asked = np.repeat(np.arange(POINTS), EACH)
    level = rng.normal(0, 0.9, N) + rng.normal(0, 0.4, N // 40)[np.arange(N) // 40]
    ability = level[:, None] + rng.normal(0, 0.7, (N, POINTS))
    slope, intercept = rng.uniform(0.8, 1.6, POINTS * EACH), rng.normal(0.3, 1, POINTS * EACH)
    chance = expit(intercept + slope * ability[:, asked])
    scores = make_scores(subject, right_or_wrong(subject, chance, rng))
    return World(subject, scores, make_roster(N), chance.reshape(N, POINTS, EACH).mean(axis=2), chance)


@cache
def profiled() -> tuple[pa.Table, dict[str, pa.Table]]:
    w = world()
    raw = mastery(w.subject, w.scores, w.roster, RULE)
    return raw, pupil_profiles(w.subject, w.scores, w.roster, raw, RULE)


def column(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy().reshape(N, POINTS)


def pupils(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table["level"], "pupil"))


def test_smoothed_rates_are_nearer_to_the_truth_than_raw_ones() -> None:
    raw, made = profiled()
    truth, profiles = world().truth, made["profiles"]
    error = np.sqrt(np.mean((column(profiles, "rate") - truth) ** 2))
    assert error < 0.65 * np.sqrt(np.mean((column(pupils(raw), "rate") - truth) ** 2))
    inside = (column(profiles, "lower") <= truth) & (truth <= column(profiles, "upper"))
    assert 0.83 < inside.mean() < 0.95  # of nominal 0.90
    assert profiles["reference"].equals(pupils(raw)["reference"])


def test_weak_points_told_are_real_and_more_are_found_than_by_raw_rates() -> None:
    raw, made = profiled()
    truth, profiles = world().truth, made["profiles"]
    reference = column(profiles, "reference")
    real, far = truth <= reference - RULE.min_gap, truth <= reference - 0.25
    weak, by_rate = column(profiles, "weak"), column(pupils(raw), "weak")
    assert real[weak].mean() > 0.88 > RULE.sure and real[weak].mean() > real[by_rate].mean() + 0.07
    assert weak[far].mean() > 0.58 and weak[far].mean() > by_rate[far].mean() + 0.08
    assert (truth >= reference)[weak].mean() < 0.06 < (truth >= reference)[by_rate].mean()
    below = column(profiles, "below")
    for low in np.arange(0, 1, 0.2):
        there = (below >= low) & (below < low + 0.2)
        assert abs(real[there].mean() - below[there].mean()) < 0.08


def test_mastery_takes_over_the_weak_points_of_profiles() -> None:
    raw, made = profiled()
    changed = with_profiles(raw, made["profiles"])
    assert changed.drop_columns(["weak"]).equals(raw.drop_columns(["weak"]))
    assert pupils(changed)["weak"].to_pylist() == made["profiles"]["weak"].to_pylist()
    units = pc.not_equal(raw["level"], "pupil")
    assert changed["weak"].filter(units).equals(raw["weak"].filter(units))


def test_the_model_of_the_lowest_bic_makes_the_profiles() -> None:
    _, made = profiled()
    rows = made["models"].to_pylist()
    assert [row["model"] for row in rows] == ["tracing", "DINA"]  # items of one point: the other rules are the same
    assert [row["chosen"] for row in rows] == [row["bic"] == min(other["bic"] for other in rows) for row in rows]
    assert rows[0]["chosen"] and set(made["profiles"]["model"].to_pylist()) == {"tracing"}


def test_pupils_who_master_or_do_not_are_profiled_by_cognitive_diagnosis() -> None:
    rng = np.random.default_rng(2)
    Q = np.vstack([np.eye(3, dtype=int)] * 4 + [[[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]]] * 2)
    subject = make_subject([(1, tuple((f"点{k}", 1 / q.sum()) for k in np.flatnonzero(q))) for q in Q])
    masters = rng.random((300, 3)) < 0.55
    able = masters.astype(int) @ Q.T == Q.sum(axis=1)
    scores = make_scores(subject, (rng.random(able.shape) < np.where(able, 0.9, 0.15)).astype(int))
    raw = mastery(subject, scores, make_roster(300), RULE)
    made = pupil_profiles(subject, scores, make_roster(300), raw, RULE)
    [chosen] = [row for row in made["models"].to_pylist() if row["chosen"]]
    assert chosen["model"] == "DINA" and len(made["models"]) == 4
    probability = made["profiles"]["probability"].to_numpy().reshape(300, 3)
    assert ((probability > 0.5) == masters).mean() > 0.93
    told = np.maximum(probability, 1 - probability).mean(axis=0)
    np.testing.assert_allclose(made["attributes"]["accuracy"].to_numpy(), told)
    assert abs(told.mean() - ((probability > 0.5) == masters).mean()) < 0.03
    assert np.allclose(made["attributes"]["mastered"].to_numpy(), masters.mean(axis=0), atol=0.06)


def test_an_exam_before_makes_profiles_better() -> None:
    w, few = world(), 120
    rng = np.random.default_rng(1)
    before = rng.random((few, POINTS * EACH)) < w.chance[:few]
    i, j = np.nonzero(np.ones_like(before))
    knowledge = {f"old/{item.item}": dict(item.knowledge) for item in w.subject.items}
    names = pa.array(list(knowledge), pa.string())
    scores, day = w.scores.slice(0, few), datetime.date(2026, 11, 1).toordinal()
    ids = scores["student_id"].combine_chunks()
    earlier = Earlier(day - 60, ids.take(i), names.take(j), before[i, j].astype(np.int8), knowledge)
    raw = mastery(w.subject, scores, w.roster, RULE)
    made = pupil_profiles(w.subject, scores, w.roster, raw, RULE, day=day, earlier=[earlier])
    profiles = made["profiles"]
    assert set(profiles["answers"].to_pylist()) == {2 * EACH} and set(profiles["exams"].to_pylist()) == {2}
    assert [row["model"] for row in made["models"].to_pylist() if row["chosen"]] == ["tracing"]

    def error(table: pa.Table) -> float:
        return np.sqrt(np.mean((table["rate"].to_numpy().reshape(few, POINTS) - w.truth[:few]) ** 2))

    alone = pupil_profiles(w.subject, scores, w.roster, raw, RULE)["profiles"]
    assert error(profiles) < 0.92 * error(alone)


def test_earlier_exams_are_read_from_the_store(tmp_path: Path) -> None:
    subject = make_subject([(4, (("点1", 1.0),)), (4, (("点1", 0.5), ("点2", 0.5))), (4, ())])
    banked = subject.items[1].model_copy(update={"question": "Q7"})
    subject = subject.model_copy(update={"items": (subject.items[0], banked, subject.items[2])})
    scores = make_scores(subject, np.array([[4, 2, 4], [1, 3, 0]]), np.array([[1, 1, 1], [1, 0, 1]], bool))
    day = datetime.date(2026, 9, 10)
    exam = Exam(id="e1", title="月考", date=day, folder=tmp_path, subjects=(subject,), roster=make_roster(2))
    track(exam, [scores], tmp_path / "store")
    history = History(tmp_path / "store")
    assert earlier_exams(history, exam, "maths") == []  # this exam is not before itself
    later = exam.model_copy(update={"id": "e2", "date": day + datetime.timedelta(60)})
    assert earlier_exams(history, later, "english") == []
    [found] = earlier_exams(history, later, "maths")
    assert found.day == day.toordinal()
    rows = zip(found.student_id.to_pylist(), found.item.to_pylist(), found.right, strict=True)
    assert sorted(rows) == [("p0000", "Q7", 0), ("p0000", "e1/1", 1), ("p0001", "e1/1", 0)]
    assert found.knowledge == {"e1/1": {"点1": 1.0}, "Q7": {"点1": 0.5, "点2": 0.5}}


def test_two_items_are_no_evidence() -> None:
    w = world()
    rule = DiagnosisRule(min_items=EACH + 1)
    made = pupil_profiles(w.subject, w.scores, w.roster, profiled()[0], rule)["profiles"]
    assert not pc.any(made["weak"]).as_py() and set(made["evidence"].to_pylist()) == {"few items"}


def test_too_few_pupils_have_no_profiles() -> None:
    subject = plain_subject([3, 3])
    scores, roster = make_scores(subject, np.ones((12, 6), int)), make_roster(12)
    raw = mastery(subject, scores, roster, RULE)
    made = pupil_profiles(subject, scores, roster, raw, RULE)
    assert all(made[name].equals(tables.empty(name)) for name in made)
    assert with_profiles(raw, made["profiles"]).equals(raw)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(exams())
def test_any_exam_has_profiles_that_do_not_depend_on_the_order_of_rows(exam: tuple) -> None:
    subject, scores, roster = exam
    raw = mastery(subject, scores, roster, RULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.diagnosis.profile.FEWEST", 2)
        patch.setattr("engine.diagnosis.attributes.FEWEST", 2)
        made = pupil_profiles(subject, scores, roster, raw, RULE)
        again = pupil_profiles(subject, shuffled(scores, 1), shuffled(roster, 2), raw, RULE)
    assert all(made[name].equals(again[name]) for name in made)
    for row in made["profiles"].to_pylist():
        assert 0 <= row["lower"] <= row["rate"] <= row["upper"] <= 1 or abs(row["rate"] - 0.5) > 0.49
        assert 0 <= row["probability"] <= 1 and 0 <= row["below"] <= 1
    assert len(with_profiles(raw, made["profiles"])) == len(raw)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["all right", "all wrong", "a point not presented", "one of two chosen"])
def test_answers_that_tell_little_have_profiles_and_no_hints(kind: str) -> None:
    subject = make_subject(
        [(1, (("甲", 1.0),)), (2, (("甲", 0.5), ("乙", 0.5))), (1, (("乙", 1.0),)), (1, (("丙", 1.0),))]
    )
    rng, n = np.random.default_rng(0), 120
    right = {"all right": np.ones((n, 4), int), "all wrong": np.zeros((n, 4), int)}.get(
        kind, rng.integers(0, 2, (n, 4))
    )
    presented = np.ones((n, 4), bool)
    if kind == "a point not presented":
        presented[:, 3] = False
    if kind == "one of two chosen":
        presented[:, 2] = rng.random(n) < 0.5
        presented[:, 3] = ~presented[:, 2]
    scores, roster = make_scores(subject, right * np.array([1, 2, 1, 1]), presented), make_roster(n)
    made = pupil_profiles(subject, scores, roster, mastery(subject, scores, roster, RULE), RULE)
    profiles = made["profiles"]
    asked = {"a point not presented": 2 * n, "one of two chosen": 2 * n + int(presented[:, 3].sum())}.get(kind, 3 * n)
    assert len(profiles) == asked
    for name in ("rate", "lower", "upper", "probability", "below"):
        assert np.isfinite(profiles[name].to_numpy()).all()
    rate = profiles["rate"].to_numpy()
    assert {"all right": rate.min() > 0.9, "all wrong": rate.max() < 0.1}.get(kind, True)
    assert not len(made["q_matrix"])
