"""Long tables are written piece by piece, and the bytes don't tell."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import tables

MARKS = tables.build(
    "marks",
    {
        "subject": ["m"] * 50,
        "file": [f"{n // 3}.jpg" for n in range(50)],
        "page": [None if n % 7 == 0 else n for n in range(50)],
        "field": [str(n) for n in range(50)],
        "value": ["", "A", "BD", None, "=1+1"] * 10,
        "confidence": [n / 49 for n in range(50)],
        "flag": ["faint" if n == 20 else "" for n in range(50)],
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 50)), batch=st.integers(1, 60))
def test_pieces_give_the_bytes_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: list[int], batch: int
) -> None:
    monkeypatch.setattr(tables, "LONG_BATCH", batch)
    bounds = [0, *sorted(cuts), 50]
    pieces = [MARKS.slice(a, b - a) for a, b in itertools.pairwise(bounds)]
    assert tables.write_all("marks", iter(pieces), tmp_path / "pieces.arrow") == 50
    tables.write_all("marks", [MARKS], tmp_path / "whole.arrow")
    assert (tmp_path / "pieces.arrow").read_bytes() == (tmp_path / "whole.arrow").read_bytes()
    assert tables.read(tmp_path / "pieces.arrow").equals(MARKS)
    columns = ["file", "value"]
    tables.write_csv(iter(pieces), tmp_path / "pieces.csv", columns)
    tables.write_csv(MARKS, tmp_path / "whole.csv", columns)
    assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_no_more_than_a_batch_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand pieces pass; pieces that have been written are let go."""
    monkeypatch.setattr(tables, "LONG_BATCH", 100)
    before = pa.total_allocated_bytes()
    most = 0

    def pieces():
        nonlocal most
        for _ in range(1000):
            yield tables.build("marks", {"value": ["x" * 1000] * 50})
            most = max(most, pa.total_allocated_bytes() - before)

    assert tables.write_all("marks", pieces(), tmp_path / "long.arrow") == 50_000
    assert most < 2_000_000 < (tmp_path / "long.arrow").stat().st_size


def test_no_rows(tmp_path: Path) -> None:
    assert tables.write_all("pages", [], tmp_path / "a.arrow") == 0
    assert tables.write_all("pages", [tables.empty("pages")] * 3, tmp_path / "b.arrow") == 0
    assert tables.read(tmp_path / "a.arrow").equals(tables.empty("pages"))
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()


CELLS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('=+-@,"\r\n 0'), max_size=5)
COLUMNS = st.sampled_from(
    [(pa.string(), CELLS), (tables.LABEL, CELLS), (pa.int32(), st.integers(-9, 9)), (pa.float64(), st.floats(width=32))]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kinds=st.lists(COLUMNS, min_size=1, max_size=3), rows=st.integers(0, 9))
def test_csv_is_what_the_csv_module_writes(tmp_path: Path, data: st.DataObject, kinds: list, rows: int) -> None:
    """Cell by cell, each a plain one."""
    values = [data.draw(st.lists(st.none() | cell, min_size=rows, max_size=rows)) for _, cell in kinds]
    names = [data.draw(CELLS) + str(number) for number in range(len(kinds))]
    table = pa.table([pa.array(v, kind) for v, (kind, _) in zip(values, kinds, strict=True)], names)
    tables.write_csv(table, tmp_path / "table.csv")
    expected = io.StringIO(newline="")
    writer = csv.writer(expected, lineterminator="\r\n")
    for row in [names, *zip(*(column.to_pylist() for column in table.columns), strict=True)]:
        writer.writerow([tables.plain_cell(value) for value in row])
    assert (tmp_path / "table.csv").read_bytes() == b"\xef\xbb\xbf" + expected.getvalue().encode()
