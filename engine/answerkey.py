"""OMRChecker's answer keys: which answers to a question are right, and what each of them earns."""

from __future__ import annotations

import ast
import csv
import io
from fractions import Fraction
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import read_text
from engine.points import parse_points

LONGEST_CELL = 1000  # of a CSV key

Answers = dict[str, Fraction | None]  # answer → its own points; None: what its section gives for a right one

_LINE = 'write a question and its answer a line, several answers in quotes: q4,"A,B"'


def read_key(path: Path) -> dict[str, Answers]:
    """A key in a CSV file without a header: question, answer, where the answer may be "A,B" or a list.

    Raises:
        InputError: the file can't be read, is empty, or a row makes no sense.
    """
    key: dict[str, Answers] = {}
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline=""), skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise InputError(f"not a CSV table: {error}", file=path, mend=_LINE) from None
    for line, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != 2 or not all(cells):
            raise InputError(f"{len(cells)} cells, expected a question and its answer", file=path, row=line, mend=_LINE)
        if cells[0] in key:
            raise InputError(f"question {cells[0]!r} stands twice", file=path, row=line, mend="keep one of the two")
        try:
            key[cells[0]] = parse_entry(_cell(cells[1]), "the answer")
        except ValueError as error:
            raise InputError(
                str(error), file=path, row=line, mend="write A, \"A,B\" or \"[['A', 2], ['B', 1]]\""
            ) from None
    if not key:
        raise InputError("an empty key", file=path, mend=_LINE)
    return key


def _cell(text: str) -> Any:
    if text.startswith("["):
        try:
            return ast.literal_eval(text) if len(text) <= LONGEST_CELL else None
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            raise ValueError(f"{text!r} is no list of answers") from None
    return [part.strip() for part in text.split(",")] if "," in text else text


def parse_entry(entry: object, what: str) -> Answers:
    """An entry of a key: "A", ["A", "B"], or [["A", 2], ["B", "1/2"]]. Raises ValueError, of `what`, for others."""
    entries: list[Any] = entry if isinstance(entry, list) else [entry]
    pairs = all(isinstance(one, list | tuple) and len(one) == 2 for one in entries)
    answers: Answers = {}
    for one in entries:
        answer, points = one if pairs else (one, None)
        if not isinstance(answer, str) or not answer:
            raise ValueError(f'{what}, {entry!r}, is not of the kind "A", ["A", "B"] or [["A", 2], ["B", 1]]')
        if answer in answers:
            raise ValueError(f"{what} names {answer!r} twice")
        try:
            answers[answer] = parse_score(str(points) if isinstance(points, float) else points) if pairs else None
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from None
    if not answers:
        raise ValueError(f"{what} is missing")
    return answers


def parse_score(value: object) -> Fraction:
    """Points as a marking scheme or a key writes them: 3, "0.5", "-2/3". Raises ValueError for anything else."""
    if isinstance(value, list):
        raise ValueError("streaks are not supported: here an answer's points do not depend on the answers before it")
    points = parse_points(str(value).strip()) if isinstance(value, (str, int)) else None
    if points is None:
        raise ValueError(f'{value!r} is no number of points such as 3, 0.5 or "-2/3"')
    return points
