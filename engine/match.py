"""From pages and marks to responses: each page finds its pupil (engine/identity.py), each pupil their answers.

What a person must decide becomes a row of `exceptions`; nothing is chosen silently:

- Pages that belong to nobody stay out. Their pupils are 'missing' and are listed as such.
- A sheet whose absent mark contradicts its answers, or whose form (A/B) is unknown or contradicted by barcode or seat,
  counts as 'missing' with null answers until corrections.csv decides.
- Items on a side that is missing are null; a constructed response without a mark, or with two different ones, is blank
  (""). The pupil is listed and 'incomplete' while the total needs something that is not known.
- Flagged marks keep their value; the reader has listed them.

Accounts: "pages" in = read + exception + set_aside, where read pages are those that belong to a pupil; "pupils"
registered = read + absent + missing; lines "violation" (违纪), "incomplete" and "turned" (of pages: not upright, put
right by the reader) say how many of the read are so. The rooms' lines are the same pupils once more, room by room.
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
from engine.batch import Batches, suggest
from engine.byhand import Corrections, load_corrections, load_marks
from engine.choices import takers
from engine.exam import Exam, Subject
from engine.formcheck import FormCheck, check_forms
from engine.identity import (
    NOBODY,
    PAGE_REASONS,
    SET_ASIDE_PAGE,
    PageIds,
    Reason,
    identify,
    settle_duplicates,
    split_code,
)
from engine.notes import Notes
from engine.points import plain
from engine.roster import Pupils
from engine.rules import rule
from engine.seating import Seating, load_seating, reconcile
from engine.sheets import Coded, Sheets, page_rows
from engine.tables import ABSENT, CHOOSE, FORM, LABEL, SCORE, STATUS, VIOLATION, build

ACCOUNTS = {  # account → its whole, and the lines that make it up
    "pages": ("in", ("read", "exception", "set_aside")),
    "pupils": ("registered", ("read", "absent", "missing")),
}
READ, ABSENCE, MISSING, VIOLATED, INCOMPLETE = range(len(STATUS))  # codes of STATUS
NOT_ENTERED = -1  # the pupil does not take the subject (选科); null in the responses


@dataclass(frozen=True)
class Matched:
    """What matching gives.

    Attributes:
        responses: student_id, status (null: does not take the subject), form, an ANSWER column an item in canonical
            order and options, and "choose:<group>" where the sheet has such a field. Rows in the order of the roster.
        pages: as read, with the pupil where there is one.
        marks: as read, corrections applied.
        exceptions: the reader's that are still open, with their pupil where known, and those of matching.
        accounts: pages and pupils.
        rooms: the pupils room by room; no rows where no rooms are known.
    """

    responses: pa.Table
    pages: pa.Table
    marks: pa.Table
    exceptions: pa.Table
    accounts: pa.Table
    rooms: pa.Table


def match(
    exam: Exam,
    subject: Subject,
    pages: pa.Table,
    marks: pa.Table,
    exceptions: pa.Table,
    sides: Mapping[int, Collection[str]] | None = None,
) -> Matched:
    """Match what was read of a subject to the roster; reads its marks.csv and corrections.csv, and seating.csv.

    Args:
        pages, marks, exceptions: what the reader wrote; rows of other subjects are left alone.
        sides: the names of the fields on each page of the sheet, from 1. Without it a side that came back from nobody
            is not missed.

    Raises:
        InputError: marks.csv, corrections.csv or seating.csv says something impossible.
    """
    pupils = Pupils(exam.roster)
    pages, marks, exceptions = (_own(table, subject.code) for table in (pages, marks, exceptions))
    seating = load_seating(exam, subject, pupils)
    given = load_marks(subject, pupils)
    corrections = load_corrections(subject, pupils, pages, marks)
    marks = corrections.apply(marks)
    coded = Coded.of(pages, marks)

    ids = _page_ids(subject, pages, coded, pupils)
    identify(ids, pupils, corrections.owner)
    settle_duplicates(ids, coded.contents, pupils)
    batches = Batches(ids, seating)
    suggest(batches, pupils)
    sides = sides or {}
    sheets = Sheets.of(coded, ids, len(pupils), sides)

    notes = Notes(subject.code, pupils, ids.file, pages["page"].to_pylist(), sheets.first_page)
    notes.pages(ids, subject.candidate_field)
    elsewhere = _wrong_rooms(subject, batches, corrections, notes)
    entered = takers(exam)[subject.code]
    status = _status(subject, entered, sheets, given, corrections, batches, notes, marks_only=pages.num_rows == 0)
    check = check_forms(subject, sheets, ids, seating, _with_corrected_form(sheets, corrections, notes))
    _note_unclear_forms(subject, sheets, check, status, notes)
    present = _is_present(status)
    expected = _expected_sides(ids, sides)
    _missing_sides(sheets, expected, present, seating, notes)
    for row, reason, detail in batches.misfeeds(set(expected.tolist())):
        notes.batch(row, reason, detail)
    columns, unknown = answers(subject, sheets, check.form, given, present, notes)
    status[unknown] = INCOMPLETE

    responses = pa.table(
        {
            "student_id": pa.array(pupils.ids, pa.string()),
            "status": pa.DictionaryArray.from_arrays(
                pa.array(status, pa.int32(), mask=status == NOT_ENTERED), pa.array(STATUS)
            ).cast(LABEL),
            "form": pa.array(np.where(present, check.form, ""), pa.string()),
            **columns,
        }
    )
    open_ones = _still_open(exceptions, corrections, ids, pages, pupils)
    found = pa.concat_tables([open_ones, notes.table()])
    rooms = reconcile(subject, seating, status, elsewhere)
    accounts = _accounts(subject, pages, ids, status, found)
    return Matched(responses, _with_pupils(pages, ids.owner, pupils), marks, found, accounts, rooms)


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
        if lines.get("violation", 0) + lines.get("incomplete", 0) + lines.get("turned", 0) > lines["read"]:
            problems.append(f"{subject}: more violations, incomplete and turned than {account} read")
    return problems


def _own(table: pa.Table, subject: str) -> pa.Table:
    return table.filter(pc.equal(table["subject"], subject)).combine_chunks()


def _page_ids(subject: Subject, pages: pa.Table, coded: Coded, pupils: Pupils) -> PageIds:
    n = pages.num_rows
    codes = [split_code((text or "").strip(), pupils, subject.forms) for text in pages["barcode"].to_pylist()]
    read = pc.equal(pages["status"], "read").to_numpy()
    return PageIds(
        file=pages["file"].to_pylist(),
        sheet_page=np.where(read, pc.fill_null(pages["sheet_page"], 0).to_numpy(), 0),
        barcode=[number for number, _ in codes],
        number=coded.text(subject.candidate_field, n),
        owner=np.full(n, NOBODY),
        letter=[letter for _, letter in codes],
    )


def _still_open(
    exceptions: pa.Table, corrections: Corrections, ids: PageIds, pages: pa.Table, pupils: Pupils
) -> pa.Table:
    """The reader's exceptions without those that a correction settled, with the pupil where the page has one."""
    row = page_rows(pages, exceptions)
    owner = np.append(ids.owner, NOBODY)[row]  # row -1 is the last place
    keys = zip(*(exceptions[name].to_pylist() for name in ("file", "page", "field")), strict=True)
    settled = np.array([key in corrections.settled for key in keys], dtype=bool) | (owner == SET_ASIDE_PAGE)
    return _with_pupils(exceptions, owner, pupils).filter(pa.array(~settled))


