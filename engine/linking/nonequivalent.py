"""Equating of forms taken by different groups, by an anchor that both took (the NEAT design)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal, cast

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.linalg import block_diag

from engine.errors import InputError
from engine.linking import synthetic
from engine.linking.continuous import chained_standard_errors, link, poststratified_standard_errors
from engine.linking.equivalent import Bandwidth, Method, bandwidths, check_options, link_groups, made_continuous
from engine.linking.frequencies import Array, JointFrequencies, common_anchor
from engine.linking.linear import CircleArc, Line, identity, through
from engine.linking.loglinear import smooth_joint
from engine.linking.percentile import Spread
from engine.linking.result import Equating, bootstrapped
from engine.linking.synthetic import Moments

Via = Literal["chained", "frequency estimation", "tucker", "levine", "nominal weights", "braun-holland"]
CURVED = ("equipercentile", "kernel")
LINES: tuple[Via, ...] = ("chained", "tucker", "levine", "nominal weights", "braun-holland")
CURVES: tuple[Via, ...] = ("chained", "frequency estimation")
GO_TOGETHER = {"mean": LINES, "linear": LINES, "circle-arc": LINES, "equipercentile": CURVES, "kernel": CURVES}
TINY = 1e-30  # of the complex-step derivative, exact to rounding


def equate_anchor(
    x: tuple[ArrayLike, ArrayLike] | Array | JointFrequencies | pa.Table,
    y: tuple[ArrayLike, ArrayLike] | Array | JointFrequencies | pa.Table,
    method: Literal["mean", "linear", "circle-arc", "equipercentile", "kernel"] = "equipercentile",
    *,
    via: Via = "frequency estimation",
    scale: ArrayLike | None = None,
    anchor_scale: ArrayLike | None = None,
    weight: float | None = None,
    internal: bool = True,
    degree: tuple[int, int, int] | None = None,
    bandwidth: Bandwidth = None,
    replications: int = 0,
    seed: int = 0,
) -> Equating:
    """Equate form X to form Y, taken by different groups, each with the anchor V.

    Args:
        x: scores and anchor scores of group 1, which took X; see `JointFrequencies.of`.
        y: the same of group 2, which took Y.
        method: what links the forms, as in `equate`.
        via: how the anchor is used. "chained": with any method; "frequency estimation" (poststratification): with
            equipercentile and kernel; "tucker", "levine" (observed score), "nominal weights", "braun-holland" (moments
            after frequency estimation): with mean, linear and circle-arc.
        scale, anchor_scale: the possible scores of both forms and of the anchor, as in `equate`.
        weight: of group 1 in the synthetic population, 0 … 1; None: its share of the pupils. With frequency estimation
            None is what R's equate does: the shares weight counts, so that groups of n1 and n2 count as n1² and n2².
        internal: whether the anchor's items count in the scores of X and Y; matters to Levine's method only.
        degree: presmooth with a bivariate log-linear model before equipercentile or kernel equating: highest power of
            the score, of the anchor score, and of either in their products.
        bandwidth: as in `equate`; chained kernel equating has four: of X and V in group 1, of V and Y in group 2.
        replications, seed: as in `equate`. Circle-arc and Braun-Holland have no formula for the standard errors, the
            other lines that of Zu & Yuan (2012), whatever the distributions.

    Raises:
        InputError: data that can't be equated; says why.
        ValueError: arguments that don't go together.
    """
    if via not in GO_TOGETHER.get(method, ()):
        raise ValueError(f"{method} equating via {via}: what goes together is {GO_TOGETHER}")
    check_options(method, degree, bandwidth)
    if weight is not None and not 0 <= weight <= 1:
        raise ValueError(f"weight {weight}: it must be from 0 to 1")

    def once(x: JointFrequencies, y: JointFrequencies) -> Equating:
        if degree is not None:
            x, y = smooth_joint(x, degree), smooth_joint(y, degree)
        if via == "chained":
            return _chained(method, x, y, bandwidth)
        if via in ("frequency estimation", "braun-holland"):
            return _poststratified(method, x, y, weight, bandwidth)
        share = x.n / (x.n + y.n) if weight is None else weight
        return _by_moments(method, x, y, via, share, internal)

    forms = common_anchor(*(JointFrequencies.of(form, scale, anchor_scale) for form in (x, y)))
    return replace(bootstrapped(once, *forms, replications, seed), method=f"{via} {method}")


def _chained(method: str, x: JointFrequencies, y: JointFrequencies, bandwidth: Bandwidth) -> Equating:
    """X to V in group 1, V to Y in group 2."""
    chain = x.test, x.anchor, y.anchor, y.test
    made = partial(Equating, method, x.test, y.test)
    if method in CURVED:
        links = made_continuous(method, chain, bandwidth)
        if method == "equipercentile":
            # R's equate does not round these ranks; 13 decimals make a rank of 1 one in spite of rounding errors
            links[2] = Spread(y.anchor, decimals=13)
        errors = partial(chained_standard_errors, links, x, y)
        return made(partial(link, chain=links), errors, bandwidths=bandwidths(links))
    if method == "circle-arc":
        of_x, of_y = Moments.of(x), Moments.of(y)
        middle = synthetic.chained_line(of_x, of_y, mean_only=True)(np.array(of_x.mean))
        return made(CircleArc.through(x.test, y.test, of_x.mean, float(middle)))
    synthetic.check_spread(*chain)
    line = partial(synthetic.chained_line, mean_only=method == "mean")
    return made(line(Moments.of(x), Moments.of(y)), partial(_moment_errors, line, x, y))


def _poststratified(
    method: str, x: JointFrequencies, y: JointFrequencies, weight: float | None, bandwidth: Bandwidth
) -> Equating:
    """By the distributions of X and Y in the synthetic population."""
    x_scores, y_scores, weight = synthetic.distributions(x, y, weight)
    if method not in CURVED:
        return replace(link_groups(cast(Method, method), x_scores, y_scores), weight=weight, errors=None)
    pair = made_continuous(method, (x_scores, y_scores), bandwidth)
    errors = partial(poststratified_standard_errors, pair, x, y, weight)
    return Equating(method, x_scores, y_scores, partial(link, chain=pair), errors, weight, bandwidths(pair))


def _by_moments(
    method: str, x: JointFrequencies, y: JointFrequencies, via: Via, weight: float, internal: bool
) -> Equating:
    """By the moments of X and Y in the synthetic population."""
    synthetic.check_spread(x.test, x.anchor, y.anchor, y.test)
    slopes = cast(synthetic.Slopes, via)
    for form in (x, y):
        synthetic.check_anchor(slopes, form)

    same_slope = identity(x.test, y.test).slope

    def moments(of_x: Moments, of_y: Moments) -> tuple[float, float, float, float]:
        gammas = synthetic.gamma(slopes, of_x, x, internal), synthetic.gamma(slopes, of_y, y, internal)
        return synthetic.moments(of_x, of_y, gammas, weight)

    def line(of_x: Moments, of_y: Moments) -> Line:
        x_mean, x_variance, y_mean, y_variance = moments(of_x, of_y)
        return through(x_mean, y_mean, same_slope if method == "mean" else (y_variance / x_variance) ** 0.5)

    made = partial(Equating, method, x.test, y.test, weight=weight)
    x_mean, x_variance, y_mean, y_variance = moments(Moments.of(x), Moments.of(y))
    if method == "circle-arc":
        return made(CircleArc.through(x.test, y.test, x_mean, y_mean))
    if not (x_variance > 0 and y_variance > 0):
        raise InputError(
            "the groups differ too much on the anchor: a variance expected in the synthetic population is 0"
        )
    return made(line(Moments.of(x), Moments.of(y)), partial(_moment_errors, line, x, y))


def _moment_errors(line: Callable[[Moments, Moments], Line], x: JointFrequencies, y: JointFrequencies) -> Array:
    """Standard errors at the scores of X of a line found from the moments of both groups: the delta method."""
    at = np.array([*Moments.of(x, ddof=0), *Moments.of(y, ddof=0)])
    gradient = []
    for i in range(len(at)):
        moved = at + TINY * 1j * (np.arange(len(at)) == i)
        linked = line(Moments(*moved[:5]), Moments(*moved[5:]))(x.scores)
        gradient.append(np.imag(linked) / TINY)
    covariance = block_diag(synthetic.moments_covariance(x), synthetic.moments_covariance(y))
    return np.sqrt(np.einsum("ik,ij,jk->k", gradient, covariance, gradient))
