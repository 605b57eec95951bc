"""The conditional standard error of measurement: by hand, and that it adds up to the SEM."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from score_sets import points, with_nan

from engine.measurementerror import conditional_sem
from engine.reliability import reliability_coefficients


def test_by_hand() -> None:
    """Four persons, two items of means 0.5: the two with total 1 deviate by (±0.5, ∓0.5), the others not at all."""
    table = conditional_sem([[0, 0], [1, 0], [0, 1], [1, 1]])
    assert table["total"].to_pylist() == [0, 1, 2]
    assert table["n"].to_pylist() == [1, 2, 1]
    assert table["sem"].to_pylist() == pytest.approx([0, math.sqrt(2 * 0.5 * 4 / 3), 0])
    assert table["sem_binomial"].to_pylist() == [0, 1, 0]
    assert conditional_sem([[0, 2], [1, 1]])["sem_binomial"].to_pylist() == [None]


def test_a_known_error_is_found() -> None:
    """Persons of a true rate p answer 40 like items: the error of their total is √(40·p·(1 - p))."""
    random = np.random.default_rng(1)
    rates = random.uniform(0.05, 0.95, 20_000)
    scores = (random.random((20_000, 40)) < rates[:, None]).astype(float)
    for row in conditional_sem(scores).to_pylist():
        assert row["sem"] == pytest.approx(row["sem_binomial"], rel=0.02, abs=0.05)


@settings(deadline=None)
@given(points())
def test_mean_square_is_that_of_the_sem(points: np.ndarray) -> None:
    scores = with_nan(points)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = conditional_sem(scores)
    whole = points[(points >= 0).all(axis=1)]
    assert sum(table["n"].to_pylist()) == len(whole)
    assert all(value is None or math.isfinite(value) for column in table.columns for value in column.to_pylist())
    if len(whole) < 2 or whole.shape[1] < 2:
        assert set(table["sem"].to_pylist()) <= {None}
        return
    mean_square = sum(n * sem**2 for n, sem in zip(table["n"].to_pylist(), table["sem"].to_pylist(), strict=True))
    found = reliability_coefficients(whole)
    if found.sem is not None and (np.ptp(whole, axis=0) > 0).all():
        assert mean_square / len(whole) == pytest.approx(found.sem**2, rel=1e-9, abs=1e-9)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(persons, items\)"):
        conditional_sem([1, 2])
