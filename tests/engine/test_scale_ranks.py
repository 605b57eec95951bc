"""Ranks, percentile ranks and standard scores: by hand, against SciPy, and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.scale.ranks import competition_rank, normal_score, percentile_rank, z_score

SCORES = st.lists(st.integers(-20, 60), min_size=1, max_size=40).map(lambda values: np.array(values))


def test_competition_ranks_with_ties() -> None:
    score = np.array([90, 100, 90, 80, 70, 70])
    assert competition_rank(score, np.zeros(6, int)).tolist() == [2, 1, 2, 4, 5, 5]
    assert competition_rank(score, np.array([0, 0, 1, 1, 0, 1])).tolist() == [2, 1, 1, 2, 3, 3]
    assert competition_rank(np.array([], int), np.array([], int)).tolist() == []


@given(SCORES, st.data())
def test_ranks_are_scipys_within_each_unit(score: np.ndarray, data: st.DataObject) -> None:
    unit = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(score), max_size=len(score))))
    rank = competition_rank(score, unit)
    for one in np.unique(unit):
        assert rank[unit == one].tolist() == stats.rankdata(-score[unit == one], "min").astype(int).tolist()


def test_percentile_ranks_by_convention() -> None:
    """Ten pupils; 7 is the score of the second and third from the bottom."""
    score = np.array([5, 7, 7, 8, 9, 10, 11, 12, 13, 14])
    at_seven = {name: percentile_rank(score, name)[1] for name in ("mid", "below", "at_or_below", "rank")}
    assert at_seven == pytest.approx({"mid": 20, "below": 10, "at_or_below": 30, "rank": 25})  # rank 8: 100 - 750/10
    assert percentile_rank(np.array([3])).tolist() == [50]
    assert percentile_rank(np.array([4, 4, 4]), "below").tolist() == [0, 0, 0]


@given(SCORES)
def test_percentile_ranks_are_scipys(score: np.ndarray) -> None:
    kinds = {"mid": "mean", "below": "strict", "at_or_below": "weak"}
    for ours, theirs in kinds.items():
        expected = stats.percentileofscore(score, score, kind=theirs)
        assert percentile_rank(score, ours) == pytest.approx(expected)
    rank = competition_rank(score, np.zeros(len(score), int))
    assert percentile_rank(score, "rank") == pytest.approx(100 - (100 * rank - 50) / len(score))
    if len(set(score.tolist())) == len(score):
        assert percentile_rank(score, "rank") == pytest.approx(percentile_rank(score, "mid"))


@given(SCORES)
def test_standard_scores(score: np.ndarray) -> None:
    z, normal = z_score(score), normal_score(score)
    assert np.isfinite(normal).all()
    if len(set(score.tolist())) == 1:
        assert np.isnan(z).all() and normal == pytest.approx(np.zeros(len(score)))
    else:
        assert z == pytest.approx(stats.zscore(score))
        assert (np.diff(normal[np.argsort(score, kind="stable")]) >= 0).all()
    order = np.argsort(score[::-1], kind="stable")
    assert z_score(score[::-1][order]).tolist() == pytest.approx(z[::-1][order].tolist(), nan_ok=True, abs=0)


def test_normal_scores_of_a_hundred_pupils() -> None:
    """The best of a hundred has the percentile 99.5, and Φ⁻¹(0.995) = 2.5758."""
    normal = normal_score(np.arange(100))
    assert normal[-1] == pytest.approx(2.5758293)
    assert normal + normal[::-1] == pytest.approx(np.zeros(100), abs=1e-12)
