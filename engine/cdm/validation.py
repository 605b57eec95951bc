"""Empirical validation of the Q-matrix: which sets of attributes tell the pupils' answers to an item apart.

The discrimination index ς² of a set is the variance of P(right) over the classes that the set tells apart, weighted by
their sizes; the proportion of variance accounted for (PVAF) is its ratio to ς² of all attributes (de la Torre & Chiu
2016). P(right) and sizes are those expected by a fitted model, pattern by pattern.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.cdm.models import CognitiveDiagnosis


@dataclass(frozen=True)
class ExpectedAnswers:
    """Of the pupils of each pattern, as expected by the model.

    Attributes:
        patterns: (classes, attributes) 0/1.
        right, total: (items, classes) right answers and answers.
    """

    patterns: np.ndarray
    right: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, model: CognitiveDiagnosis, X: np.ndarray) -> ExpectedAnswers:
        """From a fitted model, best a saturated one, and the answers (n_students, n_items) that it was fitted to."""
        weights = model.posterior_means(X, np.eye(len(model.class_patterns_)))
        answered = np.asarray(X) >= 0
        right = np.where(answered, X, 0).T @ weights
        return cls(model.class_patterns_, right, answered.T.astype(float) @ weights)

    def pvaf(self, item: int, attributes: np.ndarray) -> float:
        """Of a set of attributes (k,), 0…1; 1 where no set tells anything apart."""
        everything = self.variance(item, np.arange(self.patterns.shape[1]))
        return self.variance(item, attributes) / everything if everything > 0 else 1.0

    def variance(self, item: int, attributes: np.ndarray) -> float:
        """ς² of a set of attributes (k,)."""
        reduced = np.unique(self.patterns[:, attributes], axis=0, return_inverse=True)[1].ravel()
        right, total = np.bincount(reduced, self.right[item]), np.bincount(reduced, self.total[item])
        p = np.divide(right, total, out=np.zeros(len(total)), where=total > 0)
        share = total / max(total.sum(), 1e-300)
        return float(share @ (p - share @ p) ** 2)
