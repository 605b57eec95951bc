"""Items as the titles of columns name them: 21(1), 21-1, 第21题（1） and 21 over (1) are the same item."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from fractions import Fraction

from engine.intake.words import key
from engine.points import parse_points

_WORTH = re.compile(
    r"[(\[【]?(?:满分|分值|共)\s*[:：]?\s*(\d+(?:\.\d+)?)\s*分?[)\]】]?|[(\[【]\s*(\d+(?:\.\d+)?)\s*分\s*[)\]】]"
)
_SAID_OF_ALL = re.compile(r"[(\[【][^()\[\]【】]*(?:每|各)[^()\[\]【】]*分[^()\[\]【】]*[)\]】]")
_NO_ITEM = re.compile(
    r"年|月|日|班|级|考|名|学|序|性别|成绩|答案|选项|作答|选择情况|率|阅|评|批|小计|合计|总|[客主]观题?(得?分)?$|卷|均|电话|手机|no\b"
)
MOST_DIGITS = 3


def item_key(title: str) -> str:
    """An item by its numbers, "21-1", or where it has none by its words; "" for what names no item."""
    text = _SAID_OF_ALL.sub("", _WORTH.sub("", _plain(title)))
    numbers = re.findall(r"\d+", text)
    if not numbers:
        return key(title)
    if _NO_ITEM.search(text) or len(numbers) > 3 or any(len(number) > MOST_DIGITS for number in numbers):
        return ""
    return "-".join(number.lstrip("0") or "0" for number in numbers)


def item_name(found: str) -> str:
    """The name of an item that has no other: "21-1" → "21(1)"."""
    first, *rest = found.split("-")
    return first + "".join(f"({number})" for number in rest)


def worth(title: str) -> Fraction | None:
    """The full mark that a title says: "第21题（12分）" → 12."""
    said = _WORTH.search(_plain(title))
    return parse_points(said[1] or said[2]) if said else None


def by_key(names: Iterable[str]) -> dict[str, str]:
    """item_key → name, without those that two items share."""
    found: dict[str, str] = {}
    twice = set()
    for name in names:
        if found.setdefault(item_key(name), name) != name:
            twice.add(item_key(name))
    return {one: name for one, name in found.items() if one and one not in twice}


def _plain(title: str) -> str:
    """Half-width, lower case; "①" is 1."""
    return unicodedata.normalize("NFKC", re.sub(r"([①-⑳])", r" \1", title)).casefold()
