"""Files → pages: every format gives the same pixels, and every hostile file gives a reason, never half a page."""

from __future__ import annotations

import io
import itertools
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.errors import InputError
from omr import headers, image, limits
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


def sheet(height: int = 240, width: int = 160) -> np.ndarray:
    """A picture of paper: noise, and a different dark shape near each corner, so that a wrong turn is seen."""
    rng = np.random.default_rng(5)
    paper = cv2.GaussianBlur(rng.integers(190, 250, (height, width)).astype(np.float32), (0, 0), 2).astype(np.uint8)
    paper[20:60, 20:40] = 30
    paper[20:40, 110:140] = 90
    paper[180:220, 20:30] = 10
    return paper


def encoded(picture: np.ndarray | Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(target, form, **options)
    return target.getvalue()


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


def test_transparent_is_paper(tmp_path: Path) -> None:
    """A form saved without its background: the colour under full transparency is often black."""
    ink = np.zeros((240, 160, 4), np.uint8)
    ink[20:60, 20:40, 3] = 255
    page = image.load(put(tmp_path, "scan.png", encoded(ink, "PNG")))
    assert page[30, 30] == 0 and page[100, 100] == 255


@pytest.mark.parametrize("compression", ["group3", "group4", None])
def test_bilevel_tiff(tmp_path: Path, compression: str | None) -> None:
    bilevel = Image.fromarray(sheet() > 128)
    page = image.load(put(tmp_path, "fax.tif", encoded(bilevel, "TIFF", compression=compression)))
    assert (page == np.where(sheet() > 128, 255, 0)).all()


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
    """A PDF of one page, written by hand."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R >>" % box,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        data
        + b"xref\n0 5\n0000000000 65535 f \n"
        + table
        + b"trailer\n<< /Size 5 /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, len(data))
    )


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


def test_jpeg_in_pdf_cut_off(tmp_path: Path) -> None:
    document = encoded(sheet(), "PDF", resolution=100)
    start = document.index(b"\xff\xd8\xff")
    end = document.index(b"\xff\xd9", start) + 2
    middle = (start + end) // 2
    path = put(tmp_path, "scan.pdf", document[:middle] + bytes(end - middle) + document[end:])
    assert reason(path) == "truncated"


def huge_png(side: int) -> bytes:
    """A black `side` × `side` PNG that a decoder would believe: 1 bit a pixel, nearly nothing on disk."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


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
