"""Joining of sparse cells: by hand, and what holds for any table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sparsecells import join_sparse


def joinable(size: int) -> st.SearchStrategy:
    """Tables of score groups: (observed, share of pupils due) with at least one pupil."""
    row = st.tuples(
        st.lists(st.integers(0, 6), min_size=size, max_size=size),
        st.lists(st.floats(0.01, 1), min_size=size, max_size=size),
    )
    return st.lists(row, min_size=1, max_size=8)


@given(st.integers(2, 4).flatmap(joinable), st.sampled_from([0.5, 1.0, 2.0]))
def test_joining_keeps_pupils_and_leaves_no_small_cell(rows: list, least: float) -> None:
    seen = np.array([row[0] for row in rows], dtype=float)
    due = np.array([row[1] for row in rows])
    due *= (seen.sum(axis=1) / due.sum(axis=1))[:, None]
    cells = join_sparse(seen.copy(), due.copy(), least)
    if cells is None:
        return
    observed, expected = cells
    assert observed.shape == expected.shape
    assert observed.sum() == seen.sum()
    assert np.nansum(expected) == pytest.approx(due.sum())
    assert np.allclose(observed.sum(axis=1), np.nansum(expected, axis=1))
    assert len(expected) == 1 or np.nanmin(expected) >= least
    assert (observed[np.isnan(expected)] == 0).all()


def test_joining_by_hand() -> None:
    """Score groups: none, one pupil, a cell below 1 with the smaller neighbour above it, and a last single pupil."""
    seen = np.array([[0, 0], [0, 1], [4, 1], [3, 4], [2, 6], [9, 1], [1, 0]], dtype=float)
    due = np.array([[0, 0], [0.4, 0.6], [3.0, 2.0], [2.0, 5.0], [7.5, 0.5], [6.0, 4.0], [0.5, 0.5]])
    observed, expected = join_sparse(seen, due, 1.0)  # type: ignore[misc]
    assert observed.tolist() == [[4, 2], [5, 10], [10, 1]]
    assert expected == pytest.approx(np.array([[3.4, 2.6], [9.5, 5.5], [6.5, 4.5]]))


def test_unreachable_scores_join_the_nearest_reachable_one() -> None:
    """An item of three categories: with score 1 it cannot have 2, with the highest but one it cannot have 0."""
    seen = np.array([[3, 4, 0], [2, 5, 3], [1, 3, 3], [0, 2, 6]], dtype=float)
    due = np.array([[3.0, 4.0, np.nan], [3.0, 4.0, 3.0], [2.0, 2.0, 3.0], [np.nan, 3.0, 5.0]])
    observed, expected = join_sparse(seen, due, 1.0)  # type: ignore[misc]
    assert observed.tolist() == [[5, 9, 3], [1, 5, 9]]
    assert expected.tolist() == [[6, 8, 3], [2, 5, 8]]


def test_cells_of_a_score_group_join_their_smaller_neighbour() -> None:
    seen = np.array([[5, 1, 0, 4], [3, 3, 3, 3]], dtype=float)
    due = np.array([[4.0, 3.0, 0.5, 2.5], [3.0, 3.0, 3.0, 3.0]])
    observed, expected = join_sparse(seen, due, 1.0)  # type: ignore[misc]
    assert observed.tolist() == [[5, 1, 4, 0], [3, 3, 3, 3]]
    assert np.array_equal(expected, [[4, 3, 3, np.nan], [3, 3, 3, 3]], equal_nan=True)
