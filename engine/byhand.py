"""What people add to a subject's folder by hand: marks.csv and corrections.csv.

marks.csv: points of constructed responses from elsewhere. Either a row a mark (student_id, item, points) or a row a
pupil with a column an item; pupils by student_id or candidate number; an empty cell is no mark.

corrections.csv: what a person decided after looking at a sheet (file, page, field, value, and a note if they like).
A correction replaces the mark and settles its doubt. It is written as the reader writes marks: letters in any order and
case, a number, points, "1" for an absent or violation mark, items of a choose group joined by "+"; empty for a blank.
On the field of the candidate number it says whose page it is, whatever the barcode says; "-" there, and only there,
sets the page aside: a spoilt copy, or one that was scanned again. Then the page counts for nobody. Without file and
page, "1" on the field "absent" of a student_id registers a pupil without a sheet as absent (缺考), and "1" on the field
"violation" one whose score counts in no statistics (违纪). "?" is not decided.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.errors import InputError, collecting, raise_all
from engine.exam import Exam, Item, Subject
from engine.files import Records, find_table, halfwidth, hint, read_records
from engine.forms import is_known
from engine.identity import SET_ASIDE_PAGE
from engine.points import parse_points, plain
from engine.roster import Pupils
from engine.rules import parse_number
from engine.tables import ABSENT, CHOOSE, FORM, SCORE, VIOLATION

SET_ASIDE = "-"
UNDECIDED = "?"  # as templates of corrections are filled with
ENOUGH_ERRORS = 1000  # then the file is another one altogether

_MARK_ALIASES = {
    "学籍号": "student_id",
    "考号": "student_id",
    "准考证号": "student_id",
    "candidate_no": "student_id",
    "题号": "item",
    "得分": "points",
    "分数": "points",
}
_CORRECTION_ALIASES = {
    "文件": "file",
    "页": "page",
    "字段": "field",
    "值": "value",
    "备注": "note",
    "学籍号": "student_id",
    "考号": "student_id",
    "准考证号": "student_id",
    "candidate_no": "student_id",
}


def plain_points(text: str, item: Item, step: Fraction) -> str | None:
    """Points without needless zeros, "3.50" → "3.5"; None if the item can't have them."""
    points = parse_points(text)
    return plain(points) if points is not None and 0 <= points <= item.max and not points % step else None


# ---- marks.csv


def load_marks(subject: Subject, pupils: Pupils) -> dict[str, np.ndarray]:
    """Points given elsewhere: item → text of points by pupil (row of the roster), "" where there is none.

    Raises:
        InputError: unknown pupil or item, impossible points, two different marks for the same response.
    """
    path = find_table(subject.folder, "marks")
    if path is None:
        return {}
    records = read_records(path, required=("student_id",), aliases=_MARK_ALIASES)
    items = {item.item: item for item in subject.items if item.type == "constructed"}
    marks = {name: np.full(len(pupils), "", dtype=object) for name in items}
    first: dict[tuple[str, int], int] = {}  # (item, pupil) → where the mark stands
    points_of = functools.cache(lambda name, text: plain_points(text, items[name], subject.step))
    errors: list[InputError] = []
    for i, name, column, text in _given(records, items):
        code = records.rows[i]["student_id"]
        pupil = pupils.find(code)
        if pupil < 0:
            mend = f"correct it, or add the pupil to the roster{pupils.like(code)}"
            errors.append(records.error(i, "student_id", f"no pupil {code!r} in the roster", mend))
        elif name not in items:
            message = f"{name!r} is no constructed-response item of {subject.code}"
            errors.append(records.error(i, "item", message, hint(name, items)))
        elif (points := points_of(name, text)) is None:
            full, step = plain(items[name].max), plain(subject.step)
            message = f"item {name}: {text!r} points, expected 0 to {full} in steps of {step}"
            errors.append(records.error(i, column, message, "correct the points; leave the cell empty for no mark"))
        elif marks[name][pupil] not in ("", points):
            line = records.lines[first[name, pupil]]
            message = f"item {name}: {points} points, but {marks[name][pupil]} in row {line}"
            errors.append(records.error(i, column, message, "keep one of the two marks"))
        else:
            marks[name][pupil] = points
            first.setdefault((name, pupil), i)
        if len(errors) > ENOUGH_ERRORS:
            break
    raise_all(errors)
    return marks


