"""Presets and their strengths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.errors import UsageError
from omr.damage import LIMITS, PRESETS, SCALED, SHARES, Damage, graded, named

strengths = st.floats(0, 4)
presets = st.sampled_from(sorted(PRESETS))


@given(presets)
def test_strength_one_is_the_preset(preset: str) -> None:
    assert graded(preset).model_dump() == PRESETS[preset].model_dump()


@given(presets, strengths, strengths)
def test_stronger_is_worse_in_every_way(preset: str, one: float, other: float) -> None:
    milder, worse = (graded(preset, strength) for strength in sorted((one, other)))
    assert all(getattr(milder, name) <= getattr(worse, name) for name in SCALED)
    assert milder.blur <= worse.blur
    assert all(getattr(worse, name) <= 1 for name in SHARES)
    assert all(getattr(worse, name) <= most for name, most in LIMITS.items())


def test_half_and_double() -> None:
    scanner = PRESETS["scanner"]
    assert graded("scanner", 2).rotation == 2 * scanner.rotation
    assert graded("scanner", 0.5).drift == 0.5 * scanner.drift
    assert graded("scanner", 0).model_dump(include=set(SCALED)) == dict.fromkeys(SCALED, 0)
    assert graded("scanner", 2).paper == scanner.paper  # paper gets no whiter


def test_files_are_told_by_their_names() -> None:
    assert {name: damage.suffix for name, damage in PRESETS.items() if damage.suffix != ".jpg"} == {
        "bilevel-fax": ".tif"
    }


def test_unknown_presets_and_measures_are_refused() -> None:
    with pytest.raises(UsageError, match="no preset 'fax'") as raised:
        graded("fax")
    assert all(name in raised.value.mend for name in PRESETS)
    with pytest.raises(ValidationError, match="rotated"):
        Damage(rotated=1)  # type: ignore[call-arg]


@given(presets, st.sampled_from((0, 0.5, 2)))
def test_names_carry_strengths(preset: str, strength: float) -> None:
    assert named(preset) == graded(preset)
    assert named(f"{preset}*{strength}") == graded(preset, strength)


@pytest.mark.parametrize("name", ["scanner*", "scanner*twice", "scanner*-1", "scanner*11", "scanner*nan", "*2", "x*2"])
def test_names_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"no (strength|preset)"):
        named(name)
