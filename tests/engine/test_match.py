"""engine.match: every page and every pupil is accounted for, and whatever is in doubt reaches a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_pages import (
    ITEMS,
    NUMBERS,
    Page,
    answers,
    as_tables,
    constructed,
    correct,
    details,
    different,
    everybody,
    give,
    line,
    make_exam,
    reasons,
    run,
    sheet,
    single,
)

from engine import tables
from engine.errors import InputError
from engine.exam import Choose, Item, Subject
from engine.identity import PAGE_REASONS, Reason
from engine.match import balance, match

# ---- whose page


def test_everybody_with_barcodes(tmp_path: Path) -> None:
    matched = run(make_exam(tmp_path), everybody())
    assert reasons(matched) == []
    assert [answers(matched, i) for i in range(6)] == [["read", "A", "B", "C"]] * 6
    assert [line(matched, "pages", name) for name in ("in", "read", "exception")] == [12, 12, 0]
    for name in ("1", "2", "3"):
        assert matched.responses[name].type == tables.ANSWER
    assert matched.responses["status"].type == tables.LABEL


def test_the_order_of_files_and_rows_does_not_matter(tmp_path: Path) -> None:
    exam = make_exam(tmp_path)
    pages, marks, exceptions = as_tables(different())
    straight = match(exam, exam.subjects[0], pages, marks, exceptions)
    rng = np.random.default_rng(1)
    pages, marks = (table.take(pa.array(rng.permutation(table.num_rows))) for table in (pages, marks))
    other = match(exam, exam.subjects[0], pages, marks, exceptions)
    assert straight.responses.equals(other.responses)
    assert straight.responses["1"].to_pylist() == ["A", "B", "C", "D", "AB", ""]


def test_other_subjects_are_left_alone(tmp_path: Path) -> None:
    exam = make_exam(tmp_path)
    both = []
    for table in as_tables(everybody()):
        place = table.column_names.index("subject")
        other = table.set_column(place, "subject", pa.array(["x"] * table.num_rows, pa.string()))
        both.append(pa.concat_tables([other, table]))
    matched = match(exam, exam.subjects[0], *both)
    assert line(matched, "pages", "in") == 12 and matched.exceptions.num_rows == 0


def test_the_number_when_there_is_no_barcode_and_the_student_id_as_barcode(tmp_path: Path) -> None:
    front, back = sheet(0, barcode="", candidate=NUMBERS[0])
    pages = [front, replace(back, barcode="G0"), *everybody()[2:]]
    assert reasons(run(make_exam(tmp_path), pages)) == []


def test_a_field_of_another_name_can_hold_the_number(tmp_path: Path) -> None:
    exam = make_exam(tmp_path, candidate_field="Roll")
    pages = [replace(page, marks={**page.marks, "Roll": page.barcode}, barcode="") for page in everybody()]
    assert reasons(run(exam, pages)) == []


@pytest.mark.parametrize("number", ["26010101__", "__26010101", "_26010101_"])
def test_a_shorter_number_in_a_longer_grid(tmp_path: Path, number: str) -> None:
    front, back = sheet(0, barcode="", candidate=number)
    assert reasons(run(make_exam(tmp_path), [front, back, *everybody()[2:]])) == []


@pytest.mark.parametrize("number", ["2601010_", "260101_1", "2601010[12]", "_6010101"])
def test_an_incomplete_number_is_not_guessed(tmp_path: Path, number: str) -> None:
    front, back = sheet(0, barcode="", candidate=number)
    matched = run(make_exam(tmp_path), [front, replace(back, barcode="G0"), *everybody()[2:]])
    assert (None, "room/000-1.jpg", Reason.NUMBER_INCOMPLETE) in reasons(matched)
    assert "26010101 (甲)" in details(matched, Reason.NUMBER_INCOMPLETE)
    assert answers(matched, 0) == ["incomplete", None, None, "C"]  # the back is there
    assert ("G0", "room/000-2.jpg", Reason.PAGE_MISSING) in reasons(matched)


def test_the_only_pupil_a_number_fits_is_suggested(tmp_path: Path) -> None:
    pages = [*sheet(0, barcode="", candidate="2601_101"), *everybody()[2:]]
    text = details(run(make_exam(tmp_path), pages), Reason.NUMBER_INCOMPLETE)
    assert "number '2601_101'" in text and "fits only 26010101 (甲) without this side" in text


def test_an_unknown_number_brings_the_nearest_pupils_without_a_sheet(tmp_path: Path) -> None:
    pages = [*sheet(0, barcode="26010111"), *everybody()[2:]]
    matched = run(make_exam(tmp_path), pages)
    assert Counter(reason for _, _, reason in reasons(matched)) == {Reason.UNKNOWN_CANDIDATE: 2, Reason.NO_SHEET: 1}
    # 26010113 is as near, but has this side.
    assert "1 digit from only 26010101 (甲) without this side" in details(matched, Reason.UNKNOWN_CANDIDATE)
    assert answers(matched, 0) == ["missing", None, None, None]
    assert line(matched, "pages", "exception") == 2


@pytest.mark.parametrize(
    ("number", "agrees"),
    [
        ("", True),
        (NUMBERS[0], True),
        ("2601____", True),
        ("260101[01]1", True),
        (NUMBERS[1], False),
        ("27______", False),
    ],
)
def test_barcode_and_number_must_not_contradict_each_other(tmp_path: Path, number: str, agrees: bool) -> None:
    front, back = sheet(0, candidate=number)
    matched = run(make_exam(tmp_path), [front, back, *everybody()[2:]])
    conflict = (None, "room/000-1.jpg", Reason.IDENTITY_CONFLICT)
    assert (conflict not in reasons(matched)) == agrees
    assert answers(matched, 0) == (["read", "A", "B", "C"] if agrees else ["incomplete", None, None, "C"])


def test_an_unknown_barcode_with_a_known_number_is_a_conflict(tmp_path: Path) -> None:
    pages = [*sheet(0, barcode="99999999", candidate=NUMBERS[0]), *everybody()[2:]]
    assert (None, "room/000-1.jpg", Reason.IDENTITY_CONFLICT) in reasons(run(make_exam(tmp_path), pages))


# ---- neighbours


def without_codes(pages: list[Page]) -> list[Page]:
    """Sheets with a filled-in number in front and nothing behind."""
    return [
        replace(page, barcode="", marks={**page.marks, "candidate": page.barcode} if page.side == 1 else page.marks)
        for page in pages
    ]


@pytest.mark.parametrize("names", ["{:03d}-{}.jpg", "{:03d}{}.jpg", "scan_{0:03d}{1}.jpg", "a.pdf"])
def test_backs_join_the_fronts_before_them(tmp_path: Path, names: str) -> None:
    pages = without_codes(everybody())
    sides = "AB" if names == "{:03d}{}.jpg" else "12"
    named = [
        replace(page, file="room/" + names.format(i // 2, sides[i % 2]), page=1 if "{" in names else i + 1)
        for i, page in enumerate(pages)
    ]
    matched = run(make_exam(tmp_path), named)
    assert reasons(matched) == []
    assert answers(matched, 5) == ["read", "A", "B", "C"]


def test_fronts_may_come_after_the_backs(tmp_path: Path) -> None:
    """Turned stacks: the page with the identity may be the second of a sheet."""
    pages = [replace(page, barcode=page.barcode if page.side == 2 else "") for page in everybody()]
    assert reasons(run(make_exam(tmp_path), pages)) == []


def test_a_page_that_was_not_read_parts_its_neighbours(tmp_path: Path) -> None:
    pages = without_codes(everybody())
    pages[2] = Page(pages[2].file, None)  # the front of pupil 1: its back must not go to pupil 0
    del pages[1]
    matched = run(make_exam(tmp_path), pages)
    assert (None, "room/001-2.jpg", Reason.NO_IDENTITY) in reasons(matched)
    assert answers(matched, 0) == ["incomplete", "A", "B", None]
    assert answers(matched, 1)[0] == "missing"


def test_file_names_part_sheets_when_back_and_next_front_are_lost(tmp_path: Path) -> None:
    pages = without_codes(everybody())
    del pages[1:3]  # 000-1.jpg is now followed by 001-2.jpg
    matched = run(make_exam(tmp_path), pages)
    assert (None, "room/001-2.jpg", Reason.NO_IDENTITY) in reasons(matched)
    assert answers(matched, 0) == ["incomplete", "A", "B", None]


def test_folders_part_sheets(tmp_path: Path) -> None:
    front, back = without_codes(sheet(0))
    matched = run(make_exam(tmp_path), [front, replace(back, file="other/000-2.jpg"), *everybody()[2:]])
    assert (None, "other/000-2.jpg", Reason.NO_IDENTITY) in reasons(matched)


@pytest.mark.parametrize("known", [1, 2, 3, 4])
def test_pages_join_the_other_side_of_their_paper_only(tmp_path: Path, known: int) -> None:
    """Of four pages on two pieces of paper one has a number: the other paper may be anybody's."""
    sides = [Page(f"room/00{side}.jpg", side, {str(side): "A"}, NUMBERS[0] * (side == known)) for side in range(1, 5)]
    matched = run(make_exam(tmp_path, tuple(single(str(side)) for side in range(1, 5))), sides)
    strangers = {1: (3, 4), 2: (3, 4), 3: (1, 2), 4: (1, 2)}[known]
    found = [file for _, file, reason in reasons(matched) if reason == Reason.NO_IDENTITY]
    assert found == [f"room/00{side}.jpg" for side in strangers]
    assert answers(matched, 0) == ["incomplete", *(None if side in strangers else "A" for side in range(1, 5))]


