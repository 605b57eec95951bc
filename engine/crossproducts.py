"""CrossProducts: what covariances, correlations and reliability need of a matrix of scores; it adds, like the Tally.

For each pair of items it holds counts and sums over the persons who have a score on both, so answers that are missing
are left out pair by pair. All of it is exact integers, in units of the smallest step of the points: the result does
not depend on the order of persons, on how they were split into parts, or on the number of threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

# Sums below these are exact in the floats that BLAS works with.
_EXACT = {np.float32: 2**24, np.float64: 2**53}
_ROWS = 16384  # of a block: what stays in the cache


@dataclass(frozen=True, eq=False)
class CrossProducts:
    """Sums of products of the scores on k items.

    Attributes:
        step: the unit of the scores, in points.
        persons: all of them, with or without scores.
        n: (k, k) int64, persons with a score on both items.
        sums: (k, k) int64, [i, j] the sum of the scores on item i of the persons with a score on both.
        squares: (k, k) int64, the same of the squared scores on item i.
        products: (k, k) int64, the sum of the products of both scores.
    """

    step: Fraction
    persons: int
    n: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    products: np.ndarray

    @staticmethod
    def of(scores: ArrayLike | CrossProducts, step: Fraction | float | str = 1) -> CrossProducts:
        """From a matrix of scores.

        Args:
            scores: (persons, items), in points; NaN is missing. CrossProducts are returned as they are.
            step: the unit of points that every score is a whole multiple of, e.g. 0.5 or "1/3".

        Raises:
            ValueError: it is no such matrix, or a score is infinite, too large or no multiple of the step.
        """
        if isinstance(scores, CrossProducts):
            return scores
        scores = np.asarray(scores, dtype=np.float64)
        if scores.ndim != 2:
            raise ValueError(f"scores must be (persons, items), not an array of shape {scores.shape}")
        unit = Fraction(str(step))
        if unit <= 0:
            raise ValueError(f"step must be positive, not {step}")
        result = _nothing(scores.shape[1], unit)
        for start in range(0, len(scores), _ROWS):
            block = scores[start : start + _ROWS]
            present = ~np.isnan(block)
            units = np.where(present, block, 0) * unit.denominator / unit.numerator
            points = np.rint(np.nan_to_num(units))
            odd = ~(np.abs(units - points) < 1e-6)
            if odd.any():
                raise ValueError(f"the score {block[odd][0]:g} is no multiple of the step {unit}: give their step")
            result += CrossProducts.of_points(points.astype(np.int64), present, unit)
        return result

    @staticmethod
    def of_points(points: np.ndarray, present: np.ndarray | None = None, step: Fraction = Fraction(1)) -> CrossProducts:
        """From points in steps.

        Args:
            points: (persons, items) integers.
            present: (persons, items) bool, which of them are there; None: all.
            step: the unit, in points.

        Raises:
            ValueError: a score is above 94 million steps.
        """
        persons, items = points.shape
        largest = max(int(points.max(initial=1)), -int(points.min(initial=0)))
        kind = np.float32 if largest**2 * 512 <= _EXACT[np.float32] else np.float64
        if largest**2 > _EXACT[kind]:
            raise ValueError(f"a score of {largest} steps is too large: its square is no exact float any more")
        rows = min(_ROWS, _EXACT[kind] // largest**2)
        result = _nothing(items, step)
        for start in range(0, persons, rows):
            here = None if present is None else present[start : start + rows]
            result += _block(points[start : start + rows], here, kind, step)
        return result

    @property
    def items(self) -> int:
        """Number of items, k."""
        return len(self.n)

    @property
    def complete(self) -> bool:
        """Whether every person has a score on every item."""
        return bool((self.n == self.persons).all())

    def __add__(self, other: CrossProducts) -> CrossProducts:
        """The sums over both sets of persons.

        Raises:
            ValueError: they are not of the same number of items, or not in the same step.
        """
        if (self.items, self.step) != (other.items, other.step):
            raise ValueError(f"{self.items} items in steps of {self.step}, and {other.items} in steps of {other.step}")
        return CrossProducts(
            self.step,
            self.persons + other.persons,
            self.n + other.n,
            self.sums + other.sums,
            self.squares + other.squares,
            self.products + other.products,
        )

    def select(self, items: ArrayLike) -> CrossProducts:
        """Those of some items: their indices, or a mask of length k."""
        chosen = np.arange(self.items)[np.asarray(items)]
        parts = (matrix[np.ix_(chosen, chosen)] for matrix in (self.n, self.sums, self.squares, self.products))
        return CrossProducts(self.step, self.persons, *parts)

    def varies(self) -> np.ndarray:
        """(k,) bool: the items on which persons differ."""
        n, sums, squares = (np.diagonal(m).astype(object) for m in (self.n, self.sums, self.squares))
        return np.array(n * squares > sums**2, dtype=bool)

    def covariance(self) -> np.ndarray:
        """(k, k) covariances with denominator n - 1, pairwise: R's cov(x, use="pairwise"). NaN of fewer than 2."""
        n, spread = self.n.astype(object), self._spread(self.products, self.sums.T)
        unit = float(self.step) ** 2
        return _ratio(spread, n * (n - 1)) * unit

    def correlation(self) -> np.ndarray:
        """(k, k) Pearson correlations, pairwise: R's cor(x, use="pairwise"). NaN where an item does not vary."""
        both = self._spread(self.squares, self.sums)
        root = np.vectorize(math.sqrt, otypes=[float])(both * both.T)
        spread = self._spread(self.products, self.sums.T).astype(float)
        return np.divide(spread, root, out=np.full(root.shape, np.nan), where=root > 0)

    def _spread(self, products: np.ndarray, others: np.ndarray) -> np.ndarray:
        """n·Σxy - Σx·Σy, in integers without bounds: int64 is too short for a province."""
        return self.n.astype(object) * products.astype(object) - self.sums.astype(object) * others.astype(object)


