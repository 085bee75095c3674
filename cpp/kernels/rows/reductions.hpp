// Compute: sums over rows and columns in one fixed order, whatever the instruction set.
#pragma once

#include "kernels/simd/map.hpp"

namespace steepest {
namespace {

template <class T> void column_sums(MatrixView<const T> dy, Index samples, Index first, Index last, T* sums) {
    for_vectors<T>(last - first, [=](Index j, auto... tail) {
        Vec<T> sum = {};
        const T* element = dy.data + first + j;
        for (Index i = 0; i < samples; ++i, element += dy.stride) sum += load(element, tail...);
        store(sums + first + j, sum, tail...);
    });
}

// Sums run over 64 bytes of lanes, however many vectors that takes, and are folded by halves: the same
// order of additions for every instruction set.
template <class T> constexpr int group = 64 / vector_bytes;
template <class T> constexpr int group_lanes = 64 / int(sizeof(T));

template <class T> STEEPEST_INLINE T fold(const Vec<T> (&sums)[group<T>]) {
    T lane[group_lanes<T>];
    __builtin_memcpy(lane, sums, sizeof lane);
    for (int half = group_lanes<T> / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
}

// The vectors of a row of n elements: visit(g, offset) or visit(g, offset, tail), g the place in the group.
template <class T, class F> STEEPEST_INLINE void for_groups(Index n, F visit) {
    Index i = 0;
    for (; i + group_lanes<T> <= n; i += group_lanes<T>)
        for (int g = 0; g < group<T>; ++g) visit(g, i + g * lanes<T>);
    for (int g = 0; i < n; ++g, i += lanes<T>)
        if (i + lanes<T> <= n)
            visit(g, i);
        else
            visit(g, i, Tail<T>(n - i));
}

STEEPEST_INLINE Vec<double> widened(const double* x) { return load(x); }

STEEPEST_INLINE Vec<double> widened(const float* x) {
    typedef float Half __attribute__((vector_size(vector_bytes / 2)));
    Half half;
    __builtin_memcpy(&half, x, sizeof half);
    return __builtin_convertvector(half, Vec<double>);
}

// The vectors of a row of n elements in double: visit(g, offset, vector), g as in for_groups. The last is
// filled with 0.
template <class T, class F> STEEPEST_INLINE void for_wide(const T* row, Index n, F visit) {
    for_groups<double>(n, [&](int g, Index j, auto... tail) {
        if constexpr (sizeof...(tail) == 0) {
            visit(g, j, widened(row + j));
        } else {
            T rest[lanes<double>] = {};
            for (Index k = j; k < n; ++k) rest[k - j] = row[k];
            visit(g, j, widened(rest));
        }
    });
}

template <class T> bool all_finite(const T* x, Index n) {
    Vec<T> zeros[4] = {}; // x * 0 is NaN for NaN and infinities; four chains hide the latency
    Index i = 0;
    for (; i + 4 * lanes<T> <= n; i += 4 * lanes<T>)
        for (int j = 0; j < 4; ++j) zeros[j] += load(x + i + j * lanes<T>) * Vec<T>{};
    for_vectors<T>(n - i, [&](Index j, auto... tail) { zeros[0] += load(x + i + j, tail...) * Vec<T>{}; });
    const Vec<T> sum = (zeros[0] + zeros[1]) + (zeros[2] + zeros[3]);
    bool finite = true;
    for (int j = 0; j < lanes<T>; ++j) finite &= sum[j] == 0;
    return finite;
}

} // namespace
} // namespace steepest
