"""One workbook a school: 小题分, a sheet a subject, pupils down and items across."""

from __future__ import annotations

import datetime
import io
import re

import numpy as np
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from engine.exam import Subject
from engine.scoring import full_mark
from report.source import Part, Reference, Sheets
from report.words import Words

_FIXED = 5  # columns before the first item: class, student_id, name, status, total
_HEAD = 5  # rows before the first pupil: item, full mark, key, rate in the school, rate of all

OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
BASE = {"font_name": "Microsoft YaHei", "font_size": 10}


def workbook(ref: Reference, part: Part, words: Words) -> bytes:
    """The school's workbook. Names and identifiers are text cells that no program takes for formulas or numbers."""
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, OPTIONS)
    book.set_properties({"title": part.school, "created": datetime.datetime.combine(ref.exam.date, datetime.time())})
    formats = {
        "text": book.add_format(BASE | {"num_format": "@", "quote_prefix": True}),
        "head": book.add_format(
            BASE | {"bold": True, "bg_color": "#DBE6EF", "align": "center", "bottom": 1, "quote_prefix": True}
        ),
        "label": book.add_format(BASE | {"bold": True, "bg_color": "#DBE6EF", "bottom": 1}),
        "points": book.add_format(BASE | {"num_format": "0.##########"}),
        "rate": book.add_format(BASE | {"num_format": "0.0%", "font_color": "#667484", "align": "center"}),
        "mean": book.add_format(BASE | {"num_format": "0.00", "bold": True, "bg_color": "#F5F7F9"}),
        "mean_label": book.add_format(BASE | {"bold": True, "bg_color": "#F5F7F9", "quote_prefix": True}),
    }
    names: set[str] = set()
    for subject in ref.exam.subjects:
        sheet = book.add_worksheet(sheet_name(subject.name, names))
        _fill(sheet, formats, ref, part, subject, words)
    book.close()
    return data.getvalue()


def sheet_name(name: str, taken: set[str]) -> str:
    """A name Excel accepts: at most 31 characters, none of []:*?/\\, different without regard to case."""
    plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", "_", name)[:27].strip("'") or "_"
    found, count = plain, 1
    while found.casefold() in taken or found.casefold() == "history":  # Excel keeps this name for itself
        count += 1
        found = f"{plain}_{count}"
    taken.add(found.casefold())
    return found


def _fill(
    sheet: Worksheet, formats: dict[str, Format], ref: Reference, part: Part, subject: Subject, words: Words
) -> None:
    sheets = Sheets.of(subject, *part.sheets[subject.code])
    _header(sheet, formats, ref, part, subject, words)
    roster = {row["student_id"]: row for row in part.roster.to_pylist()}
    klass = [roster[student]["class"] for student in sheets.students]
    order = sorted(range(len(klass)), key=lambda i: (part.classes.index(klass[i]), sheets.students[i]))
    for row, i in enumerate(order, _HEAD):
        student = sheets.students[i]
        for column, text in enumerate((klass[i], student, roster[student]["name"])):
            sheet.write_string(row, column, text, formats["text"])
        sheet.write_string(row, 3, words.code("status", str(sheets.status[i])), formats["text"])
        _numbers(sheet, row, 4, [sheets.total[i], *sheets.points[i]], formats["points"])
    last = _HEAD + len(order) - 1
    if order:
        sheet.autofilter(_HEAD - 1, 0, last, _FIXED - 1 + len(subject.items))
    means = [
        (words("sheet.class_mean"), name, sheets.counted & np.array([k == name for k in klass], dtype=bool))
        for name in part.classes
    ]
    means.append((words("sheet.school_mean"), part.school, sheets.counted))
    for row, (label, name, chosen) in enumerate(means, last + 2):
        for column, text in enumerate((name, label, "", "")):
            sheet.write_string(row, column, text, formats["mean_label"])
        table = np.column_stack([sheets.total, sheets.points])[chosen]
        present = (~np.isnan(table)).sum(0)
        mean = np.divide(np.nansum(table, axis=0), present, out=np.full(table.shape[1], np.nan), where=present > 0)
        _numbers(sheet, row, 4, mean, formats["mean"])


def _header(
    sheet: Worksheet, formats: dict[str, Format], ref: Reference, part: Part, subject: Subject, words: Words
) -> None:
    labels = (words("class"), words("student_id"), words("pupil"), words("sheet.status"), words("sheet.total"))
    for column, text in enumerate(labels):
        sheet.write_string(_HEAD - 1, column, text, formats["label"])
    for row, key in enumerate(("sheet.full", "sheet.key", "sheet.rate", "sheet.all")):
        sheet.write_string(row, 0, words(key), formats["label"])
    sheet.write_number(0, 4, float(full_mark(subject)), formats["points"])
    for column, item in enumerate(subject.items, _FIXED):
        sheet.write_number(0, column, float(item.max), formats["points"])
        sheet.write_string(1, column, item.key, formats["text"])
        rate = ref.items[subject.code].get(item.item, {}).get("difficulty")
        _numbers(sheet, 2, column, [part.school_rates[subject.code][column - _FIXED]], formats["rate"])
        _numbers(sheet, 3, column, [np.nan if rate is None else rate], formats["rate"])
        sheet.write_string(_HEAD - 1, column, item.item, formats["head"])
    sheet.freeze_panes(_HEAD, _FIXED)
    for first, last, width in (
        (0, 0, 14),
        (1, 1, 22),
        (2, 2, 12),
        (3, 4, 8),
        (_FIXED, _FIXED + len(subject.items) - 1, 6.5),
    ):
        sheet.set_column(first, last, width)


def _numbers(sheet: Worksheet, row: int, column: int, values: object, how: Format) -> None:
    for offset, value in enumerate(values):  # type: ignore[arg-type,var-annotated]
        if np.isnan(value):
            sheet.write_blank(row, column + offset, None, how)
        else:
            sheet.write_number(row, column + offset, float(value), how)
