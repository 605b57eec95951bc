"""Pictures of what only matching finds wrong: made from the scans once, kept when the scans are gone."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import made_scans
import numpy as np
import pyarrow as pa
import pytest

from engine import tables
from omr import crops, evidence, image

LAYOUT = made_scans.layout()


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "scans"
    made_scans.write(folder, 4, LAYOUT)
    picture = cv2.imread(str(folder / "room1/002.jpg"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder / "room1/002.jpg"), cv2.rotate(picture, cv2.ROTATE_180))
    (folder / "bad.jpg").write_bytes(b"text")
    (folder / "none.jpg").write_bytes(cv2.imencode(".jpg", np.full((900, 600), 255, np.uint8))[1].tobytes())
    return folder


def exceptions(*rows: tuple[str, str | None, str | None, str]) -> pa.Table:
    kinds, files, fields, reasons = zip(*rows, strict=True)
    pages = [1 if file else None for file in files]
    columns = {"kind": kinds, "file": files, "field": fields, "page": pages, "reason": reasons}
    return tables.build("exceptions", columns)


ROWS = exceptions(
    ("pupil", "room1/000.jpg", "candidate", "duplicate"),
    ("pupil", "room1/002.jpg", "candidate", "unknown_candidate"),
    ("pupil", "room2/001.jpg", None, "page_missing"),
    ("pupil", "room2/001.jpg", "7", "form_unknown"),
    ("batch", "room2/003.jpg", None, "one_sided"),
    ("pupil", None, "absent", "no_sheet"),
    ("pupil", "room2/003.jpg", None, "mark_missing"),
    ("pupil", "bad.jpg", "candidate", "duplicate"),
    ("pupil", "none.jpg", "candidate", "duplicate"),
    ("pupil", "gone.jpg", "candidate", "duplicate"),
    ("pupil", "../outside.jpg", "candidate", "duplicate"),
)


def show(rows: pa.Table, scans: Path, out: Path) -> list[str | None]:
    with ThreadPoolExecutor(1) as executor:
        shown = evidence.show(
            rows, scans, LAYOUT, out, number="candidate", without=("mark_missing",), executor=executor
        )
    return shown["crop"].to_pylist()


def test_what_is_in_question_is_shown(scans: Path, tmp_path: Path) -> None:
    shutil.copy(scans / "room1/000.jpg", scans.parent / "outside.jpg")
    found = show(ROWS, scans, tmp_path)
    assert [bool(crop) for crop in found] == [True] * 5 + [False] * 6
    pictures = [cv2.imread(str(tmp_path / crop)) for crop in found[:5]]
    upright, turned, whole = (picture[:, :, 1].astype(float) for picture in pictures[:3])
    assert upright.shape == turned.shape == whole.shape
    for other in (turned, whole):  # the same print, whichever way the page lay
        assert np.corrcoef(upright.ravel(), other.ravel())[0, 1] > 0.6
    assert pictures[3].shape[0] < pictures[0].shape[0]
    page = image.load(scans / "room2/003.jpg")
    assert pictures[4].shape[0] / pictures[4].shape[1] == pytest.approx(page.shape[0] / page.shape[1], rel=0.01)


def test_pictures_stay_when_the_scans_are_gone_and_go_when_settled(scans: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "scans", tmp_path / "out"
    shutil.copytree(scans, folder)
    first = show(ROWS, folder, out)
    shutil.rmtree(folder)
    assert show(ROWS, folder, out) == first
    assert show(ROWS.slice(1, 2), folder, out) == first[1:3]
    left = {path.relative_to(out).as_posix() for path in out.rglob("*.jpg")}
    assert left == set(first[1:3])


def test_not_without_end(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong roster makes exceptions of all pages: the same few have pictures however often it is tried."""
    monkeypatch.setattr(evidence, "MOST", 2)
    for _ in range(2):
        assert [bool(crop) for crop in show(ROWS, scans, tmp_path)] == [True] * 2 + [False] * 9


def test_the_readers_pictures_are_left_alone(scans: Path, tmp_path: Path) -> None:
    crops.keep_page(tmp_path, np.zeros((50, 40), np.uint8), "a.jpg", 1)
    rows = pa.concat_tables([exceptions(("page", "a.jpg", None, "blurred")), ROWS.slice(0, 1)])
    assert show(rows, scans, tmp_path)[0] == crops.name("page", "a.jpg", 1)
