"""Scoring against the plain way, choose groups, floors, void items and damaged input."""

from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from papers import HALF, papers, plainly, responses, subject
from pyarrow import parquet

from engine import scoring, tables
from engine._core import add_up, all_presented, count, differing, kept, sum_by, sum_numbers, translated
from engine.choose import settle
from engine.errors import InputError
from engine.exam import Choose, Item, Subject
from engine.identity import Reason
from engine.scoring import full_mark, score
from engine.scoring import tally as tally_of
from engine.sharing import Sharing


def single(name: str, key: str = "A", points: int = 1, **more: object) -> Item:
    return Item(item=name, type="single", max=Decimal(points), key=key, options="ABCD", **more)


def constructed(name: str, points: int = 10, **more: object) -> Item:
    return Item(item=name, type="constructed", max=Decimal(points), **more)


@settings(deadline=None)
@given(papers(), st.integers(1, 10))
def test_equals_the_plain_way(paper: tuple[Subject, list[dict]], chunk: int) -> None:
    """Any rules, floors, statuses and nulls, in record batches that each have a dictionary of their own."""
    paper, rows = paper
    points, totals = plainly(paper, rows)
    scores = score(paper, responses(paper, rows, chunk)).scores
    scores.validate(full=True)
    assert scores["student_id"].to_pylist() == [f"s{i:04}" for i in range(len(rows))]
    assert scores["status"].to_pylist() == [row["status"] for row in rows]
    for j, item in enumerate(paper.items):
        assert scores[item.item].to_pylist() == [gained[j] for gained in points]
    withdrawn = full_mark(paper) == 0  # every item dropped: there is no total
    assert scores["total"].to_pylist() == ([None] * len(rows) if withdrawn else totals)
    assert scores.schema.metadata[b"step"] == b"0.5"


@settings(deadline=None)
@given(papers(), st.integers(1, 10))
def test_tally_of_batches_is_the_tally_of_the_whole(paper: tuple[Subject, list[dict]], chunk: int) -> None:
    paper, rows = paper
    assert score(paper, responses(paper, rows, chunk)).tally == score(paper, responses(paper, rows)).tally


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    paper=papers(),
    chunk=st.integers(1, 10),
    kind=st.sampled_from(["arrow", "parquet"]),
    held=st.sampled_from([0, 400, scoring._HELD]),
)
def test_tally_of_a_file_read_batch_by_batch(
    tmp_path: Path, paper: tuple[Subject, list[dict]], chunk: int, kind: str, held: int
) -> None:
    """Each batch on its own, some of them together, or all; units come up in any of them."""
    paper, rows = paper
    table = responses(paper, rows)
    schools = pa.array([None if i % 5 == 4 else "甲乙"[i % 2] for i in range(len(rows))], pa.string())
    classes = pa.array([f"{7 * i % 11}" for i in range(len(rows))], pa.string())
    whole = table.append_column("school", schools).append_column("class", classes)
    path = tmp_path / f"responses.{kind}"
    if kind == "arrow":
        with pa.ipc.new_file(path, whole.schema) as file:
            file.write_table(whole, max_chunksize=chunk)
    else:
        parquet.write_table(whole, path, row_group_size=chunk)
    expected = score(paper, table, {"school": schools, "class": classes}).tally
    with patch.object(scoring, "_HELD", held):
        assert tally_of(paper, tables.batches(path), ["school", "class"]) == expected
    with patch.object(scoring, "_MOST", chunk):
        assert score(paper, table, {"school": schools, "class": classes}).tally == expected


def test_a_unit_that_a_dictionary_lists_twice_is_one() -> None:
    paper = subject(single("q"))
    table = responses(paper, [{"q": answer} for answer in "ABAA"])
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 1]), ["x", "y", "x"])
    assert (
        score(paper, table, {"school": twice}).tally == score(paper, table, {"school": twice.cast(pa.string())}).tally
    )


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    paper = subject(single("q"))
    (tmp_path / "notes.txt").write_text("no table")
    with pytest.raises(InputError, match=r"neither Arrow nor Parquet.*notes\.txt|notes\.txt.*neither"):
        tally_of(paper, tables.batches(tmp_path / "notes.txt"))
    with pytest.raises(InputError, match="no such file"):
        tally_of(paper, tables.batches(tmp_path / "none"))
    with pytest.raises(InputError, match="no responses"):
        tally_of(paper, [])
    with pytest.raises(InputError, match="no column 'school'"):
        tally_of(paper, responses(paper, [{"status": "read", "q": "A"}]).to_batches(), ["school"])


