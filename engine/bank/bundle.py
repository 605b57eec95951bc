"""Questions on their way from one format to another, with their pictures and with what a format could not hold."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from engine.bank.question import Question

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg")
MOST_NAMED = 5  # questions named in a note


@dataclass
class Notes:
    """What was not taken over as it was: what → the questions that had it."""

    about: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, question: str) -> None:
        named = self.about.setdefault(what, [])
        if question not in named[-1:]:
            named.append(question)

    def lines(self) -> list[str]:
        """A sentence for each, for people."""
        told = []
        for what, questions in self.about.items():
            more = f" and {len(questions) - MOST_NAMED} more" if len(questions) > MOST_NAMED else ""
            told.append(f"{what}: {', '.join(questions[:MOST_NAMED])}{more}")
        return told


@dataclass
class Bundle:
    """Questions and what belongs to them.

    Attributes:
        pictures: by the name that `<img src>` in their texts has.
    """

    questions: list[Question] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)

    def keep(self, name: str, data: bytes) -> str:
        """Keep a picture under a name like this one, which no other picture has; the name it got."""
        base = re.sub(r"[^\w.-]+", "_", PurePosixPath(name.replace("\\", "/")).name).lstrip(".") or "picture"
        if self.pictures.get(base, data) != data:
            base = f"{hashlib.sha256(data).hexdigest()[:12]}-{base}"
        self.pictures[base] = data
        return base