def test_a_page_between_two_pupils_goes_to_its_own_paper(tmp_path: Path) -> None:
    one = Page("room/001.jpg", 1, {"1": "A"}, NUMBERS[0])
    two = Page("room/002.jpg", 2, {"2": "A"})
    three = Page("room/003.jpg", 3, {"3": "A"}, NUMBERS[1])
    matched = run(make_exam(tmp_path), [one, two, three])
    assert Reason.NO_IDENTITY not in {reason for _, _, reason in reasons(matched)}
    assert [answers(matched, i)[1:] for i in (0, 1)] == [["A", "A", None], [None, None, "A"]]


# ---- twice, or not at all


def test_the_same_sheet_scanned_twice_counts_once(tmp_path: Path) -> None:
    again = [replace(page, file=page.file.replace("room", "room2")) for page in sheet(0)]
    matched = run(make_exam(tmp_path), [*everybody(), *again])
    assert reasons(matched) == [
        ("G0", "room2/000-1.jpg", Reason.DUPLICATE_SAME),
        ("G0", "room2/000-2.jpg", Reason.DUPLICATE_SAME),
    ]
    assert answers(matched, 0) == ["read", "A", "B", "C"]
    assert [line(matched, "pages", name) for name in ("in", "read", "exception")] == [14, 12, 2]


