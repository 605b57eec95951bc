"""Tables of schools come in: understood, shown, checked by the strict readers, and only then put into the exam."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from engine import tables
from engine.blueprint import load_items
from engine.byhand import check_by_hand
from engine.errors import InputError, UsageError
from engine.exam import load_exam
from engine.files import find_table, read_records
from engine.intake import feedback
from engine.intake.blueprint import draft_blueprint
from engine.intake.context import Context
from engine.intake.draft import Draft
from engine.intake.marks import draft_marks
from engine.intake.people import Given
from engine.intake.roster import draft_roster
from engine.intake.scores import draft_scores
from engine.points import parse_points
from engine.roster import ALIASES as ROSTER_ALIASES
from engine.roster import load_roster
from stages.work import Summary

MOST_TOLD = 5  # problems in the summary; all are in the list of errors
_STRICT = ("roster", "seating", "blueprint", "forms", "marks", "corrections")  # tables that one another must fit


def import_roster(
    files: Sequence[Path], exam: Path, given: Given | None = None, *, preview: bool = False, accept_rest: bool = False
) -> Summary:
    """Put the pupils of school lists into an exam's roster.csv."""
    context = Context(exam)
    return _take_over(draft_roster(files, given), context, preview=preview, accept_rest=accept_rest)


def import_scores(
    files: Sequence[Path],
    exam: Path,
    given: Given | None = None,
    *,
    full: Sequence[str] = (),
    preview: bool = False,
    accept_rest: bool = False,
) -> Summary:
    """Put the scores of school tables, one a subject, into an exam; it is begun where there is none.

    Args:
        full: full marks that the files don't say, "maths=120".
    """
    context = Context.of(exam, _full_marks(full))
    return _take_over(draft_scores(files, context, given), context, preview=preview, accept_rest=accept_rest)


def import_marks(
    files: Sequence[Path],
    exam: Path,
    given: Given | None = None,
    *,
    subject: str = "",
    preview: bool = False,
    accept_rest: bool = False,
) -> Summary:
    """Put the points of items (小题分), or of constructed responses alone, into an exam.

    Args:
        subject: code or name, where no sheet says it.
    """
    context = Context.of(exam)
    return _take_over(draft_marks(files, context, given, subject), context, preview=preview, accept_rest=accept_rest)


def import_blueprint(
    files: Sequence[Path],
    exam: Path,
    *,
    subject: str = "",
    points_only: bool = False,
    preview: bool = False,
    accept_rest: bool = False,
) -> Summary:
    """Put 双向细目表 into an exam's blueprint.csv.

    Args:
        subject: code or name, where no sheet says it.
        points_only: nothing will be scanned, so that answers are not needed.
    """
    context = Context.of(exam)
    draft = draft_blueprint(files, context, subject, points_only=points_only)
    return _take_over(draft, context, preview=preview, accept_rest=accept_rest)


def _full_marks(said: Sequence[str]) -> dict[str, Fraction]:
    found = {}
    for one in said:
        code, _, text = one.partition("=")
        points = parse_points(text.strip())
        if points is None or points <= 0:
            raise UsageError(f"full mark {one!r}", mend="say it as --full maths=120")
        found[code.strip()] = points
    return found


