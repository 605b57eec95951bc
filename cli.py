"""The command line: one verb a stage, no logic of its own."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import stages
from engine.errors import InputError, YuejuanError

NEEDS_PERSON = 4
INTERRUPTED = 130  # Ctrl-C

_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Yuejuan (阅卷): scans in; scores, weak points, practice and reports out.",
)
_layouts = typer.Typer(no_args_is_help=True, help="Layouts: ours and other programs'.")
_app.add_typer(_layouts, name="layout")
_blueprints = typer.Typer(no_args_is_help=True, help="Blueprints: other programs' marking rules.")
_app.add_typer(_blueprints, name="blueprint")
_banks = typer.Typer(no_args_is_help=True, help="Question banks: CSV, XLSX, QTI, Moodle XML, GIFT, Aiken.")
_app.add_typer(_banks, name="bank")
_imports = typer.Typer(no_args_is_help=True, help="Tables as schools have them (.xlsx, .xls, CSV, any layout).")
_app.add_typer(_imports, name="import")
out = Console()
err = Console(stderr=True)

LayoutFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="A Yuejuan layout.json, an OMRChecker template.json or a MarkShark bubblemap.yaml."
    ),
]
ExamFolder = Annotated[Path, typer.Argument(metavar="EXAM", help="The exam folder (with exam.toml).")]
Json = Annotated[bool, typer.Option("--json", help="Print a machine-readable summary.")]
Workers = Annotated[int, typer.Option("--workers", "-w", min=0, help="Processes to use; 0: one a core.")]


class Language(StrEnum):
    """Languages of the reports."""

    zh = "zh"
    en = "en"


Lang = Annotated[Language, typer.Option("--lang", help="Language of the reports.")]


def app() -> None:
    """Run the command line; the one place where errors become exit codes."""
    try:
        _app()
    except YuejuanError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        _complain(
            f"{error.filename or ''}: {error.strerror or error}\n  To mend: check the path, its permissions, the disk"
        )
        sys.exit(InputError.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _complain("interrupted; run it again to go on")
        raise
    except Exception as error:
        _complain(f"unexpected: {type(error).__name__}: {error}")
        _complain("please report this; YUEJUAN_DEBUG=1 shows where it happened")
        if os.environ.get("YUEJUAN_DEBUG"):
            traceback.print_exc()
        sys.exit(1)


def _complain(text: str) -> None:
    err.print(f"yuejuan: {text}", style="red", markup=False, highlight=False, soft_wrap=True)


@_app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to build it.")] = Path("demo-exam"),
    workers: Workers = 0,
    language: Lang = Language.zh,
    as_json: Json = False,
) -> None:
    """Build a complete made-up exam, run it, and compare the outcome with the truth."""
    with _working(workers, as_json) as work:
        _finish(stages.demo(folder, work, language), as_json)


@_app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")], as_json: Json = False
) -> None:
    """Scaffold an exam folder with commented templates."""
    _finish(stages.new(folder), as_json)


@_app.command()
def sheets(
    exam: ExamFolder,
    blank: Annotated[bool, typer.Option("--blank", help="One blank sheet instead of one per pupil.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a layout that scans may depend on.")] = False,
    as_json: Json = False,
) -> None:
    """Print-ready answer sheets: one per pupil with a barcode, or blank."""
    _finish(stages.sheets(exam, blank=blank, force=force), as_json)


@_app.command()
def simulate(
    exam: ExamFolder,
    preset: Annotated[
        str, typer.Option(help="Damage: scanner, copier, bilevel-fax or phone; twice as bad: scanner*2.")
    ] = "scanner",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same scans.")] = 1,
    workers: Workers = 0,
    as_json: Json = False,
) -> None:
    """Filled-in, damaged scans with their truth, to rehearse an exam."""
    with _working(workers, as_json) as work:
        _finish(stages.simulate(exam, work, preset=preset, seed=seed), as_json)


@_app.command()
def read(
    scans: Annotated[
        list[Path], typer.Argument(metavar="EXAM | SCANS...", help="An exam folder, or folders of scans.")
    ],
    layout: Annotated[
        Path | None, typer.Option("--layout", help="A layout of any kind: see `layout` (bare scans).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where to write (bare scans).")
    ] = None,
    workers: Workers = 0,
    as_json: Json = False,
) -> None:
    """Read scans into tables of marks; an interrupted run goes on where it stopped."""
    with _working(workers, as_json) as work:
        if layout is None and output is None and len(scans) == 1:
            _finish(stages.read(scans[0], work), as_json)
        else:
            _finish(stages.read_bare(scans, layout, output, work), as_json)


@_layouts.command("show")
def layout_show(
    file: LayoutFile,
    scan: Annotated[Path, typer.Argument(metavar="SCAN", help="A picture or PDF of a filled-in or empty form.")],
    page: Annotated[int, typer.Option(help="Which page of the scan.")] = 1,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="PNG", help="The picture to write.")] = None,
    as_json: Json = False,
) -> None:
    """Draw the fields, and what is read in them, over a scan: does the layout fit?"""
    _finish(stages.show_layout(file, scan, page, output), as_json)


@_layouts.command("convert")
def layout_convert(
    file: LayoutFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="JSON", help="The layout to write.")],
    as_json: Json = False,
) -> None:
    """Write a layout of any kind as a Yuejuan layout."""
    _finish(stages.convert_layout(file, output), as_json)


@_blueprints.callback()
def _blueprint() -> None:
    """A group of one command, so far."""


@_blueprints.command("convert")
def blueprint_convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An OMRChecker evaluation.json.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="CSV", help="The blueprint to write.")],
    layout: Annotated[
        Path | None, typer.Option("--layout", help="The form, of any kind: for its options, and a key in a picture.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write another program's marking rules as a blueprint."""
    _finish(stages.convert_blueprint(file, output, layout), as_json)


