"""DIF against R's difR on real data, against loops over strata, from Tallies, and where nothing is determined."""

import csv
import math
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from papers import matrix, papers, plainly, responses, subject
from scipy import optimize, stats

from engine import dif, tables
from engine.dif import Strata
from engine.exam import Item
from engine.scoring import score

# Reference file, our function, its columns by theirs, tolerance (Breslow-Day is printed with 4 decimals).
FILES = {
    "mh": (
        lambda X, g: dif.mantel_haenszel(X, g, focal="1"),
        dict(
            MH_chisq="chi2",
            p="p",
            alphaMH="alpha",
            deltaMH="delta",
            varLambda="var_log_alpha",
            flag_5pct="flagged",
            delta_class="size",
        ),
        1e-6,
    ),
    "std": (lambda X, g: dif.standardization(X, g, focal="1"), dict(STD_P_DIF="std_p_dif"), 1e-6),
    "logistic_udif": (
        lambda X, g: dif.logistic(X, g, focal="1", kind="uniform"),
        dict(LR_chisq="chi2", p="p", delta_nagelkerke_R2="r2"),
        1e-6,
    ),
    "logistic_both": (
        lambda X, g: dif.logistic(X, g, focal="1", kind="both"),
        dict(LR_chisq="chi2", p="p", delta_nagelkerke_R2="r2"),
        1e-6,
    ),
    "breslow_day": (lambda X, g: dif.breslow_day(X, g, focal="1"), dict(X1="chi2", X2="df", X3="p"), 5.0001e-5),
    "delta_plot": (
        lambda X, g: dif.delta_plot(X, g, focal="1"),
        dict(
            ref_p="p_reference", foc_p="p_focal", delta_ref="delta_reference", delta_foc="delta_focal", dist="distance"
        ),
        1e-6,
    ),
}
FILES["mh_purified"] = (lambda X, g: dif.mantel_haenszel(X, g, focal="1", purify=True), *FILES["mh"][1:])


def read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", FILES)
def test_as_difr(shared_data: Path, name: str) -> None:
    """Every file of a method, of every set."""
    paths = sorted((shared_data / "psychometrics").glob(f"*/reference/dif_{name}_*.csv"))
    paths = [path for path in paths if name + "_purified" not in path.stem]
    assert paths
    for path in paths:
        reference = read(path)
        folder, by = path.parents[1], path.stem.split("_")[-1]
        data = read(folder / "data.csv")
        scored = read(folder / "scored.csv") if (folder / "scored.csv").exists() else data
        X = np.array([[float(row[item["item"]] or "nan") for item in reference] for row in scored])
        [column] = [column for column in data[0] if column.lower() == by]
        run, columns, tolerance = FILES[name]
        rows = run(X, [row[column] for row in data]).to_pylist()
        for j, (row, expected) in enumerate(zip(rows, reference, strict=True)):
            row["var_log_alpha"] = (row.get("se_delta", 0) / 2.35) ** 2
            # exp(-null deviance / 2) is 0 in difR for larger data, and so is its part of Nagelkerke's denominator
            right = X[:, j].mean()
            loglik = -len(X) * stats.entropy([right, 1 - right])
            row["r2"] = row.get("delta_r2" if math.exp(loglik) > 0 else "delta_cox_snell")
            for theirs, ours in columns.items():
                if isinstance(row[ours], str):
                    assert row[ours] == expected[theirs], (path, row, expected)
                else:
                    assert abs(row[ours] - float(expected[theirs])) <= tolerance, (path, ours, row, expected)


# The slow, obvious versions: pupils with an answer, a loop over their scores.


