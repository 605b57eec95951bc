"""Collects what matching found that needs a person, as rows of the table of exceptions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine.identity import PageIds, Reason
from engine.roster import Pupils
from engine.tables import build


@dataclass
class Notes:
    """The exceptions of matching, of one subject."""

    subject: str
    pupils: Pupils
    files: list[str]
    numbers: list[int]  # of the pages in their files
    first_page: np.ndarray

    def __post_init__(self) -> None:
        self._rows: list[tuple[int, int, str, str]] = []  # pupil or -1, row of pages or -1, reason, detail

    def pages(self, ids: PageIds) -> None:
        """Pages that belong to nobody."""
        for row, (reason, detail) in sorted(ids.problem.items()):
            self._rows.append((ids.duplicate.get(row, -1), row, reason, detail))

    def pupil(self, pupil: int, reason: Reason, detail: str) -> None:
        self._rows.append((pupil, int(self.first_page[pupil]), reason, detail))

    def subject_wide(self, reason: Reason, detail: str) -> None:
        self._rows.append((-1, -1, reason, detail))

    def doubted(self) -> set[int]:
        """Pupils whose sheets are in doubt already."""
        return {pupil for pupil, _, reason, _ in self._rows if reason == Reason.DUPLICATE}

    def table(self) -> pa.Table:
        pupils, pages, reasons, details = zip(*self._rows, strict=True) if self._rows else ([],) * 4
        return build(
            "exceptions",
            {
                "subject": [self.subject] * len(self._rows),
                "kind": ["pupil"] * len(self._rows),
                "file": [self.files[row] if row >= 0 else None for row in pages],
                "page": [self.numbers[row] if row >= 0 else None for row in pages],
                "student_id": [self.pupils.ids[pupil] if pupil >= 0 else None for pupil in pupils],
                "reason": [str(reason) for reason in reasons],
                "detail": list(details),
            },
        )
