"""The parts of a sheet's body: bands of choice items, digit grids, boxes for constructed responses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.errors import InputError
from engine.tables import CHOOSE, SCORE
from omr.canvas import DIGIT_X, DIGIT_Y, WRITTEN, Canvas
from omr.spec import SheetField, SheetSpec

GAP = 2.0
OPTION_X, OPTION_Y = 6.6, 5.0  # pitch of options and of items
NUMBER = 8.0  # width of an item's number beside its options
MOST_GAP = 12.0  # between groups side by side
PER_GROUP = 5  # choice items one under the other
TITLE = 7.0  # height of a section's title
CHOOSE_STRIP = 7.0  # height of the marks that say which item was chosen
CHOOSE_WORDS, CHOOSE_X = 85.0, 7.0  # where the first of these marks is, and their pitch
STRIP_X, STRIP_Y = 6.0, 5.2  # pitch of the bubbles of a score strip, height of its rows
STRIP_WORDS = 15.0  # width of what stands before a strip
LONGEST_STRIP = 13  # whole points in one row; longer scales get tens and units

Draw = Callable[[Canvas, float, float, float, float], None]


@dataclass(frozen=True)
class Block:
    """A part that isn't broken over columns.

    Attributes:
        item: the first item in it.
        height: what it takes, in mm.
        draw: called with canvas, x, y (top left), width and height.
        stretch: whether it can use more height.
        gap: white space above it, in mm.
    """

    item: str
    height: float
    draw: Draw
    stretch: bool = False
    gap: float = GAP


def blocks(spec: SheetSpec, fields: Sequence[SheetField], width: float) -> Iterator[Block]:
    """The body's parts in the order of the items; a title stays with what it stands above.

    Raises:
        InputError: a score can't be marked in the item's steps, or a row of marks is wider than the column.
    """
    section = ""
    chosen = set()  # groups whose marks have been placed
    for _, run in itertools.groupby(fields, lambda one: (one.section, one.group, one.kind)):
        items = list(run)
        first = items[0]
        parts = list(_PARTS[first.kind](spec, items, width))
        if first.group and first.group not in chosen:
            chosen.add(first.group)
            among = [one.name for one in fields if one.group == first.group]
            parts[0] = _stacked(_choose(first.group, among, width), parts[0])
        if first.section and first.section != section:
            parts[0] = _stacked(_title(first.section), parts[0])
        section = first.section
        yield from parts


def _stacked(above: Block, below: Block) -> Block:
    def draw(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
        above.draw(canvas, x, y, width, above.height)
        below.draw(canvas, x, y + above.height, width, height - above.height)

    return Block(below.item, above.height + below.height, draw, below.stretch, above.gap)


def _title(words: str) -> Block:
    def draw(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
        canvas.text(x, y + height / 2 + 0.4, words, 10, width=width, bold=True)

    return Block("", TITLE, draw)


def _choose(group: str, names: Sequence[str], width: float) -> Block:
    if CHOOSE_WORDS + len(names) * CHOOSE_X > width:
        raise InputError(
            f"group {group!r}: the marks for {len(names)} items to choose from are wider than the sheet's column",
            column="group",
            mend="let pupils choose from fewer items",
        )

    def draw(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
        middle = y + height / 2
        canvas.text(x + 1, middle, "选做题：先用2B铅笔填涂所选题号，再在该题框内作答", 8.5)
        spots = [(name, x + CHOOSE_WORDS + i * CHOOSE_X, middle) for i, name in enumerate(names)]
        canvas.field(CHOOSE + group, [spots], block=CHOOSE + group, separator="+")

    return Block("", CHOOSE_STRIP, draw)


def _choices(spec: SheetSpec, items: Sequence[SheetField], width: float) -> Iterator[Block]:
    groups = [
        group
        for _, alike in itertools.groupby(items, lambda one: len(one.options))
        for group in _chunks(list(alike), PER_GROUP)
    ]
    bands = _rows(groups, _group_width, width, spec.choice_columns or len(groups))
    bands = _rows(groups, _group_width, width, -(-len(groups) // len(bands)))  # the same number, evenly filled
    gap = min(MOST_GAP, *((width - sum(map(_group_width, band))) / len(band) for band in bands))
    for i, band in enumerate(bands):
        height = max(len(group) for group in band) * OPTION_Y + 3
        yield Block(band[0][0].name, height, _band(band, gap), gap=GAP if i == 0 else 0)


def _group_width(group: Sequence[SheetField]) -> float:
    return NUMBER + len(group[0].options) * OPTION_X + 1


def _band(groups: Sequence[Sequence[SheetField]], gap: float) -> Draw:
    def draw(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
        canvas.frame(x, y, width, height, line=0.35)
        left = x + gap / 2
        for group in groups:
            for row, one in enumerate(group):
                middle = y + 1.5 + (row + 0.5) * OPTION_Y
                canvas.text(left + NUMBER - 1.4, middle, one.name, 9, align="right", width=NUMBER - 1.4)
                spots = [(letter, left + NUMBER + (i + 0.5) * OPTION_X, middle) for i, letter in enumerate(one.options)]
                canvas.field(one.name, [spots], block=f"choice {group[0].name}")
            left += _group_width(group) + gap

    return draw


def _numbers(spec: SheetSpec, items: Sequence[SheetField], width: float) -> Iterator[Block]:
    def needed(one: SheetField) -> float:
        return _digits(spec, one) * DIGIT_X + 6

    for row in _rows(items, needed, width, len(items)):
        yield Block(row[0].name, 7 + WRITTEN + 12 * DIGIT_Y + 3.5, _grids(spec, row))


def _grids(spec: SheetSpec, items: Sequence[SheetField]) -> Draw:
    def draw(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
        canvas.frame(x, y, width, height, line=0.35)
        spare = width - sum(_digits(spec, one) for one in items) * DIGIT_X
        for one in items:
            digits = _digits(spec, one)
            x += spare / len(items) / 2
            canvas.text(x + digits * DIGIT_X / 2, y + 3.6, one.name, 9.5, align="center")
            # A sign can only stand first, a decimal point neither first nor last.
            columns = [
                ("-" if i == 0 and digits > 1 else " ") + ("." if 0 < i < digits - 1 else " ") + "0123456789"
                for i in range(digits)
            ]
            canvas.digits(one.name, x, y + 7, columns, block=one.name, positional=False)
            x += digits * DIGIT_X + spare / len(items) / 2

    return draw


def _digits(spec: SheetSpec, one: SheetField) -> int:
    return spec.digits.get(one.name, one.digits)


def _boxes(spec: SheetSpec, items: Sequence[SheetField], width: float) -> Iterator[Block]:
    for one in items:
        asked = spec.heights.get(one.name, one.height_mm)
        rows = _strip_rows(one) if spec.strip or one.strip else []
        if rows and _strip_width(rows) + STRIP_WORDS > width:
            raise InputError(
                f"item {one.name!r}: a score strip for {one.max:g} points is wider than the sheet's column",
                column="max",
                mend="do without the strip in sheet.toml, or split the item",
            )
        height = asked or min(max(10 + 5 * one.max, 24), 110)
        yield Block(one.name, height, _box(one, rows), stretch=not asked)


def _box(one: SheetField, rows: list[list[list[str]]]) -> Draw:
    def draw(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
        canvas.box(one.name, x, y, width, height)
        canvas.text(x + 2.5, y + 4.5, f"{one.name}.（{one.max:g}分）", 9.5)
        if rows:
            _strip(canvas, one.name, rows, x + width, y)

    return draw


def score_groups(full: Decimal, step: Decimal) -> list[list[str]]:
    """The labels of a score strip, group by group; one label of each group at most, they add up to the points.

    Whole points stand in one group up to 12, else in tens and units; steps below one point make a group of fractions.

    Raises:
        InputError: no such strip exists, as with steps of 1.5 over a long scale.
    """
    if full % step:
        raise InputError(f"{full} points are not a multiple of the step {step}", column="max")
    ticks = [step * i for i in range(int(full / step) + 1)]
    if step >= 1 and len(ticks) <= LONGEST_STRIP:
        return [[_plain(tick) for tick in ticks]]
    if 1 % step and step % 1:
        raise InputError(
            f"a score strip for {full} points in steps of {step} would be too long",
            mend="choose a step that divides 1, or do without the strip",
        )
    whole = int(full)
    fractions = [_plain(tick) for tick in ticks if 0 < tick < 1]
    if whole < LONGEST_STRIP:
        groups = [[str(i) for i in range(whole + 1)], fractions]
    else:
        groups = [[str(i) for i in range(10, whole + 1, 10)], [str(i) for i in range(10)], fractions]
    return [group for group in groups if group]


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _strip_rows(one: SheetField) -> list[list[list[str]]]:
    """The groups of an item's strip, in rows: tens above units and fractions."""
    groups = score_groups(Decimal(str(one.max)), Decimal(str(one.step)))
    return [groups[:1], groups[1:]] if int(one.max) >= LONGEST_STRIP and len(groups) > 1 else [groups]


