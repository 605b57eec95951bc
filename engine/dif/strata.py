"""Answers counted by matching score and group: all that the statistics of DIF need.

A pupil to whom an item was not presented is left out of its counts, and gets 0 for it in the matching score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.tally import Tally

REFERENCE, FOCAL = 0, 1  # places on the group axis


@dataclass(frozen=True, eq=False)
class Counts:
    """How often an item got so many points, over the pupils to whom it was presented.

    Attributes:
        values: (categories,) float64, the different points that were given, in steps, ascending.
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
        scores: (strata,) float64, the matching score of each stratum, in steps; nobody need have it.
        items: by item.
        anchor: the items whose points make the matching score. Another item's own points are added for itself.
        step: in points; sums of whole steps are exact.
    """

    scores: np.ndarray
    items: dict[str, Counts]
    anchor: frozenset[str]
    step: float = 1.0

    @property
    def dichotomous(self) -> list[str]:
        """The items that were given at most two different values."""
        return [name for name, item in self.items.items() if len(item.values) <= 2]

    def only(self, names: list[str]) -> Strata:
        """The same with these items alone; the matching score stays as it is."""
        return replace(self, items={name: self.items[name] for name in names})

    def right_and_all(self) -> tuple[np.ndarray, np.ndarray]:
        """Right answers and all answers: two arrays (items, 2, strata).

        Raises:
            ValueError: an item was given more than two different values.
        """
        for name, item in self.items.items():
            if len(item.values) > 2:
                seen = ", ".join(f"{value * self.step:g}" for value in item.values[:4])
                raise ValueError(f"item {name} is not dichotomous: it was given {seen}, …; use engine.dif.mantel")
        shape = (len(self.items), 2, len(self.scores))
        right = np.array([item.right for item in self.items.values()]).reshape(shape)
        return right, self.presented()

    def presented(self) -> np.ndarray:
        """All answers, (items, 2, strata)."""
        shape = (len(self.items), 2, len(self.scores))
        return np.array([item.counts.sum(axis=0) for item in self.items.values()]).reshape(shape)

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
            values = np.unique(part.points).astype(float)
            counts = np.zeros((len(values), 2, len(whole.totals)))
            for group, tally in ((REFERENCE, reference), (FOCAL, focal)):
                answers, start = tally.items[name], tally.lowest - whole.lowest
                row = np.searchsorted(values, answers.points)
                np.add.at(counts[:, group, start : start + len(tally.totals)], row, answers.counts)
            items[name] = Counts(values, counts)
        scores = whole.lowest + np.arange(len(whole.totals), dtype=float)
        return Strata(scores, items, frozenset(items), float(whole.step))
