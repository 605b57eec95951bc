"""What the order of the pages tells: which room's bag they came in, whose an unknown page may be, what was fed wrongly.

A batch is a folder of scans, or a file that holds more than a sheet or two. All of this is for a person: a suggestion
is never applied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from engine.identity import NOBODY, SET_ASIDE_PAGE, PageIds, Reason
from engine.roster import Pupils, read_number
from engine.seating import Seating

SUGGESTIONS = 500  # pages that get suggestions; when more are unknown it is the wrong roster
BAG_SHARE, BAG_PUPILS = 0.8, 3  # of a batch's pupils sit in one room, and so many at least: it is that room's bag
RUN = 3  # pages of one side in a row, all without the other side: the scanner took one side only
AROUND = 8  # pages to either side among which the neighbours of a page are looked for
SPAN = 30  # seats between two neighbours; further apart the batch does not follow the seats


class Batches:
    """The pages of a subject in the order they were scanned."""

    def __init__(self, ids: PageIds, seating: Seating) -> None:
        self.ids, self.seating = ids, seating
        in_file = Counter(ids.file)
        many = 2 * max(int(ids.sheet_page.max(initial=1)), 2)
        self.of = [file if in_file[file] > many else file.rpartition("/")[0] for file in ids.file]
        self.room = self._rooms()
        self._lacking: dict[int, np.ndarray] = {}

    def lacking(self, row: int) -> np.ndarray:
        """(pupils,) bool: who has no page of the side that a page is, so that it may be theirs."""
        side = int(self.ids.sheet_page[row])
        if side not in self._lacking:
            owner = self.ids.owner[self.ids.sheet_page == side]
            twice = [pupil for page, pupil in self.ids.duplicate.items() if self.ids.sheet_page[page] == side]
            self._lacking[side] = ~np.isin(np.arange(len(self.seating.pupils)), [*owner.tolist(), *twice])
        return self._lacking[side]

    def _rooms(self) -> dict[str, str]:
        """Batch → the room whose bag it is, of those that are one."""
        pupils: dict[str, set[int]] = {}
        for batch, owner in zip(self.of, self.ids.owner.tolist(), strict=True):
            if owner >= 0 and self.seating.room[owner]:
                pupils.setdefault(batch, set()).add(owner)
        rooms = {}
        for batch, here in pupils.items():
            room, count = Counter(self.seating.room[pupil] for pupil in sorted(here)).most_common(1)[0]
            if count >= max(BAG_PUPILS, BAG_SHARE * len(here)):
                rooms[batch] = room
        return rooms

    def elsewhere(self) -> Iterator[tuple[int, str]]:
        """Pages whose pupil sits in another room than the one whose bag they came in: row, and that room."""
        for row, owner in enumerate(self.ids.owner.tolist()):
            room = self.room.get(self.of[row], "")
            if owner >= 0 and room and self.seating.room[owner] not in ("", room):
                yield row, room

    def neighbours(self, row: int) -> tuple[int, int]:
        """The pupils of the nearest pages before and after one in its batch, NOBODY where there is none."""
        own = {int(self.ids.owner[row]), self.ids.duplicate.get(row, NOBODY)}
        found = []
        for steps in (range(row - 1, row - AROUND - 1, -1), range(row + 1, row + AROUND + 1)):
            near = [step for step in steps if 0 <= step < len(self.of) and self.of[step] == self.of[row]]
            owners = (int(self.ids.owner[step]) for step in near)
            found.append(next((owner for owner in owners if owner >= 0 and owner not in own), NOBODY))
        return found[0], found[1]

    def by_place(self, row: int) -> int:
        """The only pupil who lacks a page and sits between its neighbours; NOBODY if there is not one."""
        before, after = self.neighbours(row)
        if NOBODY in (before, after) or self.seating.room[before] != self.seating.room[after]:
            return NOBODY
        first, last = sorted((self.seating.rank[before], self.seating.rank[after]))
        if last - first > SPAN:
            return NOBODY
        lacking = self.lacking(row)
        between = [pupil for pupil in self.seating.order[first + 1 : last] if lacking[pupil]]
        return between[0] if len(between) == 1 else NOBODY

    def who_belongs(self, row: int, room: str) -> str:
        """The candidate number that a page in another room's bag may have: who is missing between its neighbours."""
        pupil = self.by_place(row)
        return self.seating.pupils.numbers[pupil] if pupil != NOBODY and self.seating.room[pupil] == room else ""

    def pages_by_pupil(self) -> dict[int, list[int]]:
        """By pupil, the rows of their pages."""
        rows: dict[int, list[int]] = {}
        for row, owner in enumerate(self.ids.owner.tolist()):
            if owner >= 0:
                rows.setdefault(owner, []).append(row)
        return rows

    def told_gap(self, pupil: int, rows: dict[int, list[int]]) -> str:
        """Where in the batch the sheet of a pupil without any should lie, in words; "" if that is not clear.

        Args:
            rows: by pupil, the rows of their pages.
        """
        before, after = (self._beside(pupil, step, rows) for step in (-1, 1))
        if NOBODY in (before, after):
            return ""
        last, first = rows[before][-1], rows[after][0]
        between = range(last + 1, first)
        if last > first or len(between) > AROUND or self.of[first] != self.of[last]:
            return ""
        if not between:
            also = ", whose second side may be this one's if two sheets went through together"
            two_sided = int(self.ids.sheet_page.max()) > 1
            return f"; its place in the batch is after {self.ids.file[last]}{also if two_sided else ''}"
        if all(self.ids.owner[row] == NOBODY for row in between):
            files = ", ".join(dict.fromkeys(self.ids.file[row] for row in between))
            return f"; perhaps {files}, which lies at its place in the batch and belongs to nobody"
        return ""

    def _beside(self, pupil: int, step: int, rows: dict[int, list[int]]) -> int:
        """The next pupil of the same room who has a sheet; NOBODY if there is none near."""
        order, rank, room = self.seating.order, self.seating.rank, self.seating.room
        places = (rank[pupil] + step * away for away in range(1, SPAN + 1))
        near = (order[place] for place in places if 0 <= place < len(order))
        return next((one for one in near if one in rows and room[one] == room[pupil]), NOBODY)

    def misfeeds(self, sides: set[int]) -> Iterator[tuple[int, Reason, str]]:
        """Where sides are missing in a way that only the scanner's feeder explains: row, reason, detail.

        Args:
            sides: those that must be there of everybody.
        """
        ids = self.ids
        have = set(zip(ids.owner.tolist(), ids.sheet_page.tolist(), strict=True))
        alone = [
            bool(side)
            and _other(side) in sides
            and owner != SET_ASIDE_PAGE
            and (owner == NOBODY or (owner, _other(side)) not in have)
            for owner, side in zip(ids.owner.tolist(), ids.sheet_page.tolist(), strict=True)
        ]
        row = 0
        while row < len(alone):
            run = row
            while (
                run < len(alone)
                and alone[run]
                and self._follows(row, run)
                and ids.sheet_page[run] == ids.sheet_page[row]
            ):
                run += 1
            if run - row >= RUN:
                side, files = int(ids.sheet_page[row]), f"from here to {ids.file[run - 1]}"
                detail = f"{run - row} times side {side} in a row without side {_other(side)}, {files}"
                yield row, Reason.ONE_SIDED, f"{detail}: scan both sides again"
            elif alone[row] and row + 1 < len(alone) and alone[row + 1] and self._crossed(row):
                yield row, Reason.DOUBLE_FEED, self._told_crossed(row)
            row = max(run, row + 1)

    def _follows(self, row: int, other: int) -> bool:
        return self.of[row] == self.of[other]

    def _crossed(self, row: int) -> bool:
        """Whether one sheet's front is followed by another's back, the sides between them being lost."""
        owner, side = self.ids.owner, self.ids.sheet_page
        return bool(
            self._follows(row, row + 1)
            and side[row + 1] == _other(int(side[row]))
            and owner[row] >= 0
            and owner[row + 1] >= 0
            and owner[row] != owner[row + 1]
        )

    def _told_crossed(self, row: int) -> str:
        one, two = (self.seating.told(int(self.ids.owner[at])) for at in (row, row + 1))
        first, second = int(self.ids.sheet_page[row]), int(self.ids.sheet_page[row + 1])
        return (
            f"side {first} of {one} is followed by side {second} of {two} ({self.ids.file[row + 1]}), "
            f"and both other sides are missing: two sheets may have gone through together; scan both again"
        )


