"""Smaller pictures, fast: OpenCV averages 2 × 2 pixels many times faster than any other ratio."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


def halvings(ratio: float) -> int:
    """How often a picture may be halved to keep at least one pixel where `ratio` would leave one."""
    return max(0, int(np.log2(max(ratio, 1))))


def halved(image: Image, times: int) -> Image:
    """The picture halved `times` times; a last odd row or column is dropped."""
    for _ in range(times):
        height, width = (side // 2 for side in image.shape)
        even = image[: 2 * height, : 2 * width]
        image = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return image
