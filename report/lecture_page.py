"""The lesson plan of a class in a subject (讲评课): what to go through, with whom, and what to practise then."""

from __future__ import annotations

from collections.abc import Iterator

from engine import forms
from engine.bank.markup import plain
from engine.exam import Item, Subject
from engine.knowledge import total_alone
from engine.lecture.answers import POINTS
from engine.rules import accepted
from report.blocks import Context
from report.class_page import called
from report.render import page
from report.source import Part, Reference, Row
from report.words import Words

TYPICAL = 0.1  # wrong answers given by a smaller share stand together
LEFT = 12  # items told that the lesson has no time for


def lecture_pages(ref: Reference, part: Part, words: Words) -> Iterator[tuple[str, str]]:
    """(file name without ending, page) of every subject's lesson with the class."""
    for subject in ref.exam.subjects:
        context = _lesson(ref, part, subject, words)
        yield (
            lecture_file(part, subject),
            page("lecture.html", words, exam=ref.exam, root="../", part=part, subject=subject, **context),
        )


def lecture_file(part: Part, subject: Subject) -> str:
    """The name of a lesson's file, without its ending."""
    return f"{part.class_files[part.classes[0]]}.{subject.code}"


def _lesson(ref: Reference, part: Part, subject: Subject, words: Words) -> Context:
    rule = ref.exam.lecture
    rows = [row for row in part.tables["lecture"].to_pylist() if row["subject"] == subject.code]
    questions = [
        row | {"asked": _question(part.questions.get(row["question"] or ""))}
        for row in part.tables["lecture_questions"].to_pylist()
        if row["subject"] == subject.code
    ]
    unit = part.units.get((subject.code, part.classes[0]))
    blocks = _blocks(part, subject, [row for row in rows if row["block"]], questions, rule.variant_minutes, words)
    ticket = [row for row in questions if row["use"] == "exit"]
    return {
        "rule": rule,
        "present": unit["n"] if unit else 0,
        "total_alone": total_alone(subject),
        "told": len(rows),
        "blocks": blocks,
        "timetable": _timetable(blocks, rule.exit_minutes if ticket else 0, rule.minutes, words),
        "ticket": ticket,
        "left": [row for row in rows if not row["block"]][:LEFT],
        "more": max(sum(not row["block"] for row in rows) - LEFT, 0),
    }


def _blocks(
    part: Part, subject: Subject, rows: list[Row], questions: list[Row], variant_minutes: int, words: Words
) -> list[Context]:
    """The blocks of the lesson, each with its items and variants."""
    spec, names = {item.item: item for item in subject.items}, called(part)
    given: dict[str, list[Row]] = {}
    for row in part.tables["lecture_options"].to_pylist():
        if row["subject"] == subject.code:
            given.setdefault(row["item"], []).append(row)
    blocks = []
    for number in sorted({row["block"] for row in rows}):
        inside = [row for row in rows if row["block"] == number]
        variants = [row for row in questions if row["block"] == number]
        talk = sum(row["minutes"] for row in inside)
        blocks.append(
            {
                "topic": inside[0]["topic"],
                "talk": talk,
                "practise": variant_minutes if variants else 0,
                "chain": inside[0]["chain"],
                "shaky": inside[0]["shaky"],
                "variants": variants,
                "items": [
                    _item(part, subject, spec[row["item"]], row, given.get(row["item"], []), names, words)
                    for row in inside
                ],
            }
        )
    return blocks


def _item(
    part: Part, subject: Subject, item: Item, row: Row, given: list[Row], names: dict[str, str], words: Words
) -> Context:
    """An item as printed, what the class lost on it, and who gave which wrong answer."""
    constructed = item.type == "constructed"
    if constructed:
        given = sorted(given, key=lambda one: POINTS.index(one["answer"]))
    answers = [
        {
            "answer": _answer(subject, item, one["answer"], words),
            "names": [] if one["answer"] == POINTS[-1] else [names[student] for student in one["students"].split("、")],
        }
        | {key: one[key] for key in ("count", "share", "reference", "more", "misconception")}
        for one in given
    ]
    typical = [one for one in answers if constructed or one["share"] >= TYPICAL or one["more"] or one["misconception"]]
    return row | {
        "spec": item,
        "numbers": _numbers(subject, item, words),
        "asked": _question(part.questions.get(item.question)),
        "key": words("sentence.join").join(_answer(subject, item, key, words) for key in accepted(item)),
        "each": row["points_lost"] / row["n"],
        "wrong": typical,
        "others": [one for one in answers if one not in typical],
    }


def _numbers(subject: Subject, item: Item, words: Words) -> str:
    """Which number the item has on the forms where it is another, "" if on none."""
    places = {form: forms.printed(subject, form, item.item, "")[0] for form in subject.forms}
    return _other(item.item, places, "lecture.form.item", words)


def _answer(subject: Subject, item: Item, answer: str, words: Words) -> str:
    """An answer in words, and what it is on the forms where it is another."""
    if item.type == "constructed" or not answer:
        return words.code("answer", answer or "blank")
    texts = {form: forms.printed(subject, form, item.item, answer)[1] for form in subject.forms}
    other = _other(answer, texts, "lecture.form", words)
    return words("lecture.also", text=answer, other=other) if other else answer


def _other(text: str, texts: dict[str, str], key: str, words: Words) -> str:
    return words.join([words(key, form=form, text=there) for form, there in texts.items() if there != text])


def _question(row: Row | None) -> Context | None:
    """A question of the bank as plain text."""
    if row is None:
        return None
    return {key: plain(row[key] or "") for key in ("stem", "options", "key", "answer", "solution")}


def _timetable(blocks: list[Context], exit_minutes: int, minutes: int, words: Words) -> list[tuple[int, int, str]]:
    """(from, to, what) in minutes of the lesson."""
    steps: list[tuple[int, str]] = []
    for block in blocks:
        items = words.join([row["item"] for row in block["items"]])
        topic = block["topic"]
        talk = (
            words("lecture.step.topic", topic=topic, items=items) if topic else words("lecture.step.item", items=items)
        )
        steps.append((block["talk"], talk))
        if block["practise"]:
            steps.append((block["practise"], words("lecture.step.variant", topic=topic)))
    if exit_minutes:
        steps.append((exit_minutes, words("lecture.step.exit")))
    rest = minutes - sum(takes for takes, _ in steps)
    if steps and rest > 0:
        steps.insert(len(steps) - bool(exit_minutes), (rest, words("lecture.step.spare")))
    table, now = [], 0
    for takes, what in steps:
        table.append((now, now + takes, what))
        now += takes
    return table
