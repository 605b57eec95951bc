"""From pages and marks to responses: each page finds its pupil (engine/identity.py), each pupil their answers.

What a person must decide becomes a row of `exceptions`; nothing is chosen silently:

- Pages that belong to nobody stay out. Their pupils are 'missing' and are listed as such.
- A sheet whose absent mark contradicts its answers, or whose form (A/B) is unknown, counts as 'missing' with null
  answers until corrections.csv decides.
- Items on a side that is missing are null; a constructed response without a mark, or with two different ones, is blank
  (""). The pupil is listed and 'incomplete' while the total needs something that is not known.
- Flagged marks keep their value; the reader has listed them.

Accounts: "pages" in = read + exception + set_aside, where read pages are those that belong to a pupil; "pupils"
registered = read + absent + missing; lines "violation" (违纪) and "incomplete" say how many of the read are so.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import forms
from engine.answers import answers
from engine.byhand import Corrections, load_corrections, load_marks
from engine.exam import Exam, Subject
from engine.identity import NOBODY, PAGE_REASONS, SET_ASIDE_PAGE, PageIds, Reason, identify, settle_duplicates
from engine.notes import Notes
from engine.points import plain
from engine.roster import Pupils
from engine.rules import rule
from engine.sheets import Coded, Sheets, page_rows
from engine.tables import ABSENT, CHOOSE, FORM, LABEL, SCORE, STATUS, VIOLATION, build

ACCOUNTS = {  # account → its whole, and the lines that make it up
    "pages": ("in", ("read", "exception", "set_aside")),
    "pupils": ("registered", ("read", "absent", "missing")),
}
READ, ABSENCE, MISSING, VIOLATED, INCOMPLETE = range(len(STATUS))  # codes of STATUS


@dataclass(frozen=True)
class Matched:
    """What matching gives.

    Attributes:
        responses: student_id, status, form, an ANSWER column an item in canonical order and options, and
            "choose:<group>" where the sheet has such a field. Rows in the order of the roster.
        marks: as read, corrections applied.
        exceptions: the reader's that are still open, with their pupil where known, and those of matching.
        accounts: pages and pupils.
    """

    responses: pa.Table
    marks: pa.Table
    exceptions: pa.Table
    accounts: pa.Table


def match(
    exam: Exam,
    subject: Subject,
    pages: pa.Table,
    marks: pa.Table,
    exceptions: pa.Table,
    sides: Mapping[int, Collection[str]] | None = None,
) -> Matched:
    """Match what was read of a subject to the roster; reads the subject's marks.csv and corrections.csv.

    Args:
        pages, marks, exceptions: what the reader wrote; rows of other subjects are left alone.
        sides: the names of the fields on each page of the sheet, from 1. Without it a side that came back from nobody
            is not missed.

    Raises:
        InputError: marks.csv or corrections.csv says something impossible.
    """
    pupils = Pupils(exam.roster)
    pages, marks, exceptions = (_own(table, subject.code) for table in (pages, marks, exceptions))
    given = load_marks(subject, pupils)
    corrections = load_corrections(subject, pupils, pages, marks)
    marks = corrections.apply(marks)
    coded = Coded.of(pages, marks)

    ids = _page_ids(subject, pages, coded)
    identify(ids, pupils, corrections.owner)
    settle_duplicates(ids, coded.contents, pupils)
    sides = sides or {}
    sheets = Sheets.of(coded, ids, len(pupils), sides)

    notes = Notes(subject.code, pupils, ids.file, pages["page"].to_pylist(), sheets.first_page)
    notes.pages(ids)
    status = _status(subject, sheets, given, notes, marks_only=pages.num_rows == 0)
    form = sheets.text(FORM)
    _note_unknown_forms(subject, sheets, form, status, notes)
    present = _is_present(status)
    _missing_sides(sheets, ids, sides, present, notes)
    columns, unknown = answers(subject, sheets, form, given, present, notes)
    status[unknown] = INCOMPLETE

    responses = pa.table(
        {
            "student_id": pa.array(pupils.ids, pa.string()),
            "status": pa.DictionaryArray.from_arrays(pa.array(status, pa.int32()), pa.array(STATUS)).cast(LABEL),
            "form": pa.array(np.where(present, form, ""), pa.string()),
            **columns,
        }
    )
    open_ones = _still_open(exceptions, corrections, ids, pages, pupils)
    found = pa.concat_tables([open_ones, notes.table()])
    return Matched(responses, marks, found, _accounts(subject, pages, ids, status, found))


def balance(accounts: pa.Table) -> list[str]:
    """What is wrong with the accounts, in words; nothing if every page and every pupil is accounted for."""
    count: dict[tuple[str, str], dict[str, int]] = {}
    for row in accounts.to_pylist():
        count.setdefault((row["subject"], row["account"]), {})[row["line"]] = row["count"]
    problems = []
    for (subject, account), lines in count.items():
        whole, parts = ACCOUNTS[account]
        total = sum(lines.get(part, 0) for part in parts)
        if lines[whole] != total:
            told = " + ".join(f"{lines.get(part, 0)} {part}" for part in parts)
            problems.append(f"{subject}: {lines[whole]} {account} {whole}, but {told} = {total}")
        if lines.get("violation", 0) + lines.get("incomplete", 0) > lines["read"]:
            problems.append(f"{subject}: more violations and incomplete than {account} read")
    return problems


def _own(table: pa.Table, subject: str) -> pa.Table:
    return table.filter(pc.equal(table["subject"], subject)).combine_chunks()


def _page_ids(subject: Subject, pages: pa.Table, coded: Coded) -> PageIds:
    n = pages.num_rows
    read = pc.equal(pages["status"], "read").to_numpy()
    return PageIds(
        file=pages["file"].to_pylist(),
        sheet_page=np.where(read, pc.fill_null(pages["sheet_page"], 0).to_numpy(), 0),
        barcode=[(text or "").strip() for text in pages["barcode"].to_pylist()],
        number=coded.text(subject.candidate_field, n),
        owner=np.full(n, NOBODY),
    )


def _still_open(
    exceptions: pa.Table, corrections: Corrections, ids: PageIds, pages: pa.Table, pupils: Pupils
) -> pa.Table:
    """The reader's exceptions without those that a correction settled, with the pupil where the page has one."""
    row = page_rows(pages, exceptions)
    owner = np.append(ids.owner, NOBODY)[row]  # row -1 is the last place
    keys = zip(*(exceptions[name].to_pylist() for name in ("file", "page", "field")), strict=True)
    settled = np.array([key in corrections.settled for key in keys], dtype=bool) | (owner == SET_ASIDE_PAGE)
    names = np.array([*pupils.ids, None], dtype=object)[np.where(owner >= 0, owner, -1)]
    place = exceptions.column_names.index("student_id")
    named = exceptions.set_column(place, exceptions.schema.field(place), pa.array(names, pa.string()))
    return named.filter(pa.array(~settled))


