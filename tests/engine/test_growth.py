"""Multilevel models against R's lme4 and the dense likelihood; value added and its verdicts."""

import csv
import itertools
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from engine import tables
from engine.exam import GrowthRule
from engine.growth import UnitSums, fit_mixed, growth_over_years, growth_tables, value_added
from engine.growth.likelihood import Crossproducts, best, profile
from engine.history import prior_scores
from engine.history.pupils import PUPILS, standard_scores

COLUMNS = {
    "null": (),
    "va": ("SES",),
    "va_context": ("SES_cwc", "MEANSES", "Sector"),
    "slope": ("SES_cwc",),
}


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def school_and_beyond(shared_data: Path) -> Path:
    """High School and Beyond."""
    return shared_data / "psychometrics" / "mathachieve"


@pytest.fixture(scope="module")
def pupils(school_and_beyond: Path) -> dict[str, np.ndarray]:
    data = rows(school_and_beyond / "data.csv")
    text = {name: np.array([row[name] for row in data]) for name in ("School", "Sector")}
    return text | {
        name: np.array([float(row[name]) for row in data]) for name in ("SES", "SES_cwc", "MEANSES", "MathAch")
    }


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("name", COLUMNS)
def test_high_school_and_beyond_as_in_lme4(
    name: str, method: str, pupils: dict[str, np.ndarray], school_and_beyond: Path
) -> None:
    reference = school_and_beyond / "reference"
    slope = "SES_cwc" if name == "slope" else None
    covariates = {column: pupils[column] for column in COLUMNS[name]}
    found = value_added(pupils["MathAch"], pupils["School"], covariates, slope=slope, method=method)
    model = found.model

    fixed = rows(reference / f"lmm_{name}_{method}_fixed.csv")
    assert [term.replace(":", "") for term in model.terms] == [row["term"] for row in fixed]
    assert model.fixed == pytest.approx([float(row["estimate"]) for row in fixed], rel=1e-6)
    assert model.fixed_se == pytest.approx([float(row["se"]) for row in fixed], rel=1e-6)

    want = {row["term"]: row["estimate"] for row in rows(reference / f"lmm_{name}_{method}_variance.csv")}
    assert model.within == pytest.approx(float(want["var:Residual:"]), rel=1e-6)
    assert model.between[0, 0] == pytest.approx(float(want["var:School:(Intercept)"]), rel=1e-6)
    assert (model.loglik, model.aic, model.bic) == pytest.approx(
        [float(want[key]) for key in ("logLik", "AIC", "BIC")], rel=1e-9
    )
    if slope:
        assert model.between[1, 1] == pytest.approx(float(want["var:School:SES_cwc"]), rel=2e-6)
        # lme4's own search ends a little beside the optimum: the covariance is small beside the variances
        assert model.between[0, 1] == pytest.approx(float(want["var:School:(Intercept):SES_cwc"]), rel=1e-4)
    else:
        assert model.icc == pytest.approx(float(want["ICC"]), rel=1e-6)

    if method == "reml":
        effects = rows(reference / f"lmm_{name}_{method}_school_effects.csv")
        place = {unit: j for j, unit in enumerate(model.units)}
        at = tuple(np.array([(place[row["school"]], model.random.index(row["term"])) for row in effects]).T)
        blups = np.array([float(row["blup"]) for row in effects])
        assert model.effects_se[at] == pytest.approx([float(row["cond_sd"]) for row in effects], rel=1e-6)
        assert np.abs(model.effects[at] - blups).max() < 2e-6
        clear = np.abs(blups) > 0.01
        assert model.effects[at][clear] == pytest.approx(blups[clear], rel=1e-4)


