# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Kernels that score and count.

A column is a C-contiguous 1-D array of codes, a code a pupil: uint8, or int32 where an item has more than 255 answers.
The caller guarantees 0 <= code < slots of the item; of uint8 he need not know before he has the points added up.
The kernels release Python's lock. Everything is counted in integers, so it may be shared among threads in any way.
"""

import functools

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.string cimport memcpy, memset

cdef extern from "_simd.h" nogil:
    const int WIDTH
    void look_up(const uint8_t* codes, Py_ssize_t n, const uint8_t* table, int slots, uint8_t* out)
    int most(const uint8_t* codes, Py_ssize_t n)
    void keep(const uint8_t* codes, Py_ssize_t n, const uint8_t* bits, uint8_t number, uint8_t* out)
    void differ(const uint8_t* codes, Py_ssize_t n, uint8_t number, uint8_t* bits)
    void add(const uint8_t* values, Py_ssize_t n, uint16_t* totals)
    void add_times(const uint8_t* codes, uint16_t times, Py_ssize_t n, uint16_t* index)
    void to_rows(const uint8_t* planes, Py_ssize_t stride, Py_ssize_t n, uint8_t* rows)
    void add_rows(const uint8_t* rows, const int32_t* bins, Py_ssize_t n, void* sums, int width)
    void tick(const uint16_t* index, Py_ssize_t n, uint16_t* cells)
    void add_cells(const uint16_t* cells, Py_ssize_t n, int64_t* sums)

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define MOST_THREADS omp_get_max_threads()
    #else
    #define MOST_THREADS 1
    #endif
    """
    int MOST_THREADS

ctypedef fused code_t:
    uint8_t
    int32_t

ctypedef fused bin_t:
    uint16_t
    int32_t

ctypedef fused sum_t:
    uint8_t
    uint16_t
    uint32_t

cdef enum:
    BLOCK = 4096  # pupils whose totals, or a few planes, stay in the first-level cache
    SPAN = 15  # blocks counted in cells of 16 bits: more might overflow
    CELLS = 16384  # of 16 bits, that stay in the first-level cache
    TOGETHER = 8  # items counted together at most
    BYTES = 256  # bytes added in 16 bits before they may overflow
    MOST = 1 << 24  # pupils whose bytes are added in 32 bits
    STRIDE = BLOCK + 64  # from plane to plane: powers of 2 fall on the same lines of the cache

FEW_SLOTS = 256
MOST_SHORT = 1 << 16  # classes that 16 bits tell apart


def most_threads():
    """Threads a kernel may start: the processors it may use, or fewer where somebody (threadpoolctl) has said so."""
    return MOST_THREADS


