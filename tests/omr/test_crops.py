"""Pictures for the person who decides: they show what is in question, stay small, and have safe names."""

from __future__ import annotations

from pathlib import Path

import cv2
import made_scans
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import tables
from omr import crops
from omr.layout import Joined
from omr.marks import read_marks
from omr.register import register

LAYOUT = made_scans.layout()
FIELDS = {field.name: field for field in LAYOUT.pages[0].fields}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    (picture,) = made_scans.sheets(LAYOUT, ["204811"], tmp_path_factory.mktemp("page"))
    made_scans.fill(picture, FIELDS["7"], "B")
    made_scans.fill(picture, FIELDS["candidate"], "204811")
    return picture


def show(image: np.ndarray, *names: str, code: bool = False) -> np.ndarray:
    placement = register(image, LAYOUT)
    read = {mark.field: mark.value for mark in read_marks(image, LAYOUT, placement)}
    data = crops.of_fields(image, placement, names, read, code=code)
    assert len(data) <= crops.MOST_BYTES
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def frames(picture: np.ndarray, colour: tuple[int, int, int]) -> list[tuple[int, int, int, int]]:
    """Outlines of about a colour, left to right: x, y, width, height."""
    near = (np.abs(picture.astype(int) - colour).max(axis=2) < 90).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    return sorted(tuple(map(int, row[:4])) for row in stats[1:] if row[2] > 15 and row[3] > 15)


@pytest.mark.parametrize("turns", range(4))
def test_a_field_is_shown_upright_with_the_bubble_that_was_taken(page: np.ndarray, turns: int) -> None:
    picture = show(np.ascontiguousarray(np.rot90(page, turns)), "7")
    ((x, y, width, height),), (around,) = frames(picture, crops.MARKED), frames(picture, crops.FIELD)
    assert picture[y + height // 3 : y + 2 * height // 3, x + width // 4 : x + 3 * width // 4].mean() < 120
    assert 0.25 < (x + width / 2 - around[0]) / around[2] < 0.5  # B of ABCD
    assert 2.5 * width < around[2] < 6 * width and height < around[3] < 2 * height
    assert around[0] > 0.15 * picture.shape[1]  # room for the item's number


def test_a_number_is_shown_with_its_barcode(page: np.ndarray) -> None:
    import zxingcpp

    picture = show(page, "candidate", code=True)
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == ["204811"]


def test_what_lies_off_the_picture_is_grey(page: np.ndarray) -> None:
    placement = register(page, LAYOUT)
    data = crops.of_fields(page[:, : page.shape[1] // 2], placement, ["candidate"], {})
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.abs(picture[:, -20:].astype(int) - 128).max() < 12


@pytest.mark.parametrize("shape", [(1, 30_000), (30_000, 1), (3000, 2000), (7, 9)])
def test_any_picture_becomes_a_small_one(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    data = crops.of_page(noise)
    assert len(data) <= crops.MOST_BYTES
    made = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert max(made.shape) <= crops.LONGEST and min(made.shape) >= 1


def test_many_doubts_share_the_picture_of_the_page(page: np.ndarray, tmp_path: Path) -> None:
    layout = LAYOUT.model_copy(update={"joined": (Joined(name="both", fields=("1", "2")),)})
    placement = register(page, layout)
    names = [*FIELDS, "both"]
    crops.keep_fields(tmp_path, page, placement, layout, {}, names[:3], "a.jpg", 1)
    few = {path.read_bytes() for path in tmp_path.rglob("*.jpg")}
    assert len(few) == 3
    crops.keep_fields(tmp_path, page, placement, layout, {}, names * 2, "b.jpg", 1)
    many = {(tmp_path / crops.name("field", "b.jpg", 1, name)).read_bytes() for name in names}
    assert many == {crops.of_page(page)}
    crops.keep_fields(tmp_path, page, placement, layout, {}, ["both"], "c.jpg", 1)
    picture = cv2.imread(str(tmp_path / crops.name("field", "c.jpg", 1, "both")))
    assert len(frames(picture, crops.FIELD)) == 2


PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300)


@given(st.lists(st.tuples(PATHS, st.integers(1, 10_000), PATHS | st.just("")), min_size=2, max_size=2, unique=True))
def test_names_are_safe_and_of_one_exception_only(two: list[tuple[str, int, str]]) -> None:
    names = [crops.name("field", *one) for one in two]
    assert names[0] != names[1]
    for name in names:
        parts = name.split("/")
        assert parts[:2] == ["crops", "field"] and 3 <= len(parts) <= 4
        for part in parts:
            assert part not in ("", ".", "..") and not set(part) & set('\\:*?"<>|\0\n') and part[0] != "-"
            assert len(part.encode()) <= 255


def test_names_can_be_read_by_people() -> None:
    assert crops.name("field", "第三考场/0012.jpg", 1, "choose:作文").startswith(
        "crops/field/第三考场/0012-p1-choose_作文-"
    )


def test_only_pictures_that_are_there_are_named_and_others_are_removed(page: np.ndarray, tmp_path: Path) -> None:
    for file in ("a/1.jpg", "a/2.jpg"):
        crops.keep_page(tmp_path, page, file, 1)
    files = ["a/1.jpg", "a/3.jpg", None]
    rows = tables.build("exceptions", {"kind": ["page"] * 3, "file": files, "page": [1, 1, None]})
    found = crops.attach(rows, tmp_path)["crop"].to_pylist()
    assert found == [crops.name("page", "a/1.jpg", 1), None, None]
    crops.clean(crops.attach(rows, tmp_path), tmp_path, crops.OF_READING)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")] == [found[0]]
