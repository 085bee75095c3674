// Compute: the factors of a dropout.
//
// Philox 4x32-10 (base/random.hpp) on vectors: 16 counters give 4 words each, one for each of 64 columns.
// Word w of counter l belongs to column 16 w + l, whatever the vectors' width.
#pragma once

#include "kernels/gemm/blocks.hpp"

namespace steepest {
namespace {

constexpr Index dropout_columns = 64, dropout_counters = 16;

typedef std::uint64_t Words __attribute__((vector_size(vector_bytes))); // 32-bit words in 64-bit lanes
constexpr int word_lanes = vector_bytes / 8;

// The products of the low halves of each lane.
STEEPEST_INLINE Words multiply_halves(Words a, Words b) {
#if defined(STEEPEST_ISA_AVX512)
    return (Words)_mm512_maskz_mul_epu32(__mmask8(-1), (__m512i)a, (__m512i)b);
#elif defined(STEEPEST_ISA_AVX2)
    return (Words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(STEEPEST_ISA_SSE2)
    return (Words)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif defined(STEEPEST_ISA_NEON)
    return (Words)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#endif
}

STEEPEST_INLINE Words words(std::uint64_t x) { return x - Words{}; }

// c = four random words for each counter; the upper halves of c's lanes are not looked at, and left
// undefined.
STEEPEST_INLINE void philox(Words (&c)[4], std::uint64_t seed) {
    std::uint32_t k0 = std::uint32_t(seed), k1 = std::uint32_t(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
        const Words a = multiply_halves(c[0], words(0xD2511F53)),
                    b = multiply_halves(c[2], words(0xCD9E8D57));
        c[0] = (b >> 32) ^ c[1] ^ words(k0);
        c[1] = b;
        c[2] = (a >> 32) ^ c[3] ^ words(k1);
        c[3] = a;
    }
}

// draws[j] for the 64 columns of a block of a row.
STEEPEST_INLINE void dropout_draws(const DropoutKey& key, Index row, Index block, std::uint32_t* draws) {
    for (int l = 0; l < dropout_counters; l += word_lanes) {
        Words c[4] = {words(std::uint64_t(block * dropout_counters + l)), words(std::uint64_t(row)),
                      words(key.step), words(key.stream)};
        for (int i = 0; i < word_lanes; ++i) c[0][i] += std::uint64_t(i);
        philox(c, key.seed);
        for (int w = 0; w < 4; ++w) {
            typedef std::uint32_t Low __attribute__((vector_size(vector_bytes / 2)));
            const Low low = __builtin_convertvector(c[w], Low);
            __builtin_memcpy(draws + w * dropout_counters + l, &low, sizeof low);
        }
    }
}

template <class T>
void dropout_factors(const DropoutKey& key, Index row, Index first, Index last, T* factors) {
    std::uint32_t draws[dropout_columns];
    const T scale = T(key.scale);
    for (Index j = first; j < last;) {
        const Index block = j / dropout_columns, begin = block * dropout_columns;
        const Index end = smaller(begin + dropout_columns, last);
        dropout_draws(key, row, block, draws);
        for (; j < end; ++j) *factors++ = draws[j - begin] >= key.threshold ? scale : T(0);
    }
}

} // namespace
} // namespace steepest
