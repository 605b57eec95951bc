"""From what was read of each pupil to a column of answers an item, in canonical order and options."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine import forms
from engine.byhand import plain_points
from engine.exam import Item, Subject
from engine.identity import Reason
from engine.notes import Notes
from engine.points import plain
from engine.rules import void
from engine.sheets import NOT_READ, Sheets
from engine.tables import CHOOSE, SCORE


@dataclass
class _Words:
    """Text ↔ code; the first codes are those of the marks."""

    words: list[str]

    def __post_init__(self) -> None:
        self._code = {word: code for code, word in enumerate(self.words)}

    def code(self, word: str) -> int:
        code = self._code.setdefault(word, len(self.words))
        if code == len(self.words):
            self.words.append(word)
        return code

    def replaced(self, codes: np.ndarray, new: dict[int, str]) -> np.ndarray:
        """Codes with some of them standing for another text."""
        table = np.arange(len(self.words) + 1)
        table[-1] = NOT_READ
        for code, word in new.items():
            table[code] = self.code(word)
        return table[codes]

    def column(self, codes: np.ndarray) -> pa.DictionaryArray:
        """Codes as an ANSWER column (wider indices where uint8 is too small), its dictionary sorted."""
        used = np.unique(codes[codes != NOT_READ])
        words = sorted(self.words[code] for code in used)
        place = np.zeros(len(self.words) + 1, dtype=np.int32)
        place[[self._code[word] for word in words]] = np.arange(len(words))
        index = pa.uint8() if len(words) <= 256 else pa.int32()
        indices = pa.array(place[codes], mask=codes == NOT_READ).cast(index)
        return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))


def answers(
    subject: Subject,
    sheets: Sheets,
    form: np.ndarray,
    given: dict[str, np.ndarray],
    present: np.ndarray,
    notes: Notes,
) -> tuple[dict[str, pa.Array], np.ndarray]:
    """Everybody's answers, and of whom something is missing.

    Returns:
        a column an item and a choose group, in canonical order and options, null for those who are not present; and
        (pupils,) bool: something that the total needs is not known.
    """
    words = _Words(list(sheets.values))
    items = {item.item: item for item in subject.items}
    unknown = np.zeros(len(present), dtype=bool)
    codes = {}
    for item in subject.items:
        prefix = SCORE if item.type == "constructed" else ""
        column = np.full(len(present), NOT_READ)
        for name in sorted(set(form[present].tolist())):
            rows = np.flatnonzero(present & (form == name))
            for position, (printed, options) in zip(items, forms.order(subject, name), strict=True):
                if printed == item.item:
                    column[rows] = _read_on(words, sheets.codes(prefix + position)[rows], item, options)
                    if not prefix and not _same_for_all(item):
                        unknown[rows] |= column[rows] == NOT_READ
        codes[item.item] = column
        if not prefix and present.any() and (column == NOT_READ).all() and item.item not in sheets.printed:
            notes.subject_wide(Reason.NO_FIELD, f"no sheet that was read has a field for item {item.item}")
    unknown |= _merge_marks(subject, sheets.printed, codes, given, present, words, notes)

    columns = {name: words.column(column) for name, column in codes.items()}
    for group in subject.choose:
        if CHOOSE + group in sheets.printed:
            chosen = _choices(subject, sheets, group, form, present, words)
            unknown |= present & (chosen == NOT_READ)
            columns[CHOOSE + group] = words.column(chosen)
    return columns, unknown


def _same_for_all(item: Item) -> bool:
    """Whether an item is withdrawn so that its points do not depend on what is on the sheet."""
    return void(item) == "drop" or (void(item) == "full" and not item.group)


def _read_on(words: _Words, codes: np.ndarray, item: Item, options: str) -> np.ndarray:
    """Codes of answers read on a form that prints `options`, as codes of canonical answers."""
    if options == item.options:
        return codes
    used = np.unique(codes[codes != NOT_READ]).tolist()
    return words.replaced(codes, {code: forms.canonical(item, options, words.words[code]) for code in used})


def _choices(
    subject: Subject, sheets: Sheets, group: str, form: np.ndarray, present: np.ndarray, words: _Words
) -> np.ndarray:
    """Codes of the items of a choose group that were filled in, in the blueprint's order and by their own names."""
    fields = [item.item for item in subject.items]
    column = np.full(len(present), NOT_READ)
    for name in sorted(set(form[present].tolist())):
        rows = np.flatnonzero(present & (form == name))
        raw = sheets.codes(CHOOSE + group)[rows]
        own = dict(zip(fields, (item for item, _ in forms.order(subject, name)), strict=True))
        new = {}
        for code in np.unique(raw[raw != NOT_READ]).tolist():
            chosen = [own.get(position, position) for position in words.words[code].split("+")]
            new[code] = "+".join(sorted(chosen, key=lambda one: fields.index(one) if one in fields else -1))
        column[rows] = words.replaced(raw, new)
    return column


