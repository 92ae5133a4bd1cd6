/* Products of one probe's codes with those of many rows, on processors with AVX2.

   Called by products.py, which says what it is for. Needs no header of Python's, so that any C
   compiler will do. */

#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
/* Two small pages ahead: the processor itself stops looking ahead where one ends. */
#define AHEAD 8192

/* 32 products of signed bytes, as 8 sums. AVX2 multiplies bytes only where one is unsigned: so the
   rows' are made positive, and the probe's take their signs. With bytes from -127 to 127 no sum of
   two products is more than 16 bits hold. */
AVX2 static inline __m256i add(__m256i sums, const int8_t *row, const int8_t *probe) {
    __m256i x = _mm256_loadu_si256((const __m256i *)row);
    __m256i q = _mm256_loadu_si256((const __m256i *)probe);
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(q, x));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

AVX2 static inline int32_t total(__m256i sums) {
    __m128i four =
        _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

AVX2 static void multiply(
    const int8_t *rows, int64_t n, int64_t d, const int8_t *probe, int32_t *products) {
    for (int64_t r = 0; r < n; r++, rows += d) {
        __m256i even = _mm256_setzero_si256(), odd = even;
        int64_t i = 0;
        for (; i + 64 <= d; i += 64) {
            _mm_prefetch((const char *)(rows + i + AHEAD), _MM_HINT_T1);
            even = add(even, rows + i, probe + i);
            odd = add(odd, rows + i + 32, probe + i + 32);
        }
        int32_t product = total(_mm256_add_epi32(even, odd));
        for (; i < d; i++) product += rows[i] * probe[i];
        products[r] = product;
    }
}

int facecog_can_multiply(void) { return __builtin_cpu_supports("avx2"); }

void facecog_multiply(
    const int8_t *rows, int64_t n, int64_t d, const int8_t *probe, int32_t *products) {
    multiply(rows, n, d, probe, products);
}

#else

int facecog_can_multiply(void) { return 0; }

#endif
