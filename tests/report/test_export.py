"""A table keeps its values in every format, and a spreadsheet runs nothing."""

from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engine.errors import UsageError
from report.export import export

TABLE = pa.table(
    {
        "student_id": ["530112201005123456", "00017", None],
        "name": ["=cmd|'/c calc'!A1", "阿依古丽·买买提", "-2.5"],
        "rate": [0.25, None, 1.0],
    }
)


def test_parquet_is_the_same_table(tmp_path: Path) -> None:
    export(TABLE, "parquet", tmp_path / "t.parquet")
    assert parquet.read_table(tmp_path / "t.parquet").equals(TABLE)


def test_csv_opens_in_a_spreadsheet_and_runs_nothing(tmp_path: Path) -> None:
    export(TABLE, "csv", tmp_path / "t.csv")
    raw = (tmp_path / "t.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.decode("utf-8-sig").splitlines() == [
        "student_id,name,rate",
        "530112201005123456,'=cmd|'/c calc'!A1,0.25",
        "00017,阿依古丽·买买提,",
        ",-2.5,1",
    ]


def test_xlsx_keeps_identifiers_as_text(tmp_path: Path) -> None:
    export(TABLE, "xlsx", tmp_path / "t.xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "t.xlsx").active.iter_rows(values_only=True))
    assert rows == [
        ("student_id", "name", "rate"),
        ("530112201005123456", "'=cmd|'/c calc'!A1", 0.25),
        ("00017", "阿依古丽·买买提", None),
        (None, "-2.5", 1),
    ]


def test_what_is_no_number_is_text(tmp_path: Path) -> None:
    export(pa.table({"rate": [0.5, float("nan"), float("-inf")], "list": [[1], [], None]}), "xlsx", tmp_path / "t.xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "t.xlsx").active.iter_rows(values_only=True))
    assert rows == [("rate", "list"), (0.5, "[1]"), ("nan", "[]"), ("-inf", None)]


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="docx"):
        export(TABLE, "docx", tmp_path / "t.docx")
    assert list(tmp_path.iterdir()) == []
