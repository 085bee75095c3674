// Compute: sums of some rows of a matrix, which both products with sparse rows are made of, and sums to them.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/simd/map.hpp"

namespace steepest {
namespace {

constexpr int most_vectors = 9; // of sums in registers at a time: chains enough to hide their latency

// N vectors of the sum, the last of them cut to the tail if there is one.
template <class T, int N, class... Cut>
__attribute__((noinline)) void combine_vectors(const T* factors, const std::int32_t* which, Index count,
                                               MatrixView<const T> rows, T* sum, const Cut&... tail) {
    Vec<T> sums[N] = {};
    for (Index e = 0; e < count; ++e) {
        const T* const row = rows.data + which[e] * rows.stride;
        const Vec<T> factor = broadcast(factors[e]);
#pragma GCC unroll 9
        for (int k = 0; k < N - 1; ++k) sums[k] = fma(factor, load(row + k * lanes<T>), sums[k]);
        sums[N - 1] = fma(factor, load(row + (N - 1) * lanes<T>, tail...), sums[N - 1]);
    }
#pragma GCC unroll 9
    for (int k = 0; k < N - 1; ++k) store(sum + k * lanes<T>, sums[k]);
    store(sum + (N - 1) * lanes<T>, sums[N - 1], tail...);
}

template <class T, int N, class... Cut>
STEEPEST_INLINE void combine_some(int vectors, const T* factors, const std::int32_t* which, Index count,
                                  MatrixView<const T> rows, T* sum, const Cut&... tail) {
    if (vectors == N) return combine_vectors<T, N>(factors, which, count, rows, sum, tail...);
    if constexpr (N > 1) combine_some<T, N - 1>(vectors, factors, which, count, rows, sum, tail...);
}

template <class T>
void sparse_row_product(const T* factors, const std::int32_t* which, Index count, MatrixView<const T> rows,
                        T* sum, Index n) {
    if (n == 1) { // a masked vector takes longer
        T only = 0;
        for (Index e = 0; e < count; ++e)
            only = fma_of_one(factors[e], rows.data[which[e] * rows.stride], only);
        *sum = only;
        return;
    }
    const Index vectors = (n + lanes<T> - 1) / lanes<T>, parts = (vectors + most_vectors - 1) / most_vectors;
    const Index width =
        parts ? (vectors + parts - 1) / parts : 0; // equal parts: a short one would wait for its chains
    for (Index v = 0; v < vectors; v += width) {
        const Index some = smaller(width, vectors - v), first = v * lanes<T>;
        const MatrixView<const T> part = {rows.data + first, rows.stride};
        if ((v + some) * lanes<T> > n)
            combine_some<T, most_vectors>(int(some), factors, which, count, part, sum + first,
                                          Tail<T>(n % lanes<T>));
        else
            combine_some<T, most_vectors>(int(some), factors, which, count, part, sum + first);
    }
}

template <class T>
void add_to_rows(const T* factors, const std::int32_t* which, Index count, const T* x, MatrixView<T> rows,
                 Index n) {
    for (Index e = 0; e < count; ++e) {
        T* const row = rows.data + which[e] * rows.stride;
        if (n == 1) {
            *row = fma_of_one(factors[e], *x, *row);
            continue;
        }
        const Vec<T> factor = broadcast(factors[e]);
        map<T>(n, [=](Vec<T> from, Vec<T> to) { return fma(factor, from, to); }, row, x, row);
    }
}

} // namespace
} // namespace steepest
