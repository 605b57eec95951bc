"""A report as what it says, not how it looks: sections of sentences, tables and charts.

One description serves three renderers: the page (report/render.py), the print edition (report/pdf.py) and the XLSX
annex (report/xlsx.py), so that no number is written twice. Every table and chart names the table and columns it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from markupsafe import Markup

# How the cells of a column are written: "text"; "keep": text on one line; "count"; "points" as people write them;
# "mean": one digit, "two", "three": more; "rate": a share in per cent; "gap": with its sign; "gap_rate": in percentage
# points, with its sign; "chip": a word on a ground; "bar": a rate drawn as a bar.
Kind = Literal["text", "keep", "count", "points", "mean", "two", "three", "rate", "gap", "gap_rate", "chip", "bar"]
NUMBERS = ("count", "points", "mean", "two", "three", "rate", "gap", "gap_rate")


@dataclass(frozen=True)
class Column:
    """A column of a table; a `group` stands above the columns that have it."""

    title: str
    kind: Kind = "text"
    group: str = ""


@dataclass(frozen=True)
class Bar:
    """A rate as a bar, with its interval and the rate it is compared with."""

    rate: float | None
    lower: float | None = None
    upper: float | None = None
    reference: float | None = None
    look: str = ""


@dataclass(frozen=True)
class Cell:
    """A value with words or looks of its own."""

    value: Any
    text: str = ""  # what people read; "": as the column's kind writes the value
    look: str = ""  # "hot", "total"; of a chip its colour: "above", "below", "warn", …
    href: str = ""


@dataclass(frozen=True)
class Row:
    """A row; `more` are (term, small print, words) that a reader may open."""

    cells: Sequence[Any]
    look: str = ""
    more: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True)
class Table:
    """A table. `source` is where its numbers stand: "units.mean"."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    source: str
    title: str = ""
    annex: str = ""  # the name of its sheet in the XLSX annex; "": not there

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The names above the columns and how many columns each spans; [] if there are none."""
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and column.group and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return found if any(name for name, _ in found) else []


@dataclass(frozen=True)
class Figure:
    """A chart, with the table and column it shows."""

    svg: Markup
    source: str
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Says:
    """Sentences made from numbers."""

    sentences: Sequence[str]


@dataclass(frozen=True)
class Note:
    """Small print."""

    text: str


@dataclass(frozen=True)
class Focus:
    """Something to look at: a headline, chips (text, look), rates, and (term, small print, words) below."""

    head: str
    text: str = ""
    chips: Sequence[tuple[str, str]] = ()
    rates: str = ""
    terms: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True)
class Cards:
    """Boxes side by side: (headline, chip, lines)."""

    cards: Sequence[tuple[str, str, Sequence[str]]]


@dataclass(frozen=True)
class Links:
    """Where to read on; on the screen only."""

    links: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Side:
    """Blocks side by side."""

    blocks: Sequence[Block]


Block: TypeAlias = Table | Figure | Says | Note | Focus | Cards | Links | Side


@dataclass(frozen=True)
class Section:
    """A part of a report. Without blocks it is left out."""

    title: str
    blocks: Sequence[Block]
    note: str = ""


@dataclass(frozen=True)
class Chapter:
    """Sections under a headline that the contents lead to."""

    title: str
    sections: Sequence[Section]
    anchor: str


@dataclass(frozen=True)
class Document:
    """A report."""

    kind: str  # "市级报告"
    heading: str
    facts: Sequence[str]
    chapters: Sequence[Chapter]
    root: str = ""  # from the page's folder to the reports' folder
    crumbs: Sequence[tuple[str, str]] = ()  # (name, link) of the pages above, then of those beside
    file: str = ""  # its name without ending, the same in every format
    extras: Mapping[str, Any] = field(default_factory=dict)


def tables_of(document: Document) -> list[Table]:
    """The tables that go into the annex, in order."""

    def inside(blocks: Sequence[Block]) -> list[Table]:
        found: list[Table] = []
        for block in blocks:
            if isinstance(block, Side):
                found += inside(block.blocks)
            elif isinstance(block, Table) and block.annex:
                found.append(block)
        return found

    return [one for chapter in document.chapters for part in chapter.sections for one in inside(part.blocks)]
