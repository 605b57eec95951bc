"""Cognitive diagnosis models against R's CDM, a slow and obvious EM, and what the models promise."""

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from score_sets import read
from sklearn.utils.estimator_checks import parametrize_with_checks

from engine.cdm import DINA, DINO, GDINA, accuracy, discrimination, wald_tests
from engine.cdm.classes import ClassSpace, all_patterns
from engine.cdm.rules import RULES, ItemRule

SETS = {"fraction_subtraction": "qmatrix", "timss07_g4": "qmatrix_domains"}
MODELS = {"dina": DINA, "dino": DINO, "gdina": GDINA}


@cache
def answers(folder: Path, q_matrix: str) -> tuple[np.ndarray, np.ndarray]:
    """X, NaN where blank, and the Q-matrix."""
    items = read(folder / f"{q_matrix}.csv")
    Q = np.array([[int(cell) for name, cell in row.items() if name != "item"] for row in items])
    X = [[float(row[item["item"]] or "nan") for item in items] for row in read(folder / "data.csv")]
    return np.array(X), Q


def code(bits: str) -> int:
    """The number of a pattern written with the first attribute first."""
    return sum(int(bit) << i for i, bit in enumerate(bits))


@pytest.fixture(scope="module", params=[f"{name} {model}" for name in SETS for model in MODELS])
def fitted(request, shared_data):
    """A set's folder, the model's name, the model and its data."""
    name, model = request.param.split()
    folder = shared_data / "psychometrics" / name
    X, Q = answers(folder, SETS[name])
    return folder / "reference", model, MODELS[model](Q).fit(X), X


def test_loglik_and_parameters_are_those_of_cdm(fitted):
    folder, name, model, _ = fitted
    [row] = [row for row in read(folder / "cdm_fit.csv") if row["model"] == name]
    assert model.converged_
    assert model.loglik_ == pytest.approx(float(row["loglik"]), abs=0.05)


def test_items_are_those_of_cdm(fitted):
    folder, name, model, _ = fitted
    if name == "gdina":
        for row in read(folder / "cdm_gdina_itemprobs.csv"):
            found = model.item_probabilities_[int(row["itemno"]) - 1][code(row["skillcomb"][1:])]
            assert found == pytest.approx(float(row["prob"]), abs=0.005), row
    else:
        rows = read(folder / f"cdm_{name}_items.csv")
        np.testing.assert_allclose(model.guess_, [float(row["guess"]) for row in rows], atol=0.005)
        np.testing.assert_allclose(model.slip_, [float(row["slip"]) for row in rows], atol=0.005)


def test_mastery_is_that_of_cdm(fitted):
    folder, name, model, X = fitted
    classes = {code(row["pattern"]): float(row["prob"]) for row in read(folder / f"cdm_{name}_classes.csv")}
    theirs = np.array([classes[i] for i in range(len(classes))])
    np.testing.assert_allclose(model.mastery_, theirs @ model.class_patterns_, atol=0.01)
    rows = read(folder / f"cdm_{name}_persons.csv")
    pupils = [int(row["person"]) - 1 for row in rows]
    eap = [[float(cell) for key, cell in row.items() if key.startswith("post.attr")] for row in rows]
    assert np.abs(model.predict_proba(X[pupils]) - eap).mean() < 0.005


def slow_em(X: np.ndarray, Q: np.ndarray, rule: str, steps: int) -> tuple[float, list[dict], dict]:
    """EM as the papers have it, class by class: log-likelihood, P(right) by item and reduced class, and classes."""
    attributes = Q.shape[1]
    classes = {alpha: 1 / 2**attributes for alpha in product((0, 1), repeat=attributes)}

    def state(j: int, alpha: tuple[int, ...]) -> object:
        own = tuple(alpha[k] for k in range(attributes) if Q[j, k])
        return {"DINA": all(own), "DINO": any(own), "GDINA": own}[rule]

    items: list[dict] = []
    for j in range(len(Q)):
        size = 2 ** Q[j].sum() - 1
        items.append({})
        for alpha in classes:
            s = state(j, alpha)
            share = float(s) if isinstance(s, bool) else (2 ** sum(s) - 1) / size
            items[j][s] = 0.2 + 0.6 * share
    for _ in range(steps + 1):
        loglik = 0.0
        pupils = dict.fromkeys(classes, 0.0)
        right = [dict.fromkeys(item, 0.0) for item in items]
        total = [dict.fromkeys(item, 0.0) for item in items]
        for x in X:
            joint = {}
            for alpha, share in classes.items():
                joint[alpha] = share
                for j in np.flatnonzero(~np.isnan(x)):
                    p = items[j][state(j, alpha)]
                    joint[alpha] *= p if x[j] == 1 else 1 - p
            evidence = sum(joint.values())
            loglik += np.log(evidence)
            for alpha, value in joint.items():
                pupils[alpha] += value / evidence
                for j in np.flatnonzero(~np.isnan(x)):
                    right[j][state(j, alpha)] += x[j] * value / evidence
                    total[j][state(j, alpha)] += value / evidence
        before = loglik, items, classes
        items = [{s: right[j][s] / total[j][s] for s in total[j]} for j in range(len(Q))]
        classes = {alpha: value / len(X) for alpha, value in pupils.items()}
    return before


