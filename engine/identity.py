"""Whose page is it? Barcode, candidate number and neighbouring pages against the roster; nothing is guessed.

1. A correction by hand decides.
2. The barcode must be a candidate number or student_id of the roster. A number filled in as well must not contradict
   it; places left blank don't.
3. Without a barcode the number filled in must be complete. A number with a missing or double digit is reported with
   the pupils it fits (engine/batch.py), also if only one does. Blank places before or after a shorter number are no
   omission.
4. A page with neither belongs to the page right before or right after it, if the two are the sides of one piece of
   paper (pages 1 and 2 of the sheet, 3 and 4, …) and the files are in the same folder under names that agree in every
   number but the last ("scan_0007", "scan_0008"; "12-1", "12-2"; "0005A", "0005B"). Two pieces of paper are never
   joined: one of them may have been lost or shuffled.
5. The same side of the same pupil twice: if all marks are equal the first counts, else none does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from engine.roster import Pupils, read_number

NOBODY, SET_ASIDE_PAGE = -1, -2  # owners of pages that are no rows of the roster


class Reason(StrEnum):
    """Why a person must look: pages without a pupil first, then pupils."""

    UNKNOWN_CANDIDATE = "unknown_candidate"  # 考号不存在
    NUMBER_INCOMPLETE = "number_incomplete"  # 考号多涂/漏涂
    IDENTITY_CONFLICT = "identity_conflict"  # barcode and number name different pupils
    NO_IDENTITY = "no_identity"  # neither barcode nor number, and no neighbour to join
    DUPLICATE = "duplicate"  # 考号重复, with different marks
    DUPLICATE_SAME = "duplicate_same"  # scanned twice, all marks equal: the first counts
    WRONG_ROOM = "wrong_room"  # 考场不符: a page among those of another room
    ONE_SIDED = "one_sided"  # 漏扫一面: sides of one kind in a row, all without the other
    DOUBLE_FEED = "double_feed"  # 双张: two sheets went through the scanner together
    NO_SHEET = "no_sheet"  # 无卷且未标缺考
    NOT_CHOSEN = "not_chosen"  # 选科不符: a sheet of a subject that the pupil does not take
    PAGE_MISSING = "page_missing"  # a side of the sheet
    ABSENT_WITH_ANSWERS = "absent_with_answers"  # 缺考标记与作答矛盾
    FORM_UNKNOWN = "form_unknown"  # A/B mark missing, double, or of a form that does not exist
    FORM_CONFLICT = "form_conflict"  # A/B 卷别矛盾: mark, barcode and seat do not agree
    MARK_MISSING = "mark_missing"  # no points for a constructed response
    MARK_CONFLICT = "mark_conflict"  # score strip and marks.csv differ
    MARK_IMPOSSIBLE = "mark_impossible"  # the strip says more than the full mark, or not a step
    NO_FIELD = "no_field"  # no sheet has a field for the item
    UNCLEAR_CHOICE = "unclear_choice"  # 选做题: found in scoring, under the policy "ask"


PAGE_REASONS = frozenset(
    (
        Reason.UNKNOWN_CANDIDATE,
        Reason.NUMBER_INCOMPLETE,
        Reason.IDENTITY_CONFLICT,
        Reason.NO_IDENTITY,
        Reason.DUPLICATE,
        Reason.DUPLICATE_SAME,
    )
)


@dataclass
class PageIds:
    """What the pages say of themselves, a place a page; `owner` and `problem` are what comes out.

    Attributes:
        file, sheet_page: as in the table of pages; sheet_page 0 for a page that was not read.
        barcode, number: text, "" for none.
        owner: row of the roster, NOBODY, or SET_ASIDE_PAGE.
        letter: the form that the barcode names after the number, "" for none.
        problem: reason and detail of pages that belong to nobody.
        suggestion: by page, the candidate number that may be meant (engine/batch.py).
        duplicate: the pupil of pages that don't count because there are two of them.
    """

    file: list[str]
    sheet_page: np.ndarray
    barcode: list[str]
    number: list[str]
    owner: np.ndarray
    letter: list[str]
    problem: dict[int, tuple[Reason, str]] = field(default_factory=dict)
    suggestion: dict[int, str] = field(default_factory=dict)
    duplicate: dict[int, int] = field(default_factory=dict)


def identify(ids: PageIds, pupils: Pupils, by_hand: dict[int, int]) -> None:
    """Fill `owner` and `problem` by rules 1 to 4."""
    anonymous = np.zeros(len(ids.file), dtype=bool)
    for row in range(len(ids.file)):
        if row in by_hand:
            ids.owner[row] = by_hand[row]
        elif ids.sheet_page[row] and (ids.barcode[row] or ids.number[row]):
            ids.owner[row], reason = _own_identity(ids.barcode[row], ids.number[row], pupils)
            if reason:
                seen = [f"barcode {ids.barcode[row]!r}"] if ids.barcode[row] else []
                seen += [f"number {ids.number[row]!r}"] if ids.number[row] else []
                ids.problem[row] = reason, " and ".join(seen)
        else:
            anonymous[row] = ids.sheet_page[row] > 0
    _join_neighbours(ids, anonymous)


def split_code(text: str, pupils: Pupils, forms: Collection[str]) -> tuple[str, str]:
    """A barcode as number and letter of the form, which may stand after the number ("26010101B"); "" for none."""
    number, letter = text[:-1], text[-1:].upper()
    if letter in forms and pupils.find(text) < 0 and pupils.find(number) >= 0:
        return number, letter
    return text, ""


def _own_identity(barcode: str, number: str, pupils: Pupils) -> tuple[int, Reason | None]:
    """The pupil that barcode and number name together, or why they don't."""
    places = read_number(number)
    if barcode:
        pupil = pupils.find(barcode)
        if pupil < 0:
            agrees = not number or pupils.find(number) < 0
            return NOBODY, Reason.UNKNOWN_CANDIDATE if agrees else Reason.IDENTITY_CONFLICT
        agrees = not number or pupils.find(number) == pupil or _could_be(places, pupils.numbers[pupil])
        return (pupil, None) if agrees else (NOBODY, Reason.IDENTITY_CONFLICT)
    pupil = pupils.find(number)
    if pupil < 0 and all(len(digits) == 1 for digits in read_number(number.strip("_"))):
        # A shorter number in a longer grid; unless the blanks could be digits that were left out.
        pupil = NOBODY if pupils.nearest(places)[0] else pupils.find(number.strip("_"))
    if pupil >= 0:
        return pupil, None
    damaged = any(len(digits) != 1 for digits in places)
    return NOBODY, Reason.NUMBER_INCOMPLETE if damaged else Reason.UNKNOWN_CANDIDATE


