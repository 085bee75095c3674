// Compute: nothing of use, as fast as can be: what the machine's peaks are measured with.
#pragma once

#include "kernels/gemm/tile.hpp"

namespace steepest {
namespace {

template <class T> double multiply_add_loop(Index iterations) {
    constexpr int chains = max_rows * max_vectors;
    Vec<T> sums[chains];
    const Vec<T> factor = broadcast(T(0.5)), term = broadcast(T(1));
#pragma GCC unroll 32
    for (int c = 0; c < chains; ++c) sums[c] = broadcast(T(c));
    for (Index i = 0; i < iterations; ++i)
#pragma GCC unroll 32
        for (int c = 0; c < chains; ++c) sums[c] = fma(sums[c], factor, term);
    volatile T sink = 0;
#pragma GCC unroll 32
    for (int c = 0; c < chains; ++c) sink = sink + sums[c][0];
    return double(iterations) * chains * lanes<T>;
}

// Four places at once: a core that follows one stream gets a fifth less from memory (14 for 17.5 GB/s, Zen
// 3).
template <class T> double read_loop(const T* x, Index n) {
    constexpr int streams = 4;
    const Index each = n / (streams * lanes<T>)*lanes<T>;
    Vec<T> sums[streams] = {};
    for (Index i = 0; i < each; i += lanes<T>)
#pragma GCC unroll 4
        for (int s = 0; s < streams; ++s) sums[s] += load(x + s * each + i);
    volatile T sink = 0;
    for (int s = 0; s < streams; ++s) sink = sink + sums[s][0];
    return double(each * streams);
}

} // namespace
} // namespace steepest
