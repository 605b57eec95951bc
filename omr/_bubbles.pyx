# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Measures all bubbles of a page where they lie: no warp, each pixel is looked at where it is."""

import numpy as np

from libc.math cimport M_PI, ceil, fabs, fabsf, floor, sqrt, sqrtf
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from omr._fetch cimport FAR_OFF, fetch

cdef enum:
    SHADES = 256
    BIN_BITS = 2  # a bubble's grey levels are counted four by four, finer than any decision needs
    BINS = SHADES >> BIN_BITS
    FINE_BITS = 16
    FINE = 1 << FINE_BITS
    ROUNDING = 4  # steps by which a distance may be misjudged
    STEPS = 512  # of the table of weights, by the square of the distance
    WHOLE = 255  # the weight of a pixel that counts fully
    AHEAD = 2  # bubbles whose pixels are fetched before they are measured
    ROWS = 32  # of a bubble whose ends are computed together; even, as every other one begins elsewhere

cdef struct Row:  # of the surroundings, and of the bubble in them: the steps from the first to the last pixel
    int left, inner_left, inner_right, right

# Paper is looked for around a bubble, up to this many half-widths from its centre.
cdef float NEIGHBOURHOOD = 1.7
# The grey level of paper is that of which this share of the surroundings is darker: in the tightest print, marks in all
# neighbours leave half of the surroundings bare, and the edge of a shadow may leave a third of them in brighter light.
cdef float PAPER = 0.65

# Of a large bubble not every pixel is looked at: where its half-widths span s * s times this area, one in s of a row
# and of the rows, those of a row between those of the row before.
cdef double ENOUGH = 30

cdef double MIN_AREA = 1e-6  # square pixels; a bubble of less has no inside
cdef float FLAT = 1e-6  # half-widths a pixel: less is nought
cdef float THIN = 4  # half-widths a pixel, squared: a bubble half a pixel thin holds no pixel of its own


def placed(
    const double[:, ::1] ends, const double[:, :, ::1] corrections, const Py_ssize_t[::1] of,
    const double[:, ::1] homography,
):
    """Where bubbles lie on an image.

    Args:
        ends: (3 n, 2) layout units: of each bubble its centre, the middle of its right and of its lower side.
        corrections: (k, 2, 3) affine maps, applied before the homography.
        of: (n,) which of them is each bubble's.
        homography: (3, 3) layout units to pixels.

    Returns:
        (n, 6) pixels, as `measure` wants it.
    """
    cdef Py_ssize_t n = of.shape[0], i, k
    if ends.shape[0] != 3 * n or ends.shape[1] != 2:
        raise ValueError("three ends a bubble")
    axes = np.empty((n, 6))
    cdef double[:, ::1] axes_ = axes
    cdef const double* map
    cdef const double* h = &homography[0, 0]
    cdef double x, y, u, v, w
    with nogil:
        for i in range(n):
            map = &corrections[of[i], 0, 0]
            for k in range(3):
                u, v = ends[3 * i + k, 0], ends[3 * i + k, 1]
                x, y = map[0] * u + map[1] * v + map[2], map[3] * u + map[4] * v + map[5]
                w = h[6] * x + h[7] * y + h[8]
                w = 1 / w if w != 0 else 0
                axes_[i, 2 * k] = (h[0] * x + h[1] * y + h[2]) * w
                axes_[i, 2 * k + 1] = (h[3] * x + h[4] * y + h[5]) * w
            for k in range(2, 6):
                axes_[i, k] -= axes_[i, k & 1]
    return axes


def measure(const uint8_t[:, ::1] image, const double[:, ::1] axes, double core, double edge):
    """Grey levels in and around every bubble.

    Args:
        image: (height, width) grey page, 0 black.
        axes: (n, 6) pixels: centre x, y; from the centre to the right end x, y; from the centre to the lower end x, y.
        core, edge: distances from the centre, in half-widths: pixels count fully up to `core`, then less and less,
            and not at all from `edge` on. The soft rim makes the measure insensitive to a bubble found a little off.

    Returns:
        mean, median: (n,) float64, grey level of a bubble's area.
        paper: (n,) float64, grey level of the paper around: a percentile of what surrounds the bubble.
        greys: (n,) float64, the share of a bubble's area that is neither as light as paper nor as dark as ink: from a
            quarter to three quarters of the paper's grey level.
        seen: (n,) float64, the share of the bubble that lies on the image; the rest is 0 where it is.
    """
    cdef Py_ssize_t n = axes.shape[0], i
    found = np.zeros((5, n))
    cdef double[:, ::1] found_ = found
    cdef uint8_t weights[STEPS + 2 * ROUNDING]
    _weigh(weights, core, edge)
    # The weights of a whole bubble fill a truncated cone.
    cdef double cone = M_PI * (core * core + core * edge + edge * edge) / 3
    with nogil:
        for i in range(n):
            if i + AHEAD < n:
                fetch(
                    &image[0, 0], image.shape[0], image.shape[1], axes[i + AHEAD, 0], axes[i + AHEAD, 1],
                    NEIGHBOURHOOD * (fabs(axes[i + AHEAD, 2]) + fabs(axes[i + AHEAD, 4])),
                    NEIGHBOURHOOD * (fabs(axes[i + AHEAD, 3]) + fabs(axes[i + AHEAD, 5])),
                )
            _one(
                image, &axes[i, 0], weights + ROUNDING, edge, cone,
                &found_[0, i], &found_[1, i], &found_[2, i], &found_[3, i], &found_[4, i],
            )
    return found[0], found[1], found[2], found[3], found[4]


