# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Measures all bubbles of a page where they lie: no warp, each pixel is looked at where it is."""

import numpy as np

cimport cython
from libc.math cimport ceil, fabs, floor, sqrt
from libc.string cimport memset

LEVELS = 64
cdef enum:
    SHADES = 256
    BINS = 64  # = LEVELS: grey levels four by four, finer than any decision needs

# Paper is looked for around a bubble, up to this many half-widths from its centre.
cdef double NEIGHBOURHOOD = 1.7
# The grey level of paper is that of which this share of the surroundings is darker: in the tightest print, marks in all
# neighbours leave half of the surroundings bare, and the edge of a shadow may leave a third of them in brighter light.
cdef double PAPER = 0.65


def measure(const unsigned char[:, ::1] image, const double[:, ::1] axes, double core, double edge):
    """Grey levels in and around every bubble.

    Args:
        image: (height, width) grey page, 0 black.
        axes: (n, 6) pixels: centre x, y; from the centre to the right end x, y; from the centre to the lower end x, y.
        core, edge: distances from the centre, in half-widths: pixels count fully up to `core`, then less and less,
            and not at all from `edge` on. The soft rim makes the measure insensitive to a bubble found a little off.

    Returns:
        levels: (n, LEVELS) float32, the share of a bubble's area in each bin of 256 / LEVELS grey levels.
        paper: (n,) float32, grey level of the paper around: a percentile of what surrounds the bubble.
        seen: (n,) float32, the share of the bubble that lies on the image.
    """
    cdef Py_ssize_t n = axes.shape[0], i
    levels = np.zeros((n, BINS), np.float32)
    paper = np.zeros(n, np.float32)
    seen = np.zeros(n, np.float32)
    cdef float[:, ::1] levels_ = levels
    cdef float[::1] paper_ = paper, seen_ = seen
    with nogil:
        for i in range(n):
            _one(image, &axes[i, 0], core, edge, &levels_[i, 0], &paper_[i], &seen_[i])
    return levels, paper, seen


cdef void _one(
    const unsigned char[:, ::1] image, const double* axis, double core, double edge,
    float* levels, float* paper, float* seen,
) noexcept nogil:
    cdef Py_ssize_t height = image.shape[0], width = image.shape[1], x, y, x0, x1, y0, y1, k
    cdef double cx = axis[0], cy = axis[1], ax = axis[2], ay = axis[3], bx = axis[4], by = axis[5]
    cdef double det = ax * by - ay * bx, u, v, dx, dy, r, weight, inside = 0, around = 0, all_ = 0
    cdef double reach_x = NEIGHBOURHOOD * (fabs(ax) + fabs(bx)), reach_y = NEIGHBOURHOOD * (fabs(ay) + fabs(by))
    cdef double histogram[SHADES]
    memset(histogram, 0, sizeof(histogram))
    if not fabs(det) > 1e-6:
        return
    y0, y1 = <Py_ssize_t>floor(cy - reach_y), <Py_ssize_t>ceil(cy + reach_y) + 1
    x0, x1 = <Py_ssize_t>floor(cx - reach_x), <Py_ssize_t>ceil(cx + reach_x) + 1
    for y in range(y0, y1):
        dy = y - cy
        for x in range(x0, x1):
            dx = x - cx
            u = (dx * by - dy * bx) / det
            v = (dy * ax - dx * ay) / det
            if fabs(u) > NEIGHBOURHOOD or fabs(v) > NEIGHBOURHOOD:
                continue
            r = sqrt(u * u + v * v)
            weight = 0 if r >= edge else 1 if r <= core else (edge - r) / (edge - core)
            all_ += weight
            if x < 0 or y < 0 or x >= width or y >= height:
                continue
            if weight > 0:
                levels[image[y, x] * BINS // SHADES] += <float>weight
                inside += weight
            else:
                histogram[image[y, x]] += 1
                around += 1
    if inside == 0:
        return
    for k in range(BINS):
        levels[k] /= <float>inside
    seen[0] = <float>(inside / all_)
    r = 0
    for k in range(SHADES):
        r += histogram[k]
        if r >= PAPER * around:
            paper[0] = <float>k
            break
