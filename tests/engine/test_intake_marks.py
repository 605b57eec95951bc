"""engine.intake.marks and items: 小题分."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from intake_files import ROSTER, Rows, exam_with_roster, text, xlsx

from engine.errors import InputError
from engine.intake.context import Context
from engine.intake.draft import Draft
from engine.intake.items import by_key, item_key, item_name, worth
from engine.intake.marks import draft_marks

IDS = [row[0] for row in ROSTER[1:]]
BLUEPRINT = [
    ["题号", "题型", "分值", "答案"],
    ["1", "单选", 3, "A"],
    ["2", "单选", 3, "B"],
    ["21(1)", "解答", 4, ""],
    ["21(2)", "解答", 8, ""],
]
TOML = 'id = "a"\ntitle = "期中"\ndate = 2026-11-10\n\n[[subjects]]\ncode = "maths"\nname = "数学"\nstep = 0.5\n'


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    folder = exam_with_roster(tmp_path / "exam")
    (folder / "exam.toml").write_text(TOML)
    (folder / "maths").mkdir()
    text(folder / "maths" / "blueprint.csv", BLUEPRINT)
    return folder


def drafted(exam: Path, rows: Rows, merges: list[str] | None = None, subject: str = "") -> tuple[Draft, Context]:
    context = Context.of(exam)
    path = xlsx(exam.parent / "小题分.xlsx", rows, {"Sheet1": merges or []})
    return draft_marks([path], context, subject=subject), context


def wrong(draft: Draft) -> list[str]:
    return [f"{one.where} {one.message}" for one in draft.complaints.errors]


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("1", "1"), ("第1题", "1"), ("T01", "1"), ("21(1)", "21-1"), ("21（1）", "21-1"), ("21-1", "21-1"),
        ("21.1", "21-1"), ("21①", "21-1"), ("第21题(1)(6分)", "21-1"), ("21 (1)", "21-1"), ("作文", "作文"),
        ("一、选择题(每小题3分) 2", "2"), ("5（满分12分）", "5"), ("2026年", ""), ("7班", ""), ("小计1", ""),
        ("客观题得分", "客观题得分"), ("第1题答案", ""),
    ],
)  # fmt: skip
def test_items_by_their_titles(title: str, found: str) -> None:
    assert item_key(title) == found


def test_names_and_full_marks_of_items() -> None:
    assert item_name("21-1-2") == "21(1)(2)"
    assert [worth(title) for title in ("21(12分)", "21（满分：10分）", "21(1)", "作文【60分】")] == [12, 10, None, 60]
    assert by_key(["1", "21(1)", "作文", "21①"]) == {"1": "1", "作文": "作文"}  # two names for 21-1 say nothing


def test_the_constructed_responses_of_a_scanned_subject(exam: Path) -> None:
    (exam / "maths" / "scans").mkdir()
    (exam / "maths" / "scans" / "1.jpg").touch()
    rows = [
        ["考号", "姓名", 1, 2, "21①", "21②", "总分"],
        ["26010101", "王芳", 3, 0, 2.5, 8, 13.5],
        ["26010102", "李强", 3, 3, "", "缺考", 6],
    ]
    draft, context = drafted(exam, rows)
    assert wrong(draft) == []
    assert draft.made["maths/marks"].to_pydict() == {"学籍号": [IDS[0]], "21(1)": ["2.5"], "21(2)": ["8"]}
    assert any("扫描件判分" in note for note in draft.notes)
    assert context.toml == TOML


def test_all_items_of_a_subject_without_scans(exam: Path) -> None:
    rows = [
        ["考号", "姓名", "一、选择题(每题3分)", None, "21", None, "总分"],
        [None, None, 1, 2, "(1)", "(2)", None],
        [None, "满分", 3, 3, 4, 8, 18],
        ["26010101", "王芳", 3, 0, 2.5, 8, 13.5],
        ["26010102", "李强", *["缺考"] * 4, None],
        [None, "平均分", 3, 0, 2.5, 8, 13.5],
    ]
    draft, context = drafted(exam, rows, ["A1:A2", "B1:B2", "C1:D1", "E1:F1", "G1:G2"])
    assert wrong(draft) == []
    assert draft.made["maths/marks"].to_pydict() == {
        "学籍号": [IDS[0]],
        "1": ["3"],
        "2": ["0"],
        "21(1)": ["2.5"],
        "21(2)": ["8"],
    }
    assert draft.made["maths/corrections"]["student_id"].to_pylist() == [IDS[1]]
    assert "points_only = true" in context.toml and "maths/blueprint" not in draft.made


def test_a_subject_of_which_nothing_was_known(tmp_path: Path) -> None:
    context = Context.of(exam_with_roster(tmp_path / "exam"))
    rows = [
        ["八年级物理小题分表", None, None, None],
        ["考号", "1(3分)", "2(3分)", "3(1)(14分)"],
        ["26010101", 3, 0, 10.5],
    ]
    draft = draft_marks([xlsx(tmp_path / "a.xlsx", rows, {"Sheet1": ["A1:D1"]})], context)
    assert draft.made["physics/blueprint"].to_pydict() == {
        "题号": ["1", "2", "3(1)"],
        "题型": ["解答"] * 3,
        "分值": ["3", "3", "14"],
    }
    assert context.subjects["physics"].points_only and context.subjects["physics"].step == Fraction(1, 2)


def test_two_sheets_of_the_same_pupils_are_put_together(exam: Path) -> None:
    context = Context.of(exam)
    sheets = {
        "客观题": [["考号", 1, 2], ["26010101", 3, 0]],
        "主观题": [["考号", "21(1)", "21(2)"], ["26010101", 4, 8]],
    }
    draft = draft_marks([xlsx(exam.parent / "a.xlsx", sheets)], context)
    assert wrong(draft) == []
    assert draft.made["maths/marks"].to_pylist() == [{"学籍号": IDS[0], "1": "3", "2": "0", "21(1)": "4", "21(2)": "8"}]


@pytest.mark.parametrize(("cell", "told"), [(4.5, "超过满分 4"), (0.3, "最小记分单位 0.5"), ("对", "不是分数")])
def test_impossible_points_are_refused_with_their_cell(exam: Path, cell: object, told: str) -> None:
    draft, _ = drafted(exam, [["考号", "21(1)", "21(2)"], ["26010101", cell, 8]])
    assert len(wrong(draft)) == 1 and wrong(draft)[0].startswith("Sheet1!B2") and told in wrong(draft)[0]


def test_a_total_that_is_not_the_sum_is_a_warning(exam: Path) -> None:
    rows = [["考号", 1, 2, "21(1)", "21(2)", "总分"]]
    rows += [[number, 3, 3, 4, 8, total] for number, total in (("26010101", 18), ("26010102", 17), ("26010103", 18))]
    draft, _ = drafted(exam, rows)
    assert [one.where for one in draft.complaints.warnings] == ["Sheet1!F3"]


def test_it_must_be_clear_whose_subject_it_is(tmp_path: Path) -> None:
    context = Context.of(exam_with_roster(tmp_path / "exam"))
    path = xlsx(tmp_path / "a.xlsx", [["考号", "1(3分)"], ["26010101", 3]])
    with pytest.raises(InputError, match="which subject"):
        draft_marks([path], context)
    assert "physics/marks" in draft_marks([path], context, subject="物理").made
