"""Near-duplicates (近似重复题) of a bank: questions that say the same, and variants (变式) that differ in numbers only.

Two questions are near-duplicates when the sets of three-character shingles of their texts, stem and options (in
whatever order) with every number as "#", have a Jaccard index of at least `SIMILAR`, and those of their options one of
at least `SIMILAR_OPTIONS`. With the same numbers one is a duplicate of the other, with others a variant of it.

All such pairs are found, not most of them: two sets of that index share one of their rarest shingles, so that only
questions with such a shingle in common are compared (prefix filtering; Chaudhuri, Ganti & Kaushik 2006, Bayardo, Ma &
Srikant 2007). Ten thousand questions take about a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from engine.bank.markup import plain
from engine.bank.question import by_label
from engine.files import halfwidth

SIMILAR = 0.8  # the least Jaccard index of near-duplicates
SIMILAR_OPTIONS = 0.5  # and of their options: two questions on one passage have most of their text in common
SHINGLE = 3  # characters
ROUNDING = 1e-9  # of a share of a count
ROWS = 1024  # of texts compared with all others at a time

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PASSED_OVER = re.compile(r"[\s，。、；：？！“”‘’《》…,.;:?!\"'_]+")  # signs of arithmetic and brackets stay

SCHEMA = pa.schema(
    [
        ("question", pa.string()),
        ("of", pa.string()),  # the question before it, by id, that it is most like
        ("kind", pa.string()),  # "duplicate", or "variant": other numbers
        ("similarity", pa.float64()),  # Jaccard index of the texts without their numbers
    ]
)


def near_duplicates(bank: pa.Table) -> pa.Table:
    """The questions that are near-duplicates of one before them, by id.

    Returns:
        A table with `SCHEMA`, a row a question, in the order of ids; it does not depend on the order of the bank.
    """
    bank = bank.take(_by_id(bank))
    names = bank["question"].to_pylist()
    texts, group, numbers = _texts(bank)
    members: list[list[int]] = [[] for _ in texts]
    like: list[dict[int, float]] = [{own: 1.0} for own in range(len(texts))]
    for one, other, index in _similar(texts):
        like[one][other] = like[other][one] = index
    first: dict[tuple[int, tuple[str, ...]], int] = {}  # of a text with these numbers
    rows = []
    for i, own in enumerate(group):
        same = {near: first[near, numbers[i]] for near in like[own] if (near, numbers[i]) in first}
        near = same or {near: members[near][0] for near in like[own] if members[near]}
        if near:
            best = max(near, key=lambda one: (like[own][one], -near[one]))
            rows.append((names[i], names[near[best]], "duplicate" if same else "variant", like[own][best]))
        members[own].append(i)
        first.setdefault((own, numbers[i]), i)
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def families(bank: pa.Table) -> pa.Array:
    """Which family each question of the bank belongs to: near-duplicates, variants among them, are of one family.

    Returns:
        int32, in the order of the bank: families are numbered from 0 in the order of their first question by id.
    """
    order = _by_id(bank).to_numpy()
    texts, group, _ = _texts(bank.take(order))
    pairs = np.array([(one, other) for one, other, _ in _similar(texts)], int).reshape(-1, 2)
    linked = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(texts), len(texts)))
    component = connected_components(linked, directed=False)[1][group] if len(texts) else np.zeros(0, int)
    _, first, family = np.unique(component, return_index=True, return_inverse=True)
    found = np.empty(len(order), np.int32)
    found[order] = np.argsort(np.argsort(first))[family]
    return pa.array(found)


def _by_id(bank: pa.Table) -> pa.Array:
    return pa.array(np.argsort(np.array(bank["question"].to_pylist(), dtype=str), kind="stable"))


def _texts(bank: pa.Table) -> tuple[list[str], list[int], list[tuple[str, ...]]]:
    """The different texts of the questions, a line a piece, "#" for numbers; which each has; and its numbers."""
    texts: dict[str, int] = {}
    group, numbers = [], []
    for row in bank.select(["stem", "options"]).to_pylist():
        pieces = [_without_numbers(row["stem"] or ""), *sorted(map(_without_numbers, _options(row["options"] or "")))]
        group.append(texts.setdefault("\n".join(text for text, _ in pieces), len(texts)))
        numbers.append(tuple(number for _, found in pieces for number in found))
    return list(texts), group, numbers


def _options(text: str) -> list[str]:
    try:
        return list(by_label(text).values())
    except ValueError:  # without letters
        return [text]


def _without_numbers(text: str) -> tuple[str, tuple[str, ...]]:
    whole = halfwidth(plain(text)).casefold()
    return _PASSED_OVER.sub("", _NUMBER.sub("#", whole)), tuple(_NUMBER.findall(whole))


def _similar(texts: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Pairs (i < j) of near-duplicates among the texts, and the Jaccard index of their texts."""
    shingles = _shingles(texts)
    options = _shingles([text.partition("\n")[2] for text in texts])
    size = np.diff(shingles.indptr)
    rare = _rarest(shingles, size - np.ceil(SIMILAR * size - ROUNDING).astype(int) + 1)
    for start in range(0, len(texts), ROWS):
        candidates = (rare[start : start + ROWS] @ rare.T).tocoo()
        one, other = candidates.row + start, candidates.col
        smaller, larger = np.minimum(size[one], size[other]), np.maximum(size[one], size[other])
        keep = (one < other) & (smaller >= SIMILAR * larger - ROUNDING)
        one, other = one[keep], other[keep]
        for at in range(0, len(one), ROWS * ROWS):
            i, j = one[at : at + ROWS * ROWS], other[at : at + ROWS * ROWS]
            index = _jaccard(shingles, i, j)
            near = np.flatnonzero(index >= SIMILAR)
            near = near[_jaccard(options, i[near], j[near]) >= SIMILAR_OPTIONS]
            yield from zip(i[near].tolist(), j[near].tolist(), index[near].tolist(), strict=True)


