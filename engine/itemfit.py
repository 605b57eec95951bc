"""Whether the items of a fitted model behave as it says: S-X², and infit and outfit mean squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from engine.ability import (
    blocks,
    category_numbers,
    chosen,
    distinct,
    log_normal,
    log_probabilities,
    posterior,
    quadrature,
)
from engine.curves import Curves
from engine.sparsecells import join_sparse
from engine.sumscore import score_distribution

LEAST_VARIANCE = 1e-5**0.5  # of an answer; mirt's floor


@dataclass(frozen=True)
class SX2:
    """A value an item: statistic, degrees of freedom, RMSEA and p; NaN where no degree of freedom is left."""

    statistic: np.ndarray
    df: np.ndarray
    rmsea: np.ndarray
    p: np.ndarray


@dataclass(frozen=True)
class MeanSquares:
    """A value an item: mean squares (1 is expected) and, standardised by Wilson and Hilferty's cube root, z."""

    outfit: np.ndarray
    z_outfit: np.ndarray
    infit: np.ndarray
    z_infit: np.ndarray


def s_x2(
    x: np.ndarray,
    items: Sequence[Curves],
    *,
    mean: float = 0.0,
    variance: float = 1.0,
    n_latent: int = 0,
    least: float = 1.0,
) -> SX2:
    """S-X² (Orlando & Thissen, 2000; Kang & Chen, 2008): observed and expected categories by sum score.

    As R's mirt, `itemfit(fit_stats = "S_X2")`: cells expected to hold fewer than `least` pupils are joined by its
    rules, and the degrees of freedom are the cells less the score groups less the parameters of item and latent
    distribution.

    Args:
        x: (n_pupils, n_items), category numbers without missing answers.
        n_latent: how many parameters of the latent distribution were estimated (Rasch and partial credit: 1).

    Raises:
        ValueError: an answer is missing. Leave such pupils out, as mirt's `na.rm = TRUE` does.
    """
    codes = _complete(x, items)
    nodes, weights = quadrature(mean, variance)
    p = [item.probabilities(nodes) for item in items]
    total = codes.sum(axis=1)
    highest = sum(len(share) for share in p) - len(p)
    by_score = np.bincount(total, minlength=highest + 1)
    overall = score_distribution(p) @ weights
    statistic, df = np.full(len(items), np.nan), np.zeros(len(items))
    for i, item in enumerate(items):
        size = len(p[i])
        observed = np.bincount(total * size + codes[:, i], minlength=(highest + 1) * size).reshape(-1, size)
        rest = score_distribution([*p[:i], *p[i + 1 :]]) if len(p) > 1 else np.ones((1, len(nodes)))
        expected = np.full(observed.shape, np.nan)
        for k, share in enumerate(p[i]):
            rows = slice(k, k + len(rest))
            joint = rest @ (share * weights)
            expected[rows, k] = np.divide(joint, overall[rows], out=np.zeros_like(joint), where=overall[rows] > 0)
        cells = join_sparse(observed[1:-1].astype(float), (expected * by_score[:, None])[1:-1], least)
        if cells is not None:
            seen, due = cells
            df[i] = max(0, np.isfinite(due).sum() - len(due) - item.n_parameters - n_latent)
            statistic[i] = np.nansum((seen - due) ** 2 / due) if df[i] else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        rmsea = np.where(df > 0, np.sqrt(np.maximum(statistic / df - 1, 0) / (len(codes) - 1)), np.nan)
    return SX2(statistic, df, rmsea, np.where(df > 0, chi2.sf(statistic, np.maximum(df, 1)), np.nan))


def mean_squares(x: np.ndarray, items: Sequence[Curves], theta: np.ndarray) -> MeanSquares:
    """Outfit and infit of every item at given abilities (Wright & Masters, 1982).

    As R's mirt, `itemfit(fit_stats = "infit")`, which uses EAP abilities: outfit is the mean of the squared
    standardised residuals, infit their mean weighted with the variance of the answer, which is taken as at least
    0.0032. Missing answers are left out; an infinite ability is put 0.1 beyond the furthest finite one.

    Args:
        x: (n_pupils, n_items), category numbers 0 … K - 1; NaN or negative is missing.
        theta: (n_pupils,); a pupil whose ability is NaN is left out.

    Returns:
        NaN for an item that nobody answered or that has one category.
    """
    codes = category_numbers(x, items)
    theta = _finite(np.asarray(theta, dtype=float))
    columns = []
    for item, column in zip(items, codes.T, strict=True):
        rows = (column >= 0) & ~np.isnan(theta)
        defined = rows.any() and item.n_categories > 1
        columns.append(_fit(item, column[rows], theta[rows]) if defined else (np.nan,) * 4)
    return MeanSquares(*np.array(columns).T.reshape(4, -1))


