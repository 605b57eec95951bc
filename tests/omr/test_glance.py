"""The glance that spares sound pages the correction of their blocks: what it sees and what it must not overlook."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omr.glance import BENT, IN_PLACE, NEAR, as_printed, at_a_glance, displaced, found_nearby, strayed, unseen
from omr.layout import Bubble, Fiducial, Field, Group, Layout, Page
from omr.placement import Placement

SCALE = 8.0  # pixels a millimetre
PITCH = (7.0, 5.0)
BLOCKS = ((15, 15), (60, 15), (15, 80), (60, 80))  # first bubble of each, in mm


def marks(width: float, height: float) -> tuple[Fiducial, ...]:
    corners = ((5, 5), (width - 5, 5), (width - 5, height - 5), (5, height - 5))
    return tuple(Fiducial(id=number, x=x, y=y, size=6) for number, (x, y) in enumerate(corners))


def layout() -> Layout:
    fields = tuple(
        Field(
            name=f"{block}.{row}",
            block=f"{block}",
            width=4.6,
            height=2.6,
            groups=(
                Group(
                    bubbles=tuple(Bubble(label="ABCD"[k], x=x + PITCH[0] * k, y=y + PITCH[1] * row) for k in range(4))
                ),
            ),
        )
        for block, (x, y) in enumerate(BLOCKS)
        for row in range(8)
    )
    return Layout(id="glance", width=100, height=130, pages=(Page(number=1, fields=fields, fiducials=marks(100, 130)),))


def picture(share: float, moves: dict[str, tuple[float, float]] | None = None, seed: int = 0) -> np.ndarray:
    """The page with so large a share of its bubbles filled, and some blocks moved by millimetres."""
    rng = np.random.default_rng(seed)
    image = np.full((round(130 * SCALE), round(100 * SCALE)), 255, np.uint8)
    for field in layout().pages[0].fields:
        dx, dy = (moves or {}).get(field.block, (0, 0))
        for bubble in field.groups[0].bubbles:
            corners = [
                tuple(round((c + d + s * side / 2) * SCALE) for c, d, side in
                      ((bubble.x, dx, field.width), (bubble.y, dy, field.height))) for s in (-1, 1)
            ]  # fmt: skip
            cv2.rectangle(image, corners[0], corners[1], 90, 2)
            if rng.random() < share:
                off = rng.integers(-4, 5, 4)
                cv2.rectangle(image, corners[0] + off[:2], corners[1] + off[2:], 60, -1)
    return cv2.GaussianBlur(image, (0, 0), 1)


def look(image: np.ndarray, shift: tuple[float, float] = (0, 0)) -> bool:
    """Whether all is in place if the corner marks are off by a shift in parts of the pitch."""
    homography = np.array([(SCALE, 0, shift[0] * PITCH[0] * SCALE), (0, SCALE, shift[1] * PITCH[1] * SCALE), (0, 0, 1)])
    placement = Placement(layout().pages[0], 0, 0.0, homography)
    return at_a_glance(image, placement) is placement


@pytest.mark.parametrize("share", [0, 0.25, 0.6, 1])
def test_sound_pages_are_in_place_however_many_are_marked(share):
    assert look(picture(share))


@pytest.mark.parametrize("share", [0, 0.25, 0.6, 1])
@pytest.mark.parametrize("direction", [(1, 0), (-1, 0), (0, 1), (0, -1)])
@pytest.mark.parametrize("length", [2 * IN_PLACE, 0.2])
def test_what_is_off_is_seen(share, direction, length):
    assert not look(picture(share), (length * direction[0], length * direction[1]))


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_one_block_that_is_off_is_seen(block):
    assert not look(picture(0.25, {str(block): (0.9, 0.0)}))


def test_a_page_without_bubbles_is_in_place():
    page = Page(number=1, fields=())
    placement = Placement(page, 0, 0.0, np.diag([SCALE, SCALE, 1]))
    assert at_a_glance(picture(0), placement) is placement


def place(image: np.ndarray, pages: Page | None = None) -> Placement | None:
    return as_printed(image, Placement(pages or layout().pages[0], 0, 0.0, np.diag([SCALE, SCALE, 1])))


@pytest.mark.parametrize("share", [0, 0.25, 0.4])
def test_each_block_of_another_program_s_form_is_moved_to_where_it_is_seen(share):
    moves = {"0": (0.5, 0.0), "1": (0.0, 0.4), "2": (-0.5, -0.3), "3": (0.0, 0.0)}  # mm
    found = place(picture(share, moves))
    assert found is not None
    for block, move in moves.items():
        np.testing.assert_allclose(found.corrections[block][:, 2], move, atol=0.1)
        np.testing.assert_allclose(found.corrections[block][:, :2], np.eye(2))


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_a_block_farther_off_is_not_taken_for_printed(block):
    assert place(picture(0.25, {str(block): (2 * NEAR * PITCH[0], 0.0)})) is None


def test_a_form_that_has_a_block_less_is_another():
    image = picture(0.25)
    x, y = (round(side * SCALE) for side in BLOCKS[3])
    image[y - 40 :, x - 40 :] = 255
    assert place(image) is None


def test_a_form_whose_blocks_have_fewer_rows_is_another():
    image = picture(0.25)
    for x, y in BLOCKS:
        left, top = round((x - 4) * SCALE), round((y + 5.5 * PITCH[1]) * SCALE)
        image[top : top + round(2.5 * PITCH[1] * SCALE), left : left + round(30 * SCALE)] = 255
    assert place(image) is None


def test_paper_without_print_is_no_form():
    assert place(np.full((1040, 800), 255, np.uint8)) is None
    assert place(picture(0), Page(number=1, fields=())) is None


@pytest.mark.parametrize("share", [0, 0.25, 0.4])
def test_blocks_of_our_own_bent_sheet_are_moved_to_where_they_are_seen(share):
    moves = {"0": (0.9, 0.3), "1": (0.8, 0.6), "2": (0.6, 0.2), "3": (0.4, 0.5)}  # mm
    found = at_a_glance(picture(share, moves), Placement(layout().pages[0], 0, 0.0, np.diag([SCALE, SCALE, 1])))
    assert found is not None
    for block, move in moves.items():
        np.testing.assert_allclose(found.corrections[block][:, 2], move, atol=0.1)


def test_what_is_bent_too_far_is_not_settled_at_a_glance():
    image = picture(0.25, {"2": (1.15 * BENT * PITCH[0], 0.0)})
    assert at_a_glance(image, Placement(layout().pages[0], 0, 0.0, np.diag([SCALE, SCALE, 1]))) is None


def test_a_block_that_is_not_there_is_not_settled_at_a_glance():
    image = picture(0.25)
    x, y = (round(side * SCALE) for side in BLOCKS[3])
    image[y - 40 :, x - 40 :] = np.random.default_rng(2).integers(150, 255, image[y - 40 :, x - 40 :].shape)
    assert at_a_glance(image, Placement(layout().pages[0], 0, 0.0, np.diag([SCALE, SCALE, 1]))) is None


def test_a_block_that_moved_alone_is_not_settled_at_a_glance():
    image = picture(0.25, {"1": (0.0, -0.9)})
    assert at_a_glance(image, Placement(layout().pages[0], 0, 0.0, np.diag([SCALE, SCALE, 1]))) is None


def strip(off: float, line: float, marked: int = 2, bubbles: int = 10) -> tuple[np.ndarray, Placement]:
    """A row of bubbles printed `off` millimetres below its place, and a frame's line `line` millimetres below that."""
    row = tuple(Bubble(label=str(k), x=15 + 7 * k, y=30) for k in range(bubbles))
    field = Field(name="score", block="score", width=4.6, height=2.6, groups=(Group(bubbles=row),))
    page = Page(number=1, fields=(field,), fiducials=marks(100, 60))
    image = np.full((round(60 * SCALE), round(100 * SCALE)), 235, np.uint8)
    for k, bubble in enumerate(row):
        corners = [(round((bubble.x + s * 2.3) * SCALE), round((bubble.y + off + s * 1.3) * SCALE)) for s in (-1, 1)]
        cv2.rectangle(image, corners[0], corners[1], 60 if k < marked else 170, -1 if k < marked else 2)
    y = round((30 + off + line) * SCALE)
    cv2.line(image, (0, y), (image.shape[1], y), 20, 4)
    return cv2.GaussianBlur(image, (0, 0), 1.5), Placement(page, 0, 0.0, np.diag([SCALE, SCALE, 1.0]))


