"""Jinja2 with the project's number formats: contexts into HTML pages."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from engine.exam import Exam
from report.document import Bar, Cell, Document, Kind
from report.words import Words

DASH = "–"  # what stands where there is no number
TEMPLATES = Path(__file__).parent / "templates"


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not math.isnan(value)


def number(value: float | None, digits: int = 1) -> str:
    """A number with a fixed number of digits; a dash for none."""
    if not is_number(value):
        return DASH
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "−")


def signed(value: float | None, digits: int = 1) -> str:
    """A difference, with its sign."""
    if not is_number(value):
        return DASH
    text = f"{value:+.{digits}f}"
    return text.strip("+-") if not text.strip("+-0.") else text.replace("-", "−")


def points(value: float | None) -> str:
    """Points as people write them: 3, 3.5."""
    return f"{value:.10g}".replace("-", "−") if is_number(value) else DASH


def percent(rate: float | None, n: int | None = None) -> str:
    """A rate in per cent; tenths only where at least 200 pupils stand behind it."""
    return f"{100 * rate:.{1 if n and n >= 200 else 0}f}%" if rate is not None and is_number(rate) else DASH


def about(rate: float | None) -> str:
    """A rate on few items, to the nearest 5 %."""
    return f"{5 * round(20 * rate)}%" if rate is not None and is_number(rate) else DASH


def width(rate: float | None) -> str:
    """A rate as a CSS length."""
    return f"{100 * min(max(rate, 0.0), 1.0):.1f}%" if rate is not None and is_number(rate) else "0%"


def sortable(value: object) -> str:
    """What a column is sorted by; nothing where there is no number."""
    return f"{value:.6g}" if is_number(value) else ""


def written(value: Any, kind: Kind) -> str:
    """A cell as people read it."""
    if isinstance(value, Cell):
        return value.text or written(value.value, kind)
    if isinstance(value, Bar):
        return percent(value.rate)
    if kind == "count":
        return points(value)
    if kind == "points":
        return points(value)
    if kind in ("mean", "two", "three"):
        return number(value, {"mean": 1, "two": 2, "three": 3}[kind])
    if kind == "rate":
        return percent(value)
    if kind == "gap":
        return signed(value)
    if kind == "gap_rate":
        return signed(None if value is None else 100 * value, 0)
    return "" if value is None else str(value)


@functools.cache
def environment(own: Path | None = None) -> Environment:
    """The templates, those of a folder before ours; names are escaped wherever they stand."""
    env = Environment(
        loader=FileSystemLoader([TEMPLATES] if own is None else [own, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "number": number,
        "signed": signed,
        "points": points,
        "percent": percent,
        "about": about,
        "width": width,
        "sortable": sortable,
        "written": written,
        "url": lambda name: quote(name),
    }
    return env


@functools.cache
def asset(name: str, own: Path | None = None) -> Markup:
    """A stylesheet or script without comments and indents; it stands in every page, so a page can be sent alone."""
    text = re.sub(r"/\*.*?\*/", "", (TEMPLATES / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    if own is not None and (own / name).is_file():
        text += "\n" + (own / name).read_text(encoding="utf-8")
    return Markup(re.sub(r"\s*\n\s*", "\n" if name.endswith(".js") else "", text))


def own_templates(exam: Exam) -> Path | None:
    """The folder `templates` of an exam, where a bureau keeps its own: style.css is added to ours, *.html and *.typ
    replace ours of the same name."""
    folder = exam.folder / "templates"
    return folder if folder.is_dir() else None


def page(template: str, words: Words, **context: Any) -> str:
    """A whole HTML page; the context holds at least `exam`."""
    own = own_templates(context["exam"])
    css = asset("style.css", own)
    return environment(own).get_template(template).render(t=words, css=css, **context)


def document_page(document: Document, exam: Exam, words: Words, formats: Sequence[str] = ()) -> str:
    """The page of a document; `formats` are the endings of files beside it with the same name."""
    beside = [(ending, f"{quote(document.file)}.{ending}") for ending in formats]
    script = asset("page.js")
    context = {"exam": exam, "root": document.root, "document": document, "script": script, "beside": beside}
    return page("document.html", words, **context)
