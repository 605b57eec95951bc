"""The research pack (教研) of a subject: topics for training, wrong answers worth a talk, items other than expected."""

from __future__ import annotations

from urllib.parse import quote

from engine.exam import Subject
from report.document import Bar, Block, Cell, Chapter, Column, Document, Focus, Note, Row, Says, Section, Table
from report.render import percent
from report.source import Row as Values
from report.source import Source
from report.words import Words

MOST_SCHOOLS = 12  # named in a row


def research_document(source: Source, subject: Subject, words: Words) -> Document:
    """The research pack of a subject."""
    exam = source.reference.exam
    topics, schools, options, items = (
        [row for row in source.table(name) if row["subject"] == subject.code]
        for name in ("research_topics", "research_schools", "research_options", "research_items")
    )
    return Document(
        kind=words("report.research"),
        heading=f"{subject.name} · {words('report.research')}",
        facts=[exam.title, str(exam.date)],
        chapters=[
            Chapter(
                "",
                [
                    *_suggested(source, topics, schools, words),
                    _across(source, topics, schools, words),
                    _answers(source, options, words),
                    _difficulty(source, items, words),
                ],
                "research",
            )
        ],
        root="../",
        crumbs=[(words("overview"), "../index.html"), (subject.name, f"../index.html#{quote(subject.code)}")],
        file=subject.code,
    )


def _points(rate: float, digits: int = 0) -> str:
    """A difference of rates in percentage points, without its sign."""
    return f"{abs(100 * rate):.{digits}f}"


def _topic(row: Values, words: Words) -> str:
    return words.code("type", row["topic"]) if row["kind"] == "type" else row["topic"]


def _suggested(source: Source, topics: list[Values], schools: list[Values], words: Words) -> list[Section]:
    """What the teachers of the subject should work on together."""
    rule, chosen = source.reference.exam.research, [row for row in topics if row["order"]]
    most = max(topics, key=lambda row: row["n"], default=None)
    scope = [
        words("research.scope", least=rule.min_pupils, **{key: most[key] for key in ("schools", "classes", "n")})
    ] if most else []  # fmt: skip
    told = [
        Focus(
            f"{row['order']}. {_topic(row, words)}",
            words(f"research.kind.{row['kind']}"),
            rates=words("items.one") if row["items"] == 1 else words("items.count", count=row["items"]),
            terms=_why(row, schools, words),
        )
        for row in chosen
    ]
    note = words("research.topics.note", gap=_points(rule.min_gap)) if told else ""
    blocks: list[Block] = [*told] or [Note(words("research.topics.none"))]
    return [Section("", [Says(scope)] if scope else []), Section(words("research.topics"), blocks, note)]


def _why(topic: Values, schools: list[Values], words: Words) -> list[tuple[str, str, str]]:
    """What speaks for a topic: (term, small print, words)."""
    told = []
    if topic["classes_behind"]:
        counts = {"count": topic["classes_behind"], "all": topic["classes"]}
        said = [words("research.behind", **counts, n=topic["pupils_behind"], gap=_points(topic["gap"]))]
        if topic["classes_specific"]:
            said.append(words("research.specific", count=topic["classes_specific"]))
        told.append((words("research.classes"), "", " ".join(said)))
        where = [
            words("research.school", school=row["school"], count=row["classes_behind"])
            for row in sorted(_of(topic, schools), key=lambda row: -row["classes_behind"])
            if row["classes_behind"]
        ]
        more = "…" if len(where) > MOST_SCHOOLS else ""
        told.append((words("research.where"), "", words.join(where[:MOST_SCHOOLS]) + more))
    if topic["below_expected"]:
        rates = {"rate": percent(topic["rate"]), "expected": percent(topic["expected"])}
        told.append((words("all"), "", words("research.expected", **rates)))
    return told


def _of(topic: Values, schools: list[Values]) -> list[Values]:
    return [row for row in schools if (row["kind"], row["topic"]) == (topic["kind"], topic["topic"])]


