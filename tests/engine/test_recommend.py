"""Recommendations: against a slow reference, as properties, on planted truths, and on the answers of a real exam."""

from __future__ import annotations

import csv
import datetime
import math
from collections import Counter
from collections.abc import Sequence
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

from engine import bank as question_bank
from engine import tables
from engine.curriculum import Curriculum, Point
from engine.diagnosis import mastery
from engine.errors import InputError
from engine.exam import DiagnosisRule, RecommendRule, Subject
from engine.knowledge import PupilPoints, knowledge_points
from engine.recommend import Case, practice_sets, recommend
from engine.recommend.ability import abilities

pytestmark = pytest.mark.filterwarnings("error")
RULE = RecommendRule()
DIAGNOSIS = DiagnosisRule(min_items=1, min_points=0.5, min_gap=0.05, confidence=0.6)
LOGS = Path(__file__).parents[2].parent / "shared" / "data" / "psychometrics" / "math1_logs"
quick = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


DAY = datetime.date(2026, 11, 1)


def make_bank(questions: list[tuple[str, list[str], float]], subject: str = "maths", **more: str) -> pa.Table:
    """Questions of (id, knowledge points, difficulty), no two alike."""
    rows = [
        {
            "question": name,
            "subject": subject,
            "stem": "".join(
                chr(0x4E00 + place) for place in np.random.default_rng([*name.encode()]).integers(20000, size=9)
            ),
            "options": "",
            "chapter": "",
            "knowledge": knowledge,
            "difficulty": difficulty,
            **more,
        }
        for name, knowledge, difficulty in questions
    ]
    return pa.Table.from_pylist(rows, schema=question_bank.SCHEMA)


def advise(
    subject: Subject,
    table: pa.Table,
    bank: pa.Table,
    rule: RecommendRule,
    scores: pa.Table,
    roster: pa.Table | None = None,
    **known: pa.Table,
) -> pa.Table:
    """Recommendations of DAY; by default everybody is in a class of his own, so that nobody is in another's way."""
    roster = make_roster(len(scores), 1) if roster is None else roster
    return recommend(Case.of(subject, scores, table, bank, rule, day=DAY, **known), roster)


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
    max_share=st.sampled_from([0.3, 1.0]),
)


@quick
@given(exams(), banks, rules, st.integers(0, 99))
def test_tables_of_any_shape(made, bank: pa.Table, rule: RecommendRule, seed: int) -> None:
    subject, scores, roster = made
    table = mastery(subject, scores, roster, DIAGNOSIS)
    found = advise(subject, table, bank, rule, scores, roster)
    assert found.schema == tables.SCHEMAS["recommendations"]
    points = set(knowledge_points(subject))
    candidates = {row["question"]: row for row in bank.to_pylist() if set(row["knowledge"]) <= points}
    location = Location(subject, PupilPoints.of(subject, scores))
    lists: dict[str, list[dict]] = {}
    for row in found.to_pylist():
        lists.setdefault(row["student_id"], []).append(row)
    assert list(lists) == sorted(lists)
    for student_id, rows in lists.items():
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) <= rule.per_pupil
        assert len({row["question"] for row in rows}) == len(rows)
        asked = [candidates[row["question"]] for row in rows]
        assert (
            max(Counter(point for question in asked for point in question["knowledge"]).values()) <= rule.per_knowledge
        )
        for row, question in zip(rows, asked, strict=True):
            assert row["difficulty"] == question["difficulty"]
            assert row["knowledge"] in question["knowledge"]
            chance = location.chance(student_id, question["difficulty"], question["knowledge"])
            assert row["chance"] == pytest.approx(chance, abs=1e-5)
            assert f"「{row['knowledge']}」" in row["reason"] and f"{row['chance']:.0%}" in row["reason"]
    if rule.max_share == 1 and candidates:
        assert set(lists) == set(location.pupils.student_id)
    given = {"earlier": found.select(["student_id", "question"])}
    again = advise(
        subject, shuffled(table, seed), shuffled(bank, seed), rule, shuffled(scores, seed), shuffled(roster, seed)
    )
    assert again.equals(found)
    others = advise(subject, table, bank, rule, scores, roster, **given)
    key = ["student_id", "question"]
    assert not set(map(tuple, map(dict.values, others.select(key).to_pylist()))) & set(
        map(tuple, map(dict.values, found.select(key).to_pylist()))
    )


