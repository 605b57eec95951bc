"""What the class works on in the lesson: variants of what was gone through, and the exit ticket, from the bank.

After a block the class does a variant (变式) in five minutes: a question a bit easier than the block's weightiest item
for those who lost points on it, and one a bit harder for the others. Only questions on points of the block's items,
among them its topic, that the class has been taught by the day of the exam come into question. The ticket asks again,
as hard as the item was, block by block, the weightiest first.

Easier and harder is meant on the bank's scale, the rate expected of the exam's pupils: `STEP` above or below the item's
rate in the exam, and no more than twice that away. Questions that the bank calls variants of the item come first, and
near-duplicates of an item of the paper, or of a question already taken, last; no question is taken twice, and none that
is itself an item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from engine.bank import SCHEMA, families
from engine.exam import LectureRule, Subject
from engine.lecture.lesson import Block

STEP = 0.15
Row = dict[str, object]


@dataclass(frozen=True)
class Question:
    """A question of the bank."""

    name: str
    points: frozenset[str]
    difficulty: float
    source: str  # the item of the exam it is a variant of, or ""
    family: int  # of its near-duplicates


class Shelf:
    """The questions of a subject that its pupils can be given, by knowledge point."""

    def __init__(self, subject: Subject, bank: pa.Table | None, taught: Iterable[str]) -> None:
        self._by_point: dict[str, list[Question]] = defaultdict(list)
        self.examined: list[Question] = []  # those that are items of the paper
        taught, items = frozenset(taught), {item.question for item in subject.items}
        own = (
            SCHEMA.empty_table()
            if bank is None
            else bank.filter(pc.field("subject").isin([subject.code, subject.name]))
        )
        for row, family in zip(own.to_pylist(), families(own).to_pylist(), strict=True):
            points = frozenset(row["knowledge"])
            question = Question(row["question"], points, row["difficulty"], row["source_item"], family)
            if question.name in items:
                self.examined.append(question)
            elif points <= taught:
                for point in points:
                    self._by_point[point].append(question)

    @property
    def topics(self) -> frozenset[str]:
        """Points that there is a question on."""
        return frozenset(self._by_point)

    def nearest(
        self,
        topic: str,
        points: frozenset[str],
        item: str,
        low: float,
        aim: float,
        high: float,
        taken: Sequence[Question],
    ) -> Question | None:
        """The question on a topic, and nothing beyond these points, that fits best; None if none does.

        Args:
            item: that it should be a variant of.
            low, aim, high: its difficulty lies from low to high, as near to aim as possible.
        """
        used, told = {question.name for question in taken}, {question.family for question in taken}
        return min(
            (
                question
                for question in self._by_point.get(topic, ())
                if question.points <= points and low <= question.difficulty <= high and question.name not in used
            ),
            key=lambda question: (
                question.family in told,
                question.source != item,
                abs(question.difficulty - aim),
                question.name,
            ),
            default=None,
        )


def practice(
    subject: Subject, blocks: Sequence[Block], rates: Sequence[float], shelf: Shelf, rule: LectureRule
) -> list[Row]:
    """Rows of the table "lecture_questions" of one class, but for the class.

    Args:
        blocks: of the lesson, in their order.
        rates: (J,) the items' rates in the exam.
    """
    taken = list(shelf.examined)
    rows: list[Row] = []
    for number, block in enumerate(blocks, 1):
        rate = rates[block.items[0]]
        steps = {"easier": (rate, rate + STEP, rate + 2 * STEP), "harder": (rate - 2 * STEP, rate - STEP, rate)}
        for use, (low, aim, high) in steps.items():
            found = _find(subject, block, shelf, low, aim, high, taken)
            if found:
                rows.append(_row(subject, block, number, use, found, rows))
    if not rule.exit_minutes:
        return rows
    ticket: list[Row] = []
    for block in (list(blocks) * rule.exit_questions)[: rule.exit_questions]:
        rate = rates[block.items[0]]
        found = _find(subject, block, shelf, rate - STEP, rate, rate + STEP, taken)
        if found or len(ticket) < len(blocks):
            ticket.append(_row(subject, block, None, "exit", found, ticket))
    return rows + ticket


def _find(
    subject: Subject, block: Block, shelf: Shelf, low: float, aim: float, high: float, taken: list[Question]
) -> Question | None:
    """The question for a block that fits best, which then is taken."""
    points = frozenset(name for j in block.items for name, _ in subject.items[j].knowledge)
    found = shelf.nearest(block.topic, points, subject.items[block.items[0]].item, low, aim, high, taken)
    if found:
        taken.append(found)
    return found


def _row(
    subject: Subject, block: Block, number: int | None, use: str, found: Question | None, before: list[Row]
) -> Row:
    return {
        "block": number,
        "use": use,
        "order": 1 + sum(row["block"] == number for row in before),
        "item": subject.items[block.items[0]].item,
        "topic": block.topic,
        "question": found.name if found else None,
        "difficulty": found.difficulty if found else None,
    }
