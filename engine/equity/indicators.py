"""Resources of schools (资源配置指标): indicators.csv or .xlsx of the exam folder, against a standard.

school     学校        the name
stage      学段        primary 小学, junior 初中
county     县区        may be left out where the roster has the school
pupils     在校生数     enrolment, the weight of the school; without the column schools count alike
kind       类别        may be left out; kinds that the standard excludes don't count
then a column an indicator, under its name or Chinese title: amounts per pupil, or per hundred pupils, as the title says
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from engine import tables
from engine.equity.measures import coefficient_of_variation
from engine.equity.standards import Indicator, Stage, Standard
from engine.errors import InputError, raise_all
from engine.files import Records, halfwidth, hint, read_records

ALIASES = {
    "学校": "school",
    "学校名称": "school",
    "学段": "stage",
    "县区": "county",
    "区县": "county",
    "县": "county",
    "在校生数": "pupils",
    "在校学生数": "pupils",
    "学生数": "pupils",
    "类别": "kind",
    "办学类型": "kind",
}
STAGES: dict[str, Stage] = {"primary": "primary", "小学": "primary", "junior": "junior", "初中": "junior"}
MET, NEARLY, MISSED = "met", "nearly", "missed"
ALL, TITLE_OF_ALL = "all", "达标项数"
TEACHING_POINT = "教学点"


@dataclass(frozen=True)
class School:
    """A row of the file; a value is None where the cell is blank."""

    school: str
    stage: Stage
    county: str
    pupils: float | None
    kind: str
    values: dict[str, float | None]


def load_indicators(path: Path, standard: Standard, counties: Mapping[str, str]) -> list[School]:
    """Read the file.

    Args:
        counties: school → county, for a file without counties.

    Raises:
        InputError: a missing column or name, an unknown stage, a value that is no number from 0.
    """
    titles = {one.title: one.name for one in standard.indicators}
    records = read_records(path, required=("school", "stage"), aliases=ALIASES | titles, identifiers=())
    if not any(one.name in records.columns for one in standard.indicators):
        names = "、".join(one.title for one in standard.indicators)
        raise InputError(f"no column of {standard.name}", file=path, mend=f"add columns, among these: {names}")
    errors: list[InputError] = []
    schools = []
    for i, row in enumerate(records.rows):
        if not row["school"]:
            errors.append(records.error(i, "school", "the cell is empty", "name the school, or delete the row"))
        stage = STAGES.get(row["stage"].casefold())
        if stage is None:
            errors.append(records.error(i, "stage", f"unknown stage {row['stage']!r}", hint(row["stage"], STAGES)))
        columns = ["pupils", *(one.name for one in standard.indicators)]
        numbers = {name: _number(records, i, name, errors) for name in columns if name in records.columns}
        county = row.get("county") or counties.get(row["school"], "")
        values = {name: value for name, value in numbers.items() if name != "pupils"}
        schools.append(
            School(row["school"], cast(Stage, stage), county, numbers.get("pupils"), row.get("kind", ""), values)
        )
    raise_all(errors)
    return schools


def _number(records: Records, i: int, column: str, errors: list[InputError]) -> float | None:
    text = halfwidth(records.rows[i][column]).replace(",", "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not (np.isfinite(value) and value >= 0):
        message = f"{records.rows[i][column]!r}, expected a number from 0"
        errors.append(records.error(i, column, message, "write the amount without its unit"))
    return value


def indicator_table(schools: list[School], standard: Standard) -> pa.Table:
    """Schema "indicators", a stage after the other: schools by county and name, then counties, then all of them.

    A school meets the standard if it meets `need` indicators, and of the others `nearly`. A county does in an indicator
    if the weighted CV is within the limit; in all of them if all its schools meet theirs, or if the mean of its CVs is
    within the limit of that. Schools that don't count (`excluded`, `smallest`) have rows, but no part in those of
    counties. CVs are weighted by enrolment; if a school's is not known, all count alike.
    """
    rows: list[dict[str, Any]] = []
    for stage in dict.fromkeys(STAGES.values()):
        own = sorted((one for one in schools if one.stage == stage), key=lambda one: (one.county, one.school))
        areas: dict[tuple[str, str], list[School]] = {}
        for school in own:
            rows += _school_rows(school, standard)
            if _counts(school, standard):
                if school.county:
                    areas.setdefault(("county", school.county), []).append(school)
                areas.setdefault(("exam", ""), []).append(school)
        for (level, unit), counting in sorted(areas.items()):
            about = {"scheme": standard.name, "stage": stage, "level": level, "unit": unit}
            rows += [{**about, **row} for row in _area_rows(counting, standard, stage)]
    return pa.Table.from_pylist(rows, schema=tables.SCHEMAS["indicators"])


def _counts(school: School, standard: Standard) -> bool:
    small = school.pupils is not None and school.pupils < standard.smallest
    return school.kind not in standard.excluded and not (small and school.kind in ("", TEACHING_POINT))


def _verdict(school: School, indicator: Indicator, standard: Standard) -> str:
    """ "" without a standard for it; an amount that is not known is missed."""
    least, value = indicator.least(school.stage), school.values.get(indicator.name)
    if least is None:
        return ""
    if value is None or value < standard.nearly * least:
        return MISSED
    return MET if value >= least else NEARLY


def _meets(school: School, standard: Standard) -> bool:
    verdicts = [_verdict(school, indicator, standard) for indicator in standard.indicators]
    return verdicts.count(MET) >= (standard.need or 0) and MISSED not in verdicts


def _school_rows(school: School, standard: Standard) -> Iterator[dict[str, Any]]:
    about = {
        "scheme": standard.name,
        "stage": school.stage,
        "level": "school",
        "unit": school.school,
        "n_schools": 1,
        "pupils": school.pupils,
    }
    verdicts = {one.name: _verdict(school, one, standard) for one in standard.indicators}
    for one in standard.indicators:
        yield {
            **about,
            "indicator": one.name,
            "title": one.title,
            "value": school.values.get(one.name),
            "threshold": one.least(school.stage),
            "verdict": verdicts[one.name],
        }
    if standard.need is not None:
        yield {
            **about,
            "indicator": ALL,
            "title": TITLE_OF_ALL,
            "value": [*verdicts.values()].count(MET),
            "threshold": standard.need,
            "verdict": MET if _meets(school, standard) else MISSED,
        }


def _area_rows(schools: list[School], standard: Standard, stage: Stage) -> Iterator[dict[str, Any]]:
    """The rows of a county, or of all counties, but for what they are of."""
    enrolled = [school.pupils for school in schools]
    known = all(enrolled)
    weights = np.array([pupils if known else 1.0 for pupils in enrolled], float)
    about = {"n_schools": len(schools), "pupils": int(weights.sum()) if known else None}
    limit = getattr(standard.cv, stage, None)
    cvs = []
    for one in standard.indicators:
        values = np.array([school.values.get(one.name) for school in schools], float)
        there = np.isfinite(values)
        cv = coefficient_of_variation(values[there], weights[there]) if there.any() else np.nan
        cvs.append(cv)
        yield {
            **about,
            "indicator": one.name,
            "title": one.title,
            "value": float(np.average(values[there], weights=weights[there])) if there.any() else None,
            "cv": _known(cv),
            "n_schools": int(there.sum()),
            "threshold": limit,
            "verdict": _within(cv, limit),
        }
    if standard.need is not None:
        share = float(np.mean([_meets(school, standard) for school in schools]))
        verdict = MET if share == 1 else MISSED
        yield {**about, "indicator": ALL, "title": TITLE_OF_ALL, "value": share, "threshold": 1.0, "verdict": verdict}
    if standard.composite_cv is not None:
        mean, most = float(np.mean(cvs)), getattr(standard.composite_cv, stage)
        columns = {"cv": _known(mean), "threshold": most, "verdict": _within(mean, most)}
        yield {**about, "indicator": ALL, "title": "综合差异系数", **columns}


def _within(cv: float, limit: float | None) -> str:
    return "" if limit is None or np.isnan(cv) else MET if cv <= limit else MISSED


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
