"""Matrices of scores for tests: the reference sets, to compare with results of R packages, and small made-up ones."""

import csv
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

SETS = [
    "sat12",
    "ctt100",
    "msatb",
    "science",
    "environment",
    "lsat",
    "verbal",
    "fraction_subtraction",
    "math1_logs",
    "timss07_g4",
]


def read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores_of(folder: Path) -> tuple[np.ndarray, list[str]]:
    """(persons, items) with NaN for a blank cell, and the items' names. Logs have a row a response."""
    names = [row["item"] for row in read(folder / "reference" / "ctt_items.csv")]
    rows = read(folder / ("scored.csv" if (folder / "scored.csv").exists() else "data.csv"))
    if "item_id" in rows[0]:
        persons: dict[str, dict[str, str]] = {}
        for row in rows:
            persons.setdefault(row["user_id"], {})[f"i{row['item_id']}"] = row["score"]
        rows = list(persons.values())
    return np.array([[float(row.get(name) or "nan") for name in names] for row in rows]), names


def reference(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of a reference file, none where the set has no such file."""
    path = folder / "reference" / f"{name}.csv"
    return read(path) if path.exists() else []


@st.composite
def points(draw: st.DrawFn, largest: int = 5) -> np.ndarray:
    """(persons, items) whole scores, -1 for missing."""
    shape = draw(st.tuples(st.integers(0, 12), st.integers(1, 5)))
    return draw(arrays(np.int64, shape, elements=st.integers(-1, largest)))


def with_nan(points: np.ndarray) -> np.ndarray:
    return np.where(points < 0, np.nan, points)
