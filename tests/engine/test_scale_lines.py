"""Score lines: the worked example of 单科有效分, lines by count with ties, 双上线 by hand, 临界生."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_totals import cohort, totals

from engine import tables
from engine.errors import InputError
from engine.exam import ScoreLine, TotalRule
from engine.scale import composite
from engine.scale.denominator import Denominator
from engine.scale.lines import borderline, draw, line_table, subject_line
from engine.scale.standing import profile

TENTH = Fraction(1, 10)


def line(**keys) -> ScoreLine:
    return ScoreLine(**{"name": "本科", **keys})


def test_effective_scores_of_the_worked_example() -> None:
    """T0 626, P1 631.1, k 0.99192; means 119.4, 141.1 and 71.9 give 118.4, 140.0 and 71.3."""
    of = cohort(4)
    columns = {  # the first two reach the line; their means are the example's
        "chinese": ["119.0", "119.8", "90", "80"],
        "maths": ["140.1", "142.1", "95", "100"],
        "history": ["71.8", "72.0", "60", "50"],
        "others": ["295.3", "302.1", "300", "290"],
    }
    parts = [totals(points, step=TENTH, full=400, code=code, of=of) for code, points in columns.items()]
    total = composite(parts, TotalRule())
    drawn = draw(line(score=626), total)
    assert drawn.above.tolist() == [True, True, False, False]
    assert float(total.points(total.total)[:2].mean()) == pytest.approx(631.1)
    assert round(float(drawn.score / Fraction("631.1")), 5) == 0.99192
    found = [round(float(subject_line(drawn, total, part)), 1) for part in parts[:3]]
    assert found == [118.4, 140.0, 71.3]


@pytest.mark.parametrize(
    ("count", "ties", "score", "above"),
    [
        (1, "include", 100, 1),
        (2, "include", 90, 3),
        (3, "include", 90, 3),
        (2, "exclude", 100, 1),
        (3, "exclude", 90, 3),
        (9, "include", 70, 5),
        (9, "exclude", 70, 5),
    ],
)
def test_lines_by_count(count: int, ties: str, score: int, above: int) -> None:
    drawn = draw(line(count=count, ties=ties), totals([100, 90, 90, 80, 70, None]))
    assert (drawn.score, drawn.above.sum()) == (score, above)


def test_lines_that_nobody_can_reach() -> None:
    drawn = draw(line(count=1, ties="exclude"), totals([90, 90]))
    assert drawn.score is None and not drawn.above.any()
    assert borderline(drawn, totals([90, 90])).num_rows == 0
    rows = line_table(drawn, totals([90, 90]), (), Denominator()).to_pylist()
    assert [(row["score"], row["above"], row["rate"]) for row in rows if row["level"] == "exam"] == [(None, 0, 0)]
    assert draw(line(count=5), totals([None])).score is None


def test_both_lines_by_hand() -> None:
    """Five reach 140 in total. Maths has the line 63, chinese 73 (by rank); who reaches what is counted below."""
    places = [("东", "甲", "1")] * 4 + [("西", "乙", "1")] * 4
    of = cohort(8, places)
    maths = totals([90, 80, 70, 62, 63, 40, 95, None], of=of)
    chinese = totals([80, 70, 75, 78, 90, 73, 30, 60], code="chinese", of=of)
    total = composite([maths, chinese], TotalRule())
    assert total.total[:7].tolist() == [170, 150, 145, 140, 153, 113, 125]
    drawn = draw(line(score=140, subject_lines="same_rank"), total)
    lines = {part.code: subject_line(drawn, total, part) for part in (maths, chinese)}
    assert lines == {"maths": 63, "chinese": 73}  # of seven who took both, the fifth in each
    table = line_table(drawn, total, [maths, chinese], Denominator("registered"))
    assert table.schema.equals(tables.SCHEMAS["lines"])
    rows = {(row["subject"], row["level"], row["unit"]): row for row in table.to_pylist()}
    whole = rows["total", "exam", ""]
    assert [whole[name] for name in ("score", "of", "above", "rate")] == [140, 8, 5, 5 / 8]
    assert whole["both"] is whole["hit_rate"] is whole["contribution"] is None
    # maths: 90, 80, 70, 63, 95 are above; of these the first four reach the total as well
    assert told(rows["maths", "exam", ""]) == (63, 8, 5, 5, 4, 5 / 8, 4 / 5, 4 / 5)
    assert told(rows["maths", "school", "甲"]) == (63, 4, 3, 4, 3, 3 / 4, 1, 3 / 4)
    assert told(rows["maths", "school", "乙"]) == (63, 4, 2, 1, 1, 2 / 4, 1 / 2, 1)
    assert told(rows["chinese", "exam", ""]) == (73, 8, 5, 5, 4, 5 / 8, 4 / 5, 4 / 5)
    for row in line_table(drawn, total, [maths], Denominator()).to_pylist():
        assert row["level"] != "exam" or (row["denominator"], row["of"]) == ("present", 7)


def told(row: dict) -> tuple:
    return tuple(
        row[name] for name in ("score", "of", "above", "total_above", "both", "rate", "hit_rate", "contribution")
    )


def test_who_has_no_score_in_a_subject_is_not_above_the_total_there() -> None:
    """The second reaches the total without chinese, which counts 0."""
    of = cohort(3)
    parts = [totals([90, 95, 20], of=of), totals([60, None, 10], code="chinese", of=of)]
    total = composite(parts, TotalRule(absent="zero"))
    rows = line_table(draw(line(score=95), total), total, parts, Denominator()).to_pylist()
    counts = {row["subject"]: (row["total_above"], row["both"]) for row in rows if row["level"] == "exam"}
    assert counts == {"total": (None, None), "maths": (2, 2), "chinese": (1, 1)}


def test_a_line_for_one_kind_of_candidates() -> None:
    of = cohort(5, kind=["物理", "物理", "历史", "历史", ""])
    total = totals([500, 400, 450, 300, 480], full=750, code="total", of=of)
    drawn = draw(line(count=1, category="历史"), total)
    assert drawn.score == 450 and drawn.above.tolist() == [False, False, True, False, False]
    rows = {(row["level"], row["unit"]): row for row in line_table(drawn, total, (), Denominator()).to_pylist()}
    assert [(rows["exam", ""][name]) for name in ("above", "of")] == [1, 2]
    assert ("category", "物理") not in rows and rows["category", "历史"]["rate"] == 0.5
    for cohort_, known in ((of, "历史, 物理"), (cohort(5), "scale.category")):
        with pytest.raises(InputError, match="category '艺术'") as caught:
            draw(line(count=1, category="艺术"), totals([1, 2, 3, 4, 5], of=cohort_))
        assert known in caught.value.mend


def test_pupils_near_a_line() -> None:
    of = cohort(5)
    maths = totals([80, 50, 60, 49, 30], of=of)
    chinese = totals([60, 75, 50, 55, 50], code="chinese", of=of)
    total = composite([maths, chinese], TotalRule())  # 140, 125, 110, 104, 80: percentiles 90, 70, 50, 30, 10
    compared = profile([maths, chinese], total)
    drawn = draw(line(score=115, within=10), total)
    found = borderline(drawn, total, compared)
    assert found.schema.equals(tables.SCHEMAS["borderline"])
    near = [[row[name] for name in ("student_id", "score", "distance", "weak_subject")] for row in found.to_pylist()]
    assert near == [["p0001", 125, 10, "maths"], ["p0002", 110, -5, "chinese"]]
    assert found["weak_gap"].to_pylist() == pytest.approx([50 - 70, 20 - 50])
    by_rank = draw(line(score=115, within_rank=0.25), total)  # a quarter of five: one place to either side
    ids = borderline(by_rank, total, compared)["student_id"].to_pylist()
    assert ids == ["p0001", "p0002"]
    wide = draw(line(score=115, within_rank=0.4), total)
    assert borderline(wide, total, compared)["student_id"].to_pylist() == ["p0000", "p0001", "p0002", "p0003"]
    assert borderline(drawn, total)["weak_subject"].to_pylist() == [None, None]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 2)), min_size=1, max_size=30),
    st.integers(1, 30),
    st.sampled_from(["effective", "same_rank"]),
)
def test_every_count_of_a_line(pupils: list[tuple[int, int, int]], count: int, how: str) -> None:
    of = cohort(len(pupils), [("东", f"校{school}", "1") for _, _, school in pupils])
    parts = [totals([row[i] for row in pupils], full=50, code=code, of=of) for i, code in enumerate(("a", "b"))]
    total = composite(parts, TotalRule())
    drawn = draw(line(count=count, subject_lines=how), total)
    assert drawn.above.sum() >= min(count, len(pupils))
    assert (total.total[drawn.above] >= drawn.score).all() and (total.total[~drawn.above] < drawn.score).all()
    for row in line_table(drawn, total, parts, Denominator()).to_pylist():
        everybody = row["level"] in ("exam", "county")
        own = [i for i, (_, _, school) in enumerate(pupils) if everybody or f"校{school}" in row["unit"]]
        place = ("a", "b", "total").index(row["subject"])
        points = [sum(pupils[i][:2]) if place == 2 else pupils[i][place] for i in own]
        above = [value >= row["score"] for value in points]
        assert row["above"] == sum(above) and row["of"] == len(own)
        if place < 2:
            both = sum(one and bool(drawn.above[i]) for one, i in zip(above, own, strict=True))
            assert (row["both"], row["total_above"]) == (both, int(np.sum(drawn.above[own])))
            assert both <= min(row["above"], row["total_above"])
