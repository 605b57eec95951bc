"""Multilevel models (多水平模型) of pupils in schools: outcome ~ columns + (1 | unit) or + (1 + slope | unit)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.growth.likelihood import LARGEST, Crossproducts, Method, best, profile, ratio_interval
from engine.growth.sums import UnitSums

INTERCEPT = "(Intercept)"


class TooFewPupils(ValueError):
    """No more pupils than terms of the model."""


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A fitted model, in the units of the data. Conventions are those of R's lme4.

    Attributes:
        method: "reml" or "ml".
        terms: the p terms of the fixed part, the intercept first. Columns that are constant, or made of those before
            them, are left out: `dropped`.
        dropped: their names.
        fixed: (p,) estimates.
        covariance: (p, p) their covariance matrix.
        random: the q terms that differ by unit.
        between: (q, q) covariance matrix of the units' effects.
        within: residual variance.
        loglik: log-likelihood, of "reml" the restricted one; inf of a perfect fit.
        icc_interval: profile likelihood interval of `icc` where only intercepts differ, else None.
        n: pupils.
        units: (J,) names.
        counts: (J,) pupils of each unit.
        effects: (J, q) conditional modes of the units' effects (EB, BLUP).
        conditional: (J, q, q) their covariance given the estimates above: lme4's condVar.
    """

    method: Method
    terms: tuple[str, ...]
    dropped: tuple[str, ...]
    fixed: np.ndarray
    covariance: np.ndarray
    random: tuple[str, ...]
    between: np.ndarray
    within: float
    loglik: float
    icc_interval: tuple[float, float] | None
    n: int
    units: tuple[str, ...]
    counts: np.ndarray
    effects: np.ndarray
    conditional: np.ndarray

    @property
    def fixed_se(self) -> np.ndarray:
        """(p,) standard errors of the fixed effects."""
        return np.sqrt(np.diagonal(self.covariance))

    @property
    def effects_se(self) -> np.ndarray:
        """(J, q) conditional standard errors of the units' effects."""
        return np.sqrt(np.diagonal(self.conditional, axis1=1, axis2=2))

    @property
    def icc(self) -> float:
        """Share of the variance of the intercepts that lies between units; 0 where nothing varies."""
        total = float(self.between[0, 0]) + self.within
        return float(self.between[0, 0]) / total if total > 0 else 0.0

    @property
    def aic(self) -> float:
        """-2 loglik + 2 × parameters; the variances are counted."""
        return 2 * self._parameters - 2 * self.loglik

    @property
    def bic(self) -> float:
        """-2 loglik + ln n × parameters."""
        return math.log(self.n) * self._parameters - 2 * self.loglik

    @property
    def _parameters(self) -> int:
        q = len(self.random)
        return len(self.terms) + q * (q + 1) // 2 + 1


def fit_mixed(
    sums: UnitSums, *, slope: str | None = None, method: Method = "reml", confidence: float = 0.95
) -> MixedModel:
    """Fit by (restricted) maximum likelihood.

    Where the data say nothing of the variance between units (a single unit, or none with two pupils) it is 0, and so
    are the effects. Where the pupils of a unit don't differ it is 10⁶ times the residual variance, and as large as the
    effects say. A perfect fit has variances 0.

    Args:
        sums: of the columns and, last, the outcome.
        slope: the column whose coefficient differs by unit; if it is left out, only intercepts do.
        confidence: of `icc_interval`.

    Raises:
        TooFewPupils: no more pupils than terms.
        ValueError: no such column.
    """
    if slope is not None and slope not in sums.columns[:-1]:
        raise ValueError(f"no column {slope!r} among {', '.join(sums.columns[:-1])}")
    data = Crossproducts.of(sums, slope)
    p, q = len(data.names) + 1, len(data.random)
    if data.n <= p:
        raise TooFewPupils(f"{data.n} pupils are too few for {p} terms")
    told = 1 < len(sums.units) < data.n
    G = best(data, method) if told else np.zeros((q, q))
    at = profile(data, G, method)
    if np.max(G) > 0.99 * LARGEST**2:
        spread = float(np.sum(at.modes @ np.linalg.pinv(G) * at.modes))
        at = at._replace(variance=spread / (q * (len(sums.units) - 1)))

    interval = None
    if q == 1:
        ratios = ratio_interval(data, float(G[0, 0]), method, confidence) if told and at.variance else (0.0, math.inf)
        interval = ratios[0] / (1 + ratios[0]), 1.0 if math.isinf(ratios[1]) else ratios[1] / (1 + ratios[1])
    T, unit = data.transform(), float(data.scale[-1])
    Tz = T[np.ix_(data.random, data.random)]
    fixed = unit * T @ at.beta
    fixed[0] += data.centre[-1]
    variance = at.variance * unit**2
    logs = (data.n - p) * math.log(unit) + float(np.log(data.scale[:-1]).sum())
    terms = (INTERCEPT, *data.names)
    return MixedModel(
        method=method,
        terms=terms,
        dropped=data.dropped,
        fixed=fixed,
        covariance=variance * T @ np.linalg.inv(at.information) @ T.T,
        random=tuple(terms[z] for z in data.random),
        between=variance * Tz @ G @ Tz.T,
        within=variance,
        loglik=-at.deviance / 2 - (logs if method == "reml" else data.n * math.log(unit)),
        icc_interval=interval,
        n=data.n,
        units=sums.units,
        counts=sums.n,
        effects=unit * at.modes @ Tz.T,
        conditional=variance * Tz @ at.conditional @ Tz.T,
    )
