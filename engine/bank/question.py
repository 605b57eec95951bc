"""A question as every format knows it, and how its answers are written in the cells of a table.

`key` holds the right answers: option letters ("B", "ABD"; "B|C": either earns all of it), or texts and numbers, "|"
between those that are accepted ("3±0.01|3.5": a number and what it may be off by). `credit` holds the answers that earn
a share of the full mark, "A=1/2|C=-1/4", and may be blank: a question of several right options then gives each of them
an equal share and takes all with a wrong one. `options` and `feedback` have a line an answer, "A. …".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Literal

from engine.files import halfwidth
from engine.points import parse_points

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Kind = Literal["single", "multiple", "number", "text", "constructed"]
CHOICE = ("single", "multiple")
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("single", "单选", "单选题", "单项选择题", "选择题", "判断题"), "single"),
    **dict.fromkeys(("multiple", "多选", "多选题", "多项选择题", "不定项选择题"), "multiple"),
    **dict.fromkeys(("number", "数值", "数值题"), "number"),
    **dict.fromkeys(("text", "填空", "填空题", "简答"), "text"),
    **dict.fromkeys(("constructed", "解答", "解答题", "主观", "主观题", "作文"), "constructed"),
}


@dataclass(frozen=True)
class Answer:
    """An option of a choice question, or an answer to another one.

    Attributes:
        share: of the full mark that it earns, -1…1; of a question of several right options what it adds.
        tolerance: of a number, what may lie between it and an answer: "0.01", "" for nothing.
    """

    text: str
    share: Fraction = Fraction(0)
    feedback: str = ""
    tolerance: str = ""


@dataclass(frozen=True)
class Question:
    """A question of the bank. Its texts are as `engine.bank.markup` says."""

    question: str
    subject: str
    stem: str
    type: Kind
    answers: tuple[Answer, ...] = ()  # options, in the order of their letters; none of a constructed response
    reference: str = ""  # 参考答案, for people
    solution: str = ""  # 解析
    knowledge: tuple[str, ...] = ()
    difficulty: float | None = None  # expected rate, 0…1
    chapter: str = ""
    source_item: str = ""
    pupils: int | None = None  # behind difficulty, where it is measured
    irt_a: float | None = None
    irt_b: float | None = None
    irt_pupils: int | None = None
    exams: str = ""  # that the figures come from

    def texts(self) -> Iterator[str]:
        """All that may have markup in it."""
        yield from (self.stem, self.reference, self.solution)
        for answer in self.answers:
            yield from (answer.text, answer.feedback)


def as_cells(question: Question) -> dict[str, str]:
    """A question as a row of the bank, all text; `from_cells` reads it again."""
    key, credit = _written_key(question)
    every = {field.name: getattr(question, field.name) for field in fields(question)}
    plain = {name: "" if value is None else str(value) for name, value in every.items()}
    choice = question.type in CHOICE
    feedback = {letter: one.feedback for letter, one in zip(LETTERS, question.answers, strict=False) if one.feedback}
    return {name: plain[name] for name in plain if name not in ("answers", "reference", "knowledge")} | {
        "knowledge": ";".join(question.knowledge),
        "answer": question.reference,
        "options": labelled(dict(zip(LETTERS, (one.text for one in question.answers), strict=False))) if choice else "",
        "key": key,
        "credit": credit,
        "feedback": labelled(feedback),
    }


def from_cells(row: Mapping[str, str]) -> Question:
    """The question of a row as `as_cells` writes it, or as people do; numbers are those of the table already.

    Raises:
        ValueError: what is wrong, with the column as second argument.
    """
    options = by_label(row["options"])
    kind = _kind(row, options)
    answers = _answers(row, kind, list(options.values()))
    feedback = by_label(row["feedback"], one_a_line=True)
    if unknown := [letter for letter in feedback if letter not in LETTERS[: len(answers)]]:
        raise ValueError(f"feedback to {', '.join(unknown)}, which is no answer", "feedback")
    told = [feedback.get(letter, "") for letter in LETTERS[: len(answers)]]
    return Question(
        question=row["question"],
        subject=row["subject"],
        stem=row["stem"],
        type=kind,
        answers=tuple(replace(one, feedback=text) for one, text in zip(answers, told, strict=True)),
        reference=row["answer"],
        solution=row["solution"],
        chapter=row["chapter"],
        source_item=row["source_item"],
        exams=row["exams"],
    )


# ---- lists of labelled lines


def labelled(texts: Mapping[str, str]) -> str:
    """A line a text, its label before it."""
    return "\n".join(f"{label}. {text.replace(chr(10), '<br/>')}" for label, text in texts.items())


def by_label(text: str, *, one_a_line: bool = False) -> dict[str, str]:
    """Label → text, of "A. 20°" a line, or, where there is but one line, of "A. 20° B. 30° C. 45°".

    Raises:
        ValueError: it does not begin with a label.
    """
    if not text.strip():
        return {}
    mark = r"[ \t]*[.．、:：)）][ \t]*" if re.match(r"\s*[A-Z][ \t]*[.．、:：)）]", text) else r"[ \t]+"
    one_a_line = one_a_line or re.search(rf"\n\s*[A-Z]{mark}", text) is not None
    found, at = {}, re.match(rf"\s*([A-Z]){mark}", text)
    if at is None:
        raise ValueError(f"{text[:20]!r}, expected options with their letters, A. … B. …", "options")
    while at:
        later = LETTERS[LETTERS.index(at[1]) + 1 :]
        following = f"[{later}]" if one_a_line else later[:1]
        before = r"\n[ \t]*" if one_a_line else r"(?<![\s;；,，])[\s;；,，]++"
        end = re.compile(rf"{before}({following}){mark}").search(text, at.end()) if later else None
        inner = text[at.end() : end.start() if end else len(text)].strip(" \t\n" if one_a_line else " \t\n;；")
        found[at[1]] = inner.replace("<br/>", "\n")
        at = end
    return found


# ---- keys


def _kind(row: Mapping[str, str], options: Mapping[str, str]) -> Kind:
    if row["type"]:
        kind = KINDS.get(halfwidth(row["type"]).casefold())
        if kind is None:
            raise ValueError(f"unknown type {row['type']!r}, expected one of {', '.join([*KINDS][:5])}", "type")
        return kind
    if options:
        return "multiple" if re.fullmatch(r"[A-Z]{2,}", _letters(row["key"])) else "single"
    if not row["key"] and not row["credit"]:
        return "constructed"
    return "number" if all(map(_is_number, _split(row["key"]))) else "text"


def _letters(text: str) -> str:
    return re.sub(r"[\s,;、]+", "", halfwidth(text)).upper()


def _split(text: str) -> list[str]:
    """What stands between "|"; "\\|" stands for itself."""
    return [part.replace("\\|", "|").strip() for part in re.split(r"(?<!\\)\|", text)] if text else []


def _is_number(text: str) -> bool:
    return parse_number(re.split("[±:]", text)[0]) is not None


def parse_number(text: str) -> float | None:
    """A number as people write it; None for anything else."""
    try:
        value = float(halfwidth(text).replace("−", "-"))
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _answers(row: Mapping[str, str], kind: Kind, options: Sequence[str]) -> list[Answer]:
    if kind == "constructed":
        return []
    shares = dict(_shares(row["credit"]))
    if kind in CHOICE:
        key = [_letters(part) for part in _split(row["key"])]
        shares = {letter.upper(): share for letter, share in shares.items()}
        right = {letter for part in key for letter in part}
        if wrong := sorted((right | shares.keys()) - set(LETTERS[: len(options)])):
            raise ValueError(f"{', '.join(wrong)} is none of the {len(options)} options", "key")
        if kind == "multiple" and not shares and right:
            shares = _usual(options, right)
        elif kind == "single":
            shares |= dict.fromkeys(right, Fraction(1))
        return [Answer(text, shares.get(letter, Fraction(0))) for letter, text in zip(LETTERS, options, strict=False)]
    every = [*((text, Fraction(1)) for text in _split(row["key"])), *shares.items()]
    return [_number(text, share) if kind == "number" else Answer(text, share) for text, share in every]


def _usual(options: Sequence[str], right: set[str]) -> dict[str, Fraction]:
    """Right options share the mark, and a wrong one takes all of it."""
    letters = LETTERS[: len(options)]
    return {letter: Fraction(1, len(right)) if letter in right else Fraction(-1) for letter in letters}


def _number(text: str, share: Fraction) -> Answer:
    if text == "*":  # any other number
        return Answer(text, share)
    value, _, tolerance = (part.strip() for part in text.replace(":", "±").partition("±"))
    if parse_number(value) is None or (tolerance and (parse_number(tolerance) or -1) < 0):
        raise ValueError(f"{text!r}, expected a number, or a number and its tolerance, 3±0.01", "key")
    return Answer(value, share, tolerance=tolerance)


def _shares(text: str) -> Iterator[tuple[str, Fraction]]:
    for part in _split(text):
        answer, _, share = part.rpartition("=")
        value = parse_points(halfwidth(share))
        if not answer or value is None or abs(value) > 1:
            raise ValueError(f"{part!r}, expected an answer and its share of the mark, A=1/2", "credit")
        yield answer.strip(), value


def _written_key(question: Question) -> tuple[str, str]:
    """The cells key and credit."""
    names = LETTERS if question.type in CHOICE else map(_written_answer, question.answers)
    named = [(name, answer.share) for name, answer in zip(names, question.answers, strict=False)]
    if question.type == "multiple":
        right = [letter for letter, share in named if share > 0]
        usual = _usual(LETTERS[: len(named)], set(right)) if right else {}
        credit = [] if dict(named) == usual else [(letter, share) for letter, share in named if share]
        return "".join(right), _written_shares(credit)
    whole = [name for name, share in named if share == 1]
    part = [(name, share) for name, share in named if share != 1 and (share or question.type not in CHOICE)]
    return "|".join(whole), _written_shares(part)


def _written_answer(answer: Answer) -> str:
    text = answer.text.replace("|", "\\|")
    return f"{text}±{answer.tolerance}" if answer.tolerance else text


def _written_shares(named: Sequence[tuple[str, Fraction]]) -> str:
    return "|".join(f"{name}={share}" for name, share in named)