def _with_pupils(table: pa.Table, owner: np.ndarray, pupils: Pupils) -> pa.Table:
    """A table with `student_id` by row of the roster, null below 0."""
    names = np.array([*pupils.ids, None], dtype=object)[np.where(owner >= 0, owner, -1)]
    place = table.column_names.index("student_id")
    return table.set_column(place, table.schema.field(place), pa.array(names, pa.string()))


def _wrong_rooms(subject: Subject, batches: Batches, corrections: Corrections, notes: Notes) -> set[int]:
    """Pupils of whom a page lies among another room's; noted unless a person has said whose page it is."""
    confirmed = set(corrections.owner.values())
    found: dict[int, tuple[int, str]] = {}
    for row, room in batches.elsewhere():
        found.setdefault(int(batches.ids.owner[row]), (row, room))
    for pupil, (row, room) in found.items():
        if pupil not in confirmed:
            detail = f"{batches.seating.told(pupil)} among the sheets of room {room}: a sheet in the wrong bag, or a "
            detail += "swapped barcode or wrong number; correct whose it is, or confirm it"
            field, suggestion = subject.candidate_field, batches.who_belongs(row, room)
            notes.pupil(pupil, Reason.WRONG_ROOM, detail, page=row, field=field, suggestion=suggestion)
    return set(found)


