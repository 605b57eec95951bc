"""The page of a school."""

from __future__ import annotations

import numpy as np

from engine.compare import clearly_lower, compare
from engine.exam import Subject
from report.blocks import (
    Context,
    compared,
    distribution_of,
    exceptions_of,
    findings,
    knowledge_matrix,
    subject_names,
    verdict_sentence,
)
from report.render import page
from report.source import Part, Reference, Sheets
from report.troubles import told
from report.words import Words

LOWEST = 12  # items shown that are clearly below all


def school_page(ref: Reference, part: Part, words: Words) -> str:
    """The school's page: against all, class by class, its items and knowledge points."""
    return page(
        "school.html",
        words,
        exam=ref.exam,
        root="../",
        part=part,
        names=subject_names(ref),
        exceptions=told(exceptions_of(part), words),
        lowest=LOWEST,
        subjects=[_subject(ref, part, subject, words) for subject in ref.exam.subjects],
    )


def _subject(ref: Reference, part: Part, subject: Subject, words: Words) -> Context:
    code = subject.code
    sheets = Sheets.of(subject, *part.sheets[code])
    whole, school = ref.units.get(code), part.units.get((code, ""))
    mean = whole["mean"] if whole else None
    classes = [(name, unit := part.units.get((code, name)), compare(unit, mean)) for name in part.classes]
    how = compare(school, mean)
    total = sheets.total[sheets.counted]
    lower = _lower_items(ref, part, sheets)
    return {
        "subject": subject,
        "sentences": [
            verdict_sentence(part.school, school, mean, how, words),
            *findings([row["item"].item for row in lower], part.mastery[code, ""], words),
        ],
        "figures": [(words("this_school"), school, how), (words("all"), whole, None)],
        "classes": classes,
        "classes_chart": compared(classes, mean, words),
        "distribution": distribution_of(
            ref, subject, total[~np.isnan(total)], words("this_school"), words, against=True
        ),
        "lower": sorted(lower, key=lambda row: row["gap"])[:LOWEST],
        "knowledge": part.mastery[code, ""],
        "matrix": knowledge_matrix(part.mastery[code, ""], [(name, part.mastery[code, name]) for name in part.classes]),
    }


def _lower_items(ref: Reference, part: Part, sheets: Sheets) -> list[Context]:
    """Items of the school clearly below all, in order of the paper, with each class's rate."""
    klass = dict(zip(part.roster["student_id"].to_pylist(), part.roster["class"].to_pylist(), strict=True))
    of_pupil = np.array([klass[student] for student in sheets.students])
    rates = {name: sheets.take(of_pupil == name).rates() for name in part.classes}
    code, counted, found = sheets.subject.code, sheets.counted, []
    for j, item in enumerate(sheets.subject.items):
        whole = ref.items[code].get(item.item, {})
        if clearly_lower(sheets.points[counted, j], whole):
            rate, reference = float(part.school_rates[code][j]), whole["difficulty"]
            found.append(
                {"item": item, "rate": rate, "reference": reference, "gap": rate - reference}
                | {"classes": [float(rates[name][j]) for name in part.classes]}
            )
    return found
