"""The exam folder: exam.toml, blueprints and roster, read once and validated once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Item(_Model):
    """A row of the blueprint (双向细目表)."""

    item: str  # 题号, unique within the subject
    type: Literal["single", "multiple", "number", "constructed"]
    max: Decimal  # full mark, a multiple of the subject's step
    key: str = ""  # "B"; "ABD"; "B|C": several accepted keys; "" for constructed responses
    rule: str = ""  # marking rule, see engine/scoring.py; "" means the type's usual rule
    options: str = ""  # "ABCD"
    knowledge: tuple[tuple[str, float], ...] = ()  # (knowledge point, weight); weights add up to 1
    ability: str = ""
    section: str = ""
    group: str = ""  # choose-k-of-n group (选做题), "" for items everybody answers
    expected: float | None = None  # expected difficulty (得分率), 0…1


class Choose(_Model):
    """How a choose-k-of-n group is settled (domain.md §2.5)."""

    k: int = 1
    policy: Literal["strict_void", "first_by_position", "highest", "ask"] = "strict_void"


class Subject(_Model):
    """A subject (科目) of the exam."""

    code: str  # the folder's name
    name: str  # 数学
    folder: Path
    step: Decimal = Decimal(1)  # the smallest step of points
    items: tuple[Item, ...]
    choose: dict[str, Choose] = {}  # by Item.group
    forms: dict[str, tuple[tuple[str, str], ...]] = {}  # form → per printed item, in order: (item, options as printed)
    floor: Literal["none", "section", "total"] = "none"  # where negative marking stops at 0
    candidate_field: str = "candidate"  # the layout's field with the candidate number

    @property
    def max(self) -> Decimal:
        """Full mark of the paper; of a choose-k-of-n group only k items count."""
        total = sum((item.max for item in self.items if not item.group), Decimal(0))
        for group, rule in self.choose.items():
            points = sorted((item.max for item in self.items if item.group == group), reverse=True)
            total += sum(points[: rule.k], Decimal(0))
        return total


class Lines(_Model):
    """Cut-offs of the rates, as shares of the full mark, inclusive at the lower end (domain.md §4.1)."""

    excellent: float = 0.85
    good: float = 0.75
    passing: float = 0.60
    low: float = 0.40  # low: below it


class DiagnosisRule(_Model):
    """When a knowledge point counts as weak (see engine/diagnosis.py)."""

    confidence: float = 0.90
    min_gap: float = 0.08  # below the reference by at least this rate
    min_items: int = 3
    min_points: float = 4.0
    max_groups: int = 4  # teaching groups a class
    min_group: int = 4  # pupils a group


class RecommendRule(_Model):
    """What to practise next (see engine/recommend.py)."""

    per_pupil: int = 6
    target_low: float = 0.5  # the zone of expected success
    target_high: float = 0.85
    per_knowledge: int = 2  # at most so many questions on one knowledge point


class Exam(_Model):
    """An exam folder, validated."""

    folder: Path
    id: str
    title: str
    date: datetime.date
    stage: Literal["primary", "junior", "senior"] = "junior"
    subjects: tuple[Subject, ...]
    lines: Lines = Lines()
    diagnosis: DiagnosisRule = DiagnosisRule()
    recommend: RecommendRule = RecommendRule()
    roster: pa.Table  # all text: student_id, name, class, school, county, candidate_no, + any further columns

    @property
    def tables(self) -> Path:
        """Where the stages keep their tables."""
        return self.folder / "out" / "tables"

    @property
    def reports(self) -> Path:
        return self.folder / "out" / "reports"
