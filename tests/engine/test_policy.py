"""What may be published, by stage: columns, small units, and cells that a difference would betray."""

from __future__ import annotations

import datetime
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_totals import cohort, totals

from engine import tables
from engine.exam import Exam, GradeRule, Lines, PolicyRule, ScaleRule, ScoreLine
from engine.policy import PUBLISHED, Policy, policy_of, published
from engine.scale import Cohort
from engine.scale.denominator import Denominator
from engine.scale.distribution import bands, segments, spread
from engine.scale.grades import grade_table, level_grades
from engine.scale.lines import draw, line_table
from engine.scale.standing import standing
from engine.units import unit_statistics

JUNIOR = Policy(scores=False, teacher_scores=False, ranks=False, family_rank=False, lines=False, min_cell=5)
SENIOR = Policy(scores=True, teacher_scores=True, ranks=True, family_rank=False, lines=True, min_cell=5)
RANKS = {"rank_exam", "rank_category", "rank_county", "rank_school", "rank_class"}


def exam(stage: str, **rule: object) -> Exam:
    about = {"id": "x", "title": "x", "date": datetime.date(2026, 1, 1), "folder": Path("."), "subjects": ()}
    return Exam(**about, roster=pa.table({}), stage=stage, policy=PolicyRule(**rule))


def places(classes: list[str]) -> Cohort:
    return cohort(len(classes), [("东", "一中", klass) for klass in classes])


def made(points: list[int | None], classes: list[str]) -> dict[str, pa.Table]:
    """Every table that is published, of one subject."""
    one = totals(points, of=places(classes))
    levels = level_grades(one, GradeRule(), Lines())
    return {
        "standing": standing(one, levels, ScaleRule()),
        "units": unit_statistics(one, Lines()),
        "segments": segments(one),
        "bands": bands(one),
        "spread": spread(one),
        "grades": grade_table(one, levels),
        "lines": line_table(draw(ScoreLine(name="线", score=60), one), one, (), Denominator()),
    }


def test_the_stage_sets_the_policy() -> None:
    for stage in ("primary", "junior"):
        assert policy_of(exam(stage)) == JUNIOR
        assert policy_of(exam(stage, lines=True)).lines
        assert not policy_of(exam(stage, family_rank=True)).family_rank
        assert not policy_of(exam(stage, teacher_scores=True)).scores
        assert policy_of(exam(stage, teacher_scores=True)).teacher_scores
    assert policy_of(exam("senior")) == SENIOR
    assert not policy_of(exam("senior", lines=False)).lines
    assert policy_of(exam("senior", family_rank=True, min_cell=10)).min_cell == 10


def filled(table: pa.Table) -> set[str]:
    return {name for name in table.column_names if table[name].null_count < len(table)}


def test_families_get_a_grade_in_the_compulsory_stages() -> None:
    table = made([90, 70, None], ["1"] * 3)["standing"]
    shown = published("standing", table, JUNIOR)
    assert shown.schema.equals(table.schema)
    assert filled(shown) == {"subject", "student_id", "status", "level_grade"}
    assert shown["level_grade"].to_pylist() == ["excellent", "passing", None]
    senior = filled(published("standing", table, SENIOR))
    assert {"score", "percentile", "z"} <= senior and not senior & RANKS
    told = Policy(**{**vars(SENIOR), "family_rank": True})
    assert {"rank_exam", "rank_class"} <= filled(published("standing", table, told))


def test_figures_of_few_pupils_are_not_published() -> None:
    """Class 1 has four pupils, class 2 five."""
    tables_made = made([90, 80, 70, 60, 50, 55, 65, 75, 85], ["1"] * 4 + ["2"] * 5)
    for policy in (JUNIOR, SENIOR):
        for name in ("units", "spread", "lines"):
            shown = published(name, tables_made[name], policy)
            assert shown.schema.equals(tables.SCHEMAS[name])
            one, two = (next(row for row in shown.to_pylist() if row["unit"] == unit) for unit in ("一中/1", "一中/2"))
            figures = {"mean", "sd", "rate", "excellent", "cv", "z", "median", "above", "both", "low"} & set(one)
            assert figures and all(one[figure] is None for figure in figures)
            assert any(two[figure] is not None for figure in figures)
        for name in ("bands", "grades"):
            units = published(name, tables_made[name], policy)["unit"].to_pylist()
            assert "一中/2" in units and "一中/1" not in units


def test_a_small_class_is_not_betrayed_by_its_school() -> None:
    """The third class has one pupil: its mean is that of the school less the others, so the next smallest goes too."""
    classes = ["1"] * 7 + ["2"] * 6 + ["3"]
    rows = made(list(range(60, 74)), classes)["units"]
    shown = {row["unit"]: row for row in published("units", rows, JUNIOR, places(classes).parents()).to_pylist()}
    means = {unit: row["mean"] for unit, row in shown.items()}
    assert means == {"": 66.5, "东": 66.5, "一中": 66.5, "一中/1": 63, "一中/2": None, "一中/3": None}
    assert [shown[f"一中/{klass}"]["n"] for klass in "123"] == [7, 6, 1]


