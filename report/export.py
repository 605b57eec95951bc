"""Any table as Parquet, CSV or XLSX."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import xlsxwriter

from engine.errors import UsageError
from engine.tables import plain_cell, write_bytes, write_csv

MOST_ROWS = 1_048_575  # of an XLSX sheet, below its header


def export(table: pa.Table, to: str, path: Path) -> None:
    """Write a table as "parquet", "csv" or "xlsx", whole or not at all.

    Text that a spreadsheet would run as a formula is disarmed; text stays text, so that identifiers keep their digits.

    Raises:
        UsageError: another format, or more rows than an XLSX sheet holds.
    """
    if to == "csv":
        write_csv(table, path)
    elif to == "parquet":
        sink = pa.BufferOutputStream()
        parquet.write_table(table, sink)
        write_bytes(memoryview(sink.getvalue()), path)
    elif to == "xlsx":
        write_bytes(_workbook(table), path)
    else:
        raise UsageError(f"cannot export to {to!r}", mend="choose parquet, csv or xlsx")


def _workbook(table: pa.Table) -> bytes:
    if table.num_rows > MOST_ROWS:
        raise UsageError(f"{table.num_rows:,} rows, an XLSX sheet holds {MOST_ROWS:,}", mend="export to csv or parquet")
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, {"in_memory": True})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for j, name in enumerate(table.column_names):
        sheet.write_string(0, j, name, bold)
        for i, value in enumerate(table[name].to_pylist(), 1):
            if isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
                sheet.write(i, j, value)
            elif value is not None:
                sheet.write_string(i, j, plain_cell(value))
    sheet.freeze_panes(1, 0)
    book.close()
    return data.getvalue()