def logit(rate: float) -> float:
    rate = min(max(rate, 0.01), 0.99)
    return math.log(rate / (1 - rate))


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


class Location:
    """The formulas of `engine.recommend.ability`, one pupil at a time, solved by bisection."""

    def __init__(self, subject: Subject, pupils: PupilPoints) -> None:
        self.subject, self.pupils = subject, pupils
        self.means = pupils.item_means() / pupils.full
        self.trials = 1 / pupils.partial_credit()

    def chance(self, student_id: str, difficulty: float, points: list[str]) -> float:
        i = self.pupils.student_id.tolist().index(student_id)
        seen = [
            (
                dict(item.knowledge),
                min(max(self.pupils.points[i, j] / self.pupils.full[j], 0), 1),
                0.0 if math.isnan(self.means[j]) else logit(self.means[j]),
                self.trials[j],
            )
            for j, item in enumerate(self.subject.items)
            if self.pupils.presented[i, j]
        ]

        def mode(answers: list[tuple[float, float, float]], sd: float) -> float:
            def slope(shift: float) -> float:
                return sum(w * (rate - logistic(place + shift)) for rate, place, w in answers) - shift / sd**2

            return brentq(slope, -60, 60, xtol=1e-12)

        theta = mode([(rate, place, w) for _, rate, place, w in seen], 1.0)
        shifts = [
            theta + mode([(rate, place + theta, w * share.get(point, 0)) for share, rate, place, w in seen], 0.5)
            for point in points
        ]
        return logistic(logit(difficulty) + sum(shifts) / len(points))


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
    rows = advise(subject, table, bank, RULE, scores).to_pylist()
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
    found = advise(subject, table, bank, RULE, scores)
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
        for row in advise(subject, table, bank, RULE, scores).to_pylist()
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
        for row in advise(subject, table, bank, RULE, scores).to_pylist()
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
    assert set(advise(subject, table, bank, RULE, scores)["question"].to_pylist()) == {"甲", "丙"}
    assert advise(subject, table, bank[:0], RULE, scores).num_rows == 0


def test_mastery_of_other_pupils_is_refused() -> None:
    subject, scores, table = exam_with_a_weak_pupil()
    with pytest.raises(InputError, match="other pupils"):
        advise(subject, table, make_bank([("Q1", ["点1"], 0.6)]), RULE, scores[1:])


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
    found = advise(subject, table, bank, rule, scores)
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


def curriculum_exam() -> tuple[Subject, pa.Table, pa.Table]:
    """The weak pupil's exam in a curriculum: 点1 before 点2; 旧 taught long ago, 新 not yet."""
    subject, scores, table = exam_with_a_weak_pupil()
    points = [Point("旧", "上册", (), datetime.date(2026, 9, 1)), Point("点1", "章")]
    points += [Point("点2", "章", ("点1",)), Point("点3", "章"), Point("点4", "章")]
    points += [Point("新", "章", (), datetime.date(2026, 12, 1))]
    curriculum = Curriculum(tuple(points), subject.curriculum.examined)
    return subject.model_copy(update={"curriculum": curriculum}), scores, table


def every_point(names: Sequence[str] = ("旧", "点1", "点2", "点3", "点4", "新")) -> pa.Table:
    return make_bank([(f"{name}-{q}", [name], 0.35 + 0.1 * q) for name in names for q in range(6)])


def rows_of(table: pa.Table, student_id: str) -> list[dict]:
    return table.filter(pc.equal(table["student_id"], student_id)).to_pylist()


