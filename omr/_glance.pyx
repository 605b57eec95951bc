# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Looks at a few bubbles where they lie and compares them with an outline: no picture is made smaller for it."""

import numpy as np

from libc.math cimport fabs, fmax, sqrt
from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t

from omr._fetch cimport FAR_OFF, fetch

cdef enum:
    WHITE = 255
    SHARE_BITS = 3  # greys are counted in eighths
    ROUND_BITS = 16
    FINE_BITS = 16  # of places, in pixels
    AT_ONCE = 8  # moves of an outline
    DARKER = 2  # times as dark as an outline: more says nothing more


def usual_picture(const uint8_t[:, ::1] image, const double[:, ::1] axes, int half_x, int half_y):
    """The median picture of some bubbles and their surroundings, so that what few of them have does not show.

    Args:
        image: (height, width) grey page, 0 black.
        axes: (n, 6) pixels: of each bubble its centre x, y; the step to the next pixel of the picture
            on the right x, y; that to the next below x, y. What is off the image looks like its rim.
        half_x, half_y: pixels of the picture on either side of the centre.

    Returns:
        (2 half_y + 1, 2 half_x + 1) float32, ink: 0 white, 255 black.
    """
    cdef int n = <int>axes.shape[0], rows = 2 * half_y + 1, columns = 2 * half_x + 1, k, row, column
    if not 0 < n:
        raise ValueError("no bubbles")
    picture = np.empty((rows, columns), np.float32)
    cdef float[:, ::1] picture_ = picture
    cdef int16_t[:, :, ::1] greys = np.empty((n, rows, columns), np.int16)
    with nogil:
        for k in range(n):
            if k + 1 < n:
                _fetch(image, &axes[k + 1, 0], half_x, half_y)
            _sample(image, &axes[k, 0], half_x, half_y, greys[k])
        for row in range(rows):
            _sort(greys, row)
            for column in range(columns):
                picture_[row, column] = WHITE - <float>(
                    greys[(n - 1) // 2, row, column] + greys[n // 2, row, column]
                ) / (2 << SHARE_BITS)
    return picture


cdef void _fetch(const uint8_t[:, ::1] image, const double* axis, int half_x, int half_y) noexcept nogil:
    """Have the pixels fetched that the picture of a bubble takes."""
    fetch(
        &image[0, 0], image.shape[0], image.shape[1], axis[0], axis[1],
        half_x * fabs(axis[2]) + half_y * fabs(axis[4]), half_x * fabs(axis[3]) + half_y * fabs(axis[5]),
    )


cdef void _sample(
    const uint8_t[:, ::1] image, const double* axis, int half_x, int half_y, int16_t[:, ::1] greys
) noexcept nogil:
    """The picture of one bubble: as many pixels are averaged as lie between two steps, or nearly."""
    cdef int window = max(1, <int>fmax(fmax(fabs(axis[2]), fabs(axis[3])), fmax(fabs(axis[4]), fabs(axis[5]))))
    cdef int64_t right_x = _fixed(axis[2]), right_y = _fixed(axis[3]), down_x = _fixed(axis[4])
    cdef int64_t down_y = _fixed(axis[5]), x, y
    cdef int64_t x0 = _fixed(axis[0] - 0.5 * (window - 1) + 0.5) - half_y * down_x - half_x * right_x
    cdef int64_t y0 = _fixed(axis[1] - 0.5 * (window - 1) + 0.5) - half_y * down_y - half_x * right_y
    window = min(window, <int>min(image.shape[0], image.shape[1]))
    cdef int64_t right = image.shape[1] - window, bottom = image.shape[0] - window, wide = image.shape[1], left, top
    cdef uint32_t share = (1 << (ROUND_BITS + SHARE_BITS)) // (window * window), total
    cdef int row, column, i, j
    cdef const uint8_t* pixel
    cdef int16_t* grey
    cdef int rows = 2 * half_y, columns = 2 * half_x
    # Where all corners of the picture are, all of it is.
    cdef bint within = (
        min(x0, x0 + columns * right_x) + min(rows * down_x, 0) >= 0
        and min(y0, y0 + columns * right_y) + min(rows * down_y, 0) >= 0
        and max(x0, x0 + columns * right_x) + max(rows * down_x, 0) < (right + 1) << FINE_BITS
        and max(y0, y0 + columns * right_y) + max(rows * down_y, 0) < (bottom + 1) << FINE_BITS
    )
    for row in range(rows + 1):
        x, y = x0 + row * down_x, y0 + row * down_y
        grey = &greys[row, 0]
        if within and window == 2:  # mostly
            for column in range(columns + 1):
                pixel = &image[0, 0] + (y >> FINE_BITS) * wide + (x >> FINE_BITS)
                total = pixel[0] + pixel[1] + pixel[wide] + pixel[wide + 1]
                grey[column] = total << (SHARE_BITS - 2)
                x += right_x
                y += right_y
            continue
        for column in range(columns + 1):
            left = min(max(x >> FINE_BITS, 0), right)
            top = min(max(y >> FINE_BITS, 0), bottom)
            pixel = &image[0, 0] + top * wide + left
            total = 0
            for j in range(window):
                for i in range(window):
                    total += pixel[j * wide + i]
            grey[column] = (total * share) >> ROUND_BITS
            x += right_x
            y += right_y


cdef inline int64_t _fixed(double x) noexcept nogil:
    """x in fixed point, or a number that pixels can be counted with."""
    return <int64_t>(min(max(x, -<double>FAR_OFF), <double>FAR_OFF) * (1 << FINE_BITS))


cdef void _sort(int16_t[:, :, ::1] greys, int row) noexcept nogil:
    """Sort the pictures' greys, each pixel of a row for itself: neighbours change places (Knuth, 1973, 5.3.4), which
    all pixels can do at once."""
    cdef int n = <int>greys.shape[0], columns = <int>greys.shape[2], turn, k, column
    cdef int16_t* one
    cdef int16_t* other
    cdef int16_t less, more
    for turn in range(n):
        for k in range(turn & 1, n - 1, 2):
            one, other = &greys[k, row, 0], &greys[k + 1, row, 0]
            for column in range(columns):
                less, more = min(one[column], other[column]), max(one[column], other[column])
                one[column] = less
                other[column] = more


def agreement(const float[:, ::1] picture, const float[:, ::1] outline, int reach_x, int reach_y):
    """How well an outline agrees with a picture when it is moved from the picture's middle.

    Args:
        picture: (2 b + 1, 2 a + 1).
        outline: (2 d + 1, 2 c + 1), with c + reach_x <= a and d + reach_y <= b.
        reach_x, reach_y: how far it is moved, in pixels.

    Returns:
        (2 reach_y + 1, 2 reach_x + 1) float32: the sum of products for every move.
    """
    cdef int moves = 2 * reach_x + 1, i, j
    cdef int left = <int>(picture.shape[1] - outline.shape[1]) // 2 - reach_x
    cdef int top = <int>(picture.shape[0] - outline.shape[0]) // 2 - reach_y
    if left < 0 or top < 0:
        raise ValueError("the outline must stay within the picture")
    found = np.zeros((2 * reach_y + 1, moves), np.float32)
    cdef float[:, ::1] found_ = found
    with nogil:  # moves along a row side by side, so that they are computed at once; the last of them overlap
        for i in range(2 * reach_y + 1):
            for j in range(0, moves - AT_ONCE + 1, 8):
                _sums(picture, outline, left + j, top + i, AT_ONCE, &found_[i, j])
            if moves >= AT_ONCE:
                _sums(picture, outline, left + moves - AT_ONCE, top + i, AT_ONCE, &found_[i, moves - AT_ONCE])
            else:
                _sums(picture, outline, left, top + i, moves, &found_[i, 0])
    return found


cdef inline void _sums(
    const float[:, ::1] picture, const float[:, ::1] outline, int left, int top, int moves, float* found
) noexcept nogil:
    """The sums of products for so many moves to the right, AT_ONCE at most."""
    cdef int row, column, j
    cdef float share
    cdef const float* pixel
    cdef float sums[AT_ONCE]
    for j in range(moves):
        sums[j] = 0
    for row in range(<int>outline.shape[0]):
        for column in range(<int>outline.shape[1]):
            share = outline[row, column]
            pixel = &picture[top + row, left + column]
            for j in range(moves):
                sums[j] += share * pixel[j]
    for j in range(moves):
        found[j] = sums[j]


def likeness(const uint8_t[:, ::1] image, const double[:, ::1] axes, const float[:, ::1] outline):
    """How much each bubble, seen alone, looks like an outline.

    Args:
        image, axes: as `usual_picture` has them.
        outline: (2 half_y + 1, 2 half_x + 1), zero sum, unit norm.

    Returns:
        (n,) float64, the correlation of ink and outline: 1 the outline and nothing else, 0 nothing of it.
    """
    cdef int n = <int>axes.shape[0], k
    cdef int half_x = <int>outline.shape[1] // 2, half_y = <int>outline.shape[0] // 2
    found = np.zeros(n)
    cdef double[::1] found_ = found
    cdef int16_t[:, ::1] greys = np.empty((outline.shape[0], outline.shape[1]), np.int16)
    cdef float[::1] inks = np.empty(outline.shape[0] * outline.shape[1], np.float32)
    with nogil:
        for k in range(n):
            if k + 1 < n:
                _fetch(image, &axes[k + 1, 0], half_x, half_y)
            _sample(image, &axes[k, 0], half_x, half_y, greys)
            found_[k] = _correlation(&greys[0, 0], &outline[0, 0], &inks[0], <int>inks.shape[0])
    return found


cdef double _correlation(const int16_t* grey, const float* line, float* ink, int n) noexcept nogil:
    """What is far darker than the outline, as a line beside the bubble, counts only as much as twice the outline.

    Args:
        grey, line: n pixels of the picture and of the outline.
        ink: room for n more.
    """
    cdef int k, j, lighter = 0, printed = 0, all = 0, light = 0, dark = 0
    cdef float paper, limit
    cdef float[AT_ONCE] products, totals, squares  # side by side, so that they are added at once
    cdef double product = 0, total = 0, square = 0
    for k in range(n):
        all += grey[k]
        dark += grey[k] if line[k] > 0 else 0
        printed += line[k] > 0
    for k in range(n):
        light += grey[k] if grey[k] * n >= all else 0
        lighter += grey[k] * n >= all
    paper = <float>light / lighter
    limit = DARKER * (paper - <float>dark / printed)
    if not limit > 0:
        return 0
    for k in range(n):
        ink[k] = min(max(paper - grey[k], -limit), limit)
    for j in range(AT_ONCE):
        products[j] = totals[j] = squares[j] = 0
    for k in range(0, n - AT_ONCE + 1, 8):
        for j in range(AT_ONCE):
            products[j] += line[k + j] * ink[k + j]
            totals[j] += ink[k + j]
            squares[j] += ink[k + j] * ink[k + j]
    for j in range(n & -AT_ONCE, n):
        products[0] += line[j] * ink[j]
        totals[0] += ink[j]
        squares[0] += ink[j] * ink[j]
    for j in range(AT_ONCE):
        product += products[j]
        total += totals[j]
        square += squares[j]
    square -= total * total / n
    return product / sqrt(square) if square > 0 else 0
