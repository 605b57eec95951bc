"""Factors of a correlation matrix, and their rotation: what McDonald's omega needs."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

LEAST_UNIQUENESS = 0.005  # as in R's factanal and psych: a smaller one (a Heywood case) is kept at this


def squared_multiple_correlations(correlation: np.ndarray) -> np.ndarray:
    """R² of each variable on all others, 1 - 1/(R⁻¹)ᵢᵢ, within 0 and 1.

    A singular matrix takes the pseudo-inverse with the tolerance √ε, as psych::smc.

    Args:
        correlation: (k, k), finite.
    """
    inverse = np.linalg.pinv(correlation, rcond=np.sqrt(np.finfo(float).eps), hermitian=True)
    diagonal = np.diagonal(inverse)
    explained = 1 - np.divide(1, diagonal, out=np.ones(len(diagonal)), where=diagonal > 0)
    return np.clip(explained, 0, 1)


def turned(correlation: np.ndarray) -> np.ndarray:
    """The correlations after items that load negatively on the first principal component are turned round.

    psych::splitHalf does so by itself, and `alpha(check.keys=TRUE)`; not right for an exam, whose items are scored.

    Args:
        correlation: (k, k), finite.
    """
    loadings = np.linalg.eigh(correlation)[1][:, -1]
    sign = np.where(loadings * np.sign(loadings.sum()) < 0, -1, 1)
    return correlation * np.outer(sign, sign)


def minres(correlation: np.ndarray, factors: int = 1) -> np.ndarray:
    """Loadings of the factors that leave the least squared residual correlations (Harman & Jones 1966).

    Minimised over the uniquenesses (Jöreskog's unweighted least squares), from 1 - SMC and within 0.005 and 1, as
    psych::fa(fm="minres"), but on to the minimum itself.

    Args:
        correlation: (k, k), finite.

    Returns:
        (k, factors) principal-axis loadings; the sum of each column is not negative.
    """

    def loadings(uniqueness: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(correlation - np.diag(uniqueness))
        return vectors[:, ::-1][:, :factors] * np.sqrt(np.maximum(values[::-1][:factors], 0))

    def residual(uniqueness: np.ndarray) -> tuple[float, np.ndarray]:
        found = loadings(uniqueness)
        left = correlation - np.diag(uniqueness) - found @ found.T
        return (left**2).sum() / 2, -np.diagonal(left)

    start = np.clip(1 - squared_multiple_correlations(correlation), LEAST_UNIQUENESS, 1)
    best = minimize(
        residual,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(LEAST_UNIQUENESS, 1)] * len(correlation),
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 5000, "maxcor": 50},
    )
    found = loadings(best.x)
    return found * np.where(found.sum(axis=0) < 0, -1, 1)


def varimax(loadings: np.ndarray) -> np.ndarray:
    """Kaiser's (1958) normalised varimax rotation; ends like R's stats::varimax, when the criterion grows by < 1e-5.

    Args:
        loadings: (k, factors).
    """
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    rows = np.divide(loadings, length, out=np.zeros_like(loadings), where=length > 0)
    rotation, criterion = np.eye(loadings.shape[1]), 0.0
    for _ in range(1000):
        turned = rows @ rotation
        left, singular, right = np.linalg.svd(rows.T @ (turned**3 - turned * (turned**2).mean(axis=0)))
        rotation, before, criterion = left @ right, criterion, float(singular.sum())
        if criterion < before * (1 + 1e-5):
            break
    return loadings @ rotation


def oblimin(loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Direct quartimin rotation (oblimin with γ = 0) by gradient projection (Jennrich 2002).

    From the given loadings, until the projected gradient is shorter than 1e-5, as GPArotation: its rotations are good
    to about as many digits.

    Args:
        loadings: (k, factors) orthogonal.

    Returns:
        The pattern (k, factors), each column's sum not negative, and the factors' correlations (factors, factors).
    """

    def rotated(axes: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """Pattern, criterion Σ over pairs of factors of the products of squared loadings / 2, and its gradient."""
        inverse = np.linalg.inv(axes)
        pattern = loadings @ inverse.T
        others = (pattern**2).sum(axis=1, keepdims=True) - pattern**2
        return pattern, float((pattern**2 * others).sum()) / 4, -(pattern.T @ (pattern * others) @ inverse).T

    axes, length = np.eye(loadings.shape[1]), 1.0
    pattern, criterion, gradient = rotated(axes)
    for _ in range(1000):
        # The axes keep unit length: the part of the gradient along them does not count.
        downhill = gradient - axes * (axes * gradient).sum(axis=0)
        steepness = float((downhill**2).sum())
        if steepness < 1e-10:
            break
        length *= 2
        for _ in range(11):
            moved = axes - length * downhill
            moved /= np.sqrt((moved**2).sum(axis=0))
            pattern, value, gradient = rotated(moved)
            if criterion - value > steepness * length / 2:
                break
            length /= 2
        axes, criterion = moved, value
    sign = np.where(pattern.sum(axis=0) < 0, -1, 1)
    return pattern * sign, axes.T @ axes * np.outer(sign, sign)


def general_factor(correlation: np.ndarray, factors: int) -> tuple[np.ndarray, np.ndarray]:
    """Schmid & Leiman (1957): loadings on a general factor above oblique ones, and the communalities.

    minres, varimax, oblimin, and one minres factor of the factors' correlations, as psych::schmid.

    Args:
        correlation: (k, k), finite.
        factors: 1, which then is the general one, or at least 3: the general factor of two is not identified.

    Returns:
        (k,) loadings and (k,) communalities.
    """
    loadings = minres(correlation, factors)
    communalities = (loadings**2).sum(axis=1)
    if factors == 1:
        return loadings[:, 0], communalities
    pattern, between = oblimin(varimax(loadings))
    return pattern @ minres(between)[:, 0], communalities
