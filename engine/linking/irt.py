"""Equating by item response theory: of true scores and of observed scores (Kolen & Brennan, 2004, ch. 6)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from engine.ability import quadrature
from engine.curves import Curves
from engine.errors import InputError
from engine.information import expected_score
from engine.linking.continuous import link
from engine.linking.frequencies import Array, Frequencies
from engine.linking.percentile import Spread
from engine.linking.result import Equating
from engine.sumscore import score_distribution

N = 1_000_000  # pupils of whom expected frequencies are given: so many that n - 1 is as good as n
FARTHEST = 1e4  # ability at which an item's curve has certainly reached its end


def equate_irt(
    x: Sequence[Curves],
    y: Sequence[Curves],
    method: Literal["true score", "observed score"] = "true score",
    *,
    x_population: tuple[float, float] = (0.0, 1.0),
    y_population: tuple[float, float] = (0.0, 1.0),
    weight: float = 0.5,
) -> Equating:
    """Equate sum scores of form X to those of form Y.

    Args:
        x, y: the items of the forms, all on one scale of ability (see `link_scales`).
        method: "true score": the expected score on Y at the ability whose expected score on X is the given one; below
            the score expected by guessing alone, and from there to 0, linear (Kolen, 1981). "observed score":
            equipercentile equating of the distributions in the synthetic population, by the recursion of Lord and
            Wingersky.
        x_population, y_population: mean and variance of ability in the groups that took X and Y (after `link_scales`
            intercept and slope² for a group calibrated as N(0, 1); for Rasch models slope² times latent_variance_).
        weight: of the former in the synthetic population.

    Returns:
        No standard errors: those of the items are not known here. `x` and `y` are the frequencies expected among a
        million pupils of the synthetic population.

    Raises:
        InputError: no items; expected scores do not rise with ability, so that scores have no one ability.
        ValueError: no such method, a weight outside of 0 … 1, a variance not above 0.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight {weight}: it must be from 0 to 1")
    if not (x_population[1] > 0 and y_population[1] > 0):
        raise ValueError("variances of ability must be above 0")
    if not x or not y:
        raise InputError("no items: nothing to equate")
    populations = [(weight, *x_population), (1 - weight, *y_population)]
    x_scores, y_scores = _frequencies(x, populations), _frequencies(y, populations)
    if method == "observed score":
        pair = [Spread(x_scores), Spread(y_scores)]
        return Equating(f"irt {method}", x_scores, y_scores, partial(link, chain=pair))
    if method == "true score":
        for items in (x, y):
            _check_rising(items)
        return Equating(f"irt {method}", x_scores, y_scores, partial(true_scores, x=x, y=y))
    raise ValueError(f"no method {method!r}")


def true_scores(points: Array, x: Sequence[Curves], y: Sequence[Curves]) -> Array:
    """Expected scores on Y at the abilities whose expected scores on X are `points`."""
    ends = np.array([-FARTHEST, FARTHEST])
    # rounded, so that the highest score is the highest in spite of rounding errors
    (x_low, x_high), (y_low, y_high) = (np.round(expected_score(items, ends), 10) for items in (x, y))
    inside = (points > x_low) & (points < x_high)
    low, high = np.full(len(points), -FARTHEST), np.full(len(points), FARTHEST)
    for _ in range(80):  # bisection: expected scores are flat at the ends
        middle = (low + high) / 2
        above = expected_score(x, middle) > points
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    by_guessing = points * (y_low / x_low if x_low > 0 else 1.0)
    return np.where(inside, expected_score(y, (low + high) / 2), np.where(points <= x_low, by_guessing, y_high))


def _frequencies(items: Sequence[Curves], populations: Sequence[tuple[float, float, float]]) -> Frequencies:
    nodes = quadrature()[0]
    shares = sum(
        (weight * quadrature(mean, variance)[1] for weight, mean, variance in populations), np.zeros(len(nodes))
    )
    counts = N * score_distribution([item.probabilities(nodes) for item in items]) @ shares
    return Frequencies(np.arange(len(counts), dtype=float), counts)


def _check_rising(items: Sequence[Curves]) -> None:
    expected = expected_score(items, np.linspace(-10, 10, 401))
    if not (np.diff(expected) > -1e-9).all() or np.ptp(expected) < 1e-6:
        raise InputError("the expected score does not rise with ability", mend="leave items of negative slope out")
