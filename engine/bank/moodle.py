"""Moodle XML, in and out: https://docs.moodle.org/en/Moodle_XML_format.

Taken: multichoice, truefalse, shortanswer, numerical, essay; the name or idnumber, stem, general and answer feedback,
fractions, tolerances, tags, categories as subject and chapter, pictures. Every other kind of question is told.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from engine.bank.bundle import Bundle
from engine.bank.markup import from_html, literal, pictures, plain, printable, renamed, to_html
from engine.bank.question import CHOICE, Answer, Kind, Question
from engine.bank.safe import parse_xml
from engine.bank.tags import fields_of, percent, share_of, tags_of
from engine.errors import InputError

KINDS: dict[str, Kind] = {
    "multichoice": "single",
    "truefalse": "single",
    "shortanswer": "text",
    "numerical": "number",
    "essay": "constructed",
}
TYPES = {"single": "multichoice", "multiple": "multichoice", "text": "shortanswer", "number": "numerical"}
TRUE_FALSE = {"true": "正确", "false": "错误"}
# What the bank has no place for → where Moodle keeps it.
UNKNOWN = {
    "units of numbers": ("units/unit",),
    "hints": ("hint",),
    "feedback to all right, partly right or wrong answers": (
        "correctfeedback",
        "partiallycorrectfeedback",
        "incorrectfeedback",
    ),
    "answers as files": ("attachments[.!='0']",),
    "text to begin an answer with": ("responsetemplate",),
    "a picture as Moodle 1.9 had it": ("image_base64",),
}
PLUGIN = "@@PLUGINFILE@@/"
# The fractions that Moodle's form knows (question/engine/bank.php); with others its import stops or rounds.
_SHARES = {Fraction(k, 20) for k in (1, 2, 4, 5, 6, 8, 10, 12, 14, 15, 16, 18, 20)} | {
    *(Fraction(1, k) for k in (3, 6, 7, 8, 9)),
    Fraction(2, 3),
    Fraction(5, 6),
}


def read_moodle(data: bytes, path: Path) -> Bundle:
    """Questions of a Moodle XML file.

    Raises:
        InputError: it is no such file, or hostile XML (see `engine.bank.safe`).
    """
    quiz = parse_xml(data, path)
    if quiz.tag != "quiz":
        raise InputError(f"<{quiz.tag}>, expected <quiz>", file=path, mend="export the questions as Moodle XML")
    bundle = Bundle()
    subject = chapter = ""
    for number, element in enumerate(quiz.iter("question"), 1):
        kind = element.get("type", "")
        if kind == "category":
            subject, chapter = from_category(_text(element.find("category")))
            continue
        name = (element.findtext("idnumber") or _text(element.find("name")) or f"{number}").strip()
        if kind not in KINDS:
            bundle.notes.add(f"left out, of a type that the bank has not ({kind})", name)
            continue
        question = _question(element, kind, name, bundle)
        if question:
            bundle.questions.append(
                replace(question, subject=question.subject or subject, chapter=question.chapter or chapter)
            )
    return bundle


def write_moodle(bundle: Bundle) -> bytes:
    """The questions as Moodle XML; `bundle.notes` is told what it cannot hold."""
    quiz = Element("quiz")
    category = None
    for one in bundle.questions:
        if (one.subject, one.chapter) != category:
            category = (one.subject, one.chapter)
            _add(SubElement(quiz, "question", type="category"), "category", category_of(*category))
        quiz.append(_element(one, bundle))
    indent(quiz, "  ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(quiz, encoding="utf-8") + b"\n"


# ---- in


def _question(element: Element, kind: str, name: str, bundle: Bundle) -> Question | None:
    def text(where: Element | None) -> str:
        return _formatted(where, bundle, name)

    single = (element.findtext("single") or "true").strip().casefold() in ("true", "1")
    told: Kind = "multiple" if kind == "multichoice" and not single else KINDS[kind]
    answers = []
    for answer in element.findall("answer"):
        share = share_of((answer.get("fraction") or "0").strip())
        if share is None:
            bundle.notes.add(f"left out, fraction {answer.get('fraction')!r} of an answer", name)
            return None
        content = _answer(answer, kind, text)
        answers.append(Answer(content, share, text(answer.find("feedback")), _tolerance(answer)))
    for what, places in UNKNOWN.items():
        if any(_is_told(element, place) for place in places):
            bundle.notes.add(f"{what}, not taken over", name)
    if (element.findtext("usecase") or "0").strip() == "1":
        bundle.notes.add("case of letters, which counts in Moodle and not here", name)
    tags = [_text(tag) for tag in element.findall("tags/tag")]
    return Question(
        **({"question": name, "subject": "", "knowledge": ()} | fields_of(tags)),  # type: ignore[arg-type]
        stem=text(element.find("questiontext")),
        type=told,
        answers=() if told == "constructed" else tuple(answers),
        reference=text(element.find("graderinfo")),
        solution=text(element.find("generalfeedback")),
    )


def _is_told(element: Element, place: str) -> bool:
    found = element.find(place)
    return found is not None and bool("".join(found.itertext()).strip())


def _answer(answer: Element, kind: str, text: Callable[[Element | None], str]) -> str:
    if kind == "multichoice":
        return text(answer)
    content = _text(answer)
    if kind == "truefalse":
        return TRUE_FALSE.get(content.casefold(), content)
    return literal(content if content == "*" else content.replace("\\*", "*"))


def _tolerance(answer: Element) -> str:
    tolerance = (answer.findtext("tolerance") or "").strip()
    return "" if tolerance in ("", "0") else tolerance


def _text(element: Element | None) -> str:
    return (element.findtext("text") or "").strip() if element is not None else ""


def _formatted(element: Element | None, bundle: Bundle, name: str) -> str:
    """A text in its format, with its pictures."""
    if element is None:
        return ""
    raw = element.findtext("text") or ""
    form = element.get("format", "html")
    if form in ("plain_text", "markdown"):
        if form == "markdown":
            bundle.notes.add("Markdown, kept as it is written", name)
        return literal(raw.strip())
    if form == "moodle_auto_format":
        raw = raw.strip().replace("\n", "<br/>")
    files = {file.get("name", ""): file for file in element.findall("file")}

    def picture(source: str) -> str | None:
        if source.startswith(("http://", "https://")):
            return source
        if source.startswith("data:image/") and ";base64," in source:
            kind, _, data = source.partition(";base64,")
            return _kept(bundle, f"picture.{kind.removeprefix('data:image/')}", data)
        file = files.get(unquote(source.removeprefix(PLUGIN)).rpartition("/")[2])
        return _kept(bundle, file.get("name", ""), file.text or "") if file is not None else None

    return from_html(raw, picture, lambda what: bundle.notes.add(f"{what}, not taken over", name))


def _kept(bundle: Bundle, name: str, data: str) -> str | None:
    try:
        return bundle.keep(name, base64.b64decode("".join(data.split()), validate=True))
    except (binascii.Error, ValueError):
        return None


def category_of(subject: str, chapter: str) -> str:
    """The category of a subject's chapter, "$course$/top/数学/第一章"; "//" is a "/" of a name."""
    names = [name.replace("/", "//") for name in (subject, chapter) if name]
    return "/".join(["$course$", "top", *names])


