"""OMRChecker's evaluation.json as a blueprint: its questions, their keys and what an answer earns.

Every question becomes an item whose rule lists what its answers earn (engine/rules.py): the marking scheme of its
section says what a right answer, any other one and a blank earn, its entry in the key which answers are right, and may
give each its own points. A question whose answers are option letters becomes a choice item, so that "BA" is "AB"; the
answers to any other one are compared as written, so that "01" is not "1". A section becomes the item's section.

The key is part of the file (`custom`, or `local` in its newer versions), a CSV file beside it (`csv`), or, where that
is not there, a picture of a filled-in sheet, which somebody has to read first (stages/blueprints.py).

What would mark otherwise than the file says is refused by name: streaks, conditional sets, and keys not known here.
Keys that say what is printed or drawn are passed over.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from engine.answerkey import Answers, parse_entry, parse_score, read_key
from engine.errors import InputError
from engine.files import Records, halfwidth, read_text
from engine.points import plain

COLUMNS = ["item", "type", "max", "key", "rule", "options", "section"]
MOST_OPTIONS = "ABCDEFGH"
MOST_QUESTIONS = 10_000  # "q1..999999999" is a mistake or an attack

# The same ranges as in a template (omr/importers/omrchecker.py): "q1..10".
_RANGE = re.compile(r"(?P<stem>.*?)(?P<first>\d{1,9})\.{2,3}(?P<last>\d{1,9})")
_SEPARATORS = "|=;"  # of our keys and rules
_DEFAULT = "DEFAULT"

_Score = Annotated[Fraction, BeforeValidator(parse_score)]
_Names = Annotated[list[str], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Marking(_Model):
    correct: _Score
    incorrect: _Score
    unmarked: _Score


class _Section(_Model):
    questions: str | _Names
    marking: _Marking
    marking_type: Literal["default"] = "default"


class _Options(_Model):
    questions_in_order: _Names | None = None
    answers_in_order: list[Any] | None = None
    answer_key_csv_path: str | None = None
    answer_key_image_path: str | None = None
    should_explain_scoring: Any = None
    enable_evaluation_table_to_csv: Any = None


class _File(_Model):
    source_type: Literal["custom", "local", "csv", "image_and_csv"]
    options: _Options
    marking_schemes: dict[str, Any]
    outputs_configuration: Any = None


@dataclass(frozen=True)
class Evaluation:
    """An evaluation.json, checked.

    Attributes:
        key: by question, in order; None for a key that is to be read from `picture`.
        schemes: by question, the name of its section ("" by default) and what it gives.
        picture: the filled-in sheet with the key, where there is no other.
    """

    path: Path
    questions: tuple[str, ...]
    key: dict[str, Answers] | None
    schemes: dict[str, tuple[str, _Marking]]
    picture: Path | None = None

    def records(self, options: Mapping[str, str] | None = None) -> Records:
        """The rows of a blueprint, a question a row.

        Args:
            options: by name of a choice field, the letters of its bubbles, if the form is known; then a question that
                is none of them is no choice item.

        Raises:
            InputError: the key is a picture, or has an answer that no pupil could give.
        """
        if self.key is None:
            raise InputError(
                f"the key is a picture, {self.picture and self.picture.name}, which is not read while marking",
                file=self.path,
                mend=f"run `yuejuan blueprint convert {self.path.name} --layout template.json -o blueprint.csv` "
                "here, and look the key over",
            )
        letters = _usual_options(self.key) if options is None else options
        rows = []
        for question in self.questions:
            try:
                section, marking = self.schemes[question]
                rows.append({"section": section} | _item(question, self.key[question], marking, letters))
            except ValueError as error:
                raise _wrong(self.path, f"question {question!r}: {error}") from None
        return _Questions(self.path, COLUMNS, rows, list(range(1, len(rows) + 1)), {})

    def step(self) -> Fraction:
        """The largest step of which all points are multiples, 1 at most."""
        own = [points for answers in (self.key or {}).values() for points in answers.values() if points is not None]
        usual = [points for _, marking in self.schemes.values() for _, points in marking]
        return Fraction(1, math.lcm(*(points.denominator for points in (*own, *usual))))


class _Questions(Records):
    """Rows that stand in no table: what is wrong with one is said with its question."""

    def error(self, i: int, column: str, message: str, mend: str) -> InputError:
        return InputError(f"question {self.rows[i]['item']!r}: {message}", file=self.path, mend=mend)


def load_evaluation(path: Path, read: Mapping[str, str] | None = None) -> Evaluation:
    """Read an evaluation.json.

    Args:
        read: the key as it was read from its picture, by question.

    Raises:
        InputError: the file is missing, or a key of it is absent, wrong or not supported; the message names the key.
    """
    try:
        text = read_text(path)
        content = json.loads(text, parse_float=str, parse_constant=str, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"not valid JSON: {error}") from None
    try:
        return _evaluation(_File.model_validate(content), path, read)
    except ValidationError as invalid:
        raise _wrong(path, _complaint(invalid)) from None
    except ValueError as error:
        raise _wrong(path, str(error)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of two sections of the same name one would be lost without a word."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in an object")
    return content


def _wrong(path: Path, message: str) -> InputError:
    return InputError(
        f"not a usable OMRChecker evaluation: {message}", file=path, mend="correct it in the evaluation file"
    )


def _complaint(invalid: ValidationError, key: str = "") -> str:
    """The first thing that is wrong: the key, and what."""
    first = invalid.errors()[0]
    place = ".".join([key, *(str(part) for part in first["loc"])]).strip(".")
    said = "is not supported" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return f"{place}: {said}"


def _evaluation(file: _File, path: Path, read: Mapping[str, str] | None) -> Evaluation:
    options, picture = file.options, None
    key: dict[str, Answers] | None
    if file.source_type in ("custom", "local"):
        questions = _questions(options, path)
        if options.answers_in_order is None:
            raise ValueError("options.answers_in_order: is missing")
        if len(questions) != len(options.answers_in_order):
            raise ValueError(
                f"options.answers_in_order: {len(options.answers_in_order)} answers to {len(questions)} questions"
            )
        key = {
            question: parse_entry(answer, f"options.answers_in_order: the answer to {question!r}")
            for question, answer in zip(questions, options.answers_in_order, strict=True)
        }
    elif (table := _beside(path, options.answer_key_csv_path, "answer_key_csv_path")).is_file():
        key = read_key(table)
        questions = list(key)
    elif options.answer_key_image_path is None:
        raise ValueError(f"options.answer_key_csv_path: there is no {table.name} beside it")
    else:
        picture = _beside(path, options.answer_key_image_path, "answer_key_image_path")
        if not picture.is_file():
            raise ValueError(f"options.answer_key_image_path: there is no {picture.name} beside it, nor {table.name}")
        questions = _questions(options, path)
        key = None if read is None else {question: {read[question]: None} for question in questions}
    return Evaluation(path, tuple(questions), key, _schemes(file.marking_schemes, questions), picture)


def _questions(options: _Options, path: Path) -> list[str]:
    if options.questions_in_order is None:
        raise ValueError("options.questions_in_order: is missing")
    return _expand(options.questions_in_order, "options.questions_in_order")


def _beside(path: Path, name: str | None, key: str) -> Path:
    """A file in the evaluation's folder: one from elsewhere is to open no other files."""
    if not name:
        raise ValueError(f"options.{key}: is missing")
    other = path.parent / name
    try:
        other.exists()
        inside = other.resolve().is_relative_to(path.parent.resolve())
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, a circle of links
        raise ValueError(f"options.{key}: {name[:40]!r} is no name of a file") from None
    if not inside:
        raise ValueError(f"options.{key}: {name!r} does not lie in the evaluation's folder")
    return other


