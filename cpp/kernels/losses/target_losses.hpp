// Compute: losses that compare each output of a row with its target and sum over the outputs.
#pragma once

#include "kernels/rows/elementwise.hpp"

namespace steepest {
namespace {

// compare(score, target, sum) adds the losses of a vector of outputs to `sum` and returns their gradient.
template <class T, class F>
STEEPEST_INLINE T compared_row(const T* row, const T* target, T* gradient, Index n, F compare) {
    Vec<T> sums[group<T>] = {};
    for_groups<T>(n, [&](int g, Index j, auto... tail) __attribute__((always_inline)) {
        [[maybe_unused]] const Vec<T> before = sums[g];
        store(gradient + j, compare(load(row + j, tail...), load(target + j, tail...), sums[g]), tail...);
        if constexpr (sizeof...(tail)) sums[g] = within<T>(tail..., sums[g], before);
    });
    return fold<T>(sums);
}

// factor * sum of (row - target)^2
template <class T>
T squared_error_row(const T* row, const T* target, T factor, T scale, T* gradient, Index n) {
    const Vec<T> slope = broadcast(2 * factor * scale);
    return factor * compared_row(row, target, gradient, n,
                                 [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
                                     const Vec<T> error = s - t;
                                     sum = fma(error, error, sum);
                                     return error * slope;
                                 });
}

// sum of |row - target|; the slope at 0 is 0, and NaN stays NaN
template <class T> T absolute_error_row(const T* row, const T* target, T scale, T* gradient, Index n) {
    const Vec<T> up = broadcast(scale), zero = {};
    return compared_row(row, target, gradient, n,
                        [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
                            const Vec<T> error = s - t;
                            sum -= minus_abs<T>(error);
                            return select<T>(error > zero, up, select<T>(error < zero, -up, error));
                        });
}

// sum of e^2 / 2 where |e| <= delta, delta (|e| - delta / 2) beyond, for e = row - target: both are
// c (e - c / 2) with e clipped to c, which is the slope too
template <class T> T huber_row(const T* row, const T* target, T delta, T scale, T* gradient, Index n) {
    const Vec<T> slope = broadcast(scale), limit = broadcast(delta), half = broadcast(T(0.5));
    return compared_row(row, target, gradient, n,
                        [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
                            const Vec<T> error = s - t, clipped = minimum(limit, maximum(-limit, error));
                            sum = fma(clipped, error - half * clipped, sum);
                            return clipped * slope;
                        });
}

// sum of exp(s) - s t + t log t - t, half the deviance of a Poisson distribution of mean exp(s); 0 log 0 is 0
template <class T> T poisson_row(const T* row, const T* target, T scale, T* gradient, Index n) {
    const Vec<T> slope = broadcast(scale), zero = {};
    return compared_row(row, target, gradient, n,
                        [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
                            const Vec<T> mean = vexp<T>(s);
                            const Vec<T> entropy = select<T>(t > zero, fma(t, vlog<T>(t), -t), -t);
                            sum += mean + fma(-s, t, entropy);
                            return (mean - t) * slope;
                        });
}

// Adds max(s, 0) - s t + log(1 + exp(-|s|)) to `sum`, and returns sigmoid(s) - t. The last term is within 2
// ULP in 30,000 arguments of either type.
template <class T> STEEPEST_INLINE Vec<T> binary_cross_entropy(Vec<T> s, Vec<T> t, Vec<T>& sum) {
    const Vec<T> zero = {}, one = broadcast(T(1));
    const Vec<T> e = exp_in_range<T>(maximum(broadcast(Format<T>::exp_is_zero), minus_abs<T>(s)));
    sum += fma(-s, t, maximum(zero, s)) + vlog1p<T>(e);
    return select<T>(s < zero, e, one) / (one + e) - t;
}

template <class T> T binary_cross_entropy_row(const T* row, const T* target, T scale, T* gradient, Index n) {
    const Vec<T> slope = broadcast(scale);
    return compared_row(row, target, gradient, n,
                        [=](Vec<T> s, Vec<T> t, Vec<T>& sum) __attribute__((always_inline)) {
                            return binary_cross_entropy<T>(s, t, sum) * slope;
                        });
}

// The same for `lanes` rows of fewer outputs than a cache line holds, or for fewer rows, put together. Writes
// `loss`, not yet weighted.
template <class T>
void narrow_binary_rows(MatrixView<const T> rows, MatrixView<const T> targets, const T* scale,
                        MatrixView<T> gradient, Index count, Index n, T* loss) {
    T score[group_lanes<T> * lanes<T>] = {}, target[group_lanes<T> * lanes<T>] = {};
    for (Index i = 0; i < count; ++i)
        for (Index c = 0; c < n; ++c) {
            score[i * n + c] = rows.data[i * rows.stride + c];
            target[i * n + c] = targets.data[i * targets.stride + c];
        }
    for (Index j = 0; j < count * n; j += lanes<T>) {
        Vec<T> value = {};
        store(score + j, binary_cross_entropy<T>(load(score + j), load(target + j), value));
        store(target + j, value);
    }
    for (Index i = 0; i < count; ++i) {
        loss[i] = 0;
        for (Index c = 0; c < n; ++c) {
            loss[i] += target[i * n + c];
            gradient.data[i * gradient.stride + c] = score[i * n + c] * scale[i];
        }
    }
}

} // namespace
} // namespace steepest