def _across(source: Source, topics: list[Values], schools: list[Values], words: Words) -> Section:
    """Every topic: the rate of all beside what was expected, and how many schools and classes are behind."""
    confidence = percent(source.reference.exam.diagnosis.confidence)
    columns = [
        Column(words("research.kind"), "keep"),
        Column(words("research.topic")),
        Column(words("items.n"), "count"),
        Column(words("rate"), "rate"),
        Column(words("chart.bar"), "bar"),
        Column(words("expected"), "rate"),
        Column(words("research.schools"), "keep"),
        Column(words("research.classes"), "keep"),
        Column(words("research.gap"), "gap_rate"),
    ]
    rows = [
        Row(
            [
                words(f"research.kind.{row['kind']}"),
                _topic(row, words),
                row["items"],
                row["rate"],
                Bar(row["rate"], row["lower"], row["upper"], row["expected"]),
                row["expected"],
                words("research.of", count=row["schools_behind"], all=row["schools"]),
                words("research.of", count=row["classes_behind"], all=row["classes"]),
                row["gap"],
            ],
            more=[(one["school"], "", _school(one, confidence, words)) for one in _of(row, schools)],
        )
        for row in sorted(topics, key=lambda row: ("knowledge", "ability", "type").index(row["kind"]))
    ]
    title = words("research.map")
    table = Table(columns, rows, "research_topics.rate, expected; research_schools.gap", annex=title)
    return Section(title, [table] if rows else [], words("research.map.note"))


def _school(row: Values, confidence: str, words: Words) -> str:
    counts = {"count": row["classes_behind"], "all": row["classes"]}
    if not row["behind"]:
        return words("research.school.classes", **counts)
    low, high = sorted((abs(row["lower"]), abs(row["upper"])))
    return words(
        "research.school.gap",
        gap=_points(row["gap"]),
        confidence=confidence,
        low=_points(low),
        high=_points(high),
        n=row["n"],
        **counts,
    )


def _answers(source: Source, options: list[Values], words: Words) -> Section:
    """Wrong answers that attract strong pupils, or the pupils of one school."""
    columns = [
        Column(words("research.finding"), "chip"),
        Column(words("item"), "keep"),
        Column(words("option"), "keep"),
        Column(words("school")),
        Column(words("count"), "keep"),
        Column(words("research.share"), "rate"),
        Column(words("research.reference"), "rate"),
        Column(words("share.high"), "rate"),
        Column(words("r_rest"), "two"),
        Column(words("research.misconception")),
    ]
    rows = [
        Row(
            [
                Cell(row["finding"], words(f"finding.{row['finding']}"), "warn"),
                row["item"],
                row["answer"] or words("answer.blank"),
                row["school"],
                words("research.of", count=row["count"], all=row["n"]),
                row["share"],
                row["reference"],
                row["rate_high"],
                row["r_rest"],
                row["misconception"],
            ]
        )
        for row in options
    ]
    title = words("research.options")
    if not rows:
        return Section(title, [Note(words("research.options.none"))])
    return Section(title, [Table(columns, rows, "research_options", annex=title)], words("research.options.note"))


def _difficulty(source: Source, items: list[Values], words: Words) -> Section:
    """Items that turned out clearly harder or easier than the blueprint expected."""
    off = sorted((row for row in items if row["verdict"]), key=lambda row: -abs(row["deviation"]))
    known = [row["deviation"] for row in items if row["deviation"] is not None]
    if not known:
        return Section(words("research.items"), [])
    mean = sum(known) / len(known)
    says = words(
        "research.items.says",
        count=len(known),
        harder=sum(row["verdict"] == "harder" for row in off),
        easier=sum(row["verdict"] == "easier" for row in off),
        side=words("research.side.higher" if mean >= 0 else "research.side.lower"),
        mean=_points(mean),
    )
    columns = [
        Column(words("item"), "keep"),
        Column(words("n"), "count"),
        Column(words("expected"), "rate"),
        Column(words("rate"), "rate"),
        Column(words("chart.bar"), "bar"),
        Column(words("research.off"), "gap_rate"),
        Column(words("research.verdict"), "chip"),
    ]
    rows = [
        Row(
            [
                row["item"],
                row["n"],
                row["expected"],
                row["rate"],
                Bar(row["rate"], row["lower"], row["upper"], row["expected"]),
                row["deviation"],
                Cell(row["verdict"], words(f"verdict.{row['verdict']}"), "warn"),
            ]
        )
        for row in off
    ]
    title = words("research.items")
    table = [Table(columns, rows, "research_items.deviation", annex=title)] if rows else []
    note = words("research.items.note", least=_points(source.reference.exam.research.deviation)) if rows else ""
    return Section(title, [Says([says]), *table], note)
