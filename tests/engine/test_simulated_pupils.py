"""Made-up pupils answer within the blueprint, and have something for a diagnosis to find."""

from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine.exam import Choose, Item, Subject
from engine.simulate import respond

ITEMS = (
    Item(item="1", type="single", max=Fraction(2), key="B", options="ABCD", knowledge=(("p", 1.0),), expected=0.9),
    Item(item="2", type="single", max=Fraction(2), key="C", options="ABCD", knowledge=(("q", 1.0),), expected=0.3),
    Item(item="3", type="multiple", max=Fraction(4), key="AC", options="ABCD"),
    Item(item="4", type="number", max=Fraction(2), key="3.5"),
    Item(item="5", type="constructed", max=Fraction(6), group="g", expected=0.5),
    Item(item="6", type="constructed", max=Fraction(6), group="g", expected=0.5),
)
SUBJECT = Subject(
    code="s",
    name="s",
    folder=Path(),
    step=Fraction("0.5"),
    items=ITEMS,
    choose={"g": Choose()},
    forms={"A": (), "B": ()},
)


def roster(n: int) -> pa.Table:
    return pa.table(
        {
            "student_id": [f"{i:05d}" for i in range(n)],
            "school": [f"S{i % 2}" for i in range(n)],
            "class": [f"C{i % 3}" for i in range(n)],
        }
    )


def test_equal_seeds_give_equal_answers_and_others_others() -> None:
    assert respond(SUBJECT, roster(50), 1).equals(respond(SUBJECT, roster(50), 1))
    assert not respond(SUBJECT, roster(50), 1).equals(respond(SUBJECT, roster(50), 2))


def test_answers_are_possible_ones() -> None:
    rows = respond(SUBJECT, roster(600), 3).to_pylist()
    for row in rows:
        if row["status"] == "read":
            assert row["1"] in {"", "A", "B", "C", "D"}
            assert set(row["3"]) <= set("ABCD") and list(row["3"]) == sorted(set(row["3"]))
            chosen = row["choose:g"]
            assert (row["5"] is None, row["6"] is None) == (chosen != "5", chosen != "6")
            points = Fraction(row[chosen])
            assert 0 <= points <= 6 and points % Fraction("0.5") == 0
        else:
            assert row["1"] is row["3"] is row["5"] is row["6"] is None
    assert {row["form"] for row in rows} == {"A", "B"}


def test_an_item_expected_to_be_easy_is_easier() -> None:
    answers = respond(SUBJECT, roster(3000), 4)
    easy = pc.mean(pc.equal(answers["1"].cast(pa.string()), "B").cast(pa.int8())).as_py()
    hard = pc.mean(pc.equal(answers["2"].cast(pa.string()), "C").cast(pa.int8())).as_py()
    assert easy > hard + 0.25
