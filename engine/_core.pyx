# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Kernels that score and count.

A column is a C-contiguous 1-D array of codes, a code a pupil: uint8, or int32 where an item has more than 255 answers.
The caller guarantees 0 <= code < slots of the item. Everything is counted in integers and each thread writes
places of its own, so the results do not depend on the number of threads.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t

ctypedef fused code_t:
    uint8_t
    int32_t

# Pupils a block: its totals stay in the first-level cache while the items go by.
cdef enum:
    BLOCK = 4096


def gather(list columns, list tables, list points, int32_t[::1] totals, int threads):
    """Look up the points of every answer and add them up.

    Args:
        columns: codes, an array of length n an item.
        tables: int32 points by code, an array an item.
        points: an int32 array of length n an item, filled here.
        totals: (n,), to which the points are added.
        threads: at least 1.
    """
    cdef Py_ssize_t items = len(columns), n = totals.shape[0], block, j, start, length
    cdef uintptr_t[::1] code = _addresses(columns, (np.uint8, np.int32), n)
    cdef uintptr_t[::1] table = _addresses(tables, (np.int32,))
    cdef uintptr_t[::1] out = _addresses(points, (np.int32,), n)
    cdef uint8_t[::1] narrow = _narrow(columns)
    for block in prange((n + BLOCK - 1) // BLOCK, nogil=True, schedule="static", num_threads=threads):
        start = block * BLOCK
        length = min(BLOCK, n - start)
        for j in range(items):
            if narrow[j]:
                _gather(<const uint8_t*> code[j] + start, <const int32_t*> table[j], <int32_t*> out[j] + start,
                        &totals[start], length)
            else:
                _gather(<const int32_t*> code[j] + start, <const int32_t*> table[j], <int32_t*> out[j] + start,
                        &totals[start], length)


def count(list columns, list slots, const int32_t[::1] bins, Py_ssize_t n_bins, int threads):
    """Cross-tabulate every item's codes with one classification of the pupils (their total score, their school, …).

    Args:
        columns: codes, an array of length n an item.
        slots: number of different codes, an item.
        bins: (n,) class of each pupil, 0 <= bin < n_bins.
        threads: at least 1.

    Returns:
        list of int64 arrays (slots, n_bins), one an item.
    """
    cdef Py_ssize_t items = len(columns), n = bins.shape[0], j
    tables = [np.zeros((size, n_bins), dtype=np.int64) for size in slots]
    cdef uintptr_t[::1] code = _addresses(columns, (np.uint8, np.int32), n)
    cdef uintptr_t[::1] out = _addresses(tables, (np.int64,))
    cdef uint8_t[::1] narrow = _narrow(columns)
    if n == 0:
        return tables
    for j in prange(items, nogil=True, schedule="dynamic", num_threads=threads):
        if narrow[j]:
            _count(<const uint8_t*> code[j], &bins[0], <int64_t*> out[j], n, n_bins)
        else:
            _count(<const int32_t*> code[j], &bins[0], <int64_t*> out[j], n, n_bins)
    return tables


cdef void _gather(
    const code_t* codes, const int32_t* table, int32_t* points, int32_t* totals, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t gained
    for i in range(n):
        gained = table[codes[i]]
        points[i] = gained
        totals[i] += gained


cdef void _count(
    const code_t* codes, const int32_t* bins, int64_t* out, Py_ssize_t n, Py_ssize_t n_bins
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[codes[i] * n_bins + bins[i]] += 1


def _narrow(list columns):
    return np.array([column.dtype == np.uint8 for column in columns], dtype=np.uint8)


def _addresses(list arrays, tuple dtypes, Py_ssize_t length=-1):
    """Where each array begins, after checking what the kernels rely on; the caller keeps the arrays alive."""
    for array in arrays:
        if not array.flags.c_contiguous or array.dtype not in dtypes:
            raise TypeError(f"expected a C-contiguous array of {dtypes}, got {array.dtype}")
        if length >= 0 and array.shape != (length,):
            raise ValueError(f"expected an array of length {length}, got shape {array.shape}")
    return np.array([array.ctypes.data for array in arrays], dtype=np.uintp)