def posterior_mean_squares(
    x: np.ndarray,
    items: Sequence[Curves],
    *,
    mean: float = 0.0,
    variance: float = 1.0,
    points: Sequence[np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Outfit and infit of every item averaged over what is known of each pupil's ability (Adams & Wu, 2007).

    R's TAM, `tam.fit`, draws abilities from the posterior of each pupil; this is the exact mean of such draws.

    Args:
        points: what each category of each item counts, (K,) an item; default 0, 1, …, K - 1. TAM's fit of the k-th
            step of a partial credit item is that of 0 below category k and 1 from it on.

    Returns:
        (n_items,) outfit and (n_items,) infit; NaN as in `mean_squares`.
    """
    codes = category_numbers(x, items)
    nodes = quadrature()[0]
    counts = _expected_counts(codes, items, nodes, log_normal(nodes, mean, variance))
    if points is None:
        points = [np.arange(item.n_categories) for item in items]
    outfit, infit = np.full(len(items), np.nan), np.full(len(items), np.nan)
    for i, (item, worth, count) in enumerate(zip(items, points, counts, strict=True)):
        p = item.probabilities(nodes)
        deviation = worth[:, None] - worth @ p
        spread = np.maximum((p * deviation**2).sum(axis=0), np.finfo(float).tiny)
        if count.sum() > 0 and len(p) > 1:
            outfit[i] = (count * deviation**2 / spread).sum() / count.sum()
            infit[i] = (count * deviation**2).sum() / (count * spread).sum()
    return outfit, infit


def _complete(x: np.ndarray, items: Sequence[Curves]) -> np.ndarray:
    codes = category_numbers(x, items)
    missing = (codes < 0).any(axis=1)
    if missing.any():
        raise ValueError(
            f"{missing.sum()} of {len(codes)} pupils lack answers, first row {missing.argmax()}: "
            "sum scores compare only complete answers; leave these pupils out"
        )
    return codes


def _finite(theta: np.ndarray) -> np.ndarray:
    known = theta[np.isfinite(theta)]
    low, high = (known.min() - 0.1, known.max() + 0.1) if len(known) else (0.0, 0.0)
    return np.clip(theta, low, high)


def _fit(item: Curves, answers: np.ndarray, theta: np.ndarray) -> tuple[float, float, float, float]:
    p = item.probabilities(theta)
    worth = np.arange(len(p))
    centre = worth @ p
    squares = (worth[:, None] - centre) ** 2
    spread = np.maximum((p * squares).sum(axis=0), LEAST_VARIANCE)
    fourth = (p * squares * squares).sum(axis=0)
    square = (answers - centre) ** 2
    n, whole = len(answers), spread.sum()
    outfit, infit = (square / spread).sum() / n, square.sum() / whole
    return (
        outfit,
        _z(outfit, (fourth / spread**2).sum() / n**2 - 1 / n),
        infit,
        _z(infit, (fourth - spread**2).sum() / whole**2),
    )


def _z(mean_square: float, variance: float) -> float:
    """Standardised; the variance of the mean square is at most 2, as in mirt. NaN if it has none."""
    q = min(max(variance, 0.0) ** 0.5, 1.4142)
    return (mean_square ** (1 / 3) - 1) * 3 / q + q / 3 if q else np.nan


def _expected_counts(
    codes: np.ndarray, items: Sequence[Curves], nodes: np.ndarray, prior: np.ndarray
) -> list[np.ndarray]:
    """How many pupils chose each category at each node, (K, n_nodes) an item."""
    patterns, place = distinct(codes)
    frequency = np.bincount(place, minlength=len(patterns))
    table = log_probabilities(items, nodes)
    counts = np.zeros_like(table)
    for block in blocks(len(patterns)):
        given = chosen(patterns[block], items)
        counts += given.T @ (posterior(given @ table + prior) * frequency[block, None])
    return np.split(counts, np.cumsum([item.n_categories for item in items])[:-1])
