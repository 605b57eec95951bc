"""What reports of exam, counties, schools and classes have in common, as blocks of a document, and their sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.compare import Comparison, compare
from engine.exam import Exam, Subject
from engine.identity import Reason
from engine.scoring import full_mark
from report import charts
from report.document import Bar, Block, Cell, Column, Figure, Kind, Note, Row, Table
from report.render import number, percent, signed
from report.source import Part, Reference
from report.source import Row as Values
from report.words import Words

Context = dict[str, Any]
Unit = tuple[str, Values | None, Comparison | None, str]  # name, row of `units`, against the reference, link
RATES = ("excellent", "good", "passing", "low")


def subject_names(ref: Reference) -> dict[str, str]:
    """The names of the subjects by code."""
    return {subject.code: subject.name for subject in ref.exam.subjects}


def distribution_of(
    ref: Reference, subject: Subject, values: np.ndarray, label: str, words: Words, *, against: bool
) -> list[Block]:
    """The distribution of totals with its lines; against the whole exam if wanted. Nothing without totals."""
    if not len(values):
        return []
    full = float(full_mark(subject))
    lines = {
        words("chart.passing"): ref.exam.lines.passing * full,
        words("chart.excellent"): ref.exam.lines.excellent * full,
    }
    svg = charts.distribution(
        values,
        ref.totals[subject.code] if against else None,
        full=full,
        step=float(subject.step),
        lines=lines,
        label=label,
        reference_label=words("all"),
        words=words,
    )
    return [Figure(svg, f"scores.{subject.code}.total", words("distribution"))]


def comparison_of(units: Sequence[Unit], mean: float | None, words: Words) -> list[Block]:
    """The chart of units' means; nothing where there is nothing to compare."""
    drawn = [(name, row["mean"], how) for name, row, how, _ in units if row and how and row["mean"] is not None]
    if len(drawn) < 2 or mean is None:
        return []
    names, means, how = zip(*drawn, strict=True)
    halves, verdicts = [c.half for c in how], [c.verdict for c in how]
    return [Figure(charts.comparison(names, means, halves, verdicts, reference=mean, words=words), "units.mean")]


def compared(units: Sequence[tuple[str, Values | None, str]], mean: float | None) -> list[Unit]:
    """Units (name, row, link) against a mean."""
    return [(name, row, compare(row, mean), href) for name, row, href in units]


def unit_table(units: Sequence[Unit], first: str, words: Words, annex: str = "") -> Table:
    """The figures of units, a row each."""
    keys = ("registered", "n", "mean", "rate", "sd", *RATES)
    kinds: tuple[Kind, ...] = ("count", "count", "mean", "rate", "mean", "rate", "rate", "rate", "rate")
    columns = [Column(first, "keep"), *(Column(words(k), kind) for k, kind in zip(keys, kinds, strict=True))]
    columns += [Column(words("gap"), "gap"), Column(words("verdict"), "chip")]
    rows = []
    for name, unit, how, href in units:
        cells: list[Any] = [Cell(name, href=href)]
        cells += [_figure(unit, key, kind) for key, kind in zip(keys, kinds, strict=True)] if unit else [None] * 9
        rows.append(Row([*cells, gap_cell(how), verdict_cell(how, words)]))
    return Table(columns, rows, "units", annex=annex)


def _figure(unit: Values, key: str, kind: str) -> Any:
    return rate_cell(unit[key], unit["n"]) if kind == "rate" else unit[key]


def rate_cell(rate: float | None, n: int | None, look: str = "") -> Cell:
    """A rate with as many digits as so many pupils bear."""
    return Cell(rate, percent(rate, n), look)


def gap_cell(how: Comparison | None) -> Cell | None:
    """A difference and the half width of its interval."""
    if how is None or how.gap is None:
        return None
    return Cell(how.gap, signed(how.gap) + (f" ±{number(how.half)}" if how.half is not None else ""))


