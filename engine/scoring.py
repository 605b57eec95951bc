"""Scoring: responses in, points, totals and the Tally out.

The dictionary is scored, not the data: a rule (engine/rules.py, where the rules and how to write them are listed) is
called once for each distinct answer of an item. The kernels then add up and count; a pupil's points on an item are
never written: its column of scores shares the codes of the answers, and the column's dictionary holds the points. Three
things stay apart: not presented (null: no points, not in the item's statistics), left blank ("", earns what the rule
says, as a rule 0) and void (an item withdrawn).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine import tables
from engine._core import add_up, most_threads, translated
from engine.batches import larger
from engine.choose import settle
from engine.columns import Column, Sheets, as_one, filled, nullable, packed
from engine.counting import count_tally
from engine.errors import InputError
from engine.identity import Reason
from engine.points import plain
from engine.rules import Rule, rule, void
from engine.sharing import Run, sharing
from engine.tally import Tally
from engine.unitsums import Grouping, UnitSums

if TYPE_CHECKING:
    from engine.exam import Item, Subject

_FEW = 1 << 15  # pupils for whom starting threads costs more than it gains
_MOST = 1 << 24  # pupils scored at a time
_HELD = 1 << 28  # bytes of batches that are put together: with each the units are added to the Tally
_PART = 1 << 18  # pupils whose points a job adds up


@dataclass(frozen=True)
class Scored:
    """What scoring gives.

    Attributes:
        scores: student_id, status (as in the responses; incomplete while a choice is to be settled), a column an item
            (int32 steps, mostly in a dictionary: see `tables.decoded`; null: not presented, not chosen, dropped or not
            known yet), total (int32, steps; null unless
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
    rules = [rule(item, subject.step) for item in subject.items]
    batches = responses.to_batches(max_chunksize=_MOST) or [pa.RecordBatch.from_pylist([], schema=responses.schema)]
    sums = UnitSums([*(groups or {})], len(rules))
    parts = []
    start = 0
    for batch in batches:
        units = {level: labels.slice(start, len(batch)) for level, labels in (groups or {}).items()}
        parts.append(_score_batch(subject, rules, batch, units, sums, threads))
        start += len(batch)
    counted = functools.reduce(operator.add, (tally for _, tally, _ in parts))
    metadata = {"step": plain(subject.step), "max": plain(full_mark(subject))}
    return Scored(
        scores=_joined([columns for columns, _, _ in parts]).replace_schema_metadata(metadata),
        tally=replace(counted, units=sums.sums()),
        exceptions=pa.concat_tables([exceptions for _, _, exceptions in parts]),
    )


def tally(
    subject: Subject,
    batches: Iterable[pa.RecordBatch],
    levels: Sequence[str] = (),
    *,
    threads: int | None = None,
) -> Tally:
    """The Tally of responses that come batch by batch (see `tables.batches`); a few are held, however many there are.

    Args:
        batches: as `score` wants responses.
        levels: columns of the batches that name units, for the sums by unit.

    Raises:
        InputError: as `score` does; there are no batches, or a level is no column of theirs.
    """
    rules = [rule(item, subject.step) for item in subject.items]
    sums = UnitSums(levels, len(rules))
    added: Tally | None = None
    for batch in larger(batches, _HELD) if levels else batches:
        if missing := [level for level in levels if level not in batch.schema.names]:
            raise InputError(f"the responses have no column {missing[0]!r}", mend="name columns that are there")
        for start in range(0, max(1, len(batch)), _MOST):
            part = batch.slice(start, _MOST)
            counted = _score_batch(subject, rules, part, {level: part[level] for level in levels}, sums, threads)[1]
            added = counted if added is None else added + counted
    if added is None:
        raise InputError("no responses", mend="give at least one batch, which may be empty")
    return replace(added, units=sums.sums())


def _joined(parts: Sequence[dict[str, pa.Array]]) -> pa.Table:
    """The columns of all batches; an item's are plain if one of them is."""
    if len(parts) == 1:
        return pa.table(parts[0])
    columns = {}
    for name in parts[0]:
        chunks = [part[name] for part in parts]
        if len({chunk.type for chunk in chunks}) > 1:
            chunks = [chunk.cast(pa.int32()) for chunk in chunks]
        columns[name] = pa.chunked_array(chunks)
    return pa.table(columns)


def _score_batch(
    subject: Subject,
    rules: Sequence[Rule],
    batch: pa.RecordBatch,
    units: Mapping[str, pa.Array | pa.ChunkedArray],
    sums: UnitSums,
    threads: int | None,
) -> tuple[dict[str, pa.Array], Tally, pa.Table]:
    """Columns of the scores table, Tally and exceptions of one record batch; its units are added to `sums` instead."""
    n = len(batch)
    threads = 1 if n < _FEW else threads or most_threads()
    status = _codes(batch["status"], tables.STATUS)
    counted, scored, incomplete, sheets = _standing(status)
    columns = _read_columns(batch, subject.items, rules, sheets)
    if incomplete.size:
        _withdraw_unmarked(subject, columns, incomplete)
    choices, unclear, exceptions = _choose(subject, batch, columns, scored)
    if unclear.size:
        status[unclear] = tables.STATUS.index("incomplete")
        counted, scored = counted.copy(), scored.copy()
        counted[unclear] = scored[unclear] = False

    dropped = frozenset(item.item for item in subject.items if void(item) == "drop")
    grouping = Grouping.of(units, counted)

    def by_item() -> tuple[dict[str, pa.Array], list[np.ndarray]]:
        scores = {
            "student_id": batch["student_id"],
            "status": pa.DictionaryArray.from_arrays(
                nullable(status, packed(status >= 0)), pa.array(tables.STATUS), safe=False
            ),
        }
        for name, column in columns.items():
            scores[name] = pa.nulls(n, pa.int32()) if name in dropped else column.scores()
        return scores, sums.add_items(grouping, list(columns.values()), shared.run)

    def by_total() -> tuple[np.ndarray, list[np.ndarray], Tally]:
        totals = _totals(subject, columns, scored, shared.run)
        count = partial(count_tally, subject.step, columns, choices, dropped, totals, counted, shared.run)
        total_sums, tally = shared.run([partial(grouping.totals, totals), count])
        return totals, total_sums, tally

    with sharing(threads) as shared:
        (scores, rows), (totals, total_sums, tally) = shared.run([by_item, by_total])
    sums.add_totals(rows, total_sums)
    scores["total"] = nullable(totals, packed(scored)) if len(dropped) < len(subject.items) else pa.nulls(n, pa.int32())
    return scores, tally, exceptions


def _totals(subject: Subject, columns: dict[str, Column], scored: np.ndarray, run: Run) -> np.ndarray:
    """(n,) int32 total scores, in steps; 0 of those who are not scored.

    Raises:
        InputError: a column is damaged.
    """
    n = len(scored)
    totals = np.zeros(n, dtype=np.int32)
    for section in _floored_together(subject):
        part = totals if subject.floor == "none" else np.zeros(n, dtype=np.int32)
        chosen = [columns[name] for name in section]
        points = [column.points for column in chosen]
        rows = [slice(start, start + _PART) for start in range(0, n, _PART)]
        tops = run([partial(add_up, [column.codes[some] for column in chosen], points, part[some]) for some in rows])
        for column, *codes in zip(chosen, *tops, strict=True):
            column.check(max(codes, default=-1))
        if subject.floor != "none":
            totals += np.maximum(part, 0)
    if not scored.all():
        totals[~scored] = 0
    return totals


def _codes(array: pa.Array, names: Sequence[str]) -> np.ndarray:
    """(n,) int8 place of each text among the names; -1 where it is none of them."""
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    place = [names.index(text) if text in names else -1 for text in encoded.dictionary.to_pylist()]
    return translated(filled(encoded.indices, len(place)), np.array([*place, -1], np.int8))


def _standing(status: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, Sheets | None]:
    """From places in tables.STATUS: (n,) bool who is counted in statistics and who is scored; the rows of those who are
    incomplete; and who has a sheet."""
    read, violation, unknown = (tables.STATUS.index(name) for name in ("read", "violation", "incomplete"))
    counted = status == read
    if counted.all():
        return counted, counted, np.empty(0, np.intp), None
    scored = counted | (status == violation)
    incomplete = np.flatnonzero(status == unknown)
    rows = scored.copy()
    rows[incomplete] = True
    bits = packed(rows)
    return counted, scored, incomplete, None if bits is None else Sheets(rows, bits)


def _withdraw_unmarked(subject: Subject, columns: dict[str, Column], incomplete: np.ndarray) -> None:
    """Constructed responses still without points, of some rows: not 0 but unknown."""
    for item in subject.items:
        if item.type == "constructed" and not void(item):
            columns[item.item].withdraw(incomplete[~columns[item.item].given[incomplete]])


def _floored_together(subject: Subject) -> list[list[str]]:
    """The items in groups whose sum may not fall below 0: by section, or all of them."""
    sections: dict[str, list[str]] = {}
    for item in subject.items:
        sections.setdefault(item.section if subject.floor == "section" else "", []).append(item.item)
    return list(sections.values())


def _read_columns(
    batch: pa.RecordBatch, items: Sequence[Item], rules: Sequence[Rule], sheets: Sheets | None
) -> dict[str, Column]:
    """By item its answers."""
    columns, students = dict(zip(batch.schema.names, batch.columns, strict=True)), batch["student_id"]
    read = {}
    for item, mark in zip(items, rules, strict=True):
        if item.item not in columns:
            message = f"the responses have no column for item {item.item!r}"
            raise InputError(message, mend="match the sheets again: `yuejuan score EXAM`")
        read[item.item] = Column.read(columns[item.item], item, mark, students, sheets)
    return read


def _choose(
    subject: Subject, batch: pa.RecordBatch, columns: dict[str, Column], scored: np.ndarray
) -> tuple[dict[str, Column], np.ndarray, pa.Table]:
    """Settle the choose-k-of-n groups: in `columns`, items not chosen become "not presented".

    Returns:
        by group, the pupils' points in it as if it were one item; the rows of which a person must decide; and the
        exceptions that say so.
    """
    choices = {}
    asked = [np.empty(0, np.intp)]
    exceptions = [tables.empty("exceptions")]
    for group, choose in subject.choose.items():
        members = [item for item in subject.items if item.group == group]
        parts = [columns[item.item] for item in members]
        for part in parts:
            part.withdraw(np.empty(0, np.intp))  # from those without a sheet
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
        choices[group] = as_one(group, np.where(kept, points, 0).sum(axis=1), subject.step)
        rows = np.flatnonzero(unclear & scored)
        asked.append(rows)
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
    return choices, np.concatenate(asked), pa.concat_tables(exceptions)


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


def _bools(array: pa.Array) -> np.ndarray:
    return array.fill_null(False).to_numpy(zero_copy_only=False)
