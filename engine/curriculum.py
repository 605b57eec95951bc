"""The curriculum (教学进度) of a subject: its knowledge points as a tree, what must come before what, and when.

knowledge.csv, or knowledge.xlsx, in the subject's folder, a row a knowledge point; the file may be left out:

knowledge      知识点      unique; as the blueprint and the bank name it
parent         章节        the chapter, or a point above it that has a row of its own; "" for a point at the top. A
                           point that is a whole chapter (写作) may name itself
prerequisites  前置知识点  "函数的概念、不等式"
taught         授课日期    when it has been taught, 2026-09-14; "" where nobody says
weight         权重        of the point within its chapter; 1 where nothing is said

Every point of the blueprint needs a row; the file may have more: points of earlier or later papers.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from engine.errors import InputError, collecting, raise_all
from engine.files import Records, find_table, halfwidth, hint, read_records

ALIASES = {
    "知识点": "knowledge",
    "章节": "parent",
    "上级": "parent",
    "上级知识点": "parent",
    "前置知识点": "prerequisites",
    "前置": "prerequisites",
    "先修": "prerequisites",
    "授课日期": "taught",
    "教学日期": "taught",
    "权重": "weight",
}


@dataclass(frozen=True)
class Point:
    """A knowledge point (知识点)."""

    name: str
    parent: str = ""
    prerequisites: tuple[str, ...] = ()  # the direct ones
    taught: datetime.date | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Curriculum:
    """The knowledge points of a subject.

    Attributes:
        points: in the order of the file; without a file, in that of the blueprint. Parents and prerequisites have no
            cycles, and every prerequisite is a point.
        examined: names of the points that the blueprint has.
    """

    points: tuple[Point, ...]
    examined: frozenset[str]

    @classmethod
    def plain(cls, examined: Iterable[str]) -> Curriculum:
        """What holds without a file: the points of the blueprint, all taught, none before another."""
        names = tuple(dict.fromkeys(examined))
        return cls(tuple(map(Point, names)), frozenset(names))

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Point:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Point]:
        return {point.name: point for point in self.points}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All points, each after its prerequisites, else in the order of the file."""
        found: dict[str, None] = {}
        for point in self.points:
            waiting = [point.name]
            while waiting:
                before = [one for one in self[waiting[-1]].prerequisites if one not in found]
                if before:
                    waiting.append(before[0])
                else:
                    found[waiting.pop()] = None
        return tuple(found)

    def prerequisites(self, name: str, *, transitive: bool = False) -> tuple[str, ...]:
        """What comes before a point: its direct prerequisites, or all of them in the order to learn them."""
        return self.path_to(name)[:-1] if transitive else self[name].prerequisites

    def path_to(self, name: str) -> tuple[str, ...]:
        """All that leads to a point, in the order to learn it; the point itself comes last."""
        needed, open_ = {name}, [name]
        while open_:
            before = set(self[open_.pop()].prerequisites) - needed
            needed |= before
            open_ += before
        return tuple(one for one in self.order if one in needed)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """The way from the chapter down to the point's parent; () for a point at the top."""
        above: list[str] = []
        while name in self and self[name].parent not in ("", name):
            name = self[name].parent
            above.append(name)
        return tuple(reversed(above)) or ((name,) if self[name].parent else ())

    def chapter_of(self, name: str) -> str:
        """The chapter (章) that a point belongs to, the topmost of its ancestors; "" where there is none."""
        return next(iter(self.ancestors(name)), "")

    @cached_property
    def chapters(self) -> dict[str, tuple[str, ...]]:
        """Chapter → its points, in the order of the file; "" holds those without a chapter."""
        found: dict[str, list[str]] = {}
        for point in self.points:
            found.setdefault(self.chapter_of(point.name), []).append(point.name)
        return {chapter: tuple(names) for chapter, names in found.items()}

    def taught_by(self, day: datetime.date) -> frozenset[str]:
        """The points that pupils have been taught by the end of `day`.

        A point with a date is taught from that day on. One without is taken as taught when the exam examines it, or
        when it is a prerequisite of what has been taught: nothing else is ever pushed to a pupil.
        """
        taught = {point.name for point in self.points if point.taught and point.taught <= day}
        taught |= {point.name for point in self.points if not point.taught and point.name in self.examined}
        for name in reversed(self.order):
            if name in taught:
                taught |= {before for before in self[name].prerequisites if not self[before].taught}
        return frozenset(taught)


