"""等级赋分: worked by hand, every ruling's traps, and what holds for every scheme and any scores."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.scale import Scheme, convert, load_scheme, scheme_names
from engine.scale.schemes import cut_counts

SCHEMES = {name: load_scheme(name) for name in scheme_names()}


def score_of(scheme: Scheme, raw: list[int], base: list[bool] | None = None) -> list[int]:
    array = np.array(raw, dtype=np.int64)
    return convert(array, np.array(base) if base else np.ones(len(raw), bool), scheme).score.tolist()


def test_the_schemes_that_are_known() -> None:
    shares = {name: [int(one.share) for one in scheme.grades] for name, scheme in SCHEMES.items()}
    intervals = {name: [(one.high, one.low) for one in scheme.grades] for name, scheme in SCHEMES.items()}
    assert shares["3+1+2-2021"] == [15, 35, 35, 13, 2]
    assert intervals["3+1+2-2021"] == [(100, 86), (85, 71), (70, 56), (55, 41), (40, 30)]
    assert shares["guangdong-2021"] == [17, 33, 33, 15, 2]
    assert intervals["guangdong-2021"] == [(100, 83), (82, 71), (70, 59), (58, 41), (40, 30)]
    zhejiang = [1, 2, 3, 4, 5, 6, 7, 8, 7, 7, 7, 7, 7, 7, 6, 5, 4, 3, 2]
    assert shares["zhejiang-2014"] == [*zhejiang, 1, 1]
    assert intervals["zhejiang-2014"] == [(score, score) for score in range(100, 39, -3)]
    assert shares["zhejiang-20"] == [*zhejiang, 2]
    assert intervals["zhejiang-20"] == [(100, 97), *((top, top - 2) for top in range(96, 41, -3))]
    beijing = SCHEMES["beijing-2020"].grades
    by_letter = [[int(one.share) for one in beijing if one.grade[0] == letter] for letter in "ABCDE"]
    assert by_letter == [[1, 2, 3, 4, 5], [7, 8, 9, 8, 8], [7, 6, 6, 6, 5], [4, 4, 3, 2, 1], [1]]
    assert intervals["beijing-2020"] == intervals["zhejiang-2014"]
    assert [one.grade for one in SCHEMES["shandong-2020"].grades] == ["A", "B+", "B", "C+", "C", "D+", "D", "E"]
    assert shares["shandong-2020"] == [3, 7, 16, 24, 24, 16, 7, 3]
    assert intervals["shandong-2020"] == [(top, top - 9) for top in range(100, 29, -10)]
    assert shares["shanghai-2014"] == [5, *[10] * 9, 5]
    assert intervals["shanghai-2014"] == [(score, score) for score in range(70, 39, -3)]
    assert len(SCHEMES) == 7 and all(scheme.name == name and scheme.basis for name, scheme in SCHEMES.items())


def test_three_one_two_by_hand() -> None:
    """A hundred pupils without ties: grades of 15, 35, 35, 13 and 2; raw 1…100.

    A has the raw scores 86…100: raw 93 becomes 86 + 14·7/14 = 93. B has 51…85: raw 60 becomes 71 + 14·9/34 = 74.7 → 75.
    D has 3…15: raw 9 becomes 41 + 14·6/12 = 48. E has 1 and 2, which become 30 and 40.
    """
    made = dict(zip(range(1, 101), score_of(SCHEMES["3+1+2-2021"], list(range(1, 101))), strict=True))
    assert [made[raw] for raw in (100, 93, 86)] == [100, 93, 86]
    assert [made[raw] for raw in (85, 60, 51)] == [85, 75, 71]
    assert [made[raw] for raw in (50, 16)] == [70, 56]
    assert [made[raw] for raw in (15, 9, 3)] == [55, 48, 41]
    assert [made[raw] for raw in (2, 1)] == [40, 30]


def test_half_a_point_rounds_up() -> None:
    """Raw 20…48 in A, of full step 1: the middle 34 becomes 86 + 14·14/28 = 93, raw 35 is 93.5 → 94."""
    raw = [*range(20, 49), *[10] * 164]
    made = dict(zip(raw, score_of(SCHEMES["3+1+2-2021"], raw), strict=True))
    assert (made[34], made[35], made[36]) == (93, 94, 94)


def test_ties_at_a_boundary_go_to_the_nearest_share() -> None:
    """Of 100 pupils 13 have 90, then 5 have 80: 13 % is nearer to 15 % than 18 %; with 12 and 5, 17 % is nearer."""
    shares = [Fraction(15, 100), Fraction(1)]
    assert cut_counts(np.array([13, 18, 100]), shares).tolist() == [1, 3]
    assert cut_counts(np.array([12, 17, 100]), shares).tolist() == [2, 3]
    assert cut_counts(np.array([13, 17, 100]), shares).tolist() == [2, 3]  # equally near: in favour of the pupils
    assert cut_counts(np.array([13, 18, 100]), shares, "at_least").tolist() == [2, 3]
    assert cut_counts(np.array([12, 17, 100]), shares, "at_most").tolist() == [1, 3]
    assert cut_counts(np.array([15, 17, 100]), shares, "at_most").tolist() == [1, 3]
    assert cut_counts(np.array([80, 100]), shares).tolist() == [0, 2]  # nobody is nearer than four fifths


@pytest.mark.parametrize(("single", "expected"), [("upper", 100), ("middle", 93), ("lower", 86)])
def test_a_grade_of_one_raw_score(single: str, expected: int) -> None:
    scheme = SCHEMES["3+1+2-2021"].model_copy(update={"single": single})
    assert set(score_of(scheme, [90] * 15 + list(range(1, 86)))[:15]) == {expected}


def test_the_lowest_grade_may_begin_at_zero() -> None:
    """Raw 40 and 50 are E: from the lowest obtained 30 and 40; from 0: 30 + 10·40/50 = 38 and 40."""
    raw = [40, 50, *range(51, 149)]
    scheme = SCHEMES["3+1+2-2021"]
    assert score_of(scheme, raw)[:2] == [30, 40]
    assert score_of(scheme.model_copy(update={"lowest": "zero"}), raw)[:2] == [38, 40]


def test_nothing_is_no_score_to_convert() -> None:
    scheme = SCHEMES["3+1+2-2021"]
    with_zeros = [0, 0, 0, *range(1, 101)]
    assert score_of(scheme, with_zeros) == [0, 0, 0, *score_of(scheme, list(range(1, 101)))]
    made = convert(np.array([0, -2]), np.ones(2, bool), scheme)
    assert made.score.tolist() == [0, 0] and made.grade.tolist() == [-1, -1]


def test_scores_outside_the_base_are_converted_with_the_like() -> None:
    scheme, raw = SCHEMES["3+1+2-2021"], [*range(1, 101), 93, 120, 60]
    made = score_of(scheme, raw, [True] * 100 + [False] * 3)
    assert made == [*score_of(scheme, list(range(1, 101))), 93, 100, 75]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("name", SCHEMES)
def test_very_few_pupils(name: str, n: int) -> None:
    made = score_of(SCHEMES[name], list(range(50, 50 + n)))
    assert made == sorted(made)
    assert all(any(one.low <= score <= one.high for one in SCHEMES[name].grades) for score in made)


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=40, deadline=None)
@given(raw=st.lists(st.integers(0, 300), min_size=1, max_size=120), data=st.data())
def test_every_scheme_is_monotone_and_keeps_its_intervals_and_shares(
    name: str, raw: list[int], data: st.DataObject
) -> None:
    scheme = SCHEMES[name]
    base = np.array(data.draw(st.lists(st.sampled_from([True] * 9 + [False]), min_size=len(raw), max_size=len(raw))))
    scores = np.array(raw, dtype=np.int64)
    made = convert(scores, base, scheme)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(made.score[order]) >= 0).all()  # monotone, and so equal scores stay equal
    graded = made.grade >= 0
    counted = base & (scores > 0)
    assert (graded == (scores > 0)).all() if counted.any() else not graded.any()
    low, high = (np.array([getattr(one, end) for one in scheme.grades]) for end in ("low", "high"))
    assert (made.score[graded] >= low[made.grade[graded]]).all()
    assert (made.score[graded] <= high[made.grade[graded]]).all()
    assert (made.score[~graded] == scheme.zero).all()
    # Of all ways to cut between different scores, the one taken is nearest to the ruled cumulative share.
    n = int(counted.sum())
    possible = {0, *(int((scores[counted] >= value).sum()) for value in scores[counted])}
    for place, share in enumerate(scheme.cumulative):
        reached = int((made.grade[counted] <= place).sum())
        if n:
            assert abs(reached - share * n) == min(abs(count - share * n) for count in possible)


@pytest.mark.parametrize("name", SCHEMES)
def test_shares_are_as_ruled_where_nobody_is_tied(name: str) -> None:
    made = convert(np.random.default_rng(3).permutation(2000) + 1, np.ones(2000, bool), SCHEMES[name])
    assert np.bincount(made.grade).tolist() == [int(one.share * 20) for one in SCHEMES[name].grades]


def test_the_ends_of_every_grade_are_reached() -> None:
    for scheme in SCHEMES.values():
        made = convert(np.arange(1, 2001), np.ones(2000, bool), scheme)
        for place, one in enumerate(scheme.grades):
            assert {int(made.score[made.grade == place].min()), int(made.score[made.grade == place].max())} == {
                one.low,
                one.high,
            }


def test_a_scheme_of_ones_own(tmp_path: Path) -> None:
    text = (
        'name = "own"\ntitle = "自定"\nversion = "1"\nbasis = "本校"\nfull = 100\n'
        'grades = [{ grade = "A", share = 12.5, low = 80, high = 100 }, '
        '{ grade = "B", share = 87.5, low = 60, high = 79 }]'
    )
    (tmp_path / "own.toml").write_text(text, "utf-8")
    scheme = load_scheme("own.toml", tmp_path)
    assert score_of(scheme, list(range(1, 9))) == [60, 63, 66, 70, 73, 76, 79, 90]
    for wrong, said in [
        (text.replace("87.5", "80"), "92.5 %"),
        (text.replace("high = 79", "high = 80"), "overlap"),
        (text.replace("low = 80, high = 100", "low = 100, high = 80"), "low above high"),
        (text.replace("share", "shares", 1), "shares"),
        ("= 1", "no scheme"),
    ]:
        (tmp_path / "own.toml").write_text(wrong, "utf-8")
        with pytest.raises(InputError, match=said):
            load_scheme("own.toml", tmp_path)
    with pytest.raises(InputError, match="no such file"):
        load_scheme("other.toml", tmp_path)
    with pytest.raises(InputError, match="no scheme 'jiangsu'") as caught:
        load_scheme("jiangsu")
    assert "3+1+2-2021" in caught.value.mend
