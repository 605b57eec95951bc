"""File names made from names of schools, classes and pupils."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_LONGEST = 80  # bytes of UTF-8; file systems stop at 255 with the ending
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # device names on Windows


def file_names(names: Iterable[str]) -> dict[str, str]:
    """A file name without ending for each name: letters, digits, "-" and "_", different also where case is ignored.

    A name that says nothing in such letters, is too long, or would share its file with another gets a digest of itself
    appended; which one does, never depends on the order.
    """
    plain = {name: _plain(name) for name in names}
    taken = Counter(text.casefold() for text in plain.values())
    return {
        name: text if _good(text) and taken[text.casefold()] == 1 else _told_apart(name, text)
        for name, text in plain.items()
    }


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKC", name)
    return re.sub(r"_+", "_", "".join(c if c.isalnum() or c == "-" else "_" for c in text)).strip("_-")


def _good(text: str) -> bool:
    return bool(text) and len(text.encode()) <= _LONGEST and not _RESERVED.fullmatch(text)


def _told_apart(name: str, text: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    start = text.encode("utf-8", "ignore")[: _LONGEST - 20].decode("utf-8", "ignore")
    return f"{start}__{digest}" if start else f"_{digest}"


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts 2班 before 10班."""
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)
