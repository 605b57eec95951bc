"""The research pack: intervals that cover, planted weaknesses and wrong answers that are found, chance that is not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from made_scores import exams, make_roster, make_scores, plain_subject, right_or_wrong, shuffled
from scipy.stats import t as student

from engine import ctt, scoring, tables
from engine.diagnosis import error_patterns
from engine.exam import DiagnosisRule, Item, ResearchRule, Subject
from engine.research import research_items, research_options, research_topics
from engine.research.intervals import clustered_rates
from engine.roster import units_of

pytestmark = pytest.mark.filterwarnings("error")
RULE = ResearchRule()
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def topics_of(subject: Subject, scores: pa.Table, roster: pa.Table, rule: ResearchRule = RULE):
    return research_topics(subject, scores, roster, error_patterns(subject, scores, roster, DiagnosisRule()), rule)


# ---- intervals


def test_clustered_rates_are_those_of_the_clusters_means_when_these_are_equal_in_size() -> None:
    rng = np.random.default_rng(0)
    gained, cluster = rng.random((60, 1)), np.repeat(np.arange(6), 10)
    means = gained[:, 0].reshape(6, 10).mean(axis=1)
    half = student.ppf(0.975, 5) * means.std(ddof=1) / np.sqrt(6)
    rate, lower, upper = clustered_rates(gained, np.ones((60, 1)), cluster)
    assert [rate[0], lower[0], upper[0]] == pytest.approx([means.mean(), means.mean() - half, means.mean() + half])


def test_clustered_rates_cover_though_pupils_of_a_class_are_alike() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        chance = np.clip(0.6 + rng.normal(0, 0.1, 20), 0, 1)
        gained = (rng.random((800, 1)) < np.repeat(chance, 40)[:, None]).astype(float)
        _, lower, upper = clustered_rates(gained, np.ones((800, 1)), np.repeat(np.arange(20), 40))
        inside += lower[0] <= 0.6 <= upper[0]
    assert 180 <= inside <= 198


def test_one_class_alone_has_no_interval() -> None:
    rate, lower, upper = clustered_rates(np.ones((3, 2)), np.array([[1.0, 0]] * 3), np.zeros(3, int))
    assert rate[0] == 1 and np.isnan([lower[0], upper[0], rate[1]]).all()


# ---- topics


def planted(weaker: int, by: float, pupils: int = 960) -> tuple[Subject, pa.Table, pa.Table]:
    """Classes of 40, three a school; the first `weaker` classes are lower by so much at 点1. Five points of 5 items."""
    rng = np.random.default_rng(2)
    subject = plain_subject([5] * 5)
    chance = np.full((pupils, 25), 0.65)
    chance[: 40 * weaker, :5] -= by
    return subject, make_scores(subject, right_or_wrong(subject, chance, rng)), make_roster(pupils)


def test_a_planted_topic_is_suggested_with_its_schools_and_classes() -> None:
    subject, scores, roster = planted(4, 0.25)
    topics, schools = topics_of(subject, scores, roster)
    assert topics.schema == tables.SCHEMAS["research_topics"] and schools.schema == tables.SCHEMAS["research_schools"]
    [first] = topics.filter(pc.is_valid(topics["order"])).to_pylist()
    assert (first["kind"], first["topic"], first["order"], first["classes"], first["schools"]) == (
        "knowledge", "点1", 1, 24, 8
    )  # fmt: skip
    assert first["classes_behind"] == first["classes_specific"] == 4 and first["pupils_behind"] == 160
    assert first["schools_behind"] == 1 and first["gap"] == pytest.approx(-0.2, abs=0.05)
    assert first["points_behind"] == pytest.approx(-first["gap"] * 160 * 10)
    assert (
        "24 个班中 4 个班（160 人）" in first["reason"] and f"低 {-100 * first['gap']:.0f} 个百分点" in first["reason"]
    )
    [one, two] = schools.filter(pc.field("kind") == "knowledge").to_pylist()
    assert (one["school"], one["behind"], one["classes"], one["classes_behind"]) == ("第1中学", True, 3, 3)
    assert (two["school"], two["behind"], two["classes"], two["classes_behind"]) == ("第2中学", False, 3, 1)
    assert one["lower"] <= one["gap"] <= one["upper"] < 0


def test_without_weakness_nothing_is_suggested() -> None:
    topics, schools = topics_of(*planted(0, 0))
    assert not pc.count(topics["order"]).as_py() and not schools.num_rows
    assert set(topics["reason"].to_pylist()) == {""}


def test_small_units_are_not_judged_and_suggestions_are_few() -> None:
    subject, scores, roster = planted(4, 0.25)
    topics, schools = topics_of(subject, scores, roster, ResearchRule(min_pupils=41))
    assert set(topics["classes"].to_pylist()) == {0} and set(topics["schools"].to_pylist()) == {8}
    assert schools.filter(pc.field("behind")).num_rows == schools.num_rows
    many = topics_of(*planted(24, 0.2, 960), ResearchRule(max_topics=1, deviation=0.0))[0]
    assert pc.count(many["order"]).as_py() <= 1


def test_all_pupils_below_the_expectation_are_a_topic_for_all() -> None:
    subject, scores, roster = planted(0, 0)
    hoped = tuple(item.model_copy(update={"expected": 0.85 if j < 5 else 0.66}) for j, item in enumerate(subject.items))
    topics, _ = topics_of(subject.model_copy(update={"items": hoped}), scores, roster)
    [first] = topics.filter(pc.is_valid(topics["order"])).to_pylist()
    assert first["topic"] == "点1" and first["below_expected"] and first["classes_behind"] == 0
    assert first["points_behind"] == pytest.approx((0.85 - first["rate"]) * 960 * 10)
    assert "命题预估 85%" in first["reason"]


@quick
@given(exams())
def test_topics_of_anything(made) -> None:
    subject, scores, roster = made
    patterns = error_patterns(subject, scores, roster, DiagnosisRule())
    topics, schools = research_topics(subject, scores, roster, patterns, ResearchRule(min_pupils=2))
    again = research_topics(
        subject, shuffled(scores, 1), shuffled(roster, 2), shuffled(patterns, 3), ResearchRule(min_pupils=2)
    )
    assert again[0] == topics
    for row in topics.to_pylist():
        assert row["schools_behind"] <= row["schools"] and row["classes_behind"] <= row["classes"]
        assert (row["gap"] is None) == (row["classes_behind"] == 0) and (row["order"] is None) == (not row["reason"])
        assert row["lower"] is None or row["lower"] <= row["rate"] <= row["upper"]
    assert all(row["behind"] or row["classes_behind"] for row in schools.to_pylist())


# ---- items


def test_items_off_their_expectation_are_told() -> None:
    """Item 1 is as hard as expected, 2 much harder, 3 easier by less than the rule asks, 4 has no expectation."""
    rng = np.random.default_rng(3)
    hoped = (0.6, 0.8, 0.55, None)
    items = [item.model_copy(update={"expected": e}) for item, e in zip(plain_subject([4]).items, hoped, strict=True)]
    subject = plain_subject([4]).model_copy(update={"items": tuple(items)})
    steps = right_or_wrong(subject, np.tile([0.6, 0.6, 0.62, 0.5], (2400, 1)), rng)
    rows = research_items(subject, make_scores(subject, steps), make_roster(2400), RULE).to_pylist()
    assert [(row["item"], row["verdict"]) for row in rows] == [("1", ""), ("2", "harder"), ("3", "")]
    assert all(row["lower"] < row["rate"] < row["upper"] and row["n"] == 2400 for row in rows)
    assert rows[1]["deviation"] == pytest.approx(steps[:, 1].mean() / 2 - 0.8)
    few = research_items(subject, make_scores(subject, steps[:40]), make_roster(40), RULE).to_pylist()
    assert {row["verdict"] for row in few} == {""} and {row["lower"] for row in few} == {None}  # one class alone


# ---- wrong answers


def test_options_that_attract_strong_pupils_or_a_school_are_found_and_no_others() -> None:
    """Item 1: the able take C (key A). Item 2: the second school takes D. Item 3, with equal chances, is quiet."""
    rng = np.random.default_rng(4)
    n = 960
    ability = rng.normal(0, 1, n)
    fillers = [f"{j}" for j in range(4, 24)]
    items = [
        Item(item=name, type="single", max=Fraction(2), key="A", options="ABCD") for name in ("1", "2", "3", *fillers)
    ]
    items[1] = items[1].model_copy(update={"misconceptions": (("D", "忘记变号"),)})
    subject = Subject(code="maths", name="数学", folder=Path("."), items=tuple(items))
    right = rng.random((n, len(items))) < 1 / (1 + np.exp(-ability[:, None] - 0.5))
    answers = np.where(right, "A", rng.choice(list("BCD"), (n, len(items))))
    able = ability > 0.8
    answers[able, 0] = np.where(rng.random(able.sum()) < 0.9, "C", answers[able, 0])
    roster = make_roster(n)
    second = np.array(roster["school"].to_pylist()) == "第2中学"
    answers[second, 1] = np.where(rng.random(second.sum()) < 0.5, "D", answers[second, 1])
    columns = {item.item: pa.array(answers[:, j]).dictionary_encode() for j, item in enumerate(items)}
    responses = pa.table({"student_id": roster["student_id"], "status": ["read"] * n, **columns})
    scored = scoring.score(subject, responses, units_of(roster["student_id"], roster))
    options = ctt.option_statistics(scored.tally, subject)
    scores = tables.decoded(scored.scores)
    found = research_options(subject, scores, shuffled(responses, 5), roster, options, RULE).to_pylist()
    told = [(row["finding"], row["item"], row["answer"], row["school"], row["misconception"]) for row in found]
    assert told == [
        ("strong", "1", "C", "", ""),
        ("rival", "1", "C", "", ""),
        ("school", "2", "D", "第2中学", "忘记变号"),
    ]
    school = found[-1]
    assert school["n"] == 120 and school["count"] == (answers[second, 1] == "D").sum()
    assert school["share"] - school["reference"] > 0.3 and school["p_adjusted"] < 1e-6
    assert found == research_options(subject, shuffled(scores, 6), responses, roster, options, RULE).to_pylist()


def test_no_scores_and_no_options() -> None:
    subject = Subject(code="maths", name="数学", folder=Path("."),
                      items=(Item(item="1", type="single", max=Fraction(2), key="A", options="ABCD"),))  # fmt: skip
    responses = pa.table(
        {"student_id": ["p0000"], "status": ["absent"], "1": pa.array([None], pa.string()).dictionary_encode()}
    )
    roster = make_roster(1)
    scored = scoring.score(subject, responses, units_of(roster["student_id"], roster))
    options = ctt.option_statistics(scored.tally, subject)
    scores = tables.decoded(scored.scores)
    assert research_options(subject, scores, responses, roster, options, RULE).num_rows == 0
    assert research_items(subject, scores, roster, RULE).num_rows == 0
    assert topics_of(subject, scores, roster)[0].num_rows == 0
