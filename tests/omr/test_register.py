"""Registration: where the layout's points come to lie on pictures whose geometry is known."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr import overlay
from omr.importers.omrchecker import load_template
from omr.layout import Bubble, Fiducial, Field, Group, Layout, Page, Registration
from omr.placement import Placement, Unregistered
from omr.register import register

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "omr-real"
SCALE = 6.0  # pixels per millimetre of the drawn pages
CORNERS = ((12.2, 12.2), (197.8, 12.2), (197.8, 284.8), (12.2, 284.8))


def own_layout(series: int = 3, pages: int = 1) -> Layout:
    """A4, four columns of items and a number grid, so that no turn of it looks like another."""
    return Layout(
        id="own", width=210, height=297, pages=tuple(Page(
            number=number, fields=_fields("" if number == 1 else f"p{number}"),
            fiducials=tuple(Fiducial(id=16 * series + 4 * (number - 1) + i, x=x, y=y, size=8.4)
                            for i, (x, y) in enumerate(CORNERS)),
        ) for number in range(1, pages + 1)),
    )  # fmt: skip


def foreign_layout(method: str, **registration: object) -> Layout:
    return Layout(
        id="foreign", unit="px", width=210, height=297, pages=(Page(number=1, fields=_fields()),),
        registration=Registration(method=method, **registration),
    )  # fmt: skip


def _fields(prefix: str = "") -> tuple[Field, ...]:
    fields = []
    for column in range(3):
        for row in range(15):
            bubbles = [Bubble(label="ABCD"[k], x=25 + 50 * column + 7 * k, y=140 + 7 * row) for k in range(4)]
            fields.append(_field(f"{prefix}q{15 * column + row + 1}", f"b{column}", bubbles))
    for digit in range(6):
        bubbles = [Bubble(label=str(k), x=110 + 8 * digit, y=40 + 6 * k) for k in range(10)]
        fields.append(_field(f"{prefix}n{digit}", "number", bubbles))
    return tuple(fields)


def _field(name: str, block: str, bubbles: list[Bubble]) -> Field:
    return Field(name=name, groups=(Group(bubbles=tuple(bubbles)),), width=4.6, height=3, block=block)


def drawn(layout: Layout, *, page: int = 0, print_grey: int = 60, marked: bool = True) -> np.ndarray:
    """The page as printed and filled in, each first bubble of every third field marked."""
    fine = SCALE * 2
    image = np.full((round(layout.height * fine), round(layout.width * fine)), 255, np.uint8)
    for mark in layout.pages[page].fiducials:
        side = round(mark.size * fine)
        left, top = round((mark.x - mark.size / 2) * fine), round((mark.y - mark.size / 2) * fine)
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000)
        image[top : top + side, left : left + side] = cv2.aruco.generateImageMarker(dictionary, mark.id, side)
    for index, field in enumerate(layout.pages[page].fields):
        for bubble in field.groups[0].bubbles:
            low, high = (tuple(round((c + s * d / 2) * fine) for c, d in
                               ((bubble.x, field.width), (bubble.y, field.height))) for s in (-1, 1))  # fmt: skip
            cv2.rectangle(image, low, high, print_grey, 3)
            place = (round((bubble.x - 0.8) * fine), round((bubble.y + 0.8) * fine))
            cv2.putText(image, bubble.label, place, 0, 0.8, print_grey, 2)
        if marked and index % 3 == 0:
            first = field.groups[0].bubbles[0]
            cv2.circle(image, (round(first.x * fine), round(first.y * fine)), round(1.4 * fine), 50, -1)
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def to_pixels(layout: Layout) -> np.ndarray:
    """Layout to pixels of `drawn`."""
    return np.array([(SCALE, 0, -0.5), (0, SCALE, -0.5), (0, 0, 1.0)])


def turned(image: np.ndarray, degrees: float, scale: float = 1.0, ground: int = 225) -> tuple[np.ndarray, np.ndarray]:
    """The image turned clockwise and scaled, on a canvas that holds it all, and the (3, 3) map of its pixels."""
    height, width = image.shape
    c, s = abs(np.cos(np.radians(degrees))), abs(np.sin(np.radians(degrees)))
    size = (int(scale * (width * c + height * s)) + 4, int(scale * (width * s + height * c)) + 4)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, scale)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    warped = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_AREA, borderValue=ground)
    return warped, np.vstack([matrix, (0, 0, 1)])


def noisy(image: np.ndarray, sigma: float = 6) -> np.ndarray:
    return np.clip(image + np.random.default_rng(0).normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def bubbles_of(layout: Layout) -> dict[str, np.ndarray]:
    blocks: dict[str, list[tuple[float, float]]] = {}
    for field in layout.pages[0].fields:
        blocks.setdefault(field.block, []).extend((b.x, b.y) for b in field.groups[0].bubbles)
    return {name: np.array(points) for name, points in blocks.items()}


def worst_error(placement: Placement, layout: Layout, true: np.ndarray) -> float:
    """Greatest distance, in pixels, of a bubble's centre from where it truly is."""
    return max(
        float(np.linalg.norm(placement.points(points, name) - moved(true, points), axis=1).max())
        for name, points in bubbles_of(layout).items()
    )


