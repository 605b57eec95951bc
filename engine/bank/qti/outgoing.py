"""A question as a QTI 3.0 item.

Options have their letters as identifiers and what they earn as a mapping. Texts and numbers are compared one after the
other, and the first that fits decides. Feedback is modal: FEEDBACK holds what to show, SOLUTION always.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from engine.bank.bundle import Notes
from engine.bank.markup import MATHML, plain, printable, renamed, to_html
from engine.bank.question import CHOICE, LETTERS, Question
from engine.bank.safe import parse_xml

NAMESPACE = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
TEMPLATES = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates"
SOLUTION = "SOLUTION"
_BASE = {"number": "float", "text": "string", "constructed": "string"}
_IDENTIFIER = re.compile(r"[^\W\d][\w.-]*")

Picture = Callable[[str], str]


def identifier_of(name: str, number: int) -> str:
    """The name of a question as an identifier, which can't begin with a digit nor hold every sign."""
    return name if _IDENTIFIER.fullmatch(name) else f"item-{number}"


def element_of(one: Question, identifier: str, picture: Picture, notes: Notes) -> Element:
    """The item.

    Args:
        picture: where the item finds a picture of the bundle.
        notes: is told what the item cannot hold.
    """
    about = {"identifier": identifier, "title": printable(one.question), "xml:lang": "zh-CN"}
    item = Element("qti-assessment-item", {"xmlns": NAMESPACE, **about, "adaptive": "false", "time-dependent": "false"})
    _declare_response(item, one)
    feedback = _feedback(one)
    _outcome(item, "SCORE", "single", "float", "0")
    _outcome(item, "MAXSCORE", "single", "float", "1")
    if feedback:
        _outcome(item, "FEEDBACK", "multiple", "identifier")
    body = SubElement(item, "qti-item-body")
    if one.reference:
        if one.type != "constructed":
            notes.add("reference answer beside a key, kept for markers only", one.question)
        rubric = SubElement(body, "qti-rubric-block", {"view": "scorer", "use": "scoring"})
        _content(SubElement(rubric, "qti-content-body"), one.reference, picture)
    _content(body, one.stem, picture)
    _interaction(body, one, picture)
    _process(item, one, feedback)
    for name, text in feedback.items():
        attributes = {"outcome-identifier": "FEEDBACK", "identifier": name, "show-hide": "show"}
        shown = SubElement(item, "qti-modal-feedback", attributes)
        _content(SubElement(shown, "qti-content-body"), text, picture)
    return item


def _names(one: Question) -> list[str]:
    """The identifier of each answer."""
    if one.type in CHOICE:
        return list(LETTERS[: len(one.answers)])
    return [f"ANSWER{number}" for number in range(1, len(one.answers) + 1)]


def _feedback(one: Question) -> dict[str, str]:
    told = {name: answer.feedback for name, answer in zip(_names(one), one.answers, strict=True)}
    return {name: text for name, text in {**told, SOLUTION: one.solution}.items() if text}


def _declare_response(item: Element, one: Question) -> None:
    cardinality = "multiple" if one.type == "multiple" else "single"
    about = {"identifier": "RESPONSE", "cardinality": cardinality, "base-type": _BASE.get(one.type, "identifier")}
    declaration = SubElement(item, "qti-response-declaration", about)
    named = list(
        zip(_names(one) if one.type in CHOICE else (plain(a.text) for a in one.answers), one.answers, strict=False)
    )
    right = [name for name, answer in named if answer.share == 1 or (one.type == "multiple" and answer.share > 0)]
    if right:
        correct = SubElement(declaration, "qti-correct-response")
        for name in right if one.type == "multiple" else right[:1]:
            SubElement(correct, "qti-value").text = printable(name)
    if one.type in CHOICE:
        bounds = {"default-value": "0", "lower-bound": "0", "upper-bound": "1"}
        mapping = SubElement(declaration, "qti-mapping", bounds)
        for name, answer in named:
            value = f"{float(answer.share):.10g}"
            SubElement(mapping, "qti-map-entry", {"map-key": name, "mapped-value": value})


