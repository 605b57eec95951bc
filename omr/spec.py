"""What an answer sheet holds: sheet.toml, and the items it is for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from pydantic import Field as Key

from engine.errors import InputError

NOTES = (
    "答题前请将姓名、学校、班级、考场、座号填写清楚，核对条形码信息。",
    "选择题和填涂区用2B铅笔填涂，修改时用橡皮擦干净。",
    "非选择题用0.5毫米黑色签字笔在黑色边框内书写，超出部分无效。",
    "保持卡面清洁，不折叠、不破损；勿在四角定位点和条形码上涂画。",
)
NOTES_WITHOUT_CODE = (
    NOTES[0].replace("，核对条形码信息", ""),
    *NOTES[1:3],
    NOTES[3].replace("和条形码", ""),
)
MOST_DIGITS = 12  # of a number to be filled in

Millimetres = Annotated[float, Key(gt=0, allow_inf_nan=False)]
Digits = Annotated[int, Key(ge=1, le=MOST_DIGITS)]


class SheetSpec(BaseModel):
    """What sheet.toml says; every key has a default.

    Attributes:
        paper, sides: A4 upright or A3 on its side; printed on one side or both (then the pages come in pairs).
        title, subtitle: printed at the top; the title defaults to the exam's.
        notes: the instructions (注意事项); by default they speak of the barcode if there is one.
        number_digits: length of the candidate number to be filled in; 0: no grid.
        barcode: the area for a candidate's code, printed on pupils' own sheets or stuck on.
        absent, violation: marks for the invigilator.
        forms: letters of the paper's forms, such as "AB"; "": there is only one.
        choice_columns: groups of five items side by side; 0: as many as fit.
        strip: score strips on the boxes of constructed responses (先阅后扫).
        heights: height in mm of an item's box, by item; a box without one takes what its points ask for, and more
            where the page has room.
        digits: columns of the digit grids of number items, by item; 4 without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: Literal["A4", "A3"] = "A4"
    sides: Literal[1, 2] = 2
    title: str = ""
    subtitle: str = "答题卡"
    notes: tuple[str, ...] = Key(NOTES, max_length=6)
    number_digits: int = Key(0, ge=0, le=16)
    barcode: Literal["code128", "qr", "none"] = "code128"
    absent: bool = True
    violation: bool = True
    forms: str = Key("", pattern="^([A-Z]{2,4})?$")
    choice_columns: int = Key(0, ge=0, le=10)
    strip: bool = False
    heights: dict[str, Millimetres] = {}
    digits: dict[str, Digits] = {}

    @model_validator(mode="before")
    @classmethod
    def _notes_fit_the_sheet(cls, keys: Any) -> Any:
        if isinstance(keys, dict) and keys.get("barcode") == "none":
            return {"notes": NOTES_WITHOUT_CODE} | keys
        return keys

    @field_validator("forms")
    @classmethod
    def _forms_differ(cls, forms: str) -> str:
        if len(set(forms)) < len(forms):
            raise ValueError("the letters of the forms must differ")
        return forms


class SheetField(BaseModel):
    """One item as the sheet knows it.

    Attributes:
        options: letters of a choice item, at most 8.
        max, step: full mark and smallest step, for the box's title and the score strip.
        strip, height_mm, digits: see SheetSpec, which may ask too.
        group: choose-k-of-n group (选做题), "" for none.
        section: title printed above the first of consecutive items that have it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Key(min_length=1)
    kind: Literal["choice", "number", "constructed"]
    options: str = Key("", max_length=8)
    max: float = Key(1, gt=0, allow_inf_nan=False)
    step: float = Key(1, gt=0, allow_inf_nan=False)
    strip: bool = False
    height_mm: float = Key(0, ge=0, allow_inf_nan=False)
    digits: Digits = 4
    group: str = ""
    section: str = ""


def load_spec(path: Path) -> SheetSpec:
    """Read sheet.toml.

    Raises:
        InputError: the file is missing, can't be read or is not TOML, or a key is unknown or has an impossible value.
    """
    try:
        return SheetSpec.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except FileNotFoundError:
        raise InputError(
            "no sheet.toml", file=path, mend="write one (it may be empty: every key has a default)"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read it: {error.strerror}", file=path, mend="make it a readable file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mend = "write `key = value` lines, words in quotes, and save it as UTF-8"
        raise InputError(f"not a TOML file in UTF-8: {error}", file=path, mend=mend) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            mend = f"use one of {', '.join(SheetSpec.model_fields)}"
            raise InputError(f"unknown key {key!r}", file=path, mend=mend) from None
        message = f"{key} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}"
        raise InputError(message, file=path, mend=f"correct {key!r}, or leave it out") from None
