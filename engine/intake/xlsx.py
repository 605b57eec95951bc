"""XLSX workbooks in one pass: values as a person sees them, merged cells, what is hidden, formulas without a result.

openpyxl gives these only with the whole workbook in memory, and formulas or their results but not both; it is used for
the number formats. Cells, not what a file says of its size, make a row; formatted cells without a value cost little.
"""

from __future__ import annotations

import functools
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from engine.errors import InputError
from engine.files import MAX_BYTES, cell_text, clean
from engine.intake.grid import MOST_COLUMNS, Grid, Merge
from engine.intake.oneroster import is_oneroster, read_oneroster

_DAMAGED = (
    *(
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        OSError,
        EOFError,
    ),  # RuntimeError: encrypted, or packed as no other
    *(expat.ExpatError, ElementTree.ParseError, LookupError, ValueError, OverflowError),
)
_CHUNK = 1 << 20
# Cells that have a format and nothing else, and rows of such cells. One that does not say where it is counts its place.
_EMPTY_CELLS = re.compile(rb'(?:<c r="[A-Z]+\d+"[^<>]*/>)+')
_EMPTY_ROWS = re.compile(rb'(?:<row r="\d+"[^<>]*>\s*</row>)+')
_DIGITS = "0123456789"
_MOST_MERGES = 100_000


def read_xlsx(raw: bytes, path: Path) -> list[Grid]:
    """The worksheets of a workbook, in order; of a OneRoster bundle, which is a zip as well, its pupils.

    Raises:
        InputError: damaged, or more than `MAX_BYTES` when unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                mend = "check where the file comes from"
                raise InputError("more than a gigabyte when unpacked", file=path, mend=mend)
            if is_oneroster(archive):
                return [read_oneroster(archive, path)]
            return _Workbook(archive, path).grids()
    except _DAMAGED as error:
        raise InputError(
            f"a damaged XLSX file, or none ({type(error).__name__}: {error})",
            file=path,
            mend="open it in a spreadsheet and save it again as .xlsx (Excel 工作簿)",
        ) from None


class _Workbook:
    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        self._parts = {name.lower().replace("\\", "/"): name for name in archive.namelist()}
        self._strings = _SharedStrings().read(self._open("xl/sharedStrings.xml"))
        self._formats = self._number_formats()

    def _open(self, part: str) -> io.BufferedIOBase:
        """A part of the workbook, empty where there is none."""
        name = self._parts.get(part.lower())
        return self._archive.open(name) if name else io.BytesIO()  # type: ignore[return-value]

    def _tree(self, part: str) -> ElementTree.Element:
        """A small part as a tree without namespaces; it may not declare entities."""
        data = self._open(part).read()
        if b"<!DOCTYPE" in data:
            raise ValueError("a document type where there can be none")
        root = ElementTree.fromstring(data) if data else ElementTree.Element("none")
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def _number_formats(self) -> list[str]:
        """The number format of each cell style."""
        styles = self._tree("xl/styles.xml")
        own = {one.get("numFmtId", ""): one.get("formatCode", "") for one in styles.iter("numFmt")}
        cells = styles.find("cellXfs")
        ids = [one.get("numFmtId", "0") for one in (cells if cells is not None else ())]
        return [own.get(number) or BUILTIN_FORMATS.get(int(number), "General") for number in ids]

    def grids(self) -> list[Grid]:
        book, relations = self._tree("xl/workbook.xml"), self._tree("xl/_rels/workbook.xml.rels")
        targets = {
            one.get("Id"): one.get("Target", "") for one in relations if one.get("Type", "").endswith("/worksheet")
        }
        properties = book.find("workbookPr")
        is_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        epoch = CALENDAR_MAC_1904 if is_1904 else CALENDAR_WINDOWS_1900

        @functools.lru_cache(maxsize=100_000)
        def shown(text: str, style: str) -> str:
            number = float(text)
            code = self._formats[int(style)] if int(style) < len(self._formats) else "General"
            if is_date_format(code) and code != "General":
                try:
                    return cell_text(from_excel(number, epoch))
                except (OverflowError, ValueError):
                    pass
            return cell_text(number, code)

        grids = []
        for sheet in book.iter("sheet"):
            link = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), None)
            if link in targets:
                target = targets[link]
                part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                grid = Grid(self._path, clean(sheet.get("name", "")), hidden="hidden" in sheet.get("state", "").lower())
                _SheetReader(grid, self._strings, shown).read(self._open(part))
                grids.append(grid)
        return grids


class _Reader:
    """An expat parser fed in pieces; entities can't be declared."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        raise ValueError("a document type where there can be none")

    def _feed(self, stream: io.BufferedIOBase) -> None:
        """Parse a part; formatted cells without a value are cut out before, which is much faster."""
        rest = b""
        with stream:
            while chunk := stream.read(_CHUNK):
                data = rest + chunk
                cut = max(data.rfind(b"<row "), 0) or data.rfind(b">") + 1 or len(data)
                self._parser.Parse(_EMPTY_ROWS.sub(b"", _EMPTY_CELLS.sub(b"", data[:cut])))
                rest = data[cut:]
        if rest or self._parser.CurrentByteIndex > 0:
            self._parser.Parse(rest, True)

    def _gather(self, pieces: list[str] | None) -> None:
        """Where text goes from now on."""
        self._parser.CharacterDataHandler = pieces.append if pieces is not None else None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def _end(self, tag: str) -> None:
        raise NotImplementedError