TableFiles = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Workbooks, CSV, web pages named .xls.")]
Into = Annotated[Path, typer.Option("--into", metavar="EXAM", help="The exam folder.")]
Preview = Annotated[bool, typer.Option("--preview", help="Only show what is understood; write lists, not the exam.")]
AcceptRest = Annotated[bool, typer.Option("--accept-rest", help="Leave rows with errors out and take the rest.")]
FullMarks = Annotated[list[str] | None, typer.Option("--full", help="Full mark that no file says: maths=120.")]
OfSubject = Annotated[str, typer.Option("--subject", help="Code or name of the subject, where no sheet says it.")]
School = Annotated[str, typer.Option("--school", help="School of all rows, where the file does not say.")]
County = Annotated[str, typer.Option("--county", help="County of all rows, where the file does not say.")]
Class = Annotated[str, typer.Option("--class", help="Class of all rows, where the file does not say.")]


@_imports.command("roster")
def import_roster(
    files: TableFiles,
    into: Into,
    school: School = "",
    county: County = "",
    klass: Class = "",
    preview: Preview = False,
    accept_rest: AcceptRest = False,
    as_json: Json = False,
) -> None:
    """Pupils (名单) into roster.csv."""
    given = stages.Given(school, county, klass)
    _finish(stages.import_roster(files, into, given, preview=preview, accept_rest=accept_rest), as_json)


@_imports.command("scores")
def import_scores(
    files: TableFiles,
    into: Into,
    full: FullMarks = None,
    school: School = "",
    county: County = "",
    klass: Class = "",
    preview: Preview = False,
    accept_rest: AcceptRest = False,
    as_json: Json = False,
) -> None:
    """A score a subject (成绩表); begins an exam where there is none."""
    given = stages.Given(school, county, klass)
    done = stages.import_scores(files, into, given, full=full or [], preview=preview, accept_rest=accept_rest)
    _finish(done, as_json)


