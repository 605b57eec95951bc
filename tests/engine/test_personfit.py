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

from engine.ability import abilities
from engine.curves import Curves, Dichotomous, Graded
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


def simulated(items: list[Curves], theta: np.ndarray) -> np.ndarray:
    """Answers of persons of these abilities."""
    random = np.random.default_rng(5)
    above = [np.cumsum(item.probabilities(theta), axis=0)[:-1] for item in items]
    return np.column_stack([(random.random(len(theta)) > cuts).sum(axis=0) for cuts in above])


def abilities_of_many() -> np.ndarray:
    return np.random.default_rng(6).normal(0, 0.7, 4000)


def two_categories() -> list[Curves]:
    random = np.random.default_rng(7)
    slopes, difficulties = np.exp(random.normal(0, 0.3, 40)), random.normal(size=40)
    return [Dichotomous(a, -a * b) for a, b in zip(slopes, difficulties, strict=True)]


def several_categories() -> list[Curves]:
    random = np.random.default_rng(8)
    return [Graded(slope, np.sort(random.normal(0, 1.5, 3))[::-1]) for slope in np.exp(random.normal(0.2, 0.3, 25))]


@pytest.mark.parametrize("items", [two_categories(), several_categories()], ids=["two", "several"])
def test_lz_is_standard_normal_at_the_true_ability(items: list[Curves]) -> None:
    theta = abilities_of_many()
    values = lz(simulated(items, theta), items, theta)
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("method", ["ml", "map", "wle"])
@pytest.mark.parametrize("items", [two_categories(), several_categories()], ids=["two", "several"])
def test_lz_star_is_standard_normal_at_the_estimated_ability(items: list[Curves], method: str) -> None:
    x = simulated(items, abilities_of_many())
    theta = abilities(x, items, method, variance=0.49).theta
    found = np.isfinite(theta)
    plain = lz(x, items, theta)[found]
    corrected = lz_star(x, items, theta, method, variance=0.49)[found]
    assert corrected.mean() == pytest.approx(0, abs=0.1)
    assert corrected.std() == pytest.approx(1, abs=0.05)
    assert abs(corrected.std() - 1) < abs(plain.std() - 1)
    # Answers turned round do not fit.
    turned = np.array([item.n_categories - 1 for item in items]) - x
    assert np.median(lz_star(turned, items, theta, method)[found]) < -2


def test_the_prior_moves_the_mean_of_lz_star() -> None:
    """With the offset of MAP left out, the mean is off by more."""
    items, theta = two_categories(), abilities_of_many() + 1.5
    x = simulated(items, theta)
    theta = abilities(x, items, "map", variance=0.25).theta
    right = lz_star(x, items, theta, "map", variance=0.25)
    wrong = lz_star(x, items, theta, "ml")
    assert abs(right.mean()) < abs(wrong.mean()) / 2


def test_lz_star_as_snijders_writes_it() -> None:
    """Of right and wrong: weights ln(P/Q) less c·P′/(PQ), over their standard deviation."""
    items = two_categories()
    theta = abilities_of_many()[:50]
    x = simulated(items, theta)
    p = np.column_stack([item.probabilities(theta)[1] for item in items])
    slope = np.array([item.slope for item in items]) * p * (1 - p)
    weights = np.log(p / (1 - p))
    c = (slope * weights).sum(axis=1) / (slope**2 / (p * (1 - p))).sum(axis=1)
    left = weights - c[:, None] * slope / (p * (1 - p))
    offset = (0.3 - theta) / 0.8
    numerator = ((x - p) * weights).sum(axis=1) + c * offset
    expected = numerator / np.sqrt((left**2 * p * (1 - p)).sum(axis=1))
    assert lz_star(x, items, theta, "map", mean=0.3, variance=0.8) == pytest.approx(expected, rel=1e-9)


def test_lz_by_hand() -> None:
    items = [Dichotomous(1.0, math.log(4)), Dichotomous(1.0, math.log(3 / 7))]  # P 0.8 and 0.3 at 0
    log = math.log
    likelihood = log(0.2) + log(0.3)
    expected = 0.8 * log(0.8) + 0.2 * log(0.2) + 0.3 * log(0.3) + 0.7 * log(0.7)
    variance = 0.16 * log(0.8 / 0.2) ** 2 + 0.21 * log(0.3 / 0.7) ** 2
    hand = (likelihood - expected) / math.sqrt(variance)
    assert lz([[0, 1]], items, [0.0])[0] == pytest.approx(hand)
    assert lz([[0, 1, np.nan]], [*items, items[0]], [0.0])[0] == pytest.approx(hand)
    three = np.array([0.5, 0.3, 0.2])
    graded = [Graded(1.0, np.log([0.5 / 0.5, 0.2 / 0.8]))]
    mean = (three * np.log(three)).sum()
    variance = (three * np.log(three) ** 2).sum() - mean**2
    assert lz([[2]], graded, [0.0])[0] == pytest.approx((log(0.2) - mean) / math.sqrt(variance))


def test_lz_is_nan_where_nothing_could_differ() -> None:
    even, other = Dichotomous(1.0, 0.0), Dichotomous(1.0, 1.0)
    for fit in (lz, lz_star):
        assert np.isnan(fit([[np.nan, -1]], [even, other], [0.0]))[0]
        assert np.isnan(fit([[1, 1]], [even, other], [np.inf]))[0]
        assert np.isnan(fit([[1, 0]], [even, even], [0.0]))[0]
    # One item: its answer alone decides the ability, and nothing is left to vary.
    assert np.isnan(lz_star([[1]], [other], [0.5]))[0]


def test_what_is_refused() -> None:
    item = Dichotomous(1.0, 0.0)
    with pytest.raises(ValueError, match=r"abilities of shape \(2,\) for 1 persons"):
        lz([[1]], [item], [0.0, 1.0])
    with pytest.raises(ValueError, match="is no category"):
        lz([[2]], [item], [0.0])
    with pytest.raises(ValueError, match="method must be"):
        lz_star([[1]], [item], [0.0], "eap")
    with pytest.raises(ValueError, match="whole scores"):
        guttman_errors([[0.5, 1]])


@settings(deadline=None)
@given(points(largest=1))
def test_no_nan_and_no_warning_whatever_the_scores(points: np.ndarray) -> None:
    scores = with_nan(points)
    items = [Dichotomous(1.0 + j / 4, 0.4321) for j in range(points.shape[1])]
    theta = np.linspace(-2, 2, len(points))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = person_fit(scores).to_pylist()
        values = lz(scores, items, theta)
        starred = [lz_star(scores, items, theta, method) for method in ("ml", "map", "wle")]
    for row, x in zip(rows, points, strict=True):
        assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in row.values())
        if row["right"] in (0, row["n"]):
            assert row["guttman_errors"] == 0
            assert {row[name] for name in ("g_normed", "u3", "caution", "modified_caution")} == {None}
        assert row["n"] == (x >= 0).sum()
    assert (np.isnan(values) == (points < 0).all(axis=1)).all()
    assert not np.isinf(starred).any()