def _outcome(item: Element, name: str, cardinality: str, base: str, default: str = "") -> None:
    about = {"identifier": name, "cardinality": cardinality, "base-type": base}
    declaration = SubElement(item, "qti-outcome-declaration", about)
    if default:
        SubElement(SubElement(declaration, "qti-default-value"), "qti-value").text = default


def _interaction(body: Element, one: Question, picture: Picture) -> None:
    response = {"response-identifier": "RESPONSE"}
    if one.type in CHOICE:
        most = "1" if one.type == "single" else "0"
        choices = SubElement(body, "qti-choice-interaction", {**response, "shuffle": "false", "max-choices": most})
        for name, answer in zip(_names(one), one.answers, strict=True):
            _content(SubElement(choices, "qti-simple-choice", identifier=name), answer.text, picture)
    elif one.type == "constructed":
        SubElement(body, "qti-extended-text-interaction", response)
    else:
        SubElement(SubElement(body, "p"), "qti-text-entry-interaction", response)


def _content(parent: Element, text: str, picture: Picture) -> None:
    """A text as a block of XHTML."""
    block = parse_xml(f"<div>{to_html(renamed(text, picture))}</div>".encode(), "text")
    for formula in block.iter("math"):
        formula.set("xmlns", MATHML)
    for table in list(block.iter("table")):
        rows = list(table)
        table[:] = []
        SubElement(table, "tbody").extend(rows)
    parent.append(block)


# ---- response processing


def _process(item: Element, one: Question, feedback: dict[str, str]) -> None:
    if one.type in CHOICE and not feedback:
        SubElement(item, "qti-response-processing", template=f"{TEMPLATES}/map_response.xml")
        return
    if one.type == "constructed" and not feedback:
        return
    processing = SubElement(item, "qti-response-processing")
    if one.type in CHOICE:
        score = SubElement(processing, "qti-set-outcome-value", identifier="SCORE")
        SubElement(score, "qti-map-response", identifier="RESPONSE")
        _show(processing, [_variable("RESPONSE")])
    elif one.type in _BASE and one.answers:
        _compare(processing, one, feedback)
    if SOLUTION in feedback:
        _show(processing, [_variable("FEEDBACK"), _value("identifier", SOLUTION)])


def _compare(processing: Element, one: Question, feedback: dict[str, str]) -> None:
    """The first answer that fits decides; "*" fits whatever no other does."""
    condition = SubElement(processing, "qti-response-condition")
    named = sorted(zip(_names(one), one.answers, strict=True), key=lambda pair: pair[1].text == "*")
    for place, (name, answer) in enumerate(named):
        branch = SubElement(condition, "qti-response-else-if" if place else "qti-response-if")
        if answer.text == "*":
            present = SubElement(branch, "qti-not")
            SubElement(present, "qti-is-null").append(_variable("RESPONSE"))
        elif one.type == "number":
            off = answer.tolerance or "0"
            mode = {"tolerance-mode": "absolute", "tolerance": f"{off} {off}"}
            SubElement(branch, "qti-equal", mode).extend([_variable("RESPONSE"), _value("float", plain(answer.text))])
        else:
            test = SubElement(branch, "qti-string-match", {"case-sensitive": "false"})
            test.extend([_variable("RESPONSE"), _value("string", plain(answer.text))])
        score = SubElement(branch, "qti-set-outcome-value", identifier="SCORE")
        score.append(_value("float", f"{float(answer.share):.10g}"))
        if name in feedback:
            _show(branch, [_value("identifier", name)])


def _show(parent: Element, what: list[Element]) -> None:
    shown = SubElement(parent, "qti-set-outcome-value", identifier="FEEDBACK")
    SubElement(shown, "qti-multiple").extend(what)


def _variable(name: str) -> Element:
    return Element("qti-variable", identifier=name)


def _value(base: str, text: str) -> Element:
    element = Element("qti-base-value", {"base-type": base})
    element.text = printable(text)
    return element
