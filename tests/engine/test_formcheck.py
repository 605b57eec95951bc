"""The form (A/B) by mark, barcode and seat: what agrees counts, what does not goes to a person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_pages import Page, correct, everybody, line, make_exam, reasons, run, sheet

from engine.exam import Exam
from engine.identity import Reason
from engine.match import Matched

SWAPPED = (("1", "ABCD"), ("2", "DCBA"), ("3", "ABCD"))
FORMS = {"A": tuple((name, "ABCD") for name in "123"), "B": SWAPPED}


def exam(folder: Path, seat: str = "") -> Exam:
    if seat:
        (folder / "seating.csv").write_text(f"student_id,room,seat,form\nG0,01,1,{seat}\n")
    return make_exam(folder, forms=FORMS)


def pages(mark: str | None, letter: str) -> list[Page]:
    """Pupil 0 with a mark (None: the sheet has no field for it) and a letter in the barcode; the others clear."""
    own = sheet(0, **({} if mark is None else {"form": mark}))
    others = [page for i in range(1, 6) for page in sheet(i, form="A")]
    return [*(replace(page, barcode=page.barcode + letter) for page in own), *others]


def outcome(matched: Matched) -> tuple[str, str, str, str]:
    """Reason, suggestion, form and status of pupil 0."""
    rows = [row for row in matched.exceptions.to_pylist() if row["student_id"] == "G0"]
    assert len(rows) <= 1
    first = matched.responses.to_pylist()[0]
    return rows[0]["reason"] if rows else "", (rows and rows[0]["suggestion"]) or "", first["form"], first["status"]


CONFLICT, UNKNOWN = Reason.FORM_CONFLICT, Reason.FORM_UNKNOWN


@pytest.mark.parametrize(
    ("mark", "letter", "seat", "reason", "suggestion", "form"),
    [
        ("B", "", "", "", "", "B"),
        ("B", "B", "B", "", "", "B"),
        ("A", "b", "", CONFLICT, "", ""),
        ("B", "", "A", CONFLICT, "", ""),
        ("B", "B", "A", CONFLICT, "", ""),
        ("", "B", "A", CONFLICT, "", ""),
        ("", "", "", UNKNOWN, "", ""),
        ("AB", "", "", UNKNOWN, "", ""),
        ("", "B", "", UNKNOWN, "B", ""),
        ("AB", "B", "B", UNKNOWN, "B", ""),
        (None, "B", "", "", "", "B"),
        (None, "", "B", "", "", "B"),
        (None, "B", "B", "", "", "B"),
        (None, "A", "B", CONFLICT, "", ""),
        (None, "", "", UNKNOWN, "", ""),
    ],
)
def test_three_ways(
    tmp_path: Path, mark: str | None, letter: str, seat: str, reason: str, suggestion: str, form: str
) -> None:
    matched = run(exam(tmp_path, seat), pages(mark, letter))
    assert outcome(matched) == (reason, suggestion, form, "read" if form else "missing")
    answers = matched.responses.to_pylist()[0]
    assert answers["2"] == {"": None, "A": "B", "B": "C"}[form]  # the mark B, in the options of the form


def test_a_correction_of_the_mark_settles_it(tmp_path: Path) -> None:
    made = exam(tmp_path, "A")
    correct(tmp_path, "room/000-1.jpg,1,form,B")
    for mark in ("A", "B", ""):
        assert outcome(run(made, pages(mark, "A"))) == ("", "", "B", "read")


def test_a_conflict_is_told_with_the_points_of_every_form_and_where_to_correct_it(tmp_path: Path) -> None:
    (row,) = run(exam(tmp_path, "A"), pages("B", "B")).exceptions.to_pylist()
    assert (row["file"], row["page"], row["field"]) == ("room/000-1.jpg", 1, "form")
    for part in ("mark B, barcode B, seat A", "points as form A", "points as form B", "correct the field 'form'"):
        assert part in row["detail"]
    (row,) = run(exam(tmp_path, "A"), pages(None, "B")).exceptions.to_pylist()
    assert row["field"] is None and "correct seating.csv" in row["detail"]


def test_two_letters_on_one_sheet(tmp_path: Path) -> None:
    front, back = pages("A", "A")[:2]
    others = pages("A", "")[2:]
    swapped = [front, replace(back, barcode=back.barcode[:-1] + "B"), *others]
    matched = run(exam(tmp_path), swapped)
    assert outcome(matched)[0] == CONFLICT
    assert line(matched, "pages", "exception") == 0


def test_a_letter_is_no_part_of_a_number_that_the_roster_has(tmp_path: Path) -> None:
    """Where there is only one form a letter makes another number; and a number may end in a letter itself."""
    odd = run(make_exam(tmp_path), pages(None, "A"))
    assert [reason for _, _, reason in reasons(odd)] == [Reason.UNKNOWN_CANDIDATE] * 2 + [Reason.NO_SHEET]
    made = exam(tmp_path)
    numbers = made.roster["candidate_no"].to_pylist()
    place = made.roster.column_names.index("candidate_no")
    lettered = made.roster.set_column(place, "candidate_no", [[numbers[0] + "A", *numbers[1:]]])
    matched = run(made.model_copy(update={"roster": lettered}), pages("B", "A"))
    assert outcome(matched) == ("", "", "B", "read")


def test_a_seat_without_a_sheet_is_no_conflict(tmp_path: Path) -> None:
    assert outcome(run(exam(tmp_path, "B"), everybody()[2:]))[0] == Reason.NO_SHEET
