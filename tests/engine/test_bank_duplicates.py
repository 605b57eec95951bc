"""Near-duplicates of a bank: what is told as one, and that every pair is found."""

import re
import time

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from engine.bank import families, near_duplicates

SIMILAR = 0.8


def bank(stems: dict[str, str], options: dict[str, str] | None = None) -> pa.Table:
    told = options or {}
    return pa.table(
        {"question": [*stems], "stem": [*stems.values()], "options": [told.get(name, "") for name in stems]},
        schema=pa.schema([("question", pa.string()), ("stem", pa.string()), ("options", pa.string())]),
    )


def found(questions: pa.Table) -> dict[str, tuple[str, str]]:
    return {row["question"]: (row["of"], row["kind"]) for row in near_duplicates(questions).to_pylist()}


STEMS = {
    "1": "已知等差数列的首项为 3，公差为 2，求它的前 10 项和。",
    "2": "已知等差数列的首项为3,公差为2,求它的前10项和",  # other signs and spaces
    "3": "已知等差数列的首项为 7，公差为 4，求它的前 20 项和。",
    "4": "已知等比数列的首项为 3，公比为 2，求它的通项公式。",
    "5": "已知等差数列的首项为 ３，公差为 ２，求它的前 １０ 项的和。",  # full width, and a word more
    "6": "球的半径为 3，求它的体积。",
}


def test_duplicates_are_told_apart_from_variants() -> None:
    assert found(bank(STEMS)) == {"2": ("1", "duplicate"), "3": ("1", "variant"), "5": ("1", "duplicate")}


def test_families_follow_the_bank_and_not_its_order() -> None:
    assert families(bank(STEMS)).to_pylist() == [0, 0, 0, 1, 0, 2]
    shuffled = dict(reversed(STEMS.items()))
    assert families(bank(shuffled)).to_pylist() == [2, 0, 1, 0, 0, 0]
    assert near_duplicates(bank(shuffled)) == near_duplicates(bank(STEMS))


def test_options_and_exponents_count() -> None:
    stems = {"1": "下列说法正确的是", "2": "下列说法正确的是", "3": "解方程 x²=4", "4": "解方程 x³=4"}
    options = {"1": "A. 平行线永不相交\nB. 三角形内角和为一百度", "2": "A. 圆有无数条对称轴\nB. 菱形的对角线相等"}
    assert found(bank(stems, options)) == {}


def test_questions_on_one_passage_are_not_near_duplicates() -> None:
    passage = (
        "When the river rose, the farmers moved the cows uphill and left the boats untied until the next morning. "
    )
    stems = {"1": f"{passage}Where were the cows moved?", "2": f"{passage}What was found in the boats?"}
    options = {"1": "A. Uphill B. Away", "2": "A. Apples B. Water"}
    assert found(bank({**stems, "3": stems["1"]}, {**options, "3": options["1"]})) == {"3": ("1", "duplicate")}


def test_options_may_stand_in_any_order() -> None:
    stems = dict.fromkeys("123", "函数 y=sin2x 的周期是")
    options = {"1": "A. π B. 2π C. 4π D. π/2", "2": "A. 2π\nB. π\nC. π/2\nD. 4π", "3": "A. π B. 2π C. 5π D. π/2"}
    assert found(bank(stems, options)) == {"2": ("1", "duplicate"), "3": ("1", "variant")}


def test_formulas_count_by_their_characters() -> None:
    stems = {"1": "求 <math><mi>x</mi><mo>+</mo><mn>3</mn></math> 的最小值", "2": "求 x+5 的最小值"}
    assert found(bank(stems)) == {"2": ("1", "variant")}


def test_a_bank_without_questions_has_no_families() -> None:
    assert families(bank({})).to_pylist() == []
    assert near_duplicates(bank({})).num_rows == 0


def shingles(stem: str) -> set[str]:
    text = re.sub(r"\d+", "#", stem)
    return {text[i : i + 3] for i in range(max(1, len(text) - 2))}


def plainly(stems: list[str]) -> tuple[set[tuple[int, int]], list[set[int]]]:
    """All pairs of near-duplicates, and what they join, the obvious way."""
    cut = list(map(shingles, stems))
    n = len(stems)
    near = {(i, j) for i in range(n) for j in range(i) if len(cut[i] & cut[j]) >= SIMILAR * len(cut[i] | cut[j])}
    joined = [{i} for i in range(n)]
    for i, j in near:
        whole = joined[i] | joined[j]
        for one in whole:
            joined[one] = whole
    return near, joined


@given(st.lists(st.text("ab甲1", min_size=1, max_size=12), max_size=12))
def test_every_pair_is_found_and_no_other(stems: list[str]) -> None:
    questions = bank({f"{i:02}": stem for i, stem in enumerate(stems)})
    near, joined = plainly(stems)
    family = families(questions).to_pylist()
    assert [{j for j in range(len(stems)) if family[j] == family[i]} for i in range(len(stems))] == joined
    rows = near_duplicates(questions).to_pylist()
    assert {int(row["question"]) for row in rows} == {i for i, _ in near}
    for row in rows:
        i, j = int(row["question"]), int(row["of"])
        assert (i, j) in near
        same = {k for k in range(i) if (i, k) in near and re.findall(r"\d+", stems[i]) == re.findall(r"\d+", stems[k])}
        assert (row["kind"] == "duplicate") == bool(same)
        assert not same or j in same


def test_ten_thousand_questions_take_seconds() -> None:
    """A third of them from a few patterns, as banks are; nine seconds would be a loop over pairs."""
    rng = np.random.default_rng(1)
    letters = np.array([chr(0x4E00 + i) for i in range(500)])
    own = ["".join(row) for row in letters[rng.integers(500, size=(7040, 40))]]
    patterned = [f"已知{own[7000 + i % 40]}的首项为 {i}，求和。" for i in range(3000)]
    questions = bank({f"{i:05}": stem for i, stem in enumerate([*own[:7000], *patterned])})
    start = time.process_time()
    assert len(set(families(questions).to_pylist())) == 7040
    assert time.process_time() - start < 9
