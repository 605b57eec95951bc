"""The figures of the exam, of counties, schools and classes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from engine import tables
from engine.moments import mean_points, quotient, scaled, share_of
from engine.scale.denominator import Denominator
from engine.scale.totals import Totals

if TYPE_CHECKING:
    from engine.exam import Lines, Merit

RATES = ("excellent", "good", "passing", "low")  # 优秀率, 良好率, 及格率, 低分率


def unit_statistics(
    totals: Totals, lines: Lines, denominator: Denominator | None = None, merit: Merit | None = None
) -> pa.Table:
    """Figures of the exam, counties, schools and classes in a subject or in the composite, schema "units".

    `registered` counts those entered, `n` and all else those with status read and a total. A line is a share of the
    full mark and belongs to the higher side. Rates are shares of `of`, which counts what `lines.of` says; whoever of
    these does not reach the line of low scores is low, also without a score, so that nobody gains by staying away.
    Unnamed counties, schools and classes have no row.

    Args:
        denominator: default: of the kind `lines.of`, with no school's enrolment known.
        merit: weights of the composite of mean rate, excellent, passing and 1 - low (综合评价分).
    """
    denominator = denominator or Denominator(lines.of)
    reached = {name: _reaching(totals, getattr(lines, name)) for name in RATES}
    (exam,) = totals.moments(totals.cohort.levels["exam"])
    mean, sd = mean_points(exam.x, exam.n, totals.step), scaled(exam.sd(), totals.step)
    full = float(totals.full_mark)
    rows = []
    for level, units in totals.cohort.levels.items():
        columns = {
            "registered": units.sums(totals.entered),
            "enrolled": denominator.on_books(level, len(units.names)),
            "of": denominator.of(totals, level),
            **{name: units.sums(who) for name, who in reached.items()},
        }
        columns["low"] = columns["of"] - columns["low"]
        for place, (unit, one) in enumerate(zip(units.names, totals.moments(units), strict=True)):
            count = {name: int(values[place]) for name, values in columns.items()}
            own_mean, own_sd = mean_points(one.x, one.n, totals.step), scaled(one.sd(), totals.step)
            rates = {name: share_of(count[name], count["of"]) if count["of"] > 0 else None for name in RATES}
            row: dict[str, Any] = {
                "subject": totals.code,
                "level": level,
                "unit": unit,
                "registered": count["registered"],
                "n": one.n,
                "mean": own_mean,
                "sd": own_sd,
                "rate": own_mean / full if own_mean is not None and full else None,
                **rates,
                "enrolled": count["enrolled"] if count["enrolled"] >= 0 else None,
                "denominator": denominator.kind,
                "of": count["of"] if count["of"] >= 0 else None,
            }
            if own_mean is not None and own_sd is not None and mean is not None and sd is not None:
                row["cv"] = quotient(100 * own_sd, own_mean)
                row["z"] = quotient(own_mean - mean, sd)
                row["ratio"] = quotient(own_mean, mean)
            if count["registered"]:
                rows.append(row | {"merit": _merit(row, merit)})
    return pa.Table.from_pylist(rows, schema=tables.SCHEMAS["units"])


def _reaching(totals: Totals, share: float) -> np.ndarray:
    """Who has a score that counts, of at least this share of the full mark; exact for a share in decimals."""
    exact = Fraction(str(share))
    return totals.counted & (totals.total * exact.denominator >= totals.full * exact.numerator)


def _merit(row: Mapping[str, Any], merit: Merit | None) -> float | None:
    """综合评价分, 0…100: the weighted mean of the rates; None without weights, or where a rate is not known."""
    if merit is None or any(row[name] is None for name in ("rate", "excellent", "passing", "low")):
        return None
    parts = [
        (merit.rate, row["rate"]),
        (merit.excellent, row["excellent"]),
        (merit.passing, row["passing"]),
        (merit.low, 1 - row["low"]),
    ]
    weight = sum(one for one, _ in parts)
    return 100 * sum(one * value for one, value in parts) / weight if weight else None
