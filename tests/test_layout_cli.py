"""`yuejuan layout`: another program's form over a scan, and as one of ours."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from omr.importers import load_any
from omr.layout import load_layout

TEMPLATE = {
    "pageDimensions": [600, 800],
    "bubbleDimensions": [24, 24],
    "fieldBlocks": {
        "left": {"fieldType": "QTYPE_MCQ4", "origin": [80, 100], "fieldLabels": ["q1..12"], "labelsGap": 50,
                 "bubblesGap": 44},
        "number": {"fieldType": "QTYPE_INT", "origin": [380, 200], "fieldLabels": ["n1..3"], "labelsGap": 46,
                   "bubblesGap": 40},
    },
    "customLabels": {"number": ["n1..3"]},
}  # fmt: skip


def yuejuan(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import cli; cli.app()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, encoding="utf-8", cwd=cwd)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(TEMPLATE))
    return path


@pytest.fixture
def scan(template: Path) -> Path:
    """The form, with q1 marked B and the second digit 7."""
    picture = np.full((800, 600), 250, np.uint8)
    for field in load_any(template).pages[0].fields:
        for bubble in field.groups[0].bubbles:
            centre = (round(bubble.x), round(bubble.y))
            cv2.circle(picture, centre, 11, 60, 2, cv2.LINE_AA)
            if (field.name, bubble.label) in (("q1", "B"), ("n2", "7")):
                cv2.circle(picture, centre, 10, 30, -1)
    path = template.with_name("scan.png")
    cv2.imwrite(str(path), picture)
    return path


def outlined(picture: np.ndarray, x: float, y: float) -> str:
    """The colour of the box drawn about the bubble at these template pixels."""
    times = picture.shape[1] // 600
    box = picture[int((y - 14) * times) : int((y + 14) * times), int((x - 14) * times) : int((x + 14) * times)]
    blue, _, red = box.reshape(-1, 3)[np.ptp(box.reshape(-1, 3), axis=1) > 100].mean(axis=0)
    return "red" if red > blue else "blue"


def test_show_draws_the_fields_and_what_is_read(template: Path, scan: Path, tmp_path: Path) -> None:
    done = yuejuan("layout", "show", template, scan, "-o", tmp_path / "seen.png", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["fields"] == {"read": 16, "flagged": 0}  # 12 items, 3 digits, their number
    assert told["written"] == [str(tmp_path / "seen.png")]
    picture = cv2.imread(str(tmp_path / "seen.png"))
    marked = {("q1", "B"), ("n2", "7")}
    for field in load_any(template).pages[0].fields:
        for bubble in field.groups[0].bubbles:
            want = "red" if (field.name, bubble.label) in marked else "blue"
            assert outlined(picture, bubble.x, bubble.y) == want, (field.name, bubble.label)


def test_show_names_its_picture_after_the_scan(template: Path, scan: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert yuejuan("layout", "show", template, scan, cwd=elsewhere).returncode == 0
    assert [path.name for path in elsewhere.iterdir()] == ["scan-1-fields.png"]


def test_show_draws_a_page_that_does_not_fit_and_says_so(template: Path, scan: Path, tmp_path: Path) -> None:
    other = np.full((800, 600), 250, np.uint8)  # a form with other rows and columns
    for x, y in ((x, y) for x in range(60, 560, 31) for y in range(70, 760, 37)):
        cv2.circle(other, (x, y), 11, 60, 2, cv2.LINE_AA)
    cv2.imwrite(str(scan), other)
    done = yuejuan("layout", "show", template, scan, "-o", tmp_path / "seen.png", cwd=tmp_path)
    assert done.returncode == 3
    assert "does not fit" in done.stderr and "seen.png" in done.stderr
    first = load_any(template).pages[0].fields[0].groups[0].bubbles[0]
    assert outlined(cv2.imread(str(tmp_path / "seen.png")), first.x, first.y) == "blue"


def test_show_draws_a_page_that_is_not_found_as_if_the_picture_were_the_page(
    template: Path, scan: Path, tmp_path: Path
) -> None:
    """A picture that is all paper has no outline."""
    template.write_text(json.dumps(TEMPLATE | {"preProcessors": [{"name": "CropPage"}]}))
    cv2.imwrite(str(scan), np.full((800, 600), 128, np.uint8))
    done = yuejuan("layout", "show", template, scan, "-o", tmp_path / "seen.png", cwd=tmp_path)
    assert done.returncode == 3
    assert "as if the picture were the page" in done.stderr
    last = load_any(template).pages[0].fields[-1].groups[0].bubbles[-1]
    assert outlined(cv2.imread(str(tmp_path / "seen.png")), last.x, last.y) == "blue"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("template.json", "scan.png", "-o", "seen.jpg"), 2, ".png"),
        (("template.json", "scan.png", "--page", "2"), 3, "no page 2"),
        (("template.json", "template.json"), 3, "not a picture"),
        (("scan.png", "scan.png"), 3, "neither"),
        (("none.json", "scan.png"), 3, "none.json"),
    ],
)
def test_show_says_what_is_wrong(arguments, code: int, said: str, scan: Path, tmp_path: Path) -> None:
    done = yuejuan("layout", "show", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr


def with_marker(template: Path) -> None:
    (template.parent / "art").mkdir()
    cv2.imwrite(str(template.parent / "art" / "mark.png"), np.full((30, 30), 90, np.uint8))
    step = {"name": "CropOnMarkers", "options": {"relativePath": "art/mark.png", "sheetToMarkerWidthRatio": 17}}
    template.write_text(json.dumps(TEMPLATE | {"preProcessors": [step]}))


def test_a_converted_layout_names_a_picture_below_it_by_its_way_there(template: Path, tmp_path: Path) -> None:
    with_marker(template)
    done = yuejuan("layout", "convert", template, "-o", tmp_path / "layout.json", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["written"] == [str(tmp_path / "layout.json")]
    assert json.loads((tmp_path / "layout.json").read_text())["registration"]["marker"] == "art/mark.png"
    assert load_layout(tmp_path / "layout.json") == load_any(template)


def test_a_converted_layout_can_be_moved_with_its_pictures(template: Path, tmp_path: Path) -> None:
    with_marker(template)
    (tmp_path / "new").mkdir()
    done = yuejuan("layout", "convert", "template.json", "-o", "new/layout.json", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["written"] == ["new/layout.json", "new/mark.png"]
    (tmp_path / "new").rename(tmp_path / "moved")
    registration = load_layout(tmp_path / "moved" / "layout.json").registration
    assert Path(registration.marker) == tmp_path / "moved" / "mark.png"
    assert registration.marker_ratio == 17
    assert (tmp_path / "moved" / "mark.png").read_bytes() == (tmp_path / "art" / "mark.png").read_bytes()


def test_convert_overwrites_no_other_picture(template: Path, tmp_path: Path) -> None:
    with_marker(template)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mark.png").write_bytes((tmp_path / "art" / "mark.png").read_bytes())
    assert yuejuan("layout", "convert", "template.json", "-o", "new/layout.json", cwd=tmp_path).returncode == 0
    (tmp_path / "new" / "mark.png").write_text("mine")
    done = yuejuan("layout", "convert", "template.json", "-o", "new/layout.json", cwd=tmp_path)
    assert done.returncode == 2 and "mark.png" in done.stderr
    assert (tmp_path / "new" / "mark.png").read_text() == "mine"


def test_convert_writes_a_layout_of_ours(template: Path, scan: Path, tmp_path: Path) -> None:
    done = yuejuan("layout", "convert", template, "-o", tmp_path / "layout.json", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["layout"] == {"pages": 1, "fields": 15}
    assert load_layout(tmp_path / "layout.json") == load_any(template)
    for layout, out in ((template, "a"), (tmp_path / "layout.json", "b")):
        assert yuejuan("read", scan, "--layout", layout, "-o", out, "-w", "1", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a/marks.csv").read_bytes() == (tmp_path / "b/marks.csv").read_bytes()
