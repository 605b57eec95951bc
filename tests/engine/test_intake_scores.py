"""engine.intake.scores: 成绩表."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from intake_files import ROSTER, Rows, exam_with_roster, xlsx

from engine.errors import InputError
from engine.intake.context import Context
from engine.intake.draft import Draft
from engine.intake.people import Given
from engine.intake.scores import draft_scores

IDS = [row[0] for row in ROSTER[1:]]
FULL = {"maths": Fraction(100), "english": Fraction(100)}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context.of(exam_with_roster(tmp_path / "exam"), dict(FULL))


def drafted(context: Context, rows: Rows, merges: list[str] | None = None) -> Draft:
    path = xlsx(context.folder.parent / "成绩.xlsx", rows, {"Sheet1": merges or []})
    return draft_scores([path], context)


def wrong(draft: Draft) -> list[str]:
    return [f"{one.where} {one.message}" for one in draft.complaints.errors]


def marks(draft: Draft, code: str) -> dict[str, str]:
    table = draft.made[f"{code}/marks"]
    return dict(zip(table["学籍号"].to_pylist(), table["总分"].to_pylist(), strict=True))


def corrections(draft: Draft, code: str) -> dict[str, tuple[str, str]]:
    rows = draft.made[f"{code}/corrections"].to_pylist()
    return {row["student_id"]: (row["field"], row["note"]) for row in rows}


def test_absences_are_told_apart(context: Context) -> None:
    rows = [["考号", "姓名", "数学", "英语"]]
    rows += [
        ["26010101", "王芳", 88, "缺考"],
        ["26010102", "李强", "-1", "违纪"],
        ["26010103", "", "缓考", ""],
        ["26010201", "王芳", 0, "90.5"],
    ]
    draft = drafted(context, rows)
    assert wrong(draft) == []
    assert marks(draft, "maths") == {IDS[0]: "88", IDS[3]: "0"}
    assert marks(draft, "english") == {IDS[1]: "0", IDS[3]: "90.5"}
    assert corrections(draft, "maths") == {IDS[1]: ("absent", "缺考"), IDS[2]: ("absent", "缓考")}
    assert corrections(draft, "english") == {IDS[0]: ("absent", "缺考"), IDS[1]: ("violation", "违纪")}
    assert [context.subjects[code].step for code in ("maths", "english")] == [1, Fraction(1, 2)]


def test_two_lines_of_header_with_full_marks_and_ranks(context: Context) -> None:
    context.given_full.clear()
    rows = [
        ["期中考试成绩表", None, None, None, None, None, None],
        ["考号", "姓名", "数学（120分）", None, "英语", None, "总分"],
        [None, None, "班次", "分数", "分数", "班次", None],
        ["满分", None, None, None, 100, None, None],
        ["26010101", "王芳", 1, 110, 80, 1, 190],
        ["26010102", "李强", 2, 100, 70, 2, 171],
        ["26010201", "王芳", 2, 100, 70, 2, 170],
    ]
    draft = drafted(context, rows, ["A1:G1", "A2:A3", "B2:B3", "C2:D2", "E2:F2", "G2:G3"])
    assert wrong(draft) == []
    assert marks(draft, "maths") == {IDS[0]: "110", IDS[1]: "100", IDS[3]: "100"}
    assert [draft.made[f"{code}/blueprint"]["分值"].to_pylist() for code in ("maths", "english")] == [["120"], ["100"]]
    assert [f"{one.where} {one.message}" for one in draft.complaints.warnings] == ["Sheet1!G6 总分 171，各列之和是 170"]
    assert context.title == "期中考试"


def test_pupils_are_never_found_by_name_alone(context: Context) -> None:
    draft = drafted(
        context,
        [["姓名", "班级", "数学"], ["王芳", "初二（1）班", 88], ["王芳", "初二2班", 70], ["李强", "初二2班", 60]],
    )
    assert marks(draft, "maths") == {IDS[0]: "88", IDS[3]: "70"}
    assert wrong(draft) == ["Sheet1!A4 考生名单里 初二2班 没有李强"]
    assert any("按班级和姓名" in note for note in draft.notes)
    alone = drafted(context, [["姓名", "数学"], ["李强", 88]])
    assert wrong(alone) == ["Sheet1!A2 没有号码，也没有班级和姓名，不知道是谁"]


def test_a_shifted_column_is_noticed(context: Context) -> None:
    draft = drafted(context, [["考号", "姓名", "数学"], ["26010101", "李强", 88], ["26010102", "买买提·阿不都", 70]])
    assert [line.split()[0] for line in wrong(draft)] == ["Sheet1!B2", "Sheet1!B3"]
    assert marks(draft, "maths") == {}


@pytest.mark.parametrize(
    ("cell", "told"),
    [(120, "超过满分 100"), ("八十", "不是分数"), ("=A1+B1", "公式"), ("#REF!", "出错的公式"), ("-3", "不是分数")],
)
def test_impossible_scores_are_refused_with_their_cell(context: Context, cell: object, told: str) -> None:
    draft = drafted(context, [["考号", "数学"], ["26010101", cell], ["26010102", 60]])
    assert len(wrong(draft)) == 1 and wrong(draft)[0].startswith("Sheet1!B2") and told in wrong(draft)[0]
    assert marks(draft, "maths") == {IDS[1]: "60"}


def test_the_same_pupil_twice(context: Context) -> None:
    draft = drafted(
        context, [["考号", "数学"], ["26010101", 88], ["26010102", 60], ["26010101", 88.0], ["26010102", 61]]
    )
    assert [line.split()[0] for line in wrong(draft)] == ["Sheet1!3", "Sheet1!5"]
    assert marks(draft, "maths") == {IDS[0]: "88"} and draft.counts["重复行"] == 1


def test_a_column_that_says_who_was_absent(context: Context) -> None:
    draft = drafted(
        context, [["考号", "数学", "缺考标记"], ["26010101", 88, ""], ["26010102", 0, "是"], ["26010103", 5, "1"]]
    )
    assert marks(draft, "maths") == {IDS[0]: "88"} and corrections(draft, "maths") == {IDS[1]: ("absent", "缺考")}
    assert wrong(draft) == ["Sheet1!4 写着缺考，可是有分数"]


def test_full_marks_must_be_said(context: Context) -> None:
    context.given_full.clear()
    with pytest.raises(InputError, match="数学") as caught:
        drafted(context, [["考号", "数学"], ["26010101", 88]])
    assert "--full" in caught.value.mend


def test_a_score_table_alone_makes_the_roster(tmp_path: Path) -> None:
    context = Context.of(tmp_path / "exam", FULL)
    path = xlsx(tmp_path / "a.xlsx", {"初二1班": [["学号", "姓名", "数学"], ["1", "王芳", 88], ["2", "李强", "缺"]]})
    draft = draft_scores([path], context, Given(school="一中"))
    assert draft.made["roster"].to_pydict() == {
        "学籍号": ["1", "2"],
        "姓名": ["王芳", "李强"],
        "班级": ["初二1班"] * 2,
        "学校": ["一中"] * 2,
    }
    assert marks(draft, "maths") == {"1": "88"} and corrections(draft, "maths") == {"2": ("absent", "缺考")}


def test_the_rank_in_the_school_is_no_school_and_classes_must_be_those_of_the_roster(context: Context) -> None:
    draft = drafted(
        context, [["姓名", "班级", "数学", "班名", "校名"], ["王芳", "初二1班", 88, 1, 1], ["王芳", "八2", 70, 1, 2]]
    )
    assert marks(draft, "maths") == {IDS[0]: "88"}
    assert wrong(draft) == ["Sheet1!A3 考生名单里没有班级“八2”"]
    assert "初二1班" in draft.complaints.errors[0].mend
