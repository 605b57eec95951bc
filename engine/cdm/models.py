"""Cognitive diagnosis models as scikit-learn estimators, in the conventions of R's CDM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from engine._irt import encode
from engine.cdm.classes import ClassSpace
from engine.cdm.estimation import EM, Point, maximise
from engine.cdm.likelihood import ClassLikelihood
from engine.cdm.likely import likely_patterns
from engine.cdm.rules import MOST_ATTRIBUTES, RULES, ItemRule, Rule
from engine.cdm.structure import LogLinear, Saturated, Structure
from engine.cdm.weighted import WeightedEM
from engine.irt.responses import MISSING, Responses

ClassModel = Literal["saturated", "loglinear", "independent"]
MOST_FOR_LOGLINEAR = 12  # attributes
_WEIGHTED_TOL = 1e-5  # weighted least squares settle to no more


class CognitiveDiagnosis(BaseEstimator):
    """What all models share: estimation, mastery, fit. Not a model itself."""

    def __init__(
        self,
        q_matrix: np.ndarray | None = None,
        *,
        class_model: ClassModel | None = None,
        prerequisites: Sequence[tuple[int, int]] = (),
        max_classes: int = 4096,
        tol: float = 3e-7,
        max_iter: int = 5000,
    ) -> None:
        self.q_matrix = q_matrix
        self.class_model = class_model
        self.prerequisites = prerequisites
        self.max_classes = max_classes
        self.tol = tol
        self.max_iter = max_iter

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    def fit(self, X: np.ndarray, y: None = None) -> Self:
        """Estimate items and class probabilities.

        Args:
            X: (n_students, n_items) 1 right, 0 wrong, NaN or negative: missing (skipped in the likelihood).
            y: ignored.

        Raises:
            ValueError: other scores than 0 and 1, or a Q-matrix that does not fit.
        """
        X = validate_data(self, X, dtype="numeric", ensure_all_finite="allow-nan")
        Q = self._q_matrix(X.shape[1])
        self.rules_ = [ItemRule(rule, np.flatnonzero(row)) for rule, row in zip(self._rules(len(Q)), Q, strict=True)]
        self._offsets = np.cumsum([0, *(rule.n_states for rule in self.rules_)])
        codes = _codes(X)
        pairs = self._pairs(Q.shape[1])
        self.class_patterns_ = likely_patterns(Q.shape[1], self.rules_, codes, pairs, self.max_classes)
        responses = Responses.of(codes, np.full(len(Q), 2)).collapsed()
        self._space = ClassSpace.of(self.class_patterns_, self.rules_)
        structure = self._structure()
        em = EM(ClassLikelihood(self._space, responses, self._offsets[:-1]), self.rules_, structure)
        classes = np.full(len(self.class_patterns_), 1 / len(self.class_patterns_))
        start = Point(np.concatenate([rule.start() for rule in self.rules_]), classes)
        if isinstance(structure, LogLinear) and self._weighted():
            found = WeightedEM(em, structure).maximise(start, max(self.tol, _WEIGHTED_TOL), self.max_iter)
        else:
            found = maximise(em, start, self.tol, self.max_iter)
        self._point = found.point
        self.loglik_, self.n_iter_, self.converged_ = found.loglik, found.n_iter, found.converged
        self.n_students_ = len(X)
        self.n_parameters_ = sum(rule.n_parameters for rule in self.rules_) + structure.n_parameters
        self.item_probabilities_ = np.split(found.point.probabilities, self._offsets[1:-1])
        self.class_probabilities_ = found.point.classes
        self.mastery_ = found.point.classes @ self.class_patterns_
        return self

    @property
    def guess_(self) -> np.ndarray:
        """(n_items,) P(right) without any of the attributes required (DINA: without all)."""
        return np.array([probabilities[0] for probabilities in self.item_probabilities_])

    @property
    def slip_(self) -> np.ndarray:
        """(n_items,) P(wrong) with all attributes required (DINO: with any)."""
        return np.array([1 - probabilities[-1] for probabilities in self.item_probabilities_])

    @property
    def aic_(self) -> float:
        """Akaike's information criterion."""
        return -2 * self.loglik_ + 2 * self.n_parameters_

    @property
    def bic_(self) -> float:
        """Schwarz's information criterion; n is the number of pupils."""
        return -2 * self.loglik_ + np.log(self.n_students_) * self.n_parameters_

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """EAP mastery: posterior probability of each attribute.

        Args:
            X: (n_students, n_items) as in `fit`.

        Returns:
            (n_students, n_attributes); that of the fitted population for a pupil without answers.
        """
        check_is_fitted(self)
        return self.posterior_means(X, self.class_patterns_).clip(0, 1)

    def posterior_means(self, X: np.ndarray, values: np.ndarray) -> np.ndarray:
        """What pupils may expect of something that depends on the class.

        Args:
            X: (n_students, n_items) as in `fit`.
            values: (classes, m).

        Returns:
            (n_students, m); the mean of the fitted population for a pupil without answers.
        """
        likelihood = self._likelihood(X)
        space = self._space
        shares = space.shares(self.class_probabilities_)
        by_group = np.column_stack([space.grouped(shares * column) for column in values.T])
        result = np.empty((len(likelihood.responses.packed), by_group.shape[1]))
        for rows, weights in likelihood.posterior(self._point.probabilities, space.grouped(self.class_probabilities_)):
            result[rows] = weights @ by_group
        return result

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The attribute pattern of highest posterior probability (MAP); of equally probable ones the first in
        `class_patterns_`, as where the Q-matrix cannot tell them apart.

        Args:
            X: (n_students, n_items) as in `fit`.

        Returns:
            (n_students, n_attributes) 0/1.
        """
        likelihood = self._likelihood(X)
        space = self._space
        shares = space.shares(self.class_probabilities_)
        order = np.lexsort((np.arange(len(shares)), -shares, space.group))
        best = order[np.concatenate([[0], np.cumsum(space.sizes)[:-1]])]
        chosen = np.empty(len(likelihood.responses.packed), dtype=np.intp)
        for rows, weights in likelihood.posterior(self._point.probabilities, space.grouped(self.class_probabilities_)):
            chosen[rows] = best[np.argmax(weights * shares[best], axis=1)]
        return self.class_patterns_[chosen].astype(np.int64)

    def pattern_probability(self, X: np.ndarray) -> np.ndarray:
        """(n_students,) posterior probability of the pattern that `predict` tells."""
        likelihood = self._likelihood(X)
        space = self._space
        largest = np.zeros(space.n_groups)
        np.maximum.at(largest, space.group, space.shares(self.class_probabilities_))
        result = np.empty(len(likelihood.responses.packed))
        for rows, weights in likelihood.posterior(self._point.probabilities, space.grouped(self.class_probabilities_)):
            result[rows] = (weights * largest).max(axis=1)
        return result

    def state_probabilities(self, X: np.ndarray, item: int) -> np.ndarray:
        """(n_students, states of the item) posterior probabilities of an item's states."""
        states = self.rules_[item].states(self.class_patterns_)
        return self.posterior_means(X, np.eye(self.rules_[item].n_states)[states])

    def _likelihood(self, X: np.ndarray) -> ClassLikelihood:
        check_is_fitted(self)
        X = validate_data(self, X, dtype="numeric", ensure_all_finite="allow-nan", reset=False)
        responses = Responses.of(_codes(X), np.full(X.shape[1], 2))
        return ClassLikelihood(self._space, responses, self._offsets[:-1])

    def _rules(self, items: int) -> Sequence[Rule]:
        raise NotImplementedError

    def _q_matrix(self, items: int) -> np.ndarray:
        """The Q-matrix, checked; without one, a single attribute that every item requires."""
        Q = np.ones((items, 1)) if self.q_matrix is None else np.asarray(self.q_matrix)
        if Q.ndim != 2 or len(Q) != items:
            raise ValueError(f"q_matrix has shape {Q.shape}, and X has {items} items: one row an item is needed")
        if not np.isin(Q, (0, 1)).all():
            j, k = np.argwhere(~np.isin(Q, (0, 1)))[0]
            raise ValueError(f"q_matrix has {Q[j, k]} in row {j}, column {k}: 1 (required) or 0 is needed")
        if not Q.any(axis=1).all():
            raise ValueError(
                f"row {np.argmin(Q.any(axis=1))} of q_matrix requires no attribute: give the item one, or leave it out"
            )
        if Q.sum(axis=1).max() > MOST_ATTRIBUTES:
            j = int(np.argmax(Q.sum(axis=1)))
            raise ValueError(f"row {j} of q_matrix requires more than {MOST_ATTRIBUTES} attributes")
        return Q.astype(bool)

    def _pairs(self, attributes: int) -> Sequence[tuple[int, int]]:
        for pair in self.prerequisites:
            if len(pair) != 2 or not all(0 <= k < attributes for k in pair) or pair[0] == pair[1]:
                raise ValueError(
                    f"prerequisites has {pair!r}: pairs (before, after) of attributes 0 to {attributes - 1} are needed"
                )
        return self.prerequisites

    def _default_class_model(self, attributes: int) -> ClassModel:
        return "saturated"

    def _weighted(self) -> bool:
        """Whether log-linear effects are found as R's CDM finds them."""
        return False

    def _structure(self) -> Structure:
        patterns = self.class_patterns_
        model = self.class_model or self._default_class_model(patterns.shape[1])
        if model == "saturated":
            return Saturated(patterns)
        if model in ("loglinear", "independent"):
            return LogLinear(patterns, interactions=model == "loglinear")
        raise ValueError(f"class_model is {model!r}: 'saturated', 'loglinear', 'independent' or None is needed")


