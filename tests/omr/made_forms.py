"""Forms as other programs have them, made up at random: an OMRChecker template, a filled-in page and what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from omr.importers.omrchecker import load_template
from omr.layout import Layout

KINDS = ("circle", "oval", "box", "bracket", "letter", "hollow")
WIDTH, HEIGHT = 1000, 1414  # of a page in template pixels, about A4
FINE = 2  # pixels drawn per template pixel
MARGIN = 70  # of a page whose corners have markers, about the markers' middles


@dataclass(frozen=True)
class Form:
    """A made-up form.

    Attributes:
        picture: the filled-in page, `FINE` pixels per template pixel; its top left is the template's less `margin`.
        truth: field → value.
        size: of a bubble, in template pixels.
    """

    kind: str
    layout: Layout
    picture: np.ndarray
    truth: dict[str, str]
    size: tuple[float, float]
    margin: float


def make(
    folder: Path, seed: int, *, kind: str = "", method: str = "frame", marks: str = "usual", ink: int = 70
) -> Form:
    """A form of a kind of bubbles.

    Args:
        method: "frame", "outline" or "markers".
        marks: "usual", "none", "all" or "many".
        ink: grey of the print.
    """
    rng = np.random.default_rng(seed)
    kind = kind or KINDS[seed % len(KINDS)]
    height = float(rng.integers(14, 22))
    wide = {"oval": 1.9, "bracket": 1.7}.get(kind, 1.0)
    size = (round(height * wide), height)
    gap = float(rng.uniform(1.25, 1.7))
    pitch = (round(size[0] * gap), round(size[1] * rng.uniform(1.25, 1.7)))
    blocks = _blocks(rng, pitch)
    margin = MARGIN if method == "markers" else 0
    page = np.full(((HEIGHT + 2 * margin) * FINE, (WIDTH + 2 * margin) * FINE), 255, np.uint8)
    truth: dict[str, str] = {}
    for block in blocks.values():
        _draw(page, block, kind, size, ink, margin, rng, marks, truth)
    cv2.putText(page, "ANSWER SHEET", (_fine(margin + 60), _fine(margin + 60)), 0, 2.0, ink, 4, cv2.LINE_AA)
    steps = []
    if method == "outline":
        steps = [{"name": "CropPage", "options": {}}]
    if method == "markers":
        marker = rings(44 * FINE)
        cv2.imwrite(str(folder / "marker.png"), marker)
        for x in (margin, margin + WIDTH):
            for y in (margin, margin + HEIGHT):
                top, left = _fine(y) - len(marker) // 2, _fine(x) - len(marker) // 2
                page[top : top + len(marker), left : left + len(marker)] = marker
        ratio = (WIDTH + 2 * margin) / 44
        steps = [{"name": "CropOnMarkers", "options": {"relativePath": "marker.png", "sheetToMarkerWidthRatio": ratio}}]
    template = {
        "pageDimensions": [WIDTH, HEIGHT], "bubbleDimensions": list(size), "preProcessors": steps,
        "fieldBlocks": {name: {"origin": block["origin"], "bubblesGap": block["bubblesGap"],
                               "labelsGap": block["labelsGap"], "fieldLabels": block["fieldLabels"],
                               "bubbleValues": block["bubbleValues"], "direction": block["direction"]}
                        for name, block in blocks.items()},
    }  # fmt: skip
    path = folder / "template.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    return Form(kind, load_template(path), page, truth, size, margin)


def _blocks(rng: np.random.Generator, pitch: tuple[int, int]) -> dict[str, dict]:
    """A number grid at the top right, and columns of questions below."""
    digits = int(rng.integers(4, 9))
    options = int(rng.integers(4, 6))
    rows = int(min(rng.integers(8, 26), (HEIGHT - 420 - 10 * pitch[1] + 60) // pitch[1]))
    columns = int(min(rng.integers(1, 5), (WIDTH - 80) // ((options + 2) * pitch[0])))
    blocks = {
        "number": {
            "origin": [WIDTH - 80 - digits * pitch[0], 130], "bubblesGap": pitch[1], "labelsGap": pitch[0],
            "fieldLabels": [f"n{i}" for i in range(digits)], "bubbleValues": list("0123456789"),
            "direction": "vertical",
        }
    }  # fmt: skip
    top = 130 + 10 * pitch[1] + 110
    for column in range(columns):
        blocks[f"q{column}"] = {
            "origin": [90 + column * (options + 2) * pitch[0], top], "bubblesGap": pitch[0], "labelsGap": pitch[1],
            "fieldLabels": [f"q{column}_{row}" for row in range(rows)], "bubbleValues": list("ABCDE"[:options]),
            "direction": "horizontal",
        }  # fmt: skip
    return blocks


def _draw(page, block, kind, size, ink, margin, rng, marks, truth) -> None:
    across = block["direction"] == "horizontal"
    for number, name in enumerate(block["fieldLabels"]):
        wanted = _wanted(rng, marks, block["bubbleValues"], single=not across)
        truth[name] = "".join(value for value, one in zip(block["bubbleValues"], wanted, strict=True) if one)
        for index, (value, marked) in enumerate(zip(block["bubbleValues"], wanted, strict=True)):
            along, beside = index * block["bubblesGap"], number * block["labelsGap"]
            x = margin + block["origin"][0] + size[0] / 2 + (along if across else beside)
            y = margin + block["origin"][1] + size[1] / 2 + (beside if across else along)
            bubble(page, kind, (x, y), size, value, ink)
            if marked:
                pencil(page, (x, y), size, rng)
        if across:
            place = (_fine(margin + block["origin"][0] - 34), _fine(y + size[1] * 0.3))
            cv2.putText(page, str(number + 1), place, 0, size[1] / 18, ink, FINE, cv2.LINE_AA)


def _wanted(rng: np.random.Generator, marks: str, values: list[str], *, single: bool) -> list[bool]:
    if marks == "none":
        return [False] * len(values)
    if marks == "all":
        return [True] * len(values)
    if marks == "many" and not single:
        return (rng.random(len(values)) < 0.6).tolist()
    chosen = int(rng.integers(len(values))) if single or rng.random() > 0.05 else -1
    return [index == chosen for index in range(len(values))]


def bubble(page: np.ndarray, kind: str, place: tuple[float, float], size: tuple[float, float], text: str, ink: int):
    (x, y), (a, b) = place, (size[0] / 2, size[1] / 2)
    if kind in ("circle", "oval", "hollow"):
        cv2.ellipse(page, (_fine(x), _fine(y)), (_fine(a), _fine(b)), 0, 0, 360, ink, FINE, cv2.LINE_AA)
    elif kind == "box":
        cv2.rectangle(page, (_fine(x - a), _fine(y - b)), (_fine(x + a), _fine(y + b)), ink, FINE)
    elif kind == "bracket":
        for side in (-1, 1):
            end, inner = _fine(x + side * a), _fine(x + side * a * 0.7)
            points = [(inner, _fine(y - b)), (end, _fine(y - b)), (end, _fine(y + b)), (inner, _fine(y + b))]
            cv2.polylines(page, [np.array(points)], False, ink, FINE, cv2.LINE_AA)
    if kind != "hollow":
        scale = b / 16 * FINE
        (wide, high), _ = cv2.getTextSize(text, 0, scale, 1)
        cv2.putText(page, text, (_fine(x) - wide // 2, _fine(y) + high // 2), 0, scale, ink, 1, cv2.LINE_AA)


def pencil(page: np.ndarray, place: tuple[float, float], size: tuple[float, float], rng: np.random.Generator) -> None:
    """A filled bubble: 80 to 110 % of it, a little off, grey."""
    part = rng.uniform(0.8, 1.1)
    x, y = np.array(place) + rng.normal(0, 0.05, 2) * size
    half = (max(1, _fine(size[0] / 2 * part)), max(1, _fine(size[1] / 2 * part)))
    top, left = _fine(y) - half[1] - 2, _fine(x) - half[0] - 2
    piece = page[top : top + 2 * half[1] + 5, left : left + 2 * half[0] + 5]
    cover = np.zeros_like(piece)
    cv2.ellipse(cover, (half[0] + 2, half[1] + 2), half, rng.uniform(-5, 5), 0, 360, 255, -1, cv2.LINE_AA)
    shade = 1 - cover / 255 * rng.uniform(0.55, 0.8)
    piece[:] = (piece * shade).astype(np.uint8)


def rings(side: int) -> np.ndarray:
    picture = np.full((side, side), 255, np.uint8)
    for radius, grey in ((0.48, 0), (0.38, 255), (0.28, 0), (0.18, 255), (0.08, 0)):
        cv2.circle(picture, (side // 2, side // 2), round(radius * side), grey, -1, cv2.LINE_AA)
    return picture


def _fine(length: float) -> int:
    return round(length * FINE)


def scanned(
    form: Form,
    seed: int,
    *,
    rotation: float = 2,
    tilt: float = 0.0,
    scale: float = 0.6,
    shift: float = 0.0,
    blur: float = 0.7,
    noise: float = 5,
    quality: int = 70,
    ground: int = 250,
    border: float = 0.0,
) -> np.ndarray:
    """What a scanner or camera makes of the page.

    Args:
        rotation: largest turn in degrees, either way.
        tilt: largest displacement of a corner, in parts of the width.
        scale: pixels per drawn pixel.
        shift: largest displacement, in parts of the width.
        border: ground about the page, in parts of the width.
    """
    rng = np.random.default_rng(seed)
    height, width = form.picture.shape
    angle = np.radians(rng.uniform(-rotation, rotation))
    centre = np.array([width, height]) / 2
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    target = (corners - centre) @ turn + centre + rng.uniform(-tilt, tilt, (4, 2)) * width
    target = (target + rng.uniform(-shift, shift, 2) * width + border * width) * scale
    size = tuple(int(scale * (side + 2 * border * width)) for side in (width, height))
    homography = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    soft = cv2.GaussianBlur(form.picture, (0, 0), max(0.3, 0.45 / scale))
    image = cv2.warpPerspective(soft, homography, size, borderValue=ground)
    image = cv2.GaussianBlur(image, (0, 0), blur) + rng.normal(0, noise, image.shape)
    data = cv2.imencode(".jpg", np.clip(image * 0.95, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
