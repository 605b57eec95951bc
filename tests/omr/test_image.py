"""Files → pages: every format gives the same pixels, and every hostile file gives a reason, never half a page."""

from __future__ import annotations

import io
import itertools
import os
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_files import (
    LONG,
    SHORT,
    encoded,
    group4,
    interlaced_png,
    jbig2,
    pdf_file,
    pdf_page,
    pdf_picture,
    pdf_stream,
    png,
    sheet,
    tags,
    tiff,
    tiled,
)
from PIL import Image

from engine.errors import InputError
from omr import archive as archive_file
from omr import headers, image, limits
from omr import pdf as pdf_pages
from omr.image import Unreadable
from omr.parts import plan

FORMATS = {
    ".jpg": ("JPEG", {"quality": 90}),
    ".jpeg": ("JPEG", {"progressive": True}),
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "jpeg"}),
    ".pdf": ("PDF", {"resolution": 100}),
}


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def reason(path: Path, page: int = 0) -> str:
    with pytest.raises(Unreadable) as caught:
        image.count(path)
        image.load(path, page)
    assert caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_page(tmp_path: Path, suffix: str) -> None:
    form, options = FORMATS[suffix]
    path = put(tmp_path, "scan" + suffix, encoded(sheet(), form, **options))
    (page,) = image.pages(path)
    assert page.dtype == np.uint8 and page.shape == (240, 160) and page.flags.c_contiguous
    assert np.abs(page.astype(int) - sheet()).mean() < 4
    assert page[40, 30] < 60 and abs(int(page[30, 125]) - 90) < 25 and page[200, 25] < 60


def test_content_counts_not_the_name(tmp_path: Path) -> None:
    path = put(tmp_path, "scan.jpg", encoded(sheet(), "PNG"))
    assert (image.load(path) == sheet()).all()


@pytest.mark.parametrize(
    ("form", "mode", "exact"),
    [("PNG", "P", 2), ("PNG", "1", 0), ("PNG", "RGB", 0), ("PNG", "LA", 0), ("PNG", "RGBA", 0)],
)
def test_kinds_of_pixels(tmp_path: Path, form: str, mode: str, exact: int) -> None:
    source = Image.fromarray(sheet()).convert(mode)
    page = image.load(put(tmp_path, "scan.png", encoded(source, form)))
    assert np.abs(page.astype(int) - np.asarray(source.convert("L"))).max() <= exact


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits(tmp_path: Path, form: str) -> None:
    page = image.load(put(tmp_path, "scan", encoded(sheet().astype(np.uint16) * 257, form)))
    assert np.abs(page.astype(int) - sheet()).max() <= 1


WHITE = sheet() > 128
BILEVEL = np.where(WHITE, 255, 0)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw", None])
@pytest.mark.parametrize("white_is_zero", [True, False])
def test_bilevel_tiff(tmp_path: Path, compression: str | None, white_is_zero: bool) -> None:
    bilevel = Image.fromarray(WHITE)
    info = {262: 0 if white_is_zero else 1}
    page = image.load(put(tmp_path, "fax.tif", encoded(bilevel, "TIFF", compression=compression, tiffinfo=info)))
    assert (page == BILEVEL).all()


RGB = np.dstack([sheet(), np.full_like(sheet(), 128), 255 - sheet()])
GREY = np.asarray(Image.fromarray(RGB).convert("L"))
REVERSED = np.array([int(f"{n:08b}"[::-1], 2) for n in range(256)], np.uint8)
S16 = sheet().astype(np.uint16) * 257
SHAPE = (240, 160)

# What was stored, and what is to be seen.
TIFFS = {
    "little-endian": (tiff((tags(SHAPE), [sheet().tobytes()])), sheet()),
    "big-endian": (tiff((tags(SHAPE), [sheet().tobytes()]), order=">"), sheet()),
    "BigTIFF": (tiff((tags(SHAPE), [sheet().tobytes()]), big=True), sheet()),
    "big-endian BigTIFF": (tiff((tags(SHAPE), [sheet().tobytes()]), big=True, order=">"), sheet()),
    "strips": (
        tiff((tags(SHAPE, t278=(LONG, [50])), [sheet()[y : y + 50].tobytes() for y in range(0, 240, 50)])),
        sheet(),
    ),
    "tiled": (tiled(sheet(), 64), sheet()),
    "tiled BigTIFF": (tiled(sheet(), 48, big=True, order=">"), sheet()),
    "tiled bilevel": (tiled(WHITE, 64), BILEVEL),
    "white is zero": (tiff((tags(SHAPE, t262=(SHORT, [0])), [(255 - sheet()).tobytes()])), sheet()),
    "16 bits": (tiff((tags(SHAPE, 16), [S16.astype("<u2").tobytes()])), sheet()),
    "16 bits big-endian": (tiff((tags(SHAPE, 16), [S16.astype(">u2").tobytes()]), order=">"), sheet()),
    "16 bits white is zero": (
        tiff((tags(SHAPE, 16, t262=(SHORT, [0])), [(65535 - S16).astype("<u2").tobytes()])),
        sheet(),
    ),
    "colour": (tiff((tags(SHAPE, 8, 3), [RGB.tobytes()])), GREY),
    "colour 16 bits": (tiff((tags(SHAPE, 16, 3), [(RGB.astype("<u2") * 257).tobytes()])), GREY),
    "colour in planes": (tiff((tags(SHAPE, 8, 3, t284=(SHORT, [2])), [RGB[..., n].tobytes() for n in range(3)])), GREY),
    "palette of 16": (
        tiff(
            (
                tags(SHAPE, 4, t262=(SHORT, [3]), t320=(SHORT, [n * 4369 for n in range(16)] * 3)),
                [(sheet()[:, ::2] >> 4 << 4 | sheet()[:, 1::2] >> 4).tobytes()],
            )
        ),
        (sheet() >> 4) * 17,
    ),
    "fill order 2": (
        tiff((tags(SHAPE, 1, t266=(SHORT, [2])), [REVERSED[np.packbits(WHITE, axis=1)].tobytes()])),
        BILEVEL,
    ),
    "group 4, fill order 2": (
        tiff(
            (
                tags(SHAPE, 1, t259=(SHORT, [4]), t262=(SHORT, [0]), t266=(SHORT, [2])),
                [REVERSED[np.frombuffer(group4(WHITE), np.uint8)].tobytes()],
            )
        ),
        BILEVEL,
    ),
}


