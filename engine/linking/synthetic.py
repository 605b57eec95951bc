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
    """Of one group: means of test and anchor, their variances and covariance (n - ddof)."""

    mean: float
    anchor_mean: float
    variance: float
    covariance: float
    anchor_variance: float

    @classmethod
    def of(cls, joint: JointFrequencies, ddof: int = 1) -> Moments:
        test, anchor, scale = joint.test, joint.anchor, (joint.n - 1) / (joint.n - ddof)
        return cls(test.mean, anchor.mean, test.variance * scale, joint.covariance * scale, anchor.variance * scale)


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
    """(5, 5) sampling covariance of `Moments` with denominator n, whatever the distribution (Zu & Yuan, 2012)."""
    of = Moments.of(joint)
    x = (joint.scores - of.mean)[:, None] + np.zeros_like(joint.counts)
    v = (joint.anchors - of.anchor_mean)[None, :] + np.zeros_like(joint.counts)
    terms = np.stack([x, v, x * x, x * v, v * v]).reshape(5, -1)
    proportions = joint.counts.ravel() / joint.n
    centred = terms - (terms @ proportions)[:, None]
    return (centred * proportions) @ centred.T / joint.n


def distributions(
    x: JointFrequencies, y: JointFrequencies, weight: float | None
) -> tuple[Frequencies, Frequencies, float]:
    """X and Y in the synthetic population, and the weight of group 1 in it, by frequency estimation: given the anchor
    score, the test score is distributed alike in both groups.

    With a weight the distributions count as many pupils as took the form. None is what R's equate does: the groups'
    shares of the pupils weight counts, not proportions.

    Raises:
        InputError: no anchor score occurs in both groups.
    """
    if not ((x.anchor.counts > 0) & (y.anchor.counts > 0)).any():
        raise InputError("no anchor score occurs in both groups", mend="presmooth, or use a chained method")
    share = x.n / (x.n + y.n)
    pooled = (share * x.n, (1 - share) * y.n)
    x_sizes = pooled if weight is None else (weight * x.n, (1 - weight) * x.n)
    y_sizes = pooled if weight is None else (weight * y.n, (1 - weight) * y.n)
    own_x, in_y = x_sizes[0] * x.test.proportions, x_sizes[1] * _given(x) @ y.anchor.proportions
    own_y, in_x = y_sizes[1] * y.test.proportions, y_sizes[0] * _given(y) @ x.anchor.proportions
    return Frequencies(x.scores, own_x + in_y), Frequencies(y.scores, in_x + own_y), x_sizes[0] / sum(x_sizes)


def _given(joint: JointFrequencies) -> Array:
    """(K, L) distribution of the test score given each anchor score; 0 where nobody has the latter."""
    anchor = joint.anchor.counts
    return np.divide(joint.counts, anchor, where=anchor > 0, out=np.zeros_like(joint.counts))


def check_spread(*distributions: Frequencies) -> None:
    if any(not each.variance > 0 for each in distributions):
        raise InputError(
            "all pupils of a group have the same score, or the same anchor score: this method needs spread"
        )


def check_anchor(method: Slopes, joint: JointFrequencies) -> None:
    if method == "levine" and not joint.covariance > 1e-12 * joint.test.variance:
        raise InputError("scores don't rise with anchor scores, which Levine's method needs", mend="use another method")
    if method == "nominal weights" and not joint.anchors[-1] > 0:
        raise InputError("the highest possible anchor score is not above 0", mend="give the scale of the anchor")
