"""What the pages of exam, schools, classes and pupils have in common: charts, sentences and rows for the templates."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.compare import Comparison
from engine.exam import Subject
from engine.identity import Reason
from engine.scoring import full_mark
from report import charts
from report.render import number, signed
from report.source import Part, Reference, Row
from report.words import Words

Context = dict[str, Any]


def subject_names(ref: Reference) -> dict[str, str]:
    """The names of the subjects by code."""
    return {subject.code: subject.name for subject in ref.exam.subjects}


def distribution_of(
    ref: Reference, subject: Subject, values: np.ndarray, label: str, words: Words, *, against: bool
) -> str:
    """The distribution of totals with its lines; against the whole exam if wanted. "" without totals."""
    if not len(values):
        return ""
    full = float(full_mark(subject))
    lines = {
        words("chart.passing"): ref.exam.lines.passing * full,
        words("chart.excellent"): ref.exam.lines.excellent * full,
    }
    return charts.distribution(
        values,
        ref.totals[subject.code] if against else None,
        full=full,
        step=float(subject.step),
        lines=lines,
        label=label,
        reference_label=words("all"),
        words=words,
    )


def compared(rows: list[tuple[str, Row | None, Any]], mean: float | None, words: Words) -> str:
    """The chart of units' means; "" when there is nothing to compare."""
    drawn = [(name, unit["mean"], how) for name, unit, how in rows if unit and unit["mean"] is not None]
    if len(drawn) < 2 or mean is None:
        return ""
    names, means, how = zip(*drawn, strict=True)
    return charts.comparison(names, means, [c.half for c in how], [c.verdict for c in how], reference=mean, words=words)


def knowledge_matrix(all_rows: list[Row], units: list[tuple[str, list[Row]]]) -> Context:
    """Knowledge points down, units across: rates and whether weak."""
    by_unit = [(name, {row["knowledge"]: row for row in rows}) for name, rows in units]
    return {
        "units": [name for name, _ in by_unit],
        "rows": [(row, [found.get(row["knowledge"]) for _, found in by_unit]) for row in all_rows],
    }


def exceptions_of(part: Part) -> list[Row]:
    """The part's exceptions with the pupils' names and classes."""
    roster = {row["student_id"]: row for row in part.roster.to_pylist()}
    return [row | {key: roster[row["student_id"]][key] for key in ("name", "school", "class")}
            for row in part.tables["exceptions"].to_pylist()]  # fmt: skip


def verdict_sentence(name: str, unit: Row | None, mean: float | None, how: Comparison, words: Words) -> str:
    """The comparison in words that say no more than the interval does."""
    if unit is None or how.gap is None or how.half is None or mean is None:
        return words("sentence.unknown", unit=name, n=unit["n"] if unit else 0)
    return words(
        f"sentence.{how.verdict}",
        unit=name,
        n=unit["n"],
        mean=number(unit["mean"]),
        reference=number(mean),
        gap=number(abs(how.gap)),
        low=signed(how.gap - how.half),
        high=signed(how.gap + how.half),
    )


def findings(lower: list[str], knowledge: list[Row], words: Words) -> list[str]:
    """What the items clearly below all and the weak knowledge points amount to, as two sentences."""
    weak = [row["knowledge"] for row in knowledge if row["weak"]]
    return [
        words("sentence.items", count=len(lower), items=words.join(lower)) if lower else words("sentence.no_items"),
        words("sentence.weak", points=words.join(weak)) if weak else words("sentence.no_weak"),
    ]


def doubtful(part: Part, code: str) -> dict[str, int]:
    """How many marks of each pupil wait for a person in a subject."""
    count: dict[str, int] = {}
    for row in part.tables["exceptions"].to_pylist():
        if row["subject"] == code and row["kind"] == "field":
            count[row["student_id"]] = count.get(row["student_id"], 0) + 1
    return count


def unsettled(part: Part, code: str) -> dict[str, list[str]]:
    """What else of each pupil waits for a person in a subject and may change the result: reasons."""
    found: dict[str, list[str]] = {}
    for row in part.tables["exceptions"].to_pylist():
        if row["subject"] == code and row["kind"] == "pupil" and row["reason"] != Reason.DUPLICATE_SAME:
            reasons = found.setdefault(row["student_id"], [])
            if row["reason"] not in reasons:
                reasons.append(row["reason"])
    return found
