"""Discrimination against R's CTT and psychometric, the plain way, and where nothing is defined."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import norm
from score_sets import SETS, points, reference, scores_of, with_nan

from engine.discrimination import discrimination, discrimination_index, polyserial

COLUMNS = [
    ("ctt_items_CTT", "itemName", "itemMean", "difficulty"),
    ("ctt_items_CTT", "itemName", "bis", "biserial"),
    ("ctt_items_psychometric", "item", "Difficulty", "difficulty"),
    ("ctt_items_psychometric", "item", "Discrimination", "d_third"),
    ("discrimination27", "item", "D", "d27"),
]


@pytest.mark.parametrize("name", SETS[:-1])
def test_as_in_r(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    scores, names = scores_of(folder)
    rows = discrimination(scores, names, full=np.ones(len(names))).to_pylist()
    for file, label, column, ours in COLUMNS:
        expected = reference(folder, file)
        assert expected or file == "discrimination27"
        for row, other in zip(rows, expected, strict=bool(expected)):
            assert row["item"] == other[label]
            assert row[ours] == pytest.approx(float(other[column]), rel=0, abs=1e-8), (file, column)


def test_polyserial_finds_the_correlation_of_normal_variables() -> None:
    random = np.random.default_rng(7)
    x, y = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 200_000).T
    assert polyserial(x, y > 0.8) == pytest.approx(0.6, abs=0.01)
    assert polyserial(x, np.digitize(y, [-1, 0, 1.5])) == pytest.approx(0.6, abs=0.01)
    assert polyserial(x, np.where(y > 0, 3.5, -1.0)) == polyserial(x, y > 0)


def test_biserial_is_the_point_biserial_times_root_pq_over_the_ordinate() -> None:
    random = np.random.default_rng(8)
    x = random.normal(size=50)
    y = x + random.normal(size=50) > 0.4
    p = y.mean()
    expected = np.corrcoef(x, y)[0, 1] * math.sqrt(p * (1 - p)) / norm.pdf(norm.ppf(p))
    assert polyserial(x, y) == pytest.approx(expected, rel=1e-12)


def test_groups_of_equal_totals() -> None:
    """Totals 0 0 0 1 1 2 2 2 3 3: q27 = 0.43, q73 = 2, so three below and two above."""
    scores = np.array([[0, 0, 0, 1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]]).T
    assert discrimination_index(scores).tolist() == [1, 2]
    # A third of ten is three: persons 0-2 and 7-9; a quarter is two.
    assert discrimination_index(scores, 1 / 3, ties="split") == pytest.approx([1, 5 / 3])
    assert discrimination_index(scores, 1 / 4, ties="split") == pytest.approx([1, 2])
    # More than a quarter have the highest total: they are the top group.
    assert discrimination_index(np.array([[0], [1], [1], [1]])).tolist() == [1]
    assert discrimination_index(np.array([[1], [1], [1]])) is None


def test_equal_totals_are_split_in_the_order_given() -> None:
    scores = np.array([[1, 0], [0, 1], [0, 1]])
    assert discrimination_index(scores, 1 / 3, ties="split").tolist() == [-1, 1]
    assert discrimination_index(scores[::-1], 1 / 3, ties="split").tolist() == [1, -1]


@pytest.mark.parametrize("persons", [3, 9, 12, 99])
def test_a_third_of_a_multiple_of_three_is_whole(persons: int) -> None:
    scores = np.arange(persons)[:, None]
    expected = 2 * persons / 3
    assert discrimination_index(scores, 1 / 3, ties="split")[0] == pytest.approx(expected)


@settings(deadline=None)
@given(points())
def test_no_nan_and_no_warning_whatever_the_scores(points: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = discrimination(with_nan(points)).to_pylist()
    for row, given_ in zip(rows, points.T, strict=True):
        there = given_[given_ >= 0]
        assert row["n"] == len(there)
        if len(there):
            assert row["difficulty"] == pytest.approx(there.mean() / (there.max() or 1))
        assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in row.values())
        for name in ("d27", "d_third", "d_quarter"):
            assert row[name] is None or -1 - 1e-9 <= row[name] <= 1 + 1e-9
    whole = points[(points >= 0).all(axis=1)]
    if len(whole) < 2 or np.ptp(whole.sum(axis=1)) == 0:
        assert all(row["d27"] is None for row in rows)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(persons, items\)"):
        discrimination([1.0, 2.0])
    for arguments in ({"items": ["a"]}, {"full": [1.0]}, {"full": [1.0, 0.0]}):
        with pytest.raises(ValueError, match="2 items need 2 names and 2 full marks above 0"):
            discrimination(np.ones((3, 2)), **arguments)
    with pytest.raises(ValueError, match=r"at most 0\.5"):
        discrimination_index(np.ones((3, 2)), 0.6)