def _status(
    subject: Subject, sheets: Sheets, given: dict[str, np.ndarray], notes: Notes, *, marks_only: bool
) -> np.ndarray:
    """(pupils,) status codes, with what is missing or contradictory noted."""
    earned = np.zeros(len(notes.pupils), dtype=bool)
    for points in given.values():
        earned |= ~np.isin(points, ("", "0"))
    here = sheets.first_page >= 0
    if marks_only and all(item.type == "constructed" for item in subject.items):
        here = np.any([points != "" for points in given.values()], axis=0) if given else here
    answered = sheets.marked(_answer_fields(subject))
    violated, absent = sheets.marked([VIOLATION]), sheets.marked([ABSENT])
    status = np.select([~here, absent, violated], [MISSING, ABSENCE, VIOLATED], READ)

    doubted = notes.doubted()
    for pupil in np.flatnonzero(~here).tolist():
        if pupil not in doubted:
            also = "; but there are points in marks.csv" if earned[pupil] else ""
            name = f"{notes.pupils.numbers[pupil]} ({notes.pupils.names[pupil]})"
            notes.pupil(pupil, Reason.NO_SHEET, f"{name}: no sheet and no absent mark{also}")
    for pupil in np.flatnonzero(absent & (answered | earned | violated)).tolist():
        status[pupil] = MISSING
        what = "answers" if answered[pupil] else "points in marks.csv" if earned[pupil] else "a violation mark"
        detail = f"absent mark and {what}; correct the field {ABSENT!r}, or what contradicts it"
        notes.pupil(pupil, Reason.ABSENT_WITH_ANSWERS, detail)
    return status