class _SharedStrings(_Reader):
    """The table of strings; phonetic guides are no part of them."""

    def read(self, stream: io.BufferedIOBase) -> list[str]:
        self._found: list[str] = []
        self._pieces: list[str] = []
        self._phonetic = False
        self._feed(stream)
        return self._found

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "si":
            self._pieces.clear()
        elif name == "rPh":
            self._phonetic = True
        elif name == "t" and not self._phonetic:
            self._gather(self._pieces)

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "t":
            self._gather(None)
        elif name == "rPh":
            self._phonetic = False
        elif name == "si":
            self._found.append(clean("".join(self._pieces)))


class _SheetReader(_Reader):
    def __init__(self, grid: Grid, strings: list[str], shown: Callable[[str, str], str]) -> None:
        super().__init__()
        self._grid, self._strings, self._shown = grid, strings, shown
        self._line = 0
        self._cells: list[str] = []
        self._merges: list[Merge] = []
        self._value: list[str] = []
        self._formula: list[str] = []

    def read(self, stream: io.BufferedIOBase) -> None:
        self._feed(stream)
        self._grid.fill(self._merges)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2] if ":" in tag else tag
        if name == "c":
            self._cell = attributes
            self._value.clear()
            self._formula.clear()
        elif name == "v" or name == "t":
            self._gather(self._value)
        elif name == "f":
            self._gather(self._formula)
        elif name == "row":
            self._line = int(attributes.get("r", self._line + 1))
            self._cells, self._next = [], 0
            if attributes.get("hidden") in ("1", "true"):
                self._grid.hidden_lines.add(self._line)
        elif name == "col":
            self._column(attributes)
        elif name == "mergeCell" and len(self._merges) < _MOST_MERGES:
            corners = [_corner(corner) for corner in attributes.get("ref", "").split(":")]
            if len(corners) == 2:
                (top, left), (bottom, right) = corners
                self._merges.append((top, left, bottom, right))

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2] if ":" in tag else tag
        if name in ("v", "t", "f"):
            self._gather(None)
        elif name == "c":
            self._put()
        elif name == "row":
            self._grid.add(self._line, self._cells)

    def _column(self, attributes: dict[str, str]) -> None:
        if attributes.get("hidden") in ("1", "true"):
            first, last = int(attributes.get("min", 0)), int(attributes.get("max", 0))
            self._grid.hidden_places.update(range(first - 1, min(last, MOST_COLUMNS)))

    def _put(self) -> None:
        text, kind = "".join(self._value), self._cell.get("t", "n")
        if kind == "s":
            text = self._strings[int(text)] if text else ""
        elif kind == "n":
            text = self._shown(text, self._cell.get("s", "0")) if text else ""
        elif kind == "b":
            text = "TRUE" if text == "1" else "FALSE"
        elif kind == "d":
            text = text.removesuffix("T00:00:00")
        else:
            text = clean(text)
        if not text and self._formula:
            text = "=" + "".join(self._formula)
        place = _column_place(self._cell["r"].rstrip(_DIGITS)) if "r" in self._cell else self._next
        self._next = place + 1
        if not text:
            return
        if place >= MOST_COLUMNS:
            self._grid.add(self._line, [""] * place + [text])  # which says what is wrong
        if place >= len(self._cells):
            self._cells.extend([""] * (place + 1 - len(self._cells)))
        self._cells[place] = text


def _corner(reference: str) -> tuple[int, int]:
    """Line (from 1) and place (from 0) of a reference such as B12."""
    letters = reference.rstrip(_DIGITS)
    return int(reference[len(letters) :]), _column_place(letters)


@functools.lru_cache(maxsize=MOST_COLUMNS)
def _column_place(letters: str) -> int:
    place = 0
    for letter in letters:
        place = 26 * place + ord(letter) - 64
    if not letters.isalpha() or not letters.isupper() or not letters.isascii():
        raise ValueError(f"no column {letters!r}")
    return place - 1
