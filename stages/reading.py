"""Paper comes back: scans are read, and matched to the roster."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from engine import match, tables
from engine.errors import UsageError, YuejuanError
from engine.exam import Exam, Subject, load_exam
from omr import importers
from omr.layout import Layout
from omr.read import TABLES, read_scans
from stages.paper import layout_of
from stages.work import Summary, Work


def read(folder: Path, work: Work) -> Summary:
    """Read the scans of every subject and match them to the roster."""
    exam = load_exam(folder)
    summary = Summary("read")
    read_subjects(exam, work)
    match_sheets(exam, summary)
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


def match_sheets(exam: Exam, summary: Summary) -> dict[str, pa.Table]:
    """Match what was read to the roster; keeps the tables and returns the responses by subject."""
    parts: dict[str, list[pa.Table]] = {name: [] for name in ("pages", "marks", "exceptions", "accounts")}
    responses = {}
    for subject in exam.subjects:
        source = _readings(exam, subject)
        pages, marks, doubts = (tables.read(source / f"{name}.arrow") for name in TABLES)
        matched = match.match(exam, subject, pages, marks, doubts, sides=_sides(layout_of(subject)))
        for name, table in zip(parts, (pages, matched.marks, matched.exceptions, matched.accounts), strict=True):
            parts[name].append(table)
        responses[subject.code] = matched.responses
        tables.write(matched.responses, exam.tables / f"responses.{subject.code}.arrow")
    accounts = pa.concat_tables(parts["accounts"])
    problems = match.balance(accounts)
    if problems:
        raise YuejuanError("the accounts don't balance: " + "; ".join(problems), mend="please report this")
    for name in ("pages", "marks", "accounts"):
        tables.write(pa.concat_tables(parts[name]), exam.tables / f"{name}.arrow")
    keep_exceptions(exam, parts["exceptions"], summary)
    for row in accounts.to_pylist():
        summary.figures.setdefault(f"{row['subject']} {row['account']}", {})[row["line"]] = row["count"]
    return responses


def _sides(layout: Layout) -> dict[int, list[str]]:
    """Page of the sheet → names of the fields on it, and of what is joined from them."""
    sides = {}
    for page in layout.pages:
        names = [field.name for field in page.fields]
        sides[page.number] = [*names, *(one.name for one in layout.joined if set(one.fields) & set(names))]
    return sides


def keep_exceptions(exam: Exam, parts: list[pa.Table], summary: Summary) -> None:
    """The list of what needs a person, as a table and for a spreadsheet."""
    exceptions = pa.concat_tables(parts)
    people = exam.folder / "out" / "exceptions.csv"
    tables.write(exceptions, exam.tables / "exceptions.arrow")
    tables.write_csv(exceptions, people)
    summary.exceptions = exceptions.num_rows
    summary.written = [people]