def test_effects_at_the_variances_where_lme4_stopped(pupils: dict[str, np.ndarray], school_and_beyond: Path) -> None:
    """Its search ends beside the optimum, by which effects near 0 differ more than others; at the same variances, all
    are the same."""
    reference = school_and_beyond / "reference"
    data = Crossproducts.of(
        sums := UnitSums.of({name: pupils[name] for name in ("SES_cwc", "MathAch")}, pupils["School"]), "SES_cwc"
    )
    told = {row["term"]: row["estimate"] for row in rows(reference / "lmm_slope_reml_variance.csv")}
    first, both, second = (float(told[f"var:School:{of}"]) for of in ("(Intercept)", "(Intercept):SES_cwc", "SES_cwc"))
    to_units = data.transform()[np.ix_(data.random, data.random)]
    inverse = np.linalg.inv(to_units)
    G = inverse @ np.array([[first, both], [both, second]]) @ inverse.T / float(told["var:Residual:"])
    at = profile(data, G, "reml")
    effects = data.scale[-1] * at.modes @ to_units.T
    for row in rows(reference / "lmm_slope_reml_school_effects.csv"):
        found = effects[sums.units.index(row["school"]), int(row["term"] == "SES_cwc")]
        assert found == pytest.approx(float(row["blup"]), rel=1e-6)
    assert profile(data, best(data, "reml"), "reml").deviance < at.deviance


def dense_deviance(
    y: np.ndarray, X: np.ndarray, Z: list[np.ndarray], rows_of: list[np.ndarray], G: np.ndarray, method: str
) -> tuple[float, np.ndarray, float]:
    """-2 log-likelihood with the covariance matrix of all pupils written out: the slow and obvious reference."""
    V = np.eye(len(y))
    for z, at in zip(Z, rows_of, strict=True):
        V[np.ix_(at, at)] += z @ G @ z.T
    W = np.linalg.inv(V)
    beta = np.linalg.solve(X.T @ W @ X, X.T @ W @ y)
    rest = y - X @ beta
    degrees = len(y) - (X.shape[1] if method == "reml" else 0)
    variance = float(rest @ W @ rest) / degrees
    deviance = degrees * math.log(2 * math.pi * variance) + np.linalg.slogdet(V)[1] + degrees
    if method == "reml":
        deviance += np.linalg.slogdet(X.T @ W @ X)[1]
    return deviance, beta, variance


def made(seed: int, sizes: list[int], slope: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of units, x and y."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    x = 50 + 10 * rng.normal(size=len(codes)) + rng.normal(size=len(sizes))[codes]
    y = 30 + 0.5 * x + (2 * rng.normal(size=len(sizes)))[codes] + 3 * rng.normal(size=len(codes))
    if slope:
        y += (0.2 * rng.normal(size=len(sizes)))[codes] * (x - 50)
    return codes, x, y


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 9), min_size=4, max_size=9),
    slope=st.booleans(),
    method=st.sampled_from(["reml", "ml"]),
)
def test_likelihood_and_fit_as_with_dense_matrices(seed: int, sizes: list[int], slope: bool, method: str) -> None:
    codes, x, y = made(seed, [*sizes, 12, 12], slope)
    sums = UnitSums.of({"x": x, "y": y}, codes)
    model = fit_mixed(sums, slope="x" if slope else None, method=method)
    X = np.column_stack([np.ones(len(x)), x])
    rows_of = [np.flatnonzero(codes == int(unit)) for unit in model.units]
    q = 2 if slope else 1
    Z = [X[at, :q] for at in rows_of]

    relative = model.between / model.within
    deviance, beta, variance = dense_deviance(y, X, Z, rows_of, relative, method)
    assert -2 * model.loglik == pytest.approx(deviance, abs=1e-6)
    assert model.fixed == pytest.approx(beta, rel=1e-6)
    assert model.within == pytest.approx(variance, rel=1e-6)
    V = [np.eye(len(at)) + z @ relative @ z.T for z, at in zip(Z, rows_of, strict=True)]
    for j, (z, at) in enumerate(zip(Z, rows_of, strict=True)):
        gain = relative @ z.T @ np.linalg.inv(V[j])
        assert model.effects[j] == pytest.approx(gain @ (y[at] - X[at] @ beta), abs=1e-6)
        assert model.conditional[j] == pytest.approx((relative - gain @ z @ relative) * variance, abs=1e-6)
    # No other variances are likelier, by a search that knows nothing of derivatives or sums
    scale = np.diag([1.0, 0.1][:q])

    def loss(theta: np.ndarray) -> float:
        root = np.zeros((q, q))
        root[np.tril_indices(q)] = theta
        return dense_deviance(y, X, Z, rows_of, scale @ root @ root.T @ scale, method)[0]

    search = minimize(loss, np.eye(q)[np.tril_indices(q)] * 0.5, method="Nelder-Mead", options={"maxiter": 300})
    assert -2 * model.loglik <= search.fun + 1e-5