def _schemes(sections: Mapping[str, Any], questions: list[str]) -> dict[str, tuple[str, _Marking]]:
    """By question, its section and marking; a question in no section has the default one."""
    if _DEFAULT not in sections:
        raise ValueError(f"marking_schemes.{_DEFAULT}: is missing")
    schemes: dict[str, tuple[str, _Marking]] = {}
    for name, content in sections.items():
        key = f"marking_schemes.{name}"
        try:
            if name == _DEFAULT:
                default = _Marking.model_validate(content)
                continue
            section = _Section.model_validate(content)
        except ValidationError as invalid:
            raise ValueError(_complaint(invalid, key)) from None
        named = [section.questions] if isinstance(section.questions, str) else section.questions
        for question in _expand(named, f"{key}.questions"):
            if question not in questions:
                raise ValueError(f"{key}.questions: {question!r} is not in questions_in_order, or not in the key")
            if question in schemes:
                raise ValueError(f"{key}.questions: {question!r} is in section {schemes[question][0]!r} as well")
            schemes[question] = (name, section.marking)
    return {question: schemes.get(question, ("", default)) for question in questions}


def _expand(labels: list[str], key: str) -> list[str]:
    """Names of questions with ranges such as "q1..10" written out, each of them once."""
    result: dict[str, None] = {}
    for label in labels:
        span = _RANGE.fullmatch(label)
        if span is None and (".." in label or not label):
            raise ValueError(f"{key}: {label!r} is not a range such as 'q1..10'")
        first, last = (int(span["first"]), int(span["last"])) if span else (0, 0)
        if span and not first < last <= first + MOST_QUESTIONS:
            raise ValueError(f"{key}: {label!r} is not a range that goes up")
        for name in [f"{span['stem']}{number}" for number in range(first, last + 1)] if span else [label]:
            if name in result:
                raise ValueError(f"{key}: {name!r} stands twice")
            result[name] = None
    return list(result)