@pytest.mark.parametrize("marked", [0, 2])
@pytest.mark.parametrize("line", [2.6, 3.2, 6.0])
@pytest.mark.parametrize("off", [-1.6, -0.9, 0.9, 1.6])
def test_bubbles_beside_a_frame_are_found_where_they_are(off: float, line: float, marked: int) -> None:
    image, placement = strip(off, line, marked)
    move = found_nearby(image, placement).corrections["score"][:, 2]
    assert move == pytest.approx([0, off], abs=0.35)
    assert unseen(image, found_nearby(image, placement)) == []


@pytest.mark.parametrize("line", [2.6, 3.2, 6.0])
def test_bubbles_in_place_beside_a_frame_stay(line: float) -> None:
    image, placement = strip(0, line)
    assert unseen(image, placement) == []
    assert found_nearby(image, placement).corrections in ({}, {"score": pytest.approx(np.eye(2, 3))})


def test_bubbles_that_are_nowhere_are_unseen() -> None:
    _, placement = strip(0, 6)
    paper = np.full((480, 800), 235, np.uint8)
    assert unseen(paper, found_nearby(paper, placement)) == ["score"]


@pytest.mark.parametrize("rows", [0.35, 0.65])
def test_a_block_half_a_row_off_goes_with_the_others(rows: float) -> None:
    """All blocks have moved by so much; one of them was put the other way, where the next row is as like."""
    move = (0.0, rows * PITCH[1])
    image = picture(0.2, {str(block): move for block in range(len(BLOCKS))})
    right = {str(block): np.array([(1, 0, 0), (0, 1, move[1])], float) for block in range(len(BLOCKS))}
    homography = np.diag([SCALE, SCALE, 1.0])
    beside = np.array([(1, 0, 0), (0, 1, move[1] - PITCH[1])], float)
    page = layout().pages[0]
    assert strayed(Placement(page, 0, 0.0, homography, right)) == []
    assert "2" in strayed(Placement(page, 0, 0.0, homography, right | {"2": beside}))
    between = np.array([(1, 0, 0), (0, 1, move[1] - 0.5 * PITCH[1])], float)
    found = found_nearby(image, Placement(page, 0, 0.0, homography, right | {"2": between}))
    assert found.corrections["2"][:, 2] == pytest.approx(move, abs=0.4)


