"""Person fit: by counting pairs, against the definitions written out, and under the model."""

import math
import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from score_sets import points, with_nan

from engine.personfit import guttman_errors, ht, lz, lz_star, person_fit, u3
from engine.sp import caution_indices

right_or_wrong = st.tuples(st.integers(1, 8), st.integers(1, 6)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 1))
)


def pairs(x: np.ndarray, steps: list[tuple[int, int]]) -> int:
    """Guttman errors: steps (item, points) in order; an easier one missed and a harder one reached."""
    reached = [x[item] >= needed for item, needed in steps]
    return sum(not reached[i] and reached[j] for i in range(len(steps)) for j in range(i + 1, len(steps)))


@settings(deadline=None)
@given(points(largest=3))
def test_guttman_errors_are_pairs_of_steps(points: np.ndarray) -> None:
    scores = with_nan(points)
    errors, normed = guttman_errors(scores)
    k = points.shape[1]
    steps = [(item, m) for item in range(k) for m in range(1, points[:, item].max(initial=0) + 1)]
    popularity = {(i, m): (points[:, i] >= m).sum() / max(1, (points[:, i] >= 0).sum()) for i, m in steps}
    steps.sort(key=lambda step: -popularity[step])
    for x, g, share in zip(points, errors, normed, strict=True):
        own = [(item, m) for item, m in steps if x[item] >= 0]
        assert g == pairs(x, own)
        answered = sorted({item for item, _ in own})
        patterns = product(*(range(max(m for i, m in own if i == item) + 1) for item in answered))
        most = max(
            pairs(dict(zip(answered, pattern, strict=True)), own)
            for pattern in patterns
            if sum(pattern) == sum(x[item] for item in answered)
        )
        assert share == pytest.approx(g / most if most else math.nan, nan_ok=True)


def test_guttman_errors_of_a_pattern() -> None:
    """Items of falling rates; 0 1 0 1: the second is right against one easier wrong, the fourth against two."""
    others = np.tril(np.ones((5, 4)), -1)
    errors, normed = guttman_errors(np.vstack([others, others, [0, 1, 0, 1]]))
    assert (errors[-1], normed[-1]) == (3, 3 / 4)
    assert errors[:-1].tolist() == [0] * 10


@settings(deadline=None)
@given(right_or_wrong)
def test_u3_and_ht_as_defined(x: np.ndarray) -> None:
    rates = x.mean(axis=0)
    telling = (rates > 0) & (rates < 1)
    y = x[:, telling]
    odds = np.sort(np.log(rates[telling] / (1 - rates[telling])))[::-1]
    own = np.log(rates[telling] / (1 - rates[telling]))
    for row, value in zip(y, u3(x), strict=True):
        n = row.sum()
        best, worst = odds[:n].sum(), odds[len(odds) - n :].sum()
        if best - worst < 1e-9:
            assert math.isnan(value)
        else:
            assert value == pytest.approx((best - row @ own) / (best - worst), abs=1e-9)
            assert -1e-9 <= value <= 1 + 1e-9
    for i, value in enumerate(ht(x)):
        covariance = most = 0.0
        for j in range(len(x)):
            if i != j:
                a, b = x[i].mean(), x[j].mean()
                covariance += (x[i] * x[j]).mean() - a * b
                most += min(a, b) * (1 - max(a, b))
        assert value == pytest.approx(covariance / most if most > 1e-12 else math.nan, nan_ok=True, abs=1e-9)


def test_one_table_of_all() -> None:
    x = (np.random.default_rng(1).random((40, 6)) < np.linspace(0.9, 0.3, 6)).astype(float)
    x[3, 2] = np.nan
    rows = person_fit(x * 2, [f"p{i}" for i in range(40)], full=np.full(6, 2)).to_pylist()
    for row, g, u, h, cs in zip(rows, guttman_errors(x)[0], u3(x), ht(x), caution_indices(x)[0], strict=True):
        assert row["guttman_errors"] == g
        for name, value in (("u3", u), ("ht", h), ("caution", cs)):
            assert row[name] == (None if math.isnan(value) else value)
    assert (rows[3]["person"], rows[3]["n"], rows[3]["ht"]) == ("p3", 5, None)
    with pytest.raises(ValueError, match="1 names for 40 persons"):
        person_fit(x, ["a"])


def logistic(theta: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a * (theta[:, None] - b)))


def simulated(persons: int = 4000, items: int = 40) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(5)
    a, b = np.exp(random.normal(0, 0.3, items)), random.normal(size=items)
    theta = random.normal(0, 0.7, persons)
    return (random.random((persons, items)) < logistic(theta, a, b)).astype(float), theta, a, b


