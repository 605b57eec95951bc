"""Exceptions in words: what happened and what to do about it."""

from __future__ import annotations

from omr.reason import Reason
from report.source import Row
from report.words import TEXTS, Words


def told(rows: list[Row], words: Words) -> list[Row]:
    """Rows of `exceptions` with `reason` in words, and `todo`: what a person should do, "" if only `detail` says it."""
    return [row | {"reason": _reason(row["reason"], words), "todo": _todo(row["reason"], words)} for row in rows]


def _of_reading(code: str) -> Reason | None:
    """The reason, if it is one of reading pages and marks; matching has its own, in `words`."""
    return Reason(code) if code in set(Reason) else None


def _reason(code: str, words: Words) -> str:
    reading = _of_reading(code)
    if reading is None:
        return words.code("reason", code)
    return reading.zh if words.language == "zh" else reading.en


def _todo(code: str, words: Words) -> str:
    reading = _of_reading(code)
    if reading is None:
        return words(f"mend.{code}") if f"mend.{code}" in TEXTS else ""
    return reading.mend_zh if words.language == "zh" else reading.mend
