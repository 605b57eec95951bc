"""Filled-in, damaged scans of printed sheets, with the truth beside them: what a printer-scanner set-up is tested with.

Equal inputs give equal files, whatever the executor: every page draws its chances from the seed, the sheet's name and
the page alone.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pypdfium2 import PdfDocument

from engine.errors import UsageError
from engine.tables import ABSENT, CHOOSE
from omr import pencil
from omr.canvas import WRITTEN_TO_GRID
from omr.damage import PRESETS, Damage, scan
from omr.layout import Field, Layout, Page

DPI = 200
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
        out: folder that receives a grey JPEG of 200 dpi a page, `<name>-<page>.jpg`.
        preset: name in `omr.damage.PRESETS`, or damage of your own.
        untidy: share of marks made untidily (see `omr.pencil.UNTIDY`).
        progress: called with sheets done and sheets in all.

    Returns:
        The truth, a row a field of every page: file, page, field, value, untidy.

    Raises:
        UsageError: no such preset, or a value that can't be marked in its field.
    """
    if isinstance(preset, str) and preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}", mend=f"choose one of {', '.join(PRESETS)}")
    damage = PRESETS[preset] if isinstance(preset, str) else preset
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
        clean: dict[int, npt.NDArray[np.uint8]] = {}  # pages of a blank sheet serve again and again
        for sheet in task.sheets:
            for page in task.layout.pages:
                index = sheet.first_pdf_page + page.number - 1
                if index not in clean:
                    clean = {i: kept for i, kept in clean.items() if i >= sheet.first_pdf_page}
                    picture = document[index].render(scale=DPI / 72, grayscale=True).to_numpy()
                    clean[index] = np.ascontiguousarray(picture.reshape(picture.shape[:2]))
                image = clean[index].copy()
                rng = np.random.default_rng((task.seed, zlib.crc32(sheet.name.encode()), page.number))
                file = f"{sheet.name}-{page.number}.jpg"
                for field, value, kinds in _fill(image, page, sheet.values, task.untidy, rng):
                    rows.append((file, 1, field, value, "+".join(kinds)))
                (task.out / file).write_bytes(scan(image, task.damage, DPI, rng))
    return rows


def _fill(
    image: npt.NDArray[np.uint8], page: Page, values: Mapping[str, str], untidy: float, rng: np.random.Generator
) -> Iterator[tuple[str, str, list[str]]]:
    """Fill a page in; yields each field with its true value and the untidy marks it got."""
    dot = DPI / 25.4
    for field in page.fields:
        marked = places(field, values.get(field.name, ""))
        kinds = []
        for i, group in enumerate(field.groups):
            for j, bubble in enumerate(group.bubbles):
                if (i, j) not in marked:
                    continue
                kind = str(rng.choice(pencil.UNTIDY)) if rng.random() < untidy else ""
                if kind in ("erased", "stray"):
                    _spoil(image, field, i, j, kind, marked, rng)
                own = "" if kind in ("erased", "stray") else kind
                pencil.mark(image, bubble.x * dot, bubble.y * dot, field.width * dot, field.height * dot, rng, own)
                kinds += [kind] if kind else []
        if _is_digit_grid(field):
            _write_digits(image, field, marked, rng)
        yield field.name, value_of(field, marked), kinds
    if not values.get(ABSENT):
        left_out = _not_chosen(page, values)
        for box in page.boxes:
            if box.name not in left_out:
                inset, below = 3.0, 13.0  # clear of the box's title and score strip
                pencil.write(
                    image, (box.x + inset) * dot, (box.y + below) * dot, (box.width - 2 * inset) * dot,
                    (box.height - below - 2) * dot, CHARACTER * dot, rng.uniform(0.1, 0.9), rng,
                )  # fmt: skip


def _spoil(
    image: npt.NDArray[np.uint8],
    field: Field,
    i: int,
    j: int,
    kind: str,
    marked: set[tuple[int, int]],
    rng: np.random.Generator,
) -> None:
    """Erase another bubble of the group, or let a line stray past this one."""
    dot = DPI / 25.4
    bubbles = field.groups[i].bubbles
    others = [k for k in range(len(bubbles)) if (i, k) not in marked] if kind == "erased" else [j]
    if others:
        bubble = bubbles[int(rng.choice(others))]
        pencil.mark(image, bubble.x * dot, bubble.y * dot, field.width * dot, field.height * dot, rng, kind)


