"""Batches put together: the same rows, and nothing is looked up outside a dictionary."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.batches import larger

ANSWER = pa.dictionary(pa.uint8(), pa.string())


def batch(answers: list[str | None], kind: pa.DataType = ANSWER) -> pa.RecordBatch:
    return pa.record_batch({"q": pa.array(answers, pa.string()).dictionary_encode().cast(kind)})


@given(st.lists(st.lists(st.sampled_from(["A", "B", "", None]))), st.integers(0, 40))
def test_the_same_rows_in_fewer_batches(parts: list[list[str | None]], size: int) -> None:
    batches = [batch(part) for part in parts]
    found = list(larger(batches, size))
    assert [row for one in found for row in one["q"].to_pylist()] == [row for part in parts for row in part]
    assert len(found) <= len(batches)
    assert all(one.nbytes <= size or one.num_rows <= max(len(part) for part in parts) for one in found)


def test_up_to_the_size_they_are_one() -> None:
    batches = [batch(["A", "B"]), batch(["B", None]), batch(["C", "A"])]
    assert [one["q"].to_pylist() for one in larger(batches, 1 << 20)] == [["A", "B", "B", None, "C", "A"]]
    assert [one.num_rows for one in larger(batches, batches[0].nbytes + batches[1].nbytes)] == [4, 2]
    assert list(larger([], 9)) == []


def test_what_can_not_be_put_together_stays_apart() -> None:
    """More than 255 answers, which the codes can't tell; and another schema."""
    first, second = ([f"{i}" for i in range(start, start + 200)] for start in (0, 200))
    assert [one["q"].to_pylist() for one in larger([batch(first), batch(second)], 1 << 20)] == [first, second]
    wide = batch(["A"], pa.dictionary(pa.int32(), pa.string()))
    assert list(larger([batch(["A"]), wide, wide], 1 << 20)) == [batch(["A"]), batch(["A", "A"], wide["q"].type)]


@pytest.mark.parametrize(("kind", "code"), [(pa.uint8(), 200), (pa.int32(), 7), (pa.int32(), -1)])
@pytest.mark.parametrize("null", [False, True])
def test_codes_outside_the_dictionary_are_left_as_they_are(kind: pa.DataType, code: int, null: bool) -> None:
    codes = np.array([0, code, 1], kind.to_pandas_dtype())
    bitmap = pa.py_buffer(bytes([0b101])) if null else None
    indices = pa.Array.from_buffers(kind, 3, [bitmap, pa.py_buffer(codes)])
    odd = pa.record_batch({"q": pa.DictionaryArray.from_arrays(indices, ["B", "A"], safe=False)})
    found = list(larger([batch(["A"], odd["q"].type), odd], 1 << 20))
    assert [one.num_rows for one in found] == [1, 3]
    assert np.frombuffer(found[1]["q"].indices.buffers()[1], codes.dtype).tolist() == codes.tolist()
