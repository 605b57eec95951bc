"""Sum-score distributions against the enumeration of all patterns, and against R where the sum score is sufficient."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from irt_files import FITS, reference
from test_curves import curves

from engine.ability import abilities, quadrature
from engine.curves import Curves, Dichotomous, DivideByTotal, Graded
from engine.sumscore import score_distribution, sum_scores

THETA = np.array([-1.5, 0.0, 0.8])


@settings(deadline=None)
@given(st.lists(curves(), min_size=1, max_size=4))
def test_distribution_is_the_sum_over_all_patterns(items: list[Curves]) -> None:
    p = [item.probabilities(THETA) for item in items]
    plain = np.zeros((sum(item.n_categories - 1 for item in items) + 1, len(THETA)))
    for pattern in product(*(range(item.n_categories) for item in items)):
        plain[sum(pattern)] += np.prod([share[k] for share, k in zip(p, pattern, strict=True)], axis=0)
    assert np.allclose(score_distribution(p), plain, atol=1e-14)


@settings(deadline=None)
@given(st.lists(curves(), min_size=1, max_size=3), st.sampled_from([0.4, 1.0, 3.0]))
def test_eap_of_a_score_is_the_mean_over_its_patterns(items: list[Curves], variance: float) -> None:
    nodes, weights = quadrature(0.0, variance, 121)
    table = sum_scores(items, variance=variance)
    assert table.expected.sum() == pytest.approx(1)
    patterns = np.array(list(product(*(range(item.n_categories) for item in items))))
    p = [item.probabilities(nodes) for item in items]
    share = np.array([np.prod([q[k] for q, k in zip(p, row, strict=True)], axis=0) @ weights for row in patterns])
    each = abilities(patterns, items, variance=variance)
    for score in range(len(table.theta)):
        of = patterns.sum(axis=1) == score
        mean = np.average(each.theta[of], weights=share[of])
        square = np.average(each.se[of] ** 2 + each.theta[of] ** 2, weights=share[of])
        assert table.expected[score] == pytest.approx(share[of].sum(), abs=1e-13)
        assert table.theta[score] == pytest.approx(mean, abs=1e-8)
        assert table.se[score] == pytest.approx((square - mean**2) ** 0.5, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in FITS if name.split()[1] in ("rasch", "pcm")])
def test_as_mirts_eap_where_the_score_is_sufficient(shared_data: Path, name: str) -> None:
    fit = reference(shared_data, name)
    codes = fit.codes[fit.column("persons", "person").astype(int) - 1]
    theta, se = sum_scores(fit.items, variance=fit.of_fit("latent_variance")).of(codes, fit.items)
    whole = ~np.isnan(codes).any(axis=1)
    assert np.array_equal(np.isnan(theta), ~whole) and np.array_equal(np.isnan(se), ~whole)
    assert np.abs(theta - fit.column("persons", "EAP"))[whole].max(initial=0) < 1e-8
    assert np.abs(se - fit.column("persons", "EAP_se"))[whole].max(initial=0) < 1e-8


def test_a_score_that_cannot_be() -> None:
    """An item of a category that no ability reaches."""
    items: list[Curves] = [Dichotomous(1.0, 0.0), DivideByTotal(np.zeros(2), np.array([0.0, -np.inf]))]
    table = sum_scores(items)
    assert table.expected[2] == 0 and np.isnan(table.theta[2]) and np.isnan(table.se[2])
    assert np.isfinite(table.theta[:2]).all()


def test_scores_rise_with_ability() -> None:
    items = [Graded(0.5 + 0.1 * k, np.array([1.0, 0.0, -1.0]) + k / 10) for k in range(20)]
    table = sum_scores(items)
    assert (np.diff(table.theta) > 0).all()
    assert (table.se < 1).all()
