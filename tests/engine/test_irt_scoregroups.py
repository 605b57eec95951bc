"""Rasch and partial credit models from score groups: R eRm, R TAM, R ltm, and the models fitted pupil by pupil."""

import math
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from irt_files import reference

from engine.irt import PartialCredit, Rasch
from engine.irt.scoregroups import ScoreGroups, conditional, marginal
from engine.tally import Answers, Tally

COMPLETE = ("ctt100 rasch", "lsat rasch", "msatb rasch", "verbal rasch", "environment pcm", "science pcm")


def model_of(name: str) -> Rasch | PartialCredit:
    return PartialCredit() if name.endswith("pcm") else Rasch()


@pytest.mark.parametrize("name", COMPLETE)
def test_conditional_likelihood_as_in_erm(shared_data: Path, name: str) -> None:
    """eRm's search stops some 1e-5 before the maximum."""
    data = reference(shared_data, name)
    rows = data.rows("rasch_cml_items.csv")
    found = conditional(ScoreGroups.of(data.codes))
    note = (data.folder / "NOTE.md").read_text(encoding="utf-8")
    assert found.converged
    assert found.loglik == pytest.approx(float(re.search(r"conditional log-likelihood (-[\d.]+)", note)[1]), abs=1e-5)
    expected = {key: np.array([float(row[key]) for row in rows]) for key in ("easiness", "se")}
    np.testing.assert_allclose(np.concatenate(found.intercepts), expected["easiness"], atol=1e-4)
    np.testing.assert_allclose(np.concatenate(found.standard_errors), expected["se"], rtol=1e-3)


@pytest.mark.parametrize("name", COMPLETE)
def test_marginal_likelihood_as_pupil_by_pupil(shared_data: Path, name: str) -> None:
    codes = reference(shared_data, name).codes
    found, model = marginal(ScoreGroups.of(codes)), model_of(name).fit(codes)
    intercepts = model.intercepts_ if name.endswith("pcm") else model.intercept_[:, None]
    errors = model.standard_errors_["intercepts" if name.endswith("pcm") else "intercept"]
    assert found.converged
    assert found.loglik == pytest.approx(model.loglik_, abs=1e-8)
    assert found.latent_variance == pytest.approx(model.latent_variance_, rel=1e-5)
    np.testing.assert_allclose(np.concatenate(found.intercepts), intercepts[~np.isnan(intercepts)], atol=1e-6)
    np.testing.assert_allclose(np.concatenate(found.standard_errors), errors[~np.isnan(errors)], rtol=1e-4)


@pytest.mark.parametrize("name", COMPLETE)
def test_marginal_likelihood_as_in_tam(shared_data: Path, name: str) -> None:
    """TAM has 21 nodes, and differences of intercepts for parameters."""
    data = reference(shared_data, name)
    found = marginal(ScoreGroups.of(data.codes), n_nodes=21)
    steps = np.concatenate([-np.diff(item, prepend=0) for item in found.intercepts])
    xsi = [float(row["xsi"]) for row in data.rows("rasch_tam_items.csv")]
    np.testing.assert_allclose(steps, xsi, atol=2e-3)
    note = (data.folder / "NOTE.md").read_text(encoding="utf-8")
    variance, deviance = re.search(r"variance estimated = ([\d.]+), deviance ([\d.]+)", note).groups()
    assert found.latent_variance == pytest.approx(float(variance), abs=5e-3)
    assert -2 * found.loglik <= float(deviance) + 0.02


def test_common_slope_as_in_ltm(shared_data: Path) -> None:
    """ltm has 21 Gauss-Hermite nodes, and the standard deviation of the ability for the items' slope."""
    data = reference(shared_data, "lsat rasch")
    found = marginal(ScoreGroups.of(data.codes))
    slope = math.sqrt(found.latent_variance)
    rows = data.rows("ltm_rasch_items.csv")
    assert slope == pytest.approx(float(rows[0]["Dscrmn"]), abs=1e-3)
    assert found.loglik == pytest.approx(float(rows[0]["loglik"]), abs=0.01)
    difficulty = [-item[0] / slope for item in found.intercepts]
    assert difficulty == pytest.approx([float(row["Dffclt"]) for row in rows], abs=5e-3)