def from_category(text: str) -> tuple[str, str]:
    """Subject and chapter of a category (see `category_of`)."""
    names = [name.replace("\0", "/").strip() for name in text.replace("//", "\0").split("/")]
    if names[0].startswith("$"):
        names = names[1:]
    if names[:1] == ["top"]:
        names = names[1:]
    return (names[0] if names else "", "/".join(names[1:]))


# ---- out


def _element(one: Question, bundle: Bundle) -> Element:
    element = Element("question", type=TYPES.get(one.type, "essay"))
    _add(element, "name", one.question)
    _html(element, "questiontext", one.stem, bundle)
    _html(element, "generalfeedback", one.solution, bundle)
    _plain(element, {"defaultgrade": "1", "hidden": "0", "idnumber": one.question})
    if one.type in CHOICE:
        _plain(element, {"single": "true" if one.type == "single" else "false", "shuffleanswers": "true"})
        _plain(element, {"answernumbering": "ABCD"})
    elif one.type == "text":
        _plain(element, {"usecase": "0"})
    elif one.type == "constructed":
        _html(element, "graderinfo", one.reference, bundle)
    if one.reference and one.type != "constructed":
        bundle.notes.add("reference answer beside a key, which Moodle has no place for", one.question)
    for answer in one.answers:
        if abs(answer.share) not in _SHARES | {0}:
            bundle.notes.add("a share of the mark that Moodle does not know", one.question)
        if one.type in CHOICE:
            written = _html(element, "answer", answer.text, bundle, fraction=percent(answer.share))
        else:
            text = plain(answer.text)
            text = text.replace("*", "\\*") if one.type == "text" and text != "*" else text
            written = _add(element, "answer", text, fraction=percent(answer.share), format="moodle_auto_format")
        if one.type == "number":
            _plain(written, {"tolerance": answer.tolerance or "0"})
        _html(written, "feedback", answer.feedback, bundle)
    tags = SubElement(element, "tags")
    for tag in tags_of(one):
        _add(tags, "tag", tag)
    return element


def _plain(parent: Element, texts: dict[str, str]) -> None:
    for tag, text in texts.items():
        SubElement(parent, tag).text = printable(text)


def _add(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    element = SubElement(parent, tag, attributes)
    SubElement(element, "text").text = printable(text)
    return element


def _html(parent: Element, tag: str, text: str, bundle: Bundle, **attributes: str) -> Element:
    """A text with the pictures that it shows."""
    shown = [name for name in dict.fromkeys(pictures(text)) if name in bundle.pictures]
    element = _add(
        parent,
        tag,
        to_html(renamed(text, lambda name: PLUGIN + quote(name) if name in shown else name)),
        format="html",
        **attributes,
    )
    for name in shown:
        file = SubElement(element, "file", name=name, path="/", encoding="base64")
        file.text = base64.b64encode(bundle.pictures[name]).decode()
    return element
