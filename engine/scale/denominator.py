"""What rates are shares of: 实考 (present), 报名 (registered) or 在籍 (enrolled); printed beside every rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from engine.errors import InputError, raise_all
from engine.files import find_table, read_records
from engine.scale.totals import Cohort, Totals

ALIASES = {"学校": "school", "学校名称": "school", "班级": "class", "行政班": "class", "在籍": "enrolled"}
ALIASES |= {"在籍人数": "enrolled", "在籍生数": "enrolled", "学籍人数": "enrolled"}


@dataclass(frozen=True)
class Denominator:
    """A kind of denominator.

    Attributes:
        kind: "present", "registered" or "enrolled".
        enrolled: level → (units,) pupils on the schools' books, -1: not known; {} where there is no enrolment.csv.
    """

    kind: Literal["present", "registered", "enrolled"] = "present"
    enrolled: dict[str, np.ndarray] = field(default_factory=dict)

    def of(self, totals: Totals, level: str, chosen: np.ndarray | None = None) -> np.ndarray:
        """(units,) the denominator of a subject in each unit of a level, -1: not known.

        Args:
            chosen: (n,) bool, the pupils that the rate is about; all. Of some, it is not known how many are enrolled.
        """
        units = totals.cohort.levels[level]
        everybody = chosen is None or bool(chosen.all())
        if self.kind == "enrolled":
            return self.on_books(level, len(units.names)) if everybody else np.full(len(units.names), -1)
        counted = totals.counted if self.kind == "present" else totals.entered
        return units.sums(counted if chosen is None else counted & chosen)

    def on_books(self, level: str, units: int) -> np.ndarray:
        """(units,) enrolled pupils, -1: not known."""
        return self.enrolled.get(level, np.full(units, -1, dtype=np.int64))


def shares(count: np.ndarray, of: np.ndarray) -> pa.Array:
    """count / of, null where that is 0 or not known."""
    return pa.array(count / np.where(of > 0, of, 1), mask=of <= 0)


def load_enrolment(folder: Path, cohort: Cohort) -> dict[str, np.ndarray]:
    """Read enrolment.csv or .xlsx of an exam folder: school, class, enrolled.

    A row without a class is the whole school; without such a row a school is the sum of its classes, if all are there,
    as a county and the exam are of their schools.

    Returns:
        Level → (units,) enrolled, -1: not known; {} where there is no such file.

    Raises:
        InputError: a row names no school or class of the roster, or no number of pupils.
    """
    path = find_table(folder, "enrolment")
    if path is None:
        return {}
    records = read_records(path, required=("school", "enrolled"), aliases=ALIASES)
    errors: list[InputError] = []
    known: dict[str, dict[str, int]] = {"school": {}, "class": {}}
    for i, row in enumerate(records.rows):
        level, unit = ("class", f"{row['school']}/{row['class']}") if row.get("class") else ("school", row["school"])
        if unit not in cohort.levels[level].names:
            errors.append(records.error(i, level, f"{unit!r} is not on the roster", "write it as in the roster"))
        elif not row["enrolled"].isdecimal():
            errors.append(
                records.error(i, "enrolled", f"{row['enrolled']!r} is no number of pupils", "write how many there are")
            )
        else:
            known[level][unit] = int(row["enrolled"])
    raise_all(errors)
    found = {
        level: np.array([known[level].get(name, -1) for name in cohort.levels[level].names], dtype=np.int64)
        for level in ("school", "class")
    }
    found["school"] = np.where(found["school"] < 0, _summed(cohort, "class", "school", found), found["school"])
    return found | {level: _summed(cohort, "school", level, found) for level in ("exam", "county")}


def _summed(cohort: Cohort, part: str, level: str, found: dict[str, np.ndarray]) -> np.ndarray:
    """(units,) sums over the parts of each unit of a level, -1 where one of them is not known."""
    units, parts = cohort.levels[level], cohort.levels[part].codes
    sums = np.full(len(units.names), -1, dtype=np.int64)
    for unit in range(len(sums)):
        counts = np.append(found[part], -1)[np.unique(parts[units.codes == unit])]
        if (counts >= 0).all():
            sums[unit] = counts.sum()
    return sums