def strata_of(x: np.ndarray, score: np.ndarray, focal: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The points of the reference and of the focal group at each score."""
    there = ~np.isnan(x)
    at = [there & (score == s) for s in np.unique(score[there])]
    return [(x[here & ~focal], x[here & focal]) for here in at]


def plain_mantel_haenszel(x: np.ndarray, score: np.ndarray, focal: np.ndarray) -> dict[str, float | None]:
    excess = variance = r = s = ratio = 0.0
    groups = [(a, b) for a, b in strata_of(x, score, focal) if len(a) + len(b) > 1]
    for ours, theirs in groups:
        a, b, c, d = ours.sum(), (1 - ours).sum(), theirs.sum(), (1 - theirs).sum()
        t = a + b + c + d
        excess += a - (a + b) * (a + c) / t
        variance += (a + b) * (c + d) * (a + c) * (b + d) / (t * t * (t - 1))
        r += a * d / t
        s += b * c / t
    alpha = math.inf if r and not s else r / s if s else None
    delta = None if alpha is None else -2.35 * math.log(alpha) if alpha else math.inf
    error = None
    if r and s:
        for ours, theirs in groups:
            a, b, c, d = ours.sum(), (1 - ours).sum(), theirs.sum(), (1 - theirs).sum()
            ratio += (a * d + alpha * b * c) * (a + d + alpha * (b + c)) / (a + b + c + d) ** 2
        error = 2.35 * math.sqrt(ratio / (2 * r * r))
    return {
        "chi2": (abs(excess) - 0.5) ** 2 / variance if variance else None,
        "alpha": alpha,
        "delta": delta,
        "se_delta": error,
    }


def plain_mantel(x: np.ndarray, score: np.ndarray, focal: np.ndarray) -> dict[str, float | None]:
    excess = variance = difference = weight = 0.0
    for ours, theirs in strata_of(x, score, focal):
        both = np.concatenate([ours, theirs])
        if len(ours) and len(theirs):
            excess += theirs.sum() - len(theirs) * both.mean()
            variance += len(ours) * len(theirs) / len(both) * both.var(ddof=1)
            difference += len(theirs) * (theirs.mean() - ours.mean())
            weight += len(theirs)
    constant = not variance > 1e-12
    smd = difference / weight if weight else None
    spread = np.nanstd(x) if weight else 0
    return {
        "chi2": None if constant else excess**2 / variance,
        "smd": smd,
        "effect": None if smd is None or spread == 0 else smd / spread,
    }


def plain_generalized(x: np.ndarray, score: np.ndarray, focal: np.ndarray) -> dict[str, float | None]:
    values = np.unique(x[~np.isnan(x)])
    excess, covariance = np.zeros(len(values)), np.zeros((len(values), len(values)))
    for ours, theirs in strata_of(x, score, focal):
        both = np.concatenate([ours, theirs])
        n, f, t = len(ours), len(theirs), len(both)
        if n and f:
            given = np.array([(both == value).sum() for value in values], dtype=float)
            excess += np.array([(theirs == value).sum() for value in values]) - f * given / t
            covariance += n * f / (t * t * (t - 1)) * (t * np.diag(given) - np.outer(given, given))
    df = int(np.linalg.matrix_rank(covariance, tol=1e-8))
    solved = np.linalg.lstsq(covariance, excess, rcond=1e-9)[0]  # all values: a singular matrix
    return {"df": df, "chi2": float(excess @ solved) if df else None}


def plain_breslow_day(x: np.ndarray, score: np.ndarray, focal: np.ndarray) -> dict[str, float | None]:
    alpha = plain_mantel_haenszel(x, score, focal)["alpha"]
    used = []
    for s in np.unique(score[~np.isnan(x)]):
        [(ours, theirs)] = strata_of(x[score == s], score[score == s], focal[score == s])
        n, f, m = len(ours), len(theirs), ours.sum() + theirs.sum()
        if n and f and 0 < m < n + f and alpha and math.isfinite(alpha):
            low, high = max(0, m - f), min(n, m)  # the expected A is where the odds ratio is alpha: bisection
            for _ in range(200):
                a = (low + high) / 2
                low, high = (a, high) if a * (f - m + a) < alpha * (n - a) * (m - a) else (low, a)
            used.append((ours.sum() - a, 1 / (1 / a + 1 / (n - a) + 1 / (m - a) + 1 / (f - m + a)), s))
    if len(used) < 2:
        return {"chi2": None, "trend_chi2": None}
    e, v, s = np.array(used).T
    return {
        "chi2": float((e**2 / v).sum()),
        "trend_chi2": float((e * s).sum() ** 2 / ((s**2 * v).sum() - (s * v).sum() ** 2 / v.sum())),
    }


def plain_standardization(x: np.ndarray, score: np.ndarray, focal: np.ndarray) -> dict[str, float | None]:
    return {"std_p_dif": plain_mantel(x, score, focal)["smd"]}


PLAIN = {
    dif.mantel_haenszel: plain_mantel_haenszel,
    dif.mantel: plain_mantel,
    dif.generalized_mantel_haenszel: plain_generalized,
    dif.breslow_day: plain_breslow_day,
    dif.standardization: plain_standardization,
}


def same(value: float | None, expected: float | None, tolerance: float = 1e-8) -> bool:
    if value is None or expected is None:
        return value is None and expected is None
    return math.isclose(value, expected, rel_tol=tolerance, abs_tol=tolerance)


@st.composite
def answers(draw: st.DrawFn, most: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """X (pupils, items) of points up to `most`, some missing, and which pupils are of the focal group (both are)."""
    n, k = draw(st.integers(2, 40)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    chance = np.clip(rng.random(k) + rng.normal(0, 0.3, (n, 1)), 0, 1)
    X = rng.binomial(most, chance).astype(float)
    X[rng.random(X.shape) < draw(st.sampled_from([0, 0.1, 0.9, 1]))] = np.nan
    focal = rng.random(n) < draw(st.sampled_from([0.1, 0.5]))
    focal[:2] = True, False
    return X, focal


@pytest.mark.parametrize("run", PLAIN)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_as_loops_over_strata(run, data: st.DataObject) -> None:
    X, focal = data.draw(answers(most=3 if run in (dif.mantel, dif.generalized_mantel_haenszel) else 1))
    total = np.nansum(X, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = run(X, focal)
    for j, row in enumerate(table.to_pylist()):
        assert row["n_reference"] == (~np.isnan(X[~focal, j])).sum()
        assert row["n_focal"] == (~np.isnan(X[focal, j])).sum()
        for name, expected in PLAIN[run](X[:, j], total, focal).items():
            assert same(row[name], expected), (name, row, expected)


def plain_logistic(design: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log-likelihood, coefficients, standard errors; pupil by pupil."""
    beta = np.zeros(design.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-design @ beta))
        information = (design * (chance * (1 - chance))[:, None]).T @ design
        beta = beta + np.linalg.solve(information, design.T @ (x - chance))
    return float(np.log(np.where(x == 1, chance, 1 - chance)).sum()), beta, np.sqrt(np.diag(np.linalg.inv(information)))