def _other(side: int) -> int:
    """The other side of the same paper."""
    return side + 1 if side % 2 else side - 1


def suggest(batches: Batches, pupils: Pupils) -> None:
    """Say of the pages that belong to nobody whose they may be, and who lies around them."""
    ids = batches.ids
    for place, (row, (reason, detail)) in enumerate(sorted(ids.problem.items())):
        if place >= SUGGESTIONS or reason == Reason.DUPLICATE_SAME:
            continue
        by_place = batches.by_place(row)
        told = ""
        if reason in (Reason.UNKNOWN_CANDIDATE, Reason.NUMBER_INCOMPLETE, Reason.IDENTITY_CONFLICT):
            near, told = _alike(ids.barcode[row], ids.number[row], pupils, batches, row)
            likely = by_place if by_place in near else near[0] if len(near) == 1 else NOBODY
        else:
            likely = by_place
        if by_place != NOBODY:
            told += f"; by its place in the batch perhaps {batches.seating.told(by_place)}"
        if reason == Reason.DUPLICATE:
            before, after = (batches.seating.told(one) if one >= 0 else "" for one in batches.neighbours(row))
            told += "".join(
                f"; {where} it in the batch: {one}" for where, one in (("before", before), ("after", after)) if one
            )
        ids.problem[row] = reason, detail + told
        if likely != NOBODY:
            ids.suggestion[row] = pupils.numbers[likely]


def _alike(barcode: str, number: str, pupils: Pupils, batches: Batches, row: int) -> tuple[list[int], str]:
    """Pupils that barcode or number may mean, and that in words; those who lack it, and of the same room, first."""
    for among, who in ((batches.lacking(row), "without this side"), (None, "of the roster")):
        found = [pupils.nearest(read_number(code), wrong=2, among=among) for code in (number, barcode) if code]
        wrong = min((misses for near, misses in found if near), default=-1)
        near = list(dict.fromkeys(one for some, misses in found if misses == wrong for one in some))
        if near:
            room = batches.room.get(batches.of[row], "")
            same = [one for one in near if room and batches.seating.room[one] == room]
            near, where = (same, f" in room {room}") if same and among is not None else (near, "")
            shown = ", ".join(batches.seating.told(one) for one in near[:3])
            how = "fits" if wrong == 0 else f"{wrong} digit{'s' * (wrong > 1)} from"
            only = "only " if len(near) == 1 else ""
            return near, f"; {how} {only}{shown}{' …' if len(near) > 3 else ''} {who}{where}"
    return [], "; nothing like it in the roster"
