"""The question bank (题库): a row a question that pupils may be given to practise.

question     编号      unique
subject      科目      code or name of the subject
stem         题干
knowledge    知识点    "函数;几何", as the blueprint names them
difficulty   难度      expected rate of the exam's pupils, 0…1
key          答案      of a choice question
options      选项      their text
answer       参考答案  of other questions
solution     解析
chapter      章节
source_item  来源题    the item of the exam it is a variant of

The columns from `key` on may be missing or blank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from engine.blueprint import parse_knowledge
from engine.errors import InputError, collecting, raise_all
from engine.exam import Subject
from engine.files import Records, halfwidth, read_records
from engine.knowledge import knowledge_points

ALIASES = {
    "编号": "question",
    "试题编号": "question",
    "题号": "question",
    "科目": "subject",
    "学科": "subject",
    "题干": "stem",
    "知识点": "knowledge",
    "难度": "difficulty",
    "预估难度": "difficulty",
    "答案": "key",
    "选项": "options",
    "参考答案": "answer",
    "解析": "solution",
    "章节": "chapter",
    "来源题": "source_item",
}
REQUIRED = ("question", "subject", "stem", "knowledge", "difficulty")
OPTIONAL = ("key", "options", "answer", "solution", "chapter", "source_item")

SCHEMA = pa.schema(
    [
        ("question", pa.string()),
        ("subject", pa.string()),
        ("stem", pa.string()),
        ("knowledge", pa.list_(pa.string())),
        ("difficulty", pa.float64()),
        *((name, pa.string()) for name in OPTIONAL),
    ]
)


def load_bank(path: Path) -> pa.Table:
    """Read a bank from CSV or XLSX.

    Returns:
        A table with `SCHEMA`, in the order of the file; optional columns the file lacks hold "".

    Raises:
        InputError: with all that is wrong, by row and column.
    """
    records = read_records(path, required=REQUIRED, aliases=ALIASES, identifiers=("question",))
    errors: list[InputError] = []
    first: dict[str, int] = {}
    questions = []
    for i in range(len(records.rows)):
        with collecting(errors):
            question = _question(records, i)
            name = records.rows[i]["question"]
            if name in first:
                raise records.error(
                    i,
                    "question",
                    f"question {name!r} is in row {records.lines[first[name]]} already",
                    "give every question its own number, or take out the row that is twice there",
                )
            first[name] = i
            questions.append(question)
    raise_all(errors)
    return pa.Table.from_pylist(questions, schema=SCHEMA)


def unused(bank: pa.Table, subjects: Sequence[Subject]) -> list[str]:
    """What the bank names and the exam does not know: such questions are never recommended.

    Returns:
        A line for every unknown subject, and for every unknown knowledge point of a known one, in order of first
        appearance.
    """
    known = {name: set(knowledge_points(one)) for one in subjects for name in (one.code, one.name)}
    count: Counter[tuple[str, str]] = Counter()
    for row in bank.select(["subject", "knowledge"]).to_pylist():
        if row["subject"] not in known:
            count[row["subject"], ""] += 1
        else:
            count.update((row["subject"], point) for point in row["knowledge"] if point not in known[row["subject"]])
    return [
        f"knowledge point {point!r} of {subject!r}: {n} questions" if point else f"subject {subject!r}: {n} questions"
        for (subject, point), n in count.items()
    ]


def _question(records: Records, i: int) -> dict[str, object]:
    """One row, every cell checked."""
    row = records.rows[i]
    errors = [records.error(i, name, "blank", "fill it in, or take the row out") for name in REQUIRED if not row[name]]
    knowledge: list[str] = []
    try:
        knowledge = [name for name, _ in parse_knowledge(row["knowledge"])]
    except ValueError as error:
        errors.append(records.error(i, "knowledge", str(error), "write it as 函数;几何"))
    difficulty = _rate(row["difficulty"])
    if row["difficulty"] and difficulty is None:
        message = f"{row['difficulty']!r}, expected a rate between 0 and 1"
        errors.append(records.error(i, "difficulty", message, "write 0.65 where 65 % of the points are expected"))
    raise_all(errors)
    texts = {name: row.get(name, "") for name in ("question", "subject", "stem", *OPTIONAL)}
    return {**texts, "knowledge": knowledge, "difficulty": difficulty}


def _rate(text: str) -> float | None:
    try:
        rate = float(halfwidth(text))
    except ValueError:
        return None
    return rate if 0 <= rate <= 1 else None
