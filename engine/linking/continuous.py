"""Links between distributions made continuous: a score goes to the score of the same rank. And their standard errors.

The errors are by the delta method: how the linked score moves with each proportion, and how the proportions vary from
sample to sample (presmoothed or not). References: von Davier, Holland & Thayer (2004, ch. 5); Wang (2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from engine.linking.frequencies import Array, Frequencies, JointFrequencies

NOTHING = 1e-100  # densities below are 0: what is divided by them must not overflow


class Continuous(Protocol):
    """A distribution function with what linking needs."""

    @property
    def scores(self) -> Frequencies:
        """The discrete distribution."""

    def tails(self, points: Array) -> tuple[Array, Array]:
        """The shares below and above each point."""

    def quantiles(self, below: Array, above: Array) -> Array:
        """The points with these tails."""

    def density(self, points: Array) -> Array:
        """Derivative of the share below by the point."""

    def gradient(self, points: Array) -> Array:
        """(points, K): derivative of the share below by the proportion of each score."""


def link(points: Array, chain: Sequence[Continuous]) -> Array:
    """From the first to the second distribution; then, with an anchor, from the third to the fourth."""
    for x, y in zip(chain[::2], chain[1::2], strict=True):
        points = y.quantiles(*x.tails(points))
    return points


def standard_errors(x: Continuous, y: Continuous) -> Array:
    """At the scores of X, for samples drawn independently; inf where the density of Y is 0 but the rank uncertain."""
    points = x.scores.scores
    linked = link(points, (x, y))
    variance = x.scores.variance_of(x.gradient(points)) + y.scores.variance_of(y.gradient(linked))
    return _errors(variance, y.density(linked))


def chained_standard_errors(chain: Sequence[Continuous], group_x: JointFrequencies, group_y: JointFrequencies) -> Array:
    """The same for X to V in one group and V to Y in another; `chain` is X, V, V, Y."""
    x, x_anchor, y_anchor, y = chain
    points = x.scores.scores
    anchors = link(points, (x, x_anchor))
    linked = link(anchors, (y_anchor, y))
    by_x = x.gradient(points)[:, :, None] - x_anchor.gradient(anchors)[:, None, :]
    by_y = y_anchor.gradient(anchors)[:, None, :] - y.gradient(linked)[:, :, None]
    to_anchor = _over(y_anchor.density(anchors), x_anchor.density(anchors))
    variance = to_anchor**2 * group_x.variance_of(by_x) + group_y.variance_of(by_y)
    return _errors(variance, y.density(linked))


def poststratified_standard_errors(
    pair: Sequence[Continuous], group_x: JointFrequencies, group_y: JointFrequencies, weight: float
) -> Array:
    """The same for X and Y in the synthetic population with that weight of group X, after frequency estimation."""
    x, y = pair
    points = x.scores.scores
    linked = link(points, (x, y))
    by_x, by_y = x.gradient(points), y.gradient(linked)
    variance = group_x.variance_of(_by_cells(by_x, -by_y, group_x, group_y, weight))
    variance += group_y.variance_of(_by_cells(-by_y, by_x, group_y, group_x, 1 - weight))
    return _errors(variance, y.density(linked))


def _by_cells(own: Array, others: Array, group: JointFrequencies, other: JointFrequencies, weight: float) -> Array:
    """(points, K, L): derivative by the proportions of scores and anchor scores in `group`, given those by the
    synthetic proportions of the group's own test and of the other one.

    Of the own test they are Σ_l (w + (1 - w)·u_l / t_l)·P_kl, of the other Σ_l (1 - w + w·t_l / u_l)·Q_kl, with the
    anchor's proportions t in the group and u in the other.
    """
    t, u = group.anchor.proportions, other.anchor.proportions
    ratio = _over(u, t)
    given, other_given = _over(group.counts, group.anchor.counts), _over(other.counts, other.anchor.counts)
    through_anchor = weight * others @ other_given - (1 - weight) * own @ given * ratio
    return own[:, :, None] * (weight + (1 - weight) * ratio) + through_anchor[:, None, :]


def _errors(variance: Array, density: Array) -> Array:
    sd = np.sqrt(variance)
    return np.divide(sd, density, out=np.where(sd > 1e-9, np.inf, 0.0), where=density > NOTHING)


def _over(values: Array, by: Array) -> Array:
    """The quotient, 0 where the divisor is 0."""
    return np.divide(values, by, out=np.zeros(np.broadcast(values, by).shape), where=by > NOTHING)
