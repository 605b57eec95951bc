"""The pages of the whole exam: index.html and the full list of exceptions."""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.compare import compare
from engine.ctt import item_quality
from engine.exam import Subject
from engine.scoring import full_mark
from report import charts
from report.blocks import Context, compared, distribution_of, knowledge_matrix, subject_names
from report.figures import accounts
from report.render import page
from report.source import Row, Source
from report.troubles import told
from report.words import Words


def index(source: Source, words: Words) -> str:
    """The exam's page: accounts, key figures, schools, items, knowledge, exceptions."""
    ref = source.reference
    return page(
        "exam.html",
        words,
        exam=ref.exam,
        root="",
        names=subject_names(ref),
        full={subject.code: float(full_mark(subject)) for subject in ref.exam.subjects},
        counts={"schools": len(source.runs), "classes": len(source.classes), "pupils": source.pupils},
        accounts=[
            (subject, accounts([row for row in ref.accounts if row["subject"] == subject.code]))
            for subject in ref.exam.subjects
        ],
        key_figures=[
            (subject, ref.reliability.get(subject.code), ref.units.get(subject.code)) for subject in ref.exam.subjects
        ],
        subjects=[_subject(source, words, subject) for subject in ref.exam.subjects],
        schools=list(source.school_files.items()),
        exceptions=_summary(told(source.exceptions, words)),
    )


def exceptions(source: Source, words: Words) -> str:
    """Every exception, with the pupil where known."""
    return page("exceptions.html", words, exam=source.reference.exam, root="", rows=told(source.exceptions, words),
                names=subject_names(source.reference))  # fmt: skip


def _summary(rows: list[Row]) -> list[tuple[tuple[str, str, str], int]]:
    """How many exceptions per (subject, kind, reason), in the order of their first one."""
    return list(Counter((row["subject"], row["kind"], row["reason"]) for row in rows).items())


def _subject(source: Source, words: Words, subject: Subject) -> Context:
    ref, code = source.reference, subject.code
    items = [ref.items[code].get(item.item, {"item": item.item}) for item in subject.items]
    whole = ref.units.get(code)
    mean = whole["mean"] if whole else None
    schools = [(name, unit, compare(unit, mean), knowledge) for name, unit, knowledge in source.school_units(code)]
    return {
        "subject": subject,
        "distribution": distribution_of(ref, subject, ref.totals[code], words("all"), words, against=False),
        "school_rows": [(name, unit, how) for name, unit, how, _ in schools],
        "schools_chart": compared([(name, unit, how) for name, unit, how, _ in schools], mean, words),
        "items": [row | {"quality": item_quality(row.get("d27"))} for row in items if "n" in row],
        "item_map": _item_map(items, words),
        "suspicious": [(row, ref.options[code].get(row["item"], [])) for row in items if row.get("alert")],
        "knowledge": sorted(ref.mastery[code], key=lambda row: (row["rate"] is None, row["rate"])),
        "matrix": knowledge_matrix(ref.mastery[code], [(name, rows) for name, _, _, rows in schools]),
    }


def _item_map(items: list[Row], words: Words) -> str:
    drawn = [row for row in items if row.get("d27") is not None and row.get("difficulty") is not None]
    if not drawn:
        return ""
    return charts.item_map(
        np.array([row["difficulty"] for row in drawn]),
        np.array([row["d27"] for row in drawn]),
        [row["item"] for row in drawn],
        words,
    )