def _given(records: Records, items: Collection[str]) -> Iterator[tuple[int, str, str, str]]:
    """Every cell with points: row of the records, item, column, text. A table has a row a mark or a column an item."""
    if "item" in records.columns and "points" in records.columns:
        for i, row in enumerate(records.rows):
            if row["points"]:
                yield i, halfwidth(row["item"]), "points", halfwidth(row["points"])
        return
    columns = [column for column in records.columns if column in items]
    if not columns:
        raise InputError(
            f"no marks in the columns {', '.join(records.columns)}",
            file=records.path,
            row=1,
            column="points",
            mend="give the columns student_id, item, points, or student_id and a column for every item",
        )
    for i, row in enumerate(records.rows):
        for column in columns:
            if row[column]:
                yield i, column, column, halfwidth(row[column])


# ---- corrections.csv


@dataclass(frozen=True)
class Corrections:
    """Corrections found to fit the pages and marks they are for."""

    owner: dict[int, int] = field(default_factory=dict)  # row of pages → row of the roster, or SET_ASIDE_PAGE
    values: dict[int, str] = field(default_factory=dict)  # row of marks → value
    settled: set[tuple[str, int, str]] = field(default_factory=set)  # (file, page, field)
    absent: set[int] = field(default_factory=set)  # rows of the roster: registered absent
    violated: set[int] = field(default_factory=set)  # rows of the roster: registered for a violation

    def apply(self, marks: pa.Table) -> pa.Table:
        """The marks with corrected values, which are certain."""
        if not self.values:
            return marks
        rows = sorted(self.values)
        at = np.zeros(marks.num_rows, dtype=bool)
        at[rows] = True
        new = {
            "value": pa.array([self.values[row] for row in rows], pa.string()),
            "confidence": pa.array([1.0] * len(rows), pa.float32()),
            "flag": pa.array([""] * len(rows), pa.string()),
        }
        for name, replacement in new.items():
            column = pc.replace_with_mask(marks[name].combine_chunks(), at, replacement)
            marks = marks.set_column(marks.column_names.index(name), marks.schema.field(name), column)
        return marks


def load_corrections(subject: Subject, pupils: Pupils, pages: pa.Table, marks: pa.Table) -> Corrections:
    """Read corrections.csv or corrections.xlsx of the subject's folder, if there is one.

    Raises:
        InputError: a page or field that was not read, a value that the field can't have.
    """
    path = find_table(subject.folder, "corrections")
    if path is None:
        return Corrections()
    records = read_records(path, required=("file", "page", "field", "value"), aliases=_CORRECTION_ALIASES)
    page_row = {
        (file, str(page)): row
        for row, (file, page) in enumerate(zip(pages["file"].to_pylist(), pages["page"].to_pylist(), strict=True))
    }
    mark_row = _mark_rows(marks, {row["file"] for row in records.rows})
    read = dict(enumerate(pages["status"].to_pylist()))
    done = Corrections()
    first: dict[tuple[str, str, str], int] = {}  # (file, page, field) → where its correction stands
    errors: list[InputError] = []
    for i, row in enumerate(records.rows):
        file, page, name, value = row["file"], halfwidth(row["page"]), row["field"], halfwidth(row["value"])
        if value == UNDECIDED:
            continue
        with collecting(errors):
            if not file and not page and name in (ABSENT, VIOLATION):
                registered = done.absent if name == ABSENT else done.violated
                registered.add(_registered(records, i, value, pupils))
                continue
            if (file, page) not in page_row:
                message = f"no page {page} of {file!r} among the scans"
                raise records.error(i, "file", message, "copy file and page as they stand in exceptions.csv")
            other = first.setdefault((file, page, name), i)
            if records.rows[other]["value"] != row["value"]:
                message = f"{value!r}, but row {records.lines[other]} says {records.rows[other]['value']!r}"
                raise records.error(i, "value", message, "keep one of the two corrections")
            at = page_row[file, page]
            mark = mark_row.get((file, page, name))
            if name == subject.candidate_field:
                done.owner[at] = _owner(records, i, value, pupils, was_read=read[at] == "read")
                if mark is not None and value != SET_ASIDE:
                    done.values[mark] = value
            elif mark is None:
                fields = [known for one, number, known in mark_row if (one, number) == (file, page)]
                mend = hint(name, [*fields, subject.candidate_field]) if fields else "scan the page again"
                raise records.error(i, "field", f"no field {name!r} was read on that page", mend)
            else:
                try:
                    done.values[mark] = _plain_value(subject, name, value)
                except ValueError as problem:
                    mend = "write what is marked on the sheet; leave it empty for a blank"
                    raise records.error(i, "value", f"{value!r}: {problem}", mend) from None
            done.settled.add((file, int(page), name))
    raise_all(errors)
    return done


