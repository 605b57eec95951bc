"""Kernel equating with a Gaussian kernel (von Davier, Holland & Thayer, 2004), by the conventions of R's kequate.

The discrete distribution is made continuous so that it keeps its mean and variance (n - 1, as in kequate); a score goes
to the score of the same rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from engine.errors import InputError
from engine.linking.frequencies import Array, Frequencies

WIDEST = 4.0  # steps: the largest bandwidth the penalty rule looks at
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Continuous:
    """F(t) = Σ r_j Φ((t - a·x_j - (1 - a)·μ) / (a·h)), a² = σ² / (σ² + h²).

    Args:
        scores: the discrete distribution.
        bandwidth: h > 0, in points. A large one (1000 sd) makes kernel equating linear.
    """

    scores: Frequencies
    bandwidth: float

    def __post_init__(self) -> None:
        if not self.bandwidth > 0:
            raise ValueError(f"bandwidth {self.bandwidth}: it must be above 0")
        if not self.scores.variance > 0:
            raise InputError("all pupils have the same score: kernel equating needs scores that differ")

    @property
    def shrinkage(self) -> float:
        """a"""
        variance = self.scores.variance
        return (variance / (variance + self.bandwidth**2)) ** 0.5

    @property
    def width(self) -> float:
        """a·h, the standard deviation of the normal distribution around each score."""
        return self.shrinkage * self.bandwidth

    @property
    def centres(self) -> Array:
        """a·x_j + (1 - a)·μ"""
        return self.shrinkage * self.scores.scores + (1 - self.shrinkage) * self.scores.mean

    def _deviates(self, points: Array) -> Array:
        return (points[:, None] - self.centres) / self.width

    def below(self, points: Array) -> Array:
        """F"""
        return ndtr(self._deviates(points)) @ self.scores.proportions

    def above(self, points: Array) -> Array:
        """1 - F, precise where F is near 1."""
        return ndtr(-self._deviates(points)) @ self.scores.proportions

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
        points = np.full(len(below), self.scores.mean)
        for _ in range(200):
            tail = np.maximum(np.where(lower, self.below(points), self.above(points)), TINY)
            error = np.where(lower, 1, -1) * (np.log(tail) - target)
            high, low = np.where(error > 0, points, high), np.where(error > 0, low, points)
            new = points - error * tail / np.maximum(self.density(points), TINY)
            new = np.where((new > low) & (new < high), new, (low + high) / 2)
            moved, points = np.abs(new - points).max(), new
            if moved <= 1e-13 * (high - low + np.abs(points)).max():
                break
        return points


def penalty_bandwidth(scores: Frequencies) -> float:
    """The bandwidth of at most 4 steps whose density is closest to the proportions (PEN1: least squares).

    By Brent's bounded search, as R's optimize, which kequate calls: where there are several minima, the same is found.
    """

    def penalty(steps: float) -> float:
        density = Continuous(scores, steps * scores.step).density(scores.scores)
        return float(((scores.proportions - density * scores.step) ** 2).sum())

    search = minimize_scalar(penalty, bounds=(0, WIDEST), method="bounded", options={"xatol": 1.5e-8})
    return float(search.x) * scores.step


def continuous(distributions: tuple[Frequencies, ...], bandwidth: float | tuple[float, ...] | None) -> list[Continuous]:
    """Each with its bandwidth, all with the one given, or by the penalty rule."""
    if bandwidth is None:
        bandwidth = tuple(penalty_bandwidth(each) for each in distributions)
    elif not isinstance(bandwidth, tuple):
        bandwidth = (bandwidth,) * len(distributions)
    if len(bandwidth) != len(distributions):
        raise ValueError(f"{len(bandwidth)} bandwidths given, {len(distributions)} needed")
    return [Continuous(each, h) for each, h in zip(distributions, bandwidth, strict=True)]


def bandwidths(distributions: list[Continuous]) -> tuple[float, ...]:
    return tuple(each.bandwidth for each in distributions)


def link(points: Array, x: Continuous, y: Continuous) -> Array:
    return y.quantiles(x.below(points), x.above(points))


def link_chained(points: Array, chain: list[Continuous]) -> Array:
    """X to the anchor among those who took X, the anchor to Y among those who took Y: `chain` is X, V, V, Y."""
    x, x_anchor, y_anchor, y = chain
    return link(link(points, x, x_anchor), y_anchor, y)


def standard_errors(x: Continuous, y: Continuous) -> Array:
    """Of `link` at the scores of X, for samples drawn independently, bandwidths as given: the delta method."""
    points = x.scores.scores
    linked = link(points, x, y)
    by_x = x.gradient(points) @ x.scores.covariance_factor()
    by_y = y.gradient(linked) @ y.scores.covariance_factor()
    return np.sqrt((by_x**2).sum(axis=1) + (by_y**2).sum(axis=1)) / np.maximum(y.density(linked), TINY)
