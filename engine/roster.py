"""The roster (考生名单): who sits the exam."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InputError, raise_all
from engine.files import Records, is_safe, need_table, read_records

ALIASES = {
    "学籍号": "student_id",
    "学生编号": "student_id",
    "姓名": "name",
    "学生姓名": "name",
    "班级": "class",
    "行政班": "class",
    "学校": "school",
    "学校名称": "school",
    "县区": "county",
    "区县": "county",
    "县": "county",
    "准考证号": "candidate_no",
    "考号": "candidate_no",
    "考生号": "candidate_no",
    "candidate number": "candidate_no",
    "考场": "room",
    "考场号": "room",
    "座位号": "seat",
    "座号": "seat",
    "性别": "sex",
}
REQUIRED = ("student_id", "name", "class", "school")


def load_roster(folder: Path) -> pa.Table:
    """Read roster.csv or roster.xlsx of an exam folder.

    Returns:
        A text table: student_id, name, class, school, county ("" if the file has none), candidate_no (the student_id
        where the file has none), then the file's further columns.

    Raises:
        InputError: missing column or value, repeated or unusable identifier; every row is named.
    """
    records = read_records(need_table(folder, "roster"), required=REQUIRED, aliases=ALIASES)
    if not records.rows:
        raise InputError("no pupils", file=records.path, mend="add a row for every pupil")
    errors = _missing_values(records) + _unusable_names(records) + _repeated(records)
    raise_all(errors)

    columns = {name: [row[name] for row in records.rows] for name in records.columns}
    ids = columns["student_id"]
    columns.setdefault("county", [""] * len(ids))
    numbers = columns.get("candidate_no", ids)
    columns["candidate_no"] = [number or own for number, own in zip(numbers, ids, strict=True)]
    order = dict.fromkeys([*REQUIRED, "county", "candidate_no", *columns])
    return pa.table({name: pa.array(columns[name], pa.string()) for name in order})


def _missing_values(records: Records) -> list[InputError]:
    return [
        records.error(i, name, "the cell is empty", "fill it in, or delete the row if it is a sum or a note")
        for i, row in enumerate(records.rows)
        for name in REQUIRED
        if not row[name]
    ]


def _unusable_names(records: Records) -> list[InputError]:
    """Identifiers, schools and classes become names of files; "/" also stands between school and class."""
    return [
        records.error(i, name, f"{row[name]!r} has a path separator or control character", "remove that character")
        for i, row in enumerate(records.rows)
        for name in ("student_id", "candidate_no", "school", "class")
        if row.get(name) and not is_safe(row[name])
    ]


def _repeated(records: Records) -> list[InputError]:
    """Identifiers must lead to one pupil: no student_id twice, no candidate number twice or equal to another's id."""
    errors = []
    first: dict[str, dict[str, int]] = {"student_id": {}, "candidate_no": {}}
    for column, seen in first.items():
        for i, row in enumerate(records.rows):
            value = row.get(column)
            if value and seen.setdefault(value, i) != i:
                message = f"{value!r} stands in row {records.lines[seen[value]]} as well"
                errors.append(records.error(i, column, message, "give every pupil an identifier of their own"))
    for number, i in first["candidate_no"].items():
        owner = first["student_id"].get(number, i)
        if owner != i:
            message = f"{number!r} is the student_id of row {records.lines[owner]}"
            errors.append(records.error(i, "candidate_no", message, "give every pupil an identifier of their own"))
    return errors


def units_of(student_id: pa.ChunkedArray, roster: pa.Table) -> dict[str, pa.DictionaryArray]:
    """Level → the unit of each pupil: "exam" (""), county, school, class ("school/class").

    Null where the roster has no name for it, or not the pupil.
    """
    row = pc.index_in(student_id, value_set=roster["student_id"].combine_chunks()).combine_chunks()

    def named(column: str) -> pa.Array:
        names = roster[column].combine_chunks()
        return pc.if_else(pc.equal(names, ""), None, names)

    school = named("school")
    levels = {
        "county": named("county"),
        "school": school,
        "class": pc.binary_join_element_wise(school, named("class"), "/"),
    }
    everybody = pa.repeat(pa.scalar("", pa.string()), len(student_id)).dictionary_encode()
    return {"exam": everybody} | {level: names.dictionary_encode().take(row) for level, names in levels.items()}


def rows_of(student_id: np.ndarray, roster: pa.Table) -> pa.Table:
    """The roster's rows of these pupils (n,), in their order.

    Raises:
        InputError: one is not in the roster.
    """
    row = pc.index_in(pa.array(student_id, pa.string()), roster["student_id"].combine_chunks())
    if row.null_count:
        stranger = student_id[row.is_null().to_numpy(zero_copy_only=False)][0]
        raise InputError(f"pupil {stranger!r} has a score but is not in the roster", mend="match the pages again")
    return roster.take(row)


class Pupils:
    """The roster as a look-up: what a sheet says of its pupil → row of the roster."""

    def __init__(self, roster: pa.Table) -> None:
        self.ids: list[str] = roster["student_id"].to_pylist()
        self.numbers: list[str] = roster["candidate_no"].to_pylist()
        self.names: list[str] = roster["name"].to_pylist()
        self._rows = {name: row for names in (self.ids, self.numbers) for row, name in enumerate(names)}
        self._letters: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # by length: rows, (n, length) code points

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, code: str) -> int:
        """The pupil with this candidate number or student_id, -1 if there is none."""
        return self._rows.get(code, -1)

    def like(self, code: str) -> str:
        """A hint for a code that is not known, "" if nothing is close."""
        near, _ = self.nearest(read_number(code), wrong=2)
        return f"; close: {', '.join(self.numbers[row] for row in near[:3])}" if near else ""

    def nearest(self, places: Places, *, wrong: int = 0, among: np.ndarray | None = None) -> tuple[list[int], int]:
        """The pupils whose candidate number differs from what was marked in the fewest places, at most in `wrong`.

        Args:
            among: (pupils,) bool, who comes into question; default: everybody.

        Returns:
            Their rows, and in how many places they differ.
        """
        length = len(places)
        if not length:
            return [], 0
        if length not in self._letters:
            same = [row for row, number in enumerate(self.numbers) if len(number) == length]
            text = np.array([self.numbers[row] for row in same], dtype=f"U{length}")
            self._letters[length] = np.array(same, dtype=np.int64), text.view(np.uint32).reshape(-1, length)
        rows, letters = self._letters[length]
        misses = np.zeros(len(rows), dtype=np.int64)
        for place, digits in enumerate(places):
            if digits:
                misses += np.all([letters[:, place] != ord(digit) for digit in digits], axis=0)
        if among is not None:
            misses[~among[rows]] = length + wrong + 1
        fewest = int(misses.min(initial=length + wrong + 1))
        return (rows[misses == fewest].tolist(), fewest) if fewest <= wrong else ([], 0)


Places = tuple[str, ...]  # the digits marked at each place of a number; "": none, any digit may be meant


def read_number(value: str) -> Places:
    """A positional number as read, "20_1[37]" → ("2", "0", "", "1", "37")."""
    places = re.findall(r"\[([^\]]*)\]|(.)", value)
    return tuple(double or single.replace("_", "") for double, single in places)