@pytest.mark.parametrize("model", [DINA, DINO, GDINA])
def test_em_is_the_slow_em(model):
    rng = np.random.default_rng(3)
    Q = np.array([[1, 0], [0, 1], [1, 1], [1, 0], [0, 1], [1, 1]])
    X = made(rng, Q, 40)
    X[rng.random(X.shape) < 0.1] = np.nan
    steps = 5
    loglik, items, classes = slow_em(X, Q, model.__name__, steps)
    with np.errstate(all="raise"):
        found = model(Q, max_iter=steps + 1).fit(X)
    assert not found.converged_ and found.n_iter_ == steps + 1
    assert found.loglik_ == pytest.approx(loglik, abs=1e-9)
    for j, item in enumerate(items):
        assert sorted(found.item_probabilities_[j]) == pytest.approx(sorted(item.values()), abs=1e-9)
    theirs = [classes[tuple(map(int, alpha))] for alpha in found.class_patterns_]
    np.testing.assert_allclose(found.class_probabilities_, theirs, atol=1e-9)


def made(rng: np.random.Generator, Q: np.ndarray, pupils: int, guess: float = 0.15, slip: float = 0.1) -> np.ndarray:
    """Answers by DINA, every attribute mastered with probability 0.6."""
    mastered = rng.random((pupils, Q.shape[1])) < 0.6
    able = mastered.astype(int) @ Q.T == Q.sum(axis=1)
    return (rng.random(able.shape) < np.where(able, 1 - slip, guess)).astype(float)


@pytest.mark.parametrize("rule", RULES)
def test_the_m_step_of_every_rule_is_at_the_maximum(rule):
    rng = np.random.default_rng(5)
    item = ItemRule(rule, np.arange(3))
    total = rng.uniform(5, 20, item.n_states)
    right = total * rng.uniform(0.2, 0.8, item.n_states)
    p = item.start()
    for _ in range(10):
        p = item.maximise(right, total, p)

    def value(q):
        return right @ np.log(q) + (total - right) @ np.log1p(-q)

    scale = {"LLM": lambda q: np.log(q / (1 - q)), "RRUM": np.log}.get(rule, lambda q: q)
    back = {"LLM": lambda v: 1 / (1 + np.exp(-v)), "RRUM": np.exp}.get(rule, lambda v: v)
    directions = item.design.T if item.additive else np.eye(item.n_states)
    for direction in directions:
        for step in (1e-4, -1e-4):
            assert value(back(scale(p) + step * direction)) < value(p) + 1e-9


@pytest.mark.parametrize("rule", RULES)
def test_likelihood_never_falls(rule):
    rng = np.random.default_rng(11)
    Q = np.array([[1, 0], [0, 1], [1, 1], [1, 0], [0, 1], [1, 1]])
    X = made(rng, Q, 60)
    logliks = [GDINA(Q, rule=rule, max_iter=steps).fit(X).loglik_ for steps in (1, 2, 5, 10, 17, 30, 60)]
    assert (np.diff(logliks) > -1e-9).all()


def test_simulated_parameters_are_recovered():
    rng = np.random.default_rng(1)
    Q = np.vstack([np.eye(3, dtype=int)] * 3 + [[[1, 1, 0], [0, 1, 1], [1, 1, 1]]])
    X = made(rng, Q, 20_000, guess=0.2, slip=0.1)
    model = DINA(Q).fit(X)
    np.testing.assert_allclose(model.guess_, 0.2, atol=0.03)
    np.testing.assert_allclose(model.slip_, 0.1, atol=0.02)
    np.testing.assert_allclose(model.mastery_, 0.6, atol=0.02)


def test_saturated_gdina_fits_at_least_as_well_as_the_rules_inside_it():
    rng = np.random.default_rng(2)
    Q = np.vstack([np.eye(2, dtype=int)] * 2 + [[[1, 1]] * 3])
    X = made(rng, Q, 500)
    saturated = GDINA(Q).fit(X)
    for rule in set(RULES) - {"GDINA"}:
        inside = GDINA(Q, rule=rule).fit(X)
        assert inside.loglik_ <= saturated.loglik_ + 1e-3
        assert inside.n_parameters_ <= saturated.n_parameters_


def test_classes_that_items_cannot_tell_apart_share_equally():
    Q = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 0]])  # the third attribute is in no item
    X = made(np.random.default_rng(4), Q, 50)
    model = DINA(Q).fit(X)
    with_third = model.class_patterns_[:, 2] == 1
    np.testing.assert_allclose(model.class_probabilities_[with_third].sum(), 0.5)
    np.testing.assert_allclose(model.predict_proba(X)[:, 2], 0.5)


def test_prerequisites_leave_out_the_patterns_against_them():
    Q = np.vstack([np.eye(3, dtype=int)] * 2)
    model = DINA(Q, prerequisites=[(0, 1), (1, 2)]).fit(made(np.random.default_rng(6), Q, 100))
    assert sorted(map(tuple, model.class_patterns_)) == [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1)]
    assert model.n_parameters_ == 2 * 6 + 3


