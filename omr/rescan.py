"""Does to a page what `omr.damage` says: a filled-in page in, the bytes of the scanned file out.

The order is that of the real thing: print and paper, then the way through the feeder or before the lens, light, optics
and noise, the file.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from omr.damage import Damage
from omr.layout import Page

Image = npt.NDArray[Any]  # uint8, height × width
Points = npt.NDArray[np.float64]
Random = np.random.Generator

CELL = 16  # pixels between places whose displacement is worked out; between them it is interpolated
NOISE = 512  # pixels after which noise repeats itself
HOLE, HOLES_APART, HOLE_INSET = 6.0, 80.0, 12.0  # mm: ISO 838
CLEAR = 1.0  # mm that folds and holes keep away from bubbles, and cuts from corner marks
FOLD = (8.0, 30.0)  # mm, along both edges
DARK_LID = 25  # grey


def scan(page: Image, sheet: Page, damage: Damage, dpi: float, rng: Random, back: Image | None = None) -> bytes:
    """The file that comes back of a page.

    Args:
        page: clean and filled in, uint8 grey, white paper; not changed.
        sheet: what is printed there: folds and holes keep clear of its bubbles.
        dpi: resolution of the page.
        back: the other side, like `page`, if it is printed.
    """
    dot = dpi / 25.4
    background = DARK_LID if rng.random() < damage.dark_lid else damage.background
    image = page.copy()
    folded = rng.random() < damage.folded
    if not folded and rng.random() < damage.faded:
        _fade(image, sheet, dot, rng)
    if damage.show_through and back is not None:
        image = _show_through(image, back, rng.uniform(0, damage.show_through))
    ink, paper = rng.uniform(*damage.ink), rng.uniform(*damage.paper)
    image = _levels(image, damage.contrast, ink, paper)
    _specks(image, rng.poisson(damage.specks), dot, rng)
    if rng.random() < damage.punched:
        _punch(image, sheet, dot, background, rng)
    if folded:
        _fold(image, sheet, dot, background, paper, rng)
    image = _move(image, sheet, damage, dpi, background, rng)
    image = _light(image, damage, rng)
    sigma = rng.uniform(*damage.blur)
    if sigma:
        side = 3 if sigma < 0.6 else 5 if sigma < 1.3 else 7
        image = cv2.GaussianBlur(image, (side, side), sigma)
    _streaks(image, rng.poisson(damage.streaks), (ink, paper), dot, rng)
    if damage.noise:
        image = cv2.addWeighted(image, 1, _noise(image.shape, damage.noise, rng), 1, -128)
    if damage.threshold:
        return _bilevel(image, damage, paper, dpi, rng)
    quality = int(rng.integers(damage.quality[0], damage.quality[1] + 1))
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _fade(image: Image, sheet: Page, dot: float, rng: Random) -> None:
    """One corner mark pale, or a part of it missing."""
    if not sheet.fiducials:
        return
    one = sheet.fiducials[int(rng.integers(len(sheet.fiducials)))]
    half = one.size / 2 + 1
    left, top = round((one.x - half) * dot), round((one.y - half) * dot)
    spot = image[top : top + round(2 * half * dot), left : left + round(2 * half * dot)]
    if rng.random() < 0.5:
        np.copyto(spot, 255 - ((255 - spot) * rng.uniform(0.2, 0.5)).astype(np.uint8))
    else:
        missing = int(spot.shape[1] * rng.uniform(0.2, 0.5))
        spot[:, :missing] = 255


def _show_through(image: Image, back: Image, share: float) -> Image:
    """The other side, mirrored and diffused by the paper."""
    small = cv2.resize(back, None, fx=1 / 4, fy=1 / 4, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(cv2.flip(small, 1), (3, 3), 0.7)
    dimmed = cv2.addWeighted(small, share, small, 0, 255 * (1 - share))
    return cv2.multiply(image, cv2.resize(dimmed, image.shape[::-1]), scale=1 / 255)


def _levels(image: Image, contrast: float, ink: float, paper: float) -> Image:
    grey = np.linspace(0, 1, 256)
    if contrast:
        grey = np.clip((grey - 0.5) / (1 - contrast) + 0.5, 0, 1)
    return cv2.LUT(image, np.round(ink + grey * (paper - ink)).astype(np.uint8))


def _specks(image: Image, number: int, dot: float, rng: Random) -> None:
    height, width = image.shape
    for x, y in rng.integers(0, (width, height), (number, 2)).tolist():
        radius = rng.uniform(0.05, 0.25) * dot
        cv2.circle(image, (x, y), round(radius), int(rng.integers(60, 170)), -1, cv2.LINE_AA)


def _punch(image: Image, sheet: Page, dot: float, background: int, rng: Random) -> None:
    """Two holes at one of the edges where they cost no bubble."""
    height, width = (side / dot for side in image.shape)
    along = np.array([-0.5, 0.5]) * HOLES_APART
    edges = [
        np.column_stack([np.full(2, HOLE_INSET), height / 2 + along]),
        np.column_stack([np.full(2, width - HOLE_INSET), height / 2 + along]),
        np.column_stack([width / 2 + along, np.full(2, HOLE_INSET)]),
    ]
    free = [edge for edge in edges if all(_clear_of_bubbles(sheet, centre, HOLE / 2) for centre in edge)]
    for centre in free[int(rng.integers(len(free)))] if free else ():
        cv2.circle(image, tuple(np.round(centre * dot).astype(int).tolist()), round(HOLE / 2 * dot), background, -1)


def _boxes(sheet: Page) -> Points:
    """Of all bubbles (n, 4): centre, half width, half height."""
    return np.array(
        [
            (b.x, b.y, field.width / 2, field.height / 2)
            for field in sheet.fields
            for group in field.groups
            for b in group.bubbles
        ]
    ).reshape(-1, 4)


def _clear_of_bubbles(sheet: Page, centre: Points, reach: float) -> bool:
    boxes = _boxes(sheet)
    return bool(np.all(np.any(np.abs(boxes[:, :2] - centre) > boxes[:, 2:] + reach + CLEAR, axis=1)))


def _fold(image: Image, sheet: Page, dot: float, background: int, paper: float, rng: Random) -> None:
    """A corner folded under or over the sheet, so small that what it covers holds no bubble."""
    corner = rng.integers(0, 2, 2)
    size = np.array(image.shape[::-1]) / dot
    boxes = _boxes(sheet)
    from_corner = np.abs(boxes[:, :2] - corner * size) - boxes[:, 2:]
    room = float(from_corner.max(axis=1).min()) - CLEAR if len(boxes) else FOLD[1]
    leg = min(rng.uniform(*FOLD), room)
    inward = 1 - 2 * corner
    gone = np.array([(0, 0), (leg, 0), (0, leg)]) * inward + corner * size
    over = np.array([(leg, leg), (leg, 0), (0, leg)]) * inward + corner * size
    cv2.fillPoly(image, [np.round(gone * dot).astype(np.int32)], background)
    if rng.random() < 0.5:
        cv2.fillPoly(image, [np.round(over * dot).astype(np.int32)], round(paper * 0.97))
        cv2.polylines(image, [np.round(over * dot).astype(np.int32)], True, round(paper * 0.75), 2, cv2.LINE_AA)


def _move(image: Image, sheet: Page, damage: Damage, dpi: float, background: int, rng: Random) -> Image:
    """Turn, stretch, bend, clip and resample the page, all in one."""
    height, width = image.shape
    resize = rng.uniform(*damage.dpi) / dpi
    out = np.round(np.array([width, height]) * (1 + damage.margin) * resize).astype(int)
    turn = np.deg2rad(rng.uniform(-damage.rotation, damage.rotation) + 180 * (rng.random() < damage.upside_down))
    scale = 1 + rng.uniform(-damage.scale, damage.scale) + rng.uniform(-damage.stretch, damage.stretch, 2)
    shift = rng.uniform(-damage.shift, damage.shift, 2) * dpi / 25.4
    page = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    corners = (page - (width / 2, height / 2)) * scale
    corners = corners @ np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    corners = (corners + shift) * resize + out / 2
    corners += rng.uniform(-damage.perspective, damage.perspective, (4, 2)) * width * resize
    corners = _inside(corners, page, _mark_corners(sheet) * dpi / 25.4, out, _wander(damage) * dpi * resize / 25.4)
    to_page = _homography(corners, page)
    maps = _bend(_straight(to_page, out), (width, height), damage, dpi / 25.4, rng)
    fine = cv2.resize(maps, None, fx=CELL, fy=CELL)[CELL : CELL + out[1], CELL : CELL + out[0]]
    marks = _project(_mark_corners(sheet) * dpi / 25.4, _homography(page, corners))
    left, top, right, bottom = _cut(marks, out, damage, dpi * resize / 25.4, rng)
    kept = fine[top:bottom, left:right]
    return cv2.remap(image, kept, None, cv2.INTER_LINEAR, borderValue=background)  # type: ignore[call-overload]


def _homography(source: Points, target: Points) -> Points:
    """Maps four points on four others."""
    return np.asarray(cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32)), np.float64)


def _project(points: Points, homography: Points) -> Points:
    if not points.size:
        return points
    return np.asarray(cv2.perspectiveTransform(points.reshape(-1, 1, 2), homography), np.float64).reshape(-1, 2)


def _mark_corners(sheet: Page) -> Points:
    """Of all corner marks, in mm (n, 2)."""
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    return np.array([square * one.size + (one.x, one.y) for one in sheet.fiducials]).reshape(-1, 2)


def _wander(damage: Damage) -> float:
    """How far, in mm, a corner mark may come to lie from where turn and stretch alone put it, and still be whole."""
    return damage.curl + damage.drift + CLEAR


def _inside(corners: Points, page: Points, marks: Points, out: npt.NDArray[np.intp], clear: float) -> Points:
    """The page's corners in the picture, moved, and shrunk if need be, so that all its corner marks are seen."""
    if not len(marks):
        return corners
    seen = _project(marks, _homography(page, corners))
    low, high = seen.min(axis=0), seen.max(axis=0)
    shrink = min(1.0, float(np.min((out - 2 * clear) / (high - low))))
    corners, low, high = corners * shrink, low * shrink, high * shrink
    return corners + np.maximum(clear - low, 0) - np.maximum(high - (out - clear), 0)


