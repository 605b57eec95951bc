"""OMRChecker's template.json as a layout.

A template places blocks of fields in a page of `pageDimensions` pixels to which the (cropped) picture is stretched.
A block starts at `origin`, the top left of its first bubble's box; `bubblesGap` leads from one bubble of a field to
the next, `labelsGap` from one field to the next, across. The `config.json` beside a template sizes its pictures on
the way there and moves no bubble, so it is not needed.
"""

from __future__ import annotations

import math
import re
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from engine.errors import InputError
from omr import image, layout

_MCQ = "ABCDE"
_FIELD_TYPES: dict[str, tuple[str, Literal["horizontal", "vertical"]]] = {
    "QTYPE_INT": ("0123456789", "vertical"),
    "QTYPE_INT_FROM_1": ("1234567890", "vertical"),
    "QTYPE_MCQ4": (_MCQ[:4], "horizontal"),
    "QTYPE_MCQ5": (_MCQ, "horizontal"),
    "QTYPE_MCQ4_RTL": (_MCQ[3::-1], "horizontal"),
    "QTYPE_MCQ5_RTL": (_MCQ[::-1], "horizontal"),
}
_RANGE = re.compile(r"(?P<stem>.*?)(?P<first>\d+)\.{2,3}(?P<last>\d+)")
_MOST_LABELS = 10_000  # a page has no room for more; "q1..999999999" is a mistake or an attack
_APPEARANCE_ONLY = {"Levels", "GaussianBlur", "MedianBlur"}  # these move nothing, and marks are judged without them

