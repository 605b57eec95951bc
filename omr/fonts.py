"""The Chinese font that is printed with: Noto Sans SC, which comes with the package's dependencies."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import pylopdf_fonts_zh_cn
from fontTools.ttLib import TTFont

FAMILY = "Noto Sans SC"


def cjk_font() -> Path:
    """The font file; its folder is what a typesetter takes as a font path."""
    return Path(pylopdf_fonts_zh_cn.sans_path())


@functools.cache
def _advances() -> dict[int, float]:
    """How far each character moves on, in em."""
    with TTFont(cjk_font(), lazy=True) as font:
        metrics, em = font["hmtx"].metrics, font["head"].unitsPerEm
        return {code: metrics[glyph][0] / em for code, glyph in font.getBestCmap().items()}


def width(words: str) -> float:
    """The width of a line of text, in em."""
    return sum(_advances().get(ord(letter), 1.0) for letter in words)


def missing(words: Iterable[str]) -> str:
    """The characters the font cannot print, in code order, each once; "" when it has them all."""
    return "".join(sorted({letter for word in words for letter in word if ord(letter) not in _advances()}))
