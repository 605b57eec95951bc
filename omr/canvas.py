"""Collects what one page of a sheet holds; the measures that the parts of a sheet share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from omr.layout import Bubble, Fiducial, Field, Frame, Group, Page, Rect, Text

WIDTH, HEIGHT = 4.4, 2.6  # of a bubble
DIGIT_X, DIGIT_Y = 6.2, 4.6  # pitch of the bubbles of a digit grid
WRITTEN = 6.6  # height of the boxes in which digits are written by hand, above their grid
WRITTEN_TO_GRID = 7.0  # from the middle of such a box down to the first bubble of its column

Spot = tuple[str, float, float]  # a bubble to be: label, x and y of its centre


class Canvas:
    """One page in the making, in millimetres."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.fields: list[Field] = []
        self.fiducials: list[Fiducial] = []
        self.boxes: list[Rect] = []
        self.barcode: Rect | None = None
        self.texts: list[Text] = []
        self.frames: list[Frame] = []

    def text(self, x: float, y: float, text: str, size: float, *, width: float = 0, **style: Any) -> None:
        """Words; see `omr.layout.Text`."""
        self.texts.append(Text(x=_micron(x), y=_micron(y), text=text, size=size, width=_micron(width), **style))

    def frame(self, x: float, y: float, width: float, height: float, **style: Any) -> None:
        """A rectangle or line; see `omr.layout.Frame`."""
        self.frames.append(Frame(x=_micron(x), y=_micron(y), width=_micron(width), height=_micron(height), **style))

    def box(self, name: str, x: float, y: float, width: float, height: float) -> None:
        """The area of a constructed response, framed."""
        self.boxes.append(self.rect(name, x, y, width, height))
        self.frame(x, y, width, height, line=0.35)

    def rect(self, name: str, x: float, y: float, width: float, height: float) -> Rect:
        """An area, not printed."""
        return Rect(name=name, x=_micron(x), y=_micron(y), width=_micron(width), height=_micron(height))

    def field(
        self,
        name: str,
        groups: Sequence[Sequence[Spot]],
        *,
        block: str,
        join: Literal["concat", "positional", "sum"] = "concat",
        separator: str = "",
    ) -> None:
        """A field with its bubbles."""
        self.fields.append(
            Field(
                name=name,
                groups=tuple(
                    Group(bubbles=tuple(Bubble(label=label, x=_micron(x), y=_micron(y)) for label, x, y in group))
                    for group in groups
                ),
                join=join,
                separator=separator,
                width=WIDTH,
                height=HEIGHT,
                block=block,
            )
        )

    def digits(
        self,
        name: str,
        x: float,
        y: float,
        columns: Sequence[str],
        *,
        block: str,
        positional: bool,
        pitch: float = DIGIT_Y,
    ) -> None:
        """A digit grid: boxes to write in, under them a column of bubbles each.

        Args:
            x, y: top left of the boxes.
            columns: the labels of each column, top down; a space leaves a gap.
            pitch: from one bubble of a column to the next.
        """
        groups = []
        for i, labels in enumerate(columns):
            self.frame(x + i * DIGIT_X, y, DIGIT_X, WRITTEN, line=0.2, grey=60)
            middle = x + (i + 0.5) * DIGIT_X
            first = y + WRITTEN / 2 + WRITTEN_TO_GRID
            groups.append([(label, middle, first + row * pitch) for row, label in enumerate(labels) if label != " "])
        self.field(name, groups, block=block, join="positional" if positional else "concat")

    def page(self) -> Page:
        return Page(
            number=self.number,
            fields=tuple(self.fields),
            fiducials=tuple(self.fiducials),
            boxes=tuple(self.boxes),
            barcode=self.barcode,
            texts=tuple(self.texts),
            frames=tuple(self.frames),
        )


def _micron(value: float) -> float:
    return round(value, 3)
