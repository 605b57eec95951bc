"""The lesson (讲评课) of a class: which items when, within its minutes.

Items are taken by weight (`engine.lecture.evidence`) as long as there is time: `choice_minutes` or
`constructed_minutes` each, and `variant_minutes` with the first item of a topic that the bank has a variant for, after
`exit_minutes` are kept for the exit ticket. An item that does not fit any more is passed over for the next that does.
Items of one topic, their main knowledge point, make a block; blocks go by their weight, but what is a prerequisite of
another block's topic comes before it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from engine.curriculum import Curriculum
from engine.exam import Item, LectureRule, Subject


@dataclass(frozen=True)
class Block:
    """Items that are gone through together.

    Attributes:
        topic: their main knowledge point; "" for an item without any, which is a block of its own.
        items: places in the blueprint, the weightiest first.
    """

    topic: str
    items: tuple[int, ...]


def topic_of(item: Item) -> str:
    """The knowledge point with the greatest weight in an item, the first of equals; "" if it has none."""
    return max(item.knowledge, key=lambda point: point[1], default=("", 0.0))[0]


def minutes_of(item: Item, rule: LectureRule) -> int:
    """How long an item takes to go through."""
    return rule.constructed_minutes if item.type == "constructed" else rule.choice_minutes


def by_weight(weight: np.ndarray, told: np.ndarray) -> list[int]:
    """Places of the items worth going through, by their weights (J,), the weightiest first."""
    return [int(j) for j in np.argsort(-weight, kind="stable") if told[j]]


def plan(
    subject: Subject, items: Sequence[int], weight: np.ndarray, rule: LectureRule, practised: Collection[str]
) -> list[Block]:
    """The blocks of a lesson, in their order.

    Args:
        items: places of the items worth going through, the weightiest first.
        weight: (J,) of the items.
        practised: topics that the bank has a variant for.
    """
    left = rule.minutes - rule.exit_minutes
    blocks: dict[str | int, list[int]] = {}
    for j in items:
        item = subject.items[j]
        key = topic_of(item) or j
        takes = minutes_of(item, rule)
        if key not in blocks and key in practised:
            takes += rule.variant_minutes
        if takes <= left:
            left -= takes
            blocks.setdefault(key, []).append(j)
    heaviest_first = sorted(blocks.items(), key=lambda block: -sum(weight[j] for j in block[1]))
    return _foundations_first(
        [Block(key if isinstance(key, str) else "", tuple(members)) for key, members in heaviest_first],
        subject.curriculum,
    )


def _foundations_first(blocks: list[Block], curriculum: Curriculum) -> list[Block]:
    """The same order, but for blocks that others rest on."""
    rests_on = {block.topic: set(leading_to(block.topic, curriculum)) for block in blocks}
    ordered: list[Block] = []
    while blocks:
        open_topics = {block.topic for block in blocks}
        ready = next(block for block in blocks if not rests_on[block.topic] & open_topics)
        ordered.append(ready)
        blocks = [block for block in blocks if block is not ready]
    return ordered


def leading_to(topic: str, curriculum: Curriculum) -> tuple[str, ...]:
    """The points that lead to a topic, in the order to learn them."""
    return curriculum.prerequisites(topic, transitive=True) if topic in curriculum else ()
