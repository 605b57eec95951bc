"""Made-up forms of other programs: wherever the page lies, its answers are read or it is refused, never guessed."""

from __future__ import annotations

from pathlib import Path

import made_forms
import numpy as np
import pytest

from omr.read import read_page


def silent(form: made_forms.Form, picture: np.ndarray) -> tuple[str, dict[str, tuple[str, str]]]:
    """What became of the page, and the fields (truth, value) that are wrong without a flag."""
    reading = read_page(picture, form.layout)
    marks = {mark.field: mark for mark in reading.marks}
    wrong = {
        name: (value, marks[name].value)
        for name, value in form.truth.items()
        if marks and not marks[name].flag and marks[name].value != value
    }
    return str(reading.page["status"]), wrong


@pytest.mark.parametrize("marks", ["usual", "none", "all", "many"])
@pytest.mark.parametrize("kind", made_forms.KINDS)
def test_a_form_that_lies_as_it_should_is_read(tmp_path: Path, kind: str, marks: str) -> None:
    form = made_forms.make(tmp_path, 7, kind=kind, marks=marks)
    assert silent(form, made_forms.scanned(form, 7, rotation=0.3)) == ("read", {})


@pytest.mark.parametrize(("seed", "marks"), [(12, "all"), (74, "usual")])
def test_a_skewed_form_is_never_read_beside_its_rows(tmp_path: Path, seed: int, marks: str) -> None:
    form = made_forms.make(tmp_path, seed, marks=marks)
    assert silent(form, made_forms.scanned(form, seed, rotation=4, shift=0.01))[1] == {}


@pytest.mark.parametrize("kind", ["circle", "hollow", "letter"])
def test_bubbles_find_a_page_with_something_around_it(tmp_path: Path, kind: str) -> None:
    form = made_forms.make(tmp_path, 5, kind=kind)
    picture = made_forms.scanned(form, 5, rotation=3, border=0.1, shift=0.05, ground=20)
    assert silent(form, picture) == ("read", {})


def test_cut_markers_are_not_missed(tmp_path: Path) -> None:
    form = made_forms.make(tmp_path, 4, kind="circle", method="markers")
    assert silent(form, made_forms.scanned(form, 4, rotation=3, shift=0.09)) == ("read", {})
