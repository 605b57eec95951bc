"""The matrix of points against the plain way to score, and what is made of it."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from papers import matrix, papers, plainly, responses, subject

from engine.crossproducts import CrossProducts
from engine.exam import Item, Subject
from engine.rules import void
from engine.scorematrix import score_matrix
from engine.scoring import score
from engine.sp import student_problem_table


@settings(deadline=None)
@given(papers())
def test_equals_the_plain_way(paper: tuple[Subject, list[dict]]) -> None:
    paper, rows = paper
    points, _ = plainly(paper, rows)
    found = score_matrix(score(paper, responses(paper, rows, 7)).scores, paper)
    kept = [j for j, item in enumerate(paper.items) if void(item) != "drop"]
    np.testing.assert_array_equal(found.points, matrix(paper, points, rows)[:, kept] * 0.5)
    assert found.items == [paper.items[j].item for j in kept]
    assert found.full.tolist() == [float(paper.items[j].max) for j in kept]
    assert found.students == [f"s{i:04}" for i, row in enumerate(rows) if row["status"] == "read"]
    assert CrossProducts.of(found.points, paper.step).persons == len(found.students)


def test_from_answers_to_an_sp_table() -> None:
    items = [
        Item(item="q", type="single", max=Fraction(3), key="A"),
        Item(item="c", type="constructed", max=Fraction(5)),
    ]
    paper = subject(*items)
    rows = [
        {"q": "B", "c": "3"},
        {"q": "A", "c": "2.5"},
        {"q": "A", "c": "5"},
        {"q": None, "c": None, "status": "absent"},
    ]
    students, names, points, full = score_matrix(score(paper, responses(paper, rows)).scores, paper)
    table = student_problem_table(points, pupils=students, items=names, full=full)
    assert table.pupils["pupil"].to_pylist() == ["s0002", "s0000", "s0001"]
    assert table.s_curve.tolist() == [2, 1, 1]
    assert table.p_curve.tolist() == [2, 2]