def test_two_different_sheets_of_one_pupil_count_neither(tmp_path: Path) -> None:
    """Pupil 1 filled in pupil 0's number."""
    pages = [*sheet(0), *(replace(page, barcode=NUMBERS[0]) for page in sheet(1, _1="D", _3="D")), *everybody()[4:]]
    matched = run(make_exam(tmp_path), pages)
    assert [reason for _, _, reason in reasons(matched)] == [Reason.DUPLICATE] * 4 + [Reason.NO_SHEET]
    assert "room/000-1.jpg, room/001-1.jpg" in details(matched, Reason.DUPLICATE)
    assert answers(matched, 0)[0] == answers(matched, 1)[0] == "missing"


def test_no_sheet_at_all(tmp_path: Path) -> None:
    matched = run(make_exam(tmp_path), everybody()[2:])
    assert reasons(matched) == [("G0", None, Reason.NO_SHEET)]
    assert line(matched, "pupils", "missing") == 1


def test_no_pages_at_all(tmp_path: Path) -> None:
    matched = run(make_exam(tmp_path), [])
    assert [reason for _, _, reason in reasons(matched)] == [Reason.NO_SHEET] * 6


def test_a_lost_side_leaves_its_items_null(tmp_path: Path) -> None:
    pages = everybody()
    del pages[3]
    matched = run(make_exam(tmp_path), pages)
    assert reasons(matched) == [("G1", "room/001-1.jpg", Reason.PAGE_MISSING)]
    assert "side 2" in details(matched, Reason.PAGE_MISSING)
    assert answers(matched, 1) == ["incomplete", "A", "B", None]
    counts = {name: line(matched, "pupils", name) for name in ("registered", "read", "absent", "missing", "incomplete")}
    assert counts == {"registered": 6, "read": 6, "absent": 0, "missing": 0, "incomplete": 1}


@pytest.mark.parametrize(
    ("rule", "status"), [("void:drop", "read"), ("void:full", "read"), ("void:present", "incomplete")]
)
def test_a_lost_side_with_withdrawn_items_only_does_not_keep_the_total_open(
    tmp_path: Path, rule: str, status: str
) -> None:
    pages = everybody()
    del pages[3]
    items = (*ITEMS[:2], ITEMS[2].model_copy(update={"rule": rule}))
    matched = run(make_exam(tmp_path, items), pages)
    assert reasons(matched) == [("G1", "room/001-1.jpg", Reason.PAGE_MISSING)]
    assert answers(matched, 1) == [status, "A", "B", None]


def test_a_violation_with_a_lost_side_has_no_total_yet(tmp_path: Path) -> None:
    matched = run(make_exam(tmp_path), [sheet(0, violation="1")[0], *everybody()[2:]])
    assert answers(matched, 0)[0] == "incomplete"


SIDES = {1: ["candidate", "absent", "violation", "1", "2"], 2: ["3"]}


def test_a_side_that_nobody_scanned_is_missed_if_the_layout_has_it(tmp_path: Path) -> None:
    exam, fronts = make_exam(tmp_path), [page for page in everybody() if page.side == 1]
    matched = run(exam, fronts, SIDES)
    lost = [(f"G{i}", f"room/{i:03d}-1.jpg", Reason.PAGE_MISSING) for i in range(6)]
    assert reasons(matched) == [*lost, (None, "room/000-1.jpg", Reason.ONE_SIDED)]
    assert [answers(matched, i) for i in range(6)] == [["incomplete", "A", "B", None]] * 6
    assert reasons(run(exam, everybody(), SIDES)) == []