def verdict_cell(how: Comparison | None, words: Words) -> Cell | None:
    """What may be said of the difference."""
    return Cell(how.verdict, words(f"verdict.{how.verdict}"), how.verdict) if how else None


def standard_matrix(
    units: Sequence[tuple[str, str, Mapping[str, Values]]], ref: Reference, first: str, words: Words, annex: str = ""
) -> Table:
    """平均标准分: units down, subjects across, (mean − mean of all) / sd of all, coloured only where it is no chance.

    Args:
        units: (name, link, row of `units` by subject).
    """
    columns = [Column(first, "keep"), Column(words("n"), "count")]
    columns += [Column(subject.name, "two") for subject in ref.exam.subjects]
    rows = []
    for name, href, by_subject in units:
        most = max((row["n"] for row in by_subject.values()), default=None)
        cells = [_standard(by_subject.get(one.code), ref.units.get(one.code)) for one in ref.exam.subjects]
        rows.append(Row([Cell(name, href=href), most, *cells]))
    return Table(columns, rows, "units.mean", annex=annex)


def _standard(unit: Values | None, whole: Values | None) -> Cell | None:
    if unit is None or whole is None or unit["mean"] is None or not whole["sd"]:
        return None
    how = compare(unit, whole["mean"])
    z = (unit["mean"] - whole["mean"]) / whole["sd"]
    return Cell(z, signed(z, 2), {"above": "up", "below": "hot"}.get(how.verdict, ""))


def knowledge_table(rows: Sequence[Values], exam: Exam, reference: str, words: Words, annex: str = "") -> list[Block]:
    """Rates on knowledge points with their intervals, against the reference."""
    if not rows:
        return []
    confidence = percent(exam.diagnosis.confidence)
    columns = [Column(words("knowledge")), Column(words("chart.bar"), "bar"), Column(words("rate"), "rate")]
    columns += [Column(words("interval.of", confidence=confidence), "keep"), Column(words("items.n"), "count")]
    columns += [Column(words("reference"), "rate"), Column(words("gap.rate"), "gap_rate"), Column("", "chip")]
    body = []
    for row in rows:
        word = ("weak", words("map.weak.short")) if row["weak"] else ("thin", words.code("evidence", row["evidence"]))
        chip = Cell(word[0], word[1], word[0]) if row["weak"] or row["evidence"] != "enough" else None
        bar = Bar(row["rate"], row["lower"], row["upper"], row["reference"], "weak" if row["weak"] else "")
        span = f"{percent(row['lower'])}–{percent(row['upper'])}"
        body.append(Row([row["knowledge"], bar, row["rate"], span, row["items"], row["reference"], row["gap"], chip]))
    note = words("knowledge.note", confidence=confidence, reference=reference)
    return [Note(note), Table(columns, body, "mastery.rate", annex=annex)]


def knowledge_radar(rows: Sequence[Values], label: str, words: Words) -> list[Block]:
    """The same as a radar, where there are enough points for one and not too many."""
    rows = [row for row in rows if row["rate"] is not None and row["reference"] is not None]
    if not 3 <= len(rows) <= 12:
        return []
    names, rates, reference = ([row[key] for row in rows] for key in ("knowledge", "rate", "reference"))
    svg = charts.radar(names, rates, reference, label=label, reference_label=words("reference"), words=words)
    return [Figure(svg, "mastery.rate", words("radar"))]


def knowledge_map(units: Sequence[tuple[str, Sequence[Values]]], order: Sequence[Values], words: Words) -> list[Block]:
    """Knowledge points down, units across, as a heat map of the gaps to the reference."""
    units = [(name, rows) for name, rows in units if rows]
    if len(units) < 2 or not order:
        return []
    points = [row["knowledge"] for row in order]
    found = [{row["knowledge"]: row for row in rows} for _, rows in units]
    cells = [[rows[point]["gap"] if point in rows else None for rows in found] for point in points]
    weak = [[bool(point in rows and rows[point]["weak"]) for rows in found] for point in points]
    svg = charts.heat_map(points, [name for name, _ in units], cells, weak, words)
    return [Figure(svg, "mastery.gap", words("heat"), words("heat.note"))]


