"""The observed information of the marginal likelihood, exactly.

By Louis (1982), which is what Oakes' identity (1999) gives when its derivative is taken exactly: the information of the
complete data less what is lost by not knowing the abilities, the posterior covariance of the complete-data score.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import block_diag

from engine.irt.likelihood import Likelihood, Point

_STEP = 1e-5  # of the central differences of analytic gradients


def observed_information(likelihood: Likelihood, point: Point) -> np.ndarray:
    """(parameters, parameters) negative second derivatives of the log-likelihood and the prior at `point`."""
    return _complete(likelihood, point) - _lost(likelihood, point)


def _complete(likelihood: Likelihood, point: Point) -> np.ndarray:
    """Second derivatives of the expected complete-data log-likelihood: central differences of its gradient."""
    specification, theta = likelihood.specification, likelihood.quadrature.theta
    blocks: list[np.ndarray] = []
    for items, parameters in specification.split(point.vector):
        expected = point.expected[likelihood.category_rows(items)]
        columns = []
        for k in range(parameters.shape[1]):
            ends = []
            for sign in (1, -1):
                moved = parameters.copy()
                moved[:, k] += sign * _STEP
                derivatives = specification.family.log_probabilities(moved, theta)[1]
                ends.append(np.einsum("mcq,mpcq->mp", expected, derivatives))
            columns.append((ends[1] - ends[0]) / (2 * _STEP))
        hessian = np.stack(columns, axis=2)
        blocks += list((hessian + hessian.transpose(0, 2, 1)) / 2)
    if specification.free_variance:
        score = likelihood.variance_score(point.vector)
        blocks.append(np.array([[2 * point.at_nodes @ (score + 1)]]))
    return block_diag(*blocks) + np.diag(specification.prior(point.vector)[2])


def _lost(likelihood: Likelihood, point: Point) -> np.ndarray:
    """The sum over pupils of the posterior covariance of their complete-data scores.

    A pupil's score at a node is linear in indicators of the categories chosen, D_i A_q, with a first column of ones and
    the first category left out where an item has no missing answers. So only Σ_i w_iq D_i' D_i is summed over pupils.
    """
    responses, nodes = likelihood.responses, likelihood.quadrature.n_nodes
    complete = responses.radix == responses.n_categories
    column = np.full(len(likelihood.responses.incidence.T.indptr), -1)
    item: list[int] = []
    category: list[int] = []
    for j, size in enumerate(responses.n_categories):
        for k in range(int(complete[j]), size):
            column[responses.first_category[j] + k] = len(item) + 1
            item.append(j)
            category.append(k)
    width = len(item) + 1
    scores = np.zeros((nodes, width, len(point.vector)))
    at = 0
    most = int(responses.n_categories.max())
    chosen = np.zeros((most, len(point.vector)), dtype=np.intp)
    for items, derivatives in likelihood.derivatives(point.vector):
        rows = likelihood.category_rows(items)
        for m, j in enumerate(items):
            parameters = np.arange(at, at + derivatives.shape[1])
            at += len(parameters)
            by_category = derivatives[m].transpose(1, 2, 0)  # (categories, nodes, parameters)
            if complete[j]:
                scores[:, 0, parameters] = by_category[0]
            for k in range(len(by_category)):
                place = column[rows[m, k]]
                if place > 0:
                    scores[:, place, parameters] = by_category[k] - (by_category[0] if complete[j] else 0)
                    chosen[k, parameters] = place
    if likelihood.specification.free_variance:
        scores[:, 0, -1] = likelihood.variance_score(point.vector)
    item_of, category_of = np.array(item), np.array(category)
    products = np.zeros((nodes, width, width))
    means = np.zeros((len(point.vector),) * 2)
    everyone = np.arange(len(point.vector))
    for rows_, weights in likelihood.posterior(point.vector):
        counts = responses.counts[rows_]
        indicators = np.ones((len(counts), width))
        indicators[:, 1:] = responses.digits(rows_)[:, item_of] == category_of
        for q in range(nodes):
            products[q] += (indicators * (counts * weights[:, q])[:, None]).T @ indicators
        mean = weights @ scores[:, 0]
        for k in range(most):
            taken = chosen[k] > 0
            if taken.any():
                mean[:, taken] += indicators[:, chosen[k, taken]] * (
                    weights @ scores[:, chosen[k, taken], everyone[taken]]
                )
        means += (mean * counts[:, None]).T @ mean
    return np.einsum("qpr->pr", scores.transpose(0, 2, 1) @ products @ scores) - means
