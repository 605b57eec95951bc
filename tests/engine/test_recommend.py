"""Recommendations: against a slow reference, as properties, on planted truths, and on the answers of a real exam."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_scores import exams, make_roster, make_scores, plain_subject, right_or_wrong, shuffled
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score

import engine.recommend
from engine import bank as question_bank
from engine import tables
from engine.diagnosis import mastery
from engine.errors import InputError
from engine.exam import DiagnosisRule, RecommendRule, Subject
from engine.knowledge import PupilPoints, knowledge_points
from engine.recommend import recommend

pytestmark = pytest.mark.filterwarnings("error")
RULE = RecommendRule()
DIAGNOSIS = DiagnosisRule(min_items=1, min_points=0.5, min_gap=0.05, confidence=0.6)
LOGS = Path(__file__).parents[2].parent / "shared" / "data" / "psychometrics" / "math1_logs"
quick = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def make_bank(questions: list[tuple[str, list[str], float]], subject: str = "maths") -> pa.Table:
    rows = [
        {"question": name, "subject": subject, "stem": "…", "knowledge": knowledge, "difficulty": difficulty}
        for name, knowledge, difficulty in questions
    ]
    return pa.Table.from_pylist(rows, schema=question_bank.SCHEMA)


banks = st.lists(
    st.tuples(
        st.lists(st.sampled_from([f"点{k}" for k in range(4)] + ["没考"]), min_size=1, max_size=2, unique=True),
        st.sampled_from([0, 0.05, 0.3, 0.5, 0.5, 0.62, 0.7, 0.9, 1]),
    ),
    max_size=14,
).map(lambda questions: make_bank([(f"Q{i:02d}", *question) for i, question in enumerate(questions)]))
rules = st.builds(
    RecommendRule,
    per_pupil=st.integers(1, 8),
    per_knowledge=st.integers(1, 3),
    target_low=st.sampled_from([0.3, 0.5, 0.7]),
    target_high=st.sampled_from([0.7, 0.85]),
)


def logit(rate: float) -> float:
    rate = min(max(rate, 0.01), 0.99)
    return math.log(rate / (1 - rate))


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


class SlowPupil:
    """The module's formulas for one pupil, solved by bisection, one question at a time."""

    def __init__(self, subject: Subject, pupils: PupilPoints, i: int, mastery_rows: dict[str, dict]) -> None:
        self.rows = mastery_rows
        means = pupils.item_means() / pupils.full
        trials = 1 / pupils.partial_credit()
        seen = [
            (
                dict(item.knowledge),
                min(max(pupils.points[i, j] / pupils.full[j], 0), 1),
                0.0 if math.isnan(means[j]) else logit(means[j]),
                trials[j],
            )
            for j, item in enumerate(subject.items)
            if pupils.presented[i, j]
        ]

        def mode(answers: list[tuple[float, float, float]], sd: float) -> float:
            def slope(shift: float) -> float:
                return sum(w * (rate - logistic(place + shift)) for rate, place, w in answers) - shift / sd**2

            return brentq(slope, -60, 60, xtol=1e-12)

        theta = mode([(rate, place, w) for _, rate, place, w in seen], 1.0)
        self.shift = {}
        for point in knowledge_points(subject):
            answers = [(rate, place + theta, w * share.get(point, 0)) for share, rate, place, w in seen]
            self.shift[point] = theta + mode(answers, 0.5)

    def chance(self, difficulty: float, points: list[str]) -> float:
        return logistic(logit(difficulty) + sum(self.shift[point] for point in points) / len(points))

    def need(self, point: str) -> float:
        row = self.rows[point]
        lag = 0 if row["gap"] is None else min(max(-row["gap"], 0), 0.99)
        if row["weak"]:
            return 3 + lag
        if row["evidence"] == "enough" and lag > 0:
            return 2 + lag
        place = 0 if row["reference"] is None else logit(row["reference"])
        return 2 - logistic(place + self.shift[point])

    def value(self, difficulty: float, points: list[str], rule: RecommendRule) -> float:
        middle, half = (rule.target_low + rule.target_high) / 2, (rule.target_high - rule.target_low) / 2
        off = abs(self.chance(difficulty, points) - middle)
        zone = 1 - 0.1 * off / half if off <= half and half else 0.9 * math.exp(-(((off - half) / 0.1) ** 2))
        return max(self.need(point) for point in points) * zone


