"""Item analysis against R on real data, against the plain way in NumPy, and where nothing is defined."""

import csv
import math
import time
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from papers import matrix, papers, plainly, responses, subject

from engine import tables
from engine.ctt import item_quality, item_statistics, option_statistics, reliability
from engine.discrimination import polyserial
from engine.errors import InputError
from engine.exam import Choose, Item, Subject
from engine.scoring import score
from engine.tally import Tally

SETS = ["sat12", "ctt100", "msatb", "science", "environment", "lsat", "verbal"]
ONE = Fraction(1)


def read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def load(folder: Path) -> tuple[Subject, Tally]:
    """A reference set as a paper: raw answers with their key, or points as they stand (blank: not presented)."""
    data = read(folder / "data.csv")
    if (folder / "key.csv").exists():
        keys = {row["item"]: row["key"] for row in read(folder / "key.csv")}
        kinds = {name: "multiple" if any(len(row[name]) > 1 for row in data) else "single" for name in keys}
        items = [Item(item=name, type=kinds[name], max=ONE, key=key) for name, key in keys.items()]
        answers = data
    else:
        names = [row["item"] for row in read(folder / "reference" / "ctt_items.csv")]
        most = {name: max(int(row[name] or 0) for row in data) for name in names}
        items = [Item(item=name, type="constructed", max=Fraction(most[name])) for name in names]
        answers = [{name: row[name] or None for name in names} for row in data]
    paper = subject(*items, step=ONE)
    names = [item.item for item in items]
    return paper, score(paper, responses(paper, [{name: row[name] for name in names} for row in answers])).tally


def close(value: float | None, reference: str) -> bool:
    return value is not None and math.isclose(value, float(reference), rel_tol=0, abs_tol=1e-6)


