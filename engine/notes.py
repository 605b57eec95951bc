"""Collects what matching found that needs a person, as rows of the table of exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from engine.identity import PageIds, Reason
from engine.roster import Pupils
from engine.tables import build


class _Note(NamedTuple):
    kind: str
    pupil: int  # row of the roster, -1: none
    page: int  # row of pages, -1: none
    field: str  # the one to correct, "": none
    reason: Reason
    detail: str
    suggestion: str


@dataclass
class Notes:
    """The exceptions of matching, of one subject."""

    subject: str
    pupils: Pupils
    files: list[str]
    numbers: list[int]  # of the pages in their files
    first_page: np.ndarray

    def __post_init__(self) -> None:
        self._notes: list[_Note] = []

    def pages(self, ids: PageIds, field: str) -> None:
        """Pages that belong to nobody; a correction of `field` says whose they are."""
        for row, (reason, detail) in sorted(ids.problem.items()):
            pupil, suggestion = ids.duplicate.get(row, -1), ids.suggestion.get(row, "")
            self._notes.append(_Note("pupil", pupil, row, field, reason, detail, suggestion))

    def pupil(
        self, pupil: int, reason: Reason, detail: str, *, page: int = -1, field: str = "", suggestion: str = ""
    ) -> None:
        """A pupil, on the page where the matter stands, or else on their first page."""
        row = page if page >= 0 else int(self.first_page[pupil])
        self._notes.append(_Note("pupil", pupil, row, field, reason, detail, suggestion))

    def batch(self, page: int, reason: Reason, detail: str) -> None:
        """What the order of the pages tells, from a page on."""
        self._notes.append(_Note("batch", -1, page, "", reason, detail, ""))

    def subject_wide(self, reason: Reason, detail: str) -> None:
        self._notes.append(_Note("pupil", -1, -1, "", reason, detail, ""))

    def doubted(self) -> set[int]:
        """Pupils whose sheets are in doubt already."""
        return {note.pupil for note in self._notes if note.reason == Reason.DUPLICATE}

    def name(self, page: int, field: str) -> tuple[str, int, str]:
        """A field of a page as corrections name it."""
        return self.files[page], self.numbers[page], field

    def table(self) -> pa.Table:
        notes = self._notes
        return build(
            "exceptions",
            {
                "subject": [self.subject] * len(notes),
                "kind": [note.kind for note in notes],
                "file": [self.files[note.page] if note.page >= 0 else None for note in notes],
                "page": [self.numbers[note.page] if note.page >= 0 else None for note in notes],
                "field": [note.field or None for note in notes],
                "student_id": [self.pupils.ids[note.pupil] if note.pupil >= 0 else None for note in notes],
                "reason": [str(note.reason) for note in notes],
                "detail": [note.detail for note in notes],
                "suggestion": [note.suggestion or None for note in notes],
            },
        )
