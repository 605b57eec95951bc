"""Paper goes out: exam folders, answer sheets, layouts."""

from __future__ import annotations

from pathlib import Path

from engine import scaffold
from engine.errors import InputError, UsageError
from engine.exam import Exam, Subject, load_exam
from omr import importers, sheet
from omr.layout import Layout, load_layout
from stages.work import Summary


def new(folder: Path) -> Summary:
    """Scaffold an exam folder."""
    return Summary("new", written=scaffold.new_exam(folder))


def sheets(folder: Path, *, blank: bool = False, force: bool = False) -> Summary:
    """Print-ready sheets of every subject, and the layout that reading them needs.

    Raises:
        UsageError: a layout would change although scans may already depend on it, and not `force`.
    """
    exam = load_exam(folder)
    summary = Summary("sheets")
    for series, subject in enumerate(exam.scanned):
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
    title = f"{exam.title} {subject.name}"
    try:
        layout = sheet.design(spec, fields, layout_id=f"{exam.id}-{subject.code}", title=title, series=series)
    except InputError as error:
        raise error.at(subject.folder / "sheet.toml") from None
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
