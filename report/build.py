"""All reports of an exam: which pages there are, and who writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

from engine import tables
from engine.exam import Exam
from report import exam_pages
from report.assets import font_css
from report.class_page import class_page
from report.lecture_page import lecture_pages
from report.pupil_page import pupil_pages
from report.school_page import school_page
from report.source import Part, Reference, Source
from report.words import Words
from report.xlsx import workbook

_MADE = {"schools": "*.html", "classes": "*.html", "lectures": "*.html", "pupils": "*.html", "xlsx": "*.xlsx"}
Job = Callable[[Reference, Part, Path], tuple[list[Path], str]]
Progress = Callable[[int, int], None]  # pieces of work done, all


def build(
    exam: Exam, out: Path, *, language: str = "zh", progress: Progress | None = None, executor: Executor | None = None
) -> dict[str, int]:
    """Write the reports of an exam: index.html, exceptions.html, schools/, classes/, lectures/, pupils/, xlsx/,
    assets/.

    Equal tables give equal bytes, whatever the executor. Pages of pupils, classes and schools that are no longer in the
    exam are removed from `out`.

    Returns:
        How many files of each kind are there now: exam, schools, classes, pupils, xlsx, assets.

    Raises:
        UsageError: there is no such language.
        InputError: responses or scores of a subject have not been made yet.
    """
    words = Words(language)
    source = Source(exam, language)
    characters: set[str] = set()
    written: list[Path] = []

    def keep(path: Path, text: str) -> None:
        characters.update(text)
        written.append(path)
        _write(path, text.encode())

    keep(out / "index.html", exam_pages.index(source, words))
    keep(out / "exceptions.html", exam_pages.exceptions(source, words))
    jobs = len(source.runs) + len(source.classes)
    for done, (paths, used) in enumerate(_run(source, out, executor), 1):
        written += paths
        characters.update(used)
        if progress:
            progress(done, jobs)
    keep(out / "assets" / "font.css", font_css(characters))
    _remove_others(out, set(written))
    kinds = Counter(path.parent.relative_to(out).name or "exam" for path in written)
    return dict(sorted(kinds.items()))


def _run(source: Source, out: Path, executor: Executor | None) -> Iterator[tuple[list[Path], str]]:
    """What each piece of work wrote and the characters it used, in order."""
    ref = source.reference
    if executor is None:
        return (job(ref, part, out) for job, part in _jobs(source))
    return (future.result() for future in [executor.submit(job, ref, part, out) for job, part in _jobs(source)])


def _jobs(source: Source) -> Iterator[tuple[Job, Part]]:
    for school, classes in source.parts():
        yield _write_school, school
        for part in classes:
            yield _write_class, part


def _write_school(reference: Reference, part: Part, out: Path) -> tuple[list[Path], str]:
    """Write a school's page and workbook; return what was written and the characters used."""
    words = Words(reference.language)
    page, book = out / "schools" / f"{part.school_file}.html", out / "xlsx" / f"{part.school_file}.xlsx"
    text = school_page(reference, part, words)
    _write(page, text.encode())
    _write(book, workbook(reference, part, words))
    return [page, book], "".join(sorted(set(text)))


def _write_class(reference: Reference, part: Part, out: Path) -> tuple[list[Path], str]:
    """Write a class's page and the pages of its pupils; return what was written and the characters used."""
    words = Words(reference.language)
    path, text = out / "classes" / f"{part.class_files[part.classes[0]]}.html", class_page(reference, part, words)
    _write(path, text.encode())
    written, used = [path], set(text)
    for name, text in lecture_pages(reference, part, words):
        path = out / "lectures" / f"{name}.html"
        _write(path, text.encode())
        written.append(path)
        used.update(text)
    for student, text in pupil_pages(reference, part, words):
        path = out / "pupils" / f"{part.pupil_files[student]}.html"
        _write(path, text.encode())
        written.append(path)
        used.update(text)
    return written, "".join(sorted(used))


def _write(path: Path, data: bytes) -> None:
    tables.write_bytes(data, path, durable=False)


def _remove_others(out: Path, written: set[Path]) -> None:
    """Remove pages of an earlier run: a pupil struck off the roster must not keep a report."""
    for folder, pattern in _MADE.items():
        for path in (out / folder).glob(pattern):
            if path not in written:
                path.unlink()