@given(seed=st.integers(0, 10**6), slope=st.booleans(), method=st.sampled_from(["reml", "ml"]))
@settings(max_examples=20, deadline=None)
def test_the_derivative_is_that_of_the_deviance(seed: int, slope: bool, method: str) -> None:
    codes, x, y = made(seed, [3, 5, 8, 2, 7], slope)
    data = Crossproducts.of(UnitSums.of({"x": x, "y": y}, codes), "x" if slope else None)
    q = len(data.random)
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(q, q))
    G, step = root @ root.T, 1e-5
    gradient = profile(data, G, method).gradient
    for r in range(q):
        for c in range(r + 1):
            move = np.zeros((q, q))
            move[r, c] = move[c, r] = step
            rise = profile(data, G + move, method).deviance - profile(data, G - move, method).deviance
            assert rise / (2 * step) == pytest.approx(np.sum(gradient * move) / step, rel=1e-4, abs=1e-4)


@given(seed=st.integers(0, 10**6), parts=st.integers(2, 4))
@settings(max_examples=20, deadline=None)
def test_sums_add_however_the_pupils_are_split(seed: int, parts: int) -> None:
    codes, x, y = made(seed, [3, 1, 8, 2, 17], slope=True)
    labels = np.array(["甲", "乙", "丙", "丁", "戊"])[codes]
    whole = UnitSums.of({"x": x + 1e6, "y": y}, labels)
    part = np.random.default_rng(seed).integers(0, parts, len(x))
    pieces = [UnitSums.of({"x": x[part == k] + 1e6, "y": y[part == k]}, labels[part == k]) for k in range(parts)]
    joined = pieces[0]
    for piece in pieces[1:]:
        joined = joined + piece
    assert joined.units == whole.units
    assert joined.n.tolist() == whole.n.tolist()
    assert joined.means == pytest.approx(whole.means)
    assert joined.products == pytest.approx(whole.products, rel=1e-6, abs=1e-6)


def test_a_change_of_units_changes_the_results_likewise() -> None:
    codes, x, y = made(7, [9] * 12, slope=True)
    plain = fit_mixed(UnitSums.of({"x": x, "y": y}, codes), slope="x")
    other = fit_mixed(UnitSums.of({"x": 10 * x + 1000, "y": 5 * y - 300}, codes), slope="x")
    assert other.fixed[1] == pytest.approx(plain.fixed[1] / 2)
    assert other.within == pytest.approx(25 * plain.within)
    assert other.between[1, 1] == pytest.approx(plain.between[1, 1] / 4, rel=1e-4)
    at_mean = plain.effects[:, 0] + plain.effects[:, 1] * x.mean()
    moved = other.effects[:, 0] + other.effects[:, 1] * (10 * x + 1000).mean()
    assert moved == pytest.approx(5 * at_mean, rel=1e-4, abs=1e-4)


def test_shrinkage_is_towards_the_mean_and_stronger_for_small_units() -> None:
    codes, _, y = made(3, [4] * 10 + [100] * 10, slope=False)
    model = fit_mixed(UnitSums.of({"y": y}, 10 + codes))  # two digits each, so that names are in the order of numbers
    counts = model.counts
    share = model.effects[:, 0] / (np.bincount(codes, y) / counts - model.fixed[0])
    assert share == pytest.approx(counts / (counts + model.within / model.between[0, 0]))
    assert share[counts == 4].max() < share[counts == 100].min() < 1


def test_units_that_do_not_differ_have_no_effects() -> None:
    codes = np.repeat(np.arange(5), 4)
    y = np.tile([1.0, 2, 3, 4], 5)  # every unit has the same mean: less spread than chance would give
    found = value_added(y, codes, min_pupils=1)
    assert found.model.between[0, 0] == 0 == found.model.icc
    assert set(found.effects["verdict"].to_pylist()) == {"not distinguishable"}
    assert found.effects["effect"].to_pylist() == [0] * 5 == found.effects["se"].to_pylist()


def test_pupils_of_a_unit_that_do_not_differ() -> None:
    codes = np.repeat(np.arange(4), 25)
    model = fit_mixed(UnitSums.of({"y": np.array([1.0, 2, 3, 5])[codes]}, codes))
    assert model.between[0, 0] == pytest.approx(np.var([1, 2, 3, 5], ddof=1), rel=1e-5)
    assert model.within < 1e-5 * model.between[0, 0]
    assert model.effects[:, 0] == pytest.approx(np.array([1, 2, 3, 5]) - 2.75, abs=1e-5)


