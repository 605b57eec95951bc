"""M2 against R's mirt on real data, and its moments against the enumeration of all patterns."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from irt_files import FITS, reference
from test_curves import curves

from engine.ability import quadrature
from engine.curves import Curves, Dichotomous, DivideByTotal, Graded
from engine.modelfit import _Moments, m2


@pytest.mark.parametrize("name", [name for name in FITS if name.split()[1] in ("rasch", "2pl")])
def test_as_in_mirt(shared_data: Path, name: str) -> None:
    fit = reference(shared_data, name)
    if not fit.has("M2"):
        pytest.skip("no M2 with missing answers")
    found = m2(fit.codes, fit.items, variance=fit.of_fit("latent_variance"), n_latent=int(fit.model == "rasch"))
    assert found.statistic == pytest.approx(fit.column("M2", "M2")[0], abs=1e-5)
    assert found.df == fit.column("M2", "df")[0]
    for column in ("p", "RMSEA", "RMSEA_5", "RMSEA_95", "SRMSR"):
        assert getattr(found, column.lower()) == pytest.approx(fit.column("M2", column)[0], abs=1e-6), column
    # mirt iterates to its model of independent items; here it is exact
    assert found.tli == pytest.approx(fit.column("M2", "TLI")[0], abs=1e-4)
    assert found.cfi == pytest.approx(fit.column("M2", "CFI")[0], abs=1e-4)


@settings(deadline=None, max_examples=25)
@given(st.lists(curves().filter(lambda item: item.n_categories > 1), min_size=2, max_size=4))
def test_moments_are_those_of_all_patterns(items: list[Curves]) -> None:
    nodes, weights = quadrature(0.0, 1.0, 15)
    moments = _Moments(items, nodes, weights)
    p = [item.probabilities(nodes) for item in items]
    mean, square = 0.0, 0.0
    for pattern in product(*(range(item.n_categories) for item in items)):
        share = np.prod([q[k] for q, k in zip(p, pattern, strict=True)], axis=0) @ weights
        scores = np.array([*pattern, *(a * b for a, b in combinations(pattern, 2))], dtype=float)
        mean, square = mean + share * scores, square + share * np.outer(scores, scores)
    covariance = square - np.outer(mean, mean)
    assert np.allclose(moments.expected, mean, atol=1e-12)
    assert np.allclose(moments.covariance, covariance, atol=1e-11)


def test_gradient_is_that_of_the_moments() -> None:
    nodes, weights = quadrature(0.0, 1.0, 31)

    def paper(v: np.ndarray) -> list[Curves]:
        return [
            Dichotomous(v[0], v[1], v[2], ("slope", "intercept", "guessing")),
            Graded(v[3], v[4:6]),
            DivideByTotal(np.array([0.0, v[6], v[7]]), np.array([0.0, v[8], v[9]]), "all"),
        ]

    at = np.array([1.2, 0.3, 0.15, 0.8, 1.0, -0.6, 0.7, 1.9, 0.4, -0.2])
    h = 1e-6
    by = [
        _Moments(paper(at + h * e), nodes, weights).expected - _Moments(paper(at - h * e), nodes, weights).expected
        for e in np.eye(len(at))
    ]
    assert np.allclose(_Moments(paper(at), nodes, weights).gradient, np.stack(by, axis=1) / (2 * h), atol=1e-8)


def test_m2_is_a_chi_square_where_the_model_is_true() -> None:
    """Also of polytomous items; parameters near their estimates: M2 does not mind small changes of them."""
    rng = np.random.default_rng(2)
    items: list[Curves] = [Graded(a, np.array([1.0, -0.8])) for a in (0.8, 1.1, 1.4, 1.7, 1.0, 1.2, 0.9, 1.5)]
    statistics = []
    for _ in range(40):
        theta = rng.normal(size=2000)
        x = np.stack([(rng.random(2000) > i.probabilities(theta).cumsum(axis=0)).sum(axis=0) for i in items], axis=1)
        statistics.append(m2(x, items).statistic)
    df = 8 + 28 - 24
    assert abs(np.mean(statistics) - df) < 4 * np.sqrt(2 * df / 40)


def test_where_m2_is_not_defined() -> None:
    x = np.random.default_rng(0).integers(0, 2, (50, 6)).astype(float)
    items: list[Curves] = [Dichotomous(1.0, 0.1 * k) for k in range(6)]
    assert m2(x, items).df == 9
    with pytest.raises(ValueError, match="4 items are too few for M2: -2"):
        m2(x[:, :4], [Dichotomous(1.0, 0.0, 0.1, ("slope", "intercept", "guessing"))] * 4)
    constant = x.copy()
    constant[:, 2] = 1
    with pytest.raises(ValueError, match="same answer to item 2"):
        m2(constant, items)
    with pytest.raises(ValueError, match="same answer"):
        m2(x[:0], items)
    missing = x.copy()
    missing[3, 3] = np.nan
    with pytest.raises(ValueError, match="complete"):
        m2(missing, items)
    with pytest.raises(ValueError, match="say the same"):
        m2(x, [Dichotomous(0.0, 0.0)] * 6)
