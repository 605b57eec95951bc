"""The tables of growth of one subject: its schools, classes and pupils between an earlier exam and this one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from engine import tables
from engine.exam import GrowthRule
from engine.growth.mixed import TooFewPupils
from engine.growth.percentiles import student_growth_percentiles
from engine.growth.residual import expected_score
from engine.growth.valueadded import FEW, ValueAdded, value_added

MIN_PERCENTILES = 100  # with fewer pupils growth percentiles are noise
PRIOR = "prior"


def growth_tables(
    code: str, now: pa.Table, prior: np.ndarray, roster: pa.Table, rule: GrowthRule
) -> dict[str, pa.Table]:
    """Tables "growth", "growth_models" and "growth_pupils" of a subject.

    Units with fewer matched pupils than `rule.min_pupils`, or a smaller share of them than `rule.min_matched`, get no
    verdict but "too few". Where all matched pupils together are too few for the model, it is null.

    Args:
        code: the subject.
        now: its pupils at this exam (`engine.history.pupil_scores`).
        prior: (n,) their earlier standard scores, NaN without one (`engine.history.prior_scores`).
    """
    scored = pc.is_valid(now["z"]).to_numpy()
    pupils, prior = now.filter(pa.array(scored)), prior[scored]
    matched = pa.array(np.isfinite(prior))
    both = pupils.filter(matched)
    numbers = {"prior": prior[matched], "score": both["score"].to_numpy()}
    numbers["expected"] = expected_score(numbers["prior"], numbers["score"])
    numbers["residual"] = numbers["score"] - numbers["expected"]
    numbers["sgp"] = np.full(len(both), np.nan)
    if len(both) >= MIN_PERCENTILES:
        numbers["sgp"] = student_growth_percentiles(numbers["score"], numbers["prior"]).astype(float)
    row = pc.index_in(both["student_id"], value_set=roster["student_id"].combine_chunks()).combine_chunks()
    covariates = {PRIOR: numbers["prior"]}
    covariates |= {name: roster[name].combine_chunks().take(row) for name in rule.covariates}

    growth, models = [tables.empty("growth")], [tables.empty("growth_models")]
    school = pupils["school"].combine_chunks()
    classes = pc.binary_join_element_wise(school, pupils["class"].combine_chunks(), "/")
    for level, units in (("school", school), ("class", classes)):
        found = _fitted(numbers["score"], units.filter(matched), covariates, level, rule)
        growth.append(_unit_rows(code, level, units, matched, numbers, found, rule))
        if found:
            models.append(_model_rows(code, level, found, rule.confidence))
    by_pupil = {"subject": pa.repeat(code, len(both)), "student_id": both["student_id"], **numbers}
    return {
        "growth": pa.concat_tables(growth),
        "growth_models": pa.concat_tables(models),
        "growth_pupils": tables.build("growth_pupils", by_pupil),
    }


def _fitted(score: np.ndarray, units: pa.Array, covariates: Any, level: str, rule: GrowthRule) -> ValueAdded | None:
    slope = PRIOR if rule.slope else None
    try:
        return value_added(score, units, covariates, slope=slope, confidence=rule.confidence, level=level)
    except TooFewPupils:
        return None


def _unit_rows(
    code: str,
    level: str,
    units: pa.Array,
    matched: pa.Array,
    numbers: dict[str, np.ndarray],
    found: ValueAdded | None,
    rule: GrowthRule,
) -> pa.Table:
    """A row a unit, by name."""
    everybody = pa.table({"unit": units, "matched": matched.cast(pa.int64())})
    counts = everybody.group_by("unit", use_threads=False).aggregate([("matched", "count"), ("matched", "sum")])
    counts = counts.filter(pc.is_valid(counts["unit"]))
    counts = counts.take(pc.sort_indices(counts["unit"]))
    n, many = counts["matched_count"].to_numpy(), counts["matched_sum"].to_numpy()
    names = counts["unit"].combine_chunks()

    followed = pa.table({name: pa.array(values, from_pandas=True) for name, values in numbers.items()})
    followed = followed.append_column("unit", units.filter(matched))
    aims = [("prior", "mean"), ("residual", "mean"), ("sgp", "approximate_median")]
    means = followed.group_by("unit", use_threads=False).aggregate(aims)
    means = means.take(pc.index_in(names, value_set=means["unit"].combine_chunks()))
    columns = {
        "subject": pa.repeat(code, len(names)),
        "level": pa.repeat(level, len(names)),
        "unit": names,
        "n": n,
        "matched": many,
        "coverage": many / n,
        "prior": means["prior_mean"],
        "gain": means["residual_mean"],
        "sgp": means["sgp_approximate_median"],
    }
    few = (many < rule.min_pupils) | (many < rule.min_matched * n)
    verdict = pa.nulls(len(names), pa.string())
    if found:
        effects = found.effects.take(pc.index_in(names, value_set=found.effects["unit"].combine_chunks()))
        columns |= {name: effects[name] for name in ("effect", "se", "lower", "upper")}
        columns["model"] = pa.repeat(found.formula, len(names))
        verdict = effects["verdict"]
    columns["verdict"] = pc.if_else(pa.array(few), FEW, pc.fill_null(verdict, FEW))
    return tables.build("growth", columns)


def _model_rows(code: str, level: str, found: ValueAdded, confidence: float) -> pa.Table:
    """A row a term."""
    model = found.model
    half = float(ndtri((1 + confidence) / 2))
    rows = [
        {"term": term, "estimate": estimate, "se": se, "lower": estimate - half * se, "upper": estimate + half * se}
        for term, estimate, se in zip(model.terms, model.fixed.tolist(), model.fixed_se.tolist(), strict=True)
    ]
    rows.append({"term": "variance between", "estimate": float(model.between[0, 0])})
    if len(model.random) > 1:
        rows.append({"term": "variance slope", "estimate": float(model.between[1, 1])})
        rows.append({"term": "covariance", "estimate": float(model.between[0, 1])})
    rows.append({"term": "variance within", "estimate": model.within})
    lower, upper = model.icc_interval or (None, None)
    rows.append({"term": "icc", "estimate": model.icc, "lower": lower, "upper": upper})
    about = {"subject": code, "level": level, "n": model.n, "units": len(model.units), "model": found.formula}
    return pa.Table.from_pylist([{**row, **about} for row in rows], schema=tables.SCHEMAS["growth_models"])
