"""What is computed from the response curves of fitted models: abilities, item fit and M2, from answers to the end."""

from pathlib import Path

import numpy as np
import pytest
from irt_files import reference

from engine.ability import empirical_reliability
from engine.irt import GeneralizedPartialCredit, GradedResponse, Nominal, PartialCredit, Rasch, ThreePL, TwoPL
from engine.itemfit import s_x2
from engine.modelfit import m2

MODELS = {
    "rasch": Rasch,
    "2pl": TwoPL,
    "3pl_prior": ThreePL,
    "graded": GradedResponse,
    "pcm": PartialCredit,
    "gpcm": GeneralizedPartialCredit,
    "nominal": Nominal,
}


@pytest.mark.parametrize(
    "name", ["lsat rasch", "lsat 2pl", "ctt100 rasch", "environment graded", "science pcm", "science gpcm"]
)
def test_from_answers_to_abilities_and_fit(shared_data: Path, name: str) -> None:
    fit = reference(shared_data, name)
    model = MODELS[fit.model](standard_errors=False).fit(fit.codes)
    free = int(fit.model in ("rasch", "pcm"))
    assert sum(item.n_parameters for item in model.curves_) + free == fit.of_fit("n_par")
    eap = model.abilities(fit.codes)
    assert np.allclose(np.stack([eap.theta, eap.se], axis=1), model.transform(fit.codes), atol=1e-12)
    assert empirical_reliability(eap) == pytest.approx(fit.of_fit("empirical_reliability_EAP"), abs=1e-4)
    persons = fit.column("persons", "person").astype(int) - 1
    for method in ("eap", "map", "wle", "ml"):
        theta = fit.column("persons", method.upper())
        known = np.isfinite(theta)
        found = model.abilities(fit.codes, method).theta[persons]
        assert np.abs(found - theta)[known].max(initial=0) < 1e-3
    if fit.has("M2"):
        codes, latent = model.category_numbers(fit.codes), model.latent_variance_
        overall = m2(codes, model.curves_, variance=latent, n_latent=free)
        assert overall.statistic == pytest.approx(fit.column("M2", "M2")[0], abs=1e-3)
        found = s_x2(codes, model.curves_, variance=latent, n_latent=free)
        assert np.allclose(found.statistic, fit.column("itemfit", "S_X2"), atol=1e-3)


@pytest.mark.parametrize("name", [*MODELS])
def test_curves_of_every_model(name: str) -> None:
    """Codes with gaps, an item all get right, missing answers; transform has its own way to the same abilities."""
    rng = np.random.default_rng(3)
    theta = rng.normal(size=(400, 1))
    highest = 1 if MODELS[name] in (Rasch, TwoPL, ThreePL) else 2
    x = (theta + rng.logistic(size=(400, 5)) > np.array([0, 0.5, -0.5, 0.2, -9])).astype(float)
    x[:, 1:3] += highest * x[:, 1:3]  # 0 and 2 or 3
    if highest == 2:
        x[:, 3] = np.digitize(theta[:, 0] + rng.logistic(size=400), [-0.5, 0.5])
    x[:, 4] = 1
    x[rng.random(x.shape) < 0.1] = np.nan
    x[0] = np.nan
    model = MODELS[name](standard_errors=False).fit(x)
    codes = model.category_numbers(x)
    assert [item.n_categories for item in model.curves_] == [2, 2, 2, highest + 1, 1]
    assert np.array_equal(codes < 0, np.isnan(x))
    for column, (categories, numbers) in enumerate(zip(model.categories_, codes.T, strict=True)):
        known = numbers >= 0
        assert np.array_equal(categories[numbers[known]], x[known, column])
    found = model.abilities(x)
    assert np.allclose(np.stack([found.theta, found.se], axis=1), model.transform(x), atol=1e-12)
    assert found.theta[0] == pytest.approx(0, abs=1e-12)
