"""Comparisons of schools and classes with all pupils: intervals as in the books, and what chance does to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.compare import chance_of_fewer, clearly_lower, compare, false_discovery
from engine.diagnosis import wilson

RIGHT_WRONG = {"max": 1.0, "difficulty": 0.9, "sd": 0.3}


def test_comparison_is_students_interval_of_a_mean() -> None:
    unit = {"mean": 60.0, "sd": 10.0, "n": 26}
    how = compare(unit, 55.0)
    assert how.gap == 5 and how.half == pytest.approx(2 * stats.t.ppf(0.975, 25)) and how.verdict == "above"
    assert compare(unit, 63.5).verdict == "same"
    assert compare(unit, 64.5).verdict == "below"
    assert compare({"mean": 60.0, "sd": 10.0, "n": 4}, 10.0).verdict == "unknown"
    assert compare(None, 10.0).verdict == "unknown"


def test_a_small_unit_of_average_pupils_is_called_different_in_one_case_of_twenty() -> None:
    totals = np.random.default_rng(1).normal(60, 10, (20_000, 5))
    verdicts = [
        compare({"mean": mean, "sd": sd, "n": 5}, 60.0).verdict
        for mean, sd in zip(totals.mean(axis=1), totals.std(axis=1), strict=True)
    ]
    assert np.mean([verdict != "same" for verdict in verdicts]) == pytest.approx(0.05, abs=0.005)


def test_clearly_lower_needs_size_and_certainty() -> None:
    half_right = np.array([0.0, 1.0] * 20)
    assert clearly_lower(half_right, RIGHT_WRONG)
    assert not clearly_lower(half_right, {"max": 1.0, "difficulty": 0.6, "sd": 0.49})  # 0.1 below, but uncertain
    assert not clearly_lower(np.full(40, 0.97), {"max": 1.0, "difficulty": 0.99, "sd": 0.05})  # certain, but small
    assert not clearly_lower(np.array([0.0, np.nan, 0.0]), RIGHT_WRONG)  # too few
    assert not clearly_lower(half_right, {})


def test_five_pupils_who_all_failed_a_hard_item_prove_nothing() -> None:
    """With one right in ten, five pupils of any school all fail it in 59 % of the cases."""
    assert not clearly_lower(np.zeros(5), {"max": 1.0, "difficulty": 0.1, "sd": 0.3})


@pytest.mark.parametrize("n", [8, 25, 60])
@pytest.mark.parametrize("reference", [0.3, 0.5, 0.8])
def test_of_a_right_wrong_item_it_is_wilsons_interval(n: int, reference: float) -> None:
    item = {"max": 2.0, "difficulty": reference, "sd": 2 * (reference * (1 - reference)) ** 0.5}
    for right in range(n + 1):
        points = np.where(np.arange(n) < right, 2.0, 0.0)
        rate = np.array(right / n)
        upper = wilson(rate, np.array(float(n)), 0.95)[1]
        assert clearly_lower(points, item, least=0.0) == bool(upper < reference and rate < reference)


def test_chance_of_fewer_is_the_binomial_distribution() -> None:
    found = chance_of_fewer(np.array([0, 3, 5, 0]), np.array([5, 5, 5, 0]), np.array([0.5, 0.5, 0.2, 0.9]))
    assert found == pytest.approx([1 / 32, 26 / 32, 1, 1])
    assert chance_of_fewer(np.array([2, 2]), np.array(2), np.array([0.0, 1.0])) == pytest.approx([1, 1])


def test_false_discovery_as_published() -> None:
    """The fifteen tests of Benjamini & Hochberg 1995, §4: the first four are found at 0.05."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1,
    ]
    adjusted = false_discovery(np.array(p))
    assert (adjusted <= 0.05).sum() == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


@given(
    st.lists(st.lists(st.sampled_from([0, 1e-4, 0.01, 0.02, 0.5, 1]), min_size=4, max_size=4), min_size=1, max_size=5)
)
def test_false_discovery_agrees_with_scipy_along_an_axis(rows) -> None:
    p = np.array(rows, float)
    assert false_discovery(p, axis=1) == pytest.approx(stats.false_discovery_control(p, axis=1))
    assert false_discovery(p.T, axis=0) == pytest.approx(stats.false_discovery_control(p.T, axis=0))
    untested = np.column_stack([p, np.full(len(p), np.nan)])
    assert false_discovery(untested, axis=1)[:, :-1] == pytest.approx(false_discovery(p, axis=1))
    assert np.isnan(false_discovery(untested)[:, -1]).all()
