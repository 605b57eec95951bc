"""OMRChecker's template.json as a layout.

A template places blocks of fields in a page of `pageDimensions` pixels to which the (cropped) picture is stretched.
A block starts at `origin`, the top left of its first bubble's box; `bubblesGap` leads from one bubble of a field to
the next, `labelsGap` from one field to the next, across. How the page is found is in omr/importers/preprocessors.py.

The keys of OMRChecker's version 2 are understood as well (`templateDimensions`, `bubbleFieldType`, …). What would lead
to other values than OMRChecker's is refused by name; what only tunes, draws or sorts is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from string import ascii_uppercase
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from engine.errors import InputError
from omr import layout
from omr.importers.preprocessors import PROCESSING_SHAPE, Step, registration

_Direction = Literal["horizontal", "vertical"]
_FieldType = tuple[list[str], _Direction]  # what the bubbles of a field say, and which way they run

_FIELD_TYPES: dict[str, _FieldType] = {
    "QTYPE_INT": (list("0123456789"), "vertical"),
    "QTYPE_INT_FROM_1": (list("1234567890"), "vertical"),
}
_MCQ = re.compile(r"QTYPE_MCQ([2-9]|1\d|2[0-6])(_RTL)?")  # OMRChecker itself has 4 and 5, and is meant to be extended
_RANGE = re.compile(r"(?P<stem>.*?)(?P<first>\d+)\.{2,3}(?P<last>\d+)")
_MOST_LABELS = 10_000  # a page has no room for more; "q1..999999999" is a mistake or an attack

_Size = Annotated[float, Field(gt=0, le=1e5, allow_inf_nan=False)]
_Length = Annotated[float, Field(ge=0, le=1e5, allow_inf_nan=False)]
_Offset = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
_Labels = Annotated[list[str], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Block(_Model):
    origin: tuple[_Length, _Length]
    bubbles_gap: _Length
    labels_gap: _Length | list[_Length]
    field_labels: _Labels
    field_type: Annotated[str, Field(validation_alias=AliasChoices("fieldType", "bubbleFieldType"))] = ""
    field_detection_type: Literal["BUBBLES_THRESHOLD"] = "BUBBLES_THRESHOLD"
    bubble_values: _Labels | None = None
    direction: _Direction | None = None
    bubble_dimensions: tuple[_Size, _Size] | None = None

    def values(self, own_types: Mapping[str, _OwnType]) -> _FieldType:
        """What the bubbles of a field say, and which way they run; the block's own word goes before its type's."""
        labels, direction = self.bubble_values, self.direction
        if labels is None or direction is None:
            if not self.field_type:
                raise ValueError("needs either fieldType, or bubbleValues and direction")
            known = _field_type(self.field_type, own_types)
            labels, direction = labels or known[0], direction or known[1]
        if len(set(labels)) < len(labels) or "" in labels:
            raise ValueError(f"bubbleValues {labels} must be different, and none of them empty")
        return labels, direction


class _OwnType(_Model):
    bubble_values: _Labels
    direction: _Direction


def _field_type(name: str, own_types: Mapping[str, _OwnType]) -> _FieldType:
    if name in own_types:
        return own_types[name].bubble_values, own_types[name].direction
    if name in _FIELD_TYPES:
        return _FIELD_TYPES[name]
    if choice := _MCQ.fullmatch(name):
        labels = list(ascii_uppercase[: int(choice[1])])
        return labels[::-1] if choice[2] else labels, "horizontal"
    known = ", ".join([*_FIELD_TYPES, "QTYPE_MCQ4, QTYPE_MCQ5, … (and _RTL)", *own_types])
    raise ValueError(f"fieldType {name!r} is none of {known}")


class _Columns(_Model):
    custom_order: list[str] = []


class _Template(_Model):
    page_dimensions: Annotated[
        tuple[_Size, _Size], Field(validation_alias=AliasChoices("pageDimensions", "templateDimensions"))
    ]
    bubble_dimensions: tuple[_Size, _Size]
    field_blocks: Annotated[dict[str, _Block], Field(min_length=1)]
    field_blocks_offset: tuple[_Offset, _Offset] = (0, 0)
    custom_bubble_field_types: dict[str, _OwnType] = {}
    custom_labels: dict[str, _Labels] = {}
    output_columns: list[str] | _Columns = []
    pre_processors: list[Step] = []
    processing_image_shape: tuple[_Size, _Size] = PROCESSING_SHAPE
    conditional_sets: Annotated[list[Any], Field(max_length=0)] = []

    @model_validator(mode="after")
    def _values_known(self) -> _Template:
        for name, block in self.field_blocks.items():
            try:
                block.values(self.custom_bubble_field_types)
            except ValueError as error:
                raise ValueError(f"fieldBlocks.{name}: {error}") from None
        return self


def load_template(path: Path) -> layout.Layout:
    """Read an OMRChecker template.

    Every field label becomes a field and every entry of `customLabels` a joined field. Keys that this program does
    not know are passed over, and so is `emptyValue`: a blank is "" here.

    Raises:
        InputError: the file is missing, or a key of it is absent or wrong; the message names the key.
    """
    try:
        return _layout(_Template.model_validate(json.loads(path.read_bytes(), object_pairs_hook=_once)), path)
    except OSError as error:
        mend = "give the template.json of the form, and make it readable"
        raise InputError(f"cannot read the template: {error.strerror}", file=path, mend=mend) from None
    except RecursionError:
        message = "not valid JSON: too many brackets in brackets"
    except json.JSONDecodeError as error:
        message = f"not valid JSON: {error}"
    except ValidationError as error:
        message = layout.complaint(error)
    except ValueError as error:
        message = str(error)
    raise InputError(f"not a usable OMRChecker template: {message}", file=path, mend="correct it in the template")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of two blocks of the same name one would be lost without a word."""
    _unique([name for name, _ in pairs], "an object of the file")
    return dict(pairs)