def test_what_a_unit_is_a_part_of() -> None:
    of = cohort(4, [("东", "甲", "1"), ("东", "甲", "2"), ("西", "乙", "1"), ("东", "乙", "2")])
    assert of.parents() == {
        **{("class", unit): ("school", unit[0]) for unit in ("甲/1", "甲/2", "乙/1", "乙/2")},
        ("school", "甲"): ("county", "东"),  # 乙 has pupils in two counties
        ("county", "东"): ("exam", ""),
        ("county", "西"): ("exam", ""),
    }


def test_single_scores_do_not_show_in_the_figures_of_units() -> None:
    tables_made = made(list(range(40, 60)), ["1"] * 20)
    assert published("segments", tables_made["segments"], JUNIOR).num_rows == 0
    assert published("segments", tables_made["segments"], SENIOR).num_rows > 0
    assert not filled(published("spread", tables_made["spread"], JUNIOR)) & {"minimum", "maximum"}
    assert not filled(published("grades", tables_made["grades"], JUNIOR)) & {"low", "high"}
    assert published("grades", tables_made["grades"], SENIOR).equals(tables_made["grades"])


def test_the_paper_is_told_without_the_best_and_the_worst() -> None:
    row = {"subject": ["maths"], "n": [20], "mean": [60.0], "lowest": [12.5], "highest": [99.5]}
    table = tables.build("reliability", row)
    assert filled(published("reliability", table, JUNIOR)) == {"subject", "n", "mean"}
    assert published("reliability", table, SENIOR).equals(table)


def test_a_cell_is_not_betrayed_by_the_sum() -> None:
    """20 pupils: one is excellent, six good, six passing, seven to improve. One alone is 20 less the others."""
    points = [90] + [78] * 6 + [65] * 6 + [30] * 7
    shown = published("grades", made(points, ["1"] * 20)["grades"], JUNIOR).to_pylist()
    counts = {row["grade"]: row["count"] for row in shown if row["level"] == "exam"}
    assert counts == {"excellent": None, "good": None, "passing": 6, "improve": 7}
    bands_shown = [row for row in published("bands", made(points, ["1"] * 20)["bands"], JUNIOR).to_pylist()]
    whole = {row["low"]: row for row in bands_shown if row["level"] == "exam"}
    assert [whole[low]["count"] for low in (90, 80, 70, 60, 30)] == [None, 0, None, 6, 7]
    assert {row["cumulative"] for row in whole.values()} == {None}  # differences of them are the counts
    assert all((row["share"] is None) == (row["count"] is None) for row in whole.values())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from("123")), min_size=1, max_size=60), st.integers(1, 8))
def test_what_is_hidden_cannot_be_worked_out(pupils: list[tuple[int, str]], least: int) -> None:
    policy = Policy(**{**vars(JUNIOR), "min_cell": least})
    whole = made([points for points, _ in pupils], [klass for _, klass in pupils])
    for name in ("bands", "grades"):
        true: dict[tuple, dict] = defaultdict(dict)
        for row in whole[name].to_pylist():
            true[row["level"], row["unit"]][row.get("grade", row["low"])] = row["count"]
        seen: dict[tuple, dict] = defaultdict(dict)
        parents = places([klass for _, klass in pupils]).parents()
        for row in published(name, whole[name], policy, parents).to_pylist():
            seen[row["level"], row["unit"]][row.get("grade", row["low"])] = row["count"]
        sizes = {unit: sum(cells.values()) for unit, cells in true.items()}
        small = [unit for unit in sizes if sizes[unit] < least]
        others = sorted(sizes[unit] for unit in sizes if unit[0] == "class" and unit not in small)
        withheld = set(sizes) - set(seen)
        if sum(unit[0] == "class" for unit in small) == 1 and others:
            assert sorted(sizes[unit] for unit in withheld) == sorted([others[0], *(sizes[unit] for unit in small)])
        else:
            assert withheld == set(small)
        for unit, cells in seen.items():
            hidden = [cell for cell, count in cells.items() if count is None]
            assert all(count is None or count == 0 or count >= least for count in cells.values())
            assert len(hidden) != 1
            for cell, count in cells.items():
                assert count is None or count == true[unit][cell]
            # Nothing is hidden without need: only small cells, and at most one more.
            assert sum(true[unit][cell] >= least for cell in hidden) <= 1


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("policy", [JUNIOR, SENIOR])
def test_nothing_to_publish(name: str, policy: Policy) -> None:
    shown = published(name, tables.empty(name), policy)
    assert shown.num_rows == 0 and shown.schema.equals(tables.SCHEMAS[name])
