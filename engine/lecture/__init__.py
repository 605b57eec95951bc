"""The lecture pack (智慧讲堂, 讲评课): what a class should go through tomorrow, with whom, and what it then works on.

Which items, and what a class lost on them: `engine.lecture.evidence`; in which order and time: `engine.lecture.lesson`;
who gave which wrong answer: `engine.lecture.answers`; variants and exit ticket: `engine.lecture.practice`.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.exam import LectureRule, Subject
from engine.knowledge import total_alone
from engine.lecture.answers import split_units, wrong_answers
from engine.lecture.evidence import Evidence
from engine.lecture.lesson import Block, by_weight, leading_to, minutes_of, plan, topic_of
from engine.lecture.practice import Shelf, practice

__all__ = ["lecture_pack"]

Row = dict[str, Any]


def lecture_pack(
    subject: Subject,
    scores: pa.Table,
    responses: pa.Table,
    roster: pa.Table,
    mastery: pa.Table,
    bank: pa.Table | None,
    day: datetime.date,
    rule: LectureRule,
) -> dict[str, pa.Table]:
    """The lessons of all classes in a subject.

    Args:
        scores, responses: the subject's, of the same pupils, rows in any order.
        mastery: table "mastery", of any subjects: which prerequisites a class is weak at.
        bank: see `engine.bank`; None: no variants, and the ticket takes up the items again.
        day: nothing taught later is asked.

    Returns:
        Tables "lecture", "lecture_options" and "lecture_questions", classes in the order of their text. A class with
        nothing worth going through has no rows, nor has a subject of which only the total is known. The result does not
        depend on the order of any rows.

    Raises:
        InputError: a scored pupil is not in the roster.
    """
    found = Evidence.of_scores(subject, scores, roster, rule)
    shelf = Shelf(subject, bank, subject.curriculum.taught_by(day))
    weak = _weak_points(subject, mastery)
    rates = found.reference.tolist()
    rows: list[Row] = []
    questions: list[Row] = []
    lessons: dict[int, list[int]] = {}
    for unit, name in enumerate(found.units):
        told = [] if total_alone(subject) else by_weight(found.weight[unit], found.told[unit])
        blocks = plan(subject, told, found.weight[unit], rule, shelf.topics)
        lessons[unit] = [j for block in blocks for j in block.items]
        (school,), (class_,) = split_units([name])
        place = {"subject": subject.code, "school": school, "class": class_}
        rows += [place | row for row in _items(subject, found, unit, told, blocks, weak.get(name, set()), rule)]
        questions += [place | row for row in practice(subject, blocks, rates, shelf, rule)]
    return {
        "lecture": pa.Table.from_pylist(rows, schema=tables.SCHEMAS["lecture"]),
        "lecture_options": wrong_answers(subject, found, responses, lessons, rule),
        "lecture_questions": pa.Table.from_pylist(questions, schema=tables.SCHEMAS["lecture_questions"]),
    }


def _weak_points(subject: Subject, mastery: pa.Table) -> dict[str, set[str]]:
    """Knowledge points that classes are weak at, by "school/class"."""
    wanted = (pc.field("subject") == subject.code) & (pc.field("level") == "class") & pc.field("weak")
    weak: dict[str, set[str]] = {}
    for row in mastery.filter(wanted).select(["unit", "knowledge"]).to_pylist():
        weak.setdefault(row["unit"], set()).add(row["knowledge"])
    return weak


def _items(
    subject: Subject,
    found: Evidence,
    unit: int,
    told: Sequence[int],
    blocks: Sequence[Block],
    weak: set[str],
    rule: LectureRule,
) -> list[Row]:
    """Rows of the table "lecture" of one class, but for the class."""
    block_of = {j: number for number, block in enumerate(blocks, 1) for j in block.items}
    rows = []
    for order, j in enumerate([*block_of, *(j for j in told if j not in block_of)], 1):
        item, topic = subject.items[j], topic_of(subject.items[j])
        chain = leading_to(topic, subject.curriculum)
        row: Row = {
            "order": order,
            "block": block_of.get(j),
            "topic": topic,
            "item": item.item,
            "minutes": minutes_of(item, rule) if j in block_of else None,
            "n": int(found.n[unit, j]),
            "lost": int(found.lost[unit, j]),
            "points_lost": float(found.points_lost[unit, j]),
            "rate": float(found.rate[unit, j]),
            "reference": float(found.reference[j]),
            "gap": float(found.rate[unit, j] - found.reference[j]),
            "clear": bool(found.clear[unit, j]),
            "weight": float(found.weight[unit, j]),
            "chain": " → ".join((*chain, topic)) if chain else "",
            "shaky": "、".join(name for name in chain if name in weak),
        }
        rows.append(row | {"reason": _reason(row, found.pupils.full[j])})
    return rows


def _reason(row: Row, full: float) -> str:
    """Why an item is worth going through, in words and numbers."""
    each = row["points_lost"] / row["n"]
    text = f"{row['n']} 人中 {row['lost']} 人失分，满分 {full:g} 分平均失 {each:.1f} 分"
    if row["clear"]:
        text += f"；得分率 {row['rate']:.0%}，全体 {row['reference']:.0%}，明显偏低"
    return text
