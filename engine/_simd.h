/* Loops over bytes that compilers do not make fast by themselves.

   Where the processor has AVX2 (asked at run time) 32 bytes go at a time; elsewhere the same results come more slowly. */

#ifndef YUEJUAN_SIMD_H
#define YUEJUAN_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define HAS_AVX2 __builtin_cpu_supports("avx2")
#define FOR_AVX2 __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#define WIDTH 32 /* planes that are turned into rows at a time */

/* Columns are read in turn, a piece of each; processors foresee a piece's next bytes but not the column's next piece. */
#define AHEAD 4096 /* codes: the length of a piece */
#define LINE 64    /* bytes */
#ifdef __GNUC__
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address) ((void)(address))
#endif

/* out[i] = table[codes[i]], a table of 256 of which the codes use the first `slots`. */
INLINE void look_up_plain(const uint8_t *codes, ptrdiff_t n, const uint8_t *table, uint8_t *out) {
    for (ptrdiff_t i = 0; i < n; i++) out[i] = table[codes[i]];
}

/* The highest of the codes; of none 0. */
INLINE int most_plain(const uint8_t *codes, ptrdiff_t n) {
    uint8_t found = 0;
    for (ptrdiff_t i = 0; i < n; i++) found = codes[i] > found ? codes[i] : found;
    return found;
}

/* out[i] = codes[i] where bit i is set (eight bits a byte, the lowest first), elsewhere the number. */
INLINE void keep_plain(const uint8_t *codes, ptrdiff_t n, const uint8_t *bits, uint8_t number, uint8_t *out) {
    for (ptrdiff_t i = 0; i < n; i++) out[i] = bits[i / 8] >> (i % 8) & 1 ? codes[i] : number;
}

/* Bit i of (n + 7) / 8 bytes is set where codes[i] is not the number. */
INLINE void differ_plain(const uint8_t *codes, ptrdiff_t n, uint8_t number, uint8_t *bits) {
    for (ptrdiff_t i = 0; i < n; i += 8) {
        uint8_t byte = 0;
        for (int k = 0; k < 8 && i + k < n; k++) byte |= (uint8_t)((codes[i + k] != number) << k);
        bits[i / 8] = byte;
    }
}

/* totals[i] += values[i] */
INLINE void add_plain(const uint8_t *restrict values, ptrdiff_t n, uint16_t *restrict totals) {
    for (ptrdiff_t i = 0; i < n; i++) totals[i] += values[i];
}

/* index[i] += times * codes[i] */
INLINE void add_times_plain(const uint8_t *restrict codes, uint16_t times, ptrdiff_t n, uint16_t *restrict index) {
    for (ptrdiff_t i = 0; i < n; i += LINE) FETCH(codes + i + AHEAD);
    for (ptrdiff_t i = 0; i < n; i++) index[i] += (uint16_t)(times * codes[i]);
}

/* sums[i] += cells[i] */
INLINE void add_cells_plain(const uint16_t *restrict cells, ptrdiff_t n, int64_t *restrict sums) {
    for (ptrdiff_t i = 0; i < n; i++) sums[i] += cells[i];
}

/* sums[bins[i]][k] += rows[i][k], in numbers of 8, 16 or 32 bits */
#define ADD_ROWS(bits)                                                                                                 \
    INLINE void add_rows_##bits##_plain(const uint8_t *restrict rows, const int32_t *restrict bins, ptrdiff_t n,       \
                                        uint##bits##_t *restrict sums) {                                               \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                            \
            uint##bits##_t *restrict sum = sums + (ptrdiff_t)bins[i] * WIDTH;                                          \
            const uint8_t *restrict row = rows + i * WIDTH;                                                            \
            for (int k = 0; k < WIDTH; k++) sum[k] += row[k];                                                          \
        }                                                                                                              \
    }
ADD_ROWS(8)
ADD_ROWS(16)
ADD_ROWS(32)

