"""engine.intake.roster: lists of pupils."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from intake_files import ROSTER, Rows, pupil_code, text, xls, xlsx

from engine.errors import InputError
from engine.intake.draft import Draft
from engine.intake.people import Given
from engine.intake.roster import draft_roster

WANTED = {title: [row[place] for row in ROSTER[1:]] for place, title in enumerate(ROSTER[0]) if title != "考号"}


def wrong(draft: Draft) -> list[str]:
    return [f"{one.where} {one.message}" for one in draft.complaints.errors]


def made(draft: Draft) -> pa.Table:
    return draft.made["roster"]


def listed(path: Path, rows: Rows) -> Draft:
    return draft_roster([xlsx(path / "名册.xlsx", rows)])


def test_a_messy_list(tmp_path: Path) -> None:
    rows = [["云岭一中名册"], [], [None, "序号", "考生姓名", "学籍号", "班别", "考 号", "单位"]]
    for i, (code, name, klass, school, number) in enumerate(ROSTER[1:], 1):
        rows.append(
            [None, i, " ".join(name) if len(name) == 2 else name.replace("·", "•"), code, klass, int(number), school]
        )
    rows += [[None, "合计", "4人"], [None, None, "制表：张三"]]
    for path in (
        xlsx(tmp_path / "a.xlsx", rows),
        xls(tmp_path / "a.xls", rows),
        text(tmp_path / "a.csv", rows, "gb18030"),
    ):
        draft = draft_roster([path])
        assert wrong(draft) == []
        found = made(draft)
        assert {title: found[title].to_pylist() for title in WANTED} == WANTED
        assert found["准考证号"].to_pylist() == [row[4] for row in ROSTER[1:]]
        assert len(draft.tables[0].dropped) == 2


def test_a_class_a_sheet_and_what_the_file_does_not_say(tmp_path: Path) -> None:
    sheets = {f"初二{k}班": [["学号", "姓名"], [f"{k}01", "王芳"], [f"{k}02", "李强"]] for k in (1, 2)}
    draft = draft_roster(
        [xlsx(tmp_path / "a.xlsx", sheets | {"说明": [["请按格式填写"]]})], Given(school="云岭一中", county="红塔区")
    )
    assert wrong(draft) == []
    assert made(draft).to_pydict() == {
        "学籍号": ["101", "102", "201", "202"],
        "姓名": ["王芳", "李强"] * 2,
        "班级": ["初二1班", "初二1班", "初二2班", "初二2班"],
        "学校": ["云岭一中"] * 4,
        "县区": ["红塔区"] * 4,
    }
    assert [why for _, why in draft.skipped] and "工作表名" in draft.notes[1]


def test_grade_and_class_in_two_columns(tmp_path: Path) -> None:
    draft = listed(
        tmp_path,
        [
            ["学号", "姓名", "年级", "班级", "学校"],
            ["1", "甲", "2023级", 5, "一中"],
            ["2", "乙", "初二", "初二3班", "一中"],
        ],
    )
    assert made(draft)["班级"].to_pylist() == ["2023级5班", "初二3班"]


@pytest.mark.parametrize("code", [110101200801011234, "1.10101E+17", "110101200801010000"])
def test_damaged_identifiers_are_refused_with_their_cell(tmp_path: Path, code: object) -> None:
    draft = listed(
        tmp_path,
        [["姓名", "学籍号", "班级", "学校"], ["甲", pupil_code(1), "1班", "一中"], ["乙", code, "1班", "一中"]],
    )
    assert len(wrong(draft)) == 1 and wrong(draft)[0].startswith("Sheet1!B3") and "15 位" in wrong(draft)[0]
    assert made(draft)["姓名"].to_pylist() == ["甲"]


def test_a_pupil_twice(tmp_path: Path) -> None:
    head = ["学号", "姓名", "班级", "学校"]
    same = listed(tmp_path, [head, ["1", "王芳", "1班", "一中"], ["1", "王 芳", "1班", "一中"]])
    assert (wrong(same), same.counts) == ([], {"学生": 1, "重复行": 1})
    other = listed(
        tmp_path, [head, ["1", "王芳", "1班", "一中"], ["1", "王芳", "2班", "一中"], ["2", "李强", "1班", "一中"]]
    )
    assert [line.split()[0] for line in wrong(other)] == ["Sheet1!A2", "Sheet1!A3"]
    assert "班级不同" in wrong(other)[0]
    assert made(other)["姓名"].to_pylist() == ["李强"]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    draft = listed(
        tmp_path,
        [
            ["学号", "姓名", "班级", "学校"],
            ["1", "", "1班", "一中"],
            ["", "李强", "1班", "一中"],
            ["3", "张三", "", "一/中"],
        ],
    )
    assert {line.split()[0] for line in wrong(draft)} == {"Sheet1!B2", "Sheet1!A3", "Sheet1!D4", "Sheet1!C4"}
    assert "roster" not in draft.made


def test_sex_and_check_digits_are_warnings(tmp_path: Path) -> None:
    code = pupil_code(1)
    bad = code[:-1] + ("1" if code[-1] != "1" else "2")
    draft = listed(
        tmp_path,
        [
            ["学籍号", "姓名", "班级", "学校", "性别"],
            [bad, "甲", "1班", "一中", "1"],
            [pupil_code(2), "乙", "1班", "一中", "?"],
        ],
    )
    assert wrong(draft) == []
    assert [one.where for one in draft.complaints.warnings] == ["Sheet1!A2", "Sheet1!E3"]
    assert made(draft)["性别"].to_pylist() == ["男", ""]


def test_files_that_are_no_lists(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no header"):
        listed(tmp_path, [["a", "b"], [1, 2]])
    with pytest.raises(InputError, match="学籍号"):
        listed(tmp_path, [["姓名", "班级"], ["甲", "1班"]])


def test_hidden_rows_are_read_and_said(tmp_path: Path) -> None:
    import openpyxl

    path = xlsx(tmp_path / "a.xlsx", ROSTER)
    book = openpyxl.load_workbook(path)
    book.active.row_dimensions[3].hidden = True
    book.save(path)
    draft = draft_roster([path])
    assert made(draft).num_rows == 4 and any("隐藏行" in note for note in draft.notes)
