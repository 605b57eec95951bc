"""Reliability against psych on every reference set, against plain NumPy, and where nothing is defined."""

import math
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_sets import SETS, points, reference, scores_of, with_nan

from engine.crossproducts import CrossProducts, standardized
from engine.factor import general_factor, minres, squared_multiple_correlations, turned
from engine.itemtotal import item_total_statistics
from engine.reliability import guttman_lambdas, omega, reliability_coefficients, stratified_alpha
from engine.splithalf import best_split, split_half

# The rows of ctt_test.csv; "guttman_lambda.*" is taken from the pairwise correlations.
STATISTICS = {
    "n_persons": "n",
    "n_items": "items",
    "mean_total": "mean",
    "sd_total_n_minus_1": "sd",
    "alpha": "alpha",
    "alpha_standardized": "alpha_standardized",
    "alpha_ase": "alpha_se",
    "lambda6_smc": "lambda6",
    "mean_inter_item_r": "mean_r",
    "median_inter_item_r": "median_r",
    "SEM": "sem",
    "KR20_population_variance": "kr20",
    "KR20_pq_over_sample_variance": "kr20_mixed",
    "KR21": "kr21",
    "lambda2": "lambda2 of splitHalf",
    "omega_total_nf1": "omega_total",
    "omega_h_nf1": "omega_hierarchical",
}
# Of three factors psych stops a few digits earlier: where there are fewer than two items for each, or a factor has all
# of the general one (math1_logs, a Heywood case), not all printed digits are to be had.
THREE_FACTORS = {"omega_total_nf3": 0, "omega_h_nf3": 1}
DIGITS_OF_THREE = {"lsat": 2e-3, "math1_logs": 2e-4}