/* rows[i][k] = planes[k][i], a plane beginning every `stride` bytes; i goes to the next multiple of 16. */
INLINE void to_rows_plain(const uint8_t *restrict planes, ptrdiff_t stride, ptrdiff_t n, uint8_t *restrict rows) {
    for (ptrdiff_t i = 0; i < n; i++)
        for (int k = 0; k < WIDTH; k++) rows[i * WIDTH + k] = planes[k * stride + i];
}

#ifdef HAS_AVX2

FOR_AVX2 static void look_up_avx2(const uint8_t *codes, ptrdiff_t n, const uint8_t *table, int slots, uint8_t *out) {
    __m256i parts[16]; /* the table, 16 entries each */
    int used = (slots + 15) / 16;
    ptrdiff_t i = 0;
    for (int k = 0; k < used; k++)
        parts[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(table + 16 * k)));
    for (; i + 32 <= n; i += 32) {
        __m256i code = _mm256_loadu_si256((const __m256i *)(codes + i)), found = _mm256_shuffle_epi8(parts[0], code);
        FETCH(codes + i + AHEAD);
        if (used > 1) {
            __m256i low = _mm256_and_si256(code, _mm256_set1_epi8(15)), high = _mm256_andnot_si256(_mm256_set1_epi8(15), code);
            found = _mm256_setzero_si256();
            for (int k = 0; k < used; k++)
                found = _mm256_or_si256(found, _mm256_and_si256(_mm256_cmpeq_epi8(high, _mm256_set1_epi8((char)(16 * k))),
                                                                _mm256_shuffle_epi8(parts[k], low)));
        }
        _mm256_storeu_si256((__m256i *)(out + i), found);
    }
    look_up_plain(codes + i, n - i, table, out + i);
}

FOR_AVX2 static int most_avx2(const uint8_t *codes, ptrdiff_t n) { return most_plain(codes, n); }

FOR_AVX2 static void keep_avx2(const uint8_t *codes, ptrdiff_t n, const uint8_t *bits, uint8_t number, uint8_t *out) {
    /* Each byte of a register gets the byte of the bits that has its own, and then that bit alone. */
    const __m256i from = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i own = _mm256_set1_epi64x((long long)0x8040201008040201), other = _mm256_set1_epi8((char)number);
    ptrdiff_t i = 0;
    for (; i + 32 <= n; i += 32) {
        int word;
        memcpy(&word, bits + i / 8, 4);
        __m256i set = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(word), from), own);
        __m256i code = _mm256_loadu_si256((const __m256i *)(codes + i));
        code = _mm256_blendv_epi8(other, code, _mm256_cmpeq_epi8(set, own));
        _mm256_storeu_si256((__m256i *)(out + i), code);
    }
    keep_plain(codes + i, n - i, bits + i / 8, number, out + i);
}

FOR_AVX2 static void differ_avx2(const uint8_t *codes, ptrdiff_t n, uint8_t number, uint8_t *bits) {
    ptrdiff_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i code = _mm256_loadu_si256((const __m256i *)(codes + i));
        int word = ~_mm256_movemask_epi8(_mm256_cmpeq_epi8(code, _mm256_set1_epi8((char)number)));
        memcpy(bits + i / 8, &word, 4);
    }
    differ_plain(codes + i, n - i, number, bits + i / 8);
}

FOR_AVX2 static void add_avx2(const uint8_t *values, ptrdiff_t n, uint16_t *totals) { add_plain(values, n, totals); }

FOR_AVX2 static void add_times_avx2(const uint8_t *codes, uint16_t times, ptrdiff_t n, uint16_t *index) {
    add_times_plain(codes, times, n, index);
}

FOR_AVX2 static void add_cells_avx2(const uint16_t *cells, ptrdiff_t n, int64_t *sums) {
    add_cells_plain(cells, n, sums);
}

FOR_AVX2 static void add_rows_8_avx2(const uint8_t *rows, const int32_t *bins, ptrdiff_t n, uint8_t *sums) {
    add_rows_8_plain(rows, bins, n, sums);
}

FOR_AVX2 static void add_rows_16_avx2(const uint8_t *rows, const int32_t *bins, ptrdiff_t n, uint16_t *sums) {
    add_rows_16_plain(rows, bins, n, sums);
}

