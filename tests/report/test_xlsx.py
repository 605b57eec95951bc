"""The workbook of a school: every point where it belongs, and no cell a spreadsheet would run or spoil."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from made_exam import FORMULA, HOSTILE_ID
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from engine.exam import Exam
from report.source import Part, Sheets, Source
from report.words import Words
from report.xlsx import sheet_name, workbook

WORDS = Words("zh")
HEAD, FIXED = 5, 5


@pytest.fixture(scope="module")
def parts(exam: Exam) -> dict[str, tuple[Source, Part, bytes]]:
    source = Source(exam, "zh")
    return {part.school: (source, part, workbook(source.reference, part, WORDS)) for part, _ in source.parts()}


def _sheet(data: bytes, index: int) -> Worksheet:
    return load_workbook(io.BytesIO(data)).worksheets[index]


def test_points_are_those_of_the_scores_table(exam: Exam, parts: dict[str, tuple[Source, Part, bytes]]) -> None:
    for _, part, data in parts.values():
        for index, subject in enumerate(exam.subjects):
            sheet = _sheet(data, index)
            assert sheet.title == subject.name
            sheets = Sheets.of(subject, *part.sheets[subject.code])
            assert [sheet.cell(HEAD, FIXED + 1 + j).value for j in range(len(subject.items))] == [
                i.item for i in subject.items
            ]
            assert [sheet.cell(1, FIXED + 1 + j).value for j in range(len(subject.items))] == [
                i.max for i in subject.items
            ]
            rows = {sheet.cell(r, 2).value: r for r in range(HEAD + 1, HEAD + 1 + len(sheets.students))}
            assert set(rows) == set(sheets.students)
            for i, student in enumerate(sheets.students):
                cells = [sheet.cell(rows[student], FIXED + k).value for k in range(len(subject.items) + 1)]
                expected = [None if np.isnan(x) else x for x in (sheets.total[i], *sheets.points[i])]
                assert cells == expected
                assert sheet.cell(rows[student], 4).value == WORDS(f"status.{sheets.status[i]}")


def test_means_are_over_those_who_count(exam: Exam, parts: dict[str, tuple[Source, Part, bytes]]) -> None:
    for _, part, data in parts.values():
        subject = exam.subjects[0]
        sheets, sheet = Sheets.of(subject, *part.sheets["math"]), _sheet(data, 0)
        klass = dict(zip(part.roster["student_id"].to_pylist(), part.roster["class"].to_pylist(), strict=True))
        of_class = np.array([klass[s] for s in sheets.students])
        first = HEAD + len(sheets.students) + 2
        for row, name in enumerate((*part.classes, part.school), first):
            chosen = sheets.counted & ((of_class == name) | (name == part.school))
            assert sheet.cell(row, 1).value == name
            assert sheet.cell(row, 5).value == pytest.approx(sheets.total[chosen].mean())
            assert sheet.cell(row, 6).value == pytest.approx(sheets.points[chosen, 0].mean())
        assert sheet.cell(3, 6).value == pytest.approx(sheets.points[sheets.counted, 0].mean())


def test_no_cell_is_a_formula_and_identifiers_are_text(parts: dict[str, tuple[Source, Part, bytes]]) -> None:
    seen = set()
    for _, _, data in parts.values():
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            for name in book.namelist():
                assert not re.search(rb"<f[ >]|<hyperlink|externalLink", book.read(name)), name
        sheet = _sheet(data, 0)
        for row in sheet.iter_rows(min_row=HEAD + 1, max_col=3):
            for cell in row:
                if cell.value is not None and cell.number_format == "@":
                    assert cell.data_type == "s" and cell.quotePrefix
                    seen.add(cell.value)
    assert {FORMULA, HOSTILE_ID} <= seen
    assert {value for value in seen if value.startswith("2024")}


def test_headers_stay_in_sight(exam: Exam, parts: dict[str, tuple[Source, Part, bytes]]) -> None:
    for _, _, data in parts.values():
        assert [sheet.freeze_panes for sheet in load_workbook(io.BytesIO(data)).worksheets] == ["F6"] * len(
            exam.subjects
        )


def test_equal_input_gives_equal_bytes(parts: dict[str, tuple[Source, Part, bytes]], built: Path) -> None:
    for source, part, data in parts.values():
        assert workbook(source.reference, part, WORDS) == data
        assert (built / "xlsx" / f"{part.school_file}.xlsx").read_bytes() == data


def testsheet_names_are_what_excel_accepts() -> None:
    taken: set[str] = set()
    names = [
        sheet_name(name, taken)
        for name in ("数学", "a/b:c*[d]?", "x" * 50, "x" * 49, "Math", "math", "'", "", "History", f"{26 * 'y'}'z")
    ]
    assert len({name.casefold() for name in names} - {"history"}) == len(names)
    assert all(
        0 < len(name) <= 31 and not re.search(r"[\[\]:*?/\\]", name) and name.strip("'") == name for name in names
    )
