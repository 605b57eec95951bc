"""The figures of schools and classes, by hand."""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from papers import HALF, responses, subject

from engine import tables
from engine.exam import Item, Lines
from engine.scale import Cohort, Totals
from engine.scoring import score
from engine.units import unit_statistics


def test_units() -> None:
    paper = subject(Item(item="q", type="constructed", max=Fraction(20)), step=HALF)
    places = [("甲", "1"), ("甲", "1"), ("甲", "2"), ("乙", "1"), ("乙", "1"), ("", "")]
    points = ["17", "12", "11.5", "7.5", "8", "20"]
    rows = [{"q": value} for value in points]
    rows[4]["status"] = "violation"
    scores = score(paper, responses(paper, rows)).scores
    roster = pa.table(
        {
            "student_id": [f"s{i:04}" for i in range(6)][::-1],
            "school": [school for school, _ in places][::-1],
            "class": [group for _, group in places][::-1],
            "county": ["东"] * 6,
        }
    )
    table = unit_statistics(Totals.of(paper, scores, Cohort.of(roster)), Lines())
    assert table.schema.equals(tables.SCHEMAS["units"])
    found = {(row["level"], row["unit"]): row for row in table.to_pylist()}
    assert list(found) == [
        ("exam", ""),
        ("county", "东"),
        ("school", "乙"),
        ("school", "甲"),
        ("class", "乙/1"),
        ("class", "甲/1"),
        ("class", "甲/2"),
    ]
    school = found["school", "甲"]
    assert (school["registered"], school["n"]) == (3, 3)
    assert school["mean"] == pytest.approx(13.5)
    assert school["sd"] == pytest.approx(np.std([17, 12, 11.5]))
    assert school["rate"] == pytest.approx(13.5 / 20)
    # 17 is 85 % and 12 is 60 % of 20: a line belongs to the higher side
    rates = [school[name] for name in ("excellent", "good", "passing", "low")]
    assert rates == pytest.approx([1 / 3, 1 / 3, 2 / 3, 0])
    other = found["school", "乙"]  # 8 is a violation, 7.5 below 40 %
    assert (other["registered"], other["n"], other["mean"], other["low"]) == (2, 1, 7.5, 1.0)
    assert found["exam", ""]["n"] == 5


def test_units_of_nobody() -> None:
    paper = subject(Item(item="q", type="constructed", max=Fraction(20)))
    scores = score(paper, responses(paper, [{"q": None, "status": "absent"}])).scores
    roster = pa.table({"student_id": ["s0000"], "school": ["甲"], "class": ["1"], "county": [""]})
    rows = unit_statistics(Totals.of(paper, scores, Cohort.of(roster)), Lines()).to_pylist()
    assert [(row["level"], row["registered"], row["n"], row["mean"], row["low"]) for row in rows] == [
        ("exam", 1, 0, None, None),
        ("school", 1, 0, None, None),
        ("class", 1, 0, None, None),
    ]
