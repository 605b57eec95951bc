"""Workbooks of Excel 97-2003 and of WPS (.xls, .et), by xlrd."""

from __future__ import annotations

import os
from pathlib import Path

import xlrd
from xlrd.sheet import Cell, Sheet

from engine.errors import InputError
from engine.files import cell_text, clean
from engine.intake.grid import Grid

_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # what an .xlsx with a password is inside


def read_xls(raw: bytes, path: Path) -> list[Grid]:
    """The worksheets of a workbook, in order.

    Raises:
        InputError: damaged, of Excel 95 or before, or protected by a password.
    """
    if _ENCRYPTED in raw:
        mend = "open it, take the password away (文件 → 信息 → 保护工作簿), and save it again"
        raise InputError("the workbook is protected by a password", file=path, mend=mend)
    try:
        with open(os.devnull, "w") as silence:
            book = xlrd.open_workbook(file_contents=raw, formatting_info=True, ragged_rows=True, logfile=silence)
        return [_grid(book, sheet, path) for sheet in book.sheets()]
    except InputError:
        raise
    except Exception as error:  # xlrd lets through whatever its parsers raise
        raise InputError(
            f"a damaged or protected .xls file ({type(error).__name__}: {error})",
            file=path,
            mend="open it in a spreadsheet and save it as .xlsx (Excel 工作簿) without a password",
        ) from None


def _grid(book: xlrd.Book, sheet: Sheet, path: Path) -> Grid:
    grid = Grid(path, clean(sheet.name), hidden=bool(sheet.visibility))
    grid.hidden_lines = {row + 1 for row, info in sheet.rowinfo_map.items() if info.hidden}
    grid.hidden_places = {place for place, info in sheet.colinfo_map.items() if info.hidden}
    for row in range(sheet.nrows):
        grid.add(row + 1, [_text(book, cell) for cell in sheet.row(row)])
    grid.fill([(top + 1, left, bottom, right - 1) for top, bottom, left, right in sheet.merged_cells])
    return grid


def _text(book: xlrd.Book, cell: Cell) -> str:
    if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
        return ""
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, "#VALUE!"))
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return str(bool(cell.value)).upper()
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return cell_text(xlrd.xldate_as_datetime(cell.value, book.datemode))
        except (ValueError, OverflowError):
            pass
    if isinstance(cell.value, str):
        return clean(cell.value)
    return cell_text(cell.value, book.format_map[book.xf_list[cell.xf_index].format_key].format_str)
