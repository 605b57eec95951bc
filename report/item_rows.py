"""The items of a class (小题分析): rates, who gave which answer, and what to go through."""

from __future__ import annotations

import numpy as np

from engine.compare import clearly_lower
from report import charts
from report.blocks import Context
from report.document import Cell, Column, Figure, Focus, Row, Table
from report.figures import Given, answers_given
from report.render import percent
from report.source import Part, Reference, Sheets
from report.words import Words

FOCUS = 8  # items to go through in class, at most


def item_rows(ref: Reference, part: Part, sheets: Sheets, names: list[str]) -> list[Context]:
    code, counted, rates = sheets.subject.code, sheets.counted, sheets.rates()
    rows = []
    for j, item in enumerate(sheets.subject.items):
        whole = ref.items[code].get(item.item, {})
        rows.append(
            {
                "item": item,
                "rate": float(rates[j]),
                "school": float(part.school_rates[code][j]),
                "all": whole.get("difficulty"),
                "lower": clearly_lower(sheets.points[counted, j], whole),
                "given": answers_given(sheets, j, names),
            }
        )
    return rows


def focus_of(items: list[Context]) -> list[Context]:
    """What to go through: items clearly below all by their gap, then those under 60 % by their rate."""
    lower = sorted((row for row in items if row["lower"]), key=lambda row: row["rate"] - row["all"])
    hard = sorted((row for row in items if not row["lower"] and row["rate"] < 0.6), key=lambda row: row["rate"])
    return [row | {"wrong": _wrong(row["given"])} for row in (lower + hard)[:FOCUS]]


def _wrong(given: list[Given]) -> list[Given]:
    """The answers without full mark, the most frequent first; of a constructed item those without any points."""
    return sorted((g for g in given if not g.right and g.answer != "partial"), key=lambda g: -g.count)


def item_profile(items: list[Context], words: Words) -> Figure:
    svg = charts.item_profile(
        [row["item"].item for row in items],
        np.array([row["rate"] for row in items]),
        np.array([np.nan if row["all"] is None else row["all"] for row in items]),
        np.array([row["lower"] for row in items]),
        label=words("this_class"),
        reference_label=words("all"),
        words=words,
    )
    return Figure(svg, "scores, items.difficulty")


def focus_block(row: Context, words: Words) -> Focus:
    item = row["item"]
    rates = f"{words('this_class')} {percent(row['rate'])} · {words('this_school')} {percent(row['school'])} · "
    rates += f"{words('all')} {percent(row['all'])}" + (f" · {words('key')} {item.key}" if item.key else "")
    chips = [(words("lower"), "below")] if row["lower"] else []
    knowledge = words.join([name for name, _ in item.knowledge])
    return Focus(words("item.name", item=item.item), knowledge, chips, rates, _who(row["wrong"], words))


def _who(given: list[Given], words: Words) -> list[tuple[str, str, str]]:
    """Answers, how many gave them, and who."""
    return [(_answer(one, words), f"{one.count} · {percent(one.share)}", words.join(list(one.names))) for one in given]


def _answer(given: Given, words: Words) -> str:
    return words("answer.blank") if given.answer == "" else words.code("answer", given.answer)


def item_table(items: list[Context], name: str, words: Words) -> Table:
    columns = [Column(words("item"), "keep"), Column(words("type"), "keep"), Column(words("key"), "keep")]
    columns += [Column(words("knowledge")), Column(words("this_class"), "rate"), Column(words("this_school"), "rate")]
    columns += [Column(words("all"), "rate"), Column(words("gap.rate"), "gap_rate"), Column(words("options"))]
    body = []
    for row in items:
        item = row["item"]
        gap = None if row["all"] is None else row["rate"] - row["all"]
        given = " · ".join(f"{_answer(one, words)} {one.count}" + (" ✓" if one.right else "") for one in row["given"])
        knowledge = words.join([point for point, _ in item.knowledge])
        rate = Cell(row["rate"], look="hot" if row["lower"] else "")
        cells = [
            item.item,
            words.code("type", item.type),
            item.key,
            knowledge,
            rate,
            row["school"],
            row["all"],
            gap,
            given,
        ]
        body.append(Row(cells, more=_who([one for one in row["given"] if not one.right], words)))
    return Table(columns, body, "scores, items.difficulty", annex=f"{name} {words('items')}")
