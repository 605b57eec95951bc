"""Pupils of two exams linked by student_id: whom we can follow, who moved, who is missing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables


def prior_scores(now: pa.Table, before: pa.Table) -> np.ndarray:
    """(n,) the earlier standard score of each pupil of `now`, NaN without one.

    Args:
        now, before: a subject's pupils (`engine.history.pupil_scores`).
    """
    place = pc.index_in(now["student_id"], value_set=before["student_id"].combine_chunks())
    return before["z"].combine_chunks().take(place.combine_chunks()).to_numpy(zero_copy_only=False).astype(float)


def linkage(now: dict[str, pa.Table], before: dict[str, pa.Table]) -> pa.Table:
    """Who could not be followed and who moved, schema "linkage", by change and student_id.

    Args:
        now, before: subject → its pupils at either exam. Absence is listed of subjects that are in both.
    """
    roll, old = _roll(now.values()), _roll(before.values())
    earlier = pc.index_in(roll["student_id"], value_set=old["student_id"].combine_chunks()).combine_chunks()
    later = pc.index_in(old["student_id"], value_set=roll["student_id"].combine_chunks())
    places = {f"{name}_before": old[name].take(earlier) for name in ("school", "class")}
    roll = pa.table({**{name: roll[name] for name in roll.column_names}, **places})
    moved = pc.not_equal(roll["school"], roll["school_before"]).fill_null(False)
    gone = old.filter(pc.is_null(later)).rename_columns({"school": "school_before", "class": "class_before"})
    parts = [
        _listed("", "transferred", roll.filter(moved)),
        _listed("", "new", roll.filter(pc.is_null(earlier))),
        _listed("", "left", gone),
    ]
    both = roll.filter(pc.is_valid(earlier))
    for code in [code for code in now if code in before]:
        for change, pupils in (("no score now", now[code]), ("no score before", before[code])):
            scored = pupils.filter(pc.is_valid(pupils["z"]))["student_id"].combine_chunks()
            lacking = pc.invert(pc.is_in(both["student_id"], value_set=scored))
            parts.append(_listed(code, change, both.filter(lacking)))
    return pa.concat_tables(parts)


def _roll(subjects: Iterable[pa.Table]) -> pa.Table:
    """student_id, school, class of everybody registered in some subject, by student_id."""
    names = ["student_id", "school", "class"]
    everybody = pa.concat_tables([pupils.select(names) for pupils in subjects])
    first = everybody.group_by("student_id", use_threads=False).aggregate([("school", "first"), ("class", "first")])
    first = first.rename_columns({"school_first": "school", "class_first": "class"}).select(names)
    return first.take(pc.sort_indices(first["student_id"]))


def _listed(subject: str, change: str, pupils: pa.Table) -> pa.Table:
    n = len(pupils)
    columns = {"subject": pa.repeat(subject, n), "change": pa.repeat(change, n)}
    columns |= {
        name: pupils[name]
        for name in ("student_id", "school_before", "class_before", "school", "class")
        if name in pupils.column_names
    }
    return tables.build("linkage", columns)