def maximum_likelihood(x: np.ndarray, a: np.ndarray, b: np.ndarray, prior: float = 0.0) -> np.ndarray:
    """Newton's method; `prior` is the precision of a normal prior of mean 0."""
    theta = np.zeros(len(x))
    for _ in range(50):
        p = logistic(theta, a, b)
        step = ((x - p) @ a - prior * theta) / ((p * (1 - p)) @ a**2 + prior)
        theta = np.clip(theta + np.clip(step, -0.5, 0.5), -6, 6)
    return theta


def test_lz_is_standard_normal_at_the_true_ability() -> None:
    x, theta, a, b = simulated()
    values = lz(x, logistic(theta, a, b))
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_lz_star_is_standard_normal_at_the_estimated_ability(prior: float) -> None:
    x, _, a, b = simulated()
    inside = (x.sum(axis=1) > 3) & (x.sum(axis=1) < 37)
    x = x[inside]
    theta = maximum_likelihood(x, a, b, prior)
    p = logistic(theta, a, b)
    plain, corrected = lz(x, p), lz_star(x, p, a * p * (1 - p), offset=-prior * theta)
    assert corrected.std() == pytest.approx(1, abs=0.05)
    assert abs(corrected.std() - 1) < abs(plain.std() - 1)
    assert corrected.mean() == pytest.approx(0, abs=0.1)
    # Answers turned round do not fit.
    assert np.median(lz_star(1 - x, p, a * p * (1 - p), offset=-prior * theta)) < -2


def test_lz_by_hand_and_of_categories() -> None:
    p = np.array([[0.8, 0.3]])
    log = math.log
    likelihood = log(0.2) + log(0.3)
    expected = 0.8 * log(0.8) + 0.2 * log(0.2) + 0.3 * log(0.3) + 0.7 * log(0.7)
    variance = 0.16 * log(0.8 / 0.2) ** 2 + 0.21 * log(0.3 / 0.7) ** 2
    hand = (likelihood - expected) / math.sqrt(variance)
    assert lz([[0, 1]], p)[0] == pytest.approx(hand)
    assert lz([[0, 1]], [[[0.2, 0.8, 0.0], [0.7, 0.3, 0.0]]])[0] == pytest.approx(hand)
    assert lz([[0, 1, np.nan]], [[0.8, 0.3, 0.9]])[0] == pytest.approx(hand)
    three = np.array([[[0.5, 0.3, 0.2]]])
    mean = (three * np.log(three)).sum()
    variance = (three * np.log(three) ** 2).sum() - mean**2
    assert lz([[2]], three)[0] == pytest.approx((log(0.2) - mean) / math.sqrt(variance))


def test_lz_is_nan_where_nothing_could_differ() -> None:
    assert np.isnan(lz([[np.nan, np.nan]], [[0.2, 0.3]]))[0]
    assert np.isnan(lz([[1.0, 0.0]], [[0.5, 0.5]]))[0]
    assert np.isnan(lz_star([[np.nan]], [[0.2]], [[0.1]]))[0]
    # Two items of one slope: the score alone decides the ability, and nothing is left to vary.
    assert np.isnan(lz_star([[1.0]], [[0.3]], [[0.21]]))[0]


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 3\)"):
        lz([[0, 1]], [[0.1, 0.2, 0.3]])
    with pytest.raises(ValueError, match="0 to 1"):
        lz([[0, 2]], [[0.1, 0.2]])
    with pytest.raises(ValueError, match="probability 0"):
        lz([[1]], [[0.0]])
    with pytest.raises(ValueError, match="between 0 and 1"):
        lz_star([[1]], [[1.0]], [[0.0]])
    with pytest.raises(ValueError, match=r"must be \(persons, items\)"):
        lz_star([[1]], [[0.5, 0.5]], [[0.1]])
    with pytest.raises(ValueError, match="whole scores"):
        guttman_errors([[0.5, 1]])


@settings(deadline=None)
@given(points(largest=1))
def test_no_nan_and_no_warning_whatever_the_scores(points: np.ndarray) -> None:
    scores = with_nan(points)
    p = np.full(points.shape, 0.6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = person_fit(scores).to_pylist()
        values = lz(scores, p)
        starred = lz_star(scores, p, p * (1 - p))
    for row, x in zip(rows, points, strict=True):
        assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in row.values())
        if row["right"] in (0, row["n"]):
            assert row["guttman_errors"] == 0
            assert {row[name] for name in ("g_normed", "u3", "caution", "modified_caution")} == {None}
        assert row["n"] == (x >= 0).sum()
    assert (np.isnan(values) == (points < 0).all(axis=1)).all()
    assert not np.isinf(starred).any()
