"""Papers of made-up pupils (`benchmarks.learners`) as the engine's tables."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.learners import CLASS, POINTS, World, make_questions, told
from engine.curriculum import Curriculum, Point
from engine.exam import Item, Subject

NAMES = [f"点{k + 1:02d}" for k in range(POINTS)]


class Paper:
    """An exam: its items' points and difficulties, the points as the engine is told."""

    def __init__(self, world: World) -> None:
        self.asks = make_questions(world.rng, world.scenario.items_per_point)
        self.difficulty = world.rng.normal(0, 1, len(self.asks))
        self.said = told(world.rng, self.asks, world.scenario.wrong)


def roster_of(world: World) -> pa.Table:
    """Pupils p0000, p0001, … in classes of one school."""
    n = len(world.ability)
    return pa.table(
        {
            "student_id": [f"p{i:04d}" for i in range(n)],
            "class": [f"{i // CLASS + 1}班" for i in range(n)],
            "school": ["一中"] * n,
            "county": [""] * n,
        }
    )


def points_of(world: World) -> tuple[Point, ...]:
    """The points, each with the one that it rests on."""
    return tuple(
        Point(name, prerequisites=(NAMES[before],) if before >= 0 else ())
        for name, before in zip(NAMES, world.before, strict=True)
    )


def sat(world: World, paper: Paper, answers: np.ndarray) -> tuple[Subject, pa.Table]:
    """The paper as a subject, and the scores of these answers: two points for a right one."""
    items = tuple(
        Item(
            item=str(j + 1),
            type="constructed",
            max=Fraction(2),
            knowledge=tuple((NAMES[k], 1 / said.sum()) for k in np.flatnonzero(said)),
        )
        for j, said in enumerate(paper.said)
    )
    examined = frozenset(name for item in items for name, _ in item.knowledge)
    subject = Subject(
        code="maths", name="数学", folder=Path("."), items=items, curriculum=Curriculum(points_of(world), examined)
    )
    columns = {item.item: 2 * answers[:, j] for j, item in enumerate(items)}
    ids = roster_of(world)["student_id"]
    read = pa.array(["read"] * len(ids))
    return subject, pa.table({"student_id": ids, "status": read, **columns, "total": 2 * answers.sum(axis=1)})
