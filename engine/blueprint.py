"""The blueprint (双向细目表): a row an item, with what it measures and how it is marked.

item       题号      unique; the name of the answer field on the sheet
type       题型      single 单选, multiple 多选, number 填空/数值, constructed 解答/主观
max        分值      a multiple of the subject's step
key, rule  答案, 评分规则     see engine/rules.py
options    选项      "ABCD", or how many there are; choice items have ABCD without it
knowledge  知识点    "函数:0.7;几何:0.3"; without weights the points count equally
ability    能力层次
section    大题
group      选做组    choose-k-of-n group, which exam.toml settles in [subjects.choose.<group>]
expected   预估难度  expected rate, 0…1
misconceptions  典型错因  what wrong answers show, "A:符号错误;C:混淆定义域"
question   题库编号  its id in the bank, where it is from there
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from engine.errors import InputError, collecting, raise_all
from engine.evaluation import load_evaluation
from engine.exam import Item, SubjectKeys
from engine.files import Records, find_table, halfwidth, hint, need_table, read_records
from engine.points import parse_points
from engine.rules import check_item
from engine.tables import ABSENT, CANDIDATE, CHOOSE, FORM, SCORE, VIOLATION

ALIASES = {
    "题号": "item",
    "小题": "item",
    "题型": "type",
    "分值": "max",
    "满分": "max",
    "答案": "key",
    "评分规则": "rule",
    "选项": "options",
    "知识点": "knowledge",
    "能力层次": "ability",
    "大题": "section",
    "选做组": "group",
    "预估难度": "expected",
    "典型错因": "misconceptions",
    "错因": "misconceptions",
    "题库编号": "question",
}
REQUIRED = ("item", "type", "max")
EVALUATION = "evaluation.json"  # OMRChecker's (engine/evaluation.py)

TYPES = {
    **dict.fromkeys(("single", "单选", "单选题", "单项选择", "单项选择题", "选择题", "判断题"), "single"),
    **dict.fromkeys(("multiple", "多选", "多选题", "多项选择", "多项选择题", "不定项选择题"), "multiple"),
    **dict.fromkeys(("number", "填空", "填空题", "数值", "数值题"), "number"),
    **dict.fromkeys(("constructed", "解答", "解答题", "主观", "主观题", "非选择题", "作文"), "constructed"),
}
LETTERS = "ABCDEFGH"
# Columns of the tables in which every item has a column.
RESERVED = {"student_id", "status", "form", "total", CANDIDATE, ABSENT, VIOLATION, FORM}


def load_items(folder: Path, subject: SubjectKeys) -> tuple[Item, ...]:
    """Read blueprint.csv or blueprint.xlsx of a subject's folder, or OMRChecker's evaluation.json where there is none.

    Raises:
        InputError: with all that is wrong, by row and column.
    """
    if find_table(folder, "blueprint") is None and (folder / EVALUATION).is_file():
        records = load_evaluation(folder / EVALUATION).records()
    else:
        records = read_records(need_table(folder, "blueprint"), required=REQUIRED, aliases=ALIASES)
    if not records.rows:
        raise InputError("no items", file=records.path, mend="add a row for every item")
    errors: list[InputError] = []
    items: dict[str, Item] = {}
    for i in range(len(records.rows)):
        with collecting(errors):
            item = _item(records, i, subject)
            if item.item in items:
                raise records.error(i, "item", f"item {item.item!r} stands twice", "give every item its own number")
            items[item.item] = item
    errors.extend(_groups(records, tuple(items.values()), subject))
    raise_all(errors)
    return tuple(items.values())


def _item(records: Records, i: int, subject: SubjectKeys) -> Item:
    """One row, every cell checked. Where only points are known, every item is one whose answer is its points."""
    row = {name: records.rows[i].get(name, "") for name in Item.model_fields}
    errors: list[InputError] = []

    name = halfwidth(row["item"])
    if not name or name in RESERVED or name.startswith((CHOOSE, SCORE)) or "+" in name or not name.isprintable():
        errors.append(records.error(i, "item", f"{name!r} can't name an item", "number the items 1, 2, 3 … or 21(1)"))
    kind = TYPES.get(halfwidth(row["type"]).casefold(), "")
    if not kind:
        errors.append(records.error(i, "type", f"unknown type {row['type']!r}", hint(row["type"], TYPES)))
    points = parse_points(halfwidth(row["max"]))
    if points is None or points <= 0:
        errors.append(records.error(i, "max", f"{row['max']!r}, expected points above 0", "give the full mark"))
    expected = _decimal(row["expected"])
    if row["expected"] and (expected is None or not 0 <= expected <= 1):
        message = f"{row['expected']!r}, expected a rate between 0 and 1"
        errors.append(records.error(i, "expected", message, "write 0.65 for 65 %"))
    knowledge: tuple[tuple[str, float], ...] = ()
    try:
        knowledge = parse_knowledge(row["knowledge"])
    except ValueError as error:
        errors.append(records.error(i, "knowledge", str(error), "write it as 函数:0.7;几何:0.3"))
    misconceptions: tuple[tuple[str, str], ...] = ()
    try:
        misconceptions = parse_misconceptions(row["misconceptions"])
    except ValueError as error:
        errors.append(records.error(i, "misconceptions", str(error), "write it as A:符号错误;C:混淆定义域"))
    choice = kind in ("single", "multiple")
    options = _options(row["options"]) if choice else ""
    for answer in (answer for answer, _ in misconceptions if choice and not set(answer) <= set(options)):
        message = f"misconception of answer {answer!r}, which is not among the options {options}"
        errors.append(records.error(i, "misconceptions", message, "name wrong options, such as A:符号错误"))
    if kind == "single" and (right := [answer for answer, _ in misconceptions if answer in _key(row["key"], choice)]):
        message = f"misconception of answer {right[0]!r}, which is right"
        errors.append(records.error(i, "misconceptions", message, "name wrong options, or correct the key"))
    if problem := _options_problem(options):
        errors.append(records.error(i, "options", problem, "write the letters, ABCD, or how many there are"))
    raise_all(errors)
    assert points is not None
    if subject.points_only:
        kind, choice, options, misconceptions = "constructed", False, "", ()
        row |= {"key": "", "rule": row["rule"] if row["rule"].startswith("void") else ""}

    item = Item.model_validate(
        {
            **row,
            "item": name,
            "type": kind,
            "max": points,
            "key": _key(row["key"], choice),
            "rule": halfwidth(row["rule"]),
            "options": options,
            "knowledge": knowledge,
            "expected": None if expected is None else float(expected),
            "misconceptions": misconceptions,
        }
    )
    try:
        check_item(item, subject.step)
    except InputError as error:
        raise records.error(i, error.column or "rule", error.message, error.mend) from None
    return item


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(halfwidth(text))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def parse_knowledge(text: str) -> tuple[tuple[str, float], ...]:
    """Knowledge points and their weights, made to add up to 1: "函数:0.7;几何:0.3", "函数;几何", "函数".

    Raises:
        ValueError: a weight that is not above 0, weights for some points only, or a point named twice.
    """
    names, weights = [], []
    for part in filter(None, map(str.strip, re.split("[;；、]", text))):
        # Only a number after the last colon is a weight: a name may have a colon of its own (阅读：细节理解).
        weighted = re.fullmatch(r"(.+)[:：]\s*([-+.\d．]+)", part)
        names.append(weighted[1].strip() if weighted else part)
        if weighted:
            weight = _decimal(weighted[2])
            if weight is None or weight <= 0:
                raise ValueError(f"weight {weighted[2]!r} of {names[-1]!r}, expected a number above 0")
            weights.append(weight)
    if weights and len(weights) != len(names):
        raise ValueError(f"weights for some of the knowledge points only: {text!r}")
    if len(set(names)) != len(names):
        raise ValueError(f"a knowledge point named twice: {text!r}")
    shares = weights or [Decimal(1)] * len(names)
    return tuple((name, float(share / sum(shares))) for name, share in zip(names, shares, strict=True))


def parse_misconceptions(text: str) -> tuple[tuple[str, str], ...]:
    """What wrong answers show: "A:符号错误;C:混淆定义域".

    Raises:
        ValueError: an answer without a misconception, or named twice.
    """
    found = []
    for part in filter(None, map(str.strip, re.split("[;；]", text))):
        answer, _, meaning = part.replace("：", ":", 1).partition(":")
        if not answer.strip() or not meaning.strip():
            raise ValueError(f"{part!r}, expected an answer, a colon and what it shows")
        found.append((halfwidth(answer).upper(), meaning.strip()))
    if len({answer for answer, _ in found}) != len(found):
        raise ValueError(f"an answer named twice: {text!r}")
    return tuple(found)


def _key(text: str, choice: bool) -> str:
    """Keys of choice items without separators, in capitals: "a、c" → "AC"; "|" and "=" keep their meaning."""
    text = halfwidth(text)
    return re.sub(r"[\s,;、]+", "", text).upper() if choice else text


def _options(text: str) -> str:
    letters = re.sub(r"[\s,;、]+", "", halfwidth(text)).upper() or "4"
    return LETTERS[: int(letters)] if re.fullmatch("[2-8]", letters) else letters


def _options_problem(options: str) -> str:
    """What is wrong with the options of a choice item, "" if nothing is."""
    if options.isdecimal() and len(options) < 3:
        return f"{options} options, expected 2 to {len(LETTERS)}"
    if options and not options.isalnum():
        return f"options {options!r}, expected letters"
    if len(options) > len(LETTERS):
        return f"{len(options)} options {options}, a sheet has {len(LETTERS)} at most"
    twice = sorted({letter for letter in options if options.count(letter) > 1})
    return f"option {', '.join(twice)} stands twice in {options}" if twice else ""


def _groups(records: Records, items: tuple[Item, ...], subject: SubjectKeys) -> Iterator[InputError]:
    """Groups must be settled in exam.toml, and what is settled there must be in the blueprint."""
    sizes: dict[str, int] = {}
    for item in items:
        sizes[item.group] = sizes.get(item.group, 0) + 1
    first = {row["group"]: i for i, row in reversed(list(enumerate(records.rows))) if row.get("group")}
    for group, i in first.items():
        if group not in subject.choose:
            mend = f'add [subjects.choose."{group}"] with k = 1 to exam.toml'
            if subject.choose:
                mend += ", or " + hint(group, subject.choose)
            yield records.error(i, "group", f"choose group {group!r} is not in exam.toml", mend)
    for group, choose in subject.choose.items():
        if group not in first:
            yield InputError(
                f"exam.toml settles choose group {group!r}, which no item belongs to",
                file=records.path,
                column=records.titles.get("group", "group"),
                mend="fill in the column group, or take the group out of exam.toml",
            )
        elif choose.k > sizes.get(group, 0):
            yield records.error(
                first[group],
                "group",
                f"k = {choose.k} of choose group {group!r}, which has {sizes.get(group, 0)} items",
                "correct k in exam.toml or the column group",
            )
