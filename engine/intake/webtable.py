"""Tables of web pages: what many school systems send as “.xls” is an HTML page with a table in it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from engine.files import clean
from engine.intake.grid import MOST_COLUMNS, Grid, Merge


def read_web(text: str, path: Path) -> list[Grid]:
    """The tables of a page, in order; what spans several rows or columns stands in each of them."""
    reader = _Tables(path)
    reader.feed(text)
    reader.close()
    return [grid for grid in reader.grids if grid.rows]


class _Tables(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.grids: list[Grid] = []
        self._path = path
        self._pieces: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.handle_endtag("table")
            self.grids.append(Grid(self._path, f"表{len(self.grids) + 1}" if self.grids else ""))
            self._line, self._merges = 0, list[Merge]()
            self._taken = set[tuple[int, int]]()  # by what spans several rows
            self._cells: list[str] = []
        elif not self.grids:
            return
        elif tag == "tr":
            self._end_row()
            self._line += 1
        elif tag in ("td", "th"):
            self._end_cell()
            self._pieces = []
            span = {name: min(int(value), MOST_COLUMNS) for name, value in attrs if value and value.isdecimal()}
            self._span = max(span.get("rowspan", 1), 1), max(span.get("colspan", 1), 1)
        elif tag == "br" and self._pieces is not None:
            self._pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if self._pieces is not None:
            self._pieces.append(data)

    def handle_endtag(self, tag: str) -> None:
        if not self.grids:
            return
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()
        if tag == "table":
            self.grids[-1].fill(self._merges)
            self._merges = []

    def _end_cell(self) -> None:
        if self._pieces is None:
            return
        text, self._pieces = clean(" ".join("".join(self._pieces).split())), None
        while (self._line, len(self._cells)) in self._taken:
            self._cells.append("")
        place, (down, across) = len(self._cells), self._span
        if down > 1 or across > 1:
            self._merges.append((self._line, place, self._line + down - 1, place + across - 1))
            self._taken.update(
                (self._line + row, place + column) for row in range(1, down) for column in range(min(across, 100))
            )
        self._cells.extend([text, *[""] * (across - 1)])

    def _end_row(self) -> None:
        self._end_cell()
        if self._cells:
            self.grids[-1].add(self._line, self._cells)
        self._cells = []
