"""All stages in a row."""

from __future__ import annotations

from pathlib import Path

import demo as demo_exam
from engine.errors import UsageError, YuejuanError
from engine.exam import load_exam
from stages.balance import equity
from stages.history import grow, track
from stages.monitoring import scale
from stages.numbers import analyze, score
from stages.paper import sheets
from stages.reading import read_subjects
from stages.rehearsal import simulate
from stages.reports import report
from stages.teaching import diagnose, lecture, recommend
from stages.work import Summary, Work


def run(folder: Path, work: Work, language: str = "zh") -> Summary:
    """All stages from scans to reports."""
    summary = Summary("run")
    exam = load_exam(folder)
    read_subjects(exam, work)
    for done in (
        score(folder, work),
        analyze(folder, work),
        *((stage(folder) for stage in (track, grow)) if exam.history.store else ()),
        equity(folder),
        scale(folder),
        diagnose(folder, work),
        recommend(folder),
        lecture(folder, work),
        report(folder, work, language),
    ):
        summary.figures |= done.figures
        summary.notes += done.notes
        summary.exceptions = max(summary.exceptions, done.exceptions)
        summary.written += [path for path in done.written if path not in summary.written and path.suffix != ".arrow"]
    return summary


def demo(folder: Path, work: Work, language: str = "zh", *, pupils: int = demo_exam.PUPILS) -> Summary:
    """Build the made-up exam, print, fill in and scan it, run it, and compare the outcome with the truth.

    Args:
        pupils: how many in each of the six classes.

    Raises:
        UsageError: the folder is not empty.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError("not an empty folder", file=folder, mend="name a new folder")
    demo_exam.write_exam(folder, pupils=pupils)
    sheets(folder)
    simulate(folder, work)
    demo_exam.spoil(folder)
    summary = run(folder, work, language)
    outcome = demo_exam.compare(load_exam(folder))
    summary.stage = "demo"
    summary.figures |= outcome.figures()
    # The made-up exam has its exceptions on purpose; the demo fails only when the machine was silently wrong.
    summary.exceptions = 0
    if outcome.silent or outcome.wrong_scores:
        raise YuejuanError(f"the demo went wrong: {outcome}", mend="please report this with your platform")
    return summary
