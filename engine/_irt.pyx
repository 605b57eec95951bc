# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Kernels of item response models: responses to packed codes, and the E-step on them.

A packed code is the joint answer of a pupil to a group of items, so that one row of a table gives the log-likelihood of
the whole group at every node. Numbers of nodes are multiples of eight (the caller pads). Sums are made in chunks of
pupils that depend on the number of pupils only, so the results do not depend on the number of threads.
"""

from cython.parallel cimport prange
from libc.math cimport log
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc

# The loops over nodes in C: compiled for several processors, chosen at run time. Loops with comparisons are vectorised
# only if these may not trap.
cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
    #define VECTORISED __attribute__((optimize("no-trapping-math"), \\
        target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
    #else
    #define VECTORISED
    #endif
    #if defined(_MSC_VER)
    #define RESTRICT __restrict
    #else
    #define RESTRICT restrict
    #endif

    VECTORISED static void add_rows(double *RESTRICT sum, const double *start, const double *tables,
                                    const uint8_t *codes, const Py_ssize_t *first, Py_ssize_t groups, Py_ssize_t n) {
        for (Py_ssize_t q = 0; q < n; q++) sum[q] = start[q];
        for (Py_ssize_t g = 0; g < groups; g++) {
            const double *row = tables + (first[g] + codes[g]) * n;
            for (Py_ssize_t q = 0; q < n; q++) sum[q] += row[q];
        }
    }

    VECTORISED static void add_to_rows(const double *RESTRICT values, double scale, double *RESTRICT tables,
                                       const uint8_t *codes, const Py_ssize_t *first, Py_ssize_t groups,
                                       Py_ssize_t n) {
        for (Py_ssize_t g = 0; g < groups; g++) {
            double *RESTRICT row = tables + (first[g] + codes[g]) * n;
            for (Py_ssize_t q = 0; q < n; q++) row[q] += scale * values[q];
        }
    }

    VECTORISED static double largest(const double *x, Py_ssize_t n) {
        double top[8];
        for (int lane = 0; lane < 8; lane++) top[lane] = x[lane];
        for (Py_ssize_t q = 8; q < n; q += 8)
            for (int lane = 0; lane < 8; lane++) top[lane] = x[q + lane] > top[lane] ? x[q + lane] : top[lane];
        for (int lane = 1; lane < 8; lane++) top[0] = top[lane] > top[0] ? top[lane] : top[0];
        return top[0];
    }

    /* x becomes exp(x - top), where no x is above top; returns the sum. exp(v) = 2^k exp(r), |r| <= log(2) / 2, with
       exp(r) from its Taylor series to r^11 (relative error below 1e-14); adding 1.5 * 2^52 rounds to an integer and
       leaves it in the low bits. */
    VECTORISED static double exponentiate(double *x, double top, Py_ssize_t n) {
        const double rounder = 6755399441055744.0;
        double sum[8] = {0};
        for (Py_ssize_t q = 0; q < n; q++) {
            double v = x[q] - top;
            v = v > -700.0 ? v : -700.0;
            double rounded = v * 1.4426950408889634 + rounder;
            int64_t power;
            memcpy(&power, &rounded, 8);
            power = (int64_t)((uint64_t)(power + 1023) << 52);
            double k = rounded - rounder;
            double r = v - k * 0.69314718036912382 - k * 1.9082149292705877e-10;
            double e = 1.0 / 39916800;
            e = e * r + 1.0 / 3628800;
            e = e * r + 1.0 / 362880;
            e = e * r + 1.0 / 40320;
            e = e * r + 1.0 / 5040;
            e = e * r + 1.0 / 720;
            e = e * r + 1.0 / 120;
            e = e * r + 1.0 / 24;
            e = e * r + 1.0 / 6;
            e = e * r + 0.5;
            e = e * r + 1.0;
            e = e * r + 1.0;
            double scale;
            memcpy(&scale, &power, 8);
            x[q] = e * scale;
        }
        for (Py_ssize_t q = 0; q < n; q += 8)
            for (int lane = 0; lane < 8; lane++) sum[lane] += x[q + lane];
        return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
    }
    """
    void add_rows(double* sum, const double* start, const double* tables, const uint8_t* codes,
                  const Py_ssize_t* first, Py_ssize_t groups, Py_ssize_t n) nogil
    void add_to_rows(const double* values, double scale, double* tables, const uint8_t* codes,
                     const Py_ssize_t* first, Py_ssize_t groups, Py_ssize_t n) nogil
    double largest(const double* x, Py_ssize_t n) nogil
    double exponentiate(double* x, double top, Py_ssize_t n) nogil


