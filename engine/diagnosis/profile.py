"""Each pupil's mastery of each knowledge point by a model, and his weak points.

**Model.** Cognitive diagnosis (DINA, ACDM, G-DINA; engine/diagnosis/attributes.py) says who masters a point; the item
response model of engine/diagnosis/traced.py ("tracing") how likely he is to answer its items. Both are compared on the
same right and wrong answers of the same pupils, and the one with the lowest BIC (Schwarz 1978) makes the profiles. With
earlier exams it is always tracing, which alone knows a pupil's history. Below FEWEST pupils there are no profiles.

**Rate.** `rate` is the rate that the model expects of the pupil on the paper's items of the point: noise of single
items is smoothed away by his other answers, by what others find hard, and by his class. It is normal on the logit scale
with the model's standard error e: logit r ± z e / (r (1 - r)) is the interval (`confidence`).

**Mastery.** `probability` is the posterior probability of the attribute (cognitive diagnosis), or that the true rate is
at least `mastered` (tracing).

**Weak** is a point of which enough is known (`min_items` answers, in all exams) and whose true rate lies `min_gap` or
more below the reference with a probability (`below`) of at least `sure`. So of the weak points told to pupils a share
of `sure` or more are real. The table "mastery" takes them over for its pupils: raw rates call a point weak for one
unlucky item. With 8 points of 3 right/wrong items (simulation, tests/engine/test_profile.py) 91 % of the weak points
told are real (80 % by raw rates), 61 % of those 0.25 or more too low are found (49 %), and 4 % of those told are not
below the reference at all (11 %); rates err by 0.14 instead of 0.24 (root mean square).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit, logit, ndtr

from engine import tables
from engine.cdm import GDINA, accuracy
from engine.diagnosis import attributes
from engine.diagnosis.earlier import Earlier
from engine.diagnosis.matrices import Profiles
from engine.diagnosis.paper import Estimates, Paper
from engine.diagnosis.qmatrix import item_tables
from engine.diagnosis.rates import EVIDENCE, TOLERANCE
from engine.diagnosis.traced import Traced, trace
from engine.exam import DiagnosisRule, Subject
from engine.knowledge import knowledge_points

FEWEST = 30  # pupils
TRACING = "tracing"
EDGE = 1e-3  # a rate nearer to 0 or 1 counts as this
NAMES = ("profiles", "models", "attributes", "diagnostic_items", "q_matrix")


def pupil_profiles(
    subject: Subject,
    scores: pa.Table,
    roster: pa.Table,
    mastery: pa.Table,
    rule: DiagnosisRule,
    *,
    day: int = 0,
    earlier: Sequence[Earlier] = (),
) -> dict[str, pa.Table]:
    """Profiles of the pupils who count in statistics, and the models that make them.

    Args:
        scores, roster: as for `engine.diagnosis.mastery`.
        mastery: the subject's table "mastery".
        day: of the exam, as a number of days.
        earlier: the earlier exams that the profiles are to rest on, too.

    Returns:
        The tables NAMES, by name. Profiles are in the order of "mastery", one for each pupil and point of which
        anything was presented.

    Raises:
        InputError: a scored pupil is not in the roster.
    """
    paper = Paper.of(subject, scores, roster)
    if len(paper.student_id) < FEWEST or np.isnan(paper.right).all():
        return {name: tables.empty(name) for name in NAMES}
    traced = trace(paper, day, earlier)
    reason = attributes.obstacle(paper)
    rivals = {} if reason else attributes.fitted(paper, subject)
    models = [_of_tracing(paper, traced, reason, 1 + len(earlier))]
    models += [_of_attributes(paper, name, rival, len(earlier)) for name, rival in rivals.items()]
    best = TRACING if earlier else min(models, key=lambda row: row["bic"])["model"]
    found = traced.estimates if best == TRACING else attributes.estimates(paper, rivals[best])
    profiles, mastered = _profiles(subject, paper, found, mastery, best, rule)
    right = np.maximum(mastered, 1 - mastered)
    for row in models:
        row |= {"subject": subject.code, "chosen": row["model"] == best, "attributes": len(paper.points)}
        if row["model"] == best == TRACING:
            row["attribute_accuracy"] = _mean(right)
    about_points = {
        "subject": [subject.code] * len(paper.points),
        "knowledge": paper.points,
        "model": [best] * len(paper.points),
        "items": paper.q_matrix.sum(axis=0),
        "mastered": [_mean(column) for column in mastered.T],
        "accuracy": [_mean(column) for column in right.T],
        "consistency": [_mean(column) for column in (mastered**2 + (1 - mastered) ** 2).T],
    }
    return {
        "profiles": profiles,
        "models": pa.Table.from_pylist(models, tables.SCHEMAS["models"]),
        "attributes": tables.build("attributes", about_points),
        **item_tables(subject.code, paper, rivals),
    }


def _of_tracing(paper: Paper, traced: Traced, reason: str, exams: int) -> dict[str, Any]:
    """Its row of "models". Of several exams the likelihood is that of all answers."""
    model = traced.model
    compared = np.intersect1d(paper.every(attributes.COMPARED), model.students_.to_numpy())
    loglik, parameters = model.loglik(compared), model.n_parameters_
    return {
        "model": TRACING,
        "exams": exams,
        "n": len(compared),
        "parameters": parameters,
        "loglik": loglik,
        "aic": 2 * parameters - 2 * loglik,
        "bic": float(np.log(len(compared))) * parameters - 2 * loglik,
        "note": f"未用认知诊断模型：{reason}" if reason else "",
    }


def _of_attributes(paper: Paper, name: str, model: GDINA, earlier: int) -> dict[str, Any]:
    told = accuracy(model, paper.right[paper.every(attributes.COMPARED)])
    return {
        "model": name,
        "exams": 1,
        "n": model.n_students_,
        "parameters": model.n_parameters_,
        "loglik": model.loglik_,
        "aic": model.aic_,
        "bic": model.bic_,
        "pattern_accuracy": told.pattern_accuracy,
        "attribute_accuracy": float(told.attribute_accuracy.mean()),
        "note": "只看本次考试；有历次考试时不用" if earlier else "",
    }


def _profiles(
    subject: Subject, paper: Paper, found: Estimates, mastery: pa.Table, model: str, rule: DiagnosisRule
) -> tuple[pa.Table, np.ndarray]:
    """Table "profiles", and the probabilities of mastery (n, K), NaN where nothing was presented."""
    raw = Profiles.of(subject, mastery)
    row = pc.index_in(pa.array(paper.student_id, pa.string()), pa.array(raw.student_id, pa.string())).to_numpy()
    asked = [knowledge_points(subject).index(name) for name in paper.points]
    reference, at_stake = (values[np.ix_(row, asked)] for values in (raw.reference, raw.at_stake))
    z = NormalDist().inv_cdf((1 + rule.confidence) / 2)
    rate = found.rate.clip(EDGE, 1 - EDGE)
    middle, error = logit(rate), np.maximum(found.error / (rate * (1 - rate)), EDGE)
    below = ndtr((logit((reference - rule.min_gap).clip(EDGE, 1 - EDGE)) - middle) / error)
    mastered = found.mastered if found.mastered is not None else ndtr((middle - logit(rule.mastered)) / error)
    few_points = (at_stake < rule.min_points - TOLERANCE) & (found.exams == 1)[:, None]
    evidence = np.select([found.answers < rule.min_items, few_points], [1, 2], default=0)
    i, k = np.nonzero(np.isfinite(found.rate) & np.isfinite(reference))
    columns = {
        "subject": pa.repeat(subject.code, len(i)),
        "student_id": pa.array(paper.student_id, pa.string()).take(i),
        "knowledge": pa.array(paper.points, pa.string()).take(k),
        "answers": found.answers[i, k],
        "exams": found.exams[i],
        "rate": found.rate[i, k],
        "lower": expit(middle - z * error)[i, k],
        "upper": expit(middle + z * error)[i, k],
        "reference": reference[i, k],
        "gap": (found.rate - reference)[i, k],
        "probability": mastered[i, k],
        "below": below[i, k],
        "weak": ((evidence == 0) & (below >= rule.sure))[i, k],
        "model": pa.repeat(model, len(i)),
        "evidence": pa.array(EVIDENCE).take(evidence[i, k]),
    }
    return tables.build("profiles", columns), np.where(np.isfinite(found.rate), mastered, np.nan)


def _mean(values: np.ndarray) -> float | None:
    """Of what is known; None if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def with_profiles(mastery: pa.Table, profiles: pa.Table) -> pa.Table:
    """The table "mastery" of a subject with the weak points of pupils, and their evidence, as their profiles say."""
    pupils = pc.equal(mastery["level"], "pupil")
    unit, point = (pc.unique(mastery[name].filter(pupils)) for name in ("unit", "knowledge"))

    def number(students: pa.ChunkedArray, points: pa.ChunkedArray) -> np.ndarray:
        i, k = (pc.index_in(column, value_set=known) for column, known in ((students, unit), (points, point)))
        return pc.add(pc.multiply(i.cast(pa.int64()), len(point)), k.cast(pa.int64())).to_numpy()

    place = np.full(len(unit) * len(point), -1)
    place[number(profiles["student_id"], profiles["knowledge"])] = np.arange(len(profiles))
    rows = np.flatnonzero(pupils.to_numpy())
    place = place[number(mastery["unit"].filter(pupils), mastery["knowledge"].filter(pupils))]
    for name in ("weak", "evidence"):
        values = mastery[name].to_numpy().copy()
        values[rows[place >= 0]] = profiles[name].to_numpy()[place[place >= 0]]
        column = mastery.schema.get_field_index(name)
        mastery = mastery.set_column(
            column, mastery.schema.field(name), pa.array(values, mastery.schema.field(name).type)
        )
    return mastery
