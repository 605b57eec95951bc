"""How the totals lie: 一分一段, 分数段, five-number summaries; by unit, of the pupils who count."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pyarrow as pa

from engine import tables
from engine.moments import mean_points, scaled
from engine.scale.ranks import unit_key
from engine.scale.totals import Totals, Units

SEGMENT_LEVELS = ("exam", "category", "county", "school")


def segments(totals: Totals, pool_top: int = 0) -> pa.Table:
    """一分一段, schema "segments": from the highest score obtained in the unit to the lowest, a row a point.

    A score between two points (half points) belongs to the lower one, so that `cumulative` counts exactly those with
    `score` or more.

    Args:
        pool_top: the pupils at the top share one row, which begins at the highest score that at least so many reach.
    """
    pieces = [tables.empty("segments")]
    point = _floor(totals.total, totals.step)
    for level, units in _filled(totals, SEGMENT_LEVELS):
        top, count = _matrix(units, point, totals.counted)
        upto = np.cumsum(count, axis=1)
        n = upto[:, -1:]
        # A unit's rows: from its pooled top, or its highest score, to its lowest.
        shown = (upto >= np.clip(pool_top, 1, n)) & (upto - count < n)
        first = shown & (np.cumsum(shown, axis=1) == 1)
        pooled = first & (upto > count)
        unit, place = np.nonzero(shown)
        pieces.append(
            tables.build(
                "segments",
                {
                    **_heads(totals, level, units, unit),
                    "score": (top - place).astype(float),
                    "count": np.where(pooled, upto, count)[shown],
                    "cumulative": upto[shown],
                    "share": (upto / n)[shown],
                    "pooled": pooled[shown],
                },
            )
        )
    return pa.concat_tables(pieces)


def bands(totals: Totals, width: Fraction = Fraction(10)) -> pa.Table:
    """分数段, schema "bands": bands of `width` points from 0 (or below, where there are negative totals) up.

    The full mark belongs to the highest band, which ends there.
    """
    pieces = [tables.empty("bands")]
    full = totals.full_mark
    highest = max(-(-full // width) - 1, 0)
    band = np.minimum(_floor(totals.total, totals.step / width), highest)
    lowest = min(int(band[totals.counted].min(initial=0)), 0)
    for level, units in _filled(totals):
        _, count = _matrix(units, band, totals.counted, int(highest), lowest)
        upto = np.cumsum(count, axis=1)
        unit, place = np.nonzero(np.ones_like(count, dtype=bool))
        low = highest - place
        pieces.append(
            tables.build(
                "bands",
                {
                    **_heads(totals, level, units, unit),
                    "low": low * float(width),
                    "high": np.where(low == highest, float(full), (low + 1) * float(width)),
                    "count": count.ravel(),
                    "cumulative": upto.ravel(),
                    "share": (count / upto[:, -1:]).ravel(),
                },
            )
        )
    return pa.concat_tables(pieces)


def spread(totals: Totals) -> pa.Table:
    """Five-number summaries, mean and population sd by unit, schema "spread"; quantiles of type 7 as R and NumPy."""
    pieces = [tables.empty("spread")]
    for level, units in _filled(totals):
        chosen = totals.counted & (units.codes >= 0)
        total = totals.total[chosen][np.argsort(unit_key(units.codes[chosen], totals.total[chosen]))]
        n = units.sums(totals.counted)
        start = np.cumsum(n) - n
        moments = totals.moments(units)
        points = {
            name: totals.points(_quantile(total, start, n, quarters))
            for quarters, name in enumerate(("minimum", "q1", "median", "q3", "maximum"))
        }
        pieces.append(
            tables.build(
                "spread",
                {
                    **_heads(totals, level, units, np.arange(len(n))),
                    "n": n,
                    **points,
                    "mean": [mean_points(one.x, one.n, totals.step) for one in moments],
                    "sd": [scaled(one.sd(), totals.step) for one in moments],
                },
            )
        )
    return pa.concat_tables(pieces)


def _filled(totals: Totals, wanted: tuple[str, ...] | None = None) -> Iterator[tuple[str, Units]]:
    """Levels with the units in which somebody counts."""
    for level, units in totals.cohort.levels.items():
        if wanted is None or level in wanted:
            there = units.sums(totals.counted) > 0
            if there.any():
                new = np.append(np.where(there, np.cumsum(there) - 1, -1), -1)
                yield level, Units(tuple(np.array(units.names, dtype=object)[there]), new[units.codes])


def _floor(steps: np.ndarray, worth: Fraction) -> np.ndarray:
    """⌊steps · worth⌋, exactly."""
    return steps * worth.numerator // worth.denominator


def _matrix(
    units: Units, value: np.ndarray, counted: np.ndarray, highest: int | None = None, lowest: int | None = None
) -> tuple[int, np.ndarray]:
    """The highest value, and (units, values from the highest down) how many of the unit's pupils have each."""
    chosen = counted & (units.codes >= 0)
    top = int(value[chosen].max()) if highest is None else highest
    width = top - (int(value[chosen].min()) if lowest is None else lowest) + 1
    cells = np.bincount(units.codes[chosen] * width + top - value[chosen], minlength=len(units.names) * width)
    return top, cells.reshape(-1, width)


def _quantile(total: np.ndarray, start: np.ndarray, n: np.ndarray, quarters: int) -> np.ndarray:
    """The quantile quarters/4 of each run of sorted totals, in steps."""
    below, rest = np.divmod((n - 1) * quarters, 4)
    low = total[start + below]
    return low + rest * (total[np.minimum(start + below + 1, start + n - 1)] - low) / 4


def _heads(totals: Totals, level: str, units: Units, unit: np.ndarray) -> dict[str, pa.Array]:
    """The columns subject, level and unit of rows that belong to these units."""
    return {
        "subject": pa.repeat(totals.code, len(unit)),
        "level": pa.repeat(level, len(unit)),
        "unit": units.label(unit),
    }
