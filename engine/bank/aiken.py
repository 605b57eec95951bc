"""Aiken, in and out: https://docs.moodle.org/en/Aiken_format. Stem, options A., B., … and ANSWER: B; nothing else."""

from __future__ import annotations

import re
from fractions import Fraction

from engine.bank.bundle import Bundle
from engine.bank.markup import is_plain, literal, plain
from engine.bank.question import LETTERS, Answer, Question

_OPTION = re.compile(r"\s*([A-Z])\s*[.)．、]\s*(.*)")
_KEY = re.compile(r"\s*(?:ANSWER|答案)\s*[:：]\s*(.*)", re.IGNORECASE)


def looks_like_aiken(text: str) -> bool:
    """Whether there are lines with options and with an answer as Aiken has them."""
    lines = text.splitlines()
    return any(map(_KEY.match, lines)) and any(map(_OPTION.match, lines))


def read_aiken(text: str) -> Bundle:
    """Questions of an Aiken file; they are numbered as they come."""
    bundle = Bundle()
    stem: list[str] = []
    options: list[str] = []
    number = 0
    for line in text.removeprefix("\ufeff").splitlines():
        key, option = _KEY.match(line), _OPTION.match(line)
        if key:
            number += 1
            letters = re.sub(r"[\s,、]+", "", key[1]).upper()
            if stem and len(options) > 1 and letters and set(letters) <= set(LETTERS[: len(options)]):
                bundle.questions.append(_question(f"{number}", stem, options, letters))
            else:
                bundle.notes.add("left out, no stem, too few options or none that the answer names", f"{number}")
            stem, options = [], []
        elif option and option[1] == LETTERS[len(options)] and stem:
            options.append(option[2])
        elif options and line.strip():
            options[-1] += f"\n{line.strip()}"
        elif line.strip():
            stem.append(line.strip())
    if stem:
        bundle.notes.add("left out, no line ANSWER: after it", f"{number + 1}")
    return bundle


def _question(name: str, stem: list[str], options: list[str], letters: str) -> Question:
    multiple = len(letters) > 1
    share, other = (Fraction(1, len(letters)), Fraction(-1)) if multiple else (Fraction(1), Fraction(0))
    answers = tuple(
        Answer(literal(text.strip()), share if letter in letters else other)
        for letter, text in zip(LETTERS, options, strict=False)
    )
    return Question(name, "", literal("\n".join(stem)), "multiple" if multiple else "single", answers)


def write_aiken(bundle: Bundle) -> str:
    """The questions of one right option as Aiken; `bundle.notes` is told of all that it cannot hold."""
    out = []
    for one in bundle.questions:
        shares = [answer.share for answer in one.answers]
        if one.type != "single" or shares.count(Fraction(1)) != 1:
            bundle.notes.add("left out, not of one right option, and Aiken holds no other", one.question)
            continue
        texts = list(one.texts())
        for what, lost in {
            "number, knowledge points and figures": True,
            "solution and feedback": one.solution or one.reference or any(answer.feedback for answer in one.answers),
            "shares of the mark": any(share not in (0, 1) for share in shares),
            "formulas, pictures and formatting": not all(map(is_plain, texts)),
            "line breaks": any("\n" in plain(text) for text in texts),
        }.items():
            if lost:
                bundle.notes.add(f"{what}, which Aiken has no place for", one.question)
        options = [f"{letter}. {_line(one.text)}" for letter, one in zip(LETTERS, one.answers, strict=False)]
        out.append("\n".join([_line(one.stem), *options, f"ANSWER: {LETTERS[shares.index(Fraction(1))]}", ""]))
    return "\n".join(out)


def _line(text: str) -> str:
    return " ".join(plain(text).split())
