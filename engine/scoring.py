"""Scoring: responses in, points, totals and the Tally out.

The dictionary is scored, not the data: a rule (engine/rules.py, where the rules and how to write them are listed) is
called once for each distinct answer of an item; the kernel then looks up every pupil's points. Three things stay
apart: not presented (null: no points, not in the item's statistics), left blank ("", earns what the rule says, as a
rule 0) and void (an item withdrawn).
"""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine._core import count, gather
from engine.choose import settle
from engine.errors import InputError
from engine.identity import Reason
from engine.points import plain
from engine.rules import Rule, rule, void
from engine.tally import Answers, Sums, Tally

if TYPE_CHECKING:
    from engine.exam import Item, Subject

_FEW = 1 << 15  # pupils for whom starting threads costs more than it gains


@dataclass(frozen=True)
class Scored:
    """What scoring gives.

    Attributes:
        scores: student_id, status (as in the responses; incomplete while a choice is to be settled), an int32 column an
            item (steps; null: not presented, not chosen, dropped or not known yet), total (int32, steps; null unless
            status is read or violation, and where every item is dropped). Metadata: b"step", b"max" (the full mark).
        tally: of the pupils with status read in the scores.
        exceptions: schema "exceptions": choices a person must settle (policy "ask").
    """

    scores: pa.Table
    tally: Tally
    exceptions: pa.Table


def full_mark(subject: Subject) -> Fraction:
    """Full mark of the paper without the items withdrawn by void:drop."""
    return subject.max - sum((item.max for item in subject.items if void(item) == "drop"), Fraction(0))


def score(
    subject: Subject,
    responses: pa.Table,
    groups: Mapping[str, pa.Array | pa.ChunkedArray] | None = None,
    *,
    threads: int | None = None,
) -> Scored:
    """Score responses and count their Tally, a record batch at a time.

    Args:
        subject: the items with their keys and rules.
        responses: student_id, status (tables.STATUS), a column of answers an item (tables.ANSWER, or any dictionary or
            plain text), and "choose:<group>" where the sheet has such a field (names of the items filled in, joined by
            "+"; "": none; null: no such field on this pupil's sheet).
        groups: level → unit of every row of `responses` (null: in none), for the sums by unit in the Tally.
        threads: all processors by default. The result does not depend on it.

    Raises:
        InputError: an item's rule makes no sense, its column is missing or damaged, or holds points it can't have.
    """
    rules = [functools.cache(rule(item, subject.step)) for item in subject.items]
    batches = responses.to_batches() or [pa.RecordBatch.from_pylist([], schema=responses.schema)]
    parts = []
    start = 0
    for batch in batches:
        units = {level: labels.slice(start, len(batch)) for level, labels in (groups or {}).items()}
        parts.append(_score_batch(subject, rules, batch, units, threads))
        start += len(batch)
    schema = pa.schema(
        [
            ("student_id", pa.string()),
            ("status", tables.LABEL),
            *((item.item, pa.int32()) for item in subject.items),
            ("total", pa.int32()),
        ],
        metadata={"step": plain(subject.step), "max": plain(full_mark(subject))},
    )
    return Scored(
        scores=pa.Table.from_batches([pa.record_batch(columns, schema=schema) for columns, _, _ in parts]),
        tally=functools.reduce(operator.add, (tally for _, tally, _ in parts)),
        exceptions=pa.concat_tables([exceptions for _, _, exceptions in parts]),
    )


@dataclass
class _Column:
    """Answers of the pupils to one item, as codes.

    Attributes:
        answers: by code; the code after the last one stands for "not presented".
        codes: (n,) uint8 or int32.
        points: int32 by code; 0 where not presented.
    """

    answers: list[str]
    codes: np.ndarray
    points: np.ndarray

    @property
    def given(self) -> np.ndarray:
        """(n,) bool: an answer that is not blank."""
        return np.array([bool(answer) for answer in [*self.answers, ""]])[self.codes]

    @property
    def presented(self) -> np.ndarray:
        return self.codes != len(self.answers)

    def withdraw(self, rows: np.ndarray) -> None:
        """Make it "not presented" for the rows of a mask or an index."""
        self.codes = self.codes.copy()  # it may be a view of the responses
        self.codes[rows] = len(self.answers)


