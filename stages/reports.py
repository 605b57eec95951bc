"""Numbers reach people: reports, and tables in other formats."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from engine import tables
from engine.exam import load_exam
from engine.policy import PUBLISHED
from engine.pseudonyms import load_key, pseudonymise
from stages.state import fresh, fresh_scores
from stages.work import Summary, Work

ANALYSED = ("items", "options", "reliability", "units", "mastery", "groups", "recommendations")


# Tables that reports show where they have been made; then they must be of this state of the exam.
SHOWN_IF_MADE = (
    *("spread", "segments", "grades", "lines", "growth", "balance", "gaps", "person_fit", "dif", "coefficients"),
    *("lecture", "lecture_options", "lecture_questions", "research_topics"),
)


def report(
    folder: Path, work: Work, language: str = "zh", *, kinds: Collection[str] = (), pdf: bool = False
) -> Summary:
    """HTML and XLSX reports for exam, counties, papers, schools, classes and pupils.

    Args:
        kinds: some of report.build.KINDS; none named: all.
        pdf: the print editions, too.
    """
    from report.build import KINDS, build  # typesetter and font tools take a second to load

    exam = load_exam(folder)
    fresh_scores(exam)
    fresh(exam, *ANALYSED)
    fresh(exam, *PUBLISHED, folder=exam.published)
    fresh(exam, *(name for name in SHOWN_IF_MADE if (exam.tables / f"{name}.arrow").exists()))
    tables.read(exam.tables / "exceptions.arrow")
    tables.read(exam.tables / "accounts.arrow")
    counts = build(
        exam,
        exam.reports,
        language=language,
        kinds=kinds or KINDS,
        pdf=pdf,
        progress=work.on("report"),
        executor=work.executor,
    )
    return Summary("report", {"reports": dict(counts)}, written=[exam.reports / "index.html"])


def export(table: Path, to: str, output: Path | None = None, pseudonyms: Path | None = None) -> Summary:
    """Convert an Arrow table to Parquet, CSV or XLSX.

    Args:
        pseudonyms: a file with a key; pupils then appear under pseudonyms (see engine/pseudonyms.py).
    """
    from report.export import export as write_as

    target = output or table.with_suffix(f".{to}")
    data = tables.read(table)
    if pseudonyms:
        exam = table.resolve().parents[2] if table.resolve().parent.parent.name == "out" else table.parent
        data = pseudonymise(table.stem, data, load_key(pseudonyms, exam, target.parent))
    write_as(data, to, target)
    return Summary("export", {"table": {"rows": data.num_rows, "columns": data.num_columns}}, written=[target])
