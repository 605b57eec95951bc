"""Marking rules (domain.md §2.1): from one answer to points.

An answer is text as a person would write it: "" (left blank), "A", "BD" (any order), "3.5"; of a constructed response,
the points a marker gave. `Item.key` holds what is right, `Item.rule` how it is marked:

    key   B                    one right option; of a multiple-choice item "ABD", the set of right options
          B|C                  several accepted keys, each for the full mark
          B=3|C=1.5            several accepted keys, each with its own points (rules exact, negative, numeric)
          3.5                  of a numeric item: the number; "3.5|7" several

    rule  (empty)              single, multiple: exact; number: numeric; constructed: points
          exact                the key earns the full mark, anything else 0
          flat:2               all right options: full mark; some of them and no wrong one: 2; else 0
          perkey               max ÷ (number of right options) for each right option, 0 with any wrong one
          perkey:2=0/3/6;3=0/2/4/6
                               the same from a list: with 2 right options, 0, 1, 2 of them found earn 0, 3, 6; with 3 …
          jee:4/3/2/1/-2       all right: 4; three, two, one right and none wrong: 3, 2, 1; blank: 0; else -2
          rightwrong           max ÷ (number of right options) gained per right, lost per wrong option, never below 0
          rightwrong:1         the same, 1 point lost per wrong option
          negative:1           as exact (numeric), but a wrong answer loses 1 point; blank: 0
          table:A=3;AB=5;BC=1.5
                               these answers earn these points, the key (if there is one) the full mark, anything else 0
          table:A=3;else=-2/3;blank=-1
                               likewise, but any other answer earns -2/3 and a blank -1
          numeric              equal as a number: "3.50" is 3.5
          numeric:tol=0.01     at most 0.01 off
          text                 equal as written: "01" is not "1"
          text:1=0.5;else=-1   as table, but answers are compared as written
          points               the answer is the points (constructed responses)
          void:drop            item withdrawn: it does not count, the paper's full mark shrinks
          void:full            item withdrawn: full mark to everyone with a sheet, whether or not the item was presented
          void:present         item withdrawn: full mark to everyone to whom it was presented
          void:answered        item withdrawn: full mark to everyone who did not leave it blank

With several accepted keys the partial rules (flat, perkey, jee, rightwrong) take the key that earns most. Points are
integers in units of the subject's step, which may be a fraction such as 1/3; so may points.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.points import in_toml, parse_points, plain

if TYPE_CHECKING:
    from engine.exam import Item

Rule = Callable[[str], int]

DEFAULTS = {"single": "exact", "multiple": "exact", "number": "numeric", "constructed": "points"}
VOID = ("drop", "full", "present", "answered")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


@functools.lru_cache(maxsize=1 << 13)  # an exam's items are asked for again by every stage
def rule(item: Item, step: Fraction) -> Rule:
    """The item's marking rule as a function: one answer → points in units of `step`.

    Raises:
        InputError: the item makes no sense (see `check_item`); the function raises it for a constructed response that
            is not a number of points the item can have.
    """
    name, _, argument = (item.rule or DEFAULTS[item.type]).partition(":")
    types, build = _RULES.get(name, ((), None))
    if build is None or item.type not in types:
        usual = ", ".join(known for known, (types, _) in _RULES.items() if item.type in types)
        raise InputError(
            f"rule {item.rule!r} is not known for an item of type {item.type}",
            column="rule",
            mend=f"use one of: {usual}; an empty cell means {DEFAULTS[item.type]}",
        )
    scale = _Scale(item, step)
    if scale.max <= 0:
        message = f"full mark {plain(item.max)}, expected more than 0"
        raise InputError(message, column="max", mend="give the item's points")
    return build(scale, argument)


def accepted(item: Item) -> list[str]:
    """The accepted keys as written, without their points: "B=3|C=1.5" → ["B", "C"]."""
    return [key for part in item.key.split("|") if (key := part.partition("=")[0].strip())]


def check_item(item: Item, step: Fraction) -> None:
    """Refuse an item that can't be marked.

    Raises:
        InputError: with the column of the blueprint, without file and row: key outside the options, points that are
            not multiples of the step or exceed the full mark, unknown or incomplete rule, …
    """
    rule(item, step)
    if void(item) == "drop" and item.group:
        raise InputError(
            f"rule {item.rule!r} in choose group {item.group!r}: who chose the item would lose its points",
            column="rule",
            mend="use void:present or void:answered",
        )


def void(item: Item) -> str:
    """How a withdrawn item is settled: "drop", "full", "present", "answered"; "" for an item that stands."""
    name, _, argument = item.rule.partition(":")
    return argument if name == "void" else ""


@dataclass(frozen=True)
class _Scale:
    """An item with its points as integers."""

    item: Item
    step: Fraction

    @property
    def max(self) -> int:
        return self.units(self.item.max, "max")

    def units(self, value: Fraction | str, column: str = "rule") -> int:
        """Points in units of the step."""
        points = parse_points(value) if isinstance(value, str) else value
        if points is None:
            raise InputError(f"{value!r} where points were expected", column=column, mend="write a plain number")
        units = points / self.step
        if units.denominator != 1:
            raise InputError(
                f"{plain(points)} points is not a multiple of the subject's step {plain(self.step)}",
                column=column,
                mend=f"change the points, or set step = {in_toml(self.step / units.denominator)} in exam.toml",
            )
        if column != "max" and units > self.max:
            raise InputError(
                f"{plain(points)} points is more than the item's full mark {plain(self.item.max)}",
                column=column,
                mend="change the points or the full mark",
            )
        return int(units)

    def keys(self) -> dict[str, int]:
        """The accepted keys as written, with their points."""
        if not self.item.key:
            raise InputError(
                "empty key, expected the right answer",
                column="key",
                mend="fill in the key, or withdraw the item by void:…",
            )
        keys = {}
        for part in self.item.key.split("|"):
            answer, own, points = part.partition("=")
            keys[answer.strip()] = self.units(points.strip(), "key") if own else self.max
        return keys

    def sets(self) -> dict[frozenset[str], int]:
        """The accepted keys of a choice item as sets of options, with their points."""
        return {self.options(answer, "key"): points for answer, points in self.keys().items()}

    def full_sets(self) -> list[frozenset[str]]:
        """Likewise for rules with partial credit, where a key with points of its own has no meaning."""
        if "=" in self.item.key:
            raise InputError(
                f"key {self.item.key!r} has points of its own, which rule {self.item.rule!r} can't use",
                column="key",
                mend="write the points of every answer by table:…",
            )
        return list(self.sets())

    def options(self, answer: str, column: str) -> frozenset[str]:
        """An answer named in the blueprint as a set of options; refuses what no pupil can fill in."""
        options = frozenset(answer)
        single = self.item.type == "single"
        if not answer.isalnum() or len(options) != len(answer) or (single and len(answer) > 1):
            expected = "one option" if single else "a set of options such as ABD"
            raise InputError(
                f"{answer!r} in {column} {getattr(self.item, column)!r}, expected {expected}",
                column=column,
                mend="write options without separators; several accepted keys are parted by |",
            )
        if self.item.options and not options <= set(self.item.options):
            raise InputError(
                f"{answer!r} is outside the options {self.item.options}",
                column=column,
                mend="correct the key or the options",
            )
        return options

    def numbers(self) -> dict[Decimal, int]:
        """The accepted keys of a numeric item, with their points."""
        keys = {parse_number(answer): points for answer, points in self.keys().items()}
        if None in keys:
            raise InputError(
                f"key {self.item.key!r}, expected a number such as 3.5", column="key", mend="correct the key"
            )
        return keys  # type: ignore[return-value]

    def share(self, right: int) -> int:
        """The full mark over `right` options."""
        if self.max % right:
            full, step = plain(self.item.max), plain(self.step)
            raise InputError(
                f"{full} points over {right} right options is not a multiple of the step {step}",
                column="rule",
                mend=f"list the points for 0 to {right} right options, as in perkey:2=0/3/6",
            )
        return self.max // right

    def bad(self, expected: str) -> InputError:
        return InputError(f"rule {self.item.rule!r}, expected {expected}", column="rule", mend="correct the rule")


def parse_number(text: str) -> Decimal | None:
    """A number as a pupil would write it; None for anything else."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _exact(scale: _Scale, argument: str) -> Rule:
    if argument:
        raise scale.bad("exact")
    keys = scale.sets()
    return lambda answer: keys.get(frozenset(answer), 0)


