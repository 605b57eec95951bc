"""Files as an enemy, a bad cable or a bad program would make them, by mutation of good ones.

Equal seeds give equal files.
"""

from __future__ import annotations

import io
import os
import random
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import made_scans
import numpy as np
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
    png_chunk,
    tags,
    tiff,
    tiled,
)
from PIL import Image

from omr.layout import Layout

Files = dict[str, bytes]
Mutation = Callable[[bytearray, random.Random, list[bytes]], bytearray]


def good_files(layout: Layout, folder: Path) -> Files:
    """A filled-in sheet in every format."""
    (scan,) = made_scans.sheets(layout, ["204811"], folder)
    scan = cv2.resize(scan, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    picture, white = Image.fromarray(scan), scan > 128
    colour = picture.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    height, width = scan.shape
    box = (0, 0, 595, 842)
    full = b"q 595 0 0 842 0 0 cm /I0 Do Q"
    files = {
        "grey.jpg": encoded(picture, "JPEG"),
        "progressive.jpg": encoded(colour, "JPEG", progressive=True, exif=exif, dpi=(200, 200)),
        "cmyk.jpg": encoded(colour.convert("CMYK"), "JPEG"),
        "grey.png": encoded(picture, "PNG"),
        "palette.png": encoded(picture.convert("P"), "PNG", transparency=3, dpi=(204, 196)),
        "interlaced.png": interlaced_png(scan),
        "alpha16.png": cv2.imencode(".png", cv2.cvtColor(scan, cv2.COLOR_GRAY2BGRA).astype(np.uint16) * 257)[
            1
        ].tobytes(),
        "bilevel.bmp": encoded(picture.convert("1"), "BMP"),
        "lossy.webp": encoded(colour, "WEBP", exif=exif),
        "lossless.webp": encoded(picture.convert("RGBA"), "WEBP", lossless=True),
        "lzw.tif": encoded(colour, "TIFF", compression="tiff_lzw"),
        "fax.tif": encoded(Image.fromarray(white), "TIFF", compression="group3", dpi=(204, 196)),
        "g4.tif": tiff(*[(tags(scan.shape, 1, t259=(SHORT, [4]), t262=(SHORT, [0])), [group4(white)])] * 3, order=">"),
        "jpeg.tif": encoded(colour, "TIFF", compression="jpeg"),
        "tiled.tif": tiled(scan, 256, big=True),
        "jpeg.pdf": encoded(picture, "PDF", save_all=True, append_images=[colour, picture]),
        "flate.pdf": pdf_page(full, box, [pdf_picture(zlib.compress(scan.tobytes()), scan.shape)]),
        "jbig2.pdf": pdf_page(full, box, [pdf_picture(jbig2(white), scan.shape, b"JBIG2Decode", 1)], b"/Rotate 90"),
        "g4.pdf": pdf_page(
            full,
            box,
            [
                pdf_picture(
                    group4(white),
                    scan.shape,
                    b"CCITTFaxDecode",
                    1,
                    more=b"/DecodeParms << /K -1 /Columns %d /Rows %d >>" % (width, height),
                )
            ],
        ),
        "jpx.pdf": pdf_page(
            full,
            box,
            [
                pdf_picture(
                    encoded(picture, "JPEG2000", quality_mode="rates", quality_layers=[20]), scan.shape, b"JPXDecode"
                )
            ],
        ),
        "drawn.pdf": (folder / "sheets.pdf").read_bytes(),
    }
    return files | {"batch.zip": zipped({f"room/{name}": files[name] for name in ("grey.jpg", "g4.tif", "g4.pdf")})}


def zipped(files: Files) -> bytes:
    """An archive of files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


# ---------------------------------------------------------------- mutations


def cut(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """The end is missing."""
    return data[: rng.randrange(len(data))]


def flip(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """Bits are wrong, anywhere."""
    for _ in range(rng.choice((1, 3, 30))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def flip_ends(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """Bits are wrong where formats say what follows: at the start, or at the end."""
    reach = min(len(data), 300)
    for _ in range(rng.choice((1, 4))):
        data[rng.randrange(-reach, reach)] ^= 1 << rng.randrange(8)
    return data


def huge_number(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """A number near the start or the end is huge, negative or zero."""
    reach = min(len(data) // 2, 300)
    at = rng.choice((rng.randrange(reach), len(data) - 4 - rng.randrange(reach)))
    value = rng.choice((0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0x0000FFFF, 65535, 1))
    data[at : at + 4] = struct.pack(rng.choice("<>") + "I", value)
    return data


def swap(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """Two blocks have changed places."""
    size = rng.randrange(1, max(2, len(data) // 4))
    one, two = sorted(rng.randrange(len(data) - size) for _ in range(2))
    data[one : one + size], data[two : two + size] = data[two : two + size], data[one : one + size]
    return data


def wipe(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """A block is all zeros or all ones, as of a bad disk."""
    at = rng.randrange(len(data))
    size = min(rng.choice((16, 512, 4096, 1 << 20)), len(data) - at)
    data[at : at + size] = rng.choice((b"\0", b"\xff")) * size
    return data


def drop(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """A block is missing."""
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 100, 5000))]
    return data


def repeat(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """A block comes twice."""
    at = rng.randrange(len(data))
    block = data[at : at + rng.choice((1, 100, 5000))]
    data[at:at] = block
    return data


def splice(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """It goes on as another file."""
    other = rng.choice(others)
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def renumber(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """Digits are wrong, as in a PDF's sizes, references and offsets."""
    digits = [at for at in range(min(len(data), 1 << 16)) if 48 <= data[at] <= 57] or [0]
    digits += [at for at in range(max(0, len(data) - 1000), len(data)) if 48 <= data[at] <= 57]
    for _ in range(rng.choice((1, 3, 10))):
        data[rng.choice(digits)] = rng.randrange(48, 58)
    return data


MUTATIONS: tuple[Mutation, ...] = (cut, flip, flip_ends, huge_number, swap, wipe, drop, repeat, splice, renumber)


def mutants(good: Files, number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many files, each by one mutation or two; every good file and every mutation has its turn."""
    rng = random.Random(seed)
    names, others = sorted(good), list(good.values())
    for n in range(number):
        name = names[n % len(names)]
        mutation = MUTATIONS[n // len(names) % len(MUTATIONS)]
        data = mutation(bytearray(good[name]), rng, others)
        if data and rng.random() < 0.2:
            data = rng.choice(MUTATIONS)(data, rng, others)
        stem, _, suffix = name.rpartition(".")
        if rng.random() < 0.1:
            suffix = rng.choice(("jpg", "png", "tif", "pdf", "webp", "bmp", "zip"))
        yield f"{n:05d}-{mutation.__name__}-{stem}.{suffix}", bytes(data)


# ---------------------------------------------------------------- made by hand


def crafted(good: Files) -> Files:
    """Files that are wrong on purpose: bombs, loops, lies."""
    files: Files = {"empty.jpg": b"", "zero.png": bytes(5000), "text.tif": "姓名,分数\n".encode() * 99, "one.pdf": b"%"}
    for name, data in good.items():  # only the beginning, in every format
        for kept in (1, 4, 16, 40):
            files[f"{kept}-{name}"] = data[:kept]
        for suffix in ("jpg", "pdf", "tif"):
            files[f"in-fact-{name.replace('.', '-')}.{suffix}"] = data
    return files | _pictures() | _tiffs() | _pdfs(good) | _zips(good)


def _pictures() -> Files:
    files = {}
    for width, height in ((0, 0), (0, 10), (10, 0), (1, 1), (2**31 - 1, 2**31 - 1), (2**31, 1), (100_001, 1000)):
        size = f"{width}x{height}"
        files[f"{size}.png"] = png(bytes(100), width, height, 8, 0)
        files[f"{size}.bmp"] = (
            b"BM" + struct.pack("<IIIIIIHHIIiiII", 154, 0, 54, 40, width, height, 1, 8, 0, 0, 1, 9, 0, 0) + bytes(99)
        )
        jpeg = bytearray(encoded(np.full((8, 8), 200, np.uint8), "JPEG"))
        struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, height & 0xFFFF, width & 0xFFFF)
        files[f"{size}.jpg"] = bytes(jpeg)
        webp = bytearray(encoded(np.full((8, 8, 3), 200, np.uint8), "WEBP"))
        struct.pack_into("<HH", webp, 26, width & 0x3FFF, height & 0x3FFF)
        files[f"{size}.webp"] = bytes(webp)
    files["negative.bmp"] = (
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 154, 0, 54, 40, -9, -9, 1, 8, 0, 0, -1, -9, 0, 0) + bytes(99)
    )
    side = 9_900  # just within the limit: this one is decoded
    files["bomb-within.png"] = png(bytes(1 + side // 8 + 1) * side, side, side, 1, 0)
    files["bomb.png"] = png(bytes(1 + 4000) * 32_000, 32_000, 32_000, 1, 0)
    text = png(bytes(9 * 8), 8, 8, 8, 0)
    chunk = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))
    files["text-bomb.png"] = text[:33] + chunk * 3 + text[33:]
    files["deep.png"] = png(bytes(99), 16, 16, 16, 3)
    files["endless.jpg"] = b"\xff\xd8\xff" + b"\xff" * 100_000
    files["segments.jpg"] = b"\xff\xd8" + b"\xff\xe1\x00\x02" * 100_000
    files["scans.jpg"] = encoded(np.full((64, 64), 99, np.uint8), "JPEG", progressive=True)[:-2] * 200 + b"\xff\xd9"
    return files


def _tiffs() -> Files:
    pixels = [bytes(64)]
    shape = (8, 8)
    files = {
        "huge.tif": tiff((tags((2**31, 2**31)), pixels)),
        "wide.tif": tiff((tags((1, 2**32 - 1)), pixels)),
        "none.tif": tiff((tags((0, 0)), pixels)),
        "samples.tif": tiff((tags((5000, 5000), 8, 999), pixels)),
        "bits.tif": tiff((tags(shape, 65_535), pixels)),
        "strip-of-nothing.tif": tiff((tags(shape, t278=(LONG, [0])), pixels)),
        "strip-beyond.tif": tiff((tags((9000, 9000)), pixels)),
        "huge-tile.tif": tiff((tags(shape, t322=(LONG, [2**20]), t323=(LONG, [2**20])), pixels)),
        "odd-tile.tif": tiff((tags(shape, t322=(LONG, [7]), t323=(LONG, [0])), pixels)),
        "palette-without.tif": tiff((tags(shape, t262=(SHORT, [3])), pixels)),
        "lab.tif": tiff((tags(shape, 8, 3, t262=(SHORT, [8])), [bytes(192)])),
        "ycc.tif": tiff((tags(shape, 8, 3, t262=(SHORT, [6])), [bytes(192)])),
        "unknown-colours.tif": tiff((tags(shape, t262=(SHORT, [999])), pixels)),
        "old-jpeg.tif": tiff((tags(shape, t259=(SHORT, [6])), pixels)),
        "lzw-bomb.tif": tiff((tags((10_000, 10_000), t259=(SHORT, [5])), [bytes([0x80, 0x0B, 0x60, 0x50]) * 99])),
        "deflate-bomb.tif": tiff((tags((9000, 11_000), t259=(SHORT, [8])), [zlib.compress(bytes(99_000_000))])),
        "deflate-too-much.tif": tiff((tags(shape, t259=(SHORT, [8])), [zlib.compress(bytes(200_000_000))])),
        "big-huge.tif": tiff((tags((2**31, 2**31)), pixels), big=True),
        "big-beyond.tif": b"II\x2b\0\x08\0\0\0" + struct.pack("<Q", 2**63 + 8) + bytes(99),
        "many-entries.tif": b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + bytes(12 * 65_535),
        "big-many-entries.tif": b"II\x2b\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**60) + bytes(999),
        "too-many-pages.tif": tiff(*[(tags(shape), pixels)] * 10_001),
    }
    for order in "<>":
        loop = bytearray(tiff(*[(tags(shape), pixels)] * 3, order=order))
        (first,) = struct.unpack_from(order + "I", loop, 4)
        last = loop.rindex(bytes(4))
        struct.pack_into(order + "I", loop, len(loop) - 4, first)
        files[f"loop-{ord(order)}.tif"] = bytes(loop)
        files[f"no-directory-{ord(order)}.tif"] = bytes(loop[:4]) + bytes(last)
    overlapping = bytearray(b"II*\0\x08\0\0\0" + bytes(200_000))
    for at in range(8, 100_000, 14):  # each claims the next ones as its own entries
        struct.pack_into("<H", overlapping, at, 240)
        struct.pack_into("<I", overlapping, at + 2 + 240 * 12, at + 14)
    files["overlapping.tif"] = bytes(overlapping)
    return files


def _pdfs(good: Files) -> Files:
    catalogue = b"<< /Type /Catalog /Pages 2 0 R >>"
    leaf = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>"
    box = (0, 0, 595, 842)
    full = b"q 595 0 0 842 0 0 cm /I0 Do Q"
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 99 99] /Resources << /XObject << /I0 5 0 R >> >>"
    lock = b"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (
        b"ab" * 32,
        b"cd" * 32,
    )
    many = [b"<< /Type /Pages /Count 10001 /Kids [%s] >>" % b" ".join(b"%d 0 R" % (3 + n) for n in range(10_001))]
    deep = [b"<< /Type /Pages /Count 1 /Parent %d 0 R /Kids [%d 0 R] >>" % (n + 1, n + 3) for n in range(3000)]
    xref = bytearray(good["flate.pdf"])
    at = xref.rindex(b"trailer\n<<") + len(b"trailer\n<<")
    xref[at:at] = b" /Prev %d" % xref.rindex(b"xref\n0")
    packed = zlib.compress(zlib.compress(zlib.compress(bytes(300_000_000))))
    return {
        "tree-loop.pdf": pdf_file([catalogue, b"<< /Type /Pages /Count 5 /Kids [2 0 R 2 0 R] >>"]),
        "tree-lies.pdf": pdf_file([catalogue, b"<< /Type /Pages /Count 2000000000 /Kids [3 0 R] >>", leaf]),
        "tree-lies-less.pdf": pdf_file([catalogue, b"<< /Type /Pages /Count 30 /Kids [3 0 R] >>", leaf]),
        "tree-negative.pdf": pdf_file([catalogue, b"<< /Type /Pages /Count -5 /Kids [3 0 R] >>", leaf]),
        "tree-empty.pdf": pdf_file([catalogue, b"<< /Type /Pages /Count 0 /Kids [] >>"]),
        "tree-deep.pdf": pdf_file([catalogue, *deep, leaf]),
        "no-catalogue.pdf": pdf_file([leaf]),
        "xref-loop.pdf": bytes(xref),
        "too-many-pages.pdf": pdf_file([catalogue, *many, *[leaf] * 10_001]),
        "locked.pdf": pdf_page(b"", box, trailer=lock),
        "huge-page.pdf": pdf_page(full, (0, 0, 1e9, 1e9), [pdf_picture(b"", (9, 9))]),
        "flat-page.pdf": pdf_page(full, (0, 0, 0, 0), [pdf_picture(b"", (9, 9))]),
        "odd-page.pdf": pdf_page(full, (500, 500, 0, 0), [pdf_picture(b"", (9, 9))], b"/Rotate 45 /CropBox [9 9 9 9]"),
        "huge-picture.pdf": pdf_page(full, box, [pdf_picture(zlib.compress(b""), (100_000, 100_000))]),
        "negative-picture.pdf": pdf_page(full, box, [pdf_picture(zlib.compress(b""), (-5, -5))]),
        "short-picture.pdf": pdf_page(full, box, [pdf_picture(zlib.compress(bytes(99)), (2000, 2000))]),
        "flate-bomb.pdf": pdf_page(
            full,
            box,
            [
                pdf_picture(packed, (900, 900), b"FlateDecode]").replace(
                    b"/Filter /", b"/Filter [/FlateDecode /FlateDecode /"
                )
            ],
        ),
        "content-bomb.pdf": pdf_page(b"q " * 500_000 + b"0 0 9 9 re f " * 200_000, box),
        "form-loop.pdf": pdf_page(full, box, [pdf_stream(form, b"/I0 Do")]),
        "form-tree.pdf": pdf_page(
            b"/I0 Do",
            box,
            [pdf_stream(form.replace(b"5 0 R", b"%d 0 R" % (6 + n)), b"/I0 Do " * 10) for n in range(5)]
            + [pdf_stream(b"", b"")],
        ),
        "font.pdf": pdf_page(b"BT /F 1e9 Tf 10 10 Td (x) Tj ET", box),
        "dashes.pdf": pdf_page(b"[0.0001 0.0001] 0 d 5 w 0 0 m 595 842 l S", box),
        "no-matrix.pdf": pdf_page(b"q 0 0 0 0 0 0 cm /I0 Do Q", box, [pdf_picture(zlib.compress(bytes(81)), (9, 9))]),
        "jpx.pdf": pdf_page(full, box, [pdf_picture(bytes(99), (900, 900), b"JPXDecode")]),
        "colours.pdf": pdf_page(
            full, box, [pdf_picture(zlib.compress(bytes(81)), (9, 9), colours=b"[/ICCBased 5 0 R]")]
        ),
    }


def _zips(good: Files) -> Files:
    inner = {"a.jpg": good["grey.jpg"]}
    bomb = zipped({"a.jpg": b"\xff\xd8\xff" + bytes(300_000_000), "b.png": good["grey.png"][:33] + bytes(100_000_000)})
    lie = bytearray(zipped({"a.jpg": b"\xff\xd8\xff" + bytes(1_000_000)}))
    for at in (lie.index(b"PK\3\4") + 22, lie.index(b"PK\1\2") + 24):
        struct.pack_into("<I", lie, at, 500)
    locked = bytearray(zipped(inner))
    for at in (locked.index(b"PK\3\4") + 6, locked.index(b"PK\1\2") + 8):
        locked[at] |= 1
    return {
        "bomb.zip": bomb,
        "lie.zip": bytes(lie),
        "locked.zip": bytes(locked),
        "nested.zip": zipped({"in.zip": zipped(inner), **inner}),
        "nothing.zip": zipped({}),
        "no-scans.zip": zipped({"a.txt": b"x"}),
        "out.zip": zipped(
            {"../../out.jpg": inner["a.jpg"], "/etc/passwd.jpg": inner["a.jpg"], "C:\\x.jpg": inner["a.jpg"]}
        ),
        "names.zip": zipped(
            {"a\nb.jpg": b"", "x" * 5000 + ".jpg": b"", "=cmd.jpg": b"", "CON.jpg": b"", "a.jpg/b.jpg": b""}
        ),
        "many.zip": zipped({f"{n}.jpg": b"" for n in range(300)}),
        "huge-index.zip": zipped(inner)[:-10] + struct.pack("<IIH", 0x7FFFFFFF, 0, 0),
    }


def odd_names(folder: Path, good: Files) -> None:
    """What a folder can hold that is no ordinary file, or is called what no one would call it."""
    (folder / "folder.jpg").mkdir()
    (folder / "folder.jpg" / "inside.jpg").write_bytes(good["grey.jpg"])
    (folder / "folder.zip").mkdir()
    (folder / "folder.zip" / "inside.jpg").write_bytes(good["grey.jpg"])
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe.zip")
    here = os.getcwd()
    os.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.jpg")
    os.chdir(here)
    for name, target in {
        "circle.jpg": "circle.jpg",
        "circle1.zip": "circle2.zip",
        "circle2.zip": "circle1.zip",
        "gone.pdf": "nowhere.pdf",
        "zero.jpg": "/dev/zero",
        "out.jpg": "/etc/passwd",
        "up": "..",
        "here": ".",
    }.items():
        (folder / name).symlink_to(target)
    for name in (
        "line\nbreak.jpg",
        "tab\tand\rreturn.jpg",
        "x" * 250 + ".jpg",
        "=cmd|calc.jpg",
        "'; drop table.jpg",
        "考场 1.jpg",
        "…\u202egpj.jpg",
    ):
        (folder / name).write_bytes(good["grey.jpg"])
    (folder / os.fsdecode(b"\xd5\xc5\xc8\xfd.jpg")).write_bytes(good["grey.jpg"])
    (folder / os.fsdecode(b"\xff.zip")).write_bytes(good["batch.zip"])
    (folder / os.fsdecode(b"\xfe.pdf")).write_bytes(good["jpeg.pdf"])
    closed = folder / "closed.jpg"
    closed.write_bytes(good["grey.jpg"])
    closed.chmod(0)
    path = folder
    for _ in range(30):
        path /= "d" * 60
        path.mkdir()
    (path / "deep.jpg").write_bytes(good["grey.jpg"])
