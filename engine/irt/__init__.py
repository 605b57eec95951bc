"""Item response models: marginal maximum likelihood, as R mirt has it, for tests of any size."""

from engine.irt.models import (
    GeneralizedPartialCredit,
    GradedResponse,
    Nominal,
    PartialCredit,
    Rasch,
    ThreePL,
    TwoPL,
)

__all__ = [
    "GeneralizedPartialCredit",
    "GradedResponse",
    "Nominal",
    "PartialCredit",
    "Rasch",
    "ThreePL",
    "TwoPL",
]