def encode(const double[:, ::1] values, uint8_t[:, ::1] codes, uint8_t[:, ::1] seen):
    """Whole numbers 0..253 as they are; missing (NaN or negative) as 255; anything else as 254.

    Args:
        values: (n, items).
        codes: (n, items), filled here.
        seen: (items, 256), where 1 is put for each code that occurs.
    """
    cdef Py_ssize_t n = values.shape[0], items = values.shape[1], i, j
    cdef double value
    cdef uint8_t code
    with nogil:
        for i in range(n):
            for j in range(items):
                value = values[i, j]
                code = 255
                if value >= 0:
                    code = 254
                    if value < 254 and value == <int> value:
                        code = <uint8_t> <int> value
                codes[i, j] = code
                seen[j, code] = 1


def pack(const uint8_t[:, ::1] codes, const uint8_t[:, ::1] places, const Py_ssize_t[::1] group,
         uint8_t[:, ::1] packed, int threads):
    """Packed codes: the sum over a group's items of the item's digit times its place value.

    Args:
        codes: (n, items).
        places: (items, 256) digit times place value by code.
        group: (items,) group of each item.
        packed: (n, groups), zeros, to which is added.
    """
    cdef Py_ssize_t n = codes.shape[0], items = codes.shape[1], i, j
    for i in prange(n, nogil=True, schedule="static", num_threads=threads):
        for j in range(items):
            packed[i, group[j]] += places[j, codes[i, j]]


def expect(const uint8_t[:, ::1] packed, const double[::1] counts, const Py_ssize_t[::1] first,
           const double[:, ::1] tables, const double[::1] log_prior, double[:, :, ::1] expected,
           double[::1] log_likelihood, int threads):
    """The E-step: expected numbers of pupils with each packed code at each node.

    Args:
        packed: (n, groups) packed codes.
        counts: (n,) how many pupils a row stands for.
        first: (groups,) first row of each group in the tables.
        tables: (rows, nodes) log-likelihood of each packed code at each node.
        log_prior: (nodes,).
        expected: (chunks, rows, nodes), zeros, to which is added.
        log_likelihood: (chunks,), filled here.
    """
    cdef Py_ssize_t n = packed.shape[0], groups = packed.shape[1], nodes = tables.shape[1]
    cdef Py_ssize_t chunks = expected.shape[0], chunk
    for chunk in prange(chunks, nogil=True, schedule="dynamic", num_threads=threads):
        log_likelihood[chunk] = _expect(
            &packed[0, 0], &counts[0], n * chunk // chunks, n * (chunk + 1) // chunks, groups, &first[0],
            &tables[0, 0], &log_prior[0], &expected[chunk, 0, 0], nodes)


cdef double _expect(
    const uint8_t* packed, const double* counts, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t groups,
    const Py_ssize_t* first, const double* tables, const double* log_prior, double* expected, Py_ssize_t nodes
) noexcept nogil:
    cdef double* weight = <double*> malloc(nodes * sizeof(double))
    cdef double top, likelihood, total = 0
    cdef Py_ssize_t i
    for i in range(start, stop):
        add_rows(weight, log_prior, tables, packed + i * groups, first, groups, nodes)
        top = largest(weight, nodes)
        likelihood = exponentiate(weight, top, nodes)
        total += counts[i] * (top + log(likelihood))
        add_to_rows(weight, counts[i] / likelihood, expected, packed + i * groups, first, groups, nodes)
    free(weight)
    return total


def posterior(const uint8_t[:, ::1] packed, const Py_ssize_t[::1] first, const double[:, ::1] tables,
              const double[::1] log_prior, double[:, ::1] weights, int threads):
    """Posterior weights of the nodes, a row a pupil.

    Args:
        packed, first, tables, log_prior: as in `expect`.
        weights: (n, nodes), filled here; rows sum to 1.
    """
    cdef Py_ssize_t n = packed.shape[0], groups = packed.shape[1], nodes = tables.shape[1], i, q
    cdef double likelihood
    for i in prange(n, nogil=True, schedule="static", num_threads=threads):
        add_rows(&weights[i, 0], &log_prior[0], &tables[0, 0], &packed[i, 0], &first[0], groups, nodes)
        likelihood = exponentiate(&weights[i, 0], largest(&weights[i, 0], nodes), nodes)
        for q in range(nodes):
            weights[i, q] /= likelihood