def _merge_marks(
    subject: Subject,
    printed: frozenset[str],
    codes: dict[str, np.ndarray],
    given: dict[str, np.ndarray],
    present: np.ndarray,
    words: _Words,
    notes: Notes,
) -> np.ndarray:
    """Settle constructed responses: `codes` come in as their score strips say and go out with the points.

    Returns:
        (pupils,) bool: points that the total needs are not known.
    """
    told = _Told(notes, present)
    nowhere = np.full(len(present), "", dtype=object)
    unmarked = {}
    for item in subject.items:
        if item.type == "constructed":
            on_paper = SCORE + item.item in printed
            points = given.get(item.item, nowhere)
            unmarked[item.item] = _settle(item, subject, codes, points, present, on_paper, words, told)
    blank = words.code("")
    known = {
        item.item: ~np.isin(codes[item.item], (NOT_READ, blank)) | (void(item) in ("drop", "full", "present"))
        for item in subject.items
    }
    open_ones = np.zeros(len(present), dtype=bool)
    for item in subject.items:
        if item.item in unmarked and not item.group:
            told.lacking(item.item, unmarked[item.item] & ~known[item.item])
            open_ones |= present & ~known[item.item]
    for group, choose in subject.choose.items():
        names = [item.item for item in subject.items if item.group == group]
        if unmarked.keys() & set(names):
            lacking = present & (np.sum([known[name] for name in names], axis=0) < choose.k)
            nowhere_told = np.all([unmarked[name] | known[name] for name in names if name in unmarked], axis=0)
            told.lacking(f"{choose.k} of {', '.join(names)}", lacking & nowhere_told)
            open_ones |= lacking
    told.finish()
    return open_ones


def _settle(
    item: Item,
    subject: Subject,
    codes: dict[str, np.ndarray],
    given: np.ndarray,
    present: np.ndarray,
    on_paper: bool,
    words: _Words,
    told: _Told,
) -> np.ndarray:
    """Points of one item: from marks.csv, or else from the strip; from neither if they differ.

    Args:
        on_paper: the sheet has a strip; then one that was not read is on a side that is missing.

    Returns:
        (pupils,) bool: who has no points although nothing was wrong.
    """
    blank = words.code("")
    strip = codes[item.item]
    used = [code for code in np.unique(strip[strip != NOT_READ]).tolist() if code != blank]
    read = {code: plain_points(words.words[code], item, subject.step) for code in used}
    wrong = np.isin(strip, [code for code, points in read.items() if points is None])
    strip = words.replaced(strip, {code: points or "" for code, points in read.items()})

    elsewhere = np.array([words.code(points) for points in given])
    by_csv, by_strip = elsewhere != blank, (strip != NOT_READ) & (strip != blank)
    differ = present & by_csv & by_strip & (elsewhere != strip)
    wrong &= present & ~by_csv
    impossible = f"item {item.item}: the strip says more than {plain(item.max)}, or no step"
    told.pupils(Reason.MARK_IMPOSSIBLE, impossible, wrong)
    told.pupils(Reason.MARK_CONFLICT, f"item {item.item}: strip and marks.csv differ", differ)

    unread = NOT_READ if on_paper else blank
    settled = np.select([differ, by_csv, strip == NOT_READ], [blank, elsewhere, unread], strip)
    codes[item.item] = np.where(present, settled, NOT_READ)
    return present & (settled == blank) & ~differ & ~wrong


class _Told:
    """Gathers what there is to say of constructed responses, so that a pupil is listed once a reason."""

    def __init__(self, notes: Notes, present: np.ndarray) -> None:
        self._notes, self._present = notes, present
        self._of_pupil: dict[tuple[int, Reason], list[str]] = {}
        self._of_all: list[str] = []

    def pupils(self, reason: Reason, what: str, whom: np.ndarray) -> None:
        for pupil in np.flatnonzero(whom).tolist():
            self._of_pupil.setdefault((pupil, reason), []).append(what)

    def lacking(self, what: str, whom: np.ndarray) -> None:
        """No points for an item; if nobody has any, that is said once."""
        if whom.any() and (whom == self._present).all():
            self._of_all.append(what)
        else:
            self.pupils(Reason.MARK_MISSING, f"no points for item {what}", whom)

    def finish(self) -> None:
        if self._of_all:
            what = f"nobody has points for item {', '.join(self._of_all)}"
            detail = f"{what}; give them in marks.csv, or withdraw the item with the rule void:drop"
            self._notes.subject_wide(Reason.MARK_MISSING, detail)
        for (pupil, reason), details in sorted(self._of_pupil.items()):
            self._notes.pupil(pupil, reason, "; ".join(details))
