"""Made-up subjects, scores and rosters for the tests of diagnosis and recommendation."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from engine.exam import Item, Subject

Knowledge = tuple[tuple[str, float], ...]


def make_subject(items: list[tuple[float, Knowledge]], step: str = "1") -> Subject:
    """A subject with items 1, 2, … of the full marks and knowledge points given."""
    return Subject(
        code="maths",
        name="数学",
        folder=Path("."),
        step=Fraction(step),
        items=tuple(
            Item(item=str(j), type="constructed", max=Fraction(str(full)), knowledge=knowledge)
            for j, (full, knowledge) in enumerate(items, 1)
        ),
    )


def plain_subject(items_per_point: list[int], full: float = 2) -> Subject:
    """Items of one knowledge point each: 点1, 点2, …"""
    return make_subject(
        [(full, ((f"点{k}", 1.0),)) for k, count in enumerate(items_per_point, 1) for _ in range(count)]
    )


def make_scores(
    subject: Subject, steps: np.ndarray, presented: np.ndarray | None = None, status: list[str] | None = None
) -> pa.Table:
    """Scores of pupils p0000, p0001, … from (n, J) steps; those neither read nor violation have none."""
    n = len(steps)
    status = status or ["read"] * n
    scored = np.isin(status, ["read", "violation"])
    presented = np.ones(steps.shape, bool) if presented is None else presented
    known = presented & scored[:, None]
    columns = {
        item.item: pa.array(steps[:, j].astype(np.int32), mask=~known[:, j]) for j, item in enumerate(subject.items)
    }
    total = pa.array(np.where(known, steps, 0).sum(axis=1).astype(np.int32), mask=~scored)
    return pa.table({"student_id": [f"p{i:04d}" for i in range(n)], "status": status, **columns, "total": total})


def make_roster(n: int, class_size: int = 40, counties: bool = False) -> pa.Table:
    """Classes of `class_size`, three to a school, two schools to a county."""
    in_class = np.arange(n) // class_size
    return pa.table(
        {
            "student_id": [f"p{i:04d}" for i in range(n)],
            "class": [f"{c % 3 + 1}班" for c in in_class],
            "school": [f"第{c // 3 + 1}中学" for c in in_class],
            "county": [f"{c // 6 + 1}县" if counties else "" for c in in_class],
        }
    )


def right_or_wrong(subject: Subject, chance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, J) steps of right/wrong answers with these chances."""
    full = np.array([int(item.max / subject.step) for item in subject.items])
    return (rng.random(chance.shape) < chance) * full


@st.composite
def exams(draw: st.DrawFn) -> tuple[Subject, pa.Table, pa.Table]:
    """A subject, scores and a roster of any shape: weights, half points, items not presented, absent pupils, ties."""
    points = draw(st.integers(1, 4))
    items = []
    for _ in range(draw(st.integers(1, 8))):
        names = draw(st.lists(st.integers(0, points - 1), unique=True, max_size=2))
        share = draw(st.sampled_from([0.5, 0.3])) if len(names) == 2 else 1.0
        items.append(
            (
                draw(st.sampled_from([0.5, 1, 2, 5, 12])),
                tuple((f"点{k}", share if i == 0 else 1 - share) for i, k in enumerate(names)),
            )
        )
    subject = make_subject(items, step="0.5")
    n = draw(st.integers(1, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    full = np.array([int(item.max / subject.step) for item in subject.items])
    lowest = draw(st.sampled_from([0, 0, -1]))  # negative marking
    steps = {
        "any": rng.integers(lowest, full + 1, (n, len(items))),
        "zero": np.zeros((n, len(items)), int),
        "full": np.tile(full, (n, 1)),
    }[draw(st.sampled_from(["any", "any", "any", "zero", "full"]))]
    presented = rng.random(steps.shape) < draw(st.sampled_from([1.0, 0.7, 0.0]))
    status = draw(st.lists(st.sampled_from(["read"] * 4 + ["absent", "violation"]), min_size=n, max_size=n))
    roster = make_roster(n, class_size=draw(st.integers(1, n)), counties=draw(st.booleans()))
    return subject, make_scores(subject, steps, presented, status), roster


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    return table.take(np.random.default_rng(seed).permutation(table.num_rows))
