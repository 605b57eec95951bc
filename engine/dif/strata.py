"""Answers counted by matching score and group: all that the statistics of DIF need.

Pupils are matched on their total score. `Responses` keeps the answers of each pupil, so that the score can be made
of other items (purification); `Strata` are the counts, which two Tallies hold as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from engine.tally import Tally

REFERENCE, FOCAL = 0, 1  # places on the group axis
BLOCK = 4096  # pupils checked at a time: they stay in the cache
MOST = np.iinfo(np.int16).max


@dataclass(frozen=True, eq=False)
class Counts:
    """How often an item got so many points, over the pupils to whom it was presented.

    Attributes:
        values: (categories,) float64, the different points that were given, ascending.
        counts: (categories, 2, strata) float64; on the second axis the reference group, then the focal group.
    """

    values: np.ndarray
    counts: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """(2, strata): those with the higher of the two values; of a single value, whether it is above 0."""
        given = len(self.values) == 2 or (len(self.values) == 1 and self.values[0] > 0)
        return self.counts[-1] if given else np.zeros(self.counts.shape[1:])


@dataclass(frozen=True, eq=False)
class Strata:
    """The answers to every item by matching score, of the reference and the focal group.

    Attributes:
        scores: (strata,) float64, the matching score of each stratum, in points; nobody need have it.
        items: by item.
        anchor: the items whose points make the matching score. Another item's own points are added for itself.
    """

    scores: np.ndarray
    items: dict[str, Counts]
    anchor: frozenset[str]

    @property
    def dichotomous(self) -> list[str]:
        """The items that were given at most two different values."""
        return [name for name, item in self.items.items() if len(item.values) <= 2]

    def only(self, names: list[str]) -> Strata:
        """The same with these items alone; the matching score stays as it is."""
        return Strata(self.scores, {name: self.items[name] for name in names}, self.anchor)

    def right_and_all(self) -> tuple[np.ndarray, np.ndarray]:
        """Right answers and all answers: two arrays (items, 2, strata).

        Raises:
            ValueError: an item was given more than two different values.
        """
        for name, item in self.items.items():
            if len(item.values) > 2:
                seen = ", ".join(f"{value:g}" for value in item.values[:4])
                raise ValueError(f"item {name} is not dichotomous: it has values {seen}, …; use engine.dif.mantel")
        shape = (len(self.items), 2, len(self.scores))
        right = np.array([item.right for item in self.items.values()]).reshape(shape)
        return right, np.array([item.counts.sum(axis=0) for item in self.items.values()]).reshape(shape)

    @staticmethod
    def of_tallies(reference: Tally, focal: Tally) -> Strata:
        """From the Tallies of the two groups: exact, and of a size that does not grow with the pupils.

        The matching score is the exam's total. Items withdrawn by void:drop are left out.

        Raises:
            ValueError: the two are not of the same paper, marked by the same rules; or one of them is of nobody.
        """
        for name, tally in (("reference", reference), ("focal", focal)):
            if not tally.n:
                raise ValueError(f"nobody in the {name} group")
        whole = reference + focal
        items = {}
        for name, part in whole.items.items():
            if name in whole.dropped:
                continue
            values = np.unique(part.points)
            counts = np.zeros((len(values), 2, len(whole.totals)))
            for group, tally in ((REFERENCE, reference), (FOCAL, focal)):
                answers, start = tally.items[name], tally.lowest - whole.lowest
                row = np.searchsorted(values, answers.points)
                np.add.at(counts[:, group, start : start + len(tally.totals)], row, answers.counts)
            items[name] = Counts(values * float(whole.step), counts)
        scores = (whole.lowest + np.arange(len(whole.totals))) * float(whole.step)
        return Strata(scores, items, frozenset(items))


@dataclass(frozen=True, eq=False)
class Responses:
    """The answers of each pupil.

    Attributes:
        names: of the items.
        points: (items, pupils) int16; -1: missing.
        focal: (pupils,) int64, 1 for the focal group, else 0.
    """

    names: list[str]
    points: np.ndarray
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
        points = _whole(X)
        named = getattr(X, "column_names", None) or getattr(X, "columns", None)
        names = [str(j + 1) for j in range(len(points))] if named is None else [str(name) for name in named]
        if len(set(names)) < len(names):
            raise ValueError("two items have the same name")
        labels = _labels(group)
        if len(labels) != points.shape[1]:
            raise ValueError(f"{points.shape[1]} pupils in X, but {len(labels)} labels in group")
        known = sorted(labels.unique().drop_null().to_pylist())
        if len(known) != 2:
            raise ValueError(f"group needs two different labels, a reference and a focal group; it has {known[:5]}")
        focal = known[1] if focal is None else focal
        if focal not in known:
            raise ValueError(f"nobody in the focal group {focal!r}; the groups are {known}")
        is_focal = pc.equal(labels, pa.scalar(known[known.index(focal)], labels.type))
        if labels.null_count:
            points, is_focal = points[:, labels.is_valid().to_numpy(zero_copy_only=False)], is_focal.drop_null()
        return Responses(names, points, is_focal.to_numpy(zero_copy_only=False).astype(np.int64))

    def strata(self, anchor: np.ndarray | None = None) -> Strata:
        """Count.

        Args:
            anchor: (items,) bool, the items that make the matching score; by default all. A missing answer counts 0.
        """
        if anchor is None:
            anchor = np.ones(len(self.names), dtype=bool)
        total = np.zeros(len(self.focal), dtype=np.int64)
        for points in compress(self.points, anchor):
            total += np.maximum(points, 0)
        most = self.points.max(axis=1, initial=0)
        width = int(total.max(initial=0)) + int(most[~anchor].max(initial=0)) + 1
        cell = self.focal * width + total
        items = {}
        for name, points, highest, inside in zip(self.names, self.points, most.tolist(), anchor, strict=True):
            there = cell if inside else cell + np.maximum(points, 0)
            categories = highest + 2  # the first is: missing
            counts = np.bincount(there * categories + 1 + points, minlength=2 * width * categories)
            counts = counts.reshape(2, width, categories)[..., 1:].transpose(2, 0, 1)
            given = np.flatnonzero(counts.any(axis=(1, 2)))
            items[name] = Counts(given.astype(float), counts[given].astype(float))
        return Strata(np.arange(width, dtype=float), items, frozenset(compress(self.names, anchor)))


def strata_of(data: Any, group: Any = None, focal: object = None) -> Strata:
    """`data` as Strata: itself, or counted from X (see `Responses.of`)."""
    if isinstance(data, Strata):
        if group is not None or focal is not None:
            raise ValueError("Strata know their groups: give neither group nor focal")
        return data
    return Responses.of(data, group, focal).strata()


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


def _whole(X: Any) -> np.ndarray:
    """Whole points as (items, pupils) int16, -1 where missing."""
    try:
        array = np.asarray(X)
        array = array if array.dtype.kind in "fiub" else array.astype(float)
    except (TypeError, ValueError):
        raise ValueError("X must be numbers: points, NaN where missing") from None
    if array.ndim != 2 or not array.shape[1]:
        raise ValueError(f"X must be (pupils, items), with one item at least; its shape is {array.shape}")
    points = np.empty(array.shape[::-1], dtype=np.int16)
    for start in range(0, len(array), BLOCK):
        block = array[start : start + BLOCK]
        if block.dtype.kind == "f":
            block = np.where(block >= 0, block, -1)  # NaN is not
        elif block.dtype.kind == "i":
            block = np.maximum(block, -1)
        if (block > MOST).any():
            raise ValueError(f"X has points above {MOST}")
        whole = block.astype(np.int16)
        if block.dtype.kind == "f" and (whole != block).any():
            raise ValueError("X must be whole points; count in halves, say, where there are halves")
        points[:, start : start + BLOCK] = whole.T
    return points


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
