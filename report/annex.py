"""The XLSX annex of a report: its tables, a sheet each, with the numbers behind what the page rounds."""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Sequence
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from engine.exam import Exam
from report.document import NUMBERS, Bar, Cell, Table
from report.render import written
from report.words import Words
from report.xlsx import BASE, OPTIONS, sheet_name

_DIGITS = {"count": "0", "points": "0.##########", "mean": "0.0", "two": "0.00", "three": "0.000", "rate": "0.0%",
           "gap": "+0.0;-0.0;0.0", "gap_rate": "+0.0%;-0.0%;0.0%", "bar": "0.0%"}  # fmt: skip
_GREEN, _RED = "#2E7D5B", "#B4472F"
_LOOKS = {"up": {"bg_color": "#E6F2EC", "font_color": _GREEN}, "hot": {"bg_color": "#F9EBE6", "font_color": _RED},
          "above": {"font_color": _GREEN}, "below": {"font_color": _RED}}  # fmt: skip
_WIDEST = 40  # characters


def annex(title: str, tables: Sequence[Table], exam: Exam, words: Words) -> bytes:
    """A workbook of tables. Text cells are text: no identifier becomes a number, no name a formula."""
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, OPTIONS)
    book.set_properties({"title": title, "created": datetime.datetime.combine(exam.date, datetime.time())})
    formats = _Formats(book)
    names: set[str] = set()
    for table in tables:
        _fill(book.add_worksheet(sheet_name(table.annex, names)), formats, table, words)
    if not tables:
        book.add_worksheet(sheet_name(title, names)).write_string(0, 0, words("none"))
    book.close()
    return data.getvalue()


class _Formats:
    """The formats of a workbook, each made once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._made: dict[tuple[str, str, str], Format] = {}

    def of(self, kind: str, look: str = "", row: str = "") -> Format:
        if (kind, look, row) not in self._made:
            how: dict[str, Any] = {"num_format": _DIGITS.get(kind, "@"), **_LOOKS.get(look, {})}
            if kind not in _DIGITS:
                how |= {"quote_prefix": True}
            if row == "total":
                how |= {"bold": True}
            if kind == "head":
                how |= {"bold": True, "bg_color": "#DBE6EF", "bottom": 1, "text_wrap": True, "valign": "vcenter"}
            self._made[kind, look, row] = self._book.add_format(BASE | how)
        return self._made[kind, look, row]


def _fill(sheet: Worksheet, formats: _Formats, table: Table, words: Words) -> None:
    groups = table.groups
    head = 1 if groups else 0
    shown = [j for j, column in enumerate(table.columns) if column.kind != "bar" or "rate" not in _kinds(table)]
    widths = []
    for place, j in enumerate(shown):
        column = table.columns[j]
        if groups:
            sheet.write_string(0, place, column.group, formats.of("head"))
        sheet.write_string(head, place, column.title, formats.of("head"))
        widest = _width(column.title)
        for i, row in enumerate(table.rows, head + 1):
            widest = max(widest, _put(sheet, i, place, row.cells[j], column.kind, row.look, formats))
        widths.append(widest)
    for place, widest in enumerate(widths):
        sheet.set_column(place, place, min(max(widest + 2, 7), _WIDEST))
    sheet.freeze_panes(head + 1, 1)
    if table.rows:
        sheet.autofilter(head, 0, head + len(table.rows), len(shown) - 1)
    sheet.write_string(head + len(table.rows) + 2, 0, words("source", source=table.source), formats.of("text"))


def _kinds(table: Table) -> set[str]:
    return {column.kind for column in table.columns}


def _put(sheet: Worksheet, i: int, j: int, value: Any, kind: str, row: str, formats: _Formats) -> float:
    """Write a cell: a number where there is one; returns its width in characters."""
    look = value.look if isinstance(value, Cell) else ""
    plain = value.value if isinstance(value, Cell) else value.rate if isinstance(value, Bar) else value
    if kind in NUMBERS or kind == "bar":
        if isinstance(plain, int | float) and math.isfinite(plain):
            sheet.write_number(i, j, plain, formats.of(kind, look, row))
        else:
            sheet.write_blank(i, j, None, formats.of(kind, look, row))
        return 6
    text = written(value, kind)  # type: ignore[arg-type]
    sheet.write_string(i, j, text, formats.of("text", look, row))
    return _width(text)


def _width(text: str) -> float:
    return len(text.encode("gb18030", "replace"))  # a Chinese character is as wide as two Latin ones
