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
) -> dict[str, pa.Array]:
    """A column an item and a choose group, in canonical order and options; null for those who are not present."""
    words = _Words(list(sheets.values))
    items = {item.item: item for item in subject.items}
    codes = {}
    for item in subject.items:
        prefix = SCORE if item.type == "constructed" else ""
        column = np.full(len(present), NOT_READ)
        for name in sorted(set(form[present].tolist())):
            rows = np.flatnonzero(present & (form == name))
            for position, (printed, options) in zip(items, forms.order(subject, name), strict=True):
                if printed == item.item:
                    column[rows] = _read_on(words, sheets.codes(prefix + position)[rows], item, options)
        codes[item.item] = column
    _merge_marks(subject, codes, given, present, words, notes)

    columns = {name: words.column(column) for name, column in codes.items()}
    for group in subject.choose:
        if CHOOSE + group in sheets.fields:
            columns[CHOOSE + group] = words.column(_choices(subject, sheets, group, form, present, words))
    return columns


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
    codes: dict[str, np.ndarray],
    given: dict[str, np.ndarray],
    present: np.ndarray,
    words: _Words,
    notes: Notes,
) -> None:
    """Settle constructed responses: points from marks.csv or from the sheet's score strip, not both if they differ."""
    blank = words.code("")
    told: dict[int, dict[Reason, list[str]]] = {}

    def tell(pupils: np.ndarray, reason: Reason, what: str) -> None:
        for pupil in np.flatnonzero(pupils).tolist():
            told.setdefault(pupil, {}).setdefault(reason, []).append(what)

    unmarked: dict[str, np.ndarray] = {}
    for item in subject.items:
        strip = codes[item.item]
        if item.type != "constructed":
            if present.any() and (strip == NOT_READ).all():
                notes.subject_wide(Reason.NO_FIELD, f"no sheet that was read has a field for item {item.item}")
            continue
        used = [code for code in np.unique(strip[strip != NOT_READ]).tolist() if code != blank]
        plain = {code: plain_points(words.words[code], item, subject.step) for code in used}
        wrong = present & np.isin(strip, [code for code, points in plain.items() if points is None])
        strip = words.replaced(strip, {code: points or "" for code, points in plain.items()})
        marks = given.get(item.item, np.full(len(present), "", dtype=object))
        elsewhere = np.array([words.code(points) for points in marks])
        on_sheet = (strip != NOT_READ) & (strip != blank)
        differ = present & on_sheet & (elsewhere != blank) & (elsewhere != strip)
        on_paper = (strip != NOT_READ).any()  # then a strip that was not read is on a side that is missing
        otherwise = np.where(strip == NOT_READ, NOT_READ if on_paper else blank, strip)
        settled = np.where(elsewhere != blank, elsewhere, otherwise)
        codes[item.item] = np.where(present, np.where(differ, blank, settled), NOT_READ)
        unmarked[item.item] = present & (codes[item.item] == blank) & ~differ & ~wrong
        tell(wrong & (elsewhere == blank), Reason.MARK_IMPOSSIBLE, f"item {item.item}: more than {item.max} or no step")
        tell(differ, Reason.MARK_CONFLICT, f"item {item.item}: strip and marks.csv differ")

    nobody = [name for name, pupils in unmarked.items() if present.any() and (pupils == present).all()]
    if nobody:
        notes.subject_wide(Reason.MARK_MISSING, f"nobody has points for {', '.join(nobody)}; give them in marks.csv")
    for item in subject.items:
        if item.item in unmarked and item.item not in nobody and not item.group:
            tell(unmarked[item.item], Reason.MARK_MISSING, item.item)
    for group, choose in subject.choose.items():
        names = [item.item for item in subject.items if item.group == group and item.item in unmarked]
        if names and not set(names) <= set(nobody):
            without = np.sum([unmarked[name] for name in names], axis=0)
            tell(len(names) - without < choose.k, Reason.MARK_MISSING, f"{choose.k} of {', '.join(names)}")
    for pupil in sorted(told):
        for reason, details in told[pupil].items():
            lead = "no points for item " if reason == Reason.MARK_MISSING else ""
            notes.pupil(pupil, reason, lead + "; ".join(details))
