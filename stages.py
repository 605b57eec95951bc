"""The stages of an exam, one function a verb: each takes an exam folder, calls `omr`, `engine` or `report`, and keeps
what they return as tables under `out/`. This is the one place where pictures and numbers meet.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pypdfium2 import PdfDocument

import demo as demo_exam
from engine import ctt, forms, match, scaffold, scoring, tables
from engine import simulate as population
from engine.bank import load_bank
from engine.errors import InputError, UsageError, YuejuanError
from engine.exam import Exam, Subject, load_exam
from engine.files import find_table
from engine.roster import units_of
from engine.tally import Tally
from omr import image, importers, overlay, sheet
from omr import simulate as scanner
from omr import workers as processes
from omr.layout import Layout, load_layout
from omr.marks import read_marks
from omr.read import read_scans
from omr.reason import Reason
from omr.register import Placement, Unregistered, register, unchecked

Progress = Callable[[str, int, int], None]  # what is being done, done, total

STATE = b"state"  # of the exam, in the metadata of the tables that rest on it
ANALYSED = ("items", "options", "reliability", "units", "mastery", "groups", "recommendations")


@dataclass
class Summary:
    """What a stage did, for a person and for --json.

    Attributes:
        figures: by topic, such as "maths pages", numbers by name.
        exceptions: how many things need a person.
        written: what to look at.
    """

    stage: str
    figures: dict[str, dict[str, int | float]] = field(default_factory=dict)
    exceptions: int = 0
    written: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """How to work: an executor for batches (none: in this process), and whom to tell about progress."""

    executor: Executor | None = None
    workers: int = 1
    progress: Progress = lambda what, done, total: None

    def on(self, what: str) -> Callable[[int, int], None]:
        """The progress callback of one piece of work."""
        return lambda done, total: self.progress(what, done, total)


def usable_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def pool(workers: int) -> Iterator[Executor | None]:
    """A pool of `workers` processes, or none for one worker."""
    if workers <= 1:
        yield None
        return
    with processes.pool(workers) as executor:
        yield executor


def new(folder: Path) -> Summary:
    """Scaffold an exam folder."""
    return Summary("new", written=scaffold.new_exam(folder))


# --- paper ---------------------------------------------------------------------------------------------------------


def sheets(folder: Path, *, blank: bool = False, force: bool = False) -> Summary:
    """Print-ready sheets of every subject, and the layout that reading them needs.

    Raises:
        UsageError: a layout would change although scans may already depend on it, and not `force`.
    """
    exam = load_exam(folder)
    summary = Summary("sheets")
    for series, subject in enumerate(exam.subjects):
        layout, spec = _design(exam, subject, series)
        _keep_layout(layout, subject.folder / "layout.json", force)
        pdf = folder / "out" / "sheets" / f"{subject.code}.pdf"
        preprinted = not blank and spec.barcode != "none"
        pages = sheet.draw(layout, pdf, _printed_pupils(exam) if preprinted else None)
        summary.figures[subject.code] = {"pages": pages}
        summary.written.append(pdf)
    return summary


def _design(exam: Exam, subject: Subject, series: int) -> tuple[Layout, sheet.SheetSpec]:
    spec = sheet.load_spec(subject.folder / "sheet.toml")
    fields = [
        sheet.SheetField(
            name=item.item,
            kind="choice" if item.type in ("single", "multiple") else item.type,
            options=item.options,
            max=float(item.max),
            step=float(subject.step),
            group=item.group,
            section=item.section,
        )
        for item in subject.items
    ]
    _check_sheet(exam, subject, spec)
    layout = sheet.design(
        spec, fields, layout_id=f"{exam.id}-{subject.code}", title=f"{exam.title} {subject.name}", series=series
    )
    if len(layout.pages) > 1 and spec.barcode == "none" and (spec.sides == 1 or len(layout.pages) > 2):
        raise InputError(
            f"{len(layout.pages)} pages on several sheets of paper, and only the first would say whose they are",
            file=subject.folder / "sheet.toml",
            mend="print a barcode, or fit the items on one sheet: sides = 2, smaller heights, A3",
        )
    return layout, spec


def _check_sheet(exam: Exam, subject: Subject, spec: sheet.SheetSpec) -> None:
    """Refuse sheets that could be printed but not be used.

    Raises:
        InputError: nothing would say whose a sheet is, or an answer could not be marked on it.
    """
    file = subject.folder / "sheet.toml"
    if spec.barcode == "none" and not spec.number_digits:
        mend = 'set barcode = "code128", or number_digits to the length of the candidate numbers'
        raise InputError("no barcode and no candidate number: nothing would say whose a sheet is", file=file, mend=mend)
    numbers = exam.roster["candidate_no"].to_pylist()
    unfit = [number for number in numbers if not number.isdigit() or len(number) > spec.number_digits]
    if spec.number_digits and unfit:
        raise InputError(
            f"number_digits = {spec.number_digits}, but candidate number {unfit[0]!r} can't be filled in there",
            file=file,
            mend=f"set number_digits = {max(map(len, numbers))}, or 0 with a barcode; a number grid takes digits only",
        )
    printed = "".join(sorted(subject.forms))
    if printed != spec.forms:
        raise InputError(
            f"forms = {spec.forms!r}, but forms.csv describes {printed!r}" if printed else "forms without a forms.csv",
            file=file,
            mend=f"set forms = {printed!r}" if printed else "write forms.csv beside it, or leave forms out",
        )
    for item in subject.items:
        columns = spec.digits.get(item.item, sheet.SheetField.model_fields["digits"].default)
        longest = max(len(key.split("=")[0]) for key in item.key.split("|"))
        if item.type == "number" and longest > columns:
            raise InputError(
                f"the key {item.key!r} of item {item.item} does not fit into {columns} columns",
                file=file,
                mend=f"set {item.item} = {longest} or more under [digits]",
            )


def _keep_layout(layout: Layout, path: Path, force: bool) -> None:
    if path.exists() and not force and load_layout(path) != layout:
        raise UsageError(
            "the blueprint or sheet.toml has changed since this layout was made; sheets printed from it may be in use",
            file=path,
            mend="restore them; or, if nothing was printed yet, repeat with --force",
        )
    layout.save(path)


def _printed_pupils(exam: Exam) -> list[sheet.Pupil]:
    rows = exam.roster.to_pylist()
    return [
        sheet.Pupil(
            name=row["name"],
            number=row["candidate_no"],
            school=row["school"],
            class_name=row["class"],
            room=row.get("room") or "",
            seat=row.get("seat") or "",
        )
        for row in rows
    ]


def layout_of(subject: Subject) -> Layout:
    """The layout that the subject's scans follow: layout.json as printed, or that of another program's form.

    Raises:
        InputError: there is neither.
    """
    for name in ("layout.json", "template.json", "bubblemap.yaml"):
        if (subject.folder / name).exists():
            return importers.load_any(subject.folder / name)
    raise InputError(
        "no layout.json, template.json or bubblemap.yaml: nothing says where the marks are",
        file=subject.folder,
        mend="run `yuejuan sheets EXAM`, or put an OMRChecker template.json or a MarkShark bubblemap.yaml here",
    )


def simulate(folder: Path, work: Work, *, preset: str = "scanner", seed: int = 1) -> Summary:
    """Fill in the printed sheets as made-up pupils would, scan them with damage, and keep the truth beside them.

    Writes `<subject>/scans`, `<subject>/marks.csv` where the sheet has no score strips, and under `truth/` the answers
    (`<subject>_responses.arrow`) and the marks (`<subject>_marks.arrow`).
    """
    exam = load_exam(folder)
    summary = Summary("simulate")
    for subject in exam.subjects:
        layout = layout_of(subject)
        pdf = folder / "out" / "sheets" / f"{subject.code}.pdf"
        if not pdf.exists():
            raise InputError("the sheets have not been printed yet", file=pdf, mend="run `yuejuan sheets EXAM` first")
        responses = population.respond(subject, exam.roster, seed)
        filled = list(_fill(exam, subject, layout, responses, _preprinted(pdf, layout, exam)))
        truth = scanner.simulate(
            pdf,
            layout,
            [one for _, one in filled],
            subject.folder / "scans",
            preset=preset,
            seed=seed,
            executor=work.executor,
            progress=work.on(f"simulate {subject.code}"),
        )
        owner = {one.name: student for student, one in filled}
        students = [owner[name.rpartition("-")[0]] for name in truth["file"].to_pylist()]
        tables.write(truth.append_column("student_id", pa.array(students)), _truth(folder, subject.code, "marks"))
        tables.write(responses, _truth(folder, subject.code, "responses"))
        _write_constructed_marks(subject, layout, responses)
        summary.figures[subject.code] = {"sheets": len(filled)}
        summary.written.append(subject.folder / "scans")
    return summary


def _truth(folder: Path, code: str, what: str) -> Path:
    return folder / "truth" / f"{code}_{what}.arrow"


def _preprinted(pdf: Path, layout: Layout, exam: Exam) -> bool:
    """Whether the PDF has a sheet for every pupil, or one blank sheet for all."""
    with PdfDocument(pdf) as document:
        return len(document) == len(layout.pages) * exam.roster.num_rows


def _fill(
    exam: Exam, subject: Subject, layout: Layout, responses: pa.Table, preprinted: bool
) -> Iterator[tuple[str, scanner.FilledSheet]]:
    """The sheets that come back, with their pupils: none from those who are missing."""
    on_sheet = {field.name for page in layout.pages for field in page.fields}
    numbers = exam.roster["candidate_no"].to_pylist()
    for i, row in enumerate(responses.to_pylist()):
        if row["status"] == "missing":
            continue
        values = {tables.CANDIDATE: numbers[i]}
        if row["status"] == "absent":
            values[tables.ABSENT] = "1"
        else:
            values |= {tables.FORM: row["form"], **_printed_answers(subject, row)}
        values = {name: value for name, value in values.items() if name in on_sheet and value}
        first = i * len(layout.pages) if preprinted else 0
        yield row["student_id"], scanner.FilledSheet(f"{i + 1:05d}", first, values)


def _printed_answers(subject: Subject, row: dict[str, str | None]) -> dict[str, str]:
    """Field name → what is marked there, for a pupil's canonical answers."""
    values = {}
    for item in subject.items:
        answer = row[item.item]
        if answer is None:
            continue
        if item.type == "constructed":
            values[tables.SCORE + item.item] = answer
        else:
            position, printed = forms.printed(subject, row["form"] or "", item.item, answer)
            values[position] = printed
    for group in subject.choose:
        values[tables.CHOOSE + group] = row[tables.CHOOSE + group] or ""
    return values


