"""A column of answers as scoring has it: codes, and the points by code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from engine._core import FEW_SLOTS, differing, kept
from engine.errors import InputError
from engine.points import plain
from engine.rules import Rule, void

if TYPE_CHECKING:
    from engine.exam import Item


class Sheets(NamedTuple):
    """Who has a sheet, where not everybody has: (n,) bool, and as bits (eight a byte, the lowest first)."""

    rows: np.ndarray
    bits: np.ndarray


@dataclass
class Column:
    """Answers of the pupils to one item, as codes.

    Attributes:
        item: its name.
        answers: by code; the code after the last one stands for "not presented".
        codes: (n,) uint8 or int32.
        points: int32 by code; 0 where not presented.
        sheets: who has one; None: everybody.
        complete: it was surely presented to everybody who has a sheet; what code the others have means nothing.
    """

    item: str
    answers: list[str]
    codes: np.ndarray
    points: np.ndarray
    sheets: Sheets | None = None
    complete: bool = False

    @classmethod
    def read(cls, array: pa.Array, item: Item, mark: Rule, students: pa.Array, sheets: Sheets | None) -> Column:
        """Read the answers to an item, each distinct one marked once; who has no sheet has none, whatever is there.

        Args:
            array: (n,) answers, as a dictionary or text.
            mark: the item's rule.
            students: (n,) student_id, for messages.

        Raises:
            InputError: an answer outside the dictionary, or one that the rule refuses.
        """
        if void(item) == "full" and not item.group:
            array = array.cast(pa.string()).fill_null("")
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        answers, indices = array.dictionary.to_pylist(), array.indices
        complete = bool(answers) and _has_all(indices, sheets)
        codes = _codes(item.item, indices, len(answers), sheets, complete)
        column = cls(item.item, answers, codes, np.zeros(len(answers) + 1, np.int32), sheets, complete)
        for code, answer in enumerate(answers):
            try:
                column.points[code] = 0 if answer is None else mark(answer)
            except InputError as error:
                of = (codes == code) if sheets is None else (codes == code) & sheets.rows
                if of.any():  # a dictionary may list what nobody answered
                    pupil = students[int(of.argmax())]
                    raise InputError(f"pupil {pupil}: {error.message}", column=item.item, mend=error.mend) from None
        for code, answer in enumerate(answers):
            if answer is None:
                column.withdraw(codes == code)
        return column

    @property
    def slots(self) -> int:
        """How many different codes there may be."""
        return len(self.points) - self.complete

    @property
    def given(self) -> np.ndarray:
        """(n,) bool: an answer that is not blank; not to be relied on of those without a sheet."""
        self.check()
        return np.array([bool(answer) for answer in [*self.answers, ""]])[self.codes]

    def check(self, highest: int | None = None) -> None:
        """Refuse codes that no answer has: data that come from elsewhere may be damaged.

        Args:
            highest: of the codes, where it is known.

        Raises:
            InputError: there are such.
        """
        highest = _highest(self.codes) if highest is None else highest
        if highest >= self.slots and self.complete and self.sheets is not None:  # it may be of one without a sheet
            self.codes = kept(self.codes, self.sheets.bits, 0)
            highest = _highest(self.codes)
        if highest >= self.slots:
            raise _damaged(self.item)

    def withdraw(self, rows: np.ndarray) -> None:
        """Make it "not presented" for the rows of a mask or an index, and for those without a sheet.

        Raises:
            InputError: the column is damaged.
        """
        self.check()
        self.codes = self.codes.copy()  # it may be a view of the responses
        if self.complete and self.sheets is not None:
            self.codes[~self.sheets.rows] = len(self.answers)
        self.codes[rows] = len(self.answers)
        self.complete = False

    def scores(self) -> pa.Array:
        """The points, null where not presented; narrow codes are shared."""
        absent = len(self.answers)
        if self.complete:
            bits = self.sheets and self.sheets.bits
        elif self.codes.dtype == np.uint8:
            bits = differing(self.codes, absent)
        else:
            bits = packed(self.codes != absent)
        if self.codes.dtype != np.uint8:
            return nullable(self.points[self.codes], bits)
        return pa.DictionaryArray.from_arrays(
            nullable(self.codes, bits), pa.array(self.points[:-1], pa.int32()), safe=False
        )


def powers(columns: Sequence[Column], complete: Sequence[bool], power: int) -> list[np.ndarray]:
    """Of each column the points to some power, int64 by code; 0 where not presented.

    Args:
        complete: nobody's answers count to whom it was not presented; what then stands there is not added.
    """
    known: dict[tuple[bytes, bool], np.ndarray] = {}  # most items of a paper are worth the same
    for column, everybody in zip(columns, complete, strict=True):
        key = column.points.tobytes(), everybody
        if key not in known:
            some = column.points[:-1].astype(np.int64) ** power
            known[key] = np.append(some, some.min() if everybody and len(some) else 0)
    return [known[column.points.tobytes(), everybody] for column, everybody in zip(columns, complete, strict=True)]


def as_one(name: str, points: np.ndarray, step: Fraction) -> Column:
    """Points as a column of their own, the answers being the points."""
    lowest, highest = (int(points.min()), int(points.max())) if len(points) else (0, 0)
    earned = np.arange(lowest, highest + 1, dtype=np.int32)
    answers = [plain(units * step) for units in earned.tolist()]
    codes = (points - lowest).astype(np.int32)
    return Column(name, answers, codes, np.append(earned, np.int32(0)), complete=True)


def packed(mask: np.ndarray) -> np.ndarray | None:
    """A mask as bits; None if all of it is True."""
    return None if mask.all() else np.packbits(mask, bitorder="little")


def nullable(values: np.ndarray, bits: np.ndarray | None) -> pa.Array:
    """A column of the values, not copied, null where the bit is not set."""
    bitmap = None if bits is None else pa.py_buffer(bits)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [bitmap, pa.py_buffer(values)])


def filled(indices: pa.Array, number: int) -> np.ndarray:
    """(n,) int32 indices of a dictionary, the number where there is none."""
    whole = indices.cast(pa.int32())
    return (whole.fill_null(number) if whole.null_count else whole).to_numpy()


def _codes(item: str, indices: pa.Array, absent: int, sheets: Sheets | None, complete: bool) -> np.ndarray:
    """Indices of a dictionary, `absent` where there is none unless complete; those of uint8 are yet to be checked."""
    narrow = absent < FEW_SLOTS
    bits = None if complete or sheets is None else sheets.bits
    if narrow and indices.type == pa.uint8():
        codes = _values(indices)
        if not complete and indices.null_count:
            bits = _valid(indices) if bits is None else _valid(indices) & bits
    else:
        codes = filled(indices, 0 if complete else absent)
        if codes.min(initial=0) < 0 or _highest(codes) >= absent + (bool(indices.null_count) and not complete):
            raise _damaged(item)
        codes = codes.astype(np.uint8) if narrow else codes
    return codes if bits is None else kept(codes, bits, absent)


def _has_all(indices: pa.Array, sheets: Sheets | None) -> bool:
    """Whether everybody who has a sheet has an index."""
    if not indices.null_count:
        return True
    return sheets is not None and not (sheets.bits & ~_valid(indices)).any()


def _values(indices: pa.Array) -> np.ndarray:
    """What stands in an array of uint8; anything where it is null."""
    if not indices.null_count:
        return indices.to_numpy()
    return np.frombuffer(indices.buffers()[1], np.uint8, len(indices), indices.offset)


def _valid(indices: pa.Array) -> np.ndarray:
    """As bits, where an array with nulls is not null; anything in the last byte after its end."""
    first, within = divmod(indices.offset, 8)
    if within:
        return np.packbits(indices.is_valid().to_numpy(zero_copy_only=False), bitorder="little")
    return np.frombuffer(indices.buffers()[0], np.uint8, (len(indices) + 7) // 8, first)


def _highest(codes: np.ndarray) -> int:
    """Of the codes; -1 of none."""
    return int(codes.max()) if len(codes) else -1


def _damaged(item: str) -> InputError:
    return InputError(f"damaged column {item!r}: an answer outside its dictionary", mend="make the table again")
