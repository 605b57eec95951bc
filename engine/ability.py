"""Abilities of pupils when the items' response curves are known: EAP, MAP, WLE and ML with their standard errors.

Conventions are those of R's mirt (Chalmers, 2012), `fscores`:

- EAP: posterior mean and standard deviation on 121 equally spaced nodes of [-6, 6] whatever the latent variance, with
  normalised normal weights. (Twice as fine as the 61 nodes of estimation and of fit.)
- MAP, WLE, ML: where the log posterior, ln(L·√I) and ln L are highest; standard error 1 / √(minus the second
  derivative of that function there).
- ln(L·√I) is Warm's (1989) estimate for Rasch, 2PL and (generalised) partial credit; for the 3PL and graded responses
  it is the mode under Jeffreys' prior, which differs a little from Warm's formula.

Missing answers are left out of the likelihood. A pupil without answers, or with answers only to items that say nothing
of ability, has the prior's mean and standard deviation as EAP and MAP, and NaN as WLE and ML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from engine.curves import Curves
from engine.information import information

Method = Literal["eap", "map", "wle", "ml"]

BLOCK = 4096  # pupils at once: their tables stay in the cache
LIMIT = 20.0  # estimates are sought in ± this
MOST_SE = 1e4  # a less certain estimate near ±20 lies on a plateau that reaches beyond
STEPS = 60  # of Newton or bisection; bisection alone needs 40 from one grid point to the next


@dataclass(frozen=True)
class Abilities:
    """theta and its standard error, each of shape (n_pupils,)."""

    theta: np.ndarray
    se: np.ndarray


def abilities(
    x: np.ndarray, items: Sequence[Curves], method: Method = "eap", *, mean: float = 0.0, variance: float = 1.0
) -> Abilities:
    """Ability of every pupil.

    Args:
        x: (n_pupils, n_items), category numbers 0 … K - 1; NaN or negative is missing.
        items: the response curves of the items.
        mean, variance: of the latent normal distribution (for EAP and MAP).

    Returns:
        theta and standard errors. Where the function still rises at ±20 (ML: perfect and zero patterns), theta is
        ±inf and se inf. Where nothing is known (see above), NaN.

    Raises:
        ValueError: x does not fit the items, or variance is not positive.
    """
    if method not in ("eap", "map", "wle", "ml"):
        raise ValueError(f"method {method!r}: expected 'eap', 'map', 'wle' or 'ml'")
    if not variance > 0:
        raise ValueError(f"variance {variance}: expected more than 0")
    patterns, place = distinct(category_numbers(x, items))
    theta, se = np.empty(len(patterns)), np.empty(len(patterns))
    estimate = _Eap(items, mean, variance) if method == "eap" else _Mode(items, method, mean, variance)
    for block in blocks(len(patterns)):
        theta[block], se[block] = estimate(patterns[block])
    return Abilities(theta[place], se[place])


def empirical_reliability(estimates: Abilities) -> float | None:
    """var(theta) / (var(theta) + mean(se²)) over the pupils with finite values, var with n - 1 as in mirt.

    None with fewer than two such pupils or when nothing varies.
    """
    known = np.isfinite(estimates.theta) & np.isfinite(estimates.se)
    if known.sum() < 2:
        return None
    true, error = np.var(estimates.theta[known], ddof=1), np.mean(estimates.se[known] ** 2)
    return float(true / (true + error)) if true + error > 0 else None


def quadrature(mean: float = 0.0, variance: float = 1.0, n: int = 61) -> tuple[np.ndarray, np.ndarray]:
    """n equally spaced nodes on [-6, 6] and the normal density there, normalised to sum to 1; each (n,)."""
    nodes = np.linspace(-6.0, 6.0, n)
    return nodes, posterior(log_normal(nodes, mean, variance)[None])[0]


def log_normal(theta: np.ndarray, mean: float, variance: float) -> np.ndarray:
    """Logarithm of the normal density, save for a constant."""
    return -((theta - mean) ** 2) / (2 * variance)


def posterior(log_joint: np.ndarray) -> np.ndarray:
    """Shares that sum to 1 in every row from their logarithms save for a constant, (n_pupils, n_nodes)."""
    share = log_joint - log_joint.max(axis=1, keepdims=True)
    np.exp(share, out=share)
    share /= share.sum(axis=1, keepdims=True)
    return share


def category_numbers(x: np.ndarray, items: Sequence[Curves]) -> np.ndarray:
    """x as whole numbers, -1 for what is missing, shape (n_pupils, n_items).

    Raises:
        ValueError: x is not a table with a column an item, or holds what is no category of the item.
    """
    x = np.asarray(x)
    if not items:
        raise ValueError("no items")
    if x.dtype.kind not in "biuf":
        raise ValueError(f"answers of type {x.dtype}: expected numbers")
    if x.ndim != 2 or x.shape[1] != len(items):
        raise ValueError(f"answers of shape {x.shape}: expected (pupils, {len(items)}), a column an item")
    with np.errstate(invalid="ignore"):
        known = x >= 0
        codes = np.where(known, x, -1).astype(np.int16)
    wrong = (known & (codes != x)) | (codes >= np.array([item.n_categories for item in items], dtype=np.int16))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"row {row}, item {column}: {x[row, column]!r} is no category; "
            f"expected 0 to {items[column].n_categories - 1}, NaN or a negative number for missing"
        )
    return codes


def distinct(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different rows of `codes`, and the row of these that each row equals."""
    # A hash of 64 bits instead of a sort of the rows; if ever two rows share one, nothing is collapsed.
    words = np.zeros((len(codes), -(-codes.shape[1] // 4) * 4), dtype=np.int16)
    words[:, : codes.shape[1]] = codes
    hashed = np.zeros(len(codes), dtype=np.uint64)
    for column in words.view(np.uint64).T:
        hashed = (hashed ^ (hashed >> np.uint64(29)) ^ column) * np.uint64(0x9E3779B97F4A7C15)
    _, first, place = np.unique(hashed, return_index=True, return_inverse=True)
    patterns = codes[first]
    if np.array_equal(patterns[place], codes):
        return patterns, place
    return codes, np.arange(len(codes))


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Rows 0 … n - 1, `size` at a time."""
    return (slice(start, start + size) for start in range(0, n, size))


def chosen(codes: np.ndarray, items: Sequence[Curves]) -> csr_array:
    """1 where a category was chosen, else 0: a column a category of an item; `codes` as from `category_numbers`.

    Sparse, so that sums over it are taken in one order whatever the number of threads of the BLAS.
    """
    last = np.cumsum([item.n_categories for item in items])
    known = codes >= 0
    columns = (codes + np.append(0, last[:-1]))[known]
    rows = np.append(0, np.cumsum(known.sum(axis=1)))
    return csr_array((np.ones(len(columns)), columns, rows), shape=(len(codes), last[-1]))


def log_probabilities(items: Sequence[Curves], theta: np.ndarray) -> np.ndarray:
    """ln P, a row a category of an item, as the columns of `chosen`; shape (n_categories, n_theta)."""
    table = np.concatenate([item.probabilities(theta) for item in items])
    return np.log(np.maximum(table, np.finfo(float).tiny))


class _Eap:
    """Posterior mean and standard deviation (Bock & Mislevy, 1982)."""

    def __init__(self, items: Sequence[Curves], mean: float, variance: float) -> None:
        self.items = items
        self.nodes = quadrature(n=121)[0]
        self.prior = log_normal(self.nodes, mean, variance)
        self.table = log_probabilities(items, self.nodes)

    def __call__(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        share = posterior(chosen(codes, self.items) @ self.table + self.prior)
        theta = (share * self.nodes).sum(axis=1)
        return theta, np.sqrt((share * (self.nodes - theta[:, None]) ** 2).sum(axis=1))


class _Mode:
    """Where a function of theta is highest: the best point of a grid, then Newton between its neighbours."""

    def __init__(self, items: Sequence[Curves], method: Method, mean: float, variance: float) -> None:
        self.items, self.method, self.mean, self.variance = items, method, mean, variance
        self.grid = np.linspace(-LIMIT, LIMIT, 81)
        self.table = log_probabilities(items, self.grid)
        each = [information(item, self.grid)[0] for item in items]
        self.information = np.repeat(each, [item.n_categories for item in items], axis=0)

    def __call__(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given = chosen(codes, self.items)
        height = given @ self.table
        nothing = np.ptp(height, axis=1) == 0
        if self.method == "map":
            height += log_normal(self.grid, self.mean, self.variance)
        if self.method == "wle":
            height += np.log(np.maximum(given @ self.information, np.finfo(float).tiny)) / 2
        best = height.argmax(axis=1)
        # rounding makes a plateau of what rises for ever
        best[height[:, -1] >= height.max(axis=1)] = len(self.grid) - 1
        theta, curvature = self._climb(codes, best, self._vertex(height, best))
        with np.errstate(divide="ignore"):
            se = 1 / np.sqrt(np.maximum(curvature, 0))
        at_end = (best == 0) | (best == len(self.grid) - 1)
        endless = (np.abs(theta) >= LIMIT) | (at_end & (se > MOST_SE))
        theta[endless], se[endless] = np.copysign(np.inf, theta[endless]), np.inf
        if self.method != "map":
            theta[nothing] = se[nothing] = np.nan
        return theta, se

    def _vertex(self, height: np.ndarray, best: np.ndarray) -> np.ndarray:
        """Where the parabola through grid[best] and its neighbours is highest; the end of the grid itself."""
        inner = (best > 0) & (best < len(self.grid) - 1)
        rows, middle = np.flatnonzero(inner), best[inner]
        before, at, after = (height[rows, middle + side] for side in (-1, 0, 1))
        bend = before - 2 * at + after
        theta = self.grid[best]
        shift = np.divide(before - after, 2 * bend, out=np.zeros_like(bend), where=bend < 0)
        theta[inner] += shift * (self.grid[1] - self.grid[0])
        return theta

    def _climb(self, codes: np.ndarray, best: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The root of the derivative next to grid[best], or ±LIMIT if it points outwards there; minus its slope."""
        low = self.grid[np.maximum(best - 1, 0)]
        high = self.grid[np.minimum(best + 1, len(self.grid) - 1)]
        curvature = np.empty_like(theta)
        left = np.arange(len(codes))
        for _ in range(STEPS):
            at = theta[left]
            slope, bend = self._derivatives(codes[left], at)
            curvature[left] = -bend
            rising = slope > 0
            low[left[rising]], high[left[~rising]] = at[rising], at[~rising]
            with np.errstate(divide="ignore", invalid="ignore"):
                step = at - slope / bend
            inside = (bend < 0) & (step >= low[left]) & (step <= high[left])
            theta[left] = np.where(inside, step, (low[left] + high[left]) / 2)
            left = left[np.abs(theta[left] - at) > 1e-8]
            if not len(left):
                break
        return theta, curvature

    def _derivatives(self, codes: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative of the function at theta, one a row of `codes`."""
        slope, bend = np.zeros_like(theta), np.zeros_like(theta)
        total = np.zeros((3, len(theta)))
        for item, column in zip(self.items, codes.T, strict=True):
            rows = np.flatnonzero(column >= 0)
            by_theta = item.log_derivatives(theta[rows])
            slope[rows] += by_theta[0][column[rows], np.arange(len(rows))]
            bend[rows] += by_theta[1][column[rows], np.arange(len(rows))]
            if self.method == "wle":
                total[:, rows] += information(item, theta[rows])
        if self.method == "map":
            slope -= (theta - self.mean) / self.variance
            bend -= 1 / self.variance
        if self.method == "wle":
            first, second = np.divide(total[1:], total[0], out=np.zeros_like(total[1:]), where=total[0] > 0)
            slope += first / 2
            bend += (second - first**2) / 2
        return slope, bend
