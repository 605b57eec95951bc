"""Estimates the items from what each answer's pupil is known to be able to do by his other answers.

Solves Σ (y - p) ∂p/∂(c, a) / (p (1 - p)) = 0 for every item's intercept c and slope a, with p the chance of a right
answer given the pupil's other answers (or the earlier ones, where pupils change): unbiased estimating equations
(Godambe 1960), as y - p is then uncorrelated with what p was made of, so that predictions are calibrated item by item.
Normal priors with means and variances from the items themselves (empirical Bayes; Morris 1983) hold rare items: the
intercept's mean depends on the item's points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.tracing.log import Points
from engine.tracing.model import expected

SHRINK = 5.0  # a point of so many items has half the effect seen
STEP = 2.0  # largest change of a parameter at once


@dataclass(frozen=True)
class Items:
    """Intercepts and slopes (J,), and their priors: means, and variances."""

    intercept: np.ndarray
    slope: np.ndarray
    prior_intercept: np.ndarray
    prior_slope: float
    variance: np.ndarray  # (2,)

    @classmethod
    def start(cls, item: np.ndarray, correct: np.ndarray, n_items: int) -> Items:
        seen = correct >= 0
        n = np.bincount(item[seen], minlength=n_items)
        right = np.bincount(item[seen], weights=correct[seen], minlength=n_items)
        rate = (right.sum() + 1) / (n.sum() + 2)
        shrunk = (right + 2 * rate) / (n + 2)
        overall = np.log(rate / (1 - rate))
        return cls(
            np.log(shrunk / (1 - shrunk)), np.ones(n_items), np.full(n_items, overall), 1.0, np.array([4.0, 0.1])
        )

    def improved(
        self,
        item: np.ndarray,
        correct: np.ndarray,
        ability: np.ndarray,
        extra: np.ndarray,
        which: np.ndarray,
        points: Points,
    ) -> Items:
        """One step of Fisher scoring, and of the priors where all items are improved.

        Args:
            item, correct: (N,); ability: (N, 2) mean and variance; extra: (N, 2) mean and variance added to the
                intercept (what is known of the pupil's neighbours).
            which: (J,) bool, items to improve.
        """
        seen = correct >= 0
        item, y, (h, v) = item[seen], correct[seen], ability[seen].T
        a = self.slope[item]
        p, p1, p2 = expected(self.intercept[item] + extra[seen, 0] + a * h, a * a * v + extra[seen, 1]).T
        by_slope = p1 * h + a * v * p2
        w = 1 / np.maximum(p * (1 - p), 1e-12)
        J = len(self.slope)

        def total(values: np.ndarray) -> np.ndarray:
            return np.bincount(item, weights=values, minlength=J)

        gradient = np.stack([total((y - p) * w * p1), total((y - p) * w * by_slope)])
        gradient -= (
            np.stack([self.intercept - self.prior_intercept, self.slope - self.prior_slope]) / self.variance[:, None]
        )
        cc, ca, aa = total(w * p1 * p1), total(w * p1 * by_slope), total(w * by_slope**2)
        cc, aa = cc + 1 / self.variance[0], aa + 1 / self.variance[1]
        determinant = cc * aa - ca**2
        change = np.stack([aa * gradient[0] - ca * gradient[1], cc * gradient[1] - ca * gradient[0]]) / determinant
        change = np.where(which, np.clip(change, -STEP, STEP), 0)
        stepped = replace(self, intercept=self.intercept + change[0], slope=self.slope + change[1])
        if not which.all():
            return stepped
        return stepped._with_priors(np.stack([aa, cc]) / determinant, points, np.bincount(item, minlength=J) > 0)

    def chosen(self, at: np.ndarray) -> Items:
        """The items at these places; average ones for -1."""
        known = at >= 0
        mean = float(self.prior_intercept.mean())
        return replace(
            self,
            intercept=np.where(known, self.intercept[at], mean),
            slope=np.where(known, self.slope[at], self.prior_slope),
            prior_intercept=np.where(known, self.prior_intercept[at], mean),
        )

    def _with_priors(self, errors: np.ndarray, points: Points, seen: np.ndarray) -> Items:
        """Priors fitted to the items answered at all; `errors` (2, J) are the squared standard errors."""
        mean = _point_means(self.intercept, points, seen)
        prior_slope = float(self.slope[seen].mean()) if seen.any() else 1.0
        spread = [
            ((values - centre)[seen] ** 2 + error[seen]).mean() if seen.any() else 1.0
            for values, centre, error in zip((self.intercept, self.slope), (mean, prior_slope), errors, strict=True)
        ]
        return replace(self, prior_intercept=mean, prior_slope=prior_slope, variance=np.clip(spread, [0.05, 1e-3], 25))


def _point_means(intercept: np.ndarray, points: Points, seen: np.ndarray) -> np.ndarray:
    """(J,) mean over all items, plus shares of the effects of points, shrunken by SHRINK."""
    J, K = len(intercept), len(points.names)
    overall = float(intercept[seen].mean()) if seen.any() else 0.0
    item = np.repeat(np.arange(J), np.diff(points.first))
    use = seen[item]
    weight = np.bincount(points.point[use], weights=points.share[use], minlength=K)
    residual = np.bincount(points.point[use], weights=(points.share * (intercept[item] - overall))[use], minlength=K)
    effect = residual / (weight + SHRINK)
    return overall + np.bincount(item, weights=points.share * effect[points.point], minlength=J)
