"""Value added over several exams: a single year's is unstable, so schools are judged by the mean of two or three."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from engine import tables
from engine.exam import GrowthRule
from engine.growth.mixed import TooFewPupils
from engine.growth.valueadded import value_added, verdicts
from engine.history.linkage import prior_scores

YEARS = 3  # the last so many spans from one exam to the next
SPAN = pa.schema([("unit", pa.string()), ("effect", pa.float64()), ("variance", pa.float64())])


def growth_over_years(code: str, exams: Sequence[pa.Table], rule: GrowthRule) -> pa.Table:
    """Table "growth_years": schools' mean effects over the last spans between exams, in standard deviations of pupils.

    Each span counts alike and has a model of its own, z ~ prior + (1 | school); their errors are taken as independent.
    A span in which a school has fewer matched pupils than `rule` asks for does not count for it; schools with fewer
    than two that count have no row.

    Args:
        code: the subject.
        exams: its pupils (`engine.history.pupil_scores`) by date, the latest last.
    """
    spans = [_span(before, now, rule) for before, now in itertools.pairwise(exams[-YEARS - 1 :])]
    counted = pa.concat_tables([SPAN.empty_table(), *spans])
    aims = [("effect", "mean"), ("variance", "sum"), ("effect", "count")]
    sums = counted.group_by("unit", use_threads=False).aggregate(aims)
    sums = sums.filter(pc.greater_equal(sums["effect_count"], 2))
    sums = sums.take(pc.sort_indices(sums["unit"]))
    effect, many = sums["effect_mean"].to_numpy(), sums["effect_count"].to_numpy()
    se = np.sqrt(sums["variance_sum"].to_numpy()) / many
    half = float(ndtri((1 + rule.confidence) / 2)) * se
    columns = {
        "subject": pa.repeat(code, len(sums)),
        "unit": sums["unit"],
        "spans": many,
        "effect": effect,
        "se": se,
        "lower": effect - half,
        "upper": effect + half,
        "verdict": verdicts(effect - half, effect + half),
    }
    return tables.build("growth_years", columns)


def _span(before: pa.Table, now: pa.Table, rule: GrowthRule) -> pa.Table:
    """Effects of the schools that count, and their squared standard errors."""
    pupils = now.filter(pc.and_(pc.is_valid(now["z"]), pc.is_valid(now["school"])))
    prior = prior_scores(pupils, before)
    entered = pupils["school"].value_counts()
    n = dict(zip(entered.field("values").to_pylist(), entered.field("counts").to_pylist(), strict=True))
    try:
        found = value_added(pupils["z"], pupils["school"], {"prior": prior}, confidence=rule.confidence)
    except TooFewPupils:
        return SPAN.empty_table()
    effects = found.effects
    all_of = np.array([n[unit] for unit in effects["unit"].to_pylist()], float)
    matched = effects["n"].to_numpy()
    counts = (matched >= rule.min_pupils) & (matched >= rule.min_matched * all_of)
    squares = pc.multiply(effects["se"], effects["se"])
    return pa.table([effects["unit"], effects["effect"], squares], schema=SPAN).filter(pa.array(counts))
