"""Factors of a correlation matrix: what McDonald's omega needs."""

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
