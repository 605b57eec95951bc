"""MarkShark bubblemaps become layouts; pages made by them, and MarkShark's own tutorial, are read by them."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from engine.errors import InputError
from omr import image as pictures
from omr.importers import load_any
from omr.importers.markshark import load_map, parse
from omr.layout import Field, Layout, Page
from omr.marks import read_marks
from omr.placement import Unregistered
from omr.register import register

TUTORIAL = Path(__file__).parents[2].parent / "shared" / "data" / "omr-markshark" / "60q-tutorial"
SCALE = 6.0  # pixels per mm of the drawn pages

MAP = """
metadata: {display_name: Two pages, page_size: a4, pages: 2, schema_version: 3}
registration:
  primary_method: aruco
  aruco: {enabled: true, dictionary: DICT_4X4_50, marker_ids: [0, 1, 2, 3], size_mm: 6, margin_mm: 6}
styles:
  base: {bubble_shape: circle, bubble_diameter_mm: 3.8, label_offset_mm: 8}
  answers: {extends: base, bubble_diameter_mm: 4.2}
page_1:
  output_zone: {x_mm: 20, y_mm: 2, width_mm: 148, height_mm: 17}
  text_zones: [{content: fill in, x_mm: 10, y_mm: 5}]
  last_name_zone: {style: base, numrows: 27, numcols: 4, x_mm: 120, y_mm: 30, width_mm: 24, height_mm: 130}
  id_zone: {style: base, numrows: 10, numcols: 5, labels: 0123456789, x_mm: 20, y_mm: 40, width_mm: 28, height_mm: 54}
  version_zone: {numrows: 1, numcols: 4, x_mm: 70, y_mm: 60, width_mm: 21}
  test_code_zone: {numrows: 8, numcols: 2, selection_axis: col, labels: 01234567, x_mm: 70, y_mm: 80, width_mm: 6,
                   height_mm: 49}
  answer_zones:
  - {style: answers, numrows: 12, numcols: 5, x_mm: 25, y_mm: 175, width_mm: 28, height_mm: 77}
  - {style: answers, numrows: 12, numcols: 3, labels: 甲乙丙, x_mm: 90, y_mm: 175, width_mm: 14, height_mm: 77}
page_2:
  answer_zones:
  - {style: answers, numrows: 30, numcols: 4, x_mm: 40, y_mm: 40, width_mm: 21, height_mm: 203}
"""


def content(**changes) -> dict:
    """The map's content, its numbers as text as `parse` leaves them, with some keys changed."""
    made = parse(MAP.encode())
    assert made is not None
    return made | changes


