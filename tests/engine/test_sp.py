"""The S-P table: worked by hand, against Sato's sums, and where nothing is defined."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom
from score_sets import points, with_nan

from engine.sp import BLANK, MISSING, RIGHT, WRONG, binarize, caution_indices, disparity_index, student_problem_table

# Six pupils, five items; in the order of the S-P table. Items: 5, 4, 4, 2, 1 right.
TABLE = np.array(
    [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 1, 0, 0],  # missed one of the two items that 4 have right, has the other
        [1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
)


def test_worked_example() -> None:
    """Pupils, shuffled, one of them with an odd pattern: item 5 (of 2 right) instead of item 1 (of 5)."""
    odd = TABLE.copy()
    odd[3] = [0, 0, 1, 0, 1]  # items now: 4, 4, 4, 2, 2 right; mean 3.2
    table = student_problem_table(odd[[3, 0, 5, 2, 1, 4]], pupils=list("dafcbe"), items=list("vwxyz"))
    pupils = {row["pupil"]: row for row in table.pupils.to_pylist()}
    assert list(pupils) == list("abcdef")
    # CS of d: missed 4 (of the first two), has 2 beyond them: (4 + 4 - 4 - 2) / (4 + 4 - 2·3.2) = 2 / 1.6
    assert pupils["d"]["caution"] == pytest.approx(1.25)
    # Harnisch & Linn: the worst two items have 2 + 2 right: 2 / (8 - 4)
    assert pupils["d"]["modified_caution"] == pytest.approx(0.5)
    assert [pupils[name]["caution"] for name in "abcef"] == [None, 0, 0, 0, None]
    assert [pupils[name]["sign"] for name in "abcdef"] == ["A", "A", "B", "C′", "C", "C"]
    items = {row["item"]: row for row in table.items.to_pylist()}
    assert list(items) == list("vwxyz")
    assert [row["right"] for row in items.values()] == [4, 4, 4, 2, 2]
    # CP of z: right of pupils a (5) and d (2), not of b (4): (5 + 4 - 5 - 2) / (5 + 4 - 2·16/6)
    assert items["z"]["caution"] == pytest.approx(2 / (9 - 2 * 16 / 6))
    assert items["z"]["sign"] == "B′"
    assert table.s_curve.tolist() == [5, 4, 3, 2, 2, 0]
    assert table.p_curve.tolist() == [4, 4, 4, 2, 2]


def test_a_perfect_table_has_no_disparity_and_no_cautions() -> None:
    perfect = np.tril(np.ones((6, 5)), -1)
    assert disparity_index(perfect) == 0
    caution, modified = caution_indices(perfect)
    assert np.nanmax(caution) == np.nanmax(modified) == 0
    # All right and nothing right are not defined.
    assert np.isnan(caution).tolist() == [True, False, False, False, False, True]


def test_items_of_equal_rate_are_no_reason_for_caution() -> None:
    """But the curves part by two cells: the fourth pupil's second place, and the third item's fourth."""
    assert np.nanmax(caution_indices(TABLE)[0]) == 0
    cells = sum((j < TABLE[i].sum()) != (i < TABLE[:, j].sum()) for i in range(6) for j in range(5))
    assert cells == 2
    assert disparity_index(TABLE) > 0


def sato(x: np.ndarray) -> list[float | None]:
    """CS as in Sato's sums over the sorted table, with counts instead of rates."""
    m = x.sum(axis=0)
    order = np.argsort(-m, kind="stable")
    x, m = x[:, order], m[order]
    indices: list[float | None] = []
    for row in x:
        n = row.sum()
        above = ((1 - row[:n]) * m[:n]).sum() - (row[n:] * m[n:]).sum()
        below = m[:n].sum() - n * m.mean()
        indices.append(above / below if below > 1e-9 else None)
    return indices


tables = st.tuples(st.integers(1, 8), st.integers(1, 7)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 1))
)


@settings(deadline=None)
@given(tables)
def test_caution_indices_are_sums_and_covariances(x: np.ndarray) -> None:
    caution, modified = caution_indices(x)
    m = x.mean(axis=0)
    easiest = np.argsort(-m, kind="stable")
    for row, cs, mci, expected in zip(x, caution, modified, sato(x), strict=True):
        assert (expected is None) == math.isnan(cs)
        if expected is not None:
            assert cs == pytest.approx(expected)
            perfect = np.zeros(len(row))
            perfect[easiest[: row.sum()]] = 1
            assert cs == pytest.approx(1 - np.cov(row, m)[0, 1] / np.cov(perfect, m)[0, 1])
            assert 0 <= mci <= 1
            assert (mci == pytest.approx(0)) == (cs == pytest.approx(0))
        if 0 < row.sum() < len(row) and np.ptp(m) > 0:
            assert not math.isnan(mci)
    for column, cp in zip(sato(x.T), caution_indices(x.T)[0], strict=True):
        assert cp == pytest.approx(math.nan if column is None else column, nan_ok=True)