def _write_constructed_marks(subject: Subject, layout: Layout, responses: pa.Table) -> None:
    """marks.csv as a marking team would send it, for constructed responses without a score strip."""
    on_sheet = {field.name for page in layout.pages for field in page.fields}
    items = [
        item.item for item in subject.items if item.type == "constructed" and tables.SCORE + item.item not in on_sheet
    ]
    if not items:
        return
    parts = []
    for item in items:
        marked = responses.filter(pc.is_valid(responses[item])).select(["student_id", item])
        points = marked[item].cast(pa.string())
        parts.append(pa.table({"student_id": marked["student_id"], "item": [item] * marked.num_rows, "points": points}))
    tables.write_csv(pa.concat_tables(parts), subject.folder / "marks.csv")


# --- reading -------------------------------------------------------------------------------------------------------


def read(folder: Path, work: Work) -> Summary:
    """Read the scans of every subject and match them to the roster."""
    exam = load_exam(folder)
    summary = Summary("read")
    for subject in exam.subjects:
        read_scans(
            subject.folder / "scans",
            layout_of(subject),
            _readings(exam, subject),
            subject=subject.code,
            workers=work.workers,
            progress=work.on(f"read {subject.code}"),
        )
    _match(exam, summary)
    return summary


def read_bare(scans: list[Path], layout: Path | None, output: Path | None, work: Work) -> Summary:
    """Read folders of scans without an exam."""
    if layout is None or output is None:
        raise UsageError(
            "reading scans without an exam needs to know where the marks are and where to write",
            mend="give --layout FILE and -o DIR, or one exam folder",
        )
    summary = Summary("read")
    result = read_scans(
        scans,
        importers.load_any(layout),
        output,
        workers=work.workers,
        progress=work.on("read"),
    )
    summary.figures["pages"] = {"in": result.pages, "read": result.read, "exception": result.pages - result.read}
    summary.figures["fields"] = {"read": result.fields, "flagged": result.flagged}
    summary.exceptions = result.exceptions
    tables.write_csv(tables.read(output / "exceptions.arrow"), output / "exceptions.csv")
    summary.written = [output / "marks.csv", output / "pages.arrow", output / "exceptions.csv"]
    return summary


