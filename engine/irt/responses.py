"""Responses as item response models read them: scores recoded to categories, and the items packed together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from engine._core import most_threads
from engine._irt import encode, pack

MOST_CATEGORIES = 250
MISSING = 255
_OTHER = 254  # what the kernel writes for a score that is not a small whole number
_PATTERNS = 128  # packed codes a group: its table of log-likelihoods stays in the second-level cache
_BLOCK = 1 << 14  # pupils read at a time
_RARE = 20  # of a category: fewer say too little of its place
_FEW = 1 << 11  # pupils for whom starting threads costs more than it gains


def threads_for(n: int) -> int:
    """Threads worth starting for n pupils. Results do not depend on it."""
    return 1 if n < _FEW else most_threads()


def recode(X: np.ndarray, categories: list[np.ndarray] | None = None) -> tuple[np.ndarray, list[np.ndarray]]:
    """Recode scores to 0, 1, … without gaps, item by item, as mirt does.

    Args:
        X: (n_students, n_items) scores; NaN or negative: missing.
        categories: sorted scores of each item; by default those that occur.

    Returns:
        (n_students, n_items) uint8, 255 where missing; the categories.

    Raises:
        ValueError: an item has more than 250 different scores, or one that is not among its categories.
    """
    n, items = X.shape
    codes = np.empty((n, items), np.uint8)
    seen = np.zeros((items, 256), np.uint8)
    for start in range(0, n, _BLOCK):
        encode(np.ascontiguousarray(X[start : start + _BLOCK], dtype=np.float64), codes[start : start + _BLOCK], seen)
    found = []
    for j in range(items):
        if seen[j, _OTHER]:
            column = X[:, j]
            scores = np.unique(column[column >= 0]).astype(np.float64)
            known = scores if categories is None else categories[j]
            if len(known) > MOST_CATEGORIES:
                raise ValueError(
                    f"item {j} (column {j} of X) has {len(known)} different scores, more than {MOST_CATEGORIES}: "
                    "scores are categories here; group them"
                )
            present = column >= 0
            codes[present, j] = np.searchsorted(known, column[present]).clip(max=len(known) - 1)
        else:
            scores = np.flatnonzero(seen[j, :_OTHER]).astype(np.float64)
            known = scores if categories is None else categories[j]
            if not np.array_equal(scores, np.arange(len(scores))) or len(known) != len(scores):
                places = np.full(256, MISSING, np.uint8)
                places[scores.astype(int)] = np.searchsorted(known, scores)
                codes[:, j] = places[codes[:, j]]
        strangers = np.setdiff1d(scores, known)
        if len(strangers):
            raise ValueError(
                f"item {j} (column {j} of X) has score {strangers[0]:g}, which did not occur when the model was "
                f"fitted: {', '.join(f'{score:g}' for score in known)} did"
            )
        found.append(known)
    return codes, found


@dataclass(frozen=True, eq=False)
class Responses:
    """Recoded responses, packed: groups of neighbouring items have one code for their joint answer.

    Attributes:
        packed: (rows, groups) uint8.
        counts: (rows,) float64, pupils a row stands for.
        n_categories: (items,) categories of each item.
        group, place, radix: (items,) where an item's digit stands: packed[:, group] // place % radix. The digit after
            the last category means missing.
    """

    packed: np.ndarray
    counts: np.ndarray
    n_categories: np.ndarray
    group: np.ndarray
    place: np.ndarray
    radix: np.ndarray

    @staticmethod
    def of(codes: np.ndarray, n_categories: np.ndarray) -> Responses:
        """Pack codes (n_students, n_items), 255 where missing."""
        n, items = codes.shape
        missing = np.array([(codes[:, j] == MISSING).any() for j in range(items)])
        radix = n_categories + missing
        group, place = _grouping(radix)
        digits = np.zeros((items, 256), np.uint8)
        for j in range(items):
            digits[j, : n_categories[j]] = np.arange(n_categories[j]) * place[j]
            digits[j, MISSING] = (n_categories[j] if missing[j] else 0) * place[j]
        packed = np.zeros((n, group[-1] + 1), np.uint8)
        pack(np.ascontiguousarray(codes), digits, group, packed, threads_for(n))
        return Responses(packed, np.ones(n), n_categories, group, place, radix)

    @property
    def n_students(self) -> float:
        """Pupils, not rows."""
        return float(self.counts.sum())

    @cached_property
    def first_category(self) -> np.ndarray:
        """(items,) row of each item's first category, where categories of all items stand below each other."""
        return np.concatenate([[0], np.cumsum(self.n_categories)[:-1]])

    @cached_property
    def first_pattern(self) -> np.ndarray:
        """(groups,) row of each group's first packed code in a table of all of them."""
        return np.concatenate([[0], np.cumsum(self._sizes)[:-1]]).astype(np.intp)

    @cached_property
    def _sizes(self) -> np.ndarray:
        sizes = np.ones(self.group[-1] + 1, dtype=np.intp)
        np.multiply.at(sizes, self.group, self.radix)
        return sizes

    @cached_property
    def incidence(self) -> sparse.csr_array:
        """(packed codes of all groups, categories of all items): 1 where the code holds the category."""
        rows, columns = [], []
        for j in range(len(self.group)):
            pattern = np.arange(self._sizes[self.group[j]])
            digit = pattern // self.place[j] % self.radix[j]
            given = digit < self.n_categories[j]
            rows.append(self.first_pattern[self.group[j]] + pattern[given])
            columns.append(self.first_category[j] + digit[given])
        row, column = np.concatenate(rows), np.concatenate(columns)
        shape = (int(self._sizes.sum()), int(self.n_categories.sum()))
        return sparse.csr_array((np.ones(len(row)), (row, column)), shape=shape)

    def category_counts(self) -> list[np.ndarray]:
        """Pupils in each category of each item."""
        patterns = [
            np.bincount(codes, weights=self.counts, minlength=size)
            for codes, size in zip(self.packed.T, self._sizes, strict=True)
        ]
        return np.split(self.incidence.T @ np.concatenate(patterns), self.first_category[1:])

    def sample(self, size: int) -> Responses:
        """About `size` pupils at random. Of a category that few of them would have, more pupils are taken, each
        counting for less than one. Rows must stand for one pupil each."""
        n = len(self.packed)
        weights = np.zeros(n)
        weights[np.random.default_rng(0).choice(n, size, replace=False)] = 1
        for j, counts in enumerate(self.category_counts()):
            for k in np.flatnonzero(counts * size < _RARE * n):
                digit = self.packed[:, self.group[j]] // self.place[j] % self.radix[j]
                holders = np.flatnonzero(digit == k)
                weights[holders] = 0
                weights[holders[:_RARE]] = max(len(holders) / _RARE, 1) * size / n
        rows = np.flatnonzero(weights)
        return replace(self, packed=self.packed[rows], counts=weights[rows])

    def digits(self, rows: slice) -> np.ndarray:
        """(rows, items) recoded answers; `n_categories` of the item where missing."""
        return self.packed[rows][:, self.group] // self.place.astype(np.uint8) % self.radix.astype(np.uint8)

    def collapsed(self) -> Responses:
        """Equal rows become one, where that pays."""
        n, groups = self.packed.shape
        sample = self.packed[:: -(-n // 1000)]
        if len(np.unique(sample, axis=0)) > 0.9 * len(sample):
            return self
        if groups == 1:
            counts = np.bincount(self.packed[:, 0], weights=self.counts)
            rows = np.flatnonzero(counts).astype(np.uint8)[:, None]
            return replace(self, packed=rows, counts=counts[counts > 0])
        keys = np.zeros((n, -(-groups // 8) * 8), np.uint8)
        keys[:, :groups] = self.packed
        wide = keys.view(np.uint64)
        whole = wide[:, 0] if wide.shape[1] == 1 else wide.view([("", np.uint64)] * wide.shape[1])[:, 0]
        _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
        counts = np.bincount(inverse, weights=self.counts)
        return replace(self, packed=self.packed[first], counts=counts)


def _grouping(radix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring items share a group while the joint answers stay few: group and place value of each item."""
    group = np.zeros(len(radix), np.intp)
    place = np.ones(len(radix), np.intp)
    current, size = 0, 1
    for j, states in enumerate(radix):
        if size > 1 and size * states > _PATTERNS:
            current, size = current + 1, 1
        group[j], place[j] = current, size
        size *= states
    return group, place
