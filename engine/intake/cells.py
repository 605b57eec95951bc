"""Cells of school tables as we write them: names, identifiers, scores, the check digit of 学籍号."""

from __future__ import annotations

import datetime
import functools
import re
import unicodedata
from fractions import Fraction

from engine.files import halfwidth
from engine.intake.words import ABSENCES
from engine.points import parse_points

_HAN = r"\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\ue000-\uf8ff"
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}·])\s+(?=[{_HAN}·])")
_DOTS = re.compile(rf"(?<=[{_HAN}])\s*[·•・‧∙⋅･˙●.．﹒]\s*(?=[{_HAN}])")
_PUPIL_CODE = re.compile(r"[GJL]\d{17}[\dX]")
_RESIDENT = re.compile(r"\d{17}[\dX]")


def person_name(text: str) -> str:
    """A name without spaces between Chinese characters (王 芳 → 王芳) and with "·" for every kind of middle dot."""
    text = unicodedata.normalize("NFC", text).strip()
    if text.isascii():
        return " ".join(text.split())
    text = _DOTS.sub("·", text.replace("\u3000", " "))
    return " ".join(_BETWEEN_HAN.sub("", text).split())


def name_problem(name: str) -> str:
    """What is suspicious about a name, in words; "" if nothing is."""
    if "?" in name or "？" in name or "\ufffd" in name or "□" in name or "*" in name:
        return "姓名里有 ? □ * 等符号，可能是生僻字在转换编码时丢失，或已作脱敏"
    if any("\ue000" <= char <= "\uf8ff" for char in name):
        return "姓名里有自造字（私用区编码），换一台电脑可能显示成别的字"
    if name.isdecimal():
        return "姓名一列里是数字"
    return ""


def identifier(text: str) -> str:
    """An identifier in half-width capitals without spaces, without the ' that keeps a spreadsheet from reckoning."""
    text = halfwidth(text).lstrip("'`‘’").replace(" ", "").replace("\u3000", "").replace("\t", "")
    return text.upper() if re.fullmatch(r"[GJLgjl]?\d{17}[\dxX]", text) else text.removesuffix(".0")


def check_digit(body: str) -> str:
    """The check digit of 17 digits (GB 11643: ISO 7064 MOD 11-2), "0" … "9" or "X"."""
    total = sum(int(digit) * pow(2, 17 - i, 11) for i, digit in enumerate(body))
    return "0123456789X"[(1 - total) % 11]


def pupil_code_problem(code: str) -> str:
    """What is wrong with a 学籍号 (domain.md §7.2) or 身份证号, in words; "" for a right one and any other number."""
    body = code[1:] if code[:1] in ("G", "J", "L") else code
    if code[:1] in ("G", "J", "L") and code[1:].rstrip("X").isdigit() and not _PUPIL_CODE.fullmatch(code):
        return f"学籍号应为 19 位（{code[0]} 加 18 位），这里是 {len(code)} 位"
    if not _RESIDENT.fullmatch(body):
        return ""
    try:
        datetime.date(int(body[6:10]), int(body[10:12]), int(body[12:14]))
    except ValueError:
        return f"第 7–14 位 {body[6:14]} 不是日期"
    right = check_digit(body[:17])
    if code[:1] != "L" and body[17] != right:  # the last place of a temporary one is drawn, not reckoned
        return f"校验码不对：末位是 {body[17]}，按前 17 位应为 {right}"
    return ""


@functools.lru_cache(maxsize=100_000)
def score_of(text: str) -> tuple[Fraction | None, str]:
    """A cell of a column of scores.

    Returns:
        the score, or None and how the pupil stands: "absent" 缺考, "violation" 违纪, "deferred" 缓考, "exempt" 免考,
        "blank", or "?" for what is no score.
    """
    plain = halfwidth(text).replace(" ", "").lstrip("'")
    word = plain.casefold().strip("()[]（）【】")
    if word in ABSENCES:
        return None, ABSENCES[word]
    if plain.endswith("分"):
        plain = plain[:-1]
    points = parse_points(plain)
    if points is None or points < 0 or "/" in plain:
        return None, "?"
    return points, ""


def told_wrong(text: str) -> str:
    """Why a cell is no score, in words."""
    if text.startswith("="):
        return "这一格是公式，但文件里没有保存计算结果"
    if text.startswith("#"):
        return "这一格是出错的公式"
    if re.fullmatch(r"\d{4}-\d\d-\d\d.*", text):
        return "这一格是日期，不是分数"
    return "这一格不是分数"
