"""Which bubbles say a value, and what marks in bubbles say."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal, InvalidOperation

from engine.errors import UsageError
from omr.layout import Field


def places(field: Field, value: str) -> set[tuple[int, int]]:
    """The bubbles (group, bubble) that say `value`; the inverse of `value_of`.

    Raises:
        UsageError: no marks in this field say that.
    """
    labels = [[bubble.label for bubble in group.bubbles] for group in field.groups]
    if not value:
        return set()
    found: set[tuple[int, int]] | None
    if field.join == "sum":
        found = _summands(labels, value)
    elif field.join == "positional":
        found = _positions(labels, value)
    else:
        found = _in_order(labels, value, field.separator)
    if found is None:
        raise UsageError(f"{value!r} can't be marked in field {field.name!r}")
    return found


def _summands(labels: list[list[str]], value: str) -> set[tuple[int, int]] | None:
    """The fewest marks, at most one a group, that add up."""
    try:
        wanted = Decimal(value)
    except InvalidOperation:
        return None
    choices = [[(-1, Decimal(0)), *((j, Decimal(label)) for j, label in enumerate(group))] for group in labels]
    fits = [
        {(i, j) for i, (j, _) in enumerate(pick) if j >= 0}
        for pick in itertools.product(*choices)
        if sum(points for _, points in pick) == wanted
    ]
    return min((fit for fit in fits if fit), key=len, default=None)


def _positions(labels: list[list[str]], value: str) -> set[tuple[int, int]] | None:
    """ "_" is a blank place, "[37]" a double mark; a short value leaves the last places blank."""
    parts = re.findall(r"\[[^]]*\]|.", value)
    if len(parts) > len(labels) or any(
        letter not in group for part, group in zip(parts, labels, strict=False) for letter in part.strip("[]_")
    ):
        return None
    return {(i, labels[i].index(letter)) for i, part in enumerate(parts) for letter in part.strip("[]_")}


def _in_order(labels: list[list[str]], value: str, separator: str) -> set[tuple[int, int]] | None:
    parts = value.split(separator) if separator else list(value)
    if len(labels) == 1:
        return {(0, labels[0].index(part)) for part in parts} if set(parts) <= set(labels[0]) else None
    found, i = set(), 0
    for part in parts:
        while i < len(labels) and part not in labels[i]:
            i += 1
        if i == len(labels):
            return None
        found.add((i, labels[i].index(part)))
        i += 1
    return found


def value_of(field: Field, marked: set[tuple[int, int]]) -> str:
    """What marks in these bubbles say, as `Field.join` has it."""
    groups = [[group.bubbles[j].label for j in range(len(group.bubbles)) if (i, j) in marked]
              for i, group in enumerate(field.groups)]  # fmt: skip
    if not marked:
        return ""
    if field.join == "sum":
        return f"{sum((Decimal(label) for group in groups for label in group), Decimal(0)).normalize():f}"
    if field.join == "positional":
        return "".join("_" if not group else group[0] if len(group) == 1 else f"[{''.join(group)}]" for group in groups)
    return field.separator.join(field.separator.join(group) for group in groups if group)