def _score_batch(
    subject: Subject,
    rules: Sequence[Rule],
    batch: pa.RecordBatch,
    units: Mapping[str, pa.Array | pa.ChunkedArray],
    threads: int | None,
) -> tuple[list[pa.Array], Tally, pa.Table]:
    """Columns of the scores table, Tally and exceptions of one record batch."""
    n = len(batch)
    threads = 1 if n < _FEW else threads or os.cpu_count() or 1
    status = batch["status"].cast(pa.string())
    counted = _bools(pc.equal(status, "read"))
    scored = counted | _bools(pc.equal(status, "violation"))
    incomplete = _bools(pc.equal(status, "incomplete"))
    columns = {
        item.item: _read_column(batch, item, mark, scored | incomplete)
        for item, mark in zip(subject.items, rules, strict=True)
    }
    if incomplete.any():
        _withdraw_unmarked(subject, columns, incomplete)
    choices, unclear, exceptions = _choose(subject, batch, columns, scored)
    incomplete, counted, scored = incomplete | unclear, counted & ~unclear, scored & ~unclear

    points = dict(zip(columns, np.empty((len(columns), n), dtype=np.int32), strict=True))
    totals = np.zeros(n, dtype=np.int32)
    for section in _floored_together(subject):
        part = np.zeros(n, dtype=np.int32)
        chosen = [columns[name] for name in section]
        gained = [points[name] for name in section]
        gather([c.codes for c in chosen], [c.points for c in chosen], gained, part, threads)
        totals += part if subject.floor == "none" else np.maximum(part, 0)
    totals[~scored] = 0

    dropped = frozenset(item.item for item in subject.items if void(item) == "drop")
    standing = pc.if_else(pa.array(incomplete), "incomplete", status)
    codes = pc.index_in(standing, value_set=pa.array(tables.STATUS))
    scores = [batch["student_id"], pa.DictionaryArray.from_arrays(codes, pa.array(tables.STATUS))]
    for name, column in columns.items():
        scores.append(pa.nulls(n, pa.int32()) if name in dropped else _nullable(points[name], column.presented))
    scores.append(_nullable(totals, scored & (full_mark(subject) > 0)))
    tally = _count(subject.step, columns, choices, dropped, totals, counted, units, threads)
    return scores, tally, exceptions


def _withdraw_unmarked(subject: Subject, columns: dict[str, _Column], incomplete: np.ndarray) -> None:
    """Constructed responses still without points: not 0 but unknown."""
    for item in subject.items:
        if item.type == "constructed" and not void(item):
            columns[item.item].withdraw(incomplete & ~columns[item.item].given)


def _floored_together(subject: Subject) -> list[list[str]]:
    """The items in groups whose sum may not fall below 0: by section, or all of them."""
    sections: dict[str, list[str]] = {}
    for item in subject.items:
        sections.setdefault(item.section if subject.floor == "section" else "", []).append(item.item)
    return list(sections.values())