def test_strips_and_choices_on_a_side_that_nobody_scanned_are_null(tmp_path: Path) -> None:
    items = (*ITEMS[:2], constructed("4"), constructed("5", "作文"), constructed("6", "作文"))
    exam = make_exam(tmp_path, items, choose={"作文": Choose(k=1)})
    sides = {1: SIDES[1], 2: ["score:4", "score:5", "score:6", "choose:作文"]}
    matched = run(exam, [page for page in everybody() if page.side == 1], sides)
    assert {reason for _, _, reason in reasons(matched)} == {Reason.PAGE_MISSING, Reason.ONE_SIDED}
    assert answers(matched, 0) == ["incomplete", "A", "B", None, None, None, None]
    assert matched.responses.column_names[-1] == "choose:作文"


def test_a_side_on_which_nothing_is_read_need_not_come_back(tmp_path: Path) -> None:
    assert reasons(run(make_exam(tmp_path), everybody(), {**SIDES, 3: []})) == []


def test_a_side_marked_elsewhere_is_missed_but_the_total_is_known(tmp_path: Path) -> None:
    exam = make_exam(tmp_path, (*ITEMS[:2], constructed("4")))
    give(tmp_path, *(f"G{i},4,5" for i in range(6)))
    pages = everybody()
    del pages[3]
    matched = run(exam, pages)
    assert reasons(matched) == [("G1", "room/001-1.jpg", Reason.PAGE_MISSING)]
    assert answers(matched, 1) == ["read", "A", "B", "5"]


def test_an_item_without_a_field(tmp_path: Path) -> None:
    matched = run(make_exam(tmp_path, (*ITEMS, single("4"))), everybody())
    assert reasons(matched) == [(None, None, Reason.NO_FIELD)]
    assert "item 4" in details(matched, Reason.NO_FIELD)
    assert answers(matched, 0) == ["incomplete", "A", "B", "C", None]


# ---- absent, violation, forms


def test_absent_and_violation(tmp_path: Path) -> None:
    blank = {"_1": "", "_2": "", "_3": ""}
    pages = [*sheet(0, absent="1", **blank), *sheet(1, violation="1"), *everybody()[4:]]
    matched = run(make_exam(tmp_path), pages)
    assert reasons(matched) == []
    assert answers(matched, 0) == ["absent", None, None, None]
    assert answers(matched, 1) == ["violation", "A", "B", "C"]
    counts = {name: line(matched, "pupils", name) for name in ("registered", "read", "absent", "missing", "violation")}
    assert counts == {"registered": 6, "read": 5, "absent": 1, "missing": 0, "violation": 1}


def test_an_absent_pupil_with_answers_goes_to_a_person(tmp_path: Path) -> None:
    exam, pages = make_exam(tmp_path), [*sheet(0, absent="1", _1="", _2=""), *everybody()[2:]]
    matched = run(exam, pages)
    assert reasons(matched) == [("G0", "room/000-1.jpg", Reason.ABSENT_WITH_ANSWERS)]
    assert answers(matched, 0)[0] == "missing"
    correct(tmp_path, "room/000-1.jpg,1,absent,")
    assert answers(run(exam, pages), 0) == ["read", "", "", "C"]


FORMS = {
    "A": (("1", "ABCD"), ("2", "ABCD"), ("3", "ABCD")),
    "B": (("2", "CADB"), ("1", "ABCD"), ("3", "DCBA")),
}


def test_answers_of_form_b_are_those_of_the_blueprint(tmp_path: Path) -> None:
    exam = make_exam(tmp_path, forms=FORMS)
    pages = [page for i in range(6) for page in sheet(i, form="AB"[i % 2], _1="A", _2="BD", _3="")]
    matched = run(exam, pages)
    assert answers(matched, 0) == ["read", "A", "BD", ""]
    assert answers(matched, 1) == ["read", "BD", "C", ""]
    assert matched.responses["form"].to_pylist() == list("ABABAB")


@pytest.mark.parametrize("mark", ["", "AB", "C"])
def test_an_unknown_form_is_not_chosen(tmp_path: Path, mark: str) -> None:
    exam = make_exam(tmp_path, forms=FORMS)
    pages = [*sheet(0, form=mark, _1="A", _2="A", _3="D"), *(page for i in range(1, 6) for page in sheet(i, form="A"))]
    matched = run(exam, pages)
    assert reasons(matched) == [("G0", "room/000-1.jpg", Reason.FORM_UNKNOWN)]
    assert "4 points as form A, 4 points as form B" in details(matched, Reason.FORM_UNKNOWN)
    assert answers(matched, 0)[0] == "missing"
    correct(tmp_path, "room/000-1.jpg,1,form,B")
    assert answers(run(exam, pages), 0) == ["read", "A", "C", "A"]


def test_form_b_without_forms_csv_is_not_marked_as_form_a(tmp_path: Path) -> None:
    pages = [page for i in range(6) for page in sheet(i, form="AB"[i % 2])]
    matched = run(make_exam(tmp_path), pages)
    assert [reason for _, _, reason in reasons(matched)] == [Reason.FORM_UNKNOWN] * 3
    assert "no forms.csv" in details(matched, Reason.FORM_UNKNOWN)