@quick
@given(exams(), banks, rules, st.integers(0, 99))
def test_every_pick_is_the_best_left(made, bank: pa.Table, rule: RecommendRule, seed: int) -> None:
    subject, scores, roster = made
    table = mastery(subject, scores, roster, DIAGNOSIS)
    found = recommend(subject, table, bank, rule, scores)
    assert found.schema == tables.SCHEMAS["recommendations"]

    points = set(knowledge_points(subject))
    candidates = {row["question"]: row for row in bank.to_pylist() if set(row["knowledge"]) <= points}
    pupils = PupilPoints.of(subject, scores)
    picks: dict[str, list[dict]] = {}
    for row in found.to_pylist():
        picks.setdefault(row["student_id"], []).append(row)
    assert list(picks) == (list(pupils.student_id) if candidates else [])

    by_pupil: dict[str, dict[str, dict]] = {}
    for row in table.filter(pc.equal(table["level"], "pupil")).to_pylist():
        by_pupil.setdefault(row["unit"], {})[row["knowledge"]] = row
    for i, student_id in enumerate(pupils.student_id if candidates else []):
        pupil = SlowPupil(subject, pupils, i, by_pupil[student_id])
        used: Counter[str] = Counter()
        left = dict(candidates)
        for rank, row in enumerate(picks[student_id], 1):
            assert row["rank"] == rank <= rule.per_pupil
            question = left.pop(row["question"])  # in the bank, and not twice
            chance = pupil.chance(question["difficulty"], question["knowledge"])
            assert row["chance"] == pytest.approx(chance, abs=1e-6)
            assert row["difficulty"] == question["difficulty"]
            assert row["knowledge"] in question["knowledge"]
            assert pupil.need(row["knowledge"]) == pytest.approx(max(map(pupil.need, question["knowledge"])), abs=1e-6)
            assert f"「{row['knowledge']}」" in row["reason"] and f"{row['chance']:.0%}" in row["reason"]
            free = [
                other
                for other in left.values()
                if all(used[point] < rule.per_knowledge for point in other["knowledge"])
            ]
            best = max((pupil.value(other["difficulty"], other["knowledge"], rule) for other in free), default=0)
            assert pupil.value(question["difficulty"], question["knowledge"], rule) >= best - 1e-5
            used.update(question["knowledge"])
            assert max(used.values()) <= rule.per_knowledge
        if len(picks[student_id]) < rule.per_pupil:
            assert all(
                any(used[point] >= rule.per_knowledge for point in question["knowledge"]) for question in left.values()
            )

    again = recommend(subject, shuffled(table, seed), shuffled(bank, seed), rule, shuffled(scores, seed))
    assert again.equals(found)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    subject = plain_subject([3] * 5)
    scores = make_scores(subject, right_or_wrong(subject, np.full((50, 15), 0.6), rng))
    table = mastery(subject, scores, make_roster(50), DiagnosisRule())
    bank = make_bank([(f"Q{q:03d}", [f"点{q % 5 + 1}"], q / 100) for q in range(100)])
    whole = recommend(subject, table, bank, RULE, scores)
    assert whole.num_rows == 50 * RULE.per_pupil
    monkeypatch.setattr(engine.recommend, "CHUNK_CELLS", 700)
    assert recommend(subject, table, bank, RULE, scores).equals(whole)


