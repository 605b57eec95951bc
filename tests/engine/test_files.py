"""engine.files: every kind of table that people send, and the message for every kind that can't be read."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import files
from engine.errors import MOST_SHOWN, InputError, InputErrors
from engine.files import halfwidth, is_damaged, is_safe, read_records

ALIASES = {"学籍号": "student_id", "姓名": "name", "班级": "class"}
TEXT = "学籍号,姓名,班级\nG1,李㛃,初二1班\nG2,买买提·阿不都,初二2班\n"


def write(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def workbook(folder: Path, rows: list[list[object]], formats: dict[str, str] | None = None) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cell, number_format in (formats or {}).items():
        book.active[cell].number_format = number_format
    path = folder / "table.xlsx"
    book.save(path)
    return path


def fails(path: Path, **kwargs: object) -> str:
    with pytest.raises(InputError) as caught:
        read_records(path, **kwargs)  # type: ignore[arg-type]
    text = str(caught.value)
    assert str(path) in text and "To mend:" in text
    return text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = write(tmp_path, TEXT.replace(",", delimiter).encode(encoding))
    records = read_records(path, required=("student_id", "name"), aliases=ALIASES)
    assert records.columns == ["student_id", "name", "class"]
    assert records.rows[0] == {"student_id": "G1", "name": "李㛃", "class": "初二1班"}
    assert records.rows[1]["name"] == "买买提·阿不都"
    assert records.lines == [2, 3]


def test_text_that_is_in_no_known_encoding(tmp_path: Path) -> None:
    text = fails(write(tmp_path, b"student_id\nG1\n\xff\xff\xff\n"))
    assert "row 3" in text and "UTF-8" in text


def test_titles_blank_rows_and_far_columns(tmp_path: Path) -> None:
    rows = [
        ["云岭一中考生名单"],
        [],
        ["学籍号", None, "姓名"],
        [],
        [" Ｇ１ ", None, "张　三 "],
        [None, None, None],
        ["G2"],
    ]
    records = read_records(workbook(tmp_path, rows), required=("student_id", "name"), aliases=ALIASES)
    assert records.rows == [{"student_id": "G1", "name": "张　三"}, {"student_id": "G2", "name": ""}]
    assert records.lines == [5, 7]
    error = records.error(1, "name", "the cell is empty", "fill it in")
    assert (error.row, error.column) == (7, "姓名")


def test_names_are_composed_and_identifiers_are_ascii(tmp_path: Path) -> None:
    path = write(tmp_path, "student_id,name\nＬ５３０１,e\u0301\n")  # é in two characters
    assert read_records(path).rows == [{"student_id": "L5301", "name": "é"}]


def test_cells_of_a_workbook_read_as_a_person_sees_them(tmp_path: Path) -> None:
    rows = [["student_id", "max", "seat", "yes"], [26010101, 1.5, 7, True], ["0012", 3.0, 12, None]]
    records = read_records(workbook(tmp_path, rows, {"C2": "00", "A2": "0000000000"}))
    assert records.rows[0] == {"student_id": "0026010101", "max": "1.5", "seat": "07", "yes": "TRUE"}
    assert records.rows[1] == {"student_id": "0012", "max": "3", "seat": "12", "yes": ""}


@pytest.mark.parametrize("value", ["1.23E+17", "1E+17", "5.30102e+17", "110101200801010000", "123456789012345000"])
def test_damaged_identifiers_are_refused(tmp_path: Path, value: str) -> None:
    text = fails(write(tmp_path, f"学籍号,姓名\nG1,甲\n{value},乙\n"), aliases=ALIASES)
    assert "row 3" in text and "'学籍号'" in text and value in text and "as text" in text


@pytest.mark.parametrize("value", [110101200801011234, 1.10101200801011e17, 1234567890123456])
def test_numbers_beyond_fifteen_digits_in_a_workbook_are_refused(tmp_path: Path, value: float) -> None:
    text = fails(workbook(tmp_path, [["student_id"], ["G1"], [value]]))
    assert "row 3" in text and "'student_id'" in text and "E+" in text


def test_a_whole_column_of_rounded_numbers_is_refused_but_not_one_that_really_ends_so(tmp_path: Path) -> None:
    damaged = ["2026010100000010", "2026010100000020"]
    text = fails(write(tmp_path, "candidate_no\n" + "\n".join(damaged)))
    assert "row 2" in text and "row 3" in text
    kept = [*damaged, "2026010100000021"]
    assert len(read_records(write(tmp_path, "candidate_no\n" + "\n".join(kept))).rows) == 3


@given(st.integers(10**16, 10**17 - 1))
def test_intact_resident_numbers_are_not_damaged_and_rounded_ones_mostly_are(body: int) -> None:
    """The check digit by its definition: Σ aᵢ·2^(17−i) mod 11, of the 17 digits, against the table 10X98765432."""
    digits = str(body)
    check = "10X98765432"[sum(int(digit) * (2 ** (17 - i) % 11) for i, digit in enumerate(digits)) % 11]
    if digits[14:] != "000":
        assert not is_damaged(digits + check)
    if not digits[15:].strip("0") and check != "0":
        assert is_damaged(digits + "0")


def test_other_columns_may_hold_any_number(tmp_path: Path) -> None:
    assert read_records(write(tmp_path, "student_id,note\nG1,1.23E+17\n")).rows[0]["note"] == "1.23E+17"


def test_missing_column_names_what_was_found_and_the_closest(tmp_path: Path) -> None:
    text = fails(write(tmp_path, "学藉号,姓名\nG1,甲\n"), required=("student_id", "name"), aliases=ALIASES)
    assert "row 1" in text and "'student_id'" in text and "学藉号, 姓名" in text and "rename '学藉号'" in text


def test_two_columns_for_the_same_thing(tmp_path: Path) -> None:
    text = fails(write(tmp_path, "student_id,学籍号\nG1,G2\n"), aliases=ALIASES)
    assert "row 1" in text and "student_id, 学籍号" in text


def test_a_row_longer_than_the_header(tmp_path: Path) -> None:
    text = fails(write(tmp_path, "student_id,name\nG1,甲\nG2,乙,丙\n"))
    assert "row 3" in text and "3 cells where the header has 2" in text


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv", b"", "empty table"),
        ("a.csv", b"\n , \n", "empty table"),
        ("a.csv", b'id,name\n1,"open\n', "row 2"),
        ("a.csv", b'id,name\n1,a;b\n2,"open\n', "row 3"),
        ("a.csv", b"id\0name", "not a text file"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), ".xls"),
        ("a.xlsx", b"PK\x03\x04 not a workbook", "damaged XLSX"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    assert says in fails(write(tmp_path, data, name))


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    assert "no such file" in fails(tmp_path / "none.csv")
    assert "can't be opened" in fails(tmp_path)


def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 1 << 20)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(2 << 20))
    assert "when unpacked" in fails(write(tmp_path, packed.getvalue(), "bomb.xlsx"))


def test_many_errors_are_capped(tmp_path: Path) -> None:
    path = write(tmp_path, "student_id\n" + "1.2E+17\n" * 100)
    with pytest.raises(InputErrors) as caught:
        read_records(path)
    assert len(caught.value.errors) == MOST_SHOWN + 1
    assert f"{100 - MOST_SHOWN} more" in str(caught.value)


def test_find_table_refuses_two_files_of_the_same_name(tmp_path: Path) -> None:
    assert files.find_table(tmp_path, "roster") is None
    write(tmp_path, "a\n", "roster.csv")
    assert files.find_table(tmp_path, "roster") == tmp_path / "roster.csv"
    write(tmp_path, "a\n", "roster.xlsx")
    with pytest.raises(InputError, match=r"roster\.xlsx is there as well"):
        files.find_table(tmp_path, "roster")


def test_helpers() -> None:
    assert halfwidth("Ａ１：（２）") == "A1:(2)"
    assert [is_safe(name) for name in ("G53", "a/b", "a\\b", "..", "", "a\nb", "甲·乙")] == [
        True,
        False,
        False,
        False,
        False,
        False,
        True,
    ]
    assert files.hint("sinle", ["single", "multiple"]) == "did you mean 'single'?"


cells = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), max_size=8)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6), st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]))
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], encoding: str
) -> None:
    """Every cell comes back but for surrounding space and composition, at the row it was written to."""
    text = io.StringIO()
    csv.writer(text).writerows([("one", "other"), *rows])
    path = write(tmp_path_factory.mktemp("files"), text.getvalue().encode(encoding))
    if encoding == "gb18030":
        try:  # bytes of GB18030 that happen to be UTF-8 as well are read as UTF-8, by the rule
            path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return
    wanted = {i: tuple(map(files.clean, row)) for i, row in enumerate(rows, 2)}
    records = read_records(path, identifiers=())
    assert {line: (row["one"], row["other"]) for line, row in zip(records.lines, records.rows, strict=True)} == {
        line: row for line, row in wanted.items() if any(row)
    }
