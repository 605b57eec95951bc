"""How a page of an OMRChecker template is found: the steps of its `preProcessors`.

The steps that crop say where the page lies; those that only change how a picture looks are passed over. The config.json
beside a template sizes its pictures on the way and moves no bubble; it is needed only for the size of a marker whose
template does not say it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from engine.errors import InputError
from omr import image
from omr.layout import Registration

Shape = tuple[float, float]

PROCESSING_SHAPE = (900.0, 650.0)  # height and width in version 2, where it does not say
# These move nothing, and marks are judged without them; a page that lies turned is found to do so.
_NEEDLESS = {"Levels", "GaussianBlur", "MedianBlur", "Contrast", "AutoRotate"}
_MARKER = "omr_marker.jpg"  # the marker picture of a template that does not name it
_PROCESSING_WIDTH = 666  # pixels, where config.json does not say
_CORNER_MARKERS = ("topLeftMarker", "topRightMarker", "bottomRightMarker", "bottomLeftMarker")
_Size = Annotated[float, Field(gt=0, le=1e5, allow_inf_nan=False)]
_SHAPE = TypeAdapter(tuple[_Size, _Size])


class Step(BaseModel):
    """A step of `preProcessors`."""

    name: str
    options: dict[str, Any] = {}


def registration(steps: Sequence[Step], shape: Shape, folder: Path) -> Registration:
    """How to find the page. A later crop works on what an earlier one left, so the last one decides.

    Args:
        shape: height and width of the pictures worked on (version 2).
        folder: of the template.

    Raises:
        ValueError: a step is not supported or makes no sense; the message names its key.
        InputError: config.json, where it is needed, is wrong.
    """
    found = Registration(method="frame")
    for step in steps:
        if step.name == "CropPage":
            found = Registration(method="outline")
        elif step.name == "CropOnMarkers" and "type" in step.options:
            found = _four_markers(step.options, shape, folder)
        elif step.name == "CropOnMarkers":
            found = _markers(step.options, folder)
        elif step.name == "FeatureBasedAlignment":
            found = _reference(step.options, folder)
        elif step.name not in _NEEDLESS:
            raise ValueError(
                f"preProcessors: {step.name} is not supported; "
                "use CropPage, CropOnMarkers, FeatureBasedAlignment, or none when the picture is the page"
            )
    return found


def _markers(options: dict[str, Any], folder: Path) -> Registration:
    """Its other options (marker_rescale_range, min_matching_threshold, …) tune another program's search."""
    key = "preProcessors.CropOnMarkers"
    marker = _picture(options.get("relativePath", _MARKER), folder, f"{key}.relativePath")
    ratio = options.get("sheetToMarkerWidthRatio")
    if ratio is None:
        ratio = _processing_width(folder) / image.load(Path(marker)).shape[1]
    if not isinstance(ratio, (int, float)) or not 0 < ratio < math.inf:
        raise ValueError(f"{key}.sheetToMarkerWidthRatio: {ratio!r} is not a ratio greater than 0")
    return Registration(method="markers", marker=marker, marker_ratio=ratio)


def _processing_width(folder: Path) -> float:
    """Pixels across the page where OMRChecker looks for a marker in its own size."""
    path = folder / "config.json"
    try:
        content = json.loads(path.read_bytes()) if path.is_file() else {}
        width = content.get("dimensions", {}).get("processing_width", _PROCESSING_WIDTH)
    except (OSError, ValueError, RecursionError, AttributeError):
        raise InputError("not a usable OMRChecker config", file=path, mend="correct it, or take it away") from None
    if not isinstance(width, (int, float)) or not 0 < width < math.inf:
        mend = "give the width in pixels"
        raise InputError(f"dimensions.processing_width: {width!r} is not a width", file=path, mend=mend)
    return width


def _four_markers(options: dict[str, Any], shape: Shape, folder: Path) -> Registration:
    """CropOnMarkers of version 2: the page lies between the centres of four markers."""
    key = "preProcessors.CropOnMarkers"
    if options["type"] != "FOUR_MARKERS":
        raise ValueError(f"{key}.type: {options['type']!r} is not supported, only FOUR_MARKERS is")
    corners = [options.get(name, {}) for name in _CORNER_MARKERS]
    centred = all(isinstance(one, dict) and one.get("selector", "SELECT_CENTER") == "SELECT_CENTER" for one in corners)
    if options.get("defaultSelector", "CENTERS") != "CENTERS" or not centred:
        raise ValueError(
            f"{key}.defaultSelector: only CENTERS is supported: the page lies between the markers' centres"
        )
    if any("customOptions" in one for one in corners):
        raise ValueError(f"{key}: only one referenceImage for all four markers is supported")
    marker = _picture(options.get("referenceImage"), folder, f"{key}.referenceImage")
    try:
        _, across = _SHAPE.validate_python(options.get("processingImageShape", shape))
        width, _ = _SHAPE.validate_python(options.get("markerDimensions") or image.load(Path(marker)).shape[::-1])
    except ValidationError:
        raise ValueError(
            f"{key}: markerDimensions and processingImageShape must be two numbers greater than 0"
        ) from None
    return Registration(method="markers", marker=marker, marker_ratio=across / width)


def _reference(options: dict[str, Any], folder: Path) -> Registration:
    """Its other options (maxFeatures, goodMatchPercent, 2d, matcherType) tune another program's search."""
    picture = _picture(options.get("reference"), folder, "preProcessors.FeatureBasedAlignment.reference")
    return Registration(method="reference", reference=picture)


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
