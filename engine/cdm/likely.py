"""Classes that matter, where the attributes are too many for all of them.

Attributes enter one by one; each doubles the patterns. When the items that need no other attribute tell apart more
groups than wanted, a few EM steps show where the pupils are, and the groups with the least of them are left out. A
mixture needs no more classes than there are different answer patterns (Lindsay 1983), and mostly far fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.cdm.classes import ClassSpace, admitted
from engine.cdm.estimation import EM, Point, maximise
from engine.cdm.likelihood import ClassLikelihood
from engine.cdm.rules import ItemRule
from engine.cdm.structure import Saturated
from engine.irt.responses import Responses

_STEPS = 12  # of EM, to find out where the pupils are
_MOST_PATTERNS = 1 << 20  # held at a time


def likely_patterns(
    attributes: int,
    rules: Sequence[ItemRule],
    codes: np.ndarray,
    prerequisites: Sequence[tuple[int, int]],
    most_groups: int,
) -> np.ndarray:
    """All admitted patterns where the items tell at most `most_groups` groups of them apart, else the likeliest.

    Args:
        codes: (n_students, n_items) 0, 1, 255 where missing.

    Returns:
        (classes, attributes) 0/1.

    Raises:
        ValueError: the Q-matrix says too little about the attributes to choose.
    """
    patterns = np.zeros((1, attributes), dtype=np.uint8)
    for k in range(attributes):
        mastered = patterns.copy()
        mastered[:, k] = 1
        known = [(before, after) for before, after in prerequisites if max(before, after) <= k]
        patterns = admitted(np.concatenate([patterns, mastered]), known)
        items = np.array([j for j, rule in enumerate(rules) if rule.attributes.max() <= k], dtype=np.intp)
        if len(items) and len(patterns) > most_groups:
            patterns = _heaviest(patterns, [rules[j] for j in items], codes[:, items], most_groups)
        if len(patterns) > _MOST_PATTERNS:
            raise ValueError(
                f"the first {k + 1} attributes have {len(patterns)} patterns that the items cannot tell apart: give "
                "prerequisites, or put the attributes in the order in which items need them"
            )
    return patterns


def _heaviest(patterns: np.ndarray, rules: Sequence[ItemRule], codes: np.ndarray, most: int) -> np.ndarray:
    """The patterns in the `most` groups with the most pupils."""
    space = ClassSpace.of(patterns, rules)
    if space.n_groups <= most:
        return patterns
    responses = Responses.of(codes, np.full(codes.shape[1], 2)).collapsed()
    offsets = np.cumsum([0, *(rule.n_states for rule in rules)])
    em = EM(ClassLikelihood(space, responses, offsets[:-1]), rules, Saturated(patterns))
    start = Point(np.concatenate([rule.start() for rule in rules]), np.full(len(patterns), 1 / len(patterns)))
    weight = space.grouped(maximise(em, start, tol=0.0, max_iter=_STEPS).point.classes)
    kept = np.argsort(-weight, kind="stable")[:most]
    return patterns[np.isin(space.group, kept)]
