"""Latent classes: which attribute patterns there are, and which of them the items can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.cdm.rules import ItemRule


@dataclass(frozen=True, eq=False)
class ClassSpace:
    """Attribute patterns and their groups: patterns of a group give every item the same probability.

    The likelihood of a pupil depends on the group only, so the E-step runs over groups.

    Attributes:
        patterns: (classes, attributes) uint8.
        group: (classes,) group of each pattern.
        states: (items, groups) state of each item (see ItemRule) in each group.
    """

    patterns: np.ndarray
    group: np.ndarray
    states: np.ndarray

    @staticmethod
    def of(patterns: np.ndarray, rules: Sequence[ItemRule]) -> ClassSpace:
        """Group patterns (classes, attributes)."""
        states = np.array([rule.states(patterns) for rule in rules], dtype=np.int16)
        keys = np.ascontiguousarray(states.T).view([("", np.int16)] * len(states))[:, 0]
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        place = np.argsort(np.argsort(first))  # groups in the order of their first pattern
        order = np.sort(first)
        return ClassSpace(patterns, place[inverse.ravel()], states[:, order].astype(np.intp))

    @property
    def n_groups(self) -> int:
        return self.states.shape[1]

    @property
    def sizes(self) -> np.ndarray:
        """(groups,) numbers of patterns."""
        return np.bincount(self.group, minlength=self.n_groups)

    def grouped(self, values: np.ndarray) -> np.ndarray:
        """(groups,) sums of values (classes,)."""
        return np.bincount(self.group, weights=values, minlength=self.n_groups)

    def shares(self, probabilities: np.ndarray) -> np.ndarray:
        """(classes,) share of each class in its group; equal shares in a group of probability 0."""
        whole = self.grouped(probabilities)[self.group]
        return np.divide(probabilities, whole, out=1 / self.sizes[self.group], where=whole > 0)


def all_patterns(attributes: int) -> np.ndarray:
    """(2^attributes, attributes) uint8; bit i of a pattern's number is attribute i."""
    return (np.arange(1 << attributes)[:, None] >> np.arange(attributes) & 1).astype(np.uint8)


def admitted(patterns: np.ndarray, prerequisites: Sequence[tuple[int, int]]) -> np.ndarray:
    """The patterns in which nobody masters an attribute without its prerequisite (Leighton, Gierl & Hunka 2004).

    Args:
        prerequisites: pairs (before, after) of attributes.
    """
    keep = np.ones(len(patterns), dtype=bool)
    for before, after in prerequisites:
        keep &= patterns[:, after] <= patterns[:, before]
    return patterns[keep]
