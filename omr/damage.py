"""What happens to a page between the printer and the reader: the damage done by scanners, copiers and phones."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Image = npt.NDArray[Any]  # uint8, height × width
Range = tuple[float, float]


class Damage(BaseModel):
    """How much of each, drawn anew for every page.

    Attributes:
        rotation: largest turn, in degrees, either way.
        scale: largest change of size, either way, as a share; for each axis anew by `stretch`.
        shift: largest displacement, in mm.
        perspective: largest displacement of a corner, as a share of the page's width.
        margin: background shown around the page, as a share of its size.
        paper, ink: grey of blank paper and of black print, 0…255.
        background: grey around the page.
        contrast: how much a copier hardens the greys, 0 not at all … 1 black and white.
        shadow: largest darkening over the page, as a share.
        blur: standard deviation in pixels.
        noise: standard deviation in grey levels.
        specks, streaks: expected number of dust specks, and of faint streaks along the feed.
        quality: of the JPEG.
        upside_down: share of pages fed the wrong way round.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation: float = 0
    scale: float = 0
    stretch: float = 0
    shift: float = 0
    perspective: float = 0
    margin: float = 0
    paper: Range = (255, 255)
    ink: Range = (0, 0)
    background: int = 255
    contrast: float = 0
    shadow: float = 0
    blur: Range = (0, 0)
    noise: float = 0
    specks: float = 0
    streaks: float = 0
    quality: tuple[int, int] = (80, 80)
    upside_down: float = 0


PRESETS = {
    "clean": Damage(quality=(90, 90)),
    "scanner": Damage(
        rotation=1, scale=0.01, stretch=0.002, shift=1.5, paper=(236, 252), ink=(15, 45), background=250,
        blur=(0.5, 0.9), noise=3, specks=2, quality=(75, 85), upside_down=0.02,
    ),
    "copier": Damage(
        rotation=1, scale=0.025, stretch=0.005, shift=2, paper=(240, 255), ink=(20, 70), background=255,
        contrast=0.35, shadow=0.06, blur=(0.7, 1.2), noise=6, specks=40, streaks=1.5, quality=(70, 80),
        upside_down=0.02,
    ),
    "phone": Damage(
        rotation=3, scale=0.02, perspective=0.025, margin=0.08, paper=(200, 235), ink=(20, 60), background=70,
        shadow=0.35, blur=(0.8, 1.5), noise=5, quality=(70, 85), upside_down=0.02,
    ),
}  # fmt: skip
"""The damage by name; "scanner" is what an office scanner does to originals, "copier" what it does to copies."""


@functools.lru_cache(maxsize=2)
def _noise(height: int, width: int, deviation: float) -> npt.NDArray[np.int16]:
    """One tile of noise, larger than the page so that every page takes another part of it."""
    rng = np.random.default_rng(1)
    return np.round(rng.normal(0, deviation, (height + 64, width + 64))).astype(np.int16)


def scan(page: Image, damage: Damage, dpi: float, rng: np.random.Generator) -> bytes:
    """A clean page (uint8 grey, white paper) as the JPEG file that comes back.

    Args:
        dpi: resolution of the page; the picture keeps it.
    """
    image = _levels(page, damage, rng)
    image = _dirt(image, damage, rng)
    image = _warp(image, damage, dpi, rng)
    if damage.shadow:
        image = _shadow(image, damage.shadow, rng)
    sigma = rng.uniform(*damage.blur)
    if sigma:
        image = cv2.GaussianBlur(image, (5, 5), sigma)
    if damage.noise:
        dx, dy = rng.integers(0, 64, 2)
        tile = _noise(*image.shape[:2], damage.noise)
        image = cv2.add(image, tile[dy : dy + image.shape[0], dx : dx + image.shape[1]], dtype=cv2.CV_8U)
    quality = int(rng.integers(damage.quality[0], damage.quality[1] + 1))
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _levels(page: Image, damage: Damage, rng: np.random.Generator) -> Image:
    grey = np.linspace(0, 1, 256)
    if damage.contrast:
        steep = 1 / (1 - damage.contrast)
        grey = np.clip((grey - 0.5) * steep + 0.5, 0, 1)
    ink, paper = rng.uniform(*damage.ink), rng.uniform(*damage.paper)
    return cv2.LUT(page, np.round(ink + grey * (paper - ink)).astype(np.uint8))


def _dirt(image: Image, damage: Damage, rng: np.random.Generator) -> Image:
    height, width = image.shape
    for _ in range(rng.poisson(damage.specks)):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(image, centre, int(rng.integers(1, 3)), int(rng.integers(60, 170)), -1, cv2.LINE_AA)
    for _ in range(rng.poisson(damage.streaks)):
        x, thickness = int(rng.integers(width)), int(rng.integers(1, 4))
        strip = image[:, x : x + thickness]
        np.copyto(strip, cv2.addWeighted(strip, 0.7, np.full_like(strip, rng.integers(120, 256)), 0.3, 0))
    return image


def _warp(image: Image, damage: Damage, dpi: float, rng: np.random.Generator) -> Image:
    height, width = image.shape
    out_width, out_height = round(width * (1 + damage.margin)), round(height * (1 + damage.margin))
    turn = np.deg2rad(rng.uniform(-damage.rotation, damage.rotation) + 180 * (rng.random() < damage.upside_down))
    scale = 1 + rng.uniform(-damage.scale, damage.scale) + rng.uniform(-damage.stretch, damage.stretch, 2)
    shift = rng.uniform(-damage.shift, damage.shift, 2) * dpi / 25.4
    corners = np.array([(-width, -height), (width, -height), (width, height), (-width, height)]) / 2 * scale
    matrix = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    corners = corners @ matrix + (out_width / 2, out_height / 2) + shift
    size, border = (out_width, out_height), damage.background
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    if damage.perspective:
        corners += rng.uniform(-damage.perspective, damage.perspective, (4, 2)) * width
        warp = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
        return cv2.warpPerspective(image, warp, size, borderValue=border)
    affine = cv2.getAffineTransform(source[:3], corners[:3].astype(np.float32))
    return cv2.warpAffine(image, affine, size, borderValue=border)


def _shadow(image: Image, depth: float, rng: np.random.Generator) -> Image:
    """A smooth darkening, as of a hand or a badly lit table."""
    coarse = rng.uniform(1 - depth, 1, (4, 3)).astype(np.float32)
    light = cv2.resize(coarse, image.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return cv2.multiply(image, light, dtype=cv2.CV_8U)
