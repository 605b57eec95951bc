"""The answers of each pupil, checked and counted; purification, which counts them again by other scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine._core import count
from engine.dif.strata import Counts, Strata

BLOCK = 512  # pupils checked at a time: they stay in the cache
MOST = 10_000  # codes of an item


@dataclass(frozen=True, eq=False)
class Responses:
    """The answers of each pupil.

    Attributes:
        names: of the items.
        codes: (items, pupils) uint8 or int32: 0 where missing, else 1 + points.
        focal: (pupils,) bool.
    """

    names: list[str]
    codes: np.ndarray
    focal: np.ndarray

    @staticmethod
    def of(X: Any, group: Any, focal: object = None) -> Responses:
        """Check the input.

        Args:
            X: (pupils, items) whole points; NaN or below 0: missing. If its columns have names, so do the items.
            group: (pupils,) two different labels; pupils without one (None, NaN) are left out.
            focal: the label of the focal group; by default the greater one (1 of 0 and 1).

        Raises:
            ValueError: with what is wrong.
        """
        codes = _codes(X)
        named = getattr(X, "column_names", None) or getattr(X, "columns", None)
        names = [str(j + 1) for j in range(len(codes))] if named is None else [str(name) for name in named]
        if len(set(names)) < len(names):
            raise ValueError("two items have the same name")
        labels = _labels(group)
        if len(labels) != codes.shape[1]:
            raise ValueError(f"{codes.shape[1]} pupils in X, but {len(labels)} labels in group")
        known = sorted(labels.unique().drop_null().to_pylist())
        if len(known) != 2:
            raise ValueError(f"group needs two different labels, a reference and a focal group; it has {known[:5]}")
        if focal is not None and focal not in known:
            raise ValueError(f"nobody in the focal group {focal!r}; the groups are {known}")
        label = known[1] if focal is None else known[known.index(focal)]
        is_focal = pc.equal(labels, pa.scalar(label, labels.type))
        if labels.null_count:
            codes = np.ascontiguousarray(codes[:, is_focal.is_valid().to_numpy(zero_copy_only=False)])
        return Responses(names, codes, is_focal.drop_null().to_numpy(zero_copy_only=False))

    def strata(self, anchor: np.ndarray | None = None) -> Strata:
        """Count.

        Args:
            anchor: (items,) bool, the items that make the matching score; by default all. A missing answer counts 0.
        """
        inside = [True] * len(self.names) if anchor is None else anchor.tolist()
        total = np.zeros(len(self.focal), dtype=np.int32)
        for codes in compress(self.codes, inside):
            total += _gained(codes)
        most = self.codes.max(axis=1, initial=1)
        width = int(total.max(initial=0)) + 1 + max((int(top) - 1 for top in most[~np.array(inside)]), default=0)
        bins = total + np.where(self.focal, width, 0).astype(np.int32)

        def counted(places: list[int], bins: np.ndarray) -> list[np.ndarray]:
            slots = [int(most[j]) + 1 for j in places]
            return count([self.codes[j] for j in places], slots, bins, 2 * width)

        anchored = iter(counted([j for j, within in enumerate(inside) if within], bins))
        items = {}
        for j, (name, within) in enumerate(zip(self.names, inside, strict=True)):
            [table] = [next(anchored)] if within else counted([j], bins + _gained(self.codes[j]))
            given = 1 + np.flatnonzero(table[1:].any(axis=1))
            items[name] = Counts(given - 1.0, table[given].reshape(-1, 2, width).astype(float))
        return Strata(np.arange(width, dtype=float), items, frozenset(compress(self.names, inside)))


def strata_of(data: Any, group: Any = None, focal: object = None) -> Strata:
    """`data` as Strata: itself, or counted from X (see `Responses.of`)."""
    if isinstance(data, Strata):
        if group is not None or focal is not None:
            raise ValueError("Strata know their groups: give neither group nor focal")
        return data
    return Responses.of(data, group, focal).strata()


def matched(
    data: Any, group: Any, focal: object, test: Callable[[Strata], pa.Table], *, purify: bool, rounds: int
) -> pa.Table:
    """The result of `test` on pupils matched by their scores; see `purified` for the rounds."""
    return purified(data, group, focal, rounds, test) if purify else test(strata_of(data, group, focal))


def purified(data: Any, group: Any, focal: object, rounds: int, test: Callable[[Strata], pa.Table]) -> pa.Table:
    """The result of `test` when the items that it flags have been taken out of the matching score.

    All items are tested again, each with its own points in the score, until the same items are flagged twice running
    or `rounds` rounds have been made (then the last round counts, as in R's difR), or no item would be left.

    Raises:
        ValueError: `data` are Strata: other scores need the answers of each pupil.
    """
    if isinstance(data, Strata):
        raise ValueError("purification needs the answers of each pupil: give X and group")
    responses = Responses.of(data, group, focal)
    anchor = np.ones(len(responses.names), dtype=bool)
    result = test(responses.strata())
    for _ in range(rounds):
        flagged = result["flagged"].to_numpy()
        if flagged.all() or (flagged == ~anchor).all():
            break
        anchor = ~flagged
        result = test(responses.strata(anchor))
    return result


def _gained(codes: np.ndarray) -> np.ndarray:
    """Points of an item; 0 where missing."""
    return codes - (codes > 0)


def _codes(X: Any) -> np.ndarray:
    """(items, pupils): 0 where missing, else 1 + points."""
    try:
        array = np.asarray(X)
        array = array if array.dtype.kind in "fiub" else array.astype(float)
    except (TypeError, ValueError):
        raise ValueError("X must be numbers: points, NaN where missing") from None
    if array.ndim != 2 or not array.shape[1]:
        raise ValueError(f"X must be (pupils, items), with one item at least; its shape is {array.shape}")
    codes = np.empty(array.shape[::-1], dtype=np.uint8)
    for start in range(0, len(array), BLOCK):
        exact = np.fmax(array[start : start + BLOCK].astype(float, copy=False), -1) + 1  # NaN as -1
        most = exact.max()
        if most > MOST:
            raise ValueError(f"X has points above {MOST - 1}")
        if most > np.iinfo(codes.dtype).max:
            codes = codes.astype(np.int32)
        whole = exact.astype(codes.dtype)
        if (whole != exact).any():
            raise ValueError("X must be whole points; count in halves, say, where there are halves")
        codes[:, start : start + BLOCK] = whole.T
    return codes


def _labels(group: Any) -> pa.Array:
    """The labels of the groups, null where there is none."""
    if isinstance(group, pa.ChunkedArray):
        group = group.combine_chunks()
    if not isinstance(group, pa.Array):
        group = np.asarray(group)
        if group.ndim != 1:
            raise ValueError(f"group must have one label a pupil; its shape is {group.shape}")
        try:
            group = pa.array(group, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            raise ValueError("the labels in group must be of one kind: text, or numbers") from None
    return group.dictionary_decode() if isinstance(group, pa.DictionaryArray) else group
