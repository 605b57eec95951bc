"""Messy workbooks and text files, as schools send them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl
import xlwt

from engine.intake.cells import check_digit

Rows = Sequence[Sequence[object]]


def xlsx(path: Path, sheets: Mapping[str, Rows] | Rows, merges: Mapping[str, Sequence[str]] | None = None) -> Path:
    """A workbook; `merges` are ranges by sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in (sheets if isinstance(sheets, Mapping) else {"Sheet1": sheets}).items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        for area in (merges or {}).get(name, ()):
            sheet.merge_cells(area)
    book.save(path)
    return path


def xls(path: Path, rows: Rows, merges: Sequence[tuple[int, int, int, int]] = (), zeros: Sequence[int] = ()) -> Path:
    """An Excel 97 workbook; `merges`: rows from … to, columns from … to; `zeros`: columns shown as 00000000."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    merged = {(top, left): (top, bottom, left, right) for top, bottom, left, right in merges}
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if (i, j) in merged:
                sheet.write_merge(*merged[i, j], value)
            elif value is not None:
                style = xlwt.easyxf(num_format_str="00000000") if j in zeros else xlwt.Style.default_style
                sheet.write(i, j, value, style)
    book.save(str(path))
    return path


def text(path: Path, rows: Rows, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    data = io.StringIO(newline="")
    csv.writer(data, delimiter=delimiter).writerows([["" if cell is None else cell for cell in row] for row in rows])
    path.write_bytes(data.getvalue().encode(encoding))
    return path


def pupil_code(number: int) -> str:
    """A 学籍号 with the right check digit."""
    body = f"53042220130{1 + number % 9}1{number % 10000:04d}"[:17]
    return f"G{body}{check_digit(body)}"


ROSTER = [
    ["学籍号", "姓名", "班级", "学校", "考号"],
    [pupil_code(1), "王芳", "初二1班", "云岭一中", "26010101"],
    [pupil_code(2), "李强", "初二1班", "云岭一中", "26010102"],
    [pupil_code(3), "买买提·阿不都", "初二1班", "云岭一中", "26010103"],
    [pupil_code(4), "王芳", "初二2班", "云岭一中", "26010201"],
]


def exam_with_roster(folder: Path) -> Path:
    """An exam folder that has pupils, and nothing else."""
    folder.mkdir()
    text(folder / "roster.csv", ROSTER, "utf-8-sig")
    return folder
