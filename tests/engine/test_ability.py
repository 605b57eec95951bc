"""Abilities against R's mirt and TAM on real data, against plain loops, and where nothing is known."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from irt_files import FITS, reference
from test_curves import curves

from engine import information as info
from engine.ability import abilities, category_numbers, distinct, empirical_reliability, quadrature
from engine.curves import Curves, Dichotomous, DivideByTotal, Graded

METHODS = ("eap", "map", "wle", "ml")


@pytest.mark.parametrize("name", FITS)
def test_persons_as_in_mirt(shared_data: Path, name: str) -> None:
    fit = reference(shared_data, name)
    persons = fit.column("persons", "person").astype(int) - 1
    codes, variance = fit.codes, fit.of_fit("latent_variance")
    for method, near, se_near in [("eap", 1e-8, 1e-8), ("map", 2e-5, 5e-4), ("wle", 2e-5, 5e-4), ("ml", 2e-5, 5e-4)]:
        found = abilities(codes, fit.items, method, variance=variance)
        if method == "eap":
            assert empirical_reliability(found) == pytest.approx(fit.of_fit("empirical_reliability_EAP"), abs=1e-8)
        # mirt finds its modes by steps of differences: 5 or 6 digits of theta, 4 of the standard error
        theta, se = fit.column("persons", method.upper()), fit.column("persons", f"{method.upper()}_se")
        if np.isnan(theta).all():
            continue  # the set has no such estimates
        assert np.array_equal(np.isnan(theta), np.isinf(found.theta[persons]))
        known = np.isfinite(theta)
        assert np.abs(found.theta[persons] - theta)[known].max() < near
        known &= np.isfinite(se)
        assert np.abs(found.se[persons] / se - 1)[known].max(initial=0) < se_near


@pytest.mark.parametrize("name", [name for name in FITS if name.split()[1] in ("rasch", "2pl", "graded")])
def test_information_as_in_mirt(shared_data: Path, name: str) -> None:
    fit = reference(shared_data, name)
    theta = fit.column("testinfo", "theta")
    assert np.allclose(info.test_information(fit.items, theta), fit.column("testinfo", "test_information"), atol=1e-7)
    lowest = 1 if fit.model == "graded" else 0  # both graded sets begin at 1
    expected = info.expected_score(fit.items, theta) + lowest * len(fit.items)
    assert np.allclose(expected, fit.column("testinfo", "expected_total"), atol=1e-7)
    if fit.model != "rasch":
        assert info.marginal_reliability(fit.items) == pytest.approx(fit.of_fit("marginal_reliability"), abs=1e-8)


RASCH = [name for name in FITS if name.split()[1] in ("rasch", "pcm")]


def partial_credit(parameters: list[tuple[str, float]]) -> list[Curves]:
    """Items from (name of item and step, intercept), the steps of an item one after the other."""
    intercepts: dict[str, list[float]] = {}
    for name, value in parameters:
        intercepts.setdefault(re.sub(r"(_Cat|\.c)\d$", "", name), [0.0]).append(value)
    return [DivideByTotal(np.arange(len(d)), np.array(d), "none") for d in intercepts.values()]


def of_scores(scores: np.ndarray, items: list[Curves]) -> np.ndarray:
    """A pattern of answers for each sum score; any would do for these models."""
    most = np.array([item.n_categories - 1 for item in items])
    return np.clip(scores[:, None] - np.concatenate([[0], np.cumsum(most)[:-1]]), 0, most)


@pytest.mark.parametrize("name", RASCH)
def test_warm_estimates_as_in_tam(shared_data: Path, name: str) -> None:
    """With TAM's own item parameters; its standard error is from the test information alone."""
    fit = reference(shared_data, name)
    if not (fit.folder / "reference" / "rasch_tam_score_to_wle.csv").exists():
        pytest.skip("booklets: no table of scores")
    rows = fit.rows("rasch_tam_score_to_wle.csv")
    differences = [(row["parameter"], float(row["xsi"])) for row in fit.rows("rasch_tam_items.csv")]
    items = partial_credit(differences)
    items = [DivideByTotal(item.slopes, -np.cumsum(item.intercepts), "none") for item in items]
    found = abilities(of_scores(np.array([int(row["score"]) for row in rows]), items), items, "wle").theta
    assert np.allclose(found, [float(row["WLE"]) for row in rows], rtol=0, atol=2e-4)
    assert np.allclose(info.test_information(items, found) ** -0.5, [float(row["se"]) for row in rows], rtol=1e-4)