def test_more_than_255_answers() -> None:
    """A numeric item may have any number of different answers; then the codes are wider."""
    paper = subject(Item(item="q", type="number", max=Decimal(2), key="700"), single("r"))
    answers = [str(i) for i in range(1000)]
    table = pa.table(
        {
            "student_id": answers,
            "status": pa.array(["read"] * 1000).cast(tables.LABEL),
            "q": pa.array([*answers[:-1], None]).dictionary_encode(),
            "r": pa.array(["A", "B"] * 500).dictionary_encode().cast(tables.ANSWER),
        }
    )
    scored = score(paper, table)
    assert scored.scores["q"].to_pylist() == [4 if i == 700 else 0 for i in range(999)] + [None]
    assert scored.scores["total"].to_pylist() == [
        (2 if i % 2 == 0 else 0) + (4 if i == 700 else 0) for i in range(1000)
    ]
    assert len(scored.tally.items["q"].answers) == 999


@pytest.mark.parametrize("distinct", [255, 256])
def test_a_full_dictionary_of_uint8(distinct: int) -> None:
    paper = subject(Item(item="q", type="number", max=Decimal(2), key="1"))
    rows = [{"q": str(i)} for i in range(distinct)] + [{"q": None}]
    scored = score(paper, responses(paper, rows))
    assert scored.scores["q"].to_pylist() == [4 if i == 1 else 0 for i in range(distinct)] + [None]


def test_dictionary_with_null_repeated_and_unused_answers() -> None:
    paper = subject(constructed("q"))
    column = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, 3, None], pa.uint8()), pa.array(["2", None, "2", "3", "never given"])
    )
    table = pa.table({"student_id": list("abcde"), "status": pa.array(["read"] * 5).cast(tables.LABEL), "q": column})
    scored = score(paper, table)
    assert scored.scores["q"].to_pylist() == [4, None, 4, 6, None]
    assert scored.tally.items["q"].answers == ("2", "3")
    assert scored.tally.items["q"].counts.sum() == 3


def test_slices_keep_their_place() -> None:
    paper = subject(single("q"))
    table = responses(paper, [{"q": answer} for answer in ["A", "B", None, "A", "", "A"]])
    assert score(paper, table.slice(2, 3)).scores["total"].to_pylist() == [0, 2, 0]


def test_who_is_absent_has_no_points_whatever_the_table_says() -> None:
    paper = subject(single("q"))
    rows = [{"q": "A", "status": status} for status in ("absent", "missing", "violation", "read")]
    scored = score(paper, responses(paper, rows))
    assert scored.scores["q"].to_pylist() == [None, None, 2, 2]
    assert scored.scores["total"].to_pylist() == [None, None, 2, 2]
    assert scored.tally.n == 1


