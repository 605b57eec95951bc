"""Paper comes back: scans are read, and matched to the roster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from engine import byhand, match, tables
from engine.errors import UsageError, YuejuanError
from engine.exam import Exam, Subject, load_exam
from engine.identity import Reason
from omr import evidence, importers
from omr.layout import Layout
from omr.read import TABLES, read_scans
from omr.reason import Reason as Wrong
from stages.paper import layout_of
from stages.work import Summary, Work


def read(folder: Path, work: Work) -> Summary:
    """Read the scans of every subject and match them to the roster."""
    exam = load_exam(folder)
    summary = Summary("read")
    read_subjects(exam, work)
    match_sheets(exam, summary, work)
    return summary


def read_subjects(exam: Exam, work: Work) -> None:
    """Read the scans of every subject, as far as they have not been read."""
    for subject in exam.subjects:
        read_scans(
            subject.folder / "scans",
            layout_of(subject),
            _readings(exam, subject),
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


def _readings(exam: Exam, subject: Subject) -> Path:
    return exam.folder / "out" / "read" / subject.code


def match_sheets(exam: Exam, summary: Summary, work: Work) -> dict[str, pa.Table]:
    """Match what was read to the roster; keeps the tables and returns the responses by subject."""
    parts: dict[str, list[pa.Table]] = {name: [] for name in ("pages", "marks", "exceptions", "accounts", "rooms")}
    layouts = {subject.code: layout_of(subject) for subject in exam.subjects}
    responses = {}
    for subject in exam.subjects:
        source = _readings(exam, subject)
        pages, marks, doubts = (tables.read(source / f"{name}.arrow") for name in TABLES)
        layout = layouts[subject.code]
        matched = match.match(exam, subject, pages, marks, _misfiled(doubts, layouts), sides=_sides(layout))
        shown = _with_crops(exam, subject, matched.exceptions, layout, work)
        for name, table in zip(parts, (pages, matched.marks, shown, matched.accounts, matched.rooms), strict=True):
            parts[name].append(table)
        responses[subject.code] = matched.responses
        tables.write(matched.responses, exam.tables / f"responses.{subject.code}.arrow")
    accounts = pa.concat_tables(parts["accounts"])
    problems = match.balance(accounts)
    if problems:
        raise YuejuanError("the accounts don't balance: " + "; ".join(problems), mend="please report this")
    for name in ("pages", "marks", "accounts", "rooms"):
        tables.write(pa.concat_tables(parts[name]), exam.tables / f"{name}.arrow")
    keep_exceptions(exam, parts["exceptions"], summary)
    for row in accounts.to_pylist():
        summary.figures.setdefault(f"{row['subject']} {row['account']}", {})[row["line"]] = row["count"]
    _tell_rooms(exam, pa.concat_tables(parts["rooms"]), summary)
    return responses


def _with_crops(exam: Exam, subject: Subject, exceptions: pa.Table, layout: Layout, work: Work) -> pa.Table:
    """The exceptions with their pictures, as they are found from the folder of exceptions.csv."""
    source = _readings(exam, subject)
    shown = evidence.show(
        exceptions,
        subject.folder / "scans",
        layout,
        source,
        number=subject.candidate_field,
        without=(Reason.MARK_MISSING, Reason.MARK_CONFLICT),
        executor=work.executor,
        processes=work.workers,
    )
    folder = source.relative_to(_people(exam)).as_posix()
    found = [crop and f"{folder}/{crop}" for crop in shown["crop"].to_pylist()]
    return shown.set_column(shown.column_names.index("crop"), "crop", pa.array(found, pa.string()))


def _misfiled(exceptions: pa.Table, layouts: Mapping[str, Layout]) -> pa.Table:
    """The reader's exceptions; of sheets of another subject of the exam it is said which."""
    owner = {mark.id: code for code, layout in layouts.items() for page in layout.pages for mark in page.fiducials}
    details = []
    for reason, detail in zip(exceptions["reason"].to_pylist(), exceptions["detail"].to_pylist(), strict=True):
        marks = map(int, re.findall(r"\d+", detail)) if reason == Wrong.WRONG_SHEET else ()
        codes = {owner.get(mark, "") for mark in marks} - {""}
        details.append(f"a sheet of {codes.pop()}: {detail}" if len(codes) == 1 else detail)
    return exceptions.set_column(exceptions.column_names.index("detail"), "detail", pa.array(details, pa.string()))


def _tell_rooms(exam: Exam, rooms: pa.Table, summary: Summary) -> None:
    """扫描核对: how many rooms are complete; which are not stands in rooms.csv."""
    if not rooms.num_rows:
        return
    tables.write_csv(rooms, _people(exam) / "rooms.csv")
    for row in rooms.to_pylist():
        told = summary.figures.setdefault(f"{row['subject']} rooms", {"complete": 0, "with gaps": 0})
        told["with gaps" if row["missing"] else "complete"] += 1


def _people(exam: Exam) -> Path:
    """Where tables for people are written."""
    return exam.folder / "out"


def _sides(layout: Layout) -> dict[int, list[str]]:
    """Page of the sheet → names of the fields on it, and of what is joined from them."""
    sides = {}
    for page in layout.pages:
        names = [field.name for field in page.fields]
        sides[page.number] = [*names, *(one.name for one in layout.joined if set(one.fields) & set(names))]
    return sides


def keep_exceptions(exam: Exam, parts: list[pa.Table], summary: Summary) -> None:
    """The list of what needs a person, as a table and for a spreadsheet; and what corrections.csv can settle of it."""
    exceptions = pa.concat_tables(parts)
    people = _people(exam) / "exceptions.csv"
    tables.write(exceptions, exam.tables / "exceptions.arrow")
    tables.write_csv(exceptions, people)
    for subject in exam.subjects:
        tables.write_csv(byhand.template(subject, exceptions), _people(exam) / f"corrections-todo.{subject.code}.csv")
    summary.exceptions = exceptions.num_rows
    summary.written = [people]
