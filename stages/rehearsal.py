"""A rehearsal: printed sheets filled in by made-up pupils and scanned with damage, the truth kept beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pypdfium2 import PdfDocument

from engine import forms, tables
from engine import simulate as population
from engine.errors import InputError
from engine.exam import Exam, Subject, load_exam
from omr import simulate as scanner
from omr.layout import Layout
from stages.paper import layout_of
from stages.work import Summary, Work


def simulate(folder: Path, work: Work, *, preset: str = "scanner", seed: int = 1) -> Summary:
    """Fill in the printed sheets as made-up pupils would, scan them with damage, and keep the truth beside them.

    Writes `<subject>/scans`, `<subject>/marks.csv` where the sheet has no score strips, and under `truth/` the answers
    (`<subject>_responses.arrow`) and the marks (`<subject>_marks.arrow`).
    """
    exam = load_exam(folder)
    summary = Summary("simulate")
    for subject in exam.scanned:
        layout = layout_of(subject)
        pdf = folder / "out" / "sheets" / f"{subject.code}.pdf"
        if not pdf.exists():
            raise InputError("the sheets have not been printed yet", file=pdf, mend="run `yuejuan sheets EXAM` first")
        responses = population.respond(subject, exam.roster, seed)
        filled = list(_fill(exam, subject, layout, responses, _preprinted(pdf, layout, exam)))
        truth = scanner.simulate(
            pdf,
            layout,
            [one for _, one in filled],
            subject.folder / "scans",
            preset=preset,
            seed=seed,
            executor=work.executor,
            progress=work.on(f"simulate {subject.code}"),
        )
        owner = {one.name: student for student, one in filled}
        students = [owner[name.rpartition("-")[0]] for name in truth["file"].to_pylist()]
        tables.write(truth.append_column("student_id", pa.array(students)), _truth(folder, subject.code, "marks"))
        tables.write(responses, _truth(folder, subject.code, "responses"))
        _write_constructed_marks(subject, layout, responses)
        summary.figures[subject.code] = {"sheets": len(filled)}
        summary.written.append(subject.folder / "scans")
    return summary


def _truth(folder: Path, code: str, what: str) -> Path:
    return folder / "truth" / f"{code}_{what}.arrow"


def _preprinted(pdf: Path, layout: Layout, exam: Exam) -> bool:
    """Whether the PDF has a sheet for every pupil, or one blank sheet for all."""
    with PdfDocument(pdf) as document:
        return len(document) == len(layout.pages) * exam.roster.num_rows


def _fill(
    exam: Exam, subject: Subject, layout: Layout, responses: pa.Table, preprinted: bool
) -> Iterator[tuple[str, scanner.FilledSheet]]:
    """The sheets that come back, with their pupils: none from those who are missing."""
    on_sheet = {field.name for page in layout.pages for field in page.fields}
    numbers = exam.roster["candidate_no"].to_pylist()
    for i, row in enumerate(responses.to_pylist()):
        if row["status"] == "missing":
            continue
        values = {tables.CANDIDATE: numbers[i]}
        if row["status"] == "absent":
            values[tables.ABSENT] = "1"
        else:
            values |= {tables.FORM: row["form"], **_printed_answers(subject, row)}
        values = {name: value for name, value in values.items() if name in on_sheet and value}
        first = i * len(layout.pages) if preprinted else 0
        yield row["student_id"], scanner.FilledSheet(f"{i + 1:05d}", first, values)


def _printed_answers(subject: Subject, row: dict[str, str | None]) -> dict[str, str]:
    """Field name → what is marked there, for a pupil's canonical answers."""
    values = {}
    for item in subject.items:
        answer = row[item.item]
        if answer is None:
            continue
        if item.type == "constructed":
            values[tables.SCORE + item.item] = answer
        else:
            position, printed = forms.printed(subject, row["form"] or "", item.item, answer)
            values[position] = printed
    for group in subject.choose:
        values[tables.CHOOSE + group] = row[tables.CHOOSE + group] or ""
    return values


def _write_constructed_marks(subject: Subject, layout: Layout, responses: pa.Table) -> None:
    """marks.csv as a marking team would send it, for constructed responses without a score strip."""
    on_sheet = {field.name for page in layout.pages for field in page.fields}
    items = [
        item.item for item in subject.items if item.type == "constructed" and tables.SCORE + item.item not in on_sheet
    ]
    if not items:
        return
    parts = []
    for item in items:
        marked = responses.filter(pc.is_valid(responses[item])).select(["student_id", item])
        points = marked[item].cast(pa.string())
        parts.append(pa.table({"student_id": marked["student_id"], "item": [item] * marked.num_rows, "points": points}))
    tables.write_csv(pa.concat_tables(parts), subject.folder / "marks.csv")
