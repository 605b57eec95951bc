"""What pupils of two populations would have scored on both forms, estimated by an anchor.

Group 1 took X and the anchor V, group 2 took Y and V. The synthetic population is group 1 with weight w and group 2
with weight 1 - w (Braun & Holland, 1982; Kolen & Brennan, 2004, ch. 4).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from engine.errors import InputError
from engine.linking.frequencies import Array, Frequencies, JointFrequencies
from engine.linking.linear import Line

Slopes = Literal["tucker", "levine", "nominal weights"]


class Moments(NamedTuple):
    """Of one group: means of test and anchor, their variances and covariance (n - 1)."""

    mean: float
    anchor_mean: float
    variance: float
    covariance: float
    anchor_variance: float

    @classmethod
    def of(cls, joint: JointFrequencies) -> Moments:
        test, anchor = joint.test, joint.anchor
        return cls(test.mean, anchor.mean, test.variance, joint.covariance, anchor.variance)


def chained_line(x: Moments, y: Moments, mean_only: bool) -> Line:
    """X to V among group 1, V to Y among group 2, by means and (unless `mean_only`) standard deviations."""
    to_anchor = 1.0 if mean_only else (x.anchor_variance / x.variance) ** 0.5
    to_y = 1.0 if mean_only else (y.variance / y.anchor_variance) ** 0.5
    return Line(to_y * to_anchor, y.mean + to_y * (x.anchor_mean - y.anchor_mean - to_anchor * x.mean))


def moments(x: Moments, y: Moments, gammas: tuple[float, float], weight: float) -> tuple[float, float, float, float]:
    """Mean and variance of X, mean and variance of Y in the synthetic population, by the slopes γ of test on anchor."""
    w1, w2 = weight, 1 - weight
    g1, g2 = gammas
    means = x.anchor_mean - y.anchor_mean
    variances = x.anchor_variance - y.anchor_variance
    return (
        x.mean - w2 * g1 * means,
        x.variance - w2 * g1**2 * variances + w1 * w2 * g1**2 * means**2,
        y.mean + w1 * g2 * means,
        y.variance + w1 * g2**2 * variances + w1 * w2 * g2**2 * means**2,
    )


def gamma(method: Slopes, of: Moments, joint: JointFrequencies, internal: bool) -> float:
    """The slope γ of test on anchor.

    Tucker: the regression's. Levine (observed score): that of true scores under the congeneric model, for an anchor
    whose items are part of the test (internal) or not. Nominal weights: the ratio of the highest possible scores.
    """
    if method == "nominal weights":
        return float(joint.scores[-1] / joint.anchors[-1])
    if method == "tucker":
        return of.covariance / of.anchor_variance
    if internal:
        return of.variance / of.covariance
    return (of.variance + of.covariance) / (of.anchor_variance + of.covariance)


def moments_covariance(joint: JointFrequencies) -> Array:
    """(5, 5) sampling covariance of `Moments`, whatever the distribution (Zu & Yuan, 2012)."""
    of = Moments.of(joint)
    x = (joint.scores - of.mean)[:, None] + np.zeros_like(joint.counts)
    v = (joint.anchors - of.anchor_mean)[None, :] + np.zeros_like(joint.counts)
    terms = np.stack([x, v, x * x, x * v, v * v]).reshape(5, -1)
    proportions = joint.counts.ravel() / joint.n
    centred = terms - (terms @ proportions)[:, None]
    return (centred * proportions) @ centred.T / joint.n


def distributions(x: JointFrequencies, y: JointFrequencies, weight: float) -> tuple[JointFrequencies, JointFrequencies]:
    """Frequency estimation: given the anchor score, the test score is distributed alike in both groups.

    As in R's equate the weights apply to counts: groups count as weight·n and (1 - weight)·n.

    Raises:
        InputError: no pupil of the one group has an anchor score that somebody of the other has.
    """
    x_anchor, y_anchor = x.anchor.counts, y.anchor.counts
    if not ((x_anchor > 0) & (y_anchor > 0)).any():
        raise InputError("no anchor score occurs in both groups", mend="presmooth, or use a chained method")
    x_given = np.divide(x.counts, x_anchor, where=x_anchor > 0, out=np.zeros_like(x.counts))
    y_given = np.divide(y.counts, y_anchor, where=y_anchor > 0, out=np.zeros_like(y.counts))
    x_synthetic = weight * x.counts + (1 - weight) * x_given * y_anchor
    y_synthetic = weight * y_given * x_anchor + (1 - weight) * y.counts
    return (
        JointFrequencies(x.scores, x.anchors, x_synthetic),
        JointFrequencies(y.scores, y.anchors, y_synthetic),
    )


def check_spread(*distributions: Frequencies) -> None:
    if any(not each.variance > 0 for each in distributions):
        raise InputError(
            "all pupils of a group have the same score, or the same anchor score: this method needs spread"
        )
