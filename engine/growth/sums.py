"""What a multilevel model needs of the pupils: counts, means and crossproducts by school, gathered in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, eq=False)
class UnitSums:
    """Sufficient statistics of J units (schools, classes) on k columns; they add, whatever the pupils were split by.

    Products are about each unit's own mean, so that nothing is lost where scores are large and differ little; sums are
    joined by the update of Chan, Golub & LeVeque (1983).

    Attributes:
        units: (J,) names, sorted.
        columns: names of the columns; the last one is the outcome.
        n: (J,) pupils.
        means: (J, k).
        products: (J, k, k) sums of products of deviations from the unit's means.
    """

    units: tuple[str, ...]
    columns: tuple[str, ...]
    n: np.ndarray
    means: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray], unit: Any) -> UnitSums:
        """From the pupils.

        Args:
            columns: name → (n,) finite numbers; the outcome last.
            unit: (n,) labels, an Arrow or NumPy array or a list.

        Raises:
            ValueError: columns of unlike length, a number that is not finite, a unit without a name.
        """
        names, codes = encoded(unit)
        values = [np.asarray(column, dtype=np.float64) for column in columns.values()]
        for name, value in zip(columns, values, strict=True):
            if value.shape != codes.shape:
                raise ValueError(f"{name!r} has shape {value.shape}, the units {codes.shape}")
            if not np.isfinite(value).all():
                raise ValueError(f"{name!r} has numbers that are not finite: leave out pupils without a value")
        size, k = len(names), len(values)
        n = np.bincount(codes, minlength=size)
        means = np.column_stack([np.bincount(codes, value, size) / n for value in values])
        deviations = [value - means[codes, a] for a, value in enumerate(values)]
        products = np.empty((size, k, k))
        for a in range(k):
            for b in range(a + 1):
                products[:, a, b] = products[:, b, a] = np.bincount(codes, deviations[a] * deviations[b], size)
        return cls(names, tuple(columns), n, means, products)

    def __add__(self, other: UnitSums) -> UnitSums:
        """The sums over the pupils of both.

        Raises:
            ValueError: they are of other columns.
        """
        if self.columns != other.columns:
            raise ValueError(f"sums over {self.columns} and over {other.columns}")
        units = tuple(sorted({*self.units, *other.units}))
        mine, theirs = self._spread(units), other._spread(units)
        n = mine.n + theirs.n
        share = theirs.n / n
        step = theirs.means - mine.means
        between = (mine.n * share)[:, None, None] * step[:, :, None] * step[:, None, :]
        return UnitSums(
            units, self.columns, n, mine.means + share[:, None] * step, mine.products + theirs.products + between
        )

    def _spread(self, units: tuple[str, ...]) -> UnitSums:
        """The same among more units, those of which have no pupils."""
        place = {unit: row for row, unit in enumerate(units)}
        rows = [place[unit] for unit in self.units]
        k = len(self.columns)
        n, means, products = np.zeros(len(units), np.int64), np.zeros((len(units), k)), np.zeros((len(units), k, k))
        n[rows], means[rows], products[rows] = self.n, self.means, self.products
        return UnitSums(units, self.columns, n, means, products)


def encoded(labels: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Labels as text: the distinct ones, sorted, and (n,) the number of each among them.

    Raises:
        ValueError: a label is missing.
    """
    column = labels if isinstance(labels, (pa.Array, pa.ChunkedArray)) else pa.array(labels)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count:
        raise ValueError("a pupil without a unit")
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    texts = column.dictionary.cast(pa.string())
    used = pc.unique(column.indices)
    names = tuple(sorted(texts.take(used).to_pylist()))
    place = np.zeros(len(texts), np.int64)
    rows = pc.index_in(texts, value_set=pa.array(names, pa.string()))
    place[:] = rows.fill_null(0).to_numpy(zero_copy_only=False)
    return names, place[column.indices.to_numpy(zero_copy_only=False)]
