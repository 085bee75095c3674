// Compute: sums of piecewise linear curves, and the gradients of their points.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/simd/simd.hpp"

namespace steepest {
namespace {

// Vectors of a row at a time, whose sums, or two for each, stay in 16 registers; and how much of the curves
// samples pass over before the next ones: it stays in a first-level cache of 32 KiB.
constexpr int curve_vectors = 8, gradient_vectors = 4;
constexpr Index curves_bytes = 24 << 10;

template <int n> struct Vectors {
    static constexpr int value = n;
};

// visit(Vectors<N>, first column, tail...) of each part of n columns, with the tail of the last vector if
// that is not full.
template <class T, int most, class Visit>
STEEPEST_INLINE void with_vectors(int count, Index first, Index n, Visit visit) {
    if (count == most) {
        const Index tail = n - first - (most - 1) * lanes<T>;
        if (tail < lanes<T>) return visit(Vectors<most>{}, first, Tail<T>(tail));
        return visit(Vectors<most>{}, first);
    }
    if constexpr (most > 1) with_vectors<T, most - 1>(count, first, n, visit);
}

template <class T, int most, class Visit> STEEPEST_INLINE void for_vector_parts(Index n, Visit visit) {
    const Pieces pieces((n + lanes<T> - 1) / lanes<T>, most);
    for (Index i = 0; i < pieces.count; ++i)
        with_vectors<T, most>(int(pieces.length(i)), pieces.begin(i) * lanes<T>, n, visit);
}

// The point before a sample, and how much the sample has of it and of the next one.
template <class T> struct OnCurve {
    Index point;
    Vec<T> before, behind;
    STEEPEST_INLINE OnCurve(const Curves<T>& curves, Index row, Index column) {
        const T place = curves.place.data[row * curves.place.stride + column];
        const T last = T(curves.ramps[column] - 1);
        const T fraction = curves.fraction.data[row * curves.fraction.stride + column];
        point = Index(place > 0 ? (place < last ? place : last) : T(0)); // NaN is none
        before = broadcast(T(1) - fraction), behind = broadcast(fraction);
    }
};

template <class T> void add_curves(const Curves<T>& curves, MatrixView<T> y) {
    for_vector_parts<T, curve_vectors>(
        curves.outputs, [&curves, y](auto vectors, Index j, const auto&... tail) {
            constexpr int last = decltype(vectors)::value - 1;
            const Index stride = curves.points.stride;
            const T* points = curves.points.data + j;
            for (Index begin = 0, end; begin < curves.columns; begin = end) {
                Index together = 0;
                for (end = begin; end < curves.columns; ++end) {
                    const Index more = together + curves.ramps[end] + 1;
                    if (end > begin && more * (last + 1) * vector_bytes > curves_bytes) break;
                    together = more;
                }
                for (Index i = 0; i < curves.rows; ++i) {
                    T* const to = y.data + i * y.stride + j;
                    Vec<T> sums[last + 1];
#pragma GCC unroll 8
                    for (int k = 0; k < last; ++k) sums[k] = load(to + k * lanes<T>);
                    sums[last] = load(to + last * lanes<T>, tail...);
                    const T* curve = points;
                    for (Index c = begin; c < end; curve += (curves.ramps[c++] + 1) * stride) {
                        const OnCurve<T> on(curves, i, c);
                        const T* const one = curve + on.point * stride;
                        const T* const next = one + stride;
#pragma GCC unroll 8
                        for (int k = 0; k < last; ++k)
                            sums[k] = fma(on.behind, load(next + k * lanes<T>),
                                          fma(on.before, load(one + k * lanes<T>), sums[k]));
                        sums[last] = fma(on.behind, load(next + last * lanes<T>, tail...),
                                         fma(on.before, load(one + last * lanes<T>, tail...), sums[last]));
                    }
#pragma GCC unroll 8
                    for (int k = 0; k < last; ++k) store(to + k * lanes<T>, sums[k]);
                    store(to + last * lanes<T>, sums[last], tail...);
                }
                points += together * stride;
            }
        });
}

// Some samples in the order of their points modulo `groups`, so that those of one point follow each other.
template <class T> struct SortedSamples {
    static constexpr Index most = 256, groups = 64;
    Index sample[most], point[most];
    Vec<T> behind[most];

    STEEPEST_INLINE void sort(const Curves<T>& curves, Index column, Index begin, Index end) {
        Index starts[groups + 1] = {};
        for (Index i = begin; i < end; ++i) ++starts[OnCurve<T>(curves, i, column).point % groups + 1];
        for (Index g = 1; g < groups; ++g) starts[g] += starts[g - 1];
        for (Index i = begin; i < end; ++i) {
            const OnCurve<T> on(curves, i, column);
            const Index to = starts[on.point % groups]++;
            sample[to] = i, point[to] = on.point, behind[to] = on.behind;
        }
    }
};

// Adds what samples give to the points of one curve, of N vectors; of each point in registers.
template <class T, int N, class... Cut>
STEEPEST_INLINE void add_to_points(const SortedSamples<T>& sorted, Index count, MatrixView<const T> dy,
                                   MatrixView<T> points, const Cut&... tail) {
    for (Index e = 0; e < count;) {
        const Index point = sorted.point[e];
        Vec<T> sums[N] = {}, next[N] = {};
        for (; e < count && sorted.point[e] == point; ++e) {
            const T* const from = dy.data + sorted.sample[e] * dy.stride;
            const Vec<T> behind = sorted.behind[e];
            const auto add = [&](int k, Vec<T> x) { sums[k] += x, next[k] = fma(behind, x, next[k]); };
#pragma GCC unroll 4
            for (int k = 0; k < N - 1; ++k) add(k, in_register(load(from + k * lanes<T>)));
            add(N - 1, in_register(load(from + (N - 1) * lanes<T>, tail...)));
        }
        T* const one = points.data + point * points.stride;
        const auto store_sum = [&](T* to, Vec<T> x, const auto&... cut) {
            store(to, load(to, cut...) + x, cut...);
        };
#pragma GCC unroll 4
        for (int k = 0; k < N - 1; ++k) {
            store_sum(one + k * lanes<T>, sums[k] - next[k]);
            store_sum(one + points.stride + k * lanes<T>, next[k]);
        }
        store_sum(one + (N - 1) * lanes<T>, sums[N - 1] - next[N - 1], tail...);
        store_sum(one + points.stride + (N - 1) * lanes<T>, next[N - 1], tail...);
    }
}

template <class T> void curve_gradients(const Curves<T>& curves, MatrixView<const T> dy) {
    SortedSamples<T> sorted;
    const Index stride = curves.points.stride, n = curves.outputs;
    T* curve = curves.points.data;
    for (Index c = 0; c < curves.columns; curve += (curves.ramps[c++] + 1) * stride) {
        for (Index p = 0; p <= curves.ramps[c]; ++p)
            for (Index k = 0; k < n; ++k) curve[p * stride + k] = 0;
        for (Index i = 0; i < curves.rows; i += sorted.most) {
            const Index end = smaller(i + sorted.most, curves.rows);
            sorted.sort(curves, c, i, end);
            for_vector_parts<T, gradient_vectors>(n, [&](auto vectors, Index j, const auto&... tail) {
                add_to_points<T, decltype(vectors)::value>(sorted, end - i, {dy.data + j, dy.stride},
                                                           {curve + j, stride}, tail...);
            });
        }
    }
}

} // namespace
} // namespace steepest
