"""A value's bubbles, and what marks in bubbles say: each is the other's inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from omr.layout import Bubble, Field, Group
from omr.places import places, value_of


def field(join: str, *groups: str, separator: str = "") -> Field:
    return Field(
        name="f",
        groups=tuple(Group(bubbles=tuple(Bubble(label=x, x=0, y=0) for x in group.split())) for group in groups),
        join=join, separator=separator, width=4, height=2, block="b",
    )  # fmt: skip


DIGITS = "0 1 2 3 4 5 6 7 8 9"
NUMBER = field("concat", "- " + DIGITS, ". " + DIGITS, ". " + DIGITS, DIGITS)


@pytest.mark.parametrize(
    ("one", "value", "marked"),
    [
        (field("concat", "A B C D"), "DA", {(0, 0), (0, 3)}),
        (field("concat", "20 21 22", separator="+"), "20+22", {(0, 0), (0, 2)}),
        (NUMBER, "-3.5", {(0, 0), (1, 4), (2, 0), (3, 5)}),
        (NUMBER, "12", {(0, 2), (1, 3)}),
        (field("positional", DIGITS, DIGITS, DIGITS, DIGITS), "7_[13]4", {(0, 7), (2, 1), (2, 3), (3, 4)}),
        (field("sum", "10 20", DIGITS, "0.5"), "12.5", {(0, 0), (1, 2), (2, 0)}),
        (field("sum", "10 20", DIGITS, "0.5"), "20", {(0, 1)}),
        (field("sum", "10 20", DIGITS, "0.5"), "0", {(1, 0)}),
        (field("concat", "A B"), "", set()),
    ],
)
def test_places_of_values(one: Field, value: str, marked: set[tuple[int, int]]) -> None:
    assert places(one, value) == marked
    assert value_of(one, marked) == {"DA": "AD"}.get(value, value)


@given(st.integers(0, 60), st.booleans())
def test_sums_come_back(whole: int, half: bool) -> None:
    one = field("sum", "10 20 30 40 50 60", DIGITS, "0.5")
    value = f"{whole}.5" if half else str(whole)
    assert value_of(one, places(one, value)) == value


@given(st.lists(st.sets(st.sampled_from("0123456789"), max_size=3), min_size=1, max_size=12))
def test_numbers_come_back(columns: list[set[str]]) -> None:
    one = field("positional", *[DIGITS] * len(columns))
    marked = {(i, int(digit)) for i, column in enumerate(columns) for digit in column}
    assert places(one, value_of(one, marked)) == marked


@pytest.mark.parametrize(
    ("one", "value"),
    [
        (field("concat", "A B"), "C"),
        (NUMBER, "12345"),
        (NUMBER, "5-"),
        (field("positional", DIGITS), "12"),
        (field("positional", DIGITS), "x"),
        (field("sum", DIGITS), "9.5"),
        (field("sum", DIGITS), "five"),
    ],
)
def test_what_cannot_be_marked_is_refused(one: Field, value: str) -> None:
    with pytest.raises(UsageError, match="can't be marked"):
        places(one, value)
