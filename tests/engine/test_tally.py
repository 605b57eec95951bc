"""The Tally: what it counts, that it adds, and that it survives the disk."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from papers import papers, plainly, responses, subject

from engine.exam import Choose, Item, Subject
from engine.scoring import score
from engine.tally import Tally

SCHOOLS = st.lists(st.sampled_from(["甲", "乙", "丙", None]), min_size=25, max_size=25)


def tally_of(paper: Subject, rows: list[dict], schools: list) -> Tally:
    return score(paper, responses(paper, rows), {"school": pa.array(schools[: len(rows)], pa.string())}).tally


@settings(deadline=None)
@given(papers(), SCHOOLS)
def test_counts(paper: tuple[Subject, list[dict]], schools: list) -> None:
    """Every cell, against counting one by one."""
    paper, rows = paper
    points, totals = plainly(paper, rows)
    tally = tally_of(paper, rows, schools)
    read = [i for i, row in enumerate(rows) if row["status"] == "read"]
    assert tally.n == len(read)
    axis = range(tally.lowest, tally.lowest + len(tally.totals))
    assert dict(zip(axis, tally.totals.tolist(), strict=True)) == {t: [totals[i] for i in read].count(t) for t in axis}
    for j, item in enumerate(paper.items):
        blank = "" if item.rule == "void:full" else None
        given = [(rows[i][item.item] if rows[i][item.item] is not None else blank, totals[i]) for i in read]
        part = tally.items[item.item]
        cells = {
            (answer, total): count
            for answer, counts in zip(part.answers, part.counts.tolist(), strict=True)
            for total, count in zip(axis, counts, strict=True)
            if count
        }
        assert cells == Counter(cell for cell in given if cell[0] is not None)
        assert list(part.answers) == sorted(part.answers)
        if item.rule != "void:drop":
            assert sum(int(part.points[part.answers.index(answer)]) * n for (answer, _), n in cells.items()) == sum(
                points[i][j] or 0 for i in read
            )
    sums = tally.units["school"]
    for row, school in enumerate(sums.units):
        pupils = [i for i in read if schools[i] == school]
        for j, item in enumerate([*paper.items, None]):
            column = [totals[i] if item is None else points[i][j] for i in pupils]
            if item is not None and item.rule == "void:drop":
                column = [None if rows[i][item.item] is None else 0 for i in pupils]
            column = [value for value in column if value is not None]
            assert sums.count[row, j] == len(column)
            assert sums.sum[row, j] == sum(column)
            assert sums.squares[row, j] == sum(value**2 for value in column)
    assert list(sums.units) == sorted({schools[i] for i in read} - {None})


@settings(deadline=None)
@given(papers(), SCHOOLS, st.data())
def test_adds(paper: tuple[Subject, list[dict]], schools: list, data: st.DataObject) -> None:
    """Parts with other answers, totals and schools add up to the whole, in any order."""
    paper, rows = paper
    cut = sorted(data.draw(st.lists(st.integers(0, len(rows)), min_size=2, max_size=2)))
    parts = [(0, cut[0]), (cut[0], cut[1]), (cut[1], len(rows))]
    a, b, c = (tally_of(paper, rows[start:end], schools[start:end]) for start, end in parts)
    whole = tally_of(paper, rows, schools)
    assert (a + b) + c == whole
    assert c + (a + b) == whole
    assert a + (c + b) == whole


@settings(deadline=None)
@given(papers(), SCHOOLS)
def test_table_and_back(paper: tuple[Subject, list[dict]], schools: list) -> None:
    paper, rows = paper
    tally = tally_of(paper, rows, schools)
    assert Tally.from_table(tally.to_table()) == tally


def test_save_and_load(tmp_path: Path) -> None:
    items = [Item(item=name, type="constructed", max=Fraction(9), group="选做") for name in "xy"]
    paper = subject(*items, choose={"选做": Choose()})
    rows = [{"x": "3", "y": "", "choose:选做": "x"}, {"x": "", "y": "4.5", "choose:选做": "y"}]
    tally = tally_of(paper, rows, ["甲", "乙"])
    tally.save(tmp_path / "tally.arrow")
    score(paper, responses(paper, rows[::-1]), {"school": pa.array(["乙", "甲"])}).tally.save(tmp_path / "again.arrow")
    loaded = Tally.load(tmp_path / "tally.arrow")
    assert loaded == tally
    assert loaded.choices["选做"].answers == ("3", "4.5")
    assert (tmp_path / "tally.arrow").read_bytes() == (tmp_path / "again.arrow").read_bytes()


def test_different_papers_do_not_add() -> None:
    def tally(key: str, name: str = "q") -> Tally:
        item = Item(item=name, type="single", max=Fraction(1), key=key)
        return tally_of(subject(item), [{name: "A"}], ["甲"])

    with pytest.raises(ValueError, match="'A' earns 2 in one tally and 0 in the other"):
        tally("A") + tally("B")
    with pytest.raises(ValueError, match="different papers"):
        tally("A") + tally("A", "r")
    assert tally("A") != tally("B")
    assert tally("A") == tally("A")
