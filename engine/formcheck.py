"""Which form (A/B) lay before each pupil: the mark on the sheet, a letter after the number in the barcode, and the seat
must agree, as far as they are there (domain.md §1.6). Nothing is chosen between them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from engine.exam import Subject
from engine.forms import is_known
from engine.identity import PageIds
from engine.seating import Seating
from engine.sheets import NOT_READ, Sheets
from engine.tables import FORM


@dataclass(frozen=True)
class FormCheck:
    """What the channels say.

    Attributes:
        form: (pupils,) the mark; of a sheet on which there was none to read, what barcode or seat say.
        conflict: by pupil, what does not agree, in words.
        likely: by pupil without a clear mark, the form that barcode and seat name.
    """

    form: np.ndarray
    conflict: dict[int, str]
    likely: dict[int, str]


def check_forms(
    subject: Subject, sheets: Sheets, ids: PageIds, seating: Seating, settled: Collection[int]
) -> FormCheck:
    """Compare the channels of every pupil with a sheet.

    Args:
        settled: pupils whose mark a person has corrected: it counts.
    """
    form, unread = sheets.text(FORM), sheets.codes(FORM) == NOT_READ
    letters: dict[int, set[str]] = {}
    for owner, letter in zip(ids.owner.tolist(), ids.letter, strict=True):
        if owner >= 0 and letter:
            letters.setdefault(owner, set()).add(letter)
    conflict, likely = {}, {}
    for pupil in np.flatnonzero(sheets.first_page >= 0).tolist() if subject.forms else ():
        seat = {seating.form[pupil]} - {""}
        others = letters.get(pupil, set()) | seat
        if pupil in settled or not others:
            continue
        if unread[pupil] and len(others) == 1:
            form[pupil] = min(others)
        marked = {form[pupil]} if is_known(subject, form[pupil]) else set()
        if len(others | marked) > 1:
            channels = (("mark", marked), ("barcode", letters.get(pupil, set())), ("seat", seat))
            conflict[pupil] = ", ".join(f"{name} {'/'.join(sorted(said))}" for name, said in channels if said)
        elif not marked:
            likely[pupil] = min(others)
    return FormCheck(form, conflict, likely)
