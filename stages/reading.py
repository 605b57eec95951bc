"""Paper comes back: scans are read, and matched to the roster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from engine import match, tables
from engine.errors import UsageError, YuejuanError
from engine.exam import Exam, load_exam
from omr import importers
from omr.layout import Layout
from omr.read import TABLES, read_scans
from omr.reason import Reason
from stages.exceptions import keep_exceptions, people, readings
from stages.paper import layout_of
from stages.work import Summary, Work


def read(folder: Path, work: Work) -> Summary:
    """Read the scans of every subject and match them to the roster."""
    exam = load_exam(folder)
    summary = Summary("read")
    read_subjects(exam, work)
    _, exceptions = match_sheets(exam, summary)
    keep_exceptions(exam, exceptions, summary, work)
    return summary


def read_subjects(exam: Exam, work: Work) -> None:
    """Read the scans of every subject, as far as they have not been read."""
    for subject in exam.scanned:
        read_scans(
            subject.folder / "scans",
            layout_of(subject),
            readings(exam, subject),
            subject=subject.code,
            workers=work.workers,
            progress=work.on(f"read {subject.code}"),
        )


def read_bare(scans: list[Path], layout: Path | None, output: Path | None, work: Work) -> Summary:
    """Read folders of scans without an exam."""
    if layout is None or output is None:
        raise UsageError(
            "reading scans without an exam needs to know where the marks are and where to write",
            mend="give --layout FILE and -o DIR, or one exam folder",
        )
    summary = Summary("read")
    result = read_scans(
        scans,
        importers.load_any(layout),
        output,
        workers=work.workers,
        progress=work.on("read"),
    )
    summary.figures["pages"] = {"in": result.pages, "read": result.read, "exception": result.pages - result.read}
    summary.figures["fields"] = {"read": result.fields, "flagged": result.flagged}
    summary.exceptions = result.exceptions
    tables.write_csv(tables.read(output / "exceptions.arrow"), output / "exceptions.csv")
    summary.written = [output / "marks.csv", output / "pages.arrow", output / "exceptions.csv"]
    return summary


def match_sheets(exam: Exam, summary: Summary) -> tuple[dict[str, pa.Table], pa.Table]:
    """Match what was read to the roster; keeps the tables.

    Returns:
        the responses by subject, and the exceptions, which the caller keeps.
    """
    parts: dict[str, list[pa.Table]] = {name: [] for name in ("pages", "marks", "exceptions", "accounts", "rooms")}
    layouts = {subject.code: layout_of(subject) for subject in exam.scanned}
    responses = {}
    for subject in exam.subjects:
        if subject.points_only:
            matched = match.match(exam, subject, *(tables.empty(name) for name in TABLES))
        else:
            source = readings(exam, subject)
            pages, marks, doubts = (tables.read(source / f"{name}.arrow") for name in TABLES)
            named = _misfiled(doubts, layouts)
            matched = match.match(exam, subject, pages, marks, named, sides=_sides(layouts[subject.code]))
        for name, tables_so_far in parts.items():
            tables_so_far.append(getattr(matched, name))
        responses[subject.code] = matched.responses
        tables.write(matched.responses, exam.tables / f"responses.{subject.code}.arrow")
    accounts = pa.concat_tables(parts["accounts"])
    problems = match.balance(accounts)
    if problems:
        raise YuejuanError("the accounts don't balance: " + "; ".join(problems), mend="please report this")
    for name in ("pages", "marks", "accounts", "rooms"):
        tables.write(pa.concat_tables(parts[name]), exam.tables / f"{name}.arrow")
    for row in accounts.to_pylist():
        summary.figures.setdefault(f"{row['subject']} {row['account']}", {})[row["line"]] = row["count"]
    _tell_rooms(exam, pa.concat_tables(parts["rooms"]), summary)
    return responses, pa.concat_tables(parts["exceptions"])


def _misfiled(exceptions: pa.Table, layouts: Mapping[str, Layout]) -> pa.Table:
    """The reader's exceptions; of sheets of another subject of the exam it is said which."""
    owner = {mark.id: code for code, layout in layouts.items() for page in layout.pages for mark in page.fiducials}
    details = []
    for reason, detail in zip(exceptions["reason"].to_pylist(), exceptions["detail"].to_pylist(), strict=True):
        marks = map(int, re.findall(r"\d+", detail)) if reason == Reason.WRONG_SHEET else ()
        codes = {owner.get(mark, "") for mark in marks} - {""}
        details.append(f"a sheet of {codes.pop()}: {detail}" if len(codes) == 1 else detail)
    return exceptions.set_column(exceptions.column_names.index("detail"), "detail", pa.array(details, pa.string()))


def _tell_rooms(exam: Exam, rooms: pa.Table, summary: Summary) -> None:
    """扫描核对: how many rooms are complete; which are not stands in rooms.csv."""
    if not rooms.num_rows:
        return
    tables.write_csv(rooms, people(exam) / "rooms.csv")
    for row in rooms.to_pylist():
        told = summary.figures.setdefault(f"{row['subject']} rooms", {"complete": 0, "with gaps": 0})
        told["with gaps" if row["missing"] else "complete"] += 1


def _sides(layout: Layout) -> dict[int, list[str]]:
    """Page of the sheet → names of the fields on it, and of what is joined from them."""
    sides = {}
    for page in layout.pages:
        names = [field.name for field in page.fields]
        sides[page.number] = [*names, *(one.name for one in layout.joined if set(one.fields) & set(names))]
    return sides
