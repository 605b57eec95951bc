"""What was understood, for people: lines for a terminal, and workbooks with the preview and with the errors."""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from engine.intake.draft import Draft
from engine.intake.grid import Grid, column_name
from engine.intake.header import Table
from engine.intake.problems import Problem
from engine.tables import plain_cell, write_bytes

SHOWN = 3  # rows of a table on a terminal
PREVIEWED = 20  # rows of a table in the workbook
MOST_LISTED = 20_000  # problems of a table in the workbook
_MOST_SHEETS = 50
_WIDEST = 60  # columns of an original row in the list of errors


def told(draft: Draft) -> Iterator[str]:
    """Lines for a terminal: header, columns, dropped rows and first rows of every table."""
    for table in draft.tables:
        yield f"{_name(table.grid)}：{_extent(table)}"
        known = (
            f"{column_name(place)} {table.titles[place]}→{_meaning(draft, name)}" for name, place in _by_place(table)
        )
        yield "  认得的列：" + "  ".join(known)
        if unused := _unused(table):
            yield "  不用的列：" + "、".join(unused)
        if dropped := _dropped(table):
            yield f"  略去 {len(table.dropped)} 行：" + "，".join(f"{why} {count}" for why, count in dropped.items())
        yield from (f"  {line}" for line in _aligned(table))
    for grid, why in draft.skipped:
        yield f"{_name(grid)}：没有读，{why}"


def write_preview(draft: Draft, path: Path) -> None:
    """A workbook: a sheet a table, with what each column is, the rows left out and why, and the first rows."""
    book, data = _book()
    bold, head = book.add_format({"bold": True}), book.add_format({"bold": True, "bg_color": "#DBE6EF", "bottom": 1})
    for number, table in enumerate(draft.tables[:_MOST_SHEETS], 1):
        sheet = book.add_worksheet(f"{number}")
        grid = table.grid
        _line(sheet, 0, [_name(grid)], bold)
        _line(sheet, 1, [_extent(table)])
        _line(sheet, 3, ["列", "文件中的标题", "认作", "前几行的内容"], head)
        row = 4
        known = {place: _meaning(draft, name) for name, place in _by_place(table)}
        for place, title in table.titles.items():
            samples = [text for text in grid.column(place, table.rows[:50]) if text][:3]
            _line(sheet, row, [column_name(place), title, known.get(place, "（不用）"), "、".join(samples)])
            row += 1
        row += 1
        _line(sheet, row, ["略去的行", "原因", "内容"], head)
        for at, why in list(table.dropped.items())[:PREVIEWED]:
            row += 1
            _line(sheet, row, [str(grid.lines[at]), why, "  ".join(filter(None, grid.rows[at]))[:200]])
        row += 2
        _line(sheet, row, ["行", *(table.titles[place] for _, place in _by_place(table))], head)
        for at in table.rows[:PREVIEWED]:
            row += 1
            _line(sheet, row, [str(grid.lines[at]), *(grid.cell(at, place) for _, place in _by_place(table))])
        sheet.set_column(0, 0, 8)
        sheet.set_column(1, 20, 18)
    if draft.skipped or draft.notes:
        sheet = book.add_worksheet("说明")
        for row, text in enumerate([*draft.notes, *(f"{_name(grid)}：没有读，{why}" for grid, why in draft.skipped)]):
            _line(sheet, row, [text])
    book.close()
    write_bytes(data.getvalue(), path)


def write_errors(draft: Draft, path: Path) -> None:
    """A workbook: a sheet a table with problems, a row a problem: the original row with its cell coloured."""
    book, data = _book()
    head = book.add_format({"bold": True, "bg_color": "#DBE6EF", "bottom": 1})
    red, yellow = (book.add_format({"bg_color": colour, "num_format": "@"}) for colour in ("#F8B4B4", "#FBE7A2"))
    for number, table in enumerate(draft.tables, 1):
        problems = [one for one in draft.complaints.problems if one.table is table]
        if not problems or number > _MOST_SHEETS:
            continue
        sheet = book.add_worksheet(f"{number}")
        _line(sheet, 0, [_name(table.grid)])
        width = min(max([table.places.stop, *(len(table.grid.rows[one.row]) for one in problems)]), _WIDEST)
        titles = [table.titles.get(place, column_name(place)) for place in range(width)]
        _line(sheet, 1, ["级别", "位置", "问题", "怎么改", *titles], head)
        problems.sort(key=lambda one: (not one.is_error, one.row, one.place or 0))
        for row, problem in enumerate(problems[:MOST_LISTED], 2):
            _problem(sheet, row, problem, width, red if problem.is_error else yellow)
        sheet.freeze_panes(2, 4)
        sheet.autofilter(1, 0, 1 + len(problems[:MOST_LISTED]), 3 + width)
        sheet.set_column(0, 1, 9)
        sheet.set_column(2, 3, 44)
        sheet.set_column(4, 3 + width, 14)
    book.close()
    write_bytes(data.getvalue(), path)


def _problem(sheet: Worksheet, row: int, problem: Problem, width: int, colour: object) -> None:
    cells = [problem.table.grid.cell(problem.row, place) for place in range(width)]
    _line(sheet, row, ["错误" if problem.is_error else "提醒", problem.where, problem.message, problem.mend, *cells])
    marked = range(width) if problem.place is None else [problem.place]
    for place in marked:
        if place < width:
            sheet.write_string(row, 4 + place, plain_cell(cells[place]), colour)


def _book() -> tuple[xlsxwriter.Workbook, io.BytesIO]:
    data = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    return xlsxwriter.Workbook(data, options), data


def _line(sheet: Worksheet, row: int, cells: Sequence[str], how: object = None) -> None:
    for place, text in enumerate(cells):
        sheet.write_string(row, place, plain_cell(text), how)


def _name(grid: Grid) -> str:
    return f"{grid.path.name}（工作表 {grid.name}）" if grid.name else grid.path.name


def _meaning(draft: Draft, name: str) -> str:
    return draft.meanings.get(name, name)


def _by_place(table: Table) -> list[tuple[str, int]]:
    return sorted(table.fields.items(), key=lambda pair: pair[1])


def _extent(table: Table) -> str:
    lines = [table.grid.lines[row] for row in table.header]
    head = f"第 {lines[0]} 行" if len(lines) == 1 else f"第 {lines[0]}–{lines[-1]} 行"
    if not table.rows:
        return f"表头在{head}，下面没有数据"
    first, last = table.grid.lines[table.rows[0]], table.grid.lines[table.rows[-1]]
    return f"表头在{head}，数据从第 {first} 行到第 {last} 行，共 {len(table.rows)} 行"


def _unused(table: Table) -> list[str]:
    used = set(table.fields.values())
    return [f"{column_name(place)} {title}" for place, title in table.titles.items() if place not in used]


def _dropped(table: Table) -> Counter[str]:
    return Counter(table.dropped.values())


def _aligned(table: Table) -> list[str]:
    """The first rows as columns of even width; a Chinese character is two wide."""
    places = [place for _, place in _by_place(table)][:12]
    rows = [[table.titles[place] for place in places]]
    rows += [[table.grid.cell(row, place) for place in places] for row in table.rows[:SHOWN]]
    rows = [[cell if len(cell) <= 20 else f"{cell[:19]}…" for cell in row] for row in rows]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(places))]
    spaced = ([cell + " " * (wide - _width(cell)) for cell, wide in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(row).rstrip() for row in spaced]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
