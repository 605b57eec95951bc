"""What the order of the pages tells: rooms' bags, neighbours, misfeeds; and nothing is lost in any batch."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_pages import ITEMS, Page, as_tables, details, line, reasons, run

from engine.byhand import template
from engine.exam import Exam, Subject
from engine.identity import PAGE_REASONS, Reason
from engine.match import Matched, balance, match
from engine.tables import plain_cell

ROOMS = [f"{room:02d}" for room in (1, 2) for _ in range(6)]
SEATS = [f"{seat:02d}" for _ in (1, 2) for seat in range(1, 7)]
NUMBERS = [f"26{room}{seat}" for room, seat in zip(ROOMS, SEATS, strict=True)]


def make(folder: Path, *, rooms: bool = True) -> Exam:
    """Two rooms of six pupils; three items, the third on the back."""
    n = len(NUMBERS)
    roster = {"student_id": [f"G{i:02d}" for i in range(n)], "name": [f"n{i}" for i in range(n)]}
    roster |= {"class": ["1"] * n, "school": ["s"] * n, "county": [""] * n, "candidate_no": NUMBERS}
    return Exam(
        folder=folder,
        id="e",
        title="t",
        date=datetime.date(2026, 11, 10),
        subjects=(Subject(code="m", name="m", folder=folder, items=ITEMS),),
        roster=pa.table(roster | ({"room": ROOMS, "seat": SEATS} if rooms else {})),
    )


def paper(i: int, *, answer: str = "", bag: str = "") -> list[Page]:
    """The two sides of a pupil's sheet as they lie in the bag of their room."""
    own = answer or "ABCD"[i % 4]
    folder = bag or f"bag{ROOMS[i]}"
    return [
        Page(f"{folder}/{i:02d}-1.jpg", 1, {"candidate": "", "absent": "", "1": own, "2": own}, NUMBERS[i]),
        Page(f"{folder}/{i:02d}-2.jpg", 2, {"3": own}, NUMBERS[i]),
    ]


def everybody(*, without: tuple[int, ...] = ()) -> list[Page]:
    return [page for i in range(len(NUMBERS)) if i not in without for page in paper(i)]


def named(pages: list[Page], code: str) -> list[Page]:
    """Another barcode."""
    return [replace(page, barcode=code) for page in pages]


def filled(pages: list[Page], number: str) -> list[Page]:
    """No barcode, and a number filled in on the front."""
    return [
        replace(page, barcode="", marks=page.marks | ({"candidate": number} if page.side == 1 else {}))
        for page in pages
    ]


def suggested(matched: Matched, reason: Reason) -> list[tuple[str, str]]:
    rows = matched.exceptions.to_pylist()
    return [(row["file"], row["suggestion"]) for row in rows if row["reason"] == reason]


def in_order(pages: list[Page]) -> list[Page]:
    """As the reader lists them."""
    return sorted(pages, key=lambda page: page.file.split("/"))


# ---- rooms


def test_a_sheet_in_another_rooms_bag_is_noted_and_counts(tmp_path: Path) -> None:
    pages = in_order([*everybody(without=(8,)), *paper(8, bag="bag01")])
    matched = run(make(tmp_path), pages)
    assert reasons(matched) == [("G08", "bag01/08-1.jpg", Reason.WRONG_ROOM)]
    assert f"{NUMBERS[8]} (n8, room 02 seat 03) among the sheets of room 01" in details(matched, Reason.WRONG_ROOM)
    assert matched.responses["status"].to_pylist() == ["read"] * 12
    assert [row["elsewhere"] for row in matched.rooms.to_pylist()] == [0, 1]