def plainly(intercepts: list[np.ndarray], X: np.ndarray) -> float:
    """The conditional log-likelihood by going through all answers there can be."""
    weights = [np.exp(np.append(0, item)) for item in intercepts]
    norm: dict[int, float] = {}
    for pattern in product(*(range(len(weight)) for weight in weights)):
        chance = math.prod(weight[k] for weight, k in zip(weights, pattern, strict=True))
        norm[sum(pattern)] = norm.get(sum(pattern), 0) + chance
    return sum(
        math.log(math.prod(weight[k] for weight, k in zip(weights, row, strict=True)) / norm[sum(row)])
        for row in X.astype(int).tolist()
    )


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 5), st.integers(6, 60), st.integers(0, 2**32))
def test_conditional_likelihood_is_at_its_highest(items: int, pupils: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, rng.integers(2, 4, items), (pupils, items)).astype(float)
    groups = ScoreGroups.of(X)
    if sum(len(counts) > 1 for counts in groups.categories) < 2:
        with pytest.raises(ValueError, match="nothing to estimate"):
            conditional(groups)
        return
    codes = np.column_stack([np.unique(column, return_inverse=True)[1] for column in X.T])
    found = conditional(groups)
    given_ = [np.zeros(0) if np.isnan(item).any() else item for item in found.intercepts]
    highest = plainly(given_, codes)
    assert found.loglik == pytest.approx(highest, abs=1e-7)
    for _ in range(5):
        moved = [item + rng.normal(scale=0.01, size=item.shape) for item in given_]
        assert plainly(moved, codes) <= highest + 1e-7


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 2**32))
def test_any_answers_give_numbers_or_a_reason(items: int, pupils: int, seed: int) -> None:
    X = (np.random.default_rng(seed).random((pupils, items)) < 0.8).astype(float)
    groups = ScoreGroups.of(X)
    for fit in (conditional, marginal):
        try:
            found = fit(groups)
        except ValueError as error:
            assert "nothing to estimate" in str(error)
            continue
        assert math.isfinite(found.loglik)
        for item, counts in zip(found.intercepts, groups.categories, strict=True):
            assert np.isfinite(item).all() == (len(counts) > 1)


def tally_of(X: np.ndarray, points: int) -> Tally:
    """The Tally of right/wrong items of so many points."""
    totals = X.sum(axis=1).astype(int) * points
    axis = np.arange(totals.min(), totals.max() + 1)

    def counted(column: np.ndarray) -> Answers:
        answers = [
            (answer, gained * points, np.array([np.sum((totals == total) & (column == gained)) for total in axis]))
            for answer, gained in (("A", 1), ("B", 0))
        ]
        return Answers.collect(answers, len(axis))

    items = {f"q{j}": counted(column) for j, column in enumerate(X.T)}
    return Tally(1, int(axis[0]), np.array([np.sum(totals == t) for t in axis]), items)


@pytest.mark.parametrize("points", [1, 5])
def test_from_a_tally(points: int) -> None:
    X = (np.random.default_rng(3).random((200, 6)) < np.linspace(0.3, 0.9, 6)).astype(int)
    of_tally, of_scores = ScoreGroups.of_tally(tally_of(X, points)), ScoreGroups.of(X)
    assert (of_tally.totals == of_scores.totals).all()
    assert [counts.tolist() for counts in of_tally.categories] == [counts.tolist() for counts in of_scores.categories]


def test_what_score_groups_cannot_hold_is_told() -> None:
    X = (np.random.default_rng(3).random((50, 3)) < 0.5).astype(float)
    with pytest.raises(ValueError, match="a score is missing"):
        ScoreGroups.of(np.where(X > 2, X, np.nan))
    tally = tally_of(X.astype(int), 2)
    other = tally_of(X.astype(int), 3)
    mixed = Tally(tally.step, tally.lowest, tally.totals, {"q0": tally.items["q0"], "q1": other.items["q1"]})
    with pytest.raises(ValueError, match="not all of 0, 1, 2"):
        ScoreGroups.of_tally(mixed)
    fewer = Answers(("A",), np.array([2]), tally.items["q0"].counts[:1])
    with pytest.raises(ValueError, match="q0 was not presented to"):
        ScoreGroups.of_tally(Tally(tally.step, tally.lowest, tally.totals, {**tally.items, "q0": fewer}))
