"""The ability scale of one calibration put on that of another by common items: theta_Y = A·theta_X + B.

Kolen & Brennan (2004, ch. 6); Haebara (1980); Stocking & Lord (1983); items of several categories: Kim & Lee (2006).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import least_squares

from engine.ability import quadrature
from engine.curves import Curves, Dichotomous, DivideByTotal, Graded
from engine.errors import InputError
from engine.linking.frequencies import Array

LARGEST = 100.0  # A and 1/A, and B either way: beyond, calibrations have nothing in common
FLAT = 1e-6  # a discrimination, or what a criterion tells of A and B, that is as good as none

Criterion = Literal["mean/mean", "mean/sigma", "haebara", "stocking-lord"]


@dataclass(frozen=True)
class Scale:
    """theta_Y = slope·theta_X + intercept; slope > 0."""

    slope: float
    intercept: float

    def theta(self, theta: Array) -> Array:
        """Abilities of the scale of X on that of Y. Standard errors grow by the slope."""
        return self.slope * np.asarray(theta) + self.intercept

    def items(self, items: Sequence[Curves]) -> list[Curves]:
        """Items of the scale of X on that of Y: a / A and A·b + B."""
        return [self._item(item) for item in items]

    def _item(self, item: Curves) -> Curves:
        shift = self.intercept / self.slope
        match item:
            case Dichotomous():
                return replace(item, slope=item.slope / self.slope, intercept=item.intercept - item.slope * shift)
            case Graded():
                return replace(item, slope=item.slope / self.slope, intercepts=item.intercepts - item.slope * shift)
            case DivideByTotal():
                return replace(item, slopes=item.slopes / self.slope, intercepts=item.intercepts - item.slopes * shift)
        raise TypeError(f"{type(item).__name__} items can't be put on another scale")


def link_scales(x: Sequence[Curves], y: Sequence[Curves], method: Criterion = "stocking-lord") -> Scale:
    """The link from the calibration of X to that of Y.

    Args:
        x, y: the common items, in the same order, as either calibration has them.
        method: "mean/mean" (of slopes, and of difficulties) and "mean/sigma" (of difficulties, all of an item with
            several); "haebara": least squares of the differences between the probabilities of every category, and
            "stocking-lord": between the expected total scores, for abilities N(0, 1) on the scale of Y (61 nodes).

    Raises:
        InputError: no common items, items of different kinds, or ones that the method can't use.
    """
    if [(type(item), item.n_categories) for item in x] != [(type(item), item.n_categories) for item in y]:
        raise InputError("the common items must be the same in both calibrations, in the same order")
    # an item that all answered alike has one category and no parameters
    x, y = ([item for item in items if item.n_categories > 1] for items in (x, y))
    if not x:
        raise InputError("no common items: nothing to link the calibrations by")
    match method:
        case "mean/mean":
            scale = _mean_mean(x, y)
        case "mean/sigma":
            scale = _mean_sigma(x, y)
        case "haebara":
            scale = _by_curves(x, y, _probabilities)
        case "stocking-lord":
            scale = _by_curves(x, y, _expected_scores)
        case _:
            raise ValueError(f"no method {method!r}")
    if max(scale.slope, 1 / scale.slope, abs(scale.intercept)) > 0.99 * LARGEST:
        raise InputError("the common items say too little of ability to link the calibrations", mend="add items")
    return scale


def _mean_mean(x: Sequence[Curves], y: Sequence[Curves]) -> Scale:
    slopes = [np.mean([_slope(item) for item in items]) for items in (x, y)]
    if not min(slopes) > FLAT:
        raise InputError("the mean discrimination of the common items is not above 0", mend="use stocking-lord")
    slope = float(slopes[0] / slopes[1])
    return Scale(slope, float(_difficulties(y).mean() - slope * _difficulties(x).mean()))


def _mean_sigma(x: Sequence[Curves], y: Sequence[Curves]) -> Scale:
    x_difficulties, y_difficulties = _difficulties(x), _difficulties(y)
    if not (np.ptp(x_difficulties) > 0 and np.ptp(y_difficulties) > 0):
        raise InputError("the common items are all equally difficult", mend="use mean/mean or stocking-lord")
    slope = float(y_difficulties.std() / x_difficulties.std())
    return Scale(slope, float(y_difficulties.mean() - slope * x_difficulties.mean()))


def _slope(item: Curves) -> float:
    """Discrimination; of partial credit and nominal items the mean step between the slopes of categories."""
    match item:
        case Dichotomous() | Graded():
            return item.slope
        case DivideByTotal():
            return float(np.diff(item.slopes).mean())
    raise TypeError(f"{type(item).__name__} items have no known discrimination")


def _difficulties(items: Sequence[Curves]) -> Array:
    """All b: where the probability of a category or higher is a half (apart from guessing), or where the curves of
    neighbouring categories cross.
    """
    slopes, intercepts = [], []
    for item in items:
        match item:
            case Dichotomous():
                slopes.append([item.slope])
                intercepts.append([item.intercept])
            case Graded():
                slopes.append([item.slope] * len(item.intercepts))
                intercepts.append(list(item.intercepts))
            case DivideByTotal():
                slopes.append(list(np.diff(item.slopes)))
                intercepts.append(list(np.diff(item.intercepts)))
    a, d = np.concatenate(slopes), np.concatenate(intercepts)
    if (np.abs(a) < FLAT).any():
        raise InputError("a common item has discrimination 0, thus no difficulty", mend="leave it out")
    return -d / a


def _by_curves(x: Sequence[Curves], y: Sequence[Curves], curves: Callable[[Sequence[Curves], Array], Array]) -> Scale:
    """Least squares of `curves` of X at (theta - B) / A from those of Y at theta, by ln A and B."""
    nodes, weights = quadrature()
    root = np.sqrt(weights)
    target = curves(y, nodes)[0]

    def residuals(parameters: Array) -> Array:
        theta = (nodes - parameters[1]) / np.exp(parameters[0])
        return ((curves(x, theta)[0] - target) * root).ravel()

    def jacobian(parameters: Array) -> Array:
        theta = (nodes - parameters[1]) / np.exp(parameters[0])
        slope = (curves(x, theta)[1] * root).reshape(-1, len(nodes))
        return np.stack([(-slope * theta).ravel(), (-slope / np.exp(parameters[0])).ravel()], axis=1)

    most = np.array([np.log(LARGEST), LARGEST])
    try:
        near = _mean_mean(x, y)
        start = np.clip([np.log(near.slope), near.intercept], -most / 2, most / 2)
    except InputError:
        start = np.zeros(2)
    found = least_squares(residuals, start, jacobian, bounds=(-most, most), xtol=1e-13, ftol=1e-13, gtol=1e-13)
    if np.linalg.svd(found.jac, compute_uv=False)[-1] < FLAT:
        raise InputError("the common items say too little of ability to link the calibrations", mend="add items")
    return Scale(float(np.exp(found.x[0])), float(found.x[1]))


def _probabilities(items: Sequence[Curves], theta: Array) -> Array:
    """Of all categories of all items, and their derivatives by theta: (2, categories, n)."""
    p = np.concatenate([item.probabilities(theta) for item in items])
    return np.stack([p, p * np.concatenate([item.log_derivatives(theta)[0] for item in items])])


def _expected_scores(items: Sequence[Curves], theta: Array) -> Array:
    """The expected total score, and its derivative by theta: (2, n)."""
    points = np.concatenate([np.arange(item.n_categories) for item in items])
    return points @ _probabilities(items, theta)