# ---- constructed responses


@pytest.mark.parametrize("wide", [False, True])
def test_marks_from_elsewhere(tmp_path: Path, wide: bool) -> None:
    exam = make_exam(tmp_path, (*ITEMS, constructed("4"), constructed("5")))
    if wide:
        give(tmp_path, *(f"甲,{number},7.0,10" for number in NUMBERS), header="姓名,考号,4,5")
    else:
        give(tmp_path, *(f"G{i},{item}" for i in range(6) for item in ("4,7", "5,10.0")))
    matched = run(exam, everybody())
    assert reasons(matched) == []
    assert answers(matched, 3) == ["read", "A", "B", "C", "7", "10"]


def test_a_pupil_without_marks_is_listed_once(tmp_path: Path) -> None:
    exam = make_exam(tmp_path, (*ITEMS, constructed("4"), constructed("5"), constructed("6")))
    give(tmp_path, *(f"G{i},{item},3" for i in range(1, 6) for item in (4, 5)))
    matched = run(exam, everybody())
    assert reasons(matched) == [(None, None, Reason.MARK_MISSING), ("G0", "room/000-1.jpg", Reason.MARK_MISSING)]
    assert "nobody has points for item 6" in details(matched, Reason.MARK_MISSING)
    assert "no points for item 4; no points for item 5" in details(matched, Reason.MARK_MISSING)
    assert "rule void:drop" in details(matched, Reason.MARK_MISSING)
    assert answers(matched, 0) == ["incomplete", "A", "B", "C", "", "", ""]
    assert answers(matched, 1) == ["incomplete", "A", "B", "C", "3", "3", ""]


def test_an_item_withdrawn_needs_no_marks(tmp_path: Path) -> None:
    dropped = constructed("4").model_copy(update={"rule": "void:drop"})
    matched = run(make_exam(tmp_path, (*ITEMS, dropped)), everybody())
    assert reasons(matched) == []
    assert answers(matched, 0)[0] == "read"


def test_score_strips(tmp_path: Path) -> None:
    exam = make_exam(tmp_path, (*ITEMS, constructed("4")), step=Decimal("0.5"))
    strips = ["7.50", "", "10.5", "3.7", "4", "5"]
    pages = [page for i in range(6) for page in sheet(i, **{"_score:4": strips[i]})]
    give(tmp_path, "G4,4,4.0", "G5,4,6")
    matched = run(exam, pages)
    assert matched.responses["4"].to_pylist() == ["7.5", "", "", "", "4", ""]
    assert [(who, reason) for who, _, reason in reasons(matched)] == [
        ("G1", Reason.MARK_MISSING),
        ("G2", Reason.MARK_IMPOSSIBLE),
        ("G3", Reason.MARK_IMPOSSIBLE),
        ("G5", Reason.MARK_CONFLICT),
    ]
    assert matched.responses["status"].to_pylist() == ["read", *["incomplete"] * 3, "read", "incomplete"]


def test_a_strip_on_a_lost_side_is_null_not_blank(tmp_path: Path) -> None:
    exam = make_exam(tmp_path, (*ITEMS, constructed("4")))
    pages = [replace(page, marks={**page.marks, "score:4": "2"}) if page.side == 2 else page for page in everybody()]
    del pages[1]
    matched = run(exam, pages)
    assert matched.responses["4"].to_pylist() == [None, "2", "2", "2", "2", "2"]
    assert reasons(matched) == [("G0", "room/000-1.jpg", Reason.PAGE_MISSING)]
    assert matched.responses["status"].to_pylist() == ["incomplete", *["read"] * 5]


def test_one_of_two_compositions(tmp_path: Path) -> None:
    items = (*ITEMS, constructed("4", "作文"), constructed("5", "作文"))
    exam = make_exam(tmp_path, items, choose={"作文": Choose(k=1)})
    give(tmp_path, *(f"G{i},{4 + i % 2},8" for i in range(1, 6)))
    pages = [page for i in range(6) for page in sheet(i, **{"_choose:作文": str(4 + i % 2)})]
    matched = run(exam, pages)
    assert reasons(matched) == [("G0", "room/000-1.jpg", Reason.MARK_MISSING)]
    assert "1 of 4, 5" in details(matched, Reason.MARK_MISSING)
    assert matched.responses["choose:作文"].to_pylist() == ["4", "5", "4", "5", "4", "5"]
    assert matched.responses["4"].to_pylist() == ["", "", "8", "", "8", ""]
    assert matched.responses["status"].to_pylist() == ["incomplete", *["read"] * 5]


