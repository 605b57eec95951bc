"""What the first bytes of a picture say, read without a decoder: a bomb is refused before anything is allocated.

The functions raise `ValueError` when the bytes are not what the format wants there, `IndexError` or `struct.error` when
they end too early: such a file must not reach a decoder, which might see in it what we did not.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

JPEG, PNG, TIFF, PDF, WEBP, BMP, ZIP = "JPEG", "PNG", "TIFF", "PDF", "WebP", "BMP", "ZIP"
PICTURES = (JPEG, PNG, TIFF, PDF, WEBP, BMP)

_SIGNATURES = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"II+\0": TIFF,  # BigTIFF
    b"MM\0+": TIFF,
    b"PK\3\4": ZIP,
    b"PK\5\6": ZIP,  # an empty one
}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # lengths there are


class Header(NamedTuple):
    """What is to be known of a picture before it is decoded."""

    width: int
    height: int
    aspect: float = 1.0  # width of a pixel by its height
    alpha: bool = False
    bits: int = 8  # a sample; only of a JPEG


def kind(head: bytes) -> str:
    """The format of a file by its first kilobyte, whatever its name says; "" when it is none of ours."""
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return BMP
    return PDF if b"%PDF-" in head else ""  # readers of PDF accept a little rubbish before it


def header(data: bytes, name: str) -> Header:
    """The header of a picture of format `name`, any but TIFF and PDF."""
    return {JPEG: _jpeg, PNG: _png, WEBP: _webp, BMP: _bmp}[name](data)


def aspect(across: float, down: float) -> float:
    """Width by height of a pixel from pixels per unit of length; 1 when they say nothing, or nothing sensible."""
    return down / across if across > 0 and down > 0 and 1 / 4 <= down / across <= 4 else 1.0


def _jpeg(data: bytes) -> Header:
    """From the first frame header (ITU T.81 §B.2.2), stepping over the segments before it; aspect from JFIF §10.2."""
    at, ratio = 2, 1.0
    while True:
        at = data.index(b"\xff", at)
        marker = data[at + 1]
        if marker in (0x00, 0xFF):  # not a marker; fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width = struct.unpack_from(">BHH", data, at + 4)
            return Header(width, height, ratio, bits=bits)
        if marker == 0xE0 and data[at + 4 : at + 9] == b"JFIF\0":
            ratio = aspect(*struct.unpack_from(">HH", data, at + 12))
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _png(data: bytes) -> Header:
    """From IHDR; pHYs and tRNS, if any, come before the pixels (RFC 2083 §4)."""
    if data[12:16] != b"IHDR":
        raise ValueError("no IHDR chunk")
    width, height = struct.unpack_from(">II", data, 16)
    ratio, alpha, at = 1.0, data[25] in (4, 6), 33
    while (name := data[at + 4 : at + 8]).isalpha() and name != b"IDAT":
        if name == b"pHYs":
            ratio = aspect(*struct.unpack_from(">II", data, at + 8))
        alpha |= name == b"tRNS"
        at += 12 + struct.unpack_from(">I", data, at)[0]
    return Header(width, height, ratio, alpha)


def _webp(data: bytes) -> Header:
    """RFC 9649 §2.5–2.7: lossy, lossless and extended."""
    chunk = data[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header(width & 0x3FFF, height & 0x3FFF)
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, alpha=bool(bits >> 28 & 1))
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return Header(width, height, alpha=bool(data[20] & 0x10))
    raise ValueError("no VP8 chunk")


def _bmp(data: bytes) -> Header:
    (length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", data, 18)
    ratio = aspect(*struct.unpack_from("<ii", data, 38)) if length >= 40 else 1.0
    return Header(width, abs(height), ratio)  # negative: stored from the top down