FOR_AVX2 static void add_rows_32_avx2(const uint8_t *rows, const int32_t *bins, ptrdiff_t n, uint32_t *sums) {
    add_rows_32_plain(rows, bins, n, sums);
}

/* 16 × 16 bytes change places: in four rounds each row is merged with the one half the rows farther on. */
FOR_AVX2 static void to_rows_avx2(const uint8_t *planes, ptrdiff_t stride, ptrdiff_t n, uint8_t *rows) {
    for (ptrdiff_t i = 0; i < n; i += 16)
        for (int half = 0; half < WIDTH; half += 16) {
            __m128i one[16], other[16];
            for (int k = 0; k < 16; k++)
                one[k] = _mm_loadu_si128((const __m128i *)(planes + (half + k) * stride + i));
            for (int round = 0; round < 2; round++) {
                for (int k = 0; k < 8; k++) {
                    other[2 * k] = _mm_unpacklo_epi8(one[k], one[k + 8]);
                    other[2 * k + 1] = _mm_unpackhi_epi8(one[k], one[k + 8]);
                }
                for (int k = 0; k < 8; k++) {
                    one[2 * k] = _mm_unpacklo_epi8(other[k], other[k + 8]);
                    one[2 * k + 1] = _mm_unpackhi_epi8(other[k], other[k + 8]);
                }
            }
            for (int k = 0; k < 16; k++) _mm_storeu_si128((__m128i *)(rows + (i + k) * WIDTH + half), one[k]);
        }
}

#define CHOOSE(name, ...) do { if (HAS_AVX2) name##_avx2(__VA_ARGS__); else name##_plain(__VA_ARGS__); } while (0)
#else
#define CHOOSE(name, ...) name##_plain(__VA_ARGS__)
#endif

static void look_up(const uint8_t *codes, ptrdiff_t n, const uint8_t *table, int slots, uint8_t *out) {
#ifdef HAS_AVX2
    if (HAS_AVX2) {
        look_up_avx2(codes, n, table, slots, out);
        return;
    }
#endif
    (void)slots;
    look_up_plain(codes, n, table, out);
}

static int most(const uint8_t *codes, ptrdiff_t n) {
#ifdef HAS_AVX2
    if (HAS_AVX2) return most_avx2(codes, n);
#endif
    return most_plain(codes, n);
}

static void keep(const uint8_t *codes, ptrdiff_t n, const uint8_t *bits, uint8_t number, uint8_t *out) {
    CHOOSE(keep, codes, n, bits, number, out);
}

static void differ(const uint8_t *codes, ptrdiff_t n, uint8_t number, uint8_t *bits) {
    CHOOSE(differ, codes, n, number, bits);
}

static void add(const uint8_t *values, ptrdiff_t n, uint16_t *totals) { CHOOSE(add, values, n, totals); }

static void add_times(const uint8_t *codes, uint16_t times, ptrdiff_t n, uint16_t *index) {
    CHOOSE(add_times, codes, times, n, index);
}

/* The sums are numbers of `width` bytes. */
static void add_rows(const uint8_t *rows, const int32_t *bins, ptrdiff_t n, void *sums, int width) {
    if (width == 1)
        CHOOSE(add_rows_8, rows, bins, n, (uint8_t *)sums);
    else if (width == 2)
        CHOOSE(add_rows_16, rows, bins, n, (uint16_t *)sums);
    else
        CHOOSE(add_rows_32, rows, bins, n, (uint32_t *)sums);
}

static void to_rows(const uint8_t *planes, ptrdiff_t stride, ptrdiff_t n, uint8_t *rows) {
    CHOOSE(to_rows, planes, stride, n, rows);
}

/* cells[index[i]] += 1 */
static void tick(const uint16_t *index, ptrdiff_t n, uint16_t *cells) {
    for (ptrdiff_t i = 0; i < n; i++) cells[index[i]]++;
}

static void add_cells(const uint16_t *cells, ptrdiff_t n, int64_t *sums) { CHOOSE(add_cells, cells, n, sums); }

#endif
