"""Registration by a picture of the empty form: made-up forms on made-up and real pages."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine import tables
from engine.errors import InputError
from omr.importers import load_any
from omr.layout import Bubble, Field, Group, Layout, Page, Registration
from omr.marks import read_marks
from omr.placement import Placement, Unregistered
from omr.read import read_scans
from omr.register import register

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "omr-real"
SIZE = (840, 1188)  # of the drawn form, in pixels
UNIT = 0.5  # layout units a pixel
TITLES = ("Mock examination", "Name, school, room and seat", "Fill the circles wholly, erase cleanly", "Physics 2026")


def layout(reference: Path, pages: int = 1) -> Layout:
    return Layout(
        id="form", unit="px", width=SIZE[0] * UNIT, height=SIZE[1] * UNIT,
        pages=tuple(Page(number=number, fields=tuple(fields(number))) for number in range(1, pages + 1)),
        registration=Registration(method="reference", reference=str(reference)),
    )  # fmt: skip


def fields(number: int):
    """Three columns of items on the first page; fewer, lower ones on the second."""
    for column in range(3):
        for row in range(20 if number == 1 else 12):
            places = [
                ((110 + 240 * column + 36 * k) * UNIT, (320 + 120 * (number - 1) + 40 * row) * UNIT) for k in range(4)
            ]
            bubbles = tuple(Bubble(label="ABCD"[k], x=x, y=y) for k, (x, y) in enumerate(places))
            name = f"p{number}q{20 * column + row + 1}"
            yield Field(
                name=name, groups=(Group(bubbles=bubbles),), width=10, height=10, shape="ellipse", block=f"b{column}"
            )


def drawn(form: Layout, number: int = 1, *, marked: bool = False) -> np.ndarray:
    image = np.full(SIZE[::-1], 255, np.uint8)
    for line, title in enumerate(TITLES):
        words = title if number == 1 else title[::-1]
        cv2.putText(image, words, (90 + 30 * line, 80 + 55 * line), line % 2, 1.1, 40, 2, cv2.LINE_AA)
    cv2.line(image, (80, 270), (760, 280), 0, 3)
    for index, field in enumerate(form.pages[number - 1].fields):
        x, y = to_pixels([(field.groups[0].bubbles[0].x, field.groups[0].bubbles[0].y)])[0]
        cv2.putText(image, str(index + 1), (int(x) - 60, int(y) + 8), 0, 0.6, 40, 1, cv2.LINE_AA)
        for place, bubble in enumerate(field.groups[0].bubbles):
            centre = tuple(int(side) for side in np.rint(to_pixels([(bubble.x, bubble.y)])[0]))
            cv2.circle(image, centre, 10, 60, 1, cv2.LINE_AA)
            cv2.putText(image, bubble.label, (centre[0] - 5, centre[1] + 5), 0, 0.4, 120, 1, cv2.LINE_AA)
            if marked and place == index % 5:
                cv2.circle(image, centre, 9, 50, -1, cv2.LINE_AA)
    return image


def answers(form: Layout, number: int = 1) -> dict[str, str]:
    """What `drawn` marks."""
    return {field.name: "ABCD"[i % 5 : i % 5 + 1] for i, field in enumerate(form.pages[number - 1].fields)}


def to_pixels(points) -> np.ndarray:
    return np.asarray(points) / UNIT - 0.5


@pytest.fixture
def form(tmp_path: Path) -> Layout:
    made = layout(tmp_path / "form.png")
    cv2.imwrite(made.registration.reference, drawn(made))
    return made


def photographed(image: np.ndarray, degrees: float, scale: float, tilt: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The page turned, scaled and tilted on a grey ground, and the (3, 3) map of its pixels."""
    height, width = image.shape
    c, s = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    seen = (corners - corners.mean(axis=0)) @ np.array([(c, s), (-s, c)])
    seen *= 1 + tilt * seen[:, :1] / width
    seen += 20 - seen.min(axis=0)
    size = tuple(int(side) + 20 for side in seen.max(axis=0))
    homography = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    return cv2.warpPerspective(image, homography, size, flags=cv2.INTER_AREA, borderValue=150), homography


@pytest.mark.parametrize("tilt", [0.0, 0.12])
@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (4, 0.8), (90, 1.3), (180, 1.0), (263, 0.9), (41, 1.1)])
def test_a_page_is_found_whichever_way_it_lies(form: Layout, degrees: float, scale: float, tilt: float) -> None:
    image, true = photographed(drawn(form, marked=True), degrees, scale, tilt)
    placement = register(image, form)
    assert worst_error(placement, form, true) < 3
    assert placement.rotation == round(degrees / 90) * 90 % 360
    assert {mark.field: mark.value for mark in read_marks(image, form, placement)} == answers(form)


def worst_error(placement: Placement, form: Layout, true: np.ndarray) -> float:
    """Greatest distance, in pixels, of a bubble from where it truly is."""
    errors = []
    for field in form.pages[0].fields:
        points = np.array([(bubble.x, bubble.y) for bubble in field.groups[0].bubbles])
        seen = cv2.perspectiveTransform(to_pixels(points).reshape(-1, 1, 2), true).reshape(-1, 2)
        errors.append(np.linalg.norm(placement.points(points, field.block) - seen, axis=1).max())
    return float(max(errors))


