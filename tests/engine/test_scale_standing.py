"""Where pupils stand: the table by hand, grades by cut and by share, and subjects that lag."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_totals import cohort, totals

from engine import tables
from engine.exam import GradeRule, Lines, ScaleRule, TotalRule
from engine.scale import composite, convert, load_scheme
from engine.scale.grades import grade_table, level_grades, scaled_grades
from engine.scale.standing import profile, standing

PLACES = [("东", "甲", "1"), ("东", "甲", "1"), ("东", "甲", "2"), ("西", "乙", "1"), ("西", "乙", "1"), ("", "丙", "")]


def test_standing_by_hand() -> None:
    points, status = [90, 80, 80, 70, 60, None], ["read"] * 4 + ["violation", "absent"]
    one = totals(points, status=status, of=cohort(6, PLACES))
    table = standing(one, level_grades(one, GradeRule(), Lines()), ScaleRule())
    assert table.schema.equals(tables.SCHEMAS["standing"])
    rows = {row["student_id"]: row for row in table.to_pylist()}
    assert len(rows) == 6
    ranks = [[row[f"rank_{unit}"] for unit in ("exam", "county", "school", "class")] for row in rows.values()]
    assert ranks == [[1, 1, 1, 1], [2, 2, 2, 2], [2, 2, 2, 1], [4, 1, 1, 1], [None] * 4, [None] * 4]
    assert [row["percentile"] for row in rows.values()] == [87.5, 50, 50, 12.5, None, None]
    first = rows["p0000"]
    assert (first["score"], first["max"], first["rate"]) == (90, 100, 0.9)
    assert first["z"] == pytest.approx(10 / 50**0.5) and first["t"] == pytest.approx(50 + 100 / 50**0.5)
    assert first["t_normal"] == pytest.approx(50 + 10 * 1.1503494)  # Φ⁻¹(0.875)
    assert [row["level_grade"] for row in rows.values()] == ["excellent", "good", "good", "passing", "passing", None]
    # A violation has a score and a grade, and stands nowhere.
    assert (rows["p0004"]["score"], rows["p0004"]["z"]) == (60, None)
    without = standing(one, level_grades(one, GradeRule(), Lines()), ScaleRule(), ranks=False)
    assert {row["rank_exam"] for row in without.to_pylist()} == {None}
    other = standing(one, level_grades(one, GradeRule(), Lines()), ScaleRule(t_mean=500, t_sd=100, percentile="below"))
    assert other["t"].to_pylist()[0] == pytest.approx(500 + 1000 / 50**0.5)
    assert other["percentile"].to_pylist()[:4] == [75, 25, 25, 0]


def test_equal_scores_stand_at_no_distance() -> None:
    one = totals([50, 50, 50])
    rows = standing(one, level_grades(one, GradeRule(), Lines()), ScaleRule()).to_pylist()
    assert [(row["rank_exam"], row["percentile"], row["z"], row["t"], row["t_normal"]) for row in rows] == [
        (1, 50, None, None, 50)
    ] * 3


def test_scaled_scores_are_in_the_table() -> None:
    one = totals([None, 0, *range(1, 101)], of=cohort(102))
    scheme = load_scheme("3+1+2-2021")
    made = convert(one.total, one.counted, scheme)
    table = standing(
        one, level_grades(one, GradeRule(), Lines()), ScaleRule(), scaled=(made, scaled_grades(scheme, made))
    )
    pairs = list(zip(table["scaled"].to_pylist(), table["scaled_grade"].to_pylist(), strict=True))
    assert pairs[:4] == [(None, None), (0, None), (30, "E"), (40, "E")] and pairs[-1] == (100, "A")
    grades = [row for row in grade_table(one, scaled_grades(scheme, made)).to_pylist() if row["level"] == "exam"]
    assert [row["count"] for row in grades] == [15, 35, 35, 13, 2]
    assert [(row["low"], row["high"]) for row in grades] == [(86, 100), (51, 85), (16, 50), (3, 15), (1, 2)]
    assert [(row["scaled_low"], row["scaled_high"]) for row in grades][-1] == (30, 40)
    assert [row["share"] for row in grades] == [row["ruled"] for row in grades]


def test_grades_by_cut_and_by_share() -> None:
    one = totals([85, "84.5", 60, "59.5", None], step=Fraction(1, 2))
    cut = level_grades(one, GradeRule(names=("A", "B", "C"), cuts=(0.85, 0.6)), Lines())
    assert cut.labels.to_pylist() == ["A", "B", "B", "C", None]
    share = GradeRule(names=("A", "B", "C", "D", "E"), shares=(0.25, 0.25, 0.25, 0.2, 0.05))
    graded = level_grades(totals(range(20)), share, Lines())
    assert [graded.labels.to_pylist().count(name) for name in "ABCDE"] == [5, 5, 5, 4, 1]
    # The second and third share a score: a third of the pupils is A, and both are better than a third.
    tied = level_grades(totals([3, 2, 2]), GradeRule(names=("A", "B"), shares=(0.5, 0.5)), Lines())
    assert tied.labels.to_pylist() == ["A", "A", "A"]
    rows = [row for row in grade_table(one, cut).to_pylist() if row["level"] == "school"]
    assert [(row["grade"], row["count"], row["share"], row["low"], row["high"]) for row in rows] == [
        ("A", 1, 0.25, 85, 85),
        ("B", 2, 0.5, 60, 84.5),
        ("C", 1, 0.25, 59.5, 59.5),
    ]
    assert {row["ruled"] for row in rows} == {None}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.sets(st.integers(1, 99), max_size=5))
def test_grades_by_share_are_filled_from_the_top(points: list[int], bounds: set[int]) -> None:
    upto = [*sorted(bounds), 100]
    shares = tuple((high - low) / 100 for low, high in itertools.pairwise([0, *upto]))
    rule = GradeRule(names=tuple("ABCDEF"[: len(upto)]), shares=shares)
    graded = level_grades(totals(points, full=30), rule, Lines())
    for place, one in zip(graded.place, points, strict=True):
        ahead = sum(other > one for other in points)
        assert place == next(k for k, bound in enumerate(upto) if 100 * ahead < bound * len(points))


def test_the_lagging_subject() -> None:
    of = cohort(5)
    maths = totals([80, 50, 60, 49, None], of=of)
    chinese = totals([60, 75, 50, 55, 99], code="chinese", of=of)
    compared = profile([maths, chinese], composite([maths, chinese], TotalRule()))
    # Totals 140, 125, 110, 104 and none: percentiles 87.5, 62.5, 37.5, 12.5; maths 87.5, 37.5, 62.5, 12.5.
    assert compared.gap[0].tolist() == pytest.approx([0, -25, 25, 0, np.nan], nan_ok=True)
    # Chinese 60 of 50, 55, 60, 75, 99 has 50, and so on.
    assert compared.gap[1].tolist() == pytest.approx([-37.5, 7.5, -27.5, 17.5, np.nan], nan_ok=True)
    assert compared.weak_subject.to_pylist() == ["chinese", "maths", "chinese", None, None]
    z = [(np.array(x) - np.mean(x)) / np.std(x) for x in ([80, 50, 60, 49], [60, 75, 50, 55, 99])]
    assert compared.z_range[:4] == pytest.approx(abs(z[0] - z[1][:4])) and np.isnan(compared.z_range[4])
    total = composite([maths, chinese], TotalRule())
    levels = level_grades(total, GradeRule(), Lines())
    rows = standing(total, levels, ScaleRule(uneven=1.0), compared=compared).to_pylist()
    assert [row["weakest"] for row in rows] == ["chinese", "maths", "chinese", None, None]
    assert [row["uneven"] for row in rows] == [None if np.isnan(r) else bool(r >= 1) for r in compared.z_range]
    assert rows[0]["gap"] is None
    rows = standing(maths, level_grades(maths, GradeRule(), Lines()), ScaleRule(), compared=compared).to_pylist()
    assert [row["gap"] for row in rows] == [0, -25, 25, 0, None] and rows[0]["z_range"] is None


def test_nobody_has_a_score() -> None:
    one = totals([None, None])
    rows = standing(one, level_grades(one, GradeRule(), Lines()), ScaleRule()).to_pylist()
    assert [(row["status"], row["score"], row["percentile"], row["level_grade"]) for row in rows] == [
        ("absent", None, None, None)
    ] * 2
    compared = profile([one, one], composite([one, one], TotalRule()))
    assert compared.weak_subject.to_pylist() == [None, None]
    assert grade_table(one, level_grades(one, GradeRule(names=("A", "B"), shares=(0.5, 0.5)), Lines())).num_rows == 0
