"""Maximum likelihood of logistic models for grouped answers: right or wrong, of all items at once; or ordered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_banded
from scipy.special import expit, log_expit, xlogy

ROUNDS = 100
SETTLED = 1e-11  # what the last step may have added to the log-likelihood
RIDGE = 1e-12  # of the information, in the scale where its diagonal is 1
LEAST = -600.0  # logarithm of a chance that is divided by


@dataclass(frozen=True, eq=False)
class Fits:
    """One model, fitted to every item.

    Attributes:
        loglik: (items,), of the single answers; where no finite coefficients are the best (separation), its limit.
        null: (items,), of the model that knows only how often each answer was given.
        coefficients: (items, p); the first is the intercept.
        covariance: (items, p, p), inverse of the expected information.
        rank: (items,) of the design over the cells with answers.
    """

    loglik: np.ndarray
    null: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    rank: np.ndarray


def fit_binary(design: np.ndarray, n: np.ndarray, right: np.ndarray) -> Fits:
    """Logistic regression of every item, by Newton's method.

    Args:
        design: (cells, p), the first column ones.
        n, right: (items, cells), answers and right answers.
    """
    p = design.shape[1]
    squares = _squares(design)

    def loglik(beta: np.ndarray) -> np.ndarray:
        eta = beta @ design.T
        return (right * log_expit(eta) + (n - right) * log_expit(-eta)).sum(axis=1)

    def slope_and_information(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        chance = expit(beta @ design.T)
        return (right - n * chance) @ design, ((n * chance * (1 - chance)) @ squares).reshape(-1, p, p)

    def slope_and_step(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope, information = slope_and_information(beta)
        return slope, _solve(information, slope[..., None])[..., 0]

    value, beta = _maximum(np.zeros((len(n), p)), loglik, slope_and_step)
    _, information = slope_and_information(beta)
    total, correct = n.sum(axis=1), right.sum(axis=1)
    null = _shares(correct, total) + _shares(total - correct, total)
    everywhere = np.broadcast_to(np.eye(p), information.shape)
    return Fits(value, null, beta, _solve(information, everywhere), _rank(design, n))


def fit_ordinal(design: np.ndarray, counts: list[np.ndarray]) -> Fits:
    """Cumulative logits of every item, P(Y ≥ category) = expit(intercept of the category + Σ b·x), by Fisher scoring.

    The coefficients kept are the first intercept (of more than the lowest category) and b (McCullagh 1980).

    Args:
        design: (cells, p), the first column ones.
        counts: of each item (categories, cells) answers; every category was given.
    """
    fits = [_fit_ordinal(design[:, 1:], item) for item in counts]
    everything = [np.array([fit[k] for fit in fits]) for k in range(4)]
    p = design.shape[1]
    n = np.array([item.sum(axis=0) for item in counts]).reshape(-1, len(design))
    return Fits(
        everything[0], everything[1], everything[2].reshape(-1, p), everything[3].reshape(-1, p, p), _rank(design, n)
    )


def _fit_ordinal(x: np.ndarray, counts: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Log-likelihood, that of the null model, coefficients and covariance of one item."""
    n, given = counts.sum(axis=0), counts.sum(axis=1)
    steps, width = max(len(counts) - 1, 0), x.shape[1]
    kept = [0, *range(steps, steps + width)]  # the first intercept and the coefficients
    null = float(_shares(given, given.sum()).sum())
    if not steps:
        return null, null, np.zeros(1 + width), np.zeros((1 + width, 1 + width))
    above = np.cumsum(given[::-1])[::-1][1:]

    def logits(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Intercepts from +∞ to -∞ (categories + 1,), and the logits with them (categories + 1, cells)."""
        intercepts = np.concatenate([[np.inf], beta[0, :steps], [-np.inf]])
        return intercepts, intercepts[:, None] + x @ beta[0, steps:]

    def log_chances(beta: np.ndarray) -> np.ndarray:
        intercepts, eta = logits(beta)
        gaps = np.log(-np.expm1(intercepts[1:] - intercepts[:-1]))
        return log_expit(eta[:-1]) + log_expit(-eta[1:]) + gaps[:, None]

    def loglik(beta: np.ndarray) -> np.ndarray:
        in_order = (np.diff(beta[0, :steps]) < 0).all()
        return np.array([(counts * log_chances(beta)).sum() if in_order else -np.inf])

    def slope_and_solver(beta: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        chance = np.exp(np.maximum(log_chances(beta), LEAST))
        _, eta = logits(beta)
        density = expit(eta) * expit(-eta)
        change = density[:-1] - density[1:]
        weight, gain = counts / chance, change / chance
        inner = density[1:-1]
        slope = np.concatenate([(inner * (weight[1:] - weight[:-1])).sum(axis=1), (weight * change).sum(axis=0) @ x])
        diagonal = (n * inner**2 * (1 / chance[1:] + 1 / chance[:-1])).sum(axis=1)
        beside = -(n * inner[1:] * inner[:-1] / chance[1:-1]).sum(axis=1)
        border = (n * inner * (gain[1:] - gain[:-1])) @ x
        corner = (x * (n * (change * gain).sum(axis=0))[:, None]).T @ x
        return slope, lambda values: _solve_bordered(diagonal, beside, border, corner, values)

    def slope_and_step(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope, solve = slope_and_solver(beta)
        return slope[None], solve(slope[:, None]).T

    start = np.concatenate([np.log(above / (given.sum() - above)), np.zeros(width)])[None]
    value, beta = _maximum(start, loglik, slope_and_step)
    _, solve = slope_and_solver(beta)
    return float(value[0]), null, beta[0, kept], solve(np.eye(steps + width)[:, kept])[kept]


def _maximum(
    beta: np.ndarray,
    loglik: Callable[[np.ndarray], np.ndarray],
    slope_and_step: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Newton's method or Fisher scoring of every item, from beta (items, p): the maximum, and where it is.

    A step that makes things worse is halved.
    """
    value, length = loglik(beta), np.ones(len(beta))
    for _ in range(ROUNDS):
        slope, step = slope_and_step(beta)
        tried = beta + length[:, None] * step
        reached = loglik(tried)
        better = reached >= value - 1e-12 * np.abs(value)
        beta, value = np.where(better[:, None], tried, beta), np.where(better, reached, value)
        length = np.where(better, 1, length / 2)
        if ((slope * step).sum(axis=1) < SETTLED).all():
            break
    return value, beta


def _solve(information: np.ndarray, values: np.ndarray) -> np.ndarray:
    """information⁻¹·values, in the scale where the diagonal is 1; what is not determined stays near 0."""
    scale = np.sqrt(np.diagonal(information, axis1=1, axis2=2))
    scale = np.where(scale > 0, scale, 1)[..., None]
    scaled = information / scale / scale.transpose(0, 2, 1) + RIDGE * np.eye(information.shape[1])
    return np.linalg.solve(scaled, values / scale) / scale


def _solve_bordered(
    diagonal: np.ndarray, beside: np.ndarray, border: np.ndarray, corner: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """The same for one symmetric matrix that is tridiagonal but for its last rows, and values (rows, columns)."""
    steps = len(diagonal)
    scale = np.sqrt(np.concatenate([diagonal, np.diag(corner)]))
    scale = np.where(scale > 0, scale, 1)[:, None]
    above, below = scale[:steps], scale[steps:]
    bands = np.full((3, steps), 1 + RIDGE)
    bands[0, 1:] = bands[2, :-1] = beside / (above[1:] * above[:-1])[:, 0]
    border, corner, values = (
        border / above / below.T,
        corner / below / below.T + RIDGE * np.eye(len(corner)),
        values / scale,
    )
    solved = solve_banded((1, 1), bands, np.hstack([border, values[:steps]]))
    inside, first = solved[:, : len(corner)], solved[:, len(corner) :]
    last = np.linalg.solve(corner - border.T @ inside, values[steps:] - border.T @ first)
    return np.vstack([first - inside @ last, last]) / scale


def _squares(design: np.ndarray) -> np.ndarray:
    """(cells, p·p), products of every two columns."""
    return (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)


def _rank(design: np.ndarray, n: np.ndarray) -> np.ndarray:
    p = design.shape[1]
    return np.linalg.matrix_rank(((n > 0) @ _squares(design)).reshape(-1, p, p), rtol=1e-9, hermitian=True)


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Log-likelihood of the answers that are a share of all."""
    return xlogy(part, part / np.maximum(whole, 1))