def test_the_reference_may_have_other_proportions_than_the_layout(form: Layout) -> None:
    """The frame of the picture is the layout's page, whatever its size."""
    page = drawn(form, marked=True)
    cv2.imwrite(form.registration.reference, cv2.resize(drawn(form), (700, 1188), interpolation=cv2.INTER_AREA))
    placement = register(page, form)
    assert {mark.field: mark.value for mark in read_marks(page, form, placement)} == answers(form)


def test_text_changed_since_the_reference_does_not_mislead(form: Layout) -> None:
    """A line was put in above a long text: most of the print is lower than on the reference, the bubbles are not."""
    text = [
        f"{n}. {words} in blue or black ink only" for n, words in enumerate(("Write", "Draw", "Answer", "Mark", "Sign"))
    ]
    pages = []
    for lower in (0, 40):
        page = np.hstack([drawn(form, marked=lower > 0), np.full((SIZE[1], 760), 255, np.uint8)])
        for line in range(28):
            words = f"{text[line % 5]} {line * 37 % 101} {'abcdefghijklmnopqrstuvwxyz'[line % 20 :]} {line * line}"
            cv2.putText(page, words, (850, 40 + lower + 40 * line), line % 4, 0.8, 30, 2, cv2.LINE_AA)
        pages.append(page)
    cv2.imwrite(form.registration.reference, pages[0])
    wide = form.model_copy(update={"width": pages[0].shape[1] * UNIT})
    placement = register(pages[1], wide)
    assert {mark.field: mark.value for mark in read_marks(pages[1], wide, placement)} == answers(form)


def test_another_form_and_an_empty_page_are_refused(form: Layout) -> None:
    other = layout(Path("other.png"), pages=2)
    for image in (drawn(other, 2), np.full(SIZE[::-1], 255, np.uint8), np.rot90(drawn(form))[:, ::-1].copy()):
        with pytest.raises(Unregistered):
            register(image, form)


def test_each_page_is_told_by_its_own_page_of_a_pdf(tmp_path: Path) -> None:
    from PIL import Image

    form = layout(tmp_path / "form.pdf", pages=2)
    first, second = (Image.fromarray(drawn(form, number)) for number in (1, 2))
    first.save(tmp_path / "form.pdf", save_all=True, append_images=[second])
    for number, degrees in ((1, 0), (2, 183), (2, 5), (1, 92)):
        image, _ = photographed(drawn(form, number, marked=True), degrees, 0.9)
        placement = register(image, form)
        assert placement.page.number == number
        assert {mark.field: mark.value for mark in read_marks(image, form, placement)} == answers(form, number)


def test_a_reference_that_is_no_picture_is_named(form: Layout) -> None:
    Path(form.registration.reference).write_text("no picture")
    with pytest.raises(InputError, match=r"form\.png.*reference picture"):
        register(drawn(form), form)


def test_the_reference_is_no_scan(form: Layout, tmp_path: Path) -> None:
    scans = tmp_path / "link"
    scans.symlink_to(tmp_path, target_is_directory=True)
    cv2.imwrite(str(tmp_path / "scan.png"), drawn(form, marked=True))
    with ThreadPoolExecutor(1) as executor:
        read_scans(scans, form, tmp_path / "out", executor=executor)
    pages = tables.read(tmp_path / "out" / "pages.arrow").to_pylist()
    assert [(page["file"], page["status"]) for page in pages] == [("scan.png", "read")]


@pytest.mark.parametrize("options", [{}, {"reference": "no.png"}, {"reference": "template.json"}])
def test_a_template_without_its_reference_is_refused_by_the_name_of_the_key(options, tmp_path: Path) -> None:
    block = {"fieldType": "QTYPE_MCQ4", "origin": [9, 9], "fieldLabels": ["q"], "labelsGap": 9, "bubblesGap": 9}
    template = {
        "pageDimensions": [99, 99],
        "bubbleDimensions": [5, 5],
        "fieldBlocks": {"a": block},
        "preProcessors": [{"name": "FeatureBasedAlignment", "options": options}],
    }
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template))
    with pytest.raises(InputError, match=r"FeatureBasedAlignment\.reference"):
        load_any(path)


@cache
def real(case: str) -> tuple[Layout, dict[str, dict[str, str]]]:
    truth: dict[str, dict[str, str]] = {}
    with open(REAL / case / "truth.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            truth.setdefault(row["file"], {})[row["field"]] = row["value"]
    return load_any(REAL / case / "template.json"), truth


@pytest.mark.skipif(not REAL.is_dir(), reason="the real scans are not beside this checkout")
@pytest.mark.parametrize("degrees", [0, 137])
@pytest.mark.parametrize("case", ["openmcr-150q-digital", "formscanner-test-scan"])
def test_every_field_of_real_pages_is_right(case: str, degrees: float) -> None:
    form, truth = real(case)
    for file, fields_of in truth.items():
        image = cv2.imread(str(REAL / case / file), cv2.IMREAD_GRAYSCALE)
        if degrees:
            image, _ = photographed(image, degrees, 0.8)
        marks = {mark.field: mark for mark in read_marks(image, form, register(image, form))}
        doubts = [field for field in fields_of if marks[field].flag]
        assert {f: marks[f].value for f in fields_of if f not in doubts} == {
            f: value for f, value in fields_of.items() if f not in doubts
        }
        assert len(doubts) <= len(fields_of) / 100