cdef void _weigh(uint8_t* weights, double core, double edge) noexcept nogil:
    """The weight of a pixel by the square of its distance, from 0 to that of `edge` and a little on both sides."""
    cdef int k
    cdef double far
    for k in range(-ROUNDING, STEPS + ROUNDING):
        far = edge * sqrt(max(k + 0.5, 0.0) / STEPS)
        weights[ROUNDING + k] = <uint8_t>(WHOLE * min(1.0, max(0.0, (edge - far) / (edge - core))) + 0.5)


cdef void _one(
    const uint8_t[:, ::1] image, const double* axis, const uint8_t* weights, float edge, double cone,
    double* mean, double* median, double* paper, double* greys, double* seen,
) noexcept nogil:
    cdef float cx = axis[0], cy = axis[1], det = axis[2] * axis[5] - axis[3] * axis[4]
    if not fabs(det) > MIN_AREA:
        return
    # (u, v) = pixel in half-widths from the centre: u along the first axis, v along the second.
    cdef float ux = axis[5] / det, uy = -axis[4] / det, vx = -axis[3] / det, vy = axis[2] / det
    cdef float reach_x = NEIGHBOURHOOD * (fabs(axis[2]) + fabs(axis[4]))
    cdef float reach_y = NEIGHBOURHOOD * (fabs(axis[3]) + fabs(axis[5]))
    if not (reach_x < FAR_OFF and reach_y < FAR_OFF):
        return
    if not (-reach_x < cx < image.shape[1] + reach_x and -reach_y < cy < image.shape[0] + reach_y):
        return
    cdef int y = max(0, <int>floor(cy - reach_y)), y1 = min(<int>image.shape[0], <int>ceil(cy + reach_y) + 1)
    cdef int last = <int>image.shape[1] - 1, step = max(1, <int>sqrt(fabs(det) / ENOUGH))
    # Where every other row begins; odd, so that stripes of a pixel are not passed over.
    cdef int shift = step // 2 | 1 if step > 1 else 0
    # On a row at height t, r2 = a * x * x + 2 * b * t * x + c * t * t.
    cdef float a = ux * ux + vx * vx, b = ux * uy + vx * vy, c = uy * uy + vy * vy
    if not a + c < THIN:
        return
    cdef float t, middle, half, left, right, begin, to_step = STEPS / (edge * edge), per_step = 1 / <float>step
    cdef float one_u = NEIGHBOURHOOD / max(fabsf(ux), FLAT), one_v = NEIGHBOURHOOD / max(fabsf(vx), FLAT)
    cdef float turn_u = uy / _steep(ux), turn_v = vy / _steep(vx)
    cdef float square = edge * edge / a, shear = b / a, height = (c - b * b / a) / a
    cdef Row rows[ROWS]
    cdef Row row
    cdef int number, phase, k
    cdef uint32_t inside = 0, around = 0, below = 0, total = 0
    cdef uint32_t levels[2 * BINS]
    cdef uint32_t surroundings[2 * SHADES]
    memset(levels, 0, sizeof(levels))
    memset(surroundings, 0, sizeof(surroundings))
    while y < y1:
        number = min(ROWS, (y1 - y + step - 1) // step)
        # All at first: where a row ends can't be foreseen, and the next one's ends would have to be waited for.
        for k in range(number):
            t = y + k * step - cy
            begin = shift if k & 1 else 0
            left = max(-cx, -turn_u * t - one_u, -turn_v * t - one_v) + cx
            right = min(last - cx, -turn_u * t + one_u, -turn_v * t + one_v) + cx
            rows[k].left, rows[k].right = _up((left - begin) * per_step), _down((right - begin) * per_step)
            rows[k].inner_left, rows[k].inner_right = rows[k].right + 1, rows[k].right
            middle = cx - shear * t - begin
            half = square - height * t * t
            if half > 0:
                half = sqrtf(half)
                rows[k].inner_left = min(rows[k].right + 1, max(rows[k].left, _up((middle - half) * per_step)))
                rows[k].inner_right = min(rows[k].right, _down((middle + half) * per_step))
        for k in range(number):
            t, row, phase = y - cy, rows[k], shift if k & 1 else 0
            if row.inner_left <= row.inner_right:
                inside += _weighted(
                    &image[y, 0], phase + row.inner_left * step, row.inner_right - row.inner_left + 1, step, cx,
                    a * to_step, 2 * b * t * to_step, c * t * t * to_step, weights, levels,
                )
            around += _count(&image[y, 0], phase + row.left * step, row.inner_left - row.left, step, surroundings)
            row.left = max(row.inner_left, row.inner_right + 1)
            around += _count(&image[y, 0], phase + row.left * step, row.right + 1 - row.left, step, surroundings)
            y += step
    if inside == 0 or around == 0:
        return
    seen[0] = inside * (<float>step * step / WHOLE) / (fabs(det) * cone)
    for k in range(BINS):
        levels[k] += levels[BINS + k]
        total += levels[k] * (2 * k + 1)
    mean[0] = total * (0.5 * SHADES / BINS) / inside
    for k in range(BINS):
        below += levels[k]
        if 2 * below >= inside:
            median[0] = (k + 0.5) * (SHADES / BINS)
            break
    below = 0
    for k in range(SHADES - 1, -1, -1):
        below += surroundings[k] + surroundings[SHADES + k]
        if below > (1 - PAPER) * around:
            paper[0] = k
            break
    below = 0
    for k in range(<int>paper[0] // 4 >> BIN_BITS, (<int>paper[0] * 3 // 4 >> BIN_BITS) + 1):
        below += levels[k]
    greys[0] = below / <double>inside


cdef inline float _steep(float slope) noexcept nogil:
    """A slope that can be divided by."""
    return slope if fabsf(slope) > FLAT else FLAT


cdef inline int _down(double x) noexcept nogil:
    """Round down; without the library's floor, a call on processors of which nothing is assumed."""
    return <int>(x + FAR_OFF) - FAR_OFF


cdef inline int _up(double x) noexcept nogil:
    return -_down(-x)


cdef inline uint32_t _count(const uint8_t* row, int x, int number, int step, uint32_t* shades) noexcept nogil:
    """Count the grey levels of so many pixels; in two tables in turn, as the next is often of the same level."""
    cdef const uint8_t* pixel = row + x
    cdef int _pair
    for _pair in range(number >> 1):
        shades[pixel[0]] += 1
        shades[SHADES + pixel[step]] += 1
        pixel += 2 * step
    if number > 0 and number & 1:
        shades[pixel[0]] += 1
    return max(number, 0)


cdef inline uint32_t _weighted(
    const uint8_t* row, int x, int number, int step, float cx, float a, float b, float c,
    const uint8_t* weights, uint32_t* levels,
) noexcept nogil:
    """Add the weights of so many pixels to their bins, likewise.

    The square of the distance is a * x * x + b * x + c steps of the table, x from the centre.
    """
    cdef const uint8_t* pixel = row + x
    cdef float at = x - cx
    # In fixed point, so that the next pixel takes two additions.
    cdef int far = <int>(((a * at + b) * at + c) * FINE)
    cdef int slope = <int>((a * (2 * at + step) + b) * step * FINE), bend = <int>(2 * a * step * step * FINE)
    cdef int _pair
    cdef uint32_t total = 0, weight, other
    for _pair in range(number >> 1):
        weight = weights[far >> FINE_BITS]
        far += slope
        slope += bend
        other = weights[far >> FINE_BITS]
        far += slope
        slope += bend
        levels[pixel[0] >> BIN_BITS] += weight
        levels[BINS + (pixel[step] >> BIN_BITS)] += other
        total += weight + other
        pixel += 2 * step
    if number > 0 and number & 1:
        weight = weights[far >> FINE_BITS]
        levels[pixel[0] >> BIN_BITS] += weight
        total += weight
    return total


def class_medians(const double[::1] values, const Py_ssize_t[::1] of, Py_ssize_t classes):
    """The lower median of each class's values.

    Args:
        values: (n,); NaN is passed over.
        of: (n,) the class of each value, from 0.
        classes: how many classes there are.

    Returns:
        medians: (classes,) 0 where a class has no value.
        counts: (classes,) float64, values that count.
    """
    cdef Py_ssize_t n = values.shape[0], i
    medians, counts = np.zeros(classes), np.zeros(classes)
    cdef double[::1] sorted_ = np.empty(n), medians_ = medians, counts_ = counts
    cdef Py_ssize_t[::1] end = np.zeros(classes + 1, np.intp)
    with nogil:
        for i in range(n):
            if values[i] == values[i]:
                end[of[i] + 1] += 1
        for i in range(classes):
            counts_[i] = <double>end[i + 1]
            end[i + 1] += end[i]
        for i in range(n):  # afterwards, end[c] is where class c ends
            if values[i] == values[i]:
                sorted_[end[of[i]]] = values[i]
                end[of[i]] += 1
        for i in range(classes):
            if counts_[i] > 0:
                medians_[i] = _lower_median(&sorted_[end[i]] - <Py_ssize_t>counts_[i], <Py_ssize_t>counts_[i])
    return medians, counts


cdef double _lower_median(double* values, Py_ssize_t n) noexcept nogil:
    """The lower median (Hoare, 1961, quickselect); the values are put in another order."""
    cdef Py_ssize_t left = 0, right = n - 1, wanted = (n - 1) // 2, i, j
    cdef double pivot, held
    while left < right:
        pivot = values[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                held = values[i]
                values[i] = values[j]
                values[j] = held
                i += 1
                j -= 1
        if wanted <= j:
            right = j
        elif wanted >= i:
            left = i
        else:
            break
    return values[wanted]
