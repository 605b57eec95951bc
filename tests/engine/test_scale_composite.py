"""The composite: sums, absences, and steps that differ."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_totals import cohort, totals

from engine.exam import TotalRule
from engine.scale import Totals, composite

EXCLUDE, ZERO, PRO_RATA = (TotalRule(absent=kind) for kind in ("exclude", "zero", "pro_rata"))


def told(total: Totals) -> list[tuple[str, float | None]]:
    """Status and points of each pupil."""
    points = total.points(total.total)
    return [
        (str(status), float(value) if there else None)
        for status, value, there in zip(total.status, points, total.scored, strict=True)
    ]


def test_sums_are_exact_whatever_the_steps() -> None:
    of = cohort(2)
    parts = [
        totals(["10.5", "0.5"], step=Fraction(1, 2), full=20, of=of),
        totals(["1/3", "2/3"], step=Fraction(1, 3), full=1, of=of),
        totals([2, 0], of=of),
    ]
    total = composite(parts, EXCLUDE)
    assert (total.step, total.full_mark, total.code) == (Fraction(1, 6), 121, "total")
    assert [int(value) * total.step for value in total.total] == [Fraction(77, 6), Fraction(7, 6)]


def test_absence_by_policy() -> None:
    """Full marks 100, 100 and 50. The first pupil sits all, the second misses the third subject, the third two, …"""
    of = cohort(4)
    parts = [
        totals([80, 70, 41, None], of=of),
        totals([60, 65, None, None], of=of),
        totals([30, None, None, None], full=50, of=of),
    ]
    assert told(composite(parts, EXCLUDE)) == [("read", 170), *[("absent", None)] * 3]
    assert told(composite(parts, ZERO)) == [("read", 170), ("read", 135), ("read", 41), ("absent", None)]
    # 135 of 200 is 168.75 of 250, rounded half up 169; the third sat only 100 of 250.
    assert told(composite(parts, PRO_RATA)) == [("read", 170), ("read", 169), ("absent", None), ("absent", None)]
    less = TotalRule(absent="pro_rata", least=0.4)
    assert told(composite(parts, less))[2] == ("read", 103)  # 41·250/100 = 102.5


def test_what_is_not_known_is_no_absence() -> None:
    """missing: no sheet, though nobody said absent; incomplete: points to come; violation: out of statistics."""
    of = cohort(4)
    status = ["missing", "incomplete", "violation", "incomplete"]
    first = totals([None, None, 40, None], status=status, of=of)
    second = totals([50, 50, 50, None], status=["read", "read", "read", "missing"], of=of)
    for rule in (EXCLUDE, ZERO, PRO_RATA):
        total = composite([first, second], rule)
        assert told(total) == [("missing", None), ("incomplete", None), ("violation", 90), ("incomplete", None)]
        assert not total.counted.any()


def test_pupils_of_chosen_subjects() -> None:
    """Who is not entered for a subject is not absent from it."""
    of = cohort(3)
    physics = totals([70, None, None], status=["read", "", ""], of=of)
    history = totals([None, 60, None], status=["", "read", ""], of=of)
    maths = totals([90, 80, None], full=150, status=["read", "read", ""], of=of)
    total = composite([physics, history, maths], EXCLUDE)
    assert told(total) == [("read", 160), ("read", 140), ("", None)]
    assert total.full.tolist() == [250, 250, 0] and total.entered.tolist() == [True, True, False]


def test_a_withdrawn_subject_counts_nothing() -> None:
    of = cohort(1)
    withdrawn = totals([None], full=0, status=["read"], of=of)
    total = composite([withdrawn, totals([70], of=of)], EXCLUDE)
    assert told(total) == [("read", 70)] and total.full_mark == 100
    assert told(composite([withdrawn, withdrawn], EXCLUDE)) == [("read", None)]


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([EXCLUDE, ZERO, PRO_RATA]))
def test_the_composite_is_what_one_would_explain(data: st.DataObject, rule: TotalRule) -> None:
    n, fulls = data.draw(st.integers(1, 6)), [100, 50, 30]
    of = cohort(n)
    columns = [data.draw(st.lists(st.none() | st.integers(0, full), min_size=n, max_size=n)) for full in fulls]
    total = composite([totals(c, full=full, of=of) for c, full in zip(columns, fulls, strict=True)], rule)
    for i, (status, points) in enumerate(told(total)):
        own = [(column[i], full) for column, full in zip(columns, fulls, strict=True) if column[i] is not None]
        gained, sat = sum(value for value, _ in own), sum(full for _, full in own)
        if sat == 180 or (rule is ZERO and own):
            assert (status, points) == ("read", gained)
        elif rule is PRO_RATA and own and sat >= 90:
            assert status == "read" and abs(points - gained * 180 / sat) <= 0.5
            assert points <= total.full_mark
        else:
            assert (status, points) == ("absent", None)


def test_no_result_depends_on_the_order_of_subjects() -> None:
    of = cohort(30)
    rng = np.random.default_rng(1)
    parts = [totals(rng.integers(0, 100, 30).tolist(), of=of), totals(rng.integers(0, 50, 30).tolist(), full=50, of=of)]
    one, other = composite(parts, EXCLUDE), composite(parts[::-1], EXCLUDE)
    assert one.total.tolist() == other.total.tolist() == (parts[0].total + parts[1].total).tolist()
    assert pytest.approx(150) == float(one.full_mark)
