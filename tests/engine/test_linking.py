"""Equating of equivalent groups against the R packages equate and kequate, by properties, and where little is given."""

import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.errors import InputError
from engine.linking import Frequencies, equate
from engine.linking.kernel import Gaussian, penalty_bandwidth
from engine.linking.loglinear import smooth
from engine.linking.percentile import Spread


def close(values: np.ndarray, expected: np.ndarray, tolerance: float = 1e-6) -> bool:
    return bool(np.abs(np.asarray(values) - np.asarray(expected)).max() <= tolerance)


@pytest.fixture(scope="module")
def actmath(shared_data: Path) -> Path:
    return shared_data / "psychometrics" / "actmath"


@pytest.fixture(scope="module")
def forms(actmath: Path) -> tuple[pa.Table, pa.Table]:
    data = pyarrow.csv.read_csv(actmath / "data.csv")
    return tuple(pa.table({"score": data["scale"], "count": data[column]}) for column in ("xcount", "ycount"))


def reference(folder: Path, name: str) -> dict[str, np.ndarray]:
    table = pyarrow.csv.read_csv(folder / "reference" / f"{name}.csv")
    return {column: table[column].to_numpy() for column in table.column_names}


@pytest.mark.parametrize(
    ("column", "method", "degree"),
    [
        ("identity", "identity", None),
        ("mean", "mean", None),
        ("linear", "linear", None),
        ("equip", "equipercentile", None),
        ("equip_loglin6", "equipercentile", 6),
        ("circle", "circle-arc", None),
    ],
)
def test_as_in_equate(actmath: Path, forms, column: str, method: str, degree: int | None) -> None:
    expected = reference(actmath, "equate_eg")
    result = equate(*forms, method, degree=degree)
    assert close(result.table["x"], expected["score"])
    assert close(result.table["y"], expected[column])


def test_moments_as_in_equate(actmath: Path, forms) -> None:
    expected = reference(actmath, "moments")
    rows = equate(*forms, "linear").moments.to_pylist()
    for i, row in enumerate(rows[:2]):
        for ours, theirs in [("n", "n"), ("mean", "mean"), ("sd", "sd"), ("skewness", "skew"), ("kurtosis", "kurt")]:
            assert close(row[ours], expected[theirs][i]), (row, theirs)
    # equated by a line, X has the mean and sd of Y, and its own shape
    assert close([rows[2][name] for name in ("mean", "sd")], [rows[1][name] for name in ("mean", "sd")], 1e-9)
    assert close([rows[2][name] for name in ("skewness", "kurtosis")], [rows[0][n] for n in ("skewness", "kurtosis")])


def test_presmoothing_as_in_equate(actmath: Path, forms) -> None:
    expected = reference(actmath, "presmoothed")
    for form, column in zip(forms, "xy", strict=True):
        assert close(smooth(Frequencies.of(form), 6).counts, expected[column])


def test_kernel_as_in_kequate(actmath: Path, forms) -> None:
    expected = reference(actmath, "equate_kernel")
    result = equate(*forms, "kernel", degree=6)
    assert close(result.bandwidths, (expected["hx"][0], expected["hy"][0]))
    assert close(result.table["y"], expected["kernel"])
    assert close(result.se, expected["see"])
    wide = tuple(1000 * Frequencies.of(form).sd for form in forms)
    assert close(equate(*forms, "kernel", degree=6, bandwidth=wide).table["y"], expected["kernel_linear"])


# R equate 2.0.9, equate(x, y, type = "equip"), and kequate 1.6.4, kequate("EG", ..., smoothed = FALSE), of these counts
# of the scores 0 … 6.
COUNTS = [5, 10, 15, 18, 18, 14, 7], [3, 7, 14, 20, 21, 20, 13]
EQUIPERCENTILE = [0.4386973185, 1.5903119868, 2.5672413795, 3.4965517245, 4.4622331693, 5.3614942529, 6.1967285584]
UNSMOOTHED_KERNEL = [0.3452781226, 1.5275948728, 2.5323381572, 3.4907409782, 4.4623530544, 5.3780963968, 6.2099049038]
UNSMOOTHED_KERNEL_SE = [
    0.3940113895,
    0.3767374597,
    0.3246084522,
    0.3073249970,
    0.2887924398,
    0.2524446260,
    0.1671312165,
]
# Of the reference forms (actmath), concordance$se at the scores 0, 10, 20, 30, 40.
LINEAR_SE = [0.2680984326, 0.1945295914, 0.1948469838, 0.2687889974, 0.3750843852]
EQUIPERCENTILE_SE = [0.0, 0.1731161663, 0.2947266826, 0.2896340129, 0.2787227468]


