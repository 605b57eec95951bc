"""Printed sheets with marks drawn on them, as JPEG files; and tasks for workers to trip over."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pypdfium2 as pdfium

from omr import read, workers
from omr.layout import Field, Layout
from omr.parts import Readings
from omr.sheet import Pupil, SheetField, SheetSpec, design, draw

DPI = 150
SCALE = DPI / 25.4  # pixels a millimetre

Truth = dict[tuple[str, str], str]  # (file, field) → value


def layout(series: int = 0, barcode: str = "code128") -> Layout:
    """One page: number grid, ten single choices, two multiple choices."""
    fields = [SheetField(name=str(n), kind="choice", options="ABCD") for n in range(1, 13)]
    spec = SheetSpec(sides=1, number_digits=6, barcode=barcode, absent=False, violation=False)
    return design(spec, fields, layout_id="test", title="测试", series=series)


def sheets(made: Layout, numbers: list[str], folder: Path) -> list[np.ndarray]:
    """The printed sheets of these candidates, as grey pictures at `DPI`."""
    path = folder / "sheets.pdf"
    draw(made, path, [Pupil(number=number, name="张三") for number in numbers])
    with pdfium.PdfDocument(path) as document:
        return [page.render(scale=DPI / 72, grayscale=True).to_numpy().copy() for page in document]


def fill(picture: np.ndarray, field: Field, value: str) -> None:
    """Mark a field's bubbles with the letters or digits of `value`, in the order of its groups."""
    for position, group in enumerate(field.groups):
        wanted = value[position] if len(field.groups) > 1 else value
        for bubble in group.bubbles:
            if bubble.label in wanted:
                cv2.ellipse(
                    picture,
                    (round(bubble.x * SCALE), round(bubble.y * SCALE)),
                    (round(field.width / 2 * SCALE * 0.9), round(field.height / 2 * SCALE * 0.9)),
                    0,
                    0,
                    360,
                    60,
                    -1,
                )


def smear(path: Path, made: Layout, name: str) -> None:
    """Lay a grey veil over the lighter bubbles of a field's first group on a scan, as an eraser does."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    field = next(field for field in made.pages[0].fields if field.name == name)
    for bubble in field.groups[0].bubbles[:2]:
        x, y = (round(at * SCALE) for at in (bubble.x, bubble.y))
        across, down = (round(length * SCALE / 2) for length in (field.width, field.height))
        part = picture[y - down : y + down, x - across : x + across]
        np.minimum(part, 185, out=part)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


def write(folder: Path, count: int, made: Layout, seed: int = 0) -> Truth:
    """Write `count` scans to a folder and the folders in it."""
    rng = np.random.default_rng(seed)
    numbers = [f"{int(number):06d}" for number in rng.integers(0, 10**6, count)]
    folder.mkdir(parents=True, exist_ok=True)
    truth: Truth = {}
    for index, (number, picture) in enumerate(zip(numbers, sheets(made, numbers, folder.parent), strict=True)):
        name = f"room{index % 2 + 1}/{index:03d}.jpg"
        for field in made.pages[0].fields:
            letters = [bubble.label for bubble in field.groups[0].bubbles]
            value = number if field.name == "candidate" else str(rng.choice(letters))
            if field.name in ("11", "12"):
                value = "".join(letter for letter in letters if rng.random() < 0.5)
            fill(picture, field, value)
            truth[name, field.name] = value
        truth[name, "barcode"] = number
        noise = rng.normal(0, 3, picture.shape)
        (folder / name).parent.mkdir(exist_ok=True)
        scan = np.clip(picture * 0.9 + 15 + noise, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / name), scan, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return truth


# ---------------------------------------------------------------- for workers


def killed_by_boom(task: str) -> str:
    if task == "boom":
        os.kill(os.getpid(), signal.SIGKILL)
    return task.upper()


def hangs_on_boom(task: str) -> str:
    workers.PAGE_SECONDS = 0.5
    workers.watch()
    if task == "boom":
        time.sleep(60)
    workers.unwatch()
    return task.upper()


def never_starts() -> None:
    os._exit(1)


def part_killed_by_crash_jpg(task: read._Task) -> Readings:
    """A decoder that a certain file kills."""
    if any(ref.file.endswith("crash.jpg") for ref in task.refs):
        os.kill(os.getpid(), signal.SIGKILL)
    return read._read_part(task)
