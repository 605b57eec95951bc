"""The pieces of work that the reports are made of: each writes files and tells which characters their pages use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from engine import tables
from engine.exam import Exam
from engine.policy import policy_of
from report import exam_pages
from report.annex import annex
from report.class_page import class_document, item_documents
from report.county_page import county_document
from report.document import Document, Table, tables_of
from report.done import Written
from report.lecture_page import lecture_pages
from report.paper_page import paper_document
from report.pdf import document_pdf, pupils_pdf
from report.pupil_page import pupil_contexts, pupil_page
from report.render import document_page
from report.research_page import research_document
from report.school_page import school_document
from report.source import Part, Reference, Source
from report.words import Words
from report.xlsx import workbook

ENDINGS = ("*.html", "*.xlsx", "*.pdf")


def write(path: Path, data: bytes) -> None:
    """A file that can be made again."""
    tables.write_bytes(data, path, durable=False)


def wide_pieces(
    source: Source, words: Words, out: Path, wanted: frozenset[str], pdf: bool
) -> Iterator[tuple[str, Callable[[], Written]]]:
    """The reports that look at more than one school: the exam's, the counties', the papers'."""
    exam = source.reference.exam

    def piece(make: Callable[[], Document], folder: Path) -> Callable[[], Written]:
        return lambda: _document(make(), folder, exam, words, pdf)

    if "exam" in wanted:
        yield "exam", piece(partial(exam_pages.exam_document, source, words), out)
        yield "exceptions", partial(_exceptions, source, words, out)
    if "counties" in wanted:
        for county in source.counties:
            yield f"county {county}", piece(partial(county_document, source, county, words), out / "counties")
    if "papers" in wanted:
        for subject in exam.subjects:
            yield f"paper {subject.code}", piece(partial(paper_document, source, subject, words), out / "papers")
    if "research" in wanted:
        for subject in exam.subjects:
            yield (
                f"research {subject.code}",
                piece(partial(research_document, source, subject, words), out / "research"),
            )


def _exceptions(source: Source, words: Words, out: Path) -> Written:
    text = exam_pages.exceptions(source, words)
    write(out / "exceptions.html", text.encode())
    return [out / "exceptions.html"], _used(text)


def _document(
    document: Document,
    folder: Path,
    exam: Exam,
    words: Words,
    pdf: bool,
    more: Sequence[Table] = (),
    *,
    annexed: bool = True,
) -> Written:
    """Write a document as a page, its annex with further tables, and its print edition if wanted."""
    stem, listed = folder / document.file, [*tables_of(document), *more] if annexed else []
    formats = [*(["xlsx"] if listed else []), *(["pdf"] if pdf else [])]
    text = document_page(document, exam, words, formats)
    made = {"html": text.encode()}
    if listed:
        made["xlsx"] = annex(document.heading, listed, exam, words)
    if pdf:
        made["pdf"] = document_pdf(document, exam, words)
    for ending, data in made.items():
        write(stem.with_name(f"{stem.name}.{ending}"), data)
    return [stem.with_name(f"{stem.name}.{ending}") for ending in made], _used(text)


def write_school(ref: Reference, part: Part, out: Path, wanted: frozenset[str], pdf: bool) -> Written:
    """Write a school's report and the workbook of its pupils' points."""
    if "schools" not in wanted:
        return [], ""
    words = Words(ref.language)
    files, used = _document(school_document(ref, part, words), out / "schools", ref.exam, words, pdf)
    if not policy_of(ref.exam).teacher_scores:
        return files, used
    book = out / "xlsx" / f"{part.school_file}.xlsx"
    write(book, workbook(ref, part, words))
    return [*files, book], used


def write_class(ref: Reference, part: Part, out: Path, wanted: frozenset[str], pdf: bool) -> Written:
    """Write a class's reports: of all subjects, of the items of each, its lessons, its pupils."""
    words = Words(ref.language)
    pieces: list[Written] = []
    items = item_documents(ref, part, words) if wanted & {"classes", "items"} else []
    if "classes" in wanted:
        of_items = [table for document in items for table in tables_of(document)]
        document = class_document(ref, part, words)
        pieces.append(_document(document, out / "classes", ref.exam, words, pdf, of_items))
    if "items" in wanted:
        pieces += [_document(document, out / "items", ref.exam, words, pdf, annexed=False) for document in items]
    if "lectures" in wanted:
        pieces += [_page(out / "lectures" / name, text) for name, text in lecture_pages(ref, part, words)]
    if "pupils" in wanted:
        pieces.append(_pupils(ref, part, out / "pupils", words, pdf))
    return [path for files, _ in pieces for path in files], _used("".join(used for _, used in pieces))


def _pupils(ref: Reference, part: Part, folder: Path, words: Words, pdf: bool) -> Written:
    contexts = list(pupil_contexts(ref, part, words))
    pieces = [_page(folder / part.pupil_files[one["pupil"]["student_id"]], pupil_page(one, words)) for one in contexts]
    if pdf:
        path = folder / f"{part.class_files[part.classes[0]]}.pdf"
        write(path, pupils_pdf(contexts, ref.exam, words))
        pieces.append(([path], ""))
    return [path for files, _ in pieces for path in files], "".join(used for _, used in pieces)


def _page(stem: Path, text: str) -> Written:
    path = stem.with_name(f"{stem.name}.html")
    write(path, text.encode())
    return [path], _used(text)


def _used(text: str) -> str:
    return "".join(sorted(set(text)))
