"""Who sits where: seating.csv, or the roster's columns room and seat; and the reconciliation (扫描核对) room by room.

seating.csv: student_id, room, seat, and where they differ by subject, subject; form if the seat says which form (A/B)
lies on it. Pupils by student_id or candidate number. A row with a subject goes before one without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pyarrow as pa

from engine.errors import InputError, raise_all
from engine.exam import Exam, Subject
from engine.files import Records, find_table, halfwidth, hint, read_records
from engine.forms import is_known
from engine.roster import ALIASES as ROSTER_ALIASES
from engine.roster import Pupils
from engine.tables import STATUS, build

_ALIASES = {
    **{title: name for title, name in ROSTER_ALIASES.items() if name in ("student_id", "room", "seat")},
    "准考证号": "student_id",
    "考号": "student_id",
    "candidate_no": "student_id",
    "科目": "subject",
    "试卷类型": "form",
    "卷型": "form",
}


@dataclass(frozen=True)
class Seating:
    """The places of a subject's pupils, by row of the roster.

    Attributes:
        pupils: whose places these are.
        room, seat: "" where they are not known.
        form: the form that lies on the seat, "" where the seat does not say.
    """

    pupils: Pupils
    room: list[str]
    seat: list[str]
    form: list[str]

    @property
    def known(self) -> bool:
        """Whether anybody's room is."""
        return any(self.room)

    @cached_property
    def order(self) -> list[int]:
        """Rows of the roster in the order of rooms and seats; by candidate number where these are not known."""
        natural = cache(_natural)
        places = zip(self.room, self.seat, self.pupils.numbers, strict=True)
        keys = [(natural(room), natural(seat), len(number), number) for room, seat, number in places]
        return sorted(range(len(keys)), key=lambda pupil: keys[pupil])

    @cached_property
    def rank(self) -> list[int]:
        """(pupils,) place of each in `order`."""
        rank = [0] * len(self.order)
        for place, pupil in enumerate(self.order):
            rank[pupil] = place
        return rank

    def mask(self, room: str) -> np.ndarray:
        """(pupils,) bool: who sits in a room."""
        return np.array([one == room for one in self.room], dtype=bool)

    def told(self, pupil: int) -> str:
        """A pupil for a person: number, name, and place where it is known."""
        places = [f"room {self.room[pupil]}"] if self.room[pupil] else []
        places += [f"seat {self.seat[pupil]}"] if self.seat[pupil] else []
        about = ", ".join([self.pupils.names[pupil], *([" ".join(places)] if places else [])])
        return f"{self.pupils.numbers[pupil]} ({about})"


def _natural(text: str) -> tuple[tuple[bool, int, str], ...]:
    """A key that sorts numbers in a text as numbers."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts)


def load_seating(exam: Exam, subject: Subject, pupils: Pupils) -> Seating:
    """Read seating.csv or seating.xlsx of the exam's folder; without one, the roster's columns count.

    Raises:
        InputError: a pupil, subject or form that does not exist, two places for a pupil, two pupils on a seat.
    """
    path = find_table(exam.folder, "seating")
    if path is None:
        columns = exam.roster.column_names
        room, seat = (
            exam.roster[name].to_pylist() if name in columns else [""] * len(pupils) for name in ("room", "seat")
        )
        return Seating(pupils, room, seat, [""] * len(pupils))
    records = read_records(path, required=("student_id", "room", "seat"), aliases=_ALIASES)
    codes = [one.code for one in exam.subjects]
    errors: list[InputError] = []
    chosen: dict[tuple[int, bool], int] = {}  # (pupil, for this subject only) → row of the records
    for i, row in enumerate(records.rows):
        pupil = pupils.find(row["student_id"])
        code = row.get("subject", "")
        if pupil < 0:
            mend = f"correct it, or add the pupil to the roster{pupils.like(row['student_id'])}"
            errors.append(records.error(i, "student_id", f"no pupil {row['student_id']!r} in the roster", mend))
        elif code and code not in codes:
            errors.append(records.error(i, "subject", f"no subject {code!r} in exam.toml", hint(code, codes)))
        elif code in ("", subject.code):
            other = chosen.setdefault((pupil, bool(code)), i)
            if other != i:
                message = f"{row['student_id']!r} sits in row {records.lines[other]} already"
                errors.append(records.error(i, "student_id", message, "keep one of the two rows"))
    rows = {pupil: i for (pupil, _), i in sorted(chosen.items())}  # the row with the subject comes last
    errors += _seats_taken_twice(records, rows) + _unknown_forms(records, rows, subject)
    raise_all(errors)
    places = [records.rows[rows[pupil]] if pupil in rows else {} for pupil in range(len(pupils))]
    room, seat, form = ([place.get(name, "") for place in places] for name in ("room", "seat", "form"))
    return Seating(pupils, room, seat, [halfwidth(letter).upper() for letter in form])


def _seats_taken_twice(records: Records, rows: dict[int, int]) -> list[InputError]:
    errors = []
    taken: dict[tuple[str, str], int] = {}
    for i in rows.values():
        place = records.rows[i]["room"], records.rows[i]["seat"]
        other = taken.setdefault(place, i) if all(place) else i
        if other != i:
            message = f"room {place[0]} seat {place[1]} is taken in row {records.lines[other]}"
            errors.append(records.error(i, "seat", message, "give every pupil a seat of their own"))
    return errors


def _unknown_forms(records: Records, rows: dict[int, int], subject: Subject) -> list[InputError]:
    return [
        records.error(i, "form", f"no form {form!r} of {subject.code}", f"expected {', '.join(sorted(subject.forms))}")
        for i in rows.values()
        if (form := halfwidth(records.rows[i].get("form", "")).upper())
        and subject.forms
        and not is_known(subject, form)
    ]


def reconcile(subject: Subject, seating: Seating, status: np.ndarray, elsewhere: set[int]) -> pa.Table:
    """The table `rooms`: every pupil in one room, every gap with its seat; no rows where no rooms are known.

    Args:
        status: (pupils,) codes of STATUS; below 0 who does not take the subject, and is not waited for.
        elsewhere: pupils of whom a page lay among another room's.
    """
    rooms: dict[str, list[int]] = {}
    for pupil in seating.order if seating.known else []:
        if status[pupil] >= 0:
            rooms.setdefault(seating.room[pupil], []).append(pupil)
    absent, missing = STATUS.index("absent"), STATUS.index("missing")
    rows = []
    for room, pupils in rooms.items():
        lost = [pupil for pupil in pupils if status[pupil] == missing]
        away = sum(int(status[pupil] == absent) for pupil in pupils)
        rows.append(
            {
                "subject": subject.code,
                "room": room,
                "registered": len(pupils),
                "read": len(pupils) - away - len(lost),
                "absent": away,
                "missing": len(lost),
                "elsewhere": len(elsewhere.intersection(pupils)),
                "gaps": "; ".join(
                    f"seat {seating.seat[pupil]} {seating.pupils.numbers[pupil]} {seating.pupils.names[pupil]}"
                    for pupil in lost
                ),
            }
        )
    names = ("subject", "room", "registered", "read", "absent", "missing", "elsewhere", "gaps")
    return build("rooms", {name: [row[name] for row in rows] for name in names})
