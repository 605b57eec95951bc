"""Mastery by cognitive diagnosis models, where a paper has few enough knowledge points for them.

DINA, ACDM and the saturated G-DINA (engine.cdm) are fitted to the right and wrong answers of at most COMPARED pupils,
evenly spread. With up to MOST_PAIRED points all patterns of mastery are classes, with log-linear probabilities (main
effects and pairs); with up to MOST_POINTS the MOST_CLASSES likeliest patterns, from which those against the
prerequisites of knowledge.csv are left out, with independent points. Beyond that, and below FEWEST pupils, none is
fitted.
"""

from __future__ import annotations

import numpy as np

from engine.cdm import GDINA
from engine.cdm.rules import MOST_ATTRIBUTES, Rule
from engine.diagnosis.paper import Estimates, Paper
from engine.exam import Subject
from engine.knowledge import per_point, ratio

RULES: tuple[Rule, ...] = ("DINA", "ACDM", "GDINA")
MOST_POINTS = 20
MOST_PAIRED = 8
MOST_CLASSES = 128
COMPARED = 1000  # pupils
FEWEST = 100
TOL, MOST_STEPS = 1e-4, 200


def obstacle(paper: Paper) -> str:
    """Why no cognitive diagnosis model is fitted to the paper, in Chinese; "" if there is no reason."""
    if len(paper.student_id) < FEWEST:
        return f"有成绩的学生 {len(paper.student_id)} 人，少于 {FEWEST} 人"
    if len(paper.points) > MOST_POINTS:
        return f"知识点 {len(paper.points)} 个，多于 {MOST_POINTS} 个"
    if len(paper.points) < 2:
        return "知识点不足 2 个"
    if paper.q_matrix.sum(axis=1).max() > MOST_ATTRIBUTES:
        return f"有题目涉及的知识点多于 {MOST_ATTRIBUTES} 个"
    return ""


def fitted(paper: Paper, subject: Subject) -> dict[str, GDINA]:
    """The models by rule, in the order of RULES; rules that are the same for this paper are fitted once."""
    Q = paper.q_matrix
    X = paper.right[paper.every(COMPARED)]
    few = len(paper.points) <= MOST_PAIRED
    place = {name: k for k, name in enumerate(paper.points)}
    order = [
        (place[before], place[name])
        for name in paper.points
        if name in subject.curriculum
        for before in subject.curriculum.prerequisites(name)
        if before in place
    ]
    rules = RULES if (Q.sum(axis=1) > 1).any() else RULES[:1]
    return {
        rule: GDINA(
            Q.astype(int),
            rule=rule,
            class_model="loglinear" if few else "independent",
            prerequisites=() if few else order,
            max_classes=MOST_CLASSES,
            tol=TOL,
            max_iter=MOST_STEPS,
        ).fit(X)
        for rule in rules
    }


def estimates(paper: Paper, model: GDINA) -> Estimates:
    """What the model makes of all pupils of the paper."""
    X, weight, patterns = paper.right, paper.at_stake, model.class_patterns_
    chance = np.column_stack(
        [p[rule.states(patterns)] for p, rule in zip(model.item_probabilities_, model.rules_, strict=True)]
    )
    by_class = ratio(per_point(chance, weight), weight.sum(axis=0))
    J, K = weight.shape
    means = model.posterior_means(X, np.hstack([patterns, chance, by_class, by_class**2]))
    mastered, right, mean, square = np.split(means, [K, K + J, 2 * K + J], axis=1)
    presented = (~np.isnan(X)).astype(float)
    return Estimates(
        ratio(per_point(presented * right, weight), per_point(presented, weight)),
        np.sqrt(np.maximum(square - mean**2, 0)),
        mastered.clip(0, 1),
        per_point(presented, (weight > 0).astype(float)).astype(np.int64),
        np.ones(len(X), np.int64),
    )
