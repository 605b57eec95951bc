"""Sheets: the layout keeps its promises, and what is printed is where the layout says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdfium2 import PdfDocument

from engine.errors import InputError
from engine.tables import ABSENT, CANDIDATE, CHOOSE, FORM, SCORE, VIOLATION
from omr import fonts
from omr.blocks import score_groups
from omr.layout import Layout, load_layout
from omr.sheet import Pupil, SheetField, SheetSpec, design, draw, load_spec

DPI = 300
DOT = DPI / 25.4  # pixels a millimetre
TOLERANCE = 0.1  # mm

CHOICES = [SheetField(name=str(i), kind="choice", options="ABCD", section="一、选择题") for i in range(1, 13)]
MANY = [SheetField(name=str(i), kind="choice", options="ABCDEFGH", section="二、匹配题") for i in range(13, 16)]
NUMBERS = [SheetField(name=str(i), kind="number", section="三、填空题") for i in (16, 17)]
BOXES = [
    SheetField(name="18", kind="constructed", max=12, strip=True, section="四、解答题"),
    SheetField(name="19", kind="constructed", max=17, step=0.5, strip=True, section="四、解答题"),
    SheetField(name="20", kind="constructed", max=10, group="选做", section="四、解答题"),
    SheetField(name="21", kind="constructed", max=10, group="选做", section="四、解答题"),
]
EVERYTHING = CHOICES + MANY + NUMBERS + BOXES
PUPILS = [
    Pupil(number="202305010101", name="欧阳㛃𫍯", school="第一中学", class_name="高一（3）班", room="012", seat="07"),
    Pupil(number="202305010102", name="阿依古丽·买买提", school="第一中学"),
]


def make(spec: SheetSpec, fields: list[SheetField] = EVERYTHING, series: int = 5) -> Layout:
    return design(spec, fields, layout_id="exam-maths", title="期中考试 数学", series=series)


def render(pdf: Path) -> list[np.ndarray]:
    with PdfDocument(pdf) as document:
        pictures = [page.render(scale=DPI / 72, grayscale=True).to_numpy() for page in document]
    return [picture.reshape(picture.shape[:2]).copy() for picture in pictures]


def line_at(picture: np.ndarray, x: float, y: float, reach: float, along: float, upright: bool) -> float:
    """Where a thin line crosses near (x, y), in mm: the middle of the darkness within `reach`."""
    box = (x - reach, x + reach, y - along, y + along) if upright else (x - along, x + along, y - reach, y + reach)
    left, right, top, bottom = (round(edge * DOT) for edge in box)
    dark = 255.0 - picture[top:bottom, left:right].mean(axis=0 if upright else 1)
    dark[dark < dark.max() / 4] = 0
    assert dark.max() > 25, f"no line at {x}, {y}"
    first = left if upright else top
    return float(((np.arange(len(dark)) + first + 0.5) * dark).sum() / dark.sum() / DOT)


SPECS = {
    "A4": SheetSpec(number_digits=12, forms="AB"),
    "A4 blank with QR": SheetSpec(number_digits=9, barcode="qr", sides=1),
    "A4 without grid": SheetSpec(sides=1),
    "A3": SheetSpec(paper="A3", number_digits=14, forms="ABC"),
}


@pytest.mark.parametrize("name", SPECS)
def test_print_agrees_with_geometry(name: str, tmp_path: Path) -> None:
    layout = make(SPECS[name])
    draw(layout, tmp_path / "sheet.pdf", PUPILS[:1] if name != "A4 blank with QR" else None)
    pictures = render(tmp_path / "sheet.pdf")
    assert len(pictures) == len(layout.pages)
    for page, picture in zip(layout.pages, pictures, strict=True):
        assert picture.shape[::-1] == pytest.approx((layout.width * DOT, layout.height * DOT), abs=1)
        for field in page.fields:
            for bubble in (bubble for group in field.groups for bubble in group.bubbles):
                for side in (-1, 1):
                    x, y = bubble.x + side * field.width / 2, bubble.y + side * field.height / 2
                    assert line_at(picture, x, bubble.y, 0.5, 0.8, True) == pytest.approx(x, abs=TOLERANCE)
                    assert line_at(picture, bubble.x, y, 0.35, 1.8, False) == pytest.approx(y, abs=TOLERANCE)
        for box in page.boxes:
            middle = box.y + box.height * 0.7
            assert line_at(picture, box.x, middle, 0.5, 2, True) == pytest.approx(box.x, abs=TOLERANCE)
            below = box.y + box.height
            assert line_at(picture, box.x + 30, below, 0.5, 2, False) == pytest.approx(below, abs=TOLERANCE)


@pytest.mark.parametrize("name", SPECS)
def test_fiducials_are_found_where_they_are_said_to_be(name: str, tmp_path: Path) -> None:
    layout = make(SPECS[name], series=61)
    draw(layout, tmp_path / "sheet.pdf")
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000))
    for page, picture in zip(layout.pages, render(tmp_path / "sheet.pdf"), strict=True):
        corners, ids, _ = detector.detectMarkers(picture)
        found = dict(zip(ids.ravel().tolist(), corners, strict=True))
        assert [fiducial.id for fiducial in page.fiducials] == [16 * 61 + 4 * (page.number - 1) + i for i in range(4)]
        for fiducial in page.fiducials:
            quad = found[fiducial.id].reshape(4, 2) / DOT
            half = fiducial.size / 2
            expected = np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
            assert quad == pytest.approx(expected + np.array((fiducial.x, fiducial.y)), abs=0.15)
            assert quad.mean(axis=0) == pytest.approx((fiducial.x, fiducial.y), abs=TOLERANCE)


@pytest.mark.parametrize("barcode", ["code128", "qr"])
def test_every_page_of_a_pupil_carries_name_and_code(barcode: str, tmp_path: Path) -> None:
    layout = make(SheetSpec(barcode=barcode))
    assert draw(layout, tmp_path / "sheets.pdf", PUPILS) == len(layout.pages) * len(PUPILS)
    pictures = render(tmp_path / "sheets.pdf")
    with PdfDocument(tmp_path / "sheets.pdf") as document:
        words = [page.get_textpage().get_text_range() for page in document]
    for i, picture in enumerate(pictures):
        page, pupil = layout.pages[i % len(layout.pages)], PUPILS[i // len(layout.pages)]
        assert pupil.name in words[i] and pupil.number in words[i]
        area = page.barcode
        assert area is not None
        top, left = round(area.y * DOT), round(area.x * DOT)
        cut = picture[top : round((area.y + area.height) * DOT), left : round((area.x + area.width) * DOT)]
        scanned = cv2.resize(cut, None, fx=200 / DPI, fy=200 / DPI, interpolation=cv2.INTER_AREA)
        assert [code.text for code in zxingcpp.read_barcodes(scanned)] == [pupil.number]


def test_a_blank_sheet_has_room_for_a_sticker_instead(tmp_path: Path) -> None:
    layout = make(SheetSpec())
    assert draw(layout, tmp_path / "blank.pdf") == len(layout.pages)
    with PdfDocument(tmp_path / "blank.pdf") as document:
        assert "贴条形码区" in document[0].get_textpage().get_text_range()
    draw(layout, tmp_path / "pupils.pdf", PUPILS)
    with PdfDocument(tmp_path / "pupils.pdf") as document:
        assert "贴条形码区" not in document[0].get_textpage().get_text_range()


def test_equal_sheets_are_equal_bytes_also_from_a_saved_layout(tmp_path: Path) -> None:
    layout = make(SheetSpec())
    layout.save(tmp_path / "layout.json")
    draw(layout, tmp_path / "a.pdf", PUPILS)
    draw(load_layout(tmp_path / "layout.json"), tmp_path / "b.pdf", PUPILS)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_empty_bubbles_are_light(tmp_path: Path) -> None:
    layout = make(SheetSpec())
    draw(layout, tmp_path / "sheet.pdf")
    picture = render(tmp_path / "sheet.pdf")[0]
    field = layout.pages[0].fields[-1]
    for bubble in field.groups[0].bubbles:
        rows = slice(round((bubble.y - field.height / 2) * DOT), round((bubble.y + field.height / 2) * DOT))
        columns = slice(round((bubble.x - field.width / 2) * DOT), round((bubble.x + field.width / 2) * DOT))
        assert 200 < picture[rows, columns].mean() < 250


def test_fields_are_those_of_the_paper() -> None:
    layout = make(SheetSpec(number_digits=9, forms="AB"))
    fields = {field.name: field for page in layout.pages for field in page.fields}
    assert set(fields) == {
        CANDIDATE, ABSENT, VIOLATION, FORM, *(one.name for one in CHOICES + MANY + NUMBERS), CHOOSE + "选做",
        SCORE + "18", SCORE + "19",
    }  # fmt: skip
    labels = {
        name: ["".join(b.label for b in group.bubbles) for group in field.groups] for name, field in fields.items()
    }
    assert labels[CANDIDATE] == ["0123456789"] * 9 and fields[CANDIDATE].join == "positional"
    assert labels["13"] == ["ABCDEFGH"]
    assert labels["16"] == ["-0123456789", ".0123456789", ".0123456789", "0123456789"]
    assert [bubble.label for bubble in fields[CHOOSE + "选做"].groups[0].bubbles] == ["20", "21"]
    assert fields[SCORE + "19"].join == "sum"
    assert [box.name for page in layout.pages for box in page.boxes] == [one.name for one in BOXES]


@pytest.mark.parametrize(
    ("full", "step", "groups"),
    [
        ("5", "1", ["0 1 2 3 4 5"]),
        ("2", "0.5", ["0 1 2", "0.5"]),
        ("1.5", "1.5", ["0 1.5"]),
        ("12", "2", ["0 2 4 6 8 10 12"]),
        ("12", "0.25", ["0 1 2 3 4 5 6 7 8 9 10 11 12", "0.25 0.5 0.75"]),
        ("17", "0.5", ["10", "0 1 2 3 4 5 6 7 8 9", "0.5"]),
        ("60", "1", ["10 20 30 40 50 60", "0 1 2 3 4 5 6 7 8 9"]),
    ],
)
def test_score_strips(full: str, step: str, groups: list[str]) -> None:
    assert [" ".join(group) for group in score_groups(Decimal(full), Decimal(step))] == groups


@given(st.integers(1, 90), st.sampled_from(["1", "0.5", "0.25", "2"]))
def test_a_score_strip_can_say_every_score(steps: int, step: str) -> None:
    full = Decimal(step) * steps
    reachable = {Decimal(0)}
    for group in score_groups(full, Decimal(step)):
        reachable |= {score + Decimal(label) for score in reachable for label in group}
    assert {Decimal(step) * i for i in range(steps + 1)} <= reachable


@pytest.mark.parametrize(("full", "step"), [("10", "3"), ("45", "1.5")])
def test_impossible_score_strips_are_refused(full: str, step: str) -> None:
    with pytest.raises(InputError):
        score_groups(Decimal(full), Decimal(step))


items = st.one_of(
    st.builds(dict, kind=st.just("choice"), options=st.integers(2, 8).map(lambda n: "ABCDEFGH"[:n])),
    st.builds(dict, kind=st.just("number"), digits=st.integers(1, 8)),
    st.builds(dict, kind=st.just("constructed"), max=st.integers(1, 70), strip=st.booleans()),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    runs=st.lists(
        st.tuples(items, st.integers(1, 23), st.sampled_from(["", "一、题", "二、题"])), min_size=1, max_size=5
    ),
    paper=st.sampled_from(["A4", "A3"]),
    sides=st.sampled_from([1, 2]),
    digits=st.integers(0, 16),
    barcode=st.sampled_from(["code128", "qr", "none"]),
    forms=st.sampled_from(["", "AB", "ABCD"]),
)
def test_no_two_things_stand_in_one_place(
    runs: list, paper: str, sides: int, digits: int, barcode: str, forms: str
) -> None:
    fields = [
        SheetField(name=f"{i}.{k}", section=section, **kind)
        for i, (kind, count, section) in enumerate(runs)
        for k in range(min(count, 3) if kind["kind"] == "constructed" else count)
    ]
    spec = SheetSpec(paper=paper, sides=sides, number_digits=digits, barcode=barcode, forms=forms)
    try:
        layout = make(spec, fields)
    except InputError as error:
        assert "fit" in error.message  # too much for four pages is the only thing that may be wrong here
        return
    assert len(layout.pages) <= 4 and len(layout.pages) % sides == 0
    placed = {field.name for page in layout.pages for field in page.fields}
    placed |= {box.name for page in layout.pages for box in page.boxes}
    assert {one.name for one in fields} <= placed
    for page in layout.pages:
        names = [field.name for field in page.fields]
        assert len(names) == len(set(names))
        taken = np.array(
            [
                (bubble.x, bubble.y, field.width / 2, field.height / 2)
                for field in page.fields
                for group in field.groups
                for bubble in group.bubbles
            ]
            + [(f.x, f.y, f.size / 2 + 1.2, f.size / 2 + 1.2) for f in page.fiducials]
            + [
                (r.x + r.width / 2, r.y + r.height / 2, r.width / 2, r.height / 2)
                for r in ([page.barcode] if page.barcode else [])
            ]
        )
        centre, half = taken[:, :2], taken[:, 2:]
        assert (centre - half >= 4).all() and (centre + half <= (layout.width - 4, layout.height - 4)).all()
        apart = (np.abs(centre[:, None] - centre) >= half[:, None] + half - 1e-6).any(axis=2)
        np.fill_diagonal(apart, True)
        assert apart.all()


def test_pages_come_in_pairs_on_both_sides() -> None:
    assert len(make(SheetSpec(sides=1), CHOICES).pages) == 1
    layout = make(SheetSpec(sides=2), CHOICES)
    assert len(layout.pages) == 2 and not layout.pages[1].fields


@pytest.mark.parametrize(
    ("spec", "fields", "words"),
    [
        (SheetSpec(), [], "no items"),
        (SheetSpec(), [CHOICES[0], CHOICES[0]], "twice"),
        (SheetSpec(), [SheetField(name="candidate", kind="constructed")], "taken"),
        (SheetSpec(), [SheetField(name="1", kind="choice", options="A")], "options 'A'"),
        (SheetSpec(), [SheetField(name="1", kind="choice", options="ABBA")], "options 'ABBA'"),
        (SheetSpec(heights={"99": 40}), CHOICES, "heights.99: there is no item"),
        (SheetSpec(digits={"99": 4}), NUMBERS, "digits.99: there is no item"),
        (SheetSpec(heights={"16": 40}), NUMBERS, "heights.16: item '16' is of the kind 'number'"),
        (SheetSpec(digits={"18": 4}), BOXES, "digits.18: item '18' is of the kind 'constructed'"),
        (SheetSpec(notes=("长" * 9000,)), CHOICES, "notes: with them the head takes"),
        (SheetSpec(strip=True), [SheetField(name="1", kind="constructed", max=500)], "strip for 500 points"),
        (SheetSpec(), [SheetField(name=str(i), kind="constructed", group="g") for i in range(20)], "20 items to"),
        (SheetSpec(heights={"18": 400}), BOXES, "item '18' takes 407 mm"),
        (SheetSpec(heights={str(i): 200 for i in range(5)}),
         [SheetField(name=str(i), kind="constructed") for i in range(5)], "4 pages"),
    ],
)  # fmt: skip
def test_impossible_sheets_are_refused(spec: SheetSpec, fields: list[SheetField], words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        make(spec, fields)
    assert raised.value.mend


def test_the_marks_of_a_group_stand_once_also_if_its_items_stand_apart() -> None:
    apart = [BOXES[2], BOXES[0], BOXES[3]]
    names = [field.name for page in make(SheetSpec(), apart).pages for field in page.fields]
    assert names.count(CHOOSE + "选做") == 1


@pytest.mark.parametrize("barcode", ["code128", "none"])
def test_notes_speak_of_the_barcode_only_if_there_is_one(barcode: str) -> None:
    texts = [text.text for page in make(SheetSpec(barcode=barcode)).pages for text in page.texts]
    assert any("条形码" in text for text in texts) == (barcode != "none")
    assert any("定位点" in text for text in texts)
    assert SheetSpec(barcode=barcode, notes=("按监考员要求作答。",)).notes == ("按监考员要求作答。",)


def test_series_are_limited() -> None:
    with pytest.raises(InputError, match="at most 62"):
        make(SheetSpec(), series=62)


def test_sheet_toml(tmp_path: Path) -> None:
    path = tmp_path / "sheet.toml"
    path.write_text('paper = "A3"\nnumber_digits = 9\nforms = "AB"\n[heights]\n18 = 60\n', "utf-8")
    assert load_spec(path) == SheetSpec(paper="A3", number_digits=9, forms="AB", heights={"18": 60})
    path.write_text("", "utf-8")
    assert load_spec(path) == SheetSpec()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('papier = "A4"', "unknown key 'papier'"),
        ('paper = "B5"', "paper = 'B5'"),
        ("number_digits = 40", "number_digits = 40"),
        ("paper = A4", "not a TOML file"),
        ('forms = "AA"', "forms = 'AA': the letters of the forms must differ"),
        ("[heights]\n18 = 0", "heights.18 = 0"),
        ("[heights]\n18 = nan", "heights.18 = nan"),
        ("[heights]\n18 = inf", "heights.18 = inf"),
        ("[digits]\n16 = 50", "digits.16 = 50"),
        ("[digits]\n16 = 0", "digits.16 = 0"),
        (None, "no sheet.toml"),
    ],
)
def test_wrong_sheet_toml_names_file_and_key(text: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "sheet.toml"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=words) as raised:
        load_spec(path)
    assert raised.value.file == path and raised.value.mend


def test_a_sheet_toml_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read it") as raised:
        load_spec(tmp_path)
    assert raised.value.file == tmp_path and raised.value.mend


def test_characters_the_font_lacks_are_refused_by_pupil(tmp_path: Path) -> None:
    assert fonts.missing(["张㛃𫍯·", "A1"]) == ""
    with pytest.raises(InputError, match=r"candidate 7: .*U\+1F600") as raised:
        draw(make(SheetSpec()), tmp_path / "sheet.pdf", [*PUPILS, Pupil(number="7", name="张\U0001f600")])
    assert "202305010101" not in str(raised.value)
    with pytest.raises(InputError, match=r"character \(U\+000A\).* in '两\\n行'") as raised:
        draw(make(SheetSpec(subtitle="两\n行")), tmp_path / "sheet.pdf")
    assert raised.value.mend
    assert not (tmp_path / "sheet.pdf").exists()


@pytest.mark.parametrize("number", ["云0001", "X" * 40])
def test_numbers_that_no_barcode_holds_are_refused(number: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="candidate number"):
        draw(make(SheetSpec()), tmp_path / "sheet.pdf", [Pupil(number=number)])
