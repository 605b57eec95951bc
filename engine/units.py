"""The figures of the exam, of counties, schools and classes."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.moments import Moments, mean_points, scaled, share_of
from engine.roster import units_of
from engine.scoring import full_mark

if TYPE_CHECKING:
    from engine.exam import Lines, Subject


def unit_statistics(scores: pa.Table, roster: pa.Table, subject: Subject, lines: Lines) -> pa.Table:
    """Figures of the exam, counties, schools and classes, schema "units".

    `registered` counts the rows of `scores`, `n` and all else those with status read and a total. Rates are shares of
    `n`; a line is a share of the full mark and belongs to the higher side (low: below it). Unnamed counties, schools
    and classes have no row.
    """
    full = full_mark(subject)
    status = scores["status"].cast(pa.string())
    total = scores["total"].fill_null(0).to_numpy().astype(np.int64)
    counted = pc.and_(pc.equal(status, "read"), scores["total"].is_valid()).fill_null(False).to_numpy()
    at_least = {
        name: total >= _line(getattr(lines, name), full, subject.step)
        for name in ("excellent", "good", "passing", "low")
    }
    values = {"sum": total, "squares": total**2, **at_least, "low": ~at_least["low"]}
    rows = []
    for level, names in units_of(scores["student_id"], roster).items():
        encoded = names.dictionary_encode()
        size = len(encoded.dictionary)
        codes = encoded.indices.fill_null(size).to_numpy()
        registered = np.bincount(codes, minlength=size)
        n = np.bincount(codes[counted], minlength=size)
        sums = {
            name: np.bincount(codes[counted], weights=value[counted], minlength=size) for name, value in values.items()
        }
        for unit, code in sorted((unit, code) for code, unit in enumerate(encoded.dictionary.to_pylist())):
            count = int(n[code])
            moments = Moments(count, int(sums["sum"][code]), int(sums["squares"][code]))
            mean = mean_points(moments.x, count, subject.step)
            rows.append(
                {
                    "subject": subject.code,
                    "level": level,
                    "unit": unit,
                    "registered": int(registered[code]),
                    "n": count,
                    "mean": mean,
                    "sd": scaled(moments.sd(), subject.step),
                    "rate": mean / float(full) if mean is not None and full else None,
                    **{name: share_of(int(sums[name][code]), count) for name in at_least},
                }
            )
    return pa.Table.from_pylist(rows, schema=tables.SCHEMAS["units"])


def _line(share: float, full: Fraction, step: Fraction) -> int:
    """The lowest total, in steps, that reaches a share of the full mark."""
    return math.ceil(Fraction(str(share)) * full / step)
