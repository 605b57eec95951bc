"""Tables that people keep: CSV and XLSX files read as text, with every cell traceable to its row and column.

What real files bring: titles above the header, Chinese or English headers, blank rows, GBK, full-width digits, and
identifiers that a spreadsheet has rounded to fifteen digits. The first five are read; the last is refused.
"""

from __future__ import annotations

import csv
import datetime
import difflib
import io
import re
import unicodedata
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError, raise_all

IDENTIFIERS = frozenset({"student_id", "candidate_no"})
MAX_BYTES = 1 << 30  # of text, unpacked: more is a mistake or a decompression bomb
MOST_HINTS = 20  # known words named in a hint
TITLE_ROWS = 10  # the header is looked for in so many rows

_SUFFIXES = (".csv", ".xlsx")
_HALFWIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_SCIENTIFIC = re.compile(r"\d(\.\d*)?[eE]\+\d+|\d\.\d*[eE]\d+")
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"


@dataclass(frozen=True)
class Records:
    """The rows of a table below its header, as text.

    Attributes:
        path: the file.
        columns: names of the columns, aliases resolved.
        rows: a dict a row, blank rows left out; every row has every column, "" where a cell is blank.
        lines: the row each came from, as a person counts them in a spreadsheet (from 1).
        titles: by column, its header as written in the file.
    """

    path: Path
    columns: list[str]
    rows: list[dict[str, str]]
    lines: list[int]
    titles: dict[str, str]

    def error(self, i: int, column: str, message: str, mend: str) -> InputError:
        """What is wrong with `column` of `rows[i]`, said with the row and the header that stand in the file."""
        return InputError(message, file=self.path, row=self.lines[i], column=self.titles.get(column, column), mend=mend)


def read_records(
    path: Path,
    *,
    required: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
    identifiers: Collection[str] = IDENTIFIERS,
) -> Records:
    """Read a CSV (comma, semicolon or tab) or the first sheet of an XLSX file; content, not suffix, tells which.

    Args:
        required: columns that must be there.
        aliases: other headers → column name. Case, spaces, underscores and full-width forms of headers don't matter.
        identifiers: columns of identifiers: full-width letters and digits become ASCII, damaged values are refused.

    Raises:
        InputError: unreadable file, missing or repeated column, row longer than the header, damaged identifier.
    """
    raw = read_bytes(path)
    if raw.startswith(b"PK\x03\x04"):
        tables = [RawTable(_xlsx_rows(raw, path))]
    elif raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(
            "an old .xls or a password-protected workbook, which can't be read",
            file=path,
            mend="save it as .xlsx (Excel 工作簿) without a password, or as CSV",
        )
    else:
        tables = csv_tables(decode(raw, path), path)
    names = {_header_key(name): name for name in required} | {
        _header_key(alias): name for alias, name in (aliases or {}).items()
    }
    names |= {_header_key(name): name for name in (aliases or {}).values()}
    # The right delimiter is the one that shows most of the required columns, then most columns.
    headers = [_find_header(table.rows, names, required) for table in tables]
    table, header = max(zip(tables, headers, strict=True), key=lambda pair: (pair[1].found, pair[1].width))
    if table.error is not None:
        raise table.error
    return _records(path, table.rows, header.index, names, required, identifiers)


def find_table(folder: Path, stem: str) -> Path | None:
    """The file `stem`.csv or `stem`.xlsx of a folder; None if there is neither.

    Raises:
        InputError: both are there.
    """
    found = [path for suffix in _SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()]
    if len(found) > 1:
        raise InputError(f"{found[1].name} is there as well", file=found[0], mend="keep one of the two")
    return found[0] if found else None


def need_table(folder: Path, stem: str) -> Path:
    """As `find_table`, but the file must be there."""
    path = find_table(folder, stem)
    if path is None:
        raise InputError(
            "no such file",
            file=folder / f"{stem}.csv",
            mend=f"put {stem}.csv or {stem}.xlsx there; `yuejuan new DIR` writes one to start from",
        )
    return path


def halfwidth(text: str) -> str:
    """Full-width letters, digits and signs as ASCII: "Ａ１：" → "A1:"."""
    return text if text.isascii() else text.translate(_HALFWIDTH).strip()


def is_safe(name: str) -> bool:
    """Whether an identifier can be part of a file name: no path separator or control character, not "", "." or ".."."""
    return bool(name) and name not in (".", "..") and not any(c in "/\\" or not c.isprintable() for c in name)


