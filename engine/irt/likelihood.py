"""The marginal likelihood of an item response model: its value, its gradient and the information of the complete data.

The ability is normal with mean 0. The integral over it is a sum over equally spaced nodes, mirt's convention (61 nodes
on [-6, 6]). As in mirt, a free variance is estimated with the plain normal density as weights, while the log-likelihood
is told with weights that sum to 1: the two differ only where the normal distribution reaches beyond the nodes.

The E-step gives expected numbers of pupils by category and node; the gradient of the marginal likelihood is that of the
complete-data likelihood at them (Fisher's identity).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag
from scipy.special import logsumexp

from engine._irt import expect, posterior
from engine.irt.responses import Responses, threads_for
from engine.irt.specification import Quadrature, Specification

_CHUNK = 1 << 12  # pupils summed together, at least
_MOST_CHUNKS = 16
_BLOCK = 1 << 12  # pupils whose posterior weights are held at a time
_LANES = 8  # the kernel's numbers of nodes are multiples of it
_NOWHERE = -1e5  # log-weight of a node that only fills up


@dataclass(frozen=True, eq=False)
class Curves:
    """Items with equally many categories at the nodes.

    Attributes:
        rows: (items, categories) where their categories stand in a table of the categories of all items.
        parameters: (items, parameters).
        logs: (items, categories, nodes) log-probabilities.
        derivatives: (items, parameters, categories, nodes) of the log-probabilities.
    """

    rows: np.ndarray
    parameters: np.ndarray
    logs: np.ndarray
    derivatives: np.ndarray


@dataclass(frozen=True, eq=False)
class Point:
    """The marginal likelihood at one parameter vector.

    Attributes:
        vector: (parameters,).
        value: what is maximised: the log-likelihood with the plain normal density, plus the log-density of the prior.
        loglik: the log-likelihood, with weights that sum to 1.
        gradient: (parameters,) of `value`.
        curves: of the items, block by block.
        expected: (categories of all items, nodes) expected numbers of pupils.
        at_nodes: (nodes,) expected numbers of pupils, whatever they answered.
    """

    vector: np.ndarray
    value: float
    loglik: float
    gradient: np.ndarray
    curves: list[Curves]
    expected: np.ndarray
    at_nodes: np.ndarray


def item_information(logs: np.ndarray, derivatives: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Expected information of the complete data about items, (items, parameters, parameters).

    Args:
        logs, expected: (items, categories, nodes) log-probabilities and expected numbers of pupils.
        derivatives: (items, parameters, categories, nodes) of the logarithms.
    """
    weights = np.exp(logs) * expected.sum(axis=1, keepdims=True)
    rooted = (derivatives * np.sqrt(weights)[:, None]).reshape(*derivatives.shape[:2], -1)
    return rooted @ rooted.transpose(0, 2, 1)


class Likelihood:
    """The marginal likelihood of a specification, given responses."""

    def __init__(self, specification: Specification, responses: Responses, quadrature: Quadrature) -> None:
        self.specification = specification
        self.responses = responses
        self.quadrature = quadrature
        self.theta = quadrature.theta
        chunks = int(np.clip(len(responses.packed) // _CHUNK, 1, _MOST_CHUNKS))
        self._least = np.log(quadrature.least_sd)
        self._filling = -quadrature.n_nodes % _LANES
        self._sums = np.empty((chunks, responses.incidence.shape[0], quadrature.n_nodes + self._filling))
        self._to_categories = responses.incidence.T.tocsr()

    def at(self, vector: np.ndarray) -> Point | None:
        """The likelihood and its gradient; None where the parameters are not feasible.

        A standard deviation too small for the nodes becomes the least they can tell, and stays there.
        """
        specification = self.specification
        if specification.free_variance and vector[-1] < self._least:
            vector = np.append(vector[:-1], self._least)
        if not all(specification.family.feasible(parameters).all() for _, parameters in specification.split(vector)):
            return None
        curves = self._curves(vector)
        value, expected, at_nodes = self._expect(vector, curves)
        gradient = [np.einsum("mcq,mpcq->mp", expected[part.rows], part.derivatives).ravel() for part in curves]
        if specification.free_variance:
            slope = at_nodes @ self.variance_score(vector)
            gradient.append(np.array([0.0 if vector[-1] <= self._least and slope < 0 else slope]))
        prior, prior_gradient, _ = specification.prior(vector)
        normaliser = logsumexp(self.quadrature.log_weights(specification.variance(vector)))
        return Point(
            vector,
            value + prior,
            value - self.responses.n_students * normaliser,
            np.concatenate(gradient) + prior_gradient,
            curves,
            expected,
            at_nodes,
        )

    def variance_score(self, vector: np.ndarray) -> np.ndarray:
        """(nodes,) derivative of the log-weights by the logarithm of the standard deviation."""
        return self.theta**2 / self.specification.variance(vector) - 1

    def complete_information(self, point: Point) -> np.ndarray:
        """Expected information of the complete data (abilities known): blocks of items, and the latent variance."""
        blocks = []
        for part in point.curves:
            blocks += list(item_information(part.logs, part.derivatives, point.expected[part.rows]))
        if self.specification.free_variance:
            held = point.vector[-1] <= self._least and point.gradient[-1] == 0
            blocks.append(np.array([[0 if held else 2 * self.responses.n_students]]))
        return block_diag(*blocks) + np.diag(self.specification.prior(point.vector)[2])

    def posterior(self, vector: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of rows of the responses, and their posterior weights (rows, nodes)."""
        tables, log_weights = self._tables(vector, self._curves(vector))
        for start in range(0, len(self.responses.packed), _BLOCK):
            packed = self.responses.packed[start : start + _BLOCK]
            weights = np.empty((len(packed), len(log_weights)))
            posterior(packed, self.responses.first_pattern, tables, log_weights, weights, threads_for(len(packed)))
            yield slice(start, start + len(packed)), weights[:, : len(self.theta)]

    def _curves(self, vector: np.ndarray) -> list[Curves]:
        result = []
        for items, parameters in self.specification.split(vector):
            categories = np.arange(self.responses.n_categories[items[0]])
            rows = self.responses.first_category[items][:, None] + categories
            logs, derivatives = self.specification.family.log_probabilities(parameters, self.theta)
            result.append(Curves(rows, parameters, logs, derivatives))
        return result

    def _tables(self, vector: np.ndarray, curves: list[Curves]) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods of the packed codes (codes, nodes) and log-weights of the nodes, filled up for the kernel."""
        logs = np.zeros((self.responses.incidence.shape[1], self._sums.shape[2]))
        for part in curves:
            logs[part.rows, : len(self.theta)] = part.logs
        weights = self.quadrature.log_weights(self.specification.variance(vector))
        return self.responses.incidence @ logs, np.pad(weights, (0, self._filling), constant_values=_NOWHERE)

    def _expect(self, vector: np.ndarray, curves: list[Curves]) -> tuple[float, np.ndarray, np.ndarray]:
        """The E-step: log-likelihood, expected numbers by category and node, and by node."""
        tables, log_weights = self._tables(vector, curves)
        responses = self.responses
        self._sums[:] = 0
        loglik = np.empty(len(self._sums))
        expect(
            responses.packed,
            responses.counts,
            responses.first_pattern,
            tables,
            log_weights,
            self._sums,
            loglik,
            threads_for(len(responses.packed)),
        )
        sums = self._sums.sum(axis=0)[:, : len(self.theta)]
        first_group = np.append(responses.first_pattern, len(sums))[1]
        return float(loglik.sum()), self._to_categories @ sums, sums[:first_group].sum(axis=0)
