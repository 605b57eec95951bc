"""What was understood of some files, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from engine.errors import InputError
from engine.intake.book import read_book
from engine.intake.grid import Grid, column_name
from engine.intake.header import Table, find_tables, sort_rows
from engine.intake.problems import Complaints
from engine.intake.words import Recognise, is_label

_EXAM_TITLE = re.compile(r".*(考试|期中|期末|月考|联考|质量监测|模拟|成绩|诊断).*")

_TABLE_NAME = re.compile(
    r"(成绩|小题分|[^试]{2}(双向)?细目|双向细目)?(统计|汇总|登记|明细|一览)?(总?表|册|单)?([(（].*[)）])?$"
)


@dataclass
class Draft:
    """The outcome of reading files of one kind.

    Attributes:
        kind: "roster", "scores", "marks" or "blueprint".
        tables: found in the sheets.
        skipped: sheets passed over, and why.
        meanings: field → what it is, for people.
        complaints: errors and warnings, by cell.
        notes: what a person should know, in sentences.
        made: path within the exam folder (without suffix) → our table; empty where nothing could be taken over.
        counts: rows taken over, by what they are.
    """

    kind: str
    tables: list[Table] = field(default_factory=list)
    skipped: list[tuple[Grid, str]] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)
    complaints: Complaints = field(default_factory=Complaints)
    notes: list[str] = field(default_factory=list)
    made: dict[str, pa.Table] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def title(self) -> str:
        """The exam's title as a row above a header says it, "" where none does."""
        for table in self.tables:
            for row in range(table.header.start):
                texts = {cell for cell in table.grid.rows[row] if cell}
                if len(texts) == 1 and _EXAM_TITLE.fullmatch(text := texts.pop()):
                    return _TABLE_NAME.sub("", text)[:60]
        return ""


def gather(
    kind: str, paths: Sequence[Path], recognise: Recognise, needed: Sequence[Collection[str]], wanted: str
) -> Draft:
    """Read files and find their tables.

    Args:
        needed: a table has a column for at least one field of each; the first say whose a row is.
        wanted: what a table must have, in words, for the error.

    Raises:
        InputError: a file can't be read, or none of its sheets has such a table.
    """
    draft = Draft(kind)
    for path in paths:
        grids = read_book(path)
        found: list[Table] = []
        for grid in grids:
            if grid.hidden:
                draft.skipped.append((grid, "隐藏的工作表"))
            elif not grid.rows:
                draft.skipped.append((grid, "空工作表"))
            elif tables := find_tables(grid, recognise, needed):
                found.extend(tables)
            else:
                draft.skipped.append((grid, f"没有找到表头（{wanted}）"))
        if not found:
            raise InputError(
                f"no header found in {len(grids)} sheet(s): {wanted}",
                file=path,
                mend="give every column its title in one row (姓名、班级、学校 …), or check that it is the right file",
            )
        draft.tables.extend(found)
    for table in draft.tables:
        sort_rows(table, needed[0], is_label)
        _note_hidden(draft, table)
        for place, name in table.repeated.items():
            first, own = column_name(table.fields[name]), column_name(place)
            title = table.titles[place]
            draft.notes.append(f"{table.grid.told}：{own} 列与 {first} 列都是“{title}”，只用 {first} 列")
    return draft


def _note_hidden(draft: Draft, table: Table) -> None:
    grid = table.grid
    rows = [grid.lines[row] for row in table.rows if grid.lines[row] in grid.hidden_lines]
    if rows:
        draft.notes.append(f"{grid.told}：有 {len(rows)} 个隐藏行（如第 {rows[0]} 行，可能是筛选留下的），也一并读入")
    columns = [column_name(place) for place in sorted(grid.hidden_places.intersection(table.fields.values()))]
    if columns:
        draft.notes.append(f"{grid.told}：隐藏列 {'、'.join(columns)} 也一并读入")
