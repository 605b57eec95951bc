"""The bar code or QR code that says whose sheet it is."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import zxingcpp

from omr.placement import Placement

# What sheets and stickers carry. Formats without a check digit that find themselves in any stripes are not among them.
FORMATS = zxingcpp.barcode_formats_from_str("Code128,Code39,QRCode")

# How far to look around the printed area, as shares of its width and height, and whether for sideways codes too:
# a printed code is where it should be, a sticker is seldom put on straight.
MARGIN = 0.05
LOOKS = ((MARGIN, False), (0.4, True))

# A strip across a code of bars has all of it; three tell whether a sticker and a printed code differ.
STRIPS = 3

# A line of dust through a code makes another of it, that may pass its check: what is read without such lines, where
# that can be read, must be the same. But without them thin bars may be gone, too: what is read only there is to be
# trusted where a printed code should be, not where codes are looked for at any angle. In layout units, thinner than a
# bar.
STREAK = 0.4


def read_barcode(image: np.ndarray, placement: Placement) -> str:
    """The text of the code in the page's bar code area; "" if there is none, or if there are two that differ."""
    if placement.page.barcode is None:
        return ""
    in_strips = [text for code in _in_strips(image, placement) if (text := code.text.strip())]
    if len(in_strips) > 1 and len(set(in_strips)) == 1:  # one alone may be misread, in spite of its check digit
        return in_strips[0]
    for margin, sideways in LOOKS:
        cut = _upright(image, placement, margin)
        streak = np.ones((1, max(2, round(STREAK * placement.scale))), np.uint8)
        texts, without_lines = (
            {
                code.text.strip()
                for code in zxingcpp.read_barcodes(
                    picture, formats=FORMATS, try_rotate=sideways, try_downscale=sideways, try_invert=False
                )
            }
            - {""}
            for picture in (cut, cv2.morphologyEx(cut, cv2.MORPH_CLOSE, streak))
        )
        if texts or not sideways:
            texts |= without_lines
        if texts:
            return texts.pop() if len(texts) == 1 else ""
    return ""


def _in_strips(image: np.ndarray, placement: Placement) -> list[zxingcpp.Barcode]:
    """The codes of bars found in a few strips across the area, as they lie on the image: mostly all there is to do."""
    if placement.rotation % 180:
        return []
    area = placement.page.barcode
    assert area is not None
    corners = placement.points(
        [(area.x + i * area.width, area.y + j * area.height) for i in (-MARGIN, 1 + MARGIN) for j in (0, 1)]
    )
    height, width = image.shape
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    left, right = (round(min(max(x, 0), width)) for x in (left, right))
    top, bottom = (round(min(max(y, 0), height)) for y in (top, bottom))
    edges = [top + (bottom - top) * strip // STRIPS for strip in range(STRIPS + 1)]
    found = [
        zxingcpp.read_barcode(
            image[upper:lower, left:right], formats=FORMATS, try_rotate=False, try_downscale=False, try_invert=False
        )
        for upper, lower in pairwise(edges)
        if lower > upper and right > left
    ]
    return [code for code in found if code is not None]


def _upright(image: np.ndarray, placement: Placement, margin: float) -> np.ndarray:
    """The area with a margin around it, cut out upright at the resolution of the scan."""
    area = placement.page.barcode
    assert area is not None
    left, top = area.x - margin * area.width, area.y - margin * area.height
    right, bottom = area.x + (1 + margin) * area.width, area.y + (1 + margin) * area.height
    corners = placement.points([(left, top), (right, top), (right, bottom), (left, bottom)])
    width, height = (round(length * placement.scale) for length in (right - left, bottom - top))
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    warp = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    return cv2.warpPerspective(image, warp, (width, height), borderValue=255)
