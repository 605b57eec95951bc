"""How good items and classifications of a fitted model are, and whether an item could do with a simpler rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from engine.cdm.models import CognitiveDiagnosis
from engine.cdm.rules import ItemRule


@dataclass(frozen=True)
class Discrimination:
    """Indices of items.

    Attributes:
        difference: (n_items,) P(right | all attributes required) - P(right | none).
        gdi: (n_items,) variance of P(right) over the classes (de la Torre & Chiu 2016).
    """

    difference: np.ndarray
    gdi: np.ndarray


def discrimination(model: CognitiveDiagnosis) -> Discrimination:
    """Discrimination of a fitted model's items."""
    share = model.class_probabilities_
    gdi = []
    for rule, p in zip(model.rules_, model.item_probabilities_, strict=True):
        by_class = p[rule.states(model.class_patterns_)]
        gdi.append(share @ (by_class - share @ by_class) ** 2)
    return Discrimination(1 - model.slip_ - model.guess_, np.array(gdi))


@dataclass(frozen=True)
class Accuracy:
    """Of classification.

    Attributes:
        attribute_accuracy: (n_attributes,) expected share of pupils whose mastery is told right (Wang, Song, Chen,
            Meng & Ding 2015).
        attribute_consistency: (n_attributes,) expected share told the same by a parallel test.
        pattern_accuracy: expected share of pupils whose whole pattern (MAP) is right (Iaconangelo 2017).
    """

    attribute_accuracy: np.ndarray
    attribute_consistency: np.ndarray
    pattern_accuracy: float


def accuracy(model: CognitiveDiagnosis, X: np.ndarray) -> Accuracy:
    """Classification accuracy over pupils X (n_students, n_items), from their posterior probabilities."""
    mastery = model.predict_proba(X)
    return Accuracy(
        np.maximum(mastery, 1 - mastery).mean(axis=0),
        (mastery**2 + (1 - mastery) ** 2).mean(axis=0),
        float(model.pattern_probability(X).mean()),
    )


@dataclass(frozen=True)
class Wald:
    """Test of a rule for one item: `statistic` is χ² with `df` degrees of freedom if the rule holds; None where the
    item has one attribute only, or its information is singular (a reduced class without pupils)."""

    item: int
    rule: str
    statistic: float | None
    df: int
    p_value: float | None


def wald_tests(model: CognitiveDiagnosis, X: np.ndarray, rule: str) -> list[Wald]:
    """Whether DINA, DINO or ACDM fits an item as well as the saturated G-DINA (de la Torre & Lee 2013).

    The information is the sum of products of pupils' scores over the item's own probabilities, as in that paper.

    Args:
        model: fitted with the saturated rule.
        X: (n_students, n_items) what it was fitted to.
        rule: "DINA", "DINO" or "ACDM".

    Raises:
        ValueError: another rule, or a model that is not saturated.
    """
    if rule not in ("DINA", "DINO", "ACDM"):
        raise ValueError(f"rule is {rule!r}: 'DINA', 'DINO' or 'ACDM' is needed")
    if any(item.rule != "GDINA" for item in model.rules_):
        raise ValueError("the model must be GDINA with rule='GDINA' for every item")
    results = []
    for j, item in enumerate(model.rules_):
        restrictions = _restrictions(item, rule)
        df = len(restrictions)
        statistic = None if df == 0 else _statistic(model, X, j, restrictions)
        p_value = None if statistic is None else float(chi2.sf(statistic, df))
        results.append(Wald(j, rule, statistic, df, p_value))
    return results


def _restrictions(item: ItemRule, rule: str) -> np.ndarray:
    """(df, states) contrasts of P(right) that are 0 under the rule: the complement of what the rule allows."""
    states = item.reduced_classes
    if len(item.attributes) == 1:
        return np.empty((0, 2))
    if rule == "ACDM":
        allowed = np.column_stack([np.ones(len(states)), states])
    else:
        able = states.all(axis=1) if rule == "DINA" else states.any(axis=1)
        allowed = np.column_stack([~able, able])
    left = np.linalg.svd(allowed.astype(float))[0]
    return left[:, np.linalg.matrix_rank(allowed.astype(float)) :].T


def _statistic(model: CognitiveDiagnosis, X: np.ndarray, j: int, restrictions: np.ndarray) -> float | None:
    p = model.item_probabilities_[j]
    if p.min() <= _EDGE or p.max() >= 1 - _EDGE:
        return None
    answered = np.asarray(X)[:, j] >= 0
    answers = np.asarray(X, dtype=float)[answered, j]
    scores = model.state_probabilities(np.asarray(X)[answered], j) * (answers[:, None] - p) / (p * (1 - p))
    information = scores.T @ scores
    if np.linalg.cond(information) > _SINGULAR:
        return None
    spread = restrictions @ np.linalg.inv(information) @ restrictions.T
    contrast = restrictions @ p
    return float(contrast @ np.linalg.solve(spread, contrast))


_EDGE = 1e-6  # an estimate nearer to 0 or 1 has no standard error
_SINGULAR = 1e12
