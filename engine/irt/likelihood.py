"""The marginal likelihood of an item response model: its value, its gradient and its information.

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
from engine.irt.families import Family
from engine.irt.responses import Responses, threads_for

_CHUNK = 1 << 12  # pupils summed together, at least
_MOST_CHUNKS = 16
_BLOCK = 1 << 12  # pupils whose posterior weights are held at a time
_LANES = 8  # the kernel's numbers of nodes are multiples of it
_NOWHERE = -1e5  # log-weight of a node that only fills up


@dataclass(frozen=True)
class Quadrature:
    """Equally spaced nodes."""

    n_nodes: int = 61
    bound: float = 6.0

    @property
    def theta(self) -> np.ndarray:
        """(nodes,) abilities."""
        return np.linspace(-self.bound, self.bound, self.n_nodes)

    def log_weights(self, variance: float) -> np.ndarray:
        """(nodes,) logarithms of the weights of N(0, variance): density times distance of the nodes."""
        spacing = 2 * self.bound / (self.n_nodes - 1)
        return -(self.theta**2) / (2 * variance) + np.log(spacing / np.sqrt(2 * np.pi * variance))


@dataclass(frozen=True)
class Specification:
    """An item response model of given items: where each item's parameters stand in one vector.

    Items with equally many categories stand together, a row an item; the logarithm of the latent standard deviation,
    if it is free, comes last.

    Attributes:
        family: the item response function.
        n_categories: (items,), each at least 2.
        free_variance: whether the variance of the ability is estimated (else 1).
        guessing_prior: mean and standard deviation of a normal prior on logit g, the last parameter of each item.
    """

    family: Family
    n_categories: np.ndarray
    free_variance: bool = False
    guessing_prior: tuple[float, float] | None = None

    def blocks(self) -> Iterator[np.ndarray]:
        """Items with equally many categories."""
        for size in np.unique(self.n_categories):
            yield np.flatnonzero(self.n_categories == size)

    def start(self, shares: list[np.ndarray]) -> np.ndarray:
        """Start values from the share of pupils in each category, item by item."""
        parts = [self.family.start(np.array([shares[j] for j in items])).ravel() for items in self.blocks()]
        return np.concatenate([*parts, np.zeros(int(self.free_variance))])

    def split(self, vector: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Items and their parameters (items, parameters), block by block."""
        at = 0
        for items in self.blocks():
            width = self.family.width(int(self.n_categories[items[0]]))
            yield items, vector[at : at + len(items) * width].reshape(len(items), width)
            at += len(items) * width

    def variance(self, vector: np.ndarray) -> float:
        """The latent variance."""
        return float(np.exp(2 * vector[-1])) if self.free_variance else 1.0

    def shortened(self, step: np.ndarray, longest: float) -> np.ndarray:
        """A step that changes no parameter by more than `longest`; each item's part keeps its direction."""
        step = step.copy()
        for _, part in self.split(step):
            part /= np.maximum(1, np.abs(part).max(axis=1, keepdims=True) / longest)
        if self.free_variance:
            step[-1] = np.clip(step[-1], -1, 1)
        return step

    def prior(self, vector: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Log-density of the prior on guessing, its gradient and its information (the diagonal)."""
        gradient, information = np.zeros(len(vector)), np.zeros(len(vector))
        if self.guessing_prior is None:
            return 0.0, gradient, information
        mean, sd = self.guessing_prior
        guess = np.arange(self.family.width(2) - 1, len(vector), self.family.width(2))
        gradient[guess] = (mean - vector[guess]) / sd**2
        information[guess] = 1 / sd**2
        density = -((vector[guess] - mean) ** 2) / (2 * sd**2) - np.log(sd * np.sqrt(2 * np.pi))
        return float(density.sum()), gradient, information


@dataclass(frozen=True)
class Point:
    """The marginal likelihood at one parameter vector.

    Attributes:
        vector: (parameters,).
        value: what is maximised: the log-likelihood with the plain normal density, plus the log-density of the priors.
        loglik: the log-likelihood, with weights that sum to 1.
        gradient: (parameters,) of `value`.
        expected: (categories of all items, nodes) expected numbers of pupils.
        at_nodes: (nodes,) expected numbers of pupils, whatever they answered.
    """

    vector: np.ndarray
    value: float
    loglik: float
    gradient: np.ndarray
    expected: np.ndarray
    at_nodes: np.ndarray


class Likelihood:
    """The marginal likelihood of a specification, given responses."""

    def __init__(self, specification: Specification, responses: Responses, quadrature: Quadrature) -> None:
        self.specification = specification
        self.responses = responses
        self.quadrature = quadrature
        n, nodes = len(responses.packed), quadrature.n_nodes
        self._padding = ((0, 0), (0, -nodes % _LANES))
        chunks = int(np.clip(n // _CHUNK, 1, _MOST_CHUNKS))
        self._sums = np.empty((chunks, responses.incidence.shape[0], nodes + self._padding[1][1]))
        self._from_categories = responses.incidence.T.tocsr()

    def category_rows(self, items: np.ndarray) -> np.ndarray:
        """(items, categories) where the categories of items with equally many stand in a table of all."""
        return self.responses.first_category[items][:, None] + np.arange(self.responses.n_categories[items[0]])

    def at(self, vector: np.ndarray) -> Point | None:
        """The likelihood and its gradient; None where the parameters are not feasible."""
        specification = self.specification
        blocks = list(specification.split(vector))
        if not all(specification.family.feasible(parameters) for _, parameters in blocks):
            return None
        loglik, expected, at_nodes = self._expect(vector)
        gradient = [
            np.einsum("mcq,mpcq->mp", expected[self.category_rows(items)], derivatives).ravel()
            for items, derivatives in self.derivatives(vector)
        ]
        if specification.free_variance:
            gradient.append([at_nodes @ self.variance_score(vector)])
        prior, prior_gradient, _ = specification.prior(vector)
        normaliser = logsumexp(self.quadrature.log_weights(specification.variance(vector)))
        return Point(
            vector,
            loglik + prior,
            loglik - self.responses.n_students * normaliser,
            np.concatenate(gradient) + prior_gradient,
            expected,
            at_nodes,
        )

    def derivatives(self, vector: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Items and the derivatives of their log-probabilities at the nodes, block by block."""
        for items, parameters in self.specification.split(vector):
            yield items, self.specification.family.log_probabilities(parameters, self.quadrature.theta)[1]

    def variance_score(self, vector: np.ndarray) -> np.ndarray:
        """(nodes,) derivative of the log-weights by the logarithm of the standard deviation."""
        return self.quadrature.theta**2 / self.specification.variance(vector) - 1

    def complete_information(self, point: Point) -> np.ndarray:
        """Expected information of the complete data (abilities known): blocks of items, and the latent variance."""
        blocks = []
        for items, parameters in self.specification.split(point.vector):
            logs, derivatives = self.specification.family.log_probabilities(parameters, self.quadrature.theta)
            pupils = point.expected[self.category_rows(items)].sum(axis=1)
            weights = np.exp(logs) * pupils[:, None]
            blocks += list(np.einsum("mpcq,mcq,mrcq->mpr", derivatives, weights, derivatives, optimize=True))
        if self.specification.free_variance:
            blocks.append(np.array([[2 * self.responses.n_students]]))
        return block_diag(*blocks) + np.diag(self.specification.prior(point.vector)[2])

    def posterior(self, vector: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of rows of the responses, and their posterior weights (rows, nodes)."""
        tables, log_weights = self._tables(vector)
        for start in range(0, len(self.responses.packed), _BLOCK):
            packed = self.responses.packed[start : start + _BLOCK]
            weights = np.empty((len(packed), len(log_weights)))
            posterior(packed, self.responses.first_pattern, tables, log_weights, weights, threads_for(len(packed)))
            yield slice(start, start + len(packed)), weights[:, : self.quadrature.n_nodes]

    def _tables(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods of the packed codes (codes, padded nodes), and log-weights of the nodes."""
        theta = self.quadrature.theta
        logs = np.empty((int(self.responses.n_categories.sum()), len(theta)))
        for items, parameters in self.specification.split(vector):
            logs[self.category_rows(items)] = self.specification.family.log_probabilities(parameters, theta)[0]
        tables = self.responses.incidence @ np.pad(logs, self._padding)
        weights = self.quadrature.log_weights(self.specification.variance(vector))
        return tables, np.pad(weights, self._padding[1], constant_values=_NOWHERE)

    def _expect(self, vector: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """The E-step: log-likelihood, expected numbers by category and node, and by node."""
        tables, log_weights = self._tables(vector)
        responses, nodes = self.responses, self.quadrature.n_nodes
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
        sums = self._sums.sum(axis=0)[:, :nodes]
        group = slice(0, len(sums) if len(responses.first_pattern) == 1 else responses.first_pattern[1])
        return float(loglik.sum()), self._from_categories @ sums, sums[group].sum(axis=0)
