"""The pupils' rows of a mastery table as matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.exam import Subject
from engine.knowledge import knowledge_points


@dataclass(frozen=True)
class Profiles:
    """The pupils' rows of a mastery table as matrices, (n, K) unless said; NaN where not presented.

    Attributes:
        student_id: (n,) object, sorted.
        weak, enough: bool, weak point; evidence enough.
        items: number of items presented.
        at_stake: points at stake.
        rate, lower, upper, reference, gap: as in the table.
    """

    student_id: np.ndarray
    weak: np.ndarray
    enough: np.ndarray
    items: np.ndarray
    at_stake: np.ndarray
    rate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    reference: np.ndarray
    gap: np.ndarray

    @classmethod
    def of(cls, subject: Subject, mastery: pa.Table) -> Profiles:
        """From a mastery table of any subjects and levels, rows in any order."""
        rows = mastery.filter((pc.field("subject") == subject.code) & (pc.field("level") == "pupil"))
        units = pc.unique(rows["unit"])
        units = units.take(pc.sort_indices(units))
        i = pc.index_in(rows["unit"], units).to_numpy()
        k = pc.index_in(rows["knowledge"], pa.array(knowledge_points(subject), pa.string())).to_numpy()

        def matrix(values: np.ndarray, missing: float) -> np.ndarray:
            cells = np.full((len(units), len(knowledge_points(subject))), missing, values.dtype)
            cells[i, k] = values
            return cells

        return cls(
            student_id=np.array(units.to_pylist(), dtype=object),
            weak=matrix(rows["weak"].to_numpy(), False),
            enough=matrix(pc.equal(rows["evidence"], "enough").to_numpy(), False),
            items=matrix(rows["items"].to_numpy(), 0),
            at_stake=matrix(rows["max"].to_numpy(), 0.0),
            rate=matrix(rows["rate"].to_numpy(), np.nan),
            lower=matrix(rows["lower"].to_numpy(), np.nan),
            upper=matrix(rows["upper"].to_numpy(), np.nan),
            reference=matrix(rows["reference"].to_numpy(), np.nan),
            gap=matrix(rows["gap"].to_numpy(), np.nan),
        )
