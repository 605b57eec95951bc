"""一分一段, 分数段 and five-number summaries: by hand, and against counting."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_totals import cohort, totals

from engine import tables
from engine.scale import Totals
from engine.scale.distribution import bands, segments, spread

HALF = Fraction(1, 2)


def rows(table, level: str = "exam", unit: str = "") -> list[dict]:
    return [row for row in table.to_pylist() if (row["level"], row["unit"]) == (level, unit)]


def test_segments_by_hand() -> None:
    """98.5 belongs to 98: 98 and more have three pupils."""
    one = totals([99, "98.5", 98, 96, 96, None], step=HALF)
    table = segments(one)
    assert table.schema.equals(tables.SCHEMAS["segments"])
    got = [(row["score"], row["count"], row["cumulative"], row["pooled"]) for row in rows(table)]
    assert got == [(99, 1, 1, False), (98, 2, 3, False), (97, 0, 3, False), (96, 2, 5, False)]
    assert rows(table)[1]["share"] == 3 / 5
    assert {row["level"] for row in table.to_pylist()} == {"exam", "county", "school"}


def test_the_top_is_pooled() -> None:
    one = totals([99, 98, 98, 96, 95])
    got = [(row["score"], row["count"], row["cumulative"], row["pooled"]) for row in rows(segments(one, pool_top=2))]
    assert got == [(98, 3, 3, True), (97, 0, 3, False), (96, 1, 4, False), (95, 1, 5, False)]
    assert rows(segments(one, pool_top=1))[0]["count"] == 1  # one pupil is as it is
    (alone,) = rows(segments(one, pool_top=9))
    assert (alone["score"], alone["count"], alone["pooled"]) == (95, 5, True)


def test_bands_by_hand() -> None:
    one = totals([100, 90, "89.5", 70, 0], step=HALF)
    table = bands(one, Fraction(10))
    assert table.schema.equals(tables.SCHEMAS["bands"])
    got = {(row["low"], row["high"]): row["count"] for row in rows(table)}
    assert len(got) == 10 and next(iter(got)) == (90, 100)
    assert {band: count for band, count in got.items() if count} == {(90, 100): 2, (80, 90): 1, (70, 80): 1, (0, 10): 1}
    assert [row["cumulative"] for row in rows(table)][:3] == [2, 3, 4]
    short = [(row["low"], row["high"], row["count"]) for row in rows(bands(totals([44, 30], full=44), Fraction(10)))]
    assert short[:2] == [(40, 44, 1), (30, 40, 1)] and len(short) == 5
    below = [(row["low"], row["count"]) for row in rows(bands(totals([4, -3], full=10), Fraction(5)))]
    assert below == [(5, 0), (0, 1), (-5, 1)]


def test_spread_by_hand() -> None:
    (row,) = rows(spread(totals([1, 2, 3, 4, 10, None])))
    assert [row[name] for name in ("n", "minimum", "q1", "median", "q3", "maximum")] == [5, 1, 2, 3, 4, 10]
    assert (row["mean"], row["sd"]) == (4, pytest.approx(10**0.5))
    (row,) = rows(spread(totals([7])))
    assert [row[name] for name in ("minimum", "median", "maximum", "sd")] == [7, 7, 7, 0]


@given(
    st.lists(st.none() | st.integers(-10, 240), min_size=1, max_size=40),
    st.integers(0, 12),
    st.sampled_from([5, 10, Fraction(5, 2)]),
    st.data(),
)
@settings(max_examples=30, deadline=None)
def test_every_count_is_that_of_the_pupils(steps, pool_top, width, data) -> None:
    places = data.draw(
        st.lists(
            st.sampled_from([("东", "甲", "1"), ("东", "甲", "2"), ("西", "乙", "1"), ("", "丙", "")]),
            min_size=len(steps),
            max_size=len(steps),
        )
    )
    points = [None if value is None else value * HALF for value in steps]
    one = totals(points, step=HALF, full=120, of=cohort(len(steps), places))
    named = {"exam": "", "county": 0, "school": 1, "class": 2}
    for level, column in named.items():
        units = {"/".join(place[1:]) if level == "class" else place[column] for place in places if level != "exam"}
        for unit in units if level != "exam" else {""}:
            own = [
                value
                for value, place in zip(points, places, strict=True)
                if value is not None
                and (level == "exam" or ("/".join(place[1:]) if level == "class" else place[column]) == unit)
            ]
            if not own or (unit in ("", "丙/") and level != "exam"):
                continue
            check(one, level, unit, own, pool_top, width)


def check(one: Totals, level: str, unit: str, own: list[Fraction], pool_top: int, width) -> None:
    found = rows(bands(one, Fraction(width)), level, unit)
    assert sum(row["count"] for row in found) == len(own)
    for row in found:
        assert row["cumulative"] == sum(value >= row["low"] for value in own)
    (five,) = rows(spread(one), level, unit)
    floats = [float(value) for value in own]
    quantiles = [five[name] for name in ("minimum", "q1", "median", "q3", "maximum")]
    assert quantiles == pytest.approx(np.quantile(floats, [0, 0.25, 0.5, 0.75, 1]))
    assert (five["mean"], five["sd"]) == (pytest.approx(np.mean(floats)), pytest.approx(np.std(floats), abs=1e-9))
    if level != "class":
        found = rows(segments(one, pool_top), level, unit)
        assert sum(row["count"] for row in found) == len(own)
        assert found[-1]["score"] == min(own) // 1
        assert all(row["cumulative"] == sum(value >= row["score"] for value in own) for row in found)
        assert found[0]["cumulative"] >= min(pool_top, len(own))


def test_nobody_counts() -> None:
    one = totals([None, None])
    for make in (segments, bands, spread):
        assert make(one).num_rows == 0
