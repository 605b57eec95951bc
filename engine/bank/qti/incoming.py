"""An item of QTI 3.0 or 2.x as a question of the bank.

Taken: one choice, inline choice, text entry or extended text; keys by correct response, by mapping, or by conditions
that compare the response; feedback inline or modal. Items of several or of other interactions are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from xml.etree.ElementTree import Element

from engine.bank.bundle import Bundle
from engine.bank.markup import from_element, literal
from engine.bank.qti.outgoing import SOLUTION
from engine.bank.question import Answer, Kind, Question, parse_number
from engine.bank.tags import exact_share

BLANK = "____"
SOLUTIONS = (SOLUTION, "solution", "general")  # identifiers of feedback that is for everybody
NUMERIC = ("float", "integer")
CHOICES = {"choiceinteraction": "simplechoice", "inlinechoiceinteraction": "inlinechoice"}
ENTRIES = {"textentryinteraction", "extendedtextinteraction"}
GAPS = {"textentryinteraction", "inlinechoiceinteraction"}  # may stand within a sentence

Told = Callable[[Element | None], str]  # the text of an element's content


def unified(element: Element) -> Element:
    """The same tree with the names of 2.x and 3.0 made one: qti-item-body and itemBody are itembody."""
    for one in element.iter():
        one.tag = one.tag.removeprefix("qti-").replace("-", "").lower()
        attributes = {name.replace("-", "").lower(): value for name, value in one.attrib.items()}
        one.attrib.clear()
        one.attrib.update(attributes)
    return element


def question_of(
    item: Element, fields: Mapping[str, object], bundle: Bundle, picture: Callable[[str], str | None]
) -> Question | None:
    """The question of an item (see `unified`); None, and a note, where the bank has no place for it.

    Args:
        fields: what the package says of it (see `engine.bank.tags`).
        picture: the name that a picture is kept under, None where there is none.
    """
    name = str(fields.get("question") or item.get("identifier") or item.get("title") or "item")
    body = item.find("itembody")
    interactions = [one for one in item.iter() if one.tag.endswith("interaction")]
    if body is None or len(interactions) != 1 or interactions[0].tag not in {*CHOICES, *ENTRIES}:
        kinds = sorted({one.tag.removesuffix("interaction") for one in interactions})
        what = f"{len(interactions)} interactions ({', '.join(kinds) or 'none'})"
        bundle.notes.add(f"left out, {what}, where the bank has one choice, text or number", name)
        return None
    if item.find("templatedeclaration") is not None:
        bundle.notes.add("left out, a pattern whose numbers are drawn when it is shown", name)
        return None
    interaction = interactions[0]

    def told(element: Element | None) -> str:
        if element is None:
            return ""
        return from_element(element, picture, lambda what: bundle.notes.add(f"{what}, not taken over", name))

    response = _declaration(item, interaction)
    if item.find(".//feedbackblock") is not None:
        bundle.notes.add("feedback within the text, not taken over", name)
    feedback = {one.get("identifier", ""): told(one) for one in item.iter("modalfeedback")}
    solution = next((feedback.pop(named) for named in SOLUTIONS if named in feedback), "")
    try:
        kind, answers = _answers(item, interaction, response, feedback, told)
    except ValueError as error:
        bundle.notes.add(f"left out, {error}", name)
        return None
    if kind == "multiple" and not _is_mapped(item):
        bundle.notes.add("all right options or nothing: taken as a share for each right option", name)
    heard = {one.feedback for one in answers}
    for identifier in [identifier for identifier, text in feedback.items() if text not in heard]:
        bundle.notes.add(f"feedback {identifier!r}, which belongs to no answer", name)
    rubric = told(body.find(".//rubricblock"))
    return Question(
        **({"subject": "", "knowledge": ()} | dict(fields) | {"question": name}),  # type: ignore[arg-type]
        stem=_stem(body, interaction, told),
        type=kind,
        answers=tuple(answers),
        reference=rubric,
        solution=solution,
    )


def _declaration(item: Element, interaction: Element) -> Element:
    wanted = interaction.get("responseidentifier", "RESPONSE")
    found = (one for one in item.iter("responsedeclaration") if one.get("identifier") == wanted)
    return next(found, Element("responsedeclaration"))


def _stem(body: Element, interaction: Element, told: Told) -> str:
    """The body without what is no stem; of a choice also its prompt; a gap in a sentence stays one."""
    prompt = told(interaction.find("prompt"))
    for parent in list(body.iter()):
        for child in list(parent):
            if child is interaction:
                around = (parent.text or "") + "".join(one.tail or "" for one in parent)
                gap = interaction.tag in GAPS and parent is not body and (around.strip() or len(parent) > 1)
                child.tag, child.text = "span", f" {BLANK} " if gap else ""
                child[:] = []
            elif child.tag in ("rubricblock", "feedbackblock"):
                child.tag, child.text = "span", ""
                child[:] = []
    return "\n".join(filter(None, (told(body), prompt)))


def _names(interaction: Element) -> list[str]:
    """Identifiers of the options."""
    return [choice.get("identifier", "") for choice in interaction.iter(CHOICES[interaction.tag])]


def _answers(
    item: Element, interaction: Element, response: Element, feedback: Mapping[str, str], told: Told
) -> tuple[Kind, list[Answer]]:
    """Kind and answers.

    Raises:
        ValueError: why they cannot be told.
    """
    if interaction.tag in CHOICES:
        kind: Kind = "multiple" if response.get("cardinality") in ("multiple", "ordered") else "single"
        if response.get("cardinality") == "ordered":
            raise ValueError("an order of options, which the bank has not")
        shares = _choice_shares(item, response, interaction, kind)
        return kind, list(_options(interaction, shares, feedback, told))
    number = response.get("basetype") in NUMERIC
    found = list(_compared(item, number, feedback)) or _listed(item, response, number)
    if not found and interaction.tag == "extendedtextinteraction":
        return "constructed", []
    if not found:
        raise ValueError("no right answer in it")
    return ("number" if number else "text"), found


def _options(
    interaction: Element, shares: Mapping[str, Fraction], feedback: Mapping[str, str], told: Told
) -> Iterator[Answer]:
    for choice in interaction.iter(CHOICES[interaction.tag]):
        inline = choice.findall("feedbackinline")
        heard = "\n".join(map(told, inline))
        for one in inline:
            one.tag, one.text = "span", ""
            one[:] = []
        name = choice.get("identifier", "")
        yield Answer(told(choice), shares.get(name, Fraction(0)), feedback.get(name, "") or heard)


# ---- keys


def _correct(response: Element) -> list[str]:
    return [(value.text or "").strip() for value in response.findall("correctresponse/value")]


def _is_mapped(item: Element) -> bool:
    """Whether the response is marked by its mapping."""
    processing = item.find("responseprocessing")
    if processing is None:
        return False
    return "map_response" in processing.get("template", "") or processing.find(".//mapresponse") is not None


def _mapping(response: Element) -> dict[str, float]:
    entries = response.findall("mapping/mapentry")
    return {one.get("mapkey", ""): parse_number(one.get("mappedvalue", "")) or 0.0 for one in entries}


def _choice_shares(item: Element, response: Element, interaction: Element, kind: Kind) -> dict[str, Fraction]:
    names = _names(interaction)
    if _is_mapped(item) and (mapping := _mapping(response)):
        about = response.find("mapping")
        assert about is not None
        other = parse_number(about.get("defaultvalue", "")) or 0.0
        values = {name: mapping.get(name, other) for name in names}
        gains = [value for value in values.values() if value > 0]
        full = parse_number(about.get("upperbound", "")) or (
            sum(gains) if kind == "multiple" else max(gains, default=0)
        )
        if not full:
            raise ValueError("no option earns anything")
        return {name: exact_share(max(-1.0, min(1.0, value / full))) for name, value in values.items()}
    right = _correct(response)
    if not right or set(right) - set(names):
        raise ValueError("no right option in it")
    if kind == "single":
        return {right[0]: Fraction(1)}
    return {name: Fraction(1, len(right)) if name in right else Fraction(-1) for name in names}


def _listed(item: Element, response: Element, number: bool) -> list[Answer]:
    """Texts or numbers by mapping, else the correct ones."""
    mapping = _mapping(response) if _is_mapped(item) else {}
    full = max(mapping.values(), default=0.0)
    if full > 0:
        return [Answer(_written(text, number), exact_share(max(-1.0, value / full))) for text, value in mapping.items()]
    return [Answer(_written(text, number), Fraction(1)) for text in _correct(response)]


def _written(text: str, number: bool) -> str:
    if number and text != "*" and parse_number(text) is None:
        raise ValueError(f"{text!r}, expected a number")
    return text if number else literal(text)


def _compared(item: Element, number: bool, feedback: Mapping[str, str]) -> Iterator[Answer]:
    """Answers that conditions compare the response with, one after the other, and what each earns of the most."""
    branches = list(item.iterfind("responseprocessing/responsecondition/*"))
    earned = [_score(branch) for branch in branches]
    full = _full_mark(item) or max((value for value in earned if value is not None), default=0.0)
    for branch, value in zip(branches, earned, strict=True):
        test = next((one for one in branch if one.tag in ("equal", "stringmatch", "not")), None)
        if value is None or full <= 0 or test is None:
            continue
        shown = [(one.text or "").strip() for one in branch.iter("basevalue") if one.get("basetype") == "identifier"]
        heard = "\n".join(feedback[identifier] for identifier in shown if identifier in feedback)
        answer = Answer("*", exact_share(max(-1.0, min(1.0, value / full))), heard)
        constant = test.find("basevalue")
        if test.tag == "not":
            yield answer
        elif constant is not None:
            yield replace(answer, text=_written((constant.text or "").strip(), number), tolerance=_tolerance(test))


def _full_mark(item: Element) -> float | None:
    """What the item says it is worth."""
    for outcome in item.findall("outcomedeclaration"):
        if outcome.get("identifier") == "MAXSCORE":
            return parse_number(outcome.findtext("defaultvalue/value") or "")
    return None


def _score(branch: Element) -> float | None:
    """What a branch sets SCORE to."""
    for one in branch.findall("setoutcomevalue"):
        if one.get("identifier") == "SCORE":
            return parse_number(one.findtext("basevalue") or "")
    return None


def _tolerance(test: Element) -> str:
    if test.get("tolerancemode", "exact") != "absolute":
        return ""
    widest = (test.get("tolerance") or "0").split()[-1]
    return "" if parse_number(widest) in (None, 0) else widest
