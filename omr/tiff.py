"""TIFF and BigTIFF: the pages of a file are found by walking its directories; each is then decoded on its own.

Tags are those of TIFF 6.0 §8; BigTIFF has the same with wider numbers.
"""

from __future__ import annotations

import struct
from mmap import mmap
from typing import NamedTuple

from omr.headers import Header, aspect
from omr.limits import MAX_PAGES, Unreadable

Bytes = bytes | bytearray | mmap

MOST_TAGS = 250  # of a directory; real ones have some twenty

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ORIENTATION = 254, 256, 257, 258, 259, 274
_SAMPLES, _ACROSS, _DOWN, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA = 277, 282, 283, 322, 323, 338
_TAGS = {
    _SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ORIENTATION, _SAMPLES, _ACROSS, _DOWN, _TILE_WIDTH, _TILE_HEIGHT,
    _EXTRA,
}  # fmt: skip
_SHORT, _LONG, _RATIONAL, _LONG8 = 3, 4, 5, 16
_WHOLE = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}


class Page(NamedTuple):
    """One picture of a TIFF.

    Attributes:
        header: None when the file ends before saying it.
        bits, samples: bits a sample, samples a pixel.
        tile: pixels of a tile, 0 if there are none.
    """

    offset: int  # of its directory
    header: Header | None
    bits: int = 1
    samples: int = 1
    compression: int = 1
    tile: int = 0


class _Form(NamedTuple):
    """How numbers are written in one kind of TIFF."""

    order: str  # "<" or ">", as `struct` writes it
    offset: str  # format of an offset and of the number of values of a tag
    entries: str  # format of the number of tags
    first: int  # where the offset of the first directory stands

    @property
    def width(self) -> int:
        return struct.calcsize(self.offset)


def _form(data: Bytes) -> _Form:
    order = "<" if data[0:1] == b"I" else ">"
    return _Form(order, "Q", "Q", 8) if 43 in (data[2], data[3]) else _Form(order, "I", "H", 4)


def pages(data: Bytes) -> list[Page]:
    """The pages of a TIFF, thumbnails left out; at most `MAX_PAGES` + 1, so that the caller sees too many.

    When the file ends before its chain of directories does, the last page has no header.

    Raises:
        Unreadable: there is not even the start of a chain.
    """
    form = _form(data)
    found: list[Page] = []
    seen: set[int] = set()
    try:
        offset = _number(data, form, form.offset, form.first)
    except struct.error:
        raise Unreadable("truncated", "the TIFF ends in its header") from None
    while offset and offset not in seen and len(found) <= MAX_PAGES:
        seen.add(offset)
        try:
            tags, following = _directory(data, form, offset)
        except struct.error:
            found.append(Page(offset, None))
            break
        if not tags.get(_SUBFILE, 0) & 1:  # a smaller version of another picture
            found.append(_page(offset, tags))
        offset = following
    return found


def make_first(data: bytearray | mmap, page: Page) -> None:
    """Put a page at the start of the chain: a decoder need not walk there, and does not see what lies between."""
    form = _form(data)
    struct.pack_into(form.order + form.offset, data, form.first, page.offset)


def _page(offset: int, tags: dict[int, int]) -> Page:
    ratio = aspect(tags.get(_ACROSS, 0), tags.get(_DOWN, 0))
    upright = tags.get(_ORIENTATION, 1) <= 4
    return Page(
        offset,
        Header(
            tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0), ratio if upright else 1 / ratio, tags.get(_EXTRA, 0) in (1, 2)
        ),
        tags.get(_BITS, 1),
        tags.get(_SAMPLES, 1),
        tags.get(_COMPRESSION, 1),
        tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0),
    )


def _directory(data: Bytes, form: _Form, offset: int) -> tuple[dict[int, int], int]:
    """(tag → its first value, offset of the next directory)"""
    entries = _number(data, form, form.entries, offset)
    if entries > MOST_TAGS:
        raise struct.error
    start, size = offset + struct.calcsize(form.entries), 4 + 2 * form.width
    tags = {}
    for at in range(start, start + entries * size, size):
        tag = _number(data, form, "H", at)
        if tag in _TAGS:
            tags[tag] = _value(data, form, at)
    return tags, _number(data, form, form.offset, start + entries * size)


def _value(data: Bytes, form: _Form, at: int) -> int:
    """The first value of a tag; a rational as thousandths, whatever is no number as 0."""
    kind = _number(data, form, "H", at + 2)
    count = _number(data, form, form.offset, at + 4)
    place = at + 4 + form.width
    if kind == _RATIONAL:
        place = place if form.width == 8 else _number(data, form, form.offset, place)
        above, below = (_number(data, form, "I", place + 4 * part) for part in range(2))
        return round(1000 * above / below) if below else 0
    if kind not in _WHOLE:
        return 0
    if count * struct.calcsize(_WHOLE[kind]) > form.width:  # does not fit: its place is told
        place = _number(data, form, form.offset, place)
    return _number(data, form, _WHOLE[kind], place)


def _number(data: Bytes, form: _Form, code: str, at: int) -> int:
    if at + struct.calcsize(code) > len(data):  # also where `struct` would not take the offset for a number
        raise struct.error
    number: int = struct.unpack_from(form.order + code, data, at)[0]
    return number
