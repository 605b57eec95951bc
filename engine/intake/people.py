"""Who the rows of school tables are: identifiers, names, classes and schools as the roster writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from engine.errors import InputError
from engine.files import damaged_values, halfwidth, is_safe
from engine.intake.cells import identifier, name_problem, person_name, pupil_code_problem
from engine.intake.draft import Draft
from engine.intake.header import Table
from engine.roster import ALIASES as ROSTER_ALIASES
from engine.roster import Pupils

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

# A sheet's name that is one of a class: 初二3班, 801, 高三(5); not Sheet1.
_CLASS_SHEET = re.compile(r".*班.*|[高初小一二三四五六七八九年级]{0,4}[(（]?\d{1,3}[)）]?")


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
    if not any(text and not text.isdecimal() for text in table.texts("school")):
        table.fields.pop("school", None)  # 校名 over numbers is the rank in the school (校名次)
    columns = {name: table.texts(name) for name in MEANINGS if name in table.fields}
    for name in [name for name in IDENTIFIERS if name in columns]:
        columns[name] = [identifier(text) for text in columns[name]]
        _check_identifiers(columns[name], name, complain)
    if "name" in columns:
        columns["name"] = [person_name(text) for text in columns["name"]]
        for i, name in enumerate(columns["name"]):
            if problem := name_problem(name):
                complain(i, "name", problem, "对照学籍核对这个姓名", is_error=False)
    _complete(draft, table, columns, given)
    for name in [name for name in ("class", "school", "county", "room", "seat") if name in columns]:
        columns[name] = [" ".join(halfwidth(text).split()) for text in columns[name]]
        for i, text in enumerate(columns[name]):
            if name in ("class", "school") and text and not is_safe(text):
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


def roll_of(draft: Draft, columns: Sequence[dict[str, list[str]]], roster: pa.Table | None) -> Roll:
    """The exam's roster; where it has none, one is made of the draft's own pupils."""
    if roster is None:
        from engine.intake.roster import add_roster  # which is written in terms of this module

        add_roster(draft, columns)
        made = draft.made.get("roster")
        if made is None:
            raise InputError("no pupil that could be taken over", mend="import the roster first")
        roster = made.rename_columns([ROSTER_ALIASES.get(title, title) for title in made.column_names])
        if "candidate_no" not in roster.column_names:
            roster = roster.append_column("candidate_no", roster["student_id"])
    return Roll(roster)


class Roll:
    """The roster as a look-up for rows of school tables."""

    def __init__(self, roster: pa.Table) -> None:
        self.pupils = Pupils(roster)
        self._by_class: dict[tuple[str, str], list[int]] = {}
        classes = roster["class"].to_pylist()
        self._some_class = classes[0]
        self._schools = [_plain(text) for text in roster["school"].to_pylist()]
        self._names = [person_name(text) for text in self.pupils.names]
        self._classes = {_plain(text) for text in classes}
        for row, (klass, name) in enumerate(zip(classes, self._names, strict=True)):
            self._by_class.setdefault((_plain(klass), name), []).append(row)

    def find(self, draft: Draft, table: Table, columns: dict[str, list[str]]) -> list[int]:
        """The roster's row of each pupil of a table, -1 where a complaint says why there is none.

        A pupil is found by identifier, and the name must be theirs; without one by name, class and (if the table has
        it) school, where only one pupil has them. A name alone finds nobody.
        """
        complain = draft.complaints.of(table)
        bad = draft.complaints.bad_rows(table)
        codes = [name for name in IDENTIFIERS if name in columns]
        blank = [""] * len(table.rows)
        named = {name: columns.get(name, blank) for name in ("name", "class", "school")}
        found, by_name = [], 0
        for i in range(len(table.rows)):
            given = {name: columns[name][i] for name in codes if columns[name][i]}
            if table.rows[i] in bad:
                found.append(-1)
            elif given:
                found.append(self._by_code(given, named["name"][i], i, complain))
            else:
                name, klass, school = (named[field][i] for field in ("name", "class", "school"))
                found.append(self._by_class_and_name(name, klass, school, i, complain))
                by_name += found[-1] >= 0
        if by_name:
            draft.notes.append(f"{table.grid.told}：{by_name} 人没有号码，按班级和姓名在考生名单中找到")
        return found

    def _by_code(self, given: dict[str, str], name: str, i: int, complain: Callable[..., None]) -> int:
        rows = {field: self.pupils.find(code) for field, code in given.items()}
        known = {row for row in rows.values() if row >= 0}
        field, code = next(iter(given.items()))
        if not known:
            mend = f"改正号码，或先把这个学生加进考生名单{self.pupils.like(code)}"
            complain(i, field, f"考生名单里没有 {code}", mend)
            return -1
        if len(known) > 1:
            told = "、".join(f"{MEANINGS[field]}是{self.pupils.names[row]}" for field, row in rows.items() if row >= 0)
            complain(i, field, f"各个号码不是同一个人：{told}", "改正号码；看看是不是有一列错了行")
            return -1
        row = known.pop()
        if name and name != self._names[row]:
            message = f"{code} 在考生名单里是 {self._names[row]}，这里是 {name}"
            complain(i, "name", message, "改正姓名或号码；看看是不是有一列错了行")
            return -1
        return row

    def _by_class_and_name(self, name: str, klass: str, school: str, i: int, complain: Callable[..., None]) -> int:
        if not name or not klass:
            complain(i, "name", "没有号码，也没有班级和姓名，不知道是谁", "补上学籍号、学号或准考证号")
            return -1
        if _plain(klass) not in self._classes:
            mend = f"改成名单里的班级名称（如 {self._some_class}），或用 --class 说明是哪个班"
            complain(i, "name", f"考生名单里没有班级“{klass}”", mend)
            return -1
        rows = self._by_class.get((_plain(klass), name), [])
        if school:
            rows = [row for row in rows if self._schools[row] == _plain(school)]
        if len(rows) != 1:
            message = f"考生名单里 {klass} 有 {len(rows)} 个{name}" if rows else f"考生名单里 {klass} 没有{name}"
            complain(i, "name", message, "补上学籍号、学号或准考证号")
            return -1
        return rows[0]


def _plain(text: str) -> str:
    """A class or school without what is written now so, now so: "初二（1）班" → "初二1班"."""
    return re.sub(r"[\s()（）\[\]]", "", halfwidth(text))