def test_nothing_untaught_and_one_review_of_what_was_taught_long_ago() -> None:
    subject, scores, table = curriculum_exam()
    found = advise(subject, table, every_point(), RULE, scores)
    assert "新" not in found["knowledge"].to_pylist()
    for student_id in found["student_id"].unique().to_pylist():
        reviews = [row for row in rows_of(found, student_id) if row["purpose"] == "review"]
        assert len(reviews) >= RULE.reviews and {row["knowledge"] for row in reviews} == {"旧"}
        assert reviews[0]["reason"].startswith("复习「旧」，讲授已过 61 天，本题预计答对率 ")
    without = advise(subject, table, every_point(), RULE.model_copy(update={"review_after": 62}), scores)
    assert "review" not in without["purpose"].to_pylist()
    later = RULE.model_copy(update={"until": datetime.date(2026, 12, 1)})
    assert "新" in advise(subject, table, every_point(["新"]), later, scores)["knowledge"].to_pylist()


def test_chapters_limit_the_questions() -> None:
    subject, scores, table = curriculum_exam()
    rule = RULE.model_copy(update={"chapters": ("上册",)})
    assert set(advise(subject, table, every_point(), rule, scores)["knowledge"].to_pylist()) == {"旧"}
    bank = pa.concat_tables([every_point(["点1"]), make_bank([("别处", ["点1"], 0.7)], chapter="上册")])
    assert set(advise(subject, table, bank, rule, scores)["question"].to_pylist()) == {"别处"}


def test_a_prerequisite_that_is_not_ready_is_practised_first_and_says_for_what() -> None:
    """All but the strong pupil fail point 1 half the time or more; whoever is behind on point 2 gets point 1 first."""
    subject, scores, table = curriculum_exam()
    rule = RULE.model_copy(update={"ready": 0.99})  # nobody is
    found = advise(subject, table, every_point(), rule, scores)
    rows = rows_of(found, "p0000")
    places = {name: [row["rank"] for row in rows if row["knowledge"] == name] for name in ("点1", "点2")}
    assert places["点1"] and max(places["点1"]) < min([*places["点2"], 99])
    first = next(row for row in rows if row["knowledge"] == "点1")
    assert first["purpose"] == "prerequisite"
    assert "，它是「点2」的基础，先练，本题预计答对率 " in first["reason"]


def test_the_questions_of_the_paper_are_not_given_again() -> None:
    subject, scores, table = exam_with_a_weak_pupil()
    bank = every_point(["点1", "点2", "点3", "点4"])
    before = set(advise(subject, table, bank, RULE, scores)["question"].to_pylist())
    asked = sorted(before)[:5]
    items = tuple(
        item.model_copy(update={"question": asked[j]}) if j < 5 else item for j, item in enumerate(subject.items)
    )
    after = advise(subject.model_copy(update={"items": items}), table, bank, RULE, scores)
    assert not set(asked) & set(after["question"].to_pylist())


def test_profiles_move_the_expected_success() -> None:
    subject, scores, table = exam_with_a_weak_pupil()
    bank = make_bank([("Q", ["点1"], 0.5)])
    row = {"subject": "maths", "student_id": "p0005", "knowledge": "点1", "rate": 0.2, "answers": 12}
    profiles = pa.Table.from_pylist([row], schema=tables.SCHEMAS["profiles"])
    known = {
        row["student_id"]: row for row in advise(subject, table, bank, RULE, scores, profiles=profiles).to_pylist()
    }
    plain = {row["student_id"]: row for row in advise(subject, table, bank, RULE, scores).to_pylist()}
    own = table.filter((pc.field("unit") == "p0005") & (pc.field("knowledge") == "点1"))
    reference = own["reference"][0].as_py()
    assert known["p0005"]["chance"] == pytest.approx(logistic(logit(0.2) - logit(reference)), abs=1e-6)
    assert f"「点1」估计得分率 20%（全体 {reference:.0%}，12 题）" in known["p0005"]["reason"]
    assert {name for name in plain if plain[name] != known[name]} == {"p0005"}


