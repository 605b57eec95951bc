"""Lays a sheet out: from its spec and items to a layout in millimetres.

The body flows down columns (one on A4, two on A3) and on over the pages, in the order of the items. Measures follow
what is usual on printed answer cards (答题卡).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.errors import InputError
from engine.tables import ABSENT, CANDIDATE, CHOOSE, FORM, SCORE, VIOLATION
from omr.blocks import Block, blocks
from omr.canvas import Canvas
from omr.heading import GAP, Heading, draw_later
from omr.layout import Fiducial, Layout
from omr.spec import SheetField, SheetSpec

PAPER = {"A4": (210.0, 297.0), "A3": (420.0, 297.0)}  # A3 lies on its side
MAX_PAGES = 4
MAX_SERIES = 62  # 16 fiducial ids each, out of the 1000 of DICT_5X5_1000

FIDUCIAL = 8.4  # black square of 7 × 7 modules of 1.2 mm
EDGE = 8.0  # white outside the fiducials: room for a quiet zone when a copy is enlarged by 3 % and fed askew
MARGIN = 12.0  # left and right of the body
TOP, BOTTOM = 23.0, 277.5  # of the body: clear of the fiducials, titles and footers
GUTTER = 8.0  # between the columns of A3
MOST_STRETCH = 2.0  # a box takes up to so many times its height where there is room


@dataclass
class _Column:
    page: int
    x: float
    y: float
    width: float
    blocks: list[Block] = field(default_factory=list)

    @property
    def room(self) -> float:
        """Height that is still free."""
        return BOTTOM - self.y - sum(block.height + (block.gap if i else 0) for i, block in enumerate(self.blocks))

    def draw(self, canvas: Canvas) -> None:
        """Draw the blocks one under the other; those that can stretch share the free height."""
        elastic = sum(block.height for block in self.blocks if block.stretch)
        factor = min(1 + self.room / elastic, MOST_STRETCH) if elastic else 1.0
        y = self.y
        for i, block in enumerate(self.blocks):
            height = block.height * factor if block.stretch else block.height
            y += block.gap if i else 0
            block.draw(canvas, self.x, y, self.width, height)
            y += height


def design(spec: SheetSpec, fields: Sequence[SheetField], *, layout_id: str, title: str, series: int) -> Layout:
    """Lay a sheet out.

    Args:
        fields: the items in the order of the paper.
        layout_id: printed at the foot of every page.
        title: printed at the top unless the spec has one.
        series: 0…61, which of the exam's kinds of sheets this is; it keeps their fiducials apart.

    Returns:
        The layout, in millimetres: geometry, and all that is printed.

    Raises:
        InputError: the items contradict each other, or do not fit on four pages.
    """
    if not 0 <= series < MAX_SERIES:
        raise InputError(
            f"series {series}: an exam has at most {MAX_SERIES} kinds of sheets", mend="split it into several exams"
        )
    _check(spec, fields)
    title = spec.title or title
    page_width, page_height = PAPER[spec.paper]
    count = 2 if spec.paper == "A3" else 1
    width = (page_width - 2 * MARGIN - (count - 1) * GUTTER) / count
    heading = Heading(spec, width)
    if TOP + heading.height > BOTTOM:
        raise InputError(
            f"notes: with them the head takes {heading.height:.0f} mm; a page has {BOTTOM - TOP:.0f} mm",
            mend="shorten the notes in sheet.toml",
        )

    columns = []
    for page in range(1, MAX_PAGES + 1):
        for i in range(count):
            top = TOP + heading.height + GAP if page == 1 and i == 0 else TOP
            columns.append(_Column(page, MARGIN + i * (width + GUTTER), top, width))
    _flow(blocks(spec, fields, width), columns)
    used = max(column.page for column in columns if column.blocks)
    pages = used + used % 2 if spec.sides == 2 else used

    done = []
    for number in range(1, pages + 1):
        canvas = Canvas(number)
        canvas.fiducials += _fiducials(series, number, page_width, page_height)
        if number == 1:
            middle = MARGIN + width / 2
            canvas.text(middle, 10.6, title, 15, align="center", width=width - 16, bold=True)
            canvas.text(middle, 18, spec.subtitle, 12, align="center", width=width - 16)
            heading.draw(canvas, MARGIN, TOP)
        else:
            draw_later(canvas, spec, title, MARGIN + 8, page_width - MARGIN - 8, EDGE - 1)
        for column in columns:
            if column.page == number:
                column.draw(canvas)
        if number > used:
            canvas.text(page_width / 2, page_height / 2, "本页无答题内容，请勿作答", 12, align="center", grey=110)
        foot = page_height - EDGE - FIDUCIAL / 2
        canvas.text(page_width / 2, foot - 1.5, f"第{number}页（共{pages}页）", 8, align="center")
        canvas.text(page_width / 2, foot + 2.5, layout_id, 6.5, align="center", grey=90)
        done.append(canvas.page())
    return Layout(id=layout_id, title=title, width=page_width, height=page_height, pages=tuple(done))


def _check(spec: SheetSpec, fields: Sequence[SheetField]) -> None:
    if not fields:
        raise InputError("the sheet has no items", mend="fill in the blueprint")
    names = [one.name for one in fields]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"item {name!r} is there twice", column="item", mend="give every item its own number")
        if name in (CANDIDATE, ABSENT, VIOLATION, FORM) or name.startswith((CHOOSE, SCORE)):
            raise InputError(
                f"item {name!r}: this name is taken by a mark of the sheet", column="item", mend="rename it"
            )
    for one in fields:
        if one.kind == "choice" and (len(one.options) < 2 or len(set(one.options)) < len(one.options)):
            raise InputError(
                f"item {one.name!r} has the options {one.options!r}; expected 2 to 8 different letters",
                column="options",
                mend="write them like ABCD",
            )
    kinds = {one.name: one.kind for one in fields}
    for key, named, kind in (("heights", spec.heights, "constructed"), ("digits", spec.digits, "number")):
        for name in named:
            if name not in kinds:
                raise InputError(
                    f"{key}.{name}: there is no item {name!r}", mend="correct the item's name in sheet.toml"
                )
            if kinds[name] != kind:
                raise InputError(
                    f"{key}.{name}: item {name!r} is of the kind {kinds[name]!r}; {key} are for {kind!r} items",
                    mend=f"take {name!r} out of {key} in sheet.toml",
                )


def _flow(parts: Iterator[Block], columns: list[_Column]) -> None:
    at = 0
    for block in parts:
        while columns[at].room < block.height + (block.gap if columns[at].blocks else 0):
            if not columns[at].blocks and at:
                raise InputError(
                    f"item {block.item!r} takes {block.height:.0f} mm; a column has {columns[at].room:.0f} mm",
                    mend="lower the height of the item's box in sheet.toml",
                )
            at += 1
            if at == len(columns):
                raise InputError(
                    f"the items do not fit on {MAX_PAGES} pages",
                    mend='lower the heights in sheet.toml, or print on paper = "A3"',
                )
        columns[at].blocks.append(block)


def _fiducials(series: int, page: int, width: float, height: float) -> list[Fiducial]:
    """The four corners' markers; corner 0 is top left, then clockwise."""
    near, right, bottom = EDGE + FIDUCIAL / 2, width - EDGE - FIDUCIAL / 2, height - EDGE - FIDUCIAL / 2
    corners = ((near, near), (right, near), (right, bottom), (near, bottom))
    first = 16 * series + 4 * (page - 1)
    return [Fiducial(id=first + i, x=round(x, 3), y=round(y, 3), size=FIDUCIAL) for i, (x, y) in enumerate(corners)]
