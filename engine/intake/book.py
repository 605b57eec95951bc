"""Any file with tables in it as grids of text; content, not suffix, tells what it is."""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import InputError
from engine.files import csv_tables, decode, read_bytes
from engine.intake.grid import Grid
from engine.intake.webtable import read_web
from engine.intake.xls import read_xls
from engine.intake.xlsx import read_xlsx

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PAGE = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!doctype html|<html|<table|<meta|<head|<style|<div)", re.IGNORECASE)
_QUOTED_TEXT = re.compile(r'="([^"]*)"')  # ="0012": how some programs keep a spreadsheet from making it a number


def read_book(path: Path) -> list[Grid]:
    """The sheets of a workbook (.xlsx, .xls, .et, a web page named .xls), or the one table of a text file.

    Text is decoded by BOM, then as UTF-8, then as GB18030; UTF-16 without a BOM is told by its zeros. Comma, semicolon
    and tab separate cells: whichever makes most columns of most rows.

    Raises:
        InputError: the file can't be read, or has no cell that is not blank.
    """
    raw = read_bytes(path)
    if raw.startswith(_ZIP):
        grids = read_xlsx(raw, path)
    elif raw.startswith(_OLE):
        grids = read_xls(raw, path)
    else:
        text = decode(_with_bom(raw), path)
        grids = read_web(text, path) if _PAGE.match(text) else [_text_grid(text, path)]
    if not any(grid.rows for grid in grids):
        raise InputError("an empty table", file=path, mend="check that it is the right file")
    return grids


def _with_bom(raw: bytes) -> bytes:
    """UTF-16 that does not say so, as some programs write it, told by the zeros of its ASCII characters."""
    if not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = raw[:2000]
        if head[1::2].count(0) > len(head) // 8 and not head[0::2].count(0):
            return b"\xff\xfe" + raw
        if head[0::2].count(0) > len(head) // 8 and not head[1::2].count(0):
            return b"\xfe\xff" + raw
    return raw


def _text_grid(text: str, path: Path) -> Grid:
    def regular(rows: list[list[str]]) -> int:
        return sum(len(row) for row in rows if len(row) > 1)

    table = max(csv_tables(text, path), key=lambda one: (one.error is None, regular(one.rows)))
    if table.error is not None:
        raise table.error
    grid = Grid(path)
    for line, cells in enumerate(table.rows, 1):
        grid.add(line, [_QUOTED_TEXT.sub(r"\1", cell) if cell.startswith("=") else cell for cell in cells])
    return grid
