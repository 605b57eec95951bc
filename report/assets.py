"""The font beside the pages: the characters they use, for a machine without a Chinese font.

It stands in a stylesheet as a data URL, since some browsers refuse font files beside a page opened from disk.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from omr.fonts import cjk_font


def font_css(characters: Iterable[str]) -> str:
    """A stylesheet with Noto Sans SC, cut down to these characters, as the family "Yuejuan Fallback"."""
    options = subset.Options(layout_features=["kern", "locl"], hinting=False, notdef_outline=True, desubroutinize=True)
    with TTFont(cjk_font(), lazy=True, recalcTimestamp=False) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(text="".join(sorted(characters)))
        cutter.subset(font)
        font.flavor = "woff"
        data = io.BytesIO()
        font.save(data)
    url = base64.b64encode(data.getvalue()).decode("ascii")
    return f'@font-face{{font-family:"Yuejuan Fallback";src:url(data:font/woff;base64,{url}) format("woff")}}\n'


def characters_of(path: Path) -> set[str]:
    """The characters that a stylesheet made by `font_css` has; none if there is no such file."""
    found = re.search(r"base64,([^)]*)\)", path.read_text("utf-8")) if path.is_file() else None
    if found is None:
        return set()
    with TTFont(io.BytesIO(base64.b64decode(found[1])), lazy=True) as font:
        return {chr(code) for code in font.getBestCmap()}
