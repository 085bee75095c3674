// Compute: how large weights and gradients are, in double and in one order for all instruction sets, and
// weights cut to size.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/rows/elementwise.hpp"
#include "kernels/rows/reductions.hpp"

namespace steepest {
namespace {

template <class T>
double penalty(MatrixView<const T> weight, Index rows, Index columns, double l2, double l1) {
    Vec<double> squares[group<double>] = {}, sizes[group<double>] = {};
    for (Index i = 0; i < rows; ++i, weight.data += weight.stride)
        for_wide(weight.data, columns, [&](int g, Index, Vec<double> w) {
            squares[g] = fma(w, w, squares[g]);
            if (l1 != 0) sizes[g] += select<double>(w < Vec<double>{}, -w, w);
        });
    return l2 * fold<double>(squares) + l1 * fold<double>(sizes);
}

template <class T> double squares(MatrixView<const T> gradient, Index rows, Index columns, T clip) {
    Vec<double> sums[group<double>] = {};
    for (Index i = 0; i < rows; ++i, gradient.data += gradient.stride)
        for_wide(gradient.data, columns, [&](int g, Index, Vec<double> v) {
            v = clamped<double>(v, double(clip));
            sums[g] = fma(v, v, sums[g]);
        });
    return fold<double>(sums);
}

// A cache line of columns at a time, twice: to add up their squares, row by row, and to scale them.
template <class T> void constrain(MatrixView<T> weight, Index rows, Index columns, double limit) {
    for (Index j = 0; j < columns; j += group_lanes<T>) {
        const Index n = smaller(group_lanes<T>, columns - j);
        Vec<double> sums[group_lanes<T> / lanes<double>] = {};
        for (Index i = 0; i < rows; ++i)
            for_wide<T>(weight.data + i * weight.stride + j, n, [&](int, Index k, Vec<double> w) {
                Vec<double>& sum = sums[k / lanes<double>];
                sum = fma(w, w, sum);
            });
        double sizes[group_lanes<T>];
        __builtin_memcpy(sizes, sums, sizeof sizes);
        T factors[group_lanes<T>];
        bool any = false;
        for (Index k = 0; k < group_lanes<T>; ++k) {
            const double size = __builtin_sqrt(sizes[k]);
            factors[k] = size > limit ? T(limit / size) : T(1);
            any |= size > limit;
        }
        for (Index i = 0; any && i < rows; ++i) {
            T* const w = weight.data + i * weight.stride + j;
            multiply(w, factors, w, n);
        }
    }
}

} // namespace
} // namespace steepest
