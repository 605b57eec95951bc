"""The geometry of an answer sheet: what is printed where, and what a mark there means.

Lengths are in the layout's own unit, origin at the top left of the page, x to the right, y down: millimetres on our
own sheets, template pixels on imported ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic import Field as Key

from engine.errors import InputError
from engine.tables import write_bytes

Length = Annotated[float, Key(gt=0, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bubble(_Model):
    """One place to mark; `label` is what a mark there says."""

    label: str
    x: float  # centre
    y: float


class Group(_Model):
    """Bubbles of which usually one is marked: the options of an item, or one digit of a number."""

    bubbles: Annotated[tuple[Bubble, ...], Key(min_length=1)]


class Field(_Model):
    """What becomes one value: an item's answer, a candidate number, a score.

    `join` says how the marks of the groups become the value:
      concat      labels in layout order, blank groups dropped ("", "B", "AD", "3.5")
      positional  one place a group, "_" for a blank and "[37]" for a double mark; "" when all are blank
      sum         labels are numbers and add up; a value like "12.5", "" when nothing is marked
    """

    name: str
    groups: Annotated[tuple[Group, ...], Key(min_length=1)]
    join: Literal["concat", "positional", "sum"] = "concat"
    separator: str = ""  # between labels of one group, for labels longer than one letter
    width: Length  # of a bubble
    height: Length
    shape: Literal["box", "ellipse"] = "box"
    block: str  # fields printed together, which stretch and drift together


class Joined(_Model):
    """A value made of other fields' values, one after the other (OMRChecker's customLabels)."""

    name: str
    fields: tuple[str, ...]


class Rect(_Model):
    """A rectangle on the page: a barcode area, or the box of a constructed response."""

    name: str
    x: float  # top left
    y: float
    width: float
    height: float


class Text(_Model):
    """Words printed on the page; `x` is the edge or middle that `align` names, `y` the middle of the capitals."""

    x: float
    y: float
    size: float  # in points
    text: str = ""
    pupil: str = ""  # attribute of the pupil printed instead of `text`; nothing on a blank sheet
    align: Literal["left", "center", "right"] = "left"
    width: float = 0  # shrink the words to fit, 0: they may run on
    grey: int = 0  # 0 black … 255 white
    bold: bool = False
    blank_only: bool = False  # left out where a pupil's sheet is printed


class Frame(_Model):
    """A printed rectangle that means nothing to the reader; a line where it has no width or no height."""

    x: float  # top left
    y: float
    width: float
    height: float
    line: float = 0.25  # thickness
    grey: int = 0
    fill: int | None = None  # grey
    radius: float = 0


class Fiducial(_Model):
    """A square ArUco marker (of `Registration.dictionary`), by its centre and the side of its black square."""

    id: int
    x: float
    y: float
    size: float


class Page(_Model):
    """One side of paper."""

    number: Annotated[int, Key(ge=1)]
    fields: tuple[Field, ...]
    fiducials: tuple[Fiducial, ...] = ()
    boxes: tuple[Rect, ...] = ()  # constructed responses, named by item
    barcode: Rect | None = None  # where Code 128 / QR with the candidate number may be; named "code128" or "qr"
    texts: tuple[Text, ...] = ()  # the rest of the print, so that a layout is all that is needed to print the sheet
    frames: tuple[Frame, ...] = ()

    def __hash__(self) -> int:  # as a key of caches, looked up for every scan: not all of it need be gone through
        return hash((self.number, len(self.fields), self.fiducials))


class Registration(_Model):
    """How the layout finds itself on an image.

    fiducials  our own ArUco corners
    aruco      another program's ArUco corners, the same on all pages (MarkShark); `reference` where they are lost
    outline    the page's outline on a darker background (OMRChecker CropPage)
    markers    a marker picture near the four corners (OMRChecker CropOnMarkers)
    reference  a picture of the empty form, whose frame is the layout's page (OMRChecker FeatureBasedAlignment)
    frame      the image is the page, edge to edge
    """

    method: Literal["fiducials", "aruco", "outline", "markers", "reference", "frame"] = "fiducials"
    dictionary: str = "DICT_5X5_1000"  # of the ArUco corners
    marker: str = ""  # path of the marker picture; in a file, relative to it or absolute
    marker_ratio: float = 0  # page width / marker width
    reference: str = ""  # path of the picture of the empty form; of a PDF, page n is the layout's page n

    def under(self, folder: Path) -> Registration:
        """The same with the pictures' paths, as they stand in a file of this folder, made absolute."""
        paths = {"marker": self.marker, "reference": self.reference}
        return self.model_copy(update={key: str((folder / path).resolve()) for key, path in paths.items() if path})

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Files that are part of the layout, and no scans."""
        return tuple(Path(path) for path in (self.marker, self.reference) if path)


class Layout(_Model):
    """A whole sheet, one or several pages.

    A layout is checked as a whole, for one that is damaged would read filled-in sheets as blank: names are unique, what
    they refer to exists, and bubbles lie on the page (or over its edge by less than their size).
    """

    id: str
    title: str = ""
    unit: Literal["mm", "px"] = "mm"
    width: Length
    height: Length
    pages: Annotated[tuple[Page, ...], Key(min_length=1)]
    joined: tuple[Joined, ...] = ()
    registration: Registration = Registration()

    @model_validator(mode="after")
    def _whole(self) -> Layout:
        _unique("page", [page.number for page in self.pages])
        names = [field.name for page in self.pages for field in page.fields]
        _unique("field", [*names, *(joined.name for joined in self.joined)])
        known = set(names)
        for joined in self.joined:
            for name in joined.fields:
                if name not in known:
                    raise ValueError(f"joined field {joined.name!r}: there is no field {name!r}")
        for page in self.pages:
            for field in page.fields:
                self._check_place(page, field)
        return self

    def _check_place(self, page: Page, field: Field) -> None:
        for bubble in (bubble for group in field.groups for bubble in group.bubbles):
            if not (
                -field.width < bubble.x < self.width + field.width
                and -field.height < bubble.y < self.height + field.height
            ):
                raise ValueError(
                    f"page {page.number}, field {field.name!r}: "
                    f"bubble {bubble.label!r} at ({bubble.x:g}, {bubble.y:g}) "
                    f"lies outside the page of {self.width:g} × {self.height:g} {self.unit}"
                )

    def save(self, path: Path) -> None:
        """Write the layout as JSON."""
        write_bytes(self.model_dump_json(indent=1).encode(), path)


def _unique(what: str, names: Iterable[object]) -> None:
    seen: set[object] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} is there twice")
        seen.add(name)


def complaint(error: ValidationError) -> str:
    """The first thing that is wrong with a model: where, and what."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said


def load_layout(path: Path) -> Layout:
    """Read a layout that `Layout.save` wrote.

    Raises:
        InputError: the file can't be read or does not describe a layout; the message names the place.
    """
    try:
        layout = Layout.model_validate_json(path.read_bytes())
        return layout.model_copy(update={"registration": layout.registration.under(path.parent)})
    except FileNotFoundError:
        raise InputError("no such layout file", file=path, mend="run `yuejuan sheets EXAM` to make it") from None
    except OSError as error:
        raise InputError(f"cannot read the layout: {error.strerror}", file=path, mend="make it readable") from None
    except ValidationError as error:
        mend = "restore the file from a copy, or make it anew with `yuejuan sheets EXAM --force`"
        raise InputError(f"not a Yuejuan layout: {complaint(error)}", file=path, mend=mend) from None
