"""engine.forms: what a form prints, there and back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import forms
from engine.errors import InputError
from engine.exam import Item, Subject
from engine.rules import rule


def single(name: str, key: str = "A", options: str = "ABCD") -> Item:
    return Item(item=name, type="single", max=Decimal(2), key=key, options=options)


ITEMS = (single("1"), single("2", "B"), single("3", "C", "ABC"), Item(item="4", type="constructed", max=Decimal(9)))


def subject(loaded: dict[str, forms.Form], items: tuple[Item, ...] = ITEMS) -> Subject:
    return Subject(code="m", name="m", folder=Path("m"), items=items, forms=loaded)


def load(folder: Path, *rows: str) -> dict[str, forms.Form]:
    (folder / "forms.csv").write_text("\n".join(["form,position,item,options", *rows]) + "\n", encoding="utf-8")
    return forms.load_forms(folder, ITEMS)


def test_form_b_prints_other_items_with_permuted_options(tmp_path: Path) -> None:
    loaded = load(tmp_path, "B,1,2,CADB", "B,2,1,")
    assert loaded["B"] == (("2", "CADB"), ("1", "ABCD"), ("3", "ABC"), ("4", ""))
    assert loaded["A"] == (("1", "ABCD"), ("2", "ABCD"), ("3", "ABC"), ("4", ""))
    # "CADB": what is printed as A is option C, B is A, C is D, D is B.
    assert [forms.canonical(ITEMS[1], "CADB", letter) for letter in "ABCD"] == ["C", "A", "D", "B"]
    assert forms.canonical(ITEMS[1], "CADB", "AB") == "AC"
    assert forms.canonical(ITEMS[1], "CADB", "") == ""
    assert forms.printed(subject(loaded), "B", "2", "AC") == ("1", "AB")
    assert forms.printed(subject(loaded), "B", "1", "C") == ("2", "C")
    assert forms.printed(subject(loaded), "A", "2", "C") == ("2", "C")
    assert forms.printed(subject(loaded), "B", "4", "3.5") == ("4", "3.5")


def test_without_a_file_there_is_the_blueprint_only(tmp_path: Path) -> None:
    assert forms.load_forms(tmp_path, ITEMS) == {}
    assert [forms.is_known(subject({}), mark) for mark in ("", "A", "B", "AB")] == [True, True, False, False]
    assert forms.printed(subject({}), "", "2", "C") == ("2", "C")


def test_with_forms_a_sheet_must_say_which(tmp_path: Path) -> None:
    with_forms = subject(load(tmp_path, "B,1,2,", "B,2,1,"))
    assert [forms.is_known(with_forms, mark) for mark in ("A", "B", "", "AB", "C")] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("rows", "row", "column", "says"),
    [
        (["B,1,7,"], 2, "item", "no item '7'"),
        (["B,7,1,"], 2, "position", "no item '7'"),
        (["BB,1,2,"], 2, "form", "one letter"),
        (["B,1,3,"], 2, "item", "same type and options"),
        (["B,1,4,"], 2, "item", "same type and options"),
        (["B,1,1,ABCE"], 2, "options", "not a permutation"),
        (["B,1,1,AABC"], 2, "options", "not a permutation"),
        (["B,1,2,", "B,1,1,"], 3, "position", "stands twice"),
        (["B,1,2,"], None, "item", "prints 2 twice and 1 not at all"),
    ],
)
def test_a_wrong_file(tmp_path: Path, rows: list[str], row: int | None, column: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, *rows)
    error = caught.value
    assert (error.file, error.row, error.column) == (tmp_path / "forms.csv", row, column)
    assert says in str(error) and error.mend


@st.composite
def made_forms(draw: st.DrawFn) -> Subject:
    n = draw(st.integers(1, 8))
    items = tuple(single(str(i + 1)) for i in range(n))
    order = draw(st.permutations([item.item for item in items]))
    options = ["".join(draw(st.permutations("ABCD"))) for _ in items]
    own = tuple((item.item, item.options) for item in items)
    return subject({"A": own, "B": tuple(zip(order, options, strict=True))}, items)


@given(made_forms(), st.data())
def test_there_and_back(made: Subject, data: st.DataObject) -> None:
    """What is printed for an answer reads as that answer again, and every item has a place of its own."""
    places = set()
    for item in made.items:
        answer = "".join(sorted(data.draw(st.sets(st.sampled_from("ABCD")))))
        position, marks = forms.printed(made, "B", item.item, answer)
        places.add(position)
        name, options = forms.order(made, "B")[[one.item for one in made.items].index(position)]
        assert name == item.item
        assert forms.canonical(item, options, marks) == answer
    assert len(places) == len(made.items)


@given(made_forms(), st.data())
def test_points_by_form_are_those_of_the_translated_answers(made: Subject, data: st.DataObject) -> None:
    rules = {item.item: rule(item, made.step) for item in made.items}
    right = data.draw(st.sets(st.sampled_from([item.item for item in made.items])))
    marks = dict(forms.printed(made, "B", name, "A") for name in right)
    assert forms.points_by_form(made, rules, marks)["B"] == 2 * len(right)
    as_a = sum(marks.get(item.item) == "A" for item in made.items)
    assert forms.points_by_form(made, rules, marks)["A"] == 2 * as_a
