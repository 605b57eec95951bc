"""Percentile ranks: the pupils with a score are taken as spread evenly over ± half a step.

Half of them thus count as below the score (Kolen & Brennan, 2004, ch. 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.linking.frequencies import Array, Frequencies

DECIMALS = 10


@dataclass(frozen=True, eq=False)
class Spread:
    """A distribution with its percentile ranks (0 … 1), which are rounded so that equal ranks compare equal.

    Args:
        scores: the discrete distribution.
        decimals: of the ranks; 10 as in R's equate.
    """

    scores: Frequencies
    decimals: int = DECIMALS

    @cached_property
    def borders(self) -> Array:
        """(K + 1,) half a step around each score."""
        return np.append(self.scores.scores, self.scores.scores[-1] + self.scores.step) - self.scores.step / 2

    @cached_property
    def cumulative(self) -> Array:
        """(K + 1,) ranks of the borders."""
        return np.concatenate([[0.0], np.cumsum(self.scores.proportions)])

    def tails(self, points: Array) -> tuple[Array, Array]:
        """Percentile ranks of the points, and what is missing to 1."""
        rank = np.round(np.interp(points, self.borders, self.cumulative), self.decimals)
        return rank, 1 - rank

    def quantiles(self, rank: Array, _above: Array) -> Array:
        """The points with these percentile ranks.

        Half a step below the lowest possible score where the rank is 0, half a step above the highest where it is 1;
        the middle of the gap where nobody has the scores in between. (R's equate leaves scores of X of rank 1 beyond
        the scale of Y as they are; here they too get the highest point of Y.)
        """
        borders, cumulative = self.borders, np.round(self.cumulative, DECIMALS)
        inside = (rank > 0) & (rank < 1)
        p = np.where(inside, rank, 0.5)

        def solve(cell: Array) -> Array:
            share = cumulative[cell + 1] - cumulative[cell]
            return borders[cell] + (p - cumulative[cell]) / share * self.scores.step

        upper = np.searchsorted(cumulative, p, side="right") - 1
        lower = np.searchsorted(cumulative, p, side="left") - 1
        return np.where(inside, (solve(upper) + solve(lower)) / 2, np.where(rank <= 0, borders[0], borders[-1]))

    def density(self, points: Array) -> Array:
        """Per point of the scale, of the next score that somebody has; 0 outside of all scores."""
        rank, cumulative = self.tails(points)[0], np.round(self.cumulative, DECIMALS)
        cell = np.clip(np.searchsorted(cumulative, rank, side="right") - 1, 0, len(cumulative) - 2)
        return np.where((rank > 0) & (rank < 1), np.diff(cumulative)[cell] / self.scores.step, 0.0)

    def gradient(self, points: Array) -> Array:
        """(points, K): derivative of the ranks by the proportion of each score."""
        return np.clip((points[:, None] - self.borders[:-1]) / self.scores.step, 0, 1)


def lord_standard_errors(x: Spread, y: Spread) -> Array:
    """Of equipercentile equating of two samples as they are, at the scores of X; 0 where the rank is 0 or 1.

    Lord's (1982; Kolen & Brennan, 2004, ch. 7), as in R's equate.
    """
    rank, above = x.tails(x.scores.scores)
    cumulative = np.round(y.cumulative, DECIMALS)
    inside = (rank > 0) & (rank < 1)
    cell = np.clip(np.searchsorted(cumulative, rank, side="right") - 1, 0, len(cumulative) - 2)
    below, share = cumulative[cell], np.where(inside, np.diff(cumulative)[cell], 1.0)
    variance = rank * above / x.scores.n + (below - rank**2 + (rank - below) ** 2 / share) / y.scores.n
    return np.where(inside, np.sqrt(np.maximum(variance, 0)) / share * y.scores.step, 0.0)