def test_a_composition_that_nobody_chose_is_nothing_to_report(tmp_path: Path) -> None:
    items = (*ITEMS, constructed("4", "作文"), constructed("5", "作文"))
    exam = make_exam(tmp_path, items, choose={"作文": Choose(k=1)})
    give(tmp_path, *(f"G{i},4,8" for i in range(6)))
    assert reasons(run(exam, everybody())) == []
    (tmp_path / "marks.csv").unlink()
    assert "nobody has points for item 1 of 4, 5" in details(run(exam, everybody()), Reason.MARK_MISSING)


def test_points_for_an_absent_pupil_contradict_but_zero_does_not(tmp_path: Path) -> None:
    exam = make_exam(tmp_path, (*ITEMS, constructed("4")))
    give(tmp_path, "G0,4,0", "G1,4,3", *(f"G{i},4,5" for i in range(2, 6)))
    blank = {"absent": "1", "_1": "", "_2": "", "_3": ""}
    matched = run(exam, [*sheet(0, **blank), *sheet(1, **blank), *everybody()[4:]])
    assert reasons(matched) == [("G1", "room/001-1.jpg", Reason.ABSENT_WITH_ANSWERS)]
    assert [answers(matched, i)[0] for i in (0, 1)] == ["absent", "missing"]


def test_a_subject_without_sheets_lives_on_marks_alone(tmp_path: Path) -> None:
    exam = make_exam(tmp_path, (constructed("1"), constructed("2")))
    give(tmp_path, *(f"G{i},5,6" for i in range(5)), header="student_id,1,2")
    matched = run(exam, [])
    assert reasons(matched) == [("G5", None, Reason.NO_SHEET)]
    assert answers(matched, 0) == ["read", "5", "6"]


@pytest.mark.parametrize(
    ("header", "row", "column", "says"),
    [
        ("student_id,item,points|G9,4,5", 2, "student_id", "no pupil 'G9'"),
        ("student_id,item,points|26010201,4,5", 2, "student_id", "close: 26010"),
        ("student_id,item,points|G1,4,5|G1,1,2", 3, "item", "no constructed-response item"),
        ("student_id,item,points|G1,4,10.5", 2, "points", "expected 0 to 10"),
        ("student_id,item,points|G1,4,2.5", 2, "points", "in steps of 1"),
        ("student_id,item,points|G1,4,缺考", 2, "points", "leave the cell empty"),
        ("student_id,item,points|G1,4,-1", 2, "points", "'-1'"),
        ("student_id,item,points|G1,4,3|26010102,4,5", 3, "points", "3 in row 2"),
        ("student_id,4|G1,11", 2, "4", "expected 0 to 10"),
        ("student_id,x|G1,11", 1, "points", "student_id, x"),
        ("student_id,item,points|1.2E+17,4,5", 2, "student_id", "spreadsheet"),
    ],
)
def test_a_wrong_marks_csv(tmp_path: Path, header: str, row: int, column: str, says: str) -> None:
    exam = make_exam(tmp_path, (*ITEMS, constructed("4")))
    give(tmp_path, *header.split("|")[1:], header=header.split("|")[0])
    with pytest.raises(InputError) as caught:
        run(exam, everybody())
    error = caught.value
    assert (error.file, error.row, error.column) == (tmp_path / "marks.csv", row, column)
    assert says in str(error) and error.mend


# ---- corrections


def test_a_correction_changes_the_mark_and_settles_its_exception(tmp_path: Path) -> None:
    exam = make_exam(tmp_path)
    pages, marks, exceptions = as_tables(everybody())
    doubts = tables.build(
        "exceptions",
        {
            "subject": ["m"] * 2,
            "kind": ["field"] * 2,
            "file": ["room/000-1.jpg"] * 2,
            "page": [1, 1],
            "field": ["1", "2"],
            "reason": ["faint"] * 2,
        },
    )
    correct(tmp_path, "room/000-1.jpg,1,1,D")
    matched = match(exam, exam.subjects[0], pages, marks, pa.concat_tables([exceptions, doubts]))
    assert answers(matched, 0) == ["read", "D", "B", "C"]
    rows = matched.exceptions.to_pylist()
    assert [(row["field"], row["student_id"]) for row in rows] == [("2", "G0")]
    changed = [row for row in matched.marks.to_pylist() if row["value"] == "D"]
    assert [(row["file"], row["field"], row["confidence"], row["flag"]) for row in changed] == [
        ("room/000-1.jpg", "1", 1.0, "")
    ]
    assert matched.marks.num_rows == marks.num_rows


def test_corrections_are_read_as_they_are_meant(tmp_path: Path) -> None:
    """Small letters, any order, twice; numbers and points with needless zeros."""
    number = Item(item="7", type="number", max=Decimal(2), key="2.5")
    items = (*ITEMS, number, constructed("8", "g"), constructed("9", "g"))
    exam = make_exam(tmp_path, items, choose={"g": Choose(k=2)})
    marks = {"form": "", "_7": "", "_score:8": "", "_score:9": "3", "_choose:g": ""}
    values = ["1,d b", "2,ａａ", "form,a", "7,+02.50", "score:8,4.0", "choose:g,9、8", "violation, 1"]
    correct(tmp_path, *(f"room/000-1.jpg,1,{value}" for value in values), "room/000-2.jpg,1,3,")
    matched = run(exam, sheet(0, **marks))
    assert answers(matched, 0) == ["violation", "BD", "A", "", "+02.50", "4", "3", "8+9"]


