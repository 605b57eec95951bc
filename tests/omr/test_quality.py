"""What is wrong with a picture as a scan."""

from __future__ import annotations

from pathlib import Path

import cv2
import made_scans
import numpy as np
import pytest

from omr.quality import cut_off
from omr.read import Reason, read_page

LAYOUT = made_scans.layout()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    (picture,) = made_scans.sheets(LAYOUT, ["204811"], tmp_path_factory.mktemp("page"))
    return picture


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("part", [np.s_[:, :-120], np.s_[:-120], np.s_[:-120, :-120], np.s_[90:, 120:]])
def test_a_page_cut_off_is_told_from_one_without_marks(
    page: np.ndarray, part: tuple[slice, ...] | slice, turns: int
) -> None:
    reading = read_page(np.ascontiguousarray(np.rot90(page[part], turns)), LAYOUT)
    assert (reading.page["status"], reading.page["reason"]) == ("exception", Reason.CUT_OFF)


@pytest.mark.parametrize("corners", [(0, 1), (1, 2), (0, 2), (0, 1, 2)])
def test_marks_covered_on_a_whole_page_are_not_cut_off(page: np.ndarray, corners: tuple[int, ...]) -> None:
    picture = page.copy()
    for corner in corners:
        mark = LAYOUT.pages[0].fiducials[corner]
        x, y, half = (round(value * made_scans.SCALE) for value in (mark.x, mark.y, mark.size * 0.6))
        cv2.rectangle(picture, (x - half, y - half), (x + half, y + half), 255, -1)
    reading = read_page(picture, LAYOUT)
    assert (reading.page["status"], reading.page["reason"]) == ("exception", Reason.NOT_REGISTERED)


def test_another_sheet_is_not_cut_off(page: np.ndarray, tmp_path: Path) -> None:
    other = made_scans.layout(series=2)
    assert cut_off(page[:, :-120], other) is None
    assert cut_off(np.full((300, 200), 255, np.uint8), LAYOUT) is None
