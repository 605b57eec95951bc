"""Points are exact, and are written as a person writes them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.points import parse_points, plain


@given(st.fractions(-(10**9), 10**9, max_denominator=10_000))
def test_points_come_back_from_their_text(points: Fraction) -> None:
    assert parse_points(plain(points)) == points


@pytest.mark.parametrize("points", [10**28 + 1, Fraction(10**28 + 1, 2), Fraction(-1, 2**20), Fraction(-(10**30), 3)])
def test_many_digits_are_kept(points: Fraction) -> None:
    assert Fraction(plain(points)) == points


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_decimals_are_written_as_decimals(points: Decimal) -> None:
    text = plain(points)
    assert Decimal(text) == points
    assert not ("." in text and text.endswith("0")) and text != "-0"


@pytest.mark.parametrize(
    ("text", "points"),
    [("3", 3), ("+1.50", Fraction(3, 2)), (".5", Fraction(1, 2)), ("2.", 2), ("-2/3", Fraction(-2, 3)), ("4/08", 0.5)],
)
def test_what_points_may_look_like(text: str, points: Fraction) -> None:
    assert parse_points(text) == points


@pytest.mark.parametrize("text", ["", "x", "1/0", "1/", "/3", "1.5/2", "1e5", "nan", "1 /3", "--1", "9" * 41])
def test_what_no_points_look_like(text: str) -> None:
    assert parse_points(text) is None