def load_curriculum(folder: Path, examined: Iterable[str]) -> Curriculum:
    """Read knowledge.csv or knowledge.xlsx of a subject's folder; see `Curriculum.plain` for a folder without it.

    Args:
        examined: the knowledge points of the blueprint.

    Raises:
        InputError: with all that is wrong, by row and column: names that are blank, twice there or unknown, cycles of
            parents or prerequisites, dates and weights that are none.
    """
    path = find_table(folder, "knowledge")
    if path is None:
        return Curriculum.plain(examined)
    records = read_records(path, required=("knowledge",), aliases=ALIASES)
    errors: list[InputError] = []
    points: list[Point] = []
    for i in range(len(records.rows)):
        with collecting(errors):
            points.append(_point(records, i))
    raise_all(errors)
    rows = {point.name: i for i, point in reversed(list(enumerate(points)))}
    examined = tuple(dict.fromkeys(examined))
    raise_all([*_wrong_names(records, points, rows), *_missing(path, examined, rows)])
    parents = {point.name: (point.parent,) for point in points if point.parent != point.name}
    prerequisites = {point.name: point.prerequisites for point in points}
    raise_all([*_cycle(records, rows, "parent", parents), *_cycle(records, rows, "prerequisites", prerequisites)])
    return Curriculum(tuple(points), frozenset(examined))


def _point(records: Records, i: int) -> Point:
    """One row, every cell checked."""
    row = records.rows[i]
    errors: list[InputError] = []
    if not row["knowledge"]:
        errors.append(records.error(i, "knowledge", "blank", "name the knowledge point, or take the row out"))
    taught = _date(row.get("taught", ""))
    if row.get("taught") and taught is None:
        message = f"{row['taught']!r}, expected a date"
        errors.append(records.error(i, "taught", message, "write it as 2026-09-14, or leave it blank"))
    weight = _weight(row.get("weight", ""))
    if weight is None:
        message = f"{row['weight']!r}, expected a number above 0"
        errors.append(records.error(i, "weight", message, "write 1 for a usual point, 2 for one that counts twice"))
    raise_all(errors)
    before = filter(None, map(str.strip, re.split("[、|;；]", row.get("prerequisites", ""))))
    return Point(row["knowledge"], row.get("parent", ""), tuple(dict.fromkeys(before)), taught, weight or 1.0)


def _date(text: str) -> datetime.date | None:
    """2026-09-14, 2026/9/14, 2026.9.14 or 2026年9月14日."""
    found = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", halfwidth(text))
    try:
        return datetime.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _weight(text: str) -> float | None:
    try:
        weight = float(halfwidth(text) or 1)
    except ValueError:
        return None
    return weight if 0 < weight < float("inf") else None


def _wrong_names(records: Records, points: Sequence[Point], rows: Mapping[str, int]) -> Iterator[InputError]:
    """Points that stand twice, and prerequisites that are no points."""
    for i, point in enumerate(points):
        if rows[point.name] != i:
            message = f"knowledge point {point.name!r} is in row {records.lines[rows[point.name]]} already"
            yield records.error(i, "knowledge", message, "take one of the two rows out")
        for before in point.prerequisites:
            if before not in rows:
                yield records.error(i, "prerequisites", f"no row for {before!r}", hint(before, rows))


def _missing(path: Path, examined: Iterable[str], rows: Mapping[str, int]) -> Iterator[InputError]:
    for name in examined:
        if name not in rows:
            message = f"knowledge point {name!r} of the blueprint has no row"
            yield InputError(message, file=path, column="knowledge", mend=f"add a row for it, or {hint(name, rows)}")


def _cycle(
    records: Records, rows: Mapping[str, int], column: str, above: Mapping[str, tuple[str, ...]]
) -> Iterator[InputError]:
    """A cycle of what stands in a column, if there is one."""
    try:
        TopologicalSorter(above).prepare()
    except CycleError as error:
        circle = error.args[1][:0:-1]  # each one before what its row names
        first = circle.index(min(circle, key=rows.__getitem__))
        circle = [*circle[first:], *circle[: first + 1]]
        message = f"{' → '.join(circle)}: this leads back to where it begins"
        yield records.error(rows[circle[0]], column, message, "take one of these links out")