def show_layout(file: Path, scan: Path, page: int = 1, output: Path | None = None) -> Summary:
    """Draw a layout's fields, and the marks read, over a page of a scan.

    Args:
        page: of the scan, from 1.
        output: the PNG to write; by default named after the scan, in the working folder.

    Raises:
        InputError: the layout or the scan cannot be read, or do not fit; of the latter there is a picture.
    """
    layout = importers.load_any(file)
    target = output or Path(f"{scan.stem}-{page}-fields.png")
    if target.suffix.lower() != ".png":
        raise UsageError("the picture is a PNG", file=target, mend="give a name that ends in .png")
    pixels = _load_page(scan, page)
    try:
        placement = register(pixels, layout)
    except Unregistered as refusal:
        mend = _draw_unchecked(pixels, layout, target)
        raise InputError(f"the page does not fit the layout: {refusal.detail}", file=scan, mend=mend) from None
    marks = read_marks(pixels, layout, placement)
    _draw_marks(pixels, layout, replace(placement, page=overlay.by_group(placement.page)), target)
    flagged = sum(bool(mark.flag) for mark in marks)
    summary = Summary("layout show", exceptions=flagged, written=[target])
    summary.figures["page"] = {
        "number": placement.page.number,
        "turned": placement.rotation,
        "residual": placement.residual,
    }
    summary.figures["fields"] = {"read": len(marks), "flagged": flagged}
    return summary


