"""Mastery, weak points and teaching groups: against a slow reference, as properties, and on planted truths."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_scores import exams, make_roster, make_scores, make_subject, plain_subject, right_or_wrong, shuffled
from sklearn.metrics import adjusted_rand_score, silhouette_score

from engine import tables
from engine.diagnosis import mastery, teaching_groups, wilson, wilson_trials
from engine.diagnosis.groups import _covariance, _cut, _silhouette, _stability, _ward, _weights, adjusted_rand
from engine.errors import InputError
from engine.exam import DiagnosisRule, Subject
from engine.knowledge import knowledge_points

pytestmark = pytest.mark.filterwarnings("error")
RULE = DiagnosisRule()
GENTLE = DiagnosisRule(min_items=1, min_points=0.5, min_gap=0.05, min_group=2, confidence=0.6)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def level(table: pa.Table, name: str, knowledge: str | None = None) -> pa.Table:
    rows = table.filter(pc.equal(table["level"], name))
    return rows if knowledge is None else rows.filter(pc.equal(rows["knowledge"], knowledge))


def share_weak(table: pa.Table) -> float:
    return pc.mean(table["weak"]).as_py()


# ---- rates and references


def slow_mastery(subject: Subject, scores: pa.Table, roster: pa.Table) -> dict[tuple[str, str, str], tuple]:
    """(level, unit, point) → items, max, rate, reference, item by item and pupil by pupil."""
    place = {row["student_id"]: row for row in roster.to_pylist()}
    step = float(subject.step)
    pupils = [row for row in scores.to_pylist() if row["total"] is not None]
    mean = {}
    for item in subject.items:
        seen = [row[item.item] * step for row in pupils if row["status"] == "read" and row[item.item] is not None]
        mean[item.item] = sum(seen) / len(seen) if seen else 0.0
    members = defaultdict(list)
    for row in pupils:
        home = place[row["student_id"]]
        members["pupil", row["student_id"]].append(row)
        if row["status"] == "read":
            members["exam", ""].append(row)
            members["class", f"{home['school']}/{home['class']}"].append(row)
            members["school", home["school"]].append(row)
            if home["county"]:
                members["county", home["county"]].append(row)
    result = {}
    for (name, unit), rows in members.items():
        for point in knowledge_points(subject):
            gained = at_stake = expected = 0.0
            touched = set()
            for row in rows:
                for item in subject.items:
                    weight = dict(item.knowledge).get(point, 0)
                    if weight and row[item.item] is not None:
                        touched.add(item.item)
                        gained += weight * row[item.item] * step
                        at_stake += weight * float(item.max)
                        expected += weight * mean[item.item]
            rates = (gained / at_stake, expected / at_stake) if at_stake else (None, None)
            result[name, unit, point] = (len(touched), at_stake / len(rows), *rates)
    return result


@quick
@given(exams())
def test_agrees_with_the_slow_reference(made) -> None:
    table = mastery(*made, RULE)
    expected = slow_mastery(*made)
    assert table.schema == tables.SCHEMAS["mastery"]
    assert table.num_rows == len(expected)
    for row in table.to_pylist():
        items, at_stake, rate, reference = expected[row["level"], row["unit"], row["knowledge"]]
        assert row["items"] == items
        assert row["max"] == pytest.approx(at_stake)
        assert row["rate"] == pytest.approx(rate) if items else row["rate"] is None
        assert row["reference"] == pytest.approx(reference, abs=1e-12) if items else row["reference"] is None


@quick
@given(exams(), st.sampled_from([RULE, GENTLE]))
def test_intervals_hold_the_rate_and_weak_follows_the_rule(made, rule: DiagnosisRule) -> None:
    for row in mastery(*made, rule).to_pylist():
        if row["evidence"] == "not presented":
            assert row["items"] == 0 and row["rate"] is None and row["lower"] is None and row["weak"] is False
            continue
        assert min(0, row["rate"]) <= row["lower"] <= row["rate"] <= row["upper"] <= 1
        assert row["gap"] == pytest.approx(row["rate"] - row["reference"])
        enough = (
            "few items"
            if row["items"] < rule.min_items
            else "few points"
            if row["max"] < rule.min_points - 1e-9
            else "enough"
        )
        assert row["evidence"] == enough
        assert row["weak"] == (
            enough == "enough" and row["gap"] <= -rule.min_gap + 1e-9 and row["upper"] < row["reference"]
        )


@quick
@given(exams(), st.integers(0, 99))
def test_row_order_does_not_matter(made, seed: int) -> None:
    subject, scores, roster = made
    table = mastery(subject, scores, roster, GENTLE)
    assert mastery(subject, shuffled(scores, seed), shuffled(roster, seed + 1), GENTLE).equals(table)
    groups = teaching_groups(subject, table, roster, GENTLE)
    assert teaching_groups(subject, shuffled(table, seed), shuffled(roster, seed), GENTLE).equals(groups)


def test_points_keep_the_order_of_the_blueprint() -> None:
    subject = make_subject([(2, (("集合", 0.5), ("函数", 0.5))), (2, (("几何", 1.0),)), (2, (("函数", 1.0),))])
    table = mastery(subject, make_scores(subject, np.ones((2, 3), int)), make_roster(2), RULE)
    assert level(table, "exam")["knowledge"].to_pylist() == ["集合", "函数", "几何"]


def test_choosers_are_measured_against_choosers() -> None:
    """Of two optional items the hard one was chosen by the first half: their reference is that item's rate."""
    subject = make_subject([(10, (("选做", 1.0),)), (10, (("选做", 1.0),))])
    steps = np.array([[2, 0], [4, 0], [0, 8], [0, 10]])
    presented = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool)
    table = mastery(subject, make_scores(subject, steps, presented), make_roster(4), RULE)
    assert level(table, "pupil")["reference"].to_pylist() == pytest.approx([0.3, 0.3, 0.9, 0.9])
    assert level(table, "class")["items"].to_pylist() == [2]
    assert level(table, "class")["max"].to_pylist() == [10]