def test_the_worst_pattern_has_a_modified_index_of_1() -> None:
    others = np.tril(np.ones((6, 5)), -1)
    worst = np.vstack([others, others, [0, 0, 0, 1, 1]])
    assert caution_indices(worst)[1][-1] == 1


def test_disparity_by_cells() -> None:
    """The area as one counts cells of the sorted table, over the area between curves on a fine grid."""
    x = (np.random.default_rng(1).random((12, 8)) < np.linspace(0.9, 0.2, 8)).astype(int)
    n, m = np.sort(x.sum(axis=1))[::-1], np.sort(x.sum(axis=0))[::-1]
    cells = sum((j < n[i]) != (i < m[j]) for i in range(12) for j in range(8))
    fine = 200
    u, v = (np.arange(12 * fine) + 0.5) / fine, (np.arange(8 * fine) + 0.5) / fine
    p = x.mean()
    in_s = u[:, None] < 12 * binom.sf(np.floor(v), 8, p)
    in_p = v < 8 * binom.sf(np.floor(u), 12, p)[:, None]
    area = (in_s != in_p).sum() / fine**2
    assert disparity_index(x) == pytest.approx(cells / area, rel=1e-2)
    assert disparity_index(x[::-1, ::-1]) == pytest.approx(disparity_index(x), rel=1e-12)


def test_answers_by_chance_have_a_disparity_near_1() -> None:
    random = np.random.default_rng(2)
    for shape, rate in (((300, 40), 0.6), ((50, 20), 0.3)):
        found = [disparity_index(random.random(shape) < rate) for _ in range(20)]
        assert np.mean(found) == pytest.approx(1, abs=0.06)


def test_partial_credit_blank_and_missing() -> None:
    scores = np.array([[6, 3.6, np.nan], [6, 3.5, 2], [0, 3.6, 0]])
    table = student_problem_table(scores, full=[6, 6, 2], blank=[[0, 0, 1], [0, 0, 0], [1, 0, 0]])
    assert binarize(scores, [6, 6, 2])[0, :2].tolist() == [1, 1]
    assert table.pupils["pupil"].to_pylist() == ["1", "2", "3"]
    assert table.pupils["n"].to_pylist() == [2, 3, 3]
    assert table.items["rate"].to_pylist() == [2 / 3, 2 / 3, 1 / 2]
    assert table.answers.tolist() == [[RIGHT, RIGHT, MISSING], [RIGHT, WRONG, RIGHT], [BLANK, RIGHT, WRONG]]
    assert table.disparity is None
    assert student_problem_table(scores, full=[6, 6, 2], share=0.55).s_curve.tolist() == [3, 2, 1]
    # Of those without the third item, only the two others count: rates 2/3 and 2/3 say nothing.
    assert table.pupils["caution"].to_pylist()[0] is None


def test_missing_answers_are_left_out() -> None:
    """A booklet of the items a person had gives the same index, when the rates are the same."""
    random = np.random.default_rng(3)
    x = (random.random((30, 6)) < np.linspace(0.9, 0.3, 6)).astype(float)
    half = np.vstack([x, np.column_stack([x[:, :4], np.full((30, 2), np.nan)])])
    rates = np.vstack([x[:, :4], x[:, :4]]).mean(axis=0)
    assert rates.tolist() == x[:, :4].mean(axis=0).tolist()
    for mine, alone in zip(caution_indices(half), caution_indices(x[:, :4]), strict=True):
        assert mine[30:] == pytest.approx(alone, nan_ok=True)


@settings(deadline=None)
@given(points(largest=2))
def test_no_nan_and_no_warning_whatever_the_scores(points: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = student_problem_table(with_nan(points), full=np.full(points.shape[1], 2))
    for row in table.pupils.to_pylist() + table.items.to_pylist():
        assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in row.values())
        if row["right"] in (0, row["n"]):
            assert row["caution"] is None
            assert row["modified_caution"] is None
    assert table.disparity is None or table.disparity >= 0
    assert (np.diff(table.s_curve) <= 0).all()
    assert table.s_curve.sum() == table.p_curve.sum() == (table.answers == RIGHT).sum()


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(pupils, items\)"):
        student_problem_table([1, 0])
    for arguments in ({"pupils": ["a"]}, {"items": ["a"]}, {"blank": [[True]]}):
        with pytest.raises(ValueError, match="2 pupils and 3 items need as many names"):
            student_problem_table(np.ones((2, 3)), **arguments)
    for full in ([1, 1], [1, 0, 1]):
        with pytest.raises(ValueError, match="3 items need as many full marks above 0"):
            student_problem_table(np.ones((2, 3)), full=full)
