"""What is estimated: which parameters an item response model has, and the nodes its abilities are summed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.irt.families import Family


@dataclass(frozen=True)
class Quadrature:
    """Equally spaced nodes."""

    n_nodes: int = 61
    bound: float = 6.0

    @property
    def theta(self) -> np.ndarray:
        """(nodes,) abilities."""
        return np.linspace(-self.bound, self.bound, self.n_nodes)

    @property
    def least_sd(self) -> float:
        """Standard deviation of a normal distribution too narrow for the nodes: half their distance."""
        return self.bound / (self.n_nodes - 1)

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

    @cached_property
    def blocks(self) -> list[np.ndarray]:
        """Items with equally many categories."""
        return [np.flatnonzero(self.n_categories == size) for size in np.unique(self.n_categories)]

    def start(self, category_counts: list[np.ndarray]) -> np.ndarray:
        """Start values from the numbers of pupils in each category, item by item."""
        shares = [(counts + 0.5) / (counts + 0.5).sum() for counts in category_counts]
        return self.join([self.family.start(np.array([shares[j] for j in items])) for items in self.blocks], 1.0)

    def split(self, vector: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Items and their parameters (items, parameters), block by block."""
        at = 0
        for items in self.blocks:
            width = self.family.width(int(self.n_categories[items[0]]))
            yield items, vector[at : at + len(items) * width].reshape(len(items), width)
            at += len(items) * width

    def join(self, parts: list[np.ndarray], variance: float) -> np.ndarray:
        """The inverse of `split`, with the latent variance if it is free."""
        end = [0.5 * np.log(variance)] if self.free_variance else []
        return np.concatenate([*(part.ravel() for part in parts), end])

    def variance(self, vector: np.ndarray) -> float:
        """The latent variance."""
        return float(np.exp(2 * vector[-1])) if self.free_variance else 1.0

    def item_prior(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of items (items, parameters): log-density of the prior (items,), its gradient and the diagonal of its
        information, both (items, parameters)."""
        gradient, information = np.zeros_like(parameters), np.zeros_like(parameters)
        if self.guessing_prior is None:
            return np.zeros(len(parameters)), gradient, information
        mean, sd = self.guessing_prior
        away = (parameters[:, -1] - mean) / sd
        gradient[:, -1] = -away / sd
        information[:, -1] = 1 / sd**2
        return -(away**2) / 2 - np.log(sd * np.sqrt(2 * np.pi)), gradient, information

    def prior(self, vector: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """The same of all parameters: a number and two arrays (parameters,)."""
        parts = [self.item_prior(parameters) for _, parameters in self.split(vector)]
        end = np.zeros(int(self.free_variance))
        gradient = np.concatenate([*(part[1].ravel() for part in parts), end])
        information = np.concatenate([*(part[2].ravel() for part in parts), end])
        return float(sum(part[0].sum() for part in parts)), gradient, information
