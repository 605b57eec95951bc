"""Kernel equating (von Davier, Holland & Thayer, 2004): a score distribution made continuous with a Gaussian kernel.

By the conventions of R's kequate: the continuous distribution keeps the mean and the variance (n - 1); the bandwidth is
found by PEN1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from engine.errors import InputError
from engine.linking.frequencies import Array, Frequencies

WIDEST = 4.0  # steps: the largest bandwidth the penalty rule looks at
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Gaussian:
    """F(t) = Σ r_j Φ((t - a·x_j - (1 - a)·μ) / (a·h)), a² = σ² / (σ² + h²).

    Args:
        scores: the discrete distribution.
        bandwidth: h > 0, in points. A large one (1000 sd) makes equating linear.
    """

    scores: Frequencies
    bandwidth: float

    def __post_init__(self) -> None:
        if not self.bandwidth > 0:
            raise ValueError(f"bandwidth {self.bandwidth}: it must be above 0")
        if not self.scores.variance > 0:
            raise InputError("all pupils have the same score: kernel equating needs scores that differ")

    @cached_property
    def shrinkage(self) -> float:
        """a"""
        variance = self.scores.variance
        return (variance / (variance + self.bandwidth**2)) ** 0.5

    @cached_property
    def width(self) -> float:
        """a·h, the standard deviation of the normal distribution around each score."""
        return self.shrinkage * self.bandwidth

    @cached_property
    def centres(self) -> Array:
        """a·x_j + (1 - a)·μ"""
        return self.shrinkage * self.scores.scores + (1 - self.shrinkage) * self.scores.mean

    def _deviates(self, points: Array) -> Array:
        return (points[:, None] - self.centres) / self.width

    def tails(self, points: Array) -> tuple[Array, Array]:
        """F and 1 - F, the latter precise where F is near 1."""
        deviates = self._deviates(points)
        return ndtr(deviates) @ self.scores.proportions, ndtr(-deviates) @ self.scores.proportions

    def density(self, points: Array) -> Array:
        """F'"""
        normal = np.exp(-0.5 * self._deviates(points) ** 2)
        return normal @ self.scores.proportions / (self.width * np.sqrt(2 * np.pi))

    def gradient(self, points: Array) -> Array:
        """(points, K): derivative of F by the proportion of each score, through mean and variance too."""
        x, a = self.scores.scores, self.shrinkage
        squared = (x - self.scores.mean) ** 2 / self.scores.variance
        moved = 0.5 * (points[:, None] - self.scores.mean) * (1 - a**2) * squared + (1 - a) * x
        return ndtr(self._deviates(points)) - moved * self.density(points)[:, None]

    def quantiles(self, below: Array, above: Array) -> Array:
        """The points with these lower and upper tails: bracketed Newton steps on the logarithm of the smaller."""
        lower = below < above
        target = np.log(np.maximum(np.where(lower, below, above), TINY))
        low = np.full(len(below), self.centres[0] - 40 * self.width)
        high = np.full(len(below), self.centres[-1] + 40 * self.width)
        scores = self.scores.scores
        points = np.interp(below, self.tails(scores)[0], scores)
        for _ in range(200):
            tail = np.maximum(np.where(lower, *self.tails(points)), TINY)
            error = np.where(lower, 1, -1) * (np.log(tail) - target)
            high, low = np.where(error > 0, points, high), np.where(error > 0, low, points)
            new = points - error * tail / np.maximum(self.density(points), TINY)
            new = np.where((new >= low) & (new <= high), new, (low + high) / 2)
            moved, points = np.abs(new - points).max(), new
            if moved <= 1e-13 * (self.scores.step + np.abs(points).max()):
                break
        return points


def penalty_bandwidth(scores: Frequencies) -> float:
    """The bandwidth of at most 4 steps whose density is closest to the proportions (PEN1: least squares).

    By Brent's bounded search, as R's optimize, which kequate calls: where there are several minima, the same is found.
    """

    def penalty(steps: float) -> float:
        density = Gaussian(scores, steps * scores.step).density(scores.scores)
        return float(((scores.proportions - density * scores.step) ** 2).sum())

    search = minimize_scalar(penalty, bounds=(0, WIDEST), method="bounded", options={"xatol": 1.5e-8})
    return float(search.x) * scores.step
