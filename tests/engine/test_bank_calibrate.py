"""Calibration: figures of questions from the exams that used them."""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from made_scores import make_scores, shuffled

from engine.bank.calibrate import ENOUGH, GUESS, calibrate
from engine.bank.table import SCHEMA
from engine.exam import Choose, Item, Subject
from engine.irt import TwoPL

A = np.array([0.8, 1.0, 1.5, 2.0, 1.2, 0.9])
B = np.array([-1.0, -0.5, 0.0, 0.5, 1.0, 0.2])

pytestmark = pytest.mark.filterwarnings("error")


def subject(questions: list[str], full: int = 1, **options: object) -> Subject:
    items = tuple(
        Item(item=str(j), type="constructed", max=Fraction(full), question=name) for j, name in enumerate(questions, 1)
    )
    return Subject(code="maths", name="数学", folder=".", items=items, **options)


def bank(**figures: dict) -> pa.Table:
    rows = [{"question": name, "subject": "maths", "stem": "…", "knowledge": []} | row for name, row in figures.items()]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def answers(n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(n, 1))
    return (rng.random((n, len(A))) < 1 / (1 + np.exp(-A * (theta - B)))).astype(int)


def row(done: pa.Table, name: str) -> dict:
    return next(row for row in done.to_pylist() if row["question"] == name)


def test_difficulty_is_pooled_by_the_number_of_pupils() -> None:
    steps = np.array([[1, 2, 1], [1, 0, 1], [0, 1, 1], [0, 1, 1]])
    paper = subject(["Q1", "Q2", "Q3"], full=2)
    scores = make_scores(paper, steps, status=["read", "read", "read", "violation"])  # the last counts nowhere
    given = bank(
        Q1={"difficulty": 0.5},
        Q2={"difficulty": 0.4, "pupils": 60, "exams": "a"},
        Q3={},
        Q4={"difficulty": 0.9, "irt_a": 1.0},
    )
    done = calibrate(given, "b", [(paper, scores)])
    rates = [2 / 6, 3 / 6, 3 / 6]
    assert [row(done.bank, f"Q{i}")["difficulty"] for i in (1, 2, 3)] == pytest.approx(
        [(GUESS * 0.5 + 3 * rates[0]) / (GUESS + 3), (60 * 0.4 + 3 * rates[1]) / 63, rates[2]], abs=1e-12
    )
    assert [row(done.bank, f"Q{i}")["pupils"] for i in (1, 2, 3, 4)] == [3, 63, 3, None]
    assert [row(done.bank, f"Q{i}")["exams"] for i in (1, 2, 3, 4)] == ["b", "a;b", "b", None]
    assert row(done.bank, "Q4") == row(given, "Q4")
    assert done.bank.schema == SCHEMA
    assert [(name, n) for name, _, _, n in done.changes] == [("Q1", 3), ("Q2", 3), ("Q3", 3)]
    again = calibrate(done.bank, "b", [(paper, scores)])
    assert again.bank.equals(done.bank)
    assert len(again.notes) == 3 and "exam 'b' already" in again.notes[0]


def test_two_parameters_are_those_of_the_model_and_near_the_truth() -> None:
    paper = subject([f"Q{j}" for j in range(6)])
    steps = answers(3000)
    scores = make_scores(paper, steps)
    done = calibrate(bank(**{f"Q{j}": {"difficulty": 0.5} for j in range(6)}), "e", [(paper, scores)])
    model = TwoPL().fit(steps.astype(float))
    found = done.bank.to_pylist()
    assert [one["irt_a"] for one in found] == pytest.approx(model.discrimination_.tolist(), abs=1e-9)
    assert [one["irt_b"] for one in found] == pytest.approx(B.tolist(), abs=0.25)
    assert {one["irt_pupils"] for one in found} == {3000}


def test_few_pupils_give_a_difficulty_and_no_more() -> None:
    paper = subject([f"Q{j}" for j in range(6)])
    done = calibrate(bank(**{f"Q{j}": {} for j in range(6)}), "e", [(paper, make_scores(paper, answers(ENOUGH - 1)))])
    assert {one["irt_a"] for one in done.bank.to_pylist()} == {None}
    assert {one["pupils"] for one in done.bank.to_pylist()} == {ENOUGH - 1}


def test_items_of_several_points_and_items_all_or_none_solve_have_no_slope() -> None:
    steps = answers(ENOUGH + 100)
    steps[:, 0] = 1
    steps[:, 1] += 1  # now 1 or 2, of 2
    paper = subject([f"Q{j}" for j in range(6)])
    items = (paper.items[0], paper.items[1].model_copy(update={"max": Fraction(2)}), *paper.items[2:])
    paper = paper.model_copy(update={"items": items})
    done = calibrate(bank(**{f"Q{j}": {} for j in range(6)}), "e", [(paper, make_scores(paper, steps))])
    assert [one["irt_a"] is None for one in done.bank.to_pylist()] == [True, True, False, False, False, False]
    assert row(done.bank, "Q0")["difficulty"] == 1.0


def test_what_gives_no_figures_is_told() -> None:
    paper = subject(["Q1", "Q9", "", "Q2"], choose={"选做": Choose()})
    items = (*paper.items[:3], paper.items[3].model_copy(update={"group": "选做"}))
    paper = paper.model_copy(update={"items": items})
    presented = np.ones((4, 4), bool)
    presented[:, 0] = False
    scores = make_scores(paper, np.ones((4, 4), int), presented)
    given = bank(Q1={"difficulty": 0.5}, Q2={"difficulty": 0.5})
    done = calibrate(given, "e", [(paper, scores)])
    assert done.bank.equals(given)
    assert [note.partition(": ")[2] for note in done.notes] == [
        "answered by nobody",
        "not in the bank",
        "answered by those who chose it, who are not like all",
    ]


def test_the_order_of_pupils_does_not_matter() -> None:
    paper = subject([f"Q{j}" for j in range(6)])
    scores = make_scores(paper, answers(ENOUGH))
    given = bank(**{f"Q{j}": {"difficulty": 0.3} for j in range(6)})
    one, other = (calibrate(given, "e", [(paper, table)]).bank for table in (scores, shuffled(scores, 7)))
    for name in ("difficulty", "irt_a", "irt_b"):
        assert one[name].to_pylist() == pytest.approx(other[name].to_pylist(), abs=1e-9)