def test_swapped_stickers_suggest_who_should_lie_there(tmp_path: Path) -> None:
    """Pupil 3's sheet has the sticker of 8, who was away: by its place in the bag it is 3's."""
    pages = [*everybody(without=(3, 8))[:6], *named(paper(3), NUMBERS[8]), *everybody(without=(3, 8))[6:]]
    matched = run(make(tmp_path), pages)
    assert suggested(matched, Reason.WRONG_ROOM) == [("bag01/03-1.jpg", NUMBERS[3])]
    rows = [f"bag01/03-{side}.jpg,1,candidate,{NUMBERS[3]}" for side in (1, 2)]
    (tmp_path / "corrections.csv").write_text("\n".join(["file,page,field,value", *rows]))
    settled = run(make(tmp_path), pages)
    assert reasons(settled) == [("G08", None, Reason.NO_SHEET)]


def test_a_sheet_in_the_wrong_bag_can_be_confirmed(tmp_path: Path) -> None:
    pages = in_order([*everybody(without=(8,)), *paper(8, bag="bag01")])
    (tmp_path / "corrections.csv").write_text(f"file,page,field,value\nbag01/08-1.jpg,1,candidate,{NUMBERS[8]}\n")
    assert reasons(run(make(tmp_path), pages)) == []


def test_a_mixed_folder_is_no_bag(tmp_path: Path) -> None:
    pages = [page for i in range(12) for page in paper(i, bag="all")]
    assert reasons(run(make(tmp_path), pages)) == []
    assert reasons(run(make(tmp_path, rooms=False), everybody())) == []


# ---- suggestions


def test_the_missing_of_the_same_room_come_first(tmp_path: Path) -> None:
    """26__03 fits a missing pupil of either room."""
    rest = everybody(without=(2, 8))
    for bag, at, expected in (("bag01", 4, NUMBERS[2]), ("bag02", len(rest), NUMBERS[8])):
        page = filled(paper(2, bag=bag), "26__03")[0]
        matched = run(make(tmp_path), [*rest[:at], page, *rest[at:]])
        assert suggested(matched, Reason.NUMBER_INCOMPLETE) == [(page.file, expected)]
    loose = run(make(tmp_path), [*rest, filled(paper(2, bag="later"), "26__03")[0]])
    assert suggested(loose, Reason.NUMBER_INCOMPLETE) == [("later/02-1.jpg", None)]
    assert f"fits {NUMBERS[2]}" in details(loose, Reason.NUMBER_INCOMPLETE)


def test_a_page_without_any_number_belongs_by_its_place(tmp_path: Path) -> None:
    pages = everybody()
    pages[4:6] = filled(paper(2), "")
    matched = run(make(tmp_path), pages)
    assert suggested(matched, Reason.NO_IDENTITY) == [(f"bag01/02-{side}.jpg", NUMBERS[2]) for side in (1, 2)]
    assert "by its place in the batch perhaps" in details(matched, Reason.NO_IDENTITY)
    # With two missing between the neighbours nothing is suggested.
    two = run(make(tmp_path), pages[:2] + pages[4:])
    assert suggested(two, Reason.NO_IDENTITY) == [(f"bag01/02-{side}.jpg", None) for side in (1, 2)]


def test_a_conflict_suggests_the_one_who_is_missing(tmp_path: Path) -> None:
    front, back = paper(3)
    front = replace(front, barcode=NUMBERS[9], marks=front.marks | {"candidate": NUMBERS[3]})
    pages = [*everybody(without=(3,))[:6], front, back, *everybody(without=(3,))[6:]]
    assert suggested(run(make(tmp_path), pages), Reason.IDENTITY_CONFLICT) == [(front.file, NUMBERS[3])]


def test_duplicates_are_shown_with_their_neighbours(tmp_path: Path) -> None:
    """Pupil 4 wrote the number of pupil 1: one of the two lies where 4 is missing."""
    pages = everybody()
    pages[8:10] = named(paper(4), NUMBERS[1])
    matched = run(make(tmp_path), pages)
    expected = {f"bag01/0{i}-{side}.jpg": NUMBERS[i] for i in (1, 4) for side in (1, 2)}
    assert dict(suggested(matched, Reason.DUPLICATE)) == {
        file: NUMBERS[4] if "04" in file else None for file in expected
    }
    told = details(matched, Reason.DUPLICATE)
    assert f"before it in the batch: {NUMBERS[0]}" in told and f"after it in the batch: {NUMBERS[5]}" in told