def _load_page(scan: Path, page: int) -> np.ndarray:
    try:
        pages = image.count(scan)
        if not 1 <= page <= pages:
            raise InputError(f"there is no page {page}: the scan has {pages}", file=scan)
        return image.load(scan, page - 1)
    except image.Unreadable as error:
        reason = Reason(error.reason)
        raise InputError(f"{reason.en}: {error.detail}", file=scan, mend=reason.mend) from None


def _draw_marks(pixels: np.ndarray, layout: Layout, placement: Placement, target: Path) -> None:
    marks = read_marks(pixels, layout, placement)
    values, doubtful = {mark.field: mark.value for mark in marks}, {mark.field for mark in marks if mark.flag}
    overlay.save(overlay.draw(pixels, layout, placement, values, doubtful), target)


def _draw_unchecked(pixels: np.ndarray, layout: Layout, target: Path) -> str:
    """Show where the fields of a page that does not fit would lie; returns what to do about it."""
    try:
        overlay.save(overlay.draw(pixels, layout, unchecked(pixels, layout)), target)
    except Unregistered:
        return Reason.NOT_REGISTERED.mend
    return f"look at {target}, and mend the layout or take another scan"


def convert_layout(file: Path, output: Path) -> Summary:
    """Write a layout of any kind as a Yuejuan layout."""
    layout = importers.load_any(file)
    layout.save(output)
    fields = sum(len(page.fields) for page in layout.pages)
    return Summary("layout convert", {"layout": {"pages": len(layout.pages), "fields": fields}}, written=[output])


def _readings(exam: Exam, subject: Subject) -> Path:
    return exam.folder / "out" / "read" / subject.code


