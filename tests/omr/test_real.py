"""Real photographs and scans of answered sheets: every answer right, also when ink and paper are made worse."""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from omr.importers import load_any
from omr.marks import read_marks
from omr.register import register

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "omr-real"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real scans are not beside this checkout")

CASES = (
    "adrian-photo",
    "college-100q-lowres-scan",
    "nus-student-number-scan",
    "prayaas-angles-photo",
    "prayaas-colour-photo",
    "prayaas-xerox-photo",
    "rtl-synthetic",
    "technothlon-camscanner",
)


@cache
def truth_of(case: str) -> dict[str, dict[str, str]]:
    truth: dict[str, dict[str, str]] = {}
    with open(REAL / case / "truth.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            truth.setdefault(row["file"], {})[row["field"]] = row["value"]
    return truth


@cache
def placed(case: str, file: str):
    """A page's layout, picture and place on it: found once, on the picture as it is."""
    layout = load_any(REAL / case / "template.json")
    image = cv2.imread(str(REAL / case / file), cv2.IMREAD_GRAYSCALE)
    return layout, image, register(image, layout)


def read_case(case, damage=lambda image: image):
    """(fields, wrong and not flagged, flagged), the latter two for a person to read."""
    fields, silent, flagged = 0, [], []
    for file, truth in truth_of(case).items():
        layout, image, placement = placed(case, file)
        worse = damage(image)
        scale = worse.shape[1] / image.shape[1]
        placement = replace(placement, homography=np.diag([scale, scale, 1]) @ placement.homography)
        marks = {mark.field: mark for mark in read_marks(worse, layout, placement)}
        for field, want in truth.items():
            fields += 1
            mark = marks[field]
            if mark.flag:
                flagged.append((file, field, want, mark))
            elif mark.value != want:
                silent.append((file, field, want, mark))
    return fields, silent, flagged


@pytest.mark.parametrize("case", CASES)
def test_every_field_is_right(case):
    fields, silent, flagged = read_case(case)
    assert silent == []
    assert len(flagged) <= max(1, fields // 100), flagged


def noisy(image):
    return np.clip(image + np.random.default_rng(1).normal(0, 8, image.shape), 0, 255).astype(np.uint8)


def shaded(image):
    across, down = np.linspace(0.6, 1, image.shape[1]), np.linspace(1, 0.8, image.shape[0])
    return (image * across * down[:, None]).astype(np.uint8)


DAMAGE = {
    "lighter": lambda image: (255 * (image / 255) ** 0.6).astype(np.uint8),
    "darker": lambda image: (image * 0.6).astype(np.uint8),
    "pale": lambda image: (image * 0.5 + 110).astype(np.uint8),
    "blurred": lambda image: cv2.GaussianBlur(image, (0, 0), 1),
    "noisy": noisy,
    "jpeg": lambda image: cv2.imdecode(
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 25])[1], cv2.IMREAD_GRAYSCALE
    ),
    "smaller": lambda image: cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA),
    "larger": lambda image: cv2.resize(image, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC),
    "shaded": shaded,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("case", CASES)
def test_a_worse_picture_changes_no_answer(case, damage):
    fields, silent, flagged = read_case(case, DAMAGE[damage])
    assert silent == []
    assert len(flagged) <= max(1, fields // 100), flagged
