"""What an exam says already when tables come in, and the changes that they need in exam.toml."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pyarrow as pa

from engine.blueprint import load_items
from engine.exam import Item, SubjectKeys, load_subjects
from engine.files import find_table, is_safe, read_text
from engine.points import in_toml
from engine.roster import load_roster

TOTAL_ITEM = "总分"  # the one item of a subject of which only the total is known


@dataclass
class Context:
    """An exam folder as far as it is there.

    Attributes:
        folder: may not exist yet.
        subjects: by code, as exam.toml has them.
        items: by subject, where there is a blueprint.
        roster: None where there is none.
        toml: text of exam.toml, with what is to be changed; "" where there is none.
        given_full: full marks that a person gave, by code or name of the subject.
        title: of the exam, as a title row of the files says.
    """

    folder: Path
    subjects: dict[str, SubjectKeys] = field(default_factory=dict)
    items: dict[str, tuple[Item, ...]] = field(default_factory=dict)
    roster: pa.Table | None = None
    toml: str = ""
    given_full: dict[str, Fraction] = field(default_factory=dict)
    title: str = ""

    @classmethod
    def of(cls, folder: Path, given_full: dict[str, Fraction] | None = None) -> Context:
        """Read what is there.

        Raises:
            InputError: something is there and wrong.
        """
        context = cls(folder, given_full=given_full or {})
        if (folder / "exam.toml").is_file():
            context.toml = read_text(folder / "exam.toml")
            context.subjects = {keys.code: keys for keys in load_subjects(folder)}
        for code, keys in context.subjects.items():
            if find_table(folder / code, "blueprint"):
                context.items[code] = load_items(folder / code, keys)
        if find_table(folder, "roster"):
            context.roster = load_roster(folder)
        return context

    def is_scanned(self, code: str) -> bool:
        """Whether answer sheets of a subject have been scanned, or are meant to be."""
        scans = self.folder / code / "scans"
        return (self.folder / "out" / "read" / code).exists() or (scans.is_dir() and any(scans.iterdir()))

    def _add_exam(self) -> None:
        """Begin an exam.toml; the folder's name is the exam's id."""
        if not self.toml:
            name = self.folder.resolve().name
            lines = {"id": name if is_safe(name) else "exam", "title": self.title or name}
            told = "".join(f"{key} = {json.dumps(text, ensure_ascii=False)}\n" for key, text in lines.items())
            today = datetime.date.today().isoformat()
            self.toml = f'# 由导入的成绩表建立，请核对考试名称、日期和学段。\n{told}date = {today}\nstage = "junior"\n'

    def add_subject(self, code: str, name: str, step: Fraction, *, points_only: bool = True) -> None:
        """Add a subject to exam.toml, and begin that where there is none."""
        self._add_exam()
        told = json.dumps(name, ensure_ascii=False)
        block = f'[[subjects]]\ncode = "{code}"\nname = {told}\nstep = {in_toml(step)}\n'
        self.toml = f"{self.toml.rstrip()}\n\n{block}{'points_only = true' if points_only else ''}".rstrip() + "\n"
        self.subjects[code] = SubjectKeys(code=code, name=name, step=step, points_only=points_only)

    def make_points_only(self, code: str) -> None:
        """Say of a subject that nothing is scanned."""
        written = re.compile(rf"""^(\s*code\s*=\s*["']{re.escape(code)}["'].*)$""", re.MULTILINE)
        self.toml = written.sub(r"\1\npoints_only = true                # 由导入的小题分设定", self.toml, count=1)
        self.subjects[code] = self.subjects[code].model_copy(update={"points_only": True})
