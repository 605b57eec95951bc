"""Items as cognitive diagnosis sees them: rules that would do, and hints on a Q-matrix that is wrong in places."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
from made_scores import make_roster, make_scores, make_subject

from engine.cdm import GDINA
from engine.cdm.validation import ExpectedAnswers
from engine.diagnosis import mastery, pupil_profiles
from engine.exam import DiagnosisRule

K, N, WRONG = 4, 800, (5, 14)
RULE = DiagnosisRule()


def q_matrix() -> np.ndarray:
    pairs = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1], [1, 1, 1, 0], [0, 1, 0, 1]]
    return np.vstack([np.eye(K, dtype=int)] * 3 + [pairs])


def answers() -> np.ndarray:
    """By DINA; an attribute is likelier with another."""
    rng = np.random.default_rng(9)
    able = (rng.normal(size=(N, K)) + rng.normal(size=(N, 1)) > 0).astype(int)
    right = able @ q_matrix().T == q_matrix().sum(axis=1)
    return (rng.random(right.shape) < np.where(right, 0.85, 0.2)).astype(int)


@cache
def made(wrong: bool) -> dict[str, pa.Table]:
    Q = q_matrix()
    if wrong:
        Q[WRONG[0]] = [0, 0, 0, 1]  # instead of the second point
        Q[WRONG[1]] = [1, 0, 1, 1]  # the first is too much
    subject = make_subject([(1, tuple((f"点{k}", 1 / q.sum()) for k in np.flatnonzero(q))) for q in Q])
    scores, roster = make_scores(subject, answers()), make_roster(N)
    return pupil_profiles(subject, scores, roster, mastery(subject, scores, roster, RULE), RULE)


def test_a_right_q_matrix_has_no_hints() -> None:
    assert not len(made(False)["q_matrix"])


def test_points_that_are_wrong_are_told_with_those_that_fit() -> None:
    found = {row["item"]: row for row in made(True)["q_matrix"].to_pylist()}
    assert {item: row["suggested"] for item, row in found.items()} == {"6": "点1", "15": "点2、点3"}
    assert found["6"]["pvaf"] < 0.5 < 0.9 <= found["6"]["suggested_pvaf"]
    assert "点1" in found["6"]["reason"]


def test_rules_that_answers_were_made_by_are_kept() -> None:
    rows = made(False)["diagnostic_items"].to_pylist()
    assert sum(row["rule"] == "DINA" for row in rows) >= 17
    assert all(row["p_dina"] is None for row in rows[:12]) and all(row["p_acdm"] < 0.01 for row in rows[12:])
    np.testing.assert_allclose([row["discrimination"] for row in rows], 0.65, atol=0.15)
    assert all(row["gdi"] > 0.04 for row in rows)


def test_pvaf_is_the_share_of_the_variance() -> None:
    Q = q_matrix()
    X = answers().astype(float)
    model = GDINA(Q, tol=1e-4).fit(X)
    found = ExpectedAnswers.of(model, X)
    post = model.posterior_means(X, np.eye(2**K))
    item = 13  # the second and the third point
    p = np.array([post[:, c] @ X[:, item] / post[:, c].sum() for c in range(2**K)])
    size = post.mean(axis=0)
    whole = size @ (p - size @ p) ** 2
    cells = [np.flatnonzero((model.class_patterns_[:, [1, 2]] == state).all(axis=1)) for state in np.ndindex(2, 2)]
    part = sum(size[c].sum() * (size[c] @ p[c] / size[c].sum() - size @ p) ** 2 for c in cells)
    assert np.isclose(found.pvaf(item, np.array([1, 2])), part / whole)
    assert found.pvaf(item, np.arange(K)) == 1 and found.pvaf(item, np.array([0])) < 0.5