@pytest.mark.parametrize("name", TIFFS)
def test_kinds_of_tiff(tmp_path: Path, name: str) -> None:
    data, seen = TIFFS[name]
    path = put(tmp_path, "scan.tif", data)
    assert image.count(path) == 1
    assert np.abs(image.load(path).astype(int) - seen).max() <= 1


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_compressed_tiff(tmp_path: Path, compression: str, mode: str) -> None:
    source = Image.fromarray(sheet())
    source = source.convert("RGB").convert(mode) if mode == "CMYK" else source.convert(mode)
    page = image.load(put(tmp_path, "scan.tif", encoded(source, "TIFF", compression=compression)))
    assert np.abs(page.astype(int) - sheet()).mean() < (1 if compression == "jpeg" else 0.1)


@pytest.mark.parametrize("bits", [2, 12, 32])
def test_tiff_of_other_depth_is_named(tmp_path: Path, bits: int) -> None:
    assert reason(put(tmp_path, "a.tif", tiff((tags((8, 8), bits), [bytes(8 * bits)])))) == "not_an_image"
    assert reason(put(tmp_path, "b.tif", tiff((tags((8, 8), t259=(SHORT, [50000])), [bytes(64)])))) == "not_an_image"


def test_pages_of_a_bigtiff(tmp_path: Path) -> None:
    pages = [(tags((9 + n, 8)), [bytes([60 * n]) * 8 * (9 + n)]) for n in range(4)]
    for order in "<>":
        path = put(tmp_path, "many.tif", tiff(*pages, big=True, order=order))
        assert [(page.shape, page.mean()) for page in image.pages(path)] == [((9 + n, 8), 60 * n) for n in range(4)]


