"""Equating of forms taken by equivalent groups."""

from __future__ import annotations

from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from engine.linking import kernel, linear, percentile
from engine.linking.frequencies import Frequencies
from engine.linking.loglinear import smooth
from engine.linking.result import Equating, bootstrapped

Method = Literal["identity", "mean", "linear", "circle-arc", "equipercentile", "kernel"]
Degree: TypeAlias = int | Literal["aic", "bic"] | None
Bandwidth: TypeAlias = float | tuple[float, ...] | None


def equate(
    x: ArrayLike | Frequencies | pa.Table,
    y: ArrayLike | Frequencies | pa.Table,
    method: Method = "equipercentile",
    *,
    degree: Degree | tuple[Degree, Degree] = None,
    bandwidth: Bandwidth = None,
    replications: int = 0,
    seed: int = 0,
) -> Equating:
    """Equate form X to form Y, taken by equivalent (randomly chosen) groups.

    Args:
        x, y: scores of the pupils, or frequency tables; see `Frequencies.of`, also for how to give the scale.
        method: "identity", "mean", "linear" (equal means and standard deviations, n - 1), "circle-arc" (Livingston &
            Kim, 2009), "equipercentile" or "kernel", by the conventions of the R packages equate and kequate.
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
    if method not in ("equipercentile", "kernel") and degree is not None:
        raise ValueError(f"presmoothing goes with equipercentile and kernel equating, not with {method}")
    degrees = degree if isinstance(degree, tuple) else (degree, degree)

    def once(x: Frequencies, y: Frequencies) -> Equating:
        x, y = (form if d is None else smooth(form, d) for form, d in zip((x, y), degrees, strict=True))
        return link(method, x, y, bandwidth)

    return bootstrapped(once, Frequencies.of(x), Frequencies.of(y), replications, seed)


def link(method: Method, x: Frequencies, y: Frequencies, bandwidth: Bandwidth = None) -> Equating:
    """Link two distributions as they stand, with standard errors for independent samples."""
    made = partial(Equating, method, x, y)
    match method:
        case "identity":
            return made(linear.identity(x, y), np.zeros(len(x.scores)))
        case "mean":
            return made(linear.through(x.mean, y.mean), linear.mean_standard_errors(x, y))
        case "linear":
            line = linear.through(x.mean, y.mean, linear.ratio_of_sds(x, y))
            return made(line, linear.linear_standard_errors(x, y))
        case "circle-arc":
            return made(linear.CircleArc.through(x, y, x.mean, y.mean))
        case "equipercentile":
            return made(partial(percentile.link, x=x, y=y), percentile.standard_errors(x, y))
        case "kernel":
            pair = kernel.continuous((x, y), bandwidth)
            errors = kernel.standard_errors(*pair)
            return made(partial(kernel.link, x=pair[0], y=pair[1]), errors, bandwidths=kernel.bandwidths(pair))
    raise ValueError(f"no method {method!r}")