def _straight(to_page: Points, out: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """Where on the page each `CELL`th pixel of the picture comes from, (rows, columns, 2); one more on all sides."""
    x, y = ((np.arange(-1, side // CELL + 2) + 0.5) * CELL - 0.5 for side in out)
    places = np.stack(np.meshgrid(x, y), axis=-1)
    return _project(places, to_page).reshape(places.shape).astype(np.float32)


def _bend(
    places: npt.NDArray[np.float32], size: tuple[int, int], damage: Damage, dot: float, rng: Random
) -> npt.NDArray[np.float32]:
    """Places on the page displaced by curl, and along the feed by drift; by at most that many mm."""
    bent = places.copy()
    if damage.curl:
        hills = rng.uniform(-1, 1, (4, 3, 2)).astype(np.float32) * damage.curl * dot
        bent += _smooth(hills, (places / np.array(size, np.float32)).astype(np.float32))
    if damage.drift:
        feed = int(np.argmax(size))
        hills = rng.uniform(-1, 1, (8, 1, 1)).astype(np.float32) * damage.drift * dot
        bent[..., feed] += _smooth(hills, places[..., [feed, feed]] / np.float32(size[feed]))[..., 0]
    return bent


def _smooth(hills: npt.NDArray[np.float32], at: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """At (…, 2) of the unit square, the smooth function that has the values (rows, columns, n) of `hills`."""
    rows, columns = hills.shape[:2]
    values = []
    for axis, number in ((1, rows), (0, columns)):
        place = np.clip(at[..., axis], 0, 1) * (number - 1)
        low = np.minimum(place.astype(np.intp), max(number - 2, 0))
        values.append((low, (0.5 - 0.5 * np.cos(np.pi * (place - low)))[..., None]))
    (i, v), (j, u) = values
    k, m = np.minimum(i + 1, rows - 1), np.minimum(j + 1, columns - 1)
    upper = hills[i, j] * (1 - u) + hills[i, m] * u
    lower = hills[k, j] * (1 - u) + hills[k, m] * u
    return (upper * (1 - v) + lower * v).astype(np.float32)


def _cut(
    marks: Points, out: npt.NDArray[np.intp], damage: Damage, dot: float, rng: Random
) -> tuple[int, int, int, int]:
    """The part of the picture that is kept: left, top, right, bottom; all corner marks (n, 2) are in it."""
    box = [0, 0, int(out[0]), int(out[1])]
    if rng.random() < damage.clipped:
        side = int(rng.integers(4))
        lost = rng.uniform(0.2, 1) * damage.clip * dot
        if len(marks):
            nearest = (marks.min(axis=0), out - marks.max(axis=0))[side // 2][side % 2]
            lost = min(lost, float(nearest) - _wander(damage) * dot)
        box[side] += max(0, round(lost)) * (1 if side < 2 else -1)
    return box[0], box[1], box[2], box[3]


def _light(image: Image, damage: Damage, rng: Random) -> Image:
    """Shadows and a lens' darker corners."""
    if not damage.shadow and not damage.vignette:
        return image
    rows, columns = (-(-side // CELL) for side in image.shape)
    smooth = rng.uniform(1 - damage.shadow / 2, 1, (4, 3)).astype(np.float32)
    light = cv2.resize(smooth, (columns, rows), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    angle, away, width = rng.uniform(0, 2 * np.pi), rng.uniform(-0.2, 1.2), rng.uniform(0.03, 0.3)
    edge = 1 / (1 + np.exp(np.clip((away - x * np.cos(angle) - y * np.sin(angle)) / width, -50, 50)))
    light *= 1 - rng.uniform(0, damage.shadow / 2) * edge
    light *= 1 - rng.uniform(0, damage.vignette) * (x * x + y * y) / 2
    fine = cv2.resize(np.round(np.clip(light, 0, 1) * 255).astype(np.uint8), image.shape[::-1])
    return cv2.multiply(image, fine, scale=1 / 255)


def _streaks(image: Image, number: int, ends: tuple[float, float], dot: float, rng: Random) -> None:
    """Lines along the feed, which is the longer side, pulled towards black ink or white paper."""
    across = image if image.shape[0] >= image.shape[1] else image.T
    for _ in range(number):
        thickness = max(1, round(rng.uniform(0.1, 0.4) * dot))
        at = int(rng.integers(across.shape[1] - thickness))
        start, end = sorted(rng.uniform(-0.5, 1.5, 2) * across.shape[0])
        strip = across[max(0, int(start)) : int(end), at : at + thickness]
        share, towards = rng.uniform(0.15, 0.6), ends[int(rng.integers(2))]
        strip[:] = (strip * (1 - share) + towards * share).astype(np.uint8)


def _noise(shape: tuple[int, ...], deviation: float, rng: Random) -> Image:
    """Noise around 128 of this shape; every page takes another part of the same."""
    top, left = rng.integers(0, NOISE, 2).tolist()
    repeats = [-(-side // NOISE) + 1 for side in shape]
    return np.tile(_tile(deviation), repeats)[top : top + shape[0], left : left + shape[1]]


@functools.lru_cache(maxsize=8)
def _tile(deviation: float) -> Image:
    noise = np.random.default_rng(1).normal(128, deviation, (NOISE, NOISE))
    return np.clip(np.round(noise), 0, 255).astype(np.uint8)


def _bilevel(image: Image, damage: Damage, paper: float, dpi: float, rng: Random) -> bytes:
    """Black and white, with the ragged edges, clogging and lost rows of fax-like devices."""
    assert damage.threshold is not None
    height, width = image.shape
    uneven = rng.uniform(-0.01, 0.01, (6, 4)) + rng.uniform(*damage.threshold)
    level = cv2.resize(np.round(paper * (1 - uneven)).astype(np.uint8), (width, height))
    if damage.jagged:
        level = cv2.addWeighted(level, 1, _noise(image.shape, damage.jagged * 255, rng), 1, -128)
    white = cv2.compare(image, level, cv2.CMP_GE)
    if rng.random() < damage.clogged:
        white = cv2.erode(white, np.ones((1, 2), np.uint8))
    for row in rng.integers(1, height, rng.poisson(damage.dropouts)).tolist():
        if rng.random() < 0.5:
            white[row] = white[row - 1]
        else:
            start, end = sorted(rng.integers(0, width, 2).tolist())
            white[row, start:end] = 255
    bits = np.packbits(np.asarray(white, np.uint8), axis=1).tobytes()
    file = io.BytesIO()
    Pillow.frombytes("1", (width, height), bits).save(file, "TIFF", compression="group4", dpi=(dpi, dpi))
    return file.getvalue()