@pytest.mark.parametrize("name", SETS)
def test_items_and_alpha_as_in_r(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    paper, tally = load(folder)
    rows = item_statistics(tally, paper, ddof=1).to_pylist()
    for row, expected in zip(rows, read(folder / "reference" / "ctt_items.csv"), strict=True):
        assert row["item"] == expected["item"]
        for column in ("n", "mean", "sd", "r_total", "r_rest", "alpha_if_deleted"):
            assert close(row[column], expected[column]), (row, expected, column)
    for row, expected in zip(rows, read(folder / "reference" / "ctt_items_CTT.csv"), strict=True):
        assert close(row["biserial"], expected["bis"]), (row, expected)
    test = {row["statistic"]: row["value"] for row in read(folder / "reference" / "ctt_test.csv")}
    [whole] = reliability(tally, paper, ddof=1).to_pylist()
    for column, statistic in [
        ("n", "n_persons"),
        ("items", "n_items"),
        ("mean", "mean_total"),
        ("sd", "sd_total_n_minus_1"),
        ("alpha", "alpha"),
        ("sem", "SEM"),
    ]:
        assert close(whole[column], test[statistic]), (whole, statistic)


@pytest.mark.parametrize("name", SETS[:4] + SETS[-1:])
def test_discrimination_as_in_r(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    paper, tally = load(folder)
    for row, expected in zip(
        item_statistics(tally, paper).to_pylist(), read(folder / "reference" / "discrimination27.csv"), strict=True
    ):
        assert close(row["d27"], expected.get("D_over_max") or expected["D"]), (row, expected)


@pytest.mark.parametrize("name", SETS[:3])
def test_options_as_in_r(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    paper, tally = load(folder)
    options = {(row["item"], row["answer"]): row for row in option_statistics(tally, paper, rest="option").to_pylist()}

    def option(row: dict[str, str]) -> dict:
        return options[row["item"], "" if row["option"] == "NA" else row["option"]]

    for expected in read(folder / "reference" / "distractors27.csv"):
        row = option(expected)
        assert row["count"] == int(expected["n"])
        assert row["is_key"] == (expected["is_key"] == "1")
        assert close(row["rate"], expected["prop"])
        assert close(row["r_rest"], expected["pbis_rest"])
        assert close(row["rate_high"] - row["rate_low"], expected["discrim_upper_minus_lower"])
    for expected in read(folder / "reference" / "distractors_means.csv"):
        assert close(option(expected)["mean_total"], expected["mean_total"])
    options = {(row["item"], row["answer"]): row for row in option_statistics(tally, paper, rest="none").to_pylist()}
    for expected in read(folder / "reference" / "distractors_means.csv"):
        assert close(option(expected)["r_rest"], expected["pbis_total"])
    assert {key for key, row in options.items() if row["count"]} == {
        (row["item"], "" if row["option"] == "NA" else row["option"])
        for row in read(folder / "reference" / "distractors_means.csv")
    }


@pytest.mark.parametrize("name", SETS[:3])
def test_contingency_as_in_r(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    _, tally = load(folder)
    cells = {
        (item, answer, tally.lowest + column): count
        for item, part in tally.items.items()
        for answer, counts in zip(part.answers, part.counts.tolist(), strict=True)
        for column, count in enumerate(counts)
        if count
    }
    expected = {
        (row["item"], "" if row["option"] in ("", "NA") else row["option"], int(row["total"])): int(row["Freq"])
        for row in read(folder / "reference" / "option_by_total.csv")
    }
    assert {cell: count for cell, count in cells.items() if cell[1]} == {
        cell: count for cell, count in expected.items() if cell[1]
    }


def test_booklets_leave_out_what_was_not_presented(shared_data: Path) -> None:
    folder = shared_data / "psychometrics" / "timss07_g4"
    paper, tally = load(folder)
    for row, expected in zip(
        item_statistics(tally, paper, ddof=1).to_pylist(), read(folder / "reference" / "ctt_items.csv"), strict=True
    ):
        for column in ("n", "mean", "sd"):
            assert close(row[column], expected[column])


def test_the_suspect_key_of_sat12_is_found(shared_data: Path) -> None:
    paper, tally = load(shared_data / "psychometrics" / "sat12")
    alerts = {row["item"]: row["alert"] for row in item_statistics(tally, paper).to_pylist()}
    assert [item for item, alert in alerts.items() if "key suspect" in alert] == ["Item.32"]


def pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def same(value: float | None, expected: float | None) -> bool:
    return (value is None) == (expected is None) and (
        value is None or math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-9)
    )


def plain_alpha(scores: np.ndarray, totals: np.ndarray) -> float | None:
    k = scores.shape[1]
    if k < 2 or len(totals) == 0 or np.ptp(totals) == 0:
        return None
    return k / (k - 1) * (1 - scores.var(axis=0).sum() / totals.var())


@settings(deadline=None)
@given(papers(void_items=False))
def test_equals_the_plain_way(paper: tuple[Subject, list[dict]]) -> None:
    """Every statistic from the score matrix, with nulls, floors and constant items; no warning escapes."""
    paper, rows = paper
    points, every_total = plainly(paper, rows)
    scores = matrix(paper, points, rows) * 0.5
    totals = (
        np.array([t for t, row in zip(every_total, rows, strict=True) if row["status"] == "read"], dtype=float) * 0.5
    )
    tally = score(paper, responses(paper, rows)).tally
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        items = item_statistics(tally, paper).to_pylist()
        sample = item_statistics(tally, paper, ddof=1).to_pylist()
        [whole] = reliability(tally, paper).to_pylist()
        options = option_statistics(tally, paper).to_pylist()
    low, high = np.quantile(totals, [0.27, 0.73]) if len(totals) else (0, 0)
    bottom, top = totals <= low, totals > high
    if len(totals) and not top.any():
        top = totals == totals.max()
    groups = not (bottom & top).any()
    filled = np.nan_to_num(scores)

    for j, (item, row) in enumerate(zip(paper.items, items, strict=True)):
        there = ~np.isnan(scores[:, j]) if len(totals) else np.zeros(0, dtype=bool)
        x, t = (scores[there, j], totals[there]) if len(totals) else (np.zeros(0), np.zeros(0))
        assert row["n"] == len(x)
        assert same(row["mean"], float(x.mean()) if len(x) else None)
        assert same(row["sd"], float(x.std()) if len(x) else None)
        assert same(sample[j]["sd"], float(x.std(ddof=1)) if len(x) > 1 else None)
        assert same(row["difficulty"], float(x.mean()) / float(item.max) if len(x) else None)
        assert same(row["r_total"], pearson(x, t))
        assert same(row["r_rest"], pearson(x, t - x))
        assert same(row["biserial"], polyserial(t - x, x) if len(x) else None)
        rates = [scores[there & group, j].mean() / float(item.max) for group in (bottom, top) if (there & group).any()]
        assert same(row["d27"], rates[1] - rates[0] if groups and len(rates) == 2 else None)
        others = np.delete(filled, j, axis=1)
        assert same(row["alpha_if_deleted"], plain_alpha(others, totals - filled[:, j]) if len(totals) else None)
    assert same(whole["alpha"], plain_alpha(filled, totals) if len(totals) else None)
    for name, of in [("mean", np.mean), ("sd", np.std), ("median", np.median), ("lowest", np.min), ("highest", np.max)]:
        assert same(whole[name], float(of(totals)) if len(totals) else None)

    present = [row for row in rows if row["status"] == "read"]
    for row in options:
        given = [i for i, pupil in enumerate(present) if pupil[row["item"]] is not None]
        gave = np.array([present[i][row["item"]] == row["answer"] for i in given], dtype=float)
        j = next(j for j, item in enumerate(paper.items) if item.item == row["item"])
        assert row["count"] == gave.sum()
        assert same(row["rate"], gave.mean() if len(gave) else None)
        assert same(row["r_rest"], pearson(gave, totals[given] - scores[given, j]) if len(gave) else None)
        assert same(row["mean_total"], totals[given][gave == 1].mean() if gave.any() else None)


def test_choose_group_is_one_part_of_alpha() -> None:
    random = np.random.default_rng(3)
    items = [Item(item=name, type="constructed", max=Fraction(9)) for name in "ab"]
    items += [Item(item=name, type="constructed", max=Fraction(9), group="g") for name in "xy"]
    paper = subject(*items, choose={"g": Choose()}, step=ONE)
    points = random.integers(0, 10, (50, 3))
    rows = [
        {"a": str(a), "b": str(b), ("x", "y")[i % 2]: str(c), "choose:g": ("x", "y")[i % 2]}
        for i, (a, b, c) in enumerate(points.tolist())
    ]
    tally = score(paper, responses(paper, rows)).tally
    [whole] = reliability(tally, paper).to_pylist()
    assert same(whole["alpha"], plain_alpha(points.astype(float), points.sum(axis=1).astype(float)))
    without = plain_alpha(points[:, :2].astype(float), points[:, :2].sum(axis=1).astype(float))
    deleted = {row["item"]: row["alpha_if_deleted"] for row in item_statistics(tally, paper).to_pylist()}
    assert same(deleted["x"], without)
    assert same(deleted["y"], without)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"q": "A", "r": "3"}],
        [{"q": None, "r": None}] * 3,
        [{"q": "A", "r": "3"}] * 4,
        [{"q": "A", "r": "3", "status": "absent"}] * 2,
    ],
    ids=["nobody", "one pupil", "all missing", "all perfect", "all absent"],
)
def test_what_is_not_defined_is_null(rows: list[dict]) -> None:
    paper = subject(
        Item(item="q", type="single", max=ONE, key="A", options="ABC"),
        Item(item="r", type="constructed", max=Fraction(3)),
    )
    tally = score(paper, responses(paper, rows)).tally
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [item_statistics(tally, paper), option_statistics(tally, paper), reliability(tally, paper)]
    for name, table in zip(("items", "options", "reliability"), results, strict=True):
        assert table.schema.equals(tables.SCHEMAS[name])
        for column in table.columns:
            if pa.types.is_floating(column.type):
                assert not any(value is not None and not math.isfinite(value) for value in column.to_pylist())
    for name in ("r_total", "r_rest", "biserial", "d27", "alpha_if_deleted"):
        assert results[0][name].to_pylist() == [None, None]
    assert results[2]["alpha"].to_pylist() == [None]


