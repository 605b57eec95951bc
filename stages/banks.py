"""Question banks: from format to format, looked over, and with figures from exams."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

from engine import tables
from engine.bank import load_bank, save_bank
from engine.bank.calibrate import calibrate
from engine.bank.check import check
from engine.bank.convert import format_of, read_bank, write_bank
from engine.bank.table import flat
from engine.errors import UsageError
from engine.exam import load_exam
from engine.files import need_table
from report.export import export
from stages.state import fresh_scores
from stages.work import Summary

MOST_NOTES = 10  # of a kind
UNCALIBRATED = ("question", "subject", "stem", "knowledge")  # what a question has before it has been used


def convert_bank(file: Path, output: Path, to: str = "", subject: str = "") -> Summary:
    """Write a bank of any format in another one.

    Args:
        to: the format; by default what the suffix says.
        subject: of all questions; by default what they name.

    Raises:
        UsageError: the file to write is there already, there is no such format, or its suffix says none.
        InputError: the bank cannot be read.
    """
    _refuse_existing(output)
    to = format_of(output, to)
    bundle = read_bank(file, subject=subject)
    written = write_bank(bundle, output, to, _save_xlsx if to == "xlsx" else save_bank)
    counts: dict[str, int | float] = {"questions": len(bundle.questions), "pictures": len(bundle.pictures)}
    summary = Summary("bank convert", {"bank": counts}, written=written[:1])
    summary.notes = bundle.notes.lines()
    blank = [one.question for one in bundle.questions if one.difficulty is None or not one.knowledge]
    if blank:
        summary.notes.append(f"{len(blank)} questions without difficulty or knowledge points: fill them in to use them")
    return summary


def check_bank(file: Path, exam: Path | None = None, output: Path | None = None) -> Summary:
    """What a person should look at in a bank of any format.

    Args:
        exam: whose subjects and knowledge points count; by default the folder that the bank lies in, if it is one.
        output: a CSV file for all findings.
    """
    bundle = read_bank(file)
    beside = file.parent if (file.parent / "exam.toml").is_file() else None
    whose = exam or beside
    known = load_exam(whose) if whose else None
    found = check(bundle.questions, known.subjects, known.date) if known else check(bundle.questions)
    summary = Summary("bank check", {"bank": {"questions": len(bundle.questions)}})
    summary.figures["findings"] = dict(sorted(Counter(found["kind"].to_pylist()).items()))
    told = Counter(found["kind"].to_pylist())
    shown: Counter[str] = Counter()
    for row in found.to_pylist():
        shown[row["kind"]] += 1
        if shown[row["kind"]] <= MOST_NOTES:
            summary.notes.append(f"{row['kind']}: {row['question']} {row['detail']}")
        elif shown[row["kind"]] == told[row["kind"]]:
            summary.notes.append(f"{row['kind']}: {told[row['kind']] - MOST_NOTES} more")
    summary.notes = bundle.notes.lines() + summary.notes
    if output:
        tables.write_csv(found, output)
        summary.written = [output]
    return summary


def calibrate_bank(folder: Path, output: Path | None = None) -> Summary:
    """Figures of the bank's questions from an exam that was scored, in a new file.

    Raises:
        UsageError: the file to write is there already.
        InputError: the exam has no bank, or no fresh scores.
    """
    exam = load_exam(folder)
    bank = load_bank(need_table(folder, "bank"), required=UNCALIBRATED, further=True)
    output = output or folder / f"bank.{exam.id}.csv"
    _refuse_existing(output)
    done = calibrate(bank, exam.id, list(zip(exam.subjects, fresh_scores(exam), strict=True)))
    summary = Summary("bank calibrate", notes=done.notes[:MOST_NOTES])
    summary.figures["bank"] = {"questions": bank.num_rows, "calibrated": len(done.changes)}
    if done.changes:
        moved = [(old, new, name, n) for name, old, new, n in done.changes if old is not None]
        furthest = sorted(moved, key=lambda change: -abs(change[1] - change[0]))[:MOST_NOTES]
        summary.notes += [f"{name}: {old:.2f} → {new:.2f}, {n} pupils" for old, new, name, n in furthest]
        save_bank(done.bank, output)
        summary.written = [output]
    else:
        summary.notes.append("nothing to do: no item names a question of the bank in the blueprint's column question")
    return summary


def _save_xlsx(bank: pa.Table, path: Path) -> None:
    export(flat(bank), "xlsx", path)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise UsageError("this file exists already", file=path, mend="name another file, or move this one away")
