"""双向细目表 as teachers write it: a row an item or several, sections as headings, check marks under 识记/理解/应用."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import pyarrow as pa

from engine.blueprint import TYPES
from engine.intake.context import Context
from engine.intake.draft import Draft, gather
from engine.intake.header import Table
from engine.intake.marks import subject_of
from engine.intake.paper import Paper, Row, check_sections, expand, points_of, put_points, said_total, settle_points
from engine.intake.words import index, key, own_subjects, subject_name
from engine.points import parse_points, plain
from engine.rules import parse_number

_FIELDS = {
    "item": "题号 题次 小题号 小题 试题序号 题目序号 题目 试题 item",
    "type": "题型 试题类型 题目类型 类型 type",
    "max": "分值 满分 分数 赋分 题分 分 小题分值 每题分值 max",
    "key": "答案 参考答案 正确答案 标准答案 key",
    "rule": "评分规则 评分标准 给分规则 rule",
    "options": "选项 选项数 options",
    "knowledge": "知识点 考查知识点 考查内容 知识内容 考点 主要知识点 内容 考查知识 三级知识点 knowledge",
    "knowledge2": "二级知识点 知识模块 知识单元 单元",
    "knowledge1": "一级知识点 知识板块 知识领域 板块 领域",
    "ability": "能力层次 能力要求 认知层次 认知水平 考查能力 能力 能力水平 层次要求 学习水平 能力目标 ability",
    "section": "大题 大题号 题类 部分 题组 section",
    "group": "选做组 选做 group",
    "expected": "预估难度 难度 难度系数 预设难度 预计难度 难度值 估计难度 难度预估 expected",
}
_LEVELS = "识记 记忆 了解 知道 理解 领会 掌握 应用 运用 简单应用 综合应用 分析 综合 评价 创造 探究 迁移 A B C D".split()
_TITLES = {
    "item": "题号",
    "type": "题型",
    "max": "分值",
    "key": "答案",
    "rule": "评分规则",
    "options": "选项",
    "knowledge": "知识点",
    "ability": "能力层次",
    "section": "大题",
    "group": "选做组",
    "expected": "预估难度",
}
_INDEX = index(_FIELDS)
_LEVEL_KEYS = {key(word): word for word in _LEVELS}
_LEVEL = "level:"
_SECTION = re.compile(
    r"([一二三四五六七八九十]+|第.{1,4}(部分|大题|卷)|[ⅠⅡⅢI]+)[、.．:：\s]?.*|.*题[(（].*[)）]|.{0,8}题"
)
_CHOICES = ("单选", "多选")
_CHOICE = re.compile(r".*(选择|单选|多选|听力|完形|判断|不定项)")


def recognise(title: str) -> str | None:
    """The field that a title of a blueprint names; levels of ability may be columns of their own."""
    name = key(title)
    if name in _INDEX:
        return _INDEX[name]
    return f"{_LEVEL}{_LEVEL_KEYS[name]}" if name in _LEVEL_KEYS else None


def draft_blueprint(paths: Sequence[Path], context: Context, subject: str = "", *, points_only: bool = False) -> Draft:
    """Read 双向细目表 of any form into blueprint.csv of the subject, or of several, a sheet each.

    Args:
        points_only: answers are not known and sheets not scanned; the items' points will come as 小题分.

    Raises:
        InputError: a file can't be read or has no columns of items and points, or it is not clear whose subject it is.
    """
    draft = gather(
        "blueprint", paths, recognise, [("item",), ("max", *(_LEVEL + word for word in _LEVELS))], "要有题号和分值"
    )
    draft.meanings = _TITLES | {_LEVEL + word: f"能力层次：{word}" for word in _LEVELS}
    draft.meanings |= {"knowledge2": "知识点（二级）", "knowledge1": "知识点（一级）"}
    own = own_subjects((code, keys.name) for code, keys in context.subjects.items())
    context.title = draft.title()
    for table in draft.tables:
        code = subject_of(table, context, own, subject)
        keys = context.subjects.get(code)
        name = keys.name if keys else subject_name(code)
        records = _records(draft, table, keyless=points_only or bool(keys and keys.points_only))
        if not records:
            continue
        if keys is None:
            halves = any((parse_points(row["max"]) or 0) % 1 for row in records)
            context.add_subject(code, name, Fraction(1, 2) if halves else Fraction(1), points_only=points_only)
            draft.notes.append(f"exam.toml 里加了{name}（{code}）")
        elif points_only and not keys.points_only:
            context.make_points_only(code)
        used = [field for field in _TITLES if any(row[field] for row in records)]
        draft.made[f"{code}/blueprint"] = pa.table({_TITLES[field]: [row[field] for row in records] for field in used})
        full = sum((parse_points(row["max"]) or Fraction(0) for row in records), Fraction(0))
        said = said_total(table)
        if said is not None and said != full:
            draft.notes.append(f"{name}：表里写着全卷 {plain(said)} 分，各题之和是 {plain(full)}，请核对")
        draft.counts |= {f"{name}小题": len(records)}
        draft.notes.append(f"{name}：{len(records)} 题，满分 {plain(full)} 分")
    return draft


def _records(draft: Draft, table: Table, *, keyless: bool) -> list[dict[str, str]]:
    """The items of a table, those of rows with errors left out."""
    complain = draft.complaints.of(table)
    paper = _read(table, complain)
    settle_points(table, paper, complain)
    check_sections(paper, complain)
    records: list[tuple[int, dict[str, str]]] = []
    first: dict[str, int] = {}
    for row in paper.rows:
        for item, answer in zip(row.items, _keys(row, complain), strict=True):
            if first.setdefault(item, row.i) != row.i:
                line = table.grid.lines[table.rows[first[item]]]
                complain(row.i, "item", f"第 {item} 题在第 {line} 行已经有了", "每题只写一行")
            points = plain(row.each) if row.each else ""
            record = _typed(row.cells | {"item": item, "key": answer, "max": points})
            records.append((row.i, record))
        mine = [record for i, record in records if i == row.i]
        unkeyed = [record["item"] for record in mine if record["type"] in _CHOICES and not record["key"]]
        if unkeyed and not keyless:
            mend = "加一列答案；如果不扫描答题卡、只导入小题分，用 --points-only"
            complain(row.i, "key", f"第 {'、'.join(unkeyed)} 题是选择题，没有答案", mend)
    bad = draft.complaints.bad_rows(table)
    return [record for i, record in records if table.rows[i] not in bad]


def _read(table: Table, complain: Callable[..., None]) -> Paper:
    paper = Paper()
    section = ""
    columns = {name: table.texts(name) for name in table.fields}
    levels = [name for name in table.fields if name.startswith(_LEVEL)]
    for i in range(len(table.rows)):
        cells = {name: texts[i] for name, texts in columns.items()}
        items = expand(cells["item"], i, complain)
        if paper.rows and items and items[0].startswith("("):  # (2) below 7(1)
            items = [re.sub(r"\(.*", "", paper.rows[-1].items[-1]) + item for item in items]
        if not items:
            heading = next((text for text in table.grid.rows[table.rows[i]] if text), "")
            if _SECTION.fullmatch(heading):
                section = heading
                paper.sections.append((section, points_of(cells.get("max", "")), len(paper.rows)))
            else:
                complain(
                    i, "item", f"“{cells['item'] or heading}”不是题号", "写题号，如 1、21(1)、1-5；不是题目的行请删去"
                )
            continue
        marked = {
            name.removeprefix(_LEVEL): cells[name] for name in levels if cells[name] and cells[name] not in ("×", "0")
        }
        numbers = [points for text in marked.values() if (points := points_of(text)) is not None]
        row = Row(i, items, {field: "" for field in _TITLES})
        row.cells |= {
            "knowledge": _knowledge(cells),
            "ability": cells.get("ability", "") or "、".join(marked),
            "section": cells.get("section", "") or section,
            "type": cells.get("type", "") or _type_of(section),
            "expected": _rate(cells.get("expected", ""), i, complain),
            **{field: cells.get(field, "") for field in ("key", "rule", "options", "group")},
        }
        put_points(row, cells.get("max", ""), numbers, complain)
        paper.rows.append(row)
    return paper


def _keys(row: Row, complain: Callable[..., None]) -> list[str]:
    """The key of each item of a row: "BACDA" beside 1-5 is a letter each."""
    text = row.cells["key"]
    if len(row.items) == 1:
        return [text]
    letters = re.sub(r"[\s,，、;；]+", "", unicodedata.normalize("NFKC", text)).upper()
    parts = [part for part in re.split(r"[\s,，、;；]+", text) if part]
    if not text or len(parts) == len(row.items):
        return parts or [""] * len(row.items)
    if re.fullmatch("[A-H]+", letters) and len(letters) == len(row.items):
        return list(letters)
    complain(row.i, "key", f"{len(row.items)} 题的答案是“{text}”", "每题写一个答案，用空格隔开")
    return [""] * len(row.items)


def _typed(record: dict[str, str]) -> dict[str, str]:
    """An item with its 题型 as the strict reader knows it: by the key where there is one, else by the words."""
    said = key(record["type"])
    letters = re.sub(r"[\s,，、;；]+", "", unicodedata.normalize("NFKC", record["key"])).upper()
    if re.fullmatch("[A-H]+", letters):
        several = TYPES.get(said) == "multiple" or len(letters) > 1
        return record | {"type": "多选" if several else "单选"}
    if _CHOICE.match(said) or TYPES.get(said) in ("single", "multiple"):
        return record | {"type": "多选" if "多" in said or "不定项" in said else "单选"}
    if TYPES.get(said) == "number" and parse_number(record["key"]) is not None:
        return record | {"type": "填空"}
    return record | {"type": "解答", "key": ""}  # of a constructed response the blueprint has no key


def _type_of(section: str) -> str:
    """题型 by the words of a section's heading."""
    return next((word for word in ("多选", "单选", "选择", "判断", "填空") if word in section), "")


def _knowledge(cells: dict[str, str]) -> str:
    """The most specific knowledge points, separated as the strict reader wants them."""
    text = next((cells[name] for name in ("knowledge", "knowledge2", "knowledge1") if cells.get(name)), "")
    return ";".join(part.strip() for part in re.split(r"[;；、,，/\n]+", text) if part.strip())


def _rate(text: str, i: int, complain: Callable[..., None]) -> str:
    """An expected rate: 0.65, 65%, 65; words such as 中等 say no number and are left out."""
    said = unicodedata.normalize("NFKC", text).strip()
    value = parse_points(said.rstrip("%"))
    if value is None:
        if said and not re.search("[易中难]", said):
            complain(i, "expected", f"难度“{text}”看不懂", "写 0 到 1 之间的得分率，如 0.65", is_error=False)
        return ""
    rate = value / 100 if "%" in said or value > 1 else value
    return plain(rate) if 0 <= rate <= 1 else ""