def _numeric(scale: _Scale, argument: str) -> Rule:
    name, _, text = argument.partition("=")
    tolerance = parse_number(text) if argument else Decimal(0)
    if (argument and name != "tol") or tolerance is None or tolerance < 0:
        raise scale.bad("numeric or numeric:tol=0.01")
    keys = scale.numbers()

    def mark(answer: str) -> int:
        value = parse_number(answer)
        if value is None:
            return 0
        return max((points for key, points in keys.items() if abs(value - key) <= tolerance), default=0)

    return mark


def _negative(scale: _Scale, argument: str) -> Rule:
    loss = scale.units(argument)
    if loss <= 0:
        raise scale.bad("the points a wrong answer loses, such as negative:1")
    right = _numeric(scale, "") if scale.item.type == "number" else _exact(scale, "")
    return lambda answer: (right(answer) or -loss) if answer else 0


def _partial(keys: list[frozenset[str]], earned: Callable[[int, int, int], int]) -> Rule:
    """`earned(right options chosen, wrong options chosen, right options there are)`, by the key that earns most."""

    def mark(answer: str) -> int:
        chosen = frozenset(answer)
        return max(earned(len(chosen & key), len(chosen - key), len(key)) for key in keys) if chosen else 0

    return mark


def _flat(scale: _Scale, argument: str) -> Rule:
    full, some = scale.max, scale.units(argument)
    return _partial(scale.full_sets(), lambda right, wrong, of: 0 if wrong else full if right == of else some)