def _answer_fields(subject: Subject) -> list[str]:
    names = [item.item for item in subject.items]
    return [*names, *(SCORE + name for name in names), *(CHOOSE + group for group in subject.choose)]


def _is_present(status: np.ndarray) -> np.ndarray:
    return np.isin(status, (READ, VIOLATED, INCOMPLETE))


def _note_unknown_forms(subject: Subject, sheets: Sheets, form: np.ndarray, status: np.ndarray, notes: Notes) -> None:
    """Pupils whose form is unknown become 'missing'; a person is told what they would earn under every form."""
    unknown = [mark for mark in set(form.tolist()) if not forms.is_known(subject, mark)]
    rules = {item.item: functools.cache(rule(item, subject.step)) for item in subject.items}
    for pupil in np.flatnonzero(_is_present(status) & np.isin(form, unknown)).tolist():
        status[pupil] = MISSING
        by_form = forms.points_by_form(subject, rules, sheets.of_pupil(pupil))
        told = ", ".join(f"{plain(points)} points as form {name}" for name, points in by_form.items()) or "no forms.csv"
        detail = f"form mark {form[pupil]!r}; {told}; correct the field {FORM!r}"
        notes.pupil(pupil, Reason.FORM_UNKNOWN, detail)


def _missing_sides(
    sheets: Sheets, ids: PageIds, sides: Mapping[int, Collection[str]], present: np.ndarray, notes: Notes
) -> None:
    """Sides to be read, or that came back from others, but not from a pupil who has a sheet."""
    to_read = [side for side, fields in sides.items() if fields]
    expected = np.union1d(ids.sheet_page[ids.sheet_page > 0], to_read).astype(int)
    lost = ~sheets.sides[:, expected] & (present & (sheets.first_page >= 0))[:, None]
    for pupil in np.flatnonzero(lost.any(axis=1)).tolist():
        which = ", ".join(map(str, expected[lost[pupil]]))
        notes.pupil(pupil, Reason.PAGE_MISSING, f"side {which} of the sheet is missing; what it says is not known")


def _accounts(subject: Subject, pages: pa.Table, ids: PageIds, status: np.ndarray, exceptions: pa.Table) -> pa.Table:
    """Every page and every pupil once. Exceptions are counted from the table a person gets, so that balance() proves
    that no page was dropped without a word."""
    pageless = [
        (file, page)
        for kind, reason, file, page in zip(
            *(exceptions[name].to_pylist() for name in ("kind", "reason", "file", "page")), strict=True
        )
        if kind == "page" or reason in PAGE_REASONS
    ]
    lines = [
        ("pages", "in", pages.num_rows),
        ("pages", "read", int((ids.owner >= 0).sum())),
        ("pages", "exception", len(set(pageless))),
        ("pages", "set_aside", int((ids.owner == SET_ASIDE_PAGE).sum())),
        ("pupils", "registered", len(status)),
        ("pupils", "read", int(_is_present(status).sum())),
        ("pupils", "absent", int((status == ABSENCE).sum())),
        ("pupils", "missing", int((status == MISSING).sum())),
        ("pupils", "violation", int((status == VIOLATED).sum())),
        ("pupils", "incomplete", int((status == INCOMPLETE).sum())),
    ]
    accounts, names, counts = zip(*lines, strict=True)
    return build(
        "accounts", {"subject": [subject.code] * len(lines), "account": accounts, "line": names, "count": counts}
    )
