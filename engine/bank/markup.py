"""Texts of questions: plain text that people can write, with a few elements of XHTML where plain text will not do.

`<math>…</math>` is MathML, `<img src="figures/1.png" alt="…"/>` names a picture by its way from the bank; `<sub>`,
`<sup>`, `<b>`, `<i>`, `<u>` and `<table>` mean what they mean everywhere. All other text stands for itself, 1 < 2
included; only a text that would be taken for one of these elements has `&lt;` in place of its `<`.
"""

from __future__ import annotations

import re
from html import unescape

INLINE = {"sub": "sub", "sup": "sup", "b": "b", "strong": "b", "i": "i", "em": "i", "u": "u"}
TABLE = {"table", "tr", "td", "th", "caption"}
BLOCKS = {"p", "div", "li", "ul", "ol", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "hr"}
LOST = {"audio", "video", "object", "embed", "iframe", "svg", "canvas", "form", "input", "select", "textarea", "applet"}
UNSEEN = {"script", "style", "head", "title", "template"}
MATHML = "http://www.w3.org/1998/Math/MathML"

_KEPT = "|".join(sorted({"math", "img", "br", *INLINE.values(), *TABLE}))
_ELEMENT = re.compile(rf"<math\b.*?</math>|</?(?:{_KEPT})\b[^<>]*>", re.DOTALL)
_MISTAKABLE = re.compile(rf"<(?=/?(?:{_KEPT})\b)")
_ESCAPED = re.compile(r"&(amp;)*lt;")


def literal(text: str) -> str:
    """Text that stands for itself, as part of a question's text."""
    return _MISTAKABLE.sub("&lt;", re.sub(r"&(?=(?:amp;)*lt;)", "&amp;", text))


def _bare(text: str) -> str:
    """What `literal` was given."""
    return _ESCAPED.sub(lambda found: found[0].replace("&amp;", "&", 1) if found[1] else "<", text)


def parts(text: str) -> list[tuple[bool, str]]:
    """A question's text in pieces: (True, an element's tag, or a formula as MathML) or (False, text for itself)."""
    pieces, at = [], 0
    for found in _ELEMENT.finditer(text):
        pieces += [(False, _bare(text[at : found.start()])), (True, found[0])]
        at = found.end()
    return [piece for piece in [*pieces, (False, _bare(text[at:]))] if piece[1]]


def plain(text: str) -> str:
    """The text without its elements: formulas as their characters, pictures as their alternative text or 〔图〕."""
    return "".join(_plain_element(piece) if element else piece for element, piece in parts(text))


def _plain_element(tag: str) -> str:
    if tag.startswith("<math"):
        return unescape(re.sub(r"<[^>]*>", "", tag))
    if tag.startswith("<img"):
        alt = re.search(r'\balt="([^"]*)"', tag)
        return unescape(alt[1]) if alt and alt[1] else "〔图〕"
    return "\n" if tag.startswith(("<br", "</tr")) else " " if tag.startswith(("</td", "</th")) else ""