@pytest.mark.parametrize("mode", ["CMYK", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_kinds_of_jpeg(tmp_path: Path, mode: str, progressive: bool) -> None:
    source = Image.fromarray(sheet()).convert("RGB").convert(mode)
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        data = encoded(source, "JPEG", quality=95, progressive=progressive, subsampling=sampling)
        assert np.abs(image.load(put(tmp_path, "a.jpg", data)).astype(int) - sheet()).mean() < 2


@pytest.mark.parametrize("factor", ["411", "440", "422"])
def test_odd_sampling(tmp_path: Path, factor: str) -> None:
    sampling = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{factor}")
    data = cv2.imencode(
        ".jpg", RGB[..., ::-1], [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling, cv2.IMWRITE_JPEG_QUALITY, 95]
    )[1]
    assert np.abs(image.load(put(tmp_path, "a.jpg", data.tobytes())).astype(int) - GREY).mean() < 1


def test_twelve_bit_jpeg_is_named(tmp_path: Path) -> None:
    data = bytearray(encoded(sheet(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    assert reason(put(tmp_path, "a.jpg", bytes(data))) == "not_an_image"


def test_interlaced_png(tmp_path: Path) -> None:
    assert (image.load(put(tmp_path, "a.png", interlaced_png(sheet()))) == sheet()).all()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_greys_in_png(tmp_path: Path, bits: int) -> None:
    greys, number = sheet() >> (8 - bits), 8 // bits
    packed = sum(greys[:, n::number].astype(int) << (8 - bits * (n + 1)) for n in range(number)).astype(np.uint8)
    data = png(b"".join(b"\0" + row.tobytes() for row in packed), 160, 240, bits, 0)
    assert (image.load(put(tmp_path, "a.png", data)) == greys * (255 // (2**bits - 1))).all()


@pytest.mark.parametrize("mode", ["1", "P", "L", "RGB", "RGBA"])
def test_kinds_of_bmp(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(sheet()).convert(mode)
    page = image.load(put(tmp_path, "a.bmp", encoded(source, "BMP")))
    assert np.abs(page.astype(int) - np.asarray(source.convert("L"))).max() <= 1


def test_bmp_from_the_top_down(tmp_path: Path) -> None:
    data = bytearray(encoded(sheet(), "BMP"))
    (start,) = struct.unpack_from("<I", data, 10)
    struct.pack_into("<i", data, 22, -240)
    data[start:] = sheet().tobytes()
    assert (image.load(put(tmp_path, "a.bmp", bytes(data))) == sheet()).all()


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True}), ("WEBP", {})],
)
def test_transparent_is_paper(tmp_path: Path, form: str, options: dict) -> None:
    """A form saved without its background: the colour under full transparency is often black."""
    ink = np.zeros((240, 160, 4), np.uint8)
    ink[20:60, 20:40, 3] = 255
    page = image.load(put(tmp_path, "scan", encoded(ink, form, **options)))
    assert page[30, 30] == 0 and page[100, 100] == 255


def test_transparent_colour_of_a_palette_is_paper(tmp_path: Path) -> None:
    ink = Image.fromarray(np.uint8(~WHITE), "P")
    ink.putpalette([0] * 6)
    assert (image.load(put(tmp_path, "a.png", encoded(ink, "PNG", transparency=0))) == BILEVEL).all()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF"])
def test_fax_pixels_are_made_square(tmp_path: Path, form: str) -> None:
    """Half the rows, and the file says so: 200 × 100 dpi."""
    page = image.load(put(tmp_path, "fax", encoded(sheet()[::2], form, dpi=(200, 100))))
    assert page.shape == (240, 160) and np.abs(page.astype(int) - sheet()).mean() < 2
    page = image.load(put(tmp_path, "fax", encoded(sheet()[:, ::2], form, dpi=(100, 200))))
    assert page.shape == (240, 160) and np.abs(page.astype(int) - sheet()).mean() < 2


def test_real_fax(tmp_path: Path) -> None:
    for dpi, height in ((98, 499), (196, 249), (391, 240)):
        fax = encoded(Image.fromarray(WHITE), "TIFF", compression="group3", dpi=(204, dpi))
        assert image.load(put(tmp_path, "fax.tif", fax)).shape == (height, 160 if dpi < 300 else 306)


def test_nonsense_about_resolution_is_ignored(tmp_path: Path) -> None:
    for dpi in ((0, 300), (1, 300), (300, 1)):
        assert image.load(put(tmp_path, "a.bmp", encoded(sheet(), "BMP", dpi=dpi))).shape == SHAPE
        assert image.load(put(tmp_path, "a.tif", encoded(sheet(), "TIFF", dpi=dpi))).shape == SHAPE


def test_turned_fax(tmp_path: Path) -> None:
    """The resolution is that of the pixels as they are stored."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(sheet()))[:, ::2]
    page = image.load(put(tmp_path, "a.jpg", encoded(stored, "JPEG", dpi=(100, 200), exif=exif, quality=95)))
    assert page.shape == SHAPE and np.abs(page.astype(int) - sheet()).mean() < 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_tag(tmp_path: Path, form: str, orientation: int) -> None:
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.T,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(undo[orientation](sheet()))
    page = image.load(put(tmp_path, "photo", encoded(stored, form, exif=exif)))
    assert page.shape == (240, 160)
    assert np.abs(page.astype(int) - sheet()).mean() < 5


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_pdf_page(tmp_path: Path, turn: int) -> None:
    """/Rotate turns the page clockwise when it is shown; the JPEG in it is not turned."""
    import pypdfium2 as pdfium

    document = pdfium.PdfDocument(encoded(sheet(), "PDF", resolution=100))
    document[0].set_rotation(turn)
    document.save(tmp_path / "turned.pdf")
    page = image.load(tmp_path / "turned.pdf")
    assert np.abs(page.astype(int) - np.rot90(sheet(), -turn // 90)).mean() < 4


SIZE = (72 * 1.6, 72 * 2.4)  # points of a sheet at 100 dpi
BOX = (0, 0, *SIZE)
FULL = b"q %g 0 0 %g 0 0 cm /I0 Do Q" % SIZE
FLATE = pdf_picture(zlib.compress(sheet().tobytes()), SHAPE)
DCT = pdf_picture(encoded(sheet(), "JPEG", quality=95), SHAPE, b"DCTDecode")
FAX = b"/DecodeParms << /K -1 /Columns 160 /Rows 240 >>"
PDF_PICTURES = {
    "Flate": (FLATE, sheet()),
    "DCT": (DCT, sheet()),
    "DCT colour": (
        pdf_picture(encoded(Image.fromarray(RGB), "JPEG", quality=95), SHAPE, b"DCTDecode", colours=b"/DeviceRGB"),
        GREY,
    ),
    "Flate colour": (pdf_picture(zlib.compress(RGB.tobytes()), SHAPE, colours=b"/DeviceRGB"), GREY),
    "palette": (
        pdf_picture(
            zlib.compress((255 - sheet()).tobytes()),
            SHAPE,
            colours=b"[/Indexed /DeviceGray 255 <%s>]" % bytes(range(255, -1, -1)).hex().encode(),
        ),
        sheet(),
    ),
    "bilevel": (pdf_picture(zlib.compress(np.packbits(WHITE, axis=1).tobytes()), SHAPE, bits=1), BILEVEL),
    "group 4": (pdf_picture(group4(WHITE), SHAPE, b"CCITTFaxDecode", 1, more=FAX), BILEVEL),
    "JBIG2": (pdf_picture(jbig2(WHITE), SHAPE, b"JBIG2Decode", 1), BILEVEL),
    "JPEG 2000": (pdf_picture(encoded(sheet(), "JPEG2000"), SHAPE, b"JPXDecode"), sheet()),
}


@pytest.fixture
def not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_pages, "_drawn", no_decoder)


@pytest.mark.parametrize("name", PDF_PICTURES)
def test_scanned_pdf_page_gives_its_own_pixels(tmp_path: Path, name: str, not_drawn: None) -> None:
    picture, seen = PDF_PICTURES[name]
    page = image.load(put(tmp_path, "scan.pdf", pdf_page(FULL, BOX, [picture])))
    assert page.shape == SHAPE and np.abs(page.astype(int) - seen).mean() < 0.5


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("matrix", range(8))
def test_pdf_picture_placed_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, matrix: int, turn: int) -> None:
    """Taken out, it looks as when PDFium draws the page: eight ways to lay it on the page, four to turn the page."""
    w, h = SIZE
    ways = [(w, 0, 0, h, 0, 0), (-w, 0, 0, h, w, 0), (w, 0, 0, -h, 0, h), (-w, 0, 0, -h, w, h)]
    ways += [(0, w, -h, 0, h, 0), (0, -w, h, 0, 0, w), (0, w, h, 0, 0, 0), (0, -w, -h, 0, h, w)]
    box = (-50, -70, w - 50, h - 70) if matrix < 4 else (-50, -70, h - 50, w - 70)
    a, b, c, d, e, f = ways[matrix]
    content = b"q %g %g %g %g %g %g cm /I0 Do Q" % (a, b, c, d, e - 50, f - 70)
    crop = b"/CropBox [%g %g %g %g] /Rotate %d" % (box[0] + 0.2 * w, box[1] + 0.1 * h, box[2], box[3], turn)
    for more in (b"/Rotate %d" % turn, crop):
        path = put(tmp_path, "scan.pdf", pdf_page(content, box, [FLATE], more))
        with monkeypatch.context() as changed:
            changed.setattr(pdf_pages, "_drawn", no_decoder)
            page = image.load(path)
        with monkeypatch.context() as changed:
            changed.setattr(pdf_pages._Placed, "on", lambda *_: None)
            drawn = image.load(path)
        assert all(abs(one - two) <= 1 for one, two in zip(page.shape, drawn.shape, strict=True))
        drawn = cv2.resize(drawn, page.shape[::-1])
        assert np.abs(cv2.blur(page, (5, 5)).astype(int) - cv2.blur(drawn, (5, 5))).mean() < 3


def test_recognised_text_behind_a_scan_is_not_seen(tmp_path: Path, not_drawn: None) -> None:
    hidden = FULL + b" BT /F 12 Tf 3 Tr 10 10 Td (hidden) Tj ET"
    assert (image.load(put(tmp_path, "scan.pdf", pdf_page(hidden, BOX, [FLATE]))) == sheet()).all()


def test_what_is_printed_over_a_scan_is_seen(tmp_path: Path) -> None:
    page = image.load(put(tmp_path, "scan.pdf", pdf_page(FULL + b" 0 g 50 50 40 40 re f", BOX, [FLATE])))
    assert page.shape in {(480, 320), (481, 320), (480, 321)} and page[480 - 195, 195] == 0


def test_scan_in_strips(tmp_path: Path) -> None:
    w, h = SIZE
    strips = [pdf_picture(zlib.compress(half.tobytes()), (120, 160)) for half in (sheet()[:120], sheet()[120:])]
    content = b"q %g 0 0 %g 0 %g cm /I0 Do Q q %g 0 0 %g 0 0 cm /I1 Do Q" % (w, h / 2, h / 2, w, h / 2)
    page = image.load(put(tmp_path, "scan.pdf", pdf_page(content, BOX, strips)))
    assert np.abs(cv2.resize(page, (160, 240)).astype(int) - sheet()).mean() < 4


@pytest.mark.parametrize(
    "picture",
    [
        pdf_picture(encoded(255 - sheet(), "JPEG", quality=95), SHAPE, b"DCTDecode", more=b"/Decode [1 0]"),
        pdf_picture(zlib.compress(np.zeros(SHAPE, np.uint8).tobytes()), SHAPE, more=b"/SMask 6 0 R"),
        pdf_stream(
            b"/Type /XObject /Subtype /Image /Width 160 /Height 240 /ImageMask true /BitsPerComponent 1"
            b" /Filter /CCITTFaxDecode " + FAX,
            group4(WHITE),
        ),
    ],
    ids=["greys turned round", "masked", "stencil"],
)
def test_pictures_that_are_not_what_is_shown(tmp_path: Path, picture: bytes) -> None:
    mask = pdf_picture(zlib.compress((255 - sheet()).tobytes()), SHAPE)
    page = image.load(put(tmp_path, "scan.pdf", pdf_page(FULL, BOX, [picture, mask])))
    assert abs(page.mean() - sheet().mean()) < 40 and page[30, 30] < 60 and page[100, 100] > 180


def test_fax_in_pdf_is_made_square(tmp_path: Path) -> None:
    picture = pdf_picture(zlib.compress(sheet()[::2].tobytes()), (120, 160))
    page = image.load(put(tmp_path, "fax.pdf", pdf_page(FULL, BOX, [picture])))
    assert page.shape == SHAPE and np.abs(page.astype(int) - sheet()).mean() < 1


def test_orientation_tag_in_a_pdf_does_not_count(tmp_path: Path) -> None:
    """No program that shows PDFs looks at it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = pdf_picture(encoded(sheet(), "JPEG", exif=exif, quality=95), SHAPE, b"DCTDecode")
    page = image.load(put(tmp_path, "scan.pdf", pdf_page(FULL, BOX, [picture])))
    assert page.shape == SHAPE and np.abs(page.astype(int) - sheet()).mean() < 1


def test_drawn_pdf_page(tmp_path: Path) -> None:
    """A page of lines, no picture: drawn at 200 dpi."""
    content = b"0 g 36 36 72 72 re f"
    page = image.load(put(tmp_path, "drawn.pdf", pdf(content, box=(200, 400))))
    assert page.shape == (round(400 * 200 / 72), round(200 * 200 / 72) + 1) or page.shape[0] in range(1111, 1113)
    assert page[-150, 150] == 0 and page[100, 100] == 255


def test_huge_pdf_page_is_drawn_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PIXELS", 1_000_000)
    page = image.load(put(tmp_path, "plan.pdf", pdf(b"", box=(14_400, 14_400))))
    assert 900_000 < page.size < 1_010_000


def pdf(content: bytes, box: tuple[int, int], trailer: bytes = b"") -> bytes:
    """A PDF of one page without pictures."""
    return pdf_page(content, (0, 0, *box), trailer=trailer)


def many(form: str, number: int = 5, **options: object) -> bytes:
    frames = [Image.fromarray(np.full((100 + n, 80), 40 * n, np.uint8)) for n in range(number)]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)


@pytest.mark.parametrize("form", ["TIFF", "PDF"])
def test_pages_in_order(tmp_path: Path, form: str) -> None:
    path = put(tmp_path, "batch", many(form, resolution=72))
    assert image.count(path) == 5
    assert [page.shape for page in image.pages(path)] == [(100 + n, 80) for n in range(5)]
    assert [round(page.mean(), -1) for page in image.pages(path)] == [0, 40, 80, 120, 160]
    assert image.load(path, 3).shape == (103, 80)


def test_tiff_thumbnail_is_no_page(tmp_path: Path) -> None:
    frames = [Image.fromarray(sheet()), Image.fromarray(sheet()[::8, ::8])]
    frames[1].encoderinfo = {"tiffinfo": {254: 1}}
    path = put(tmp_path, "scan.tif", encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    data = bytearray(path.read_bytes())
    if image.count(path) == 2:  # the writer gave the second picture no tag of its own: put it in by hand
        pages = image._directory(path)
        (entries,) = struct.unpack_from("<H", data, pages[1].offset)
        assert struct.unpack_from("<H", data, pages[1].offset + 2)[0] in (254, 256), entries
        if struct.unpack_from("<H", data, pages[1].offset + 2)[0] == 254:
            struct.pack_into("<I", data, pages[1].offset + 10, 1)
        path.write_bytes(data)
    assert [page.shape for page in image.pages(path)] == [(240, 160)]


# ---------------------------------------------------------------- hostile files


def test_text_named_jpg(tmp_path: Path) -> None:
    path = put(tmp_path, "scan.jpg", "姓名,分数\n张三,90\n".encode())
    assert reason(path) == "not_an_image"
    assert reason(put(tmp_path, "b.jpg", b"hello")) == "not_an_image"


def test_empty_file(tmp_path: Path) -> None:
    assert reason(put(tmp_path, "scan.jpg", b"")) == "empty"


def test_missing_file(tmp_path: Path) -> None:
    assert reason(tmp_path / "gone.jpg") == "unreadable"
    (tmp_path / "folder.jpg").mkdir()
    assert reason(tmp_path / "folder.jpg") == "unreadable"


def test_jpeg_cut_off(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "camera"
    for options in ({}, {"progressive": True}, {"exif": exif}):
        whole = encoded(sheet(), "JPEG", **options)
        for kept in (300, len(whole) // 2, len(whole) * 3 // 4, len(whole) - 1):
            assert reason(put(tmp_path, "scan.jpg", whole[:kept])) == "truncated"


def test_jpeg_cut_off_with_whole_thumbnail(tmp_path: Path) -> None:
    """The thumbnail's end marker is not the page's."""
    thumbnail = encoded(sheet(24, 16), "JPEG")
    whole = encoded(sheet(), "JPEG")
    whole = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + whole[2:]
    assert image.load(put(tmp_path, "scan.jpg", whole)).shape == (240, 160)
    assert reason(put(tmp_path, "scan.jpg", whole[:-500])) == "truncated"


def test_jpeg_cut_off_and_mended(tmp_path: Path) -> None:
    """With an end marker put after the half that is there, decoders fill in grey without a word."""
    whole = encoded(sheet(), "JPEG")
    assert reason(put(tmp_path, "scan.jpg", whole[: len(whole) // 2] + b"\xff\xd9")) == "truncated"


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.floats(0.1, 0.97))
def test_jpeg_without_its_last_pixels(tmp_path: Path, kept: float) -> None:
    """Cut off anywhere in its pixels, and an end marker put there: never a page that is white or grey at its end."""
    whole = encoded(sheet(), "JPEG")
    start = whole.index(b"\xff\xda") + 20
    at = start + int(kept * (len(whole) - start))
    assert reason(put(tmp_path, "scan.jpg", whole[:at].rstrip(b"\xff") + b"\xff\xd9")) == "truncated"


def test_corrupt_jpeg_is_no_page(tmp_path: Path) -> None:
    """Bits that make no sense where the pixels are: whatever can be decoded of it, it is not what was scanned."""
    whole = encoded(sheet(), "JPEG")
    middle = len(whole) // 2
    assert reason(put(tmp_path, "scan.jpg", whole[:middle] + b"\xff\xd3" + whole[middle:])) in ("damaged", "truncated")


def test_jpeg_with_spare_bytes_at_its_end(tmp_path: Path) -> None:
    """Some cameras leave them; libjpeg grumbles, but all pixels are there."""
    whole = encoded(sheet(), "JPEG")
    spare = whole[:-2] + bytes(7) + whole[-2:]
    np.testing.assert_array_equal(
        image.load(put(tmp_path, "spare.jpg", spare)), image.load(put(tmp_path, "scan.jpg", whole))
    )


def test_jpeg_in_pdf_cut_off(tmp_path: Path) -> None:
    document = encoded(sheet(), "PDF", resolution=100)
    start = document.index(b"\xff\xd8\xff")
    end = document.index(b"\xff\xd9", start) + 2
    middle = (start + end) // 2
    path = put(tmp_path, "scan.pdf", document[:middle] + bytes(end - middle) + document[end:])
    assert reason(path) == "truncated"


def huge_png(side: int) -> bytes:
    """A black `side` × `side` PNG that a decoder would believe: 1 bit a pixel, nearly nothing on disk."""
    return png(bytes(1 + -(-side // 8)) * side, side, side, 1, 0)


def no_decoder(*_: object) -> None:
    raise AssertionError("the decoder saw it")


def test_png_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert image.load(put(tmp_path, "small.png", huge_png(64))).shape == (64, 64)  # the bomb itself is well made
    monkeypatch.setattr(cv2, "imdecode", no_decoder)
    path = put(tmp_path, "bomb.png", huge_png(30_000))
    assert path.stat().st_size < 200_000
    assert reason(path) == "too_large"


def test_bombs_in_other_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is found and limited in every format."""
    monkeypatch.setattr(limits, "MAX_PIXELS", 240 * 160 - 1)
    for suffix, (form, options) in FORMATS.items():
        path = put(tmp_path, "scan" + suffix, encoded(sheet(), form, **options))
        assert reason(path) == "too_large", suffix
    monkeypatch.setattr(limits, "MAX_PIXELS", 240 * 160)
    for suffix in FORMATS:
        assert image.load(tmp_path / f"scan{suffix}").size == 240 * 160


@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 300), (4000, 3)])
def test_size_from_header(width: int, height: int) -> None:
    picture = Image.new("RGB", (width, height), "white")
    for form, options in (
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    ):
        data = encoded(picture, form, **options)
        assert headers.header(data, headers.kind(data))[:2] == (width, height), (form, options)


def test_file_too_large(tmp_path: Path) -> None:
    with open(tmp_path / "huge.tif", "wb") as file:
        file.write(b"II*\0")
        file.truncate(limits.MAX_BYTES + 1)  # sparse: nothing on disk
    assert reason(tmp_path / "huge.tif") == "too_large"


@pytest.mark.parametrize("form", ["TIFF", "PDF"])
def test_too_many_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(limits, "MAX_PAGES", 4)
    assert reason(put(tmp_path, "endless", many(form))) == "too_many_pages"


def test_endless_tiff(tmp_path: Path) -> None:
    """A chain of directories that bites its tail is read once round."""
    data = bytearray(encoded(sheet(), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    assert image.count(put(tmp_path, "loop.tif", bytes(data))) == 1


def test_tiff_cut_off_keeps_the_whole_pages(tmp_path: Path) -> None:
    whole = many("TIFF")
    path = put(tmp_path, "batch.tif", whole)
    pages = image._directory(path)
    path.write_bytes(whole[: pages[3].offset + 1])
    assert image.count(path) == 4
    assert [image.load(path, page).shape for page in range(3)] == [(100 + n, 80) for n in range(3)]
    assert reason(path, 3) == "truncated"


def test_encrypted_pdf(tmp_path: Path) -> None:
    lock = (
        b"/ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]"
        b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"ab" * 32, b"cd" * 32)
    )
    assert image.count(put(tmp_path, "open.pdf", pdf(b"", box=(200, 400)))) == 1
    assert reason(put(tmp_path, "locked.pdf", pdf(b"", box=(200, 400), trailer=lock))) == "encrypted"


def test_the_error_of_one_pdf_is_not_that_of_the_next(tmp_path: Path) -> None:
    """PDFium keeps the last error, and does not always set one."""
    lock = b"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (
        b"ab" * 32,
        b"cd" * 32,
    )
    locked = put(tmp_path, "locked.pdf", pdf(b"", box=(200, 400), trailer=lock))
    catalogue = b"<< /Type /Catalog /Pages 2 0 R >>"
    empty = put(tmp_path, "empty.pdf", pdf_file([catalogue, b"<< /Type /Pages /Count 0 /Kids [] >>"]))
    nothing = put(tmp_path, "nothing.pdf", b"%PDF-1.4\nnothing\n%%EOF")
    for before, why in ((nothing, "damaged"), (locked, "encrypted")):
        assert reason(before) == why
        assert reason(empty) == "damaged"


def test_pdf_cut_off(tmp_path: Path) -> None:
    whole = many("PDF", resolution=72)
    assert reason(put(tmp_path, "scan.pdf", whole[: len(whole) // 2])) == "truncated"
    assert reason(put(tmp_path, "scan.pdf", b"%PDF-1.4\nnothing\n%%EOF")) == "damaged"


WHOLE = {suffix: encoded(sheet(), form, **options) for suffix, (form, options) in FORMATS.items()}


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(suffix=st.sampled_from(sorted(FORMATS)), kept=st.floats(0, 1))
def test_cut_anywhere_is_refused_or_harmless(tmp_path: Path, suffix: str, kept: float) -> None:
    """However much of a file is there: the whole page or a reason, never part of the page."""
    whole = WHOLE[suffix]
    path = put(tmp_path, "scan", whole[: int(kept * len(whole))])
    try:
        image.count(path)
        page = image.load(path)
    except Unreadable as error:
        assert error.detail
    else:
        assert (page == image.load(put(tmp_path, "whole", whole))).all()


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from(sorted(FORMATS)),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=4),
    in_header=st.booleans(),
)
def test_damage_gives_pixels_or_a_reason(
    tmp_path: Path, suffix: str, changes: list[tuple[float, int]], in_header: bool
) -> None:
    """Whatever the bytes: a picture of a sensible size or `Unreadable`, nothing else."""
    data = bytearray(WHOLE[suffix])
    for place, value in changes:
        data[int(place * (min(len(data), 200) if in_header else len(data)))] = value
    path = put(tmp_path, "scan", bytes(data))
    try:
        image.count(path)
        page = image.load(path)
    except Unreadable as error:
        assert error.detail
    else:
        assert page.dtype == np.uint8 and page.ndim == 2 and 0 < page.size <= limits.MAX_PIXELS


# ---------------------------------------------------------------- folders


def test_a_folder_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the pupils in it would be missing without a word. (Permissions don't stop root, who may run this.)"""
    closed = tmp_path / "school" / "class"
    closed.mkdir(parents=True)
    opened = os.scandir

    def scandir(folder):
        if Path(folder) == closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return opened(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match="Permission denied") as refused:
        image.list_scans(tmp_path)
    assert Path(str(refused.value.file)) == closed and "permission" in refused.value.mend


def test_a_circle_of_links_is_unreadable(tmp_path: Path) -> None:
    circle = tmp_path / "circle.jpg"
    circle.symlink_to("circle.jpg")
    assert image.inside(tmp_path, circle) and reason(circle) == "unreadable"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.jpg"
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR)  # with something in it, so that reading it would not take forever
    try:
        os.write(pipe, bytes(2048))
        assert reason(path) == "unreadable"
    finally:
        os.close(pipe)


def test_a_file_that_cannot_be_looked_at_is_planned(tmp_path: Path) -> None:
    """In a folder that can be listed but not entered, or gone since; reading it then says why not."""
    assert [part.refs for part in plan(tmp_path, [tmp_path / "gone.jpg"], b"")] == [(("gone.jpg", 0),)]


def test_list_scans(tmp_path: Path) -> None:
    for name in (
        "b.JPG",
        "a/2.png",
        "a/10.pdf",
        "a.tiff",
        ".hidden.jpg",
        "._b.jpg",
        ".cache/x.jpg",
        "truth.csv",
        "Thumbs.db",
        "readme",
        "phone.heic",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [path.relative_to(tmp_path).as_posix() for path in image.list_scans(tmp_path)]
    assert found == ["a/10.pdf", "a/2.png", "a.tiff", "b.JPG", "phone.heic"]


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/a.jpg", "a/._b.jpg", ".Trashes/c.jpg", "A.JPG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded(sheet(), "JPEG") if name.endswith("jpg") else b"x")
    assert [path.name for path in image.list_scans(tmp_path)] == ["A.JPG"]


def test_a_picture_by_another_name_is_a_scan(tmp_path: Path) -> None:
    for name, data in {
        "0001": encoded(sheet(), "JPEG"),
        "page.tmp": encoded(sheet(), "TIFF"),
        "copier": many("PDF"),
        "about.txt": b"A file starts with %PDF-1.4\n",
        "notes.txt": b"BM, KH, XM\n1,2,3\n",
        "names.csv": b"file,page\n",
        "table.xlsx": zipped({"a.jpg": b"x"}),
        "empty": b"",
    }.items():
        put(tmp_path, name, data)
    assert [path.name for path in image.list_scans(tmp_path)] == ["0001", "copier", "page.tmp"]


# ---------------------------------------------------------------- archives


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    files = {
        "room2/1.JPG": encoded(sheet(), "JPEG"),
        "room1/2.tif": many("TIFF"),
        "room1/1.pdf": many("PDF", resolution=72),
        "\\room3\\a//./b.png": encoded(sheet(), "PNG"),
        "__MACOSX/room1/._1.pdf": b"x",
        "room1/.DS_Store": b"x",
        "room1/truth.csv": b"x",
    }
    put(tmp_path, "batch.zip", zipped(files))
    put(tmp_path, "a.jpg", encoded(sheet(), "JPEG"))
    found = image.list_scans(tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    inner = ["room1/1.pdf", "room1/2.tif", "room2/1.JPG", "room3/a/b.png"]
    assert names == ["a.jpg", *(f"batch.zip/{name}" for name in inner)]
    assert image.list_scans(tmp_path / "batch.zip") == found[1:]
    assert [image.count(path) for path in found] == [1, 5, 5, 1, 1]
    assert [page.shape for page in image.pages(found[2])] == [(100 + n, 80) for n in range(5)]
    assert [page.shape for page in image.pages(found[1])] == [(100 + n, 80) for n in range(5)]
    assert (image.load(found[4]) == sheet()).all()
    assert all(image.inside(tmp_path, path) for path in found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "batch.zip"]  # nothing was unpacked


def test_names_in_a_zip_are_chinese(tmp_path: Path) -> None:
    """Windows writes them in GB18030 without saying so."""
    data = zipped({"AAAA/BB.jpg": b"x"})
    assert len("考场".encode("gb18030")) == 4 and len("张".encode("gb18030")) == 2
    data = data.replace(b"AAAA", "考场".encode("gb18030")).replace(b"BB", "张".encode("gb18030"))
    put(tmp_path, "old.zip", data)
    put(tmp_path, "new.zip", zipped({"考场/张.jpg": b"x"}))
    names = [path.relative_to(tmp_path).as_posix() for path in image.list_scans(tmp_path)]
    assert names == ["new.zip/考场/张.jpg", "old.zip/考场/张.jpg"]
    assert reason(tmp_path / names[1]) == "not_an_image"


@pytest.mark.parametrize("name", ["../out.jpg", "a/../../../etc/out.jpg", "..\\out.jpg"])
def test_a_name_that_leads_out_of_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "in"
    root.mkdir()
    for folder in (root, tmp_path):
        put(folder, "out.jpg", encoded(sheet(), "JPEG"))
    put(root, "bad.zip", zipped({name: encoded(sheet(), "JPEG")}))
    (path,) = image.list_scans(root / "bad.zip")
    assert not image.inside(root, path) or reason(path) == "outside_folder"
    with pytest.raises(Unreadable):
        image.load(path)


def test_archives_that_are_not_read_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = zipped({"a.jpg": encoded(sheet(), "JPEG")})
    locked = bytearray(good)
    for at in (good.index(b"PK\3\4") + 6, good.index(b"PK\1\2") + 8):
        locked[at] |= 1
    broken = bytearray(good)
    broken[len(broken) // 2] ^= 0xFF
    odd = bytearray(good)
    for at in (good.index(b"PK\3\4") + 8, good.index(b"PK\1\2") + 10):
        odd[at] = 99
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twice = io.BytesIO(good)
        with zipfile.ZipFile(twice, "a") as archive:
            archive.writestr("a.jpg", b"another")
    expected = {
        "nested.zip": (zipped({"in.zip": good}), "archive"),
        "empty.zip": (zipped({}), "archive"),
        "other.zip": (zipped({"a.txt": b"x"}), "archive"),
        "cut.zip": (good[:-30], "archive"),
        "cut2.zip": (good[:10], "archive"),
        "named.jpg": (good, "archive"),
        "locked.zip": (bytes(locked), "encrypted"),
        "broken.zip": (bytes(broken), "damaged"),
        "odd.zip": (bytes(odd), "archive"),
        "twice.zip": (twice.getvalue(), "archive"),
        "text.zip": (b"not a zip", "not_an_image"),
        "really.zip": (encoded(sheet(), "JPEG")[:-9], "truncated"),
        "x.rar": (b"Rar!\x1a\x07\x00", "not_an_image"),
    }
    for name, (data, why) in expected.items():
        put(tmp_path, name, data)
        (path,) = image.list_scans(tmp_path / name)
        assert (name, reason(path)) == (name, why)
    put(tmp_path, "long.zip", zipped({f"{n}.jpg": b"" for n in range(100)}))
    monkeypatch.setattr(archive_file, "MAX_INDEX", 100)
    assert image.list_scans(tmp_path / "long.zip") == [tmp_path / "long.zip"]
    assert reason(tmp_path / "long.zip") == "too_many_pages"


def test_zip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file claims to hold counts, and no more than that is unpacked."""
    monkeypatch.setattr(archive_file, "MAX_MEMBER", 1_000_000)
    bomb = b"\xff\xd8\xff" + bytes(5_000_000)
    path = put(tmp_path, "bomb.zip", zipped({"a.jpg": bomb}))
    assert path.stat().st_size < 10_000 and reason(path / "a.jpg") == "too_large"
    data = bytearray(path.read_bytes())
    for at in (data.index(b"PK\3\4") + 22, data.index(b"PK\1\2") + 24):
        struct.pack_into("<I", data, at, 1000)  # a lie
    put(tmp_path, "liar.zip", bytes(data))
    assert reason(tmp_path / "liar.zip" / "a.jpg") == "damaged"


def test_a_changed_zip_is_read_again(tmp_path: Path) -> None:
    names = {f"{n}.png": encoded(np.full((9, 9), n, np.uint8), "PNG") for n in range(3)}
    path = put(tmp_path, "a.zip", zipped(names))
    files = image.list_scans(tmp_path)
    assert [image.load(file)[0, 0] for file in files] == [0, 1, 2]
    before = {part.key for part in plan(tmp_path, files, b"")}
    assert before == {part.key for part in plan(tmp_path, files, b"")}
    names["1.png"] = encoded(np.full((9, 9), 77, np.uint8), "PNG")
    put(tmp_path, "a.zip", zipped(names))
    os.utime(path, ns=(1, 1))
    assert before.isdisjoint(part.key for part in plan(tmp_path, files, b""))
    assert [image.load(file)[0, 0] for file in files] == [0, 77, 2]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """Tables hold text; the file is found all the same."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xd5\xc5.jpg"))
    try:
        path.write_bytes(encoded(sheet(), "JPEG"))
    except OSError:
        pytest.skip("this system takes no such names")
    (found,) = image.list_scans(tmp_path)
    ((ref,),) = (part.refs for part in plan(tmp_path, [found], b""))
    assert ref.name == "\\xd5\\xc5.jpg" and image.load(tmp_path / ref.file).shape == SHAPE
    pdf_file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xd5.pdf"))
    pdf_file.write_bytes(many("PDF", resolution=72))
    assert [page.shape for page in image.pages(pdf_file)] == [(100 + n, 80) for n in range(5)]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_links_out_of_the_folder(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "scans", tmp_path / "secret"
    (root / "sub").mkdir(parents=True)
    elsewhere.mkdir()
    put(elsewhere, "s.jpg", b"x")
    put(root, "real.jpg", b"x")
    (root / "out.jpg").symlink_to(elsewhere / "s.jpg")
    (root / "dots.jpg").symlink_to(Path("../secret/s.jpg"))
    (root / "folder").symlink_to(elsewhere)
    (root / "within.jpg").symlink_to(root / "real.jpg")
    (root / "sub" / "up").symlink_to(root)  # a loop: not followed
    found = {path.relative_to(root).as_posix(): image.inside(root, path) for path in image.list_scans(root)}
    assert found == {"dots.jpg": False, "folder": False, "out.jpg": False, "real.jpg": True, "within.jpg": True}
    (tmp_path / "link").symlink_to(root)  # the folder itself may be a link
    assert all(image.inside(tmp_path / "link", path) for path in [tmp_path / "link" / "real.jpg"])


def test_unreadable_crosses_processes() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(Unreadable("empty", "0 bytes")))
    assert (error.reason, error.detail) == ("empty", "0 bytes")


def test_formats_are_told_apart() -> None:
    kinds = [headers.kind(data) for data in WHOLE.values()]
    assert set(kinds) == set(headers.PICTURES)
    assert [key for key, _ in itertools.groupby(kinds)] == ["JPEG", "PNG", "WebP", "BMP", "TIFF", "PDF"]