def _could_be(places: tuple[str, ...], number: str) -> bool:
    """Whether the digits marked don't contradict a number, aligned at its start or its end."""
    spare = len(places) - len(number)
    return any(
        not any(places[:shift]) and not any(places[shift + len(number) :]) and _fits(places[shift:], number)
        for shift in (range(spare + 1) if spare >= 0 else ())
    )


def _fits(places: tuple[str, ...], number: str) -> bool:
    return all(not digits or digit in digits for digits, digit in zip(places, number, strict=False))


def _join_neighbours(ids: PageIds, anonymous: np.ndarray) -> None:
    for row in np.flatnonzero(anonymous).tolist():
        first = row if ids.sheet_page[row] % 2 else row - 1  # of the two sides
        other = row + 1 if first == row else first
        if 0 <= other < len(ids.owner) and ids.owner[other] >= 0 and _one_paper(ids, first):
            ids.owner[row] = ids.owner[other]
        else:
            ids.problem[row] = Reason.NO_IDENTITY, "no barcode, no number; no other side of the paper to join"


def _one_paper(ids: PageIds, row: int) -> bool:
    """Whether `row` and the next one can be the front and the back of one piece of paper."""
    if ids.sheet_page[row] % 2 != 1 or ids.sheet_page[row] + 1 != ids.sheet_page[row + 1]:
        return False
    one, other = ids.file[row], ids.file[row + 1]
    return one.rpartition("/")[0] == other.rpartition("/")[0] and (one == other or _series(one) == _series(other))


def _series(file: str) -> list[str]:
    """The numbers in a file's name but the last; of a name with one number, and letters for the sides, none."""
    return re.findall(r"\d+", file.rpartition("/")[2].rpartition(".")[0])[:-1]


def settle_duplicates(ids: PageIds, marks_of: Callable[[np.ndarray], list[bytes]], pupils: Pupils) -> None:
    """Rule 5.

    Args:
        marks_of: for rows of pages, what was marked on each, equal for equal marks.
    """
    owned = np.flatnonzero(ids.owner >= 0)
    side = ids.owner[owned].astype(np.int64) * (int(ids.sheet_page.max(initial=0)) + 1) + ids.sheet_page[owned]
    order = np.argsort(side, kind="stable")
    _, starts, counts = np.unique(side[order], return_index=True, return_counts=True)
    groups = [owned[order[start : start + count]] for start, count in zip(starts, counts, strict=True) if count > 1]
    if not groups:
        return
    rows = np.concatenate(groups)
    marked = dict(zip(rows.tolist(), marks_of(rows), strict=True))
    for group in groups:
        pages = ", ".join(ids.file[row] for row in group)
        what = f"{pupils.numbers[ids.owner[group[0]]]} has side {ids.sheet_page[group[0]]} more than once: {pages}"
        same = len({marked[int(row)] for row in group}) == 1
        for row in group[1:] if same else group:
            if same:
                ids.problem[int(row)] = Reason.DUPLICATE_SAME, f"{what}; all marks are equal, the first counts"
            else:
                ids.problem[int(row)] = Reason.DUPLICATE, f"{what}; one may be another pupil's"
            ids.duplicate[int(row)] = int(ids.owner[row])
            ids.owner[row] = NOBODY
