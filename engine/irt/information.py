"""The observed information of the marginal likelihood, exactly.

By Louis (1982), which is what Oakes' identity (1999) gives when its derivative is taken exactly: the information of the
complete data less what is lost by not knowing the abilities, the posterior covariance of the complete-data score.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from scipy.linalg import block_diag

from engine.irt.likelihood import Likelihood, Point

_STEP = 1e-5  # of the central differences of analytic gradients
_NOTHING = 1e-6  # information on a parameter that counts as none
_RANK = 1e-10  # singular values below this part of the largest are rounding


def observed_information(likelihood: Likelihood, point: Point) -> np.ndarray:
    """(parameters, parameters) negative second derivatives of the log-likelihood and the prior at `point`."""
    return _complete(likelihood, point) - _lost(likelihood, point)


def covariance(likelihood: Likelihood, point: Point) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of the observed information, (parameters, parameters), and whether each parameter is in it: the data
    say nothing of the others (a guessing parameter that has gone to 0, say), and their rows are 0."""
    known = informed(likelihood.complete_information(point))
    matrix = np.zeros((len(known), len(known)))
    try:
        matrix[np.ix_(known, known)] = np.linalg.inv(observed_information(likelihood, point)[np.ix_(known, known)])
    except np.linalg.LinAlgError:
        known[:] = False
    return matrix, known


def informed(complete: np.ndarray) -> np.ndarray:
    """(parameters,) whether the complete data hold information on a parameter."""
    return np.diag(complete) > _NOTHING


def _complete(likelihood: Likelihood, point: Point) -> np.ndarray:
    """Of the expected complete-data log-likelihood: central differences of its gradient."""
    specification = likelihood.specification
    blocks: list[np.ndarray] = []
    for part in point.curves:
        expected = point.expected[part.rows]
        columns = []
        for k in range(part.parameters.shape[1]):
            gradients = []
            for sign in (1, -1):
                moved = part.parameters.copy()
                moved[:, k] += sign * _STEP
                derivatives = specification.family.log_probabilities(moved, likelihood.theta)[1]
                gradients.append(np.einsum("mcq,mpcq->mp", expected, derivatives))
            columns.append((gradients[1] - gradients[0]) / (2 * _STEP))
        hessians = np.stack(columns, axis=2)
        blocks += list((hessians + hessians.transpose(0, 2, 1)) / 2)
    if specification.free_variance:
        squares = likelihood.variance_score(point.vector) + 1
        blocks.append(np.array([[2 * point.at_nodes @ squares]]))
    return block_diag(*blocks) + np.diag(specification.prior(point.vector)[2])


def _lost(likelihood: Likelihood, point: Point) -> np.ndarray:
    """The sum over pupils of the posterior covariance of their complete-data scores.

    The score of pupil i at node q for one parameter is c_q + Σ_k a_kq y_ik, with indicators y of the categories of the
    parameter's item. As functions of the node the a_k often have few shapes (1 and θ in divide-by-total models); then
    cross-products of the indicators are wanted for products of those shapes only, not for every node.
    """
    responses = likelihood.responses
    constant, slopes, rows = _scores(likelihood, point)
    shapes, pairs = _shapes(slopes)
    products = np.stack([shapes[:, a] * shapes[:, b] for a, b in pairs], axis=1)
    used = np.unique(rows[slopes.any(axis=1)])
    item = np.repeat(np.arange(len(responses.n_categories)), responses.n_categories)[used]
    category = used - responses.first_category[item]
    columns = np.searchsorted(used, rows).clip(max=len(used) - 1)

    crossed = np.zeros((len(pairs), len(used), len(used)))
    means = np.zeros((len(point.vector),) * 2)
    for block, weights in likelihood.posterior(point.vector):
        counts = responses.counts[block, None]
        indicators = (responses.digits(block)[:, item] == category).astype(np.float64)
        for k, weight in enumerate((weights @ products).T):
            crossed[k] += indicators.T @ (indicators * (weight[:, None] * counts))
        mean = weights @ constant
        for slope, column in zip(slopes, columns, strict=True):
            if slope.any():
                mean += indicators[:, column] * (weights @ slope)
        means += mean.T @ (mean * counts)

    everyone = np.arange(len(point.vector))
    by_shape = np.zeros((shapes.shape[1], len(used), len(everyone)))
    for k, column in enumerate(columns):
        by_shape[:, column, everyone] += shapes.T @ slopes[k]
    squares = (constant * point.at_nodes[:, None]).T @ constant
    mixed = constant.T @ sum(slopes[k] * point.expected[rows[k]].T for k in range(len(rows)))
    squares += mixed + mixed.T
    for (a, b), cross in zip(pairs, crossed, strict=True):
        product = by_shape[a].T @ cross @ by_shape[b]
        squares += product if a == b else product + product.T
    return squares - means


def _scores(likelihood: Likelihood, point: Point) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The complete-data scores: c (nodes, parameters), a (categories, nodes, parameters), and where the categories
    of each parameter's item stand in a table of all (categories, parameters); a is 0 beyond the item's last category.

    Where no answer to an item is missing its first category goes into c: its indicator is 1 less the others.
    """
    complete = likelihood.responses.radix == likelihood.responses.n_categories
    nodes, parameters = len(likelihood.theta), len(point.vector)
    constant = np.zeros((nodes, parameters))
    slopes = np.zeros((int(likelihood.responses.n_categories.max()), nodes, parameters))
    rows = np.zeros((len(slopes), parameters), np.intp)
    at = 0
    for items, part in zip(likelihood.specification.blocks, point.curves, strict=True):
        m, p, categories, _ = part.derivatives.shape
        own = slice(at, at + m * p)
        at += m * p
        first = np.where(complete[items, None, None, None], part.derivatives[:, :, :1], 0)
        constant[:, own] = first.reshape(m * p, nodes).T
        slopes[:categories, :, own] = (part.derivatives - first).reshape(m * p, categories, nodes).transpose(1, 2, 0)
        rows[:categories, own] = np.repeat(part.rows, p, axis=0).T
    if likelihood.specification.free_variance:
        constant[:, -1] = likelihood.variance_score(point.vector)
    return constant, slopes, rows


def _shapes(slopes: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Orthonormal functions of the node (nodes, shapes) that span all slopes, and the pairs whose products count: every
    pair of few shapes, or else each node with itself."""
    nodes = slopes.shape[1]
    left, size, _ = np.linalg.svd(slopes.transpose(1, 0, 2).reshape(nodes, -1), full_matrices=False)
    rank = int((size > _RANK * size[0]).sum())
    pairs = list(combinations_with_replacement(range(rank), 2))
    if len(pairs) < nodes:
        return left[:, :rank], pairs
    return np.eye(nodes), [(q, q) for q in range(nodes)]
