"""The print edition: reports as PDF on A4, typeset by typst with the Chinese font embedded.

The templates are report/templates/*.typ; those in the exam's own folder `templates` take their place by name.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typst

from engine.exam import Exam
from omr import fonts
from report.blocks import Context
from report.document import Bar, Block, Cards, Cell, Document, Figure, Focus, Kind, Links, Note, Says, Side, Table
from report.render import TEMPLATES, about, own_templates, points, written
from report.words import Words

_COLUMN = 640  # a wider drawing fills the page
_SIGNS = {"right": "✓", "part": "◐", "wrong": "×", "blank": "○", "unmarked": "…", "void": "—"}


def document_pdf(document: Document, exam: Exam, words: Words) -> bytes:
    """A document for the printer."""
    data = {
        "kind": document.kind,
        "heading": document.heading,
        "facts": list(document.facts),
        "foot": words("internal"),
        "page": words("page.of", page="{page}", pages="{pages}"),
        "chapters": [
            {
                "title": chapter.title,
                "sections": [
                    {"title": part.title, "note": part.note, "blocks": _blocks(part.blocks, words)}
                    for part in chapter.sections
                    if part.blocks
                ],
            }
            for chapter in document.chapters
        ],
    }
    return _typeset("document", data, exam, words)


def _typeset(name: str, data: dict[str, Any], exam: Exam, words: Words) -> bytes:
    data |= {"font": fonts.FAMILY, "lang": words("lang")[:2]}
    own = own_templates(exam)
    with tempfile.TemporaryDirectory() as folder:
        for template in {*TEMPLATES.glob("*.typ"), *(own.glob("*.typ") if own else ())}:
            chosen = own / template.name if own and (own / template.name).is_file() else template
            Path(folder, template.name).write_bytes(chosen.read_bytes())
        Path(folder, f"{name}.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        return typst.compile(
            Path(folder, f"{name}.typ"),
            font_paths=[fonts.cjk_font().parent],
            ignore_system_fonts=True,
            timestamp=0,
            pdf_tags=False,
        )


def _blocks(blocks: Sequence[Block], words: Words) -> list[dict[str, Any]]:
    return [_block(block, words) for block in blocks if not isinstance(block, Links)]


def _block(block: Block, words: Words) -> dict[str, Any]:
    """A block as plain data, every number written out."""
    kind = {"kind": type(block).__name__}
    match block:
        case Table():
            return kind | {
                "title": block.title,
                "columns": [{"title": column.title, "kind": column.kind} for column in block.columns],
                "groups": block.groups,
                "rows": [
                    [
                        (_cell(value, column.kind), column.kind)
                        for value, column in zip(row.cells, block.columns, strict=True)
                    ]
                    for row in block.rows
                ],
            }
        case Figure():
            width = float(re.search(r'viewBox="0 0 ([\d.]+)', block.svg)[1])  # type: ignore[index]
            svg = str(block.svg).replace("<svg ", f'<svg font-family="{fonts.FAMILY}" ', 1)
            source = words("source", source=block.source)
            return kind | {"title": block.title, "note": block.note, "svg": svg, "source": source,
                           "wide": width > _COLUMN}  # fmt: skip
        case Says():
            return kind | {"sentences": list(block.sentences)}
        case Note():
            return kind | {"text": block.text}
        case Focus():
            return kind | {"head": block.head, "text": block.text, "chips": list(block.chips), "rates": block.rates,
                           "terms": list(block.terms)}  # fmt: skip
        case Cards():
            return kind | {"cards": list(block.cards)}
        case Side():
            return kind | {"blocks": [_blocks([one], words) for one in block.blocks]}
    raise TypeError(type(block))


def _cell(value: Any, kind: Kind) -> dict[str, Any]:
    if isinstance(value, Bar):
        return vars(value)
    look = value.look if isinstance(value, Cell) else ""
    return {"text": written(value, kind) if value is not None or kind != "chip" else "", "look": look}


def pupils_pdf(contexts: Sequence[Context], exam: Exam, words: Words) -> bytes:
    """The feedback of many pupils in one file, each from a new page on. Tells no more than the pages do."""
    data = {
        "kind": words("report.pupil"),
        "foot": words("private"),
        "page": words("page.number", page="{page}"),
        "map": words("map"),
        "map_note": words("map.note"),
        "practice": words("practice"),
        "answers": words("answers"),
        "answers_note": words("answers.note"),
        "pupils": [_pupil(context, exam, words) for context in contexts],
    }
    return _typeset("pupils", data, exam, words)


def _pupil(context: Context, exam: Exam, words: Words) -> dict[str, Any]:
    pupil = context["pupil"]
    facts = [exam.title, str(exam.date), pupil["school"], pupil["class"], pupil["student_id"]]
    sections = [_section(section, words) for section in context["sections"]]
    return {"name": pupil["name"], "facts": facts, "sections": sections}


def _section(section: Context, words: Words) -> dict[str, Any]:
    """A subject of a pupil, every number written out."""
    found: dict[str, Any] = {"subject": section["subject"].name, "answers": None}
    if "answers" not in section:
        status = section["status"]
        return found | {"told": words.code("pupil", status) if status != "read" else words("pupil.void")}
    notes = []
    result, of = "", ""
    if "result" not in section:
        notes.append(words("pupil.incomplete", what=section["open"]))
    elif "total" in section["result"]:
        result = words("pupil.score", points=points(section["result"]["total"]))
        of = words("pupil.of", full=points(section["result"]["full"]))
        if "low" in section["result"]:
            notes.append(words("pupil.error", low=section["result"]["low"], high=section["result"]["high"]))
    else:
        result = words(f"grade.{section['result']['grade']}")
    if section["doubts"]:
        notes.append(words("pupil.doubt", count=section["doubts"]))
    if section["unsettled"] and "result" in section:
        notes.append(words("pupil.open"))
    return found | {
        "result": result,
        "of": of,
        "notes": notes,
        "says": section["sentences"],
        "knowledge": [_knowledge(row, words) for row in section["knowledge"]],
        "practice": [_exercise(row, words) for row in section["practice"]],
        "form": words("answers.form", form=section["form"]) if section["form"] else "",
        "right": words.join([row["item"] for row in section["answers"] if row["mark"] == "right"]),
        "answers": [_answer(row, words) for row in section["answers"] if row["mark"] != "right"],
    }


def _knowledge(row: Context, words: Words) -> dict[str, Any]:
    count = words("items.one") if row["items"] == 1 else words("items.count", count=row["items"])
    rate = words("map.about", rate=about(row["rate"])) if row["word"] != "thin" else ""
    bar = vars(Bar(row["rate"], row["lower"], row["upper"], look=row["word"]))
    said = " · ".join(part for part in (rate, count) if part)
    return {"name": row["knowledge"], "bar": bar, "said": said, "word": words(f"map.{row['word']}")}


def _exercise(row: Context, words: Words) -> dict[str, Any]:
    number = words("practice.question", question=row["question"])
    said = [row["why"], words("practice.chance", rate=about(row["chance"])), number]
    return {"stem": row["stem"] or number, "options": row["options"], "knowledge": row["knowledge"], "said": said}


def _answer(row: Context, words: Words) -> dict[str, Any]:
    key = row["key"] and row["mark"] != "void" and words("answers.key", key=row["key"])
    small = words("answers.void") if row["mark"] == "void" else " · ".join(filter(None, (row.get("points"), key)))
    own = f"{_SIGNS[row['mark']]} {row['own']}".strip()
    return {"item": row["item"], "mark": row["mark"], "own": own, "small": small}