def test_alerts_and_void_items() -> None:
    items = [
        Item(item=name, type="single", max=ONE, key="A", rule=how)
        for name, how in [("easy", ""), ("hard", ""), ("negative", ""), ("void", "void:full"), ("dropped", "void:drop")]
    ]
    rest = [Item(item=name, type="constructed", max=Fraction(20)) for name in ("rest", "more")]
    paper = subject(*items, *rest, step=ONE)
    rows = [
        {
            "easy": "A",
            "hard": "B",
            "negative": "A" if i < 8 else "B",
            "void": "B",
            "dropped": "A" if i % 2 else "",
            "rest": str(i),
            "more": str(i),
        }
        for i in range(20)
    ]
    tally = score(paper, responses(paper, rows)).tally
    table = item_statistics(tally, paper).to_pylist()
    assert {row["item"]: row["alert"] for row in table} == {
        "easy": "too easy",
        "hard": "too hard",
        "negative": "key suspect; negative discrimination",
        "void": "void",
        "dropped": "void",
        "rest": "",
        "more": "",
    }
    dropped = table[4]
    assert (dropped["n"], dropped["blank"], dropped["mean"]) == (20, 10, None)
    [whole] = reliability(tally, paper).to_pylist()
    assert (whole["items"], whole["max"]) == (6, 44.0)
    assert not any(row["is_key"] for row in option_statistics(tally, paper).to_pylist() if row["item"] == "void")


