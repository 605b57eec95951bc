"""Pictures written by hand, byte by byte, as no library would: the odd, the rare and the wrong."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

SHORT, LONG, RATIONAL = 3, 4, 5
_CODES = {SHORT: "H", LONG: "I", RATIONAL: "I"}

Tags = dict[int, tuple[int, list[int]]]


def sheet(height: int = 240, width: int = 160) -> np.ndarray:
    """A picture of paper: noise, and a different dark shape near each corner, so that a wrong turn is seen."""
    rng = np.random.default_rng(5)
    paper = cv2.GaussianBlur(rng.integers(190, 250, (height, width)).astype(np.float32), (0, 0), 2).astype(np.uint8)
    paper[20:60, 20:40] = 30
    paper[20:40, 110:140] = 90
    paper[180:220, 20:30] = 10
    return paper


def encoded(picture: np.ndarray | Image.Image, form: str, **options: object) -> bytes:
    """A file of a format that Pillow writes."""
    target = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(target, form, **options)
    return target.getvalue()


# ---------------------------------------------------------------- TIFF


def tiff(*pages: tuple[Tags, list[bytes]], order: str = "<", big: bool = False) -> bytes:
    """A TIFF or BigTIFF of pages, each (tags without those that say where the pixels are, strips or tiles)."""
    offset, width = ("Q", 8) if big else ("I", 4)
    data = bytearray(b"II" if order == "<" else b"MM")
    data += struct.pack(order + "HHHQ", 43, 8, 0, 0) if big else struct.pack(order + "HI", 42, 0)
    link = 8 if big else 4
    for tags, blocks in pages:
        places = []
        for block in blocks:
            places.append(len(data))
            data += block
        tiled = 322 in tags
        where = {324 if tiled else 273: (LONG, places), 325 if tiled else 279: (LONG, [len(block) for block in blocks])}
        entries = b""
        for tag, (kind, values) in sorted((tags | where).items()):
            value = struct.pack(order + _CODES[kind] * len(values), *values)
            if len(value) > width:
                data += bytes(len(data) % 2)
                value, place = struct.pack(order + offset, len(data)), value
                data += place
            number = len(values) // (2 if kind == RATIONAL else 1)
            entries += struct.pack(order + "HH" + offset, tag, kind, number) + value.ljust(width, b"\0")
        data += bytes(len(data) % 2)
        struct.pack_into(order + offset, data, link, len(data))
        data += struct.pack(order + ("Q" if big else "H"), len(entries) // (12 + 8 * big)) + entries
        link = len(data)
        data += struct.pack(order + offset, 0)
    return bytes(data)


def tags(shape: tuple[int, int], bits: int = 8, samples: int = 1, **more: tuple[int, list[int]]) -> Tags:
    """The tags of an uncompressed picture, black is zero; more as t262=(kind, values)."""
    usual = {
        256: (LONG, [shape[1]]),
        257: (LONG, [shape[0]]),
        258: (SHORT, [bits] * samples),
        259: (SHORT, [1]),
        262: (SHORT, [2 if samples >= 3 else 1]),
        277: (SHORT, [samples]),
    }
    given = {int(name[1:]): value for name, value in more.items()}
    return usual | ({} if 322 in given else {278: (LONG, [shape[0]])}) | given


def tiled(picture: np.ndarray, side: int, **options: object) -> bytes:
    """A TIFF of one page in deflated square tiles; of a boolean picture, bilevel."""
    tiles = []
    for y in range(0, picture.shape[0], side):
        for x in range(0, picture.shape[1], side):
            part = picture[y : y + side, x : x + side]
            tile = np.zeros((side, side), picture.dtype)
            tile[: part.shape[0], : part.shape[1]] = part
            tiles.append(zlib.compress((np.packbits(tile, axis=1) if tile.dtype == bool else tile).tobytes()))
    bits = 1 if picture.dtype == bool else 8
    about = tags(picture.shape, bits, t259=(SHORT, [8]), t322=(SHORT, [side]), t323=(SHORT, [side]))
    return tiff((about, tiles), **options)


def group4(bilevel: np.ndarray) -> bytes:
    """The ITU-T T.6 code of a boolean picture, True for white."""
    data = encoded(Image.fromarray(bilevel), "TIFF", compression="group4", tiffinfo={262: 0, 278: len(bilevel)})
    found = Image.open(io.BytesIO(data)).tag_v2
    return data[found[273][0] : found[273][0] + found[279][0]]


# ---------------------------------------------------------------- PNG


def png(rows: bytes, width: int, height: int, depth: int, colour: int, interlaced: bool = False) -> bytes:
    """A PNG of rows with their filter bytes."""
    about = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    body = png_chunk(b"IHDR", about) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_chunk(name: bytes, body: bytes) -> bytes:
    """A chunk with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def interlaced_png(picture: np.ndarray) -> bytes:
    """A grey PNG in seven passes (Adam7)."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = (row for x, y, across, down in passes for row in picture[y::down, x::across])
    return png(b"".join(b"\0" + row.tobytes() for row in rows), *picture.shape[::-1], 8, 0, True)


# ---------------------------------------------------------------- PDF


def pdf_file(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of objects, the first of them the catalogue."""
    data, offsets = b"%PDF-1.5\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def pdf_stream(about: bytes, data: bytes) -> bytes:
    """A stream object."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (about, len(data), data)


def pdf_picture(
    data: bytes,
    shape: tuple[int, int],
    filter_: bytes = b"FlateDecode",
    bits: int = 8,
    colours: bytes = b"/DeviceGray",
    more: bytes = b"",
) -> bytes:
    """A picture object."""
    about = b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent %d" % (*shape[::-1], bits)
    return pdf_stream(b"%s /ColorSpace %s /Filter /%s %s" % (about, colours, filter_, more), data)


def pdf_page(
    content: bytes,
    box: tuple[float, float, float, float],
    pictures: list[bytes] = (),
    more: bytes = b"",
    trailer: bytes = b"",
) -> bytes:
    """A PDF of one page; its pictures are named /I0, /I1, …, a font /F."""
    names = b" ".join(b"/I%d %d 0 R" % (n, 5 + n) for n in range(len(pictures)))
    font = b"/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    return pdf_file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [%g %g %g %g] /Contents 4 0 R" % box
            + b" /Resources << /XObject << %s >> %s >> %s >>" % (names, font, more),
            pdf_stream(b"", content),
            *pictures,
        ],
        trailer,
    )


def jbig2(bilevel: np.ndarray) -> bytes:
    """The embedded JBIG2 stream of a boolean picture, True for white: one generic region coded as T.6 (ITU-T T.88)."""
    height, width = bilevel.shape

    def segment(number: int, kind: int, data: bytes) -> bytes:
        return struct.pack(">IBBBI", number, kind, 0, 1, len(data)) + data

    page = struct.pack(">IIIIBH", width, height, 0, 0, 0, 0)
    region = struct.pack(">IIIIB", width, height, 0, 0, 0) + b"\1" + group4(bilevel)
    return segment(0, 48, page) + segment(1, 38, region)
