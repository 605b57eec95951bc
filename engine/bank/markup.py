"""Texts of questions: plain text that people can write, with a few elements of XHTML where plain text will not do.

`<math>…</math>` is MathML, `<img src="figures/1.png" alt="…"/>` names a picture by its way from the bank; `<sub>`,
`<sup>`, `<b>`, `<i>`, `<u>` and `<table>` mean what they mean everywhere. All other text stands for itself, 1 < 2
included; only a text that would be taken for one of these elements has `&lt;` in place of its `<`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from xml.etree.ElementTree import Element

from engine.bank.safe import parse_xml
from engine.errors import InputError

INLINE = {"sub": "sub", "sup": "sup", "b": "b", "strong": "b", "i": "i", "em": "i", "u": "u"}
TABLE = {"table", "tr", "td", "th", "caption"}
ATTRIBUTES = {"colspan", "rowspan", "src", "alt"}  # of elements that are no formulas
BLOCKS = set("p div li ul ol dl dt dd h1 h2 h3 h4 h5 h6 pre blockquote hr section article center".split())
UNSEEN = {"script", "style", "head", "title", "template"}
LOST = {"audio", "video", "object", "embed", "iframe", "svg", "canvas", "form", "input", "select", "a", "font"}
UNSAFE = ("on", "href", "src", "style", "xmlns")  # attributes of formulas begin with none of these
MATHML = "http://www.w3.org/1998/Math/MathML"

_KEPT = "|".join(sorted({"math", "img", "br", *INLINE.values(), *TABLE}))
# None of these goes over a text more than once, whoever wrote it: what is not closed ends where the next one begins.
_ELEMENT = re.compile(rf"<math\b(?:(?!<math\b).)*?</math>|</?(?:{_KEPT})\b[^<>]*>", re.DOTALL)
_MISTAKABLE = re.compile(rf"<(?=/?(?:{_KEPT})\b)")
_ESCAPED = re.compile(r"&(amp;)*lt;")
_COLLAPSING = re.compile(r"(?:^|(?<=[\n ])) ")  # a space that a browser would not show
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # characters that no XML has
_TAG = re.compile(r"<(/?)(\w+)(.*?)/?>", re.DOTALL)
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""")
_ANNOTATION = re.compile(r"<annotation\b(?:(?!<annotation\b).)*?</annotation>", re.DOTALL)
_HTML = re.compile(
    r"<!--(?:(?!<!--).)*?-->"
    r"|<(script|style)\b(?:(?!<(?:script|style)\b).)*?</\1\s*>"
    r"|<[!?][^<>]*>"
    r"""|<(?P<end>/?)(?P<tag>[A-Za-z][\w:-]*+)(?P<rest>(?:[^<>"']|"[^"]*"|'[^']*')*+)>""",
    re.DOTALL | re.IGNORECASE,
)


def literal(text: str) -> str:
    """Text that stands for itself, as part of a question's text."""
    return _MISTAKABLE.sub("&lt;", re.sub(r"&(?=(?:amp;)*lt;)", "&amp;", text))


def printable(text: str) -> str:
    """The text without characters that XML can't have."""
    return _CONTROL.sub("", text)


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


def is_plain(text: str) -> bool:
    """Whether there are no elements in it."""
    return not any(element for element, _ in parts(text))


def plain(text: str) -> str:
    """The text without its elements: formulas as their characters, pictures as their alternative text or 〔图〕."""
    return "".join(_plain_element(piece) if element else piece for element, piece in parts(text))


def _plain_element(tag: str) -> str:
    if tag.startswith("<math"):
        return unescape(re.sub(r"<[^<>]*>", "", _ANNOTATION.sub("", tag)))
    if tag.startswith("<img"):
        return _attributes(tag).get("alt") or "〔图〕"
    return "\n" if tag.startswith(("<br", "</tr")) else " " if tag.startswith(("</td", "</th")) else ""


def _attributes(tag: str) -> dict[str, str]:
    """Names in small letters → values."""
    return {name.lower(): unescape(double or single or bare) for name, double, single, bare in _ATTRIBUTE.findall(tag)}


def pictures(text: str) -> list[str]:
    """What the text's pictures are called."""
    return [_attributes(tag).get("src", "") for element, tag in parts(text) if element and tag.startswith("<img")]


def renamed(text: str, name: Callable[[str], str]) -> str:
    """The text with other names for its pictures."""

    def image(tag: re.Match[str]) -> str:
        if not tag[0].startswith("<img"):
            return tag[0]
        told = _attributes(tag[0])
        return _image(name(told.get("src", "")), told.get("alt", ""))

    return _ELEMENT.sub(image, text)


def _image(source: str, alt: str) -> str:
    return f'<img src="{escape(source)}" alt="{escape(alt)}"/>'


# ---- to XHTML


def to_html(text: str) -> str:
    """The text as XHTML that is well-formed, whatever stands in it: elements that are left open are closed."""
    out: list[str] = []
    open_: list[str] = []
    for element, piece in parts(text):
        if not element:
            out.append(_COLLAPSING.sub("\xa0", escape(printable(piece), quote=False)).replace("\n", "<br/>"))
            continue
        if piece.startswith("<math"):
            out.append(_mathml(piece))
            continue
        closing, tag, rest = _TAG.match(piece).groups()  # type: ignore[union-attr]
        if closing and tag in open_:
            while True:
                out.append(f"</{open_[-1]}>")
                if open_.pop() == tag:
                    break
        elif not closing:
            kept = "".join(f' {k}="{escape(v)}"' for k, v in _attributes(rest).items() if k in ATTRIBUTES)
            empty = tag in ("br", "img")
            out.append(f"<{tag}{kept}{'/' if empty else ''}>")
            open_ += [] if empty else [tag]
    return "".join([*out, *(f"</{tag}>" for tag in reversed(open_))])


