"""The standard error of measurement at each total score: a total in the middle is less certain than one at the end."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

_SCHEMA = pa.schema([("total", pa.float64()), ("n", pa.int64()), ("sem", pa.float64()), ("sem_binomial", pa.float64())])


def conditional_sem(scores: ArrayLike) -> pa.Table:
    """A row a total score that occurs: total, n, sem, sem_binomial.

    - sem (Feldt & Qualls 1996, with the items as parts): √ of the mean, over the n persons with that total, of
      k/(k - 1)·Σ (dᵢ - d̄)², d the person's points less the items' means. Its mean square over all persons is
      var(total)·(1 - alpha), the square of the SEM of the whole test, with n - 1. For items of equal full mark; at
      totals that few persons have it is rough.
    - sem_binomial (Lord 1955): √(x·(k - x)/(k - 1)), of a test as if drawn from a pool of like items; null unless all
      items are scored 0 and 1.

    Both are null of fewer than two items; sem also of one person.

    Args:
        scores: (persons, items) points, NaN missing; persons with a missing score are left out.

    Raises:
        ValueError: scores is no matrix.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2:
        raise ValueError(f"scores must be (persons, items), not an array of shape {scores.shape}")
    whole = scores[~np.isnan(scores).any(axis=1)]
    n, k = whole.shape
    totals, place, counts = np.unique(np.round(whole.sum(axis=1), 9), return_inverse=True, return_counts=True)
    sem = binomial = np.full(len(totals), np.nan)
    if k > 1 and n > 1:
        deviations = whole - whole.mean(axis=0)
        within = ((deviations - deviations.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        error = k / (k - 1) * n / (n - 1) * within
        sem = np.sqrt(np.bincount(place, weights=error) / counts)
    if k > 1 and np.isin(whole, (0, 1)).all():
        binomial = np.sqrt(totals * (k - totals) / (k - 1))
    columns = (totals, counts, sem, binomial)
    arrays = [pa.array(values, kind, from_pandas=True) for values, kind in zip(columns, _SCHEMA.types, strict=True)]
    return pa.table(arrays, schema=_SCHEMA)
