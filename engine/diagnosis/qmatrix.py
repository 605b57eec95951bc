"""What cognitive diagnosis says of the items: discrimination, the rule that would do, and doubts about the Q-matrix.

The simplest rule of an item is the first of RULES that the item-level Wald test against the saturated G-DINA does not
reject at LEVEL. A set of knowledge points is enough for an item from a PVAF (engine/cdm/validation.py) of ENOUGH on. A
hint on the blueprint is given

* if the item's points less one of them are enough;
* if its points are not, but those with one exchanged, or one more, are, and account for CLEAR more of the variance.

On simulated DINA pupils with 10 % of the items wrong in one entry of the Q-matrix and 3 or 5 points, hints named all of
the wrong items among 1000 pupils and half of them among 300, nearly always with the true points, and no right item.
That answers speak for other points does not make these right: a person who knows the item decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from engine import tables
from engine.cdm import GDINA, discrimination, wald_tests
from engine.cdm.validation import ExpectedAnswers
from engine.diagnosis.attributes import COMPARED
from engine.diagnosis.paper import Paper

RULES = ("DINA", "DINO", "ACDM")
LEVEL = 0.01
ENOUGH = 0.90
CLEAR = 0.10
LEAST = 0.005  # variance of an item between the patterns; one that tells less apart tells nothing of its points


def item_tables(subject: str, paper: Paper, models: Mapping[str, GDINA]) -> dict[str, pa.Table]:
    """Tables "diagnostic_items" and "q_matrix", by name.

    Args:
        models: by rule, see `engine.diagnosis.attributes.fitted`; the one of the lowest BIC has the items' parameters.
    """
    if not models:
        return {name: tables.empty(name) for name in ("diagnostic_items", "q_matrix")}
    X = paper.right[paper.every(COMPARED)]
    # Where all items are of one point the rules are the same, and only the first was fitted.
    saturated = models.get("GDINA")
    best = min(models, key=lambda rule: models[rule].bic_)
    return {
        "diagnostic_items": _items(subject, paper, best, models[best], saturated, X),
        "q_matrix": _hints(subject, paper, ExpectedAnswers.of(saturated or models[best], X)),
    }


def _items(subject: str, paper: Paper, rule: str, model: GDINA, saturated: GDINA | None, X: np.ndarray) -> pa.Table:
    J = len(paper.items)
    p: dict[str, list[float | None]] = {name: [None] * J for name in RULES}
    if saturated is not None:
        p = {name: [test.p_value for test in wald_tests(saturated, X, name)] for name in RULES}
    kept = [[name for name in RULES if (value := p[name][j]) is not None and value >= LEVEL] for j in range(J)]
    one = paper.q_matrix.sum(axis=1) == 1
    indices = discrimination(model)
    columns = {
        "subject": [subject] * J,
        "item": paper.items,
        "model": [rule] * J,
        "guess": model.guess_,
        "slip": model.slip_,
        "discrimination": indices.difference,
        "gdi": indices.gdi,
        **{f"p_{name.lower()}": p[name] for name in RULES},
        "rule": ["DINA" if one[j] else [*kept[j], "GDINA"][0] for j in range(J)],
    }
    return tables.build("diagnostic_items", columns)


def _hints(subject: str, paper: Paper, answers: ExpectedAnswers) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [] for name in tables.SCHEMAS["q_matrix"].names}
    for j, item in enumerate(paper.items):
        if answers.variance(j, np.arange(len(paper.points))) < LEAST:
            continue
        own = np.flatnonzero(paper.q_matrix[j])
        now = answers.pvaf(j, own)
        found = _fewer(j, own, answers) or (None if now >= ENOUGH else _others(j, own, now, answers))
        if found is None:
            continue
        share, points = found
        here, there = ("、".join(paper.points[k] for k in of) for of in (own, points))
        columns["subject"].append(subject)
        columns["item"].append(item)
        columns["knowledge"].append(here)
        columns["pvaf"].append(now)
        columns["suggested"].append(there)
        columns["suggested_pvaf"].append(share)
        columns["reason"].append(
            f"第 {item} 题标注「{here}」，能解释学生间差异的 {now:.0%}；若标注「{there}」则为 {share:.0%}："
            "请核对双向细目表"
        )
    return tables.build("q_matrix", columns)


def _fewer(item: int, own: np.ndarray, answers: ExpectedAnswers) -> tuple[float, np.ndarray] | None:
    """The best of the sets with one point less, if it is enough."""
    sets = [np.delete(own, place) for place in range(len(own))] if len(own) > 1 else []
    return _best([one for one in sets if answers.pvaf(item, one) >= ENOUGH], item, answers)


def _others(item: int, own: np.ndarray, now: float, answers: ExpectedAnswers) -> tuple[float, np.ndarray] | None:
    """The best of the sets with one point exchanged, or one more, that are clearly better and enough; the smaller ones
    first."""
    rest = np.setdiff1d(np.arange(answers.patterns.shape[1]), own)
    exchanged = [np.sort(np.append(np.delete(own, place), k)) for place in range(len(own)) for k in rest]
    for sets in (exchanged, [np.sort(np.append(own, k)) for k in rest]):
        found = _best([one for one in sets if answers.pvaf(item, one) >= max(ENOUGH, now + CLEAR)], item, answers)
        if found:
            return found
    return None


def _best(sets: list[np.ndarray], item: int, answers: ExpectedAnswers) -> tuple[float, np.ndarray] | None:
    return max(((answers.pvaf(item, one), one) for one in sets), key=lambda found: found[0], default=None)