def test_who_has_no_sheet_is_looked_for_at_their_place(tmp_path: Path) -> None:
    matched = run(make(tmp_path), everybody(without=(3,)))
    told = details(matched, Reason.NO_SHEET)
    assert "room 01 seat 04" in told and "its place in the batch is after bag01/02-2.jpg" in told
    assert "two sheets went through together" in told
    unread = everybody()
    unread[6:8] = [replace(page, side=None, marks={}, barcode="") for page in unread[6:8]]
    told = details(run(make(tmp_path), unread), Reason.NO_SHEET)
    assert "perhaps bag01/03-1.jpg, bag01/03-2.jpg, which lies at its place" in told
    others = [*unread[:6], *paper(9, bag="bag01"), *everybody(without=(3, 9))[6:]]
    assert "its place" not in details(run(make(tmp_path), others), Reason.NO_SHEET)  # another's sheet lies there
    last = run(make(tmp_path), everybody(without=(5,)))
    assert "its place" not in details(last, Reason.NO_SHEET)  # nobody of the room comes after


# ---- the feeder


def test_a_double_feed_shows_two_sides_of_two_sheets(tmp_path: Path) -> None:
    """The front of 2 and the back of 3 were seen, what lay between them was not."""
    pages = everybody()
    del pages[5:7]
    matched = run(make(tmp_path), pages)
    assert (None, "bag01/02-1.jpg", Reason.DOUBLE_FEED) in reasons(matched)
    assert {sid for sid, _, reason in reasons(matched) if reason == Reason.PAGE_MISSING} == {"G02", "G03"}
    turned = everybody()
    turned = [page for at in range(0, 24, 2) for page in (turned[at + 1], turned[at])]
    del turned[5:7]
    assert [row for row in reasons(run(make(tmp_path), turned)) if row[2] == Reason.DOUBLE_FEED]


def test_other_losses_are_no_double_feed(tmp_path: Path) -> None:
    pages = everybody()
    for lost in ((5,), (4, 6), (5, 8), (4, 5, 6)):
        left = [page for at, page in enumerate(pages) if at not in lost]
        assert Reason.DOUBLE_FEED not in {reason for _, _, reason in reasons(run(make(tmp_path), left))}


def test_a_run_of_fronts_without_backs(tmp_path: Path) -> None:
    pages = everybody()
    left = [page for at, page in enumerate(pages) if at not in (13, 15, 17, 19)]  # backs of 6 to 9
    matched = run(make(tmp_path), left)
    assert [row for row in reasons(matched) if row[2] == Reason.ONE_SIDED] == [
        (None, "bag02/06-1.jpg", Reason.ONE_SIDED)
    ]
    assert "4 times side 1 in a row without side 2, from here to bag02/09-1.jpg" in details(matched, Reason.ONE_SIDED)
    two = [page for at, page in enumerate(pages) if at not in (13, 15)]
    assert Reason.ONE_SIDED not in {reason for _, _, reason in reasons(run(make(tmp_path), two))}


def test_fronts_and_backs_scanned_apart_are_no_misfeed(tmp_path: Path) -> None:
    pages = [replace(page, file=page.file.replace("-", f"/{page.side}-")) for page in everybody()]
    assert reasons(run(make(tmp_path), sorted(pages, key=lambda page: (page.file[:5], page.side)))) == []


# ---- any batch