def test_the_number_field_set_aside_takes_its_doubt_along(tmp_path: Path) -> None:
    """ "-" does not only silence the doubt: the page counts for nobody, and its pupil is told to have no sheet."""
    exam = make_exam(tmp_path)
    pages, marks, exceptions = as_tables(everybody()[:1])
    doubt = {"subject": "m", "kind": "field", "file": "room/000-1.jpg", "page": 1, "field": "candidate"}
    correct(tmp_path, "room/000-1.jpg,1,candidate,-")
    doubts = pa.Table.from_pylist([doubt], schema=exceptions.schema)
    matched = match(exam, exam.subjects[0], pages, marks, doubts)
    assert {reason for _, _, reason in reasons(matched)} == {Reason.NO_SHEET}
    assert line(matched, "pages", "set_aside") == 1


def test_corrections_decide_whose_page_it_is(tmp_path: Path) -> None:
    pages = [*sheet(0, barcode="99999999"), *everybody()[2:], *sheet(0), Page("room/900.jpg", None)]
    pages[-3:-1] = [replace(page, file=page.file.replace("room", "again")) for page in pages[-3:-1]]
    correct(
        tmp_path,
        "room/000-1.jpg,1,candidate,26010101",
        "room/000-2.jpg,1,candidate,G0",
        "again/000-1.jpg,1,candidate,-",
        "again/000-2.jpg,1,candidate,-",
        "room/900.jpg,1,candidate,-",
    )
    matched = run(make_exam(tmp_path), pages)
    assert reasons(matched) == []
    assert answers(matched, 0) == ["read", "A", "B", "C"]
    counts = [line(matched, "pages", name) for name in ("in", "read", "exception", "set_aside")]
    assert counts == [15, 12, 0, 3]


@pytest.mark.parametrize(
    ("rows", "row", "column", "says"),
    [
        (["room/00-1.jpg,1,1,A"], 2, "file", "no page 1 of 'room/00-1.jpg'"),
        (["room/000-1.jpg,2,1,A"], 2, "file", "no page 2"),
        (["room/000-1.jpg,1,1,A", "room/000-1.jpg,1,9,A"], 3, "field", "no field '9'"),
        (["room/000-1.jpg,1,1,E"], 2, "value", "outside the options ABCD"),
        (["room/000-1.jpg,1,1,-"], 2, "value", "outside the options ABCD"),
        (["room/000-1.jpg,1,absent,是"], 2, "value", "expected 1 or nothing"),
        (["room/000-1.jpg,1,violation,0"], 2, "value", "expected 1 or nothing"),
        (["room/000-1.jpg,1,form,C"], 2, "value", "expected A"),
        (["room/000-1.jpg,1,7,2..5"], 2, "value", "expected a number"),
        (["room/000-1.jpg,1,score:8,11"], 2, "value", "expected 0 to 10"),
        (["room/000-1.jpg,1,choose:g,1"], 2, "value", "no item '1' in the choose group"),
        (["room/000-1.jpg,1,candidate,26010191"], 2, "value", "close: 26010101"),
        (["room/000-1.jpg,1,candidate,"], 2, "value", "no pupil ''"),
        (["room/000-1.jpg,1,1,A", "room/000-1.jpg,1,1,B"], 3, "value", "row 2 says 'A'"),
        (["room/900.jpg,1,candidate,G0"], 2, "value", "was not read"),
    ],
)
def test_a_wrong_corrections_csv(tmp_path: Path, rows: list[str], row: int, column: str, says: str) -> None:
    correct(tmp_path, *rows)
    number = Item(item="7", type="number", max=Decimal(2), key="2.5")
    items = (*ITEMS, number, constructed("8", "g"), constructed("9", "g"))
    front, back = sheet(0, form="A", _7="", **{"_score:8": "", "_choose:g": ""})
    pages = [front, back, *everybody()[2:], Page("room/900.jpg", None)]
    with pytest.raises(InputError) as caught:
        run(make_exam(tmp_path, items, choose={"g": Choose()}), pages)
    error = caught.value
    assert (error.file, error.row, error.column) == (tmp_path / "corrections.csv", row, column)
    assert says in str(error) and error.mend


# ---- accounts


