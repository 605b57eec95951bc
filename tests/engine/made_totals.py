"""Made-up totals and cohorts for the tests of the scales."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pyarrow as pa

from engine.scale import Cohort, Totals


def cohort(n: int, places: Sequence[tuple[str, str, str]] | None = None, **columns: Sequence[str]) -> Cohort:
    """n pupils p0000, …; `places`: (county, school, class) of each; further columns of the roster by name."""
    rows = list(places or [("东", "一中", "1班")] * n)
    table = {
        "student_id": [f"p{i:04}" for i in range(n)],
        **{name: [row[i] for row in rows] for i, name in enumerate(("county", "school", "class"))},
        **{name: list(values) for name, values in columns.items()},
    }
    return Cohort.of(pa.table({name: pa.array(values, pa.string()) for name, values in table.items()}), *columns)


def totals(
    points: Sequence[float | str | None],
    *,
    step: Fraction | int = 1,
    full: int = 100,
    status: Sequence[str] | None = None,
    code: str = "maths",
    of: Cohort | None = None,
) -> Totals:
    """Totals of pupils with these points (exact if written as text); None: none, absent unless `status` says else."""
    step, n = Fraction(step), len(points)
    scored = np.array([value is not None for value in points], dtype=bool)
    steps = [0 if value is None else Fraction(str(value)) / step for value in points]
    assert all(value == int(value) for value in steps)
    said = status or ["read" if there else "absent" for there in scored]
    return Totals(
        code=code,
        cohort=of or cohort(n),
        step=step,
        status=np.array(said, dtype="U10"),
        total=np.array([int(value) for value in steps], dtype=np.int64),
        full=np.full(n, int(full / step), dtype=np.int64),
        scored=scored,
    )
