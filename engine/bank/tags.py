"""What the formats of others have no field for goes with them as tags: knowledge points as they are, the rest named."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from engine.bank.question import Question, parse_number

NAMED = {
    "subject": "科目",
    "chapter": "章节",
    "difficulty": "难度",
    "source_item": "来源题",
    "pupils": "人数",
    "irt_a": "IRT-a",
    "irt_b": "IRT-b",
    "irt_pupils": "IRT-人数",
    "exams": "标定考试",
}
NUMBER = "编号"  # of the question, where a format is particular about identifiers
_FIELDS = {word: name for name, word in NAMED.items()} | {NUMBER: "question"}
_NUMBERS = {"difficulty": float, "pupils": int, "irt_a": float, "irt_b": float, "irt_pupils": int}
MOST_DENOMINATOR = 20  # of a share that a format writes as a decimal


def tags_of(question: Question) -> list[str]:
    """The tags of a question."""
    told = ((word, getattr(question, name)) for name, word in NAMED.items())
    return [*question.knowledge, *(f"{word}:{value}" for word, value in told if value not in (None, ""))]


def fields_of(tags: Iterable[str]) -> dict[str, object]:
    """The fields of `Question` that tags tell; tags that name no field are knowledge points."""
    found: dict[str, object] = {}
    knowledge = []
    for tag in tags:
        word, _, value = tag.partition(":")
        name = _FIELDS.get(word, "")
        number = parse_number(value)
        if name in _NUMBERS and number is not None:
            found[name] = _NUMBERS[name](number)
        elif name and name not in _NUMBERS:
            found[name] = value
        else:
            knowledge.append(tag)
    return found | {"knowledge": tuple(dict.fromkeys(knowledge))}


def percent(share: Fraction) -> str:
    """A share as a percentage, with the five decimals that Moodle writes: "100", "33.33333"."""
    return f"{float(share * 100):.5f}".rstrip("0").rstrip(".")


def share_of(percentage: str) -> Fraction | None:
    """The share that such a percentage is: of "33.33333" a third. None of anything else."""
    value = parse_number(percentage)
    return None if value is None or abs(value) > 100 else exact_share(value / 100)


def exact_share(value: float) -> Fraction:
    """The share that a format writes as a decimal: of 0.333333 a third."""
    given = Fraction(value)
    near = given.limit_denominator(MOST_DENOMINATOR)
    return near if abs(near - given) < Fraction(1, 10**6) else given.limit_denominator(10**6)
