// Compute: value and gradient of a loss, a row of scores at a time.
#pragma once

#include "blocks.hpp"
#include "elementwise.hpp"
#include "pack.hpp"

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

// The same for `lanes` rows of fewer classes than a cache line holds, or for fewer rows: a lane each. Writes
// `loss`, not yet weighted.
template <class T>
void narrow_softmax_rows(Rows<const T> rows, const std::int64_t* labels, const T* scale, Rows<T> gradient,
                         Index count, Index n, T* loss) {
    T column[group_lanes<T> * lanes<T>] = {}, top_lanes[lanes<T>];
    transpose_rows(rows, n, count, column, lanes<T>);
    Vec<T> top = load(column), sum = {};
    for (Index c = 1; c < n; ++c) top = maximum(top, load(column + c * lanes<T>));
    for (Index c = 0; c < n; ++c) {
        const Vec<T> e = vexp<T>(load(column + c * lanes<T>) - top);
        store(column + c * lanes<T>, e);
        sum += e;
    }
    const Vec<T> factor = load(scale) / sum;
    for (Index c = 0; c < n; ++c) store(column + c * lanes<T>, load(column + c * lanes<T>) * factor);
    store(top_lanes, top);
    store(loss, vlog<T>(sum));
    for (Index i = 0; i < count; ++i) loss[i] += top_lanes[i] - rows.data[i * rows.stride + labels[i]];
    transpose_rows(Rows<const T>{column, lanes<T>}, count, n, gradient.data, gradient.stride);
    for (Index i = 0; i < count; ++i) gradient.data[i * gradient.stride + labels[i]] -= scale[i];
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

template <class T> STEEPEST_INLINE T weight_of(const LossRows<T>& l, Index i) {
    return l.weight ? l.weight[i] : T(1);
}

template <class T> void narrow_softmax(const LossRows<T>& l) {
    for (Index first = 0; first < l.rows; first += lanes<T>) {
        const Index count = smaller(lanes<T>, l.rows - first);
        T scale[lanes<T>] = {}, loss[lanes<T>];
        for (Index i = 0; i < count; ++i) scale[i] = T(double(weight_of(l, first + i)) * l.scale);
        narrow_softmax_rows<T>(at(l.scores, first, 0), l.labels + first, scale, at(l.gradient, first, 0),
                               count, l.classes, loss);
        for (Index i = 0; i < count; ++i)
            l.value[first + i] = double(weight_of(l, first + i)) * double(loss[i]);
    }
}

template <class T> void loss(const LossRows<T>& l) {
    const bool narrow = l.kind == LossKind::softmax && l.classes < narrow_outputs<T>;
    if (narrow) narrow_softmax(l);
    for (Index i = 0; i < l.rows; ++i) {
        const T weight = weight_of(l, i);
        if (weight == 0) {
            __builtin_memset(l.gradient.data + i * l.gradient.stride, 0, std::size_t(l.classes) * sizeof(T));
            l.value[i] = 0;
        } else if (!narrow) {
            l.value[i] = double(weight) * double(loss_row(l, i, T(double(weight) * l.scale)));
        }
    }
}

} // namespace
} // namespace steepest