def _jaccard(shingles: sparse.csr_array, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Shared shingles of the rows i and j as a part of all that either has."""
    size = np.diff(shingles.indptr)
    shared = np.asarray(shingles[i].multiply(shingles[j]).sum(axis=1)).ravel()
    return shared / (size[i] + size[j] - shared)


def _shingles(texts: Sequence[str]) -> sparse.csr_array:
    """(texts, shingles) 0/1, columns from the rarest shingle to the most frequent one."""
    column: dict[str, int] = {}
    rows = []
    for text in texts:
        pieces = text.split("\n")
        cut = {piece[at : at + SHINGLE] for piece in pieces for at in range(max(1, len(piece) - SHINGLE + 1))}
        rows.append([column.setdefault(shingle, len(column)) for shingle in sorted(cut)])
    indices = np.array([one for row in rows for one in row], int)
    rank = np.empty(len(column), int)
    rank[np.argsort(np.bincount(indices, minlength=len(column)), kind="stable")] = np.arange(len(column))
    indptr = np.cumsum([0, *map(len, rows)])
    matrix = sparse.csr_array((np.ones(len(indices)), rank[indices], indptr), shape=(len(texts), len(column)))
    matrix.sort_indices()
    return matrix


def _rarest(shingles: sparse.csr_array, count: np.ndarray) -> sparse.csr_array:
    """The same rows with only the first `count` (n,) of their columns."""
    place = np.arange(shingles.nnz) - np.repeat(shingles.indptr[:-1], np.diff(shingles.indptr))
    keep = place < np.repeat(count, np.diff(shingles.indptr))
    indptr = np.concatenate([[0], np.cumsum(count)])
    return sparse.csr_array((shingles.data[keep], shingles.indices[keep], indptr), shape=shingles.shape)