def standardized(covariance: np.ndarray) -> np.ndarray:
    """The correlation matrix of a covariance matrix (R's cov2cor); NaN where a variance is not positive."""
    variance = np.diagonal(covariance)
    sd = np.sqrt(np.where(variance > 0, variance, np.nan))
    return covariance / sd / sd[:, None]


def total_variance(covariance: np.ndarray) -> float:
    """Variance of the total score, the sum of all covariances; 0 where rounding leaves next to nothing, or NaN."""
    total = float(covariance.sum())
    return total if total > 1e-12 * float(np.trace(covariance)) else 0.0


def _nothing(items: int, step: Fraction) -> CrossProducts:
    return CrossProducts(step, 0, *(np.zeros((items, items), dtype=np.int64) for _ in range(4)))


def _block(points: np.ndarray, present: np.ndarray | None, kind: type, step: Fraction) -> CrossProducts:
    """The sums of so few persons that floats of this kind hold them exactly."""
    persons, items = points.shape
    if present is None or present.all():
        x: np.ndarray = points.astype(kind)
        n = np.full((items, items), persons)
        sums, squares = (np.repeat(s.sum(axis=0, dtype=np.float64)[:, None], items, 1) for s in (x, x * x))
    else:
        there: np.ndarray = present.astype(kind)
        x = points.astype(kind) * there
        n, sums, squares = there.T @ there, x.T @ there, (x * x).T @ there
    return CrossProducts(step, persons, *(np.asarray(m).astype(np.int64) for m in (n, sums, squares, x.T @ x)))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Exact integers divided and rounded once; NaN where the denominator is 0."""
    defined = denominator > 0
    quotient = np.full(numerator.shape, np.nan)
    quotient[defined] = (numerator[defined] / denominator[defined]).astype(float)
    return quotient
