"""Curves of items and options along the total against R's CTT, and against counting pupils."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from papers import papers, plainly, responses, subject
from score_sets import reference
from test_ctt import load

from engine.errors import InputError
from engine.exam import Item, Subject
from engine.scoregroups import item_curves, option_curves
from engine.scoring import score

GROUPS = {"distractors27": (0.27, 0.46, 0.27), "distractors_quartile": 4}


@pytest.mark.parametrize("name", ["sat12", "ctt100", "msatb"])
def test_options_by_group_as_in_r(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    paper, tally = load(folder)
    for file, groups in GROUPS.items():
        ours: dict[tuple, list[dict]] = {}
        for row in option_curves(tally, paper, groups).to_pylist():
            ours.setdefault((row["item"], row["answer"]), []).append(row)
        for expected in reference(folder, file):
            rows = ours[expected["item"], "" if expected["option"] == "NA" else expected["option"]]
            assert [row["count"] for row in rows] == [
                int(value) for column, value in expected.items() if column.startswith(("lower", "mid", "upper"))
            ]
            difference = rows[-1]["rate"] - rows[0]["rate"]
            assert difference == pytest.approx(float(expected["discrim_upper_minus_lower"]), rel=0, abs=1e-8)
            assert {row["is_key"] for row in rows} == {expected["is_key"] == "1"}


@pytest.mark.parametrize("name", ["sat12", "ctt100", "msatb"])
def test_options_at_each_total_as_in_r(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    paper, tally = load(folder)
    ours = {
        (row["item"], row["answer"], int(row["lowest"])): row["count"]
        for row in option_curves(tally, paper).to_pylist()
        if row["count"] and row["answer"]
    }
    expected = {
        (row["item"], row["option"], int(row["total"])): int(row["Freq"])
        for row in reference(folder, "option_by_total")
        if row["option"] not in ("", "NA")
    }
    assert ours == expected


@settings(deadline=None)
@given(papers(void_items=False), st.sampled_from([None, 1, 3, 4, (0.27, 0.46, 0.27)]))
def test_equals_counting_pupils(paper: tuple[Subject, list[dict]], groups: int | tuple | None) -> None:
    paper, rows = paper
    points, every_total = plainly(paper, rows)
    pupils = [
        (row, gained, total)
        for row, gained, total in zip(rows, points, every_total, strict=True)
        if row["status"] == "read"
    ]
    totals = np.array([total for *_, total in pupils], dtype=float)
    tally = score(paper, responses(paper, rows)).tally
    if groups is None:
        cuts = np.unique(totals)
    else:
        shares = [1 / groups] * groups if isinstance(groups, int) else groups
        ends = [*np.cumsum(shares)[:-1], 1]
        cuts = np.quantile(totals, ends) if len(totals) else []
    where = np.searchsorted(np.round(cuts, 9), totals)  # (cut before, this cut]
    for j, item in enumerate(paper.items):
        curve = [row for row in item_curves(tally, paper, groups).to_pylist() if row["item"] == item.item]
        members = {
            number + 1: [(row, gained[j]) for (row, gained, _), at in zip(pupils, where, strict=True) if at == number]
            for number in range(len(cuts))
        }
        had = {number: [(r, p) for r, p in group if p is not None] for number, group in members.items()}
        had = {number: group for number, group in had.items() if group}
        if groups is None:  # numbered by what totals there are between the lowest and the highest
            assert [row["n"] for row in curve] == [len(group) for group in had.values()]
            had = dict(zip([row["group"] for row in curve], had.values(), strict=True))
        assert {row["group"] for row in curve} == set(had)
        for row in curve:
            group = had[row["group"]]
            assert row["n"] == len(group)
            rate = np.mean([p for _, p in group]) * 0.5 / float(item.max)
            assert row["rate"] == pytest.approx(rate, rel=1e-12, abs=1e-12)
            assert row["lowest"] <= row["mean_total"] <= row["highest"]
        for row in option_curves(tally, paper, groups).to_pylist():
            if row["item"] == item.item:
                group = had[row["group"]]
                assert row["count"] == sum(r[item.item] == row["answer"] for r, _ in group)
                assert row["rate"] == row["count"] / len(group)


def test_groups_nobody_is_in_have_no_row() -> None:
    paper = subject(Item(item="q", type="single", max=Fraction(1), key="A", options="AB"))
    tally = score(paper, responses(paper, [{"q": "A"}] * 9 + [{"q": "B"}])).tally
    rows = option_curves(tally, paper, 4).to_pylist()
    assert [(row["answer"], row["group"], row["count"]) for row in rows] == [("A", 1, 9), ("B", 1, 1)]
    assert item_curves(tally, paper).column("n").to_pylist() == [1, 9]


@pytest.mark.parametrize("groups", [0, (0.5, 0.6), (1.2, -0.2), ()])
def test_groups_that_are_none(groups: int | tuple) -> None:
    paper = subject(Item(item="q", type="single", max=Fraction(1), key="A"))
    tally = score(paper, responses(paper, [{"q": "A"}])).tally
    for curves in (item_curves, option_curves):
        with pytest.raises(ValueError, match="groups must be"):
            curves(tally, paper, groups)


def test_a_tally_of_an_older_blueprint_is_refused() -> None:
    paper = subject(Item(item="q", type="single", max=Fraction(1), key="A"))
    tally = score(paper, responses(paper, [{"q": "A"}])).tally
    changed = subject(Item(item="q", type="single", max=Fraction(1), key="B"))
    for curves in (item_curves, option_curves):
        with pytest.raises(InputError, match="has changed since the scoring"):
            curves(tally, changed)
