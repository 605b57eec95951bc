"""Points and absences of pupils as they come out of school tables, and as marks.csv and corrections.csv write them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

import pyarrow as pa

from engine.files import Records
from engine.intake.cells import score_of, told_wrong
from engine.intake.draft import Draft
from engine.intake.header import Table
from engine.points import plain
from engine.tables import ABSENT, VIOLATION

STANDINGS = {"absent": "缺考", "violation": "违纪", "deferred": "缓考", "exempt": "免考"}
_YES = ("是", "1", "√", "y", "yes", "t", "true", "缺考")
_MARKS_TITLES = {"student_id": "学籍号"}
_CORRECTIONS = ("file", "page", "field", "value", "student_id", "note")


@dataclass(frozen=True)
class One:
    """What a row says of a pupil in a subject: points by item, or how the pupil stands."""

    points: tuple[tuple[str, Fraction], ...]
    standing: str  # "" or a key of STANDINGS
    table: Table
    i: int  # row of the table's data


@dataclass
class Results:
    """A subject's pupils: student_id → what their row says; who has neither points nor a standing is not here."""

    found: dict[str, One] = field(default_factory=dict)

    def put(self, draft: Draft, student: str, one: One) -> None:
        """Add a pupil's row. A second one that says the same is dropped; if it says something else, both are errors."""
        before = self.found.setdefault(student, one)
        if before is one:
            return
        if (before.points, before.standing) == (one.points, one.standing):
            draft.counts["重复行"] = draft.counts.get("重复行", 0) + 1
            return
        for this, other in ((before, one), (one, before)):
            line = other.table.grid.lines[other.table.rows[other.i]]
            message = f"同一个学生在 {other.table.grid.told} 第 {line} 行的成绩与这一行不同"
            draft.complaints.of(this.table)(this.i, None, message, "留下正确的一行，删去另一行")

    def without(self, draft: Draft) -> Results:
        """Those whose rows have no errors."""
        bad = {id(table): draft.complaints.bad_rows(table) for table in draft.tables}
        kept = {name: one for name, one in self.found.items() if one.table.rows[one.i] not in bad[id(one.table)]}
        return Results(kept)

    def marks(self, items: list[str]) -> pa.Table:
        """marks.csv, a row a pupil and a column an item; whoever was caught cheating has 0 for all (违纪)."""
        rows = {name: dict(one.points) for name, one in self.found.items() if one.standing in ("", "violation")}
        for name, one in self.found.items():
            if one.standing == "violation":
                rows[name] = {item: rows[name].get(item, Fraction(0)) for item in items}
        columns: dict[str, list[str]] = {"学籍号": list(rows)}
        for item in items:
            columns[item] = [plain(points[item]) if item in points else "" for points in rows.values()]
        return pa.table({title: pa.array(texts, pa.string()) for title, texts in columns.items()})

    def corrections(self, before: Records | None) -> pa.Table | None:
        """corrections.csv with the absences and violations; corrections of scanned fields are kept. None: nothing."""
        rows = [[row.get(name, "") for name in _CORRECTIONS] for row in before.rows if row["file"]] if before else []
        for student, one in self.found.items():
            if one.standing:
                what = VIOLATION if one.standing == "violation" else ABSENT
                rows.append(["", "", what, "1", student, STANDINGS[one.standing]])
        if not rows and before is None:
            return None
        return pa.table({name: pa.array([row[j] for row in rows], pa.string()) for j, name in enumerate(_CORRECTIONS)})

    def count(self, draft: Draft, name: str) -> None:
        """Put into the draft's counts how many have points, and how many stand how."""
        standings = Counter(STANDINGS[one.standing] if one.standing else "有分" for one in self.found.values())
        for standing, count in standings.items():
            draft.counts[f"{name}{standing}"] = count


def read_row(
    draft: Draft,
    table: Table,
    i: int,
    places: dict[str, tuple[str, Fraction | None]],
    step: Fraction | None,
    state: str,
) -> One | None:
    """What a data row says; None where it says nothing or an error was noted.

    Args:
        places: field → (item, full mark or None where it is not known).
        step: smallest step of points; None: any.
        state: the cell of a column 状态 or 缺考.
    """
    complain = draft.complaints.of(table)
    points: list[tuple[str, Fraction]] = []
    said: set[str] = set()
    wrong = False
    for name, (item, full) in places.items():
        text = table.grid.cell(table.rows[i], table.fields[name])
        value, standing = score_of(text)
        if standing == "?":
            complain(
                i, name, f"“{text}”：{told_wrong(text)}", "写数字；没参加考试的写 缺考、违纪 或 缓考，没有分数的留空"
            )
            wrong = True
        elif value is None:
            said.add(standing)
        elif full is not None and value > full:
            complain(i, name, f"{plain(value)} 分，超过满分 {plain(full)}", "改正分数；或用 --full 说明满分")
            wrong = True
        elif step is not None and value % step:
            complain(
                i, name, f"{plain(value)} 分，不是最小记分单位 {plain(step)} 的倍数", "改正分数，或在 exam.toml 改 step"
            )
            wrong = True
        else:
            points.append((item, value))
    if wrong:
        return None
    standing = next((one for one in STANDINGS if one in said), "") or (not points and score_of(state)[1])
    if standing not in STANDINGS:
        standing = "absent" if state.casefold() in _YES and not any(value for _, value in points) else ""
    if standing and any(value for _, value in points) and standing != "violation":
        complain(i, None, f"写着{STANDINGS[standing]}，可是有分数", "删去分数，或改正缺考标记")
        return None
    if standing and standing != "violation":
        points = []
    return One(tuple(points), standing, table, i) if points or standing else None