def exceptions_of(part: Part) -> list[Values]:
    """The part's exceptions with the pupils' names and classes."""
    roster = {row["student_id"]: row for row in part.roster.to_pylist()}
    return [row | {key: roster[row["student_id"]][key] for key in ("name", "school", "class")}
            for row in part.tables["exceptions"].to_pylist()]  # fmt: skip


def exceptions_table(rows: Sequence[Values], names: Mapping[str, str], words: Words, most: int = 1000) -> list[Block]:
    """What waits for a person; of very many the first."""
    if not rows:
        return [Note(words("exceptions.none"))]
    wide = ("class", "where", "detail")
    keys = ("subject", "kind", "reason", "class", "pupil", "field", "where", "detail")
    columns = [Column(words(key), "text" if key in wide else "keep") for key in keys]
    body = []
    for row in rows[:most]:
        where = words("where.page", file=row["file"], page=row["page"]) if row["file"] else ""
        detail = words("list.join").join(part for part in (row["todo"], row["detail"]) if part)
        who = " ".join(part for part in (row["name"], row["student_id"]) if part)
        place = " ".join(part for part in (row["school"], row["class"]) if part)
        kind = words.code("kind", row["kind"])
        body.append(
            Row(
                [
                    names.get(row["subject"], row["subject"]),
                    kind,
                    row["reason"],
                    place,
                    who,
                    words.code("field", row["field"]),
                    where,
                    detail,
                ]
            )
        )
    notes: list[Block] = [Note(words("exceptions.note"))]
    if len(rows) > most:
        notes.append(Note(words("exceptions.more", shown=most, count=len(rows))))
    return [*notes, Table(columns, body, "exceptions")]


def verdict_sentence(name: str, unit: Values | None, mean: float | None, how: Comparison, words: Words) -> str:
    """The comparison in words that say no more than the interval does."""
    if unit is None or how.gap is None or how.half is None or mean is None:
        return words("sentence.unknown", unit=name, n=unit["n"] if unit else 0)
    low, high = how.gap - how.half, how.gap + how.half
    digits = 1 if how.verdict == "same" or min(abs(low), abs(high)) >= 0.05 else 2  # a clear end is not written as 0.0
    return words(
        f"sentence.{how.verdict}",
        unit=name,
        n=unit["n"],
        mean=number(unit["mean"]),
        reference=number(mean),
        gap=number(abs(how.gap)),
        low=signed(low, digits),
        high=signed(high, digits),
    )


def sides_sentence(units: Sequence[Unit], words: Words, most: int = 12) -> list[str]:
    """Which units lie above, which below all by more than chance; the rest is not told apart."""
    told = {
        side: [name for name, _, how, _ in units if how and how.verdict == side] for side in ("above", "below", "same")
    }
    if not any(told.values()):
        return []
    said = [
        words(
            f"sides.{side}",
            count=len(told[side]),
            units=words.join(told[side][:most]) + ("…" if len(told[side]) > most else ""),
        )
        for side in ("above", "below")
        if told[side]
    ]
    if told["same"]:
        said.append(words("sides.same", count=len(told["same"])))
    return said


def findings(lower: list[str], knowledge: Sequence[Values], words: Words) -> list[str]:
    """What the items clearly below all and the weak knowledge points amount to, as two sentences."""
    weak = [row["knowledge"] for row in knowledge if row["weak"]]
    return [
        words("sentence.items", count=len(lower), items=words.join(lower)) if lower else words("sentence.no_items"),
        words("sentence.weak", points=words.join(weak)) if weak else words("sentence.no_weak"),
    ]


def lines_note(exam: Exam, words: Words) -> Note:
    """What the rates mean."""
    return Note(words("figures.note", **{name: percent(getattr(exam.lines, name)) for name in RATES}))


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