@_imports.command("marks")
def import_marks(
    files: TableFiles,
    into: Into,
    subject: OfSubject = "",
    school: School = "",
    county: County = "",
    klass: Class = "",
    preview: Preview = False,
    accept_rest: AcceptRest = False,
    as_json: Json = False,
) -> None:
    """Points of the items (小题分), or of the constructed responses alone."""
    given = stages.Given(school, county, klass)
    done = stages.import_marks(files, into, given, subject=subject, preview=preview, accept_rest=accept_rest)
    _finish(done, as_json)


@_imports.command("blueprint")
def import_blueprint(
    files: TableFiles,
    into: Into,
    subject: OfSubject = "",
    points_only: Annotated[
        bool, typer.Option("--points-only", help="Nothing is scanned, so choice items need no answers.")
    ] = False,
    preview: Preview = False,
    accept_rest: AcceptRest = False,
    as_json: Json = False,
) -> None:
    """Items and their points (双向细目表) into blueprint.csv."""
    done = stages.import_blueprint(
        files, into, subject=subject, points_only=points_only, preview=preview, accept_rest=accept_rest
    )
    _finish(done, as_json)


@_banks.command("convert")
def bank_convert(
    file: Annotated[Path, typer.Argument(metavar="IN", help="A bank of any format, told by its content.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The bank to write.")],
    to: Annotated[
        str, typer.Option("--to", help="csv, xlsx, qti (.zip), moodle (.xml), gift or aiken; else by the suffix.")
    ] = "",
    subject: Annotated[str, typer.Option("--subject", help="Subject of all questions; else what they name.")] = "",
    as_json: Json = False,
) -> None:
    """Write a bank in another format; what that cannot hold is told."""
    _finish(stages.convert_bank(file, output, to, subject), as_json)