def test_sixteen_attributes():
    rng = np.random.default_rng(7)
    Q = np.vstack([np.eye(16, dtype=int)] * 2)
    mastered = rng.random((300, 16)) < 0.6
    X = (rng.random((300, 32)) < np.where(np.tile(mastered, 2), 0.9, 0.15)).astype(float)
    model = DINA(Q, max_classes=256, max_iter=40).fit(X)
    assert len(model.class_patterns_) <= 256
    assert ((model.predict_proba(X) > 0.5) == mastered).mean() > 0.8


def test_groups_of_classes_have_the_same_states():
    rules = [ItemRule("DINA", np.array([0, 1])), ItemRule("GDINA", np.array([1, 2]))]
    space = ClassSpace.of(all_patterns(3), rules)
    for item, rule in enumerate(rules):
        np.testing.assert_array_equal(space.states[item][space.group], rule.states(space.patterns))
    assert space.sizes.sum() == 8 and space.n_groups == 6


@settings(max_examples=40, deadline=None)
@given(
    X=arrays(np.float64, st.tuples(st.integers(1, 8), st.just(4)), elements=st.sampled_from([0.0, 1.0, np.nan])),
    Q=arrays(np.int64, (4, 2), elements=st.integers(0, 1)).filter(lambda q: q.any(axis=1).all()),
    rule=st.sampled_from(RULES),
)
def test_degenerate_answers_have_finite_results(X, Q, rule):
    model = GDINA(Q, rule=rule, max_iter=60).fit(X)
    assert np.isfinite(model.loglik_) and np.isfinite(model.bic_)
    for probabilities in model.item_probabilities_:
        assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert model.class_probabilities_.sum() == pytest.approx(1)
    mastery = model.predict_proba(X)
    assert ((mastery >= 0) & (mastery <= 1)).all()
    assert set(np.unique(model.predict(X))) <= {0, 1}


@pytest.mark.parametrize(
    "Q, X, message",
    [
        ([[1, 0]], [[1, 0]], "one row an item"),
        ([[1, 0], [0, 0]], [[1, 0]], "row 1 of q_matrix requires no attribute"),
        ([[1, 0], [0, 2]], [[1, 0]], "q_matrix has 2 in row 1, column 1"),
        ([[1, 0], [0, 1]], [[1, 0.5]], "X has 0.5 in row 0, column 1"),
        ([[1, 0], [0, 1]], [[1, 3]], "X has 3 in row 0, column 1"),
    ],
)
def test_errors_say_where(Q, X, message):
    with pytest.raises(ValueError, match=message):
        DINA(Q).fit(np.array(X, dtype=float))


@parametrize_with_checks(
    [DINA(), DINO(), GDINA()],
    expected_failed_checks=lambda _: {
        name: "makes up data other than 0 and 1"
        for name in (
            "check_complex_data check_dict_unchanged check_dtype_object check_estimators_dtypes "
            "check_estimators_fit_returns_self check_estimators_nan_inf check_estimators_overwrite_params "
            "check_estimators_pickle check_f_contiguous_array_estimator check_fit2d_1feature check_fit2d_1sample "
            "check_fit2d_predict1d check_fit_check_is_fitted check_fit_idempotent check_fit_score_takes_y "
            "check_methods_sample_order_invariance check_methods_subset_invariance check_n_features_in "
            "check_n_features_in_after_fitting check_pipeline_consistency check_positive_only_tag_during_fit "
            "check_readonly_memmap_input check_dont_overwrite_parameters check_dataframe_column_names_consistency"
        ).split()
    },
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_discrimination_accuracy_and_wald():
    rng = np.random.default_rng(8)
    Q = np.vstack([np.eye(2, dtype=int)] * 3 + [[[1, 1]] * 2])
    X = made(rng, Q, 3000)
    model = GDINA(Q).fit(X)
    indices = discrimination(model)
    np.testing.assert_allclose(indices.difference, 0.75, atol=0.08)
    p, share = model.item_probabilities_[6], model.class_probabilities_
    np.testing.assert_allclose(indices.gdi[6], share @ p**2 - (share @ p) ** 2)  # states are the classes here
    told = accuracy(model, X)
    expected = np.abs(model.predict_proba(X) - 0.5).mean(axis=0) + 0.5
    np.testing.assert_allclose(told.attribute_accuracy, expected)
    assert (told.attribute_consistency <= told.attribute_accuracy).all()
    assert told.pattern_accuracy <= told.attribute_accuracy.min()
    dina, additive = wald_tests(model, X, "DINA"), wald_tests(model, X, "ACDM")
    assert dina[0].statistic is None and dina[0].df == 0
    assert [test.df for test in dina[6:]] == [2, 2] and [test.df for test in additive[6:]] == [1, 1]
    assert all(test.p_value > 0.001 for test in dina[6:])  # the answers were made by DINA
    assert all(test.p_value < 1e-6 for test in additive[6:])
