"""The report of a school: all subjects together, then one by one against all, class by class."""

from __future__ import annotations

from urllib.parse import quote

import numpy as np

from engine.compare import clearly_lower, compare
from engine.exam import TOTAL, Subject
from engine.scoring import full_mark
from report import monitoring
from report.blocks import (
    Context,
    compared,
    comparison_of,
    distribution_of,
    exceptions_of,
    exceptions_table,
    findings,
    knowledge_map,
    knowledge_radar,
    knowledge_table,
    lines_note,
    standard_matrix,
    subject_names,
    unit_table,
    verdict_sentence,
)
from report.document import Block, Chapter, Column, Document, Links, Note, Row, Says, Section, Side, Table
from report.source import Part, Reference, Sheets
from report.troubles import told
from report.words import Words

LOWEST = 12  # items shown that are clearly below all


def school_document(ref: Reference, part: Part, words: Words) -> Document:
    """The school's report: against all, class by class, its items and knowledge points."""
    waiting = exceptions_table(told(exceptions_of(part), words), subject_names(ref), words)
    return Document(
        kind=words("report.school"),
        heading=part.school,
        facts=[ref.exam.title, str(ref.exam.date), words("fact.classes", count=len(part.classes)),
               words("fact.pupils", count=part.roster.num_rows)],
        chapters=[
            Chapter(words("overall"), _overall(ref, part, words), "overall"),
            *(Chapter(one.name, _subject(ref, part, one, words), one.code) for one in ref.exam.subjects),
            Chapter(words("exceptions"), [Section("", waiting)], "exceptions"),
        ],
        root="../",
        crumbs=[(words("overview"), "../index.html"), (part.school, "#overall"),
                (words("xlsx"), f"../xlsx/{quote(part.school_file)}.xlsx")],
        file=part.school_file,
    )  # fmt: skip


def class_links(part: Part) -> list[tuple[str, str]]:
    """Names and pages of the classes."""
    return [(name, f"../classes/{quote(part.class_files[name])}.html") for name in part.classes]


def _overall(ref: Reference, part: Part, words: Words) -> list[Section]:
    names = monitoring.names_with_total(ref.exam, words)
    rows, said = [], []
    for one in ref.exam.subjects:
        unit, whole = part.units.get((one.code, "")), ref.units.get(one.code)
        mean = whole["mean"] if whole else None
        how = compare(unit, mean)
        rows.append((one.name, unit, how, f"#{quote(one.code)}"))
        if how.verdict in ("above", "below"):
            said.append(verdict_sentence(one.name, unit, mean, how, words))
    classes = []
    for name, href in class_links(part):
        found = {one.code: part.units.get((one.code, name)) for one in ref.exam.subjects}
        classes.append((name, href, {code: row for code, row in found.items() if row}))
    matrix = standard_matrix(classes, ref, words("class"), words, words("standard.by", unit=words("class")))
    figures = unit_table(rows, words("subject"), words, words("figures"))
    growth = [
        (name, part.of("growth", TOTAL, key)) for name, key in [(part.school, ""), *((c, c) for c in part.classes)]
    ]
    return [
        Section(words("figures"), [Says(said or [words("school.same")]), figures, lines_note(ref.exam, words)]),
        Section(words("standard.by", unit=words("class")), [matrix], words("standard.note")),
        monitoring.grade_shares([(names[code], part.of("grades", code)) for code in names], words("subject"), words),
        monitoring.lines([(names[code], code, part.of("lines", code)) for code in names], words("subject"), words),
        monitoring.growth(growth, None, None, words("class"), words),
        Section("", [Links(class_links(part))]),
    ]


def _subject(ref: Reference, part: Part, subject: Subject, words: Words) -> list[Section]:
    code = subject.code
    sheets = Sheets.of(subject, *part.sheets[code])
    whole, school = ref.units.get(code), part.units.get((code, ""))
    mean = whole["mean"] if whole else None
    classes = compared([(name, part.units.get((code, name)), href) for name, href in class_links(part)], mean)
    how, points = compare(school, mean), part.of("mastery", code)
    total = sheets.total[sheets.counted]
    total = total[~np.isnan(total)]
    lower = _lower_items(ref, part, sheets)
    said = [verdict_sentence(part.school, school, mean, how, words),
            *findings([row["item"].item for row in lower], points, words)]  # fmt: skip
    figures = [(words("this_school"), school, how, ""), (words("all"), whole, None, "")]
    spread = {name: part.of("spread", code, name) for name in part.classes}
    radar = knowledge_radar(points, words("this_school"), words)
    known: list[Block] = [Side(radar)] if radar else []
    known += knowledge_table(points, ref.exam, words("all"), words, f"{subject.name} {words('knowledge')}")
    known += knowledge_map([(name, part.of("mastery", code, name)) for name in part.classes], points, words)
    drawn = distribution_of(ref, subject, total, words("this_school"), words, against=True)
    return [
        Section(words("figures"), [unit_table(figures, words("scope"), words), Side([Says(said), *drawn])]),
        Section(words("compare.classes"), [*comparison_of(classes, mean, words),
                unit_table(classes, words("class"), words, f"{subject.name} {words('class')}"),
                *monitoring.boxes(spread, float(full_mark(subject)), words)], words("compare.note")),
        Section(words("lower.items"), _lower_table(lower, part, words)),
        Section(words("knowledge.title"), known),
    ]  # fmt: skip


def _lower_table(lower: list[Context], part: Part, words: Words) -> list[Table | Note]:
    if not lower:
        return [Note(words("sentence.no_items"))]
    columns = [Column(words("item"), "keep"), Column(words("type"), "keep"), Column(words("knowledge"))]
    columns += [
        Column(words("this_school"), "rate"),
        Column(words("all"), "rate"),
        Column(words("gap.rate"), "gap_rate"),
    ]
    columns += [Column(name, "rate") for name in part.classes]
    body = []
    for row in sorted(lower, key=lambda row: row["gap"])[:LOWEST]:
        item = row["item"]
        knowledge = words.join([name for name, _ in item.knowledge])
        cells = [item.item, words.code("type", item.type), knowledge, row["rate"], row["reference"], row["gap"]]
        body.append(Row([*cells, *row["classes"]]))
    return [Note(words("lower.items.note", count=LOWEST)), Table(columns, body, "scores, items.difficulty")]


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
