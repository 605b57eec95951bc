"""成绩表: a score a subject, as subjects of one item of which only the points are known."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pyarrow as pa

from engine.errors import InputError, collecting, raise_all
from engine.intake.cells import score_of
from engine.intake.context import TOTAL_ITEM, Context
from engine.intake.draft import Draft, gather
from engine.intake.header import Table
from engine.intake.people import MEANINGS, WHO, Given, people, roll_of
from engine.intake.results import Results, check_total, put_results, read_row, smallest_step
from engine.intake.words import (
    FULL_MARKS,
    SUBJECTS,
    TOTAL,
    in_brackets,
    is_total,
    own_subjects,
    pupil_field,
    subject_code,
    subject_name,
)
from engine.points import parse_points, plain


def draft_scores(paths: Sequence[Path], context: Context, given: Given | None = None) -> Draft:
    """Read 成绩表 of any form into marks.csv and corrections.csv of each subject; blueprint.csv, exam.toml and
    roster.csv where they are not there yet.

    Raises:
        InputError: a file can't be read, has no column of a subject, or a subject's full mark is nowhere said, or the
            exam knows the subject's items, which a total does not tell.
    """
    own = own_subjects((code, keys.name) for code, keys in context.subjects.items())

    def recognise(title: str) -> str | None:
        code = subject_code(title, own)
        return f"subject:{code}" if code else TOTAL if is_total(title) else pupil_field(title)

    subjects = {f"subject:{code}" for code in (*own.values(), *SUBJECTS)}
    draft = gather("scores", paths, recognise, [WHO, subjects], "要有姓名或号码，和至少一科成绩")
    found = dict.fromkeys(name for table in draft.tables for name in table.fields if name in subjects)
    codes = [name.partition(":")[2] for name in found]
    names = {code: context.subjects[code].name if code in context.subjects else subject_name(code) for code in codes}
    draft.meanings = MEANINGS | {f"subject:{code}": f"{name}成绩" for code, name in names.items()}
    draft.meanings[TOTAL] = "总分（核对）"
    full: dict[str, Fraction] = {}
    unknown: list[InputError] = []
    for code, name in names.items():
        with collecting(unknown):
            full[code] = _full_mark(code, name, draft.tables, context)
    raise_all(unknown)

    given = given or Given()
    columns = [people(draft, table, given) for table in draft.tables]
    roll = roll_of(draft, columns, context.roster)
    results = {code: Results() for code in codes}
    for table, who in zip(draft.tables, columns, strict=True):
        rows = roll.find(draft, table, who)
        state = who.get("status", [""] * len(rows))
        for code in codes:
            if f"subject:{code}" in table.fields:
                keys = context.subjects.get(code)
                place = {f"subject:{code}": (TOTAL_ITEM, full[code])}
                for i, row in enumerate(rows):
                    one = read_row(draft, table, i, place, keys.step if keys else None, state[i]) if row >= 0 else None
                    if one:
                        results[code].put(draft, roll.pupils.ids[row], one)
        check_total(draft, table, [f"subject:{code}" for code in codes if f"subject:{code}" in table.fields])
    context.title = draft.title()
    for code in codes:
        _make(draft, context, code, names[code], full[code], results[code].without(draft))
    return draft


def _full_mark(code: str, name: str, tables: Sequence[Table], context: Context) -> Fraction:
    """The full mark as given, as the exam has it, as a title says "数学（120分）", or as a row 满分 says."""
    if items := context.items.get(code):
        if len(items) > 1 or not context.subjects[code].points_only:
            raise InputError(
                f"{name}: the exam has a blueprint of {len(items)} items, which a total score does not tell apart",
                file=context.folder / code / "blueprint.csv",
                mend="import the items' scores (小题分, `yuejuan import marks`), or totals into another exam",
            )
        return items[0].max
    said: dict[Fraction, str] = {}
    field = f"subject:{code}"
    for table in tables:
        if field not in table.fields:
            continue
        place = table.fields[field]
        words = in_brackets(table.titles[place]).replace("满分", "").replace("分", "").strip(" :")
        if full := parse_points(words):
            said[full] = f"{table.grid.told}: {table.titles[place]}"
        for row in table.dropped:
            cells = table.grid.rows[row]
            if any(FULL_MARKS.fullmatch(unicodedata.normalize("NFKC", cell)) for cell in cells if cell):
                value, _ = score_of(table.grid.cell(row, place))
                if value:
                    said[value] = f"{table.grid.told}: row {table.grid.lines[row]}"
    if given := context.given_full.get(code) or context.given_full.get(name):
        return given
    if len(said) != 1:
        told = "; ".join(f"{plain(full)} in {where}" for full, where in said.items()) or "nothing says it"
        raise InputError(f"the full mark of {name} is not clear: {told}", mend=f"say it: --full {name}=…")
    return next(iter(said))


def _make(draft: Draft, context: Context, code: str, name: str, full: Fraction, results: Results) -> None:
    """Our tables of one subject."""
    if code not in context.subjects:
        step = smallest_step(results, [full], name)
        context.add_subject(code, name, step)
        draft.notes.append(f"exam.toml 里加了{name}（{code}），满分 {plain(full)}，最小记分单位 {plain(step)}")
    if code not in context.items:
        draft.made[f"{code}/blueprint"] = pa.table({"题号": [TOTAL_ITEM], "题型": ["解答"], "分值": [plain(full)]})
    put_results(draft, context, code, name, [TOTAL_ITEM], results)
