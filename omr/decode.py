"""The bytes of a picture → a grey array, with square pixels and as it looks on white paper."""

from __future__ import annotations

import io
import re
import struct
from mmap import mmap

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image as Pillow

from omr import headers, limits, tiff
from omr.headers import JPEG, TIFF
from omr.limits import Unreadable, check_size

Image = npt.NDArray[np.uint8]

UNEQUAL = 0.01  # pixels whose sides differ by more are made square: a fax has 204 × 196 or 204 × 98 dpi
MOST_BYTES = 16  # of a pixel, in a TIFF

# What begins the tags of a JPEG, one of them its orientation, and how far in it may stand.
_EXIF = b"Exif\0\0"
_FIRST_SEGMENTS = 1 << 16
_ORIENTATION = 0x0112
# By orientation: whether the rows, the columns run backwards; from 5 on after they have changed places.
_FLIPPED = {
    2: (False, True), 3: (True, True), 4: (True, False),
    5: (False, False), 6: (False, True), 7: (True, True), 8: (True, False),
}  # fmt: skip

# What libjpeg says of bad data; some cameras leave a few bytes at the end that do no harm.
_CORRUPT = "Corrupt JPEG data"
_SPARE = re.compile("extraneous bytes before marker 0xd9")

# Decoders fill what is missing at the end of a JPEG with this grey.
_JPEG_FILL = 128
# The first and the last pixel of a side, and the block that it is in.
_ENDS = (0, slice(8)), (-1, slice(-8, None))

# Compressions and bits a sample that a TIFF of a scanner, fax or program may have and that can be decoded.
_COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946}
_BITS = {1, 4, 8, 16}


def picture(data: bytes, kind: str) -> Image:
    """The picture in a file of one picture, turned as its orientation tag says.

    Raises:
        Unreadable: it can't be had, or not all of it.
    """
    head = header(data, kind)
    image = (
        _upright(_jpeg(data), data) if kind == JPEG else _decoded(np.frombuffer(data, np.uint8), kind, alpha=head.alpha)
    )
    turned = image.shape == (head.width, head.height) != (head.height, head.width)
    return squared(image, 1 / head.aspect if turned else head.aspect)


def header(data: bytes, kind: str) -> headers.Header:
    """The header of a picture of a size that may be decoded.

    Raises:
        Unreadable: there is none, or the picture is too large.
    """
    try:
        head = headers.header(data, kind)
    except (IndexError, struct.error):
        raise Unreadable("truncated", f"the {kind} ends in its header") from None
    except ValueError:
        raise Unreadable("damaged", f"no size in the {kind} header") from None
    check_size(head.width, head.height)
    if head.bits != 8:
        raise Unreadable("not_an_image", f"JPEG with {head.bits} bits a sample; only 8 can be read")
    return head


def stored_jpeg(data: bytes) -> Image:
    """The pixels of a JPEG as they are stored, whatever it says of its orientation and resolution.

    Raises:
        Unreadable: it can't be had, or not all of it.
    """
    header(data, JPEG)
    return _jpeg(data)


def check_jpeg_end(data: bytes) -> None:
    """The last scan has an end. (A thumbnail in the header has an end of its own, but comes before the last scan.)

    Raises:
        Unreadable: it has none.
    """
    if not data.endswith(b"\xff\xd9") and data.rfind(b"\xff\xd9") <= data.rfind(b"\xff\xda"):
        raise Unreadable("truncated", "the JPEG ends before its end-of-image marker")


def tiff_page(data: bytearray | mmap, page: tiff.Page) -> Image:
    """A page of a TIFF, turned as its orientation tag says; the bytes are changed on the way.

    Raises:
        Unreadable: it can't be had.
    """
    if page.header is None:
        raise Unreadable("truncated", "the TIFF ends before the directory of this page")
    check_size(page.header.width, page.header.height)
    if page.tile:
        check_size(page.tile, 1)
    if page.bits * page.samples > 8 * MOST_BYTES:
        raise Unreadable("damaged", f"TIFF: {page.samples} samples of {page.bits} bits a pixel")
    if page.compression not in _COMPRESSIONS or page.bits not in _BITS:
        seen = f"TIFF with compression {page.compression} and {page.bits} bits a sample"
        raise Unreadable("not_an_image", f"{seen}, which can't be decoded")
    tiff.make_first(data, page)
    image = _decoded(np.frombuffer(data, np.uint8), TIFF, alpha=page.header.alpha)
    return squared(image, page.header.aspect)


def squared(image: Image, aspect: float) -> Image:
    """The picture with square pixels: the coarser axis gets as many pixels as the finer one, as far as they may be had.

    Args:
        aspect: width of a pixel by its height.
    """
    if abs(aspect - 1) <= UNEQUAL:
        return image
    height, width = image.shape
    wide, high = width * max(aspect, 1.0), height * max(1 / aspect, 1.0)
    scale = min(1.0, float(np.sqrt(limits.MAX_PIXELS / (wide * high))))
    size = max(1, int(wide * scale)), max(1, int(high * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _jpeg(data: bytes) -> Image:
    check_jpeg_end(data)
    try:  # OpenCV decodes damaged data without a word
        image = np.asarray(simplejpeg.decode_jpeg(data, colorspace="GRAY"))[:, :, 0]
    except ValueError as error:
        if _CORRUPT in str(error) and not _SPARE.search(str(error)):
            raise Unreadable("truncated" if "premature end" in str(error) else "damaged", str(error)) from None
        image = _imdecode(np.frombuffer(data, np.uint8), JPEG, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    # A file that was cut off or has lost a block may still have its end marker, but not its last pixels.
    if any(
        image[row, column] == _JPEG_FILL and (image[rows, columns] == _JPEG_FILL).all()
        for row, rows in _ENDS
        for column, columns in _ENDS
    ):
        raise Unreadable("truncated", "part of the JPEG is missing: it came out as plain grey")
    return image


def _upright(image: Image, data: bytes) -> Image:
    """A JPEG's pixels turned as its orientation tag says."""
    if _EXIF not in data[:_FIRST_SEGMENTS]:
        return image
    with Pillow.open(io.BytesIO(data)) as picture:
        orientation = picture.getexif().get(_ORIENTATION, 1)
    if orientation not in range(2, 9):
        return image
    image = image.T if orientation >= 5 else image
    rows, columns = _FLIPPED[orientation]
    return np.ascontiguousarray(image[:: -1 if rows else 1, :: -1 if columns else 1])


def _decoded(array: Image, kind: str, *, alpha: bool) -> Image:
    if not alpha:
        return _imdecode(array, kind, cv2.IMREAD_GRAYSCALE)
    image = _imdecode(array, kind, cv2.IMREAD_UNCHANGED)
    return _on_white(image) if image.ndim == 3 and image.shape[2] == 4 else _imdecode(array, kind, cv2.IMREAD_GRAYSCALE)


def _imdecode(array: Image, kind: str, flags: int) -> Image:
    try:
        image = cv2.imdecode(array, flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise Unreadable("too_large", f"no memory for the {kind}") from None
        raise Unreadable("damaged", f"{kind}: {error.err}") from None
    if image is None:
        raise Unreadable("damaged", f"the {kind} data end too early or make no sense")
    return np.asarray(image)


def _on_white(image: npt.NDArray[np.uint8 | np.uint16]) -> Image:
    """A picture with alpha (height, width, BGRA), as it looks on white paper."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_BGRA2GRAY).astype(np.uint16)
    alpha = image[..., 3].astype(np.uint16)
    return ((grey * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
