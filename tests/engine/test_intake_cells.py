"""engine.intake.cells: names, identifiers and scores as cells have them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.cells import check_digit, identifier, name_problem, person_name, pupil_code_problem, score_of


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("王 芳", "王芳"),
        ("王\u3000芳", "王芳"),
        (" 王  小 芳 ", "王小芳"),
        ("买买提•阿不都", "买买提·阿不都"),
        ("买买提．阿不都", "买买提·阿不都"),
        ("买买提 · 阿不都", "买买提·阿不都"),
        ("阿卜杜.外力", "阿卜杜·外力"),
        ("李㛃", "李㛃"),
        ("刘𫍯", "刘𫍯"),
        ("Anna  Maria", "Anna Maria"),
        ("J. Smith", "J. Smith"),
    ],
)
def test_names(written: str, name: str) -> None:
    assert person_name(written) == name
    assert person_name(name) == name


def test_names_that_lost_a_character() -> None:
    assert "丢失" in name_problem("王?")
    assert "自造字" in name_problem("王\ue123")
    assert name_problem("12") and not name_problem("王芳") and not name_problem("买买提·阿不都")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("２６０１０１", "260101"),
        ("'0012", "0012"),
        (" 26 01 ", "2601"),
        ("g53042220130101001x", "G53042220130101001X"),
        ("7.0", "7"),
    ],
)
def test_identifiers(written: str, plain: str) -> None:
    assert identifier(written) == plain


@given(st.integers(10**16, 10**17 - 1))
def test_the_check_digit_is_that_of_iso_7064(body: int) -> None:
    """Σ aᵢ·2^(17−i) + check ≡ 1 (mod 11), the definition of MOD 11-2; X is 10."""
    digits = str(body)
    check = check_digit(digits)
    total = sum(int(digit) * 2 ** (17 - i) for i, digit in enumerate(digits)) + (10 if check == "X" else int(check))
    assert total % 11 == 1


def test_pupil_codes() -> None:
    body = "53042220130315123"
    good = body + check_digit(body)
    bad = body + ("1" if good[-1] != "1" else "2")
    assert pupil_code_problem("G" + good) == pupil_code_problem(good) == pupil_code_problem("26010101") == ""
    assert "校验码" in pupil_code_problem("G" + bad) and "校验码" in pupil_code_problem("J" + bad)
    assert pupil_code_problem("L" + bad) == ""  # its last place is drawn
    assert "19 位" in pupil_code_problem("G" + good[:-1])
    assert "不是日期" in pupil_code_problem("G53042220131315123" + "1")


@pytest.mark.parametrize(
    ("cell", "value"),
    [("88", 88), ("８８．５", Fraction(177, 2)), ("89分", 89), (" 90 ", 90), ("0", 0), ("'77", 77)],
)
def test_scores(cell: str, value: Fraction) -> None:
    assert score_of(cell) == (Fraction(value), "")


@pytest.mark.parametrize(
    ("cell", "standing"),
    [
        ("缺考", "absent"), ("缺", "absent"), ("-1", "absent"), ("旷考", "absent"), ("（缺考）", "absent"),
        ("缺 考", "absent"),
        ("违纪", "violation"), ("作弊", "violation"), ("缓考", "deferred"), ("免考", "exempt"),
        ("", "blank"), ("/", "blank"), ("—", "blank"),
        ("95+5", "?"), ("1/2", "?"), ("-5", "?"), ("8O", "?"), ("=SUM(A1:A3)", "?"), ("#N/A", "?"),
        ("1,05", "?"), ("2026-01-05", "?"),
    ],
)  # fmt: skip
def test_cells_without_a_score_are_told_apart(cell: str, standing: str) -> None:
    assert score_of(cell) == (None, standing)
