"""The demo's question bank, and which of its questions the made-up exam used."""

from __future__ import annotations

import random

from demo.english import ENGLISH
from demo.maths import MATHS, MISCONCEPTIONS, Made

VARIANTS = "abc"  # of a maths pattern, with other numbers
LETTERS = "ABCD"
USED = 2  # choice questions of each point that the exam used, if it has so many

Row = dict[str, str]


def questions(subject: str, chapters: dict[str, str], rng: random.Random) -> list[Row]:
    """The bank's rows of a subject.

    Args:
        chapters: by knowledge point.
    """
    rows = []
    points = _maths(rng) if subject == "maths" else _english()
    for p, (point, made) in enumerate(points.items(), 1):
        for number, rate, one in made:
            row = {
                "question": f"{subject[0].upper()}{p:02d}-{number}",
                "subject": subject,
                "stem": one.stem,
                "knowledge": point,
                "difficulty": f"{rate + rng.uniform(-0.04, 0.04):.2f}",
            }
            rows.append(row | _answer(one, rng) | {"solution": one.solution, "chapter": chapters[point]})
    return rows


def use(bank: list[Row], blueprint: list[Row]) -> None:
    """Let single choice items of the blueprint be questions of the bank, and say what their wrong answers show."""
    waiting: dict[str, list[Row]] = {}
    for row in bank:
        of_point = waiting.setdefault(row["knowledge"], [])
        if row["type"] == "single" and len(of_point) < USED and row["question"][-1] not in VARIANTS[1:]:
            of_point.append(row)
    for item in blueprint:
        item["question"] = item["misconceptions"] = ""
        if item["type"] == "single" and waiting.get(item["knowledge"]):
            question = waiting[item["knowledge"]].pop(0)
            item |= {"question": question["question"], "key": question["key"], "expected": question["difficulty"]}
            wrong = [letter for letter in LETTERS if letter != item["key"]]
            shown = zip(wrong, MISCONCEPTIONS.get(item["knowledge"], ()), strict=False)
            item["misconceptions"] = ";".join(f"{letter}:{what}" for letter, what in shown)


def _maths(rng: random.Random) -> dict[str, list[tuple[str, float, Made]]]:
    """By point: number, expected rate and question, every pattern with several pairs of numbers."""
    points = {}
    for point, patterns in MATHS.items():
        points[point] = [
            (f"{t:02d}{letter}", rate, pattern(a, b))
            for t, (rate, pattern) in enumerate(patterns, 1)
            for letter, (a, b) in zip(VARIANTS, _pairs(rng), strict=True)
        ]
    return points


def _pairs(rng: random.Random) -> list[tuple[int, int]]:
    """Pairs of different numbers with nothing in common, so that no two variants of a pattern are the same question."""
    while True:
        pairs = [(rng.randint(2, 9), rng.randint(2, 9)) for _ in VARIANTS]
        told = [{a for a, _ in pairs}, {b for _, b in pairs}, {a + b for a, b in pairs}, {a * b for a, b in pairs}]
        if all(len(values) == len(pairs) for values in told) and all(a != b for a, b in pairs):
            return pairs


def _english() -> dict[str, list[tuple[str, float, Made]]]:
    return {
        point: [
            (f"{number:02d}", rate, Made(stem, right, why, wrong))
            for number, (rate, stem, right, wrong, why) in enumerate(made, 1)
        ]
        for point, made in ENGLISH.items()
    }


def _answer(one: Made, rng: random.Random) -> Row:
    """Type, options, key and answer of a question."""
    if one.number:
        return {"type": "number", "options": "", "key": one.answer, "answer": ""}
    if not one.wrong:
        return {"type": "constructed", "options": "", "key": "", "answer": one.answer or one.solution}
    options = rng.sample((one.answer, *one.wrong), len(LETTERS))
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=True)]
    key = LETTERS[options.index(one.answer)]
    return {"type": "single", "options": "\n".join(lines), "key": key, "answer": ""}
