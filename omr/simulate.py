"""Filled-in, damaged scans of printed sheets, with the truth beside them: what a printer-scanner set-up is tested with.

Equal inputs give equal files, whatever the executor: every page draws its chances from the seed, the sheet's name and
the page alone. The truth is what a person reads: erased marks and stray lines are none, and no damage takes a bubble
away.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pypdfium2 import PdfDocument

from engine.tables import ABSENT, CHOOSE
from omr import pencil
from omr.canvas import WRITTEN_TO_GRID
from omr.damage import SUFFIXES, Damage, named
from omr.layout import Field, Layout, Page
from omr.pencil import Hand
from omr.places import places, value_of
from omr.rescan import scan

DPI = 200
DOT = DPI / 25.4  # pixels a millimetre
PER_TASK = 8  # sheets
CHARACTER = 6.0  # mm, of handwriting
DIGIT = 4.2  # mm, of digits written above a digit grid

TRUTH = pa.schema(
    [
        ("file", pa.string()),  # of the picture, in the folder of scans
        ("page", pa.int32()),  # within the file: always 1
        ("field", pa.string()),
        ("value", pa.string()),  # what the marks say, as `Field.join` has it
        ("untidy", pa.string()),  # kinds of untidy marks made, joined by "+"; "" when all are tidy
    ]
)

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FilledSheet:
    """A sheet to come back.

    Attributes:
        name: stem of its files.
        first_pdf_page: where its first page is in the PDF, from 0.
        values: value by field; fields that are not named stay blank.
    """

    name: str
    first_pdf_page: int
    values: Mapping[str, str]


class FieldTruth(NamedTuple):
    """What is marked in a field, and the kinds of untidy marks made there."""

    field: str
    value: str
    untidy: tuple[str, ...]


class Scan(NamedTuple):
    """A page that came back: its number in the layout, the picture file's bytes, and what it says."""

    page: int
    data: bytes
    truth: list[FieldTruth]


@dataclass(frozen=True)
class _Task:
    pdf: Path
    layout: Layout
    sheets: Sequence[FilledSheet]
    out: Path
    damage: Damage
    untidy: float
    seed: int