def frequencies(counts: object, start: float = 0.0, step: float = 1.0) -> Frequencies:
    return Frequencies(start + step * np.arange(len(counts)), np.array(counts, dtype=float))


def test_small_samples_as_in_equate_and_kequate() -> None:
    x, y = map(frequencies, COUNTS)
    assert close(equate(x, y).table["y"], EQUIPERCENTILE, 1e-8)
    kernel = equate(x, y, "kernel")
    assert close(kernel.table["y"], UNSMOOTHED_KERNEL)
    assert close(kernel.se, UNSMOOTHED_KERNEL_SE)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "identity",
            [0.0000000000, 1.3333333333, 2.6666666667, 4.0000000000, 5.3333333333, 6.6666666667, 8.0000000000],
        ),
        ("mean", [0.8120442467, 2.1453775800, 3.4787109134, 4.8120442467, 6.1453775800, 7.4787109134, 8.8120442467]),
        ("linear", [1.3468892851, 2.5128430560, 3.6787968270, 4.8447505980, 6.0107043689, 7.1766581399, 8.3426119109]),
        ("circle-arc", [0.0, 1.8009846185, 3.3969683113, 4.8152659844, 6.0636349779, 7.1343179519, 8.0000000000]),
        (
            "equipercentile",
            [1.0210727977, 2.6609195402, 3.8034482760, 4.8994252877, 6.0353037769, 7.1522988509, 8.1162687884],
        ),
    ],
)
def test_forms_of_different_length_as_in_equate(method: str, expected: list[float]) -> None:
    """R: X as above, Y with the counts below."""
    x, y = frequencies(COUNTS[0]), frequencies([2, 3, 7, 14, 20, 24, 21, 20, 13])
    assert close(equate(x, y, method).table["y"], expected, 1e-8)


def test_standard_errors_as_in_equate(forms) -> None:
    assert close(equate(*forms, "linear").se[::10], LINEAR_SE)
    assert close(equate(*forms, "equipercentile").se[::10], EQUIPERCENTILE_SE)


@pytest.mark.parametrize("method", ["mean", "linear", "equipercentile", "kernel"])
def test_errors_as_the_bootstrap_has_them(forms, method: str) -> None:
    degree = 6 if method in ("equipercentile", "kernel") else None
    result = equate(*forms, method, degree=degree)
    drawn = equate(*forms, method, degree=degree, replications=100 if method == "kernel" else 300)
    inside = slice(9, 39)  # where there are many pupils: the density of percentile ranks jumps between scores
    assert np.abs(np.log(drawn.se / result.se)[inside]).max() < 0.25
    assert drawn.table["y"].equals(result.table["y"])


def test_percentile_ranks_by_their_definition() -> None:
    """A score of X goes to where as many of Y are below, half of those with a score counting as below it."""
    rng = np.random.default_rng(3)
    x, y = rng.binomial(30, 0.5, 500), rng.binomial(30, 0.6, 400)
    for score in range(8, 22):
        below = (np.sum(x < score) + np.sum(x == score) / 2) / 500
        at = next(s for s in range(31) if np.mean(y <= s) > below)
        expected = at - 0.5 + (below - np.mean(y < at)) / np.mean(y == at)
        assert equate(x, y)(score) == pytest.approx(expected, abs=1e-8)


def test_the_kernel_keeps_mean_and_variance() -> None:
    scores = frequencies(COUNTS[0])
    grid = np.linspace(-30, 40, 70_001)
    density = Gaussian(scores, 1.7).density(grid)
    mean = np.trapezoid(grid * density, grid)
    assert np.trapezoid(density, grid) == pytest.approx(1)
    assert mean == pytest.approx(scores.mean)
    # the discrete part keeps the variance with n, of which the other has n - 1
    discrete = scores.variance * (scores.n - 1) / scores.n
    a = Gaussian(scores, 1.7).shrinkage
    assert np.trapezoid((grid - mean) ** 2 * density, grid) == pytest.approx(a**2 * (discrete + 1.7**2))
    assert a**2 * (scores.variance + 1.7**2) == pytest.approx(scores.variance)


def test_gradients_are_derivatives() -> None:
    """By moving proportions a little: of the ranks, spread evenly and by the kernel."""
    scores, points = frequencies(COUNTS[0]), np.array([-0.2, 1.3, 4.0, 6.1])

    def moved(j: int, by: float) -> Frequencies:
        # proportions that need not sum to 1: n stays what it was
        counts = scores.counts + by * scores.n * (np.arange(7) == j)
        return Frequencies(scores.scores, counts)

    for make in (Spread, lambda of: Gaussian(of, 0.9)):
        gradient = make(scores).gradient(points)
        for j in range(7):
            up, down = (make(moved(j, by)).tails(points)[0] for by in (1e-4, -1e-4))
            # normalised again, so up to a multiple of the ranks themselves
            expected = gradient[:, j] - gradient @ scores.proportions
            assert close((up - down) / 2e-4, expected, 2e-3)