def check_by_hand(exam: Exam) -> None:
    """Read marks.csv and corrections.csv of every subject as far as that is possible without what was scanned.

    Raises:
        InputError: one of them says something impossible.
    """
    pupils = Pupils(exam.roster)
    for subject in exam.subjects:
        load_marks(subject, pupils)
        if subject.points_only:
            load_corrections(subject, pupils, tables.empty("pages"), tables.empty("marks"))


def template(subject: Subject, exceptions: pa.Table) -> pa.Table:
    """A corrections.csv of what it can settle of the exceptions, each value still undecided.

    Returns:
        file, page, field, student_id, value ("?"), suggestion, reason, detail, crop.
    """
    own = exceptions.filter(pc.equal(exceptions["subject"], subject.code))
    whose = pc.if_else(pc.equal(own["kind"], "page"), subject.candidate_field, own["field"])  # to be set aside
    rows = own.set_column(own.column_names.index("field"), "field", whose)
    rows = rows.filter(pc.is_valid(rows["field"]))
    rows = rows.append_column("value", pa.array([UNDECIDED] * rows.num_rows, pa.string()))
    return rows.select(["file", "page", "field", "student_id", "value", "suggestion", "reason", "detail", "crop"])


def _plain_value(subject: Subject, name: str, value: str) -> str:
    """A corrected value as the reader would have written it; fields that are no items' keep what is given.

    Raises:
        ValueError: the field can't have it; says what it can.
    """
    items = {item.item: item for item in subject.items}
    item = items.get(name.removeprefix(SCORE))
    if not value:
        return ""
    if name in (ABSENT, VIOLATION):
        if value != "1":
            raise ValueError("expected 1 or nothing")
    elif name == FORM:
        value = value.upper()
        if not is_known(subject, value):
            raise ValueError(f"expected {', '.join(sorted(subject.forms)) or 'A'}")
    elif name.startswith(CHOOSE):
        group = [other.item for other in subject.items if other.group == name.removeprefix(CHOOSE)]
        chosen = [part for part in re.split(r"[\s+,;、]+", value) if part]
        for other in chosen:
            if other not in group:
                raise ValueError(f"no item {other!r} in the choose group, expected {', '.join(group)}")
        value = "+".join(other for other in group if other in chosen)
    elif item is not None and name.startswith(SCORE):
        points = plain_points(value, item, subject.step)
        if points is None:
            raise ValueError(f"expected 0 to {plain(item.max)} in steps of {plain(subject.step)}")
        value = points
    elif item is not None and item.type == "number":
        if parse_number(value) is None and item.rule.partition(":")[0] != "text":
            raise ValueError("expected a number")
    elif item is not None and item.options:
        letters = set(re.sub(r"[\s,;、+]+", "", value).upper())
        if letters - set(item.options):
            raise ValueError(f"outside the options {item.options} of item {name}")
        value = "".join(letter for letter in item.options if letter in letters)
    return value


def _owner(records: Records, i: int, value: str, pupils: Pupils, *, was_read: bool) -> int:
    """Whose page a correction says it is."""
    if value == SET_ASIDE:
        return SET_ASIDE_PAGE
    pupil = pupils.find(value)
    if pupil < 0:
        mend = f"give a number of the roster, or {SET_ASIDE!r} to set the page aside{pupils.like(value)}"
        raise records.error(i, "value", f"no pupil {value!r} in the roster", mend)
    if not was_read:
        message = "this page was not read, so it can't count for anybody"
        raise records.error(i, "value", message, f"scan it again, and set this one aside: {SET_ASIDE!r}")
    return pupil


def _registered(records: Records, i: int, value: str, pupils: Pupils) -> int:
    """The pupil whom a correction without a page registers as absent or for a violation."""
    code = records.rows[i].get("student_id", "")
    pupil = pupils.find(code)
    if pupil < 0:
        mend = f"give file and page of a sheet, or the student_id of a pupil without one{pupils.like(code)}"
        raise records.error(i, "student_id", f"no pupil {code!r} in the roster", mend)
    if value != "1":
        mend = "write 1 if it is so; take the row out if not"
        raise records.error(i, "value", f"{value!r}: expected 1", mend)
    return pupil


def _mark_rows(marks: pa.Table, files: set[str]) -> dict[tuple[str, str, str], int]:
    """(file, page, field) → row of marks, for the pages of some files."""
    rows = np.flatnonzero(pc.is_in(marks["file"], value_set=pa.array(sorted(files), pa.string())).to_numpy())
    some = marks.select(["file", "page", "field"]).take(pa.array(rows))
    keys = zip(some["file"].to_pylist(), map(str, some["page"].to_pylist()), some["field"].to_pylist(), strict=True)
    return dict(zip(keys, rows.tolist(), strict=True))
