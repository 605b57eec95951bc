"""Equipercentile linking: a score goes to the score of the same percentile rank.

Pupils with a score are taken as spread evenly over ± half a step, so half of them count as below it (Kolen & Brennan,
2004, ch. 2). Ranks are rounded to ten decimals, as R's equate does, so that equal ranks compare equal.
"""

from __future__ import annotations

import numpy as np

from engine.linking.frequencies import Array, Frequencies

DECIMALS = 10


def ranks(scores: Frequencies, points: Array) -> Array:
    """Percentile ranks (0 … 1) of any points in the distribution."""
    return np.interp(points, _borders(scores), _cumulative(scores))


def quantiles(scores: Frequencies, rank: Array) -> Array:
    """The points with these percentile ranks.

    Half a step below the lowest possible score where the rank is 0, half a step above the highest where it is 1; the
    middle of the gap where nobody has the scores in between. (R's equate leaves scores of X of rank 1 beyond the scale
    of Y as they are; here they too get the highest point of Y.)
    """
    borders, cumulative = _borders(scores), np.round(_cumulative(scores), DECIMALS)
    inside = (rank > 0) & (rank < 1)
    p = np.where(inside, rank, 0.5)

    def solve(cell: Array) -> Array:
        share = cumulative[cell + 1] - cumulative[cell]
        return borders[cell] + (p - cumulative[cell]) / share * scores.step

    above = np.searchsorted(cumulative, p, side="right") - 1
    below = np.searchsorted(cumulative, p, side="left") - 1
    point = (solve(above) + solve(below)) / 2
    return np.where(inside, point, np.where(rank <= 0, borders[0], borders[-1]))


def link(points: Array, x: Frequencies, y: Frequencies) -> Array:
    return quantiles(y, np.round(ranks(x, points), DECIMALS))


def link_chained(points: Array, chain: tuple[Frequencies, Frequencies, Frequencies, Frequencies]) -> Array:
    """X to the anchor among those who took X, the anchor to Y among those who took Y: `chain` is X, V, V, Y."""
    x, x_anchor, y_anchor, y = chain
    # 13 decimals: a rank of 1 is 1 in spite of rounding errors
    return quantiles(y, np.round(ranks(y_anchor, link(points, x, x_anchor)), 13))


def standard_errors(x: Frequencies, y: Frequencies) -> Array:
    """Of `link` at the scores of X, for samples of pupils drawn independently; 0 where the rank is 0 or 1.

    Without presmoothing Lord's (1982; Kolen & Brennan, 2004, eq. 7.12); with it the delta method of Wang (2009).
    """
    rank = np.round(ranks(x, x.scores), DECIMALS)
    cumulative = np.round(_cumulative(y), DECIMALS)
    inside = (rank > 0) & (rank < 1)
    cell = np.clip(np.searchsorted(cumulative, rank, side="right") - 1, 0, len(y.scores) - 1)
    below, share = cumulative[cell], cumulative[cell + 1] - cumulative[cell]
    share = np.where(inside, share, 1.0)
    if x.factor is None and y.factor is None:
        variance = rank * (1 - rank) / x.n + (below - rank**2 + (rank - below) ** 2 / share) / y.n
    else:
        by_x = _weights_below(x, x.scores) @ x.covariance_factor()
        by_y = _weights_below(y, link(x.scores, x, y)) @ y.covariance_factor()
        variance = (by_x**2).sum(axis=1) + (by_y**2).sum(axis=1)
    return np.where(inside, np.sqrt(np.maximum(variance, 0)) / share * y.step, 0.0)


def _weights_below(scores: Frequencies, points: Array) -> Array:
    """(points, K): the part of each score's pupils that lies below the point; ranks = weights @ proportions."""
    return np.clip((points[:, None] - _borders(scores)[:-1]) / scores.step, 0, 1)


def _borders(scores: Frequencies) -> Array:
    return np.append(scores.scores - scores.step / 2, scores.scores[-1] + scores.step / 2)


def _cumulative(scores: Frequencies) -> Array:
    return np.concatenate([[0.0], np.cumsum(scores.proportions)])