@pytest.mark.parametrize("units", [np.zeros(30, int), np.arange(30)], ids=["one unit", "units of one pupil"])
def test_nothing_between_units_where_the_data_cannot_tell(units: np.ndarray) -> None:
    _, x, y = made(5, [30], slope=False)
    model = fit_mixed(UnitSums.of({"x": x, "y": y}, units), slope="x")
    slope, intercept = np.polyfit(x, y, 1)
    assert model.fixed == pytest.approx([intercept, slope])
    assert not model.between.any()
    assert not model.effects.any()
    assert not model.effects_se.any()


def test_equal_scores_and_columns_without_information() -> None:
    codes, x, y = made(5, [6] * 6, slope=False)
    model = fit_mixed(UnitSums.of({"same": np.full(36, 70.0), "x": x, "twice": 2 * x + 1, "y": y}, codes), slope="same")
    assert model.terms == ("(Intercept)", "x")
    assert model.dropped == ("same", "twice")
    assert model.random == ("(Intercept)",)
    perfect = fit_mixed(UnitSums.of({"x": x, "y": 3 * x - 1}, codes))
    assert perfect.fixed == pytest.approx([-1, 3])
    assert perfect.within == 0 == perfect.between[0, 0] == perfect.icc
    assert perfect.loglik == math.inf
    assert not perfect.effects.any()


@pytest.mark.parametrize("value", [0.1, 70.0, 1e9 / 3, 0.0])
def test_numbers_that_are_equal_but_for_rounding_are_constant(value: float) -> None:
    codes, x, y = made(5, [7, 3, 9, 6], slope=False)
    model = fit_mixed(UnitSums.of({"same": np.full(25, value), "x": x, "y": y}, codes), slope="x")
    assert model.dropped == ("same",)
    equal = fit_mixed(UnitSums.of({"x": x, "y": np.full(25, value)}, codes))
    assert equal.fixed == pytest.approx([value, 0], abs=1e-9 * value)
    assert equal.within == 0 == equal.between[0, 0] == equal.icc


def test_verdicts_formula_and_who_is_left_out() -> None:
    rng = np.random.default_rng(11)
    names = np.array(["低", "中", "高", "小"])
    codes = np.repeat([0, 1, 2, 3], [40, 40, 40, 5])
    y = np.array([-8.0, 0, 8, 0])[codes] + rng.normal(size=125)
    sex = np.array(["男", "女"], dtype=object)[rng.integers(0, 2, 125)]
    sex[0] = None
    y[1] = np.nan
    found = value_added(y, names[codes], {"prior": rng.normal(size=125), "sex": sex})
    verdicts = dict(zip(found.effects["unit"].to_pylist(), found.effects["verdict"].to_pylist(), strict=True))
    assert verdicts == {"低": "below", "中": "not distinguishable", "高": "above", "小": "too few"}
    assert found.effects["unit"].to_pylist() == sorted(names)
    assert found.formula == "score ~ prior + sex + (1 | school), REML"
    assert found.model.terms == ("(Intercept)", "prior", "sex:男")
    assert found.left_out == 2
    assert found.model.n == 123


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    covered = held = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        codes = np.repeat(np.arange(30), 20)
        truth = 2 * rng.normal(size=30)
        model = fit_mixed(UnitSums.of({"y": truth[codes] + 4 * rng.normal(size=600)}, 10 + codes), confidence=0.9)
        covered += int((np.abs(model.effects[:, 0] - truth) < 1.645 * model.effects_se[:, 0]).sum())
        held += model.icc_interval[0] < 4 / 20 < model.icc_interval[1]
    # conditional standard errors leave out that the mean is estimated too, so a little fewer than 90 %
    assert 0.86 < covered / 900 < 0.92
    assert held > 22


