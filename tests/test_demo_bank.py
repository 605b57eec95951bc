"""The demo's bank: right answers, real variants, nothing twice."""

from collections import Counter
from itertools import permutations

import pytest

import demo
from demo.maths import MATHS
from engine.bank import families, load_bank, near_duplicates, questions_of
from engine.bank.check import check
from engine.exam import Exam, load_exam


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Exam:
    folder = tmp_path_factory.mktemp("demo") / "exam"
    demo.write_exam(folder, pupils=2)
    return load_exam(folder)


def test_options_differ_whatever_the_numbers() -> None:
    for point, patterns in MATHS.items():
        for _, pattern in patterns:
            for a, b in permutations(range(2, 10), 2):
                made = pattern(a, b)
                assert len({made.answer, *made.wrong}) == 1 + len(made.wrong), (point, made)


def test_the_bank_is_whole_and_only_some_of_it_is_not_taught_yet(exam: Exam) -> None:
    questions, bad = questions_of(load_bank(exam.folder / "bank.csv"))
    assert bad == []
    kinds = Counter(check(questions, exam.subjects, exam.date)["kind"].to_pylist())
    assert kinds.keys() == {"variant", "not taught"}
    assert kinds["not taught"] == 8  # 导数 and 倒装句


def test_patterns_are_families(exam: Exam) -> None:
    bank = load_bank(exam.folder / "bank.csv")
    family = dict(zip(bank["question"].to_pylist(), families(bank).to_pylist(), strict=True))
    assert set(near_duplicates(bank)["kind"].to_pylist()) == {"variant"}
    for name, number in family.items():
        if name.startswith("M"):
            assert number == family[f"{name[:-1]}a"], name
    assert len(set(family.values())) >= 0.95 * len({name.rstrip("abc") for name in family})


def test_items_from_the_bank_have_its_key_and_point(exam: Exam) -> None:
    bank = {row["question"]: row for row in load_bank(exam.folder / "bank.csv").to_pylist()}
    used = [(item, bank[item.question]) for one in exam.subjects for item in one.items if item.question]
    assert len(used) > 30
    for item, question in used:
        assert item.key == question["key"]
        assert [name for name, _ in item.knowledge] == question["knowledge"]
    assert any(item.misconceptions for item, _ in used)
