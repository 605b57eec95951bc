"""Angoff's delta plot: DIF from the difficulties in the two groups alone, without matching the pupils."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import norm

from engine.dif.responses import strata_of
from engine.dif.results import column, head
from engine.dif.strata import FOCAL, REFERENCE

EXTREME = 0.001  # shares of right answers are kept this far from 0 and 1, as difR does


def delta_plot(X: Any, group: Any = None, *, focal: object = None, threshold: float = 1.5) -> pa.Table:
    """Distance of every dichotomous item from the major axis of the delta plot (Angoff & Ford 1973); as difR::difTID.

    Args:
        X, group, focal: as in `engine.dif.mantel_haenszel`.
        threshold: an item is flagged where it is farther from the axis.

    Returns:
        A row an item: `item`, `n_reference`, `n_focal`; `p_reference`, `p_focal`: share of right answers;
        `delta_reference`, `delta_focal` = 4·Φ⁻¹(1 - p) + 13; `distance`: above 0 where the item is easier for the
        focal group than the others are; `flagged`. Null of an item that was not presented to a group; all distances
        where there is no axis (fewer than two items, all equally hard in a group, …).

    Raises:
        ValueError: input that can't be used, with what is wrong.
    """
    strata = strata_of(X, group, focal)
    right, n = (counts.sum(axis=2) for counts in strata.right_and_all())  # (items, 2)
    share = np.divide(right, n, out=np.full(n.shape, np.nan), where=n > 0)
    delta = 4 * norm.isf(np.clip(share, EXTREME, 1 - EXTREME)) + 13
    distance = _distance(delta[:, REFERENCE], delta[:, FOCAL])
    return pa.table(
        {
            **head(strata, n),
            "p_reference": column(share[:, REFERENCE]),
            "p_focal": column(share[:, FOCAL]),
            "delta_reference": column(delta[:, REFERENCE]),
            "delta_focal": column(delta[:, FOCAL]),
            "distance": column(distance),
            "flagged": np.abs(distance) > threshold,
        }
    )


def _distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance of the points below the major axis of the ellipse of all points; NaN where there is none."""
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2:
        return np.full(len(x), np.nan)
    (xx, xy), (_, yy) = np.cov(x[known], y[known])
    if xy == 0:
        return np.full(len(x), np.nan)
    slope = (yy - xx + np.hypot(yy - xx, 2 * xy)) / (2 * xy)
    return (slope * (x - x[known].mean()) - (y - y[known].mean())) / np.hypot(slope, 1)
