"""小题分: points of every item, or of the constructed responses, as marks.csv."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pyarrow as pa

from engine.errors import InputError
from engine.intake.cells import score_of
from engine.intake.context import Context
from engine.intake.draft import Draft, gather
from engine.intake.header import Table
from engine.intake.items import by_key, item_key, item_name, worth
from engine.intake.people import MEANINGS, WHO, Given, Roll, people, roll_of
from engine.intake.results import Results, check_total, put_results, read_row, smallest_step
from engine.intake.words import (
    FULL_MARKS,
    SUBJECTS,
    TOTAL,
    is_passed_over,
    is_total,
    key,
    own_subjects,
    pupil_field,
    subject_code,
    subject_name,
)
from engine.points import plain

_ITEM = "item:"


def draft_marks(paths: Sequence[Path], context: Context, given: Given | None = None, subject: str = "") -> Draft:
    """Read 小题分 of any form into marks.csv and corrections.csv of the subject, or of several, a sheet each.

    A subject that has no blueprint gets one, with full marks from the titles, "21(12分)", or from a row 满分. Of a
    subject whose sheets are scanned only the constructed responses are taken; one without scans gets `points_only` in
    exam.toml if the file has points of its other items.

    Args:
        subject: its code or name; else the sheet, the file or a title row says it, or the exam has only one.

    Raises:
        InputError: a file can't be read or has no items; it is not clear whose subject a sheet is; full marks are
            nowhere said.
    """
    own = own_subjects((code, keys.name) for code, keys in context.subjects.items())
    known = by_key(item.item for items in context.items.values() for item in items)
    words = {one for one in known if not one[0].isdecimal()}

    def recognise(title: str) -> str | None:
        if is_total(title):
            return TOTAL
        found = "" if pupil_field(title) or is_passed_over(title) else item_key(title)
        return pupil_field(title) or (_ITEM + found if found and (found[0].isdecimal() or found in words) else None)

    draft = gather("marks", paths, recognise, [WHO], "要有姓名或号码，和各小题的题号")
    without = [table for table in draft.tables if not any(name.startswith(_ITEM) for name in table.fields)]
    draft.skipped += [(table.grid, "没有小题的列") for table in without]
    draft.tables = [table for table in draft.tables if table not in without]
    if not draft.tables:
        raise InputError("no columns of items", file=paths[0], mend="title the columns with the numbers of the items")
    codes = [subject_of(table, context, own, subject) for table in draft.tables]
    draft.meanings = MEANINGS | {TOTAL: "总分（核对）"}

    context.title = draft.title()
    columns = [people(draft, table, given or Given()) for table in draft.tables]
    roll = roll_of(draft, columns, context.roster)
    for code in dict.fromkeys(codes):
        mine = [n for n, other in enumerate(codes) if other == code]
        _read_subject(draft, context, code, roll, [(draft.tables[n], columns[n]) for n in mine])
    return draft


def _read_subject(
    draft: Draft, context: Context, code: str, roll: Roll, tables: list[tuple[Table, dict[str, list[str]]]]
) -> None:
    keys = context.subjects.get(code)
    name = keys.name if keys else subject_name(code)
    if code in context.items:
        full = _items_to_take(draft, context, code, [table for table, _ in tables])
    else:
        full = _new_items([table for table, _ in tables], name)
    names = by_key(full)
    results = Results()
    for table, who in tables:
        places = {field: names.get(field.removeprefix(_ITEM), "") for field in table.fields if field.startswith(_ITEM)}
        taken = {field: (item, full[item]) for field, item in places.items() if item}
        for field in places.keys() - taken.keys():
            del table.fields[field]
        draft.meanings |= {field: f"第 {item} 题（{plain(most)} 分）" for field, (item, most) in taken.items()}
        state = who.get("status", [""] * len(table.rows))
        for i, row in enumerate(roll.find(draft, table, who)):
            one = read_row(draft, table, i, taken, keys.step if keys else None, state[i]) if row >= 0 else None
            if one:
                results.put(draft, roll.pupils.ids[row], one)
        check_total(draft, table, list(taken), whole=len(taken) == len(full))
    results = results.without(draft)
    if keys is None:
        context.add_subject(code, name, smallest_step(results, full.values(), name))
        draft.notes.append(f"exam.toml 里加了{name}（{code}）")
    if code not in context.items:
        columns = {
            "题号": list(full),
            "题型": ["解答"] * len(full),
            "分值": [plain(points) for points in full.values()],
        }
        draft.made[f"{code}/blueprint"] = pa.table(columns)
    put_results(draft, context, code, name, list(full), results)


def subject_of(table: Table, context: Context, own: dict[str, str], subject: str) -> str:
    """The code of the subject that a table is of."""
    if subject:
        code = subject if subject in context.subjects else subject_code(subject, own)
        if code is None:
            raise InputError(f"no subject {subject!r}", mend="give a code of exam.toml or a usual name, such as 数学")
        return code
    above = "".join(cell for row in table.grid.rows[: table.header.start] for cell in dict.fromkeys(row))
    words = {key(word): word for listed in SUBJECTS.values() for word in listed.split() if len(word) > 1}
    for text in (table.grid.name, table.grid.path.stem, above):
        said = {code for word in (*own, *words) if word in key(text) and (code := subject_code(word, own))}
        if len(said) == 1:
            return said.pop()
    if len(context.subjects) == 1:
        return next(iter(context.subjects))
    raise InputError(
        f"it is not clear which subject sheet {table.grid.name!r} is of",
        file=table.grid.path,
        mend="say it with --subject, or name the sheets by their subjects",
    )


def _items_to_take(draft: Draft, context: Context, code: str, tables: list[Table]) -> dict[str, Fraction]:
    """Item → full mark of those whose points are to be taken."""
    items = context.items[code]
    found = {name.removeprefix(_ITEM) for table in tables for name in table.fields if name.startswith(_ITEM)}
    names = {name for one, name in by_key(item.item for item in items).items() if one in found}
    others = [item.item for item in items if item.item in names and item.type != "constructed"]
    told = context.subjects[code].name
    if others and context.is_scanned(code):
        draft.notes.append(f"{told}：{'、'.join(others[:5])} 等 {len(others)} 题由扫描件判分，这里的得分不用")
    elif others:
        context.make_points_only(code)
        draft.notes.append(f"{told}：没有扫描件，{len(others)} 道客观题也按这里的得分；exam.toml 里设了 points_only")
    taken = [item for item in items if item.type == "constructed" or context.subjects[code].points_only]
    lacking = [item.item for item in taken if item.item not in names]
    if lacking:
        draft.notes.append(f"{told}：文件里没有第 {'、'.join(lacking)} 题的得分")
    if not names & {item.item for item in taken}:
        raise InputError(
            f"{told}: none of the constructed-response items of the blueprint is in the file",
            file=tables[0].grid.path,
            mend=f"title the columns with their numbers: {', '.join(item.item for item in taken)}",
        )
    return {item.item: item.max for item in taken}


def _new_items(tables: list[Table], name: str) -> dict[str, Fraction]:
    """Item → full mark, of a subject that has no blueprint yet."""
    full: dict[str, Fraction | None] = {}
    for table in tables:
        said = [row for row in table.dropped if any(map(_is_full_marks, table.grid.rows[row]))]
        for field, place in sorted(table.fields.items(), key=lambda pair: pair[1]):
            if field.startswith(_ITEM):
                below = (score_of(table.grid.cell(row, place))[0] for row in said)
                points = worth(table.titles[place]) or next((value for value in below if value), None)
                item = item_name(field.removeprefix(_ITEM))
                full[item] = full.get(item) or points
    unknown = [item for item, points in full.items() if not points]
    if unknown:
        raise InputError(
            f"{name}: nothing says the full mark of item {', '.join(unknown[:10])}",
            file=tables[0].grid.path,
            mend="import the blueprint first (`yuejuan import blueprint`), or add a row 满分 below the header",
        )
    return {item: points for item, points in full.items() if points}


def _is_full_marks(cell: str) -> bool:
    return bool(cell) and bool(FULL_MARKS.fullmatch(unicodedata.normalize("NFKC", cell)))
