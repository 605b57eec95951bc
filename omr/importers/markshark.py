"""MarkShark's bubblemap.yaml as a layout.

A map lists zones by page: grids of bubbles of which the first and the last centre are given, in millimetres (`x_mm`,
`y_mm`, `width_mm`, `height_mm`) or, in older maps, in parts of the page (`x_topleft` … `y_bottomright`). A zone takes
what it does not say from the style that it names. `answer_zones` hold the questions Q1, Q2, …, numbered through all
zones and pages; every other grid is one value: `id_zone` the field "id", `version_zone` "version".

All pages carry the same ArUco corners: `aruco.markers` says where their centres are (`id`, `x_mm`, `y_mm`), or there
are four, with `margin_mm` of paper between them and the edges. Where a map does not say, or a page has lost them, the
empty form beside the map is the reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Annotated, Any, Literal, TypeVar

import cv2
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from engine.errors import InputError
from omr import layout

PAPERS = {"letter": (215.9, 279.4), "a4": (210.0, 297.0), "legal": (215.9, 355.6), "a3": (297.0, 420.0)}  # mm
FORMS = ("master_template.pdf", "template.pdf")  # what the empty form beside a map is called
DIAMETER = 4.0  # mm, of a bubble whose map does not say
OVAL = 0.7  # sides of an oval bubble, in parts of the steps from one to the next
MOST_BUBBLES = 10_000  # of a zone: a page has no room for more

_NAME = {"selection_axis": "col", "labels": " " + ascii_uppercase}
_NUMBER = {"selection_axis": "col", "labels": digits}
# Zones that are one value, and what they need not say.
_VALUES = {"last_name": _NAME, "first_name": _NAME, "id": _NUMBER, "test_id": _NUMBER, "version": {}}
_PAGE = re.compile(r"page_([1-9]\d{0,3})")
_ZONE = re.compile(r"(\w+)_(?:zone|layout)")

Paper = tuple[float, float]  # width and height in mm
Styles = Mapping[str, Mapping[str, Any]]
Model = TypeVar("Model", bound=BaseModel)

_Length = Annotated[float, Field(ge=0, le=1e4, allow_inf_nan=False)]
_Size = Annotated[float, Field(gt=0, le=1e4, allow_inf_nan=False)]
_Part = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1, le=MOST_BUBBLES)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _lower(word: object) -> object:
    return word.lower() if isinstance(word, str) else word


class _Zone(_Model):
    """A grid of bubbles; in each row, or in each column, one is to be marked."""

    numrows: _Count
    numcols: _Count
    selection_axis: Annotated[Literal["row", "col"], BeforeValidator(_lower)] = "row"
    labels: str | list[str] = ""  # of the bubbles of one row, or column; A, B, C, … if there are none
    bubble_shape: Literal["circle", "oval"] = "circle"
    bubble_diameter_mm: _Size | None = None
    radius_pct: _Part = 0  # of the page's width
    x_mm: _Length | None = None
    y_mm: _Length | None = None
    width_mm: _Length = 0
    height_mm: _Length = 0
    x_topleft: _Part | None = None
    y_topleft: _Part | None = None
    x_bottomright: _Part | None = None
    y_bottomright: _Part | None = None

    @model_validator(mode="after")
    def _whole(self) -> _Zone:
        if self.numrows * self.numcols > MOST_BUBBLES:
            raise ValueError(f"{self.numrows} × {self.numcols} bubbles are more than a page can hold")
        if len(self.named) != self.choices:
            raise ValueError(f"needs labels for {self.choices} bubbles, has {self.labels!r}")
        return self

    @property
    def choices(self) -> int:
        """How many bubbles a row, or a column, has."""
        return self.numcols if self.selection_axis == "row" else self.numrows

    @property
    def named(self) -> str | list[str]:
        """What the bubbles of a row, or a column, say."""
        return self.labels or ascii_uppercase[: self.choices]

    def columns_and_rows(self, paper: Paper) -> tuple[list[float], list[float]]:
        """Where the centres are, in mm; ValueError says what is wrong."""
        x, y, right, bottom = self.x_topleft, self.y_topleft, self.x_bottomright, self.y_bottomright
        if self.x_mm is not None and self.y_mm is not None:
            left, top, width, height = self.x_mm, self.y_mm, self.width_mm, self.height_mm
        elif x is not None and y is not None and right is not None and bottom is not None:
            left, top, width, height = x * paper[0], y * paper[1], (right - x) * paper[0], (bottom - y) * paper[1]
        else:
            raise ValueError("needs x_mm and y_mm, or x_topleft, y_topleft, x_bottomright and y_bottomright")
        return _spread("columns", left, width, self.numcols, paper[0]), _spread(
            "rows", top, height, self.numrows, paper[1]
        )


def _spread(what: str, first: float, length: float, number: int, end: float) -> list[float]:
    """Where `number` columns or rows are; a single one is at the first place, whatever the length."""
    if number == 1:
        length = 0
    elif length <= 0:
        raise ValueError(f"all {what} lie in one place")
    if first + length > end:
        raise ValueError(f"the {what} go on to {first + length:g} mm of a page of {end:g} mm")
    return [first + length * place / max(number - 1, 1) for place in range(number)]


class _Marker(_Model):
    """A corner by its centre."""

    id: Annotated[int, Field(ge=0)]
    x_mm: _Length
    y_mm: _Length
    size_mm: _Size | None = None


class _Aruco(_Model):
    enabled: bool = False
    dictionary: str = "DICT_4X4_50"
    markers: Annotated[list[_Marker], Field(min_length=3)] | None = None
    # Top left, top right, bottom left, bottom right.
    marker_ids: Annotated[list[int], Field(min_length=4, max_length=4)] | None = None
    size_mm: _Size | None = None
    margin_mm: _Length | None = None


class _Registration(_Model):
    aruco: _Aruco = _Aruco()


class _Paper(_Model):
    width_mm: _Size
    height_mm: _Size


class _Metadata(_Model):
    display_name: str = ""
    page_size: str | _Paper = "letter"
    pages: Annotated[int, Field(ge=1)] | None = None
    alignment: _Registration | None = None  # what older maps have for `registration`


class _Head(_Model):
    """What a map says beside its pages."""

    metadata: _Metadata = _Metadata()
    registration: _Registration | None = None
    styles: dict[str, dict[str, Any]] = {}


class _Loader(yaml.SafeLoader):
    """Leaves words and numbers as they are written: `labels: 01234567` is eight labels, not an octal number."""


_Loader.yaml_implicit_resolvers = {
    first: [known for known in resolvers if known[0] in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(data: bytes) -> dict[str, Any] | None:
    """The content of a bubblemap, every word and number as text; None if the file is no bubblemap."""
    try:
        content = yaml.load(data, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if isinstance(content, dict) and "answer_layouts" in content:  # the oldest maps have one page, and do not say so
        content = {"page_1": content} | content
    return content if isinstance(content, dict) and "page_1" in content else None


def load_map(path: Path) -> layout.Layout:
    """Read a MarkShark bubblemap.

    Keys that this program does not know are passed over, and so is what is only drawn. Pages without bubbles are left
    out.

    Raises:
        InputError: the file is missing, or a key of it is absent or wrong; the message names the key.
    """
    try:
        content = parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the bubblemap: {error.strerror}", file=path) from None
    try:
        if content is None:
            raise ValueError("page_1: is missing")
        head = _checked(_Head, content, "")
        paper = _paper(head.metadata)
        aruco = (head.registration or head.metadata.alignment or _Registration()).aruco
        registration, fiducials = _registration(aruco, paper, path.parent)
        pages = tuple(
            layout.Page(number=number, fields=tuple(fields), fiducials=fiducials)
            for number, fields in _pages(content, head, paper)
            if fields
        )
        if not pages:
            raise ValueError("page_1: has no zone with bubbles")
        return layout.Layout(
            id=path.stem,
            title=head.metadata.display_name,
            width=paper[0],
            height=paper[1],
            pages=pages,
            registration=registration,
        )
    except ValidationError as error:
        message = layout.complaint(error)
    except ValueError as error:
        message = str(error)
    raise InputError(f"not a usable MarkShark bubblemap: {message}", file=path, mend="correct it in the bubblemap")


def _checked(model: type[Model], content: object, key: str) -> Model:
    """`content` as this model; ValueError names the key that is wrong. A key without a value is as good as none."""
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if value is not None}
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([key, *(str(part) for part in first["loc"])]).strip(".")
        raise ValueError(f"{place}: {first['msg']}") from None


def _paper(metadata: _Metadata) -> Paper:
    if isinstance(metadata.page_size, _Paper):
        return metadata.page_size.width_mm, metadata.page_size.height_mm
    if metadata.page_size.lower() not in PAPERS:
        raise ValueError(f"metadata.page_size: {metadata.page_size!r} is none of {', '.join(PAPERS)}")
    return PAPERS[metadata.page_size.lower()]


def _registration(aruco: _Aruco, paper: Paper, folder: Path) -> tuple[layout.Registration, tuple[layout.Fiducial, ...]]:
    """How to find a page, and its corners if the map says where they are."""
    form = next((str((folder / name).resolve()) for name in FORMS if (folder / name).is_file()), "")
    dictionary = aruco.dictionary.upper()
    fiducials = _fiducials(aruco, paper) if aruco.enabled and dictionary not in ("", "NONE") else ()
    if not fiducials:
        return layout.Registration(method="reference" if form else "frame", reference=form), ()
    if not dictionary.startswith("DICT_") or not hasattr(cv2.aruco, dictionary):
        raise ValueError(f"registration.aruco.dictionary: there is no dictionary {aruco.dictionary!r}")
    known = len(cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary)).bytesList)
    names = [fiducial.id for fiducial in fiducials]
    for name in names:
        if not 0 <= name < known or names.count(name) > 1:
            what = "stands twice" if 0 <= name < known else f"is no marker of {dictionary}"
            raise ValueError(f"registration.aruco: marker {name} {what}")
    return layout.Registration(method="aruco", dictionary=dictionary, reference=form), fiducials


def _fiducials(aruco: _Aruco, paper: Paper) -> tuple[layout.Fiducial, ...]:
    """The corners, as far as the map says where they are and how large."""
    if aruco.markers is not None:
        sizes = [marker.size_mm or aruco.size_mm for marker in aruco.markers]
        if None in sizes:
            raise ValueError("registration.aruco.size_mm: is missing")
        for marker in aruco.markers:
            if marker.x_mm > paper[0] or marker.y_mm > paper[1]:
                raise ValueError(f"registration.aruco.markers: marker {marker.id} lies outside the page")
        return tuple(
            layout.Fiducial(id=marker.id, x=marker.x_mm, y=marker.y_mm, size=size)
            for marker, size in zip(aruco.markers, sizes, strict=True)
            if size is not None
        )
    if aruco.marker_ids is None or aruco.size_mm is None or aruco.margin_mm is None:
        return ()
    inset = aruco.margin_mm + aruco.size_mm / 2
    places = [(x, y) for y in (inset, paper[1] - inset) for x in (inset, paper[0] - inset)]
    return tuple(
        layout.Fiducial(id=name, x=x, y=y, size=aruco.size_mm)
        for name, (x, y) in zip(aruco.marker_ids, places, strict=True)
    )


def _pages(content: Mapping[str, Any], head: _Head, paper: Paper) -> Iterator[tuple[int, list[layout.Field]]]:
    """The number and the fields of each page."""
    question, values, styles = count(1), set[str](), head.styles
    said = head.metadata.pages
    numbers = sorted(int(page[1]) for key in content if (page := _PAGE.fullmatch(str(key))))
    for number in numbers if said is None else range(1, said + 1):
        if f"page_{number}" not in content:
            raise ValueError(f"page_{number}: is missing, metadata.pages says that there are {said}")
        zones = content[f"page_{number}"]
        if not isinstance(zones, dict):
            raise ValueError(f"page_{number}: has no zones")
        fields: list[layout.Field] = []
        for name, zone in zones.items():
            key = f"page_{number}.{name}"
            value = _ZONE.fullmatch(str(name))
            if value and (value[1] in _VALUES or (isinstance(zone, dict) and "numrows" in zone)):
                usual = _VALUES.get(value[1], {})
                groups, look = _grid(_styled(zone, usual, styles), key, paper)
                named = f"{value[1]}_{number}" if value[1] in values else value[1]  # asked for again, as a check
                values.add(named)
                fields.append(layout.Field(name=named, groups=groups, block=value[1], **look))
            elif name in ("answer_zones", "answer_layouts"):
                for place, part in enumerate(zone or ()):
                    groups, look = _grid(_styled(part, {}, styles), f"{key}.{place}", paper)
                    fields += [
                        layout.Field(name=f"Q{next(question)}", groups=(group,), block=f"answers {place + 1}", **look)
                        for group in groups
                    ]
        yield number, fields


def _styled(zone: object, usual: Mapping[str, str], styles: Styles) -> object:
    """The zone with what it does not say taken from its style, then from what is usual."""
    if not isinstance(zone, dict):
        return zone
    styled, name = dict(zone), zone.get("style")
    seen: set[object] = set()
    while isinstance(name, str) and name in styles and name not in seen:
        seen.add(name)
        styled = {**styles[name], **styled}
        name = styles[name].get("extends")
    return {**usual, **styled}


def _grid(content: object, key: str, paper: Paper) -> tuple[tuple[layout.Group, ...], dict[str, Any]]:
    """The bubbles of a zone, a group for each row, or column, and their width, height and shape."""
    zone = _checked(_Zone, content, key)
    try:
        columns, rows = zone.columns_and_rows(paper)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if zone.selection_axis == "row":
        lines = [[(x, y) for x in columns] for y in rows]
    else:
        lines = [[(x, y) for y in rows] for x in columns]
    groups = tuple(
        layout.Group(bubbles=tuple(layout.Bubble(label=label, x=x, y=y) for label, (x, y) in named))
        for named in (zip(zone.named, line, strict=True) for line in lines)
    )
    width = height = zone.bubble_diameter_mm or 2 * zone.radius_pct * paper[0] or DIAMETER
    if zone.bubble_shape == "oval":
        width, height = (OVAL * (line[1] - line[0]) if len(line) > 1 else width for line in (columns, rows))
    return groups, {"width": width, "height": height, "shape": "ellipse"}
