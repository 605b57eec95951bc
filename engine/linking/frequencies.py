"""Score distributions: of one test, and of a test together with an anchor.

A scale is an equally spaced grid of possible scores. Which scores are possible cannot be seen from the pupils' scores:
where nobody has the lowest or the highest score, give the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from engine.errors import InputError

Array: TypeAlias = np.ndarray

LONGEST = 100_000  # steps of a scale: beyond, scores were surely not meant to be on a grid


@dataclass(frozen=True, eq=False)
class Frequencies:
    """How many pupils have each score of a scale.

    Args:
        scores: (K,), K >= 2, ascending and equally spaced.
        counts: (K,), not negative; need not be whole numbers (presmoothed or synthetic distributions).
        factor: (K, p) C with C·Cᵀ the covariance matrix of the K proportions. None for a sample: multinomial.

    Raises:
        InputError: scores that are no such scale, counts that are no counts, fewer than two pupils.
    """

    scores: Array
    counts: Array
    factor: Array | None = None

    def __post_init__(self) -> None:
        _check_scale(self.scores, "scores")
        _check_counts(self.counts, self.scores.shape)

    @classmethod
    def of(cls, data: ArrayLike | Frequencies | pa.Table, scale: ArrayLike | None = None) -> Frequencies:
        """Count pupils' scores, or take a frequency table.

        Args:
            data: the scores of the pupils, (n,); or a table of score and count: an array of (K, 2), or a pyarrow.Table
                with these columns.
            scale: the possible scores. If not given, from the lowest to the highest score in `data`: by the smallest
                difference between the scores of a table, by 1 if all scores of pupils are whole numbers, else by the
                smallest difference between them.
        """
        if isinstance(data, Frequencies):
            return data
        table = isinstance(data, pa.Table) or np.ndim(data) == 2
        if table:
            scores, counts = _columns(data, "score", "count")
        else:
            scores = _numbers(data, "scores")
            counts = np.ones_like(scores)
        grid = _scale(scores, scale, table)
        return cls(grid, np.bincount(_places(scores, grid), counts, len(grid)))

    @cached_property
    def step(self) -> float:
        return float(self.scores[1] - self.scores[0])

    @cached_property
    def n(self) -> float:
        return float(self.counts.sum())

    @cached_property
    def proportions(self) -> Array:
        return self.counts / self.n

    @cached_property
    def mean(self) -> float:
        return float(self.proportions @ self.scores)

    @cached_property
    def variance(self) -> float:
        """With n - 1. Of scores that are all equal exactly 0."""
        if np.count_nonzero(self.counts) == 1:
            return 0.0
        return float(self.counts @ (self.scores - self.mean) ** 2 / (self.n - 1))

    @cached_property
    def sd(self) -> float:
        return self.variance**0.5

    @cached_property
    def skewness(self) -> float | None:
        """Third central moment (denominator n) by the third power of sd (n - 1), as in R's equate; None without sd."""
        return self._standardised(3)

    @cached_property
    def kurtosis(self) -> float | None:
        """Fourth central moment (denominator n) by the fourth power of sd (n - 1): 3 for a normal distribution."""
        return self._standardised(4)

    def _standardised(self, power: int) -> float | None:
        return float(self.proportions @ ((self.scores - self.mean) / self.sd) ** power) if self.variance > 0 else None

    def variance_of(self, gradient: Array) -> Array:
        """(m,) sampling variances of m functions with these derivatives (m, K) by the proportions."""
        return _variance(gradient, self.proportions, self.n, self.factor)


@dataclass(frozen=True, eq=False)
class JointFrequencies:
    """How many pupils have each pair of a score on the test and one on the anchor.

    Args:
        scores: (K,) the scale of the test; an internal anchor is part of it.
        anchors: (L,) the scale of the anchor.
        counts: (K, L).
        factor: (K·L, p) as in `Frequencies`.
    """

    scores: Array
    anchors: Array
    counts: Array
    factor: Array | None = None

    def __post_init__(self) -> None:
        _check_scale(self.scores, "scores")
        _check_scale(self.anchors, "anchor scores")
        _check_counts(self.counts, (len(self.scores), len(self.anchors)))

    @classmethod
    def of(
        cls,
        data: tuple[ArrayLike, ArrayLike] | Array | JointFrequencies | pa.Table,
        scale: ArrayLike | None = None,
        anchor_scale: ArrayLike | None = None,
    ) -> JointFrequencies:
        """Count pairs of scores, or take a frequency table.

        Args:
            data: (scores, anchor scores) of the pupils, each (n,); or a table of score, anchor and count: an array of
                (cells, 3), or a pyarrow.Table with these columns.
            scale, anchor_scale: the possible scores, as in `Frequencies.of`.
        """
        if isinstance(data, JointFrequencies):
            return data
        table = not isinstance(data, tuple)
        if table:
            scores, anchors, counts = _columns(data, "score", "anchor", "count")
        else:
            scores, anchors = _numbers(data[0], "scores"), _numbers(data[1], "anchor scores")
            counts = np.ones_like(scores)
        if len(scores) != len(anchors):
            raise InputError(
                f"{len(scores)} scores, but {len(anchors)} anchor scores", mend="give both for every pupil"
            )
        rows, columns = _scale(scores, scale, table), _scale(anchors, anchor_scale, table)
        cells = _places(scores, rows) * len(columns) + _places(anchors, columns)
        grid = np.bincount(cells, counts, len(rows) * len(columns))
        return cls(rows, columns, grid.reshape(len(rows), len(columns)))

    @property
    def n(self) -> float:
        return float(self.counts.sum())

    @cached_property
    def test(self) -> Frequencies:
        return Frequencies(self.scores, self.counts.sum(axis=1))

    @cached_property
    def anchor(self) -> Frequencies:
        return Frequencies(self.anchors, self.counts.sum(axis=0))

    @property
    def covariance(self) -> float:
        """Of test and anchor, with n - 1."""
        deviation = (self.scores - self.test.mean) @ self.counts @ (self.anchors - self.anchor.mean)
        return float(deviation / (self.n - 1))

    def variance_of(self, gradient: Array) -> Array:
        """(m,) sampling variances of m functions with these derivatives (m, K, L) by the proportions."""
        return _variance(gradient.reshape(len(gradient), -1), self.counts.ravel() / self.n, self.n, self.factor)

    def widened(self, anchors: Array) -> JointFrequencies:
        """The same counts on a wider scale of the anchor."""
        counts = np.zeros((len(self.scores), len(anchors)))
        counts[:, _places(self.anchors, anchors)] = self.counts
        return JointFrequencies(self.scores, anchors, counts)


