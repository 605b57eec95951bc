"""The composite of several subjects (总分)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from engine.exam import TOTAL
from engine.scale.totals import Totals

if TYPE_CHECKING:
    from engine.exam import TotalRule


def composite(subjects: Sequence[Totals], rule: TotalRule) -> Totals:
    """The sum of the subjects that a pupil is entered for.

    A pupil has a total when every subject has a score. Of the others, in this order:

    - a subject "incomplete" (something is not known yet): no total, status incomplete;
    - a sheet "missing", which is not the same as absent: no total, status missing, whatever the policy;
    - absent from all subjects: status absent;
    - absent from some, by `rule.absent`: "exclude": no total, status absent; "zero": they count 0; "pro_rata": the
      sum is raised by full mark of all / full mark of those sat, rounded half up to a step, if at least the share
      `rule.least` of the full mark was sat, else as under "exclude".

    A violation in one subject makes the status of the total violation: it has a score and counts in no statistic.
    A subject all of whose items are withdrawn counts 0 of 0.

    Args:
        subjects: at least one, of the same cohort; those to count.
    """
    step = _common_step([one.step for one in subjects])
    scale = [int(one.step / step) for one in subjects]
    entered = np.stack([one.entered for one in subjects])
    status = np.stack([one.status for one in subjects])
    sat = np.stack([one.scored for one in subjects])
    points = sum(one.total * factor for one, factor in zip(subjects, scale, strict=True))
    full = np.stack([one.full * factor for one, factor in zip(subjects, scale, strict=True)])
    whole, full_sat = (full * entered).sum(axis=0), (full * sat).sum(axis=0)

    absent = status == "absent"
    out = absent.any(axis=0)
    if rule.absent == "zero":
        out = absent.any(axis=0) & ~sat.any(axis=0)
    elif rule.absent == "pro_rata":
        least = Fraction(str(rule.least))
        out &= ~sat.any(axis=0) | (full_sat * least.denominator < whole * least.numerator)
        raised = absent.any(axis=0) & ~out
        points = np.where(raised, (2 * points * whole + full_sat) // np.maximum(2 * full_sat, 1), points)
    of_all = np.select(
        [
            ~entered.any(axis=0),
            (status == "incomplete").any(axis=0),
            (status == "missing").any(axis=0),
            out,
            (status == "violation").any(axis=0),
        ],
        ["", "incomplete", "missing", "absent", "violation"],
        "read",
    )
    scored = np.isin(of_all, ["read", "violation"]) & sat.any(axis=0)
    return Totals(TOTAL, subjects[0].cohort, step, of_all, np.where(scored, points, 0), whole, scored)


def _common_step(steps: Sequence[Fraction]) -> Fraction:
    """The largest step of which all steps are multiples."""
    return Fraction(math.gcd(*(one.numerator for one in steps)), math.lcm(*(one.denominator for one in steps)))
