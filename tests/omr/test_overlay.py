"""What a person sees of a layout over a scan: bubbles, marks, doubts, and which field is where."""

import numpy as np
import pytest

from omr import overlay
from omr.layout import Bubble, Field, Group, Layout, Page
from omr.placement import Placement

WHITE = np.full((300, 1500), 255, np.uint8)


def field(name: str, x: float, y: float, *, down: bool = False, groups: int = 1) -> Field:
    steps = [(0, 60 * i) if down else (60 * i, 0) for i in range(3)]
    rows = [[Bubble(label=label, x=x + dx, y=y + 50 * row + dy) for label, (dx, dy) in zip("ABC", steps, strict=True)]
            for row in range(groups)]  # fmt: skip
    return Field(name=name, groups=tuple(Group(bubbles=tuple(row)) for row in rows), width=40, height=30, block="b")


def drawn(*fields: Field, **more: object) -> np.ndarray:
    page = Page(number=1, fields=fields)
    layout = Layout(id="t", unit="px", width=1500, height=300, pages=(page,))
    return overlay.draw(WHITE, layout, Placement(page, 0, 0.0, np.eye(3)), **more)


def coloured(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where it is drawn, also thinly: the pixels (x, y) on the way from white to it."""
    off, way = 255.0 - picture, 255.0 - np.array(colour)
    length = np.linalg.norm(off, axis=-1)
    return np.argwhere((length > 60) & (off @ way > 0.97 * length * np.linalg.norm(way)))[:, ::-1]


def test_a_fields_name_stands_above_its_first_bubble() -> None:
    places = coloured(drawn(field("q17", 200, 100)), overlay.BOX)
    assert len(places) > 20
    assert places[:, 0].min() >= 180 and places[:, 0].max() < 240
    assert places[:, 1].max() <= 87 and places[:, 1].min() > 65


def test_names_of_columns_stand_on_two_lines() -> None:
    one, two = field("number1", 200, 100, down=True), field("number2", 250, 100, down=True)
    alone = [coloured(drawn(single), overlay.BOX)[:, 1].min() for single in (one, two)]
    both = coloured(drawn(one, two), overlay.BOX)[:, 1].min()
    assert alone[0] == alone[1] and both <= alone[1] - 10


@pytest.mark.parametrize(("doubtful", "colour"), [((), overlay.BUBBLE), (("q",), overlay.DOUBT)])
def test_marks_and_doubts_have_their_colours(doubtful, colour) -> None:
    picture = drawn(field("q", 200, 100), marks={"q": "B"}, doubtful=doubtful)
    assert coloured(picture, overlay.MARKED).mean(axis=0) == pytest.approx((260, 100), abs=1)
    assert coloured(picture, colour).mean(axis=0) == pytest.approx((260, 100), abs=1)  # A and C, on both sides of it


def test_groups_of_one_field_are_told_apart() -> None:
    page = Page(number=1, fields=(field("id", 100, 100, groups=2), field("q", 500, 100)))
    assert [one.name for one in overlay.by_group(page).fields] == ["id 1", "id 2", "q"]
