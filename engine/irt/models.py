"""Item response models as scikit-learn estimators, in R mirt's conventions."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from engine.irt.base import ItemResponseModel
from engine.irt.families import GradedFamily, NominalFamily, PartialCreditFamily, ThreeParameterFamily
from engine.irt.specification import Specification


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
