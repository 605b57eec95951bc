"""Tables made ready to be cut: rows of units by unit, rows of pupils by class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]  # a row of a table, by column


class Rows:
    """Rows of tables of units, found by table, subject, level and unit."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str, str], list[Row]] = {}

    def add(self, name: str, table: pa.Table) -> None:
        """Add a table, without its rows of pupils."""
        for row in table.filter(pc.not_equal(table["level"], "pupil")).to_pylist():
            self._found.setdefault((name, row.get("subject", ""), row["level"], row["unit"]), []).append(row)

    def get(self, table: str, subject: str, level: str, unit: str) -> list[Row]:
        """The rows of one unit; none if there are none."""
        return self._found.get((table, subject, level, unit), [])


class ByClass:
    """A table whose rows belong to classes, sorted by class once."""

    def __init__(self, table: pa.Table, codes: np.ndarray, classes: int) -> None:
        self._table = table
        self._order = np.argsort(codes, kind="stable")
        self._start = np.searchsorted(codes[self._order], np.arange(classes + 1))

    def take(self, first: int, last: int) -> pa.Table:
        """The rows of the classes first…last-1."""
        return self._table.take(pa.array(self._order[self._start[first] : self._start[last]])).combine_chunks()