@pytest.mark.parametrize("name", SETS)
def test_coefficients_as_in_psych(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    scores, _ = scores_of(folder)
    found = vars(reliability_coefficients(scores))
    products = CrossProducts.of(scores)
    lambdas = vars(guttman_lambdas(products.correlation()))
    found["lambda2 of splitHalf"] = guttman_lambdas(turned(standardized(products.covariance()))).lambda2
    for row in reference(folder, "ctt_test"):
        statistic, expected = row["statistic"], float(row["value"])
        if statistic in THREE_FACTORS:
            value = omega(products.correlation(), 3)[THREE_FACTORS[statistic]]
            assert value == pytest.approx(expected, rel=0, abs=DIGITS_OF_THREE.get(name, 5e-6))
            continue
        if statistic.startswith("guttman_"):
            value = lambdas[statistic.removeprefix("guttman_").replace(".", "")]
        else:
            value = found[STATISTICS[statistic]]
        assert value == pytest.approx(expected, rel=0, abs=1e-6), statistic


@pytest.mark.parametrize("name", SETS)
def test_items_as_in_psych(shared_data: Path, name: str) -> None:
    folder = shared_data / "psychometrics" / name
    scores, names = scores_of(folder)
    expected = reference(folder, "ctt_items")
    for row, other in zip(item_total_statistics(scores, names).to_pylist(), expected, strict=True):
        assert row.pop("item") == other.pop("item")
        assert set(row) == set(other)
        for column, value in row.items():
            assert value == pytest.approx(float(other[column]), rel=0, abs=1e-8), column


@pytest.mark.parametrize("name", ["sat12", "science"])
def test_cross_products_give_what_the_matrix_gives(shared_data: Path, name: str) -> None:
    scores, _ = scores_of(shared_data / "psychometrics" / name)
    products = CrossProducts.of(scores[:100]) + CrossProducts.of(scores[100:])
    assert reliability_coefficients(products) == reliability_coefficients(scores)
    both = item_total_statistics(products).to_pylist(), item_total_statistics(scores).to_pylist()
    for row, other in zip(*both, strict=True):
        assert row.pop("item") == other.pop("item")
        assert row == pytest.approx(other, rel=1e-12)


def made_scores(persons: int = 200, items: int = 8, seed: int = 4) -> np.ndarray:
    random = np.random.default_rng(seed)
    ability = random.normal(size=(persons, 1))
    return (ability + random.normal(size=(persons, items)) + np.linspace(-1, 1, items) > 0).astype(float)


def test_half_points_change_nothing_but_the_scale() -> None:
    scores = made_scores() * np.arange(1, 9)
    whole, halves = reliability_coefficients(scores), reliability_coefficients(scores / 2, step=0.5)
    assert halves.mean == whole.mean / 2
    assert halves.sem == pytest.approx(whole.sem / 2)
    for name in ("alpha", "alpha_se", "lambda2", "lambda4", "omega_total"):
        assert vars(halves)[name] == pytest.approx(vars(whole)[name], rel=1e-12)


def test_kuder_richardson() -> None:
    scores = made_scores()
    found = reliability_coefficients(scores)
    k, p, total = scores.shape[1], scores.mean(axis=0), scores.sum(axis=1)
    for value, ddof, error in [
        (found.kr20, 0, (p * (1 - p)).sum()),
        (found.kr20_mixed, 1, (p * (1 - p)).sum()),
        (found.kr21, 0, total.mean() * (k - total.mean()) / k),
        (found.kr21_mixed, 1, total.mean() * (k - total.mean()) / k),
    ]:
        assert value == pytest.approx(k / (k - 1) * (1 - error / total.var(ddof=ddof)), rel=1e-12)
    assert found.kr20 == pytest.approx(found.alpha, rel=1e-12)
    scores[0, 0] = 2
    assert reliability_coefficients(scores).kr20 is None
    scores[0, 0] = np.nan
    assert reliability_coefficients(scores).kr20 is None


def test_stratified_alpha() -> None:
    scores = made_scores()
    strata = list("aabbbccd")
    total = scores.sum(axis=1).var(ddof=1)
    error = 0.0
    for name in "abcd":
        part = scores[:, [s == name for s in strata]]
        k = part.shape[1]
        variance = part.sum(axis=1).var(ddof=1)
        alpha = k / (k - 1) * (1 - part.var(axis=0, ddof=1).sum() / variance) if k > 1 else 0
        error += variance * (1 - alpha)
    assert stratified_alpha(scores, strata) == pytest.approx(1 - error / total, rel=1e-12)
    assert stratified_alpha(scores, ["one"] * 8) == pytest.approx(reliability_coefficients(scores).alpha, rel=1e-12)
    assert stratified_alpha(scores, range(8)) == pytest.approx(reliability_coefficients(scores).lambda1, abs=0.1)
    with pytest.raises(ValueError, match="2 strata for 8 items"):
        stratified_alpha(scores, "ab")


def test_split_halves() -> None:
    scores = made_scores(items=7)
    covariance = CrossProducts.of(scores).covariance()
    coefficients = reliability_coefficients(scores)
    for halves, first, stepped_up in (
        ("odd-even", [0, 2, 4, 6], coefficients.odd_even),
        ("first-second", [0, 1, 2, 3], coefficients.first_second),
    ):
        found = split_half(covariance, halves)
        a = scores[:, first].sum(axis=1)
        b = scores.sum(axis=1) - a
        r = np.corrcoef(a, b)[0, 1]
        assert np.flatnonzero(found.first).tolist() == first
        assert found.correlation == pytest.approx(r, rel=1e-12)
        assert found.spearman_brown == stepped_up == pytest.approx(2 * r / (1 + r), rel=1e-12)
        # Rulon: 1 - var(difference) / var(total)
        rulon = 1 - (a - b).var() / (a + b).var()
        assert found.guttman == pytest.approx(rulon, rel=1e-12)
    with pytest.raises(ValueError, match="first-second"):
        split_half(covariance, "thirds")
    with pytest.raises(ValueError, match="each of the 7 items"):
        split_half(covariance, [True, False])


@pytest.mark.parametrize("items", [2, 3, 6, 7, 18, 19])
def test_best_split(items: int) -> None:
    """All splits are tried of few items; of more, none that is one exchange away is better."""
    matrix = standardized(CrossProducts.of(made_scores(items=items, seed=items)).covariance())
    best = best_split(matrix)
    assert best.first.sum() == items // 2
    if items <= 7:
        others = [np.isin(np.arange(items), half) for half in combinations(range(items), items // 2)]
    else:
        others = []
        for i in np.flatnonzero(best.first):
            for j in np.flatnonzero(~best.first):
                others.append(best.first.copy())
                others[-1][[i, j]] = False, True
    every = [split_half(matrix, other).guttman for other in others]
    assert best.guttman >= max(every) - 1e-12
    if items in (2, 6):  # the mean of all splits into equal halves is alpha (Cronbach 1951)
        assert np.mean(every) == pytest.approx(guttman_lambdas(matrix).lambda3, rel=1e-12)


def test_exchange_finds_the_best_of_all_splits() -> None:
    """Of 12 items exchanging finds what trying all finds."""
    from engine import splithalf

    found = 0
    for seed in range(10):
        matrix = CrossProducts.of(made_scores(items=12, seed=seed)).covariance()
        every = best_split(matrix).guttman
        between = matrix - np.diag(np.diagonal(matrix))
        climbed = [split_half(matrix, splithalf._exchange(s, between) < 0) for s in splithalf._starts(matrix)]
        best = max(split.guttman for split in climbed)
        assert best <= every + 1e-12
        found += best >= every - 1e-12
    assert found >= 9


def test_minres_finds_the_factors_of_their_correlations() -> None:
    loadings = np.array([[0.9, 0.1], [0.8, 0.0], [0.7, -0.2], [0.5, 0.6], [0.4, 0.7], [0.3, 0.5], [0.6, 0.4]])
    correlation = loadings @ loadings.T
    np.fill_diagonal(correlation, 1)
    found = minres(correlation, 2)
    assert found @ found.T == pytest.approx(loadings @ loadings.T, abs=1e-6)
    one = np.outer(loadings[:, 0], loadings[:, 0])
    np.fill_diagonal(one, 1)
    assert minres(one)[:, 0] == pytest.approx(loadings[:, 0], abs=1e-6)
    total, hierarchical = omega(one)
    assert total == pytest.approx(loadings[:, 0].sum() ** 2 / one.sum(), abs=1e-6)
    assert hierarchical == pytest.approx(total, abs=1e-6)


def test_a_general_factor_above_three_is_found() -> None:
    """Three groups of items, a general factor and one of each group: Schmid-Leiman finds what was put in."""
    general = np.repeat([0.7, 0.6, 0.5], 4)
    group = np.kron(np.eye(3), np.full((4, 1), 0.5)) * np.linspace(0.8, 1, 3)
    # Proportional loadings within a group, as the model of second order has it.
    correlation = np.outer(general, general) + group @ group.T
    np.fill_diagonal(correlation, 1)
    found, communalities = general_factor(correlation, 3)
    assert found == pytest.approx(general, abs=1e-4)
    assert communalities == pytest.approx(general**2 + (group**2).sum(axis=1), abs=1e-6)
    total, hierarchical = omega(correlation, 3)
    assert hierarchical == pytest.approx(general.sum() ** 2 / correlation.sum(), abs=1e-4)
    assert total > hierarchical
    for factors in (0, 2):
        with pytest.raises(ValueError, match="must be 1, or at least 3"):
            omega(correlation, factors)
    assert omega(correlation[:3, :3], 4) == (None, None)


def test_omega_turns_items_that_load_negatively() -> None:
    matrix = CrossProducts.of(made_scores()).correlation()
    opposite = matrix * np.outer([1] * 7 + [-1], [1] * 7 + [-1])
    assert omega(opposite) == pytest.approx(omega(matrix), abs=1e-8)
    assert turned(opposite) == pytest.approx(matrix)
    assert guttman_lambdas(turned(opposite)).lambda2 > guttman_lambdas(opposite).lambda2


def test_squared_multiple_correlations_are_those_of_regressions() -> None:
    scores = made_scores()
    for j, found in enumerate(squared_multiple_correlations(np.corrcoef(scores.T))):
        others = np.column_stack([np.ones(len(scores)), np.delete(scores, j, axis=1)])
        residual = scores[:, j] - others @ np.linalg.lstsq(others, scores[:, j])[0]
        assert found == pytest.approx(1 - residual.var() / scores[:, j].var(), rel=1e-9)


@settings(deadline=None)
@given(points(largest=2), st.integers(0, 4))
def test_no_nan_and_no_warning_whatever_the_scores(points: np.ndarray, constant: int) -> None:
    scores = with_nan(points)
    if constant < scores.shape[1]:
        scores[:, constant] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = reliability_coefficients(scores)
        items = item_total_statistics(scores)
        stratified = stratified_alpha(scores, ["a", "b", "a", "c", "b"][: scores.shape[1]])
        halves = vars(split_half(CrossProducts.of(scores).covariance()))
    values = [*vars(found).values(), stratified, *list(halves.values())[1:]]
    values += [value for row in items.to_pylist() for value in row.values() if not isinstance(value, str)]
    assert all(value is None or math.isfinite(value) for value in values)
    if len(scores) < 2 or np.nansum(scores, axis=1).std() == 0:
        assert found.sd in (None, 0.0)
    if len(scores) and not np.isnan(scores).any() and np.ptp(scores.sum(axis=1)) == 0:
        assert found.alpha is None


@pytest.mark.parametrize("scores", [np.zeros((0, 3)), np.zeros((5, 0)), np.ones((1, 4)), np.full((4, 3), np.nan)])
def test_what_is_not_defined_is_none(scores: np.ndarray) -> None:
    found = vars(reliability_coefficients(scores))
    assert (found["n"], found["items"]) == scores.shape
    assert [
        name for name, value in found.items() if value is not None and name not in ("n", "items", "mean", "sd")
    ] == []
    with pytest.raises(ValueError, match="2 names for"):
        item_total_statistics(scores, ["a", "b"])


def test_a_total_that_does_not_vary_has_no_alpha_whatever_rounding_leaves() -> None:
    """Items that make up for each other: the covariances add to 0, but for their last digits."""
    random = np.random.default_rng(6)
    scores = random.integers(0, 10, (97, 6)).astype(float)
    scores = np.column_stack([scores, 60 - scores.sum(axis=1)])
    found = reliability_coefficients(scores)
    assert {found.alpha, found.alpha_se, found.sem, stratified_alpha(scores, "abababa")} == {None}
    assert set(item_total_statistics(scores)["r_total"].to_pylist()) == {None}
    assert split_half(CrossProducts.of(scores).covariance()).guttman is None


def test_items_that_do_not_vary_are_left_out() -> None:
    scores = made_scores()
    constant = np.column_stack([scores, np.ones(len(scores))])
    found, without = reliability_coefficients(constant), reliability_coefficients(scores)
    assert found.alpha == without.alpha
    assert found.omega_total == without.omega_total
    assert (found.items, found.mean) == (9, without.mean + 1)
    assert item_total_statistics(constant).to_pylist()[:8] == item_total_statistics(scores).to_pylist()
    assert item_total_statistics(constant).to_pylist()[8] == {
        "item": "9",
        "n": 200,
        "mean": 1.0,
        "sd": 0.0,
        **dict.fromkeys(item_total_statistics(scores).column_names[4:]),
    }