@pytest.mark.parametrize("lower", np.linspace(1.0, 1.8, 9))
def test_two_bubbles_alone_on_a_page_are_not_taken_for_a_line_beside_them(lower: float) -> None:
    """One of them is filled; the line lies where their lower sides are thought to be, so much below their middle."""
    image, placement = strip(-2.0, 2.0 + lower, marked=1, bubbles=2)
    found = at_a_glance(image, placement)
    assert found is None or found.corrections["score"][:, 2] == pytest.approx([0, -2], abs=0.35)


@pytest.mark.parametrize(("marked", "places"), [(0, -1), (0, 0), (0, 1), (2, -1), (2, 0), (10, 0)])
def test_a_row_put_a_place_beside_its_own_is_noticed(marked: int, places: int) -> None:
    image, placement = strip(0, 6, marked)
    beside = np.array([(1, 0, 7.0 * places), (0, 1, 0)], float)
    found = displaced(image, Placement(placement.page, 0, 0.0, placement.homography, {"score": beside}))
    assert found == (["score"] if places else [])


@pytest.mark.parametrize("share", [0, 0.3])
@pytest.mark.parametrize("block", [0, 1, 2, 3])
def test_a_block_put_a_row_or_column_beside_its_own_is_noticed(block: int, share: float) -> None:
    image, page, homography = picture(share), layout().pages[0], np.diag([SCALE, SCALE, 1.0])
    assert displaced(image, Placement(page, 0, 0.0, homography)) == []
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        beside = np.array([(1, 0, x * PITCH[0]), (0, 1, y * PITCH[1])], float)
        assert displaced(image, Placement(page, 0, 0.0, homography, {str(block): beside})) == [str(block)]


@pytest.mark.parametrize("upper", [0, 170])
def test_two_lines_are_no_row_of_bubbles(upper: int) -> None:
    """Lines a bubble's height apart, or one of them, where a row is put that is all printed farther up."""
    image, placement = strip(-8.0, 9.3, marked=1)  # the line lies along the lower sides
    y = round((30 - 1.3) * SCALE)
    if upper:
        cv2.line(image, (0, y), (image.shape[1], y), upper, 2)
    assert unseen(cv2.GaussianBlur(image, (0, 0), 1), placement) == ["score"]


@pytest.mark.parametrize("marked", range(0, 11, 2))
def test_a_row_however_many_of_it_are_marked_is_seen(marked: int) -> None:
    image, placement = strip(0, 6, marked)
    assert unseen(image, placement) == []
    rng = np.random.default_rng(marked)
    noisy = np.clip(cv2.GaussianBlur(image, (0, 0), 2.5) + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    assert unseen(noisy, placement) == []