def _match(exam: Exam, summary: Summary) -> dict[str, pa.Table]:
    """Match what was read to the roster; keeps the tables and returns the responses by subject."""
    parts: dict[str, list[pa.Table]] = {name: [] for name in ("pages", "marks", "exceptions", "accounts")}
    responses = {}
    for subject in exam.subjects:
        source = _readings(exam, subject)
        pages, marks, doubts = (tables.read(source / f"{name}.arrow") for name in ("pages", "marks", "exceptions"))
        matched = match.match(exam, subject, pages, marks, doubts)
        for name, table in zip(parts, (pages, matched.marks, matched.exceptions, matched.accounts), strict=True):
            parts[name].append(table)
        responses[subject.code] = matched.responses
        tables.write(matched.responses, exam.tables / f"responses.{subject.code}.arrow")
    accounts = pa.concat_tables(parts["accounts"])
    problems = match.balance(accounts)
    if problems:
        raise YuejuanError("the accounts don't balance: " + "; ".join(problems), mend="please report this")
    for name in ("pages", "marks", "accounts"):
        tables.write(pa.concat_tables(parts[name]), exam.tables / f"{name}.arrow")
    _keep_exceptions(exam, parts["exceptions"], summary)
    for row in accounts.to_pylist():
        summary.figures.setdefault(f"{row['subject']} {row['account']}", {})[row["line"]] = row["count"]
    return responses


def _keep_exceptions(exam: Exam, parts: list[pa.Table], summary: Summary) -> None:
    """The list of what needs a person, as a table and for a spreadsheet."""
    exceptions = pa.concat_tables(parts)
    people = exam.folder / "out" / "exceptions.csv"
    tables.write(exceptions, exam.tables / "exceptions.arrow")
    tables.write_csv(exceptions, people)
    summary.exceptions = exceptions.num_rows
    summary.written = [people]


# --- numbers -------------------------------------------------------------------------------------------------------


def score(folder: Path) -> Summary:
    """Match again (corrections may have come in) and score."""
    exam = load_exam(folder)
    summary = Summary("score")
    responses = _match(exam, summary)
    units = units_of(exam.roster["student_id"], exam.roster)
    scored = {subject.code: scoring.score(subject, responses[subject.code], units) for subject in exam.subjects}
    for code, one in scored.items():
        one.tally.save(_tally(exam, code))
        summary.figures[f"{code} scores"] = {"scored": pc.count(one.scores["total"]).as_py()}
    matching = tables.read(exam.tables / "exceptions.arrow")
    _keep_exceptions(exam, [matching, *(one.exceptions for one in scored.values())], summary)
    # Scores come last: when they are of this state of the exam, all the rest is.
    _keep(exam, {f"scores.{code}": one.scores for code, one in scored.items()})
    return summary


def _tally(exam: Exam, code: str) -> Path:
    return exam.tables / f"tally.{code}.arrow"


def _state(exam: Exam) -> bytes:
    """A digest of what scores and statistics rest on: blueprints, roster, cut-offs and responses."""
    definition = exam.model_dump_json(
        exclude={
            "roster": True,  # follows below
            "diagnosis": True,  # later stages may be repeated under other rules
            "recommend": True,
            "folder": True,  # an exam may move
            "subjects": {"__all__": {"folder"}},
        }
    )
    digest = hashlib.sha256(definition.encode())
    for column in exam.roster.columns:
        digest.update(repr(column.to_pylist()).encode())
    for subject in exam.subjects:
        path = exam.tables / f"responses.{subject.code}.arrow"
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest().encode()


def _keep(exam: Exam, made: dict[str, pa.Table]) -> list[Path]:
    """Write tables, marked with the state of the exam that they rest on."""
    state = _state(exam)
    for name, table in made.items():
        metadata = {**(table.schema.metadata or {}), STATE: state}
        tables.write(table.replace_schema_metadata(metadata), exam.tables / f"{name}.arrow")
    return [exam.tables / f"{name}.arrow" for name in made]


def _fresh(exam: Exam, *names: str) -> list[pa.Table]:
    """Read tables that `_keep` wrote.

    Raises:
        InputError: one is missing, or rests on another state of the exam, so that old numbers would stand beside new.
    """
    state = _state(exam)
    found = []
    for name in names:
        path = exam.tables / f"{name}.arrow"
        table = tables.read(path)
        if (table.schema.metadata or {}).get(STATE) != state:
            raise InputError(
                "this table is older than the exam's blueprint, roster or responses",
                file=path,
                mend="run `yuejuan score EXAM` and the stages after it, or `yuejuan run EXAM`",
            )
        found.append(table)
    return found


