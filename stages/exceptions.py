"""What needs a person: the list with its pictures, and the template in which decisions are written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine import byhand, tables
from engine.exam import Exam, Subject
from engine.identity import Reason
from omr import evidence
from stages.paper import layout_of
from stages.work import Summary, Work

UNPICTURED = (Reason.MARK_MISSING, Reason.MARK_CONFLICT)  # no look at the sheet settles these


def readings(exam: Exam, subject: Subject) -> Path:
    """Where the readings of a subject's scans are kept."""
    return people(exam) / "read" / subject.code


def people(exam: Exam) -> Path:
    """Where tables for people are written."""
    return exam.folder / "out"


def keep_exceptions(exam: Exam, exceptions: pa.Table, summary: Summary, work: Work) -> None:
    """Write exceptions.arrow and exceptions.csv, with pictures, and a template of corrections.csv for every subject."""
    found = [
        _with_crops(
            exam, subject, _located(exam, exceptions.filter(pc.equal(exceptions["subject"], subject.code))), work
        )
        for subject in exam.subjects
    ]
    listed = pa.concat_tables(found)
    tables.write(listed, exam.tables / "exceptions.arrow")
    tables.write_csv(listed, people(exam) / "exceptions.csv")
    for subject, own in zip(exam.subjects, found, strict=True):
        todo = people(exam) / f"corrections-todo.{subject.code}.csv"
        tables.write_csv(byhand.template(subject, own), todo)
    summary.exceptions = listed.num_rows
    summary.written = [people(exam) / "exceptions.csv"]


def _located(exam: Exam, exceptions: pa.Table) -> pa.Table:
    """The exceptions of a subject; those of scoring, which knows no pages, with the page that has the field."""
    rows = exceptions.to_pylist()
    lost = {(row["student_id"], row["field"]) for row in rows if row["field"] and row["student_id"] and not row["file"]}
    if not lost:
        return exceptions
    pages, marks = (tables.read(exam.tables / f"{name}.arrow") for name in ("pages", "marks"))
    mine = pc.equal(pages["subject"], rows[0]["subject"])
    whose = pages.filter(pc.and_(mine, pc.is_in(pages["student_id"], pa.array([student for student, _ in lost]))))
    owner = {(row["file"], row["page"]): row["student_id"] for row in whose.to_pylist()}
    some = pc.and_(
        pc.equal(marks["subject"], rows[0]["subject"]), pc.is_in(marks["field"], pa.array([field for _, field in lost]))
    )
    place = {}
    for row in marks.filter(some).select(["file", "page", "field"]).to_pylist():
        place[owner.get((row["file"], row["page"])), row["field"]] = {"file": row["file"], "page": row["page"]}
    located = [
        row | place.get((row["student_id"], row["field"]), {}) if row["field"] and not row["file"] else row
        for row in rows
    ]
    return pa.Table.from_pylist(located, schema=exceptions.schema)


def _with_crops(exam: Exam, subject: Subject, exceptions: pa.Table, work: Work) -> pa.Table:
    """The exceptions of a subject with their pictures, as they are found from the folder of exceptions.csv."""
    if subject.points_only:
        return exceptions
    source = readings(exam, subject)
    shown = evidence.show(
        exceptions,
        subject.folder / "scans",
        layout_of(subject),
        source,
        number=subject.candidate_field,
        without=UNPICTURED,
        executor=work.executor,
        processes=work.workers,
    )
    folder = source.relative_to(people(exam)).as_posix()
    found = [crop and f"{folder}/{crop}" for crop in shown["crop"].to_pylist()]
    return shown.set_column(shown.column_names.index("crop"), "crop", pa.array(found, pa.string()))
