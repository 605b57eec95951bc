"""Quantile regression against linear programming; growth percentiles and their properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from scipy.optimize import linprog

from engine.growth import expected_score, student_growth_percentiles
from engine.growth.percentiles import KNOTS, TAUS
from engine.growth.quantiles import quantile_fit


def loss(rest: np.ndarray, tau: float) -> float:
    """The check function of quantile regression, summed."""
    return float(np.where(rest > 0, tau * rest, (tau - 1) * rest).sum())


def least_loss(X: np.ndarray, y: np.ndarray, tau: float) -> float:
    """By linear programming, row by row: the slow and obvious way."""
    n, p = X.shape
    costs = np.concatenate([np.zeros(p), np.full(n, tau), np.full(n, 1 - tau)])
    equations = np.hstack([X, np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * p + [(0, None)] * (2 * n)
    return float(linprog(costs, A_eq=equations, b_eq=y, bounds=bounds).fun)


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 60),
    p=st.integers(1, 5),
    tau=st.floats(0.005, 0.995),
    whole=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_no_line_has_a_smaller_loss(seed: int, n: int, p: int, tau: float, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    X[:, -1] = np.round(X[:, -1])  # rows that are equal, columns that may be constant
    y = rng.normal(size=n) * 10 + 50
    if whole:
        y = np.round(y)
    row = np.arange(n)
    fit = quantile_fit(X, row, y, np.ones(n), tau)
    least = least_loss(X, y, tau)
    assert loss(y - X @ fit, tau) <= least + 1e-5 * (least + 1)


def test_cells_of_equal_pupils_count_as_the_pupils() -> None:
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(30), np.arange(30.0)])
    y = np.arange(30.0) + rng.normal(size=30) * 5
    count = rng.integers(1, 6, 30)
    for tau in (0.1, 0.5, 0.93):
        many = np.repeat(np.arange(30), count)
        want = quantile_fit(X, many, y[many], np.ones(len(many)), tau)
        fit = quantile_fit(X, np.arange(30), y, count.astype(float), tau)
        rest = [loss((y - X @ line)[many], tau) for line in (fit, want)]
        assert rest[0] == pytest.approx(rest[1], rel=1e-6)


def test_percentiles_as_by_fitting_each_quantile_by_itself() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(70, 15, 160)
    y = 0.6 * x + rng.normal(20, 8, 160)
    margin = 0.1 * np.ptp(x)
    knots = [x.min() - margin] * 4 + [*np.quantile(x, KNOTS)] + [x.max() + margin] * 4
    X = BSpline.design_matrix(x, knots, 3).toarray()
    n, p = X.shape
    below = np.zeros(n)
    for tau in TAUS[::10]:
        costs = np.concatenate([np.zeros(p), np.full(n, tau), np.full(n, 1 - tau)])
        found = linprog(
            costs, A_eq=np.hstack([X, np.eye(n), -np.eye(n)]), b_eq=y, bounds=[(None, None)] * p + [(0, None)] * 2 * n
        )
        below += X @ found.x[:p] < y - 1e-6
    # Every tenth quantile: the number of them below is that of all, in tens. At the ends they cross.
    mine = student_growth_percentiles(y, x)
    inside = (x > np.quantile(x, 0.05)) & (x < np.quantile(x, 0.95))
    assert np.abs(mine / 10 - below)[inside].max() < 1.2
    assert np.corrcoef(mine[inside], below[inside])[0, 1] > 0.99


def test_percentiles_are_even_whatever_the_earlier_score() -> None:
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=4000) * 25 + 90)
    y = np.round(20 + 0.6 * x + (5 + 0.1 * x) * rng.normal(size=4000))  # spread differs, too
    sgp = student_growth_percentiles(y, x)
    for low, high in ((0, 70), (70, 90), (90, 110), (110, 200)):
        some = sgp[(x >= low) & (x < high)]
        assert abs(some.mean() - 50) < 2.5
        assert np.quantile(some, [0.25, 0.75]) == pytest.approx([25, 75], abs=4)
    assert abs(np.corrcoef(x, sgp)[0, 1]) < 0.04


@given(seed=st.integers(0, 10**6), n=st.integers(1, 120), distinct=st.integers(1, 12))
@settings(max_examples=4, deadline=None)
def test_order_and_units_of_scores_do_not_matter(seed: int, n: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, distinct, n).astype(float)
    y = x + np.round(rng.normal(size=n) * 3)
    sgp = student_growth_percentiles(y, x)
    assert sgp.shape == (n,)
    assert ((sgp >= 1) & (sgp <= 99)).all()
    order = rng.permutation(n)
    assert (student_growth_percentiles(y[order], x[order]) == sgp[order]).all()
    assert np.abs(student_growth_percentiles(2 * y + 7, 10 * x - 3) - sgp).max() <= 1
    # among pupils of the same past a higher score is never a lower percentile
    for past in np.unique(x):
        own = np.flatnonzero(x == past)
        own = own[np.argsort(y[own], kind="stable")]
        assert (np.diff(sgp[own]) >= 0).all()


def test_scores_that_say_nothing() -> None:
    assert student_growth_percentiles([60.0], [1.0]).tolist() == [50]
    assert student_growth_percentiles([], []).tolist() == []
    assert student_growth_percentiles(np.full(30, 60.0), np.arange(30.0)).tolist() == [50] * 30
    among_all = student_growth_percentiles(np.arange(50.0), np.full(50, 7.0))
    assert among_all == pytest.approx(2 * np.arange(50) + 1, abs=1)
    with pytest.raises(ValueError, match="finite"):
        student_growth_percentiles([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="prior"):
        student_growth_percentiles([1.0, 2.0], [1.0])


def test_two_earlier_scores_explain_more_than_one() -> None:
    rng = np.random.default_rng(4)
    past = rng.normal(size=(300, 2))
    y = past.sum(axis=1) + 0.3 * rng.normal(size=300)
    one, two = student_growth_percentiles(y, past[:, 0]), student_growth_percentiles(y, past)
    assert np.corrcoef(one, past[:, 1])[0, 1] > 0.8
    assert abs(np.corrcoef(two, past[:, 1])[0, 1]) < 0.08


def test_expected_score_is_the_regression_line() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40))
    slope, intercept = np.polyfit(x, y, 1)
    assert expected_score(x, y) == pytest.approx(intercept + slope * x)
    assert expected_score(np.full(3, 0.7), np.array([1.0, 2.0, 6.0])).tolist() == [3.0] * 3
    assert expected_score(np.zeros(0), np.zeros(0)).shape == (0,)
