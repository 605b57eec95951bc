"""Choose-k-of-n groups (选做题, domain.md §2.5): which items of a group count for a pupil.

Policies, for a pupil whose sheet has a field for the chosen items:

    strict_void         the items filled in count, the first k of them in position; no item filled in: none counts
    first_by_position   the first k of: items filled in and answered, then those answered, then those only filled in
    highest             of the items answered or filled in, the k that earn most
    ask                 as strict_void, but a person must decide, and there is no total until then, where more than k
                        items are filled in, or strict_void and first_by_position give different points

Where the sheet has no such field strict_void takes the first k answered, and ask asks when more are answered. A
constructed response counts as answered if it earned points; one marked 0 comes last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.exam import Choose

_NEVER = np.iinfo(np.int64).max


def settle(
    choose: Choose,
    *,
    field: np.ndarray,
    marked: np.ndarray,
    given: np.ndarray,
    answered: np.ndarray,
    points: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Which items count.

    Args:
        choose: k and the policy.
        field: (n,) bool, the pupil's sheet has a field for the chosen items.
        marked: (n, items) bool, the item is filled in there; items in the order of the paper.
        given: (n, items) bool, there is an answer that is not blank.
        answered: (n, items) bool, likewise, and of a constructed response it earned points.
        points: (n, items) int, what the answer earns.

    Returns:
        (n, items) bool: at most k a pupil; and (n,) bool: a person must decide.
    """
    lenient = np.select([marked & answered, answered, marked, given], [0, 1, 2, 3], _NEVER)
    if choose.policy == "first_by_position":
        return _first(lenient, choose.k), np.zeros(len(field), dtype=bool)
    if choose.policy == "highest":
        best = np.where(lenient == _NEVER, _NEVER, -points.astype(np.int64) * 4 + np.minimum(lenient, 3))
        return _first(best, choose.k), np.zeros(len(field), dtype=bool)
    kept = _first(np.where(field[:, None], np.where(marked, 0, _NEVER), lenient), choose.k)
    if choose.policy == "strict_void":
        return kept, np.zeros(len(field), dtype=bool)
    otherwise = np.where(_first(lenient, choose.k), points, 0).sum(axis=1)
    too_many = np.where(field, marked.sum(axis=1), answered.sum(axis=1)) > choose.k
    return kept, too_many | (np.where(kept, points, 0).sum(axis=1) != otherwise)


def _first(order: np.ndarray, k: int) -> np.ndarray:
    """The k items a pupil with the smallest `order`, ties by position; those with _NEVER never."""
    kept = np.zeros(order.shape, dtype=bool)
    np.put_along_axis(kept, np.argsort(order, axis=1, kind="stable")[:, :k], True, axis=1)
    return kept & (order != _NEVER)