@pytest.fixture
def load(tmp_path: Path):
    def write_and_load(made: dict | str) -> Layout:
        path = tmp_path / "bubblemap.yaml"
        path.write_text(made if isinstance(made, str) else yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")
        return load_any(path)

    return write_and_load


def field(layout: Layout, name: str) -> Field:
    return next(field for page in layout.pages for field in page.fields if field.name == name)


def test_fields_and_their_order(load) -> None:
    layout = load(MAP)
    assert (layout.title, layout.unit, layout.width, layout.height) == ("Two pages", "mm", 210, 297)
    first, second = layout.pages
    questions = [f"Q{n}" for n in range(1, 25)]
    assert [field.name for field in first.fields] == ["last_name", "id", "version", "test_code", *questions]
    assert [field.name for field in second.fields] == [f"Q{n}" for n in range(25, 55)]


def test_geometry_labels_and_styles(load) -> None:
    layout = load(MAP)
    number, last = field(layout, "id"), field(layout, "Q24")
    assert (len(number.groups), len(number.groups[0].bubbles), number.width) == (5, 10, 3.8)
    top, bottom = number.groups[4].bubbles[0], number.groups[4].bubbles[9]
    assert (top.label, top.x, top.y) == ("0", 48, 40)
    assert (bottom.label, bottom.x, bottom.y) == ("9", 48, 94)
    assert "".join(bubble.label for bubble in last.groups[0].bubbles) == "甲乙丙"
    assert (last.groups[0].bubbles[2].x, last.groups[0].bubbles[2].y, last.width) == (104, 252, 4.2)
    assert "".join(bubble.label for bubble in field(layout, "version").groups[0].bubbles) == "ABCD"
    assert field(layout, "version").width == 4
    assert field(layout, "last_name").groups[0].bubbles[0].label == " "
    assert "".join(bubble.label for bubble in field(layout, "test_code").groups[1].bubbles) == "01234567"


def test_corners_lie_inside_their_margin(load) -> None:
    layout = load(MAP)
    places = {corner.id: (corner.x, corner.y, corner.size) for corner in layout.pages[1].fiducials}
    assert places == {0: (9, 9, 6), 1: (201, 9, 6), 2: (9, 288, 6), 3: (201, 288, 6)}
    assert (layout.registration.method, layout.registration.dictionary) == ("aruco", "DICT_4X4_50")


def test_corners_may_lie_anywhere(load) -> None:
    markers = [
        {"id": 7, "x_mm": 12, "y_mm": 20},
        {"id": 3, "x_mm": 190, "y_mm": 15.5, "size_mm": 8},
        {"id": 9, "x_mm": 30, "y_mm": 280},
    ]
    aruco = {"enabled": "true", "dictionary": "dict_4x4_50", "size_mm": 6, "margin_mm": 6, "markers": markers}
    layout = load(content(registration={"aruco": aruco | {"marker_ids": [0, 1, 2, 3]}}))
    places = {corner.id: (corner.x, corner.y, corner.size) for corner in layout.pages[0].fiducials}
    assert places == {7: (12, 20, 6), 3: (190, 15.5, 8), 9: (30, 280, 6)}
    assert layout.registration.dictionary == "DICT_4X4_50"


@pytest.mark.parametrize("turns", [0, 3])
def test_a_page_is_found_by_corners_that_lie_anywhere(load, turns: int) -> None:
    markers = [
        {"id": 7, "x_mm": 12, "y_mm": 20},
        {"id": 3, "x_mm": 195, "y_mm": 16},
        {"id": 9, "x_mm": 12, "y_mm": 280},
    ]
    aruco = {"enabled": "true", "size_mm": 6, "markers": [*markers, {"id": 4, "x_mm": 196, "y_mm": 270, "size_mm": 8}]}
    layout = load(content(registration={"aruco": aruco}))
    page = layout.pages[0]
    picture = np.ascontiguousarray(np.rot90(drawn(layout, page), -turns))
    placement = register(picture, layout)
    assert placement.rotation == 90 * turns
    assert {mark.field: mark.value for mark in read_marks(picture, layout, placement)} == answers(page)


@pytest.mark.parametrize("switch", [{"enabled": "false"}, {"dictionary": "NONE"}])
def test_corners_that_are_switched_off_are_not_looked_for(load, switch: dict) -> None:
    aruco = parse(MAP.encode())["registration"]["aruco"] | switch
    layout = load(content(registration={"aruco": aruco}))
    assert (layout.registration.method, layout.pages[0].fiducials) == ("frame", ())


def test_older_maps_say_the_same_elsewhere(load) -> None:
    new = content()
    old = {key: value for key, value in new.items() if key != "registration"}
    old["metadata"] = new["metadata"] | {"alignment": new["registration"]}
    assert load(old) == load(new)
    page = {key: value for key, value in new["page_2"].items() if key != "answer_zones"}
    oldest = page | {"answer_layouts": new["page_2"]["answer_zones"], "styles": new["styles"]}
    assert [field.name for field in load(oldest).pages[0].fields] == [f"Q{n}" for n in range(1, 31)]


def test_only_the_pages_that_the_map_counts_are_read(load) -> None:
    assert len(load(content(metadata={"page_size": "a4", "pages": "1"})).pages) == 1
    assert len(load(content(metadata={"page_size": "a4"})).pages) == 2


def test_names_and_numbers_are_one_value_each(load) -> None:
    zone = {"numrows": 27, "numcols": 3, "x_mm": 120, "y_mm": 30, "width_mm": 24, "height_mm": 130}
    page = {
        "last_name_zone": zone,
        "first_name_zone": zone | {"x_mm": 20},
        "test_id_zone": zone | {"numrows": 10, "x_mm": 70},
        "version_zone": zone | {"numrows": 4, "numcols": 1, "selection_axis": "COL", "labels": "ABCD", "x_mm": 60},
        "answer_zones": [zone | {"numrows": 2, "y_mm": 200, "height_mm": 9}],
    }
    fields = load({"metadata": {"page_size": "a4"}, "page_1": page}).pages[0].fields
    assert {one.name: (len(one.groups), one.groups[0].bubbles[1].label) for one in fields} == {
        "last_name": (3, "A"),
        "first_name": (3, "A"),
        "test_id": (3, "1"),
        "version": (1, "B"),
        "Q1": (1, "B"),
        "Q2": (1, "B"),
    }


def test_zones_in_parts_of_the_page(load, tmp_path: Path) -> None:
    """The older kind of map, with other names and no word on where the corners are."""
    zone = {"numrows": 16, "numcols": 5, "x_topleft": 0.1, "y_topleft": 0.2, "x_bottomright": 0.3, "y_bottomright": 0.8}
    older = {"page_1": {"answer_layouts": [zone | {"radius_pct": 0.01}], "id_layout": zone | {"numrows": 10}}}
    layout = load(older)
    q16, number = field(layout, "Q16"), field(layout, "id")
    assert (layout.width, layout.height, layout.registration.method) == (215.9, 279.4, "frame")
    assert (q16.groups[0].bubbles[4].x, q16.groups[0].bubbles[4].y) == pytest.approx((0.3 * 215.9, 0.8 * 279.4))
    assert (q16.width, len(number.groups)) == (pytest.approx(0.02 * 215.9), 5)
    (tmp_path / "master_template.pdf").write_bytes(b"")
    assert load(older).registration.reference == str((tmp_path / "master_template.pdf").resolve())


def test_a_value_asked_for_again_is_named_by_its_page(load) -> None:
    made = content()
    made["page_2"]["id_zone"] = made["page_1"]["id_zone"] | {"x_mm": 100}
    first, second = (field(load(made), name).groups[0].bubbles[0].x for name in ("id", "id_2"))
    assert (first, second) == (20, 100)


def test_oval_bubbles_follow_the_grid(load) -> None:
    zone = {"numrows": 3, "numcols": 5, "x_mm": 10, "y_mm": 10, "width_mm": 40, "height_mm": 12, "bubble_shape": "oval"}
    oval = field(load({"page_1": {"answer_zones": [zone]}}), "Q1")
    assert (oval.width, oval.height) == pytest.approx((7, 4.2))


ZONE = {"numrows": 3, "numcols": 2, "x_mm": 10, "y_mm": 10, "width_mm": 9, "height_mm": 9}
WRONG = {
    "page_1: has no zones": content(page_1="x"),
    "page_1: has no zone with bubbles": {"page_1": {"output_zone": {"x_mm": 1}}},
    "metadata.page_size": content(metadata={"page_size": "b9"}),
    "registration.aruco.dictionary": content(
        registration={"aruco": {"enabled": "true", "dictionary": "DICT_9", "marker_ids": [0, 1, 2, 3],
                                "size_mm": 6, "margin_mm": 6}}
    ),
    "registration.aruco.markers.0.x_mm": content(
        registration={"aruco": {"enabled": "true", "markers": [{"id": 1}] * 3}}
    ),
    "registration.aruco.markers: List should have at least 3": content(registration={"aruco": {"markers": []}}),
    "registration.aruco.size_mm: is missing": content(
        registration={"aruco": {"enabled": "true", "markers": [{"id": i, "x_mm": 9, "y_mm": 9} for i in range(3)]}}
    ),
    "registration.aruco: marker 1 stands twice": content(
        registration={"aruco": {"enabled": "true", "size_mm": 5, "markers": [{"id": 1, "x_mm": 9, "y_mm": 9}] * 3}}
    ),
    "registration.aruco: marker 50 is no marker of DICT_4X4_50": content(
        registration={"aruco": {"enabled": "true", "marker_ids": [0, 1, 2, 50], "size_mm": 6, "margin_mm": 6}}
    ),
    "registration.aruco.markers: marker 2 lies outside": content(
        registration={
            "aruco": {"enabled": "true", "size_mm": 5,
                      "markers": [{"id": i, "x_mm": 110 * i, "y_mm": 9} for i in range(3)]}
        }
    ),
    "page_3: is missing": content(metadata={"page_size": "a4", "pages": 3}),
    "metadata.pages": content(metadata={"pages": "two"}),
    "registration.aruco.marker_ids": content(registration={"aruco": {"marker_ids": [1, 2]}}),
    "page_1.id_zone.numrows": {"page_1": {"id_zone": {"x_mm": 1, "y_mm": 1}}},
    "page_1.version_zone: needs x_mm": {"page_1": {"version_zone": {"numrows": 1, "numcols": 4}}},
    "page_1.answer_zones.1.numcols": {"page_1": {"answer_zones": [ZONE, ZONE | {"numcols": "five"}]}},
    "page_1.answer_zones.0: Value error, needs labels for 2": {"page_1": {"answer_zones": [ZONE | {"labels": "ABC"}]}},
    "page_1.answer_zones.0: the columns go on": {"page_1": {"answer_zones": [ZONE | {"width_mm": 300}]}},
    "page_1.answer_zones.0: all rows lie": {"page_1": {"answer_zones": [ZONE | {"height_mm": 0}]}},
    "page_1.answer_zones.0: Value error, 9999 × 9999": {
        "page_1": {"answer_zones": [ZONE | {"numrows": 9999, "numcols": 9999}]}
    },
    "page_1.answer_zones.0: Input": {"page_1": {"answer_zones": ["x"]}},
}  # fmt: skip


@pytest.mark.parametrize("named", WRONG)
def test_a_wrong_map_is_refused_by_the_name_of_its_key(load, named: str) -> None:
    with pytest.raises(InputError) as refused:
        load(WRONG[named])
    assert named in refused.value.message


@pytest.mark.parametrize("text", ["a: [", "- page_1", "\x00", "page_2: {}", "date: 2001-99-99", "[" * 5000, "&a [*a]"])
def test_other_files_are_no_bubblemaps(load, tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="neither"):
        load(text)
    with pytest.raises(InputError, match="page_1"):
        load_map(tmp_path / "bubblemap.yaml")


def drawn(layout: Layout, page: Page) -> np.ndarray:
    """The page as printed, marked in every third group."""
    picture = np.full((round(layout.height * SCALE), round(layout.width * SCALE)), 255, np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    for mark in page.fiducials:
        side, left, top = (round(x * SCALE) for x in (mark.size, mark.x - mark.size / 2, mark.y - mark.size / 2))
        picture[top : top + side, left : left + side] = cv2.aruco.generateImageMarker(dictionary, mark.id, side)
    cv2.putText(picture, f"Sheet {page.number} of the form", (200, 120), 1, 3, 30, 3, cv2.LINE_AA)
    for number, group in enumerate(group for field in page.fields for group in field.groups):
        for place, bubble in enumerate(group.bubbles):
            centre = (round(bubble.x * SCALE), round(bubble.y * SCALE))
            cv2.circle(picture, centre, round(2 * SCALE), 100, 1, cv2.LINE_AA)
            cv2.putText(picture, bubble.label[:1], (centre[0] - 5, centre[1] + 5), 0, 0.45, 150, 1, cv2.LINE_AA)
            if number % 3 == 0 and place == number % len(group.bubbles):
                cv2.circle(picture, centre, round(1.7 * SCALE), 40, -1, cv2.LINE_AA)
    return picture


def answers(page: Page) -> dict[str, str]:
    """What `drawn` marks."""
    result, number = {}, 0
    for field_ in page.fields:
        result[field_.name] = ""
        for group in field_.groups:
            result[field_.name] += group.bubbles[number % len(group.bubbles)].label if number % 3 == 0 else ""
            number += 1
    return result


@pytest.mark.parametrize(("lost", "turns"), [((), 0), ((0,), 1), ((3,), 2)])
@pytest.mark.parametrize("number", [1, 2])
def test_pages_alike_in_their_corners_are_told_by_their_bubbles(load, number: int, lost, turns: int) -> None:
    layout = load(MAP)
    page = layout.pages[number - 1]
    picture = drawn(layout, page.model_copy(update={"fiducials": [f for f in page.fiducials if f.id not in lost]}))
    picture = np.ascontiguousarray(np.rot90(picture, -turns))
    placement = register(picture, layout)
    assert (placement.page.number, placement.rotation) == (number, 90 * turns)
    assert {mark.field: mark.value for mark in read_marks(picture, layout, placement)} == answers(page)


def test_without_its_corners_a_page_is_found_by_its_bubbles_or_the_empty_form(load, tmp_path: Path) -> None:
    layout = load(MAP)
    bare = [page.model_copy(update={"fiducials": ()}) for page in layout.pages]
    placement = register(drawn(layout, bare[0]), layout)
    assert placement.page.number == bare[0].number
    assert {m.field: m.value for m in read_marks(drawn(layout, bare[0]), layout, placement)} == answers(bare[0])

    from PIL import Image

    first, second = (Image.fromarray(drawn(layout, page)) for page in layout.pages)
    first.save(tmp_path / "master_template.pdf", save_all=True, append_images=[second], resolution=25.4 * SCALE)
    layout = load(MAP)
    for page in bare:
        placement = register(drawn(layout, page), layout)
        assert placement.page.number == page.number
        assert {m.field: m.value for m in read_marks(drawn(layout, page), layout, placement)} == answers(page)


def test_a_page_of_another_form_with_the_same_corners_is_refused(load) -> None:
    zone = {"numrows": 20, "numcols": 5, "x_mm": 99, "y_mm": 44, "width_mm": 61, "height_mm": 210}
    other = load(content(page_1={"answer_zones": [zone]}, page_2={}))
    with pytest.raises(Unregistered):
        register(drawn(other, other.pages[0]), load(MAP))


@pytest.mark.slow
@pytest.mark.skipif(not TUTORIAL.is_dir(), reason="the MarkShark tutorial is not beside this checkout")
def test_every_field_of_the_tutorial_is_right() -> None:
    """Sheets are matched by their id: the truth lists them in another order than the scans."""
    layout = load_any(TUTORIAL / "bubblemap.yaml")
    truth: dict[str, dict[str, str]] = {}
    with open(TUTORIAL / "truth.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            truth.setdefault(row["page"], {})[row["field"]] = row["value"]
    wanted = sorted(truth.values(), key=lambda sheet: sheet["id"])
    read = []
    for picture in pictures.pages(TUTORIAL / "scans.pdf"):
        marks = read_marks(picture, layout, register(picture, layout))
        assert not any(mark.flag for mark in marks)
        read.append({mark.field: mark.value for mark in marks if mark.field in wanted[0]})
    assert sorted(read, key=lambda sheet: sheet["id"]) == wanted