@st.composite
def batches(draw: st.DrawFn) -> list[Page]:
    """Pages lost, unread, scanned twice, of other bags, with wrong, double and missing numbers, in any order."""
    pages = []
    for i in range(len(NUMBERS)):
        bag = draw(st.sampled_from(["", "", "", "", "", "bag01", "bag02", "late"]))
        for page in paper(i, bag=bag, answer=draw(st.sampled_from(["", "", "A"]))):
            what = draw(st.sampled_from([""] * 8 + ["lost", "unread", "twice", "nobody", "wrong", "number", "absent"]))
            number = draw(st.sampled_from([*NUMBERS, "26__03", "9" * 6, "26[01]101"]))
            if what == "unread":
                page = replace(page, side=None, marks={}, barcode="")
            elif what == "nobody":
                page = replace(page, barcode="")
            elif what == "wrong":
                page = replace(page, barcode=number)
            elif what == "number":
                page = filled([page], number)[0]
            elif what == "absent":
                page = replace(page, marks=page.marks | {"absent": "1"})
            copies = {"lost": 0, "twice": 2}.get(what, 1)
            pages += [replace(page, file=page.file.replace("-", "-" + "again" * copy)) for copy in range(copies)]
    return draw(st.permutations(pages)) if draw(st.booleans()) else in_order(pages)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=batches(), rooms=st.booleans())
def test_every_page_and_pupil_is_accounted_for_once(tmp_path: Path, pages: list[Page], rooms: bool) -> None:
    exam, folder = make(tmp_path, rooms=rooms), tmp_path
    (folder / "corrections.csv").unlink(missing_ok=True)
    matched = run(exam, pages)  # balance, and rooms against the account of pupils
    rows = matched.exceptions.to_pylist()
    unread = [page.file for page in pages if page.side is None]
    assert sorted(row["file"] for row in rows if row["kind"] == "page") == sorted(unread)
    outside = [row["file"] for row in rows if row["reason"] in PAGE_REASONS]
    assert len(outside) == len(set(outside)) and not set(outside) & set(unread)
    assert line(matched, "pages", "read") == len(pages) - len(outside) - len(unread)
    assert {row["suggestion"] for row in rows} <= {None, *NUMBERS}
    assert all(row["detail"] for row in rows if row["kind"] != "page")

    status = dict(zip(*(matched.responses[name].to_pylist() for name in ("student_id", "status")), strict=True))
    for room in matched.rooms.to_pylist():
        here = [status[f"G{i:02d}"] for i in range(12) if ROOMS[i] == room["room"]]
        assert (room["missing"], room["absent"]) == (here.count("missing"), here.count("absent"))
        assert len(room["gaps"].split("; ") if room["gaps"] else []) == room["missing"]

    check_the_template(exam, pages, matched)


def check_the_template(exam: Exam, pages: list[Page], matched: Matched) -> None:
    """The template changes nothing as it is; filled in as suggested, what it settles is settled."""
    path = exam.folder / "corrections.csv"
    todo = template(exam.subjects[0], matched.exceptions).to_pylist()
    names = ["file", "page", "field", "student_id", "value"]
    lines = [names, *([plain_cell(row[name]) for name in names] for row in todo)]
    path.write_text("\n".join(",".join(cells) for cells in lines), encoding="utf-8")
    again = run(exam, pages)
    assert again.exceptions.equals(matched.exceptions) and again.responses.equals(matched.responses)
    for cells, row in zip(lines[1:], todo, strict=True):
        cells[-1] = row["suggestion"] or "?"
    path.write_text("\n".join(",".join(cells) for cells in lines), encoding="utf-8")
    filled_in = match(exam, exam.subjects[0], *as_tables(pages))
    assert balance(filled_in.accounts) == []
    decided = {row["file"] for row in todo if row["suggestion"]}
    left = {row["file"] for row in filled_in.exceptions.to_pylist() if row["reason"] in PAGE_REASONS}
    twice = {Reason.DUPLICATE, Reason.DUPLICATE_SAME}
    if not twice & {row["reason"] for row in filled_in.exceptions.to_pylist()}:
        assert not left & decided
    path.unlink()


@pytest.mark.parametrize("rooms", [True, False])
def test_the_whole_exam_as_it_should_be(tmp_path: Path, rooms: bool) -> None:
    assert reasons(run(make(tmp_path, rooms=rooms), everybody())) == []