def _strip_width(rows: list[list[list[str]]]) -> float:
    return max(sum(map(len, row)) for row in rows) * STRIP_X + 1.5


def _strip(canvas: Canvas, name: str, rows: list[list[list[str]]], right: float, y: float) -> None:
    """A score strip in the top right corner of a box whose right edge is given."""
    left = right - _strip_width(rows)
    height = len(rows) * STRIP_Y + 1.2
    canvas.frame(left - STRIP_WORDS, y, right - left + STRIP_WORDS, height, line=0.2, grey=60)
    canvas.frame(left, y, 0, height, line=0.2, grey=60)
    words = left - STRIP_WORDS / 2
    canvas.text(words, y + height / 2 - 1.3, "教师评分", 7, align="center")
    canvas.text(words, y + height / 2 + 1.7, "考生勿填", 5, align="center", grey=80)
    spots = []
    for i, row in enumerate(rows):
        middle = y + 0.6 + (i + 0.5) * STRIP_Y
        x = left + 0.75 + STRIP_X / 2
        for group in row:
            spots.append([(label, x + j * STRIP_X, middle) for j, label in enumerate(group)])
            x += len(group) * STRIP_X
    canvas.field(SCORE + name, spots, block=SCORE + name, join="sum")


def _rows(things: Sequence[Any], width_of: Callable[[Any], float], width: float, most: int) -> list[list[Any]]:
    """Things side by side, as many in a row as its width and `most` allow."""
    rows: list[list[Any]] = []
    for thing in things:
        if rows and len(rows[-1]) < most and sum(map(width_of, rows[-1])) + width_of(thing) <= width:
            rows[-1].append(thing)
        else:
            rows.append([thing])
    return rows


def _chunks(things: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [things[i : i + size] for i in range(0, len(things), size)]


_PARTS = {"choice": _choices, "number": _numbers, "constructed": _boxes}