def _status(
    subject: Subject,
    entered: np.ndarray,
    sheets: Sheets,
    given: dict[str, np.ndarray],
    corrections: Corrections,
    batches: Batches,
    notes: Notes,
    *,
    marks_only: bool,
) -> np.ndarray:
    """(pupils,) status codes, with what is missing or contradictory noted.

    Args:
        entered: (pupils,) bool, who takes the subject.
        marks_only: nothing was scanned; what is known is in marks.csv.
    """
    earned = np.zeros(len(notes.pupils), dtype=bool)
    for points in given.values():
        earned |= ~np.isin(points, ("", "0"))
    here = sheets.first_page >= 0
    if marks_only and all(item.type == "constructed" for item in subject.items):
        here = np.any([points != "" for points in given.values()], axis=0) if given else here
    answered = sheets.marked(_answer_fields(subject))
    rows = np.arange(len(notes.pupils))
    registered = np.isin(rows, list(corrections.absent))
    absent = sheets.marked([ABSENT])
    violated = sheets.marked([VIOLATION]) | np.isin(rows, list(corrections.violated))
    status = np.select(
        [~here & registered & ~earned, ~here, absent, violated], [ABSENCE, MISSING, ABSENCE, VIOLATED], READ
    )
    written = answered | earned | violated
    status[~entered] = np.where(written[~entered], MISSING, NOT_ENTERED)
    for pupil in np.flatnonzero(~entered & written).tolist():
        told = batches.seating.told(pupil)
        detail = f"{told}: answers, but the roster has not chosen {subject.name} for this pupil; "
        detail += "correct the choice there, or whose sheet it is"
        notes.pupil(pupil, Reason.NOT_CHOSEN, detail, field=subject.candidate_field)

    doubted = notes.doubted()
    pages = batches.pages_by_pupil()
    for pupil in np.flatnonzero((status == MISSING) & entered).tolist():
        if pupil not in doubted:
            also = "; but there are points in marks.csv" if earned[pupil] else ""
            what = "registered absent" if registered[pupil] else "no sheet and no absent mark"
            detail = f"{batches.seating.told(pupil)}: {what}{also}{batches.told_gap(pupil, pages)}"
            notes.pupil(pupil, Reason.NO_SHEET, detail, field=ABSENT)
    contradicted = entered & ((absent & written) | (here & registered & ~absent))
    absent_pages = sheets.pages_with(ABSENT)
    for pupil in np.flatnonzero(contradicted).tolist():
        status[pupil] = MISSING
        what = "answers" if answered[pupil] else "points in marks.csv" if earned[pupil] else "a violation mark"
        detail = f"absent mark and {what}; correct the field {ABSENT!r}, or what contradicts it"
        if registered[pupil]:
            detail = "registered absent in corrections.csv, but there is a sheet; take out one of the two"
        notes.pupil(pupil, Reason.ABSENT_WITH_ANSWERS, detail, page=int(absent_pages[pupil]), field=ABSENT)
    return status


def _answer_fields(subject: Subject) -> list[str]:
    names = [item.item for item in subject.items]
    return [*names, *(SCORE + name for name in names), *(CHOOSE + group for group in subject.choose)]


def _is_present(status: np.ndarray) -> np.ndarray:
    return np.isin(status, (READ, VIOLATED, INCOMPLETE))


def _with_corrected_form(sheets: Sheets, corrections: Corrections, notes: Notes) -> set[int]:
    """Pupils whose form mark a person has corrected."""
    pages = enumerate(sheets.pages_with(FORM).tolist())
    return {pupil for pupil, page in pages if page >= 0 and notes.name(page, FORM) in corrections.settled}


def _note_unclear_forms(subject: Subject, sheets: Sheets, check: FormCheck, status: np.ndarray, notes: Notes) -> None:
    """Pupils whose form is not clear become 'missing'; a person is told what they would earn under every form."""
    form, pages = check.form, sheets.pages_with(FORM)
    unknown = np.isin(form, [mark for mark in set(form.tolist()) if not forms.is_known(subject, mark)])
    unknown[list(check.conflict)] = True
    rules = {item.item: functools.cache(rule(item, subject.step)) for item in subject.items}
    for pupil in np.flatnonzero(_is_present(status) & unknown).tolist():
        status[pupil] = MISSING
        by_form = forms.points_by_form(subject, rules, sheets.of_pupil(pupil))
        told = ", ".join(f"{plain(points)} points as form {name}" for name, points in by_form.items()) or "no forms.csv"
        conflict = check.conflict.get(pupil, "")
        reason = Reason.FORM_CONFLICT if conflict else Reason.FORM_UNKNOWN
        where = f"correct the field {FORM!r}" if pages[pupil] >= 0 else "correct seating.csv"
        detail = f"{conflict or f'form mark {form[pupil]!r}'}; {told}; {where}"
        field, suggestion = FORM if pages[pupil] >= 0 else "", check.likely.get(pupil, "")
        notes.pupil(pupil, reason, detail, page=int(pages[pupil]), field=field, suggestion=suggestion)


def _expected_sides(ids: PageIds, sides: Mapping[int, Collection[str]]) -> np.ndarray:
    """Sides to be read, or that came back from others."""
    to_read = [side for side, fields in sides.items() if fields]
    return np.union1d(ids.sheet_page[ids.sheet_page > 0], to_read).astype(int)


def _missing_sides(sheets: Sheets, expected: np.ndarray, present: np.ndarray, seating: Seating, notes: Notes) -> None:
    """Sides that a pupil who has a sheet lacks."""
    lost = ~sheets.sides[:, expected] & (present & (sheets.first_page >= 0))[:, None]
    for pupil in np.flatnonzero(lost.any(axis=1)).tolist():
        which = ", ".join(map(str, expected[lost[pupil]]))
        detail = f"{seating.told(pupil)}: side {which} of the sheet is missing; what it says is not known"
        notes.pupil(pupil, Reason.PAGE_MISSING, detail)


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
        ("pages", "turned", int(((ids.owner >= 0) & (pc.fill_null(pages["rotation"], 0).to_numpy() != 0)).sum())),
        ("pupils", "registered", int((status != NOT_ENTERED).sum())),
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
