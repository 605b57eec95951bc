"""What the parts of a batch gave → the tables of the batch, part by part: memory does not grow with the batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from omr import crops
from omr.parts import Part, Store
from omr.reason import Reason


class Totals(NamedTuple):
    """Rows written."""

    pages: int
    fields: int
    unread: int  # pages among the exceptions
    flagged: int  # fields among the exceptions


def write(store: Store, parts: Sequence[Part], out: Path) -> Totals:
    """Join the readings of all parts, in their order: pages.arrow, marks.arrow, marks.csv, exceptions.arrow.

    The bytes depend on the rows only, not on how they were cut into parts. The pages come last: when they are there,
    all is.
    """
    for leftover in out.glob(".*.part"):  # of a killed run
        leftover.unlink()
    kinds: Counter[str] = Counter()
    rows = (crops.attach(some, out) for some in _exceptions(store, parts, kinds))
    tables.write_all("exceptions", rows, out / "exceptions.arrow")
    crops.clean(tables.read(out / "exceptions.arrow"), out, crops.OF_READING)
    fields = tables.write_all("marks", map(store.marks, parts), out / "marks.arrow")
    people = map(_for_people, map(store.marks, parts))
    tables.write_csv(people, out / "marks.csv", ["file", "page", "field", "value", "confidence", "flag"])
    pages = tables.write_all("pages", map(store.pages, parts), out / "pages.arrow")
    return Totals(pages, fields, kinds["page"], kinds["field"])


def _for_people(marks: pa.Table) -> pa.Table:
    rounded = pc.round(marks["confidence"].cast(pa.float64()), 3)
    return marks.set_column(marks.column_names.index("confidence"), "confidence", rounded)


def _exceptions(store: Store, parts: Sequence[Part], kinds: Counter[str]) -> Iterator[pa.Table]:
    """Pages not read, then fields in doubt; counted by kind."""
    for kind, rows in (
        ("page", map(_unread, map(store.pages, parts))),
        ("field", map(_doubtful, map(store.marks, parts))),
    ):
        for some in rows:
            kinds[kind] += len(some)
            yield tables.build(
                "exceptions", {n: [row.get(n) for row in some] for n in tables.SCHEMAS["exceptions"].names}
            )


def _unread(pages: pa.Table) -> list[dict[str, object]]:
    return [
        row | {"kind": "page", "detail": f"{row['detail']}: {Reason(row['reason']).mend}"}
        for row in pages.filter(pc.equal(pages["status"], "exception")).to_pylist()
    ]


def _doubtful(marks: pa.Table) -> list[dict[str, object]]:
    return [
        row
        | {
            "kind": "field",
            "reason": row["flag"],
            "detail": f"read as {row['value']!r} with confidence {row['confidence']:.2f}: {Reason(row['flag']).mend}",
        }
        for row in marks.filter(pc.not_equal(marks["flag"], "")).to_pylist()
    ]