@_banks.command("check")
def bank_check(
    file: Annotated[Path, typer.Argument(metavar="BANK", help="A bank of any format.")],
    exam: Annotated[
        Path | None,
        typer.Option("--exam", metavar="EXAM", help="Whose knowledge points count; else the bank's folder."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="CSV", help="A file for all findings.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Missing fields, duplicates, variants, unknown and untaught knowledge points."""
    _finish(stages.check_bank(file, exam, output), as_json)


@_banks.command("calibrate")
def bank_calibrate(
    exam: ExamFolder,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="CSV", help="The new bank; else EXAM/bank.<id>.csv.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Difficulty, and a and b of the 2PL model, of the questions that the exam used (blueprint column question)."""
    _finish(stages.calibrate_bank(exam, output), as_json)


def _stage_command(name: str, text: str) -> None:
    def command(exam: ExamFolder, as_json: Json = False) -> None:
        _finish(getattr(stages, name)(exam), as_json)

    _app.command(name, help=text)(command)


def _parallel_command(name: str, text: str) -> None:
    """A stage that goes through the subjects in processes of their own."""

    def command(exam: ExamFolder, workers: Workers = 0, as_json: Json = False) -> None:
        with _working(workers, as_json) as work:
            _finish(getattr(stages, name)(exam, work), as_json)

    _app.command(name, help=text)(command)


_stage_command("score", "Match sheets to pupils and score them.")
_parallel_command("analyze", "Item, option, reliability and group statistics.")
_stage_command("scale", "Ranks, standard and scaled scores, distributions, lines; what may be shown.")
_stage_command("equity", "Balance between schools, gaps between groups, resources, effect of training.")
_parallel_command("diagnose", "Mastery, weak points, teaching groups, shared errors.")
_stage_command("recommend", "Questions to practise next, for every pupil.")
_parallel_command("lecture", "What to go through in class, and what to talk about among teachers.")


StoreFolder = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="The store of exams; default: [history] store.")
]


@_app.command()
def track(exam: ExamFolder, store: StoreFolder = None, as_json: Json = False) -> None:
    """Keep the exam in a store of exams, for trends and growth."""
    _finish(stages.track(exam, store), as_json)


@_app.command()
def grow(exam: ExamFolder, store: StoreFolder = None, as_json: Json = False) -> None:
    """Trends over the exams of a store, and what schools and classes add since the earlier one."""
    _finish(stages.grow(exam, store), as_json)


@_app.command()
def report(
    exam: ExamFolder,
    language: Lang = Language.zh,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="exam, counties, papers, research, schools, classes, items, lectures or pupils."),
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print editions, too (A4).")] = False,
    workers: Workers = 0,
    as_json: Json = False,
) -> None:
    """HTML and XLSX reports for exam, counties, papers, schools, classes and pupils; PDF for the printer."""
    with _working(workers, as_json) as work:
        _finish(stages.report(exam, work, language, kinds=only or (), pdf=pdf), as_json)


@_app.command()
def run(exam: ExamFolder, language: Lang = Language.zh, workers: Workers = 0, as_json: Json = False) -> None:
    """All of it: read, score, analyze, scale, diagnose, recommend, lecture, report."""
    with _working(workers, as_json) as work:
        _finish(stages.run(exam, work, language), as_json)


@_app.command()
def export(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="An .arrow table under out/tables.")],
    to: Annotated[str, typer.Option("--to", help="parquet, csv or xlsx.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to; default: beside the table.")] = None,
    pseudonyms: Annotated[
        Path | None,
        typer.Option(
            "--pseudonyms",
            metavar="KEYFILE",
            envvar="YUEJUAN_PSEUDONYMS",
            help="Pupils under keyed pseudonyms; the key must not lie beside the data.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Convert a table to Parquet, CSV or XLSX, on request without identities."""
    _finish(stages.export(table, to, output, pseudonyms), as_json)


@contextmanager
def _working(workers: int, quiet: bool) -> Iterator[stages.Work]:
    """A pool of processes and a progress bar: a bar on a terminal, plain lines elsewhere, nothing with --json."""
    count = workers or stages.usable_cores()
    with stages.pool(count) as executor:
        if quiet:
            yield stages.Work(executor, count)
        elif err.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, console=err, transient=True) as bar:
                yield stages.Work(executor, count, _bar_updater(bar))
        else:
            yield stages.Work(executor, count, _line_printer())


def _bar_updater(bar: Progress) -> stages.Progress:
    tasks: dict[str, typer.models.Any] = {}

    def update(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    return update


def _line_printer() -> stages.Progress:
    """A line for every tenth of the work."""
    tenths: dict[str, int] = {}

    def update(what: str, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if tenth > tenths.get(what, -1) or (done == total != 0 and tenths.get(what) != 10):
            tenths[what] = tenth
            err.print(f"{what}: {done}/{total}", markup=False, highlight=False)

    return update


def _finish(summary: stages.Summary, as_json: bool) -> None:
    """Print a summary and leave with 0, or 4 when something needs a person."""
    if as_json:
        print(
            json.dumps(
                {
                    "stage": summary.stage,
                    **summary.figures,
                    "exceptions": summary.exceptions,
                    "notes": summary.notes,
                    "written": [str(path) for path in summary.written],
                },
                ensure_ascii=False,
            )
        )
    else:
        _print_summary(summary)
    if summary.exceptions:
        raise typer.Exit(NEEDS_PERSON)


def _print_summary(summary: stages.Summary) -> None:
    out.print(f"yuejuan {summary.stage}", style="bold")
    width = max(map(len, summary.figures), default=0)
    for topic, numbers in summary.figures.items():
        told = "  ".join(f"{name} {_number(value)}" for name, value in numbers.items())
        out.print(f"  {topic:<{width}}  {told}", markup=False, highlight=False, soft_wrap=True)
    for note in summary.notes:
        out.print(f"  {note}", markup=False, highlight=False, soft_wrap=True)
    for path in summary.written:
        out.print(f"  → {path}", markup=False, highlight=False, soft_wrap=True)
    if summary.exceptions:
        what = "1 thing needs" if summary.exceptions == 1 else f"{summary.exceptions:,} things need"
        out.print(f"{what} a person: see {summary.listed}.", style="yellow")


def _number(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
