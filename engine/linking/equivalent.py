"""Equating of forms taken by equivalent groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from engine.linking import linear
from engine.linking.continuous import Continuous, link, standard_errors
from engine.linking.frequencies import Frequencies
from engine.linking.kernel import Gaussian, penalty_bandwidth
from engine.linking.loglinear import smooth
from engine.linking.percentile import Spread, lord_standard_errors
from engine.linking.result import Equating, bootstrapped

Method = Literal["identity", "mean", "linear", "circle-arc", "equipercentile", "kernel"]
Degree: TypeAlias = int | Literal["aic", "bic"] | None
Bandwidth: TypeAlias = float | Sequence[float] | None


def equate(
    x: ArrayLike | Frequencies | pa.Table,
    y: ArrayLike | Frequencies | pa.Table,
    method: Method = "equipercentile",
    *,
    scale: ArrayLike | None = None,
    degree: Degree | tuple[Degree, Degree] = None,
    bandwidth: Bandwidth = None,
    replications: int = 0,
    seed: int = 0,
) -> Equating:
    """Equate form X to form Y, taken by equivalent (randomly chosen) groups.

    Args:
        x, y: scores of the pupils, or frequency tables; see `Frequencies.of`.
        method: "identity" (the line through the ends of the scales), "mean", "linear" (equal means and standard
            deviations, n - 1), "circle-arc" (Livingston & Kim, 2009), "equipercentile" or "kernel", by the conventions
            of the R packages equate and kequate.
        scale: the possible scores of both forms; None: those from the lowest to the highest seen on each. (If the forms
            differ, give `Frequencies.of(x, scale_of_x)`.)
        degree: presmooth with a log-linear model of this degree before equipercentile or kernel equating, or let AIC or
            BIC choose it; a pair for X and Y.
        bandwidth: of the Gaussian kernel, in points; a pair for X and Y; None: by least squares (PEN1).
        replications: of a bootstrap of the pupils for the standard errors (presmoothing and bandwidths included). With
            0 they come from formulas, which all methods but circle-arc have.
        seed: of the bootstrap; the same seed gives the same result.

    Raises:
        InputError: data that can't be equated; says why.
        ValueError: arguments that don't go together.
    """
    check_options(method, degree, bandwidth)
    degrees = degree if isinstance(degree, tuple) else (degree, degree)

    def once(x: Frequencies, y: Frequencies) -> Equating:
        x, y = (form if d is None else smooth(form, d) for form, d in zip((x, y), degrees, strict=True))
        return link_groups(method, x, y, bandwidth)

    return bootstrapped(once, Frequencies.of(x, scale), Frequencies.of(y, scale), replications, seed)


def check_options(method: str, degree: object, bandwidth: object) -> None:
    if degree is not None and method not in ("equipercentile", "kernel"):
        raise ValueError(f"presmoothing goes with equipercentile and kernel equating, not with {method}")
    if bandwidth is not None and method != "kernel":
        raise ValueError(f"a bandwidth goes with kernel equating, not with {method}")


def link_groups(method: Method, x: Frequencies, y: Frequencies, bandwidth: Bandwidth = None) -> Equating:
    """Link two distributions as they stand, with standard errors for independent samples."""
    made = partial(Equating, method, x, y)
    match method:
        case "identity":
            return made(linear.identity(x, y), partial(np.zeros, len(x.scores)))
        case "mean":
            return made(linear.mean(x, y), partial(linear.mean_standard_errors, x, y))
        case "linear":
            line = linear.through(x.mean, y.mean, linear.ratio_of_sds(x, y))
            return made(line, partial(linear.linear_standard_errors, x, y))
        case "circle-arc":
            return made(linear.CircleArc.through(x, y, x.mean, y.mean))
        case "equipercentile" | "kernel":
            pair = made_continuous(method, (x, y), bandwidth)
            errors = partial(standard_errors, *pair)
            if method == "equipercentile" and x.factor is None and y.factor is None:
                errors = partial(lord_standard_errors, Spread(x), Spread(y))
            return made(partial(link, chain=pair), errors, bandwidths=bandwidths(pair))
    raise ValueError(f"no method {method!r}")


def made_continuous(method: str, distributions: Sequence[Frequencies], bandwidth: Bandwidth) -> list[Continuous]:
    """For equipercentile or kernel equating; bandwidths as given, one for all, or (None) by the penalty rule."""
    if method == "equipercentile":
        return [Spread(each) for each in distributions]
    if bandwidth is None:
        bandwidth = [penalty_bandwidth(each) for each in distributions]
    elif not isinstance(bandwidth, Sequence):
        bandwidth = [bandwidth] * len(distributions)
    if len(bandwidth) != len(distributions):
        raise ValueError(f"{len(bandwidth)} bandwidths given, {len(distributions)} needed")
    return [Gaussian(each, h) for each, h in zip(distributions, bandwidth, strict=True)]


def bandwidths(chain: Sequence[Continuous]) -> tuple[float, ...] | None:
    return tuple(each.bandwidth for each in chain if isinstance(each, Gaussian)) or None
