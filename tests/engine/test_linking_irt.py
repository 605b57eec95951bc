"""Scale linking by known transformations and by slow minimisation; equating by item response theory as defined."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize
from scipy.special import expit

from engine.curves import Curves, Dichotomous, DivideByTotal, Graded
from engine.errors import InputError
from engine.irt import TwoPL
from engine.linking import Scale, equate_irt, link_scales

METHODS = ["mean/mean", "mean/sigma", "haebara", "stocking-lord"]


def three_pl(a: list[float], b: list[float], c: list[float]) -> list[Curves]:
    return [Dichotomous(slope, -slope * where, guess) for slope, where, guess in zip(a, b, c, strict=True)]


def drawn(seed: int, n: int = 20) -> list[Curves]:
    rng = np.random.default_rng(seed)
    return three_pl(rng.lognormal(0, 0.3, n), rng.normal(0, 1, n), rng.uniform(0, 0.25, n))


POLYTOMOUS = [
    Graded(1.2, np.array([1.0, 0.0, -1.5])),
    Graded(0.7, np.array([0.4])),
    DivideByTotal(np.arange(4) * 0.8, np.array([0.0, 0.5, 0.2, -0.8])),
]


@settings(max_examples=25, deadline=None)
@given(
    st.floats(0.4, 2.5),
    st.floats(-1.5, 1.5),
    st.integers(0, 1000),
    st.sampled_from(METHODS),
    st.booleans(),
)
def test_a_known_transformation_is_found(slope: float, intercept: float, seed: int, method: str, several: bool) -> None:
    x = drawn(seed) + (POLYTOMOUS if several else [])
    found = link_scales(x, Scale(slope, intercept).items(x), method)
    assert found.slope == pytest.approx(slope, rel=1e-6)
    assert found.intercept == pytest.approx(intercept, abs=1e-6)


def test_items_keep_their_probabilities() -> None:
    scale, theta = Scale(1.3, -0.4), np.linspace(-3, 3, 7)
    nominal = DivideByTotal(np.array([0, 0.4, -0.2]), np.array([0, 0.3, 0.9]), "all")
    for item, moved in zip(
        [*drawn(1), *POLYTOMOUS, nominal], scale.items([*drawn(1), *POLYTOMOUS, nominal]), strict=True
    ):
        assert np.allclose(item.probabilities(theta), moved.probabilities(scale.theta(theta)), atol=1e-12)


def test_means_and_sds_by_hand() -> None:
    """Mean/mean: A is the ratio of the mean slopes. Mean/sigma: of the sds of the difficulties. B from the means."""
    x = three_pl([1.0, 1.4], [-1.0, 1.0], [0.1, 0.2])
    y = three_pl([0.5, 1.1], [-0.5, 2.5], [0.2, 0.1])
    assert link_scales(x, y, "mean/mean") == Scale(pytest.approx(1.2 / 0.8), pytest.approx(1.0))
    assert link_scales(x, y, "mean/sigma") == Scale(pytest.approx(1.5), pytest.approx(1.0))


# R plink 1.5-1: link.con(plink(items of X and Y, base.grp = 2, weights.t = as.weight(theta = seq(-6, 6, .2),
# normal.wt = TRUE))) of a, then b or the steps, (then c) of the common items.
BINARY = (
    [(1.0, -1.2, 0.15), (1.4, 0.1, 0.2), (0.7, 0.6, 0.1), (1.9, 1.3, 0.25)],
    [(0.8, -1.0, 0.1), (1.3, 0.7, 0.2), (0.6, 1.1, 0.2), (1.4, 2.2, 0.2)],
)
ORDERED = (
    [(1.0, -1.5, 0.0), (1.5, -0.5, 0.8), (0.8, 0.2, 1.9)],
    [(0.9, -1.4, 0.5), (1.2, 0.1, 1.3), (0.7, 0.6, 2.6)],
)
IN_PLINK = [
    ("3pl", BINARY, "mean/mean", 1.219512, 0.506098),
    ("3pl", BINARY, "mean/sigma", 1.258504, 0.498299),
    ("3pl", BINARY, "haebara", 1.235365, 0.518040),
    ("3pl", BINARY, "stocking-lord", 1.194048, 0.507318),
    ("graded", ORDERED, "mean/mean", 1.178572, 0.439881),
    ("graded", ORDERED, "mean/sigma", 1.146539, 0.444686),
    ("graded", ORDERED, "haebara", 1.120022, 0.493085),
    ("graded", ORDERED, "stocking-lord", 1.157210, 0.457476),
    ("gpcm", ORDERED, "haebara", 1.135729, 0.485844),
    ("gpcm", ORDERED, "stocking-lord", 1.150658, 0.462196),
]


def curves(model: str, parameters: list[tuple[float, float, float]]) -> list[Curves]:
    if model == "3pl":
        return three_pl(*zip(*parameters, strict=True))
    if model == "graded":
        return [Graded(a, -a * np.array([b1, b2])) for a, b1, b2 in parameters]
    return [DivideByTotal(a * np.arange(3), -a * np.array([0, b1, b1 + b2])) for a, b1, b2 in parameters]


@pytest.mark.parametrize(("model", "items", "method", "slope", "intercept"), IN_PLINK)
def test_as_in_plink(model: str, items: tuple, method: str, slope: float, intercept: float) -> None:
    found = link_scales(*(curves(model, each) for each in items), method)
    assert [found.slope, found.intercept] == pytest.approx([slope, intercept], abs=1.5e-6)


def criterion(x: list, y: list, method: str, slope: float, intercept: float) -> float:
    """By loops over abilities, items and categories, from the parameters, for the normal density on [-6, 6]."""
    total, weights = 0.0, 0.0
    for theta in np.linspace(-6, 6, 61):
        weight = np.exp(-(theta**2) / 2)
        differences = []
        for (a, b, c), (a_y, b_y, c_y) in zip(x, y, strict=True):
            moved = c + (1 - c) * expit(a / slope * (theta - slope * b - intercept))
            differences.append(moved - (c_y + (1 - c_y) * expit(a_y * (theta - b_y))))
        # right and wrong differ by the same
        total += weight * (2 * sum(d * d for d in differences) if method == "haebara" else sum(differences) ** 2)
        weights += weight
    return total / weights


@pytest.mark.parametrize("method", ["haebara", "stocking-lord"])
def test_the_criterion_is_least(method: str) -> None:
    rng = np.random.default_rng(7)
    x = [
        (a, b, c) for a, b, c in zip(rng.lognormal(0, 0.3, 8), rng.normal(0, 1, 8), rng.uniform(0, 0.2, 8), strict=True)
    ]
    y = [(a / 1.2 + rng.normal(0, 0.1), 1.2 * b + 0.5 + rng.normal(0, 0.2), c) for a, b, c in x]
    found = link_scales(three_pl(*zip(*x, strict=True)), three_pl(*zip(*y, strict=True)), method)
    slow = minimize(
        lambda at: criterion(x, y, method, *at),
        [1.0, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-14},
    )
    assert [found.slope, found.intercept] == pytest.approx(slow.x, abs=1e-5)


def test_the_way_back() -> None:
    """Mean/mean and mean/sigma are symmetric: there and back is where one was."""
    x, y = drawn(1), Scale(1.4, 0.3).items(drawn(2))
    for method in ("mean/mean", "mean/sigma"):
        there, back = link_scales(x, y, method), link_scales(y, x, method)
        assert there.slope * back.slope == pytest.approx(1)
        assert back.theta(there.theta(np.array([-1.0, 2.0]))) == pytest.approx([-1.0, 2.0])


@pytest.mark.parametrize("method", METHODS)
def test_two_calibrations_of_the_same_items(method: str) -> None:
    """Group X is N(0.5, 0.8²) on the scale of group Y: so is, nearly, the link of their calibrations."""
    rng = np.random.default_rng(11)
    items = three_pl(list(rng.lognormal(0.2, 0.2, 12)), list(rng.normal(0.2, 0.8, 12)), [0.0] * 12)
    fitted = []
    for mean, sd in ((0.5, 0.8), (0.0, 1.0)):
        theta = rng.normal(mean, sd, 3000)
        answers = np.column_stack([rng.random(3000) < item.probabilities(theta)[1] for item in items])
        fitted.append(TwoPL(standard_errors=False).fit(answers.astype(float)).curves_)
    found = link_scales(*fitted, method)
    assert found.slope == pytest.approx(0.8, abs=0.08)
    assert found.intercept == pytest.approx(0.5, abs=0.08)


items = st.lists(
    st.tuples(st.floats(-3, 3), st.floats(-4, 4), st.floats(0, 0.4)).map(lambda p: Dichotomous(p[0], p[1], p[2])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(items, items, st.sampled_from(METHODS))
def test_any_items_are_linked_or_refused(x: list[Curves], y: list[Curves], method: str) -> None:
    n = min(len(x), len(y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = link_scales(x[:n], y[:n], method)
        except InputError:
            return
        assert 0 < found.slope < np.inf and np.isfinite(found.intercept)


def test_what_cannot_be_linked() -> None:
    x = drawn(1, 3)
    with pytest.raises(InputError, match="the same in both"):
        link_scales(x, x[:2])
    with pytest.raises(InputError, match="no common items"):
        link_scales([], [])
    constant = DivideByTotal(np.zeros(1), np.zeros(1), "none")
    with pytest.raises(InputError, match="no common items"):
        link_scales([constant], [constant])
    assert link_scales([constant, *x], [constant, *x], "mean/mean").slope == pytest.approx(1)
    with pytest.raises(InputError, match="the same in both"):
        link_scales([x[0]], [POLYTOMOUS[0]])
    with pytest.raises(InputError, match="equally difficult"):
        link_scales(x[:1], x[:1], "mean/sigma")
    with pytest.raises(InputError, match="discrimination 0"):
        link_scales([Dichotomous(0.0, 1.0), x[0]], [Dichotomous(0.0, 1.0), x[0]], "mean/mean")
    with pytest.raises(InputError, match="not above 0"):
        link_scales([Dichotomous(-1.0, 1.0)], [Dichotomous(-1.0, 1.0)], "mean/mean")
    with pytest.raises(ValueError, match="no method"):
        link_scales(x, x, "mean/median")


def test_true_scores_by_their_definition() -> None:
    x, y = drawn(1, 12) + POLYTOMOUS, drawn(2, 15) + POLYTOMOUS[:2]

    def expected(items: list[Curves], theta: float) -> float:
        return float(sum(np.arange(i.n_categories) @ i.probabilities(np.array([theta]))[:, 0] for i in items))

    guessed_x, guessed_y = (sum(getattr(item, "guessing", 0.0) for item in items) for items in (x, y))
    link = equate_irt(x, y)
    for score in (1, 2, 4, 9, 15, 18):
        if score > guessed_x and score < 19:
            theta = brentq(lambda at, score=score: expected(x, at) - score, -60, 60, xtol=1e-13)
            assert link(score) == pytest.approx(expected(y, theta), abs=1e-8)
        elif score < 19:
            assert link(score) == pytest.approx(score * guessed_y / guessed_x)
    assert link([0.0, 19.0, 25.0]) == pytest.approx([0.0, 19.0, 19.0])


def test_observed_scores_by_simulation() -> None:
    """Among many simulated pupils of both populations the percentile ranks are those of the model."""
    x, y = drawn(3, 10), drawn(4, 10)
    result = equate_irt(x, y, "observed score", x_population=(0.5, 0.8), y_population=(0.0, 1.0), weight=0.25)
    rng = np.random.default_rng(5)
    theta = np.where(rng.random(200_000) < 0.25, rng.normal(0.5, 0.8**0.5, 200_000), rng.normal(0, 1, 200_000))
    for items, expected in ((x, result.x), (y, result.y)):
        scores = sum(rng.random(200_000) < item.probabilities(theta)[1] for item in items)
        assert np.abs(np.bincount(scores, minlength=11) / 200_000 - expected.proportions).max() < 0.004
    assert (np.diff(result.table["y"]) > 0).all()


@pytest.mark.parametrize("method", ["true score", "observed score"])
def test_a_form_equated_to_itself_stays(method: str) -> None:
    form = drawn(1, 12) + POLYTOMOUS
    result = equate_irt(form, form, method)
    assert np.allclose(result.table["y"], result.table["x"], atol=1e-6)
    assert result.se is None


rising = st.lists(
    st.tuples(st.floats(0.05, 4), st.floats(-6, 6), st.floats(0, 0.4)).map(lambda p: Dichotomous(p[0], p[1], p[2])),
    min_size=1,
    max_size=5,
)


@settings(max_examples=30, deadline=None)
@given(rising, rising, st.sampled_from(["true score", "observed score"]))
def test_any_forms_give_a_rising_link(x: list[Curves], y: list[Curves], method: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        linked = equate_irt(x, y, method).table["y"].to_numpy()
    assert (np.diff(linked) >= -1e-7).all()
    assert linked.min() >= -0.5 and linked.max() <= len(y) + 0.5
    if method == "true score":
        assert linked[[0, -1]] == pytest.approx([0, len(y)])


def test_forms_without_guessing_go_there_and_back() -> None:
    x, y = three_pl([1, 1.5, 0.7], [-1, 0, 1], [0, 0, 0]), three_pl([0.9, 1.1, 1.3, 1], [-1, 0.5, 1, 0], [0, 0, 0, 0])
    for method in ("true score", "observed score"):
        there, back = equate_irt(x, y, method), equate_irt(y, x, method)
        assert np.allclose(back(there([0.4, 1.0, 2.2, 2.9])), [0.4, 1.0, 2.2, 2.9], atol=1e-7)


def test_what_cannot_be_equated() -> None:
    falling = [Dichotomous(-1.0, 0.0), Dichotomous(0.2, 0.0)]
    with pytest.raises(InputError, match="does not rise"):
        equate_irt(falling, drawn(1, 3))
    with pytest.raises(InputError, match="no items"):
        equate_irt([], drawn(1, 3))
    with pytest.raises(ValueError, match="weight"):
        equate_irt(drawn(1, 3), drawn(1, 3), weight=2)
    with pytest.raises(ValueError, match="above 0"):
        equate_irt(drawn(1, 3), drawn(1, 3), x_population=(0, 0))
    with pytest.raises(ValueError, match="no method"):
        equate_irt(drawn(1, 3), drawn(1, 3), "kernel")
