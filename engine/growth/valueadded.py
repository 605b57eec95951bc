"""Value added by schools or classes: their effects in a multilevel model, shrunk to 0, with a verdict each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from engine.growth.likelihood import Method
from engine.growth.mixed import MixedModel, fit_mixed
from engine.growth.sums import UnitSums, encoded

ABOVE, SAME, BELOW, FEW = "above", "not distinguishable", "below", "too few"
EFFECTS = pa.schema(
    [
        ("unit", pa.string()),
        ("n", pa.int64()),
        ("effect", pa.float64()),
        ("se", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("verdict", pa.string()),
    ]
)


@dataclass(frozen=True, eq=False)
class ValueAdded:
    """What `value_added` gives.

    Attributes:
        model: the multilevel model.
        formula: in the notation of lme4, "score ~ prior + (1 | school), REML".
        effects: a row a unit, sorted by name, never by effect: unit, n, effect, se, lower, upper, verdict.
        left_out: pupils without a value in some column.
    """

    model: MixedModel
    formula: str
    effects: pa.Table
    left_out: int


def value_added(
    score: Any,
    unit: Any,
    covariates: Mapping[str, Any] | None = None,
    *,
    slope: str | None = None,
    method: Method = "reml",
    confidence: float = 0.95,
    min_pupils: int = 10,
    level: str = "school",
) -> ValueAdded:
    """Fit score ~ covariates + (1 | unit) and say which units' effects are distinguishable from 0.

    The effect is the conditional mode (empirical Bayes, BLUP) with the conditional standard error of lme4's
    `ranef(condVar = TRUE)`; the interval is effect ± z·se. With a slope it is the effect at slope column 0.

    Args:
        score: (n,) the outcome.
        unit: (n,) names of schools or classes.
        covariates: name → (n,) numbers, such as the earlier score, or text, which becomes a 0/1 column for every value
            but the first in alphabetical order. Pupils with NaN or null anywhere are left out.
        slope: the covariate whose coefficient differs by unit.
        method: restricted ("reml") or full ("ml") maximum likelihood.
        min_pupils: units with fewer get the verdict "too few".
        level: what a unit is, for the formula.

    Raises:
        TooFewPupils: no more pupils than terms.
        ValueError: columns of unlike length, or no such slope.
    """
    covariates = covariates or {}
    if slope is not None and slope not in covariates:
        raise ValueError(f"no covariate {slope!r} among {', '.join(covariates)}")
    columns = {name: _values(values) for name, values in {**covariates, "score": score}.items()}
    units = _values(unit)
    sizes = {len(units), *map(len, columns.values())}
    if len(sizes) > 1:
        raise ValueError(f"columns of unlike length: {sorted(sizes)}")
    present = np.logical_and.reduce([_present(values) for values in (units, *columns.values())])
    if not present.all():
        kept = pa.array(present)
        units, columns = units.filter(kept), {name: values.filter(kept) for name, values in columns.items()}
    numbers: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        numbers |= _numeric(name, values)
    model = fit_mixed(UnitSums.of(numbers, units), slope=slope, method=method, confidence=confidence)
    fixed = " + ".join(covariates) or "1"
    random = f"1 + {slope}" if slope in model.random else "1"
    return ValueAdded(
        model=model,
        formula=f"score ~ {fixed} + ({random} | {level}), {method.upper()}",
        effects=effects_table(model, confidence=confidence, min_pupils=min_pupils),
        left_out=len(present) - int(present.sum()),
    )


def effects_table(model: MixedModel, *, confidence: float = 0.95, min_pupils: int = 10) -> pa.Table:
    """The units' effects on the intercept with intervals and verdicts, sorted by name."""
    effect, se = model.effects[:, 0], model.effects_se[:, 0]
    half = float(ndtri((1 + confidence) / 2)) * se
    lower, upper = effect - half, effect + half
    verdict = verdicts(lower, upper)
    verdict[model.counts < min_pupils] = FEW
    columns = (list(model.units), model.counts, effect, se, lower, upper, verdict)
    return pa.table([pa.array(column, one.type) for column, one in zip(columns, EFFECTS, strict=True)], schema=EFFECTS)


def verdicts(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Which side of 0 each interval lies on, if it does not hold it; object."""
    return np.where(lower > 0, ABOVE, np.where(upper < 0, BELOW, SAME)).astype(object)


def _values(values: Any) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else pa.array(np.asarray(values))


def _present(values: pa.Array) -> np.ndarray:
    valid = pc.is_valid(values)
    if pa.types.is_floating(values.type):
        valid = pc.and_(valid, pc.is_finite(values).fill_null(False))
    return valid.to_numpy(zero_copy_only=False)


def _numeric(name: str, values: pa.Array) -> dict[str, np.ndarray]:
    """Numbers as they are; text as 0/1 columns."""
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_boolean(values.type):
        return {name: values.cast(pa.float64()).to_numpy(zero_copy_only=False)}
    names, codes = encoded(values)
    return {f"{name}:{value}": (codes == number).astype(float) for number, value in enumerate(names) if number}
