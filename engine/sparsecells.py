"""Sparse cells of a table of score groups by categories are joined, so that a chi-square can be taken of it.

The rules are those of R's mirt for S-X² (`itemfit`), in its order.
"""

from __future__ import annotations

import numpy as np


def join_sparse(seen: np.ndarray, due: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Join cells until each is expected to hold at least `least` pupils.

    Args:
        seen, due: observed and expected counts, (score groups, categories); due is NaN where a category cannot occur.

    Returns:
        The same of the joined cells, expected NaN and observed 0 where no cell is; the cells of a row stand at its
        left. None if fewer than two score groups have pupils.
    """
    seen, due = _join_unreachable(seen, due)
    seen, due = seen[seen.sum(axis=1) > 0], due[seen.sum(axis=1) > 0]
    sparse = np.less(due, least).any(axis=1)
    seen, due = _join_single(seen, due)
    if len(seen) < 2:
        return None
    if due.shape[1] > 2:
        # by place: mirt judges the rows as they stood before single pupils joined others
        for row in np.flatnonzero(sparse[: len(due)]):
            seen[row], due[row] = _join_cells(seen[row], due[row], least)
        seen, due = _join_last_columns(seen, due, least)
    seen, due = _join_rare_columns(seen, due)
    seen, due = _join_rows(seen, due, least)
    due[due == 0] = np.nan
    return seen, due


def _join_unreachable(seen: np.ndarray, due: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest scores, with which some category cannot occur, join the nearest score with all."""
    partly = np.isnan(due).any(axis=1)
    due = np.nan_to_num(due)
    if not partly.any() or partly.all():
        return seen[~partly], due[~partly]
    first, last = np.flatnonzero(~partly)[[0, -1]]
    for table in (seen, due):
        table[first] += table[:first].sum(axis=0)
        table[last] += table[last + 1 :].sum(axis=0)
    return seen[first : last + 1], due[first : last + 1]


def _join_single(seen: np.ndarray, due: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A score that one pupil has joins the next one; the highest the one before."""
    keep = np.ones(len(seen), dtype=bool)
    for row in range(len(seen) - 1):
        if seen[row].sum() == 1:
            keep[row] = False
            seen[row + 1] += seen[row]
            due[row + 1] += due[row]
    seen, due = seen[keep], due[keep]
    if len(seen) > 1 and seen[-1].sum() == 1:
        seen, due = _into(seen, due, len(seen) - 1, len(seen) - 2)
    return seen, due


def _join_cells(seen: np.ndarray, due: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """In one score group the smallest cell joins its smaller neighbour until all are large enough or two are left."""
    size = len(due)
    while len(due) > 2:
        cell = np.flatnonzero(due == due.min())[-1]
        sides = [side for side in (cell - 1, cell + 1) if 0 <= side < len(due)]
        seen, due = _into(seen, due, cell, min(sides, key=lambda side: due[side]))
        if (due >= least).all():
            break
    return np.pad(seen, (0, size - len(seen))), np.pad(due, (0, size - len(due)))


def _join_last_columns(seen: np.ndarray, due: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """The last column joins the one before as long as it is expected to be rare."""
    while due.shape[1] > 2 and due[:, -1].sum() < least * np.ceil(len(due) / 10):
        seen, due = (table.T for table in _into(seen.T, due.T, due.shape[1] - 1, due.shape[1] - 2))
    return seen, due


def _join_rare_columns(seen: np.ndarray, due: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A column with a cell in fewer than one score group of twenty joins the one before."""
    for column in range(due.shape[1] - 1, 0, -1):
        if (due[:, column] > 0).mean() < 0.05:
            seen, due = (table.T for table in _into(seen.T, due.T, column, column - 1))
    return seen, due


def _join_rows(seen: np.ndarray, due: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """The lowest score group with a small cell joins the neighbour that fewer pupils have, until there is none."""
    while len(due) > 1:
        small = ((due < least) & (due != 0)).any(axis=1)
        if not small.any():
            break
        row = int(small.argmax())
        sides = [side for side in (row - 1, row + 1) if 0 <= side < len(due)]
        seen, due = _into(seen, due, row, min(sides, key=lambda side: seen[side].sum()))
    return seen, due


def _into(seen: np.ndarray, due: np.ndarray, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Both with what is at `start` added to what is at `end`, along the first axis."""
    for table in (seen, due):
        table[end] += table[start]
    return np.delete(seen, start, axis=0), np.delete(due, start, axis=0)
