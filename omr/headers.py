"""What the first bytes of a picture say, read without a decoder: a bomb is refused before anything is allocated.

The functions raise `ValueError` when the bytes are not what the format wants there, `IndexError` or `struct.error` when
they end too early: such a file must not reach a decoder, which might see in it what we did not.
"""

from __future__ import annotations

import struct
from mmap import mmap
from typing import NamedTuple

JPEG, PNG, TIFF, PDF, WEBP, BMP = "JPEG", "PNG", "TIFF", "PDF", "WebP", "BMP"
KINDS = (JPEG, PNG, TIFF, PDF, WEBP, BMP)

_SIGNATURES = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"BM": BMP,
}


def kind(head: bytes) -> str:
    """The format of a file by its first kilobyte, whatever its name says; "" when it is none of `KINDS`."""
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    return PDF if b"%PDF-" in head else ""  # readers of PDF accept a little rubbish before it


def size(data: bytes, name: str) -> tuple[int, int]:
    """(width, height) in pixels of a picture of format `name`, any but TIFF and PDF."""
    return {JPEG: _jpeg_size, PNG: _png_size, WEBP: _webp_size, BMP: _bmp_size}[name](data)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """From the first frame header (ITU T.81 §B.2.2), stepping over the segments before it."""
    at = 2
    while True:
        at = data.index(b"\xff", at)
        marker = data[at + 1]
        if marker in (0x00, 0xFF):  # not a marker; fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise ValueError("no IHDR chunk")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def png_has_alpha(data: bytes) -> bool:
    """Whether the pixels carry alpha (colour types 4 and 6)."""
    return data[25] in (4, 6)


def _webp_size(data: bytes) -> tuple[int, int]:
    """RFC 9649 §2.5–2.7: lossy, lossless and extended."""
    chunk = data[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    raise ValueError("no VP8 chunk")


def _bmp_size(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", data, 18)
    return width, abs(height)  # negative: stored from the top down


class TiffPage(NamedTuple):
    """One picture of a TIFF; width and height are 0 when the file ends before saying them."""

    offset: int  # of its directory
    width: int
    height: int


def tiff_order(data: mmap) -> str:
    """The byte order of a TIFF, as `struct` writes it."""
    return "<" if bytes(data[:2]) == b"II" else ">"


def tiff_pages(data: mmap, limit: int) -> list[TiffPage]:
    """The pages of a TIFF (TIFF 6.0 §2), thumbnails left out; at most `limit` + 1, so that the caller sees too many.

    When the file ends before its chain of directories does, the last page has no size.
    """
    order = tiff_order(data)
    pages: list[TiffPage] = []
    seen: set[int] = set()
    (offset,) = struct.unpack_from(order + "I", data, 4)
    while offset and offset not in seen and len(pages) <= limit:
        seen.add(offset)
        try:
            (entries,) = struct.unpack_from(order + "H", data, offset)
            after = offset + 2 + 12 * entries
            tags = dict(_tiff_entry(data, order, at) for at in range(offset + 2, after, 12))
            (following,) = struct.unpack_from(order + "I", data, after)
        except struct.error:
            tags, following = {}, 0
        if not tags.get(254, 0) & 1:  # NewSubfileType: a smaller version of another picture
            pages.append(TiffPage(offset, tags.get(256, 0), tags.get(257, 0)))
        offset = following
    return pages


def _tiff_entry(data: mmap, order: str, at: int) -> tuple[int, int]:
    """(tag, first value if it is a whole number that fits the entry, else 0)"""
    tag, form, _count = struct.unpack_from(order + "HHI", data, at)
    return tag, struct.unpack_from(order + {3: "H", 4: "I"}[form], data, at + 8)[0] if form in (3, 4) else 0
