"""What is too much for a page, and how a page is refused."""

from __future__ import annotations

MAX_PIXELS = 100_000_000  # of one page: A3 at 600 dpi is 70 million
MAX_BYTES = 1 << 30  # of one file
MAX_MEMBER = 1 << 28  # of one file in an archive: it is unpacked in memory
MAX_PAGES = 10_000  # of one file
MAX_INDEX = 1 << 25  # bytes of an archive's list of files: some 300 000 names


class Unreadable(Exception):
    """A page that can't be turned into pixels.

    `reason` is the value of an `omr.reason.Reason`, `detail` says what was seen.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[type[Unreadable], tuple[str, str]]:
        return Unreadable, (self.reason, self.detail)


def check_size(width: int, height: int) -> None:
    """Refuse a picture without pixels, or with more than a page can have.

    Raises:
        Unreadable: it is one of these.
    """
    if width < 1 or height < 1:
        raise Unreadable("damaged", f"{width} × {height} pixels")
    if width * height > MAX_PIXELS:
        raise Unreadable("too_large", f"{width} × {height} pixels; the limit is {MAX_PIXELS}")