@pytest.mark.parametrize("kind", ["uniform", "nonuniform", "both"])
def test_logistic_pupil_by_pupil(kind: str) -> None:
    X, group = made(800, 12, seed=3)
    X[::7, 2] = np.nan
    rows = dif.logistic(X, group, kind=kind).to_pylist()
    total, focal = np.nansum(X, axis=1), (group == "girls").astype(float)
    full = np.column_stack([np.ones(len(X)), total, focal, total * focal])
    few, many = {"uniform": (2, 3), "nonuniform": (3, 4), "both": (2, 4)}[kind]
    for j, row in enumerate(rows):
        there = ~np.isnan(X[:, j])
        x, n = X[there, j], there.sum()
        null = -n * stats.entropy([x.mean(), 1 - x.mean()])
        less, _, _ = plain_logistic(full[there, :few], x)
        more, beta, errors = plain_logistic(full[there, :many], x)
        assert same(row["chi2"], 2 * (more - less), 1e-7)
        assert same(row["p"], stats.chi2.sf(2 * (more - less), many - few), 1e-7)
        top = 1 - math.exp(2 * null / n)
        cox_snell = math.exp(2 * (null - less) / n) - math.exp(2 * (null - more) / n)
        assert same(row["delta_cox_snell"], cox_snell)
        assert same(row["delta_r2"], cox_snell / top)
        for k, name in enumerate(["intercept", "score", "group", "interaction"][:many]):
            assert same(row[name], float(beta[k]), 1e-6)
            assert same(row["se_" + name], float(errors[k]), 1e-6)


