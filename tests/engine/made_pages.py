"""Made-up pages of a small exam as the reader gives them, for tests of matching, and what must hold of every match."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from engine import tables
from engine.exam import Exam, Item, Subject
from engine.identity import Reason
from engine.match import Matched, balance, match

NUMBERS = ["26010101", "26010102", "26010113", "26010204", "26010205", "26010206"]


def single(name: str) -> Item:
    return Item(item=name, type="single", max=Decimal(2), key="A", options="ABCD")


def constructed(name: str, group: str = "") -> Item:
    return Item(item=name, type="constructed", max=Decimal(10), group=group)


ITEMS = (single("1"), single("2"), single("3"))


@dataclass(frozen=True)
class Page:
    """A page as the reader gives it; marks: field → value."""

    file: str
    side: int | None
    marks: dict[str, str] = field(default_factory=dict)
    barcode: str = ""
    page: int = 1


def sheet(i: int, barcode: str | None = None, **marks: str) -> list[Page]:
    """The two sides of pupil i's sheet: items 1 and 2 in front, 3 behind."""
    code = NUMBERS[i] if barcode is None else barcode
    answers = {"1": "A", "2": "B", "3": "C"} | {name.lstrip("_"): value for name, value in marks.items()}
    front = {"candidate": "", "absent": "", "violation": ""} | {k: v for k, v in answers.items() if k != "3"}
    return [
        Page(f"room/{i:03d}-1.jpg", 1, front, code),
        Page(f"room/{i:03d}-2.jpg", 2, {"3": answers["3"]}, code),
    ]


def everybody() -> list[Page]:
    return [page for i in range(len(NUMBERS)) for page in sheet(i)]


def different() -> list[Page]:
    """Everybody's sheets, on each side of which no two pupils have the same answers."""
    own = ("A", "B", "C", "D", "AB", "")
    return [
        page for i, (front, back) in enumerate(zip(own, own[::-1], strict=True)) for page in sheet(i, _1=front, _3=back)
    ]


def make_exam(folder: Path, items: tuple[Item, ...] = ITEMS, **keys: object) -> Exam:
    subject = Subject(code="m", name="数学", folder=folder, items=items, **keys)  # type: ignore[arg-type]
    ids = [f"G{i}" for i in range(len(NUMBERS))]
    roster = {"student_id": ids, "name": list("甲乙丙丁戊己"), "class": ["1"] * 6, "school": ["s"] * 6}
    return Exam(
        folder=folder,
        id="e",
        title="t",
        date=datetime.date(2026, 11, 10),
        subjects=(subject,),
        roster=pa.table({**roster, "county": [""] * 6, "candidate_no": NUMBERS}),
    )


def as_tables(pages: list[Page]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """What the reader would have written: pages, marks, exceptions (of pages that it could not read)."""
    read = [page for page in pages if page.side is not None]
    failed = [page for page in pages if page.side is None]
    marks = [(page, name, value) for page in read for name, value in page.marks.items()]
    return (
        tables.build(
            "pages",
            {
                "subject": ["m"] * len(pages),
                "file": [page.file for page in pages],
                "page": [page.page for page in pages],
                "sheet_page": [page.side for page in pages],
                "status": ["exception" if page.side is None else "read" for page in pages],
                "barcode": [page.barcode for page in pages],
            },
        ),
        tables.build(
            "marks",
            {
                "subject": ["m"] * len(marks),
                "file": [page.file for page, _, _ in marks],
                "page": [page.page for page, _, _ in marks],
                "field": [name for _, name, _ in marks],
                "value": [value for _, _, value in marks],
                "confidence": [0.9] * len(marks),
                "flag": [""] * len(marks),
            },
        ),
        tables.build(
            "exceptions",
            {
                "subject": ["m"] * len(failed),
                "kind": ["page"] * len(failed),
                "file": [page.file for page in failed],
                "page": [page.page for page in failed],
                "reason": ["blurred"] * len(failed),
            },
        ),
    )


def run(exam: Exam, pages: list[Page], sides: dict[int, list[str]] | None = None) -> Matched:
    """Match, and check what must hold of every outcome."""
    matched = match(exam, exam.subjects[0], *as_tables(pages), sides)
    assert balance(matched.accounts) == []
    assert matched.responses["student_id"].to_pylist() == exam.roster["student_id"].to_pylist()
    rooms = matched.rooms.to_pylist()
    for name in ("registered", "read", "absent", "missing"):
        assert not rooms or sum(row[name] for row in rooms) == line(matched, "pupils", name)
    assert all(row["registered"] == row["read"] + row["absent"] + row["missing"] for row in rooms)
    told = set(matched.exceptions["student_id"].to_pylist())
    for row in matched.responses.to_pylist():
        if row["status"] == "missing":
            assert row["student_id"] in told
        if row["status"] == "incomplete":
            assert told & {row["student_id"], None}
        if row["status"] in ("missing", "absent"):
            assert all(row[item.item] is None for item in exam.subjects[0].items)
    for name, schema in (("exceptions", matched.exceptions.schema), ("accounts", matched.accounts.schema)):
        assert schema == tables.SCHEMAS[name]
    return matched


def reasons(matched: Matched) -> list[tuple[str | None, str | None, str]]:
    rows = matched.exceptions.to_pylist()
    return [(row["student_id"], row["file"], row["reason"]) for row in rows]


def details(matched: Matched, reason: Reason) -> str:
    return "\n".join(row["detail"] for row in matched.exceptions.to_pylist() if row["reason"] == reason)


def answers(matched: Matched, i: int) -> list[str | None]:
    row = matched.responses.to_pylist()[i]
    return [row["status"], *(row[name] for name in matched.responses.column_names[3:])]


def line(matched: Matched, account: str, name: str) -> int:
    (count,) = [r["count"] for r in matched.accounts.to_pylist() if (r["account"], r["line"]) == (account, name)]
    return int(count)


def correct(folder: Path, *rows: str) -> None:
    (folder / "corrections.csv").write_text("\n".join(["file,page,field,value", *rows]) + "\n", encoding="utf-8")


def give(folder: Path, *rows: str, header: str = "student_id,item,points") -> None:
    (folder / "marks.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
