// Compute: softmax of rows.
#pragma once

#include "kernels/rows/reductions.hpp"
#include "kernels/simd/vmath.hpp"

namespace steepest {
namespace {

template <class T> STEEPEST_INLINE T largest(const T* row, Index n) {
    Vec<T> top = broadcast(T(-__builtin_huge_val()));
    for_vectors<T>(n, [&](Index j, auto... tail) {
        Vec<T> v = load(row + j, tail...);
        if constexpr (sizeof...(tail)) v = within<T>(tail..., v, top);
        top = maximum(top, v);
    });
    T result = top[0];
    for (int i = 1; i < lanes<T>; ++i) result = top[i] > result ? top[i] : result;
    return result;
}

// exp_row = exp(row - top), top the largest of the row, which cannot overflow. Returns their sum.
template <class T> STEEPEST_INLINE T exponentials(const T* row, T top, T* exp_row, Index n) {
    Vec<T> sums[group<T>] = {};
    for_groups<T>(n, [&](int g, Index j, auto... tail) {
        const Vec<T> e = vexp<T>(load(row + j, tail...) - broadcast(top));
        store(exp_row + j, e, tail...);
        if constexpr (sizeof...(tail))
            sums[g] += within<T>(tail..., e, Vec<T>{});
        else
            sums[g] += e;
    });
    return fold<T>(sums);
}

template <class T> void softmax(MatrixView<const T> x, MatrixView<T> y, Index rows, Index columns) {
    for (Index i = 0; i < rows; ++i, x.data += x.stride, y.data += y.stride) {
        const Vec<T> sum = broadcast(exponentials(x.data, largest(x.data, columns), y.data, columns));
        map<T>(columns, [=](Vec<T> e) { return e / sum; }, y.data, y.data);
    }
}

} // namespace
} // namespace steepest