@pytest.mark.parametrize("name", RASCH)
def test_maximum_likelihood_as_in_erm(shared_data: Path, name: str) -> None:
    """With eRm's own item parameters. Where it extrapolates, for the lowest and highest score, we have infinity."""
    fit = reference(shared_data, name)
    if not (fit.folder / "reference" / "rasch_cml_items.csv").exists():
        pytest.skip("booklets: no conditional estimates")
    rows = fit.rows("rasch_cml_score_to_theta.csv")
    items = partial_credit([(row["parameter"], float(row["easiness"])) for row in fit.rows("rasch_cml_items.csv")])
    lowest = len(items) if fit.model == "pcm" else 0  # both sets of partial credit begin at 1
    score = np.array([int(row["score"]) for row in rows]) - lowest
    found = abilities(of_scores(score, items), items, "ml").theta
    inner = (score > 0) & (score < sum(item.n_categories - 1 for item in items))
    assert np.array_equal(np.isfinite(found), inner)
    assert np.allclose(found[inner], np.array([float(row["theta"]) for row in rows])[inner], rtol=0, atol=1e-4)


def plainly(x: np.ndarray, items: list[Curves], method: str, theta: np.ndarray, variance: float) -> np.ndarray:
    """The function that `method` maximises, for one pupil."""
    height = np.zeros_like(theta)
    known = np.zeros_like(theta)
    for answer, item in zip(x, items, strict=True):
        if answer >= 0:
            height += np.log(item.probabilities(theta)[int(answer)])
            known += info.information(item, theta)[0]
    with np.errstate(divide="ignore"):
        return height + {"ml": 0, "map": -(theta**2) / (2 * variance), "wle": np.log(known) / 2}[method]


@st.composite
def papers(draw: st.DrawFn) -> tuple[np.ndarray, list[Curves]]:
    items = draw(st.lists(curves(), min_size=1, max_size=5))
    rows = st.tuples(*(st.integers(-1, item.n_categories - 1) for item in items))
    return np.array(draw(st.lists(rows, min_size=1, max_size=6))), items


