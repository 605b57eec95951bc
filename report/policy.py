"""What a pupil's report may show: the one switch between the compulsory stages and senior high school.

In compulsory education results go to the family as grades, without points and without comparison with others
(关于加强义务教育学校考试管理的通知, 2021). No stage ever shows a rank. The rules are those of engine/policy.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.exam import Exam, Lines
from engine.policy import policy_of

Grade = Literal["excellent", "good", "passing", "improve"]  # 优秀, 良好, 合格, 待提高


@dataclass(frozen=True)
class PupilPolicy:
    """What a pupil's page tells."""

    points: bool  # totals, points of items and their error; else the grade only


def pupil_policy(exam: Exam) -> PupilPolicy:
    """The policy of the exam's stage."""
    return PupilPolicy(points=policy_of(exam).scores)


def grade(rate: float, lines: Lines) -> Grade:
    """The grade of a total that is `rate` of the full mark; a line belongs to the better grade."""
    rate = round(rate, 9)  # 0.6 of 100 points is 60 points, also in binary
    if rate >= lines.excellent:
        return "excellent"
    if rate >= lines.good:
        return "good"
    return "passing" if rate >= lines.passing else "improve"