def test_penalty_bandwidth_is_the_best_on_a_grid() -> None:
    scores = smooth(frequencies(COUNTS[1]), 3)
    grid = np.arange(0.05, 4, 0.001)
    penalties = [((Gaussian(scores, h).density(scores.scores) - scores.proportions) ** 2).sum() for h in grid]
    assert penalty_bandwidth(scores) == pytest.approx(grid[np.argmin(penalties)], abs=1e-3)


@pytest.mark.parametrize("degree", [1, 2, 4, 7])
def test_presmoothing_keeps_as_many_moments_as_its_degree(forms, degree: int) -> None:
    scores = Frequencies.of(forms[0])
    smoothed = smooth(scores, degree)
    unit = scores.scores / 40
    for power in range(degree + 1):
        assert smoothed.counts @ unit**power == pytest.approx(scores.counts @ unit**power, rel=1e-8)
    second = np.diff(np.log(smoothed.counts), degree + 1)
    assert close(second, 0 * second, 1e-6)  # the logarithm is a polynomial of the degree


def test_degree_by_aic_and_bic(forms) -> None:
    """R: loglinear(x, degrees = 8, choose = TRUE, choosemethod = "aic" | "bic") takes degree 6 for both forms."""
    for form in map(Frequencies.of, forms):
        for criterion in ("aic", "bic"):
            assert close(smooth(form, criterion).counts, smooth(form, np.int64(6)).counts, 1e-9)
    rng = np.random.default_rng(0)
    flat = frequencies(np.bincount(rng.integers(0, 21, 2000), minlength=21))
    assert close(smooth(flat, "bic").counts, smooth(flat, 1).counts, 1e-9)


def test_scales() -> None:
    """From the lowest to the highest score, by 1 or by the smallest difference; or as given."""
    assert Frequencies.of([3, 5, 5]).scores.tolist() == [3, 4, 5]
    assert Frequencies.of([3.0, 4.5, 6.0, 6.5]).scores.tolist() == pytest.approx([3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5])
    assert Frequencies.of([3, 5], scale=np.arange(0, 10)).counts.tolist() == [0, 0, 0, 1, 0, 1, 0, 0, 0, 0]
    table = pa.table({"score": [0, 2, 6], "count": [1, 0, 4]})
    assert Frequencies.of(table).scores.tolist() == [0, 2, 4, 6]
    assert Frequencies.of(table).counts.tolist() == [1, 0, 0, 4]
    assert Frequencies.of(np.array([[0, 1], [2, 0], [6, 4]])).counts.tolist() == [1, 0, 0, 4]
    result = equate([3, 5, 5], [2, 6], scale=np.arange(8))
    assert result.table["x"].to_pylist() == list(range(8))
    assert result([0, 9]).tolist() == [-0.5, 7.5]


