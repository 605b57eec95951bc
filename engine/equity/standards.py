"""Standards of balanced development (均衡标准): data files, one for every ruling, under engine/equity/standards."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import InputError
from engine.files import read_text

STANDARDS = files("engine.equity") / "standards"
Stage = Literal["primary", "junior"]
Positive = Annotated[float, Field(gt=0)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ByStage(_Model):
    """A limit of either stage."""

    primary: Positive
    junior: Positive


class Indicator(_Model):
    """A resource per pupil, or per hundred of them."""

    name: str
    title: str  # also understood as the header of its column
    unit: str = ""
    primary: Positive | None = None  # the least value of a school; None: no standard
    junior: Positive | None = None

    def least(self, stage: Stage) -> float | None:
        """The standard of a stage."""
        return self.primary if stage == "primary" else self.junior


class Standard(_Model):
    """What a ruling asks of schools and counties."""

    name: str
    title: str
    version: str
    basis: str  # where the numbers are from, and how sure they are
    indicators: tuple[Indicator, ...]
    need: int | None = None  # indicators that a school must meet
    nearly: Annotated[float, Field(gt=0, le=1)] = 1.0  # of the standard, what the rest must reach
    cv: ByStage | None = None  # largest weighted CV of every indicator between the schools of a county
    composite_cv: ByStage | None = None  # largest mean of these CVs
    icc: Positive | None = None  # 校际差异率: largest share of the variance of scores that lies between schools
    smallest: int = 0  # teaching points with fewer pupils don't count
    excluded: tuple[str, ...] = ()  # kinds of schools that don't


def standard_names() -> list[str]:
    """The standards that come with the program."""
    return sorted(path.name.removesuffix(".toml") for path in STANDARDS.iterdir() if path.name.endswith(".toml"))


def load_standard(name: str, folder: Path | None = None) -> Standard:
    """The standard of that name, or the one in a .toml file of the exam folder.

    Raises:
        InputError: there is none, or the file is no standard.
    """
    if name in standard_names():
        return Standard.model_validate(tomllib.loads((STANDARDS / f"{name}.toml").read_text("utf-8")))
    path = (folder or Path()) / name
    if path.suffix != ".toml" or not path.is_file():
        mend = f"name one of {', '.join(standard_names())}, or a .toml file of the exam folder, made like these"
        raise InputError(f"no standard {name!r}", file=folder and folder / "exam.toml", column="scheme", mend=mend)
    try:
        return Standard.model_validate(tomllib.loads(read_text(path)))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InputError(
            f"no standard: {error}", file=path, mend="start from one that comes with the program"
        ) from None
