"""Item fit against R's mirt and TAM on real data, against the plain formulas, and its rules for sparse cells."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from irt_files import FITS, reference
from test_curves import curves

from engine.ability import abilities, quadrature
from engine.curves import Curves, Dichotomous, DivideByTotal, Graded
from engine.itemfit import mean_squares, posterior_mean_squares, s_x2

RASCH = [name for name in FITS if name.endswith(" rasch")]


def simulated(items: list[Curves], n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=n)
    return np.stack([(rng.random(n) > item.probabilities(theta).cumsum(axis=0)).sum(axis=0) for item in items], axis=1)


@pytest.mark.parametrize("name", [name for name in FITS if name.split()[1] in ("rasch", "2pl")])
def test_s_x2_as_in_mirt(shared_data: Path, name: str) -> None:
    fit = reference(shared_data, name)
    if not fit.has("itemfit"):
        pytest.skip("mirt gives no S-X² with missing answers")
    rasch = fit.model == "rasch"
    found = s_x2(fit.codes, fit.items, variance=fit.of_fit("latent_variance"), n_latent=int(rasch))
    assert np.array_equal(found.df, fit.column("itemfit", "df.S_X2"))
    assert np.allclose(found.statistic, fit.column("itemfit", "S_X2"), rtol=0, atol=1e-6)
    assert np.allclose(found.rmsea, fit.column("itemfit", "RMSEA.S_X2"), rtol=0, atol=1e-8)
    assert np.allclose(found.p, fit.column("itemfit", "p.S_X2"), rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", RASCH)
def test_mean_squares_as_in_mirt(shared_data: Path, name: str) -> None:
    fit = reference(shared_data, name)
    if not fit.has("itemfit"):
        pytest.skip("the file goes with S-X²")
    eap = abilities(fit.codes, fit.items, variance=fit.of_fit("latent_variance")).theta
    found = mean_squares(fit.codes, fit.items, eap)
    for column in ("outfit", "z.outfit", "infit", "z.infit"):
        values = getattr(found, column.replace(".", "_"))
        assert np.allclose(values, fit.column("itemfit", column), rtol=0, atol=1e-6), column


@pytest.mark.parametrize("name", [*RASCH, "environment pcm", "science pcm"])
def test_posterior_mean_squares_as_tam_draws_them(shared_data: Path, name: str) -> None:
    fit = reference(shared_data, name)
    sizes = [item.n_categories for item in fit.items]
    outfit, infit = np.stack(
        [
            posterior_mean_squares(
                fit.codes,
                fit.items,
                variance=fit.of_fit("latent_variance"),
                points=[(np.arange(size) >= step).astype(float) for size in sizes],
            )
            for step in range(1, max(sizes))
        ],
        axis=-1,
    ).reshape(2, -1)
    rows = fit.rows("rasch_tam_itemfit.csv")
    assert np.allclose(infit, [float(row["Infit"]) for row in rows], rtol=0.025)
    # a single draw far out moves an outfit; those of the rare steps of partial credit by a third and more
    ratio = outfit / [float(row["Outfit"]) for row in rows]
    assert np.allclose(np.quantile(ratio, [0.25, 0.5, 0.75]), 1, atol=0.07)
    if fit.model == "rasch":
        assert np.allclose(ratio, 1, atol=0.08)


def test_s_x2_without_joining_is_the_plain_sum() -> None:
    items: list[Curves] = [Dichotomous(1.2, 0.3), Dichotomous(0.8, -0.4), Dichotomous(1.5, 0.1), Dichotomous(1.0, 0.6)]
    x = simulated(items, 400, 3)
    nodes, weights = quadrature()
    found = s_x2(x, items, least=0)
    p = np.stack([item.probabilities(nodes)[1] for item in items])
    patterns = (np.arange(16)[:, None] >> np.arange(4)) & 1
    share = np.stack([np.prod(np.where(row[:, None] == 1, p, 1 - p), axis=0) @ weights for row in patterns])
    for i in range(4):
        plain = 0.0
        for score in (1, 2, 3):
            here = patterns.sum(axis=1) == score
            right = share[here & (patterns[:, i] == 1)].sum() / share[here].sum()
            n = (x.sum(axis=1) == score).sum()
            seen = x[x.sum(axis=1) == score, i].sum()
            plain += (seen - n * right) ** 2 / (n * right * (1 - right))
        assert found.statistic[i] == pytest.approx(plain, rel=1e-10)
    assert np.array_equal(found.df, [1, 1, 1, 1])


@pytest.mark.parametrize("kind", ["graded", "partial credit"])
def test_s_x2_is_a_chi_square_where_the_model_is_true(kind: str) -> None:
    """With polytomous items too: forty statistics have about the mean of their degrees of freedom."""
    rng = np.random.default_rng(8)
    items: list[Curves] = []
    for _ in range(10):
        a, b = rng.uniform(0.7, 1.6), np.sort(rng.normal(size=3))
        steps = np.array([0.0, *-np.cumsum(a * b)])
        items.append(Graded(a, -a * b) if kind == "graded" else DivideByTotal(a * np.arange(4.0), steps))
    total = free = 0.0
    for seed in range(4):
        found = s_x2(simulated(items, 1500, seed), items)
        assert (found.df > 20).all()
        total += found.statistic.sum()
        free += (found.df + [item.n_parameters for item in items]).sum()  # the true parameters: none was estimated
    assert abs(total - free) < 4 * np.sqrt(2 * free)
    wrong = [Dichotomous(0.2, 0.0), *items[1:]]
    assert s_x2(simulated([Dichotomous(1.5, 0.0), *items[1:]], 1500, 1), wrong).p[0] < 1e-6


@st.composite
def papers(draw: st.DrawFn, lowest: int) -> tuple[np.ndarray, list[Curves]]:
    items = draw(st.lists(curves(), min_size=1, max_size=4))
    rows = st.tuples(*(st.integers(lowest, item.n_categories - 1) for item in items))
    return np.array(draw(st.lists(rows, min_size=0, max_size=30)), dtype=float).reshape(-1, len(items)), items


@settings(deadline=None)
@given(papers(0))
def test_s_x2_of_few_pupils(paper: tuple[np.ndarray, list[Curves]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = s_x2(*paper)
    defined = found.df > 0
    for values in (found.statistic, found.rmsea, found.p):
        assert np.array_equal(np.isfinite(values), defined)
    assert (found.statistic[defined] >= 0).all()


def test_s_x2_with_scores_that_the_model_cannot_have() -> None:
    items: list[Curves] = [Dichotomous(1.0, -400.0)] * 3 + [Dichotomous(1.0, 0.0)] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = s_x2(np.random.default_rng(1).integers(0, 2, (60, 6)), items)
    assert np.array_equal(np.isfinite(found.statistic), found.df > 0)


@settings(deadline=None)
@given(papers(-1), st.lists(st.sampled_from([-np.inf, -2.0, 0.0, 0.5, 3.0, np.inf, np.nan]), min_size=30, max_size=30))
def test_mean_squares_are_the_plain_means(paper: tuple[np.ndarray, list[Curves]], at: list[float]) -> None:
    x, items = paper
    theta = np.array(at[: len(x)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mean_squares(x, items, theta)
        over = posterior_mean_squares(x, items)
    known = theta[np.isfinite(theta)]
    ends = (known.min() - 0.1, known.max() + 0.1) if len(known) else (0.0, 0.0)
    for i, item in enumerate(items):
        squares, spreads = [], []
        for answer, ability in zip(x[:, i], np.clip(theta, *ends), strict=True):
            if answer >= 0 and not np.isnan(ability):
                p = item.probabilities(np.array([ability]))[:, 0]
                mean = p @ np.arange(len(p))
                squares.append((answer - mean) ** 2)
                spreads.append(max(p @ (np.arange(len(p)) - mean) ** 2, 1e-5**0.5))
        varied = item.n_categories > 1 and (x[:, i] >= 0).any()
        assert np.isfinite(over[0][i]) == np.isfinite(over[1][i]) == varied
        if not squares or item.n_categories == 1:
            assert np.isnan(found.outfit[i]) and np.isnan(found.infit[i]) and np.isnan(found.z_infit[i])
            continue
        assert found.outfit[i] == pytest.approx(np.mean(np.array(squares) / spreads))
        assert found.infit[i] == pytest.approx(sum(squares) / sum(spreads))


def test_missing_answers_have_no_s_x2() -> None:
    with pytest.raises(ValueError, match="1 of 2 pupils lack answers, first row 1"):
        s_x2(np.array([[1, 0], [np.nan, 1]]), [Dichotomous(1.0, 0.0)] * 2)
