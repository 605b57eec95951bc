"""Who the rows of school tables are: identifiers, names, classes and schools as the roster writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.errors import InputError
from engine.files import damaged_values, halfwidth, is_safe
from engine.intake.cells import identifier, name_problem, person_name, pupil_code_problem
from engine.intake.draft import Draft
from engine.intake.header import Table

# Fields that can identify a pupil, the best first. 身份证号 only where there is nothing else: it is kept nowhere else.
IDENTIFIERS = ("student_id", "number", "candidate_no", "resident_no")
WHO = (*IDENTIFIERS, "name")
MEANINGS = {
    "student_id": "学籍号",
    "number": "学号",
    "candidate_no": "准考证号",
    "resident_no": "身份证号",
    "name": "姓名",
    "grade": "年级",
    "class": "班级",
    "school": "学校",
    "county": "县区",
    "sex": "性别",
    "room": "考场",
    "seat": "座位号",
    "status": "考试状态",
}
DAMAGED = "这个号码被电子表格改坏了：Excel 的数字只保留 15 位"
RETYPE = "先把该列设为“文本”格式，再从原始名册重新粘贴号码"

_CLASS_SHEET = re.compile(r".*(班|级).*|\d{1,4}|[(（]\d{1,2}[)）]|.*\d[)）]?")


@dataclass(frozen=True)
class Given:
    """What a person says of the files because they don't: a school, a county, a class for all rows."""

    school: str = ""
    county: str = ""
    klass: str = ""


def chosen_identifier(tables: Sequence[Table]) -> str:
    """The best field that identifies the pupils in every table.

    Raises:
        InputError: there is none.
    """
    for name in IDENTIFIERS:
        if all(name in table.fields for table in tables):
            return name
    lacking = next((table for table in tables if not any(name in table.fields for name in IDENTIFIERS)), tables[0])
    raise InputError(
        "no column of identifiers that all tables have: 学籍号, 学号 or 准考证号",
        file=lacking.grid.path,
        row=lacking.grid.lines[lacking.header.start],
        mend="add the column 学籍号 (or 学号, 准考证号); a name alone does not tell pupils apart",
    )


def people(draft: Draft, table: Table, given: Given) -> dict[str, list[str]]:
    """By field, the cells of a table's pupils as we write them; complaints are noted in the draft."""
    complain = draft.complaints.of(table)
    columns = {name: table.texts(name) for name in MEANINGS if name in table.fields}
    for name in set(IDENTIFIERS) & columns.keys():
        columns[name] = [identifier(text) for text in columns[name]]
        _check_identifiers(columns[name], name, complain)
    if "name" in columns:
        columns["name"] = [person_name(text) for text in columns["name"]]
        for i, name in enumerate(columns["name"]):
            if problem := name_problem(name):
                complain(i, "name", problem, "对照学籍核对这个姓名", is_error=False)
    _complete(draft, table, columns, given)
    for name in {"class", "school", "county", "room", "seat"} & columns.keys():
        columns[name] = [" ".join(halfwidth(text).split()) for text in columns[name]]
    for name in {"class", "school"} & columns.keys():
        for i, text in enumerate(columns[name]):
            if text and not is_safe(text):
                complain(i, name, f"“{text}”里有 / \\ 或控制字符，不能用作文件名", "换成别的字，例如用 - 代替 /")
    return columns


def _check_identifiers(values: list[str], name: str, complain: Callable[..., None]) -> None:
    damaged = damaged_values(set(values))
    for i, value in enumerate(values):
        if value in damaged:
            complain(i, name, DAMAGED, RETYPE)
        elif value.startswith(("#", "=")):
            complain(i, name, "这一格是没有结果的公式", "把公式换成它的结果（复制，选择性粘贴为数值）")
        elif value and not is_safe(value):
            complain(i, name, f"号码“{value}”里有不能用的字符", "改正号码")
        elif problem := pupil_code_problem(value):
            complain(i, name, problem, "对照学籍系统核对这个号码", is_error=False)


def _complete(draft: Draft, table: Table, columns: dict[str, list[str]], given: Given) -> None:
    """Put in what stands outside the rows: the sheet's name as the class, the grade before it, what was given."""
    n = len(table.rows)
    if given.klass and "class" not in columns:
        columns["class"] = [given.klass] * n
    if "class" not in columns and table.grid.name and _CLASS_SHEET.fullmatch(table.grid.name):
        columns["class"] = [table.grid.name] * n
        draft.notes.append(f"{table.grid.path.name}：没有班级列，用工作表名“{table.grid.name}”作班级")
    if "grade" in columns:
        grades = columns.pop("grade")
        classes = columns.get("class", [""] * n)
        columns["class"] = [_with_grade(grade, text) for grade, text in zip(grades, classes, strict=True)]
    for name, value in (("school", given.school), ("county", given.county)):
        if value and name not in columns:
            columns[name] = [value] * n


def _with_grade(grade: str, klass: str) -> str:
    """年级 and 班级 as one name, 2023级 + 5 → 2023级5班; a class that says its grade is left as it is."""
    grade, klass = "".join(halfwidth(grade).split()), "".join(halfwidth(klass).split())
    if not grade or not klass or grade in klass or not re.fullmatch(r"[(]?\d{1,2}[)]?班?", klass):
        return klass or grade
    return f"{grade}{klass}" if klass.endswith("班") else f"{grade}{klass}班"
