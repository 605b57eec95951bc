"""Chains along the roll against dense normal distributions; what they find in a roll that was made with them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.tracing.roll import Chain, Roll, level_chain


def dense(chain: Chain, position: np.ndarray, value: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, float]:
    """What `Chain.left_out` gives of one chain, with all covariances written out."""
    apart = np.abs(position[:, None] - position)
    prior = chain.variance * np.exp(-chain.rate * apart) + chain.near_variance * np.exp(-chain.near_rate * apart)
    seen = np.flatnonzero(precision)
    noisy = prior[np.ix_(seen, seen)] + np.diag(1 / precision[seen])
    whole = value[seen] @ np.linalg.solve(noisy, value[seen])
    loglik = -(np.linalg.slogdet(noisy)[1] + np.log(precision[seen]).sum() + whole) / 2
    rest = np.empty((len(value), 2))
    for t in range(len(value)):
        others = seen[seen != t]
        weights = np.linalg.solve(prior[np.ix_(others, others)] + np.diag(1 / precision[others]), prior[others, t])
        rest[t] = weights @ value[others], prior[t, t] - weights @ prior[others, t]
    return rest, float(loglik)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    variance=st.floats(0.01, 3),
    rate=st.floats(1e-3, 2),
    near_variance=st.sampled_from([0.0, 0.1, 2.0]),
    near_rate=st.floats(0.01, 20),
)
def test_left_out_as_with_dense_matrices(
    seed: int, sizes: list[int], variance: float, rate: float, near_variance: float, near_rate: float
) -> None:
    rng = np.random.default_rng(seed)
    chain = Chain(variance, rate, near_variance, near_rate)
    first = np.concatenate([[0], np.cumsum(sizes)])
    n = int(first[-1])
    position = np.concatenate([np.sort(rng.integers(0, 30, size)).astype(float) for size in sizes] or [np.zeros(0)])
    value, precision = rng.normal(size=n), rng.exponential(size=n) * (rng.random(n) < 0.8)
    rest, loglik = chain.left_out(first, position, value, precision)
    expected = [
        dense(chain, *(part[start:stop] for part in (position, value, precision)))
        for start, stop in itertools.pairwise(first)
    ]
    assert loglik == pytest.approx(sum(one for _, one in expected), abs=1e-8)
    assert rest == pytest.approx(np.concatenate([one for one, _ in expected]), abs=1e-8)


def levels(parts: list[tuple[float, float]], n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, levels with noise, and its precisions: chains of these variances and rates, the rest each pupil's."""
    rng = np.random.default_rng(3)
    level = rng.normal(0, np.sqrt(1 - sum(variance for variance, _ in parts)), n)
    for variance, rate in parts:
        chain = rng.normal(0, np.sqrt(variance), n)
        decay = np.exp(-rate)
        for t in range(1, n):
            chain[t] = decay * chain[t - 1] + np.sqrt(1 - decay**2) * chain[t]
        level += chain
    return np.arange(n, dtype=float), level + rng.normal(0, 0.5, n), np.full(n, 4.0)


def test_what_is_shared_near_and_far_is_told_apart() -> None:
    found = level_chain(*levels([(0.3, 0.005), (0.3, 0.4)]), Chain())
    assert found.variance == pytest.approx(0.3, abs=0.12)
    assert found.near_variance == pytest.approx(0.3, abs=0.08)
    assert found.rate < 0.02 < 0.2 < found.near_rate < 0.8


def test_one_part_is_taken_for_one_and_none_for_none() -> None:
    one = level_chain(*levels([(0.4, 0.05)]), Chain())
    assert one.near_variance == 0
    assert one.variance == pytest.approx(0.4, abs=0.1)
    nothing = level_chain(*levels([]), Chain())
    assert nothing.total * np.exp(-nothing.rate) < 0.04  # of what pupils side by side share


def test_of_known_classes_there_is_but_one_part() -> None:
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(100), 40)
    roll = Roll.of(4000, np.arange(4000), group)
    value = rng.normal(0, np.sqrt(0.3), 100)[group] + rng.normal(0, np.sqrt(0.7), 4000) + rng.normal(0, 0.5, 4000)
    found = level_chain(roll.position, value, np.full(4000, 4.0), Chain())
    assert found.near_variance == 0
    assert found.variance == pytest.approx(0.3, abs=0.1)
