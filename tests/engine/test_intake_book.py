"""engine.intake.book: every kind of file becomes the same grid of text."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import openpyxl
import pytest
from intake_files import text, xls, xlsx
from openpyxl.styles import PatternFill

from engine.errors import InputError
from engine.intake import xlsx as xlsx_reader
from engine.intake.book import read_book
from engine.intake.grid import column_name

ROWS = [["姓名", "学号", "数学"], ["王芳", "001", "88.5"], ["李㛃", "002", "90"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_in_every_encoding(tmp_path: Path, encoding: str, delimiter: str) -> None:
    (grid,) = read_book(text(tmp_path / "a.csv", ROWS, encoding, delimiter))
    assert grid.rows == ROWS
    assert grid.lines == [1, 2, 3]


def test_a_workbook_and_an_old_workbook_read_the_same(tmp_path: Path) -> None:
    rows = [
        ["名册", None, None],
        ["姓名", "考号", "数学"],
        ["王芳", 26010101, 88.5],
        [None, None, None],
        ["李强", 7, 90],
    ]
    (new,) = read_book(xlsx(tmp_path / "a.xlsx", rows, {"Sheet1": ["A1:C1"]}))
    (old,) = read_book(xls(tmp_path / "a.xls", rows, [(0, 0, 0, 2)]))
    assert (
        new.rows
        == old.rows
        == [["名册"] * 3, ["姓名", "考号", "数学"], ["王芳", "26010101", "88.5"], ["李强", "7", "90"]]
    )
    assert new.lines == old.lines == [1, 2, 3, 5]


def test_leading_zeros_that_a_format_shows_are_read(tmp_path: Path) -> None:
    (grid,) = read_book(xls(tmp_path / "a.xls", [["考号", "分"], [26010101 - 26000000, 5]], zeros=[0]))
    assert grid.rows[1] == ["00010101", "5"]


def test_cells_as_a_person_sees_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([88.0, 1.5, 110101200801011234, True, datetime.date(2026, 11, 10), "  Ａ ", 0.1 + 0.2])
    sheet.append([12])
    sheet["A2"].number_format = "0000"
    sheet["B2"] = "=SUM(A1:A1)"
    sheet["C2"] = "#N/A"
    book.save(tmp_path / "a.xlsx")
    (grid,) = read_book(tmp_path / "a.xlsx")
    assert grid.rows[0] == ["88", "1.5", "1.10101E+17", "TRUE", "2026-11-10", "Ａ", "0.3"]
    assert grid.rows[1] == ["0012", "=SUM(A1:A1)", "#N/A"]  # the formula has no result in the file


def test_what_is_hidden_is_known(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in ROWS:
        sheet.append(row)
    sheet.row_dimensions[2].hidden = True
    sheet.column_dimensions["B"].hidden = True
    book.create_sheet("选项").sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    grid, options = read_book(tmp_path / "a.xlsx")
    assert (grid.hidden_lines, grid.hidden_places, grid.hidden, options.hidden) == ({2}, {1}, False, True)


def test_cells_merged_downwards_are_filled(tmp_path: Path) -> None:
    rows = [["班级", "姓名"], ["一班", "王芳"], [None, "李强"], [None, "张三"], ["二班", "赵四"]]
    (grid,) = read_book(xlsx(tmp_path / "a.xlsx", rows, {"Sheet1": ["A2:A4"]}))
    assert grid.column(0, [1, 2, 3, 4]) == ["一班", "一班", "一班", "二班"]


def test_a_web_page_named_xls(tmp_path: Path) -> None:
    page = """<html><head><meta charset="gb2312"><style>td{mso-number-format:"\\@"}</style></head><body><table>
    <tr><td colspan=3>名册</td></tr>
    <tr><th rowspan=2>姓名</th><th colspan=2>数学</th></tr><tr><td>分数</td><td>班次</td>
    <tr><td>王&nbsp;芳</td><td>88<td>1</tr></table></body></html>"""
    path = tmp_path / "a.xls"
    path.write_bytes(page.encode("gbk"))
    (grid,) = read_book(path)
    assert grid.rows == [["名册"] * 3, ["姓名", "数学", "数学"], ["姓名", "分数", "班次"], ["王 芳", "88", "1"]]


def test_text_kept_from_being_a_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('学号,姓名\n"=""0012""",王芳\n')
    assert read_book(path)[0].rows[1] == ["0012", "王芳"]


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 no zip",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        b"",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"a,\xff\xff\n",
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_book(path)
    assert str(path) in str(caught.value) and caught.value.mend