def _take_over(draft: Draft, context: Context, *, preview: bool, accept_rest: bool) -> Summary:
    """Tell what was understood, list what is wrong, and write what was made unless there are errors.

    Raises:
        InputError: there are errors, and the rest was not accepted.
    """
    lists = context.folder / "out" / "import"
    shown, problems = lists / f"preview-{draft.kind}.xlsx", lists / f"errors-{draft.kind}.xlsx"
    errors, warnings = draft.complaints.errors, draft.complaints.warnings
    summary = Summary(f"import {draft.kind}", exceptions=len(errors), listed=str(problems), written=[shown])
    summary.figures["rows"] = {
        "read": sum(len(table.rows) for table in draft.tables),
        "left out": sum(len(table.dropped) for table in draft.tables),
        "errors": len(errors),
        "warnings": len(warnings),
    }
    summary.figures["taken over"] = dict(draft.counts)
    feedback.write_preview(draft, shown)
    problems.unlink(missing_ok=True)
    if errors or warnings:
        feedback.write_errors(draft, problems)
        summary.written.append(problems)
    summary.notes = [*(feedback.told(draft) if preview else ()), *draft.notes]
    summary.notes += [f"{'错误' if one.is_error else '提醒'} {one}" for one in [*errors, *warnings][:MOST_TOLD]]
    if preview:
        return summary
    if errors and not accept_rest:
        told = [f"{len(errors)} errors, so nothing was written into the exam; all are listed in {problems}"]
        raise InputError(
            "\n  ".join([*told, *map(str, errors[:MOST_TOLD])]),
            mend="mend the file as the list says, or repeat with --accept-rest to leave these rows out",
        )
    if not draft.made:
        raise InputError("no row that could be taken over", mend=f"see {problems}")
    summary.notes += _missed(draft, context)
    with tempfile.TemporaryDirectory() as scratch:
        _put(draft, context, _copy(context, Path(scratch) / "exam"))
        _read_strictly(context, Path(scratch) / "exam")
    summary.written = [*_put(draft, context, context.folder), *summary.written]
    return summary


def _missed(draft: Draft, context: Context) -> list[str]:
    """Who is in the tables that will be replaced and not in the new ones."""
    notes = []
    for name, table in draft.made.items():
        before = find_table((context.folder / name).parent, Path(name).name)
        if before and "学籍号" in table.column_names:
            with suppress(InputError):  # a table that can't be read may well be replaced
                old = read_records(before, required=("student_id",), aliases=ROSTER_ALIASES)
                if gone := {row["student_id"] for row in old.rows} - set(table["学籍号"].to_pylist()):
                    told = "旧表按日期保留；分班的文件请一次全部给出"
                    notes.append(f"{name}.csv 原有 {len(gone)} 人不在这次的文件里（{told}）")
    return notes


def _copy(context: Context, folder: Path) -> Path:
    """The exam's tables, without scans and results."""
    folder.mkdir()
    for part in ("", *context.subjects):
        (folder / part).mkdir(exist_ok=True)
        for path in (context.folder / part).glob("*.*"):
            if path.is_file() and (path.stem in _STRICT or path.name in ("exam.toml", "evaluation.json")):
                shutil.copy2(path, folder / part)
    return folder


def _read_strictly(context: Context, folder: Path) -> None:
    """Let the readers of the exam's own formats have the last word.

    Raises:
        InputError: they refuse what would be written.
    """
    try:
        there = [keys for keys in context.subjects.values() if find_table(folder / keys.code, "blueprint")]
        for keys in there:
            load_items(folder / keys.code, keys)
        if find_table(folder, "roster"):
            load_roster(folder)
            if context.subjects and len(there) == len(context.subjects):
                check_by_hand(load_exam(folder))
    except InputError as error:
        raise InputError(
            f"what was understood does not fit the exam:\n{str(error).replace(str(folder), str(context.folder))}",
            mend="correct the files, or the exam; nothing was written",
        ) from None


def _put(draft: Draft, context: Context, folder: Path) -> list[Path]:
    """Write our tables; what was there before is kept beside them under today's date and time."""
    stamp = f"{datetime.datetime.now():%Y%m%d-%H%M%S}"
    written = []
    toml = folder / "exam.toml"
    if context.toml and (not toml.exists() or toml.read_text("utf-8-sig") != context.toml):
        _keep(toml, stamp)
        tables.write_bytes(context.toml.encode(), toml)
        written.append(toml)
    for name, table in draft.made.items():
        target = folder / f"{name}.csv"
        before = find_table(target.parent, target.stem)
        if before:
            _keep(before, stamp)
        tables.write_csv(table, target)
        if before and before != target:
            before.unlink()
        written.append(target)
    return written


def _keep(path: Path, stamp: str) -> None:
    """A dated copy of a file that will be replaced: roster.csv → roster.20261110-093000.csv."""
    if path.exists():
        shutil.copy2(path, path.with_name(f"{path.stem}.{stamp}{path.suffix}"))