def simulate(
    pdf: Path,
    layout: Layout,
    sheets: Sequence[FilledSheet],
    out: Path,
    *,
    preset: str | Damage = "scanner",
    seed: int = 0,
    untidy: float = 0.03,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pa.Table:
    """Fill in printed sheets and scan them.

    Args:
        pdf: what `omr.sheet.draw` printed.
        out: folder that receives a file a page, `<name>-<page>.jpg`, or `.tif` of bilevel damage.
        preset: name in `omr.damage.PRESETS`, with its strength if that is not 1 ("phone*2"), or damage of your own.
        untidy: share of marks made untidily (see `omr.pencil.UNTIDY`).
        progress: called with sheets done and sheets in all.

    Returns:
        The truth, a row a field of every page: file, page, field, value, untidy.

    Raises:
        UsageError: no such preset, or a value that can't be marked in its field.
    """
    damage = named(preset) if isinstance(preset, str) else preset
    out.mkdir(parents=True, exist_ok=True)
    tasks = [
        _Task(pdf, layout, sheets[i : i + PER_TASK], out, damage, untidy, seed) for i in range(0, len(sheets), PER_TASK)
    ]
    rows: list[tuple[str, int, str, str, str]] = []
    for i, some in enumerate(executor.map(_scan_sheets, tasks) if executor else map(_scan_sheets, tasks)):
        rows += some
        if progress:
            progress(min((i + 1) * PER_TASK, len(sheets)), len(sheets))
    return pa.table([pa.array(column) for column in zip(*rows, strict=True)] or [[]] * len(TRUTH), schema=TRUTH)


def _scan_sheets(task: _Task) -> list[tuple[str, int, str, str, str]]:
    rows = []
    with PdfDocument(task.pdf) as document:
        first, clean = -1, []  # a blank sheet serves again and again
        for sheet in task.sheets:
            if sheet.first_pdf_page != first:
                first, clean = sheet.first_pdf_page, render(document, task.layout, sheet.first_pdf_page)
            for page in scan_sheet(clean, task.layout, sheet, task.damage, task.untidy, task.seed):
                stem = f"{sheet.name}-{page.page}"
                for suffix in SUFFIXES:  # of an earlier scan, with other damage
                    (task.out / (stem + suffix)).unlink(missing_ok=True)
                file = stem + task.damage.suffix
                (task.out / file).write_bytes(page.data)
                rows += [(file, 1, truth.field, truth.value, "+".join(truth.untidy)) for truth in page.truth]
    return rows


def render(document: PdfDocument, layout: Layout, first: int) -> list[Image]:
    """The clean pages of one printed sheet, whose first page is number `first` (from 0) of the PDF."""
    pages = []
    for index in range(first, first + len(layout.pages)):
        picture = document[index].render(scale=DPI / 72, grayscale=True).to_numpy()
        pages.append(np.ascontiguousarray(picture.reshape(picture.shape[:2])))
    return pages


def scan_sheet(
    clean: Sequence[Image], layout: Layout, sheet: FilledSheet, damage: Damage, untidy: float, seed: int
) -> Iterator[Scan]:
    """Fill one sheet in and scan it, page by page.

    Args:
        clean: its printed pages (`render`), which stay as they are.
        untidy: share of marks made untidily.
    """
    name = zlib.crc32(sheet.name.encode())
    filled, truths = [], []
    for page, picture in zip(layout.pages, clean, strict=True):
        image = picture.copy()
        rng = np.random.default_rng((seed, name, page.number))
        truths.append(list(_fill(image, page, sheet.values, untidy, rng)))
        filled.append(image)
    for i, page in enumerate(layout.pages):
        rng = np.random.default_rng((seed, name, page.number, 1))
        back = filled[i ^ 1] if i ^ 1 < len(filled) else None
        yield Scan(page.number, scan(filled[i], page, damage, DPI, rng, back), truths[i])


def _fill(
    image: Image, page: Page, values: Mapping[str, str], untidy: float, rng: np.random.Generator
) -> Iterator[FieldTruth]:
    """Fill a page in; yields each field with its true value and the untidy marks it got."""
    hand = Hand.drawn(rng, DOT)
    for field in page.fields:
        marked = places(field, values.get(field.name, ""))
        kinds: list[str] = []
        for i, group in enumerate(field.groups):
            of_group = [j for j in range(len(group.bubbles)) if (i, j) in marked]
            # An answer may be rubbed out, and a pencil slip, where nothing is marked in the end.
            own = _kinds(len(of_group) or 1, untidy, rng)
            for j, kind in zip(of_group, own, strict=False):
                _mark(image, field, i, j, "" if kind in pencil.NO_MARKS else kind, hand, rng)
            unmarked = [j for j in range(len(group.bubbles)) if j not in of_group]
            own = [kind for kind in own if (of_group or kind in pencil.NO_MARKS) and (unmarked or kind != "erased")]
            for kind in own:
                if kind in pencil.NO_MARKS:
                    _mark(image, field, i, int(rng.choice(unmarked or of_group)), kind, hand, rng)
            kinds += [kind for kind in own if kind]
        if _is_digit_grid(field):
            _write_digits(image, field, marked, rng)
        yield FieldTruth(field.name, value_of(field, marked), tuple(kinds))
    if not values.get(ABSENT):
        left_out = _not_chosen(page, values)
        for box in page.boxes:
            if box.name not in left_out:
                inset, below = 3.0, 13.0  # clear of the box's title and score strip
                pencil.write(
                    image, (box.x + inset) * DOT, (box.y + below) * DOT, (box.width - 2 * inset) * DOT,
                    (box.height - below - 2) * DOT, CHARACTER * DOT, rng.uniform(0.1, 0.9), rng,
                )  # fmt: skip


def _kinds(number: int, untidy: float, rng: np.random.Generator) -> list[str]:
    """The kinds of so many marks."""
    return [
        pencil.UNTIDY[int(rng.integers(len(pencil.UNTIDY)))] if chance < untidy else ""
        for chance in rng.random(number).tolist()
    ]


def _mark(image: Image, field: Field, i: int, j: int, kind: str, hand: Hand, rng: np.random.Generator) -> None:
    bubble = field.groups[i].bubbles[j]
    centre = np.array((bubble.x, bubble.y)) * DOT
    pencil.mark(image, centre, np.array((field.width, field.height)) * DOT, hand, rng, kind)


def _is_digit_grid(field: Field) -> bool:
    return all({"0", "9"} <= {b.label for b in group.bubbles} and len({b.x for b in group.bubbles}) == 1
               for group in field.groups)  # fmt: skip


def _write_digits(image: Image, field: Field, marked: set[tuple[int, int]], rng: np.random.Generator) -> None:
    top = min(bubble.y for group in field.groups for bubble in group.bubbles) - WRITTEN_TO_GRID
    for i, j in sorted(marked):
        bubble = field.groups[i].bubbles[j]
        pencil.write_digit(image, bubble.x * DOT, top * DOT, bubble.label, DIGIT * DOT, rng)


def _not_chosen(page: Page, values: Mapping[str, str]) -> set[str]:
    """Items of choose-k-of-n groups that the pupil left out."""
    return {
        bubble.label
        for field in page.fields
        if field.name.startswith(CHOOSE) and values.get(field.name)
        for bubble in field.groups[0].bubbles
        if bubble.label not in values[field.name].split(field.separator)
    }
