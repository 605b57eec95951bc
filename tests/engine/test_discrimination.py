"""Discrimination against R's CTT and psychometric, the plain way, and where nothing is defined."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import norm
from score_sets import SETS, points, reference, scores_of, with_nan

from engine.discrimination import discrimination, extreme_groups, polyserial

COLUMNS = [
    ("ctt_items_CTT", "itemName", "itemMean", "difficulty"),
    ("ctt_items_CTT", "itemName", "bis", "biserial"),
    ("ctt_items_psychometric", "item", "Difficulty", "difficulty"),
    ("ctt_items_psychometric", "item", "Discrimination", "d_third"),
    ("discrimination27", "item", "p_lower", "rate_low"),
    ("discrimination27", "item", "p_upper", "rate_high"),
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


@pytest.mark.parametrize("name", SETS[:-1])
def test_groups_as_in_r(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    groups = extreme_groups(scores_of(folder)[0].sum(axis=1))
    for row in reference(folder, "discrimination27"):
        assert (len(groups.low), len(groups.high)) == (int(row["n_lower"]), int(row["n_upper"]))
        assert (groups.cut_low, groups.cut_high) == pytest.approx((float(row["cut_lower"]), float(row["cut_upper"])))


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


def groups_of(total: list[float], share: float = 0.27, **ties: str) -> tuple[list[int], list[int]]:
    groups = extreme_groups(total, share, **ties)
    return groups.low.tolist(), groups.high.tolist()


def test_groups_of_equal_totals() -> None:
    """q27 = 0.43, q73 = 2: three below and two above."""
    total = [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    assert groups_of(total) == ([0, 1, 2], [8, 9])
    assert groups_of(total, 1 / 3, ties="split") == ([0, 1, 2], [7, 8, 9])
    assert groups_of(total, 1 / 4, ties="split") == ([0, 1], [8, 9])
    # More than a quarter have the highest total: they are the top group.
    assert groups_of([0, 1, 1, 1]) == ([0], [1, 2, 3])
    assert extreme_groups([1, 1, 1]) is None
    assert extreme_groups([]) is None
    assert extreme_groups([1, 2], 1 / 3, ties="split") is None


def test_equal_totals_are_split_in_the_order_given() -> None:
    assert groups_of([1, 1, 1, 0], 1 / 4, ties="split") == ([3], [2])
    assert groups_of([0, 1, 1, 1], 1 / 2, ties="split") == ([0, 1], [2, 3])


@pytest.mark.parametrize("persons", [3, 9, 12, 99])
def test_a_third_of_a_multiple_of_three_is_whole(persons: int) -> None:
    low, high = groups_of(list(range(persons)), 1 / 3, ties="split")
    assert (low, high) == (list(range(persons // 3)), list(range(persons - persons // 3, persons)))


def test_discrimination_by_hand() -> None:
    """Of eight persons, sorted by total: q27 = 2.67 and q73 = 7.11, two at either end."""
    scores = np.array([[0, 1, 1, 2, 2, 3, 4, 4], [1, 0, 2, 1, 3, 3, 3, 5]]).T
    [first, second] = discrimination(scores, ["a", "b"], full=[4, 5]).to_pylist()
    assert (first["rate_low"], first["rate_high"]) == (0.5 / 4, 1.0)
    assert first["d27"] == first["d_third"] == first["d_quarter"] == 0.875
    assert second["d27"] == pytest.approx((4 - 0.5) / 5)
    assert second["difficulty"] == pytest.approx(18 / 40)


def test_tenths_of_a_point_make_equal_totals() -> None:
    scores = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.1, 0.3], [0.0, 0.0, 0.0]])
    expected = [0.2 / 0.3, (0.5 / 3) / 0.2, (0.7 / 3) / 0.3]
    assert discrimination(scores)["d27"].to_pylist() == pytest.approx(expected)


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
        extreme_groups([1, 2, 3], 0.6)
