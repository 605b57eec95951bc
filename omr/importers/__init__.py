"""Layouts from any kind of file: our own, or another program's template."""

from __future__ import annotations

import json
from pathlib import Path

from engine.errors import InputError
from omr.importers import markshark
from omr.importers.omrchecker import load_template
from omr.layout import Layout, load_layout

OMRCHECKER = {"fieldBlocks", "bubbleDimensions", "pageDimensions", "templateDimensions", "preProcessors"}


def load_any(path: Path) -> Layout:
    """Read a layout of any kind, told apart by what the file says rather than by its name.

    Raises:
        InputError: the file is missing, is of no known kind, or is wrong in itself.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the layout: {error.strerror}", file=path) from None
    broken, content = "", None
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        broken = str(error)
    if isinstance(content, dict):
        if OMRCHECKER & content.keys():
            return load_template(path)
        if "pages" in content:
            return load_layout(path)
    if markshark.parse(data) is not None:
        return markshark.load_map(path)
    if broken and data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise InputError(f"not valid JSON: {broken}", file=path, mend="correct it at that place, or restore the file")
    raise InputError(
        "neither a Yuejuan layout, nor an OMRChecker template, nor a MarkShark bubblemap",
        file=path,
        mend="give the layout .json that `yuejuan sheets` wrote, a template.json or a bubblemap.yaml",
    )