def _read_column(batch: pa.RecordBatch, item: Item, mark: Rule, scored: np.ndarray) -> _Column:
    """An item's answers, each distinct one marked once; "not presented" where `scored` is false."""
    if item.item not in batch.schema.names:
        raise InputError(
            f"the responses have no column for item {item.item!r}", mend="match the sheets again: `yuejuan score EXAM`"
        )
    array = batch[item.item]
    if void(item) == "full" and not item.group:
        array = array.cast(pa.string()).fill_null("")
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    answers = array.dictionary.to_pylist()
    absent = len(answers)
    narrow = absent < 256
    indices = array.indices if narrow and array.indices.type == pa.uint8() else array.indices.cast(pa.int32())
    codes = indices.fill_null(absent).to_numpy(zero_copy_only=False)
    if len(codes) and not 0 <= codes.min() <= codes.max() <= absent:
        raise InputError(f"damaged column {item.item!r}: an answer outside its dictionary", mend="make the table again")
    codes = codes.astype(np.uint8 if narrow else np.int32, copy=False)

    points = np.zeros(absent + 1, dtype=np.int32)
    for code, answer in enumerate(answers):
        try:
            points[code] = 0 if answer is None else mark(answer)
        except InputError as error:
            rows = np.flatnonzero((codes == code) & scored)
            if rows.size:  # a dictionary may list what nobody answered
                pupil = batch["student_id"][int(rows[0])]
                raise InputError(f"pupil {pupil}: {error.message}", column=item.item, mend=error.mend) from None
    column = _Column(answers, codes, points)
    for code in (code for code, answer in enumerate(answers) if answer is None):
        column.withdraw(column.codes == code)
    others = np.flatnonzero(~scored)
    if (codes[others] != absent).any():
        column.withdraw(others)
    return column


def _choose(
    subject: Subject, batch: pa.RecordBatch, columns: dict[str, _Column], scored: np.ndarray
) -> tuple[dict[str, _Column], np.ndarray, pa.Table]:
    """Settle the choose-k-of-n groups: in `columns`, items not chosen become "not presented".

    Returns:
        by group, the pupils' points in it as if it were one item; (n,) bool, a person must decide; and the exceptions
        that say so.
    """
    choices = {}
    asked = np.zeros(len(batch), dtype=bool)
    exceptions = [tables.empty("exceptions")]
    for group, choose in subject.choose.items():
        members = [item for item in subject.items if item.group == group]
        parts = [columns[item.item] for item in members]
        texts = _marks(batch, group)
        points = np.stack([part.points[part.codes] for part in parts], axis=1)
        given = np.stack([part.given for part in parts], axis=1)
        constructed = np.array([item.type == "constructed" for item in members])
        kept, unclear = settle(
            choose,
            field=_bools(texts.is_valid()),
            marked=_marked(texts, group, [item.item for item in members]),
            given=given,
            answered=given & ~(constructed & (points == 0)),
            points=points,
        )
        for part, keep in zip(parts, kept.T, strict=True):
            part.withdraw(~keep)
        choices[group] = _as_one(np.where(kept, points, 0).sum(axis=1), subject.step)
        rows = np.flatnonzero(unclear & scored)
        asked[rows] = True
        details = [
            f"choose group {group}, {choose.k} of {len(members)}: filled in {texts[row].as_py() or '-'}, "
            f"answered {'+'.join(item.item for item, yes in zip(members, given[row], strict=True) if yes) or '-'}"
            for row in rows.tolist()
        ]
        exceptions.append(
            tables.build(
                "exceptions",
                {
                    "subject": [subject.code] * len(rows),
                    "kind": ["pupil"] * len(rows),
                    "field": [tables.CHOOSE + group if texts[row].is_valid else None for row in rows.tolist()],
                    "student_id": batch["student_id"].take(pa.array(rows)),
                    "reason": [Reason.UNCLEAR_CHOICE.value] * len(rows),
                    "detail": details,
                },
            )
        )
    return choices, asked, pa.concat_tables(exceptions)


def _marks(batch: pa.RecordBatch, group: str) -> pa.Array:
    """What is filled in in the field of a choose group, as text; null where the sheet has no such field."""
    name = tables.CHOOSE + group
    return batch[name].cast(pa.string()) if name in batch.schema.names else pa.nulls(len(batch), pa.string())


def _marked(texts: pa.Array, group: str, items: list[str]) -> np.ndarray:
    """(n, items) bool: the item is filled in in the field of the group."""
    encoded = texts.dictionary_encode()
    flags = np.zeros((len(encoded.dictionary) + 1, len(items)), dtype=bool)
    for row, text in enumerate(encoded.dictionary.to_pylist()):
        names = set(text.split("+")) if text else set()
        if not names <= set(items):
            raise InputError(
                f"{text!r} filled in as chosen, expected items of the group: {', '.join(items)}",
                column=tables.CHOOSE + group,
                mend="correct the field",
            )
        flags[row] = [item in names for item in items]
    return flags[encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()]


