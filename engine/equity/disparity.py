"""Balance between schools (校际均衡): how much the schools of a city or a county differ in a subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from engine.equity.measures import (
    coefficient_of_variation,
    gini,
    range_ratio,
    robin_hood,
    theil,
    theil_decomposition,
)
from engine.growth import UnitSums, fit_mixed

Measure = Callable[[np.ndarray, np.ndarray], float]
# Of the schools' means, weighted by pupils; but "cv" and "range_ratio", in which all schools count alike.
OF_MEANS: dict[str, Measure] = {
    "cv": lambda means, n: coefficient_of_variation(means),
    "cv_weighted": coefficient_of_variation,
    "range_ratio": range_ratio,
    "gini": gini,
    "theil": theil,
    "robin_hood": robin_hood,
}
FEWEST = 3  # schools for an interval
WITHIN, BEYOND, OPEN = "within", "beyond", "not distinguishable"


@dataclass(frozen=True)
class Figure:
    """A measure with its interval; NaN where it is not defined.

    Attributes:
        name: "cv", "cv_weighted", "range_ratio", "gini", "theil", "robin_hood" of the schools' means; "icc" 校际差异率,
            the share of the pupils' variance that lies between schools; "theil_schools", the share of the pupils'
            Theil index that does; "theil_counties", the share of the schools' Theil index that lies between counties.
    """

    name: str
    value: float
    lower: float = np.nan
    upper: float = np.nan

    def verdict(self, threshold: float | None) -> str:
        """Whether the interval is "within" the threshold, "beyond" it, or "not distinguishable"; "" without either."""
        if threshold is None or np.isnan(self.lower) or np.isnan(self.upper):
            return ""
        return WITHIN if self.upper <= threshold else BEYOND if self.lower > threshold else OPEN


def disparity(score: Any, school: Any, county: Any | None = None, *, confidence: float = 0.95) -> tuple[Figure, ...]:
    """Measures of how much schools differ.

    Intervals of the measures of school means are those of the jackknife over schools (Efron & Tibshirani, 1993, §11),
    of at least three schools; the range ratio and the shares of Theil indices have none. The ICC is that of the
    random-intercept model by REML, with its profile likelihood interval: of all the measures it alone leaves out that
    the means of small schools differ by chance.

    Args:
        score: (n,) points of the pupils, none below 0 for Gini, Theil and Robin Hood to be defined.
        school: (n,) names.
        county: (n,) names; without them there is no "theil_counties".

    Raises:
        ValueError: fewer than two pupils, missing names, columns of unlike length.
    """
    y = np.asarray(score, float)
    sums = UnitSums.of({"score": y}, school)
    means, n = sums.means[:, 0], sums.n.astype(float)
    figures = [_jackknifed(name, measure, means, n, confidence) for name, measure in OF_MEANS.items()]
    model = fit_mixed(sums, confidence=confidence)
    lower, upper = model.icc_interval if model.icc_interval and len(n) > 1 else (np.nan, np.nan)
    figures.append(Figure("icc", model.icc if len(n) > 1 else np.nan, lower, upper))
    pupils = theil_decomposition(y, np.asarray(school, dtype=object).astype(str))
    figures.append(Figure("theil_schools", _share(pupils.between, pupils.total)))
    if county is not None:
        names = dict(zip(map(str, _listed(school)), _listed(county), strict=True))
        schools = theil_decomposition(means, [str(names[unit]) for unit in sums.units], n)
        figures.append(Figure("theil_counties", _share(schools.between, schools.total)))
    return tuple(figures)


def _jackknifed(name: str, measure: Measure, means: np.ndarray, n: np.ndarray, confidence: float) -> Figure:
    value, J = measure(means, n), len(means)
    if name == "range_ratio" or J < FEWEST or np.isnan(value):
        return Figure(name, value)
    without = np.array([measure(np.delete(means, j), np.delete(n, j)) for j in range(J)])
    half = float(ndtri((1 + confidence) / 2)) * float(np.sqrt((J - 1) / J * np.sum((without - without.mean()) ** 2)))
    return Figure(name, value, max(value - half, 0.0), value + half)


def _share(part: float, whole: float) -> float:
    """0 where there is nothing to share; NaN where the whole is not defined."""
    return 0.0 if whole <= 1e-12 else part / whole


def _listed(values: Any) -> list[Any]:
    return values.to_pylist() if hasattr(values, "to_pylist") else list(values)
