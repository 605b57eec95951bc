"""What is wrong with a cell or a row, as it goes into the list of errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.intake.grid import column_name
from engine.intake.header import Table


@dataclass(frozen=True)
class Problem:
    """Something to look at in a row of a table.

    Attributes:
        table, row: the table and the row of its grid.
        place: the column; None for the row as a whole.
        message, mend: what is wrong, and what to do about it.
        is_error: the row can't be taken over; else it is, and a person should look.
    """

    table: Table
    row: int
    place: int | None
    message: str
    mend: str
    is_error: bool = True

    @property
    def line(self) -> int:
        """The row as a person counts."""
        return self.table.grid.lines[self.row]

    @property
    def where(self) -> str:
        """The cell as a person names it: 一班!C7."""
        sheet = f"{self.table.grid.name}!" if self.table.grid.name else ""
        return f"{sheet}{column_name(self.place) if self.place is not None else ''}{self.line}"

    def __str__(self) -> str:
        return f"{self.table.grid.path.name} {self.where}：{self.message}；{self.mend}"


@dataclass
class Complaints:
    """Collects problems."""

    problems: list[Problem] = field(default_factory=list)

    def of(self, table: Table) -> Callable[..., None]:
        """A function to complain about data row `i` of a table: (i, field, message, mend, is_error=True)."""

        def complain(i: int, name: str | None, message: str, mend: str, *, is_error: bool = True) -> None:
            place = table.fields.get(name) if name else None
            self.problems.append(Problem(table, table.rows[i], place, message, mend, is_error))

        return complain

    def bad_rows(self, table: Table) -> set[int]:
        """Rows of the grid of a table that have errors."""
        return {one.row for one in self.problems if one.table is table and one.is_error}

    @property
    def errors(self) -> list[Problem]:
        return [one for one in self.problems if one.is_error]

    @property
    def warnings(self) -> list[Problem]:
        return [one for one in self.problems if not one.is_error]
