"""Quantile regression (Koenker & Bassett, 1978) by an interior-point method (Portnoy & Koenker, 1997).

The τ-quantile y = Xβ solves a linear programme whose dual has a box and but p equations:

    max y'a   subject to   X'a = (1 - τ) X'm,   0 ≤ a ≤ m

with m the pupils of each cell of equal rows. a = m above the quantile, 0 below it, and β are the multipliers of the
equations. Each of Mehrotra's predictor-corrector steps takes two weighted least squares fits of p terms.
"""

from __future__ import annotations

import numpy as np

STEPS = 100
SHORT = 0.9995  # of the way to the edge of the box
CLOSE = 1e-8  # duality gap, as a share of the sum of |y|


def quantile_fit(X: np.ndarray, row: np.ndarray, y: np.ndarray, count: np.ndarray, tau: float) -> np.ndarray:
    """(p,) coefficients of the τ-quantile.

    Where many lines are equally good, as with few distinct scores, it is one in their midst.

    Args:
        X: (D, p) distinct rows of the design, of any rank.
        row: (N,) which of them each cell has.
        y: (N,) outcome of each cell.
        count: (N,) float, pupils of each cell.
        tau: between 0 and 1.
    """

    def fitted(beta: np.ndarray) -> np.ndarray:
        return (X @ beta)[row]

    def least_squares(weight: np.ndarray, target: np.ndarray) -> np.ndarray:
        per_row = np.bincount(row, weight, len(X))
        return np.linalg.lstsq(
            X.T @ (per_row[:, None] * X), X.T @ np.bincount(row, weight * target, len(X)), rcond=1e-13
        )[0]

    a = (1 - tau) * count  # 0 at the lower side of the box
    b = count - a  # 0 at its upper side
    beta = least_squares(count, y)
    residual = y - fitted(beta)
    spread = float(count @ np.abs(residual)) / float(count.sum())
    if spread <= CLOSE * float(np.abs(y).max(initial=0)):
        return beta
    # Multipliers of the box: above and below the quantile; their difference is the residual at every step.
    above, below = np.maximum(residual, 0) + spread, np.maximum(-residual, 0) + spread
    size = float(count @ np.abs(y))
    for _ in range(STEPS):
        gap = float(a @ below + b @ above)
        if gap <= CLOSE * size:
            break
        weight = 1 / (above / b + below / a)
        corrections: tuple[np.ndarray | float, np.ndarray | float] = (0.0, 0.0)
        for _ in range(2):  # the predictor as if the gap could be closed at once, then the step itself
            target = above - below - corrections[0] / b + corrections[1] / a
            to_beta = least_squares(weight, target)
            to_a = weight * (target - fitted(to_beta))
            to_above = (corrections[0] + above * to_a) / b - above
            to_below = (corrections[1] - below * to_a) / a - below
            along = min(_room(a, to_a), _room(b, -to_a))
            across = min(_room(above, to_above), _room(below, to_below))
            left = float(
                (a + along * to_a) @ (below + across * to_below) + (b - along * to_a) @ (above + across * to_above)
            )
            centre = gap * (left / gap) ** 3 / (2 * len(y))
            corrections = (centre + to_a * to_above, centre - to_a * to_below)
        a, b = a + along * to_a, b - along * to_a
        beta, above, below = beta + across * to_beta, above + across * to_above, below + across * to_below
    return beta


def _room(value: np.ndarray, step: np.ndarray) -> float:
    """The longest step, at most 1, after which all values are positive."""
    shrink = float(np.min(step / value, initial=0))
    return min(1.0, SHORT / -shrink) if shrink < 0 else 1.0