@pytest.mark.parametrize(
    ("data", "scale", "message"),
    [
        ([], None, "no scores"),
        ([5], np.arange(9), "1 pupils"),
        ([5, 5], None, "give the scale"),
        ([5, None], None, "1 are missing"),
        ([5, 12], np.arange(9), "12 is not on the scale"),
        ([5, 5.5], np.arange(9), "5.5 is not on the scale"),
        ([1, 2], [1, 2, 4], "equally spaced"),
        ([1, 2], [1], "equally spaced"),
        ([0.1, 0.1000001, 9], None, "give the scale"),
        (pa.table({"score": [1, 2], "count": [3, -1]}), None, "0 or more"),
        (pa.table({"score": [1, 2], "n": [3, 1]}), None, "no such column"),
        (np.ones((4, 3)), None, "score, count, not the shape"),
    ],
)
def test_what_is_no_distribution(data: object, scale: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Frequencies.of(data, scale)


def test_what_does_not_go_together() -> None:
    x, y = map(frequencies, COUNTS)
    for method, options in [
        ("linear", {"degree": 4}),
        ("linear", {"bandwidth": 0.6}),
        ("equipercentile", {"bandwidth": 0.6}),
        ("equipercentile", {"degree": 0}),
        ("equipercentile", {"degree": 7}),
        ("equipercentile", {"degree": "dic"}),
        ("kernel", {"bandwidth": -1.0}),
        ("kernel", {"bandwidth": (0.6, 0.6, 0.6)}),
        ("quadratic", {}),
    ]:
        with pytest.raises(ValueError):
            equate(x, y, method, **options)


def test_without_spread() -> None:
    """All pupils with one score: the middle of the other form's pupils; no straight line and no kernel."""
    x, y = frequencies([0, 0, 9, 0]), frequencies([2, 4, 4, 2])
    assert close(equate(x, y).table["y"], [-0.5, -0.5, 1.5, 3.5])
    assert close(equate(y, x).table["y"], [1.5 + 1 / 12, 1.5 + 4 / 12, 1.5 + 8 / 12, 1.5 + 11 / 12])
    assert close(equate(x, y, "mean").table["y"], [-0.5, 0.5, 1.5, 2.5])
    assert equate(x, y).moments.to_pylist()[0]["skewness"] is None
    for method in ("linear", "kernel"):
        for pair in ((x, y), (y, x)):
            with pytest.raises(InputError, match="same score"):
                equate(*pair, method)
    with pytest.raises(InputError, match="nothing to smooth"):
        equate(x, y, degree="aic")


def test_gaps_and_ends() -> None:
    """Where nobody has the scores of Y in between, their middle; beyond all pupils, half a point beyond the scale."""
    x, y = frequencies([0, 5, 5, 0]), frequencies([0, 3, 0, 0, 3, 0])
    assert close(equate(x, y)([-3, 0, 1.5, 3, 9]), [-0.5, -0.5, 2.5, 5.5, 5.5])


def test_the_circle_arc_goes_through_its_points() -> None:
    x, y = map(frequencies, COUNTS)
    arc = equate(x, y, "circle-arc")
    assert close(arc([0, 6, x.mean]), [0, 6, y.mean])
    bent = arc(np.linspace(0, 6, 7)) - np.linspace(0, 6, 7)
    assert close(bent, bent[::-1]) and bent[3] > 0  # an arc over the line through the ends is symmetric
    assert close(equate(x, x, "circle-arc").table["y"], np.arange(7), 1e-12)
    with pytest.raises(InputError, match="inside"):
        equate(frequencies([5, 0]), y, "circle-arc")


counts = arrays(int, st.integers(3, 12), elements=st.integers(0, 20)).filter(lambda counts: counts.sum() >= 2)
full = arrays(int, st.integers(3, 12), elements=st.integers(1, 20))
methods = st.sampled_from(["mean", "linear", "equipercentile", "kernel"])


@settings(max_examples=60, deadline=None)
@given(counts, counts, methods, st.sampled_from([None, 1, 2, "aic"]))
def test_any_counts_give_a_rising_link_or_an_error(x: np.ndarray, y: np.ndarray, method: str, degree: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            curved = method in ("equipercentile", "kernel")
            result = equate(frequencies(x), frequencies(y), method, degree=degree if curved else None)
        except InputError:
            return
        linked = result.table["y"].to_numpy()
        assert np.isfinite(linked).all() and (np.diff(linked) >= -1e-7).all()
        assert not np.isnan(result.se).any() and (result.se >= 0).all()
        if method == "equipercentile":
            assert linked.min() >= -0.5 and linked.max() <= len(y) - 0.5


@settings(max_examples=50, deadline=None)
@given(counts, methods)
def test_a_form_equated_to_itself_stays(x: np.ndarray, method: str) -> None:
    form = frequencies(x)
    if not form.variance > 0:
        return
    result = equate(form, form, method)
    present = form.scores[form.counts > 0]
    assert close(result(present), present)


@settings(max_examples=50, deadline=None)
@given(full, full, methods)
def test_equating_back_gives_back(x: np.ndarray, y: np.ndarray, method: str) -> None:
    options = {"bandwidth": 0.8} if method == "kernel" else {}
    there = equate(frequencies(x), frequencies(y), method, **options)
    back = equate(frequencies(y), frequencies(x), method, **options)
    assert close(back(there(np.arange(len(x)))), np.arange(len(x)), 1e-6)


@settings(max_examples=50, deadline=None)
@given(
    counts,
    counts,
    st.sampled_from(["identity", "mean", "linear", "circle-arc", "equipercentile", "kernel"]),
    st.sampled_from([0.5, 3.0]),
    st.sampled_from([-7.0, 100.0]),
)
def test_other_units_change_nothing_else(x: np.ndarray, y: np.ndarray, method: str, unit: float, zero: float) -> None:
    try:
        plain = equate(frequencies(x), frequencies(y), method)
        scaled = equate(frequencies(x, zero, unit), frequencies(y, zero, unit), method)
    except InputError:
        return
    assert close((scaled.table["y"].to_numpy() - zero) / unit, plain.table["y"])
    if plain.se is not None:
        known = np.isfinite(plain.se) & (plain.se < 1e3)
        assert np.allclose(scaled.se[known] / unit, plain.se[known], rtol=1e-5, atol=1e-9)


def test_a_bootstrap_of_a_thousand_takes_a_second_or_so(forms) -> None:
    start = time.process_time()
    equate(*forms, replications=1000)
    assert time.process_time() - start < 2  # 0.1 s where this was written
