"""What items and tests tell about ability: Fisher information, expected scores, marginal reliability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.integrate import quad

from engine.curves import Curves


def item_information(items: Sequence[Curves], theta: np.ndarray) -> np.ndarray:
    """Fisher information of each item, Σ P'² / P over its categories, shape (n_items, n_theta)."""
    return np.stack([information(item, np.asarray(theta, dtype=float))[0] for item in items])


def test_information(items: Sequence[Curves], theta: np.ndarray) -> np.ndarray:
    """Information of the test, shape (n_theta,); 1 / √ of it is the standard error of a maximum likelihood ability."""
    return item_information(items, theta).sum(axis=0)


def expected_score(
    items: Sequence[Curves], theta: np.ndarray, points: Sequence[np.ndarray] | None = None
) -> np.ndarray:
    """Expected total score at each theta, shape (n_theta,).

    Args:
        points: what each category of each item is worth; default 0, 1, …, K - 1. (mirt's expected.test adds the lowest
            observed code of each item to that, also where codes have gaps.)
    """
    theta = np.asarray(theta, dtype=float)
    if points is None:
        points = [np.arange(item.n_categories) for item in items]
    return sum(
        (worth @ item.probabilities(theta) for worth, item in zip(points, items, strict=True)), np.zeros_like(theta)
    )


def marginal_reliability(items: Sequence[Curves], *, variance: float = 1.0) -> float:
    """Mean over the latent distribution N(0, variance) of I / (I + 1 / variance) (Green et al., 1984)."""
    sd = variance**0.5

    def integrand(z: float) -> float:
        known = float(test_information(items, np.array([z * sd]))[0])
        return known / (known + 1 / variance) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    return float(quad(integrand, -np.inf, np.inf)[0])


def information(item: Curves, theta: np.ndarray) -> np.ndarray:
    """Information of one item and its first two derivatives by theta, shape (3, n_theta)."""
    p = item.probabilities(theta)
    l1, l2, l3 = item.log_derivatives(theta)
    square = l1 * l1
    terms = square, l1 * (square + 2 * l2), square * (square + 5 * l2) + 2 * (l2 * l2 + l1 * l3)
    return np.stack([(p * term).sum(axis=0) for term in terms])
