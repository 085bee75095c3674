// Compute: one register tile of a matrix product.
//
//   acc[i][j] = sum over k of a[i * a_row + k * a_depth] * b[k * b_stride + j],  i < MR, j < NV vectors
//
// Every element is one chain of fused multiply-adds in the order of k, begun at 0, so its bits depend
// neither on the tile's shape nor on the instruction set (SSE2, which has no such instruction, apart).
#pragma once

#include "kernels/simd/simd.hpp"
#include "kernels/type_list.hpp"

namespace steepest {
namespace {

// Accumulators, one row of b and one broadcast must fit the registers: 24 + 3 + 1 of 32, 12 + 2 + 1 of 16.
// SSE2 needs one more for the product.
#if defined(STEEPEST_ISA_AVX512) || defined(STEEPEST_ISA_NEON)
constexpr int max_rows = 8, max_vectors = 3;
#elif defined(STEEPEST_ISA_AVX2)
constexpr int max_rows = 6, max_vectors = 2;
#else
constexpr int max_rows = 4, max_vectors = 2;
#endif

// Vector j of the NV in a row; with Partial, the last is cut to the tail.
template <class T, int NV, bool Partial>
STEEPEST_INLINE Vec<T> load_column(const T* row, int j, const Tail<T>& tail) {
    return Partial && j == NV - 1 ? load(row + j * lanes<T>, tail) : load(row + j * lanes<T>);
}

template <class T, int NV, bool Partial>
STEEPEST_INLINE void store_column(T* row, int j, Vec<T> v, const Tail<T>& tail) {
    if (Partial && j == NV - 1)
        store(row + j * lanes<T>, v, tail);
    else
        store(row + j * lanes<T>, v);
}

template <class T> struct Product {
    const T* a;
    const T* b;
    Index a_stride, b_stride, depth;
    const T* start; // where the chains continue from, or null for 0
    Index start_stride;
    Tail<T> tail;
};

// What goes on beside a product, which leaves half of the loads and nearly all stores free: step(bv) for each
// row of b.
struct Nothing {
    template <class V, int NV> STEEPEST_INLINE void step(const V (&)[NV]) {}
};

// Memory is asked for one line after another.
template <class T> struct Asking {
    const T* line;
    Index stride;
    template <int NV> STEEPEST_INLINE void step(const Vec<T> (&)[NV]) {
        __builtin_prefetch(line, 0, 2); // into the second-level cache
        line += stride;
    }
};

// And the rows of b are copied, as far apart as the widest tile's.
template <class T> struct Copying {
    Asking<T> asking;
    T* to;
    template <int NV> STEEPEST_INLINE void step(const Vec<T> (&bv)[NV]) {
        asking.step(bv);
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) store(to + j * lanes<T>, bv[j]);
        to += max_vectors * lanes<T>;
    }
};

// ARows: a's rows are a_stride apart and its depth is contiguous (forward, input gradient). Otherwise its
// rows are contiguous and the depth is a_stride apart (weight gradient: a is x^T).
template <class T, int MR, int NV, bool Partial, bool ARows, class Beside = Nothing>
STEEPEST_INLINE void accumulate(const Product<T>& p, Vec<T> (&acc)[MR][NV], Beside beside = {}) {
    const Tail<T> tail = p.tail;
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j)
            acc[i][j] =
                p.start ? load_column<T, NV, Partial>(p.start + i * p.start_stride, j, tail) : Vec<T>{};
    const T* a = p.a;
    const T* b = p.b;
    const Index row = ARows ? p.a_stride : 1, next = ARows ? 1 : p.a_stride, b_stride = p.b_stride;
    for (Index k = p.depth; k > 0; --k, a += next, b += b_stride) {
        Vec<T> bv[NV];
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) bv[j] = load_column<T, NV, Partial>(b, j, tail);
        beside.step(bv);
#pragma GCC unroll 8
        for (int i = 0; i < MR; ++i) {
            const Vec<T> av = broadcast(a[i * row]);
#pragma GCC unroll 4
            for (int j = 0; j < NV; ++j) acc[i][j] = fma(av, bv[j], acc[i][j]);
        }
    }
}

} // namespace
} // namespace steepest
