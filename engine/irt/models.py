"""Item response models as scikit-learn estimators, in R mirt's conventions."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from engine.ability import Abilities, Method, abilities
from engine.curves import Curves, DivideByTotal
from engine.irt.estimation import Fit, fit
from engine.irt.families import Family, GradedFamily, NominalFamily, PartialCreditFamily, ThreeParameterFamily
from engine.irt.information import observed_information
from engine.irt.likelihood import Likelihood
from engine.irt.responses import MISSING, Responses, recode
from engine.irt.specification import Quadrature, Specification


class ItemResponseModel(TransformerMixin, BaseEstimator):
    """What all models share: estimation, probabilities, abilities. Not a model itself."""

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

    def _errors(self, found: Fit) -> dict[str, np.ndarray]:
        """Standard errors from the observed information; those of transformed parameters by the delta method."""
        covariance = _inverse(observed_information(found.likelihood, found.point))
        errors: dict[str, np.ndarray] = {}
        at = 0
        for items, parameters in self._specification.split(self._vector):
            m, p = parameters.shape
            own = (at + np.arange(m * p)).reshape(m, p)
            at += m * p
            block = covariance[own[:, :, None], own[:, None, :]]
            sides = []
            for sign in (1, -1):
                moved = parameters[:, None, :] + sign * _STEP * np.eye(p)  # (items, moved parameter, parameters)
                sides.append(self._forms(moved.reshape(m * p, p)))
            forms = {}
            for name in sides[0]:
                slopes = ((sides[0][name] - sides[1][name]) / (2 * _STEP)).reshape(m, p, -1)
                variance = np.einsum("mpk,mpr,mrk->mk", slopes, block, slopes)
                known = np.abs(slopes).max(axis=1) > 0  # else: fixed
                variance = np.where(known & (variance > 0), variance, np.nan)
                forms[name] = np.sqrt(variance).reshape(m, *sides[0][name].shape[1:])
            self._place(errors, items, forms)
        if self._free_variance:
            spread = covariance[-1, -1]
            errors["latent_variance"] = 2 * self.latent_variance_ * np.sqrt(spread if spread > 0 else np.nan)
        return errors

    def _place(self, into: dict[str, np.ndarray], items: np.ndarray, forms: dict[str, np.ndarray]) -> None:
        """Put values of some items among those of all; what an item does not have is NaN."""
        most = max(len(scores) for scores in self.categories_)
        for name, values in forms.items():
            if name not in into:
                width = (
                    ()
                    if values.ndim == 1
                    else (most - (len(self.categories_[self._items[items[0]]]) - values.shape[1]),)
                )
                into[name] = np.full((len(self.categories_), *width), np.nan)
            if values.ndim == 1:
                into[name][self._items[items]] = values
            else:
                into[name][self._items[items], : values.shape[1]] = values


_STEP = 1e-5  # of the differences for the delta method


def _inverse(information: np.ndarray) -> np.ndarray:
    """The covariance matrix; NaN where the information is singular."""
    try:
        return np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return np.full_like(information, np.nan)


class Rasch(ItemResponseModel):
    """Rasch model: P = 1 / (1 + exp(-(θ - b))), θ ~ N(0, variance), the variance estimated (Rasch 1960; mirt "Rasch").

    Learned attributes: those of TwoPL, with discrimination_ 1, and latent_variance_.
    """

    _family = PartialCreditFamily(fixed_slope=True)
    _free_variance = True
    _two_categories = True

    def _forms(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        intercept = parameters[:, 0]
        return {"discrimination": np.ones(len(parameters)), "difficulty": -intercept, "intercept": intercept}


class TwoPL(ItemResponseModel):
    """Two-parameter logistic model: P = 1 / (1 + exp(-a (θ - b))), θ ~ N(0, 1) (Birnbaum 1968; mirt "2PL", D = 1).

    Attributes:
        discrimination_, difficulty_: (n_items,) a and b.
        intercept_: (n_items,) d = -a b, of the slope/intercept form a θ + d.
    """

    _family = PartialCreditFamily(fixed_slope=False)
    _two_categories = True

    def _forms(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        slope, intercept = parameters.T
        return {"discrimination": slope, "difficulty": -intercept / slope, "intercept": intercept}


class ThreePL(ItemResponseModel):
    """Three-parameter logistic model: P = g + (1 - g) / (1 + exp(-a (θ - b))), θ ~ N(0, 1) (Birnbaum 1968; mirt "3PL").

    Args:
        guessing_prior: mean and standard deviation of a normal prior on logit g, the same for all items; None: none.
            Without one the model is weakly identified: guessing of easy items may end at 0 without a standard error.

    Attributes:
        discrimination_, difficulty_, intercept_: as TwoPL.
        guessing_: (n_items,) g; logit_guessing_ its logit.
        loglik_: leaves the prior out; its log-density is log_prior_.
    """

    _family = ThreeParameterFamily()
    _two_categories = True

    def __init__(
        self,
        *,
        guessing_prior: tuple[float, float] | None = None,
        standard_errors: bool = True,
        n_nodes: int = 61,
        bound: float = 6.0,
        tol: float = 1e-6,
        max_iter: int = 500,
    ) -> None:
        super().__init__(standard_errors=standard_errors, n_nodes=n_nodes, bound=bound, tol=tol, max_iter=max_iter)
        self.guessing_prior = guessing_prior

    def _specify(self, sizes: np.ndarray) -> Specification:
        return Specification(self._family, sizes, guessing_prior=self.guessing_prior)

    def _forms(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        slope, intercept, guess = parameters.T
        return {
            "discrimination": slope,
            "difficulty": -intercept / slope,
            "intercept": intercept,
            "guessing": expit(guess),
            "logit_guessing": guess,
        }


class GradedResponse(ItemResponseModel):
    """Graded response model: P(X ≥ k) = 1 / (1 + exp(-a (θ - b_k))), θ ~ N(0, 1) (Samejima 1969; mirt "graded").

    Attributes:
        discrimination_: (n_items,) a.
        thresholds_: (n_items, most categories - 1) b_1 < b_2 < …
        intercepts_: the same shape, d_k = -a b_k.
    """

    _family = GradedFamily()

    def _forms(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        slope, intercepts = parameters[:, 0], parameters[:, 1:]
        return {"discrimination": slope, "thresholds": -intercepts / slope[:, None], "intercepts": intercepts}


class PartialCredit(ItemResponseModel):
    """Partial credit model: slopes 1, θ ~ N(0, variance), the variance estimated (Masters 1982; mirt "Rasch").

    Attributes:
        thresholds_: (n_items, most categories - 1) where the curves of categories k-1 and k cross.
        intercepts_: the same shape, d_k of P(X = k) ∝ exp(k θ + d_k), d_0 = 0.
        discrimination_: (n_items,) 1.
        latent_variance_: of the ability.
    """

    _family = PartialCreditFamily(fixed_slope=True)
    _free_variance = True

    def _forms(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        return _partial_credit(np.ones(len(parameters)), parameters)


class GeneralizedPartialCredit(ItemResponseModel):
    """Generalised partial credit model: P(X = k) ∝ exp(a k θ + d_k), θ ~ N(0, 1) (Muraki 1992; mirt "gpcm").

    Attributes:
        discrimination_: (n_items,) a.
        thresholds_: (n_items, most categories - 1) where the curves of categories k-1 and k cross.
        intercepts_: the same shape, d_k, d_0 = 0.
    """

    _family = PartialCreditFamily(fixed_slope=False)

    def _forms(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        return _partial_credit(parameters[:, 0], parameters[:, 1:])


def _partial_credit(slope: np.ndarray, intercepts: np.ndarray) -> dict[str, np.ndarray]:
    steps = np.diff(intercepts, axis=1, prepend=0)
    return {"discrimination": slope, "thresholds": -steps / slope[:, None], "intercepts": intercepts}


class Nominal(ItemResponseModel):
    """Nominal response model: P(X = k) ∝ exp(a s_k θ + d_k), θ ~ N(0, 1) (Bock 1972; mirt "nominal").

    Identified as in mirt: s_0 = 0, s_m = m (the highest category), d_0 = 0.

    Attributes:
        discrimination_: (n_items,) a.
        scoring_: (n_items, most categories) s_k.
        intercepts_: (n_items, most categories) d_k.
        slopes_, centred_intercepts_: (n_items, most categories) a s_k and d_k, less their mean over the item's
            categories: Bock's own form.
    """

    _family = NominalFamily()

    def _forms(self, parameters: np.ndarray) -> dict[str, np.ndarray]:
        slopes, intercepts = (np.pad(half, ((0, 0), (1, 0))) for half in np.hsplit(parameters, 2))
        slope = slopes[:, -1] / (slopes.shape[1] - 1)
        return {
            "discrimination": slope,
            "scoring": slopes / slope[:, None],
            "intercepts": intercepts,
            "slopes": slopes - slopes.mean(axis=1, keepdims=True),
            "centred_intercepts": intercepts - intercepts.mean(axis=1, keepdims=True),
        }