def test_column_names() -> None:
    assert [column_name(place) for place in (0, 25, 26, 701, 702, 16383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


# ---- hostile files


def repacked(path: Path, parts: dict[str, bytes]) -> Path:
    """The workbook with some of its parts replaced."""
    old = {name: zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (old | parts).items():
            archive.writestr(name, data)
    return path


def sheet_of(body: str, head: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{body}</sheetData></worksheet>"
    ).encode()


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return xlsx(tmp_path / "a.xlsx", ROWS)


def test_entities_are_refused(plain: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    for part in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"):
        data = sheet_of('<row r="1"><c r="A1" t="str"><v>&b;</v></c></row>', bomb)
        with pytest.raises(InputError, match="document type"):
            read_book(repacked(plain, {part: data}))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert xlsx_reader.MAX_BYTES == 1 << 30
    monkeypatch.setattr(xlsx_reader, "MAX_BYTES", 1 << 22)
    with zipfile.ZipFile(plain, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/x.bin", "w") as part:
        for _ in range(5):
            part.write(bytes(1 << 20))
    with pytest.raises(InputError, match="gigabyte"):
        read_book(plain)


def test_a_cell_far_out_takes_no_memory(plain: Path) -> None:
    far = sheet_of('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    with pytest.raises(InputError, match="XFD"):
        read_book(repacked(plain, {"xl/worksheets/sheet1.xml": far}))
    low = sheet_of('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="B1048576"><v>2</v></c></row>')
    (grid,) = read_book(repacked(plain, {"xl/worksheets/sheet1.xml": low}))
    assert (grid.lines, grid.rows) == ([1, 1048576], [["1"], ["", "2"]])


def test_a_hundred_thousand_formatted_empty_rows_are_no_rows(plain: Path) -> None:
    body = '<row r="1"><c r="A1" t="inlineStr"><is><t>姓名</t></is></c></row>'
    body += "".join(f'<row r="{i}"><c r="A{i}" s="1"/><c r="B{i}" s="1" /></row>' for i in range(2, 100_000))
    (grid,) = read_book(repacked(plain, {"xl/worksheets/sheet1.xml": sheet_of(body)}))
    assert grid.rows == [["姓名"]]


def test_cells_that_do_not_say_where_they_are_count_their_place(plain: Path) -> None:
    data = sheet_of('<row><c s="1"/><c><v>2</v></c></row><row></row><row><c><v>3</v></c></row>')
    (grid,) = read_book(repacked(plain, {"xl/worksheets/sheet1.xml": data}))
    assert (grid.lines, grid.rows) == ([1, 3], [["", "2"], ["3"]])


def test_a_merged_range_over_the_whole_sheet_fills_only_what_is_there(plain: Path) -> None:
    data = sheet_of('<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="B2"><v>2</v></c></row>').replace(
        b"</worksheet>",
        b'<mergeCells><mergeCell ref="A1:XFD1048576"/><mergeCell ref="A1:A1048576"/></mergeCells></worksheet>',
    )
    (grid,) = read_book(repacked(plain, {"xl/worksheets/sheet1.xml": data}))
    assert grid.rows == [["1"], ["1", "2"]]


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="1A"><v>1</v></c>',
        '<c r="A1" t="s"><v>99</v></c>',
        '<c r="A1"><v>x</v></c>',
        '<c r="A1" s="99"><v>1</v></c><c',
    ],
)
def test_damaged_sheets_are_refused_in_words(plain: Path, cell: str) -> None:
    with pytest.raises(InputError, match="damaged"):
        read_book(repacked(plain, {"xl/worksheets/sheet1.xml": sheet_of(f'<row r="1">{cell}</row>')}))


def test_links_to_other_workbooks_are_not_followed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["姓名", "='[/etc/passwd]Sheet1'!A1", '=WEBSERVICE("http://example.org")'])
    book.active["A1"].fill = PatternFill("solid", fgColor="FF0000")
    book.save(tmp_path / "a.xlsx")
    (grid,) = read_book(tmp_path / "a.xlsx")
    assert grid.rows == [["姓名", "='[/etc/passwd]Sheet1'!A1", '=WEBSERVICE("http://example.org")']]


def test_a_workbook_with_a_password_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(InputError, match="password"):
        read_book(path)