class DINA(CognitiveDiagnosis):
    """DINA: right needs all attributes required, but for slips and guesses (Junker & Sijtsma 2001; CDM's din)."""

    def _rules(self, items: int) -> Sequence[Rule]:
        return ["DINA"] * items


class DINO(CognitiveDiagnosis):
    """DINO: any of the attributes required will do (Templin & Henson 2006; CDM's din with rule DINO)."""

    def _rules(self, items: int) -> Sequence[Rule]:
        return ["DINO"] * items


class GDINA(CognitiveDiagnosis):
    """G-DINA and the models inside it (de la Torre 2011; CDM's gdina).

    Args:
        rule: "GDINA" (saturated), "ACDM", "LLM", "RRUM", "DINA" or "DINO", or one for each item.
    """

    def __init__(
        self,
        q_matrix: np.ndarray | None = None,
        *,
        rule: Rule | Sequence[Rule] = "GDINA",
        class_model: ClassModel | None = None,
        prerequisites: Sequence[tuple[int, int]] = (),
        max_classes: int = 4096,
        tol: float = 3e-7,
        max_iter: int = 5000,
    ) -> None:
        super().__init__(
            q_matrix,
            class_model=class_model,
            prerequisites=prerequisites,
            max_classes=max_classes,
            tol=tol,
            max_iter=max_iter,
        )
        self.rule = rule

    def _rules(self, items: int) -> Sequence[Rule]:
        rules: list[Any] = [self.rule] * items if isinstance(self.rule, str) else list(self.rule)
        if len(rules) != items:
            raise ValueError(f"rule has {len(rules)} entries, and X has {items} items: one, or one an item is needed")
        for rule in rules:
            if rule not in RULES:
                raise ValueError(f"rule is {rule!r}: one of {', '.join(RULES)} is needed")
        return rules

    def _default_class_model(self, attributes: int) -> ClassModel:
        return "loglinear" if 4 <= attributes <= MOST_FOR_LOGLINEAR else "saturated"

    def _weighted(self) -> bool:
        return self.class_model is None and not any(rule.additive for rule in self.rules_)


def _codes(X: np.ndarray) -> np.ndarray:
    """(n_students, n_items) uint8: 1 right, 0 wrong, 255 missing.

    Raises:
        ValueError: a score other than 0, 1 and missing.
    """
    codes = np.empty(X.shape, dtype=np.uint8)
    seen = np.zeros((X.shape[1], 256), dtype=np.uint8)
    encode(np.ascontiguousarray(X, dtype=np.float64), codes, seen)
    if seen[:, 2:MISSING].any():
        i, j = np.argwhere((codes > 1) & (codes < MISSING))[0]
        raise ValueError(f"X has {X[i, j]:g} in row {i}, column {j}: 0 (wrong), 1 (right) or NaN (missing) is needed")
    return codes