def test_turned_pages_are_counted_and_pages_say_whose_they_are(tmp_path: Path) -> None:
    exam = make_exam(tmp_path)
    pages, marks, exceptions = as_tables([*everybody()[2:], Page("room/900.jpg", None)])
    turns = pa.array([180, 0, 90, 0] + [0] * 6 + [None], pa.int32())
    pages = pages.set_column(pages.column_names.index("rotation"), "rotation", turns)
    matched = match(exam, exam.subjects[0], pages, marks, exceptions)
    assert line(matched, "pages", "turned") == 2 and balance(matched.accounts) == []
    assert matched.pages["student_id"].to_pylist() == [f"G{i}" for i in range(1, 6) for _ in (1, 2)] + [None]
    assert matched.pages.drop(["student_id"]).equals(pages.drop(["student_id"]))


# ---- properties


def test_more_answers_than_a_byte_can_count(tmp_path: Path) -> None:
    """Numbers filled in by hand may differ in hundreds of ways; the column then has wider indices."""
    n = 400
    item = Item(item="1", type="number", max=Decimal(2), key="7")
    subject = Subject(code="m", name="m", folder=tmp_path, items=(item,))
    ids = [f"G{i}" for i in range(n)]
    text = {name: ids for name in ("student_id", "name", "class", "school", "county", "candidate_no")}
    exam = make_exam(tmp_path).model_copy(update={"subjects": (subject,), "roster": pa.table(text)})
    matched = run(exam, [Page(f"{i:04d}.jpg", 1, {"1": str(i)}, f"G{i}") for i in range(n)])
    assert matched.responses["1"].to_pylist() == [str(i) for i in range(n)]


def test_balance_notices_a_page_that_was_dropped_without_a_word(tmp_path: Path) -> None:
    exam = make_exam(tmp_path)
    pages, marks, _ = as_tables([*everybody(), Page("room/900.jpg", None)])
    matched = match(exam, exam.subjects[0], pages, marks, tables.empty("exceptions"))
    assert balance(matched.accounts) == ["m: 13 pages in, but 12 read + 0 exception + 0 set_aside = 12"]
    wrong = tables.build(
        "accounts", {"subject": ["m"] * 2, "account": ["pupils"] * 2, "line": ["registered", "read"], "count": [3, 2]}
    )
    assert balance(wrong) == ["m: 3 pupils registered, but 2 read + 0 absent + 0 missing = 2"]


@st.composite
def troubled(draw: st.DrawFn) -> list[Page]:
    """A batch with pages lost, unread, scanned twice, with wrong, missing or contradicting numbers, and shuffled."""
    pages = []
    for page in different():
        what = draw(
            st.sampled_from(["", "", "", "", "lost", "unread", "twice", "other", "nobody", "wrong", "number", "absent"])
        )
        if what == "unread":
            page = replace(page, side=None, marks={}, barcode="")
        elif what == "nobody":
            page = replace(page, barcode="")
        elif what == "wrong":
            page = replace(page, barcode=draw(st.sampled_from([*NUMBERS, "99999999"])))
        elif what == "number":
            number = draw(st.sampled_from([*NUMBERS, "2601010_", "26010[01]01", "99999999", ""]))
            page = replace(page, barcode="", marks={**page.marks, "candidate": number})
        elif what == "absent":
            page = replace(page, marks={**page.marks, "absent": "1"})
        if what != "lost":
            pages.append(page)
        if what in ("twice", "other"):
            marks = dict.fromkeys(page.marks, "") if what == "other" else page.marks
            pages.append(replace(page, file=page.file.replace("room", "room2"), marks=marks))
    if draw(st.booleans()):
        pages = draw(st.permutations(pages))
    return pages


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=troubled())
def test_whatever_happens_the_accounts_balance_and_nobody_gets_anothers_answers(
    tmp_path: Path, pages: list[Page]
) -> None:
    exam = make_exam(tmp_path)
    matched = run(exam, pages)  # checks the balance
    rows = matched.exceptions.to_pylist()
    dropped = {row["file"] for row in rows if row["kind"] == "page" or row["reason"] in PAGE_REASONS}
    kept = [page for page in pages if page.file not in dropped]
    assert len(kept) == line(matched, "pages", "read")

    # Plainly: the pages kept that name a pupil are that pupil's, no side twice, and the answers are theirs.
    sides: dict[tuple[str, int | None], Page] = {}
    for page in kept:
        name = page.barcode or page.marks.get("candidate", "")
        if name:
            assert name in NUMBERS and (name, page.side) not in sides
            sides[name, page.side] = page
    responses = matched.responses.to_pylist()
    for i, number in enumerate(NUMBERS):
        if responses[i]["status"] in ("missing", "absent"):
            continue
        assert (responses[i]["status"] == "read") == all(responses[i][item] is not None for item in "123")
        for item, side in (("1", 1), ("2", 1), ("3", 2)):
            if (number, side) in sides:
                assert responses[i][item] == sides[number, side].marks[item]
            elif responses[i][item] is not None:  # from a page without a name of its own, joined to its neighbour
                assert responses[i][item] in [p.marks[item] for p in kept if not p.barcode and p.side == side]