@settings(deadline=None, max_examples=60)
@given(papers(), st.sampled_from([0.3, 1.0, 4.0]))
def test_estimates_are_the_highest_points(test: tuple[np.ndarray, list[Curves]], variance: float) -> None:
    x, items = test
    grid = np.linspace(-20, 20, 2001)
    for method in ("map", "wle", "ml"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = abilities(x, items, method, variance=variance)
        for row, theta, se in zip(x, found.theta, found.se, strict=True):
            if method != "map" and np.ptp(plainly(row, items, "ml", grid, variance)) < 1e-9:
                assert np.isnan(theta) == np.isnan(se)  # nothing is known, but for rounding
                continue
            heights = plainly(row, items, method, grid, variance)
            if np.isinf(theta):
                assert se == np.inf
                end = heights[-1] if theta > 0 else heights[0]
                assert end >= heights.max() - 1e-3  # a plateau
            else:
                assert se > 0
                # the grid of the search has steps of 0.5; what is between its points is found to 1 %
                assert plainly(row, items, method, np.array([theta]), variance)[0] >= heights.max() - 0.01


@settings(deadline=None)
@given(papers(), st.sampled_from([0.3, 1.0, 4.0]))
def test_eap_is_the_mean_of_the_posterior(test: tuple[np.ndarray, list[Curves]], variance: float) -> None:
    x, items = test
    nodes, weights = quadrature(0.0, variance, 121)
    found = abilities(x, items, variance=variance)
    for row, theta, se in zip(x, found.theta, found.se, strict=True):
        posterior = weights * np.exp(plainly(row, items, "ml", nodes, variance))
        posterior /= posterior.sum()
        assert theta == pytest.approx(posterior @ nodes, abs=1e-10)
        assert se**2 == pytest.approx(posterior @ (nodes - theta) ** 2, rel=1e-9)


def test_perfect_and_zero_patterns_are_infinite_by_maximum_likelihood_alone() -> None:
    for items in (
        [Dichotomous(1.2, 0.5), Dichotomous(40.0, -3.0), Dichotomous(0.05, 0.1)],
        [Dichotomous(1.2, 0.5, 0.2), Dichotomous(2.0, -3.0, 0.3), Dichotomous(0.3, 0.1, 0.1)],
        [Graded(1.5, np.array([2.0, 0.0])), Graded(20.0, np.array([5.0, 4.9])), Dichotomous(1.0, 0.0)],
        [DivideByTotal(np.arange(3.0), np.zeros(3)), Dichotomous(1.0, 0.0), Dichotomous(3.0, 0.0)],
    ):
        most = np.array([[item.n_categories - 1 for item in items]])
        x = np.concatenate([0 * most, most])
        found = abilities(x, items, "ml")
        assert np.array_equal(found.theta, [-np.inf, np.inf]) and np.array_equal(found.se, [np.inf, np.inf])
        for method in ("eap", "map", "wle"):
            low, high = abilities(x, items, method).theta
            assert -20 < low < high < 20, (items, method)


def test_a_pupil_without_answers() -> None:
    """Nor one with an answer to an item without slope alone."""
    items = [Dichotomous(1.0, 0.0), Graded(1.0, np.array([1.0, -1.0])), Dichotomous(0.0, 0.4)]
    x = np.array([[np.nan, -1, np.nan], [np.nan, -1, 1], [1, np.nan, 0], [np.nan, 1, np.nan]])
    for method in ("eap", "map"):
        found = abilities(x, items, method, mean=0.5, variance=0.25)
        assert np.allclose(found.theta[:2], 0.5, atol=1e-9) and np.allclose(found.se[:2], 0.5, atol=1e-9)
    for method in ("wle", "ml"):
        found = abilities(x, items, method)
        assert np.isnan(found.theta[:2]).all() and np.isnan(found.se[:2]).all()
        assert not np.isnan(found.theta[2:]).any()


def test_a_prior_far_from_the_answers() -> None:
    """A thousand steep items all right, and a population that knows nothing: neither makes a 0 of all nodes."""
    items = [Dichotomous(6.0, 0.0)] * 1000
    for variance in (1e-3, 1e-9):
        found = abilities(np.ones((1, 1000)), items, mean=-3.0, variance=variance)
        assert -3.01 < found.theta[0] < 0.1 and 0 <= found.se[0] < 0.1


def test_items_that_are_almost_steps() -> None:
    """Slopes as of answers that the model tells apart completely: estimates lie between the steps, none is NaN."""
    items = [Dichotomous(a, -a * b) for a in (100.0, 1e4) for b in (-1.1, 0.3, 1.2)]
    x = np.array([[1, 0, 0, 1, 0, 0], [1, 1, 0, 1, 1, 0], [0, 0, 1, 0, 0, 1], [1, 1, 1, 1, 1, 1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in METHODS:
            theta = abilities(x, items, method).theta
            assert -1.1 < theta[0] < 0.3 < theta[1] < 1.2 < theta[3], method
            assert not np.isnan(theta).any()


def test_no_pupil() -> None:
    for method in METHODS:
        assert abilities(np.empty((0, 1)), [Dichotomous(1.0, 0.0)], method).theta.shape == (0,)


def test_many_pupils_are_the_same_as_each_alone() -> None:
    """Blocks and collapsed patterns change nothing."""
    rng = np.random.default_rng(4)
    items = [Dichotomous(a, d) for a, d in zip(rng.uniform(0.5, 2, 14), rng.normal(size=14), strict=True)]
    x = rng.integers(-1, 2, (6000, 14))
    assert len(distinct(category_numbers(x, items))[0]) > 4096
    for method in METHODS:
        found = abilities(x, items, method)
        for row in (0, 17, 5999):
            [alone] = abilities(x[[row]], items, method).theta
            assert found.theta[row] == pytest.approx(alone, abs=1e-12)
        shuffled = abilities(np.concatenate([x, x[::-1]]), items, method)
        assert np.array_equal(shuffled.theta[:6000], shuffled.theta[6000:][::-1], equal_nan=True)


@given(st.lists(st.lists(st.integers(-1, 3), min_size=2, max_size=2), max_size=20))
def test_distinct(rows: list[list[int]]) -> None:
    codes = np.array(rows, dtype=np.int16).reshape(-1, 2)
    patterns, place = distinct(codes)
    assert np.array_equal(patterns[place], codes)
    assert len({tuple(row) for row in patterns.tolist()}) == len(patterns)


def test_information_falls_to_its_parts() -> None:
    items = [Dichotomous(1.3, 0.2, 0.1), Graded(0.8, np.array([1.0, 0.0, -2.0]))]
    theta = np.linspace(-2, 2, 5)
    p, q = items[0].probabilities(theta)[1], items[0].probabilities(theta)[0]
    assert np.allclose(
        info.item_information(items, theta)[0], 1.3**2 * q / p * ((p - 0.1) / 0.9) ** 2
    )  # Birnbaum, 1968
    h = 1e-5
    for item in items:
        by = [(info.information(item, theta + h)[k] - info.information(item, theta - h)[k]) / (2 * h) for k in (0, 1)]
        assert np.allclose(info.information(item, theta)[1:], by, atol=1e-7)


def test_empirical_reliability_where_there_is_none() -> None:
    items = [Dichotomous(1.0, 0.0)]
    assert empirical_reliability(abilities(np.array([[1]]), items)) is None
    assert empirical_reliability(abilities(np.array([[1], [0]]), items, "ml")) is None
    assert empirical_reliability(abilities(np.array([[1], [1]]), items)) == 0


@pytest.mark.parametrize(
    ("x", "says"),
    [
        ([["A", "B"]], "type <U1"),
        ([[0, 2]], "row 0, item 1: .*2.* is no category; expected 0 to 1"),
        ([[0]], "shape"),
        ([[0.5, 1]], "0.5"),
    ],
)
def test_wrong_answers_are_named(x: list, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        abilities(np.array(x), [Dichotomous(1.0, 0.0), Dichotomous(1.0, 0.0)])


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="no item"):
        abilities(np.empty((2, 0)), [])
    with pytest.raises(ValueError, match="variance 0"):
        abilities(np.array([[1]]), [Dichotomous(1.0, 0.0)], variance=0)
    with pytest.raises(ValueError, match="'best'"):
        abilities(np.array([[1]]), [Dichotomous(1.0, 0.0)], "best")  # type: ignore[arg-type]
