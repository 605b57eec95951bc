"""Marks as codes: the long table of marks as arrays, and what was read of each pupil as a grid of fields by pupils."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.identity import PageIds

NOT_READ = -1  # code of a field that was not read for a pupil


@dataclass(frozen=True)
class Coded:
    """The long table of marks as codes, a place a mark, sorted by page and field."""

    page: np.ndarray  # row of pages
    field: np.ndarray  # code
    value: np.ndarray  # code
    fields: list[str]
    values: list[str]

    @classmethod
    def of(cls, pages: pa.Table, marks: pa.Table) -> Coded:
        page = page_rows(pages, marks)
        field, fields = _codes(marks["field"])
        value, values = _codes(pc.fill_null(marks["value"], ""))
        order = np.lexsort((field, page))
        order = order[page[order] >= 0]
        return cls(page[order], field[order], value[order], fields, values)

    def text(self, name: str, n_pages: int) -> list[str]:
        """The value of one field by page, "" where the page has no such field."""
        codes = np.full(n_pages, NOT_READ)
        if name in self.fields:
            mine = self.field == self.fields.index(name)
            codes[self.page[mine]] = self.value[mine]
        return ["" if code == NOT_READ else self.values[code] for code in codes.tolist()]

    def contents(self, rows: np.ndarray) -> list[bytes]:
        """All that was marked on each of some pages: equal bytes for equal marks."""
        starts, ends = np.searchsorted(self.page, rows, "left"), np.searchsorted(self.page, rows, "right")
        both = np.stack([self.field, self.value], axis=1)
        return [both[start:end].tobytes() for start, end in zip(starts, ends, strict=True)]


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def page_rows(pages: pa.Table, table: pa.Table) -> np.ndarray:
    """By row of `table`, the row of `pages` with the same file and page; -1 where there is none."""
    if not pages.num_rows or not table.num_rows:
        return np.full(table.num_rows, -1)
    files = pc.unique(pages["file"])
    span = max(pc.max(pages["page"]).as_py(), pc.max(table["page"]).as_py() or 0) + 1

    def keys(of: pa.Table) -> np.ndarray:
        file = pc.fill_null(pc.index_in(of["file"], value_set=files), -1).to_numpy().astype(np.int64)
        return np.where(file < 0, -1, file * span + pc.fill_null(of["page"], 0).to_numpy())

    known, wanted = keys(pages), keys(table)
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known[order], wanted), len(order) - 1)
    return np.where(known[order[at]] == wanted, order[at], -1)


@dataclass(frozen=True)
class Sheets:
    """What was read of each pupil.

    Attributes:
        grid: (fields, pupils) codes of values, NOT_READ where a pupil's sheet lacks the field.
        fields: names of those that were read of anybody.
        printed: names of the fields on the sheet, as far as they are known.
        sides: (pupils, sides + 1) bool, by number of the side.
        first_page: (pupils,) row of pages, -1 for pupils without any.
        coded, owner: the marks, and by mark whose page it is on.
    """

    grid: np.ndarray
    fields: list[str]
    printed: frozenset[str]
    values: list[str]
    sides: np.ndarray
    first_page: np.ndarray
    coded: Coded
    owner: np.ndarray

    @classmethod
    def of(cls, coded: Coded, ids: PageIds, n_pupils: int, on_sides: Mapping[int, Collection[str]]) -> Sheets:
        """Gather the pages of each pupil; `on_sides` are the fields of the layout by page of the sheet, if known."""
        grid = np.full((len(coded.fields), n_pupils), NOT_READ, dtype=np.int32)
        owner = ids.owner[coded.page]
        mine = owner >= 0
        grid[coded.field[mine], owner[mine]] = coded.value[mine]
        last = max(int(ids.sheet_page.max(initial=0)), *on_sides, 0)
        sides = np.zeros((n_pupils, last + 1), dtype=bool)
        first = np.full(n_pupils, -1)
        rows = np.flatnonzero(ids.owner >= 0)
        sides[ids.owner[rows], ids.sheet_page[rows]] = True
        first[ids.owner[rows[::-1]]] = rows[::-1]
        printed = frozenset(coded.fields).union(*on_sides.values())
        return cls(grid, coded.fields, printed, coded.values, sides, first, coded, owner)

    def codes(self, name: str) -> np.ndarray:
        """(pupils,) codes of a field; a field that no sheet has was not read of anybody."""
        if name in self.fields:
            return self.grid[self.fields.index(name)]
        return np.full(self.grid.shape[1], NOT_READ, dtype=np.int32)

    def pages_with(self, name: str) -> np.ndarray:
        """(pupils,) row of the page that has a field, -1 where none was read."""
        rows = np.full(self.grid.shape[1], -1)
        if name in self.fields:
            mine = (self.coded.field == self.fields.index(name)) & (self.owner >= 0)
            rows[self.owner[mine]] = self.coded.page[mine]
        return rows

    def marked(self, names: Iterable[str]) -> np.ndarray:
        """(pupils,) bool: something is marked in one of the fields."""
        blank = [code for code, value in enumerate(self.values) if value == ""]
        rows = np.array([self.fields.index(name) for name in names if name in self.fields], dtype=int)
        marked: np.ndarray = np.any(~np.isin(self.grid[rows], [NOT_READ, *blank]), axis=0)
        return marked

    def text(self, name: str) -> np.ndarray:
        """(pupils,) values of a field, "" where it was not read."""
        return np.array([*self.values, ""], dtype=object)[self.codes(name)]

    def of_pupil(self, pupil: int) -> dict[str, str]:
        """Field → value of everything that was read of one pupil."""
        codes = self.grid[:, pupil].tolist()
        return {name: self.values[code] for name, code in zip(self.fields, codes, strict=True) if code != NOT_READ}
