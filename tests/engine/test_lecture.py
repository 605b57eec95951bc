"""The lecture pack: evidence by a slow reference, lessons that keep their time, who chose what, variants that fit."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_scores import exams, make_roster, make_scores, plain_subject, right_or_wrong, shuffled
from scipy.stats import binom

from engine import tables
from engine.bank import SCHEMA
from engine.curriculum import Curriculum, Point
from engine.diagnosis import mastery
from engine.exam import DiagnosisRule, Item, LectureRule, Subject
from engine.lecture import lecture_pack
from engine.lecture.evidence import Evidence
from engine.lecture.lesson import Block, by_weight, plan, topic_of
from engine.lecture.practice import STEP, Shelf, practice

pytestmark = pytest.mark.filterwarnings("error")
RULE = LectureRule()
DAY = datetime.date(2026, 11, 10)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def points_as_answers(subject: Subject, scores: pa.Table) -> pa.Table:
    """Responses of constructed items: the points, as people write them."""
    columns = {"student_id": scores["student_id"], "status": scores["status"]}
    for item in subject.items:
        texts = [None if v is None else f"{v * float(subject.step):g}" for v in scores[item.item].to_pylist()]
        columns[item.item] = pa.array(texts, pa.string()).dictionary_encode()
    return pa.table(columns)


def make_bank(questions: list[tuple[str, list[str], float, str, str]]) -> pa.Table:
    """Questions of the subject maths: name, points, difficulty, stem, the item it is a variant of."""
    rows = [
        {
            "question": name,
            "subject": "maths",
            "stem": stem,
            "knowledge": points,
            "difficulty": difficulty,
            "options": "",
        }
        | {"source_item": source}
        for name, points, difficulty, stem, source in questions
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def pack(subject: Subject, scores: pa.Table, roster: pa.Table, bank: pa.Table | None = None, rule: LectureRule = RULE):
    weak = mastery(subject, scores, roster, DiagnosisRule())
    return lecture_pack(subject, scores, points_as_answers(subject, scores), roster, weak, bank, DAY, rule)


# ---- evidence


def slow_evidence(subject: Subject, scores: pa.Table, roster: pa.Table) -> dict[tuple[str, str, str], tuple]:
    """(school, class, item) → pupils, how many lost points, points lost, rate."""
    place = {row["student_id"]: (row["school"], row["class"]) for row in roster.to_pylist()}
    found = defaultdict(lambda: [0, 0, Fraction(0), Fraction(0)])
    for row in scores.to_pylist():
        if row["status"] == "read" and row["total"] is not None:
            for item in subject.items:
                if row[item.item] is not None:
                    gained = row[item.item] * subject.step
                    cell = found[(*place[row["student_id"]], item.item)]
                    cell[0] += 1
                    cell[1] += gained < item.max
                    cell[2] += item.max - gained
                    cell[3] += gained
    full = {item.item: item.max for item in subject.items}
    return {key: (n, lost, lacking, gained / n / full[key[2]]) for key, (n, lost, lacking, gained) in found.items()}


@quick
@given(exams(), st.sampled_from([RULE, LectureRule(lost=0.9, min_pupils=1, minutes=200), LectureRule(minutes=6)]))
def test_agrees_with_the_slow_reference(made, rule: LectureRule) -> None:
    subject, scores, roster = made
    found = pack(subject, scores, roster, rule=rule)
    expected = slow_evidence(subject, scores, roster)
    for name, table in found.items():
        assert table.schema == tables.SCHEMAS[name]
    told = {(row["school"], row["class"], row["item"]): row for row in found["lecture"].to_pylist()}
    for key, row in told.items():
        n, lost, lacking, rate = expected[key]
        assert (row["n"], row["lost"]) == (n, lost)
        assert row["points_lost"] == pytest.approx(float(lacking))
        assert row["rate"] == pytest.approx(float(rate), abs=1e-12)
        assert row["gap"] == pytest.approx(row["rate"] - row["reference"])
        assert row["clear"] or (lost >= rule.lost * n and rate <= 1 - rule.lost + 1e-9)
        assert n >= rule.min_pupils and lost > 0 and f"{n} 人中 {lost} 人失分" in row["reason"]
    for key, (n, lost, _, rate) in expected.items():
        assert key in told or n < rule.min_pupils or not lost or lost < rule.lost * n or rate > 1 - rule.lost


@quick
@given(exams(), st.integers(0, 99))
def test_row_order_does_not_matter(made, seed: int) -> None:
    subject, scores, roster = made
    found = pack(subject, scores, roster)
    assert pack(subject, shuffled(scores, seed), shuffled(roster, seed + 1)) == found


def test_chance_is_binomial_for_right_or_wrong_items() -> None:
    """200 pupils, 20 right of 40 in the first class and 130 of 160 elsewhere: P(X ≤ 20) of 40 at 0.75."""
    subject = plain_subject([1])
    steps = np.array([[2]] * 20 + [[0]] * 20 + [[2]] * 130 + [[0]] * 30)
    least = binom.cdf(20, 40, 0.75)

    def is_clear(false_alarms: float) -> bool:
        rule = LectureRule(false_alarms=false_alarms)
        return bool(Evidence.of_scores(subject, make_scores(subject, steps), make_roster(200), rule).clear[0, 0])

    assert is_clear(least * 1.001) and not is_clear(least * 0.999)


def test_without_a_difference_classes_are_seldom_told_apart() -> None:
    """All tests of a class are one family: a class without any weakness is rarely told of a clear gap."""
    rng = np.random.default_rng(1)
    subject = plain_subject([10] * 4)
    steps = right_or_wrong(subject, np.tile(rng.uniform(0.3, 0.9, 40), (8000, 1)), rng)
    found = Evidence.of_scores(subject, make_scores(subject, steps), make_roster(8000), RULE)
    assert found.clear.any(axis=1).mean() <= RULE.false_alarms
    steps[:40, :4] = right_or_wrong(subject, np.full((40, 40), 0.2), rng)[:, :4]
    found = Evidence.of_scores(subject, make_scores(subject, steps), make_roster(8000), RULE)
    assert found.clear[list(found.units).index("第1中学/1班"), :4].sum() >= 3


def test_a_clear_gap_weighs_more_than_points_alone() -> None:
    subject = plain_subject([2])
    steps = np.zeros((400, 2), int)
    steps[:, 0], steps[40:, 1] = np.arange(400) % 2 * 2, 2  # of the first class, half and all lost the same points
    found = Evidence.of_scores(subject, make_scores(subject, steps), make_roster(400), RULE)
    first = list(found.units).index("第1中学/1班")
    assert not found.clear[first, 0] and found.clear[first, 1]
    assert found.weight[first, 0] == found.points_lost[first, 0] == 40
    assert found.weight[first, 1] == pytest.approx(80 * (1 + 10 * 0.9))
    assert by_weight(found.weight[first], found.told[first]) == [1, 0]


def test_a_small_class_and_one_that_lost_nothing_have_no_lesson() -> None:
    subject = plain_subject([2])
    scores = make_scores(subject, np.vstack([np.zeros((4, 2), int), np.full((40, 2), 2)]))
    roster = make_roster(44, class_size=44).set_column(1, "class", pa.array(["小班"] * 4 + ["大班"] * 40))
    assert all(not table.num_rows for table in pack(subject, scores, roster).values())


def test_nobody_scored() -> None:
    subject = plain_subject([2])
    scores = make_scores(subject, np.zeros((3, 2), int), status=["absent"] * 3)
    assert all(not table.num_rows for table in pack(subject, scores, make_roster(3)).values())


# ---- the lesson


def choice(name: str, topic: str, kind: str = "single") -> Item:
    knowledge = ((topic, 1.0),) if topic else ()
    return Item(item=name, type=kind, max=Fraction(2), key="A", options="ABCD", knowledge=knowledge)


def paper(items: list[Item], curriculum: Curriculum | None = None) -> Subject:
    made = Subject(code="maths", name="数学", folder=Path("."), items=tuple(items))
    return made if curriculum is None else made.model_copy(update={"curriculum": curriculum})


def test_a_lesson_of_forty_minutes() -> None:
    """Five for the ticket; 函数 3 + 3 + variant 5, the long item 8 without a variant, 几何 3 + 5: 27 of 35."""
    subject = paper(
        [choice("1", "几何"), choice("2", "函数"), choice("3", ""), choice("4", "函数"), choice("5", "", "constructed")]
    )
    weight = np.array([10.0, 50, 1, 20, 60])
    blocks = plan(subject, [4, 1, 3, 0, 2], weight, RULE, {"函数", "几何"})
    assert blocks == [Block("函数", (1, 3)), Block("", (4,)), Block("几何", (0,)), Block("", (2,))]
    short = plan(subject, [4, 1, 3, 0, 2], weight, RULE.model_copy(update={"minutes": 20}), {"函数", "几何"})
    assert short == [Block("", (4,)), Block("", (2,))]  # 15 minutes: 函数 does not fit after the long item, item 3 does


def test_foundations_come_first() -> None:
    points = Point("整式"), Point("方程", prerequisites=("整式",)), Point("函数", prerequisites=("方程",))
    curriculum = Curriculum(points, frozenset())
    subject = paper([choice("1", "函数"), choice("2", "几何"), choice("3", "整式")], curriculum)
    blocks = plan(subject, [0, 1, 2], np.array([9.0, 5, 1]), RULE, set())
    assert [block.topic for block in blocks] == ["几何", "整式", "函数"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "甲", "乙", "丙"]), st.sampled_from(["single", "constructed"])), max_size=12
    ),
    st.integers(1, 60),
    st.integers(0, 9),
)
def test_a_lesson_keeps_its_time_and_has_no_room_for_another_item(made, minutes: int, exit_minutes: int) -> None:
    subject = paper([choice(str(j), topic, kind) for j, (topic, kind) in enumerate(made)])
    rule = LectureRule(minutes=minutes, exit_minutes=exit_minutes)
    weight = np.arange(len(made), 0, -1.0)
    blocks = plan(subject, range(len(made)), weight, rule, {"甲", "乙"})
    lengths = {"single": rule.choice_minutes, "constructed": rule.constructed_minutes}
    taken = sum(lengths[made[j][1]] for block in blocks for j in block.items)
    taken += rule.variant_minutes * sum(block.topic in ("甲", "乙") for block in blocks)
    left = minutes - exit_minutes - taken
    assert left >= 0 or not blocks
    inside = [j for block in blocks for j in block.items]
    assert len(set(inside)) == len(inside) and all(
        topic_of(subject.items[j]) == b.topic for b in blocks for j in b.items
    )
    for j, (topic, kind) in enumerate(made):
        new = topic in ("甲", "乙") and topic not in {block.topic for block in blocks}
        assert j in inside or lengths[kind] + rule.variant_minutes * new > left


def test_chain_and_what_is_shaky_in_it() -> None:
    rng = np.random.default_rng(2)
    curriculum = Curriculum((Point("点1"), Point("点2", prerequisites=("点1",))), frozenset(["点1", "点2"]))
    subject = plain_subject([6, 6]).model_copy(update={"curriculum": curriculum})
    chance = np.full((240, 12), 0.8)
    chance[:40] = 0.3
    scores = make_scores(subject, right_or_wrong(subject, chance, rng))
    rows = pack(subject, scores, make_roster(240))["lecture"].filter(pc.field("topic") == "点2").to_pylist()
    shaky = {(row["school"], row["class"]): (row["chain"], row["shaky"]) for row in rows}
    assert shaky.pop(("第1中学", "1班")) == ("点1 → 点2", "点1")
    assert set(shaky.values()) <= {("点1 → 点2", "")}


# ---- who gave which answer


def test_who_gave_which_wrong_answer() -> None:
    """Item 1: A is right; B a known misconception, in the first class more than elsewhere; one left it blank."""
    items = [
        choice("1", "函数").model_copy(update={"misconceptions": (("B", "符号错误"),)}),
        Item(item="2", type="constructed", max=Fraction(10), knowledge=(("几何", 1.0),)),
        choice("3", "函数", "multiple").model_copy(
            update={"key": "AC", "misconceptions": (("B", "漏条件"), ("D", "看错"))}
        ),
    ]
    subject = paper(items)
    first, others = ["B"] * 12 + ["C", ""] + ["A"] * 6, ["B", "C", "D"] * 3 + ["A"] * 11
    answers = [*first, *others, *others]
    points = [0, 4, 5, 10] * 15
    several = ["AC", "B", "BD", "A"] * 15
    ids = [f"p{i:04d}" for i in range(60)]
    responses = pa.table(
        {"student_id": ids, "status": ["read"] * 60, "1": answers, "2": [str(p) for p in points], "3": several}
    )
    scores = pa.table(
        {
            "student_id": ids,
            "status": ["read"] * 60,
            "1": [2 * (answer == "A") for answer in answers],
            "2": points,
            "3": [{"AC": 2, "A": 1}.get(answer, 0) for answer in several],
            "total": [0] * 60,
        }
    )
    roster = make_roster(60, class_size=20)
    weak = mastery(subject, scores, roster, DiagnosisRule())
    found = lecture_pack(subject, scores, shuffled(responses, 3), roster, weak, None, DAY, RULE)["lecture_options"]
    mine = [row for row in found.to_pylist() if row["class"] == "1班"]
    one = [(row["answer"], row["count"], row["more"], row["misconception"]) for row in mine if row["item"] == "1"]
    assert one == [("B", 12, True, "符号错误"), ("", 1, False, ""), ("C", 1, False, "")]
    [b] = [row for row in mine if (row["item"], row["answer"]) == ("1", "B")]
    assert b["students"] == "、".join(ids[:12]) and b["share"] == 12 / 20 and b["reference"] == (12 + 3 + 3) / 60
    assert {row["answer"]: row["count"] for row in mine if row["item"] == "2"} == {
        "zero": 5,
        "under_half": 5,
        "over_half": 5,
    }
    three = {row["answer"]: row["misconception"] for row in mine if row["item"] == "3"}
    assert three == {"A": "", "B": "漏条件", "BD": "漏条件；看错"}


@quick
@given(exams())
def test_answers_of_the_lesson_add_up_to_those_who_lost_points(made) -> None:
    subject, scores, roster = made
    found = pack(subject, scores, roster)
    counted: Counter[tuple[str, str, str]] = Counter()
    for row in found["lecture_options"].to_pylist():
        counted[row["school"], row["class"], row["item"]] += row["count"]
        students = row["students"].split("、")
        assert len(students) == row["count"] and students == sorted(set(students))
        assert 0 < row["share"] <= 1 and 0 < row["reference"] <= 1
    planned = {
        (row["school"], row["class"], row["item"]): row["lost"] for row in found["lecture"].to_pylist() if row["block"]
    }
    assert counted == Counter(planned)


# ---- variants and ticket


def test_variants_are_a_bit_easier_and_harder_and_no_near_duplicates() -> None:
    subject = paper([choice("1", "函数"), choice("2", "函数")])
    bank = make_bank(
        [
            ("Q1", ["函数"], 0.66, "求函数的定义域，并说明理由。", ""),
            ("Q2", ["函数"], 0.64, "画出这个函数的图象，再指出它的最大值。", "1"),  # of this item, though less near
            ("Q3", ["函数"], 0.36, "画出这个函数的图象，再指出它的最大值。", ""),  # near-duplicate of Q2
            ("Q4", ["函数"], 0.40, "讨论方程的根的个数与参数的关系。", ""),
            ("Q5", ["函数", "数列"], 0.65, "用数列的知识。", ""),  # beyond the points of the item
            ("Q6", ["函数"], 0.95, "太容易的题。", ""),
            ("Q7", ["函数"], 0.50, "证明这个函数是奇函数。", ""),
        ]
    )
    shelf = Shelf(subject, bank, ["函数", "数列"])
    rows = practice(subject, [Block("函数", (0, 1))], [0.5, 0.5], shelf, RULE)
    asked = [(row["use"], row["question"]) for row in rows]
    assert asked == [("easier", "Q2"), ("harder", "Q4"), ("exit", "Q7"), ("exit", "Q3")]  # Q1 is too far off
    assert not Shelf(subject, bank, ["数列"]).topics  # not taught yet
    sat = paper([choice("1", "函数").model_copy(update={"question": "Q2"}), choice("2", "函数")])
    rows = practice(sat, [Block("函数", (0, 1))], [0.5, 0.5], Shelf(sat, bank, ["函数"]), RULE)
    assert [row["question"] for row in rows] == ["Q1", "Q4", "Q7", "Q3"]  # Q3 is near an item of the paper: last


def test_without_a_bank_the_ticket_takes_up_the_items_again() -> None:
    subject = paper([choice("1", "函数"), choice("2", "几何")])
    blocks = [Block("几何", (1,)), Block("函数", (0,))]
    rows = practice(subject, blocks, [0.5, 0.5], Shelf(subject, None, ["函数"]), RULE)
    assert [(row["use"], row["item"], row["question"]) for row in rows] == [("exit", "2", None), ("exit", "1", None)]
    assert practice(subject, blocks, [0.5, 0.5], Shelf(subject, None, []), LectureRule(exit_minutes=0)) == []


banks = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["点0", "点1", "点2", "别的"]), min_size=1, max_size=2, unique=True), st.floats(0, 1)
    ),
    max_size=16,
).map(
    lambda made: make_bank(
        [(f"Q{i:02d}", points, rate, f"第{i % 3}种题目" * 5, "") for i, (points, rate) in enumerate(made)]
    )
)


@quick
@given(exams(), banks)
def test_questions_fit_the_lesson(made, bank: pa.Table) -> None:
    subject, scores, roster = made
    found = pack(subject, scores, roster, bank, LectureRule(min_pupils=1))
    known = {row["question"]: row for row in bank.to_pylist()}
    reference = {row["item"]: row["reference"] for row in found["lecture"].to_pylist()}
    asked = defaultdict(list)
    for row in found["lecture_questions"].to_pylist():
        if row["question"]:
            asked[row["school"], row["class"]].append(row["question"])
            assert row["topic"] in known[row["question"]]["knowledge"]
            off = row["difficulty"] - reference[row["item"]]
            low, high = {"easier": (0, 2 * STEP), "harder": (-2 * STEP, 0), "exit": (-STEP, STEP)}[row["use"]]
            assert low - 1e-9 <= off <= high + 1e-9
    assert all(len(set(names)) == len(names) for names in asked.values())
    lessons = {(row["school"], row["class"]) for row in found["lecture"].to_pylist() if row["block"]}
    tickets = {(row["school"], row["class"]) for row in found["lecture_questions"].to_pylist() if row["use"] == "exit"}
    assert tickets == lessons


def test_a_total_alone_is_nothing_to_go_through() -> None:
    subject = plain_subject([1]).model_copy(update={"points_only": True})
    scores = make_scores(subject, np.zeros((40, 1), int))
    assert all(not table.num_rows for table in pack(subject, scores, make_roster(40)).values())
    assert pack(plain_subject([1]), scores, make_roster(40))["lecture"].num_rows == 1
