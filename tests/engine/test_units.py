"""The figures of schools and classes, by hand."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_totals import cohort, totals
from papers import HALF, responses, subject

from engine import tables
from engine.errors import InputErrors
from engine.exam import Item, Lines, Merit, TotalRule
from engine.scale import Cohort, Totals, composite
from engine.scale.denominator import Denominator, load_enrolment
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


def test_the_tables_of_a_city() -> None:
    """差异系数 16.99 / 63.20 → 26.88, and 平均标准分 of a school with mean 79.54 → 0.96, as a city published them."""
    places = [("", "甲", ""), ("", "乙", ""), ("", "乙", "")]
    one = totals(["79.54", "70.286", "39.774"], step=Fraction(1, 1000), of=cohort(3, places))
    found = {(row["level"], row["unit"]): row for row in unit_statistics(one, Lines()).to_pylist()}
    city, school = found["exam", ""], found["school", "甲"]
    assert (round(city["mean"], 2), round(city["sd"], 2)) == (63.20, 16.99)
    assert (round(city["cv"], 2), city["z"], city["ratio"]) == (26.88, 0, 1)
    assert (school["mean"], round(school["z"], 2), round(school["ratio"], 4)) == (79.54, 0.96, 1.2585)
    assert school["cv"] == 0


def test_rates_and_their_denominators() -> None:
    """Of five registered three sat it; seven are on the books. Who has no score is no less low than others."""
    one = totals([90, 60, 30, None, None])
    books = {"exam": np.array([7]), "school": np.array([7]), "class": np.array([-1])}
    for kind, of, rates in [
        ("present", 3, [1 / 3, 1 / 3, 2 / 3, 1 / 3]),
        ("registered", 5, [1 / 5, 1 / 5, 2 / 5, 3 / 5]),
        ("enrolled", 7, [1 / 7, 1 / 7, 2 / 7, 5 / 7]),
    ]:
        merit = Merit(rate=4, excellent=3, passing=3)
        table = unit_statistics(one, Lines(), Denominator(kind, books), merit)
        found = {row["level"]: row for row in table.to_pylist()}
        row = found["school"]
        assert [row[name] for name in ("excellent", "good", "passing", "low")] == pytest.approx(rates)
        assert (row["denominator"], row["of"], row["n"], row["registered"], row["enrolled"]) == (kind, of, 3, 5, 7)
        assert row["merit"] == pytest.approx(100 * (0.4 * 0.6 + 0.3 * rates[0] + 0.3 * rates[2]))
        by_class = found["class"]
        assert (by_class["of"] is None) == (by_class["low"] is None) == (kind == "enrolled")
    assert unit_statistics(one, Lines()).to_pylist()[0]["merit"] is None
    safe = unit_statistics(one, Lines(), merit=Merit(low=1)).to_pylist()[0]
    assert safe["merit"] == pytest.approx(100 * (1 - safe["low"]))


def test_the_composite_is_a_subject_like_others() -> None:
    of = cohort(2)
    parts = [totals(["10.5", 20], step=HALF, of=of), totals([30, 40], full=150, code="english", of=of)]
    rows = unit_statistics(
        composite(parts, TotalRule()), Lines(excellent=0.2, good=0.2, passing=0.2, low=0.2)
    ).to_pylist()
    assert [(row["subject"], row["mean"], row["rate"], row["passing"]) for row in rows if row["level"] == "exam"] == [
        ("total", 50.25, 50.25 / 250, 0.5)
    ]


def test_enrolment(tmp_path: Path) -> None:
    places = [("东", "甲", "1"), ("东", "甲", "2"), ("东", "乙", "1"), ("西", "丙", "1")]
    of = cohort(4, places)
    assert load_enrolment(tmp_path, of) == {}
    path = tmp_path / "enrolment.csv"
    path.write_text("学校,班级,在籍人数\n甲,1,40\n甲,2,38\n乙,,52\n", "utf-8")
    found = load_enrolment(tmp_path, of)
    assert dict(zip(of.levels["school"].names, found["school"].tolist(), strict=True)) == {"甲": 78, "乙": 52, "丙": -1}
    assert dict(zip(of.levels["county"].names, found["county"].tolist(), strict=True)) == {"东": 130, "西": -1}
    assert found["exam"].tolist() == [-1]
    path.write_text("学校,班级,在籍人数\n甲,1,40\n甲,,80\n乙,,52\n丙,1,30\n", "utf-8")
    assert load_enrolment(tmp_path, of)["exam"].tolist() == [162]
    path.write_text("学校,班级,在籍人数\n甲,3,40\n丁,,80\n乙,,很多\n", "utf-8")
    with pytest.raises(InputErrors) as caught:
        load_enrolment(tmp_path, of)
    assert [(error.row, error.column) for error in caught.value.errors] == [(2, "班级"), (3, "学校"), (4, "在籍人数")]