def moved(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    result = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return result[:, :2] / result[:, 2:]


OWN = own_layout()
OWN_PAGE = drawn(OWN)


@settings(max_examples=25, deadline=None)
@given(
    quarter=st.integers(0, 3),
    skew=st.floats(-10, 10),
    scale=st.floats(0.9, 1.1),
    lost=st.none() | st.integers(0, 3),
)
def test_own_sheet_is_found_however_it_lies(quarter: int, skew: float, scale: float, lost: int | None) -> None:
    page = OWN_PAGE.copy()
    if lost is not None:
        x, y = (int(side * SCALE) for side in CORNERS[lost])
        page[y - 40 : y + 40, x - 40 : x + 40] = 255
    image, matrix = turned(page, 90 * quarter + skew, scale)
    placement = register(noisy(image), OWN)
    assert placement.rotation == 90 * quarter
    assert placement.page.number == 1
    assert placement.residual < 0.05
    assert placement.scale == pytest.approx(SCALE * scale, rel=0.005)
    assert worst_error(placement, OWN, matrix @ to_pixels(OWN)) < 1.0


def test_marks_tell_the_page() -> None:
    layout = own_layout(pages=3)
    assert register(drawn(layout, page=2), layout).page.number == 3


def test_another_layout_is_the_wrong_sheet() -> None:
    with pytest.raises(Unregistered) as refusal:
        register(OWN_PAGE, own_layout(series=4))
    assert refusal.value.reason == "wrong_sheet"


@pytest.mark.parametrize("image", [np.full((900, 640), 255, np.uint8), noisy(np.full((900, 640), 128, np.uint8), 60)])
def test_page_without_marks_is_not_registered(image: np.ndarray) -> None:
    with pytest.raises(Unregistered) as refusal:
        register(image, OWN)
    assert refusal.value.reason == "not_registered"


def test_two_corners_lost_are_too_many() -> None:
    page = OWN_PAGE.copy()
    page[: page.shape[0] // 2] = 255
    with pytest.raises(Unregistered) as refusal:
        register(page, OWN)
    assert refusal.value.reason == "not_registered"
    assert "2 of 4" in refusal.value.detail


def test_marks_that_do_not_form_the_page_are_refused() -> None:
    """A corner cut out and stuck on elsewhere: never a guess."""
    page = OWN_PAGE.copy()
    side, x, y = 36, int(CORNERS[2][0] * SCALE), int(CORNERS[2][1] * SCALE)
    mark = page[y - side : y + side, x - side : x + side].copy()
    page[y - side : y + side, x - side : x + side] = 255
    page[y - 10 * side : y - 8 * side, x - side : x + side] = mark
    with pytest.raises(Unregistered) as refusal:
        register(page, OWN)
    assert refusal.value.reason == "not_registered"


def bent(image: np.ndarray, millimetres: float) -> np.ndarray:
    """Corners stay where they are, the middle of the page moves to the right."""
    height, width = image.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    push = millimetres * SCALE * np.sin(np.pi * y / height) * np.sin(np.pi * x / width)
    return cv2.remap(image, x - push.astype(np.float32), y, cv2.INTER_LINEAR, borderValue=255)


def test_blocks_follow_a_bent_page() -> None:
    image = bent(OWN_PAGE, 1.5)
    placement = register(image, OWN)
    plain = Placement(placement.page, 0, 0.0, placement.homography)
    worst = {"corrected": 0.0, "plain": 0.0}
    for name, points in bubbles_of(OWN).items():
        true = moved(to_pixels(OWN), points)
        push = 1.5 * SCALE * np.sin(np.pi * true[:, 1] / image.shape[0]) * np.sin(np.pi * true[:, 0] / image.shape[1])
        true[:, 0] += push
        for key, place in (("corrected", placement), ("plain", plain)):
            off = np.linalg.norm(place.points(points, name) - true, axis=1).max()
            worst[key] = max(worst[key], float(off))
    assert worst["plain"] > 1.2 * SCALE
    assert worst["corrected"] < 0.5 * SCALE


def photo(page: np.ndarray, degrees: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """The page on a dark ground, turned, in perspective and unevenly lit; with the (3, 3) map of its pixels."""
    image, matrix = turned(
        cv2.copyMakeBorder(page, 300, 300, 300, 300, cv2.BORDER_CONSTANT, value=40), degrees, 0.7, 40
    )
    height, width = image.shape
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    target = source + np.array([(30, 20), (-10, 0), (0, -15), (10, 0)], np.float32)
    tilt = cv2.getPerspectiveTransform(source, target)
    image = cv2.warpPerspective(image, tilt, (width, height), borderValue=40).astype(np.float64)
    light = np.linspace(0.65, 1.0, width)[None, :] * np.linspace(1.0, 0.8, height)[:, None]
    border = np.array([(1, 0, 300), (0, 1, 300), (0, 0, 1.0)])
    return noisy(image * light, 3), tilt @ matrix @ border


@pytest.mark.parametrize("degrees", [0, 8, -12, 90, 180])
def test_outline_of_a_photographed_page(degrees: float) -> None:
    layout = foreign_layout("outline")
    image, matrix = photo(drawn(layout), degrees)
    placement = register(image, layout)
    assert placement.rotation == round(degrees / 90) * 90 % 360
    assert worst_error(placement, layout, matrix @ to_pixels(layout)) < 0.5 * SCALE * 0.7


def test_dark_picture_has_no_outline() -> None:
    with pytest.raises(Unregistered) as refusal:
        register(noisy(np.full((800, 600), 60, np.uint8)), foreign_layout("outline"))
    assert refusal.value.reason == "not_registered"


@pytest.mark.parametrize("grey", [60, 180])
def test_misaligned_template_is_put_right(grey: int) -> None:
    """Blocks are off by up to a third of the pitch, each its own way; the print may be faint."""
    layout = foreign_layout("frame")
    image = noisy(drawn(layout, print_grey=grey), 4)
    offsets = {"b0": (2.0, 1.5), "b1": (-1.8, 0.5), "b2": (0.0, -2.0), "number": (1.5, 1.0)}
    fields = tuple(
        field.model_copy(update={"groups": tuple(
            Group(bubbles=tuple(Bubble(label=b.label, x=b.x + offsets[field.block][0], y=b.y + offsets[field.block][1])
                                for b in group.bubbles)) for group in field.groups)})
        for field in layout.pages[0].fields
    )  # fmt: skip
    wrong = layout.model_copy(update={"pages": (Page(number=1, fields=fields),)})
    placement = register(image, wrong)
    for name, points in bubbles_of(wrong).items():
        true = moved(to_pixels(layout), points - np.array(offsets[name]))
        assert np.linalg.norm(placement.points(points, name) - true, axis=1).max() < 0.4 * SCALE


def test_a_row_farther_on_is_noticed() -> None:
    """Rows repeat; a picture cut a whole row short must not be read a row off."""
    layout = foreign_layout("frame")
    image = np.roll(drawn(layout), round(7 * SCALE), axis=0)
    down = np.array([(1, 0, 0), (0, 1, round(7 * SCALE)), (0, 0, 1.0)])
    assert worst_error(register(image, layout), layout, down @ to_pixels(layout)) < 0.3 * SCALE


def test_rows_that_the_layout_does_not_have_are_not_counted_on() -> None:
    """Of more rows than the layout has, which ones are meant shows only on a page that lies as it should."""
    printed = foreign_layout("frame")
    fields = tuple(field for field in printed.pages[0].fields if field.block != "number" and 3 <= _row(field) < 12)
    layout = printed.model_copy(update={"pages": (Page(number=1, fields=fields),)})
    assert worst_error(register(drawn(printed), layout), layout, to_pixels(layout)) < 0.3 * SCALE
    with pytest.raises(Unregistered):
        register(turned(drawn(printed), 5)[0], layout)


@pytest.mark.parametrize("step", [12, -12])
def test_a_wrong_template_is_not_made_right_by_turning_the_page(step: float) -> None:
    """Five rows of five are the same upside down: a template a row off fits this page if it is taken to lie so."""
    printed, layout = (
        Layout(id="square", unit="px", width=210, height=297, registration=Registration(method="frame"),
               pages=(Page(number=1, fields=tuple(
                   _field(f"q{row}", "q", [Bubble(label="ABCDE"[k], x=85 + 10 * k, y=top + 12 * row) for k in range(5)])
                   for row in range(5))),))
        for top in (124.5 - step / 2, 124.5 + step / 2)
    )  # fmt: skip
    with pytest.raises(Unregistered):
        register(drawn(printed), layout)
    assert worst_error(register(drawn(printed), printed), printed, to_pixels(printed)) < 0.3 * SCALE


def _row(field: Field) -> int:
    return round((field.groups[0].bubbles[0].y - 140) / 7)


@pytest.mark.parametrize(
    ("method", "degrees"), [("frame", -9), ("frame", 94), ("outline", 0), ("outline", 4), ("outline", 180)]
)
def test_bubbles_alone_find_the_page(method: str, degrees: float) -> None:
    """No outline, not edge to edge, and the foot of the page is cut off."""
    layout = foreign_layout(method)
    image, matrix = turned(drawn(layout)[: round(260 * SCALE), round(10 * SCALE) :], degrees, 0.5, 255)
    cut = np.array([(1, 0, -round(10 * SCALE)), (0, 1, 0), (0, 0, 1.0)])
    placement = register(noisy(image), layout)
    assert placement.rotation == round(degrees / 90) * 90 % 360
    assert worst_error(placement, layout, matrix @ cut @ to_pixels(layout)) < 0.4 * SCALE * 0.5


def test_another_form_is_refused() -> None:
    layout = foreign_layout("frame")
    text = np.full((1782, 1260), 255, np.uint8)
    for row in range(40, 1750, 40):
        cv2.putText(text, "Lorem ipsum dolor sit amet consectetur adipiscing", (30, row), 0, 1.3, 30, 3)
    with pytest.raises(Unregistered) as refusal:
        register(text, layout)
    assert refusal.value.reason == "not_registered"


def test_invisible_print_leaves_the_frame_alone() -> None:
    """A drop-out colour shows nothing but marks: those may confirm the frame and must not pull it away."""
    layout = foreign_layout("frame")
    placement = register(noisy(drawn(layout, print_grey=252), 2), layout)
    assert worst_error(placement, layout, to_pixels(layout)) < 0.3 * SCALE


def test_nothing_to_be_seen_is_no_blank_page() -> None:
    """Without print and marks it may be any sheet, and its back."""
    layout = foreign_layout("frame")
    with pytest.raises(Unregistered):
        register(noisy(drawn(layout, print_grey=252, marked=False), 2), layout)


def rings(side: int) -> np.ndarray:
    picture = np.full((side, side), 255, np.uint8)
    for radius, grey in ((0.48, 0), (0.38, 255), (0.28, 0), (0.18, 255), (0.08, 0)):
        cv2.circle(picture, (side // 2, side // 2), round(radius * side), grey, -1)
    return picture


def marker_sheet(tmp_path: Path, present: int) -> tuple[Layout, np.ndarray]:
    """The page inside a wider sheet with `present` markers about its corners; 13 mm markers on a sheet of 250 mm."""
    cv2.imwrite(str(tmp_path / "marker.png"), rings(160))
    layout = foreign_layout("markers", marker=str(tmp_path / "marker.png"), marker_ratio=250 / 13)
    border = round(20 * SCALE)
    page = drawn(layout)
    sheet = cv2.copyMakeBorder(page, border, border, border, border, cv2.BORDER_CONSTANT, value=255)
    marker = rings(round(13 * SCALE))
    height, width = page.shape
    for x, y in ((0, 0), (width, 0), (width, height), (0, height))[:present]:
        top, left = border + y - len(marker) // 2, border + x - len(marker) // 2
        sheet[top : top + len(marker), left : left + len(marker)] = marker
    return layout, sheet


@pytest.mark.parametrize("degrees", [0, 4])
def test_markers_hold_the_page(tmp_path: Path, degrees: float) -> None:
    layout, sheet = marker_sheet(tmp_path, 4)
    image, matrix = turned(sheet, degrees, 0.6, 255)
    border = np.array([(1, 0, round(20 * SCALE)), (0, 1, round(20 * SCALE)), (0, 0, 1.0)])
    placement = register(noisy(image), layout)
    assert worst_error(placement, layout, matrix @ border @ to_pixels(layout)) < 0.5 * SCALE * 0.6


@pytest.mark.parametrize("present", [3, 2, 0])
def test_lost_markers_do_no_harm(tmp_path: Path, present: int) -> None:
    layout, sheet = marker_sheet(tmp_path, present)
    image, matrix = turned(sheet, 2, 0.6, 255)
    border = np.array([(1, 0, round(20 * SCALE)), (0, 1, round(20 * SCALE)), (0, 0, 1.0)])
    placement = register(noisy(image), layout)
    assert worst_error(placement, layout, matrix @ border @ to_pixels(layout)) < 0.5 * SCALE * 0.6


def test_missing_marker_is_named(tmp_path: Path) -> None:
    layout, sheet = marker_sheet(tmp_path, 3)
    border = round(20 * SCALE)
    sheet[border + 60 : -border - 60, border + 60 : -border - 60] = 255  # nor is there anything else to go by
    with pytest.raises(Unregistered, match="bottom left"):
        register(sheet, layout)


def test_overlay_shows_marks_in_red() -> None:
    placement = register(OWN_PAGE, OWN)
    picture = overlay.draw(OWN_PAGE, OWN, placement, {"q1": "B"})
    blue, _, reddish = np.moveaxis(picture.astype(int), -1, 0)
    red = np.argwhere(reddish - blue > 80) / (picture.shape[1] // OWN_PAGE.shape[1])
    bubble = OWN.pages[0].fields[0].groups[0].bubbles[1]
    assert red[:, ::-1].mean(axis=0) == pytest.approx((bubble.x * SCALE, bubble.y * SCALE), abs=2)


@pytest.mark.parametrize("case", [
    "adrian-photo", "college-100q-lowres-scan", "prayaas-colour-photo", "prayaas-xerox-photo", "prayaas-angles-photo",
    "technothlon-camscanner", "nus-student-number-scan",
])  # fmt: skip
def test_real_marks_lie_in_their_bubbles(case: str) -> None:
    """Of the bubbles of a field with one mark the darkest is the marked one, by a plain mean over its box."""
    if not (REAL / case).is_dir():
        pytest.skip("the real answer sheets are not beside the checkout")
    layout = load_template(REAL / case / "template.json")
    truth: dict[str, dict[str, str]] = {}
    with open(REAL / case / "truth.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            truth.setdefault(row["file"], {})[row["field"]] = row["value"]
    wrong, judged = [], 0
    for name, values in truth.items():
        image = cv2.imread(str(REAL / case / name), cv2.IMREAD_GRAYSCALE)
        placement = register(image, layout)
        for field in layout.pages[0].fields:
            value = values.get(field.name, "")
            bubbles = field.groups[0].bubbles
            if value not in [bubble.label for bubble in bubbles]:
                continue
            means = [_mean_grey(image, placement, field, bubble) for bubble in bubbles]
            judged += 1
            if bubbles[int(np.argmin(means))].label != value:
                wrong.append((name, field.name))
    assert judged > 0 or layout.joined  # fields of a joined value are not judged one by one
    assert not wrong


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_real_photo_upside_down_is_not_read_on_the_wrong_bubbles(quarter: int) -> None:
    """Turned by 180° the columns of this form lie on each other but for their fringes."""
    case = REAL / "prayaas-colour-photo"
    if not case.is_dir():
        pytest.skip("the real answer sheets are not beside the checkout")
    image = cv2.imread(str(case / "rgb-100-gsm.jpg"), cv2.IMREAD_GRAYSCALE)
    image = np.ascontiguousarray(np.rot90(image, -quarter))
    assert register(image, load_template(case / "template.json")).rotation == 90 * quarter


def _mean_grey(image: np.ndarray, placement: Placement, field: Field, bubble: Bubble) -> float:
    u, v = np.meshgrid(np.linspace(-0.35, 0.35, 7), np.linspace(-0.35, 0.35, 7))
    inside = np.column_stack([bubble.x + u.ravel() * field.width, bubble.y + v.ravel() * field.height])
    x, y = placement.points(inside, field.block).astype(np.float32).T
    return float(cv2.remap(image, x.reshape(1, -1), y.reshape(1, -1), cv2.INTER_LINEAR).mean())
