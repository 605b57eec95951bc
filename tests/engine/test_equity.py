"""Balance, gaps, resources and the effect of training; the values of domain.md."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import tables
from engine.equity import (
    balance_table,
    coefficient_of_variation,
    disparity,
    gap_table,
    gaps,
    gini,
    indicator_table,
    load_indicators,
    load_standard,
    load_training,
    range_ratio,
    robin_hood,
    theil,
    theil_decomposition,
    training_effect,
    training_table,
)
from engine.equity.standards import standard_names
from engine.errors import InputError
from engine.exam import EquityRule, Lines
from engine.history.pupils import PUPILS, standard_scores

positive = st.lists(st.floats(1, 150), min_size=1, max_size=12)


def test_the_tables_of_lishui() -> None:
    """domain.md §4.1: 16.99 / 63.20 → 差异系数 26.88; a school of 79.54 has the mean standard score 0.96."""
    city = np.array([63.20 - 16.99, 63.20 + 16.99])  # a city with that mean and standard deviation
    assert (city.mean(), city.std()) == pytest.approx((63.20, 16.99))
    assert round(100 * coefficient_of_variation(city), 2) == 26.88
    z = standard_scores(np.array([*city, np.nan]))
    assert np.isnan(z[2])
    # the standard score is linear in the points: that of a school's mean is the mean of its pupils' z
    slope = (z[1] - z[0]) / (city[1] - city[0])
    assert round((79.54 - city[0]) * slope + z[0], 2) == 0.96


def test_the_weighted_cv_is_that_of_the_appendix() -> None:
    """X̄ = Σx/ΣP, S = √Σ(P_i/P)(X_i - X̄)², worked by hand: 10, 20 and 40 teachers for 100, 300 and 400 pupils."""
    amounts, pupils = np.array([10.0, 20, 40]), np.array([100.0, 300, 400])
    per_pupil = amounts / pupils
    mean = 70 / 800
    variance = (100 * (0.1 - mean) ** 2 + 300 * (1 / 15 - mean) ** 2 + 400 * (0.1 - mean) ** 2) / 800
    assert coefficient_of_variation(per_pupil, pupils) == pytest.approx(np.sqrt(variance) / mean, rel=1e-12)


@given(positive, st.data())
def test_measures_by_their_definitions(values: list[float], data: st.DataObject) -> None:
    x = np.array(values)
    w = np.array(data.draw(st.lists(st.integers(1, 9), min_size=len(x), max_size=len(x))), float)
    share, mean = w / w.sum(), np.average(x, weights=w)
    pairs = itertools.product(range(len(x)), repeat=2)
    assert gini(x, w) == pytest.approx(
        sum(share[i] * share[j] * abs(x[i] - x[j]) for i, j in pairs) / (2 * mean), abs=1e-12
    )
    assert theil(x, w) == pytest.approx(sum(share * x / mean * np.log(x / mean)), abs=1e-12)
    assert robin_hood(x, w) == pytest.approx(sum(share * np.maximum(x / mean - 1, 0)), abs=1e-12)
    assert range_ratio(x, w) == pytest.approx(x.max() / x.min())
    # weights are as so many units
    many = np.repeat(x, w.astype(int))
    for measure in (coefficient_of_variation, gini, theil, robin_hood, range_ratio):
        assert measure(many) == pytest.approx(measure(x, w), abs=1e-9)
        assert measure(7 * x, w) == pytest.approx(measure(x, w), abs=1e-9)  # no unit matters


@given(positive, st.data())
def test_theil_adds_up_and_lies_between_even_groups(values: list[float], data: st.DataObject) -> None:
    groups = data.draw(st.lists(st.sampled_from("甲乙丙"), min_size=len(values), max_size=len(values)))
    total, between, within = theil_decomposition(values, groups)
    assert total == pytest.approx(theil(values))
    assert between + within == pytest.approx(total)
    assert between >= 0
    assert within >= -1e-12
    even = [{"甲": 10.0, "乙": 20.0, "丙": 30.0}[group] for group in groups]
    assert theil_decomposition(even, groups).within == pytest.approx(0, abs=1e-12)


def test_taking_from_the_rich_for_the_poor_makes_more_equal() -> None:
    before, after = [20.0, 50, 60, 90], [30.0, 50, 60, 80]
    for measure in (coefficient_of_variation, gini, theil, robin_hood, range_ratio):
        assert measure(after) < measure(before)
        assert measure([60.0] * 4) == pytest.approx(1 if measure is range_ratio else 0, abs=1e-12)


def test_measures_that_are_not_defined() -> None:
    for measure in (coefficient_of_variation, gini, theil, robin_hood):
        assert np.isnan(measure([0.0, 0.0]))
        assert np.isnan(measure([-3.0, 1.0]))
    assert np.isnan(range_ratio([0.0, 1.0]))
    assert np.isnan(gini([-1.0, 5.0]))
    assert theil([0.0, 2.0]) == pytest.approx(np.log(2))  # x ln x → 0
    with pytest.raises(ValueError, match="finite"):
        gini([1.0, np.nan])
    with pytest.raises(ValueError, match="weights"):
        theil([1.0], [1.0, 2.0])


def city(seed: int = 0, schools: int = 30, size: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(schools), size)
    score = np.clip(70 + 5 * rng.normal(size=schools)[codes] + 10 * rng.normal(size=len(codes)), 0, 100)
    names = np.array([f"学校{10 + c}" for c in range(schools)], dtype=object)
    return {"score": score, "school": names[codes], "county": np.array(["东", "西", "南"], object)[codes % 3]}


def test_disparity_of_a_made_up_city() -> None:
    made = city()
    found = {figure.name: figure for figure in disparity(**made)}
    means = np.array([made["score"][made["school"] == name].mean() for name in np.unique(made["school"])])
    assert found["cv"].value == pytest.approx(means.std() / means.mean())
    assert found["cv_weighted"].value == pytest.approx(found["cv"].value)  # schools are equally large
    assert found["range_ratio"].value == pytest.approx(means.max() / means.min())
    assert np.isnan(found["range_ratio"].lower)
    # one-way analysis of variance of schools of equal size gives the REML estimate
    within = np.mean([made["score"][made["school"] == name].var(ddof=1) for name in np.unique(made["school"])])
    between = means.var(ddof=1) - within / 40
    assert found["icc"].value == pytest.approx(between / (between + within), rel=1e-6)
    for name in ("cv", "cv_weighted", "gini", "theil", "robin_hood", "icc"):
        assert found[name].lower < found[name].value < found[name].upper
    assert found["icc"].verdict(0.9) == "within"
    assert found["icc"].verdict(0.01) == "beyond"
    assert found["icc"].verdict(found["icc"].value) == "not distinguishable"
    assert found["icc"].verdict(None) == ""
    assert 0 < found["theil_counties"].value < 1
    assert 0 < found["theil_schools"].value < 1


def test_jackknife_intervals_cover_the_spread_of_many_cities() -> None:
    figures = [{f.name: f for f in disparity(**city(seed, schools=60, size=20))} for seed in range(30)]
    values = np.array([found["gini"].value for found in figures])
    widths = np.array([found["gini"].upper - found["gini"].lower for found in figures])
    assert widths.mean() / (2 * 1.96) == pytest.approx(values.std(ddof=1), rel=0.35)


def test_disparity_where_there_is_nothing_to_compare() -> None:
    same = {figure.name: figure for figure in disparity(np.full(40, 60.0), np.repeat(["a", "b", "c", "d"], 10))}
    assert same["cv"].value == 0 == same["icc"].value == same["theil_schools"].value
    assert same["range_ratio"].value == 1
    one = {figure.name: figure for figure in disparity(np.arange(10.0), ["a"] * 10)}
    assert one["cv"].value == 0
    assert np.isnan(one["icc"].value)
    two = {figure.name: figure for figure in disparity(np.arange(10.0), ["a", "b"] * 5)}
    assert np.isnan(two["cv"].lower)  # too few schools for the jackknife


def test_a_gap_within_one_school_is_welchs() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(60, 10, 30), rng.normal(65, 5, 18)
    (gap,) = gaps(np.concatenate([a, b]), ["男"] * 30 + ["女"] * 18, ["校"] * 48)
    assert (gap.group, gap.reference, gap.n, gap.n_reference, gap.clusters) == ("女", "男", 18, 30, 1)
    parts = a.var(ddof=1) / 30, b.var(ddof=1) / 18
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 29 + parts[1] ** 2 / 17)
    from scipy.stats import t

    half = t.ppf(0.975, freedom) * np.sqrt(sum(parts))
    assert (gap.lower, gap.upper) == pytest.approx((b.mean() - a.mean() - half, b.mean() - a.mean() + half))


def test_a_gap_between_kinds_of_schools_rests_on_schools_not_on_pupils() -> None:
    """Town and country: schools differ by chance, too. Of 200 cities without a gap about 5 % must seem to have one."""
    found = naive = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        codes = np.repeat(np.arange(24), 30)
        y = (5 * rng.normal(size=24))[codes] + 10 * rng.normal(size=720)
        town = np.where(codes % 2, "农村", "城区")
        (gap,) = gaps(y, town, 10 + codes)
        assert gap.clusters == 24
        found += not gap.lower <= 0 <= gap.upper
        (alone,) = gaps(y, town, np.zeros(720, int))
        naive += not alone.lower <= 0 <= alone.upper
    assert 4 <= found <= 22
    assert naive > 60


@given(st.integers(0, 10**6), st.integers(2, 6))
def test_the_clustered_variance_as_by_matrices(seed: int, schools: int) -> None:
    """CR1 of the regression on a 0/1 column, with C/(C - 1): the plain sandwich."""
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.repeat(np.arange(schools), 2), rng.integers(0, schools, 12)])
    group = np.concatenate([np.tile([0, 1], schools), rng.integers(0, 2, 12)])
    y = rng.normal(size=len(codes)) + codes
    X = np.column_stack([np.ones(len(y)), group])
    bread = np.linalg.inv(X.T @ X)
    rest = y - X @ bread @ X.T @ y
    scores = np.array([X[codes == c].T @ rest[codes == c] for c in range(schools)])
    variance = schools / (schools - 1) * (bread @ scores.T @ scores @ bread)[1, 1]
    (gap,) = gaps(y, np.array(["a", "b"])[group], codes, reference="a")
    from scipy.stats import t

    assert gap.upper - gap.lower == pytest.approx(2 * t.ppf(0.975, schools - 1) * np.sqrt(variance), abs=1e-9)


def test_gaps_that_cannot_be_told() -> None:
    assert gaps([], [], []) == ()
    assert gaps([1.0, 2.0], ["a", "a"], ["x", "y"]) == ()
    (one_school_each,) = gaps([1.0, 2, 5, 6], ["a", "a", "b", "b"], ["x", "x", "y", "y"])
    assert one_school_each.difference == 4
    assert np.isnan(one_school_each.lower)
    (single,) = gaps([1.0, 2, 5], ["a", "a", "b"], ["x"] * 3)
    assert (single.difference, np.isnan(single.upper)) == (3.5, True)
    (equal,) = gaps([3.0] * 6, ["a", "b"] * 3, ["x"] * 6)
    assert (equal.lower, equal.difference, equal.upper) == (0, 0, 0)
    with pytest.raises(ValueError, match="no group"):
        gaps([1.0], ["a"], ["x"], reference="b")


def classes(seed: int, effect: float, outlier: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Gains, earlier scores and classes; classes with an even number are those of trained teachers."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.normal(0, 1, 20), 2)  # every trained class has a twin
    codes = np.repeat(np.arange(40), 25)
    prior = level[codes] + 0.01 * rng.normal(size=1000)
    gain = effect * (codes % 2 == 0) + rng.normal(0, 0.5, 40)[codes] + rng.normal(0, 3, 1000)
    if outlier:
        prior[codes == 0] += 100
    names = np.array([f"校/{c:02}班" for c in range(40)], dtype=object)
    return gain, prior, names[codes], [names[c] for c in range(0, 40, 2)]


def test_training_effect_pairs_like_with_like() -> None:
    gain, prior, names, trained = classes(1, 2.0)
    found = training_effect(gain, prior, names, trained)
    assert len(found.pairs) == 20
    assert all(a in trained and b not in trained for a, b in found.pairs)
    assert len({b for _, b in found.pairs}) == 20  # no class serves twice
    means = {name: (gain[names == name].mean(), prior[names == name].mean()) for name in np.unique(names)}
    differences = np.array([means[a][0] - means[b][0] for a, b in found.pairs])
    assert found.difference == pytest.approx(differences.mean())
    assert found.upper - found.lower == pytest.approx(2 * 2.093024 * differences.std(ddof=1) / np.sqrt(20), rel=1e-5)
    assert found.lower > 0
    assert max(abs(means[a][1] - means[b][1]) for a, b in found.pairs) < 0.25 * np.std([m[1] for m in means.values()])


def test_the_interval_of_the_training_effect_covers_the_truth_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(100):
        found = training_effect(*classes(seed, 2.0))
        covered += found.lower < 2.0 < found.upper
    assert 88 <= covered <= 99


def test_training_effect_without_like_classes() -> None:
    gain, prior, names, trained = classes(1, 2.0, outlier=True)
    found = training_effect(gain, prior, names, trained)
    assert found.unmatched == (trained[0],)
    assert len(found.pairs) == 19
    nobody = training_effect(gain, prior, names, [])
    assert np.isnan(nobody.difference)
    assert (nobody.pairs, nobody.unmatched, nobody.n) == ((), (), 0)
    everybody = training_effect(gain, prior, names, list(np.unique(names)))
    assert everybody.pairs == ()
    assert len(everybody.unmatched) == 40
    empty = training_effect([], [], [], ["a"])
    assert np.isnan(empty.difference)


def pupil_table(made: dict[str, np.ndarray]) -> pa.Table:
    n = len(made["score"])
    z = (made["score"] - made["score"].mean()) / made["score"].std()
    columns = {
        "student_id": [f"p{i:05}" for i in range(n)],
        "class": ["1班"] * n,
        "status": ["read"] * n,
        "rate": made["score"] / 100,
        "z": z,
        **made,
    }
    return pa.table(
        [pa.array(columns[name], kind) for name, kind in zip(PUPILS.names, PUPILS.types, strict=True)], PUPILS
    )


def test_tables_of_balance_and_gaps() -> None:
    pupils = pupil_table(city())
    ids = pupils["student_id"].to_pylist()
    sexes = ["男" if i % 2 else "女" for i in range(len(ids) - 100)] + [""] * 100
    roster = pa.table({"student_id": ids[::-1], "sex": sexes[::-1]})
    rule = EquityRule()
    balance = balance_table("maths", pupils, load_standard("quality-2017"), rule)
    assert balance.schema.equals(tables.SCHEMAS["balance"])
    rows = {(row["level"], row["unit"], row["measure"]): row for row in balance.to_pylist()}
    assert {key[:2] for key in rows} == {("exam", ""), ("county", "东"), ("county", "南"), ("county", "西")}
    icc = rows["exam", "", "icc"]
    assert (icc["n_schools"], icc["n_pupils"], icc["threshold"]) == (30, 1200, 0.15)
    assert icc["verdict"] == "not distinguishable"
    assert rows["county", "东", "icc"]["n_schools"] == 10
    assert ("county", "东", "theil_counties") not in rows
    alone = pupils.filter(pa.compute.equal(pupils["school"], "学校10"))
    assert balance_table("maths", alone, load_standard("quality-2017"), rule).num_rows == 0

    found = gap_table("maths", pupils, roster, ["sex"], Lines(), rule)
    assert found.schema.equals(tables.SCHEMAS["gaps"])
    assert [(row["measure"], row["group"], row["reference"]) for row in found.to_pylist()] == [
        (measure, "男", "女") for measure in ("mean", "excellent", "passing", "low")
    ]
    mean = found.to_pylist()[0]
    score = pupils["score"].to_numpy()[:1100]
    assert mean["difference"] == pytest.approx(score[1::2].mean() - score[::2].mean())
    assert mean["effect"] == pytest.approx(mean["difference"] / score.std())
    assert (mean["n"], mean["n_reference"]) == (550, 550)
    passing = found.to_pylist()[2]
    assert passing["difference"] == pytest.approx((score[1::2] >= 60).mean() - (score[::2] >= 60).mean())


def test_table_of_the_effect_of_training(tmp_path: Path) -> None:
    gain, prior, names, trained = classes(1, 2.0)
    ids = [f"p{i:04}" for i in range(len(gain))]
    grown = pa.table({"student_id": ids, "prior": prior, "residual": gain})
    school, name = zip(*[one.split("/") for one in names], strict=True)
    roster = pa.table({"student_id": ids, "school": school, "class": name})
    lines = ["学校,班级,科目", *(f"{one.replace('/', ',')},数学" for one in trained)]
    (tmp_path / "training.csv").write_text("\n".join(lines), encoding="utf-8")
    listed = load_training(tmp_path / "training.csv")
    assert listed == {"数学": set(trained)}
    (row,) = training_table("maths", grown, roster, listed["数学"], EquityRule()).to_pylist()
    want = training_effect(gain, prior, names, trained)
    assert (row["by"], row["measure"], row["clusters"], row["n"]) == ("training", "gain", 20, 500)
    assert (row["difference"], row["lower"]) == pytest.approx((want.difference, want.lower))
    assert row["effect"] == pytest.approx(want.difference / gain.std())
    assert training_table("maths", grown, roster, [], EquityRule()).num_rows == 0
    (tmp_path / "training.csv").write_text("学校,班级\n甲,\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 2"):
        load_training(tmp_path / "training.csv")


# ---- resources


HEADER = (
    "学校,学段,县区,在校生数,每百名学生拥有高于规定学历教师数,每百名学生拥有县级以上骨干教师数,"
    "每百名学生拥有体育、艺术专任教师数,生均教学及辅助用房面积,生均体育运动场馆面积,生均教学仪器设备值,"
    "每百名学生拥有网络多媒体教室数"
)


def indicators(tmp_path: Path, *lines: str, standard: str = "quality-2017", header: str = HEADER) -> dict[tuple, dict]:
    path = tmp_path / "indicators.csv"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    ruling = load_standard(standard)
    table = indicator_table(load_indicators(path, ruling, {"甲小": "东"}), ruling)
    assert table.schema.equals(tables.SCHEMAS["indicators"])
    return {(row["stage"], row["level"], row["unit"], row["indicator"]): row for row in table.to_pylist()}


def test_the_thresholds_of_2017_are_those_of_domain_md() -> None:
    """domain.md §5.3, primary / junior."""
    ruling = load_standard("quality-2017")
    assert [(one.primary, one.junior) for one in ruling.indicators] == [
        (4.2, 5.3),
        (1, 1),
        (0.9, 0.9),
        (4.5, 5.8),
        (7.5, 10.2),
        (2000, 2500),
        (2.3, 2.4),
    ]
    assert (ruling.need, ruling.nearly, ruling.icc) == (6, 0.85, 0.15)
    assert ruling.cv is not None and (ruling.cv.primary, ruling.cv.junior) == (0.50, 0.45)
    basic = load_standard("basic-2012")
    assert basic.composite_cv is not None
    assert (basic.composite_cv.primary, basic.composite_cv.junior) == (0.65, 0.55)
    assert len(basic.indicators) == 8


def test_schools_and_counties_against_the_standard(tmp_path: Path) -> None:
    found = indicators(
        tmp_path,
        "甲小,小学,东,400,4.2,1,0.9,4.5,7.5,2000,2.3",  # all seven, exactly
        "乙小,小学,东,100,5,1.2,1,5,6.5,2100,2.5",  # six; sports area is 86.7 % of 7.5
        "丙小,小学,西,100,5,1.2,1,5,6.0,2100,2.5",  # six, but the seventh is below 85 %
        "丁小,小学,西,300,4,1,0.8,5,8,2100,2.5",  # five
        "戊教学点,小学,西,20,0,0,0,1,1,100,0",  # too small to count
        "己中,初中,西,500,6,1,1,6,11,2600,2.5",
    )
    assert found["primary", "school", "甲小", "all"]["value"] == 7
    verdicts = {name: found["primary", "school", name, "all"]["verdict"] for name in ("甲小", "乙小", "丙小", "丁小")}
    assert verdicts == {"甲小": "met", "乙小": "met", "丙小": "missed", "丁小": "missed"}
    assert found["primary", "school", "乙小", "sports_area"]["verdict"] == "nearly"
    assert found["primary", "school", "丙小", "sports_area"]["verdict"] == "missed"
    assert found["junior", "school", "己中", "floor_area"]["threshold"] == 5.8

    east = found["primary", "county", "东", "sports_area"]
    assert (east["n_schools"], east["pupils"], east["value"]) == (2, 500, pytest.approx(7.3))
    assert east["cv"] == pytest.approx(np.sqrt((400 * 0.2**2 + 100 * 0.8**2) / 500) / 7.3)
    assert (east["threshold"], east["verdict"]) == (0.50, "met")
    assert found["primary", "county", "东", "all"]["verdict"] == "met"
    west = found["primary", "county", "西", "all"]
    assert (west["n_schools"], west["value"], west["verdict"]) == (2, 0, "missed")
    assert found["primary", "exam", "", "floor_area"]["n_schools"] == 4
    assert found["junior", "exam", "", "floor_area"]["cv"] == 0


def test_the_composite_cv_of_2012(tmp_path: Path) -> None:
    header = "school,stage,floor_area,books"
    found = indicators(tmp_path, "甲小,primary,2,10", "乙小,primary,6,30", standard="basic-2012", header=header)
    one = found["primary", "exam", "", "floor_area"]
    assert (one["cv"], one["verdict"], one["pupils"]) == (pytest.approx(0.5), "", None)
    county = found["primary", "county", "东", "floor_area"]
    assert (county["n_schools"], county["cv"]) == (1, 0)  # the roster knows the county of one of them
    # six of the eight indicators are not in the file: there is no composite of all
    assert found["primary", "exam", "", "all"]["cv"] is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("甲小,大学,东,400,4.2,1,0.9,4.5,7.5,2000,2.3", "unknown stage '大学'"),
        ("甲小,小学,东,四百,4.2,1,0.9,4.5,7.5,2000,2.3", "expected a number"),
        ("甲小,小学,东,400,-1,1,0.9,4.5,7.5,2000,2.3", "expected a number from 0"),
        (",小学,东,400,4.2,1,0.9,4.5,7.5,2000,2.3", "the cell is empty"),
    ],
)
def test_mistakes_in_the_file_are_told_by_row_and_column(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as error:
        indicators(tmp_path, line)
    assert error.value.row == 2
    assert error.value.mend


def test_missing_amounts_and_standards(tmp_path: Path) -> None:
    found = indicators(tmp_path, "甲小,小学,东,400,4.2,1,,4.5,7.5,2000,2.3")
    assert found["primary", "school", "甲小", "pe_arts_teachers"]["verdict"] == "missed"
    assert found["primary", "county", "东", "pe_arts_teachers"]["cv"] is None
    with pytest.raises(InputError, match="no column of quality-2017"):
        indicators(tmp_path, "甲小,小学", header="school,stage")
    with pytest.raises(InputError, match="basic-2012, quality-2017"):
        load_standard("quality-2030")
    assert standard_names() == ["basic-2012", "quality-2017"]
    (tmp_path / "own.toml").write_text('name = "own"\n', encoding="utf-8")
    with pytest.raises(InputError, match="no standard"):
        load_standard("own.toml", tmp_path)
