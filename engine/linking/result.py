"""What equating gives: a function from the scores of X to those of Y, with its concordance table and errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from engine.errors import InputError
from engine.linking.frequencies import Array, Frequencies, JointFrequencies

Counted = TypeVar("Counted", Frequencies, JointFrequencies)


@dataclass(frozen=True, eq=False)
class Equating:
    """A link from form X to form Y: call it with any scores of X to get those of Y.

    Attributes:
        method: its name.
        x, y: the distributions that were linked: the samples', presmoothed or synthetic ones.
        function: what a call does.
        errors: how `se` is found; None where there is no formula and no bootstrap.
        weight: of group 1 in the synthetic population; None without one.
        bandwidths: of kernel equating, in points; else None.
    """

    method: str
    x: Frequencies
    y: Frequencies
    function: Callable[[Array], Array]
    errors: Callable[[], Array] | None = None
    weight: float | None = None
    bandwidths: tuple[float, ...] | None = None

    def __call__(self, scores: ArrayLike) -> Array:
        """Scores of X on the scale of Y, same shape."""
        points = np.asarray(scores, dtype=float)
        return self.function(points.ravel()).reshape(points.shape)

    @cached_property
    def se(self) -> Array | None:
        """(K,) standard errors of equating at the scores of X, if there are any."""
        return None if self.errors is None else self.errors()

    @property
    def table(self) -> pa.Table:
        """The concordance: x, y and se (null where not known), a row a score of X."""
        se = pa.nulls(len(self.x.scores), pa.float64()) if self.se is None else pa.array(self.se)
        return pa.table({"x": self.x.scores, "y": self(self.x.scores), "se": se})

    @property
    def moments(self) -> pa.Table:
        """n, mean, sd (n - 1), skewness and kurtosis of X, of Y and of X on the scale of Y; null without variance."""
        linked, shares = self(self.x.scores), self.x.proportions
        mean = shares @ linked
        sd = (shares @ (linked - mean) ** 2 * self.x.n / (self.x.n - 1)) ** 0.5
        spread = self.x.variance > 0 and sd > 0
        third, fourth = (float(shares @ ((linked - mean) / sd) ** p) if spread else None for p in (3, 4))
        rows = [
            {"scores": name, "n": of.n, "mean": of.mean, "sd": of.sd, "skewness": of.skewness, "kurtosis": of.kurtosis}
            for name, of in (("x", self.x), ("y", self.y))
        ]
        rows += [{"scores": "y(x)", "n": self.x.n, "mean": mean, "sd": sd, "skewness": third, "kurtosis": fourth}]
        return pa.Table.from_pylist(rows)


def bootstrapped(
    once: Callable[[Counted, Counted], Equating], x: Counted, y: Counted, replications: int, seed: int
) -> Equating:
    """`once(x, y)`, with standard errors from drawing both groups anew `replications` times (0: as they are).

    Draws that can't be equated (no spread, no fit of the presmoothing) are left out; with fewer than two left the
    errors are None.
    """
    result = once(x, y)
    if not replications:
        return result
    random = np.random.default_rng(seed)
    draws = zip(_draws(x, replications, random), _draws(y, replications, random), strict=True)
    linked = []
    for drawn_x, drawn_y in draws:
        try:
            linked.append(once(drawn_x, drawn_y)(result.x.scores))
        except InputError:
            continue
    return replace(result, errors=partial(_sd, np.array(linked)) if len(linked) > 1 else None)


def _sd(linked: Array) -> Array:
    return linked.std(axis=0, ddof=1)


def _draws(form: Counted, replications: int, random: np.random.Generator) -> list[Counted]:
    shares = form.counts.ravel() / form.n
    counts = random.multinomial(round(form.n), shares / shares.sum(), replications).astype(float)
    return [replace(form, counts=each.reshape(form.counts.shape)) for each in counts]
