# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Measures all bubbles of a page where they lie: no warp, each pixel is looked at where it is."""

import numpy as np

from libc.math cimport M_PI, ceil, fabs, fabsf, floor, sqrt, sqrtf
from libc.string cimport memset

LEVELS = 64
cdef enum:
    SHADES = 256
    BINS = 64  # = LEVELS: grey levels four by four, finer than any decision needs

# Paper is looked for around a bubble, up to this many half-widths from its centre.
cdef float NEIGHBOURHOOD = 1.7
# The grey level of paper is that of which this share of the surroundings is darker: in the tightest print, marks in all
# neighbours leave half of the surroundings bare, and the edge of a shadow may leave a third of them in brighter light.
cdef float PAPER = 0.65

# Of a large bubble not every row of pixels is looked at: where its half-widths span s * s times this area, one in s.
cdef double ENOUGH = 40

cdef double MIN_AREA = 1e-6  # square pixels; a bubble of less has no inside


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
    cdef float cx = axis[0], cy = axis[1], det = axis[2] * axis[5] - axis[3] * axis[4]
    if not fabs(det) > MIN_AREA:
        return
    # (u, v) = pixel in half-widths from the centre: u along the first axis, v along the second.
    cdef float ux = axis[5] / det, uy = -axis[4] / det, vx = -axis[3] / det, vy = axis[2] / det
    cdef float reach_x = NEIGHBOURHOOD * (fabs(axis[2]) + fabs(axis[4]))
    cdef float reach_y = NEIGHBOURHOOD * (fabs(axis[3]) + fabs(axis[5]))
    if not (-reach_x < cx < image.shape[1] + reach_x and -reach_y < cy < image.shape[0] + reach_y):
        return
    cdef int y0 = max(0, <int>floor(cy - reach_y)), y1 = min(<int>image.shape[0], <int>ceil(cy + reach_y) + 1)
    cdef int x0 = max(0, <int>floor(cx - reach_x)), x1 = min(<int>image.shape[1], <int>ceil(cx + reach_x) + 1)
    cdef float core2 = core * core, edge2 = edge * edge, fade = 1 / (edge - core), far = edge
    cdef float u, v, r2, weight, inside = 0
    cdef int x, y, k, around = 0, below = 0, step = max(1, <int>sqrt(fabs(det) / ENOUGH))
    cdef int surroundings[SHADES]
    memset(surroundings, 0, sizeof(surroundings))
    for k in range((y1 - y0 + step - 1) // step):
        y = y0 + k * step
        for x in range(x0, x1):
            u = (x - cx) * ux + (y - cy) * uy
            v = (x - cx) * vx + (y - cy) * vy
            r2 = u * u + v * v
            if r2 < edge2:
                weight = 1 if r2 <= core2 else (far - sqrtf(r2)) * fade
                levels[image[y, x] * BINS // SHADES] += weight
                inside += weight
            elif fabsf(u) <= NEIGHBOURHOOD and fabsf(v) <= NEIGHBOURHOOD:
                surroundings[image[y, x]] += 1
                around += 1
    if inside == 0 or around == 0:
        return
    for k in range(BINS):
        levels[k] /= inside
    # The weights of a whole bubble fill a truncated cone.
    seen[0] = inside * step / (fabs(det) * M_PI * (core * core + core * edge + edge * edge) / 3)
    for k in range(SHADES):
        below += surroundings[k]
        if below >= PAPER * around:
            paper[0] = k
            break
