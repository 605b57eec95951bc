"""Has pixels fetched from memory while others are looked at: a bubble's rows lie far apart, so no processor foresees
them."""

from libc.math cimport fabs
from libc.stdint cimport uint8_t

cdef extern from *:
    """
    #ifdef __GNUC__
    /* Without the empty assembler a function that only fetches passes for one that does nothing, and is left out. */
    #define FETCH(address) do { __builtin_prefetch(address); __asm__ volatile(""); } while (0)
    #else
    #define FETCH(address) ((void)(address))
    #endif
    """
    void FETCH(const void* address) noexcept nogil

cdef enum:
    FAR_OFF = 1 << 20  # pixels; farther than any picture reaches


cdef inline void fetch(
    const uint8_t* image, Py_ssize_t height, Py_ssize_t width, double x, double y, double reach_x, double reach_y
) noexcept nogil:
    """Have those pixels of an image fetched that are no farther than `reach` from (x, y)."""
    if not (fabs(x) + reach_x < FAR_OFF and fabs(y) + reach_y < FAR_OFF):
        return
    cdef Py_ssize_t left = max(0, <Py_ssize_t>(x - reach_x)), right = min(width - 1, <Py_ssize_t>(x + reach_x))
    cdef Py_ssize_t row, column
    if left > right:
        return
    for row in range(max(0, <Py_ssize_t>(y - reach_y)), min(height, <Py_ssize_t>(y + reach_y) + 1)):
        for column in range(left, right, 64):  # the bytes that are fetched at once
            FETCH(image + row * width + column)
        FETCH(image + row * width + right)
