"""Derivatives of response curves against differences of the curves themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from engine.curves import Curves, Dichotomous, DivideByTotal, Graded

THETA = np.array([-3.0, -0.7, 0.0, 0.4, 2.5])
number = st.floats(-3, 3)
slope = st.floats(0.05, 3)


@st.composite
def curves(draw: st.DrawFn) -> Curves:
    kind = draw(st.sampled_from(["dichotomous", "graded", "total", "constant"]))
    if kind == "constant":
        return DivideByTotal(np.zeros(1), np.zeros(1), "none")
    if kind == "dichotomous":
        free = draw(st.sampled_from([("intercept",), ("slope", "intercept"), ("slope", "intercept", "guessing")]))
        return Dichotomous(draw(number), draw(number), draw(st.sampled_from([0.0, 0.05, 0.4])), free)
    steps = draw(st.lists(st.floats(0.05, 2), min_size=1, max_size=4))
    if kind == "graded":
        return Graded(draw(slope), draw(number) - np.cumsum(steps))
    slopes = np.array([draw(number) for _ in range(len(steps) + 1)])
    slopes[0] = 0
    intercepts = np.array([0.0, *(draw(number) for _ in steps)])
    return DivideByTotal(slopes, intercepts, draw(st.sampled_from(["none", "factor", "all"])))


def differences(function, at: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return (function(at + h) - function(at - h)) / (2 * h)


@given(curves())
def test_derivatives_by_theta(item: Curves) -> None:
    p = item.probabilities(THETA)
    assert p.shape == (item.n_categories, len(THETA))
    assert np.allclose(p.sum(axis=0), 1, atol=1e-14)
    assert (p > 0).all()
    first = differences(lambda t: np.log(item.probabilities(t)), THETA)
    second = differences(lambda t: item.log_derivatives(t)[0], THETA)
    third = differences(lambda t: item.log_derivatives(t)[1], THETA)
    assert np.allclose(item.log_derivatives(THETA), np.stack([first, second, third]), rtol=1e-5, atol=1e-6)


def parameters(item: Curves) -> tuple[np.ndarray, object]:
    """The estimated parameters, and the function that puts others in their place."""
    if isinstance(item, Dichotomous):
        values = {"slope": item.slope, "intercept": item.intercept, "guessing": item.guessing}
        start = np.array([values[name] for name in item.estimated])
        return start, lambda new: Dichotomous(
            **(values | dict(zip(item.estimated, new, strict=True))), estimated=item.estimated
        )
    if isinstance(item, Graded):
        return np.array([item.slope, *item.intercepts]), lambda new: Graded(new[0], new[1:])
    steps, zero = len(item.intercepts) - 1, [0.0]
    start = {"none": [], "factor": [1.0], "all": item.slopes[1:]}[item.estimated]

    def made(new: np.ndarray) -> Curves:
        slopes = {"none": item.slopes, "factor": item.slopes * new[0], "all": [*zero, *new[:-steps]]}[item.estimated]
        return DivideByTotal(np.array(slopes), np.array([*zero, *new[-steps:]]), item.estimated)

    return np.array([*start, *item.intercepts[1:]]), made


@given(curves())
def test_derivatives_by_parameters(item: Curves) -> None:
    start, made = parameters(item)
    assert item.n_parameters == len(start)
    h = 1e-6
    if not len(start):
        return
    by = [
        (made(start + h * e).probabilities(THETA) - made(start - h * e).probabilities(THETA))
        for e in np.eye(len(start))
    ]
    assert np.allclose(item.gradient(THETA), np.stack(by) / (2 * h), atol=1e-7)


def test_nothing_is_lost_far_out() -> None:
    """At ±40 the rare categories still have their probability, and the likely ones their slope."""
    theta = np.array([-40.0, 40.0])
    graded = Graded(1.5, np.array([2.0, 0.5, -1.0]))
    assert graded.probabilities(theta)[[3, 0], [0, 1]] == pytest.approx([np.exp(-61.0), np.exp(-62.0)], rel=1e-12)
    for item in (graded, Dichotomous(1.5, 0.3), Dichotomous(1.5, 0.3, 0.2), DivideByTotal(np.arange(4.0), np.zeros(4))):
        ends = item.log_derivatives(theta)[0]
        assert ends[0, 0] < 0 < ends[-1, 1]
        assert abs(ends[0, 0]) < 1e-15 and abs(ends[-1, 1]) < 1e-15


def test_a_generalised_partial_credit_item_of_two_categories_is_a_2pl() -> None:
    two = DivideByTotal(np.array([0.0, 1.7]), np.array([0.0, -0.4]))
    assert np.allclose(two.probabilities(THETA), Dichotomous(1.7, -0.4).probabilities(THETA), atol=1e-15)
    assert np.allclose(two.log_derivatives(THETA), Dichotomous(1.7, -0.4).log_derivatives(THETA), atol=1e-15)
    assert np.allclose(softmax([0.0, 1.7 * 0.4 - 0.4]), two.probabilities(np.array([0.4]))[:, 0])
