"""Marking rules by their values (domain.md §2.1), and refusals that say what is wrong."""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.exam import Item
from engine.rules import check_item, rule, void

ONE = Fraction(1)


def item(type: str, max: str, key: str = "", rule: str = "", **more: str) -> Item:
    return Item(item="7", type=type, max=Fraction(max), key=key, rule=rule, **more)


@pytest.mark.parametrize(
    ("given_item", "step", "points"),
    [
        (item("single", "3", "B"), 1, {"B": 3, "A": 0, "": 0, "BC": 0}),
        (item("single", "3", "B", "exact"), 1, {"B": 3, "A": 0}),
        (item("single", "3", "B|C"), 1, {"B": 3, "C": 3, "A": 0, "BC": 0}),
        (item("single", "3", "B=3|C=1.5"), 0.5, {"B": 6, "C": 3, "A": 0}),
        (item("single", "1.5", "D"), 0.5, {"D": 3, "": 0}),
        (item("single", "4", "A", "negative:1"), 1, {"A": 4, "B": -1, "AB": -1, "": 0}),
        (item("multiple", "5", "ABD"), 1, {"ABD": 5, "DBA": 5, "AB": 0, "ABCD": 0, "": 0}),
        (item("multiple", "5", "ABD", "flat:2"), 1, {"ABD": 5, "AB": 2, "A": 2, "AC": 0, "C": 0, "ABCD": 0, "": 0}),
        (item("multiple", "6", "AB", "perkey"), 1, {"A": 3, "AB": 6, "AC": 0, "ABC": 0, "": 0}),
        (item("multiple", "6", "ABD", "perkey"), 1, {"A": 2, "AD": 4, "ABD": 6, "AC": 0}),
        (item("multiple", "6", "ABD", "perkey:2=0/3/6;3=0/2/4/6"), 1, {"D": 2, "BD": 4, "ABD": 6, "C": 0, "": 0}),
        (item("multiple", "6", "AB|ABD", "perkey"), 1, {"A": 3, "AB": 6, "ABD": 6, "AD": 4}),
        (item("multiple", "4", "ABCD", "jee:4/3/2/1/-2"), 1, {"ABCD": 4, "ABC": 3, "AB": 2, "D": 1, "": 0}),
        (item("multiple", "4", "ABC", "jee:4/3/2/1/-2"), 1, {"ABC": 4, "AB": 2, "A": 1, "AD": -2, "D": -2, "": 0}),
        (item("multiple", "6", "ABC", "rightwrong"), 1, {"ABC": 6, "ABCD": 4, "AD": 0, "DE": 0, "": 0}),
        (item("multiple", "6", "ABC", "rightwrong:1"), 1, {"ABCD": 5, "ABCDE": 4, "AD": 1, "DE": 0}),
        (item("single", "5", "", "table:A=3;B=5;C=1.5"), 0.5, {"A": 6, "B": 10, "C": 3, "D": 0, "": 0}),
        (item("multiple", "5", "AB", "table:A=3;BC=1.5"), 0.5, {"A": 6, "AB": 10, "CB": 3, "B": 0}),
        (
            item("number", "4", "3.5"),
            1,
            {"3.5": 4, "3.50": 4, "03.5": 4, "+3.5": 4, "35": 0, "": 0, "3.5.": 0, "nan": 0},
        ),
        (item("number", "4", "0.1|-2", "numeric:tol=0.01"), 1, {"0.11": 4, "0.111": 0, "-2.01": 4, "-1.5": 0}),
        (item("number", "4", "7", "negative:0.5"), 0.5, {"7.0": 8, "8": -1, "": 0}),
        (item("single", "2", "B", "table:else=-2/3"), "1/3", {"B": 6, "A": -2, "AB": -2, "": 0}),
        (item("single", "4", "A", "table:C=4/3;else=-1;blank=-0.5"), "1/6", {"A": 24, "C": 8, "D": -6, "": -3}),
        (item("single", "3", "A", "table:else=3;blank=3"), 1, {"A": 3, "B": 3, "": 3}),
        (item("multiple", "2", "AB", "table:A=1;else=-1"), 1, {"BA": 2, "A": 1, "B": -1, "": 0}),
        (item("number", "3", "19", "text"), 1, {"19": 3, "019": 0, "19.0": 0, "": 0}),
        (item("number", "2", "01", "text:1=0.5;E2=1;else=-1"), 0.5, {"01": 4, "1": 1, "E2": 2, "001": -2, "": 0}),
        (item("number", "4", "7", "table:7.5=2"), 1, {"7.0": 4, "7.50": 2, "8": 0, "": 0, "x": 0}),
        (item("constructed", "12"), 0.5, {"": 0, "0": 0, "3.5": 7, "12": 24, "12.0": 24}),
        (item("single", "3", "B", "void:drop"), 1, {"B": 0, "A": 0}),
        (item("single", "3", "B", "void:full"), 1, {"B": 3, "A": 3, "": 3}),
        (item("constructed", "3", "", "void:present"), 1, {"0": 3, "": 3}),
        (item("single", "3", "B", "void:answered"), 1, {"B": 3, "A": 3, "": 0}),
    ],
)
def test_points(given_item: Item, step: float | str, points: dict[str, int]) -> None:
    step = Fraction(str(step))
    check_item(given_item, step)
    mark = rule(given_item, step)
    assert {answer: mark(answer) for answer in points} == points


