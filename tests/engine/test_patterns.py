"""Shared errors, misconceptions and atypical pupils: planted ones are found, chance makes few, odd data do no harm."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from made_scores import exams, make_roster, make_scores, plain_subject, right_or_wrong, shuffled
from scipy.special import expit
from scipy.stats import ttest_1samp

from engine.diagnosis import atypical_pupils, error_patterns, mastery, misconceptions
from engine.diagnosis import patterns as patterns_module
from engine.diagnosis.atypical import disorder
from engine.exam import DiagnosisRule, Item, Lines, Subject
from engine.scorematrix import ScoreMatrix, score_matrix
from engine.tables import ANSWER, LABEL

pytestmark = pytest.mark.filterwarnings("error")
RULE = DiagnosisRule()
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def of(table: pa.Table, **values: str) -> list[dict]:
    for name, value in values.items():
        table = table.filter(pc.equal(table[name], value))
    return table.to_pylist()


# ---- error patterns


def planted(weak: float = 0.0) -> tuple[Subject, pa.Table, pa.Table]:
    """Ten schools of 120 pupils, 5 points of 4 items; the first school is `weak` lower at 点2 only."""
    rng = np.random.default_rng(3)
    subject = plain_subject([4] * 5)
    chance = np.full((1200, 20), 0.65)
    chance[:120, 4:8] -= weak
    return subject, make_scores(subject, right_or_wrong(subject, chance, rng)), make_roster(1200)


def test_a_school_that_is_weak_at_one_point_is_found_there_and_nowhere_else() -> None:
    subject, scores, roster = planted(0.25)
    found = error_patterns(subject, scores, roster, RULE)
    assert {
        (row["unit"], row["name"]) for row in of(found, level="school", kind="knowledge") if row["significant"]
    } == {("第1中学", "点2")}
    [row] = of(found, level="school", kind="knowledge", unit="第1中学", name="点2")
    assert row["lower"] < row["gap"] < row["upper"] < -RULE.min_gap
    assert row["specific"] < -0.1 and "特有" in row["reason"]
    items = {row["name"] for row in of(found, level="school", kind="item", unit="第1中学") if row["significant"]}
    assert items and items <= {"5", "6", "7", "8"}


def test_without_weakness_nothing_is_found() -> None:
    found = error_patterns(*planted(), RULE)
    assert not pc.any(found["significant"]).as_py()
    assert (pc.min(found["p"]).as_py() > 0) and {row["reason"] for row in of(found)} == {""}


def test_rates_and_gaps_are_those_of_mastery() -> None:
    subject, scores, roster = planted(0.1)
    rates = {(row["level"], row["unit"], row["knowledge"]): row for row in of(mastery(subject, scores, roster, RULE))}
    for row in of(error_patterns(subject, scores, roster, RULE), kind="knowledge"):
        other = rates[row["level"], row["unit"], row["name"]]
        for name in ("rate", "reference", "gap"):
            assert math.isclose(row[name], other[name], abs_tol=1e-12)


def test_without_prior_pupils_it_is_the_t_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns_module, "PRIOR", 0)
    subject, scores, roster = planted(0.1)
    [row] = of(
        error_patterns(subject, scores, roster, RULE), level="school", kind="knowledge", unit="第1中学", name="点2"
    )
    points = np.column_stack([scores[str(j)].to_numpy() for j in range(1, 21)]) * 1.0
    beyond = (points - points.mean(axis=0))[:120, 4:8].sum(axis=1) / 8
    interval = ttest_1samp(beyond, 0).confidence_interval(RULE.confidence)
    assert math.isclose(row["p"], ttest_1samp(beyond, 0).pvalue)
    assert math.isclose(row["lower"], interval.low) and math.isclose(row["upper"], interval.high)


def test_three_pupils_who_err_alike_are_no_proof() -> None:
    rng = np.random.default_rng(1)
    subject = plain_subject([3])
    steps = right_or_wrong(subject, np.full((200, 3), 0.6), rng)
    steps[:3] = 0
    roster = make_roster(200).set_column(1, "class", pa.array(["一班"] * 3 + ["二班"] * 197))
    rows = of(error_patterns(subject, make_scores(subject, steps), roster, RULE), level="class", unit="第1中学/一班")
    assert all(row["p"] > 0.001 for row in rows)


@given(exams())
@quick
def test_any_exam_has_error_patterns_whatever_the_order_of_its_rows(exam: tuple) -> None:
    subject, scores, roster = exam
    found = error_patterns(subject, scores, roster, RULE)
    assert found.equals(error_patterns(subject, shuffled(scores, 1), shuffled(roster, 2), RULE))
    for row in found.to_pylist():
        assert row["p"] is None or 0 <= row["p"] <= row["q"] + 1e-12 <= 1 + 1e-11
        assert row["n"] > 0 and (row["reason"] != "") == row["significant"]


# ---- misconceptions


def choice_subject() -> Subject:
    def item(name: str, kind: str, key: str, told: tuple[tuple[str, str], ...]) -> Item:
        options = "" if kind == "number" else "ABCD"
        return Item(item=name, type=kind, max=Fraction(3), key=key, options=options, misconceptions=told)

    return Subject(
        code="maths",
        name="数学",
        folder=Path("."),
        items=(
            item("1", "single", "B", (("A", "符号错误"), ("C", "混淆定义域"))),
            item("2", "multiple", "AC", (("D", "漏看条件"),)),
            item("3", "number", "5", (("-5", "符号错误"),)),
            item("4", "single", "B", ()),
        ),
    )


def responses(answers: dict[str, list[str | None]], status: list[str] | None = None) -> pa.Table:
    n = len(next(iter(answers.values())))
    columns = {name: pa.array(values, pa.string()).cast(ANSWER) for name, values in answers.items()}
    ids = [f"p{i:04d}" for i in range(n)]
    return pa.table({"student_id": ids, "status": pa.array(status or ["read"] * n).cast(LABEL), **columns})


def test_answers_are_counted_by_what_they_show() -> None:
    answers = {
        "1": ["A"] * 30 + ["B"] * 40 + ["C", "D"] * 5,
        "2": ["AD"] * 10 + ["D"] * 10 + ["AC"] * 60,
        "3": ["-5"] * 8 + ["5"] * 70 + ["", None],
        "4": ["A"] * 80,
    }
    found = misconceptions(choice_subject(), responses(answers), make_roster(80), RULE)
    exam = {(row["item"], row["answer"]): row for row in of(found, level="exam")}
    assert {cell: (row["n"], row["count"]) for cell, row in exam.items()} == {
        ("1", "A"): (80, 30),
        ("1", "C"): (80, 5),
        ("2", "D"): (80, 20),
        ("3", "-5"): (79, 8),
    }
    first = exam["1", "A"]
    assert (
        math.isclose(first["reference"], 40 / 80 / 3) and first["significant"] and first["misconception"] == "符号错误"
    )
    assert not exam["1", "C"]["significant"] and exam["3", "-5"]["reference"] is None
    classes = of(found, level="class", item="1", answer="A")
    assert [(row["count"], row["significant"]) for row in classes] == [(30, True), (0, False)]
    assert all(math.isclose(row["reference"], 30 / 80) for row in classes)


def test_only_pupils_who_count_are_counted() -> None:
    answers = {name: ["A", "A", "A"] for name in "1234"}
    found = misconceptions(choice_subject(), responses(answers, ["read", "violation", "read"]), make_roster(3), RULE)
    assert {row["n"] for row in of(found, item="1")} == {2}
    nobody = responses({name: [None] for name in "1234"}, ["absent"])
    assert not len(misconceptions(choice_subject(), nobody, make_roster(1), RULE))


# ---- atypical pupils


def world(n: int = 1500, items: int = 40) -> np.ndarray:
    """Pupils who answer by a two-parameter logistic model."""
    rng = np.random.default_rng(8)
    slope, place = rng.uniform(0.8, 1.8, items), np.linspace(-2, 2, items)
    return (rng.random((n, items)) < expit(slope * (rng.normal(0, 1.2, (n, 1)) - place))).astype(float)


def atypical(right: np.ndarray) -> pa.Table:
    subject = plain_subject([right.shape[1]], full=1)
    subject = subject.model_copy(
        update={"items": tuple(item.model_copy(update={"type": "single"}) for item in subject.items)}
    )
    names = [f"p{i:04d}" for i in range(len(right))]
    matrix = ScoreMatrix(names, [item.item for item in subject.items], right, np.ones(right.shape[1]))
    return atypical_pupils(subject, matrix, RULE, Lines())


def test_pupils_who_answer_like_others_are_rarely_listed() -> None:
    right = world()
    z = disorder(right)
    assert abs(np.nanmean(z)) < 0.05 and 0.85 < np.nanstd(z) < 1.05
    assert len(atypical(right)) < 0.015 * len(right)


def test_careless_and_guessing_pupils_are_told_apart() -> None:
    right = world()
    rng = np.random.default_rng(5)
    careless, guessing = range(0, 10), range(10, 30)
    right[careless] = 1
    right[careless, :8] = 0  # the easiest
    right[guessing] = rng.random((20, 40)) < 0.3  # hard and easy alike
    found = {row["student_id"]: row for row in atypical(right).to_pylist()}
    assert [found[f"p{i:04d}"]["kind"] for i in careless] == ["careless"] * 10
    listed = [found[f"p{i:04d}"]["kind"] for i in guessing if f"p{i:04d}" in found]
    assert len(listed) >= 15 and set(listed) == {"guessing"}
    one = found["p0000"]
    assert set(one["easy_wrong"].split("、")) < {str(j) for j in range(1, 9)} and "32/40" in one["reason"]


@given(exams())
@quick
def test_any_exam_can_be_looked_through_for_atypical_pupils(exam: tuple) -> None:
    subject, scores, _ = exam
    found = atypical_pupils(subject, score_matrix(scores, subject), DiagnosisRule(caution=0, atypical=0.51), Lines())
    again = atypical_pupils(
        subject, score_matrix(shuffled(scores, 1), subject), DiagnosisRule(caution=0, atypical=0.51), Lines()
    )
    assert found.equals(again)
    for row in found.to_pylist():
        assert row["easy_wrong"] and row["hard_right"]