def translated(const int32_t[::1] codes, const int8_t[::1] table):
    """(n,) int8, table[codes]; the last entry of the table for what is outside it."""
    cdef Py_ssize_t n = codes.shape[0], block, start, length, i
    cdef uint32_t last = table.shape[0] - 1
    cdef bint short = last < FEW_SLOTS
    found = np.empty(n, np.int8)
    cdef uint8_t[::1] found_ = found.view(np.uint8), padded = _padded(np.asarray(table).view(np.uint8))
    cdef uint8_t[::1] narrow = np.empty(BLOCK, np.uint8)
    with nogil:
        for block in range((n + BLOCK - 1) // BLOCK):
            start = block * BLOCK
            length = min(BLOCK, n - start)
            if short:
                for i in range(length):
                    narrow[i] = <uint8_t> min(<uint32_t> codes[start + i], last)  # below 0 is above as well
                look_up(&narrow[0], length, &padded[0], last + 1, &found_[start])
            else:
                for i in range(length):
                    found_[start + i] = padded[min(<uint32_t> codes[start + i], last)]
    return found


def kept(const code_t[::1] codes, const uint8_t[::1] bits, code_t number):
    """(n,) the codes where the bit is set (eight bits a byte, the lowest first), elsewhere the number."""
    cdef Py_ssize_t n = codes.shape[0], i
    if bits.shape[0] * 8 < n:
        raise ValueError(f"{bits.shape[0]} bytes of bits for {n} codes")
    found = np.empty(n, np.asarray(codes).dtype)
    cdef code_t[::1] found_ = found
    with nogil:
        if code_t is uint8_t:
            if n:
                keep(&codes[0], n, &bits[0], number, &found_[0])
        else:
            for i in range(n):
                found_[i] = codes[i] if bits[i // 8] >> (i % 8) & 1 else number
    return found


def differing(const uint8_t[::1] codes, uint8_t number):
    """Bits, eight a byte and the lowest first, set where the code is not the number; None if all are."""
    cdef Py_ssize_t n = codes.shape[0]
    bits = np.empty((n + 7) // 8, np.uint8)
    cdef uint8_t[::1] bits_ = bits
    if n:
        with nogil:
            differ(&codes[0], n, number, &bits_[0])
    return None if (bits[:n // 8] == 255).all() and (n % 8 == 0 or bits[n // 8] == (1 << n % 8) - 1) else bits


def add_up(list columns, list tables, int32_t[::1] totals):
    """Look up the points of every answer and add them to the totals.

    Args:
        columns: codes, an array of length n an item.
        tables: int32 points by code, an array an item.
        totals: (n,). Worth nothing where a code of uint8 is outside its table.

    Returns:
        of each column of uint8 its highest code; -1 of the others, and of empty ones.
    """
    cdef Py_ssize_t n = totals.shape[0], block, i, j, start, length
    # Points within 255 steps of each other are added as bytes, the least of them as one number for all pupils.
    known = {}  # most items of a paper are worth the same
    small, bytes_ = [], []
    cdef int32_t least = 0
    for column, points in zip(columns, tables):
        key = points.tobytes()
        if key not in known:
            lowest = int(points.min())
            fits = len(points) <= FEW_SLOTS and int(points.max()) - lowest < FEW_SLOTS
            known[key] = lowest, _padded(points - lowest) if fits else None
        lowest, padded = known[key]
        as_byte = column.dtype == np.uint8 and padded is not None
        small.append(as_byte)
        if as_byte:
            bytes_.append(padded)
            least += lowest
    cdef uintptr_t[::1] code = _addresses([c for c, s in zip(columns, small) if s], (cnp.NPY_UINT8,), n)
    cdef uintptr_t[::1] table = _addresses(bytes_, (cnp.NPY_UINT8,))
    cdef int32_t[::1] slots = np.array([len(t) for t, s in zip(tables, small) if s], np.int32)
    large = [c for c, s in zip(columns, small) if not s]
    cdef uintptr_t[::1] large_code = _addresses(large, (cnp.NPY_UINT8, cnp.NPY_INT32), n)
    wide = [_padded(t, np.int32) for t, s in zip(tables, small) if not s]
    cdef uintptr_t[::1] large_table = _addresses(wide, (cnp.NPY_INT32,))
    cdef uint8_t[::1] narrow = _narrow(large)
    cdef uint8_t[::1] values = np.empty(BLOCK, np.uint8)
    cdef uint16_t[::1] sums = np.empty(BLOCK, np.uint16)
    highest = np.full(len(columns), -1, np.intc)  # first of the small, then of the large
    cdef int[::1] highest_ = highest
    with nogil:
        for block in range((n + BLOCK - 1) // BLOCK):
            start = block * BLOCK
            length = min(BLOCK, n - start)
            for i in range(length):
                totals[start + i] += least
            memset(&sums[0], 0, BLOCK * sizeof(uint16_t))
            for j in range(code.shape[0]):
                highest_[j] = max(highest_[j], most(<const uint8_t*> code[j] + start, length))
                look_up(<const uint8_t*> code[j] + start, length, <const uint8_t*> table[j], slots[j], &values[0])
                add(&values[0], length, &sums[0])
                if j % BYTES == BYTES - 1 or j == code.shape[0] - 1:
                    for i in range(length):
                        totals[start + i] += sums[i]
                    memset(&sums[0], 0, BLOCK * sizeof(uint16_t))
            for j in range(large_code.shape[0]):
                if narrow[j]:
                    i = code.shape[0] + j
                    highest_[i] = max(highest_[i], most(<const uint8_t*> large_code[j] + start, length))
                    _add_points(<const uint8_t*> large_code[j] + start, <const int32_t*> large_table[j],
                                &totals[start], length)
                else:
                    _add_points(<const int32_t*> large_code[j] + start, <const int32_t*> large_table[j],
                                &totals[start], length)
    order = np.argsort(np.logical_not(small), kind="stable")  # the small ones first
    found = np.empty(len(columns), np.intc)
    found[order] = highest
    return found.tolist()


def count(list columns, list slots, bins, Py_ssize_t n_bins):
    """Cross-tabulate every item's codes with one classification of the pupils (their total score, their school, …).

    Items of few answers are counted together: a cell for each combination of their codes and the bin, so that one
    addition counts an answer to each of them. From the cells follow the counts of each item.

    Args:
        columns: codes, an array of length n an item.
        slots: number of different codes, an item.
        bins: (n,) class of each pupil, 0 <= bin < n_bins; not copied if of uint16, or of int32 where there are more.

    Returns:
        list of int64 arrays (slots, n_bins), one an item.
    """
    cdef Py_ssize_t n = len(bins), g
    cdef bint short = n_bins <= MOST_SHORT
    cdef const uint16_t[::1] short_bins = np.ascontiguousarray(bins if short else [], np.uint16)
    cdef const int32_t[::1] wide_bins = np.ascontiguousarray([] if short else bins, np.int32)
    tables = [np.zeros((size, n_bins), dtype=np.int64) for size in slots]
    if n == 0 or not columns:
        return tables
    groups = _groups(columns, slots, n_bins)
    cdef Py_ssize_t[::1] first = np.array([group[0] for group in groups], np.intp)
    cdef Py_ssize_t[::1] members = np.array([len(group) for group in groups], np.intp)
    cdef uint8_t[::1] together = np.array([_cells(slots, group, n_bins) <= CELLS for group in groups], np.uint8)
    cdef uintptr_t[::1] code = _addresses(columns, (cnp.NPY_UINT8, cnp.NPY_INT32), n)
    cdef uintptr_t[::1] out = _addresses(tables, (cnp.NPY_INT64,))
    cdef int32_t[::1] slots_ = np.array(slots, np.int32)
    cdef uint8_t[::1] narrow = _narrow(columns)
    cdef uint16_t[::1] index = np.empty(BLOCK, np.uint16)
    cdef uint16_t[::1] cells = np.empty(CELLS, np.uint16)
    with nogil:
        for g in range(first.shape[0]):
            if together[g] and narrow[first[g]]:
                _count_together(&code[first[g]], &slots_[first[g]], &out[first[g]], members[g], &short_bins[0], n,
                                n_bins, &index[0], &cells[0])
            elif narrow[first[g]] and short:
                _count(<const uint8_t*> code[first[g]], &short_bins[0], <int64_t*> out[first[g]], n, n_bins)
            elif narrow[first[g]]:
                _count(<const uint8_t*> code[first[g]], &wide_bins[0], <int64_t*> out[first[g]], n, n_bins)
            elif short:
                _count(<const int32_t*> code[first[g]], &short_bins[0], <int64_t*> out[first[g]], n, n_bins)
            else:
                _count(<const int32_t*> code[first[g]], &wide_bins[0], <int64_t*> out[first[g]], n, n_bins)
    return tables


def all_presented(list columns, list absent, const uint8_t[::1] counted):
    """Of every column, whether no pupil who is counted (n,) has the code that means "not presented"."""
    cdef Py_ssize_t n = counted.shape[0], j
    cdef uintptr_t[::1] code = _addresses(columns, (cnp.NPY_UINT8, cnp.NPY_INT32), n)
    cdef uint8_t[::1] narrow = _narrow(columns)
    cdef int32_t[::1] absent_ = np.array(absent, np.int32)
    cdef uint8_t[::1] found = np.zeros(len(columns), np.uint8)
    if n:
        with nogil:
            for j in range(code.shape[0]):
                if narrow[j]:
                    found[j] = _occurs(<const uint8_t*> code[j], <uint8_t> absent_[j], &counted[0], n)
                else:
                    found[j] = _occurs(<const int32_t*> code[j], absent_[j], &counted[0], n)
    return [not some for some in found]


cdef uint8_t _occurs(const code_t* codes, code_t code, const uint8_t* counted, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t start = 0, i
    cdef uint8_t found = 0
    while start < n and not found:
        for i in range(start, min(start + BLOCK, n)):
            found |= (codes[i] == code) & counted[i]
        start += BLOCK
    return found


def sum_numbers(const int32_t[::1] numbers, list classes, list sizes):
    """Add numbers (n,), and their squares, by classes of pupils.

    Args:
        classes: as for `sum_by`.
        sizes: of each of them, the number of classes, the last one too.

    Returns:
        for each classification, an int64 array (classes, 2).
    """
    sums = [np.zeros((size, 2), np.int64) for size in sizes]
    cdef Py_ssize_t n = numbers.shape[0], k, i
    cdef uintptr_t[::1] bins = _addresses(classes, (cnp.NPY_INT32,), n)
    cdef uintptr_t[::1] to = _addresses(sums, (cnp.NPY_INT64,))
    cdef int64_t* sum_
    with nogil:
        for k in range(bins.shape[0]):
            for i in range(n):
                sum_ = <int64_t*> to[k] + 2 * (<const int32_t*> bins[k])[i]
                sum_[0] += numbers[i]
                sum_[1] += <int64_t> numbers[i] * numbers[i]
    return sums


def sum_by(list columns, list kinds, list classes, list rows, list sums, run):
    """Add numbers that go with the codes, by classes of pupils, to sums.

    A number is added byte by byte, what all codes have in common apart: nothing is added for a number that is the same
    for all codes, and bytes that are wanted twice are added once (a right/wrong item's points and their squares).

    Args:
        columns: codes, an array of length n an item; n at most 2**24.
        kinds: lists of int64 numbers by code, an array an item: a list for each kind of sum.
        classes: int32 arrays (n,), each a classification of the pupils. The last class is of those who are in none.
        rows: of each of them, an intp array with the row of each class but the last.
        sums: of each of them, a list of int64 arrays (rows, items or more), one a kind, to which is added.
        run: does a list of jobs, in any order and on any threads (`engine.sharing.Sharing.run`).

    Returns:
        for each classification, an int64 array: pupils of each class but the last.
    """
    cdef Py_ssize_t n = len(classes[0]) if classes else 0
    if n > MOST:
        raise ValueError(f"{n} pupils at once, expected at most {MOST}")
    least = np.zeros((len(kinds), len(columns)), np.int64)
    wanted = {}  # (item's column, bytes by code) → what they are parts of: kind, item, power of 2
    known = {}  # table → its least number, and the bytes of the others above it with their powers of 2
    for kind, tables in enumerate(kinds):
        for item, table in enumerate(tables):
            key = table.tobytes()
            if key not in known:
                known[key] = table.min(), _bytes(table - table.min())
            least[kind, item], bytes_ = known[key]
            for byte, power in bytes_:
                wanted.setdefault((item, byte), []).append((kind, item, power))
    planes = sorted(wanted, key=lambda plane: max(plane[1]))  # those that need little room together
    groups = [planes[start:start + WIDTH] for start in range(0, len(planes), WIDTH)]
    pupils = _pupils(classes, [len(some) + 1 for some in rows])
    kept = []
    for counts in pupils:
        largest = int(counts[:len(counts) - 1].max(initial=0))
        kept.append([
            np.zeros((len(counts), WIDTH), np.min_scalar_type(largest * max(max(byte) for _, byte in group)))
            for group in groups
        ])
    run([
        functools.partial(
            _sum_bytes, [columns[item] for item, _ in group], [np.frombuffer(byte, np.uint8) for _, byte in group],
            classes, [some[place] for some in kept],
        )
        for place, group in enumerate(groups)
    ])
    parts = [
        (kind, power, item, group, at)
        for group, some in enumerate(groups) for at, plane in enumerate(some) for kind, item, power in wanted[plane]
    ]
    for bytes_, counts, places, arrays in zip(kept, pupils, rows, sums):
        _put_together(bytes_, _runs(parts), counts, least, places, arrays)
    return [counts[:len(counts) - 1] for counts in pupils]


def _pupils(list classes, list sizes):
    """How many are in each class, an int64 array a classification."""
    found = [np.zeros(size, np.int64) for size in sizes]
    cdef Py_ssize_t n = len(classes[0]) if classes else 0, k, i
    cdef uintptr_t[::1] bins = _addresses(classes, (cnp.NPY_INT32,), n)
    cdef uintptr_t[::1] to = _addresses(found, (cnp.NPY_INT64,))
    with nogil:
        for k in range(bins.shape[0]):
            for i in range(n):
                (<int64_t*> to[k])[(<const int32_t*> bins[k])[i]] += 1
    return found


def _bytes(numbers):
    """Bytes that are not all 0, with the power of 2 they are to be multiplied with."""
    bytes_, power = [], 0
    while numbers.any():
        byte = (numbers & 255).astype(np.uint8)
        if byte.any():
            bytes_.append((byte.tobytes(), power))
        numbers, power = numbers >> 8, power + 8
    return bytes_


def _runs(list parts):
    """Parts (kind, power, item, group, place) that follow one another, as one; an array with their numbers appended."""
    runs = []
    for kind, power, item, group, at in sorted(parts):
        if runs:
            *run, length = runs[len(runs) - 1]
            if run == [kind, power, item - length, group, at - length]:
                runs[len(runs) - 1] = (*run, length + 1)
                continue
        runs.append((kind, power, item, group, at, 1))
    return np.array(runs, np.intp).reshape(-1, 6)


def _put_together(
    list bytes_, const Py_ssize_t[:, ::1] runs, const int64_t[::1] pupils, const int64_t[:, ::1] least,
    const Py_ssize_t[::1] rows, list sums,
):
    """Add to the sums, an array a kind, those of the bytes and what each pupil has at least; `rows`: of the classes."""
    cdef Py_ssize_t i, j, kind, part, items = least.shape[1]
    if any(some.ndim != 2 or some.shape[1] < items for some in sums) or (
        sums and len(rows) and not 0 <= np.min(rows) <= np.max(rows) < min(map(len, sums))
    ):
        raise ValueError("sums that have no place for some of the classes or items")
    cdef uintptr_t[::1] sum_ = _addresses(sums, (cnp.NPY_INT64,))
    cdef Py_ssize_t[::1] stride = np.array([some.shape[1] for some in sums], np.intp)
    cdef uint8_t[::1] have = np.any(least, axis=1).astype(np.uint8)  # something that everybody has
    cdef uintptr_t[::1] byte = _addresses(bytes_, (cnp.NPY_UINT8, cnp.NPY_UINT16, cnp.NPY_UINT32))
    cdef int[::1] width = np.array([some.itemsize for some in bytes_], np.intc)
    cdef int64_t* to
    with nogil:
        for i in range(rows.shape[0]):
            if not pupils[i]:
                continue
            for kind in range(least.shape[0]):
                if have[kind]:
                    to = <int64_t*> sum_[kind] + rows[i] * stride[kind]
                    for j in range(items):
                        to[j] += least[kind, j] * pupils[i]
            for part in range(runs.shape[0]):
                kind = runs[part, 0]
                to = <int64_t*> sum_[kind] + rows[i] * stride[kind] + runs[part, 2]
                j = i * WIDTH + runs[part, 4]
                if width[runs[part, 3]] == 1:
                    _add_bytes(<const uint8_t*> byte[runs[part, 3]] + j, runs[part, 1], runs[part, 5], to)
                elif width[runs[part, 3]] == 2:
                    _add_bytes(<const uint16_t*> byte[runs[part, 3]] + j, runs[part, 1], runs[part, 5], to)
                else:
                    _add_bytes(<const uint32_t*> byte[runs[part, 3]] + j, runs[part, 1], runs[part, 5], to)


cdef void _add_bytes(const sum_t* some, Py_ssize_t power, Py_ssize_t n, int64_t* to) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(n):
        to[k] += <int64_t> some[k] << power


def _sum_bytes(list columns, list tables, list classes, list sums):
    """As `sum_by`, of bytes of at most WIDTH columns; `sums`: for each classification an array (classes, WIDTH)."""
    cdef Py_ssize_t n = len(classes[0]) if classes else 0, block, start, length, j, k
    cdef uintptr_t[::1] sum_ = _addresses(sums, (cnp.NPY_UINT8, cnp.NPY_UINT16, cnp.NPY_UINT32))
    cdef int[::1] width = np.array([some.itemsize for some in sums], np.intc)
    cdef uintptr_t[::1] bins = _addresses(classes, (cnp.NPY_INT32,), n)
    cdef uintptr_t[::1] code = _addresses(columns, (cnp.NPY_UINT8, cnp.NPY_INT32), n)
    padded = [_padded(t) if c.dtype == np.uint8 else t for c, t in zip(columns, tables)]
    cdef uintptr_t[::1] table = _addresses(padded, (cnp.NPY_UINT8,))
    cdef int32_t[::1] slots = np.array([len(t) for t in tables], np.int32)
    cdef uint8_t[::1] narrow = _narrow(columns)
    cdef uint8_t[:, ::1] planes = np.zeros((WIDTH, STRIDE), np.uint8)
    cdef uint8_t[::1] rows = np.empty(BLOCK * WIDTH, np.uint8)
    with nogil:
        for block in range((n + BLOCK - 1) // BLOCK):
            start = block * BLOCK
            length = min(BLOCK, n - start)
            for j in range(code.shape[0]):
                if narrow[j]:
                    look_up(<const uint8_t*> code[j] + start, length, <const uint8_t*> table[j], slots[j],
                            &planes[j, 0])
                else:
                    _look_up_wide(<const int32_t*> code[j] + start, <const uint8_t*> table[j], &planes[j, 0], length)
            to_rows(&planes[0, 0], STRIDE, length, &rows[0])
            for k in range(bins.shape[0]):
                add_rows(&rows[0], <const int32_t*> bins[k] + start, length, <void*> sum_[k], width[k])


cdef void _add_points(const code_t* codes, const int32_t* table, int32_t* totals, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        totals[i] += table[codes[i]]


cdef void _look_up_wide(const int32_t* codes, const uint8_t* table, uint8_t* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = table[codes[i]]


cdef void _count_together(
    const uintptr_t* codes, const int32_t* slots, const uintptr_t* out, Py_ssize_t members, const uint16_t* bins,
    Py_ssize_t n, Py_ssize_t n_bins, uint16_t* index, uint16_t* cells,
) noexcept nogil:
    """Count items together; the first member's code varies slowest."""
    cdef Py_ssize_t combinations = 1, j, start, length, combination, _
    cdef Py_ssize_t times[TOGETHER]
    for j in range(members):
        times[members - 1 - j] = combinations
        combinations *= slots[members - 1 - j]
    start = 0
    while start < n:
        memset(cells, 0, combinations * n_bins * sizeof(uint16_t))
        for _ in range(SPAN):
            length = min(BLOCK, n - start)
            memcpy(index, bins + start, length * sizeof(uint16_t))
            for j in range(members):
                add_times(<const uint8_t*> codes[j] + start, <uint16_t> (times[j] * n_bins), length, index)
            tick(index, length, cells)
            start += length
            if start == n:
                break
        for combination in range(combinations):
            for j in range(members):
                add_cells(
                    cells + combination * n_bins, n_bins,
                    <int64_t*> out[j] + combination // times[j] % slots[j] * n_bins,
                )


cdef void _count(
    const code_t* codes, const bin_t* bins, int64_t* out, Py_ssize_t n, Py_ssize_t n_bins
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[<Py_ssize_t> codes[i] * n_bins + bins[i]] += 1


def _groups(list columns, list slots, Py_ssize_t n_bins):
    """Ranges of items that follow one another and are counted together; an item that no table holds is alone."""
    groups, first = [], 0
    for j in range(1, len(columns) + 1):
        fits = (
            j < len(columns)
            and j - first < TOGETHER
            and all(column.dtype == np.uint8 for column in columns[first:j + 1])
            and _cells(slots, range(first, j + 1), n_bins) <= CELLS
        )
        if not fits:
            groups.append(range(first, j))
            first = j
    return groups


def _cells(list slots, group, Py_ssize_t n_bins):
    cells = n_bins
    for j in group:
        cells *= slots[j]
    return cells


def _padded(table, kind=np.uint8):
    """A table with an entry for each code of uint8 at least: whole registers, and what is outside it, can be read."""
    padded = np.zeros(max(len(table), FEW_SLOTS), kind)
    padded[:len(table)] = table
    return padded


def _narrow(list columns):
    """Whether each column is of uint8."""
    narrow = np.empty(len(columns), np.uint8)
    cdef uint8_t[::1] narrow_ = narrow
    cdef cnp.ndarray column
    cdef Py_ssize_t j
    for j, column in enumerate(columns):
        narrow_[j] = cnp.PyArray_TYPE(column) == cnp.NPY_UINT8
    return narrow


def _addresses(list arrays, tuple types, Py_ssize_t length=-1):
    """Where each array begins, after checking what the kernels rely on; the caller keeps the arrays alive.

    Args:
        types: NumPy's numbers of the types that the arrays may have.
        length: that each must have, as its only one; -1: any shape will do.
    """
    addresses = np.empty(len(arrays), np.uintp)
    cdef uintptr_t[::1] addresses_ = addresses
    cdef cnp.ndarray array
    cdef Py_ssize_t j
    for j, array in enumerate(arrays):
        if not cnp.PyArray_IS_C_CONTIGUOUS(array) or cnp.PyArray_TYPE(array) not in types:
            raise TypeError(f"expected a C-contiguous array of types {types}, got {array.dtype}")
        if length >= 0 and (cnp.PyArray_NDIM(array) != 1 or cnp.PyArray_DIM(array, 0) != length):
            raise ValueError(f"expected an array of length {length}, got shape {(<object> array).shape}")
        addresses_[j] = <uintptr_t> cnp.PyArray_DATA(array)
    return addresses
