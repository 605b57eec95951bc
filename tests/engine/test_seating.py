"""Who sits where, and the reconciliation room by room."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from made_pages import NUMBERS, everybody, make_exam, reasons, run, sheet

from engine.errors import InputError
from engine.exam import Exam
from engine.identity import Reason
from engine.roster import Pupils
from engine.seating import Seating, load_seating


def write(folder: Path, *rows: str, header: str = "student_id,room,seat") -> None:
    (folder / "seating.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def load(exam: Exam) -> Seating:
    return load_seating(exam, exam.subjects[0], Pupils(exam.roster))


def with_rooms(exam: Exam, rooms: list[str], seats: list[str]) -> Exam:
    roster = exam.roster.append_column("room", pa.array(rooms)).append_column("seat", pa.array(seats))
    return exam.model_copy(update={"roster": roster})


def test_the_roster_says_it_if_there_is_no_seating_csv(tmp_path: Path) -> None:
    exam = make_exam(tmp_path)
    assert not load(exam).known and load(exam).order == list(range(6))
    exam = with_rooms(exam, ["10", "9", "9", "10", "9", ""], ["1", "2", "11", "2", "3", ""])
    seating = load(exam)
    assert seating.known
    assert seating.order == [5, 1, 4, 2, 0, 3]  # rooms and seats as numbers, not as text
    assert [seating.order[rank] for rank in seating.rank] == list(range(6))
    assert seating.told(2) == f"{NUMBERS[2]} (丙, room 9 seat 11)" and seating.told(5) == f"{NUMBERS[5]} (己)"


def test_seating_csv_goes_before_the_roster_and_a_row_with_the_subject_before_one_without(tmp_path: Path) -> None:
    exam = with_rooms(make_exam(tmp_path), ["x"] * 6, list("123456"))
    exam = exam.model_copy(
        update={"subjects": (*exam.subjects, exam.subjects[0].model_copy(update={"code": "other", "forms": {}}))}
    )
    rows = (f"{NUMBERS[0]},01,1,m", "G1,01,2,", "G0,02,7,", "G1,03,9,other")
    write(tmp_path, *rows, header="考号,考场号,座位号,科目")
    seating = load(exam)
    assert (seating.room, seating.seat) == (["01", "01", "", "", "", ""], ["1", "2", "", "", "", ""])
    other = load_seating(exam, exam.subjects[1], Pupils(exam.roster))
    assert other.room[:2] == ["02", "03"]


@pytest.mark.parametrize(
    ("rows", "row", "column", "says"),
    [
        (["G0,1,1,,", "G9,1,2,,"], 3, "student_id", "no pupil 'G9'"),
        (["G0,1,1,x,"], 2, "subject", "no subject 'x'"),
        (["G0,1,1,,", "26010101,1,2,,"], 3, "student_id", "row 2 already"),
        (["G0,1,1,m,", "G0,1,2,m,"], 3, "student_id", "row 2 already"),
        (["G0,1,1,,", "G1,1,1,,"], 3, "seat", "taken in row 2"),
        (["G0,1,1,,C"], 2, "form", "no form 'C'"),
    ],
)
def test_a_wrong_seating_csv(tmp_path: Path, rows: list[str], row: int, column: str, says: str) -> None:
    forms = {name: (("1", "ABCD"), ("2", "ABCD"), ("3", "ABCD")) for name in "AB"}
    write(tmp_path, *rows, header="student_id,room,seat,subject,form")
    with pytest.raises(InputError) as caught:
        run(make_exam(tmp_path, forms=forms), [])
    error = caught.value
    assert (error.file, error.row, error.column) == (tmp_path / "seating.csv", row, column)
    assert says in str(error) and error.mend


def test_a_seat_may_be_taken_by_another_pupil_in_another_subject(tmp_path: Path) -> None:
    write(tmp_path, "G0,1,1,", "G1,1,1,m", "G0,1,2,m", header="student_id,room,seat,subject")
    assert load(make_exam(tmp_path)).seat[:2] == ["2", "1"]


def test_rooms_are_reconciled_and_gaps_name_the_seat(tmp_path: Path) -> None:
    exam = with_rooms(make_exam(tmp_path), ["01", "01", "01", "02", "02", ""], ["1", "2", "3", "1", "2", ""])
    pages = [*sheet(0), *sheet(2, absent="1", _1="", _2="", _3=""), *sheet(4), *sheet(5)]
    matched = run(exam, pages)
    rows = [list(row.values())[1:] for row in matched.rooms.to_pylist()]
    assert rows == [
        ["", 1, 1, 0, 0, 0, ""],
        ["01", 3, 1, 1, 1, 0, f"seat 2 {NUMBERS[1]} 乙"],
        ["02", 2, 1, 0, 1, 0, f"seat 1 {NUMBERS[3]} 丁"],
    ]
    details = {row["student_id"]: row["detail"] for row in matched.exceptions.to_pylist()}
    assert "room 01 seat 2" in details["G1"] and "room 02 seat 1" in details["G3"]


def test_an_absence_can_be_registered_without_a_sheet(tmp_path: Path) -> None:
    exam = with_rooms(make_exam(tmp_path), ["01"] * 6, list("123456"))
    (tmp_path / "corrections.csv").write_text("file,page,field,value,student_id\n,,absent,1,26010101\n,,absent,?,G1\n")
    matched = run(exam, everybody()[4:])
    assert reasons(matched) == [("G1", None, Reason.NO_SHEET)]
    (room,) = matched.rooms.to_pylist()
    assert (room["read"], room["absent"], room["missing"]) == (4, 1, 1)
    # The sheet turns up after all.
    found = run(exam, [*everybody()[:2], *everybody()[4:]])
    assert ("G0", "room/000-1.jpg", Reason.ABSENT_WITH_ANSWERS) in reasons(found)


def test_no_rooms_no_table(tmp_path: Path) -> None:
    assert run(make_exam(tmp_path), everybody()).rooms.num_rows == 0


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        (",,absent,1,", "student_id", "no pupil ''"),
        (",,absent,1,26010191", "student_id", "no pupil '26010191'"),
        (",,absent,,G0", "value", "expected 1"),
        (",,absent,-,G0", "value", "expected 1"),
        (",,candidate,1,G0", "file", "no page"),
    ],
)
def test_an_absence_that_cannot_be_registered(tmp_path: Path, row: str, column: str, says: str) -> None:
    (tmp_path / "corrections.csv").write_text(f"file,page,field,value,student_id\n{row}\n")
    with pytest.raises(InputError) as caught:
        run(make_exam(tmp_path), everybody())
    error = caught.value
    assert (error.file, error.row, error.column) == (tmp_path / "corrections.csv", 2, column)
    assert says in str(error) and error.mend
