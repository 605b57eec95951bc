"""Tables of schools come in: understood, shown, checked by the strict readers, and only then put into the exam."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from engine import tables
from engine.errors import InputError
from engine.files import find_table
from engine.intake import feedback
from engine.intake.draft import Draft
from engine.intake.people import Given
from engine.intake.roster import draft_roster
from stages.work import Summary

MOST_TOLD = 5  # problems in the summary; all are in the list of errors


def import_roster(
    files: Sequence[Path], exam: Path, given: Given | None = None, *, preview: bool = False, accept_rest: bool = False
) -> Summary:
    """Put the pupils of school lists into an exam's roster.csv."""
    return _take_over(draft_roster(files, given), exam, preview=preview, accept_rest=accept_rest)


def _take_over(draft: Draft, exam: Path, *, preview: bool, accept_rest: bool) -> Summary:
    """Tell what was understood, list what is wrong, and write what was made unless there are errors.

    Raises:
        InputError: there are errors, and the rest was not accepted.
    """
    summary = Summary(f"import {draft.kind}", listed=f"errors-{draft.kind}.xlsx")
    lists = exam / "out" / "import"
    errors, warnings = draft.complaints.errors, draft.complaints.warnings
    summary.figures["rows"] = {
        "read": sum(len(table.rows) for table in draft.tables),
        "left out": sum(len(table.dropped) for table in draft.tables),
        "errors": len(errors),
        "warnings": len(warnings),
    }
    summary.figures["taken over"] = dict(draft.counts)
    feedback.write_preview(draft, lists / f"preview-{draft.kind}.xlsx")
    summary.written = [lists / f"preview-{draft.kind}.xlsx"]
    problems = lists / f"errors-{draft.kind}.xlsx"
    problems.unlink(missing_ok=True)
    if errors or warnings:
        feedback.write_errors(draft, problems)
        summary.written.append(problems)
    summary.notes = [*(feedback.told(draft) if preview else ()), *draft.notes]
    for one in [*errors, *warnings][:MOST_TOLD]:
        summary.notes.append(f"{'错误' if one.is_error else '提醒'} {one}")
    if preview:
        summary.exceptions = len(errors)
        return summary
    if errors and not accept_rest:
        raise InputError(
            "\n".join(
                [
                    f"{len(errors)} errors, so nothing was written into the exam; all are listed in {problems}",
                    *(f"  {one}" for one in errors[:MOST_TOLD]),
                ]
            ),
            mend="mend what the list shows in the file, or repeat with --accept-rest to leave these rows out",
        )
    if not draft.made:
        raise InputError("no row that could be taken over", mend=f"see {problems}")
    summary.exceptions = len(errors)
    summary.written = [*_write(draft.made, exam), *summary.written]
    return summary


def _write(made: dict[str, pa.Table], exam: Path) -> list[Path]:
    """Write our tables; what was there before is kept beside them under the time of today."""
    stamp = f"{datetime.datetime.now():%Y%m%d-%H%M%S}"
    written = []
    for name, table in made.items():
        target = exam / f"{name}.csv"
        before = find_table(target.parent, target.name.removesuffix(".csv"))
        if before is not None:
            shutil.copy2(before, before.with_name(f"{before.stem}.{stamp}{before.suffix}"))
        tables.write_csv(table, target)
        if before is not None and before != target:
            before.unlink()
        written.append(target)
    return written
