"""OMRChecker's evaluation.json becomes items that mark as it says; what it says in vain is refused by name."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.blueprint import load_items
from engine.errors import InputError
from engine.evaluation import load_evaluation
from engine.exam import Item, SubjectKeys
from engine.rules import rule

PLAIN = {"correct": "3", "incorrect": "-1", "unmarked": "0"}


def evaluation(questions=("q1",), answers=("A",), options=None, **changes):
    return {
        "source_type": "custom",
        "options": {"questions_in_order": list(questions), "answers_in_order": list(answers)} | (options or {}),
        "marking_schemes": {"DEFAULT": PLAIN},
    } | changes


@pytest.fixture
def load(tmp_path: Path):
    def write_and_load(content, step="1/12") -> dict[str, Item]:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "evaluation.json").write_text(text, encoding="utf-8")
        keys = SubjectKeys.model_validate({"code": "x", "name": "x", "step": step})
        return {item.item: item for item in load_items(tmp_path, keys)}

    return write_and_load


def points(item: Item, *answers: str) -> list[Fraction]:
    mark = rule(item, Fraction(1, 12))
    return [mark(answer) * Fraction(1, 12) for answer in answers]


def test_ranges_sections_and_the_default_scheme(load) -> None:
    schemes = {
        "DEFAULT": PLAIN,
        "HARD": {"questions": ["q2..3"], "marking": {"correct": 4, "incorrect": "-4/3", "unmarked": -0.5}},
        "LAST": {"questions": "q4", "marking": {"correct": 1, "incorrect": 0, "unmarked": 0}},
    }
    items = load(evaluation(["q1..3", "q4"], "ABCD", marking_schemes=schemes))
    assert [(item.item, item.type, item.section, item.max) for item in items.values()] == [
        ("q1", "single", "", 3),
        ("q2", "single", "HARD", 4),
        ("q3", "single", "HARD", 4),
        ("q4", "single", "LAST", 1),
    ]
    assert points(items["q1"], "A", "B", "AB", "") == [3, -1, -1, 0]
    assert points(items["q2"], "B", "A", "") == [4, Fraction(-4, 3), Fraction(-1, 2)]
    assert (items["q4"].rule, items["q4"].key, items["q4"].options) == ("", "D", "ABCD")


@pytest.mark.parametrize(
    ("answer", "kind", "expected"),
    [
        ("A", "single", {"A": 3, "B": -1, "AB": -1, "": 0}),
        ("AB", "multiple", {"AB": 3, "BA": 3, "A": -1, "": 0}),
        (["A", "C"], "single", {"A": 3, "C": 3, "AC": -1, "B": -1}),
        (["A", "B", "AB"], "multiple", {"A": 3, "B": 3, "AB": 3, "C": -1}),
        ([["A", 1], ["B", "1/3"], ["AB", 1.5]], "multiple", {"A": 1, "B": "1/3", "BA": 1.5, "C": -1, "": 0}),
        ([["C", 10], ["D", -2]], "single", {"C": 10, "D": -2, "A": -1}),
        ([["B", 2]], "single", {"B": 2, "A": -1}),
        ("08", "number", {"08": 3, "8": -1, "": 0}),
        (["1", "01"], "number", {"1": 3, "01": 3, "001": -1}),
        ([["1", 0.5], ["01", 1]], "number", {"1": 0.5, "01": 1, "10": -1}),
        ("E204", "number", {"E204": 3, "204": -1}),
        ("11", "number", {"11": 3, "1": -1}),
    ],
)
def test_every_kind_of_answer(load, answer, kind: str, expected: dict) -> None:
    (item,) = load(evaluation(answers=[answer])).values()
    assert item.type == kind
    assert points(item, *expected) == [Fraction(str(earned)) for earned in expected.values()]


def test_bonus_sections_give_points_to_all_or_to_all_who_answered(load) -> None:
    schemes = {
        "DEFAULT": PLAIN,
        "BONUS_1": {"questions": ["q1"], "marking": {"correct": 3, "incorrect": 3, "unmarked": 0}},
        "BONUS_2": {"questions": ["q2"], "marking": {"correct": 3, "incorrect": 3, "unmarked": 3}},
    }
    items = load(evaluation(["q1..2"], "AB", marking_schemes=schemes))
    assert points(items["q1"], "A", "D", "") == [3, 3, 0]
    assert points(items["q2"], "B", "D", "") == [3, 3, 3]


def test_options_are_those_of_all_keys_and_at_least_four(load) -> None:
    assert {item.options for item in load(evaluation(["q1..3"], ["A", "F", "7"])).values()} == {"ABCDEF", ""}
    assert {item.options for item in load(evaluation(["q1..2"], ["T", "F"])).values()} == {"FT"}


CSV = {"source_type": "csv", "options": {"answer_key_csv_path": "key.csv"}, "marking_schemes": {"DEFAULT": PLAIN}}


def test_a_key_in_a_csv_file(load, tmp_path: Path) -> None:
    rows = ["\ufeffq1,C", "q2 , AB", 'q3,"A, B"', "", "q4,\"[['A', 2], ['B', '1/2']]\"", "q5,\"['A','AB']\"", "q6,07"]
    (tmp_path / "key.csv").write_text("\r\n".join(rows), encoding="utf-8")
    items = load(CSV)
    assert [item.key for item in items.values()] == ["C", "AB", "A|B", "A", "A|AB", "07"]
    assert points(items["q4"], "A", "B", "C") == [2, Fraction(1, 2), -1]


def test_a_csv_key_is_taken_rather_than_its_picture(load, tmp_path: Path) -> None:
    (tmp_path / "key.csv").write_text("q1,C")
    (tmp_path / "key.jpg").write_bytes(b"")
    options = CSV["options"] | {"answer_key_image_path": "key.jpg", "questions_in_order": ["q1..9"]}
    assert list(load(CSV | {"options": options})) == ["q1"]


@pytest.mark.parametrize(
    ("rows", "row", "says"),
    [
        ("q1,A\nq2\n", 2, "1 cells"),
        ("q1,A\nq2,A,B\n", 2, "3 cells"),
        ("q1,A\nq1,B\n", 2, "'q1' stands twice"),
        ("q1,\n", 1, "2 cells"),
        ("q1,[A\n", 1, "no list of answers"),
        ('q1,"[1, 2]"\n', 1, "is not of the kind"),
        ("q1,[__import__('os')]\n", 1, "no list of answers"),
        ('q1,"' + "[" * 5000 + '"\n', 1, "is not of the kind"),
        ('q1,"A', None, "not a CSV table"),
        ("\n", None, "an empty key"),
    ],
)
def test_a_wrong_csv_key_is_refused_by_its_row(load, tmp_path: Path, rows: str, row: int | None, says: str) -> None:
    (tmp_path / "key.csv").write_text(rows)
    with pytest.raises(InputError, match=says.replace("[", r"\[")) as refused:
        load(CSV)
    assert (refused.value.file, refused.value.row) == (tmp_path / "key.csv", row)
    assert refused.value.mend


def section(**changes):
    return {"DEFAULT": PLAIN, "S": {"questions": ["q1"], "marking": PLAIN} | changes}


WRONG = {
    "not valid JSON": "{",
    "'S' stands twice in an object": json.dumps(evaluation(marking_schemes={"DEFAULT": PLAIN, "S": {}})).replace(
        '"S":', '"S": {}, "S":'
    ),
    "source_type": evaluation(source_type="excel"),
    "options: Field required": {"source_type": "custom", "marking_schemes": {"DEFAULT": PLAIN}},
    "options.questions_in_order: is missing": evaluation() | {"options": {"answers_in_order": ["A"]}},
    "options.answers_in_order: is missing": evaluation() | {"options": {"questions_in_order": ["q1"]}},
    "options.answers_in_order: 1 answers to 3 questions": evaluation(["q1..3"]),
    "options.questions_in_order: 'q5..1'": evaluation(["q5..1"]),
    "options.questions_in_order: 'q1..999999999'": evaluation(["q1..999999999"]),
    "options.questions_in_order: 'q2' stands twice": evaluation(["q1..2", "q2"], "AAA"),
    "the answer to 'q1', 5, is not of the kind": evaluation(answers=[5]),
    "the answer to 'q1', ['A', ['B', 1]], is not of the kind": evaluation(answers=[["A", ["B", 1]]]),
    "the answer to 'q1', '', is not of the kind": evaluation(answers=[""]),
    "the answer to 'q1' is missing": evaluation(answers=[[]]),
    "the answer to 'q1' names 'A' twice": evaluation(answers=[["A", "A"]]),
    "the answer to 'q1': 'one' is no number of points": evaluation(answers=[[["A", "one"]]]),
    "name the same options twice": evaluation(answers=[["AB", "BA"]]),
    "'A;B' can't be written": evaluation(answers=["A;B"]),
    "question 'q1': no answer earns more than 0": evaluation(answers=[[["A", 0]]]),
    "marking_schemes.DEFAULT: is missing": evaluation(marking_schemes={}),
    "marking_schemes.DEFAULT.unmarked: Field required": evaluation(
        marking_schemes={"DEFAULT": {"correct": 1, "incorrect": 0}}
    ),
    "marking_schemes.DEFAULT.correct: '1/0' is no number": evaluation(
        marking_schemes={"DEFAULT": PLAIN | {"correct": "1/0"}}
    ),
    "marking_schemes.DEFAULT.incorrect: 'NaN' is no number": '{"source_type": "custom", "options": '
    '{"questions_in_order": ["q1"], "answers_in_order": ["A"]}, "marking_schemes": {"DEFAULT": '
    '{"correct": 1, "incorrect": NaN, "unmarked": 0}}}',
    "marking_schemes.DEFAULT.bonus: is not supported": evaluation(marking_schemes={"DEFAULT": PLAIN | {"bonus": 1}}),
    "marking_schemes.S.marking.correct: streaks are not supported": evaluation(
        marking_schemes=section(marking=PLAIN | {"correct": [1, 2, 3]})
    ),
    "marking_schemes.S.marking_type: Input should be 'default'": evaluation(
        marking_schemes=section(marking_type="verdict_level_streak")
    ),
    "marking_schemes.S.questions: 'q9' is not in": evaluation(marking_schemes=section(questions="q9")),
    "'q1' is in section 'S' as well": evaluation(
        marking_schemes=section() | {"T": {"questions": ["q1"], "marking": PLAIN}}
    ),
    "conditional_sets: is not supported": evaluation(conditional_sets=[]),
    "options.order: is not supported": evaluation(options={"order": 1}),
    "options.answer_key_csv_path: is missing": CSV | {"options": {}},
    "options.answer_key_csv_path: there is no none.csv": CSV | {"options": {"answer_key_csv_path": "none.csv"}},
    "options.answer_key_csv_path: '../key.csv' does not lie": CSV | {"options": {"answer_key_csv_path": "../key.csv"}},
    "is no name of a file": CSV | {"options": {"answer_key_csv_path": "k" * 5000}},
    "'key\\x00' is no name of a file": CSV | {"options": {"answer_key_csv_path": "key\0"}},
    "options.answer_key_image_path: there is no key.png": CSV
    | {"options": CSV["options"] | {"answer_key_image_path": "key.png", "questions_in_order": ["q1"]}},
}


@pytest.mark.parametrize("named", WRONG)
def test_a_wrong_evaluation_is_refused_by_the_name_of_its_key(load, tmp_path: Path, named: str) -> None:
    with pytest.raises(InputError) as refused:
        load(WRONG[named])
    assert named in refused.value.message
    assert refused.value.file == tmp_path / "evaluation.json"
    assert refused.value.mend


def test_points_finer_than_the_step_are_refused_with_the_question_and_the_step_to_set(load) -> None:
    schemes = {"DEFAULT": PLAIN | {"incorrect": "-1/3"}}
    with pytest.raises(InputError, match="question 'q1': -1/3 points is not a multiple") as refused:
        load(evaluation(marking_schemes=schemes), step="1")
    assert 'step = "1/3" in exam.toml' in refused.value.mend


def test_what_is_only_drawn_is_passed_over(load) -> None:
    drawn = evaluation(
        options={"should_explain_scoring": True, "enable_evaluation_table_to_csv": True},
        outputs_configuration={"draw_score": {"enabled": True}},
        source_type="local",
    )
    assert load(drawn) == load(evaluation())


def test_a_blueprint_is_taken_rather_than_an_evaluation(load, tmp_path: Path) -> None:
    (tmp_path / "blueprint.csv").write_text("item,type,max,key\n1,single,2,B\n")
    assert list(load(evaluation())) == ["1"]


def test_the_step_of_an_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "e.json"
    marking = {"correct": "1/2", "incorrect": "-1/3", "unmarked": 0}
    path.write_text(json.dumps(evaluation(answers=[[["A", "0.25"]]], marking_schemes={"DEFAULT": marking})))
    assert load_evaluation(path).step() == Fraction(1, 12)


_SCORES = st.fractions(-3, 5, max_denominator=4)


@given(
    right=st.dictionaries(st.sampled_from(["A", "B", "AB", "ABC"]), _SCORES, min_size=1),
    correct=_SCORES,
    incorrect=_SCORES,
    unmarked=_SCORES,
    weighted=st.booleans(),
)
def test_marks_as_the_format_says(tmp_path_factory, right, correct, incorrect, unmarked, weighted) -> None:
    """The rule of an item against the format's own words, for any marking that earns something."""
    own = right if weighted else dict.fromkeys(right, correct)
    path = tmp_path_factory.mktemp("e") / "e.json"
    answer = [[name, str(given)] for name, given in right.items()] if weighted else list(right)
    marking = {"correct": str(correct), "incorrect": str(incorrect), "unmarked": str(unmarked)}
    path.write_text(json.dumps(evaluation(answers=[answer], marking_schemes={"DEFAULT": marking})))
    if max(*own.values(), incorrect, unmarked) <= 0:
        with pytest.raises(InputError, match="no answer earns"):
            load_evaluation(path).records()
        return
    (row,) = load_evaluation(path).records().rows
    mark = rule(Item.model_validate(row), Fraction(1, 12))
    for given_answer in ("", "A", "B", "C", "AB", "ABC", "ABCD"):
        want = unmarked if not given_answer else own.get(given_answer, incorrect)
        assert mark(given_answer) * Fraction(1, 12) == want