def _perkey(scale: _Scale, argument: str) -> Rule:
    keys = scale.full_sets()
    if not argument:
        points = {len(key): [scale.share(len(key)) * right for right in range(len(key) + 1)] for key in keys}
    else:
        points = {}
        for part in argument.split(";"):
            size, _, listed = part.partition("=")
            numbers = [scale.units(number) for number in listed.split("/")]
            if not size.isdecimal() or len(numbers) != int(size) + 1 or numbers[-1] != scale.max:
                raise scale.bad(
                    "for each number of right options n the points of 0 to n found, the last one the full mark, "
                    "such as perkey:2=0/3/6;3=0/2/4/6"
                )
            points[int(size)] = numbers
        for key in keys:
            if len(key) not in points:
                raise scale.bad(f"a list for {len(key)} right options, which the key {scale.item.key} has")
    return _partial(keys, lambda right, wrong, of: 0 if wrong else points[of][right])


def _jee(scale: _Scale, argument: str) -> Rule:
    points = [scale.units(number) for number in argument.split("/")]
    if len(points) != 5 or points[0] != scale.max:
        raise scale.bad(f"five numbers, the first the full mark {plain(scale.item.max)}, such as jee:4/3/2/1/-2")
    full, three, two, one, loss = points
    some = (0, one, two, three)
    return _partial(
        scale.full_sets(),
        lambda right, wrong, of: loss if wrong else full if right == of else some[min(right, 3)],
    )


def _rightwrong(scale: _Scale, argument: str) -> Rule:
    keys = scale.full_sets()
    gain = {len(key): scale.share(len(key)) for key in keys}
    loss = {size: scale.units(argument) if argument else share for size, share in gain.items()}
    return _partial(keys, lambda right, wrong, of: max(0, gain[of] * right - loss[of] * wrong))


_LIST = "answers with their points, such as table:A=3;AB=5;else=-1;blank=0"


def _table(scale: _Scale, argument: str) -> Rule:
    if not argument:
        raise scale.bad(_LIST)
    if scale.item.type == "number":
        numbers = scale.numbers() if scale.item.key else {}
        return _listed(scale, argument, numbers, lambda answer, column: parse_number(answer), parse_number)
    sets = scale.sets() if scale.item.key else {}
    return _listed(scale, argument, sets, scale.options, frozenset)


def _text(scale: _Scale, argument: str) -> Rule:
    keys = scale.keys() if scale.item.key else {}
    return _listed(scale, argument, keys, lambda answer, column: answer, str)


def _listed(
    scale: _Scale,
    argument: str,
    keys: Mapping[Any, int],
    named: Callable[[str, str], Any],
    read: Callable[[str], Any],
) -> Rule:
    """Points from a list of answers.

    Args:
        keys: the accepted keys with their points.
        named: an answer in a column of the blueprint as `read` gives it; None if no pupil can give it.
        read: a pupil's answer as it is looked up.
    """
    points, others = dict(keys), {"else": 0}
    for part in argument.split(";") if argument else ():
        answer, given, number = (text.strip() for text in part.partition("="))
        if not given:
            raise scale.bad(_LIST)
        if answer in ("else", "blank"):
            others[answer] = scale.units(number)
        elif (known := named(answer, "rule")) is None:
            raise scale.bad(_LIST)
        else:
            points[known] = scale.units(number)
    otherwise, blank = others["else"], others.get("blank", 0)
    if scale.max not in (*points.values(), otherwise, blank):
        raise scale.bad(f"an answer that earns the full mark {plain(scale.item.max)}")
    return lambda answer: points.get(read(answer), otherwise) if answer else blank


def _points(scale: _Scale, argument: str) -> Rule:
    if argument:
        raise scale.bad("points")

    def mark(answer: str) -> int:
        value = parse_points(answer) if answer else Fraction(0)
        if value is None or not 0 <= value <= scale.item.max or value % scale.step:
            raise InputError(
                f"points {answer!r}, expected 0 to {plain(scale.item.max)} in steps of {plain(scale.step)}",
                column=scale.item.item,
                mend="correct the points given",
            )
        return int(value / scale.step)

    return mark


def _void(scale: _Scale, argument: str) -> Rule:
    if argument not in VOID:
        raise scale.bad("one of " + ", ".join(f"void:{how}" for how in VOID))
    full = scale.max
    if argument == "drop":
        return lambda answer: 0
    if argument == "answered":
        return lambda answer: full if answer else 0
    return lambda answer: full


_CHOICE = ("single", "multiple")
_RULES: dict[str, tuple[tuple[str, ...], Callable[[_Scale, str], Rule]]] = {
    "exact": (_CHOICE, _exact),
    "flat": (("multiple",), _flat),
    "perkey": (("multiple",), _perkey),
    "jee": (("multiple",), _jee),
    "rightwrong": (("multiple",), _rightwrong),
    "negative": ((*_CHOICE, "number"), _negative),
    "table": ((*_CHOICE, "number"), _table),
    "numeric": (("number",), _numeric),
    "text": (("number",), _text),
    "points": (("constructed",), _points),
    "void": ((*_CHOICE, "number", "constructed"), _void),
}