_Size = Annotated[float, Field(gt=0, le=1e5, allow_inf_nan=False)]
_Length = Annotated[float, Field(ge=0, le=1e5, allow_inf_nan=False)]
_Labels = Annotated[list[str], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Block(_Model):
    origin: tuple[_Length, _Length]
    bubbles_gap: _Length
    labels_gap: _Length | list[_Length]
    field_labels: _Labels
    field_type: str = ""
    bubble_values: _Labels | None = None
    direction: Literal["horizontal", "vertical"] | None = None
    bubble_dimensions: tuple[_Size, _Size] | None = None

    @model_validator(mode="after")
    def _values_known(self) -> _Block:
        if self.field_type:
            if self.field_type not in _FIELD_TYPES:
                raise ValueError(f"fieldType {self.field_type!r} is none of {', '.join(_FIELD_TYPES)}")
        elif self.bubble_values is None or self.direction is None:
            raise ValueError("needs either fieldType, or bubbleValues and direction")
        return self

    def values(self) -> tuple[list[str], Literal["horizontal", "vertical"]]:
        """What the bubbles of a field say, and which way they run."""
        if self.field_type:
            labels, direction = _FIELD_TYPES[self.field_type]
            return list(labels), direction
        assert self.bubble_values is not None and self.direction is not None  # see _values_known
        return self.bubble_values, self.direction


class _Step(_Model):
    name: str
    options: dict[str, Any] = {}


class _Template(_Model):
    page_dimensions: tuple[_Size, _Size]
    bubble_dimensions: tuple[_Size, _Size]
    field_blocks: Annotated[dict[str, _Block], Field(min_length=1)]
    custom_labels: dict[str, _Labels] = {}
    output_columns: list[str] = []
    pre_processors: list[_Step] = []


def load_template(path: Path) -> layout.Layout:
    """Read an OMRChecker template.

    Every field label becomes a field and every entry of `customLabels` a joined field. Keys that this program does
    not know are passed over, and so is `emptyValue`: a blank is "" here.

    Raises:
        InputError: the file is missing, or a key of it is absent or wrong; the message names the key.
    """
    try:
        return _layout(_Template.model_validate_json(path.read_bytes()), path)
    except OSError as error:
        mend = "give the template.json of the form, and make it readable"
        raise InputError(f"cannot read the template: {error.strerror}", file=path, mend=mend) from None
    except ValidationError as error:
        message = layout.complaint(error)
    except ValueError as error:
        message = str(error)
    raise InputError(f"not a usable OMRChecker template: {message}", file=path, mend="correct it in the template")


def _layout(template: _Template, path: Path) -> layout.Layout:
    """The template as a layout; ValueError names the key that is wrong."""
    fields = tuple(field for name, block in template.field_blocks.items() for field in _fields(name, block, template))
    names = _unique([field.name for field in fields], "fieldBlocks: fieldLabels")
    joined = tuple(
        layout.Joined(name=name, fields=tuple(_existing(parts, names, f"customLabels.{name}")))
        for name, parts in template.custom_labels.items()
    )
    names = _unique([*names, *template.custom_labels], "customLabels")
    _existing(template.output_columns, names, "outputColumns")
    width, height = template.page_dimensions
    return layout.Layout(
        id=path.stem,
        title=path.resolve().parent.name,
        unit="px",
        width=width,
        height=height,
        pages=(layout.Page(number=1, fields=fields),),
        joined=joined,
        registration=_registration(template.pre_processors, path.parent),
    )


def _fields(name: str, block: _Block, template: _Template) -> list[layout.Field]:
    """The fields of one block; ValueError names the key that is wrong."""
    labels, direction = block.values()
    fields = _expand(block.field_labels, f"fieldBlocks.{name}.fieldLabels")
    if block.bubbles_gap == 0 and len(labels) > 1:
        raise ValueError(f"fieldBlocks.{name}.bubblesGap: 0 puts all bubbles of a field in one place")
    gaps = block.labels_gap if isinstance(block.labels_gap, list) else [block.labels_gap] * (len(fields) - 1)
    if len(gaps) < len(fields) - 1 or (len(fields) > 1 and min(gaps) == 0):
        raise ValueError(f"fieldBlocks.{name}.labelsGap: needs {len(fields) - 1} gaps greater than 0, has {gaps}")
    width, height = block.bubble_dimensions or template.bubble_dimensions
    x, y = block.origin[0] + width / 2, block.origin[1] + height / 2
    across = direction == "horizontal"
    result = []
    for field, far in zip(fields, accumulate(gaps, initial=0.0), strict=False):
        steps = [index * block.bubbles_gap for index in range(len(labels))]
        places = [(x + step, y + far) if across else (x + far, y + step) for step in steps]
        last_x, last_y = places[-1]
        if last_x > template.page_dimensions[0] or last_y > template.page_dimensions[1]:
            raise ValueError(f"fieldBlocks.{name}: field {field!r} lies outside pageDimensions")
        bubbles = [layout.Bubble(label=label, x=bx, y=by) for label, (bx, by) in zip(labels, places, strict=True)]
        group = layout.Group(bubbles=tuple(bubbles))
        result.append(layout.Field(name=field, groups=(group,), width=width, height=height, block=name))
    return result


def _expand(labels: list[str], key: str) -> list[str]:
    """Field labels with ranges such as "q1..10" written out."""
    result: list[str] = []
    for label in labels:
        span = _RANGE.fullmatch(label)
        if span is None:
            if ".." in label:
                raise ValueError(f"{key}: {label!r} is not a range such as 'q1..10'")
            result.append(label)
            continue
        first, last = int(span["first"]), int(span["last"])
        if not first < last <= first + _MOST_LABELS:
            raise ValueError(f"{key}: {label!r} is not a range that goes up")
        result += [f"{span['stem']}{number}" for number in range(first, last + 1)]
    if len(result) > _MOST_LABELS:
        raise ValueError(f"{key}: {len(result)} labels are more than a page can hold")
    return result


def _unique(names: list[str], key: str) -> list[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{key}: {name!r} stands twice")
        seen.add(name)
    return names


def _existing(labels: list[str], names: list[str], key: str) -> list[str]:
    """Labels written out, each of them one of `names`."""
    known, result = set(names), _expand(labels, key)
    for name in result:
        if name not in known:
            raise ValueError(f"{key}: there is no field {name!r}")
    return result


def _registration(steps: list[_Step], folder: Path) -> layout.Registration:
    """How to find the page. A later crop works on what an earlier one left, so the last one decides."""
    registration = layout.Registration(method="frame")
    for step in steps:
        if step.name == "CropPage":
            registration = layout.Registration(method="outline")
        elif step.name == "CropOnMarkers":
            registration = _markers(step.options, folder)
        elif step.name == "FeatureBasedAlignment":
            registration = _reference(step.options, folder)
        elif step.name not in _APPEARANCE_ONLY:
            raise ValueError(
                f"preProcessors: {step.name} is not supported; "
                "use CropPage, CropOnMarkers, FeatureBasedAlignment, or none when the picture is the page"
            )
    return registration


def _markers(options: dict[str, Any], folder: Path) -> layout.Registration:
    key = "preProcessors.CropOnMarkers"
    ratio = options.get("sheetToMarkerWidthRatio", 0)
    if not isinstance(ratio, (int, float)) or not 0 <= ratio < math.inf:
        raise ValueError(f"{key}.sheetToMarkerWidthRatio: {ratio!r} is not a ratio")
    marker = _picture(options.get("relativePath"), folder, f"{key}.relativePath")
    return layout.Registration(method="markers", marker=marker, marker_ratio=ratio)


def _reference(options: dict[str, Any], folder: Path) -> layout.Registration:
    """Its other options (maxFeatures, goodMatchPercent, 2d) tune another program's search."""
    picture = _picture(options.get("reference"), folder, "preProcessors.FeatureBasedAlignment.reference")
    return layout.Registration(method="reference", reference=picture)


def _picture(name: object, folder: Path, key: str) -> str:
    """The path of a picture in the template's folder: a template from elsewhere is to open no other files."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"{key}: {name!r} is not the name of a picture beside the template")
    path = folder / name
    if Path(name).is_absolute() or not image.inside(folder, path):
        raise ValueError(f"{key}: {name!r} does not lie in the template's folder")
    try:
        image.load(path)
    except image.Unreadable as error:
        raise ValueError(f"{key}: the picture {name!r} cannot be read: {error.detail}") from None
    return str(path.resolve())