def _mathml(formula: str) -> str:
    """A formula in its namespace; what is no XML, as text."""
    try:
        inner = parse_xml(unescape_named(formula).encode(), "formula")
    except InputError:
        return escape(_plain_element(formula), quote=False)
    builder = _Builder(lambda source: source)
    builder.walk(inner)
    return builder.text.replace("<math", f'<math xmlns="{MATHML}"', 1)


def unescape_named(text: str) -> str:
    """Named entities of HTML, which XML does not know, as characters."""
    return re.sub(r"&(?!amp;|lt;|gt;|quot;|apos;)[A-Za-z]\w*;", lambda found: unescape(found[0]), text)


# ---- from HTML


class _Builder:
    """Puts together a question's text from the elements of HTML or XHTML.

    Attributes:
        lost: what could not be kept.
    """

    def __init__(self, picture: Callable[[str], str | None]) -> None:
        self.picture = picture
        self.lost: list[str] = []
        self._pieces: list[str] = [""]
        self._formula = self._unseen = 0

    @property
    def text(self) -> str:
        return f"{''.join(self._pieces)}{'</math>' if self._formula else ''}".strip()

    def _add(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)

    def start(self, tag: str, told: Mapping[str, str]) -> None:
        if self._unseen or tag in UNSEEN:
            self._unseen += tag in UNSEEN
        elif self._formula or tag == "math":
            self._formula += tag == "math"
            if tag == "math" and self._formula > 1:  # one in another is part of it
                return
            safe = (f' {k}="{escape(v)}"' for k, v in told.items() if k.isalpha() and not k.startswith(UNSAFE))
            self._add(f"<{tag}{''.join(safe)}>")
        elif tag in INLINE:
            self._add(f"<{INLINE[tag]}>")
        elif tag in TABLE:
            kept = (f' {k}="{escape(v)}"' for k, v in told.items() if k in ("colspan", "rowspan"))
            self._add(f"<{tag}{''.join(kept)}>")
        elif tag == "img":
            self._place(told.get("src", ""), told.get("alt", ""))
        elif tag == "object" and told.get("type", "").startswith("image/"):
            self._place(told.get("data", ""), "")
        elif tag == "br":
            self._add("\n")
        elif tag in BLOCKS:
            self._new_line()
        elif tag in LOST:
            self.lost.append({"a": "link", "font": "font"}.get(tag, tag))
        if "style" in told and not self._unseen:
            self.lost.append("style")

    def end(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= tag in UNSEEN
        elif self._formula:
            self._formula -= tag == "math"
            if tag != "math" or not self._formula:
                self._add(f"</{tag}>")
        elif tag in INLINE or tag in TABLE:
            self._add(f"</{INLINE.get(tag, tag)}>")
        elif tag in BLOCKS:
            self._new_line()

    def data(self, data: str) -> None:
        if self._unseen:
            return
        if self._formula:
            self._add(escape(data, quote=False))
            return
        data = re.sub(r"[ \t\r\n]+", " ", data)
        if self._pieces[-1][-1:] in ("", "\n", " "):
            data = data.lstrip(" ")
        self._add(literal(data.replace("\xa0", " ")))

    def _new_line(self) -> None:
        self._pieces[-1] = self._pieces[-1].rstrip(" ")
        if self._pieces[-1][-1:] not in ("", "\n"):
            self._add("\n")

    def _place(self, source: str, alt: str) -> None:
        name = self.picture(source)
        if name is None:
            self.lost.append("picture that is not there")
        self._add(_image(name, alt) if name is not None else f"〔{literal(alt)}〕" if alt else "〔图〕")

    def walk(self, element: Element) -> None:
        """The same from a tree: an element with all that is in it, and nothing that follows it."""
        self.start(element.tag, element.attrib)
        self.data(element.text or "")
        for child in element:
            self.walk(child)
            self.data(child.tail or "")
        self.end(element.tag)

    def feed(self, html: str) -> None:
        """The same from HTML; a "<" that begins nothing is a "<"."""
        at = 0
        for found in _HTML.finditer(html):
            self.data(unescape(html[at : found.start()]))
            at = found.end()
            if found["tag"] and found["end"]:
                self.end(found["tag"].lower())
            elif found["tag"]:
                self.start(found["tag"].lower(), _attributes(found["rest"]))
        self.data(unescape(html[at:]))


def from_html(html: str, picture: Callable[[str], str | None], lost: Callable[[str], None]) -> str:
    """A question's text from HTML as a browser would take it.

    Args:
        picture: the name under which a picture is kept, of its source; None if there is none.
        lost: is told what cannot be kept.
    """
    builder = _Builder(picture)
    builder.feed(html)
    for what in builder.lost:
        lost(what)
    return builder.text


def from_element(element: Element, picture: Callable[[str], str | None], lost: Callable[[str], None]) -> str:
    """The same from an element of XHTML and what is in it."""
    builder = _Builder(picture)
    builder.walk(element)
    for what in builder.lost:
        lost(what)
    return builder.text