def _is_digit_grid(field: Field) -> bool:
    return all({"0", "9"} <= {b.label for b in group.bubbles} and len({b.x for b in group.bubbles}) == 1
               for group in field.groups)  # fmt: skip


def _write_digits(
    image: npt.NDArray[np.uint8], field: Field, marked: set[tuple[int, int]], rng: np.random.Generator
) -> None:
    dot = DPI / 25.4
    top = min(bubble.y for group in field.groups for bubble in group.bubbles) - WRITTEN_TO_GRID
    for i, j in sorted(marked):
        bubble = field.groups[i].bubbles[j]
        pencil.write_digit(image, bubble.x * dot, top * dot, bubble.label, DIGIT * dot, rng)


def _not_chosen(page: Page, values: Mapping[str, str]) -> set[str]:
    """Items of choose-k-of-n groups that the pupil left out."""
    return {
        bubble.label
        for field in page.fields
        if field.name.startswith(CHOOSE) and values.get(field.name)
        for bubble in field.groups[0].bubbles
        if bubble.label not in values[field.name].split(field.separator)
    }


def places(field: Field, value: str) -> set[tuple[int, int]]:
    """The bubbles (group, bubble) that say `value`; the inverse of `value_of`.

    Raises:
        UsageError: no marks in this field say that.
    """
    labels = [[bubble.label for bubble in group.bubbles] for group in field.groups]
    if not value:
        return set()
    found: set[tuple[int, int]] | None
    if field.join == "sum":
        found = _summands(labels, value)
    elif field.join == "positional":
        found = _positions(labels, value)
    else:
        found = _in_order(labels, value, field.separator)
    if found is None:
        raise UsageError(f"{value!r} can't be marked in field {field.name!r}")
    return found


def _summands(labels: list[list[str]], value: str) -> set[tuple[int, int]] | None:
    """The fewest marks, at most one a group, that add up."""
    try:
        wanted = Decimal(value)
    except InvalidOperation:
        return None
    choices = [[(-1, Decimal(0)), *((j, Decimal(label)) for j, label in enumerate(group))] for group in labels]
    fits = [
        {(i, j) for i, (j, _) in enumerate(pick) if j >= 0}
        for pick in itertools.product(*choices)
        if sum(points for _, points in pick) == wanted
    ]
    return min((fit for fit in fits if fit), key=len, default=None)


def _positions(labels: list[list[str]], value: str) -> set[tuple[int, int]] | None:
    """ "_" is a blank place, "[37]" a double mark; a short value leaves the last places blank."""
    parts = re.findall(r"\[[^]]*\]|.", value)
    if len(parts) > len(labels) or any(
        letter not in group for part, group in zip(parts, labels, strict=False) for letter in part.strip("[]_")
    ):
        return None
    return {(i, labels[i].index(letter)) for i, part in enumerate(parts) for letter in part.strip("[]_")}


def _in_order(labels: list[list[str]], value: str, separator: str) -> set[tuple[int, int]] | None:
    parts = value.split(separator) if separator else list(value)
    if len(labels) == 1:
        return {(0, labels[0].index(part)) for part in parts} if set(parts) <= set(labels[0]) else None
    found, i = set(), 0
    for part in parts:
        while i < len(labels) and part not in labels[i]:
            i += 1
        if i == len(labels):
            return None
        found.add((i, labels[i].index(part)))
        i += 1
    return found


def value_of(field: Field, marked: set[tuple[int, int]]) -> str:
    """What marks in these bubbles say, as `Field.join` has it."""
    groups = [[group.bubbles[j].label for j in range(len(group.bubbles)) if (i, j) in marked]
              for i, group in enumerate(field.groups)]  # fmt: skip
    if not marked:
        return ""
    if field.join == "sum":
        return f"{sum((Decimal(label) for group in groups for label in group), Decimal(0)).normalize():f}"
    if field.join == "positional":
        return "".join("_" if not group else group[0] if len(group) == 1 else f"[{''.join(group)}]" for group in groups)
    return field.separator.join(field.separator.join(group) for group in groups if group)