def exam_with_a_weak_pupil() -> tuple[Subject, pa.Table, pa.Table]:
    """Forty pupils of whom p0000 fails point 2 and p0001 has all right; items of 2 points, five a point."""
    rng = np.random.default_rng(1)
    subject = plain_subject([5] * 4)
    steps = right_or_wrong(subject, np.full((40, 20), 0.7), rng)
    steps[0] = 2
    steps[0, 5:10] = 0
    steps[1] = 2
    scores = make_scores(subject, steps, status=["read"] * 39 + ["absent"])
    return subject, scores, mastery(subject, scores, make_roster(40), DiagnosisRule())


def test_the_weak_point_comes_first_with_its_numbers() -> None:
    subject, scores, table = exam_with_a_weak_pupil()
    bank = make_bank([(f"Q{q:02d}", [f"点{q % 4 + 1}"], 0.2 + 0.035 * (q // 4) * 4) for q in range(24)])
    rows = recommend(subject, table, bank, RULE, scores).to_pylist()
    first = [row for row in rows if row["student_id"] == "p0000"]
    assert [row["knowledge"] for row in first[:2]] == ["点2", "点2"]
    assert all(row["knowledge"] != "点2" for row in first[2:])
    reference = table.filter(pc.equal(table["unit"], "p0000"))["reference"].to_pylist()[1]
    assert first[0]["reason"] == (
        f"薄弱点「点2」得分率 0%（全体 {reference:.0%}，5 题），本题预计答对率 {first[0]['chance']:.0%}"
    )
    best = [row for row in rows if row["student_id"] == "p0001"]
    assert len(best) == RULE.per_pupil
    assert all("不低于全体，用于" in row["reason"] for row in best)
    assert not any(row["student_id"] == "p0039" for row in rows)  # absent


def test_questions_in_the_zone_before_those_outside() -> None:
    """On one point, an able pupil gets harder questions than a weaker one, both about 0.675 of success."""
    subject, scores, table = exam_with_a_weak_pupil()
    bank = make_bank([(f"Q{q:02d}", ["点2"], q / 40) for q in range(1, 40)])
    found = recommend(subject, table, bank, RULE, scores)
    chance = found["chance"].to_numpy()
    assert (chance >= RULE.target_low).all() and (chance <= RULE.target_high).all()
    assert abs(chance - 0.675).max() < 0.07
    difficulty = {row["student_id"]: row["difficulty"] for row in found.to_pylist()}
    assert difficulty["p0001"] < difficulty["p0000"]


def test_far_outside_the_zone_is_told() -> None:
    subject, scores, table = exam_with_a_weak_pupil()
    bank = make_bank([("易", ["点1"], 0.97), ("难", ["点1"], 0.03)])
    reasons = {
        row["question"]: row["reason"]
        for row in recommend(subject, table, bank, RULE, scores).to_pylist()
        if row["student_id"] == "p0000"
    }
    assert reasons["易"].endswith("（偏易）") and reasons["难"].endswith("（偏难）")


def test_little_evidence_is_told_and_no_weakness_claimed() -> None:
    subject = plain_subject([1, 1])
    steps, presented = np.array([[0, 0], [2, 2], [2, 2]]), np.array([[1, 0], [1, 1], [1, 1]], bool)
    scores = make_scores(subject, steps, presented)
    table = mastery(subject, scores, make_roster(3), DiagnosisRule())
    bank = make_bank([("Q1", ["点1"], 0.7), ("Q2", ["点2"], 0.7)])
    reasons = {
        row["question"]: row["reason"]
        for row in recommend(subject, table, bank, RULE, scores).to_pylist()
        if row["student_id"] == "p0000"
    }
    assert reasons["Q1"].startswith("「点1」得分率 0%（全体 67%，1 题），题量少")
    assert reasons["Q2"].startswith("「点2」这次没有考到")


def test_other_subjects_and_points_not_examined_are_left_alone() -> None:
    subject, scores, table = exam_with_a_weak_pupil()
    bank = pa.concat_tables(
        [
            make_bank([("甲", ["点1"], 0.6), ("乙", ["点1", "没考"], 0.6)]),
            make_bank([("丙", ["点2"], 0.6)], subject="数学"),
            make_bank([("丁", ["点3"], 0.6)], subject="english"),
        ]
    )
    assert set(recommend(subject, table, bank, RULE, scores)["question"].to_pylist()) == {"甲", "丙"}
    assert recommend(subject, table, bank[:0], RULE, scores).num_rows == 0


def test_mastery_of_other_pupils_is_refused() -> None:
    subject, scores, table = exam_with_a_weak_pupil()
    with pytest.raises(InputError, match="other pupils"):
        recommend(subject, table, make_bank([("Q1", ["点1"], 0.6)]), RULE, scores[1:])


def test_the_chance_is_calibrated() -> None:
    """Pupils with an ability of their own on every point: of questions said to succeed with p, p succeed."""
    rng = np.random.default_rng(2)
    n, points = 1500, 6
    subject = plain_subject([5] * points)
    ability = rng.normal(0, 1, (n, 1)) + rng.normal(0, 0.5, (n, points))

    def chances(easiness: np.ndarray, point: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(easiness + ability[:, point])))

    items = chances(rng.normal(0.4, 0.8, 5 * points), np.repeat(np.arange(points), 5))
    scores = make_scores(subject, right_or_wrong(subject, items, rng))
    table = mastery(subject, scores, make_roster(n), DiagnosisRule())
    point = np.arange(60) % points
    truth = chances(rng.normal(0, 1.5, 60), point)
    bank = make_bank([(f"Q{q:02d}", [f"点{point[q] + 1}"], truth[:, q].mean()) for q in range(60)])
    rule = RecommendRule.model_construct(per_pupil=60, per_knowledge=60)  # every question, more than an exam may ask
    found = recommend(subject, table, bank, rule, scores)
    said = found["chance"].to_numpy()
    true = truth[
        [int(name[1:]) for name in found["student_id"].to_pylist()],
        [int(name[1:]) for name in found["question"].to_pylist()],
    ]
    assert len(said) == n * 60
    for low in np.arange(0.1, 0.9, 0.1):
        inside = (said >= low) & (said < low + 0.1)
        assert abs(said[inside].mean() - true[inside].mean()) < 0.04
    assert np.corrcoef(said, true)[0, 1] > 0.9


@pytest.mark.skipif(not LOGS.is_dir(), reason=f"needs the real data in {LOGS}")
def test_held_out_answers_of_a_real_exam() -> None:
    """The figures of the module's docstring: shifts from the train split, right answers of the test split."""
    with open(LOGS / "qmatrix.csv", encoding="utf-8") as file:
        q_matrix = np.array([[float(cell) for cell in row[1:]] for row in list(csv.reader(file))[1:]])
    with open(LOGS / "data.csv", encoding="utf-8") as file:
        logs = list(csv.DictReader(file))
    n = max(int(row["user_id"]) for row in logs) + 1
    presented, points = np.zeros((n, len(q_matrix)), bool), np.zeros((n, len(q_matrix)))
    held_out = []
    for row in logs:
        cell = int(row["user_id"]), int(row["item_id"])
        if row["split"] == "test":
            held_out.append((*cell, float(row["score"])))
        else:
            presented[cell], points[cell] = True, float(row["score"])
    pupils = PupilPoints(np.arange(n), np.ones(n, bool), presented, points, np.ones(len(q_matrix)))
    weight = q_matrix / q_matrix.sum(axis=1, keepdims=True)
    shift = engine.recommend._shifts(pupils, weight) @ weight.T
    place = np.array([logit(rate) for rate in pupils.item_means()])
    i, j, right = (np.array(column) for column in zip(*held_out, strict=True))
    said = 1 / (1 + np.exp(-(place[j] + shift[i, j])))
    assert roc_auc_score(right, place[j]) == pytest.approx(0.818, abs=0.001)
    assert roc_auc_score(right, said) == pytest.approx(0.836, abs=0.001)
    tenth = (said * 10).astype(int)
    error = [abs(said[tenth == t].mean() - right[tenth == t].mean()) * (tenth == t).mean() for t in np.unique(tenth)]
    assert sum(error) < 0.025
