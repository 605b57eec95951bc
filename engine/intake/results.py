"""Points and absences of pupils as they come out of school tables, and as marks.csv and corrections.csv write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import pyarrow as pa

from engine.errors import InputError
from engine.files import Records, find_table, read_records
from engine.intake.cells import score_of, told_wrong
from engine.intake.context import Context
from engine.intake.draft import Draft
from engine.intake.header import Table
from engine.intake.words import TOTAL
from engine.points import plain
from engine.tables import ABSENT, VIOLATION

STANDINGS = {"absent": "缺考", "violation": "违纪", "deferred": "缓考", "exempt": "免考"}
_HOW = "写数字；没参加考试的写 缺考、违纪 或 缓考，没有分数的留空"
_STEPS = (Fraction(1), Fraction(1, 2), Fraction(1, 10), Fraction(1, 100))
_MOST_TOTALS_TOLD = 200
_YES = ("是", "1", "√", "y", "yes", "t", "true", "缺考")
_CORRECTIONS = ("file", "page", "field", "value", "student_id", "note")


@dataclass(frozen=True)
class One:
    """What the rows of a pupil say in a subject: points by item, or how the pupil stands."""

    points: tuple[tuple[str, Fraction], ...]
    standing: str  # "" or a key of STANDINGS
    rows: tuple[tuple[Table, int], ...]  # tables, and the row of each one's data


@dataclass
class Results:
    """A subject's pupils: student_id → what their row says; who has neither points nor a standing is not here."""

    found: dict[str, One] = field(default_factory=dict)

    def put(self, draft: Draft, student: str, one: One) -> None:
        """Add a pupil's row. Rows with different items are put together, one that repeats another is dropped; if they
        say different things of the same, all are errors."""
        before = self.found.setdefault(student, one)
        if before is one:
            return
        if (before.points, before.standing) == (one.points, one.standing):
            draft.counts["重复行"] = draft.counts.get("重复行", 0) + 1
        elif before.standing == one.standing and not dict(before.points).keys() & dict(one.points).keys():
            self.found[student] = One((*before.points, *one.points), one.standing, (*before.rows, *one.rows))
        else:
            for this, other in ((before, one), (one, before)):
                (table, i), (there, j) = this.rows[0], other.rows[0]
                message = f"同一个学生在 {there.grid.told} 第 {there.grid.lines[there.rows[j]]} 行的成绩与这一行不同"
                draft.complaints.of(table)(i, None, message, "留下正确的一行，删去另一行")

    def without(self, draft: Draft) -> Results:
        """Those whose rows have no errors."""
        bad = {id(table): draft.complaints.bad_rows(table) for table in draft.tables}
        return Results(
            {
                name: one
                for name, one in self.found.items()
                if not any(table.rows[i] in bad[id(table)] for table, i in one.rows)
            }
        )

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
    places: Mapping[str, tuple[str, Fraction]],
    step: Fraction | None,
    state: str,
) -> One | None:
    """What a data row says; None where it says nothing or an error was noted.

    Args:
        places: field → (item, full mark).
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
            complain(i, name, f"“{text}”：{told_wrong(text)}", _HOW)
            wrong = True
        elif value is None:
            said.add(standing)
        elif value > full:
            complain(i, name, f"{plain(value)} 分，超过满分 {plain(full)}", "改正分数；或用 --full 说明满分")
            wrong = True
        elif step is not None and value % step:
            complain(i, name, f"{plain(value)} 分，不是最小记分单位 {plain(step)} 的倍数", "改正分数或 step")
            wrong = True
        else:
            points.append((item, value))
    if wrong:
        return None
    standing = next((one for one in STANDINGS if one in said), "") or _standing(state)
    if standing and standing != "violation" and any(value for _, value in points):
        complain(i, None, f"写着{STANDINGS[standing]}，可是有分数", "删去分数，或改正缺考标记")
        return None
    if standing and standing != "violation":
        points = []
    return One(tuple(points), standing, ((table, i),)) if points or standing else None


def _standing(state: str) -> str:
    """What a cell of a column 状态 or 缺考 says, "" for those who were there."""
    said = score_of(state)[1] if state and not state.isdecimal() else ""
    return said if said in STANDINGS else "absent" if state.casefold() in _YES else ""


def check_total(draft: Draft, table: Table, fields: list[str], *, whole: bool = True) -> None:
    """Check 总分 against the sum of some fields; said row by row where it mostly fits, else once.

    Args:
        whole: the fields are all that the total is the sum of.
    """
    if TOTAL not in table.fields or len(fields) < 2 or not whole:
        return
    wrong, checked = [], 0
    parts = [table.texts(name) for name in fields]
    for i, text in enumerate(table.texts(TOTAL)):
        total = score_of(text)[0]
        scores = [score_of(cells[i]) for cells in parts]
        if total is None or any(standing == "?" for _, standing in scores):
            continue
        checked += 1
        added = sum((value or Fraction(0) for value, _ in scores), Fraction(0))
        if added != total:
            wrong.append((i, total, added))
    if len(wrong) > checked // 2:
        draft.notes.append(
            f"{table.grid.told}：总分多半不是所认得各科之和（{len(wrong)}/{checked} 行不同），没有用它核对"
        )
        return
    complain = draft.complaints.of(table)
    for i, total, added in wrong[:_MOST_TOTALS_TOLD]:
        complain(i, TOTAL, f"总分 {plain(total)}，各列之和是 {plain(added)}", "核对这一行", is_error=False)


def smallest_step(results: Results, full: Iterable[Fraction], name: str) -> Fraction:
    """The largest usual step of which all points are multiples.

    Raises:
        InputError: there are more than two decimals.
    """
    points = {value for one in results.found.values() for _, value in one.points} | set(full)
    step = next((step for step in _STEPS if not any(value % step for value in points)), None)
    if step is None:
        raise InputError(f"{name}: scores with more than two decimals", mend="round them in the file")
    return step


def put_results(draft: Draft, context: Context, code: str, name: str, items: list[str], results: Results) -> None:
    """marks.csv and corrections.csv of a subject."""
    draft.made[f"{code}/marks"] = results.marks(items)
    path = find_table(context.folder / code, "corrections")
    before = read_records(path, required=("file", "page", "field", "value")) if path else None
    corrections = results.corrections(before)
    if corrections is not None:
        draft.made[f"{code}/corrections"] = corrections
    results.count(draft, name)