def test_violation_has_a_row_but_counts_nowhere() -> None:
    subject = plain_subject([1])
    steps = np.array([[2], [0]])
    table = mastery(subject, make_scores(subject, steps, status=["read", "violation"]), make_roster(2), RULE)
    assert level(table, "exam")["rate"].to_pylist() == [1.0]
    assert level(table, "pupil")["rate"].to_pylist() == [1.0, 0.0]


def test_nothing_scored_and_nothing_to_measure() -> None:
    subject = plain_subject([2])
    absent = make_scores(subject, np.zeros((3, 2), int), status=["absent"] * 3)
    table = mastery(subject, absent, make_roster(3), RULE)
    assert table.num_rows == 0
    assert teaching_groups(subject, table, make_roster(3), RULE).num_rows == 0
    blank = make_subject([(2, ())])
    table = mastery(blank, make_scores(blank, np.ones((3, 1), int)), make_roster(3), RULE)
    assert table.num_rows == 0
    assert teaching_groups(blank, table, make_roster(3), RULE).num_rows == 0


def test_a_stranger_is_named() -> None:
    subject = plain_subject([1])
    with pytest.raises(InputError, match="p0001"):
        mastery(subject, make_scores(subject, np.ones((2, 1), int)), make_roster(1), RULE)


# ---- intervals


