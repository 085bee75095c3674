// Compute: value and gradient of a loss, a row of scores at a time.
#pragma once

#include "kernels/gemm/blocks.hpp"
#include "kernels/gemm/pack.hpp"
#include "kernels/losses/target_losses.hpp"
#include "kernels/rows/elementwise.hpp"

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

template <class T> void softmax(MatrixView<const T> x, MatrixView<T> y, Index rows, Index columns) {
    for (Index i = 0; i < rows; ++i, x.data += x.stride, y.data += y.stride) {
        const Vec<T> sum = broadcast(exponentials(x.data, largest(x.data, columns), y.data, columns));
        map<T>(columns, [=](Vec<T> e) { return e / sum; }, y.data, y.data);
    }
}

// The sum of top - row, top the largest of the row.
template <class T> STEEPEST_INLINE T distances(const T* row, T top, Index n) {
    Vec<T> sums[group<T>] = {};
    for_groups<T>(n, [&](int g, Index j, auto... tail) {
        Vec<T> v = broadcast(top) - load(row + j, tail...);
        if constexpr (sizeof...(tail)) v = within<T>(tail..., v, Vec<T>{});
        sums[g] += v;
    });
    return fold<T>(sums);
}

// -sum over classes of target * log softmax(row), where each class has a target of smoothing / n and the
// label 1 - smoothing more; gradient (softmax(row) - target) * scale. Without smoothing, -log
// softmax(row)[label].
template <class T> T softmax_row(const T* row, Index label, T smoothing, T scale, T* gradient, Index n) {
    const T top = largest(row, n), own = 1 - smoothing, each = smoothing / T(n);
    T below_top = own * (top - row[label]);
    if (smoothing != 0) below_top += each * distances(row, top, n); // 0 * infinity would be NaN
    const T sum = exponentials(row, top, gradient, n);
    const Vec<T> factor = broadcast(scale / sum), others = broadcast(each * scale);
    map<T>(n, [=](Vec<T> e) { return e * factor - others; }, gradient, gradient);
    gradient[label] -= own * scale;
    return vlog<T>(broadcast(sum))[0] + below_top;
}

// The same for `lanes` rows of fewer classes than a cache line holds, or for fewer rows: a lane each. Writes
// `loss`, not yet weighted.
template <class T>
void narrow_softmax_rows(MatrixView<const T> rows, const std::int64_t* labels, T smoothing, const T* scale,
                         MatrixView<T> gradient, Index count, Index n, T* loss) {
    const T own = 1 - smoothing, each = smoothing / T(n);
    T column[group_lanes<T> * lanes<T>] = {}, top_lanes[lanes<T>];
    transpose_rows(rows, n, count, column, lanes<T>);
    Vec<T> top = load(column), sum = {}, distance = {};
    for (Index c = 1; c < n; ++c) top = maximum(top, load(column + c * lanes<T>));
    for (Index c = 0; c < n; ++c) {
        const Vec<T> below = load(column + c * lanes<T>) - top, e = vexp<T>(below);
        distance -= below;
        store(column + c * lanes<T>, e);
        sum += e;
    }
    const Vec<T> factor = load(scale) / sum, others = load(scale) * broadcast(each);
    for (Index c = 0; c < n; ++c) store(column + c * lanes<T>, load(column + c * lanes<T>) * factor - others);
    store(top_lanes, top);
    Vec<T> log_sum = vlog<T>(sum);
    if (smoothing != 0) log_sum += broadcast(each) * distance;
    store(loss, log_sum);
    for (Index i = 0; i < count; ++i)
        loss[i] += own * (top_lanes[i] - rows.data[i * rows.stride + labels[i]]);
    transpose_rows(MatrixView<const T>{column, lanes<T>}, count, n, gradient.data, gradient.stride);
    for (Index i = 0; i < count; ++i) gradient.data[i * gradient.stride + labels[i]] -= own * scale[i];
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

template <class T> T loss_row(const LossRows<T>& l, Index i, T scale) {
    const T* row = l.scores.data + i * l.scores.stride;
    const T* target = l.targets.data + i * l.targets.stride;
    T* gradient = l.gradient.data + i * l.gradient.stride;
    switch (l.kind) {
    case LossKind::softmax:
        return softmax_row(row, l.labels[i], l.parameter, scale, gradient, l.classes);
    case LossKind::hinge:
    case LossKind::squared_hinge:
        return hinge_row(row, l.labels[i], l.parameter, l.kind == LossKind::squared_hinge, scale, gradient,
                         l.classes);
    case LossKind::absolute_error:
        return absolute_error_row(row, target, scale, gradient, l.classes);
    case LossKind::huber:
        return huber_row(row, target, l.parameter, scale, gradient, l.classes);
    case LossKind::binary_cross_entropy:
        return binary_cross_entropy_row(row, target, scale, gradient, l.classes);
    case LossKind::poisson:
        return poisson_row(row, target, scale, gradient, l.classes);
    case LossKind::squared_error:
    case LossKind::custom: // never comes here
        break;
    }
    return squared_error_row(row, target, l.parameter, scale, gradient, l.classes);
}

template <class T> STEEPEST_INLINE T weight_of(const LossRows<T>& l, Index i) {
    return l.weight ? l.weight[i] : T(1);
}

// Losses with an exponential for each score, of few scores a row.
template <class T> void narrow_loss(const LossRows<T>& l) {
    for (Index first = 0; first < l.rows; first += lanes<T>) {
        const Index count = smaller(lanes<T>, l.rows - first);
        const MatrixView<const T> scores = at(l.scores, first, 0);
        const MatrixView<T> gradient = at(l.gradient, first, 0);
        T scale[lanes<T>] = {}, loss[lanes<T>];
        for (Index i = 0; i < count; ++i) scale[i] = T(double(weight_of(l, first + i)) * l.scale);
        if (l.kind == LossKind::binary_cross_entropy)
            narrow_binary_rows<T>(scores, at(l.targets, first, 0), scale, gradient, count, l.classes, loss);
        else
            narrow_softmax_rows<T>(scores, l.labels + first, l.parameter, scale, gradient, count, l.classes,
                                   loss);
        for (Index i = 0; i < count; ++i)
            l.value[first + i] = double(weight_of(l, first + i)) * double(loss[i]);
    }
}

template <class T> void loss(const LossRows<T>& l) {
    const bool narrow = (l.kind == LossKind::softmax || l.kind == LossKind::binary_cross_entropy) &&
                        l.classes < narrow_outputs<T>;
    if (narrow) narrow_loss(l);
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
