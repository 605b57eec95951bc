"""Straight lines from X to Y, and the circle-arc."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.linking.frequencies import Array, Frequencies


@dataclass(frozen=True)
class Line:
    """y = slope·x + intercept."""

    slope: float
    intercept: float

    def __call__(self, points: Array) -> Array:
        return self.slope * points + self.intercept


def identity(x: Frequencies, y: Frequencies) -> Line:
    """Lowest possible score of X to lowest of Y, highest to highest: y = x where the scales are equal."""
    slope = (y.scores[-1] - y.scores[0]) / (x.scores[-1] - x.scores[0])
    return Line(float(slope), float(y.scores[0] - slope * x.scores[0]))


def through(x_mean: float, y_mean: float, slope: float) -> Line:
    return Line(slope, y_mean - slope * x_mean)


def mean(x: Frequencies, y: Frequencies) -> Line:
    """Equal means: y - mean(Y) = x - mean(X). Where the scales differ in length, with the slope of `identity`, as R's
    equate has it.
    """
    return through(x.mean, y.mean, identity(x, y).slope)


def ratio_of_sds(x: Frequencies, y: Frequencies) -> float:
    if not (x.sd > 0 and y.sd > 0):
        raise InputError("all pupils have the same score: linear equating needs scores that differ")
    return y.sd / x.sd


def mean_standard_errors(x: Frequencies, y: Frequencies) -> Array:
    """Of mean equating of independent samples."""
    return np.full(len(x.scores), (identity(x, y).slope ** 2 * x.variance / x.n + y.variance / y.n) ** 0.5)


def linear_standard_errors(x: Frequencies, y: Frequencies) -> Array:
    """Of linear equating of independent samples, of any distribution (Braun & Holland, 1982), as in R's equate."""
    z = (x.scores - x.mean) / x.sd
    skewness = (x.skewness or 0) / x.n + (y.skewness or 0) / y.n
    kurtosis = ((x.kurtosis or 0) - 1) / (4 * x.n) + ((y.kurtosis or 0) - 1) / (4 * y.n)
    return np.sqrt(np.maximum(y.variance * (1 / x.n + 1 / y.n + skewness * z + kurtosis * z**2), 0))


@dataclass(frozen=True)
class CircleArc:
    """Simplified circle-arc (Livingston & Kim, 2009): the line through the ends of the scales, plus between them the
    arc through (low, 0), (middle, lift) and (high, 0).
    """

    line: Line
    low: float
    high: float
    middle: float
    lift: float

    @classmethod
    def through(cls, x: Frequencies, y: Frequencies, x_mean: float, y_mean: float) -> CircleArc:
        line = identity(x, y)
        low, high = float(x.scores[0]), float(x.scores[-1])
        if not low < x_mean < high:
            raise InputError(f"the mean of X, {x_mean:g}, must lie inside its scale", mend="use another method")
        return cls(line, low, high, x_mean, y_mean - line(np.array(x_mean)).item())

    def __call__(self, points: Array) -> Array:
        half, lift = (self.high - self.low) / 2, abs(self.lift)
        if lift < 1e-12 * half:
            return self.line(points)
        from_centre = np.clip(points - (self.low + self.high) / 2, -half, half)
        # the centre's height h above the line: (middle - centre)² + (lift - h)² = half² + h²
        height = ((self.middle - self.low - half) ** 2 + lift**2 - half**2) / (2 * lift)
        root = np.sqrt(half**2 - from_centre**2 + height**2)
        # root + height without the difference of two large numbers
        arc = root + height if height > 0 else (half**2 - from_centre**2) / (root - height)
        return self.line(points) + np.sign(self.lift) * np.where(np.abs(from_centre) < half, arc, 0.0)
