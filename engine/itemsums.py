"""The counts of a Tally added up over the total scores, of all items and answers at once.

All of it are whole numbers and exact: a constant item is exactly constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engine.discrimination import polyserial_parts

if TYPE_CHECKING:
    from engine.tally import Answers

# (…,) int64, or Python's own integers (object) where products might overflow.
Integers = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_LARGEST = 2**60  # n · Σy², a few of which are added and subtracted


@dataclass(frozen=True)
class Products:
    """Sums over n pupils of x, y and their products: n, Σx, Σx², Σy, Σy², Σxy; (k,) each."""

    n: Integers
    x: Integers
    xx: Integers
    y: Integers
    yy: Integers
    xy: Integers

    def spread(self) -> Integers:
        """(k,) n² times the variance of x."""
        return self.n * self.xx - self.x**2

    def rest(self) -> Products:
        """The same with y - x in place of y."""
        return Products(self.n, self.x, self.xx, self.y - self.x, self.yy - 2 * self.xy + self.xx, self.xy - self.xx)

    def r(self) -> Floats:
        """(k,) Pearson's correlation of x and y; NaN where either is constant."""
        x, y = self.spread(), self.n * self.yy - self.y**2
        return ratio(self.n * self.xy - self.x * self.y, np.sqrt(x.astype(float)) * np.sqrt(y.astype(float)))


@dataclass(frozen=True)
class ItemSums:
    """What the counts of some items add up to.

    Attributes:
        names: of the items.
        ends: (items + 1,) the place of each item's first answer, and of the last one's end.
        item: (answers,) whose answer it is, by its place.
        points: (answers,) what it earns, in steps.
        given, at: (answers,) how often it was given, and the sum of the total scores of those who gave it, in steps.
        bands: (answers, 3) how often in the bottom, the middle and the top group.
        products: x: points of the item, y: total score, over the pupils to whom it was presented.
        sizes, earned: (items, 3) of these groups, pupils to whom it was presented and their points.
    """

    names: list[str]
    ends: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    points: Integers
    given: Integers
    at: Integers
    bands: Integers
    products: Products
    sizes: Integers
    earned: Integers

    @classmethod
    def of(cls, parts: Mapping[str, Answers], totals: Integers, bands: npt.NDArray[np.bool_]) -> ItemSums:
        """Add up.

        Args:
            parts: by item its answers, with their counts by total score.
            totals: (totals,) the total scores, in steps.
            bands: (3, totals) which of them are in the bottom, the middle and the top group.
        """
        weights = np.stack([np.ones_like(totals), totals, totals**2, *bands.astype(np.int64)])
        counts = [part.counts for part in parts.values()]
        sums = np.einsum("at,wt->aw", np.concatenate([np.empty((0, len(totals)), np.int64), *counts]), weights)
        points = np.concatenate([np.empty(0, np.int64), *(part.points for part in parts.values())])
        answers = np.array([len(part.points) for part in parts.values()], np.int64)
        ends = np.append(0, answers.cumsum())
        # Of each item: the sums, those times the points, and the sum of the squares of the points.
        every = np.column_stack([sums, points[:, None] * sums, points**2 * sums[:, 0]])
        whole = by_item(every, ends)
        n, y, yy, x, xy, xx = (whole[:, place] for place in (0, 1, 2, 6, 7, 12))
        if int(n.max(initial=0)) * max(int(yy.max(initial=0)), int(xx.max(initial=0))) > _LARGEST:
            n, y, yy, x, xy, xx = (some.astype(object) for some in (n, y, yy, x, xy, xx))
        return cls(
            names=list(parts),
            ends=ends,
            item=np.repeat(np.arange(len(answers)), answers),
            points=points,
            given=sums[:, 0],
            at=sums[:, 1],
            bands=sums[:, 3:],
            products=Products(n, x, xx, y, yy, xy),
            sizes=whole[:, 3:6],
            earned=whole[:, 9:12],
        )

    def biserial(self) -> Floats:
        """(items,) two-step polyserial correlation of the points with the rest score (see
        `engine.discrimination.polyserial`)."""
        rest = self.products.rest()
        # Answers of the same item that earn the same are one category.
        order = np.lexsort((self.points, self.item))
        item, points = self.item[order], self.points[order]
        first = np.flatnonzero(np.append(1, np.diff(item) | np.diff(points))[: len(item)])
        count, at = (np.add.reduceat(some[order], first) if len(first) else some for some in (self.given, self.at))
        item, points = item[first], points[first]
        deviations = at - points * count - count * ratio(rest.y, rest.n)[item]
        scatter, ordinates = polyserial_parts(item, count, deviations, len(self.names))
        spread = rest.n * rest.yy - rest.y**2
        return ratio(scatter, np.sqrt(spread.astype(float)) * ordinates)


def by_item(values: npt.NDArray[Any], ends: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """(items, …) the sums of values (answers, …) from each end to the next."""
    together = np.concatenate([np.zeros((1, *values.shape[1:]), values.dtype), values.cumsum(axis=0)])
    return np.asarray(together[ends[1:]] - together[ends[:-1]])


def ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """part / whole; NaN unless the whole is above 0."""
    whole = whole.astype(float)
    return np.divide(part.astype(float), whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
