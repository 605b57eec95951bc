"""Record batches put together to larger ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa


def larger(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of up to so many bytes; those that can't be put together as they are."""
    held: list[pa.RecordBatch] = []
    bytes_ = 0
    for batch in batches:
        if held and (bytes_ + batch.nbytes > size or batch.schema != held[0].schema):
            ready, held, bytes_ = _as_one(held), [], 0  # what they were made of is let go
            yield from ready
        held.append(batch)
        bytes_ += batch.nbytes
    yield from _as_one(held)


def _as_one(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    if len(batches) < 2 or not all(_is_sound(column) for batch in batches for column in batch.columns):
        return batches
    try:
        return pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # such as more answers than the codes' type can tell
        return batches


def _is_sound(column: pa.Array) -> bool:
    """Whether Arrow may translate its codes: it would look up what is outside the dictionary, be it where null."""
    if not pa.types.is_dictionary(column.type) or not len(column):
        return True
    indices = column.indices
    whole = pa.Array.from_buffers(indices.type, len(indices), [None, indices.buffers()[1]], offset=indices.offset)
    codes = whole.to_numpy()
    return bool(codes.max() < len(column.dictionary) and (codes.dtype.kind == "u" or codes.min() >= 0))
