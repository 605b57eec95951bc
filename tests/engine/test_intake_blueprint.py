"""engine.intake.blueprint: 双向细目表 as teachers write it."""

from __future__ import annotations

from pathlib import Path

import pytest
from intake_files import Rows, xlsx

from engine.intake.blueprint import draft_blueprint
from engine.intake.context import Context
from engine.intake.draft import Draft

HEAD = ["题号", "题型", "分值", "答案"]


def drafted(tmp_path: Path, rows: Rows, merges: list[str] | None = None, *, points_only: bool = False) -> Draft:
    path = xlsx(tmp_path / "物理.xlsx", rows, {"Sheet1": merges or []})
    return draft_blueprint([path], Context.of(tmp_path / "exam"), points_only=points_only)


def wrong(draft: Draft) -> list[str]:
    return [f"{one.where} {one.message}" for one in draft.complaints.errors]


def items(draft: Draft, *columns: str) -> list[tuple[str, ...]]:
    table = draft.made["physics/blueprint"]
    return list(zip(*(table[column].to_pylist() for column in columns), strict=True))


def test_ranges_check_marks_and_sections(tmp_path: Path) -> None:
    rows = [
        ["八年级物理期中考试双向细目表（满分100分）", *[None] * 8],
        ["大题", "题号", "题型", "分值", "知识内容", "能力层次", None, None, "预设难度"],
        [None, None, None, None, None, "识记", "理解", "应用", None],
        ["一、选择题", "1-3", "选择题", 9, "机械运动，声现象", "√", None, None, "易"],
        [None, "4、5", "选择题", "每题3分", "光的反射", None, "√", None, 0.8],
        ["二、填空题", "6—7", "填空题", "2×2", "透镜", None, "√", "√", "70%"],
        ["三、综合题", "8(1)(2)", "计算题", 8, "速度", None, None, "√", 0.5],
        [None, "第9题", "实验题", "73分", "密度", None, None, "√", 50],
        ["合计", None, None, 100, None, None, None, None, None],
    ]
    merges = ["A1:I1", *(f"{column}2:{column}3" for column in "ABCDEI"), "F2:H2", "A4:A5", "A7:A8"]
    draft = drafted(tmp_path, rows, merges, points_only=True)
    assert wrong(draft) == []
    assert items(draft, "题号", "题型", "分值", "知识点", "能力层次", "大题", "预估难度") == [
        ("1", "单选", "3", "机械运动;声现象", "识记", "一、选择题", ""),
        ("2", "单选", "3", "机械运动;声现象", "识记", "一、选择题", ""),
        ("3", "单选", "3", "机械运动;声现象", "识记", "一、选择题", ""),
        ("4", "单选", "3", "光的反射", "理解", "一、选择题", "0.8"),
        ("5", "单选", "3", "光的反射", "理解", "一、选择题", "0.8"),
        ("6", "解答", "2", "透镜", "理解、应用", "二、填空题", "0.7"),
        ("7", "解答", "2", "透镜", "理解、应用", "二、填空题", "0.7"),
        ("8(1)", "解答", "4", "速度", "应用", "三、综合题", "0.5"),
        ("8(2)", "解答", "4", "速度", "应用", "三、综合题", "0.5"),
        ("9", "解答", "73", "密度", "应用", "三、综合题", "0.5"),
    ]


@pytest.mark.parametrize(("whole", "each"), [(20, "5"), (8, "2")])
def test_the_total_tells_whether_points_are_of_each_item_or_of_all(tmp_path: Path, whole: int, each: str) -> None:
    rows = [HEAD, ["1-4", "选择题", 5 if whole == 20 else 8, "ABCD"], ["合计", None, whole, None]]
    draft = drafted(tmp_path, rows)
    assert items(draft, "题号", "分值", "答案") == [(str(i), each, key) for i, key in enumerate("ABCD", 1)]


def test_without_a_total_it_is_asked(tmp_path: Path) -> None:
    draft = drafted(tmp_path, [HEAD, ["1-4", "选择题", 8, "ABCD"], ["5", "解答", 6, None]])
    assert wrong(draft) == ["Sheet1!C2 1–4 题写着 8 分，是每题还是一共？"]
    assert items(draft, "题号") == [("5",)]


def test_points_in_the_columns_of_the_levels(tmp_path: Path) -> None:
    rows = [["题号", "知识点", "识记", "理解", "应用"], [1, "速度", 2, None, None], [2, "密度", 1, 3, None]]
    assert items(drafted(tmp_path, rows), "题号", "分值", "能力层次") == [("1", "2", "识记"), ("2", "4", "识记、理解")]


def test_sections_as_headings_with_their_points(tmp_path: Path) -> None:
    rows = [
        HEAD,
        ["一、选择题（6分）", None, None, None],
        [1, None, 3, "A"],
        [2, None, 4, "BC"],
        ["二、解答题", None, 10, None],
        [3, None, 10, None],
    ]
    draft = drafted(tmp_path, rows)
    assert items(draft, "题号", "题型", "大题") == [
        ("1", "单选", "一、选择题（6分）"),
        ("2", "多选", "一、选择题（6分）"),
        ("3", "解答", "二、解答题"),
    ]
    assert [one.message for one in draft.complaints.warnings] == ["“一、选择题（6分）”写着 6 分，各题之和是 7"]


def test_ranges_that_a_spreadsheet_made_dates_of(tmp_path: Path) -> None:
    import datetime

    draft = drafted(tmp_path, [HEAD, [datetime.date(2026, 1, 3), "选择题", "每题2分", "ABC"]])
    assert items(draft, "题号", "分值") == [("1", "2"), ("2", "2"), ("3", "2")]
    assert "日期" in draft.complaints.warnings[0].message


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (["1-3", "选择题", "3×4", "ABC"], "题号却是 3 题"),
        (["1-3", "选择题", "每题3分", "AB"], "3 题的答案是"),
        (["1", "选择题", 3, ""], "没有答案"),
        (["1", "解答题", "", ""], "没有分值"),
        (["5-1", "解答题", 5, ""], "题号范围"),
        (["附页", "解答题", 5, ""], "不是题号"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, row: list[object], told: str) -> None:
    draft = drafted(tmp_path, [HEAD, row, ["9", "解答题", 5, ""]])
    assert any(told in line for line in wrong(draft)) and "physics/blueprint" in draft.made
    assert items(draft, "题号") == [("9",)]


def test_an_item_twice(tmp_path: Path) -> None:
    assert "第 2 行已经有了" in wrong(drafted(tmp_path, [HEAD, ["1-2", "解答", "每题2分", ""], [2, "解答", 2, ""]]))[0]


def test_parts_of_an_item_below_one_another_and_a_total_that_does_not_fit(tmp_path: Path) -> None:
    rows = [
        ["题号", "考点", "A", "B", "分值"],
        ["7(1)", "速度", "√", None, 4],
        ["（2）", "速度", None, "√", 6],
        ["合计", None, None, None, 12],
    ]
    draft = drafted(tmp_path, rows)
    assert items(draft, "题号", "分值", "能力层次") == [("7(1)", "4", "A"), ("7(2)", "6", "B")]
    assert any("全卷 12 分，各题之和是 10" in note for note in draft.notes)
