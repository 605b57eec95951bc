"""All scales of an exam: the composite in every table, who takes what, populations of 等级赋分."""

from __future__ import annotations

import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from engine import tables
from engine.choices import takers
from engine.errors import InputError
from engine.exam import Exam, Item, ScaleRule, ScoreLine, Subject, TotalRule
from engine.scale import denominator_of, exam_totals, scale, too_few
from engine.scale.exam import MADE

N = 60
NAMES = {"chinese": "语文", "physics": "物理", "history": "历史", "politics": "政治"}
CHOICES = ["物理、政治", "历史、政治", "物理"] * (N // 3)


def roster() -> pa.Table:
    return pa.table(
        {
            "student_id": [f"p{i:03}" for i in range(N)],
            "name": ["x"] * N,
            "class": [f"{i % 4}班" for i in range(N)],
            "school": ["甲" if i % 4 < 2 else "乙" for i in range(N)],
            "county": ["东"] * N,
            "candidate_no": [f"p{i:03}" for i in range(N)],
            "选科": CHOICES,
            "kind": ["历史类" if "历史" in choice else "物理类" for choice in CHOICES],
        }
    )


def make(**keys) -> Exam:
    item = Item(item="1", type="constructed", max=Fraction(100))
    schemes = {"politics": "3+1+2-2021"}
    subjects = tuple(
        Subject(code=code, name=name, folder=Path("."), items=(item,), scheme=schemes.get(code, ""))
        for code, name in NAMES.items()
    )
    about = {"id": "x", "title": "x", "date": datetime.date(2026, 1, 1), "folder": Path("/nowhere"), "stage": "senior"}
    return Exam(**{**about, "subjects": subjects, "roster": roster(), "choices": "选科", **keys})


def scores(exam: Exam) -> list[pa.Table]:
    rng = np.random.default_rng(2)
    found = []
    for subject in exam.subjects:
        there = np.array([subject.code == "chinese" or subject.name in choice for choice in CHOICES])
        total = rng.integers(1, 100, N)
        columns = {
            "student_id": roster()["student_id"],
            "status": np.where(there, "read", "missing"),
            "1": total,
            "total": pa.array(total, mask=~there),
        }
        found.append(pa.table(columns))
    return found


def test_every_table_has_the_composite() -> None:
    exam = make(score_lines=(ScoreLine(name="本科", count=20),), scale=ScaleRule(category="kind"))
    made = scale(exam, exam_totals(exam, scores(exam)))
    assert set(made) == set(MADE)
    for name, table in made.items():
        assert table.schema.equals(tables.SCHEMAS[name])
        codes = {"total"} if name == "borderline" else {*NAMES, "total"}
        assert set(table["subject"].to_pylist()) == codes
        for column in table.columns:
            assert not pa.types.is_floating(column.type) or np.isfinite(column.drop_null()).all()
    rows = [row for row in made["standing"].to_pylist() if row["subject"] == "total"]
    assert len(rows) == N and {row["status"] for row in rows} == {"read"}
    ranks = sorted(row["rank_category"] for row in rows if row["student_id"] == "p001" or row["rank_category"] == 1)
    assert ranks[0] == 1 and max(row["rank_category"] for row in rows) <= 40
    assert {row["level"] for row in made["segments"].to_pylist()} == {"exam", "category", "county", "school"}


def test_a_total_is_of_the_subjects_taken() -> None:
    exam = make()
    found = exam_totals(exam, scores(exam))
    by_code = {one.code: one for one in found.all}
    assert by_code["history"].entered.sum() == by_code["history"].counted.sum() == N // 3
    total, politics = by_code["total"], found.scaled["politics"][1].score
    assert total.full.tolist()[:3] == [300, 300, 200] and total.full_mark == 300
    raw = [table["total"].fill_null(0).to_numpy() for table in scores(exam)]
    assert total.total[:3].tolist() == [
        raw[0][0] + raw[1][0] + politics[0],
        raw[0][1] + raw[2][1] + politics[1],
        raw[0][2] + raw[1][2],
    ]
    plain = make(total=TotalRule(scaled=False, subjects=("chinese", "politics")))
    assert exam_totals(plain, scores(plain)).total.total[0] == raw[0][0] + raw[3][0]
    assert exam_totals(make(total=TotalRule(subjects=("chinese",))), scores(exam)).total is None


def test_what_pupils_chose() -> None:
    table = roster().slice(0, 4)
    for cells, expected in [
        (["物理、政治", "历史 政治", "物", "历政"], [[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 0, 1]]),
        (["physics+politics", "", "物政", "历史"], [[1, 0, 1, 0], [0, 0, 0, 1], [1, 0, 1, 0]]),
    ]:
        exam = make(roster=table.set_column(6, "选科", pa.array(cells)))
        found = takers(exam)
        assert found["chinese"].all()
        assert [found[code].astype(int).tolist() for code in ("physics", "history", "politics")] == expected
    for cell in ("生物", "物生", "物理、生"):
        with pytest.raises(InputError, match=cell) as caught:
            takers(make(roster=table.set_column(6, "选科", pa.array([cell, "", "", ""]))))
        assert "物理" in caught.value.mend
    assert all(who.all() for who in takers(make(choices="")).values())


def test_conversion_within_schools() -> None:
    """Politics is 等级赋分; within a school the best of the school becomes 100, in the exam only the best of all."""
    whole, apart = make(), make(scale=ScaleRule(base="school"))
    school = np.array(roster()["school"].to_pylist())
    for exam, best in ((whole, 1), (apart, 2)):
        found = exam_totals(exam, scores(exam))
        one = next(one for one in found.subjects if one.code == "politics")
        made = found.scaled["politics"][1].score
        for name in ("甲", "乙"):
            members = one.counted & (school == name)
            assert (np.diff(made[members][np.argsort(one.total[members])]) >= 0).all()
        tops = [made[one.counted & (school == name)].max() == 100 for name in ("甲", "乙")]
        assert sum(tops) == best
    (told,) = too_few(apart, exam_totals(apart, scores(apart)))
    assert "politics" in told and "50" in told
    everybody = make(choices="", total=TotalRule(subjects=("chinese",)))
    assert len(too_few(everybody, exam_totals(everybody, scores(everybody)))) == 1


def test_results_do_not_depend_on_the_order_of_rows() -> None:
    exam = make(score_lines=(ScoreLine(name="本科", count=20),), total=TotalRule(absent="pro_rata"))
    order = np.random.default_rng(4).permutation(N)
    mixed = make(score_lines=exam.score_lines, total=exam.total, roster=exam.roster.take(order))
    one = scale(exam, exam_totals(exam, scores(exam)))
    shuffled = [table.take(np.random.default_rng(i).permutation(N)) for i, table in enumerate(scores(exam))]
    other = scale(mixed, exam_totals(mixed, shuffled))
    for name in MADE:
        keys = [(key, "ascending") for key in ("subject", "student_id") if key in one[name].column_names]
        if name in ("standing", "borderline"):
            assert one[name].sort_by(keys).equals(other[name].sort_by(keys))
        else:
            assert one[name].equals(other[name])


def test_the_compulsory_stage_makes_no_ranks_and_no_lines() -> None:
    exam = make(stage="junior", score_lines=(ScoreLine(name="普高", count=20),))
    made = scale(exam, exam_totals(exam, scores(exam)))
    assert made["lines"].num_rows == made["borderline"].num_rows == 0
    ranks = [name for name in made["standing"].column_names if name.startswith("rank_")]
    assert len(ranks) == 5 and all(made["standing"][name].null_count == made["standing"].num_rows for name in ranks)


def test_rates_of_the_enrolled_need_to_know_them(tmp_path: Path) -> None:
    exam = make(folder=tmp_path, lines={"of": "enrolled"})
    found = exam_totals(exam, scores(exam))
    with pytest.raises(InputError, match=r"no enrolment\.csv"):
        denominator_of(exam, found.cohort)
    (tmp_path / "enrolment.csv").write_text("school,enrolled\n甲,40\n乙,50\n", "utf-8")
    denominator = denominator_of(exam, found.cohort)
    assert denominator.of(found.subjects[0], "exam").tolist() == [90]
