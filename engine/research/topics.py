"""Topics for the training of teachers (研训主题): where schools and classes lie behind, and how much there is to win.

A school or class is behind at a topic (a knowledge point, an ability, a type of item) if its rate lies `min_gap` or
more below the exam's on the same items, and by more than chance: `q` of the table "patterns", which is adjusted for all
units and topics of its level. Units of fewer than `min_pupils` pupils are not judged. The whole exam is behind where
its rate lies `deviation` or more below what the blueprint expected, and the interval over classes leaves that out.

A topic is suggested where classes, or the whole exam, are behind: by the points that lie between the classes behind, or
all pupils, and the rate that they are held against, whichever is more; those with most points first, `max_topics` of
them at most.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.diagnosis.patterns import KINDS, SPECIFIC, TYPES
from engine.diagnosis.rates import TOLERANCE
from engine.exam import ResearchRule, Subject
from engine.knowledge import PupilPoints, topics, total_alone
from engine.research.items import Expectation

Row = dict[str, Any]


def research_topics(
    subject: Subject, scores: pa.Table, roster: pa.Table, patterns: pa.Table, rule: ResearchRule
) -> tuple[pa.Table, pa.Table]:
    """Tables "research_topics", the suggestions first, then the other topics in the order of the blueprint, and
    "research_schools", topics in the order of the blueprint, schools in the order of their text.

    Args:
        patterns: table "patterns", of any subjects.

    Raises:
        InputError: a scored pupil is not in the roster.
    """
    pupils = PupilPoints.of(subject, scores)
    units = _units(subject, patterns, rule)
    rows: list[Row] = []
    schools: list[Row] = []
    grouped = {} if total_alone(subject) else topics(subject)
    for kind, (names, weight) in grouped.items():
        exam = Expectation.of(subject, pupils, roster, weight)
        below = exam.below(rule.deviation)
        for k in np.flatnonzero(exam.n > 0):
            row: Row = {
                "subject": subject.code,
                "kind": kind,
                "topic": names[k],
                "items": int((weight[:, k] > 0).sum()),
                "max": exam.at_stake[k],
                "n": int(exam.n[k]),
                "rate": exam.rate[k],
                "lower": _known(exam.lower[k]),
                "upper": _known(exam.upper[k]),
                "expected": _known(exam.expected[k]),
                "below_expected": bool(below[k]),
            }
            judged = units.get((kind, names[k]), [])
            rows.append(row | _behind(row, judged))
            schools += _schools(judged)
    return (
        pa.Table.from_pylist(_suggested(rows, rule), schema=tables.SCHEMAS["research_topics"]),
        pa.Table.from_pylist(schools, schema=tables.SCHEMAS["research_schools"]),
    )


def _units(subject: Subject, patterns: pa.Table, rule: ResearchRule) -> dict[tuple[str, str], list[Row]]:
    """The schools and classes judged, by kind and topic, each with whether it is behind."""
    wanted = (
        (pc.field("subject") == subject.code)
        & pc.field("level").isin(["school", "class"])
        & (pc.field("kind") != "item")
        & (pc.field("n") >= rule.min_pupils)
        & pc.field("q").is_valid()
    )
    found: dict[tuple[str, str], list[Row]] = {}
    for row in patterns.filter(wanted).to_pylist():
        behind = row["q"] <= rule.false_alarms and row["gap"] <= -rule.min_gap + TOLERANCE
        found.setdefault((row["kind"], row["name"]), []).append(row | {"behind": behind})
    return found


def _behind(topic: Row, units: list[Row]) -> Row:
    """What the units that are behind amount to."""
    schools = [row for row in units if row["level"] == "school"]
    classes = [row for row in units if row["level"] == "class"]
    behind = [row for row in classes if row["behind"]]
    pupils = sum(row["n"] for row in behind)
    lacking = -sum(row["n"] * row["gap"] for row in behind)
    in_all = (topic["expected"] - topic["rate"]) * topic["n"] if topic["below_expected"] else 0.0
    return {
        "schools": len(schools),
        "schools_behind": sum(row["behind"] for row in schools),
        "classes": len(classes),
        "classes_behind": len(behind),
        "pupils_behind": pupils,
        "gap": -lacking / pupils if pupils else None,
        "points_behind": max(lacking, in_all) * topic["max"],
        "classes_specific": sum(row["specific"] <= -SPECIFIC for row in behind),
    }


def _schools(units: list[Row]) -> list[Row]:
    """Rows of the table "research_schools" of one topic."""
    classes, behind = Counter[str](), Counter[str]()
    for row in units:
        if row["level"] == "class":
            school = row["unit"].split("/")[0]
            classes[school] += 1
            behind[school] += row["behind"]
    figures = ("subject", "kind", "n", "rate", "reference", "gap", "lower", "upper", "q", "behind")
    return [
        {name: row[name] for name in figures}
        | {"topic": row["name"], "school": row["unit"]}
        | {"classes": classes[row["unit"]], "classes_behind": behind[row["unit"]]}
        for row in units
        if row["level"] == "school" and (row["behind"] or behind[row["unit"]])
    ]


def _suggested(rows: list[Row], rule: ResearchRule) -> list[Row]:
    """The rows with the suggestions numbered and in front."""
    worth = sorted((row for row in rows if row["points_behind"] > 0), key=lambda row: -row["points_behind"])
    chosen = worth[: rule.max_topics]
    numbered = [row | {"order": order, "reason": _reason(row)} for order, row in enumerate(chosen, 1)]
    others = [row | {"order": None, "reason": ""} for row in rows if not any(row is one for one in chosen)]
    return numbered + others


def _reason(row: Row) -> str:
    """Why a topic is suggested, in words and numbers."""
    what = KINDS[row["kind"]].format(TYPES.get(row["topic"], row["topic"]))
    said = []
    if row["classes_behind"]:
        said.append(
            f"{row['classes']} 个班中 {row['classes_behind']} 个班（{row['pupils_behind']} 人）明显低于全体，"
            f"合起来低 {-100 * row['gap']:.0f} 个百分点"
            + (f"，其中 {row['classes_specific']} 个班比自己的整体水平还低" if row["classes_specific"] else "")
        )
    if row["below_expected"]:
        said.append(f"全体得分率 {row['rate']:.0%}，命题预估 {row['expected']:.0%}")
    return f"{what}（{row['items']} 题）：" + "；".join(said)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
