"""The benchmark of recommendation keeps every constraint that it claims (it checks its own lists)."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import recommend


def test_it_runs_small_and_compares_like_with_like() -> None:
    result = recommend.run(0.0002)
    assert result["what"].startswith("top 10 of 10,000 questions for 200 pupils")
    assert all(row["seconds"] > 0 for row in result["rows"])
    assert result["rows"][0]["× ours"] == 1 and len(result["rows"]) == 3


def test_what_numpy_finds_are_the_greatest_products() -> None:
    rng = np.random.default_rng(1)
    items, users = rng.normal(size=(300, 5)), rng.normal(size=(40, 5))
    expected = np.argsort(-(users @ items.T), axis=1)[:, : recommend.LENGTH]
    assert (recommend._numpy(items, users) == expected).all()


@pytest.mark.parametrize("broken", ["family", "class", "short"])
def test_the_check_finds_what_is_broken(broken: str) -> None:
    rng = np.random.default_rng(2)
    questions = recommend._questions(rng)
    n = recommend.CLASS
    one_of_each = np.unique(questions.family, return_index=True)[1][: n * recommend.LENGTH].astype(np.int32)
    question = one_of_each.reshape(n, recommend.LENGTH).copy()
    if broken == "family":
        question[0, 1] = question[0, 0]
    elif broken == "class":
        question[:] = question[0]
    else:
        question[0, -1] = -1
    nothing = np.zeros(question.shape)
    had = recommend.csr_array(
        (np.ones(n, np.int8), np.full(n, 9_999), np.arange(n + 1)), shape=(n, recommend.QUESTIONS)
    )
    with pytest.raises(AssertionError):
        recommend._check(recommend.Lists(question, question, nothing), questions, had, np.zeros(n, int))
