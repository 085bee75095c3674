// Compute: what the stages other than products do to rows: dropout, normalization, sums and maxima.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/rows/elementwise.hpp"

namespace steepest {
namespace {

// ---- dropout -------------------------------------------------------------------------------------------
//
// Philox 4x32-10 (random.hpp) on vectors: 16 counters give 4 words each, one for each of 64 columns. Word w
// of counter l belongs to column 16 w + l, whatever the vectors' width.

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

template <class T> void add_scaled(const T* a, const T* b, T scale, T* y, Index n) {
    const Vec<T> factor = broadcast(scale);
    map<T>(n, [=](Vec<T> u, Vec<T> v) { return fma(factor, v, u); }, y, a, b);
}

// ---- maxout --------------------------------------------------------------------------------------------

template <class T> void maxout(const T* x, Index pieces, Index distance, T* y, Index n) {
    for_vectors<T>(n, [=](Index j, auto... tail) {
        Vec<T> top = load(x + j, tail...);
        for (Index p = 1; p < pieces; ++p) {
            const Vec<T> v = load(x + p * distance + j, tail...);
            top = select<T>(top != top, top, maximum(top, v)); // NaN, whichever piece it is in
        }
        store(y + j, top, tail...);
    });
}

template <class T>
void maxout_gradient(const T* x, Index piece, Index distance, const T* y, const T* dy, T* dx, Index n) {
    for_vectors<T>(n, [=](Index j, auto... tail) {
        const Vec<T> top = load(y + j, tail...);
        Vec<T> g = load(dy + j, tail...);
        g = select<T>(load(x + piece * distance + j, tail...) == top, g, Vec<T>{});
        for (Index p = 0; p < piece; ++p) // the first of equals
            g = select<T>(load(x + p * distance + j, tail...) == top, Vec<T>{}, g);
        store(dx + j, g, tail...);
    });
}

// ---- batch normalization -------------------------------------------------------------------------------

// Sums over samples are chains of so many, added up in their order: the same bits for all, and an error that
// does not grow with thousands of samples.
constexpr Index moment_rows = 64;

// sum[k] = the sum over the samples of term(i)[k], for Terms vectors.
template <class T, int Terms, class F>
STEEPEST_INLINE void sum_samples(Index samples, Vec<T> (&sum)[Terms], F term) {
    for (int k = 0; k < Terms; ++k) sum[k] = Vec<T>{};
    for (Index first = 0; first < samples; first += moment_rows) {
        const Index last = smaller(first + moment_rows, samples);
        Vec<T> chain[Terms] = {};
        for (Index i = first; i < last; ++i) term(i, chain);
        for (int k = 0; k < Terms; ++k) sum[k] += chain[k];
    }
}

template <class T>
void moments(MatrixView<const T> x, Index samples, Index first, Index last, T* mean, T* variance) {
    const Vec<T> count = broadcast(T(samples));
    for_vectors<T>(last - first, [=](Index offset, auto... tail) {
        const Index j = first + offset;
        const auto at = [&](Index i) __attribute__((always_inline)) {
            return load(x.data + i * x.stride + j, tail...);
        };
        Vec<T> sum[1];
        sum_samples<T, 1>(samples, sum, [&](Index i, Vec<T>(&s)[1]) { s[0] += at(i); });
        const Vec<T> center = sum[0] / count;
        sum_samples<T, 1>(samples, sum, [&](Index i, Vec<T>(&s)[1]) {
            const Vec<T> d = at(i) - center;
            s[0] = fma(d, d, s[0]);
        });
        store(mean + j, center, tail...);
        store(variance + j, sum[0] / count, tail...);
    });
}

template <class T>
void standardize(const T* x, const T* mean, const T* scale, const T* shift, T* y, Index n) {
    map<T>(
        n, [](Vec<T> v, Vec<T> m, Vec<T> a, Vec<T> b) { return fma(v - m, a, b); }, y, x, mean, scale, shift);
}

template <class T>
void moment_gradients(MatrixView<const T> x, MatrixView<const T> dy, Index samples, Index first, Index last,
                      const T* mean, const T* inverse_deviation, T* scale_gradient, T* shift_gradient) {
    for_vectors<T>(last - first, [=](Index offset, auto... tail) {
        const Index j = first + offset;
        const Vec<T> center = load(mean + j, tail...), inverse = load(inverse_deviation + j, tail...);
        Vec<T> sum[2];
        sum_samples<T, 2>(samples, sum, [&](Index i, Vec<T>(&s)[2]) {
            const Vec<T> g = load(dy.data + i * dy.stride + j, tail...);
            s[0] = fma(g, (load(x.data + i * x.stride + j, tail...) - center) * inverse, s[0]);
            s[1] += g;
        });
        store(scale_gradient + j, sum[0], tail...);
        store(shift_gradient + j, sum[1], tail...);
    });
}

template <class T>
void standardise_gradient(const T* x, const T* dy, const StandardiseGradient<T>& g, T* dx, Index n) {
    const Vec<T> share = broadcast(T(1) / T(g.samples));
    for_vectors<T>(n, [=, &g](Index j, auto... tail) {
        const auto of = [&](const T* row) __attribute__((always_inline)) { return load(row + j, tail...); };
        const Vec<T> inverse = of(g.inverse_deviation), normal = (of(x) - of(g.mean)) * inverse;
        const Vec<T> pull = fma(normal, of(g.scale_gradient), of(g.shift_gradient));
        store(dx + j, of(g.scale) * inverse * fma(-share, pull, of(dy)), tail...);
    });
}

} // namespace
} // namespace steepest
