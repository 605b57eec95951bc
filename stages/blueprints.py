"""Other programs' marking rules as a blueprint; a key that is a picture is read here."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from engine import tables
from engine.errors import InputError, UsageError
from engine.evaluation import COLUMNS, MOST_OPTIONS, is_letters, load_evaluation
from engine.points import in_toml, parse_points
from omr import image, importers
from omr.layout import Layout
from omr.marks import read_marks
from omr.reason import Reason
from omr.register import Unregistered, register
from stages.work import Summary


def convert_blueprint(file: Path, output: Path, layout: Path | None = None) -> Summary:
    """Write an OMRChecker evaluation.json as blueprint.csv.

    Args:
        layout: of the form, of any kind: it tells the options of a question, and a key that is a picture is read by it.

    Raises:
        InputError: the evaluation, the layout or the picture cannot be read, or a question of the key is blank or in
            doubt.
        UsageError: there is a blueprint already, which somebody may have completed.
    """
    if output.exists():
        raise UsageError("this file exists already", file=output, mend="name another file, or move this one away")
    form = importers.load_any(layout) if layout else None
    evaluation = load_evaluation(file)
    if form:
        names = {field.name for page in form.pages for field in page.fields} | {one.name for one in form.joined}
        for question in evaluation.questions:
            if question not in names:
                raise InputError(f"the layout has no field {question!r}", file=file, mend=f"correct it, or {layout}")
    if evaluation.picture and form:
        evaluation = load_evaluation(file, _read_key(evaluation.picture, form, evaluation.questions))
    records = evaluation.records(_options(form) if form else None)
    tables.write_csv(pa.table({name: [row[name] for row in records.rows] for name in COLUMNS}), output)
    full = sum(parse_points(row["max"]) or 0 for row in records.rows)
    summary = Summary("blueprint convert", {"blueprint": {"items": len(records.rows), "full mark": float(full)}})
    step = evaluation.step()
    if step != 1:
        summary.notes.append(f"points come in parts: set step = {in_toml(step)} in exam.toml")
    summary.written = [output]
    return summary


def _options(form: Layout) -> dict[str, str]:
    """By field that is one row of single letters, not more than a choice item can have, these letters in order."""
    fields = (field for page in form.pages for field in page.fields if len(field.groups) == 1)
    rows = {field.name: sorted(bubble.label for bubble in field.groups[0].bubbles) for field in fields}
    single = {name: "".join(labels) for name, labels in rows.items() if max(map(len, labels)) == 1}
    return {name: row for name, row in single.items() if is_letters(row) and len(row) <= len(MOST_OPTIONS)}


def _read_key(picture: Path, form: Layout, questions: tuple[str, ...]) -> dict[str, str]:
    """What is marked on the key; nothing that a person would have to look at may become a key."""
    mend = "fill in the key clearly and scan it again, or write it into the CSV file that the evaluation names"
    try:
        pixels = image.load(picture)
        marks = {mark.field: mark for mark in read_marks(pixels, form, register(pixels, form))}
    except image.Unreadable as error:
        raise InputError(f"{Reason(error.reason).en}: {error.detail}", file=picture, mend=mend) from None
    except Unregistered as refusal:
        raise InputError(f"the key does not fit the layout: {refusal.detail}", file=picture, mend=mend) from None
    for question in questions:
        if marks[question].flag or not marks[question].value:
            what = marks[question].flag or "blank"
            raise InputError(f"question {question!r} of the key is {what}", file=picture, mend=mend)
    return {question: marks[question].value for question in questions}