# ---- a question as a row of the blueprint


def _usual_options(key: Mapping[str, Answers]) -> dict[str, str]:
    """The letters of each question that may be a choice item, where the form is not known.

    The letters are those of all keys, filled up to A, B, C and D as most forms have them.
    """
    choices = {question: "".join(answers) for question, answers in key.items() if all(map(is_letters, answers))}
    used = sorted(set("".join(choices.values())))
    if set(used) <= set(MOST_OPTIONS):
        used = list(MOST_OPTIONS[: max([4, *(MOST_OPTIONS.index(letter) + 1 for letter in used)])])
    return dict.fromkeys(choices, "".join(used)) if len(used) <= len(MOST_OPTIONS) else {}


def is_letters(answer: str) -> bool:
    """Whether an answer, or the labels of a row of bubbles, are capital letters, each of them once."""
    return answer.isalpha() and answer == answer.upper() and len(set(answer)) == len(answer)


def _item(question: str, answers: Answers, marking: _Marking, options: Mapping[str, str]) -> dict[str, str]:
    """The row of a question; ValueError says what is wrong with it."""
    for answer in answers:
        if answer != halfwidth(answer).strip() or set(answer) & set(_SEPARATORS) or answer in ("else", "blank"):
            raise ValueError(f"the answer {answer!r} can't be written in a marking rule")
        strange = sorted(set(answer) - set(options.get(question, answer)))
        if strange:
            raise ValueError(f"the answer {answer!r} is none of the form's {options[question]}")
    if question in options and len(set(map(frozenset, answers))) < len(answers):
        raise ValueError(f"the answers {', '.join(answers)} name the same options twice")
    points = {answer: marking.correct if own is None else own for answer, own in answers.items()}
    full = max(*points.values(), marking.incorrect, marking.unmarked)
    if full <= 0:
        raise ValueError("no answer earns more than 0 points")
    parts = [f"{answer}={plain(given)}" for answer, given in points.items() if given != full]
    others = (("else", marking.incorrect), ("blank", marking.unmarked))
    parts += [f"{other}={plain(given)}" for other, given in others if given]
    choice = question in options
    kind = "multiple" if any(len(answer) > 1 for answer in answers) else "single"
    rule = "table" if choice else "text"
    return {
        "item": question,
        "type": kind if choice else "number",
        "max": plain(full),
        "key": "|".join(answer for answer, given in points.items() if given == full),
        "rule": f"{rule}:{';'.join(parts)}" if parts else "" if choice else rule,
        "options": options.get(question, ""),
    }
