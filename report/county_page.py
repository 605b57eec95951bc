"""The report of a county (县区报告): its schools subject by subject, weak points, balance, growth."""

from __future__ import annotations

from urllib.parse import quote

from engine.compare import compare
from engine.exam import TOTAL, Subject
from engine.scoring import full_mark
from report import monitoring
from report.blocks import (
    compared,
    comparison_of,
    findings,
    knowledge_map,
    knowledge_table,
    lines_note,
    sides_sentence,
    standard_matrix,
    unit_table,
    verdict_sentence,
)
from report.document import Chapter, Document, Says, Section
from report.source import Source
from report.words import Words


def county_document(source: Source, county: str, words: Words) -> Document:
    """The county's report."""
    exam, schools = source.reference.exam, source.counties[county]
    pupils = sum(row["registered"] for row in [source.unit(exam.subjects[0].code, "county", county)] if row)
    return Document(
        kind=words("report.county"),
        heading=county,
        facts=[
            exam.title,
            str(exam.date),
            words("fact.schools", count=len(schools)),
            words("fact.pupils", count=pupils),
        ],
        chapters=[
            Chapter(words("overall"), _overall(source, county, words), "overall"),
            *(Chapter(one.name, _subject(source, county, one, words), one.code) for one in exam.subjects),
        ],
        root="../",
        crumbs=[(words("overview"), "../index.html"), (county, "#overall")],
        file=source.county_files[county],
    )


def _links(source: Source, county: str) -> list[tuple[str, str]]:
    return [(name, f"../schools/{quote(source.school_files[name])}.html") for name in source.counties[county]]


def _overall(source: Source, county: str, words: Words) -> list[Section]:
    ref = source.reference
    names = monitoring.names_with_total(ref.exam, words)
    figures, said = [], []
    for subject in ref.exam.subjects:
        unit, whole = source.unit(subject.code, "county", county), ref.units.get(subject.code)
        mean = whole["mean"] if whole else None
        how = compare(unit, mean)
        figures.append((subject.name, unit, how, f"#{quote(subject.code)}"))
        if how.verdict in ("above", "below"):
            said.append(verdict_sentence(subject.name, unit, mean, how, words))
    table = unit_table(figures, words("subject"), words, words("figures"))
    matrix = []
    for name, href in _links(source, county):
        found = {one.code: source.unit(one.code, "school", name) for one in ref.exam.subjects}
        matrix.append((name, href, {code: row for code, row in found.items() if row}))
    by_school = standard_matrix(matrix, ref, words("school"), words, words("standard.by", unit=words("school")))
    balance = [(names[code], source.rows("balance", code, "county", county)) for code in names]
    lines = [(names[code], code, source.rows("lines", code, "county", county)) for code in names]
    grades = [(names[code], source.rows("grades", code, "county", county)) for code in names]
    return [
        Section(words("figures"), [Says(said or [words("county.same")]), table, lines_note(ref.exam, words)]),
        Section(words("standard.by", unit=words("school")), [by_school], words("standard.note")),
        monitoring.grade_shares(grades, words("subject"), words),
        monitoring.lines(lines, words("subject"), words),
        monitoring.balance(balance, words("subject"), words),
        _growth(source, county, TOTAL, words),
    ]


def _growth(source: Source, county: str, code: str, words: Words) -> Section:
    spread = source.rows("spread", code, "exam")
    mean, sd = (spread[0]["mean"], spread[0]["sd"]) if spread else (None, None)
    units = [(name, source.rows("growth", code, "school", name)) for name in source.counties[county]]
    return monitoring.growth(units, mean, sd, words("school"), words)


def _subject(source: Source, county: str, subject: Subject, words: Words) -> list[Section]:
    ref, code, full = source.reference, subject.code, float(full_mark(subject))
    unit, whole = source.unit(code, "county", county), ref.units.get(code)
    mean = whole["mean"] if whole else None
    schools = compared([(name, source.unit(code, "school", name), href) for name, href in _links(source, county)], mean)
    points = source.rows("mastery", code, "county", county)
    spread = {name: source.rows("spread", code, "school", name) for name in source.counties[county]}
    curves = {
        words("all"): source.rows("segments", code, "exam"),
        county: source.rows("segments", code, "county", county),
    }
    known = knowledge_table(points, ref.exam, words("all"), words)
    known += knowledge_map(
        [(n, source.rows("mastery", code, "school", n)) for n in source.counties[county]], points, words
    )
    said = [verdict_sentence(county, unit, mean, compare(unit, mean), words), findings([], points, words)[1]]
    table = unit_table(schools, words("school"), words, subject.name)
    return [
        Section("", [Says([*said, *sides_sentence(schools, words)]), *monitoring.curve(curves, full, words)]),
        Section(words("compare.schools"), [*comparison_of(schools, mean, words), table], words("compare.note")),
        Section(words("boxes"), monitoring.boxes(spread, full, words)),
        Section(words("knowledge.title"), known),
        _growth(source, county, code, words),
    ]
