"""The table of the bank: a row a question that pupils may be given to practise.

question     编号      unique
subject      科目      code or name of the subject
stem         题干
knowledge    知识点    "函数;几何", as the blueprint names them
difficulty   难度      expected rate of the exam's pupils, 0…1
type         题型      single 单选, multiple 多选, number 数值, text 填空, constructed 解答; blank: as the key looks
options      选项      "A. 20° B. 30° C. 45°", in one line or a line an option
key          答案      of a choice question, a number or a text, see engine/bank/question.py
credit       部分分    shares of the mark that answers earn, "A=1/2|C=1/2"
feedback     选项解析  of the answers, "A. …", a line an answer
answer       参考答案  of other questions
solution     解析
chapter      章节
source_item  来源题    the item of the exam it is a variant of
pupils       人数      whose answers the difficulty rests on (`yuejuan bank calibrate`); blank: somebody's guess
irt_a, irt_b           discrimination and difficulty of the 2PL model (engine/bank/calibrate.py)
irt_pupils             whose answers these rest on
exams        标定考试  ids of the exams that the figures come from, "a;b"

The columns from `type` on may be missing or blank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from engine import tables
from engine.bank.question import Question, as_cells, from_cells, parse_number
from engine.blueprint import parse_knowledge
from engine.errors import InputError, collecting, raise_all
from engine.exam import Subject
from engine.files import Records, read_records

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
    "题型": "type",
    "选项": "options",
    "答案": "key",
    "部分分": "credit",
    "选项解析": "feedback",
    "参考答案": "answer",
    "解析": "solution",
    "章节": "chapter",
    "来源题": "source_item",
    "人数": "pupils",
    "标定考试": "exams",
}
REQUIRED = ("question", "subject", "stem", "knowledge", "difficulty")
TEXTS = ("type", "options", "key", "credit", "feedback", "answer", "solution", "chapter", "source_item", "exams")
FIGURES = ("pupils", "irt_a", "irt_b", "irt_pupils")
COUNTS = ("pupils", "irt_pupils")

SCHEMA = pa.schema(
    [
        ("question", pa.string()),
        ("subject", pa.string()),
        ("stem", pa.string()),
        ("knowledge", pa.list_(pa.string())),
        ("difficulty", pa.float64()),
        *((name, pa.string()) for name in TEXTS),
        *((name, pa.int64() if name in COUNTS else pa.float64()) for name in FIGURES),
    ]
)


def load_bank(path: Path, *, required: Sequence[str] = REQUIRED, further: bool = False) -> pa.Table:
    """Read a bank from CSV or XLSX.

    Args:
        required: columns that must be there with no cell blank; of the usual ones, those left out may be missing.
        further: keep the columns that the bank does not know, as text.

    Returns:
        A table with `SCHEMA`, in the order of the file; texts that are not there are "", figures null.

    Raises:
        InputError: with all that is wrong, by row and column.
    """
    records = read_records(
        path, required=required, aliases=ALIASES | {name: name for name in FIGURES}, identifiers=("question",)
    )
    errors: list[InputError] = []
    first: dict[str, int] = {}
    rows = []
    for i in range(len(records.rows)):
        with collecting(errors):
            row = _row(records, i, required)
            name = records.rows[i]["question"]
            if name in first:
                raise records.error(
                    i,
                    "question",
                    f"question {name!r} is in row {records.lines[first[name]]} already",
                    "give every question its own number, or take out the row that is twice there",
                )
            first[name] = i
            rows.append(row)
    raise_all(errors)
    bank = pa.Table.from_pylist(rows, schema=SCHEMA)
    for name in [name for name in records.columns if further and name not in SCHEMA.names]:
        cells = [tables.armed(row[name]) for row in records.rows]
        bank = bank.append_column(records.titles[name], pa.array(cells, pa.string()))
    return bank


def save_bank(bank: pa.Table, path: Path) -> None:
    """Write a bank as CSV, for `load_bank` and for spreadsheets: UTF-8 with BOM, formula cells disarmed."""
    tables.write_csv(flat(bank), path)


def flat(bank: pa.Table) -> pa.Table:
    """The bank as it is kept in a file: the knowledge points of a question in one cell."""
    knowledge = pa.array([";".join(points or ()) for points in bank["knowledge"].to_pylist()], pa.string())
    return bank.set_column(bank.schema.get_field_index("knowledge"), "knowledge", knowledge)


def questions_of(bank: pa.Table) -> tuple[list[Question], list[tuple[str, str, str]]]:
    """The questions of a bank.

    Returns:
        Those that can be told, and (question, column, what is wrong) of the others.
    """
    good, bad = [], []
    for row in bank.to_pylist():
        texts = {name: row[name] or "" for name in ("question", "subject", "stem", *TEXTS)}
        try:
            told = from_cells(texts)
        except ValueError as error:
            message, column = error.args
            bad.append((row["question"], column, message))
            continue
        figures = {name: row[name] for name in ("difficulty", *FIGURES)}
        good.append(replace(told, **figures, knowledge=tuple(row["knowledge"] or ())))
    return good, bad


def table_of(questions: Iterable[Question]) -> pa.Table:
    """A bank of these questions, in their order."""
    rows = []
    for one in questions:
        figures = {name: getattr(one, name) for name in ("difficulty", *FIGURES)}
        rows.append({**as_cells(one), **figures, "knowledge": list(one.knowledge)})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def unused(bank: pa.Table, subjects: Sequence[Subject]) -> list[str]:
    """What the bank names and the exam does not know: such questions are never recommended.

    Returns:
        A line for every unknown subject, and for every unknown knowledge point of a known one, in order of first
        appearance.
    """
    known = {name: one.curriculum for one in subjects for name in (one.code, one.name)}
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


def _row(records: Records, i: int, required: Sequence[str]) -> dict[str, object]:
    """One row, every cell checked."""
    row = {name: tables.armed(records.rows[i].get(name, "")) for name in SCHEMA.names}
    errors = [records.error(i, name, "blank", "fill it in, or take the row out") for name in required if not row[name]]
    knowledge: list[str] = []
    try:
        knowledge = [name for name, _ in parse_knowledge(row["knowledge"])]
    except ValueError as error:
        errors.append(records.error(i, "knowledge", str(error), "write it as 函数;几何"))
    difficulty = parse_number(row["difficulty"])
    if row["difficulty"] and (difficulty is None or not 0 <= difficulty <= 1):
        message = f"{row['difficulty']!r}, expected a rate between 0 and 1"
        errors.append(records.error(i, "difficulty", message, "write 0.65 where 65 % of the points are expected"))
    figures = {name: parse_number(row[name]) for name in FIGURES}
    for name, value in figures.items():
        if row[name] and (value is None or (name in COUNTS and (value < 0 or value != int(value)))):
            errors.append(records.error(i, name, f"{row[name]!r}, expected a number", "correct it, or leave it blank"))
    raise_all(errors)
    return {**row, **figures, "knowledge": knowledge, "difficulty": difficulty}