def test_sets_of_classes_and_groups() -> None:
    rng = np.random.default_rng(5)
    subject = plain_subject([5] * 4)
    chance = np.full((60, 20), 0.8)
    chance[:20, 5:10] = 0.2  # the first group of class 1 is weak on point 2
    scores = make_scores(subject, right_or_wrong(subject, chance, rng))
    roster = make_roster(60, class_size=40)
    table = mastery(subject, scores, roster, DiagnosisRule())
    numbers = [1] * 20 + [2] * 20 + [1] * 20
    groups = tables.build(
        "groups", {"subject": ["maths"] * 60, "student_id": [f"p{i:04d}" for i in range(60)], "group": numbers}
    )
    case = Case.of(subject, scores, table, every_point(["点1", "点2", "点3", "点4"]), RULE, day=DAY)
    found = practice_sets(case, roster, groups)
    assert found.schema == tables.SCHEMAS["practice_sets"]
    keys = list(
        dict.fromkeys(zip(*(found[name].to_pylist() for name in ("level", "class", "group", "pupils")), strict=True))
    )
    assert keys == [
        ("class", "1班", None, 40), ("group", "1班", 1, 20), ("group", "1班", 2, 20),
        ("class", "2班", None, 20), ("group", "2班", 1, 20),
    ]  # fmt: skip
    weak = found.filter((pc.field("class") == "1班") & (pc.field("group") == 1)).to_pylist()
    assert [row["rank"] for row in weak] == list(range(1, RULE.per_set + 1))
    assert weak[0]["knowledge"] == "点2" and weak[0]["weak"] > 10
    assert f"；20 人中 {weak[0]['weak']} 人薄弱，平均预计答对率 {weak[0]['chance']:.0%}" in weak[0]["reason"]
    everyone = found.filter((pc.field("level") == "class") & (pc.field("class") == "2班")).to_pylist()
    one_by_one = advise(
        subject, table, make_bank([(everyone[0]["question"], [everyone[0]["knowledge"]], everyone[0]["difficulty"])]),
        RULE, scores,
    )  # fmt: skip
    chances = np.array(one_by_one["chance"].to_pylist()[40:])
    assert everyone[0]["chance"] == pytest.approx(chances.mean(), abs=1e-6)
    assert everyone[0]["in_zone"] == ((chances >= RULE.target_low) & (chances <= RULE.target_high)).sum()
    shuffled_case = Case.of(
        subject, shuffled(scores, 1), shuffled(table, 2), every_point(["点1", "点2", "点3", "点4"]), RULE, day=DAY
    )
    assert practice_sets(shuffled_case, shuffled(roster, 3), shuffled(groups, 4)).equals(found)


def test_sets_leave_out_what_many_have_had() -> None:
    subject, scores, table = exam_with_a_weak_pupil()
    bank = every_point(["点1", "点2", "点3", "点4"])
    none = tables.empty("groups")

    def questions(earlier: pa.Table | None) -> list[str]:
        case = Case.of(subject, scores, table, bank, RULE, day=DAY, earlier=earlier)
        return practice_sets(case, make_roster(40), none)["question"].to_pylist()

    first = questions(None)[0]
    few, many = (pa.table({"student_id": [f"p{i:04d}" for i in range(n)], "question": [first] * n}) for n in (9, 10))
    assert first in questions(few) and first not in questions(many)


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
    shift = abilities(pupils, weight).shift @ weight.T
    place = np.array([logit(rate) for rate in pupils.item_means()])
    i, j, right = (np.array(column) for column in zip(*held_out, strict=True))
    said = 1 / (1 + np.exp(-(place[j] + shift[i, j])))
    assert roc_auc_score(right, place[j]) == pytest.approx(0.818, abs=0.001)
    assert roc_auc_score(right, said) == pytest.approx(0.836, abs=0.001)
    tenth = (said * 10).astype(int)
    error = [abs(said[tenth == t].mean() - right[tenth == t].mean()) * (tenth == t).mean() for t in np.unique(tenth)]
    assert sum(error) < 0.025
