"""What item response models share: estimation, standard errors, abilities."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from engine.ability import Abilities, Method, abilities
from engine.curves import Curves, DivideByTotal
from engine.irt.estimation import Fit, fit
from engine.irt.families import Family
from engine.irt.information import covariance
from engine.irt.likelihood import Likelihood
from engine.irt.responses import MISSING, Responses, recode
from engine.irt.specification import Quadrature, Specification

_STEP = 1e-5  # of the differences for the delta method


class ItemResponseModel(TransformerMixin, BaseEstimator):
    """What all models share: estimation, probabilities, abilities. Not a model itself.

    An item with one score only says nothing of ability: its parameters are NaN, its probability is 1, and it counts
    nowhere. Estimates may run away where the data let them (an item that all of the able and none of the others solve);
    the search then ends on the plateau of the likelihood.

    Args:
        standard_errors: compute them (from the observed information; as mirt's SE.type = "Oakes").
        n_nodes, bound: equally spaced nodes of the quadrature, from -bound to bound (mirt: 61, 6).
        tol: convergence: no parameter would change by more in the next step, or none by more than this part of its
            standard error.
        max_iter: most passes over the data.

    Attributes:
        categories_: for each item the scores that occurred, sorted; they are recoded to 0, 1, … without gaps (as mirt).
        loglik_, n_parameters_: the marginal log-likelihood and the number of estimated parameters.
        n_iter_, converged_: passes over the data, and whether the search met `tol`.
        latent_variance_: variance of the ability (mean 0); 1 unless the model estimates it. Where answers hang together
            less than by chance it is the least the nodes can tell, the square of half their distance (0.01).
        standard_errors_: by attribute (without the underscore), in its shape; NaN for what is fixed or not identified.
            None if not asked for.
    """

    _family: ClassVar[Family]
    _free_variance: ClassVar[bool] = False
    _two_categories: ClassVar[bool] = False

    def __init__(
        self,
        *,
        standard_errors: bool = True,
        n_nodes: int = 61,
        bound: float = 6.0,
        tol: float = 1e-6,
        max_iter: int = 500,
    ) -> None:
        self.standard_errors = standard_errors
        self.n_nodes = n_nodes
        self.bound = bound
        self.tol = tol
        self.max_iter = max_iter

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    def fit(self, X: np.ndarray, y: None = None) -> Self:
        """Estimate the items.

        Args:
            X: (n_students, n_items) scores; NaN or negative: missing (skipped in the likelihood).
            y: ignored.

        Raises:
            ValueError: no item has two different scores, or an item has more than the model or the engine can take.
        """
        X = validate_data(self, X, dtype="numeric", ensure_all_finite="allow-nan")
        codes, self.categories_ = recode(X)
        sizes = np.array([len(scores) for scores in self.categories_])
        self._check_sizes(sizes)
        self._items = np.flatnonzero(sizes > 1)
        if not len(self._items):
            raise ValueError(f"nothing to estimate: no item has two different scores (n_samples = {len(X)})")
        self._specification = self._specify(sizes[self._items])
        quadrature = Quadrature(self.n_nodes, self.bound)
        whole = len(self._items) == len(sizes)
        responses = Responses.of(codes if whole else codes[:, self._items], sizes[self._items])
        with threadpool_limits(1, "blas"):  # many small products, and sums in one order whatever the machine
            found = fit(self._specification, responses, quadrature, self.tol, self.max_iter)
            with np.errstate(divide="ignore", invalid="ignore"):  # a slope of 0 has no difficulty
                self._learn(found)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Abilities: expected a posteriori, with the posterior standard deviation.

        The nodes are twice as dense as in `fit` (121 instead of 61), as in mirt's fscores.

        Args:
            X: (n_students, n_items) scores as in `fit`.

        Returns:
            (n_students, 2) EAP and SE; those of the prior for a pupil without answers.

        Raises:
            ValueError: an item has a score that did not occur when the model was fitted.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype="numeric", ensure_all_finite="allow-nan", reset=False)
        codes, _ = recode(X, self.categories_)
        responses = Responses.of(codes[:, self._items], self._specification.n_categories)
        likelihood = Likelihood(self._specification, responses, Quadrature(2 * self.n_nodes - 1, self.bound))
        theta = likelihood.quadrature.theta
        abilities = np.empty((len(X), 2))
        for rows, weights in likelihood.posterior(self._vector):
            mean = weights @ theta
            abilities[rows, 0] = mean
            abilities[rows, 1] = np.sqrt(np.maximum(weights @ theta**2 - mean**2, 0))
        return abilities

    def probabilities(self, theta: np.ndarray) -> list[np.ndarray]:
        """Probabilities of the categories.

        Args:
            theta: (n_theta,) abilities.

        Returns:
            for each item (categories, n_theta), in the order of `categories_`; an item with one category has it surely.
        """
        theta = np.asarray(theta, dtype=np.float64)
        return [item.probabilities(theta) for item in self.curves_]

    @property
    def curves_(self) -> list[Curves]:
        """The items as engine.ability, information, sumscore, itemfit, modelfit and linking take them."""
        check_is_fitted(self)
        result: list[Curves] = [DivideByTotal(np.zeros(1), np.zeros(1), "none")] * len(self.categories_)
        for items, parameters in self._specification.split(self._vector):
            for j, item in zip(self._items[items], self._specification.family.curves(parameters), strict=True):
                result[j] = item
        return result

    def category_numbers(self, X: np.ndarray) -> np.ndarray:
        """The scores as the same modules take them: numbers of the categories from 0, -1 for missing.

        Args:
            X: (n_students, n_items) scores as in `fit`.

        Raises:
            ValueError: an item has a score that did not occur when the model was fitted.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype="numeric", ensure_all_finite="allow-nan", reset=False)
        codes, _ = recode(X, self.categories_)
        return np.where(codes == MISSING, -1, codes.astype(np.int16))

    def abilities(self, X: np.ndarray, method: Method = "eap") -> Abilities:
        """Abilities and their standard errors by EAP, MAP, WLE or ML: see `engine.ability.abilities`.

        Args:
            X: (n_students, n_items) scores as in `fit`.
        """
        return abilities(self.category_numbers(X), self.curves_, method, variance=self.latent_variance_)

    def _forms(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        """From the parameters of items (items, parameters) with equally many categories to the learned attributes, each
        (items,) or (items, …)."""
        raise NotImplementedError

    def _specify(self, sizes: np.ndarray) -> Specification:
        return Specification(self._family, sizes, self._free_variance)

    def _check_sizes(self, sizes: np.ndarray) -> None:
        if self._two_categories and (sizes > 2).any():
            j = int(np.argmax(sizes > 2))
            raise ValueError(
                f"item {j} (column {j} of X) has {sizes[j]} different scores, and {type(self).__name__} is for two "
                "(right and wrong); use GradedResponse, PartialCredit or GeneralizedPartialCredit"
            )

    def _learn(self, found: Fit) -> None:
        """Set the learned attributes."""
        self._vector = found.point.vector
        self.loglik_ = found.point.loglik
        self.log_prior_ = self._specification.prior(self._vector)[0]
        self.n_iter_ = found.n_iter
        self.converged_ = found.converged
        self.n_parameters_ = len(self._vector)
        self.latent_variance_ = self._specification.variance(self._vector)
        estimates: dict[str, np.ndarray] = {}
        for items, parameters in self._specification.split(self._vector):
            self._place(estimates, items, self._forms(parameters))
        for name, values in estimates.items():
            setattr(self, f"{name}_", values)
        self.standard_errors_ = self._errors(found) if self.standard_errors else None

    def _errors(self, found: Fit) -> dict[str, np.ndarray | float]:
        """Standard errors from the observed information; those of transformed parameters by the delta method."""
        matrix, known = covariance(found.likelihood, found.point)
        errors: dict[str, np.ndarray] = {}
        at = 0
        for items, parameters in self._specification.split(self._vector):
            m, p = parameters.shape
            own = (at + np.arange(m * p)).reshape(m, p)
            at += m * p
            sides = [
                self._forms((parameters[:, None, :] + sign * _STEP * np.eye(p)).reshape(m * p, p)) for sign in (1, -1)
            ]
            forms = {}
            for name, up in sides[0].items():
                slopes = ((up - sides[1][name]) / (2 * _STEP)).reshape(m, p, -1)
                variance = np.einsum("mpk,mpr,mrk->mk", slopes, matrix[own[:, :, None], own[:, None, :]], slopes)
                depends = slopes != 0
                certain = depends.any(axis=1) & ~(depends & ~known[own][:, :, None]).any(axis=1) & (variance > 0)
                forms[name] = np.sqrt(np.where(certain, variance, np.nan)).reshape(m, *up.shape[1:])
            self._place(errors, items, forms)
        if self._free_variance:
            spread = matrix[-1, -1] if known[-1] and matrix[-1, -1] > 0 else np.nan
            return errors | {"latent_variance": 2 * self.latent_variance_ * float(np.sqrt(spread))}
        return dict(errors)

    def _place(self, into: dict[str, np.ndarray], items: np.ndarray, forms: dict[str, np.ndarray]) -> None:
        """Put values of some items among those of all; what an item does not have is NaN."""
        items = self._items[items]
        missing = max(len(scores) for scores in self.categories_) - len(self.categories_[items[0]])
        for name, values in forms.items():
            if values.ndim == 2:
                values = np.pad(values, ((0, 0), (0, missing)), constant_values=np.nan)
            everyone = into.setdefault(name, np.full((len(self.categories_), *values.shape[1:]), np.nan))
            everyone[items] = values
