"""Items and points of a paper from the rows of a 双向细目表: "1-5", "3×5", "每题3分", sections with their sums."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from engine.intake.cells import told_wrong
from engine.intake.header import Table
from engine.intake.items import worth
from engine.intake.words import is_label
from engine.points import parse_points, plain

_DATE = re.compile(r"\d{4}-(\d\d)-(\d\d)|(\d{1,2})月(\d{1,2})日")
_RANGE = re.compile(r"(\d{1,3})(?:-|~|～|—|–|至|到)(\d{1,3})")
_TIMES = re.compile(r"(\d+(?:\.\d+)?)分?[×xX*✕](\d+)(?:题|小题)?|(\d+)(?:题|小题)[×xX*✕](\d+(?:\.\d+)?)分?")
_EACH = re.compile(r"(?:每(?:小|空)?题|各)(\d+(?:\.\d+)?)分?|(\d+(?:\.\d+)?)分?[/每](?:小)?题")
_MOST_ITEMS = 300


@dataclass
class Row:
    """A row of the table: its items, and what it says of each."""

    i: int
    items: list[str]
    cells: dict[str, str]
    each: Fraction | None = None  # points of each item, None: `total` may be of each or of all
    total: Fraction | None = None


@dataclass
class Paper:
    """What is known of a paper while its rows are read."""

    rows: list[Row] = field(default_factory=list)
    sections: list[tuple[str, Fraction | None, int]] = field(default_factory=list)  # name, points said, first row


def expand(text: str, i: int, complain: Callable[..., None]) -> list[str]:
    """The items that a cell names: "1-3" → 1, 2, 3; "21(1)(2)" → 21(1), 21(2); a date was a range once."""
    plain_text = re.sub(r"\s+|第|题|小", "", unicodedata.normalize("NFKC", text))
    if spoilt := _DATE.fullmatch(plain_text):
        first, last = (int(number) for number in spoilt.groups() if number)
        plain_text = f"{first}-{last}"
        complain(i, "item", f"题号被 Excel 变成了日期，按 {plain_text} 读", "把题号一列设为“文本”格式", is_error=False)
    if not re.search(r"\d", plain_text) or re.search(r"[一二三四五六七八九十]、", plain_text):
        return [plain_text] if re.fullmatch(r"作文|附加|书写|卷面", plain_text) else []
    found: list[str] = []
    for part in filter(None, re.split(r"[,，、;；]", plain_text)):
        if span := _RANGE.fullmatch(part):
            first, last = int(span[1]), int(span[2])
            if not first < last < first + _MOST_ITEMS:
                complain(i, "item", f"题号范围“{part}”不对", "从小到大写，如 1-5")
                return []
            found.extend(map(str, range(first, last + 1)))
        elif several := re.fullmatch(r"(\d+)((?:\(\d+\)){2,})", part):
            found.extend(f"{several[1]}({number})" for number in re.findall(r"\d+", several[2]))
        else:
            found.append(part)
    return found


def points_of(text: str) -> Fraction | None:
    return parse_points(re.sub(r"\s|分$|^共", "", unicodedata.normalize("NFKC", text)).strip("()"))


def put_points(row: Row, text: str, by_level: list[Fraction], complain: Callable[..., None]) -> None:
    """Points of each item, where the row says so; else `total`, which the paper's sum will have to settle."""
    said = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    times, each = _TIMES.search(said), _EACH.search(said)
    if times:
        each_said, count = (times[1], times[2]) if times[1] else (times[4], times[3])
        row.each = parse_points(each_said)
        if int(count) != len(row.items):
            complain(row.i, "max", f"{said} 是 {count} 题，题号却是 {len(row.items)} 题", "改正题号或分值")
    elif each:
        row.each = parse_points(each[1] or each[2])
    elif said.startswith("共") and (points := points_of(said)):
        row.each = points / len(row.items)
    elif points := points_of(said) or worth(said):
        row.each, row.total = (points, None) if len(row.items) == 1 else (None, points)
    elif by_level and not said:
        added = sum(by_level, Fraction(0))
        row.each, row.total = (added, None) if len(row.items) == 1 else (None, added)
    else:
        complain(row.i, "max", f"分值“{text}”：{told_wrong(text)}" if text else "没有分值", "写这题的满分")


def settle_points(table: Table, paper: Paper, complain: Callable[..., None]) -> None:
    """Is the number beside 1-5 the points of each item, or of all? The total that the paper says decides."""
    open_rows = [row for row in paper.rows if row.total]
    if not open_rows:
        return
    whole = said_total(table)
    known = sum((row.each * len(row.items) for row in paper.rows if row.each), Fraction(0))
    of_each = known + sum((row.total * len(row.items) for row in open_rows if row.total), Fraction(0))
    of_all = known + sum((row.total for row in open_rows if row.total), Fraction(0))
    for row in open_rows:
        assert row.total is not None
        if whole is not None and of_all == whole != of_each:
            row.each = row.total / len(row.items)
        elif whole is not None and of_each == whole != of_all:
            row.each = row.total
        else:
            told = f"{row.items[0]}–{row.items[-1]} 题写着 {plain(row.total)} 分，是每题还是一共？"
            complain(row.i, "max", told, "写成 每题3分，或 3×5；或加一行 合计 写全卷满分")


def said_total(table: Table) -> Fraction | None:
    """The paper's full mark, from a row 合计 or from a title such as “满分 100 分”."""
    place = table.fields.get("max")
    if place is not None:
        sums = (row for row in table.dropped if is_label(next(filter(None, table.grid.rows[row]))))
        if said := next(filter(None, (points_of(table.grid.cell(row, place)) for row in sums)), None):
            return said
    above = " ".join(cell for row in table.grid.rows[: table.header.start] for cell in row)
    return worth(above)


def check_sections(paper: Paper, complain: Callable[..., None]) -> None:
    """The points that a section's heading says against the sum of its items."""
    for (name, said, start), (_, _, end) in pairwise([*paper.sections, ("", None, len(paper.rows))]):
        rows = paper.rows[start:end]
        added = sum((row.each * len(row.items) for row in rows if row.each), Fraction(0))
        said = said or worth(name)
        if rows and said is not None and all(row.each for row in rows) and added != said:
            message = f"“{name}”写着 {plain(said)} 分，各题之和是 {plain(added)}"
            complain(rows[0].i, "max", message, "核对分值", is_error=False)