@pytest.mark.parametrize("times", [1, 9000])
@pytest.mark.parametrize("start", [0, 3, 8])
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("group", ["", "choice"])
def test_what_stands_where_there_is_no_sheet_means_nothing(times: int, start: int, lost: bool, group: str) -> None:
    """Arrow leaves open which index stands where there is none; and an absent pupil may have an answer."""
    paper = subject(single("q", group=group), single("r"), choose={"choice": Choose()} if group else {})
    rows = [{"q": answer, "r": answer} for answer in ("A", "B", "", "A", "A", "D", "A", "A", "A", "C", "A")]
    for row in rows[3::4]:
        row |= {"q": None, "r": None, "status": "absent"}
    rows[4] |= {"status": "missing"}
    if lost:
        rows[8]["r"] = rows[9]["r"] = None
    rows *= times
    clean = responses(paper, rows)
    table = clean
    for name in "qr":
        indices = clean[name].chunk(0).indices
        there = indices.is_valid().to_numpy(zero_copy_only=False)
        anything = np.where(there, indices.fill_null(0).to_numpy(), 250).astype(np.uint8)
        made = pa.Array.from_buffers(pa.uint8(), len(rows), [indices.buffers()[0], pa.py_buffer(anything)])
        column = pa.DictionaryArray.from_arrays(made, clean[name].chunk(0).dictionary)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    schools = pa.array(["x", "y"] * (len(rows) // 2) + ["x"] * (len(rows) % 2))
    table, schools = table.slice(start), schools.slice(start)
    expected = score(paper, clean.slice(start), {"school": schools})
    without = [row.get("status", "read") != "read" for row in rows[start:]]
    for name in ("q", "r", "total"):
        assert expected.scores[name].filter(pa.array(without)).null_count == sum(without)
    if not group:
        points, totals = plainly(paper, rows[start:])
        assert list(zip(*(expected.scores[name].to_pylist() for name in "qr"), strict=True)) == [*map(tuple, points)]
        assert expected.scores["total"].to_pylist() == totals
    for threads in (1, 2):
        scored = score(paper, table, {"school": schools}, threads=threads)
        scored.scores.validate(full=True)
        assert tables.decoded(scored.scores).equals(tables.decoded(expected.scores))
        assert scored.tally == expected.tally


def test_who_is_incomplete_has_the_points_that_are_known_and_no_total() -> None:
    paper = subject(single("q"), constructed("r"), single("s"))
    rows = [
        {"q": "A", "r": "", "s": "A"},  # left blank by rule 0
        {"q": "A", "r": "", "s": "A", "status": "incomplete"},
        {"q": "A", "r": "3", "s": None, "status": "incomplete"},
    ]
    scored = score(paper, responses(paper, rows))
    assert [scored.scores[name].to_pylist() for name in "qrs"] == [[2, 2, 2], [0, None, 6], [2, 2, None]]
    assert scored.scores["total"].to_pylist() == [4, None, None]
    assert scored.scores["status"].to_pylist() == ["read", "incomplete", "incomplete"]
    assert scored.tally.n == 1


def test_a_choice_to_be_settled_counts_nowhere() -> None:
    items = tuple(constructed(name, group="选做") for name in ("x", "y"))
    paper = subject(*items, choose={"选做": Choose(policy="ask")}, step=Decimal(1))
    rows = [{CHOOSE: "x", "x": "4", "y": ""}, {CHOOSE: "x+y", "x": "6", "y": "9"}]
    scored = score(paper, responses(paper, rows))
    assert scored.scores["status"].to_pylist() == ["read", "incomplete"]
    assert scored.scores["total"].to_pylist() == [4, None]
    assert scored.tally.n == 1 and scored.tally.choices["选做"].answers == ("4",)


def test_void_full_reaches_those_to_whom_it_was_not_presented() -> None:
    paper = subject(single("q", rule="void:full"), single("r", rule="void:drop", points=5))
    rows = [{"q": None}, {"q": "", "r": "A"}, {"q": None, "status": "absent"}]
    scored = score(paper, responses(paper, rows))
    assert scored.scores["total"].to_pylist() == [2, 2, None]
    assert scored.scores["r"].to_pylist() == [None] * 3
    assert full_mark(paper) == 1
    assert scored.scores.schema.metadata[b"max"] == b"1"
    assert scored.tally.items["r"].answers == ("A",)  # what was answered is still counted
    assert scored.tally.dropped == {"r"}


def test_floor_by_section_and_of_the_total() -> None:
    items = [single(f"{section}{i}", rule="negative:1", section=section) for section in "ab" for i in range(2)]
    rows = [{"a0": "B", "a1": "B", "b0": "A", "b1": ""}, {"a0": "B", "a1": "B", "b0": "B", "b1": "B"}]
    totals = {
        floor: score(subject(*items, floor=floor, step=Decimal(1)), responses(subject(*items), rows))
        .scores["total"]
        .to_pylist()
        for floor in ("none", "section", "total")
    }
    assert totals == {"none": [-1, -4], "section": [1, 0], "total": [0, 0]}


CHOOSE = "choose:选做"


def chosen(policy: str, rows: list[dict], k: int = 1, items: tuple[Item, ...] = ()) -> tuple[list, list, list]:
    """Points in the items of a group of three, totals, and who must be looked at."""
    items = items or tuple(constructed(name, group="选做") for name in ("x", "y", "z"))
    paper = subject(*items, single("q"), choose={"选做": Choose(k=k, policy=policy)}, step=Decimal(1))
    scored = score(paper, responses(paper, [{"q": "B", "x": "", "y": "", "z": "", **row} for row in rows]))
    names = [item.item for item in items]
    points = [tuple(row[name] for name in names) for row in scored.scores.select(names).to_pylist()]
    assert set(scored.exceptions["reason"].to_pylist()) <= {Reason.UNCLEAR_CHOICE}
    assert set(scored.exceptions["subject"].to_pylist()) <= {"maths"}
    return points, scored.scores["total"].to_pylist(), scored.exceptions["student_id"].to_pylist()


SHEETS = [
    {CHOOSE: "y", "x": "3", "y": "5"},  # filled in and answered
    {CHOOSE: "", "y": "5"},  # answered, but nothing filled in
    {CHOOSE: "x+y", "x": "3", "y": "5"},  # too many filled in
    {CHOOSE: "x", "y": "5"},  # another one answered
    {CHOOSE: "", "x": "3", "z": "5"},  # nothing filled in, two answered
    {CHOOSE: "z"},  # filled in and left blank
    {CHOOSE: None, "x": "0", "z": "5"},  # a sheet without the field
]


@pytest.mark.parametrize(
    ("policy", "points", "totals", "asked"),
    [
        (
            "strict_void",
            [
                (None, 5, None),
                (None,) * 3,
                (3, None, None),
                (0, None, None),
                (None,) * 3,
                (None, None, 0),
                (None, None, 5),
            ],
            [5, 0, 3, 0, 0, 0, 5],
            [],
        ),
        (
            "first_by_position",
            [
                (None, 5, None),
                (None, 5, None),
                (3, None, None),
                (None, 5, None),
                (3, None, None),
                (None, None, 0),
                (None, None, 5),
            ],
            [5, 5, 3, 5, 3, 0, 5],
            [],
        ),
        (
            "highest",
            [
                (None, 5, None),
                (None, 5, None),
                (None, 5, None),
                (None, 5, None),
                (None, None, 5),
                (None, None, 0),
                (None, None, 5),
            ],
            [5, 5, 5, 5, 5, 0, 5],
            [],
        ),
        (
            "ask",
            [
                (None, 5, None),
                (None,) * 3,
                (3, None, None),
                (0, None, None),
                (None,) * 3,
                (None, None, 0),
                (None, None, 5),
            ],
            [5, None, None, None, None, 0, 5],  # no total until a person has decided
            ["s0001", "s0002", "s0003", "s0004"],
        ),
    ],
)
def test_choose_one(policy: str, points: list, totals: list, asked: list) -> None:
    assert chosen(policy, SHEETS) == (points, totals, asked)


def test_choose_two_of_three() -> None:
    rows = [{CHOOSE: "x+z", "x": "1", "y": "2", "z": "3"}, {CHOOSE: "x+y+z", "x": "1", "y": "2", "z": "3"}]
    assert chosen("strict_void", rows, k=2)[0] == [(1, None, 3), (1, 2, None)]
    assert chosen("highest", rows, k=2)[0] == [(None, 2, 3), (None, 2, 3)]
    assert chosen("ask", rows, k=2)[2] == ["s0001"]


def test_difficulty_of_a_chosen_item_is_on_the_choosers() -> None:
    items = tuple(constructed(name, group="选做") for name in ("x", "y"))
    paper = subject(*items, choose={"选做": Choose()}, step=Decimal(1))
    rows = [{CHOOSE: "x", "x": "4", "y": ""}, {CHOOSE: "x", "x": "6", "y": "9"}, {CHOOSE: "y", "x": "", "y": "8"}]
    tally = score(paper, responses(paper, rows)).tally
    assert tally.items["x"].answers == ("4", "6")
    assert tally.items["y"].answers == ("8",)
    assert tally.choices["选做"].answers == ("4", "6", "8")
    assert full_mark(paper) == 10


def test_an_item_outside_the_group_filled_in_is_refused() -> None:
    with pytest.raises(InputError, match="expected items of the group: x, y, z"):
        chosen("strict_void", [{CHOOSE: "q"}])


_FLAGS = st.lists(st.tuples(*[st.tuples(*[st.booleans()] * 3, st.integers(-2, 5))] * 3, st.booleans()), min_size=1)


@settings(deadline=None)
@given(_FLAGS, st.integers(1, 3))
def test_choose_properties(pupils: list, k: int) -> None:
    """Never more than k; highest gives the most a pupil can have; first_by_position takes no blank before an answer."""
    cells = np.array([[cell for cell in pupil[:3]] for pupil in pupils], dtype=int)
    marked, is_given = cells[:, :, 0] == 1, cells[:, :, 1] == 1
    answered = is_given & (cells[:, :, 2] == 1)
    points = np.where(answered, cells[:, :, 3], 0)
    arrays = dict(
        field=np.array([pupil[3] for pupil in pupils]), marked=marked, given=is_given, answered=answered, points=points
    )
    kept = {
        policy: settle(Choose(k=k, policy=policy), **arrays)[0]
        for policy in ("strict_void", "first_by_position", "highest", "ask")
    }
    for each in kept.values():
        assert each.sum(axis=1).max() <= k
        assert not (each & ~(marked | is_given)).any()
    assert (kept["ask"] == kept["strict_void"]).all()
    assert (kept["strict_void"] <= marked)[arrays["field"]].all()
    gained = {policy: np.where(each, points, 0).sum(axis=1) for policy, each in kept.items()}
    wanted = np.minimum(k, (marked | is_given).sum(axis=1))
    assert (kept["highest"].sum(axis=1) == wanted).all()
    assert (kept["first_by_position"].sum(axis=1) == wanted).all()
    assert (gained["highest"] >= gained["first_by_position"]).all()
    first = kept["first_by_position"]
    left_out = (answered & ~first).any(axis=1)
    assert not (first & ~answered).any(axis=1)[left_out].any()


def test_the_number_of_threads_changes_nothing() -> None:
    """Some are absent, some answers are missing, and some pupils are in no school."""
    random = np.random.default_rng(1)
    paper = subject(*(single(f"q{j}", "ABCD"[j % 4]) for j in range(5)), constructed("q5", 300))
    n = 70_000
    status = np.array(["read", "absent", "violation"])[random.choice(3, n, p=[0.97, 0.02, 0.01])]
    missing = random.random(n) < 0.01
    codes = {f"q{j}": random.integers(0, 5, n).astype(np.uint8) for j in range(5)}
    table = pa.table(
        {"student_id": pa.array(np.arange(n)).cast(pa.string()), "status": pa.array(status).cast(tables.LABEL)}
        | {
            name: pa.DictionaryArray.from_arrays(
                pa.array(some, mask=(status == "absent") | (missing & (name == "q3"))), ["", *"ABCD"]
            )
            for name, some in codes.items()
        }
        | {"q5": pa.array(random.integers(0, 301, n)).cast(pa.string()).dictionary_encode()}
    )
    schools = random.integers(0, 9, n)
    groups = {"school": pa.array([f"{school}" for school in schools], mask=schools == 0)}
    one, *others = (score(paper, table, groups, threads=threads) for threads in (1, 2, 3, 5))
    for other in others:
        assert one.scores.equals(other.scores, check_metadata=True)
        assert one.tally == other.tally
        assert one.tally.units["school"].units == tuple("12345678")


run = Sharing().run


SLOTS = st.sampled_from([1, 2, 6, 16, 17, 60, 255, 256, 300])  # codes of a column of 300 take 32 bits


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([0, 1, 15, 33, 4095, 4097, 9000]),
    st.lists(SLOTS, min_size=1, max_size=40),
    st.sampled_from([1, 4, 250, 70_000]),
    st.integers(0, 2**32),
)
def test_kernels_against_numpy(n: int, slots: list[int], classes: int, seed: int) -> None:
    """Few and many answers, points within a byte and beyond, few and many classes."""
    random = np.random.default_rng(seed)
    columns = [random.integers(0, size, n).astype(np.uint8 if size <= 256 else np.int32) for size in slots]
    points = [random.integers(-5, random.choice((2, 200, 5000)), size).astype(np.int32) for size in slots]
    totals = np.full(n, 7, np.int32)
    add_up(columns, points, totals)
    gained = [table[codes] for table, codes in zip(points, columns, strict=True)]
    assert (totals == 7 + np.sum(gained, axis=0)).all()

    bins = random.integers(0, classes, n).astype(np.int32)
    for size, table, codes in zip(slots, count(columns, slots, bins, classes), columns, strict=True):
        cells = codes.astype(np.int64) * classes + bins
        assert (table.ravel() == np.bincount(cells, minlength=size * classes)).all()

    numbers = [random.integers(-9, random.choice((-8, 2, 300, 70_000)), size) for size in slots]
    kinds = [numbers, [number**2 for number in numbers]]
    rows = [random.permutation(classes + 3)[:classes] for _ in range(2)]  # the last class has none
    found = [[np.full((classes + 3, len(slots) + 1), 5) for _ in kinds] for _ in rows]
    bins[: n // 9] = classes
    halves = bins // 2
    pupils = sum_by(columns, kinds, [bins, halves], rows, found, run)
    for of, count_, places, sums in zip((bins, halves), pupils, rows, found, strict=True):
        assert (count_ == np.bincount(of, minlength=classes + 1)[:classes]).all()
        for tables_, added in zip(kinds, sums, strict=True):
            assert (np.delete(added, places, axis=0) == 5).all()
            assert (added[:, -1] == 5).all()
            for table, codes, column in zip(tables_, columns, added[places].T, strict=False):
                expected = np.bincount(of, weights=table[codes], minlength=classes + 1)[:classes]
                assert (column == 5 + expected).all()
    for of, sums in zip((bins, halves), sum_numbers(totals, [bins, halves], [classes + 1] * 2), strict=True):
        for power, column in enumerate(sums.T, 1):
            expected = np.bincount(of, weights=totals.astype(float) ** power, minlength=classes + 1)
            assert (column == expected).all()

    counted = random.random(n) < 0.5
    absent = [random.integers(0, size) for size in slots]
    expected = [not (codes[counted] == code).any() for codes, code in zip(columns, absent, strict=True)]
    assert all_presented(columns, absent, counted.view(np.uint8)) == expected


@pytest.mark.parametrize(
    ("highest", "pupils"), [(1, 255), (1, 256), (255, 1), (255, 257), (255, 258), (70_000, 99_999)]
)
def test_sums_of_any_size_are_exact(highest: int, pupils: int) -> None:
    """Sums are kept in as many bits as the largest class needs; the class of those in none may have more pupils."""
    codes = np.ones(2 * pupils + 7, np.uint8)
    bins = np.repeat(np.array([0, 1], np.int32), (pupils, pupils + 7))
    sums = np.zeros((1, 1), np.int64)
    sum_by([codes], [[np.array([0, highest])]], [bins], [np.array([0])], [[sums]], run)
    assert sums[0, 0] == highest * pupils


def test_cells_of_16_bits_do_not_overflow() -> None:
    """All pupils give the same answers and have the same total score, as on a paper of void items."""
    n, items = 200_000, 300
    columns = [np.full(n, 2, np.uint8)] * items
    for table in count(columns, [3] * items, np.zeros(n, np.int32), 1):
        assert table.tolist() == [[0], [0], [n]]
    totals = np.zeros(n, np.int32)
    add_up(columns, [np.array([-3, 0, 252], np.int32)] * items, totals)
    assert (totals == 252 * items).all()
    sums = np.zeros((1, items), np.int64)
    sum_by(columns, [[np.array([0, 0, 255])] * items], [np.zeros(n, np.int32)], [np.array([0])], [[sums]], run)
    assert (sums[0] == 255 * n).all()


@pytest.mark.parametrize("size", [1, 2, 3, 17, 256, 257, 1000])
def test_what_is_outside_a_table_is_its_last_entry(size: int) -> None:
    random = np.random.default_rng(size)
    table = random.integers(-128, 128, size).astype(np.int8)
    codes = np.append(random.integers(-3, size + 3, 9000), [-(2**31), 2**31 - 1]).astype(np.int32)
    expected = np.where((codes >= 0) & (codes < size), table[np.clip(codes, 0, size - 1)], table[-1])
    assert (translated(codes, table) == expected).all()


@settings(deadline=None)
@given(st.sampled_from([0, 1, 7, 8, 9, 31, 32, 33, 64, 1000]), st.integers(0, 255), st.integers(0, 2**32))
def test_bits_of_codes(n: int, number: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.random(n) < random.choice([0, 0.5, 1])
    bits = np.packbits(rows, bitorder="little")
    for kind in (np.uint8, np.int32):
        codes = random.integers(0, 256, n).astype(kind)
        found = kept(codes, bits, number)
        assert found.dtype == kind
        assert (found == np.where(rows, codes, number)).all()
    codes = np.where(rows, random.integers(0, 256, n), number).astype(np.uint8)
    expected = codes != number
    found = differing(codes, number)
    assert (found is None) == expected.all()
    if found is not None:
        assert (found == np.packbits(expected, bitorder="little")).all()


def test_too_few_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="1 bytes of bits for 9 codes"):
        kept(np.zeros(9, np.uint8), np.zeros(1, np.uint8), 0)


def test_kernels_refuse_arrays_they_cannot_read() -> None:
    with pytest.raises(TypeError):
        count([np.zeros(3)], [1], np.zeros(3, np.int32), 1)
    with pytest.raises(TypeError):
        count([np.zeros(6, np.uint8)[::2]], [1], np.zeros(3, np.int32), 1)
    for rows, sums in (([2], (2, 1)), ([-1], (2, 1)), ([0], (2, 0))):
        with pytest.raises(ValueError, match="no place"):
            sum_by(
                [np.zeros(3, np.uint8)],
                [[np.array([1])]],
                [np.zeros(3, np.int32)],
                [np.array(rows)],
                [[np.zeros(sums, np.int64)]],
                run,
            )
    with pytest.raises(ValueError, match="length 3"):
        count([np.zeros(4, np.uint8)], [1], np.zeros(3, np.int32), 1)


def test_a_missing_column_is_named() -> None:
    paper = subject(single("q"))
    with pytest.raises(InputError, match="no column for item 'q'"):
        score(paper, responses(paper, [{"q": "A"}]).drop_columns("q"))


@pytest.mark.parametrize(
    ("codes", "kind"),
    [([0, 9], "uint8"), ([0, 2], "uint8"), ([0, None, 3], "uint8"), ([-1, 0], "int32"), ([2], "int32")],
)
@pytest.mark.parametrize("times", [1, 40_000])
@pytest.mark.parametrize("item", [single("q"), constructed("q", 300), constructed("q", group="choice")])
def test_a_damaged_column_is_named(item: Item, codes: list, kind: str, times: int) -> None:
    """Codes outside a dictionary of two answers; on several threads too, and where other things are seen to first."""
    paper = subject(single("p"), item, choose={"choice": Choose()} if item.group else {})
    n = len(codes) * times
    status = pa.array(["read"] * (n - 1) + ["incomplete" if n == 2 else "read"]).cast(tables.LABEL)
    table = pa.table(
        {
            "student_id": pa.array([str(i) for i in range(n)]),
            "status": status,
            "p": pa.array(["A"] * n).dictionary_encode(),
            "q": pa.DictionaryArray.from_arrays(pa.array(codes * times, kind), ["1", "0"], safe=False),
        }
    )
    with pytest.raises(InputError, match="damaged column 'q': an answer outside its dictionary"):
        score(paper, table, {"school": pa.array(["x"] * n)})


def test_impossible_points_name_pupil_and_item() -> None:
    paper = subject(constructed("q", 5))
    with pytest.raises(InputError, match="pupil s0001: points '6', expected 0 to 5") as error:
        score(paper, responses(paper, [{"q": "5"}, {"q": "6"}]))
    assert error.value.column == "q"


def test_nobody() -> None:
    paper = subject(single("q"))
    scored = score(paper, responses(paper, []), {"school": pa.array([], pa.string())})
    assert scored.scores.num_rows == 0
    assert scored.scores.column_names == ["student_id", "status", "q", "total"]
    assert scored.tally.n == 0
    assert scored.tally.step == HALF
