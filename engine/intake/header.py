"""Finds the table in a sheet: which rows are the header, what each column is, which rows below are its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.intake.grid import Grid
from engine.intake.words import Recognise, is_passed_over, key

SEARCHED = 40  # rows that are not blank in which the header is looked for
DEEPEST = 3  # lines of a header


@dataclass
class Table:
    """A table found in a sheet.

    Attributes:
        grid: the sheet.
        header: rows of the grid that are the header.
        places: columns of the sheet that belong to this table; two may stand side by side.
        fields: field → column.
        titles: column → its title as it stands, the lines of it joined by a space.
        repeated: further columns for a field that another column already is → field.
        rows: rows of the grid that are data.
        dropped: rows below the header that are none → why.
    """

    grid: Grid
    header: range
    places: range
    fields: dict[str, int]
    titles: dict[int, str]
    repeated: dict[int, str] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    dropped: dict[int, str] = field(default_factory=dict)

    def texts(self, name: str) -> list[str]:
        """The cells of a field by data row, "" throughout where the table has no such column."""
        place = self.fields.get(name)
        return [""] * len(self.rows) if place is None else self.grid.column(place, self.rows)


def find_tables(grid: Grid, recognise: Recognise, needed: Sequence[Collection[str]]) -> list[Table]:
    """The tables of a sheet by the titles of their columns; none where nothing looks like a header.

    Of the top rows, one to three together, the header is what names the most fields, of equals the shortest and
    highest: title rows, notes and empty columns name none. Where its first field comes again, two tables stand side by
    side, as lists are printed to save paper.

    Args:
        recognise: title → field.
        needed: the header has at least one field of each of these; the first are those that say whose a row is.
    """
    best: tuple[tuple[int, ...], Table] | None = None
    for start in range(min(SEARCHED, len(grid.rows))):
        for depth in range(1, min(DEEPEST, len(grid.rows) - start) + 1):
            table = _table(grid, range(start, start + depth), recognise)
            named = all(any(name in table.fields for name in group) for group in needed)
            if named and not _holds_a_pupil(table, needed[0], recognise):
                goes_on = _goes_on(table, needed[0])
                score = (len(table.fields), -len(table.repeated), -goes_on, -depth, -start)
                if best is None or score > best[0]:
                    best = score, table
    return _side_by_side(best[1], recognise) if best else []


def _table(grid: Grid, header: range, recognise: Recognise, places: range | None = None) -> Table:
    lines = grid.rows[header.start : header.stop]
    places = places or range(max(map(len, lines)))
    titles = _titles(lines, places)
    table = Table(grid, header, places, {}, {place: " ".join(parts) for place, parts in titles.items()})
    for place, parts in titles.items():
        name = recognise(" ".join(parts))
        if name is None and len(parts) > 1 and not is_passed_over(parts[-1]):
            name = recognise(parts[-1]) or recognise(parts[0])
        if name is not None and table.fields.setdefault(name, place) != place:
            table.repeated[place] = name
    return table


def _titles(lines: Sequence[Sequence[str]], places: range) -> dict[int, list[str]]:
    """Column → lines of its title. A heading over several columns, merged or not, is part of the title of each."""
    padded = [[*line, *[""] * (places.stop - len(line))] for line in lines]
    for upper, lower in pairwise(padded):
        for place in places[1:]:
            beside = lower[place - 1] not in ("", upper[place - 1])
            if not upper[place] and lower[place] and upper[place - 1] and beside:
                upper[place] = upper[place - 1]
    columns = {place: list(dict.fromkeys(line[place] for line in padded if line[place])) for place in places}
    return {place: parts for place, parts in columns.items() if parts}


def _holds_a_pupil(table: Table, identity: Collection[str], recognise: Recognise) -> bool:
    """Whether the last line of a header is a row of data: it has something else where the title is 姓名 or 学号."""
    who = [place for name, place in table.fields.items() if name in identity]
    if len(table.header) == 1:
        return False
    last = [table.grid.cell(table.header[-1], place) for place in who]
    return any(cell and recognise(cell) is None for cell in last)


def _goes_on(table: Table, identity: Collection[str]) -> bool:
    """Whether the row below a header is more of it: words, and nobody's."""
    row = table.header.stop
    if row >= len(table.grid.rows):
        return False
    who = [place for name, place in table.fields.items() if name in identity]
    nobody = all(table.grid.cell(row, place) in ("", table.titles[place]) for place in who)
    others = [cell for place, cell in enumerate(table.grid.rows[row]) if cell and place not in who]
    return nobody and len(others) > 1 and not any(cell.replace(".", "").isdecimal() for cell in others)


def _side_by_side(table: Table, recognise: Recognise) -> list[Table]:
    first = min(table.fields, key=table.fields.__getitem__)
    starts = [place for place, name in table.repeated.items() if name == first]
    if not starts:
        return [table]
    bounds = [table.fields[first], *starts, table.places.stop]
    blocks = [range(left, right) for left, right in pairwise(bounds)]
    tables = [_table(table.grid, table.header, recognise, places) for places in blocks]
    same = all(set(one.fields) == set(tables[0].fields) for one in tables)
    return tables if same and len(tables[0].fields) > 1 else [table]


def sort_rows(table: Table, identity: Collection[str], is_label: Callable[[str], bool]) -> None:
    """Tell the data rows of a table from headers repeated on every page, sums, means, notes and signatures.

    Args:
        identity: fields that say whose a row is; a row with none of them is no pupil's.
        is_label: whether a text at the head of a row says that it is a sum or a note.
    """
    grid = table.grid
    own = sorted(table.fields.values())
    who = sorted(table.fields[name] for name in identity if name in table.fields)
    heads = [[key(grid.cell(row, place)) for place in own] for row in table.header]
    for row in range(table.header.stop, len(grid.rows)):
        cells = [cell for place in table.places if (cell := grid.cell(row, place))]
        named = [cell for place in who if (cell := grid.cell(row, place))]
        if not cells:
            continue
        if [key(grid.cell(row, place)) for place in own] in heads:
            table.dropped[row] = "重复的表头"
        elif any(map(is_label, named)) or (len(named) < len(who) and is_label(cells[0])):
            table.dropped[row] = "合计、平均、备注等行"
        elif not any(grid.cell(row, place) for place in own):
            table.dropped[row] = "认得的各列都是空的"
        elif not named and len(set(cells)) == 1:
            table.dropped[row] = "只有一段文字"
        else:
            table.rows.append(row)