def _layout(template: _Template, path: Path) -> layout.Layout:
    """The template as a layout; ValueError names the key that is wrong."""
    fields = tuple(field for name, block in template.field_blocks.items() for field in _fields(name, block, template))
    names = _unique([field.name for field in fields], "fieldBlocks: fieldLabels")
    joined = tuple(
        layout.Joined(name=name, fields=tuple(_existing(parts, names, f"customLabels.{name}")))
        for name, parts in template.custom_labels.items()
        if parts != [name]  # a field by its own name
    )
    names = _unique([*names, *(one.name for one in joined)], "customLabels")
    columns = template.output_columns
    _existing(columns.custom_order if isinstance(columns, _Columns) else columns, names, "outputColumns")
    width, height = template.page_dimensions
    return layout.Layout(
        id=path.stem,
        title=path.resolve().parent.name,
        unit="px",
        width=width,
        height=height,
        pages=(layout.Page(number=1, fields=fields),),
        joined=joined,
        registration=registration(template.pre_processors, template.processing_image_shape, path.parent),
    )


def _fields(name: str, block: _Block, template: _Template) -> list[layout.Field]:
    """The fields of one block; ValueError names the key that is wrong."""
    labels, direction = block.values(template.custom_bubble_field_types)
    fields = _expand(block.field_labels, f"fieldBlocks.{name}.fieldLabels")
    if block.bubbles_gap == 0 and len(labels) > 1:
        raise ValueError(f"fieldBlocks.{name}.bubblesGap: 0 puts all bubbles of a field in one place")
    gaps = block.labels_gap if isinstance(block.labels_gap, list) else [block.labels_gap] * (len(fields) - 1)
    if len(gaps) < len(fields) - 1 or (len(fields) > 1 and min(gaps) == 0):
        raise ValueError(f"fieldBlocks.{name}.labelsGap: needs {len(fields) - 1} gaps greater than 0, has {gaps}")
    width, height = block.bubble_dimensions or template.bubble_dimensions
    aside, down = template.field_blocks_offset
    x, y = block.origin[0] + aside + width / 2, block.origin[1] + down + height / 2
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
