"""The report of the whole exam (市级报告), and the full list of exceptions."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

from engine.exam import TOTAL, Subject
from engine.scoring import full_mark
from report import monitoring
from report.blocks import (
    RATES,
    compared,
    comparison_of,
    distribution_of,
    knowledge_map,
    knowledge_table,
    lines_note,
    rate_cell,
    sides_sentence,
    standard_matrix,
    subject_names,
    unit_table,
)
from report.document import Block, Cell, Chapter, Column, Document, Links, Note, Row, Says, Section, Side, Table
from report.figures import accounts
from report.render import page
from report.source import Row as Values
from report.source import Source
from report.troubles import told
from report.words import Words


def exam_document(source: Source, words: Words) -> Document:
    """The exam: accounts, key figures, counties and schools compared, growth and balance, subject by subject."""
    exam, several = source.reference.exam, len(source.counties) > 1
    facts = [str(exam.date), words(f"stage.{exam.stage}")]
    if several:
        facts.append(words("fact.counties", count=len(source.counties)))
    facts += [
        words("fact.schools", count=len(source.runs)),
        words("fact.classes", count=len(source.classes)),
        words("fact.pupils", count=source.pupils),
    ]
    return Document(
        kind=words("report.city" if several else "report.exam"),
        heading=exam.title,
        facts=facts,
        chapters=[
            Chapter(words("overall"), _overall(source, words), "overall"),
            *(Chapter(subject.name, _subject(source, words, subject), subject.code) for subject in exam.subjects),
            Chapter(words("exceptions"), [_exceptions(source, words)], "exceptions"),
            Chapter(words("reports.all"), [Section("", [Links(links_to(source))])], "reports"),
        ],
        file="index",
    )


def links_to(source: Source, root: str = "") -> list[tuple[str, str]]:
    """Where the reports of papers, counties and schools are."""
    papers = [(subject.name, f"papers/{subject.code}") for subject in source.reference.exam.subjects]
    counties = [(name, f"counties/{file}") for name, file in source.county_files.items()]
    schools = [(name, f"schools/{file}") for name, file in source.school_files.items()]
    return [(name, f"{root}{quote(path)}.html") for name, path in [*papers, *counties, *schools]]


def _overall(source: Source, words: Words) -> list[Section]:
    ref = source.reference
    names = monitoring.names_with_total(ref.exam, words)
    level, first, units = _places(source, words)
    codes = list(names)
    return [
        Section(words("accounts"), [_accounts(source, words)], words("accounts.note")),
        Section(words("figures"), [lines_note(ref.exam, words), _key_figures(source, words)]),
        Section(
            words("standard.by", unit=first), [_matrix(source, words, level, units, first)], words("standard.note")
        ),
        Section(
            words("standard.by", unit=words("school")) if level == "county" else "",
            [_matrix(source, words, "school", _schools(source), words("school"))] if level == "county" else [],
            words("standard.note"),
        ),
        monitoring.grade_shares(
            [(names[code], source.rows("grades", code, "exam")) for code in codes], words("subject"), words
        ),
        monitoring.lines(
            [(names[code], code, source.rows("lines", code, "exam")) for code in codes], words("subject"), words
        ),
        monitoring.balance(
            [(names[code], source.rows("balance", code, "exam")) for code in codes], words("subject"), words
        ),
        _balance_of_counties(source, words),
        monitoring.gaps(source.table("gaps"), names, words),
        _growth(source, TOTAL, words),
    ]


def _places(source: Source, words: Words) -> tuple[str, str, list[tuple[str, str]]]:
    """What an exam is first compared by: counties where there are several, else schools; (name, link) of each."""
    if len(source.counties) > 1:
        links = [(name, f"counties/{quote(file)}.html") for name, file in source.county_files.items()]
        return "county", words("county"), links
    return "school", words("school"), _schools(source)


def _schools(source: Source) -> list[tuple[str, str]]:
    return [(name, f"schools/{quote(file)}.html") for name, file in source.school_files.items()]


def _accounts(source: Source, words: Words) -> Table:
    columns = [Column(words("subject"), "keep"), Column(words("account"), "keep"), Column(words("account.lines"))]
    columns.append(Column(words("account.result"), "chip"))
    rows = []
    for subject in source.reference.exam.subjects:
        for account in accounts([row for row in source.reference.accounts if row["subject"] == subject.code]):
            line = f"{words(f'line.{account.whole[0]}')} {account.whole[1]} = "
            line += " + ".join(f"{words(f'line.{name}')} {count}" for name, count in account.parts)
            also = [words(f"account.{name}", count=count) for name, count in account.of_these]
            off = words("account.off", count=account.off) if account.off else words("account.balanced")
            chip = Cell(account.off, off, "below" if account.off else "above")
            line += f" ({words('sentence.join').join(also)})" if also else ""
            rows.append(Row([subject.name, words(f"account.{account.name}"), line, chip]))
    return Table(columns, rows, "accounts")


def _key_figures(source: Source, words: Words) -> Table:
    """A row a subject: the paper and its results."""
    ref = source.reference
    of_unit = (("registered", "count"), ("n", "count"), ("mean", "mean"), ("rate", "rate"), ("sd", "mean"))
    of_paper = (("median", "points"), ("highest", "points"), ("lowest", "points"))
    of_test = (("alpha", "two"), ("sem", "mean"), ("d27", "two"))
    columns = [Column(words("subject"), "keep"), Column(words("full"), "points")]
    columns += [Column(words(key), kind) for key, kind in (*of_unit, *of_paper)]  # type: ignore[arg-type]
    columns += [Column(words(key), "rate") for key in RATES]
    columns += [Column(words(key), kind) for key, kind in of_test]  # type: ignore[arg-type]
    rows = []
    for subject in ref.exam.subjects:
        unit, paper = ref.units.get(subject.code, {}), ref.reliability.get(subject.code, {})
        link = Cell(subject.name, href=f"papers/{quote(subject.code)}.html")
        cells = [link, float(full_mark(subject)), *(unit.get(key) for key, _ in of_unit)]
        cells[5] = rate_cell(unit.get("rate"), unit.get("n"))
        cells += [paper.get(key) for key, _ in of_paper]
        cells += [rate_cell(unit.get(key), unit.get("n")) for key in RATES]
        rows.append(Row([*cells, *(paper.get(key) for key, _ in of_test)]))
    return Table(columns, rows, "units, reliability", annex=words("figures"))


def _matrix(source: Source, words: Words, level: str, units: list[tuple[str, str]], first: str) -> Table:
    codes = [subject.code for subject in source.reference.exam.subjects]
    rows = []
    for name, href in units:
        found = {code: source.unit(code, level, name) for code in codes}
        rows.append((name, href, {code: row for code, row in found.items() if row}))
    return standard_matrix(rows, source.reference, first, words, annex=words("standard.by", unit=first))


def _balance_of_counties(source: Source, words: Words) -> Section:
    code = TOTAL if any(source.rows("balance", TOTAL, "county", name) for name in source.counties) else ""
    section = monitoring.balance(
        [(name, source.rows("balance", code, "county", name)) for name in source.counties], words("county"), words
    )
    return Section(words("balance.counties"), section.blocks)


def _growth(source: Source, code: str, words: Words) -> Section:
    spread: list[Values] = source.rows("spread", code, "exam")
    mean, sd = (spread[0]["mean"], spread[0]["sd"]) if spread else (None, None)
    return monitoring.growth(
        [(name, source.rows("growth", code, "school", name)) for name in source.runs], mean, sd, words("school"), words
    )


def _subject(source: Source, words: Words, subject: Subject) -> list[Section]:
    ref, code, full = source.reference, subject.code, float(full_mark(subject))
    whole = ref.units.get(code)
    mean = whole["mean"] if whole else None
    level, first, places = _places(source, words)
    units = compared([(name, source.unit(code, level, name), href) for name, href in places], mean)
    schools = compared([(name, source.unit(code, "school", name), href) for name, href in _schools(source)], mean)
    everybody = words("all")
    groups = {everybody: source.rows("segments", code, "exam")}
    groups |= {name: source.rows("segments", code, "county", name) for name in source.counties if level == "county"}
    pictures = [
        *distribution_of(ref, subject, ref.totals[code], everybody, words, against=False),
        *monitoring.curve(groups, full, words),
    ]
    said = sides_sentence(schools, words)
    comparison: list[Block] = [
        *comparison_of(units, mean, words),
        unit_table(units, first, words, f"{subject.name} {first}"),
    ]
    title = words("compare.counties" if level == "county" else "compare.schools")
    spread = {name: source.rows("spread", code, "school", name) for name in source.runs}
    own: list[Block] = []
    if level == "county":
        own.append(unit_table(schools, words("school"), words, f"{subject.name} {words('school')}"))
    points = ref.mastery[code]
    known = knowledge_table(
        sorted(points, key=lambda row: (row["rate"] is None, row["rate"])), ref.exam, everybody, words
    )
    known += knowledge_map([(name, source.rows("mastery", code, level, name)) for name, _ in places], points, words)
    beside = {"paper.open": "papers", "report.research": "research"}
    link = Links([(words(key), f"{folder}/{quote(code)}.html") for key, folder in beside.items()])
    return [
        Section("", [*([Says(said)] if said else []), Side(pictures), link] if pictures else [link]),
        Section(title, comparison, words("compare.note")),
        Section(
            words("compare.schools") if level == "county" else words("boxes"),
            [*monitoring.boxes(spread, full, words), *own],
        ),
        Section(words("knowledge.title"), known),
        _growth(source, code, words),
    ]


def _exceptions(source: Source, words: Words) -> Section:
    """How many exceptions per subject, kind and reason, in the order of their first one."""
    names = subject_names(source.reference)
    rows = told(source.exceptions, words)
    if not rows:
        return Section("", [Note(words("exceptions.none"))])
    columns = [Column(words("subject"), "keep"), Column(words("kind"), "keep"), Column(words("reason"))]
    columns.append(Column(words("number"), "count"))
    counted = Counter((row["subject"], row["kind"], row["reason"]) for row in rows)
    body = [
        Row([names.get(subject, subject), words.code("kind", kind), reason, count])
        for (subject, kind, reason), count in counted.items()
    ]
    link = Links([(words("exceptions.all"), "exceptions.html")])
    return Section("", [Note(words("exceptions.note")), Table(columns, body, "exceptions"), link])


def exceptions(source: Source, words: Words) -> str:
    """Every exception, with the pupil where known."""
    return page("exceptions.html", words, exam=source.reference.exam, root="", rows=told(source.exceptions, words),
                names=subject_names(source.reference))  # fmt: skip
