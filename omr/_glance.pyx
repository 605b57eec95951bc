# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Looks at a few bubbles where they lie and compares them with an outline: no picture is made smaller for it."""

import numpy as np

from libc.math cimport fabs, fmax, sqrt
from libc.stdint cimport int16_t, uint8_t, uint32_t

cdef enum:
    FAR_OFF = 1 << 20  # pixels; farther than any picture reaches
    WHITE = 255
    SHARE_BITS = 3  # greys are counted in eighths
    ROUND_BITS = 16
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
            _sample(image, &axes[k, 0], half_x, half_y, greys[k])
        for row in range(rows):
            _sort(greys, row)
            for column in range(columns):
                picture_[row, column] = WHITE - <float>(
                    greys[(n - 1) // 2, row, column] + greys[n // 2, row, column]
                ) / (2 << SHARE_BITS)
    return picture


cdef void _sample(
    const uint8_t[:, ::1] image, const double* axis, int half_x, int half_y, int16_t[:, ::1] greys
) noexcept nogil:
    """The picture of one bubble: as many pixels are averaged as lie between two steps, or nearly."""
    cdef int window = max(1, <int>fmax(fmax(fabs(axis[2]), fabs(axis[3])), fmax(fabs(axis[4]), fabs(axis[5]))))
    cdef double x0 = _near(axis[0] - 0.5 * (window - 1)), y0 = _near(axis[1] - 0.5 * (window - 1)), x, y
    cdef double right_x = _near(axis[2]), right_y = _near(axis[3]), down_x = _near(axis[4]), down_y = _near(axis[5])
    window = min(window, <int>min(image.shape[0], image.shape[1]))
    cdef int right = <int>image.shape[1] - window, bottom = <int>image.shape[0] - window
    cdef uint32_t share = (1 << (ROUND_BITS + SHARE_BITS)) // (window * window), total
    cdef int row, column, left, top, i, j
    for row in range(2 * half_y + 1):
        x = x0 + (row - half_y) * down_x - half_x * right_x
        y = y0 + (row - half_y) * down_y - half_x * right_y
        for column in range(2 * half_x + 1):
            left = min(max(<int>(x + 0.5), 0), right)
            top = min(max(<int>(y + 0.5), 0), bottom)
            total = 0
            for j in range(top, top + window):
                for i in range(left, left + window):
                    total += image[j, i]
            greys[row, column] = (total * share) >> ROUND_BITS
            x += right_x
            y += right_y


cdef inline double _near(double x) noexcept nogil:
    """x, or a number that pixels can be counted with."""
    return min(max(x, -<double>FAR_OFF), <double>FAR_OFF)


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
    cdef int rows = <int>outline.shape[0], columns = <int>outline.shape[1], i, j, row, column
    cdef int left = <int>(picture.shape[1] - columns) // 2 - reach_x
    cdef int top = <int>(picture.shape[0] - rows) // 2 - reach_y
    if left < 0 or top < 0:
        raise ValueError("the outline must stay within the picture")
    found = np.zeros((2 * reach_y + 1, 2 * reach_x + 1), np.float32)
    cdef float[:, ::1] found_ = found
    cdef float share
    with nogil:  # the moves along a row side by side, so that they may be computed at once
        for i in range(2 * reach_y + 1):
            for row in range(rows):
                for column in range(columns):
                    share = outline[row, column]
                    for j in range(2 * reach_x + 1):
                        found_[i, j] += share * picture[top + i + row, left + j + column]
    return found


def likeness(const uint8_t[:, ::1] image, const double[:, ::1] axes, const float[:, ::1] outline):
    """How much each bubble, seen alone, looks like an outline.

    Args:
        image, axes: as `usual_picture` has them.
        outline: (2 half_y + 1, 2 half_x + 1), zero sum, unit norm.

    Returns:
        (n,) float64, the correlation of ink and outline: 1 the outline and nothing else, 0 nothing of it.
    """
    cdef int n = <int>axes.shape[0], k
    found = np.zeros(n)
    cdef double[::1] found_ = found
    cdef int16_t[:, ::1] greys = np.empty((outline.shape[0], outline.shape[1]), np.int16)
    with nogil:
        for k in range(n):
            _sample(image, &axes[k, 0], <int>outline.shape[1] // 2, <int>outline.shape[0] // 2, greys)
            found_[k] = _correlation(greys, outline)
    return found


cdef double _correlation(const int16_t[:, ::1] greys, const float[:, ::1] outline) noexcept nogil:
    """What is far darker than the outline, as a line beside the bubble, counts only as much as twice the outline."""
    cdef int rows = <int>outline.shape[0], columns = <int>outline.shape[1], row, column, lighter = 0, printed = 0
    cdef double mean = 0, paper = 0, ink = 0, limit, one, product = 0, total = 0, square = 0
    for row in range(rows):
        for column in range(columns):
            mean += greys[row, column]
    mean /= rows * columns
    for row in range(rows):
        for column in range(columns):
            if greys[row, column] >= mean:
                paper += greys[row, column]
                lighter += 1
            if outline[row, column] > 0:
                ink -= greys[row, column]
                printed += 1
    paper /= lighter
    limit = DARKER * (paper + ink / printed)
    if not limit > 0:
        return 0
    for row in range(rows):
        for column in range(columns):
            one = min(max(paper - greys[row, column], -limit), limit)
            product += outline[row, column] * one
            total += one
            square += one * one
    square -= total * total / (rows * columns)
    return product / sqrt(square) if square > 0 else 0
