"""All reports of an exam: which there are, and who writes them; an interrupted run goes on where it was."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, Future
from itertools import chain
from pathlib import Path

from engine.errors import UsageError
from engine.exam import Exam
from report.assets import characters_of, font_css
from report.done import Done, state_of
from report.pieces import ENDINGS, Written, wide_pieces, write, write_class, write_school
from report.source import Part, Reference, Source
from report.words import Words

# Kinds of reports: "exam" is index.html with exceptions.html; each of the others has a folder of its own.
KINDS = ("exam", "counties", "papers", "research", "schools", "classes", "items", "lectures", "pupils")
_OF_PARTS = frozenset(KINDS[4:])  # made school by school and class by class
_AHEAD = 6  # pieces of work sent before the first of them is back
Job = Callable[[Reference, Part, Path, frozenset[str], bool], Written]
Progress = Callable[[int, int], None]  # pieces of work done, all


def build(
    exam: Exam,
    out: Path,
    *,
    language: str = "zh",
    kinds: Collection[str] = KINDS,
    pdf: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> dict[str, int]:
    """Write the reports of an exam: index.html and exceptions.html, a folder a kind, xlsx/ (小题分) and assets/.

    Beside a page lies its XLSX annex, and with `pdf` its print edition; the pupils of a class share one for the
    printer. Equal tables give equal bytes, whatever the executor and however often the run was broken off: what was
    written before is kept by a rerun on the same tables. Pages of pupils, classes and schools that are no longer in the
    exam are removed from `out`.

    Returns:
        How many files of each kind there are now: exam, counties, …, xlsx, assets.

    Raises:
        UsageError: there is no such language or kind.
        InputError: responses or scores of a subject have not been made yet.
    """
    if unknown := set(kinds) - set(KINDS):
        raise UsageError(f"no reports of kind {', '.join(sorted(unknown))}", mend=f"take some of {', '.join(KINDS)}")
    words, wanted = Words(language), frozenset(kinds)
    source = Source(exam, language)
    done = Done(out / ".done", state_of(exam, language, wanted, pdf))
    wide = list(wide_pieces(source, words, out, wanted, pdf))
    parts = len(source.runs) + len(source.classes) if wanted & _OF_PARTS else 0
    narrow = _narrow(source, out, wanted, pdf, executor, done) if parts else iter(())
    written: list[Path] = []
    font = out / "assets" / "font.css"
    characters = set() if wanted == set(KINDS) else characters_of(font)
    for count, (files, used) in enumerate(chain((done.do(name, job) for name, job in wide), narrow), 1):
        written += files
        characters.update(used)
        if progress:
            progress(count, len(wide) + parts)
    written.append(font)
    write(font, font_css(characters).encode())
    _remove_others(out, set(written), wanted)
    done.forget()
    counted = Counter(path.parent.relative_to(out).name or "exam" for path in written)
    return dict(sorted(counted.items()))


def _narrow(
    source: Source, out: Path, wanted: frozenset[str], pdf: bool, executor: Executor | None, done: Done
) -> Iterator[Written]:
    """What each piece of work on a school or class wrote and the characters it used, in order.

    Only a few pieces are sent ahead, so that the tables of thousands of classes are not held twice.
    """
    ref = source.reference
    sent: deque[tuple[str, Future[Written] | Written]] = deque()
    for name, job, part in _jobs(source):
        known = done.known(name)
        if known is not None:
            sent.append((name, known))
        elif executor is None:
            sent.append((name, job(ref, part, out, wanted, pdf)))
        else:
            sent.append((name, executor.submit(job, ref, part, out, wanted, pdf)))
        while len(sent) > _AHEAD:
            yield _came_back(sent, done)
    while sent:
        yield _came_back(sent, done)


def _came_back(sent: deque[tuple[str, Future[Written] | Written]], done: Done) -> Written:
    name, piece = sent.popleft()
    return done.keep(name, piece.result() if isinstance(piece, Future) else piece)


def _jobs(source: Source) -> Iterator[tuple[str, Job, Part]]:
    for school, classes in source.parts():
        yield f"school {school.school_file}", write_school, school
        for part in classes:
            yield f"class {part.class_files[part.classes[0]]}", write_class, part


def _remove_others(out: Path, written: set[Path], wanted: frozenset[str]) -> None:
    """Remove pages of an earlier run: a pupil struck off the roster must not keep a report."""
    for kind in wanted - {"exam"} | ({"xlsx"} if "schools" in wanted else set()):
        for path in [path for ending in ENDINGS for path in (out / kind).glob(ending)]:
            if path not in written:
                path.unlink()
