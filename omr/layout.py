"""The geometry of an answer sheet: what is printed where, and what a mark there means.

Lengths are in the layout's own unit, origin at the top left of the page, x to the right, y down: millimetres on our
own sheets, template pixels on imported ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import InputError
from engine.tables import write_bytes


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bubble(_Model):
    """One place to mark; `label` is what a mark there says."""

    label: str
    x: float  # centre
    y: float


class Group(_Model):
    """Bubbles of which usually one is marked: the options of an item, or one digit of a number."""

    bubbles: tuple[Bubble, ...]


class Field(_Model):
    """What becomes one value: an item's answer, a candidate number, a score.

    `join` says how the marks of the groups become the value:
      concat      labels in layout order, blank groups dropped ("", "B", "AD", "3.5")
      positional  one place a group, "_" for a blank and "[37]" for a double mark; "" when all are blank
      sum         labels are numbers and add up; a value like "12.5", "" when nothing is marked
    """

    name: str
    groups: tuple[Group, ...]
    join: Literal["concat", "positional", "sum"] = "concat"
    separator: str = ""  # between labels of one group, for labels longer than one letter
    width: float  # of a bubble
    height: float
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

    number: int  # from 1
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
    marker: str = ""  # path of the marker picture
    marker_ratio: float = 0  # page width / marker width
    reference: str = ""  # path of the picture of the empty form; of a PDF, page n is the layout's page n

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Files that are part of the layout, and no scans."""
        return tuple(Path(path) for path in (self.marker, self.reference) if path)


class Layout(_Model):
    """A whole sheet, one or several pages."""

    id: str
    title: str = ""
    unit: Literal["mm", "px"] = "mm"
    width: float
    height: float
    pages: tuple[Page, ...]
    joined: tuple[Joined, ...] = ()
    registration: Registration = Registration()

    def save(self, path: Path) -> None:
        """Write the layout as JSON."""
        write_bytes(self.model_dump_json(indent=1).encode(), path)


def load_layout(path: Path) -> Layout:
    """Read a layout that `Layout.save` wrote.

    Raises:
        InputError: the file is missing or does not describe a layout.
    """
    try:
        return Layout.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError("no such layout file", file=path, mend="run `yuejuan sheets EXAM` to make it") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"not a Yuejuan layout: {place}: {first['msg']}", file=path) from None
