"""The likelihood of a linear mixed model of pupils in units, from sums by unit.

    y = Xβ + Z b_j + e,   b_j ~ N(0, σ²G),   e ~ N(0, σ²)

with an intercept in X, and Z the intercept, or the intercept and one column of X. β and σ² are profiled out (Bates,
Mächler, Bolker & Walker, 2015, eqs. 34 and 41). With V_j = I + Z_j G Z_j' and W = [X, y], all it takes of a unit is
W'W:

    Z'V⁻¹W = (I + Z'Z G)⁻¹ Z'W        W'V⁻¹W = W'W - W'Z G Z'V⁻¹W        |V| = |I + Z'Z G|

which holds for a singular G as well, so a variance of 0 needs no care.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri

from engine.growth.sums import UnitSums

Method = Literal["reml", "ml"]
CONSTANT = 1e-20  # a variance that is only rounding, as a share of the mean square
ALIASED = 1e-10  # a column that others explain but for this share of its variance tells nothing of its own
LARGEST = 1e3  # elements of the factor of G: the units' sd in residual sds
START = 0.1  # G where the search begins, times the identity
SEARCHES, STEPS = 5, 100
NEARBY = 1e-5  # of differences of derivatives by the elements of the factor
CLOSE = 1e-11  # what a Newton step would still take from the deviance, and need not
ENDS = 1e-6  # of intervals of the units' sd in residual sds, how exact they are
AWAY = 1e-3  # from the edge
FLAT = 1e-7  # a difference of deviances that is none
TINY = 1e-12  # residual variance, as a share of the outcome's, that is only rounding


@dataclass(frozen=True, eq=False)
class Crossproducts:
    """W'W by unit, W = [1, columns that are not aliased, outcome] with mean 0 and variance 1 over all pupils.

    Attributes:
        products: (J, p + 1, p + 1).
        random: (q,) which columns of W are Z.
        names: (p,) of the fixed terms but the intercept, (p - 1) of them; dropped: the aliased columns.
        centre, scale: (p,) of those columns and the outcome.
        n: pupils.
    """

    products: np.ndarray
    random: list[int]
    names: tuple[str, ...]
    dropped: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    n: int

    @classmethod
    def of(cls, sums: UnitSums, slope: str | None) -> Crossproducts:
        """From sums; a slope that is aliased is left out."""
        n = int(sums.n.sum())
        centre = sums.n @ sums.means / max(n, 1)
        off = sums.means - centre
        within, between = sums.products, sums.n[:, None, None] * off[:, :, None] * off[:, None, :]
        total = (within + between).sum(axis=0)
        spread = np.diagonal(total) / max(n, 1)
        varies = spread > CONSTANT * (spread + centre**2)
        kept = [a for a in _independent(total) if varies[a]]
        use = [*kept, len(total) - 1]
        scale = np.sqrt(np.where(varies, spread, 1))[use]
        products = np.empty((len(sums.n), len(use) + 1, len(use) + 1))
        products[:, 0, 0] = sums.n
        products[:, 0, 1:] = products[:, 1:, 0] = sums.n[:, None] * off[:, use] / scale
        products[:, 1:, 1:] = (within + between)[:, use][:, :, use] / np.outer(scale, scale)
        names = tuple(sums.columns[a] for a in kept)
        dropped = tuple(name for name in sums.columns[:-1] if name not in names)
        random = [0, 1 + names.index(slope)] if slope in names else [0]
        return cls(products, random, names, dropped, centre[use], scale, n)

    def transform(self) -> np.ndarray:
        """(p, p) T: columns of X as standardised are X T; coefficients β of X are T times the standardised ones."""
        T = np.diag(np.append(1.0, 1 / self.scale[:-1]))
        T[0, 1:] = -self.centre[:-1] / self.scale[:-1]
        return T


def _independent(total: np.ndarray) -> list[int]:
    """Columns but the last one that those before them do not, but for rounding, explain."""
    rest, kept = total.copy(), []
    for a in range(len(total) - 1):
        if rest[a, a] > ALIASED * total[a, a]:
            kept.append(a)
            rest = rest - np.outer(rest[a], rest[a]) / rest[a, a]
    return kept


class Profile(NamedTuple):
    """The model at some G, standardised.

    Attributes:
        deviance: -2 log-likelihood, restricted if the method is "reml"; -inf of a perfect fit.
        gradient: (q, q) its derivative by G.
        beta: (p,) fixed effects.
        information: (p, p) X'V⁻¹X: the covariance of beta is σ² times its inverse.
        variance: σ².
        modes: (J, q) conditional modes of b.
        conditional: (J, q, q) their covariance, as a multiple of σ².
    """

    deviance: float
    gradient: np.ndarray
    beta: np.ndarray
    information: np.ndarray
    variance: float
    modes: np.ndarray
    conditional: np.ndarray


def profile(data: Crossproducts, G: np.ndarray, method: Method) -> Profile:
    """The profiled likelihood and all that goes with it."""
    ZW = data.products[:, data.random, :]
    K = np.eye(len(G)) + ZW[:, :, data.random] @ G
    inverse = np.linalg.inv(K)
    ZVW = inverse @ ZW
    WVW = data.products.sum(axis=0) - np.einsum("jqa,qr,jrb->ab", ZW, G, ZVW)
    XVX, XVy = WVW[:-1, :-1], WVW[:-1, -1]
    beta = np.linalg.solve(XVX, XVy)
    rss = float(WVW[-1, -1] - XVy @ beta)
    degrees = data.n - len(beta) if method == "reml" else data.n
    projected = ZVW[:, :, -1] - ZVW[:, :, :-1] @ beta
    ZVZ = ZVW[:, :, data.random]
    if rss <= TINY * data.n:
        return Profile(-math.inf, np.zeros_like(G), beta, XVX, 0.0, projected @ G * 0, G @ ZVZ * 0)
    deviance = float(np.linalg.slogdet(K)[1].sum()) + degrees * (1 + math.log(2 * math.pi * rss / degrees))
    gradient = ZVZ.sum(axis=0) - degrees / rss * projected.T @ projected
    if method == "reml":
        deviance += float(np.linalg.slogdet(XVX)[1])
        ZVX = ZVW[:, :, :-1]
        gradient -= np.einsum("jqa,ab,jrb->qr", ZVX, np.linalg.inv(XVX), ZVX)
    return Profile(deviance, gradient, beta, XVX, rss / degrees, projected @ G, G @ inverse)


def best(data: Crossproducts, method: Method) -> np.ndarray:
    """(q, q) the G of the largest likelihood, found over the elements of its Cholesky factor.

    On the edge, where G is singular, the derivative by the factor is 0 whether or not the likelihood rises to the
    inside; a search that ends there starts again from inside as long as some direction leads to a larger likelihood.
    Of equally likely G it is the one with the smaller variances.
    """
    q = len(data.random)
    nothing, G = np.zeros((q, q)), np.zeros((q, q))
    for _ in range(SEARCHES):
        root = _search(data, np.linalg.cholesky(G + START * np.eye(q)), method)
        G = root @ root.T
        at = profile(data, G, method)
        steepest = np.linalg.eigh(at.gradient)[1][:, 0]
        if profile(data, G + AWAY * np.outer(steepest, steepest), method).deviance > at.deviance - FLAT:
            break
    return nothing if profile(data, nothing, method).deviance <= at.deviance + FLAT else G


def _search(data: Crossproducts, root: np.ndarray, method: Method) -> np.ndarray:
    """A factor of G where the deviance is least, by Newton's method from `root`.

    The second derivatives are differences of the first ones; a direction in which the deviance is not convex is gone
    along the other way round.
    """
    rows, columns = np.tril_indices(len(root))

    def deviance(theta: np.ndarray) -> tuple[float, np.ndarray]:
        root = np.zeros((len(data.random), len(data.random)))
        root[rows, columns] = theta
        at = profile(data, root @ root.T, method)
        return at.deviance, (2 * at.gradient @ root)[rows, columns]

    theta = root[rows, columns]
    value, slope = deviance(theta)
    for _ in range(STEPS):
        curve = np.array([deviance(theta + move)[1] - slope for move in NEARBY * np.eye(len(theta))]) / NEARBY
        bends, axes = np.linalg.eigh((curve + curve.T) / 2)
        move = -axes @ ((axes.T @ slope) / np.maximum(np.abs(bends), 1e-8 * np.abs(bends).max() + 1e-300))
        if -slope @ move < CLOSE:
            break
        share = 1.0
        while share > 1e-6:
            new = np.clip(theta + share * move, -LARGEST, LARGEST)
            there, slope_there = deviance(new)
            if there <= value:
                break
            share /= 4
        else:
            break
        theta, value, slope = new, there, slope_there
    root = np.zeros_like(root)
    root[rows, columns] = theta
    return root


def ratio_interval(data: Crossproducts, ratio: float, method: Method, confidence: float) -> tuple[float, float]:
    """Profile likelihood interval of G where only intercepts differ: the variance between as a multiple of σ²."""
    lowest = profile(data, np.array([[ratio]]), method).deviance
    limit = lowest + float(chdtri(1, 1 - confidence))

    def above(root: float) -> float:
        return profile(data, np.array([[root * root]]), method).deviance - limit

    at = math.sqrt(ratio)
    lower = brentq(above, 0, at, xtol=ENDS) ** 2 if at > 0 and above(0) > 0 else 0.0
    far = at + 0.5
    while above(far) < 0:
        if far > LARGEST:
            return lower, math.inf
        far *= 2
    return lower, brentq(above, at, far, xtol=ENDS) ** 2
