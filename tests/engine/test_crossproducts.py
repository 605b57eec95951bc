"""CrossProducts against sums over pairs of items, and that they add exactly."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_sets import points, with_nan

from engine.crossproducts import CrossProducts, standardized

PARTS = ("n", "sums", "squares", "products")


@settings(deadline=None)
@given(points(), points(), st.sampled_from(["1", "0.5", "1/3"]))
def test_equals_the_sums_over_pairs_and_adds(first: np.ndarray, second: np.ndarray, step: str) -> None:
    unit = float(Fraction(step))
    whole = CrossProducts.of(with_nan(first) * unit, step)
    assert whole.persons == len(first)
    for i, x in enumerate(first.T):
        for j, y in enumerate(first.T):
            both = (x >= 0) & (y >= 0)
            a, b = x[both], y[both]
            expected = (both.sum(), a.sum(), (a * a).sum(), (a * b).sum())
            assert tuple(getattr(whole, name)[i, j] for name in PARTS) == expected
            for matrix, of in ((whole.covariance(), np.cov), (whole.correlation(), np.corrcoef)):
                if len(a) < 2 or (of is np.corrcoef and (np.ptp(a) == 0 or np.ptp(b) == 0)):
                    assert np.isnan(matrix[i, j])
                else:
                    plain = of(a * unit, b * unit)[0, 1]
                    assert matrix[i, j] == pytest.approx(plain, rel=1e-9, abs=1e-12)
    assert whole.varies().tolist() == [np.ptp(x[x >= 0]) > 0 if (x >= 0).any() else False for x in first.T]
    if first.shape[1] == second.shape[1]:
        added = whole + CrossProducts.of(with_nan(second) * unit, step)
        together = CrossProducts.of(with_nan(np.vstack([first, second])) * unit, step)
        assert added.persons == together.persons
        assert all((getattr(added, name) == getattr(together, name)).all() for name in PARTS)


@pytest.mark.parametrize(
    ("largest", "kind"), [(1, np.int8), (127, np.int8), (150, np.int64), (30_000, np.int16), (2_000_000, np.int32)]
)
def test_large_sums_are_exact(largest: int, kind: type) -> None:
    """Sums go beyond what a float32 or a float64 holds, squares beyond the kind of integer."""
    x = np.random.default_rng(1).integers(largest // 2, largest + 1, (40_000, 3))
    x[0] = -largest
    counted = CrossProducts.of_points(x.astype(kind))
    assert counted.products.tolist() == (x.T @ x).tolist()
    assert counted.squares[1].tolist() == [int((x[:, 1] ** 2).sum())] * 3
    present = np.random.default_rng(2).random(x.shape) < 0.7
    counted = CrossProducts.of_points(x.astype(kind), present)
    filled = np.where(present, x, 0)
    assert counted.products.tolist() == (filled.T @ filled).tolist()
    assert counted.sums.tolist() == (filled.T @ present.astype(int)).tolist()


def test_covariances_of_millions_do_not_overflow() -> None:
    block = CrossProducts.of_points(np.array([[300, 1], [299, 0]]))
    for _ in range(30):  # 2³¹ persons
        block += block
    assert block.products[0, 0] == 2**30 * (300**2 + 299**2)
    assert block.covariance() == pytest.approx(np.full((2, 2), 0.25), rel=1e-9)
    assert block.correlation().tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_select() -> None:
    scores = np.array([[1, 2, np.nan], [0, 5, 1], [1, 1, 1]])
    some = CrossProducts.of(scores).select([True, False, True])
    expected = CrossProducts.of(scores[:, [0, 2]])
    assert all((getattr(some, name) == getattr(expected, name)).all() for name in PARTS)
    assert not some.complete


def test_standardized() -> None:
    matrix = standardized(np.array([[4.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    assert matrix[:2, :2].tolist() == [[1.0, 0.5], [0.5, 1.0]]
    assert np.isnan(matrix[2]).all()


@pytest.mark.parametrize(
    ("scores", "step", "message"),
    [
        ([1.0, 2.0], 1, "must be"),
        ([[1.0, 0.5]], 1, "0.5 is no multiple of the step 1"),
        ([[1.0, np.inf]], 1, "inf is no multiple"),
        ([[1.0]], 0, "must be positive"),
        ([[1e9]], 1, "1000000000 steps is too large"),
    ],
)
def test_what_is_refused(scores: list, step: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CrossProducts.of(scores, step)


def test_different_tests_do_not_add() -> None:
    one, other = CrossProducts.of(np.ones((2, 2))), CrossProducts.of(np.ones((2, 3)))
    with pytest.raises(ValueError, match="2 items in steps of 1, and 3 in steps of 1"):
        one + other
    with pytest.raises(ValueError, match="in steps of 1/2"):
        one + CrossProducts.of(np.ones((2, 2)), "1/2")