def test_wrong_arguments() -> None:
    codes, x, y = made(5, [6] * 6, slope=False)
    with pytest.raises(ValueError, match="too few"):
        fit_mixed(UnitSums.of({"x": x[:2], "y": y[:2]}, codes[:2]))
    with pytest.raises(ValueError, match="no column 'z'"):
        fit_mixed(UnitSums.of({"x": x, "y": y}, codes), slope="z")
    with pytest.raises(ValueError, match="unlike length"):
        value_added(y, codes[1:])
    with pytest.raises(ValueError, match="not finite"):
        UnitSums.of({"y": np.full(36, np.nan)}, codes)
    with pytest.raises(ValueError, match="without a unit"):
        UnitSums.of({"y": y[:2]}, ["a", None])
    with pytest.raises(ValueError, match="sums over"):
        UnitSums.of({"y": y}, codes) + UnitSums.of({"x": x, "y": y}, codes)


# ---- the tables of a subject


def subject_pupils(score: np.ndarray, school: list[str]) -> pa.Table:
    n = len(score)
    columns = {
        "student_id": [f"p{i:04}" for i in range(n)],
        "school": school,
        "class": ["1班"] * n,
        "county": ["东"] * n,
        "status": ["read" if np.isfinite(value) else "absent" for value in score],
        "score": score,
        "rate": score / 100,
        "z": standard_scores(score),
    }
    arrays = {one.name: pa.array(columns[one.name], one.type, from_pandas=True) for one in PUPILS}
    return pa.table(arrays, schema=PUPILS)


def roster_of(pupils: pa.Table, **more: list[str]) -> pa.Table:
    return pa.table({"student_id": pupils["student_id"], **more})


def test_the_tables_of_a_subject() -> None:
    rng = np.random.default_rng(1)
    school = np.repeat(["低校", "中校", "高校", "少校", "转校"], [60, 60, 60, 6, 40])
    lift = {"低校": -6.0, "中校": 0, "高校": 6, "少校": 0, "转校": 0}
    prior = rng.normal(size=226)
    score = 60 + 8 * prior + np.array([lift[name] for name in school]) + 5 * rng.normal(size=226)
    score[0] = np.nan  # absent now
    prior[1] = np.nan  # absent before
    prior[-20:] = np.nan  # half of the pupils of 转校 are new
    pupils = subject_pupils(score, list(school))
    sexes = ["男", "女"] * 113
    made = growth_tables("maths", pupils, prior, roster_of(pupils, sex=sexes), GrowthRule(covariates=("sex",)))
    for name, table in made.items():
        assert table.schema.equals(tables.SCHEMAS[name])

    rows = {(row["level"], row["unit"]): row for row in made["growth"].to_pylist()}
    assert [key[1] for key in rows if key[0] == "school"] == sorted(lift)
    verdicts = {unit: rows["school", unit]["verdict"] for unit in lift}
    assert verdicts == {
        "低校": "below",
        "中校": "not distinguishable",
        "高校": "above",
        "少校": "too few",  # 6 pupils
        "转校": "too few",  # 50 % matched
    }
    low = rows["school", "低校"]
    assert (low["n"], low["matched"], low["coverage"]) == (59, 58, pytest.approx(58 / 59))
    both = np.isfinite(score) & np.isfinite(prior)
    slope, intercept = np.polyfit(prior[both], score[both], 1)
    residual = score - intercept - slope * prior
    of_low = both & (school == "低校")
    assert low["gain"] == pytest.approx(residual[of_low].mean())
    assert low["prior"] == pytest.approx(prior[of_low].mean())
    want = value_added(score[both], school[both], {"prior": prior[both], "sex": np.array(sexes)[both]})
    effect = dict(zip(want.effects["unit"].to_pylist(), want.effects["effect"].to_pylist(), strict=True))
    assert low["effect"] == pytest.approx(effect["低校"])
    assert low["model"] == "score ~ prior + sex + (1 | school), REML"
    assert rows["class", "低校/1班"]["effect"] == pytest.approx(low["effect"])  # a school of one class
    assert low["sgp"] < 40 < 60 < rows["school", "高校"]["sgp"]

    grown = made["growth_pupils"]
    assert grown["residual"].to_numpy() == pytest.approx(residual[both])
    assert len(grown) == 58 + 60 + 60 + 6 + 20
    terms = {(row["level"], row["term"]): row for row in made["growth_models"].to_pylist()}
    assert terms["school", "prior"]["estimate"] == pytest.approx(want.model.fixed[1])
    assert terms["school", "icc"]["lower"] < terms["school", "icc"]["estimate"] < terms["school", "icc"]["upper"]
    assert terms["school", "variance within"]["estimate"] == pytest.approx(want.model.within)