def in_points(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers to 6 items of up to 4 points; the first gives girls less. Nobody has 1 point of the last."""
    rng = np.random.default_rng(seed)
    girls = rng.random(n) < 0.4
    X = rng.binomial(4, 1 / (1 + np.exp(rng.normal(size=6) - rng.normal(size=(n, 1))))).astype(float)
    X[girls, 0] = np.maximum(X[girls, 0] - rng.integers(0, 2, girls.sum()), 0)
    X[X[:, 5] == 1, 5] = 0
    X[::9, 2] = np.nan
    return X, np.where(girls, "girls", "boys")


@pytest.mark.parametrize("kind", ["uniform", "nonuniform", "both"])
def test_ordinal_logistic_pupil_by_pupil(kind: str) -> None:
    X, group = in_points(500, seed=7)
    rows = dif.ordinal_logistic(X, group, kind=kind).to_pylist()
    total, focal = np.nansum(X, axis=1), (group == "girls").astype(float)
    full = np.column_stack([total, focal, total * focal])
    few, many = {"uniform": (1, 2), "nonuniform": (2, 3), "both": (1, 3)}[kind]

    def fitted(x: np.ndarray, design: np.ndarray) -> optimize.OptimizeResult:
        values = np.unique(x)

        def loss(parameters: np.ndarray) -> float:
            falling = np.concatenate(
                [parameters[:1], parameters[0] - np.cumsum(np.exp(parameters[1 : len(values) - 1]))]
            )
            above = 1 / (1 + np.exp(-(falling + (design / 10 @ parameters[len(values) - 1 :])[:, None])))
            above = np.column_stack([np.ones(len(x)), above, np.zeros(len(x))])
            place = np.searchsorted(values, x)
            chance = above[np.arange(len(x)), place] - above[np.arange(len(x)), place + 1]
            return -np.log(chance).sum()

        start = np.zeros(len(values) - 1 + design.shape[1])
        return optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-6})

    for j in (0, 2, 5):
        x = X[:, j]
        there = ~np.isnan(x)
        less, more = (fitted(x[there], full[there, :size]) for size in (few, many))
        assert same(rows[j]["chi2"], 2 * (less.fun - more.fun), 1e-5)
        assert same(rows[j]["intercept"], more.x[0], 1e-3)
        for k, name in enumerate(["score", "group", "interaction"][:many]):
            assert same(rows[j][name], more.x[k - many] / 10, 1e-3)
    assert rows[0]["flagged"] or kind == "nonuniform"


def test_ordinal_logistic_of_dichotomous_items_is_logistic() -> None:
    X, group = made(600, 8, seed=4)
    for kind in ("uniform", "both"):
        binary, ordinal = (run(X, group, kind=kind).to_pylist() for run in (dif.logistic, dif.ordinal_logistic))
        for row, other in zip(binary, ordinal, strict=True):
            for name, value in row.items():
                assert value == other[name] if isinstance(value, str) else same(value, other[name], 1e-7), name


def made(n: int, k: int, seed: int, shift: float = 0.0, steeper: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Answers to k items by the Rasch model, the first of which is harder by `shift` (and steeper) for the girls."""
    rng = np.random.default_rng(seed)
    girls = rng.random(n) < 0.4
    ability = rng.normal(size=(n, 1)) - 0.3 * girls[:, None]
    logit = ability - rng.normal(size=k)
    logit[:, 0] = np.where(girls, (1 + steeper) * ability[:, 0] - shift, ability[:, 0])
    X = (rng.random((n, k)) < 1 / (1 + np.exp(-logit))).astype(float)
    return X, np.where(girls, "girls", "boys")


def test_purification_as_loops() -> None:
    """Flagged items leave the score, but each is matched with its own points in it."""
    X, group = made(3000, 10, seed=8, shift=1.2)
    X[::5, 3] = np.nan
    focal = group == "girls"
    anchor = np.ones(10, dtype=bool)
    for _ in range(11):
        scores = [np.nansum(X[:, anchor | (np.arange(10) == j)], axis=1) for j in range(10)]
        rows = [plain_mantel_haenszel(X[:, j], scores[j], focal) for j in range(10)]
        flagged = np.array([stats.chi2.sf(row["chi2"], 1) < 0.05 for row in rows])
        if (flagged == ~anchor).all():
            break
        anchor = ~flagged
    assert 0 < anchor.sum() < 10
    table = dif.mantel_haenszel(X, group, focal="girls", purify=True)
    assert table["anchor"].to_pylist() == anchor.tolist()
    for row, expected in zip(table.to_pylist(), rows, strict=True):
        assert all(same(row[name], expected[name]) for name in expected)


def test_planted_dif_is_found_and_says_for_whom() -> None:
    X, group = made(20_000, 20, seed=1, shift=1.0)
    row, *others = dif.mantel_haenszel(X, group, focal="girls", purify=True).to_pylist()
    assert (row["ets"], row["size"], row["anchor"]) == ("C", "C", False)
    assert abs(row["delta"] + 2.35) < 3 * row["se_delta"]  # harder by 1 logit: α = e
    assert {other["ets"] for other in others} == {"A"}
    swapped = dif.mantel_haenszel(X, group, focal="boys", purify=True).to_pylist()[0]
    assert same(swapped["alpha"], 1 / row["alpha"])
    assert same(swapped["se_delta"], row["se_delta"])
    assert dif.standardization(X, group, focal="girls")["size"].to_pylist()[0] == "C"
    assert dif.logistic(X, group, kind="uniform")["flagged"].to_pylist()[0]


def test_more_of_the_middle_is_seen_by_the_generalized_test_alone() -> None:
    X, group = in_points(4000, seed=2)
    rng = np.random.default_rng(3)
    X[:, 3] = np.where(group == "girls", rng.integers(1, 4, 4000), rng.integers(0, 5, 4000))
    generalized, mean = (run(X, group).to_pylist()[3] for run in (dif.generalized_mantel_haenszel, dif.mantel))
    assert generalized["chi2"] > 10 * mean["chi2"]
    assert (generalized["df"], generalized["flagged"]) == (4, True)


def test_dif_that_changes_direction_is_not_uniform() -> None:
    X, group = made(20_000, 20, seed=2, steeper=1.0)
    for table in (dif.breslow_day(X, group), dif.logistic(X, group, kind="nonuniform")):
        p = table["p"].to_pylist()
        assert p[0] < 1e-6 < min(p[1:])
    assert dif.breslow_day(X, group)["trend_p"].to_pylist()[0] < 1e-6


@given(papers(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_tallies_give_what_the_pupils_give(paper: tuple, random) -> None:
    """Items of any points, exam totals with floors, null for not presented: exact from the two Tallies."""
    paper, rows = paper
    rows = [row for row in rows if row["status"] == "read"]
    focal = np.array([random.random() < 0.5 for _ in rows], dtype=bool)
    parts = [score(paper, responses(paper, [r for r, f in zip(rows, focal, strict=True) if f == g])) for g in (0, 1)]
    if not (focal.any() and (~focal).any()):
        with pytest.raises(ValueError, match="nobody in the"):
            Strata.of_tallies(parts[0].tally, parts[1].tally)
        return
    strata = Strata.of_tallies(parts[0].tally, parts[1].tally)
    points, totals = plainly(paper, rows)
    X, total = matrix(paper, points, rows) * 0.5, np.array(totals) * 0.5
    names = [item.item for item in paper.items]
    assert list(strata.items) == [name for name in names if name not in parts[0].tally.dropped]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = dif.mantel(strata)
        for run in RUNS:
            assert run(strata.only(strata.dichotomous)).num_rows == len(strata.dichotomous)
        for run in (dif.mantel, dif.generalized_mantel_haenszel, dif.ordinal_logistic):
            assert run(strata.only([])).num_rows == 0
    for row in table.to_pylist():
        for name, expected in plain_mantel(X[:, names.index(row["item"])], total, focal).items():
            assert same(row[name], expected), (name, row, expected)


def documented(table: pa.Table) -> None:
    """Numbers are finite or null, save the odds ratio of Mantel-Haenszel; p is a probability, classes are letters."""
    for name in table.column_names:
        values = [value for value in table[name].to_pylist() if value is not None]
        if name in ("size", "size_zt", "ets"):
            assert set(values) <= set("ABC")
        elif name not in ("item", "alpha", "delta"):
            assert all(math.isfinite(value) for value in values), (name, values)
        if name in ("p", "trend_p"):
            assert all(0 <= value <= 1 for value in values)


MATCHED = [
    dif.mantel_haenszel,
    dif.standardization,
    dif.breslow_day,
    dif.mantel,
    dif.generalized_mantel_haenszel,
    dif.logistic,
]
RUNS = [*MATCHED, dif.delta_plot]


@given(answers())
@settings(max_examples=50, deadline=None)
def test_nothing_undetermined_escapes(data: tuple) -> None:
    X, focal = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for run in RUNS:
            documented(run(X, focal))
        for kind in ("uniform", "nonuniform"):
            documented(dif.logistic(X, focal, kind=kind))
        for run in MATCHED:
            documented(run(X, focal, purify=True))


@given(answers(most=3))
@settings(max_examples=60, deadline=None)
def test_nothing_undetermined_escapes_of_items_of_several_points(data: tuple) -> None:
    X, focal = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for run in (dif.mantel, dif.generalized_mantel_haenszel, dif.ordinal_logistic):
            documented(run(X, focal))
            documented(run(X, focal, purify=True))


@pytest.mark.parametrize(
    "X",
    [
        np.ones((6, 2)),
        np.zeros((6, 2)),
        np.full((6, 2), np.nan),
        np.array([[0, 1]] * 3 + [[1, 0]] * 3),
        np.array([[1], [1], [1], [0], [0], [0]]),
    ],
    ids=["all right", "all wrong", "all missing", "told apart by the group", "one item"],
)
def test_what_is_not_determined_is_null(X: np.ndarray) -> None:
    focal = [0, 0, 0, 1, 1, 1]
    assert dif.logistic(X, focal)["chi2"].null_count == X.shape[1]
    if len(np.unique(X)) == 1 or X.shape[1] == 1:
        for run in (dif.mantel_haenszel, dif.breslow_day, dif.mantel):
            assert run(X, focal)["chi2"].null_count == X.shape[1]
    else:  # every pupil has 1 point: one stratum, one cell of each group empty
        assert dif.mantel_haenszel(X, focal)["alpha"].to_pylist() == [0.0, math.inf]
        assert dif.mantel_haenszel(X, focal)["delta"].to_pylist() == [math.inf, -math.inf]
        assert dif.mantel_haenszel(X, focal)["se_delta"].null_count == 2


def test_separation_gives_the_limit_of_the_likelihood_and_no_coefficients() -> None:
    """No girl has the first item right: the best coefficient of the group is -∞."""
    X, group = made(400, 8, seed=5)
    X[group == "girls", 0] = 0
    row = dif.logistic(X, group, kind="uniform").to_pylist()[0]
    boys = group == "boys"
    total = X.sum(axis=1)
    few, _, _ = plain_logistic(np.column_stack([np.ones(400), total]), X[:, 0])
    limit, _, _ = plain_logistic(np.column_stack([np.ones(boys.sum()), total[boys]]), X[boys, 0])
    assert same(row["chi2"], 2 * (limit - few), 1e-7)
    assert row["group"] is None
    assert row["se_group"] is None


def test_labels_and_names() -> None:
    X, group = made(300, 4, seed=6)
    plain = dif.mantel_haenszel(X, group)  # the focal group is the greater label: girls
    for labels in (pa.array(group.tolist()), pa.chunked_array([group.tolist()]).dictionary_encode(), group == "girls"):
        assert dif.mantel_haenszel(X, labels).equals(plain)
    assert plain["item"].to_pylist() == ["1", "2", "3", "4"]
    assert dif.mantel_haenszel(np.where(np.isnan(X), -9, X).astype(int), group).equals(plain)
    named = pa.table({name: X[:, j] for j, name in enumerate("abcd")})
    assert dif.mantel_haenszel(named, group)["item"].to_pylist() == list("abcd")
    unknown = np.where(np.arange(300) < 50, None, group)
    assert dif.mantel_haenszel(X, unknown).equals(dif.mantel_haenszel(X[50:], group[50:]))


@pytest.mark.parametrize(
    ("X", "group", "options", "message"),
    [
        ([[0, 1], [1, 0]], ["a", "a"], {}, "two different labels"),
        ([[0, 1], [1, 0], [1, 1]], ["a", "b", "c"], {}, "two different labels"),
        ([[0, 1], [1, 0]], [None, None], {}, "two different labels"),
        ([[0, 1], [1, 0]], ["a", "b"], {"focal": "c"}, "nobody in the focal group 'c'"),
        ([[0, 1], [1, 0]], ["a"], {}, "2 pupils in X, but 1 labels"),
        ([[0, 1], [1, 0]], [["a", "b"]], {}, "one label a pupil"),
        ([[0, 1], [1, 0]], ["a", 1], {}, "two different labels|of one kind"),
        ([0, 1], ["a", "b"], {}, "shape"),
        ([["A"], ["B"]], ["a", "b"], {}, "must be numbers"),
        ([[0.5], [1]], ["a", "b"], {}, "whole points"),
        ([[1e9], [1]], ["a", "b"], {}, "points above"),
        ([[0], [1], [2]], ["a", "b", "b"], {}, "item 1 is not dichotomous"),
    ],
)
def test_errors_say_what_is_wrong(X: list, group: list, options: dict, message: str) -> None:
    if group == ["a", 1]:
        group = np.array(group, dtype=object)
    with pytest.raises(ValueError, match=message):
        dif.mantel_haenszel(X if X and not isinstance(X[0], list) else np.array(X, dtype=object), group, **options)


def test_strata_take_no_group_and_cannot_be_purified() -> None:
    paper = subject(Item(item="q", type="single", max=Fraction(2), key="A", options="AB"))
    strata = Strata.of_tallies(
        *(score(paper, responses(paper, [{"q": a} for a in some])).tally for some in ("AB", "AA"))
    )
    with pytest.raises(ValueError, match="neither group nor focal"):
        dif.mantel_haenszel(strata, ["a", "b"])
    with pytest.raises(ValueError, match="answers of each pupil"):
        dif.mantel_haenszel(strata, purify=True)
    other = score(subject(*paper.items, step=Fraction(1)), responses(paper, [{"q": "A"}])).tally
    with pytest.raises(ValueError, match="different papers"):
        Strata.of_tallies(other, score(paper, responses(paper, [{"q": "A"}])).tally)


def test_points_that_are_no_binary_fractions_are_exactly_constant() -> None:
    """0.3 of 0.7 points for everybody: nothing to test, not a variance of 1e-17."""
    items = [
        Item(item="q", type="constructed", max=Fraction("0.7")),
        Item(item="r", type="constructed", max=Fraction(9)),
    ]
    paper = subject(*items, step=Fraction("0.1"))
    rng = np.random.default_rng(1)
    rows = [[{"q": "0.3", "r": str(points)} for points in rng.integers(0, 10, 50)] for _ in range(2)]
    strata = Strata.of_tallies(*(score(paper, responses(paper, some)).tally for some in rows))
    for run in (dif.mantel, dif.generalized_mantel_haenszel, dif.ordinal_logistic):
        assert run(strata)["chi2"].to_pylist()[0] is None
    assert dif.mantel(strata)["effect"].to_pylist()[0] is None


def test_the_dif_table_of_an_exam() -> None:
    """Item 1 is harder for girls; the essay gives boys less than their due; a small group has no rows."""
    X, group = made(3000, 12, seed=9, shift=1.2)
    items = [Item(item=f"q{j}", type="single", max=Fraction(2), key="A", options="AB") for j in range(12)]
    paper = subject(*items, Item(item="essay", type="constructed", max=Fraction(10)), step=Fraction(1))
    rng = np.random.default_rng(4)
    essay = np.clip(np.rint(X.sum(axis=1) * 0.6 + 2 * (group == "girls") + rng.normal(0, 1, 3000)), 0, 10).astype(int)
    label = np.where(np.arange(3000) < 40, "other", group)
    rows = [{f"q{j}": "A" if x else "B" for j, x in enumerate(X[i])} | {"essay": str(essay[i])} for i in range(3000)]
    tallies = {
        name: score(paper, responses(paper, [row for row, own in zip(rows, label, strict=True) if own == name])).tally
        for name in ("girls", "boys", "other")
    }
    table = dif.dif_statistics(tallies, paper, by="sex")
    assert table.schema.equals(tables.SCHEMAS["dif"])
    found = {row["item"]: row for row in table.to_pylist()}
    assert len(found) == table.num_rows == 13
    assert {(row["by"], row["reference"], row["focal"]) for row in found.values()} == {("sex", "boys", "girls")}
    assert (found["q0"]["ets"], found["q0"]["favours"]) == ("C", "boys")
    assert (found["essay"]["ets"], found["essay"]["favours"], found["essay"]["method"]) == ("C", "girls", "mantel")
    assert found["essay"]["alpha"] is None
    assert 0 <= found["essay"]["p_nonuniform"] <= 1
    assert 0.1 < found["essay"]["difference"] < 0.2  # 2 of 10 points, less what the matching takes
    plain = Strata.of_tallies(tallies["boys"], tallies["girls"])
    [q1] = dif.mantel_haenszel(plain.only(["q1"])).to_pylist()
    assert found["q1"] | {"ets": "", "favours": ""} == found["q1"] | {
        name: q1[name] for name in ("n_reference", "n_focal", "chi2", "p", "alpha", "delta", "se_delta")
    } | {"ets": "", "favours": ""}
    turned = dif.dif_statistics(tallies, paper, by="sex", reference="girls").to_pylist()[0]
    assert same(turned["delta"], -found["q0"]["delta"])
    assert turned["favours"] == "boys"
    assert dif.dif_statistics({"boys": tallies["boys"]}, paper).num_rows == 0
    with pytest.raises(ValueError, match="no group 'men'"):
        dif.dif_statistics(tallies, paper, reference="men")