def test_wilson_as_published() -> None:
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29 at 95 %."""
    seen, trials = np.array([81, 15, 0, 1]), np.array([263, 148, 20, 29])
    lower, upper = wilson(seen / trials, trials, 0.95)
    assert lower == pytest.approx([0.2553, 0.0624, 0.0, 0.0061], abs=5e-5)
    assert upper == pytest.approx([0.3662, 0.1605, 0.1611, 0.1718], abs=5e-5)


@given(st.floats(0, 1), st.floats(0.3, 1e4), st.floats(0.5, 0.99))
def test_wilson_trials_inverts_wilson(rate: float, trials: float, confidence: float) -> None:
    lower, upper = wilson(np.array([rate]), np.array([trials]), confidence)
    assert wilson_trials(np.array([rate]), lower, upper, confidence) == pytest.approx(trials, rel=1e-3)


def test_more_items_and_points_spread_over_more_items_narrow_the_interval() -> None:
    def width(fulls: list[float]) -> float:
        subject = make_subject([(full, (("点", 1.0),)) for full in fulls])
        rng = np.random.default_rng(0)
        steps = right_or_wrong(subject, np.full((500, len(fulls)), 0.5), rng)
        steps[0] = [full // 2 if full > 1 else j % 2 for j, full in enumerate(fulls)]  # half the points
        rows = level(mastery(subject, make_scores(subject, steps), make_roster(500), RULE), "pupil").to_pylist()
        return rows[0]["upper"] - rows[0]["lower"]

    assert width([2] * 8) < width([2] * 4) < width([2] * 2)
    assert width([2] * 8) < width([14, 2])  # the same points on fewer items


def test_partial_credit_counts_for_more_than_right_or_wrong() -> None:
    """Twelve points given step by step say more than twelve points all or nothing, but no more than twelve items."""
    subject = make_subject([(12, (("点", 1.0),))])
    rng = np.random.default_rng(1)

    def trials(steps: np.ndarray) -> float:
        row = level(mastery(subject, make_scores(subject, steps), make_roster(400), RULE), "pupil").to_pylist()[0]
        return wilson_trials(*(np.array([row[name]]) for name in ("rate", "lower", "upper")), RULE.confidence)[0]

    all_or_nothing = trials(np.where(rng.random((400, 1)) < 0.5, 12, 0))
    stepwise = trials(rng.binomial(12, rng.beta(3, 3, (400, 1))))
    identical = trials(np.full((400, 1), 6))
    assert all_or_nothing == pytest.approx(1, abs=0.05)
    assert 2 < stepwise < 6
    assert stepwise < identical <= 12


def test_intervals_of_pupils_cover() -> None:
    """Unequal difficulties and weights: the 90 % interval holds the true rate of at least nine pupils in ten."""
    rng = np.random.default_rng(2)
    subject = make_subject([(full, (("点", 1.0),)) for full in (2, 2, 2, 5, 5, 4)])
    chance = np.array([0.85, 0.7, 0.4, 0.6, 0.3, 0.75])
    steps = right_or_wrong(subject, np.tile(chance, (4000, 1)), rng)
    rows = level(mastery(subject, make_scores(subject, steps), make_roster(4000), RULE), "pupil")
    full = np.array([float(item.max) for item in subject.items])
    truth = (chance * full).sum() / full.sum()
    inside = (rows["lower"].to_numpy() <= truth) & (truth <= rows["upper"].to_numpy())
    assert 0.9 <= inside.mean() <= 0.98


# ---- weak points: false alarms and power, as the module's docstring tells


def simulated(rng: np.random.Generator, weaker: int = 0) -> pa.Table:
    """8000 pupils, 20 points of 3 to 5 items; alike, but the true rate of the first `weaker` is lower by 0.25."""
    subject = plain_subject([3 + k % 3 for k in range(20)])
    chance = np.tile(rng.uniform(0.3, 0.9, len(subject.items)), (8000, 1))
    chance[:weaker] -= 0.25
    scores = make_scores(subject, right_or_wrong(subject, chance, rng))
    return mastery(subject, scores, make_roster(8000), RULE)


def test_false_alarms_without_a_real_weakness() -> None:
    table = simulated(np.random.default_rng(3))
    assert 0.04 <= share_weak(level(table, "pupil")) <= 0.06
    assert share_weak(level(table, "class")) <= 0.025
    assert share_weak(level(table, "school")) <= 0.025


def test_power_for_a_planted_weakness() -> None:
    table = simulated(np.random.default_rng(4), weaker=400)
    assert share_weak(level(table, "pupil")[: 400 * 20]) == pytest.approx(0.25, abs=0.03)
    planted = {f"第{c // 3 + 1}中学/{c % 3 + 1}班" for c in range(10)}
    classes = level(table, "class")
    found = Counter(classes.filter(classes["weak"])["unit"].to_pylist())
    assert sum(found[unit] for unit in planted) >= 0.99 * 10 * 20


def test_false_alarms_with_partial_credit() -> None:
    rng = np.random.default_rng(5)
    subject = make_subject([(full, (("点", 1.0),)) for full in (2, 5, 5, 12)])
    full = np.array([2, 5, 5, 12])
    steps = rng.binomial(full, rng.beta(2.4, 1.6, (8000, 4)))
    table = mastery(subject, make_scores(subject, steps), make_roster(8000), RULE)
    assert share_weak(level(table, "pupil")) <= 0.07
    assert share_weak(level(table, "class")) <= 0.05


def test_one_item_is_no_weak_point() -> None:
    subject = plain_subject([1], full=20)
    steps = np.full((40, 1), 20)
    steps[0] = 0
    row = level(mastery(subject, make_scores(subject, steps), make_roster(40), RULE), "pupil").to_pylist()[0]
    assert (row["rate"], row["evidence"], row["weak"]) == (0.0, "few items", False)


# ---- teaching groups


@quick
@given(exams(), st.sampled_from([RULE, GENTLE]))
def test_groups_are_big_enough_and_of_everybody(made, rule: DiagnosisRule) -> None:
    subject, scores, roster = made
    table = mastery(subject, scores, roster, rule)
    groups = teaching_groups(subject, table, roster, rule)
    assert groups.schema == tables.SCHEMAS["groups"]
    assert Counter(groups["student_id"].to_pylist()) == Counter(set(level(table, "pupil")["unit"].to_pylist()))
    classes = defaultdict(Counter)
    for row in groups.to_pylist():
        classes[row["school"], row["class"]][row["group"], row["label"], row["focus"]] += 1
        assert set(filter(None, row["focus"].split("、"))) <= set(knowledge_points(subject))
    for sizes in classes.values():
        assert sorted(group for group, _, _ in sizes) == list(range(1, len(sizes) + 1))  # one text a group
        assert len(sizes) == 1 or min(sizes.values()) >= rule.min_group
        assert len(sizes) <= rule.max_groups


def two_profiles(rng: np.random.Generator, classes: int = 5) -> tuple[Subject, pa.Table, pa.Table]:
    """Even pupils lack points 1 to 3, odd ones points 4 to 6; six items a point."""
    subject = plain_subject([6] * 6)
    n = 40 * classes
    odd = np.arange(n) % 2 == 1
    first = np.arange(36) < 18
    chance = np.where(odd[:, None] == first, 0.85, 0.3)
    return subject, make_scores(subject, right_or_wrong(subject, chance, rng)), make_roster(n)


def test_planted_profiles_are_found_and_named() -> None:
    subject, scores, roster = two_profiles(np.random.default_rng(6))
    table = mastery(subject, scores, roster, RULE)
    groups = teaching_groups(subject, table, roster, RULE).to_pylist()
    for name in {(row["school"], row["class"]) for row in groups}:
        rows = [row for row in groups if (row["school"], row["class"]) == name]
        assert {row["group"] for row in rows} == {1, 2}
        planted = Counter((int(row["student_id"][1:]) % 2, row["group"]) for row in rows)
        assert sum(count for _, count in planted.most_common(2)) >= 38  # of 40
        for row in rows:
            own = {"点1", "点2", "点3"} if planted[0, row["group"]] > 10 else {"点4", "点5", "点6"}
            assert set(row["focus"].split("、")) == own
            assert "整体与全班相近" in row["label"]
            weaker, stronger = row["label"].split("，相对弱项")[1].split("，相对强项")
            assert all(point in own for point in weaker.strip("「」").split("」「"))
            assert not any(point in own for point in stronger.strip("「」").split("」「"))


def test_who_lacks_the_same_is_together_whatever_his_level() -> None:
    """Levels differ as much as what is lacking; seven items a point."""
    rng = np.random.default_rng(12)
    subject = plain_subject([7] * 6)
    n = 200
    odd, able = np.arange(n) % 2 == 1, rng.random(n) < 0.5
    logit = np.where(odd[:, None] == (np.arange(42) < 21), 0.8, -0.8) + np.where(able, 0.8, -0.8)[:, None]
    scores = make_scores(subject, right_or_wrong(subject, 1 / (1 + np.exp(-logit)), rng))
    table = mastery(subject, scores, make_roster(n), RULE)
    groups = teaching_groups(subject, table, make_roster(n), RULE).to_pylist()
    for name in {(row["school"], row["class"]) for row in groups}:
        rows = [row for row in groups if (row["school"], row["class"]) == name]
        lacking = defaultdict(Counter)
        for row in rows:
            lacking[row["group"]][int(row["student_id"][1:]) % 2] += 1
        assert len(lacking) > 1
        assert sum(max(counts.values()) for counts in lacking.values()) >= 36  # of 40


def test_what_is_expected_is_the_mean_given_what_was_seen() -> None:
    rng = np.random.default_rng(13)
    root = rng.normal(0, 0.15, (4, 4))
    truth, noise = root @ root.T, np.array([0.01, 0.03, 0.02, 0.05])
    known = rng.random((4000, 4)) < 0.8
    seen = rng.multivariate_normal(np.zeros(4), truth + np.diag(noise), len(known)) * known
    assert np.allclose(_covariance(seen, noise, known), truth, atol=0.012)
    there = np.array([True, False, True, True])
    inside = truth[np.ix_(there, there)] + np.diag(noise[there])
    by_hand = truth[:, there] @ np.linalg.inv(inside) @ seen[0, there]
    assert np.allclose((seen[0] * there) @ _weights(truth, noise, there), by_hand)


def test_levels_are_grouped_weakest_first() -> None:
    rng = np.random.default_rng(7)
    subject = plain_subject([5] * 8)
    strong = np.arange(40) % 4 == 0
    chance = np.repeat(np.where(strong, 0.9, 0.35)[:, None], 40, axis=1)
    scores = make_scores(subject, right_or_wrong(subject, chance, rng))
    table = mastery(subject, scores, make_roster(40), RULE)
    groups = teaching_groups(subject, table, make_roster(40), RULE)
    assert groups["group"].to_pylist() == [2 if able else 1 for able in strong]
    labels = dict(zip(groups["group"].to_pylist(), groups["label"].to_pylist(), strict=True))
    assert labels[1].startswith("整体低于全班（得分率 3")
    assert labels[2].startswith("整体高于全班（得分率 ")


def test_noise_makes_no_groups() -> None:
    rng = np.random.default_rng(8)
    subject = plain_subject([4] * 8)
    scores = make_scores(subject, right_or_wrong(subject, np.full((400, 32), 0.6), rng))
    table = mastery(subject, scores, make_roster(400), RULE)
    groups = teaching_groups(subject, table, make_roster(400), RULE)
    assert set(groups["group"].to_pylist()) == {1}
    assert all(label.startswith("全班一组") for label in groups["label"].to_pylist())


def test_an_outlier_joins_the_nearest_group() -> None:
    rng = np.random.default_rng(9)
    subject = plain_subject([5] * 8)
    chance = np.repeat(np.where(np.arange(40) < 20, 0.85, 0.4)[:, None], 40, axis=1)
    chance[39] = 0
    scores = make_scores(subject, right_or_wrong(subject, chance, rng))
    table = mastery(subject, scores, make_roster(40), RULE)
    groups = teaching_groups(subject, table, make_roster(40), RULE)
    assert groups["group"].to_pylist()[39] == 1
    assert min(Counter(groups["group"].to_pylist()).values()) >= RULE.min_group


def test_a_small_class_stays_together() -> None:
    subject, scores, roster = two_profiles(np.random.default_rng(10))
    few = 2 * RULE.min_group - 1
    table = mastery(subject, scores[:few], roster, RULE)
    assert set(teaching_groups(subject, table, roster, RULE)["group"].to_pylist()) == {1}


def test_equal_pupils_have_equal_rows_wherever_they_stand() -> None:
    """A blocked matrix product would give rows of different places different last bits."""
    rng = np.random.default_rng(11)
    subject = make_subject([(2, (("甲", 0.3), ("乙", 0.7)))] * 7)
    steps = right_or_wrong(subject, np.full((3000, 7), 0.6), rng)
    table = mastery(subject, make_scores(subject, steps), make_roster(3000), RULE)
    rates = level(table, "pupil", "甲")["rate"].to_numpy()
    assert math.isclose(rates[17], steps[17].sum() / 14)
    same = [i for i in range(3000) if (steps[i] == steps[17]).all()]
    assert len({rates[i] for i in same}) == 1 and len(same) > 5


@pytest.mark.parametrize("features", [np.zeros((4, 4)), np.ones((4, 4)) - np.eye(4), np.zeros((4, 3))])
def test_as_many_pupils_as_points_are_no_matrix_of_distances(features: np.ndarray) -> None:
    groups = _cut(_ward(features), 2)
    assert len(groups) == 4
    assert set(groups) == {0, 1}


def test_silhouette_and_adjusted_rand_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    for n, k in ((12, 2), (40, 4), (5, 3)):
        features, groups = rng.normal(size=(n, 3)), np.r_[np.arange(k), rng.integers(k, size=n - k)]
        other = np.r_[np.arange(k), rng.integers(k, size=n - k)]
        apart = np.linalg.norm(features[:, None] - features, axis=2)
        assert math.isclose(_silhouette(apart, groups), silhouette_score(features, groups))
        assert math.isclose(adjusted_rand(groups, other), adjusted_rand_score(groups, other))


def test_groups_that_are_far_apart_are_stable_and_those_of_a_cloud_less_so() -> None:
    rng = np.random.default_rng(4)
    rule = DiagnosisRule(min_group=2)
    cloud = rng.normal(0, 0.1, (40, 4))
    apart = cloud + np.repeat(np.eye(4)[:2], 20, axis=0)
    halves = np.repeat([0, 1], 20)
    assert _stability(apart, halves, rule) == 1
    assert _stability(cloud, halves, rule) < 0.3
    assert _stability(cloud, np.zeros(40, int), rule) is None
