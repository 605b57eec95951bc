"""Simulated scans: the truth is true, chances depend on nothing but the seed, and the reader copes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import UsageError
from omr import pencil, workers
from omr.damage import PRESETS, Damage
from omr.layout import Layout
from omr.places import places
from omr.read import read_page
from omr.sheet import Pupil, SheetField, SheetSpec, design, draw
from omr.simulate import DPI, TRUTH, FilledSheet, simulate

DOT = DPI / 25.4
ITEMS = [
    *(SheetField(name=str(i), kind="choice", options="ABCD") for i in range(1, 26)),
    *(SheetField(name=str(i), kind="choice", options="ABCDEFG") for i in range(26, 31)),
    SheetField(name="31", kind="number"),
    SheetField(name="32", kind="constructed", max=17, step=0.5, strip=True),
    SheetField(name="33", kind="constructed", max=10, group="选做"),
    SheetField(name="34", kind="constructed", max=10, group="选做"),
]
ANSWERS = {
    **{str(i): "ABCD"[i % 4] for i in range(1, 25)}, "25": "", "26": "ABG", "27": "C", "31": "-2.5", "form": "B",
    "score:32": "13.5", "choose:选做": "34",
}  # fmt: skip
NUMBERS = [f"2023{i:05d}" for i in range(6)]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Layout]:
    pdf = tmp_path_factory.mktemp("sheets") / "sheets.pdf"
    spec = SheetSpec(number_digits=9, forms="AB")
    layout = design(spec, ITEMS, layout_id="exam-maths", title="期中考试 数学", series=0)
    draw(layout, pdf, [Pupil(number=number, name="张三") for number in NUMBERS])
    return pdf, layout


def filled(layout: Layout, values: dict[str, str] | None = None) -> list[FilledSheet]:
    return [
        FilledSheet(f"s{i}", i * len(layout.pages), {"candidate": number, **(ANSWERS if values is None else values)})
        for i, number in enumerate(NUMBERS)
    ]


def test_marks_are_where_the_truth_says(printed: tuple[Path, Layout], tmp_path: Path) -> None:
    pdf, layout = printed
    truth = simulate(pdf, layout, filled(layout)[:2], tmp_path, preset="clean", untidy=0)
    assert truth.schema == TRUTH
    rows = {(row["file"], row["field"]): row for row in truth.to_pylist()}
    assert len(rows) == truth.num_rows == 2 * sum(len(page.fields) for page in layout.pages)
    for page in layout.pages:
        picture = cv2.imread(str(tmp_path / f"s1-{page.number}.jpg"), cv2.IMREAD_GRAYSCALE)
        for one in page.fields:
            row = rows[f"s1-{page.number}.jpg", one.name]
            assert row["value"] == {**ANSWERS, "candidate": NUMBERS[1]}.get(one.name, "") and row["untidy"] == ""
            for i, group in enumerate(one.groups):
                for j, bubble in enumerate(group.bubbles):
                    x, y = round(bubble.x * DOT), round(bubble.y * DOT)
                    grey = picture[y - 6 : y + 7, x - 10 : x + 11].mean()
                    assert (grey < 150) == ((i, j) in places(one, row["value"])), (one.name, bubble.label, grey)


def test_pupils_write_in_the_boxes_they_chose_and_absent_ones_nowhere(
    printed: tuple[Path, Layout], tmp_path: Path
) -> None:
    pdf, layout = printed
    sheets = [FilledSheet("there", 0, ANSWERS), FilledSheet("absent", 0, {"absent": "1"})]
    simulate(pdf, layout, sheets, tmp_path, preset="clean")
    for page in layout.pages:
        for box in page.boxes:
            rows = slice(round((box.y + 13) * DOT), round((box.y + box.height - 2) * DOT))
            columns = slice(round((box.x + 2) * DOT), round((box.x + box.width - 2) * DOT))
            for name in ("there", "absent"):
                picture = cv2.imread(str(tmp_path / f"{name}-{page.number}.jpg"), cv2.IMREAD_GRAYSCALE)
                written = (picture[rows, columns] < 100).any()
                assert written == (name == "there" and box.name != "33")


def test_chances_depend_on_seed_and_sheet_alone(printed: tuple[Path, Layout], tmp_path: Path) -> None:
    pdf, layout = printed
    sheets = filled(layout) * 2
    sheets = [FilledSheet(f"s{i}", sheet.first_pdf_page, sheet.values) for i, sheet in enumerate(sheets)]
    done: list[tuple[int, int]] = []
    one = simulate(pdf, layout, sheets, tmp_path / "one", seed=3, progress=lambda *at: done.append(at))
    with workers.pool(2) as executor:
        two = simulate(pdf, layout, sheets[::-1], tmp_path / "two", seed=3, executor=executor)
    other = simulate(pdf, layout, sheets[:1], tmp_path / "other", seed=4)
    assert done[-1] == (12, 12)
    assert sorted(map(str, one.to_pylist())) == sorted(map(str, two.to_pylist()))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert (
        other.num_rows
        and (tmp_path / "one" / "s0-1.jpg").read_bytes() != (tmp_path / "other" / "s0-1.jpg").read_bytes()
    )


def test_untidy_share(printed: tuple[Path, Layout], tmp_path: Path) -> None:
    pdf, layout = printed
    truth = simulate(pdf, layout, filled(layout), tmp_path, untidy=0.5).to_pylist()
    marks = sum(len(places(one, row["value"])) for page in layout.pages for one in page.fields
                for row in truth if row["field"] == one.name)  # fmt: skip
    kinds = [kind for row in truth for kind in row["untidy"].split("+") if kind]
    assert len(kinds) / marks == pytest.approx(0.5, abs=0.1)
    assert set(kinds) == set(pencil.UNTIDY)


@pytest.mark.parametrize("preset", ["scanner", "copier", "bilevel-fax", "phone"])
def test_the_reader_gets_the_truth_or_says_that_it_doubts(
    preset: str, printed: tuple[Path, Layout], tmp_path: Path
) -> None:
    pdf, layout = printed
    truth = simulate(pdf, layout, filled(layout), tmp_path, preset=preset, seed=1)
    expected = {(row["file"], row["field"]): row["value"] for row in truth.to_pylist()}
    seen = {}
    for path in sorted(tmp_path.glob("*-*.*")):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        reading = read_page(image, layout, file=path.name)
        for mark in reading.marks:
            seen[path.name, mark.field] = None if mark.flag else mark.value
    assert set(seen) == set(expected)
    silent = {key: (seen[key], value) for key, value in expected.items() if seen[key] not in (None, value)}
    assert not silent
    assert sum(value is None for value in seen.values()) <= 0.03 * len(seen)


def test_upside_down_pages(printed: tuple[Path, Layout], tmp_path: Path) -> None:
    pdf, layout = printed
    simulate(pdf, layout, filled(layout)[:1], tmp_path, preset=Damage(upside_down=1))
    turned = cv2.imread(str(tmp_path / "s0-1.jpg"), cv2.IMREAD_GRAYSCALE)[::-1, ::-1]
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000))
    corners, ids, _ = detector.detectMarkers(np.ascontiguousarray(turned))
    first = layout.pages[0].fiducials[0]
    centre = corners[ids.ravel().tolist().index(first.id)].reshape(4, 2).mean(axis=0) / DOT
    assert centre == pytest.approx((first.x, first.y), abs=0.2)


def test_scans_made_anew_take_the_place_of_the_old(printed: tuple[Path, Layout], tmp_path: Path) -> None:
    pdf, layout = printed
    for preset, suffix in (("clean", ".jpg"), ("bilevel-fax", ".tif"), ("scanner", ".jpg")):
        truth = simulate(pdf, layout, filled(layout)[:1], tmp_path, preset=preset)
        names = {f"s0-{page.number}{suffix}" for page in layout.pages}
        assert {path.name for path in tmp_path.iterdir()} == set(truth["file"].to_pylist()) == names


def test_the_other_side_shows_through(printed: tuple[Path, Layout], tmp_path: Path) -> None:
    pdf, layout = printed
    code = layout.pages[0].barcode
    assert code is not None
    rows = slice(round(code.y * DOT), round((code.y + code.height) * DOT))
    columns = slice(round(code.x * DOT), round((code.x + code.width) * DOT))
    grey = {}
    for share in (0.0, 0.2):
        simulate(pdf, layout, filled(layout), tmp_path, preset=Damage(show_through=share, quality=(95, 95)))
        pictures = [cv2.imread(str(tmp_path / f"s{i}-2.jpg"), cv2.IMREAD_GRAYSCALE) for i in range(6)]
        grey[share] = np.mean([picture[:, ::-1][rows, columns] for picture in pictures], axis=0)
    paper = grey[0.0] > 252  # of the second page, behind the first one's barcode
    assert paper.mean() > 0.3
    assert (grey[0.2][paper] < 245).mean() > 0.1


def test_unknown_presets_are_refused(printed: tuple[Path, Layout], tmp_path: Path) -> None:
    pdf, layout = printed
    with pytest.raises(UsageError, match="no preset 'fax'") as raised:
        simulate(pdf, layout, filled(layout), tmp_path, preset="fax")
    assert all(name in raised.value.mend for name in PRESETS)


def test_no_sheets_no_truth(printed: tuple[Path, Layout], tmp_path: Path) -> None:
    pdf, layout = printed
    assert simulate(pdf, layout, [], tmp_path).equals(TRUTH.empty_table())