@pytest.mark.parametrize(
    "changed",
    [
        dict(items=[Item(item="q", type="single", max=ONE, key="B")]),
        dict(items=[Item(item="r", type="single", max=ONE, key="A")]),
        dict(items=[Item(item="q", type="single", max=ONE, key="A", rule="void:drop")]),
        dict(items=[Item(item="q", type="single", max=ONE, key="A")], step=ONE),
    ],
    ids=["key", "item", "void", "step"],
)
def test_a_tally_of_an_older_blueprint_is_refused(changed: dict) -> None:
    paper = subject(Item(item="q", type="single", max=ONE, key="A"))
    tally = score(paper, responses(paper, [{"q": "A"}])).tally
    items = changed.pop("items")
    for statistics in (item_statistics, option_statistics, reliability):
        with pytest.raises(InputError, match="blueprint has changed since the scoring"):
            statistics(tally, subject(*items, **changed))


def test_options_nobody_chose_have_a_row() -> None:
    items = [
        Item(item="q", type="single", max=ONE, key="A|B", options="ABCD"),
        Item(item="m", type="multiple", max=ONE, key="BA", options="ABCD"),
    ]
    paper = subject(*items)
    rows = option_statistics(score(paper, responses(paper, [{"q": "C", "m": "D"}, {"q": "", "m": ""}])).tally, paper)
    assert [(row["item"], row["answer"], row["count"], row["is_key"]) for row in rows.to_pylist()] == [
        ("q", "A", 0, True),
        ("q", "B", 0, True),
        ("q", "C", 1, False),
        ("q", "D", 0, False),
        ("q", "", 1, False),
        ("m", "AB", 0, True),
        ("m", "D", 1, False),
        ("m", "", 1, False),
    ]


def test_thousands_of_different_answers_take_time_in_proportion() -> None:
    """A numeric item may have as many answers as pupils; every answer has its row."""
    n = 4000
    paper = subject(
        Item(item="q", type="number", max=ONE, key="1"), Item(item="c", type="constructed", max=Fraction(300))
    )
    rows = [{"q": str(i), "c": str(i % 301)} for i in range(n)]
    tally = score(paper, responses(paper, rows, 200)).tally
    start = time.process_time()
    item_statistics(tally, paper)
    assert option_statistics(tally, paper).num_rows == n
    assert time.process_time() - start < 3


def test_top_group_where_many_have_the_highest_total() -> None:
    """60 % have everything right: nobody is above q73, so the top group are all of them."""
    paper = subject(Item(item="q", type="constructed", max=Fraction(10)), step=ONE)
    rows = [{"q": str(points)} for points in [1, 2, 3, 4] + [10] * 6]
    assert item_statistics(score(paper, responses(paper, rows)).tally, paper)["d27"].to_pylist() == [
        pytest.approx(1 - 0.2)
    ]


def test_quality_bands_hold_their_lower_end() -> None:
    bands = {0.55: "very_good", 0.4: "very_good", 0.399: "good", 0.3: "good", 0.2: "fair", 0.19: "poor", -0.3: "poor"}
    assert {d27: item_quality(d27) for d27 in bands} == bands
    assert item_quality(None) == ""