def _as_one(points: np.ndarray, step: Fraction) -> _Column:
    """Points as a column of their own, the answers being the points."""
    lowest, highest = (int(points.min()), int(points.max())) if len(points) else (0, 0)
    earned = np.arange(lowest, highest + 1, dtype=np.int32)
    answers = [plain(units * step) for units in earned.tolist()]
    return _Column(answers, (points - lowest).astype(np.int32), np.append(earned, np.int32(0)))


def _count(
    step: Fraction,
    columns: dict[str, _Column],
    choices: dict[str, _Column],
    dropped: frozenset[str],
    totals: np.ndarray,
    counted: np.ndarray,
    units: Mapping[str, pa.Array | pa.ChunkedArray],
    threads: int,
) -> Tally:
    """The Tally of the pupils in `counted`; the others are counted in a last bin that is thrown away."""
    seen = totals[counted]
    lowest, highest = (int(seen.min()), int(seen.max())) if len(seen) else (0, -1)
    width = highest - lowest + 1
    bins = np.where(counted, totals - lowest, width).astype(np.int32)

    def answers(parts: dict[str, _Column]) -> dict[str, Answers]:
        counts = _cross(list(parts.values()), bins, width, threads)
        return {
            name: Answers.collect(zip(part.answers, part.points[:-1], table, strict=True), width)
            for (name, part), table in zip(parts.items(), counts, strict=True)
        }

    return Tally(
        step,
        lowest,
        np.bincount(bins, minlength=width + 1)[:width].astype(np.int64),
        answers(columns),
        dropped,
        answers(choices),
        {level: _sum_units(labels, columns, totals, counted, threads) for level, labels in units.items()},
    )


def _sum_units(
    labels: pa.Array | pa.ChunkedArray,
    columns: dict[str, _Column],
    totals: np.ndarray,
    counted: np.ndarray,
    threads: int,
) -> Sums:
    """Sums by unit: the same count as for the totals, with the unit in their place."""
    plain = pa.chunked_array(labels) if isinstance(labels, pa.Array) else labels
    encoded = plain.cast(pa.string()).combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    width = len(names)
    bins = np.where(counted, encoded.indices.fill_null(width).to_numpy(), width).astype(np.int32)
    every = np.zeros((3, width, len(columns) + 1), dtype=np.int64)
    for j, (column, table) in enumerate(
        zip(columns.values(), _cross(list(columns.values()), bins, width, threads), strict=True)
    ):
        points = column.points[:-1].astype(np.int64)
        every[:, :, j] = table.sum(axis=0), points @ table, points**2 @ table
    total = totals.astype(np.int64)
    for j, power in enumerate((np.ones_like(total), total, total**2)):
        np.add.at(every[j, :, -1], bins[bins < width], power[bins < width])
    order = [unit for unit in np.argsort(names) if every[0, unit, -1]]
    return Sums(tuple(names[unit] for unit in order), *every[:, order])


def _cross(columns: list[_Column], bins: np.ndarray, width: int, threads: int) -> list[np.ndarray]:
    """Per column a table (answers, width): how often each answer falls into each of the bins before `width`."""
    slots = [len(column.points) for column in columns]
    counts = count([column.codes for column in columns], slots, bins, width + 1, threads)
    return [table[:-1, :width] for table in counts]


def _bools(array: pa.Array) -> np.ndarray:
    return array.fill_null(False).to_numpy(zero_copy_only=False)


def _nullable(values: np.ndarray, valid: np.ndarray) -> pa.Array:
    """An int32 column, null where not valid."""
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.int32(), len(values), [bitmap, pa.py_buffer(values)])
