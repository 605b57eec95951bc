"""Value added: a random-intercept model of made-up pupils, the engine against statsmodels' MixedLM; and a million.

All start from columns of numbers and names of schools and end with fixed effects, variances and the schools' effects
with their standard errors. The peer's results must be the engine's before anything is timed. Growth percentiles of
30 000 pupils are timed beside statsmodels' QuantReg, which fits one of the hundred quantiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.interpolate import BSpline

from benchmarks.timing import best_times
from engine.growth import MixedModel, student_growth_percentiles, value_added

COMPARED = (50_000, 300)  # pupils, schools
LARGE = (1_000_000, 3_000)
PERCENTILES = 30_000


def run(size: float = 1.0) -> dict:
    """Time the contenders on `size` × 50 000 pupils, and the engine on `size` × a million."""
    pupils, schools = int(COMPARED[0] * size), max(2, int(COMPARED[1] * size))
    data = _pupils(pupils, schools)
    name = f"{pupils:,} pupils, {schools:,} schools"
    largest = _compare(_ours(*data), _theirs(*data))
    times = best_times({"yuejuan": lambda: _ours(*data), "statsmodels MixedLM": lambda: _theirs(*data)}, 2)
    rows: list[dict[str, Any]] = [
        {"contender": f"{name}: {who}", "seconds": seconds, "× the engine": seconds / times["yuejuan"]}
        for who, seconds in times.items()
    ]
    large = _pupils(int(LARGE[0] * size), max(2, int(LARGE[1] * size)))
    name = f"{len(large[0]):,} pupils, {len(set(large[2])):,} schools"
    for kind, slope in (("(1 | school)", None), ("(1 + prior | school)", "prior")):
        best = best_times({kind: lambda slope=slope: _ours(*large, slope)}, 2)[kind]
        rows.append({"contender": f"{name}, {kind}: yuejuan", "seconds": best, "× the engine": 1.0})
    rows += _percentiles(int(PERCENTILES * size))
    note = f"largest relative difference of fixed effects, variances and effects from MixedLM: {largest:.1e}"
    return {"what": "multilevel value added by REML, and growth percentiles", "rows": rows, "notes": [note]}


def _pupils(pupils: int, schools: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, earlier score and school; schools of unlike size."""
    rng = np.random.default_rng(20261122)
    share = rng.gamma(4, size=schools)
    school = np.sort(np.append(np.arange(schools), rng.choice(schools, pupils - schools, p=share / share.sum())))
    prior = rng.normal(size=pupils)
    score = 70 + 11 * prior + (3 * rng.normal(size=schools))[school] + 8 * rng.normal(size=pupils)
    return np.round(score, 1), prior, np.array([f"S{number:05}" for number in range(schools)])[school]


def _ours(score: np.ndarray, prior: np.ndarray, school: np.ndarray, slope: str | None = None) -> MixedModel:
    return value_added(score, school, {"prior": prior}, slope=slope).model


def _theirs(score: np.ndarray, prior: np.ndarray, school: np.ndarray) -> tuple[Any, dict[str, float]]:
    """The fit and the schools' effects; their covariances are worked out by the same call."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    fit = MixedLM(score, np.column_stack([np.ones(len(prior)), prior]), groups=school).fit(reml=True)
    assert fit.random_effects_cov
    return fit, {name: float(effect.iloc[0]) for name, effect in fit.random_effects.items()}


def _compare(ours: MixedModel, theirs: tuple[Any, dict[str, float]]) -> float:
    """Largest relative difference; effects relative to their standard deviation.

    Raises:
        AssertionError: it is above 1e-3, the precision of the peer's own search.
    """
    fit, effects = theirs
    pairs = [
        (ours.fixed, np.asarray(fit.fe_params)),
        (ours.fixed_se, np.asarray(fit.bse_fe)),
        (np.array([ours.between[0, 0], ours.within]), np.array([np.asarray(fit.cov_re)[0, 0], fit.scale])),
    ]
    found = [float(np.max(np.abs(mine / other - 1))) for mine, other in pairs]
    sd = float(np.sqrt(ours.between[0, 0]))
    found.append(float(np.max(np.abs(ours.effects[:, 0] - [effects[unit] for unit in ours.units]))) / sd)
    if max(found) > 1e-3:
        raise AssertionError(f"results differ from MixedLM: {found}")
    return max(found)


def _percentiles(pupils: int) -> list[dict[str, Any]]:
    """Growth percentiles of exam scores, whole points."""
    from statsmodels.regression.quantile_regression import QuantReg

    score, prior, _ = _pupils(pupils, 2)
    score, prior = np.round(score), np.round(20 * prior + 90)
    knots = [prior.min()] * 4 + [*np.quantile(prior, (0.2, 0.4, 0.6, 0.8))] + [prior.max()] * 4
    design = BSpline.design_matrix(prior, knots, 3).toarray()
    name = f"{pupils:,} pupils, growth percentiles"
    contenders = {
        f"{name}: yuejuan, 100 quantiles": lambda: student_growth_percentiles(score, prior),
        f"{name}: statsmodels QuantReg, 1 quantile": lambda: QuantReg(score, design).fit(q=0.3),
    }
    times = best_times(contenders, 2)
    ours = next(iter(times.values()))
    return [{"contender": who, "seconds": seconds, "× the engine": seconds / ours} for who, seconds in times.items()]
