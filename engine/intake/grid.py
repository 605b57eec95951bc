"""A sheet as it stands in a file: text cells with the rows and columns a person sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InputError

MOST_COLUMNS = 2000
MOST_CELLS = 20_000_000
Merge = tuple[int, int, int, int]  # first line, first place, last line, last place; all counted in


@dataclass
class Grid:
    """The rows of a sheet that are not blank.

    Attributes:
        path, name: the file, and the sheet in it ("" where a file has no sheets).
        lines: by row, its number as a person counts it (from 1).
        rows: by row, its cells as text up to the last one that is not blank; columns count from 0.
        hidden_lines, hidden_places: rows and columns that the sheet hides.
        hidden: the sheet itself is.
    """

    path: Path
    name: str = ""
    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    hidden_lines: set[int] = field(default_factory=set)
    hidden_places: set[int] = field(default_factory=set)
    hidden: bool = False
    _cells: int = 0

    @property
    def told(self) -> str:
        """File and sheet, for people."""
        return f"{self.path.name} {self.name}".strip()

    def add(self, line: int, cells: list[str]) -> None:
        """The next row; a blank one is left out.

        Raises:
            InputError: the sheet is too big to be a table of people.
        """
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            return
        self._cells += len(cells)
        if len(cells) > MOST_COLUMNS or self._cells > MOST_CELLS:
            raise InputError(
                f"sheet {self.name!r} goes out to column {column_name(len(cells) - 1)} and has {self._cells:,} cells",
                file=self.path,
                row=line,
                mend="delete what stands far out in the sheet, or copy the table alone into a new workbook",
            )
        self.lines.append(line)
        self.rows.append(cells)

    def fill(self, merges: list[Merge]) -> None:
        """Write the value of merged cells into each of them, as far as there are rows."""
        row_of = {line: row for row, line in enumerate(self.lines)}
        for top, left, bottom, right in merges:
            row = row_of.get(top)
            value = self.cell(row, left) if row is not None else ""
            if not value or right >= MOST_COLUMNS:
                continue
            while row is not None and row < len(self.lines) and self.lines[row] <= bottom:
                cells = self.rows[row]
                cells.extend([""] * (right + 1 - len(cells)))
                cells[left : right + 1] = [value] * (right + 1 - left)
                row += 1

    def cell(self, row: int, place: int) -> str:
        """The text of a cell, "" beyond the end of its row."""
        cells = self.rows[row]
        return cells[place] if place < len(cells) else ""

    def column(self, place: int, rows: list[int]) -> list[str]:
        """The cells of a column in some rows."""
        return [self.cell(row, place) for row in rows]


def column_name(place: int) -> str:
    """The letters of a column: 0 is A, 26 is AA."""
    letters = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