def analyze(folder: Path) -> Summary:
    """Item, option, reliability and group statistics, from the tallies."""
    exam = load_exam(folder)
    parts: dict[str, list[pa.Table]] = {"items": [], "options": [], "reliability": [], "units": []}
    for subject in exam.subjects:
        (scores,) = _fresh(exam, f"scores.{subject.code}")
        tally = Tally.load(_tally(exam, subject.code))
        parts["items"].append(ctt.item_statistics(tally, subject))
        parts["options"].append(ctt.option_statistics(tally, subject))
        parts["reliability"].append(ctt.reliability(tally, subject))
        parts["units"].append(ctt.units(scores, exam.roster, subject, exam.lines))
    made = {name: pa.concat_tables(some) for name, some in parts.items()}
    summary = Summary("analyze", written=_keep(exam, made))
    for row in made["reliability"].to_pylist():
        names = ("n", "mean", "sd", "alpha", "sem")
        summary.figures[f"{row['subject']} paper"] = {name: row[name] for name in names if row[name] is not None}
    return summary


def diagnose(folder: Path) -> Summary:
    """Mastery of knowledge points, weak points and teaching groups."""
    from engine import diagnosis  # scikit-learn takes a second to load

    exam = load_exam(folder)
    mastery, groups = [], []
    for subject in exam.subjects:
        (scores,) = _fresh(exam, f"scores.{subject.code}")
        mastery.append(diagnosis.mastery(subject, scores, exam.roster, exam.diagnosis))
        groups.append(diagnosis.teaching_groups(subject, mastery[-1], exam.roster, exam.diagnosis))
    made = {"mastery": pa.concat_tables(mastery), "groups": pa.concat_tables(groups)}
    summary = Summary("diagnose", written=_keep(exam, made))
    weak = made["mastery"].filter(pc.fill_null(made["mastery"]["weak"], False))["level"].to_pylist()
    summary.figures["weak points of"] = {level: weak.count(level) for level in ("school", "class", "pupil")}
    return summary


def recommend(folder: Path) -> Summary:
    """Questions to practise next for every pupil, from bank.csv."""
    from engine.recommend import recommend as choose_questions

    exam = load_exam(folder)
    bank = _bank(exam)
    chosen = [tables.empty("recommendations")]
    for subject in exam.subjects if bank else ():
        scores, mastery = _fresh(exam, f"scores.{subject.code}", "mastery")
        own = mastery.filter(pc.equal(mastery["subject"], subject.code))
        chosen.append(choose_questions(subject, own, bank, exam.recommend, scores))
    made = {"recommendations": pa.concat_tables(chosen)}
    summary = Summary("recommend", written=_keep(exam, made))
    summary.figures["practice"] = {
        "questions in the bank": bank.num_rows if bank else 0,
        "recommendations": made["recommendations"].num_rows,
    }
    return summary


def _bank(exam: Exam) -> pa.Table | None:
    path = find_table(exam.folder, "bank")
    return load_bank(path) if path else None


# --- reports -------------------------------------------------------------------------------------------------------


def report(folder: Path, work: Work, language: str = "zh") -> Summary:
    """HTML and XLSX reports for exam, schools, classes and pupils."""
    from report import build  # matplotlib takes a second to load

    exam = load_exam(folder)
    _fresh(exam, *(f"scores.{subject.code}" for subject in exam.subjects), *ANALYSED)
    tables.read(exam.tables / "exceptions.arrow")
    tables.read(exam.tables / "accounts.arrow")
    counts = build(exam, exam.reports, language=language, progress=work.on("report"), executor=work.executor)
    return Summary("report", {"reports": dict(counts)}, written=[exam.reports / "index.html"])


def run(folder: Path, work: Work, language: str = "zh") -> Summary:
    """All stages from scans to reports."""
    summary = Summary("run")
    for done in (
        read(folder, work),
        score(folder),
        analyze(folder),
        diagnose(folder),
        recommend(folder),
        report(folder, work, language),
    ):
        summary.figures |= done.figures
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


def export(table: Path, to: str, output: Path | None = None) -> Summary:
    """Convert an Arrow table to Parquet, CSV or XLSX."""
    from report.export import export as write_as

    target = output or table.with_suffix(f".{to}")
    data = tables.read(table)
    write_as(data, to, target)
    return Summary("export", {"table": {"rows": data.num_rows, "columns": data.num_columns}}, written=[target])