def common_anchor(x: JointFrequencies, y: JointFrequencies) -> tuple[JointFrequencies, JointFrequencies]:
    """Both on one scale of the anchor, from the lowest to the highest anchor score of either."""
    if np.array_equal(x.anchors, y.anchors):
        return x, y
    anchors = _scale(np.concatenate([x.anchors, y.anchors]), None, table=True)
    return x.widened(anchors), y.widened(anchors)


def _variance(gradient: Array, proportions: Array, n: float, factor: Array | None) -> Array:
    if factor is not None:
        return ((gradient @ factor) ** 2).sum(axis=1)
    centred = gradient - (gradient @ proportions)[:, None]
    return centred**2 @ proportions / n


def _numbers(data: ArrayLike, what: str) -> Array:
    values = np.asarray(data, dtype=float)
    if values.ndim != 1 or not len(values):
        raise InputError(f"no {what}, or no plain list of them (shape {values.shape})")
    if not np.isfinite(values).all():
        raise InputError(f"{what}: {int((~np.isfinite(values)).sum())} are missing", mend="leave those pupils out")
    return values


def _columns(table: ArrayLike | pa.Table, *names: str) -> list[Array]:
    if isinstance(table, pa.Table):
        for name in names:
            if name not in table.column_names:
                has = ", ".join(table.column_names)
                raise InputError(f"the frequency table has no such column, only {has}", column=name)
        return [_numbers(table[name].to_numpy(), name) for name in names]
    columns = np.asarray(table, dtype=float).T
    if columns.ndim != 2 or len(columns) != len(names):
        raise InputError(f"a frequency table must have the columns {', '.join(names)}, not the shape {columns.T.shape}")
    return [_numbers(column, name) for column, name in zip(columns, names, strict=True)]


def _scale(scores: Array, scale: ArrayLike | None, table: bool) -> Array:
    if scale is not None:
        grid = _numbers(scale, "scores of the scale")
        _check_scale(grid, "scores")
        return grid
    values = np.unique(scores)
    if len(values) == 1:
        raise InputError(f"every score is {values[0]:g}: the scale cannot be seen", mend="give the scale")
    whole = not table and bool((values == np.round(values)).all())
    step = 1.0 if whole else float(np.diff(values).min())
    steps = (values[-1] - values[0]) / step
    if steps > LONGEST:
        raise InputError(
            f"scores lie {step:g} apart and reach from {values[0]:g} to {values[-1]:g}", mend="give the scale"
        )
    return values[0] + step * np.arange(round(steps) + 1)


def _places(scores: Array, scale: Array) -> Array:
    """Where in the scale each score stands."""
    step = scale[1] - scale[0]
    places = np.round((scores - scale[0]) / step).astype(int)
    off = (
        (places < 0)
        | (places >= len(scale))
        | (np.abs(scale[np.clip(places, 0, len(scale) - 1)] - scores) > 1e-6 * step)
    )
    if off.any():
        raise InputError(
            f"score {scores[off][0]:g} is not on the scale {scale[0]:g}, {scale[0] + step:g}, … {scale[-1]:g}",
            mend="give a scale that holds every score",
        )
    return places


def _check_scale(scores: Array, what: str) -> None:
    steps = np.diff(scores)
    if len(scores) < 2 or not steps[0] > 0 or np.abs(steps - steps[0]).max() > 1e-6 * steps[0]:
        raise InputError(f"{what} of a scale must be at least two, ascending and equally spaced")


def _check_counts(counts: Array, shape: tuple[int, ...]) -> None:
    if counts.shape != shape or not np.isfinite(counts).all() or (counts < 0).any():
        raise InputError("every score of the scale needs one count, 0 or more")
    if counts.sum() < 2:
        raise InputError(f"{counts.sum():g} pupils", mend="equating needs at least two on each form")
