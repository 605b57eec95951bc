"""Whether a fitted model as a whole agrees with the answers: M2 and the fit indices made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import brentq
from scipy.stats import chi2, ncx2

from engine.ability import blocks, category_numbers, quadrature
from engine.curves import Curves

# What rounding leaves of 0: of a share of variance, of a spread in terms of the largest.
COLLINEAR, NOTHING = 1e-11, 1e-10


@dataclass(frozen=True)
class M2:
    """What `m2` finds, in mirt's order.

    Attributes:
        statistic, df, p: the statistic and its chi-square test.
        rmsea, rmsea_5, rmsea_95: root mean square error of approximation and its 90 % interval.
        srmsr: standardised root mean square residual of the item correlations.
        tli, cfi: against the model of independent items; None where that one fits better.
    """

    statistic: float
    df: int
    p: float
    rmsea: float
    rmsea_5: float
    rmsea_95: float
    srmsr: float
    tli: float | None
    cfi: float | None


def m2(x: np.ndarray, items: Sequence[Curves], *, mean: float = 0.0, variance: float = 1.0, n_latent: int = 0) -> M2:
    """M2 (Maydeu-Olivares & Joe, 2006): means and products of pairs of items, observed and expected.

    With more than two categories it is M2* (Cai & Hansen, 2013), from means and products of category numbers. As R's
    mirt, `M2()`: an estimated latent variance counts in the degrees of freedom, but its derivative is left out; TLI
    and CFI compare with independent items. Memory grows with the fourth power of the items: 0.2 GB for 100.

    Args:
        x: (n_pupils, n_items), category numbers without missing answers.
        n_latent: how many parameters of the latent distribution were estimated (Rasch and partial credit: 1).

    Raises:
        ValueError: an answer is missing, an item has the same answer from all, or there are more parameters than
            means and products.
    """
    codes = category_numbers(x, items)
    if (codes < 0).any():
        raise ValueError("M2 needs complete answers: leave out the pupils who lack some")
    constant = np.ptp(codes, axis=0) == 0 if len(codes) else np.ones(len(items), dtype=bool)
    if constant.any():
        raise ValueError(f"M2 needs items that vary: all pupils have the same answer to item {constant.argmax()}")
    n, pairs = len(codes), len(items) * (len(items) - 1) // 2
    df = len(items) + pairs - sum(item.n_parameters for item in items) - n_latent
    if df <= 0:
        raise ValueError(f"{len(items)} items are too few for M2: {df} degrees of freedom")
    moments = _Moments(items, *quadrature(mean, variance))
    sums, products = codes.sum(axis=0, dtype=float), _products(codes)
    statistic = n * _distance(moments, np.concatenate([sums, products[moments.first, moments.second]]) / n)
    seen = _correlations(n * products - np.outer(sums, sums))[moments.first, moments.second]
    due = _correlations(moments.covariance[: len(items), : len(items)])[moments.first, moments.second]
    independent = n * float(seen @ seen)  # M2 of the model of independent items
    better = independent > statistic
    low, high = _noncentrality(statistic, df, 0.95), _noncentrality(statistic, df, 0.05)
    return M2(
        statistic=statistic,
        df=df,
        p=float(chi2.sf(statistic, df)),
        rmsea=float(np.sqrt(max(statistic / df - 1, 0) / (n - 1))),
        rmsea_5=float(np.sqrt(low / (n * df))),
        rmsea_95=float(np.sqrt(high / (n * df))),
        srmsr=float(np.sqrt(np.mean((seen - due) ** 2))),
        tli=(independent / pairs - statistic / df) / (independent / pairs - 1) if better else None,
        cfi=float(np.clip(1 - (statistic - df) / (independent - pairs), 0, 1)) if better else None,
    )


class _Moments:
    """Means of the items and of the products of pairs as the model has them.

    Attributes:
        first, second: the items of each pair.
        expected: (n_items + n_pairs,).
        covariance: of one pupil's scores and their products.
        gradient: of the expected ones by the parameters of the items, (n_items + n_pairs, n_parameters).
    """

    def __init__(self, items: Sequence[Curves], nodes: np.ndarray, weights: np.ndarray) -> None:
        worth = [np.arange(item.n_categories) for item in items]
        p = [item.probabilities(nodes) for item in items]
        score = np.stack([w @ share for w, share in zip(worth, p, strict=True)])
        variance = np.stack([w**2 @ share for w, share in zip(worth, p, strict=True)]) - score**2
        size = len(items)
        self.first, self.second = np.triu_indices(size, 1)
        both = np.concatenate([score, score[self.first] * score[self.second]])
        self.expected = both @ weights
        self.covariance = (both * weights) @ both.T - np.outer(self.expected, self.expected)
        self.gradient = np.zeros((len(both), sum(item.n_parameters for item in items)))
        place = np.zeros((size, size), dtype=np.intp)
        place[self.first, self.second] = place[self.second, self.first] = np.arange(size, len(both))
        column = 0
        for i, item in enumerate(items):
            # given theta only moments that share an item vary together: they share its variance
            others = np.delete(np.arange(size), i)
            shared = np.append(place[i, others], i)
            partner = np.vstack([score[others], np.ones_like(nodes)])
            self.covariance[np.ix_(shared, shared)] += (partner * (variance[i] * weights)) @ partner.T
            by = np.einsum("k,pkq->pq", worth[i], item.gradient(nodes)) * weights
            self.gradient[shared, column : column + len(by)] = partner @ by.T
            column += len(by)
        pairs = np.arange(size, len(both))
        self.covariance[pairs, pairs] += (variance[self.first] * variance[self.second]) @ weights


def _products(codes: np.ndarray) -> np.ndarray:
    """Sums of the products of pairs of items: whole numbers, exact."""
    products = np.zeros((codes.shape[1], codes.shape[1]))
    for block in blocks(len(codes), 1 << 16):
        part = codes[block].astype(float)
        products += part.T @ part
    return products


def _correlations(covariance: np.ndarray) -> np.ndarray:
    spread = np.sqrt(covariance.diagonal())
    return covariance / np.outer(spread, spread)


def _distance(moments: _Moments, observed: np.ndarray) -> float:
    """r' (Ξ⁻¹ - Ξ⁻¹Δ(Δ'Ξ⁻¹Δ)⁻¹Δ'Ξ⁻¹) r: the residuals r that no small change of the parameters could remove."""
    residual, by = observed - moments.expected, moments.gradient
    solved = _solved(moments.covariance, np.column_stack([residual, by]))
    slope = by.T @ solved[:, 0]
    removed = slope @ _solved(by.T @ solved[:, 1:], slope)
    return max(0.0, float(residual @ solved[:, 0] - removed))


def _solved(covariance: np.ndarray, values: np.ndarray) -> np.ndarray:
    """covariance⁻¹ values, (k,) or (k, columns).

    Raises:
        ValueError: some rows of the matrix follow from the others.
    """
    scale = np.sqrt(covariance.diagonal())
    nothing = scale <= NOTHING * scale.max(initial=0)
    scale[nothing] = 1
    try:
        factor, lower = cho_factor(covariance / np.outer(scale, scale))
        # Squares of the diagonal: the share of each variance that the rows before it do not explain.
        if nothing.any() or (factor.diagonal() ** 2).min(initial=1) < COLLINEAR:
            raise LinAlgError
    except LinAlgError:
        raise ValueError("M2 is not defined: some means and products or some parameters say the same") from None
    return (cho_solve((factor, lower), (values.T / scale).T).T / scale).T


def _noncentrality(statistic: float, df: int, level: float) -> float:
    """The noncentrality with which the statistic would be at the quantile `level`; 0 if even without it is not."""
    if chi2.cdf(statistic, df) <= level:
        return 0.0
    return float(brentq(lambda nc: ncx2.cdf(statistic, df, nc) - level, 1e-12, 5 * statistic + df))
