"""Grade-conversion scores (等级赋分): raw scores of a subject become grades by share, and grades scaled scores.

A scheme is a data file, one for every province and year (engine/scale/schemes/*.toml), or a .toml file in the exam
folder. Grades go from the best; a grade takes the pupils up to its cumulative share, and pupils of one raw score are
never in two grades. Within a grade the scaled score is, rounded half up,

    T = T1 + (T2 - T1) (Y - Y1) / (Y2 - Y1)

with T1…T2 the grade's interval and Y1, Y2 the lowest and highest raw scores obtained in it (等比例转换法); a grade
whose interval is one number gives that number.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.errors import InputError
from engine.files import read_text

SCHEMES = files("engine.scale") / "schemes"
Boundary = Literal["nearest", "at_least", "at_most"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Grade(_Model):
    """A grade of a scheme."""

    grade: str
    share: Annotated[Fraction, Field(gt=0)]  # of the pupils, in percent
    low: int  # the interval of scaled scores, inclusive
    high: int


class Scheme(_Model):
    """A scheme of 等级赋分."""

    name: str
    title: str
    version: str  # year or number of the ruling it follows
    basis: str  # where the numbers are from, and how sure they are
    full: int  # the full mark that a scaled score counts in a total
    boundary: Boundary = "nearest"  # where equal scores stand at a boundary, see `cut_counts`
    single: Literal["upper", "middle", "lower"] = "middle"  # T where Y1 = Y2; the middle is rounded half up
    lowest: Literal["obtained", "zero"] = "obtained"  # Y1 of the last grade
    zero: int = 0  # a raw score of 0 or less is in no grade, does not belong to the base, and becomes this
    grades: tuple[Grade, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sum(one.share for one in self.grades) != 100:
            raise ValueError(f"shares add up to {float(sum(one.share for one in self.grades)):g} %, not to 100 %")
        if any(one.low > one.high for one in self.grades):
            raise ValueError("low above high")
        if any(better.low <= worse.high for better, worse in itertools.pairwise(self.grades)):
            raise ValueError("intervals overlap, or do not go from the best grade down")
        return self

    @cached_property
    def cumulative(self) -> list[Fraction]:
        """Cumulative shares of the grades, 0…1."""
        return [share / 100 for share in itertools.accumulate(one.share for one in self.grades)]


def scheme_names() -> list[str]:
    """The schemes that come with the program."""
    return sorted(path.name.removesuffix(".toml") for path in SCHEMES.iterdir() if path.name.endswith(".toml"))


def load_scheme(name: str, folder: Path | None = None) -> Scheme:
    """A scheme by name, or by the name of a .toml file in `folder`.

    Raises:
        InputError: there is none of this name, or the file is no scheme.
    """
    if name.endswith(".toml"):
        path = (folder or Path()) / name
        if not path.is_file():
            raise InputError("no such file", file=path, mend="write the scheme there, or name one: " + _known())
    elif name in scheme_names():
        path = Path(str(SCHEMES / f"{name}.toml"))
    else:
        raise InputError(
            f"no scheme {name!r} of 等级赋分",
            file=folder / "exam.toml" if folder else None,
            column="subjects.scheme",
            mend=f"name one of {_known()}; or a .toml file of your own",
        )
    try:
        return Scheme.model_validate(tomllib.loads(read_text(path), parse_float=Decimal))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InputError(
            f"no scheme: {error}", file=path, mend="take engine/scale/schemes/3+1+2-2021.toml as a pattern"
        ) from None


def _known() -> str:
    return ", ".join(scheme_names())


def cut_counts(cumulative: np.ndarray, shares: Sequence[Fraction], rule: Boundary = "nearest") -> np.ndarray:
    """How many scores, from the top, belong above each boundary.

    Args:
        cumulative: (k,) pupils with the score or more, for each different score from the highest.
        shares: cumulative shares of the boundaries, rising.
        rule: "nearest" takes the score whose cumulative share is nearest (按最接近的累计比例), of two equally near the
            lower score, in favour of the pupils; "at_least" the first that reaches the share; "at_most" the last
            that does not exceed it. None at all counts as a share of 0.

    Returns:
        (len(shares),) int64, 0…k, not falling.
    """
    reached = np.concatenate([[0], cumulative]).astype(np.int64)
    counts = []
    for share in shares:
        exact = reached * share.denominator
        target = int(reached[-1]) * share.numerator
        above = int(np.searchsorted(exact, target))  # the first that reaches the share
        if rule == "at_least" or exact[above] == target or not above:
            counts.append(above)
        elif rule == "at_most":
            counts.append(above - 1)
        else:
            counts.append(above if exact[above] - target <= target - exact[above - 1] else above - 1)
    return np.array(counts, dtype=np.int64)


@dataclass(frozen=True)
class Scaled:
    """Scaled scores of some pupils.

    Attributes:
        score: (n,) int64.
        grade: (n,) int64, the place of the grade in the scheme; -1: none (raw score of 0 or less).
    """

    score: np.ndarray
    grade: np.ndarray


def convert(raw: np.ndarray, base: np.ndarray, scheme: Scheme) -> Scaled:
    """Convert raw scores.

    Args:
        raw: (n,) int64, in steps.
        base: (n,) bool, the pupils whose scores make the grades. Others with a score (violation) get the grade that
            their score would have; a score outside of those obtained counts as the nearest of the grade.
    """
    score, grade = np.full(len(raw), scheme.zero, dtype=np.int64), np.full(len(raw), -1, dtype=np.int64)
    above_zero = raw > 0
    values, count = np.unique(raw[base & above_zero], return_counts=True)
    if not len(values):
        return Scaled(score, grade)
    values, count = values[::-1], count[::-1]
    cuts = cut_counts(np.cumsum(count), scheme.cumulative, scheme.boundary)
    lowest = np.where(cuts > 0, values[np.maximum(cuts, 1) - 1], np.iinfo(np.int64).max)  # raw score of each grade
    # The first grade whose lowest raw score is reached; an empty grade has that of the grade before it.
    place = np.searchsorted(-lowest, -raw[above_zero], side="left")
    grade[above_zero] = np.minimum(place, np.searchsorted(cuts, cuts[-1]))
    first = np.concatenate([[0], cuts[:-1]])
    for number, (one, start, end) in enumerate(zip(scheme.grades, first, cuts, strict=True)):
        if start < end:
            low, high = int(values[end - 1]), int(values[start])
            if number == len(cuts) - 1 and scheme.lowest == "zero":
                low = 0
            members = grade == number
            score[members] = _within(raw[members], low, high, one, scheme.single)
    return Scaled(score, grade)


def _within(raw: np.ndarray, low: int, high: int, grade: Grade, single: str) -> np.ndarray:
    width = grade.high - grade.low
    if low == high:
        alone = {"upper": grade.high, "middle": grade.low + (width + 1) // 2, "lower": grade.low}[single]
        return np.full(len(raw), alone, dtype=np.int64)
    risen = np.clip(raw, low, high) - low
    return grade.low + (2 * width * risen + (high - low)) // (2 * (high - low))
