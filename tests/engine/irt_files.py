"""Reads the reference sets of item response theory: answers, item parameters and what R found."""

import csv
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from engine.curves import Curves, Dichotomous, DivideByTotal, Graded

FITS = (
    "ctt100 rasch, math1_logs rasch, math1_logs 2pl, fraction_subtraction rasch, fraction_subtraction 2pl, "
    "timss07_g4 rasch, timss07_g4 2pl, verbal rasch, verbal 2pl, lsat rasch, lsat 2pl, lsat 3pl_prior, msatb rasch, "
    "msatb 2pl, msatb 3pl_prior, sat12 rasch, sat12 2pl, sat12 3pl, sat12 3pl_prior, environment pcm, "
    "environment gpcm, environment graded, science pcm, science gpcm, science graded, science nominal"
).split(", ")


class Fit:
    """One fit of R's mirt."""

    def __init__(self, folder: Path, model: str) -> None:
        self.folder, self.model = folder, model

    def rows(self, file: str) -> list[dict[str, str]]:
        return _read(self.folder / "reference" / file)

    def column(self, file: str, column: str) -> np.ndarray:
        """A column of a file of this fit; NaN where it is blank or NA."""
        return np.array([_number(row.get(column)) for row in self.rows(f"irt_{self.model}_{file}.csv")])

    def has(self, file: str) -> bool:
        return (self.folder / "reference" / f"irt_{self.model}_{file}.csv").exists()

    def of_fit(self, column: str) -> float:
        [row] = [row for row in self.rows("irt_fit.csv") if row["model"] == self.model]
        return _number(row[column])

    @property
    def names(self) -> list[str]:
        return [row["item"] for row in self.rows(f"irt_{self.model}_items.csv")]

    @property
    def items(self) -> list[Curves]:
        return [_curves(row, self.model) for row in self.rows(f"irt_{self.model}_items.csv")]

    @cached_property
    def codes(self) -> np.ndarray:
        """The answers as category numbers from 0, NaN for missing."""
        scored = self.folder / "scored.csv"
        rows = _read(scored if scored.exists() else self.folder / "data.csv")
        if "user_id" in rows[0]:  # a log: a row a response
            by_pupil: dict[str, dict[str, str]] = {}
            for row in rows:
                by_pupil.setdefault(row["user_id"], {})[f"i{row['item_id']}"] = row["score"]
            rows = list(by_pupil.values())
        x = np.array([[_number(row[name]) for name in self.names] for row in rows])
        return x - np.nanmin(x, axis=0)


@cache
def reference(shared_data: Path, name: str) -> Fit:
    """The fit "set model"."""
    folder, model = name.split()
    return Fit(shared_data / "psychometrics" / folder, model)


def _curves(row: dict[str, str], model: str) -> Curves:
    a = _number(row["si_a1"])
    d = np.array([float(row[name]) for name in row if name.startswith("si_d") and row[name]])
    if len(d) == 1:
        free = {"rasch": ("intercept",), "2pl": ("slope", "intercept")}
        return Dichotomous(a, d[0], _number(row["si_g"]), free.get(model, ("slope", "intercept", "guessing")))
    if model == "graded":
        return Graded(a, d)
    multiples = np.array([float(row[name]) for name in row if name.startswith("si_ak") and row[name]])
    return DivideByTotal(a * multiples, d, {"pcm": "none", "gpcm": "factor", "nominal": "all"}[model])


def _read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _number(cell: str | None) -> float:
    return float(cell) if cell and cell != "NA" else float("nan")