def test_a_slope_by_school_and_rows_in_another_order() -> None:
    rng = np.random.default_rng(2)
    school = np.repeat([f"校{k}" for k in range(8)], 30)
    prior = rng.normal(size=240)
    score = 60 + (8 + np.repeat(rng.normal(0, 3, 8), 30)) * prior + 4 * rng.normal(size=240)
    pupils = subject_pupils(score, list(school))
    rule = GrowthRule(slope=True)
    made = growth_tables("maths", pupils, prior, roster_of(pupils), rule)
    terms = {row["term"] for row in made["growth_models"].to_pylist()}
    assert {"variance slope", "covariance"} <= terms
    assert made["growth"]["model"][0].as_py() == "score ~ prior + (1 + prior | school), REML"


@pytest.mark.parametrize(
    ("score", "prior"),
    [
        ([], []),
        ([60.0], [0.1]),
        ([60.0, 70], [np.nan, np.nan]),
        ([np.nan, np.nan], [0.1, 0.2]),
        ([60.0] * 30, [0.0] * 30),
        ([float(v) for v in range(30)], [0.0] * 30),
        ([60.0] * 30, [float(v) for v in range(30)]),
    ],
)
def test_degenerate_pupils_have_null_or_plain_values(score: list[float], prior: list[float]) -> None:
    pupils = subject_pupils(np.array(score), ["甲", "乙", "乙"] * 10 if len(score) == 30 else ["甲"] * len(score))
    made = growth_tables("maths", pupils, np.array(prior, float), roster_of(pupils), GrowthRule())
    for table in made.values():
        for name in table.column_names:
            if pa.types.is_floating(table.schema.field(name).type):
                values = table[name].drop_null().to_numpy()
                assert np.isfinite(values).all(), name
    matched = int((np.isfinite(score) & np.isfinite(prior)).sum())
    assert len(made["growth_pupils"]) == matched
    if matched < 10:
        assert set(made["growth"]["verdict"].to_pylist()) <= {"too few"}
    else:
        assert set(made["growth"]["verdict"].to_pylist()) == {"not distinguishable"}


def test_growth_over_years_is_the_mean_of_the_spans() -> None:
    rng = np.random.default_rng(6)
    lasting = np.linspace(-6, 6, 10)
    school = np.repeat(np.arange(10), 40)
    names = [f"校{code}" for code in school] + ["新校"] * 30
    ability = rng.normal(size=430)
    exams = []
    for year in range(4):
        lift = np.append((year * lasting + rng.normal(0, 2, 10))[school], np.zeros(30))
        score = 60 + 10 * ability + lift + 4 * rng.normal(size=430)
        if year < 3:
            score[-30:] = np.nan  # 新校 has but one exam
        exams.append(subject_pupils(score, names))
    found = growth_over_years("maths", exams, GrowthRule())
    assert found.schema.equals(tables.SCHEMAS["growth_years"])
    rows = {row["unit"]: row for row in found.to_pylist()}
    assert list(rows) == [f"校{code}" for code in range(10)]
    assert {row["spans"] for row in rows.values()} == {3}
    spans = [
        value_added(now["z"], now["school"], {"prior": prior_scores(now, before)}).effects
        for before, now in itertools.pairwise(exams)
    ]
    of_first = [dict(zip(one["unit"].to_pylist(), one["effect"].to_pylist(), strict=True))["校0"] for one in spans]
    assert rows["校0"]["effect"] == pytest.approx(np.mean(of_first))
    errors = [dict(zip(one["unit"].to_pylist(), one["se"].to_pylist(), strict=True))["校0"] for one in spans]
    assert rows["校0"]["se"] == pytest.approx(np.sqrt(np.sum(np.square(errors))) / 3)
    assert (rows["校0"]["verdict"], rows["校9"]["verdict"]) == ("below", "above")
    assert growth_over_years("maths", exams[:2], GrowthRule()).num_rows == 0  # a single span is no mean
    assert growth_over_years("maths", exams[-1:], GrowthRule()).num_rows == 0
    assert growth_over_years("maths", exams, GrowthRule(min_pupils=50)).num_rows == 0
