// Compute: value and gradient of a loss, a row of scores at a time.
#pragma once

#include "elementwise.hpp"

namespace steepest {
namespace {

template <class T> constexpr T infinity = T(__builtin_huge_val());

template <class T> STEEPEST_INLINE T largest(const T* row, Index n) {
    Vec<T> top = broadcast(-infinity<T>);
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

template <class T> void softmax(Rows<const T> x, Rows<T> y, Index rows, Index columns) {
    for (Index i = 0; i < rows; ++i, x.data += x.stride, y.data += y.stride) {
        const Vec<T> sum = broadcast(exponentials(x.data, largest(x.data, columns), y.data, columns));
        map<T>(columns, [=](Vec<T> e) { return e / sum; }, y.data, y.data);
    }
}

// -log softmax(row)[label]; gradient (softmax(row) - onehot(label)) * scale
template <class T> T softmax_row(const T* row, Index label, T scale, T* gradient, Index n) {
    const T top = largest(row, n), below_top = top - row[label];
    const T sum = exponentials(row, top, gradient, n);
    const Vec<T> factor = broadcast(scale / sum);
    map<T>(n, [=](Vec<T> e) { return e * factor; }, gradient, gradient);
    gradient[label] -= scale;
    return vlog<T>(broadcast(sum))[0] + below_top;
}

// sum over j != label of max(0, row[j] - row[label] + margin), or of its square
template <class T>
T hinge_row(const T* row, Index label, T margin, bool squared, T scale, T* gradient, Index n) {
    const Vec<T> own = broadcast(row[label]), gap = broadcast(margin),
                 slope = broadcast(squared ? 2 * scale : scale);
    IntVec<T> lane;
    for (int i = 0; i < lanes<T>; ++i) lane[i] = i;
    Vec<T> values[group<T>] = {}, slopes[group<T>] = {};
    for_groups<T>(n, [&](int g, Index j, auto... tail) {
        const Vec<T> zero = {};
        Vec<T> over = (load(row + j, tail...) - own) + gap;
        over = select<T>(lane == decltype(lane[0] + 0)(label - j), zero, maximum(zero, over));
        if constexpr (sizeof...(tail)) over = within<T>(tail..., over, zero);
        const Vec<T> active = squared ? over : select<T>(over > zero, broadcast(T(1)), over);
        values[g] = values[g] + (squared ? over * over : over);
        slopes[g] = slopes[g] + active;
        store(gradient + j, active * slope, tail...);
    });
    gradient[label] = -(fold<T>(slopes) * slope[0]);
    return fold<T>(values);
}

// sum of (row - target)^2
template <class T> T squared_error_row(const T* row, const T* target, T scale, T* gradient, Index n) {
    const Vec<T> slope = broadcast(2 * scale);
    Vec<T> values[group<T>] = {};
    for_groups<T>(n, [&](int g, Index j, auto... tail) {
        const Vec<T> error = load(row + j, tail...) - load(target + j, tail...);
        values[g] = fma(error, error, values[g]);
        store(gradient + j, error * slope, tail...);
    });
    return fold<T>(values);
}

template <class T> T loss_row(const LossRows<T>& l, Index i, T scale) {
    const T* row = l.scores.data + i * l.scores.stride;
    T* gradient = l.gradient.data + i * l.gradient.stride;
    switch (l.kind) {
    case LossKind::softmax:
        return softmax_row(row, l.labels[i], scale, gradient, l.classes);
    case LossKind::hinge:
    case LossKind::squared_hinge:
        return hinge_row(row, l.labels[i], l.margin, l.kind == LossKind::squared_hinge, scale, gradient,
                         l.classes);
    case LossKind::squared_error:
        break;
    }
    return squared_error_row(row, l.targets.data + i * l.targets.stride, scale, gradient, l.classes);
}

template <class T> void loss(const LossRows<T>& l) {
    for (Index i = 0; i < l.rows; ++i) {
        const T weight = l.weight ? l.weight[i] : T(1);
        if (weight == 0) {
            __builtin_memset(l.gradient.data + i * l.gradient.stride, 0, std::size_t(l.classes) * sizeof(T));
            l.value[i] = 0;
        } else {
            l.value[i] = double(weight) * double(loss_row(l, i, T(double(weight) * l.scale)));
        }
    }
}

} // namespace
} // namespace steepest
