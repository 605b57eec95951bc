"""The tables of equity of one subject: balance between its schools, gaps between groups of its pupils."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.equity.disparity import disparity
from engine.equity.gaps import Gap, gaps, standardised
from engine.equity.standards import Standard
from engine.equity.training import training_effect
from engine.exam import EquityRule, Lines

TRAINING = "training"


def balance_table(code: str, pupils: pa.Table, standard: Standard, rule: EquityRule) -> pa.Table:
    """Schema "balance": of all schools, and of the schools of each county; nothing of a single school.

    Args:
        pupils: of the subject (`engine.history.pupil_scores`).
    """
    pupils = pupils.filter(pc.and_(pc.is_valid(pupils["z"]), pc.is_valid(pupils["school"])))
    rows = list(_balance_rows("exam", "", pupils, standard, rule))
    for county in sorted(pupils["county"].unique().drop_null().to_pylist()):
        own = pupils.filter(pc.equal(pupils["county"], county))
        rows += _balance_rows("county", county, own, standard, rule)
    return pa.Table.from_pylist([{"subject": code, **row} for row in rows], schema=tables.SCHEMAS["balance"])


def _balance_rows(
    level: str, unit: str, pupils: pa.Table, standard: Standard, rule: EquityRule
) -> Iterator[dict[str, Any]]:
    n_schools = pc.count_distinct(pupils["school"]).as_py()
    if n_schools < 2:
        return
    county = pupils["county"].fill_null("") if level == "exam" else None
    for figure in disparity(pupils["score"].to_numpy(), pupils["school"], county, confidence=rule.confidence):
        threshold = standard.icc if figure.name == "icc" else None
        yield {
            "level": level,
            "unit": unit,
            "measure": figure.name,
            "value": _known(figure.value),
            "lower": _known(figure.lower),
            "upper": _known(figure.upper),
            "n_schools": n_schools,
            "n_pupils": len(pupils),
            "threshold": threshold,
            "verdict": figure.verdict(threshold),
        }


def gap_table(
    code: str, pupils: pa.Table, roster: pa.Table, columns: Collection[str], lines: Lines, rule: EquityRule
) -> pa.Table:
    """Schema "gaps": of the groups of every column of the roster, in the mean and the rates.

    Args:
        pupils: of the subject (`engine.history.pupil_scores`).
        columns: of the roster; pupils whose cell is blank are in no group.
    """
    pupils = pupils.filter(pc.and_(pc.is_valid(pupils["z"]), pc.is_valid(pupils["school"])))
    row = pc.index_in(pupils["student_id"], value_set=roster["student_id"].combine_chunks()).combine_chunks()
    score, rate = pupils["score"].to_numpy(), pupils["rate"].fill_null(0).to_numpy()
    close = 1e-9  # a line belongs to the higher side, whatever the last bit of a rate
    measures = {
        "mean": score,
        "excellent": rate >= lines.excellent - close,
        "passing": rate >= lines.passing - close,
        "low": rate < lines.low - close,
    }
    rows = []
    for by in columns:
        groups = roster[by].combine_chunks().take(row)
        named = pc.and_(pc.is_valid(groups), pc.not_equal(groups, "")).fill_null(False)
        labels, schools, kept = groups.filter(named), pupils["school"].filter(named), named.to_numpy(False)
        for measure, values in measures.items():
            for gap in gaps(values[kept].astype(float), labels, schools, confidence=rule.confidence):
                effect = standardised(gap, score[kept]) if measure == "mean" else math.nan
                rows.append({"by": by, "measure": measure, "effect": _known(effect), **_cells(gap)})
    return pa.Table.from_pylist([{"subject": code, **one} for one in rows], schema=tables.SCHEMAS["gaps"])


def training_table(
    code: str, growth_pupils: pa.Table, roster: pa.Table, trained: Collection[str], rule: EquityRule
) -> pa.Table:
    """Schema "gaps": the training effect, a row; none where no class could be paired.

    Args:
        growth_pupils: rows of the subject.
        trained: classes ("school/class") whose teachers were trained.
    """
    row = pc.index_in(growth_pupils["student_id"], value_set=roster["student_id"].combine_chunks()).combine_chunks()
    school, name = (roster[column].combine_chunks().take(row) for column in ("school", "class"))
    residual = growth_pupils["residual"].to_numpy()
    found = training_effect(
        residual,
        growth_pupils["prior"].to_numpy(),
        pc.binary_join_element_wise(school, name, "/"),
        trained,
        confidence=rule.confidence,
    )
    if not found.pairs:
        return tables.empty("gaps")
    sd = float(np.std(residual))
    about = {"subject": code, "by": TRAINING, "measure": "gain", "group": "trained", "reference": "matched"}
    figures = {name: _known(getattr(found, name)) for name in ("difference", "lower", "upper")}
    counts = {"n": found.n, "n_reference": found.n_reference, "clusters": len(found.pairs)}
    effect = found.difference / sd if sd > 0 else 0.0
    return pa.Table.from_pylist([{**about, **figures, **counts, "effect": effect}], schema=tables.SCHEMAS["gaps"])


def _cells(gap: Gap) -> dict[str, Any]:
    return {name: _known(value) if isinstance(value, float) else value for name, value in vars(gap).items()}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
