"""GIFT, in and out: https://docs.moodle.org/en/GIFT_format.

Taken: single and multiple choice with weights, true/false, short answers, numbers with tolerance or range, essays, the
missing word, feedback, general feedback, text formats, categories as subject and chapter, and the comments in which
Moodle keeps idnumber and tags, `// [id:Q1] [tag:函数]`. Matching and descriptions are told and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from engine.bank.bundle import Bundle
from engine.bank.markup import from_html, is_plain, literal, plain, printable, to_html
from engine.bank.moodle import TRUE_FALSE, category_of, from_category
from engine.bank.question import CHOICE, Answer, Kind, Question, parse_number
from engine.bank.tags import fields_of, percent, share_of, tags_of

RESERVED = "~=#{}:"
BLANK = "____"  # where the missing word was
_SAFE = {sign: chr(1 + place) for place, sign in enumerate([*RESERVED, "\n", "\\"])}  # signs that stand for themselves
_ESCAPES = {f"\\{sign}": _SAFE[sign] for sign in RESERVED} | {"\\n": _SAFE["\n"], "\\\\": _SAFE["\\"]}
_BACK = str.maketrans({safe: sign for sign, safe in _SAFE.items()})
_TAGGED = re.compile(r"\[(id|tag):((?:\\.|[^\]\\])*)\]")
_FORMAT = re.compile(r"\s*\[(html|moodle|plain|markdown)\]")
_ANSWER = re.compile(r"([=~])\s*(?:%(-?[\d.]+)%)?([^=~]*)")
_LOOKS_LIKE_HTML = re.compile(r"</?[A-Za-z][^<>]*>|&#?\w+;")
_TRUE = {"T": "true", "TRUE": "true", "F": "false", "FALSE": "false"}


@dataclass(frozen=True)
class _Block:
    """A question as it stands in the file, signs that stand for themselves made safe."""

    text: str
    tags: tuple[str, ...]
    name: str  # idnumber
    category: tuple[str, str]


def read_gift(text: str) -> Bundle:
    """Questions of a GIFT file; `notes` of the result tells what could not be taken."""
    bundle = Bundle()
    for number, block in enumerate(_blocks(text), 1):
        found = re.match(r"\s*::(.*?)::", block.text, re.DOTALL)
        title = found[1].translate(_BACK).strip() if found else ""
        name = block.name or title or f"{number}"
        question = _question(block.text[found.end() if found else 0 :], name, bundle)
        if question:
            told = {"subject": block.category[0], "chapter": block.category[1]} | fields_of(block.tags)
            bundle.questions.append(replace(question, **told))  # type: ignore[arg-type]
    return bundle


def write_gift(bundle: Bundle) -> str:
    """The questions as GIFT; `bundle.notes` is told what it cannot hold."""
    out = []
    category = None
    for one in bundle.questions:
        if any(answer.text.find("->") >= 0 for answer in one.answers) and one.type == "text":
            bundle.notes.add('left out, an answer with "->", which GIFT takes for pairs', one.question)
            continue
        if (one.subject, one.chapter) != category:
            category = (one.subject, one.chapter)
            out.append(f"$CATEGORY: {category_of(*category)}\n")
        out.append(_written(one, bundle))
    return "\n".join(out)


# ---- in


def _blocks(text: str) -> Iterator[_Block]:
    """The questions, parted by blank lines, with the comments and the category before them."""
    category = ("", "")
    name, tags, lines = "", [], []
    for line in [*printable(text.removeprefix("\ufeff")).splitlines(), ""]:
        bare = line.strip()
        if bare.startswith("//"):
            told = [(kind, re.sub(r"\\(.)", r"\1", value)) for kind, value in _TAGGED.findall(bare)]
            tags += [value for kind, value in told if kind == "tag"]
            name = next((value for kind, value in told if kind == "id"), name)
        elif bare.startswith("$CATEGORY:"):
            category = from_category(bare.removeprefix("$CATEGORY:").strip())
        elif bare:
            lines.append(line)
        elif lines:
            safe = re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), "\n".join(lines))
            yield _Block(safe, tuple(tags), name, category)
            name, tags, lines = "", [], []


def _question(text: str, name: str, bundle: Bundle) -> Question | None:
    """What stands after the title."""
    found = re.fullmatch(r"([^{}]*)\{([^{}]*)\}([^{}]*)", text, re.DOTALL)
    if not found:
        what = "no answers in { }" if "{" not in text else "unpaired { or }"
        bundle.notes.add(f"left out, {what}", name)
        return None
    form = _FORMAT.match(found[1])
    before, after = found[1][form.end() if form else 0 :], found[3]
    stem = f"{before.rstrip()} {BLANK}{after}" if after.strip() else before
    inner, _, general = found[2].partition("####")
    reader = _Reader(form[1] if form else "moodle", name, bundle)
    try:
        kind, answers = reader.answers(inner.strip())
    except ValueError as error:
        bundle.notes.add(f"left out, {error}", name)
        return None
    return Question(name, "", reader.told(stem), kind, answers, solution=reader.told(general))


@dataclass(frozen=True)
class _Reader:
    """Reads the texts of one question."""

    form: str
    name: str
    bundle: Bundle

    def told(self, raw: str) -> str:
        """A text in its format, or in that of the question."""
        own = _FORMAT.match(raw)
        form = own[1] if own else self.form
        text = raw[own.end() if own else 0 :].translate(_BACK).strip()
        if form in ("plain", "markdown") or (form == "moodle" and not _LOOKS_LIKE_HTML.search(text)):
            if form == "markdown":
                self.bundle.notes.add("Markdown, kept as it is written", self.name)
            return literal(text)
        html = text.replace("\n", "<br/>") if form == "moodle" else text
        return from_html(html, lambda source: source, lambda what: self.bundle.notes.add(what, self.name))

    def answers(self, inner: str) -> tuple[Kind, tuple[Answer, ...]]:
        """Kind and answers of what stands in { }.

        Raises:
            ValueError: why they cannot be taken.
        """
        if not inner:
            return "constructed", ()
        if inner.startswith("#"):
            return "number", tuple(self._numbers(inner[1:].strip()))
        truth, *feedback = inner.split("#")
        if truth.strip().upper() in _TRUE:
            return "single", tuple(self._true_false(_TRUE[truth.strip().upper()], feedback))
        signs = {found[1] for found in _ANSWER.finditer(inner)}
        if not inner.startswith(("=", "~")):
            raise ValueError("answers that begin with neither = nor ~")
        if "~" not in signs:
            if any("->" in rest.partition("#")[0] for _, _, rest in _ANSWER.findall(inner)):
                raise ValueError("pairs to match, which the bank has not")
            return "text", tuple(
                replace(one, text=literal(one.text.translate(_BACK))) for one in self._listed(inner, plainly=True)
            )
        return ("single" if "=" in signs else "multiple"), tuple(self._listed(inner))

    def _listed(self, inner: str, *, plainly: bool = False) -> Iterator[Answer]:
        for sign, weight, rest in _ANSWER.findall(inner):
            share = share_of(weight or ("100" if sign == "=" else "0"))
            if share is None:
                raise ValueError(f"weight %{weight}% of an answer")
            text, _, feedback = rest.partition("#")
            yield Answer(text.strip() if plainly else self.told(text), share, self.told(feedback))

    def _numbers(self, inner: str) -> Iterator[Answer]:
        for one in self._listed(inner if inner.startswith("=") else f"={inner}", plainly=True):
            text = one.text.translate(_BACK)
            if text == "*":
                yield replace(one, text=text)
                continue
            low, dots, high = text.partition("..")
            value, _, tolerance = one.text.partition(":")
            if dots:
                ends = parse_number(low), parse_number(high)
                if None in ends:
                    raise ValueError(f"{text!r}, expected a range of numbers")
                value, tolerance = f"{sum(ends) / 2:.12g}", f"{abs(ends[1] - ends[0]) / 2:.12g}"  # type: ignore[operator,arg-type]
            elif parse_number(value) is None or (tolerance and parse_number(tolerance) is None):
                raise ValueError(f"{text!r}, expected a number")
            tolerance = tolerance.strip()
            yield replace(one, text=value.strip(), tolerance="" if parse_number(tolerance) == 0 else tolerance)

    def _true_false(self, right: str, feedback: list[str]) -> Iterator[Answer]:
        """Feedback to the wrong answer comes first, that to the right one second."""
        wrong_right = [self.told(text) for text in [*feedback, "", ""][:2]]
        for value, word in TRUE_FALSE.items():
            yield Answer(word, Fraction(value == right), wrong_right[value == right])


# ---- out


def _written(one: Question, bundle: Bundle) -> str:
    """One question, its comment before it."""
    html = not all(map(is_plain, one.texts())) or any("->" in answer.feedback for answer in one.answers)  # no pairs

    def told(text: str) -> str:
        return _escaped(to_html(text) if html else plain(text))

    if one.reference:
        bundle.notes.add("reference answer, which GIFT has no place for", one.question)
    comment = " ".join(f"[{kind}:{_in_comment(value)}]" for kind, value in _comments(one))
    lines = [f"// {comment}", f"::{_escaped(one.question)}::[{'html' if html else 'plain'}]{told(one.stem)}{{"]
    if one.type == "number":
        lines[-1] += "#"
    for answer in one.answers:
        text = told(answer.text) if one.type in CHOICE else _escaped(plain(answer.text))
        text += f":{answer.tolerance}" if answer.tolerance else ""
        lines.append(f"\t{_sign(one, answer, text)}{text}{'#' + told(answer.feedback) if answer.feedback else ''}")
    if one.solution:
        lines.append(f"\t####{told(one.solution)}")
    return "\n".join([*lines, "}", ""])


def _comments(one: Question) -> Iterator[tuple[str, str]]:
    yield "id", one.question
    for tag in tags_of(one):
        yield "tag", tag


def _in_comment(text: str) -> str:
    return re.sub(r"([\]\\])", r"\\\1", printable(text).replace("\n", " "))


def _sign(one: Question, answer: Answer, text: str) -> str:
    """The sign of an answer, with its weight where it needs one."""
    sign = "=" if one.type not in CHOICE or (one.type == "single" and answer.share == 1) else "~"
    usual = Fraction(1 if sign == "=" else 0)
    weighted = one.type == "multiple" or answer.share != usual or text.startswith("%")
    return f"{sign}%{percent(answer.share)}%" if weighted else sign


def _escaped(text: str) -> str:
    text = re.sub(rf"([\\{re.escape(RESERVED)}])", r"\\\1", printable(text))
    return text.replace("\n", "\\n")
