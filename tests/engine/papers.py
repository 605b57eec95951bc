"""Made-up papers and answers for the tests of scoring, Tally and item analysis, and the plain way to score them."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from engine import tables
from engine.exam import Item, Subject
from engine.rules import rule, void

HALF = Fraction("0.5")

# Items of every kind, with the answers pupils give.
KINDS = [
    (dict(type="single", max=Fraction(3), key="B", options="ABCD"), ["", "A", "B", "C", "D", "AC"]),
    (dict(type="single", max=Fraction(2), key="A", rule="negative:0.5"), ["", "A", "B"]),
    (dict(type="single", max=Fraction("1.5"), key="B=1.5|C=0.5"), ["", "A", "B", "C"]),
    (dict(type="multiple", max=Fraction(6), key="ABD", rule="perkey:3=0/2/4/6"), ["", "A", "AB", "ABD", "ABC", "D"]),
    (dict(type="multiple", max=Fraction(4), key="AB", rule="jee:4/3/2/1/-2"), ["", "A", "AB", "C", "ABC"]),
    (dict(type="multiple", max=Fraction(5), key="AC", rule="flat:2"), ["", "A", "AC", "B"]),
    (dict(type="number", max=Fraction(2), key="3.5"), ["", "3.5", "3.50", "4", "x"]),
    (dict(type="constructed", max=Fraction(8)), ["", "0", "0.5", "3", "7.5", "8"]),
    (dict(type="single", max=Fraction(2), key="A", rule="void:drop"), ["", "A", "B"]),
    (dict(type="single", max=Fraction(2), key="A", rule="void:full"), ["", "A", "B"]),
    (dict(type="single", max=Fraction(2), key="A", rule="void:present"), ["", "A", "B"]),
    (dict(type="single", max=Fraction(2), key="A", rule="void:answered"), ["", "A", "B"]),
]


def subject(*items: Item, **options: object) -> Subject:
    options = {"step": HALF} | options
    return Subject(code="maths", name="数学", folder=Path("."), items=items, **options)


def responses(subject: Subject, rows: list[dict], chunk: int | None = None) -> pa.Table:
    """The responses table from a row a pupil (item → answer; status, "choose:…"), a record batch every `chunk` rows."""
    names = [item.item for item in subject.items]
    extra = sorted({name for row in rows for name in row} - {*names, "status"})
    schema = pa.schema(
        [("student_id", pa.string()), ("status", tables.LABEL)]
        + [(name, tables.ANSWER) for name in names]
        + [(name, pa.string()) for name in extra]
    )
    numbered = [{"status": "read", **row, "student_id": f"s{i:04}"} for i, row in enumerate(rows)]
    size = chunk or max(1, len(rows))
    batches = []
    for part in [numbered[start : start + size] for start in range(0, len(rows), size)]:
        arrays = []
        for field in schema:
            values = pa.array([row.get(field.name) for row in part], pa.string())
            encoded = values.dictionary_encode() if pa.types.is_dictionary(field.type) else values
            arrays.append(encoded.cast(field.type))
        batches.append(pa.record_batch(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema=schema)


@st.composite
def papers(draw: st.DrawFn, void_items: bool = True) -> tuple[Subject, list[dict]]:
    """A subject of any items and floor, and what pupils of every status answered; null: not presented."""
    kinds = KINDS if void_items else KINDS[:8]
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=6))
    items = [
        Item(item=f"q{i}", section=draw(st.sampled_from("一二")), **fields) for i, (fields, _) in enumerate(chosen)
    ]
    statuses = st.sampled_from(["read"] * 6 + ["absent", "missing", "violation"])
    row = st.fixed_dictionaries(
        {f"q{i}": st.sampled_from([*answers, None]) for i, (_, answers) in enumerate(chosen)} | {"status": statuses}
    )
    paper = subject(*items, floor=draw(st.sampled_from(["none", "section", "total"])))
    return paper, draw(st.lists(row, max_size=25))


def plainly(subject: Subject, rows: list[dict]) -> tuple[list[list[int | None]], list[int | None]]:
    """Points by pupil and item, and totals, as one would explain them; no choose groups."""
    marks = [rule(item, subject.step) for item in subject.items]
    every, totals = [], []
    for row in rows:
        if row.get("status", "read") not in ("read", "violation"):
            every.append([None] * len(subject.items))
            totals.append(None)
            continue
        points: list[int | None] = []
        sections: dict[str, int] = {}
        for item, mark in zip(subject.items, marks, strict=True):
            answer = row[item.item]
            if answer is None and void(item) == "full":
                answer = ""
            points.append(None if answer is None or void(item) == "drop" else mark(answer))
            sections[item.section] = sections.get(item.section, 0) + (points[-1] or 0)
        if subject.floor == "section":
            sections = {name: max(0, gained) for name, gained in sections.items()}
        total = sum(sections.values())
        every.append(points)
        totals.append(max(0, total) if subject.floor == "total" else total)
    return every, totals


def matrix(subject: Subject, points: list[list[int | None]], rows: list[dict]) -> np.ndarray:
    """(pupils with status read, items) float, NaN where not presented."""
    read = [gained for gained, row in zip(points, rows, strict=True) if row.get("status", "read") == "read"]
    return np.array(read, dtype=float).reshape(len(read), len(subject.items))
