"""名单: pupils of any school table as our roster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from engine.intake.draft import Draft, gather
from engine.intake.header import Table
from engine.intake.people import MEANINGS, WHO, Given, chosen_identifier, people
from engine.intake.words import SEXES, pupil_field

_TITLES = {name: title for name, title in MEANINGS.items() if name not in ("number", "resident_no", "grade", "status")}


def draft_roster(paths: Sequence[Path], given: Given | None = None) -> Draft:
    """Read 名单 of any form; several files and sheets are one roster.

    Raises:
        InputError: a file can't be read, has no table of pupils, or nothing that identifies them.
    """
    draft = gather("roster", paths, pupil_field, [WHO, ("name",)], "要有姓名和学籍号、学号或准考证号")
    draft.meanings = dict(MEANINGS)
    add_roster(draft, [people(draft, table, given or Given()) for table in draft.tables])
    return draft


def add_roster(draft: Draft, columns_of: Sequence[dict[str, list[str]]]) -> None:
    """Put the roster of the pupils of a draft's tables into `draft.made`.

    Args:
        columns_of: by table, the pupils' cells by field (see `people`).
    """
    own = chosen_identifier(draft.tables)
    if own != "student_id":
        draft.notes.append(f"没有学籍号一列，用{MEANINGS[own]}作学生的编号")
    rows: dict[str, dict[str, str]] = {}
    first: dict[str, tuple[Table, int]] = {}  # student_id → where it stands
    for table, columns in zip(draft.tables, columns_of, strict=True):
        columns["student_id"] = columns[own]
        _check(columns, own, draft.complaints.of(table))
        names = [name for name in _TITLES if name in columns]
        bad = draft.complaints.bad_rows(table)
        for i, row in enumerate(table.rows):
            pupil = {name: columns[name][i] for name in names}
            student = pupil["student_id"]
            if row in bad:
                continue
            if rows.setdefault(student, pupil) is pupil:
                first[student] = table, i
            elif rows[student] == pupil:
                draft.counts["重复行"] = draft.counts.get("重复行", 0) + 1
            else:
                differ = "、".join(_TITLES[name] for name in names if rows[student].get(name) != pupil[name])
                _conflict(draft, own, student, differ or "列数", first[student], (table, i))
    _check_candidates(draft, own)
    bad_rows = {id(table): draft.complaints.bad_rows(table) for table in draft.tables}
    kept = [rows[student] for student, (table, i) in first.items() if table.rows[i] not in bad_rows[id(table)]]
    names = [name for name in _TITLES if any(name in pupil for pupil in kept)]
    draft.counts["学生"] = len(kept)
    if kept:
        draft.made["roster"] = pa.table({_TITLES[name]: [pupil.get(name, "") for pupil in kept] for name in names})


def _conflict(
    draft: Draft, own: str, student: str, differ: str, one: tuple[Table, int], two: tuple[Table, int]
) -> None:
    """Two rows with the same identifier that say different things: neither is right before a person says so."""
    for (table, i), (other, j) in ((one, two), (two, one)):
        message = f"编号 {student} 与 {other.grid.told} 第 {other.grid.lines[other.rows[j]]} 行的相同，但{differ}不同"
        draft.complaints.of(table)(i, own, message, "留下正确的一行，删去另一行；如果是两个人，给各人自己的号码")


def _check(columns: dict[str, list[str]], own: str, complain: Callable[..., None]) -> None:
    """What the roster needs of every pupil."""
    lacking = {"class": "加一列班级，或用 --class 说明", "school": "加一列学校，或用 --school 说明"}
    for name in ("student_id", "name", "class", "school"):
        for i, text in enumerate(columns.get(name, [""] * len(columns["student_id"]))):
            if not text:
                mend = lacking[name] if name not in columns else "补上；如果这一行不是学生，删去它"
                complain(i, own if name == "student_id" else name, f"没有{_TITLES[name]}", mend)
    if "sex" in columns:
        for i, text in enumerate(columns["sex"]):
            sex = SEXES.get(text.casefold())
            if sex is None:
                complain(i, "sex", f"性别“{text}”看不懂", "写男或女", is_error=False)
            columns["sex"][i] = sex or ""


def _check_candidates(draft: Draft, own: str) -> None:
    """No candidate number for two pupils."""
    if own == "candidate_no":
        return
    owner: dict[str, str] = {}
    for table in draft.tables:
        complain = draft.complaints.of(table)
        ids, numbers = table.texts(own), table.texts("candidate_no")
        for i, (student, number) in enumerate(zip(ids, numbers, strict=True)):
            if number and owner.setdefault(number, student) != student:
                complain(i, "candidate_no", f"准考证号 {number} 已经是 {owner[number]} 的", "给每个学生自己的准考证号")
