"""What a person should look at in a bank: what is missing, what stands there twice, what no pupil was taught."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from engine.bank.duplicates import near_duplicates
from engine.bank.markup import plain
from engine.bank.question import CHOICE, Question
from engine.bank.table import table_of
from engine.exam import Subject

SCHEMA = pa.schema(
    [
        ("question", pa.string()),
        ("kind", pa.string()),  # "missing", "duplicate", "variant", "unknown" subject or point, "not taught"
        ("detail", pa.string()),  # for a person, in Chinese
    ]
)


def check(
    questions: Sequence[Question], subjects: Sequence[Subject] = (), day: datetime.date | None = None
) -> pa.Table:
    """Findings on the questions of a bank.

    Args:
        subjects: of the exam that the bank is for; without any, subjects and knowledge points are not looked at.
        day: what is not taught by then is told.

    Returns:
        A table with `SCHEMA`, in the order of the bank; near-duplicates come last.
    """
    rows = [(one.question, "missing", detail) for one in questions for detail in _missing(one)]
    if subjects:
        rows += [(one.question, *finding) for one in questions for finding in _out_of_scope(one, subjects, day)]
    for row in near_duplicates(table_of(questions)).to_pylist():
        rows.append((row["question"], row["kind"], _like(row)))
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def _like(row: Mapping[str, Any]) -> str:
    """What a near-duplicate is like."""
    if row["kind"] == "variant" and row["similarity"] == 1:
        return f"与 {row['of']} 只有数字不同，是变式题"
    same = f"与 {row['of']} 几乎相同（相似度 {row['similarity']:.0%}）"
    return same if row["kind"] == "duplicate" else f"{same}，数字不同，是变式题"


def _missing(one: Question) -> Iterator[str]:
    for what, there in {
        "科目": one.subject,
        "题干": plain(one.stem).strip(),
        "知识点": one.knowledge,
        "难度": one.difficulty is not None,
        "解析": one.solution,
        "选项": one.type not in CHOICE or all(answer.text for answer in one.answers),
        "答案": _is_answered(one),
    }.items():
        if not there:
            yield f"没有{what}"


def _is_answered(one: Question) -> bool:
    return bool(one.reference) if one.type == "constructed" else any(answer.share > 0 for answer in one.answers)


def _out_of_scope(one: Question, subjects: Sequence[Subject], day: datetime.date | None) -> Iterator[tuple[str, str]]:
    subject = next((subject for subject in subjects if one.subject in (subject.code, subject.name)), None)
    if subject is None:
        yield "unknown", f"考试没有科目「{one.subject}」"
        return
    curriculum = subject.curriculum
    taught = curriculum.taught_by(day) if day else {point.name for point in curriculum.points}
    for name in one.knowledge:
        if name not in curriculum:
            yield "unknown", f"{subject.name}没有知识点「{name}」"
        elif name not in taught:
            when = curriculum[name].taught
            yield "not taught", f"知识点「{name}」{f'{when} 才教' if when else '还没有教'}"