@pytest.mark.parametrize(
    ("given_item", "column", "says"),
    [
        (item("single", "3", "E", options="ABCD"), "key", "'E' is outside the options ABCD"),
        (item("single", "3", "AB"), "key", "expected one option"),
        (item("single", "3"), "key", "empty key"),
        (item("multiple", "3", "A,B"), "key", "a set of options"),
        (item("multiple", "3", "AAB"), "key", "a set of options"),
        (item("number", "3", "three"), "key", "expected a number"),
        (item("single", "1.5", "B"), "max", "1.5 points is not a multiple of the subject's step 1"),
        (item("single", "0", "B"), "max", "expected more than 0"),
        (item("single", "3", "B", "guess"), "rule", "rule 'guess' is not known for an item of type single"),
        (item("single", "3", "B", "perkey"), "rule", "not known for an item of type single"),
        (item("constructed", "3", "", "exact"), "rule", "not known for an item of type constructed"),
        (item("multiple", "5", "AB", "flat:"), "rule", "'' where points were expected"),
        (item("multiple", "5", "AB", "flat:6"), "rule", "more than the item's full mark 5"),
        (item("multiple", "5", "AB", "flat:1.5"), "rule", "not a multiple"),
        (item("multiple", "5", "AB", "perkey"), "rule", "5 points over 2 right options"),
        (item("multiple", "6", "ABC", "perkey:2=0/3/6"), "rule", "a list for 3 right options"),
        (item("multiple", "6", "AB", "perkey:2=0/6"), "rule", "points of 0 to n found"),
        (item("multiple", "6", "AB", "perkey:2=0/3/5"), "rule", "the last one the full mark"),
        (item("multiple", "6", "AB=6|AC=3", "perkey"), "key", "points of its own"),
        (item("multiple", "4", "AB", "jee:4/3/2/1"), "rule", "five numbers"),
        (item("multiple", "5", "AB", "jee:4/3/2/1/-2"), "rule", "the first the full mark 5"),
        (item("single", "3", "B", "negative:-1"), "rule", "points a wrong answer loses"),
        (item("single", "3", "", "table:A=2"), "rule", "an answer that earns the full mark 3"),
        (item("single", "3", "", "table:A"), "rule", "answers with their points"),
        (item("single", "3", "A", "table"), "rule", "answers with their points"),
        (item("single", "3", "A", "table:else=-1;x"), "rule", "answers with their points"),
        (item("number", "3", "7", "table:seven=1"), "rule", "answers with their points"),
        (item("single", "3", "A", "table:else=4"), "rule", "more than the item's full mark 3"),
        (item("single", "3", "A", "table:else=-1/0"), "rule", "'-1/0' where points were expected"),
        (item("number", "3", "", "text"), "rule", "an answer that earns the full mark 3"),
        (item("number", "3", "7", "text:8"), "rule", "answers with their points"),
        (item("single", "3", "A", "text"), "rule", "not known for an item of type single"),
        (item("single", "3", "", "table:E=3", options="ABCD"), "rule", "outside the options"),
        (item("single", "3", "B=4"), "key", "more than the item's full mark"),
        (item("number", "3", "2", "numeric:tol=x"), "rule", "numeric:tol=0.01"),
        (item("number", "3", "2", "numeric:0.1"), "rule", "numeric:tol=0.01"),
        (item("single", "3", "B", "void:"), "rule", "void:drop"),
        (item("single", "3", "B", "void:drop", group="选做"), "rule", "would lose its points"),
    ],
)
def test_refusals(given_item: Item, column: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        check_item(given_item, ONE)
    assert says in error.value.message
    assert error.value.column == column
    assert error.value.mend


@pytest.mark.parametrize(("loss", "step"), [("-2/3", '"1/3"'), ("-0.25", "0.25")])
def test_points_finer_than_the_step_name_the_step_to_set(loss: str, step: str) -> None:
    with pytest.raises(InputError) as error:
        check_item(item("single", "2", "B", f"table:else={loss}"), ONE)
    assert f"step = {step} in exam.toml" in error.value.mend


@pytest.mark.parametrize("answer", ["7.3", "13", "-1", "x", "1e1"])
def test_impossible_points_of_a_constructed_response(answer: str) -> None:
    mark = rule(item("constructed", "12"), Fraction("0.5"))
    with pytest.raises(InputError, match=r"expected 0 to 12 in steps of 0\.5"):
        mark(answer)


def test_void() -> None:
    assert void(item("single", "3", "B")) == ""
    assert void(item("single", "3", "B", "void:answered")) == "answered"


_SUBSETS = ["".join(chosen) for size in range(5) for chosen in combinations("ABCD", size)]


@settings(deadline=None)
@given(
    key=st.sampled_from(_SUBSETS[1:]),
    how=st.sampled_from(["exact", "flat:4", "perkey", "rightwrong", "jee:12/9/6/3/-2", "negative:3"]),
    answer=st.sampled_from(_SUBSETS),
)
def test_partial_rules_agree_on_the_ends(key: str, how: str, answer: str) -> None:
    """The key earns the full mark, a blank nothing, a wrong option never more than nothing (but for rightwrong)."""
    mark = rule(item("multiple", "12", key, how), ONE)
    points = mark(answer)
    if answer == key:
        assert points == 12
    elif answer == "":
        assert points == 0
    else:
        assert points < 12
        if not set(answer) <= set(key) and how != "rightwrong":
            assert points <= 0


@settings(deadline=None)
@given(key=st.sampled_from(_SUBSETS[1:]), answer=st.permutations("ABCD").map("".join))
def test_order_of_options_does_not_matter(key: str, answer: str) -> None:
    mark = rule(item("multiple", "12", key, "perkey"), ONE)
    for size in range(5):
        assert mark(answer[:size]) == mark("".join(sorted(answer[:size])))