def hint(word: str, known: Iterable[str]) -> str:
    """The mend for a word not known: the closest known one, or the first of them."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"use one of: {', '.join(known[:MOST_HINTS])}{' …' if len(known) > MOST_HINTS else ''}"


def is_damaged(value: str) -> bool:
    """Whether an identifier certainly went through a spreadsheet's number cell: 1.23E+17, or an 18-digit 身份证号 that
    ends in zeros from the 16th digit and fails its own check digit (GB 11643: ISO 7064 MOD 11-2) or has no sequence."""
    if _SCIENTIFIC.fullmatch(value):
        return True
    if not _ends_rounded(value) or len(value) != 18:
        return False
    total = sum(int(digit) * pow(2, 17 - i, 11) for i, digit in enumerate(value))
    return total % 11 != 1 or value[14:17] == "000"


def _ends_rounded(value: str) -> bool:
    return len(value) > 15 and value.isdigit() and not value[15:].strip("0")


# ---- bytes to rows of text


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of at most `MAX_BYTES`.

    Raises:
        InputError: it is not there, can't be opened, or is longer.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError("more than a gigabyte of text", file=path, mend="split the table or check the file")
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError("no such file", file=path, mend="check the name and the folder") from None
    except OSError as error:
        raise InputError(
            f"can't be opened: {error.strerror}", file=path, mend="check that it is a readable file"
        ) from None


def read_text(path: Path) -> str:
    """The text of a file: BOM, then strict UTF-8, then GB18030."""
    return decode(read_bytes(path), path)


def decode(raw: bytes, path: Path) -> str:
    """BOM, then strict UTF-8, then GB18030 (which covers GBK and GB2312).

    Raises:
        InputError: none of them fits, or it is no text.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif raw.startswith(b"\xef\xbb\xbf"):
        encodings = ["utf-8-sig"]
    else:
        encodings = ["utf-8", "gb18030"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            row = raw.count(b"\n", 0, error.start) + 1
        else:
            if "\0" in text:
                raise InputError("not a text file", file=path, mend="give a CSV or XLSX file")
            return text
    raise InputError(
        f"neither UTF-8 nor GB18030 (tried {', '.join(encodings)})",
        file=path,
        row=row,
        mend="open it in a spreadsheet and save it as “CSV UTF-8” or as XLSX",
    )


@dataclass
class RawTable:
    """Rows of cells of a text file, up to what can't be read."""

    rows: list[list[str]]
    error: InputError | None = None


def csv_tables(text: str, path: Path) -> list[RawTable]:
    """The text read with each delimiter that is in it."""
    tables = []
    for delimiter in [delimiter for delimiter in ",;\t" if delimiter in text] or [","]:
        table = RawTable([])
        try:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
                table.rows.append([clean(cell) for cell in row])
        except csv.Error as error:
            mend = 'close the quotation mark ("), and double it inside a quoted cell'
            table.error = InputError(f"not a CSV table: {error}", file=path, row=len(table.rows) + 1, mend=mend)
        tables.append(table)
    return tables


def _xlsx_rows(raw: bytes, path: Path) -> list[list[str]]:
    import openpyxl  # takes a quarter of a second, and most exams come as CSV

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_BYTES:
            raise InputError("more than a gigabyte when unpacked", file=path, mend="check where the file comes from")
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size is often wrong
        return [[cell_text(cell.value, cell.number_format) for cell in row] for row in sheet.iter_rows()]
    except InputError:
        raise
    except Exception as error:  # openpyxl lets through whatever its parsers raise
        raise InputError(
            f"a damaged XLSX file ({type(error).__name__}: {error})",
            file=path,
            mend="open it in a spreadsheet and save it again as .xlsx",
        ) from None


def cell_text(value: object, number_format: str | None = None) -> str:
    """A cell as a person sees it. Numbers beyond fifteen digits come out as 1.23E+17: their end is lost."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        if abs(value) >= 1e15:
            return f"{value:.5E}"
        if value == int(value):
            zeros = number_format if number_format and not number_format.strip("0") else ""
            return str(int(value)).zfill(len(zeros))
        return f"{value:.15g}"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)


def clean(text: str) -> str:
    """Text without spaces and invisible characters around it, its characters composed (NFC)."""
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text).strip().strip(_INVISIBLE).strip()


# ---- rows of text to records


@dataclass(frozen=True)
class _Header:
    index: int  # of the row
    found: int  # required columns in it
    width: int  # cells in it that are not blank


def _header_key(title: str) -> str:
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", title)).casefold()


def _find_header(rows: list[list[str]], names: Mapping[str, str], required: Sequence[str]) -> _Header:
    """The first of the top rows that has every required column, else the one that has most of the known ones."""
    headers, known = [], []
    for index, row in enumerate(rows):
        if any(row):
            columns = {names.get(_header_key(title)) for title in row}
            headers.append(_Header(index, len(columns & set(required)), sum(map(bool, row))))
            known.append((headers[-1].found, len(columns - {None})))
        if len(headers) == TITLE_ROWS:
            break
    if not headers:
        return _Header(0, 0, 0)
    return headers[known.index(max(known))] if required else headers[0]


def _records(
    path: Path,
    rows: list[list[str]],
    header: int,
    names: Mapping[str, str],
    required: Sequence[str],
    identifiers: Collection[str],
) -> Records:
    if not any(map(any, rows)):
        raise InputError("an empty table", file=path, mend=f"give it a header row: {', '.join(required) or 'names'}")
    titles = rows[header]
    columns = [names.get(_header_key(title), title) for title in titles]
    _check_header(path, header + 1, titles, columns, names, required)

    used = [(place, column) for place, column in enumerate(columns) if column]
    records = Records(path, [column for _, column in used], [], [], {column: titles[place] for place, column in used})
    errors: list[InputError] = []
    for line, row in enumerate(rows[header + 1 :], start=header + 2):
        if not any(row):
            continue
        if any(row[len(columns) :]):
            errors.append(
                InputError(
                    f"{len(row)} cells where the header has {len(columns)}",
                    file=path,
                    row=line,
                    mend="quote cells that contain the delimiter, or give every column a header",
                )
            )
            continue
        width = len(row)
        records.rows.append({column: row[place] if place < width else "" for place, column in used})
        records.lines.append(line)
    for column in records.columns:
        if column in identifiers:
            for record in records.rows:
                record[column] = halfwidth(record[column])
            errors.extend(_damaged(records, column))
    raise_all(errors)
    return records


def _check_header(
    path: Path,
    line: int,
    titles: list[str],
    columns: list[str],
    names: Mapping[str, str],
    required: Sequence[str],
) -> None:
    errors = []
    found = [title for title in titles if title]
    for name in required:
        if name not in columns:
            also = [alias for alias, column in names.items() if column == name]
            close = [title for title in found if difflib.get_close_matches(_header_key(title), also, n=1, cutoff=0.6)]
            suggestion = f"rename {close[0]!r} to {name!r}" if close else f"add a column {name!r}"
            others = [alias for alias in also if alias != _header_key(name)]
            errors.append(
                InputError(
                    f"column {name!r} is missing; columns found: {', '.join(found)}",
                    file=path,
                    row=line,
                    column=name,
                    mend=suggestion + (f" (also understood: {', '.join(others)})" if others else ""),
                )
            )
    for column in dict.fromkeys(columns):
        same = [title for title, other in zip(titles, columns, strict=True) if other == column and column]
        if len(same) > 1:
            errors.append(
                InputError(
                    f"{len(same)} columns for the same thing: {', '.join(same)}",
                    file=path,
                    row=line,
                    column=column,
                    mend="keep one of them",
                )
            )
    raise_all(errors)


def damaged_values(values: Collection[str]) -> set[str]:
    """Those of a column's identifiers that a spreadsheet has damaged.

    Long numbers that end in zeros from the 16th digit are suspect only together: a spreadsheet rounds a whole column,
    while a single number may really end so.
    """
    all_rounded = all(_ends_rounded(value) for value in values if len(value) > 15 and value.isdigit())
    return {value for value in values if is_damaged(value) or (all_rounded and _ends_rounded(value))}


def _damaged(records: Records, column: str) -> list[InputError]:
    damaged = damaged_values({row[column] for row in records.rows})
    return [
        records.error(
            i,
            column,
            f"identifier {row[column]!r} was damaged by a spreadsheet, which keeps only 15 digits of a number",
            "format the column as text (文本) and enter the identifiers again from their source",
        )
        for i, row in enumerate(records.rows)
        if row[column] in damaged
    ]
