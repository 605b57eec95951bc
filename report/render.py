"""Jinja2 with the project's number formats: contexts into HTML pages."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from report.words import Words

DASH = "–"  # what stands where there is no number
TEMPLATES = Path(__file__).parent / "templates"


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not math.isnan(value)


def number(value: float | None, digits: int = 1) -> str:
    """A number with a fixed number of digits; a dash for none."""
    return f"{value:.{digits}f}".replace("-", "−") if is_number(value) else DASH


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


@functools.cache
def environment() -> Environment:
    """The templates; names are escaped wherever they stand."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
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
        "url": lambda name: quote(name),
    }
    return env


@functools.cache
def stylesheet() -> str:
    """The one stylesheet, without comments and indents; it stands in every page, so a page can be sent alone."""
    text = re.sub(r"/\*.*?\*/", "", (TEMPLATES / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "", text)


def page(template: str, words: Words, **context: Any) -> str:
    """A whole HTML page."""
    return environment().get_template(template).render(t=words, css=Markup(stylesheet()), **context)
